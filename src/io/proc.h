/* Processes: start one with pipes as its stdin and stdout, hear how it ended. pty.h starts those
 * that get a terminal. */
#ifndef TERN_IO_PROC_H
#define TERN_IO_PROC_H

#include "io/loop.h"

#include <sys/types.h>

struct proc;

/* How a process ended. */
struct proc_exit {
    int status;     /* exit status 0..255; 127 when it could not be started */
    int signal;     /* > 0: killed by that signal, status is 0 */
    int exec_errno; /* > 0: the program could not be executed, and why */
};

struct proc_config {
    const char *file;        /* looked up in PATH (the child's own, from env) if it has no slash */
    const char *const *argv; /* NULL-terminated, argv[0] included */
    const char *const *env;  /* NULL-terminated "NAME=value"; NULL: this process's */
    const char *cwd;         /* NULL: stay; one that cannot be entered: stay, or "/" */
    bool new_session;        /* setsid: no signals from the terminal of the caller */
    bool stderr_null;        /* else stderr is inherited */
    int stderr_fd;           /* > 2: becomes the child's stderr instead; stays the caller's */
    bool dies_with_us;       /* SIGTERM when this process ends, however it ends */
    int give_fd;             /* > 2: kept open in the child as that number; else nothing */
    void (*exited)(void *ctx, const struct proc_exit *e);
    void *ctx;
};

/* Starts it; *in and *out are our ends of its stdin and stdout (close-on-exec; the caller's), or -1
 * where the pointer is NULL (then it is /dev/null). ERR_SYS only when fork or pipe failed; a
 * program that cannot be executed is told by exited. */
int MUST_USE proc_new(struct loop *l, const struct proc_config *c, int *in, int *out,
                      struct proc **out_proc);
/* Forget it; it goes on, and is reaped. NULL is allowed. */
void proc_free(struct proc *p);
pid_t proc_pid(const struct proc *p); /* 0 once it ended */
/* Wait for its end outside the loop, at most limit_us; exited is told from here. False: it goes
 * on. */
bool proc_wait(struct proc *p, uint64_t limit_us);
/* Does nothing once it ended. */
void proc_kill(struct proc *p, int signal);

#endif
