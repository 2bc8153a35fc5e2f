#include "io/aside.h"

#include "base/mem.h"
#include "io/pipe.h"
#include "io/signals.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct aside {
    struct aside_config config;
    pid_t pid;
    struct pipe *in;
    char line[ASIDE_LINE];
    size_t len;
};

/* What others wait for the end of is not held open here. The numbers stay taken: libuv closes some
 * of them in children of ours. */
static void let_go(int null, int keep)
{
    DIR *all = opendir("/proc/self/fd");
    struct dirent *d;
    while (all && (d = readdir(all))) {
        int n = (int)strtol(d->d_name, NULL, 10); /* 0 for "." */
        if (n > STDERR_FILENO && n != keep && n != null && n != dirfd(all))
            dup3(null, n, O_CLOEXEC);
    }
    if (all)
        closedir(all);
}

static _Noreturn void run_child(const struct aside_config *c, int fd, pid_t parent)
{
    setpgid(0, 0); /* with its own children */
    signals_reset();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || getppid() != parent)
        _exit(1);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    let_go(null, fd);
    _exit(c->work(c->arg, fd) ? 0 : 1);
}

static void tell_line(struct aside *a)
{
    a->line[a->len] = 0;
    a->len = 0;
    if (a->config.line)
        a->config.line(a->config.ctx, a->line);
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct aside *a = ctx;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n')
            tell_line(a);
        else if (a->len + 1 < sizeof a->line)
            a->line[a->len++] = (char)bytes[i];
    }
}

/* It has closed its end, which it does by ending: the wait is no wait. */
static void on_eof(void *ctx)
{
    struct aside *a = ctx;
    struct aside_config c = a->config;
    int how = 0;
    if (a->len)
        tell_line(a);
    pid_t got;
    while ((got = waitpid(a->pid, &how, 0)) < 0 && errno == EINTR)
        ;
    a->pid = 0;
    aside_free(a);
    c.done(c.ctx, got > 0 && WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static void on_failed(void *ctx, int sys_errno)
{
    (void)sys_errno;
    on_eof(ctx);
}

int aside_new(struct loop *l, const struct aside_config *c, struct aside **out)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC))
        return ERR_SYS;
    struct aside *a = mem_new(1, sizeof *a);
    pid_t parent = getpid();
    a->config = *c;
    a->pid = fork();
    if (a->pid == 0)
        run_child(c, fds[1], parent);
    close(fds[1]);
    struct pipe_ops ops = {.data = on_data, .eof = on_eof, .failed = on_failed, .ctx = a};
    int err = a->pid < 0 ? ERR_SYS
                         : pipe_new(l, fds[0], -1, PIPE_OWN_IN | PIPE_KEEP_FILE, 0, &ops, &a->in);
    if (!err) {
        *out = a;
        return ERR_OK;
    }
    int e = errno;
    close(fds[0]);
    aside_free(a);
    errno = e;
    return ERR_SYS;
}

pid_t aside_pid(const struct aside *a)
{
    return a->pid;
}

void aside_free(struct aside *a)
{
    if (!a)
        return;
    if (a->pid > 0) {
        kill(-a->pid, SIGKILL);
        kill(a->pid, SIGKILL); /* it has only just begun */
        while (waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    pipe_free(a->in);
    free(a);
}
