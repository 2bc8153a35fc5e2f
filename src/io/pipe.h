/* A byte stream over any descriptor (pipe, socket, tty, file, /dev/null): non-blocking reads handed
 * to the owner, a bounded queue of bytes to write.
 *
 * O_NONBLOCK belongs to the open file, which the parent shell may share (its tty!): pipes, FIFOs
 * and ttys are therefore opened anew through /proc/self/fd; where that cannot be (sockets), the
 * flags are put back by pipe_free. */
#ifndef TERN_IO_PIPE_H
#define TERN_IO_PIPE_H

#include "io/loop.h"

#include <stddef.h>

#define PIPE_READ 16384 /* most bytes handed over per turn, unless the owner has space for more */
#define PIPE_SIZE (256u << 10) /* see pipe_grow */

struct pipe;

/* Any may be NULL. The pipe may be freed from within each. */
struct pipe_ops {
    void (*data)(void *ctx, const uint8_t *bytes, size_t len); /* valid during the call */
    /* Where much that waits is to be read into, *len bytes of it at most: `data` follows with it,
     * or nothing was there. Asked only after a read of PIPE_READ; NULL: none, or little, as else.
     */
    uint8_t *(*space)(void *ctx, size_t *len);
    void (*eof)(void *ctx);      /* nothing more will come; writing may still work */
    void (*writable)(void *ctx); /* after a short write: the queue is at most half full again */
    void (*drained)(void *ctx);  /* the queue became empty */
    void (*failed)(void *ctx, int sys_errno); /* reading or writing broke; nothing more will come */
    void *ctx;
};

enum {
    PIPE_OWN_IN = 1,    /* close `in` in the end (now, if it is opened anew) */
    PIPE_OWN_OUT = 2,   /* the same for `out` */
    PIPE_PAUSED = 4,    /* do not read before pipe_read(p, true) */
    PIPE_KEEP_FILE = 8, /* ours alone: set O_NONBLOCK on it, do not open it anew */
    PIPE_RESETS = 16,   /* a connection that was reset has failed, not ended */
};
#define PIPE_OWN (PIPE_OWN_IN | PIPE_OWN_OUT | PIPE_KEEP_FILE)

/* in or out may be -1, or both the same. cap: most bytes queued for writing; 0: none are,
 * pipe_write takes what the kernel takes and `writable` tells when it takes more. ERR_SYS: errno.
 */
int MUST_USE pipe_new(struct loop *l, int in, int out, int flags, size_t cap,
                      const struct pipe_ops *ops, struct pipe **out_pipe);
/* Let the kernel hold PIPE_SIZE bytes of a pipe, where it lets us: fewer wake-ups for bulk. Nothing
 * happens to other descriptors. */
void pipe_grow(int fd);
/* Drops what is queued; restores and closes. NULL is allowed. */
void pipe_free(struct pipe *p);

/* Take up to len bytes; returns how many (0 after an error or pipe_end). Written at once as far as
 * the kernel takes them. */
size_t pipe_write(struct pipe *p, const void *bytes, size_t len);
/* All or nothing: true if taken. */
bool pipe_write_all(struct pipe *p, const void *bytes, size_t len);
size_t pipe_queued(const struct pipe *p);
size_t pipe_room(const struct pipe *p);
void pipe_read(struct pipe *p, bool on);
/* No more writes: when the queue is empty the write side is closed (shutdown on a socket). */
void pipe_end(struct pipe *p);
/* Before leaving: write what is queued, waiting at most that long. True if all went out. */
bool pipe_flush(struct pipe *p, uint64_t wait_us);
/* The descriptor in use for writing, or -1: for ioctl, SO_PEERCRED. Stays the pipe's. */
int pipe_out_fd(const struct pipe *p);

#endif
