#include "quic/yield.h"

#define CONTESTED 4     /* periods for which others are believed to be there */
#define ROUND_MIN 2000u /* a host that is busy answers late for less than this */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void quic_yield_init(struct quic_yield *y)
{
    *y = (struct quic_yield){.window = UINT64_MAX};
}

void quic_yield_silence(struct quic_yield *y)
{
    if (y->draining)
        y->window = y->drained;
    y->draining = y->narrowing = false;
    y->from_us = y->round_us = y->least_us = y->flight = 0;
}

void quic_yield_path(struct quic_yield *y, uint64_t floor_us, uint64_t now_us)
{
    quic_yield_init(y);
    y->floor_us[0] = floor_us;
    y->period_us = now_us;
}

uint64_t quic_yield_floor(const struct quic_yield *y)
{
    uint64_t a = y->floor_us[0], b = y->floor_us[1];
    return !a || (b && b < a) ? b : a;
}

/* What is sent from now on is seen in acknowledgements after `wait`. */
static void next_round(struct quic_yield *y, uint64_t wait, uint64_t now_us)
{
    y->from_us = now_us + wait;
    y->least_us = y->flight = 0;
}

/* With what is left of our window trips are as long as before: that is the path now. */
static void accept_path(struct quic_yield *y, uint64_t now_us)
{
    y->floor_us[0] = y->least_us;
    y->floor_us[1] = 0;
    y->period_us = now_us;
    y->seen = false;
    y->contested = CONTESTED;
    y->window = larger(y->window, y->first_window);
    y->narrowing = false;
    next_round(y, y->least_us, now_us);
}

static bool in_vain(const struct quic_yield *y, uint64_t floor, uint64_t slack)
{
    return y->narrowing && y->window <= larger(y->first_window / 4, QUIC_YIELD_MIN) &&
           y->least_us > y->first_us - y->first_us / 4 &&
           y->least_us > floor + (y->contested ? 1 : QUIC_YIELD_OTHERS) * slack;
}

static void narrow(struct quic_yield *y, uint64_t floor, uint64_t slack, uint64_t now_us)
{
    uint64_t base = smaller(y->window, y->flight);
    if (in_vain(y, floor, slack)) {
        accept_path(y, now_us);
        return;
    }
    if (!y->narrowing) {
        y->first_us = y->least_us;
        y->first_window = base;
    }
    y->narrowing = true;
    /* In least_us so many bytes drain: keep what drains in the limit. Half at once is enough. */
    double share = (double)(floor + slack) / (double)y->least_us;
    uint64_t fair = (uint64_t)((double)base * (share > 0.5 ? share : 0.5));
    y->window = smaller(y->window, larger(fair, QUIC_YIELD_MIN));
    next_round(y, y->least_us, now_us);
}

/* By a quarter while there is hardly a queue, then by steps that do not depend on the window: so
 * that two who share a queue end with equal parts of it. */
static void widen(struct quic_yield *y, uint64_t over, uint64_t slack, uint64_t now_us)
{
    y->narrowing = false;
    if (y->window == UINT64_MAX || y->flight < y->window - y->window / 4) {
        next_round(y, 0, now_us);
        return;
    }
    if (y->contested || over < slack / 4)
        y->window += y->window / 4 + 1500;
    else
        y->window += 1500 + 3000 * (slack - over) / slack;
    next_round(y, y->least_us, now_us);
}

static bool period_over(const struct quic_yield *y, uint64_t floor, uint64_t now_us)
{
    uint64_t period = y->seen ? larger(QUIC_YIELD_PERIOD, 50 * floor)
                              : larger(QUIC_YIELD_PERIOD_FIRST, 10 * floor);
    return now_us >= y->period_us + period;
}

static void drain(struct quic_yield *y, uint64_t floor, uint64_t now_us)
{
    uint64_t base = smaller(y->window, y->flight);
    y->draining = true;
    y->drained = y->window;
    y->window =
        larger((uint64_t)((double)base / 2 * (double)floor / (double)y->least_us), QUIC_YIELD_MIN);
    next_round(y, y->least_us, now_us);
}

static void drain_over(struct quic_yield *y, uint64_t now_us)
{
    y->draining = false;
    y->seen = true;
    y->contested -= y->contested != 0;
    y->window = y->drained;
    y->floor_us[1] = y->floor_us[0];
    y->floor_us[0] = 0;
    y->period_us = now_us;
    next_round(y, y->least_us, now_us);
}

void quic_yield_sample(struct quic_yield *y, uint64_t rtt_us, uint64_t flight, uint64_t now_us)
{
    if (!rtt_us)
        return;
    if (!y->period_us)
        y->period_us = now_us;
    y->floor_us[0] = y->floor_us[0] ? smaller(y->floor_us[0], rtt_us) : rtt_us;
    if (now_us < y->from_us)
        return;
    if (!y->least_us)
        y->round_us = now_us + larger(rtt_us / 2, ROUND_MIN);
    y->least_us = y->least_us ? smaller(y->least_us, rtt_us) : rtt_us;
    y->flight = larger(y->flight, flight);
    if (now_us < y->round_us)
        return;
    uint64_t floor = quic_yield_floor(y), slack = larger(floor / 4, QUIC_YIELD_SLACK);
    uint64_t over = y->least_us - smaller(floor, y->least_us);
    if (y->draining)
        drain_over(y, now_us);
    else if (period_over(y, floor, now_us))
        drain(y, floor, now_us);
    else if (over > slack)
        narrow(y, floor, slack, now_us);
    else
        widen(y, over, slack, now_us);
}
