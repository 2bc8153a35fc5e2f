#include "quic/yield.h"

void quic_yield_init(struct quic_yield *y)
{
    *y = (struct quic_yield){.window = UINT64_MAX};
}

void quic_yield_sample(struct quic_yield *y, uint64_t rtt_us, uint64_t floor_us, uint64_t flight,
                       uint64_t now_us)
{
    if (!floor_us || !rtt_us || now_us < y->next_us)
        return;
    uint64_t slack = floor_us / 4 > QUIC_YIELD_SLACK ? floor_us / 4 : QUIC_YIELD_SLACK;
    uint64_t limit = floor_us + slack;
    if (rtt_us > limit) {
        /* In rtt_us so many bytes drain: keep what drains in the limit. */
        double fair = (double)flight * (double)limit / (double)rtt_us;
        if (fair < (double)y->window)
            y->window = fair > QUIC_YIELD_MIN ? (uint64_t)fair : QUIC_YIELD_MIN;
        y->next_us = now_us + rtt_us; /* what the change brings is seen after a round trip */
    } else if (y->window != UINT64_MAX && flight >= y->window - y->window / 4) {
        y->window += y->window / 8 + 1500;
        y->next_us = now_us + rtt_us;
    }
}
