/* A user's terminal: raw mode, size, bytes, and giving it back on every way out. */
#ifndef TERN_IO_TTY_H
#define TERN_IO_TTY_H

#include "io/loop.h"
#include "io/size.h"

#include <stddef.h>

struct tty;

#define TTY_QUEUE 262144 /* most bytes that wait to be written */

/* The tty may be freed from within each. */
struct tty_ops {
    void (*data)(void *ctx, const uint8_t *bytes, size_t len);
    void (*resized)(void *ctx, const struct tty_size *size); /* SIGWINCH, with the new size */
    void (*resumed)(void *ctx);  /* SIGCONT after a stop; raw mode is on again, repaint */
    void (*writable)(void *ctx); /* the queue became empty, or is no longer over half full */
    void (*stop)(void *ctx);     /* SIGTSTP from outside: undo what was drawn, then tty_suspend;
                                  * NULL: tty_suspend is called */
    void (*lost)(void *ctx);     /* end of file, hang-up, error: the terminal is gone */
    void *ctx;
};

/* in and out name one terminal (usually fds 0 and 1, or two passed ones); both are opened anew with
 * O_NONBLOCK|O_NOCTTY and stay the caller's (out until tty_free). `own`: it is the terminal of this
 * process: listen to SIGWINCH, SIGCONT and SIGTSTP. Else it is somebody else's: its modes are never
 * set (tty_raw and tty_suspend are not for it), nothing waits for it, and who passed it tells when
 * tty_size may be another. ERR_STATE if `in` or `out` is no terminal; ERR_SYS. Nothing is changed
 * before tty_raw. */
int MUST_USE tty_new(struct loop *l, int in, int out, bool own, const struct tty_ops *ops,
                     struct tty **out_tty);
/* Writes what is queued (waits at most a second), restores the modes; NULL is allowed. */
void tty_free(struct tty *t);

/* cfmakeraw with IUTF8 kept (mosh-protocol.md §11). The modes found at tty_new are kept. */
int MUST_USE tty_raw(struct tty *t);
void tty_cooked(struct tty *t); /* the modes as found; queued bytes are written before */
/* Takes up to len bytes, returns how many. */
size_t tty_write(struct tty *t, const void *bytes, size_t len);
size_t tty_queued(const struct tty *t);
size_t tty_room(const struct tty *t);
bool tty_flush(struct tty *t, uint64_t wait_us);
void tty_read(struct tty *t, bool on);

/* The current size; 80x24 when the terminal does not know. */
struct tty_size tty_size(const struct tty *t);

/* Stop this process group as ^Z would: flush, restore the modes, SIGSTOP; after SIGCONT raw again,
 * and `resumed` is called. Own ttys only. */
void tty_suspend(struct tty *t);

/* -- The guard: terminals are restored however the process ends. ----------------------------------
 *
 * From tty_raw (of an own one) or tty_new (of a passed one) to tty_free: exit(), SIGTERM, SIGHUP,
 * SIGINT, SIGQUIT, SIGALRM and the fatal ones (SEGV, BUS, ABRT, FPE, ILL, SYS, TRAP) write the
 * guard's bytes and put an own terminal's modes back before the process dies of the same signal. A
 * signals.h watch for one of them takes its place: the owner then leaves in an orderly way. */

#define TTY_GUARD_MAX 1024
#define TTY_GUARDS    128 /* terminals at one time; more have none */
/* Bytes that undo what was drawn and switched so far (may be set again at any time, also len 0);
 * longer ones are cut. Copied. */
void tty_guard_set(struct tty *t, const void *bytes, size_t len);
/* Restore now; async-signal-safe, does nothing the second time. */
void tty_guard_restore(void);

#endif
