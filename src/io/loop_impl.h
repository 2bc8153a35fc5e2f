/* What io's own files share of the loop. */
#ifndef TERN_IO_LOOP_IMPL_H
#define TERN_IO_LOOP_IMPL_H

#include "io/loop.h"

#include <uv.h>

struct reaper;

struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* runs before each sleep */
    uv_idle_t idle;       /* active while laters wait: the loop does not sleep */
    int timer_fd;
    struct watch *timer_watch;
    uint64_t armed_us;  /* what timer_fd is set to; TIME_NEVER: nothing */
    struct list timers; /* by deadline */
    struct list laters;
    uint64_t now_us;
    bool now_known;        /* now_us belongs to this wake-up */
    bool stopped;          /* loop_stop was called */
    struct reaper *reaper; /* proc.c: children to wait for; NULL while there are none */
};

/* proc.c: forget all children that are still there. */
void reaper_free(struct loop *l);

#endif
