/* A program on a pseudo terminal. */
#ifndef TERN_IO_PTY_H
#define TERN_IO_PTY_H

#include "io/proc.h"
#include "io/size.h"

#include <stddef.h>

#define PTY_READ 16384 /* most bytes handed over per turn (mosh-protocol.md §1.2) */

struct pty;

struct pty_ops {
    void (*data)(void *ctx, const uint8_t *bytes, size_t len); /* what the program printed */
    void (*writable)(void *ctx);                               /* after a short write: try again */
    /* Told once and last: the program ended and all that it printed was handed over. Programs that
     * it left behind may still hold the terminal; they get SIGHUP with pty_free. */
    void (*exited)(void *ctx, const struct proc_exit *e);
    void *ctx;
};

struct pty_config {
    const char *file;        /* looked up in the PATH of env if it has no slash */
    const char *const *argv; /* argv[0] "-bash" makes a login shell */
    const char *const *env;  /* the whole environment, NULL-terminated "NAME=value" */
    const char *name_var;    /* variable that shall hold the terminal's name: "SSH_TTY"; or NULL */
    const char *cwd;         /* entered if possible, else "/" */
    struct tty_size size;    /* 0 becomes 80x24 */
};

/* ERR_SYS: errno. A program that cannot be executed is told by exited, with status 127 and
 * exec_errno (and a line on its own terminal). */
int MUST_USE pty_new(struct loop *l, const struct pty_config *c, const struct pty_ops *ops,
                     struct pty **out);
/* Hangs up (the kernel sends SIGHUP to the foreground processes). NULL is allowed. */
void pty_free(struct pty *p);

/* Takes what the kernel takes at once, 0..len: never waits, never queues (the owner keeps the
 * rest and hears `writable`). Returns len as if all was taken once the program is gone. */
size_t pty_write(struct pty *p, const void *bytes, size_t len);
void pty_resize(struct pty *p, const struct tty_size *size); /* SIGWINCH comes from the kernel */
void pty_read(struct pty *p, bool on);                       /* false: let the program wait */
/* The line discipline as the program has it now. False when it cannot be read. */
bool pty_modes(struct pty *p, bool *echo, bool *canonical);
/* SIGHUP (and SIGCONT) to the program's process group, as a closed window would do. */
void pty_hangup(struct pty *p);
pid_t pty_pid(const struct pty *p); /* 0 once it ended */
/* "/dev/pts/3", or "" */
const char *pty_name(const struct pty *p);
int pty_master(const struct pty *p); /* stays the pty's */

#endif
