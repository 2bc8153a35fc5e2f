/* What io's tests share: a loop that turns until something is true or ten seconds have passed. */
#ifndef TERN_TESTS_IO_RIG_H
#define TERN_TESTS_IO_RIG_H

#include "io/loop.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define RIG_PATIENCE_US 10000000u

static inline void rig_noop(void *ctx)
{
}

/* Turn the loop until cond holds; the test fails if it never does. */
#define RIG_UNTIL(l, cond)                                                                         \
    do {                                                                                           \
        struct timer rig_limit;                                                                    \
        uint64_t rig_end = clock_boot_us() + RIG_PATIENCE_US;                                      \
        timer_init(&rig_limit, (l), rig_noop, NULL);                                               \
        timer_set(&rig_limit, rig_end);                                                            \
        while (!(cond)) {                                                                          \
            if (clock_boot_us() >= rig_end)                                                        \
                fail_msg("waited too long for: %s", #cond);                                        \
            loop_turn((l), true);                                                                  \
        }                                                                                          \
        timer_clear(&rig_limit);                                                                   \
    } while (0)

#endif
