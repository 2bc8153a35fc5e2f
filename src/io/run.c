#include "io/run.h"

#include "base/err.h"
#include "io/loop.h"
#include "io/proc_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t run_start(const struct run *r)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t pid = null < 0 ? -1 : proc_fork();
    if (pid == 0) {
        struct child child = {.give_fd = r->give_fd, .err_fd = null, .file = *r->argv};
        child.argv = r->argv;
        for (int i = 0; i < 3; i++)
            child.fds[i] = r->fds[i] < 0 ? null : r->fds[i];
        child_exec(&child);
    }
    int e = errno;
    if (null >= 0)
        close(null);
    errno = e;
    return pid;
}

static int left_ms(uint64_t end_us)
{
    uint64_t now = clock_boot_us();
    return now >= end_us ? 0 : (int)((end_us - now) / 1000 + 1);
}

bool run_wait(pid_t pid, uint64_t limit_us, int *status)
{
    uint64_t end_us = clock_boot_us() + limit_us;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    for (;;) {
        pid_t got = waitpid(pid, status, WNOHANG);
        int ms = left_ms(end_us);
        if (got == pid || (got < 0 && errno != EINTR) || !ms) {
            if (fd >= 0)
                close(fd);
            return got == pid;
        }
        /* A kernel without pidfds is asked again and again. */
        struct pollfd p = {.fd = fd, .events = POLLIN};
        poll(&p, 1, fd >= 0 || ms < 5 ? ms : 5);
    }
}

/* Until its end of file; a program that goes on with its stdout closed is waited for after that. */
static void read_all(int fd, uint64_t end_us, char *text, size_t size)
{
    size_t len = 0;
    char rest[512];
    for (int ms; (ms = left_ms(end_us)) > 0;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, ms) <= 0)
            continue;
        size_t room = size - 1 - len;
        ssize_t n = read(fd, room ? text + len : rest, room ? room : sizeof rest);
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        if (n > 0 && room)
            len += (size_t)n;
    }
    text[len] = 0;
}

int run_ask(const struct run *r, uint64_t limit_us, char *text, size_t size)
{
    struct run with = *r;
    int out[2] = {-1, -1}, status;
    uint64_t end_us = clock_boot_us() + limit_us;
    if (text) {
        if (pipe2(out, O_CLOEXEC))
            return ERR_SYS;
        with.fds[1] = out[1];
        *text = 0;
    }
    pid_t pid = run_start(&with);
    if (text) {
        close(out[1]);
        if (pid > 0)
            read_all(out[0], end_us, text, size);
        close(out[0]);
    }
    if (pid < 0)
        return ERR_SYS;
    uint64_t now = clock_boot_us();
    if (!run_wait(pid, end_us > now ? end_us - now : 0, &status)) {
        kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        return ERR_SYS;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : ERR_SYS;
}
