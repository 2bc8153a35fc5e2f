#include "io/proc.h"

#include "base/mem.h"
#include "io/harden.h"
#include "io/loop_impl.h"
#include "io/proc_impl.h"
#include "io/run.h"
#include "io/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct proc {
    struct loop *loop;
    struct list node; /* in the reaper; alone once it ended */
    pid_t pid;        /* 0: ended */
    int err_fd;
    bool forgotten;
    void (*exited)(void *ctx, const struct proc_exit *e);
    void *ctx;
};

/* One per loop while there are children: who waits for which. */
struct reaper {
    struct list procs;
    struct sigwatch *chld;
};

static void proc_release(struct proc *p)
{
    list_del(&p->node);
    if (p->err_fd >= 0)
        close(p->err_fd);
    free(p);
}

/* Somebody must still be told: the loop may not run dry. */
static void reaper_update(struct loop *l)
{
    bool keep = false;
    LIST_EACH(n, &l->reaper->procs)
    keep |= !LIST_ITEM(n, struct proc, node)->forgotten;
    sigwatch_keep(l->reaper->chld, keep);
}

static void tell(struct proc *p, int wait_status)
{
    struct proc_exit e = {0};
    int exec_errno = 0;
    if (WIFSIGNALED(wait_status))
        e.signal = WTERMSIG(wait_status);
    else
        e.status = WEXITSTATUS(wait_status);
    if (p->err_fd >= 0 && read(p->err_fd, &exec_errno, sizeof exec_errno) == sizeof exec_errno)
        e.exec_errno = exec_errno;
    if (p->err_fd >= 0)
        close(p->err_fd);
    p->err_fd = -1;
    p->pid = 0;
    if (p->forgotten)
        proc_release(p);
    else
        p->exited(p->ctx, &e); /* which may free p */
}

static void on_child(void *ctx, int signum)
{
    struct loop *l = ctx;
    /* exited() may start or forget processes: one at a time, from the start. */
    for (;;) {
        struct proc *found = NULL;
        int status = 0;
        LIST_EACH(n, &l->reaper->procs)
        {
            struct proc *p = LIST_ITEM(n, struct proc, node);
            if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
                found = p;
                break;
            }
        }
        if (!found)
            break;
        list_del(&found->node);
        tell(found, status);
    }
    reaper_update(l);
}

int proc_prepare(struct loop *l)
{
    if (l->reaper)
        return ERR_OK;
    struct reaper *r = mem_new(1, sizeof *r);
    list_init(&r->procs);
    int e = sigwatch_new(l, SIGCHLD, on_child, l, &r->chld);
    if (e) {
        free(r);
        return e;
    }
    l->reaper = r;
    return ERR_OK;
}

void reaper_free(struct loop *l)
{
    if (!l->reaper)
        return;
    LIST_EACH_SAFE(n, next, &l->reaper->procs)
    {
        struct proc *p = LIST_ITEM(n, struct proc, node);
        list_del(&p->node);
        if (p->forgotten)
            proc_release(p);
        else
            p->pid = 0; /* its owner still frees it, and hears no more */
    }
    sigwatch_free(l->reaper->chld);
    free(l->reaper);
    l->reaper = NULL;
}

struct proc *proc_adopt(struct loop *l, pid_t pid, int err_fd,
                        void (*exited)(void *ctx, const struct proc_exit *e), void *ctx)
{
    struct proc *p = mem_new(1, sizeof *p);
    BUG_ON(!l->reaper); /* proc_prepare comes before fork */
    *p = (struct proc){.loop = l, .pid = pid, .err_fd = err_fd, .exited = exited, .ctx = ctx};
    list_add_tail(&l->reaper->procs, &p->node);
    reaper_update(l);
    return p;
}

void proc_free(struct proc *p)
{
    if (!p)
        return;
    if (!p->pid) {
        list_init(&p->node);
        proc_release(p);
        return;
    }
    p->forgotten = true;
    reaper_update(p->loop);
}

bool proc_wait(struct proc *p, uint64_t limit_us)
{
    struct loop *l = p->loop;
    int status;
    if (p->pid && !run_wait(p->pid, limit_us, &status))
        return false;
    if (!p->pid)
        return true;
    list_del(&p->node);
    list_init(&p->node);
    tell(p, status);
    reaper_update(l);
    return true;
}

