/* What proc.c and pty.c share. */
#ifndef TERN_IO_PROC_IMPL_H
#define TERN_IO_PROC_IMPL_H

#include "io/proc.h"

/* Before fork: SIGCHLD is listened to. */
int MUST_USE proc_prepare(struct loop *l);
/* fork() with all signals blocked in the child until child_exec, so that none runs a handler of
 * the loop there. */
pid_t proc_fork(void);
/* Reap pid, tell exited. err_fd: read end of the pipe on which child_exec reports, owned. */
struct proc *proc_adopt(struct loop *l, pid_t pid, int err_fd,
                        void (*exited)(void *ctx, const struct proc_exit *e), void *ctx);

struct child {
    int fds[3];  /* become 0, 1, 2 */
    int give_fd; /* > 2: kept open; else nothing else is */
    int err_fd;  /* close-on-exec: errno goes there if the program cannot be executed */
    bool say;    /* and a line to fd 2 */
    const char *file, *cwd;
    const char *const *argv, *const *env;
};
/* In the child, after fork: everything up to exec. */
_Noreturn void child_exec(const struct child *c);

#endif
