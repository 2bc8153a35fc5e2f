#include "client/outage.h"

#include <time.h>

static uint64_t awake_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

bool outage_over(struct outage *o, const struct link *l, uint64_t now_us, uint64_t *again)
{
    *again = UINT64_MAX;
    if (!o->limit_us)
        return false;
    if (!link_quiet(l, now_us)) {
        o->since_us = 0;
        /* Being quiet begins by itself, without a call. */
        if (link_silent_since_us(l))
            *again = now_us + o->limit_us / 2;
        return false;
    }
    uint64_t awake = awake_us();
    if (!o->since_us)
        o->since_us = awake;
    if (awake - o->since_us >= o->limit_us)
        return true;
    *again = now_us + (o->limit_us - (awake - o->since_us));
    return false;
}