pid_t proc_pid(const struct proc *p)
{
    return p->pid;
}

void proc_kill(struct proc *p, int signal)
{
    if (p->pid)
        kill(p->pid, signal);
}

/* -- in the child -- */

/* Close everything from 3 on, but what is marked close-on-exec anyway and what is to be given. */
static void close_others(int give_fd, int err_fd)
{
    long max = sysconf(_SC_OPEN_MAX);
    if (give_fd <= 2 && close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
        return;
    for (int fd = 3; fd < max && fd < 4096; fd++)
        if (fd != give_fd)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static int place_fds(const struct child *c)
{
    int fds[3];
    /* First out of the way of each other. */
    for (int i = 0; i < 3; i++) {
        fds[i] = fcntl(c->fds[i], F_DUPFD_CLOEXEC, 3);
        if (fds[i] < 0)
            return -1;
    }
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            return -1;
    return 0;
}

void child_exec(const struct child *c)
{
    signals_reset();
    if (place_fds(c) == 0) {
        close_others(c->give_fd, c->err_fd);
        if (c->give_fd > 2)
            fcntl(c->give_fd, F_SETFD, 0);
        if (c->cwd && chdir(c->cwd) && chdir("/"))
            errno = 0;    /* then it stays where it is */
        harden_restore(); /* not before descriptors were moved: ours may be above that limit */
        if (c->env)
            environ = (char **)(uintptr_t)c->env;
        execvp(c->file, (char *const *)(uintptr_t)c->argv);
    }
    int e = errno;
    if (c->say)
        dprintf(2, "tern: cannot run %s: %s\r\n", c->file, strerror(e));
    if (write(c->err_fd, &e, sizeof e) < 0)
        _exit(126);
    _exit(127);
}

/* -- start -- */

pid_t proc_fork(void)
{
    sigset_t all, old;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    pid_t pid = fork();
    if (pid != 0)
        sigprocmask(SIG_SETMASK, &old, NULL);
    return pid;
}

static void close_pair(int fds[2])
{
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

struct pipes {
    int in[2], out[2], err[2];
};

static void pipes_close(struct pipes *f)
{
    int e = errno;
    close_pair(f->in);
    close_pair(f->out);
    close_pair(f->err);
    errno = e;
}

static int pipes_open(struct pipes *f, bool in, bool out)
{
    *f = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (in ? pipe2(f->in, O_CLOEXEC) : (f->in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        return ERR_SYS;
    if (out ? pipe2(f->out, O_CLOEXEC) : (f->out[1] = open("/dev/null", O_WRONLY | O_CLOEXEC)) < 0)
        return ERR_SYS;
    return pipe2(f->err, O_CLOEXEC | O_NONBLOCK) ? ERR_SYS : ERR_OK;
}

static _Noreturn void run_child(const struct proc_config *c, const struct pipes *f, pid_t parent)
{
    struct child child = {.fds = {f->in[0], f->out[1], 2},
                          .give_fd = c->give_fd,
                          .err_fd = f->err[1],
                          .file = c->file,
                          .cwd = c->cwd,
                          .argv = c->argv,
                          .env = c->env};
    if (c->stderr_null)
        child.fds[2] = open("/dev/null", O_WRONLY | O_CLOEXEC);
    else if (c->stderr_fd > 2)
        child.fds[2] = c->stderr_fd;
    if (c->new_session)
        setsid();
    if (c->dies_with_us && (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != parent))
        _exit(127);
    child_exec(&child);
}

int proc_new(struct loop *l, const struct proc_config *c, int *in, int *out, struct proc **out_proc)
{
    struct pipes f;
    if (proc_prepare(l))
        return ERR_SYS;
    if (pipes_open(&f, in != NULL, out != NULL)) {
        pipes_close(&f);
        return ERR_SYS;
    }
    pid_t own = getpid(), pid = proc_fork();
    if (pid < 0) {
        pipes_close(&f);
        return ERR_SYS;
    }
    if (pid == 0)
        run_child(c, &f, own);
    *out_proc = proc_adopt(l, pid, f.err[0], c->exited, c->ctx);
    f.err[0] = -1;
    if (in) {
        *in = f.in[1];
        f.in[1] = -1;
    }
    if (out) {
        *out = f.out[0];
        f.out[0] = -1;
    }
    pipes_close(&f);
    return ERR_OK;
}
