#include "quic/yield.h"

#define ROUND_MIN   20000u /* radio and busy hosts are late, but seldom for longer */
#define SAMPLES_MIN 8      /* in a round, unless that takes four trips */
#define FEW         15000u /* bytes in flight that fill no queue */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t above(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

void quic_yield_init(struct quic_yield *y)
{
    *y = (struct quic_yield){.window = UINT64_MAX};
}

void quic_yield_silence(struct quic_yield *y)
{
    if (y->draining)
        y->window = y->drained;
    y->draining = false;
    y->from_us = y->flight = y->samples = 0;
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

static uint64_t slack_of(uint64_t floor)
{
    return larger(floor / 4, QUIC_YIELD_SLACK);
}

/* What is sent from now on is seen in acknowledgements after `wait`. */
static void next_round(struct quic_yield *y, uint64_t wait, uint64_t now_us)
{
    y->from_us = now_us + wait;
    y->flight = y->samples = 0;
}

static bool is_in_vain(const struct quic_yield *y)
{
    bool as_long = y->least_us > y->widest_us - y->widest_us / 4;
    return y->widest && y->window <= larger(y->widest / (as_long ? 4 : 16), QUIC_YIELD_MIN);
}

/* Trips take `over` longer than the floor, and that is more than `limit`. */
static void narrow(struct quic_yield *y, uint64_t over, uint64_t limit, uint64_t now_us)
{
    uint64_t floor = quic_yield_floor(y);
    if (y->window == UINT64_MAX ? y->flight < FEW : y->flight < y->window / 2) {
        next_round(y, 0, now_us); /* it is not we */
        return;
    }
    if (is_in_vain(y)) {
        y->others_us = above(over, slack_of(floor));
        y->window = larger(y->window, y->widest);
        y->widest = 0;
        next_round(y, y->least_us, now_us);
        return;
    }
    uint64_t base = smaller(y->window, y->flight);
    if (!y->widest) {
        y->widest = base;
        y->widest_us = y->least_us;
    }
    /* In least_us so many bytes drain: keep what drains in the limit. Half at once is enough. */
    double share = (double)(floor + limit) / (double)y->least_us;
    uint64_t fair = (uint64_t)((double)base * (share > 0.5 ? share : 0.5));
    y->window = smaller(y->window, larger(fair, QUIC_YIELD_MIN));
    y->calm = share > 0.8;
    next_round(y, y->least_us, now_us);
}

/* By a quarter while there is hardly a queue of ours, then by steps that do not depend on the
 * window: so that two who share a queue end with equal parts of it. */
static void widen(struct quic_yield *y, uint64_t over, uint64_t limit, uint64_t now_us)
{
    uint64_t slack = slack_of(quic_yield_floor(y));
    if (y->window == UINT64_MAX || y->flight < y->window - y->window / 4) {
        next_round(y, 0, now_us);
        return;
    }
    if (over < limit - slack / 4 * 3)
        y->window += y->window / 4 + 1500;
    else
        y->window += 1500 + y->window / 16 * (limit - over) / limit;
    if (y->window >= y->widest)
        y->widest = 0;
    next_round(y, y->least_us, now_us);
}

static bool period_over(const struct quic_yield *y, uint64_t floor, uint64_t now_us)
{
    bool is_short = !y->seen || y->others_us > 2 * slack_of(floor);
    uint64_t period = is_short ? larger(QUIC_YIELD_PERIOD_SHORT, 10 * floor)
                               : larger(QUIC_YIELD_PERIOD, 50 * floor);
    return now_us >= y->period_us + period;
}

static void drain(struct quic_yield *y, uint64_t floor, uint64_t now_us)
{
    uint64_t base = smaller(y->window, y->flight);
    y->calm = false;
    y->draining = true;
    y->drained = y->window;
    y->window =
        larger((uint64_t)((double)base / 2 * (double)floor / (double)y->least_us), QUIC_YIELD_MIN);
    next_round(y, y->least_us, now_us);
}

static void drain_over(struct quic_yield *y, uint64_t floor, uint64_t over, uint64_t now_us)
{
    y->draining = false;
    y->seen = true;
    y->window = y->drained;
    y->others_us = smaller(y->others_us, above(over, slack_of(floor)));
    y->widest = 0;
    y->floor_us[1] = y->floor_us[0];
    y->floor_us[0] = 0;
    y->period_us = now_us;
    next_round(y, y->least_us, now_us);
}

/* How much the rounds differ although the window is about the same: of a queue of ours they do not.
 */
static void learn_spread(struct quic_yield *y, uint64_t slack)
{
    uint64_t differ = above(y->least_us, y->last_us) + above(y->last_us, y->least_us);
    if (y->calm && y->last_us)
        y->spread_us = (7 * y->spread_us + smaller(differ, 2 * slack)) / 8;
    y->last_us = y->least_us;
    y->calm = !y->draining;
}

/* A round is over: the least of its trips counts, which noise and late acknowledgements only make
 * longer. */
static void end_round(struct quic_yield *y, uint64_t now_us)
{
    y->floor_us[0] = y->floor_us[0] ? smaller(y->floor_us[0], y->least_us) : y->least_us;
    uint64_t floor = quic_yield_floor(y);
    learn_spread(y, slack_of(floor));
    uint64_t limit = slack_of(floor) + 2 * y->spread_us + y->others_us;
    uint64_t over = y->least_us - floor;
    if (y->draining)
        drain_over(y, floor, over, now_us);
    else if (period_over(y, floor, now_us))
        drain(y, floor, now_us);
    else if (over > limit)
        narrow(y, over, limit, now_us);
    else
        widen(y, over, limit, now_us);
}

void quic_yield_sample(struct quic_yield *y, uint64_t rtt_us, uint64_t flight, uint64_t now_us)
{
    if (!rtt_us)
        return;
    if (!y->period_us)
        y->period_us = now_us;
    if (now_us < y->from_us)
        return;
    if (!y->samples++) {
        y->round_us = now_us + larger(rtt_us / 2, ROUND_MIN);
        y->least_us = rtt_us;
    }
    y->least_us = smaller(y->least_us, rtt_us);
    y->flight = larger(y->flight, flight);
    if (now_us < y->round_us ||
        (y->samples < SAMPLES_MIN && now_us < y->round_us + 4 * y->least_us))
        return;
    end_round(y, now_us);
}
