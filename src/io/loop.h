/* The event loop: libuv's, with time that counts sleep, deadlines that a suspended laptop keeps,
 * watched file descriptors and calls for later. One loop, one thread.
 *
 * libuv closes its handles in a later turn; objects here may be freed at any time, also from within
 * their own callback, and are never called afterwards. */
#ifndef TERN_IO_LOOP_H
#define TERN_IO_LOOP_H

#include "base/err.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

#define TIME_NEVER UINT64_MAX

/* NULL with errno set when the system has no more descriptors. SIGPIPE is ignored from here on: a
 * broken pipe is an error of the write. */
struct loop *loop_new(void);
/* Everything made on the loop (watches, timers, sockets, ...) must be freed before. */
void loop_free(struct loop *l);

/* Turn until loop_stop, or until nothing is left that could happen. */
void loop_run(struct loop *l);
/* One turn; waits for an event if `wait`. Returns false when nothing is left that could happen. */
bool loop_turn(struct loop *l, bool wait);
void loop_stop(struct loop *l);

/* Microseconds of CLOCK_BOOTTIME (time asleep counts), sampled once per wake-up: all that happens
 * in one turn happens at one time. Never goes back. */
uint64_t loop_now_us(struct loop *l);
/* The clock itself, for measuring and for use outside a loop. */
uint64_t clock_boot_us(void);

/* In a child of fork() that goes on with the loop; its kernel objects are made anew, so that the
 * parent's closing does not touch them. */
int MUST_USE loop_forked(struct loop *l);

/* A one-shot deadline, embedded in its owner. */
struct timer {
    void (*fire)(void *ctx);
    void *ctx;
    struct loop *loop;
    struct list node; /* in the loop, by deadline */
    uint64_t deadline_us;
};
void timer_init(struct timer *t, struct loop *l, void (*fire)(void *ctx), void *ctx);
/* Fire once when loop_now_us() >= deadline_us; replaces an earlier deadline. TIME_NEVER clears. */
void timer_set(struct timer *t, uint64_t deadline_us);
void timer_clear(struct timer *t);

/* A call before the loop sleeps next, embedded in its owner; asking twice is calling once. A call
 * asked for by such a call is made in the next turn. */
struct later {
    void (*call)(void *ctx);
    void *ctx;
    struct loop *loop;
    struct list node;
};
void later_init(struct later *d, struct loop *l, void (*call)(void *ctx), void *ctx);
void later_set(struct later *d);
void later_clear(struct later *d);

/* A watched descriptor. events: WATCH_IN, WATCH_OUT; WATCH_HUP: the peer of a socket has
 * closed; an error is told as WATCH_HUP whatever was asked for. Level triggered. The descriptor
 * stays the caller's, who closes it after watch_free; the flag O_NONBLOCK is set on its open file
 * (which is shared with whoever inherited it: see pipe.h). */
enum { WATCH_IN = 1, WATCH_OUT = 2, WATCH_HUP = 4 };
struct watch;
/* ERR_SYS: with errno EPERM when the file cannot be polled (regular files, /dev/null). */
int MUST_USE watch_new(struct loop *l, int fd, void (*ready)(void *ctx, int events), void *ctx,
                       struct watch **out);
void watch_set(struct watch *w, int events); /* 0: none */
void watch_free(struct watch *w);            /* NULL is allowed */

#endif
