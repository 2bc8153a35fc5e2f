#include "base/rng.h"
#include "quic/yield.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define MS ((uint64_t)1000)
#define S  ((uint64_t)1000000)

static void no_limit_while_trips_are_short(void **state)
{
    struct quic_yield y;
    quic_yield_init(&y);
    quic_yield_sample(&y, 20 * MS, 50000, 975 * MS);
    for (uint64_t t = 0; t < 60; t++)
        quic_yield_sample(&y, 24 * MS, 50000, 1000 * MS + t * 25 * MS);
    assert_true(y.window == UINT64_MAX);
    assert_int_equal(quic_yield_floor(&y), 20 * MS);
}

/* Its trips are known to take 20 ms when nothing waits. */
static struct quic_yield on_a_path(uint64_t now)
{
    struct quic_yield y;
    quic_yield_init(&y);
    quic_yield_path(&y, 20 * MS, now);
    return y;
}

/* A row of samples: what one round is made of. */
static uint64_t samples(struct quic_yield *y, uint64_t rtt, uint64_t flight, uint64_t at, int n)
{
    for (int i = 0; i < n; i++, at += rtt / 8)
        quic_yield_sample(y, rtt, flight, at);
    return at;
}

static void narrows_once_a_round(void **state)
{
    struct quic_yield y = on_a_path(1000 * MS);
    uint64_t now = samples(&y, 40 * MS, 100000, 1000 * MS, 9);
    assert_int_equal(y.window, 70000);         /* 28 ms of the 40 */
    now = samples(&y, 40 * MS, 70000, now, 8); /* of before */
    assert_int_equal(y.window, 70000);
    quic_yield_sample(&y, 24 * MS, 70000, now + 1 * MS); /* the least of a round counts */
    (void)samples(&y, 90 * MS, 70000, now + 2 * MS, 8);
    assert_true(y.window >= 70000);
}

/* Trips are no shorter at a small window, and differ: that is no queue of ours. */
static void jitter_is_no_queue(void **state)
{
    struct rng r = {5};
    uint64_t now = 1000 * MS, narrow = 0;
    struct quic_yield y = on_a_path(now);
    for (int i = 0; i < 20000; i++, now += 2 * MS) {
        static uint64_t wait; /* of radio: changes every 40 ms */
        if (i % 20 == 0)
            wait = rng_below(&r, 40 * MS);
        quic_yield_sample(&y, 20 * MS + wait, y.window < 400000 ? y.window : 400000, now);
        narrow += i > 5000 && y.window < 100000;
    }
    assert_true(narrow < 15000 / 4);
}

/* What is not ours is not made shorter by us. */
static void little_in_flight_is_not_narrowed(void **state)
{
    struct quic_yield y = on_a_path(1000 * MS);
    (void)samples(&y, 90 * MS, 3000, 1000 * MS, 100);
    assert_true(y.window == UINT64_MAX);
}

/* A bottleneck of 20 Mbit/s at 20 ms: the window finds what fills it without a queue worth the
 * name, and the floor stays what it is although the queue never empties by itself. */
static void settles_at_the_bottleneck(void **state)
{
    const double rate = 2.5; /* bytes a microsecond */
    uint64_t now = S, flight = 400000, rtt = 0, high = 0;
    struct quic_yield y = on_a_path(now);
    while (now < 60 * S) {
        rtt = (uint64_t)((double)flight / rate);
        rtt = rtt < 20 * MS ? 20 * MS : rtt;
        now += rtt / 8;
        quic_yield_sample(&y, rtt, flight, now);
        flight = y.window < 400000 ? y.window : 400000;
        if (now > 2 * S && !y.draining)
            high += flight > 80000;
        if (now > 2 * S && !y.draining)
            assert_in_range(flight, 40000, 85000); /* 20 ms and 34 ms of the rate */
    }
    assert_int_equal(high, 0);
    assert_in_range(quic_yield_floor(&y), 20 * MS, 21 * MS);
}

/* Others keep the queue full: after a while we take part of it, and forget them when they go. */
static void keeps_a_share_beside_others(void **state)
{
    uint64_t now = S, starved = 0;
    struct quic_yield y = on_a_path(now);
    for (int i = 0; i < 1600; i++) {
        uint64_t flight = y.window < 200000 ? y.window : 200000;
        uint64_t rtt = 150 * MS + flight / 5 / 1000 * MS; /* theirs, and 2 ms for 10 kB of ours */
        now += rtt / 8;
        quic_yield_sample(&y, rtt, flight, now);
        if (i > 160 && y.window < 30000)
            starved++;
    }
    assert_true(starved < 400);
    for (int i = 0; i < 4000; i++) {
        uint64_t flight = y.window < 200000 ? y.window : 200000;
        uint64_t rtt = flight / 5 * 2 > 20 * MS ? flight / 5 * 2 : 20 * MS;
        now += rtt / 8;
        quic_yield_sample(&y, rtt, flight, now);
    }
    assert_in_range(quic_yield_floor(&y), 20 * MS, 22 * MS);
}

/* The path has become longer: allowed for within a second or two, known in two periods. */
static void learns_a_longer_path(void **state)
{
    uint64_t now = S, at = 0;
    struct quic_yield y = on_a_path(now);
    y.seen = true;
    for (int i = 0; i < 2500; i++) {
        now += 15 * MS;
        quic_yield_sample(&y, 120 * MS, y.window < 60000 ? y.window : 60000, now);
        if (!at && y.others_us)
            at = now;
    }
    assert_in_range(at, S, 4 * S);
    assert_int_equal(quic_yield_floor(&y), 120 * MS);
    assert_int_equal(y.others_us, 0);
    assert_true(y.window >= 25000); /* half of it while the floor is looked for */
}

static void a_silence_is_no_queue(void **state)
{
    struct quic_yield y = on_a_path(S);
    uint64_t now = samples(&y, 40 * MS, 50000, S, 9), window = y.window;
    assert_true(window < 50000);
    quic_yield_sample(&y, 1900 * MS, 50000, now + 50 * MS); /* a round had begun */
    quic_yield_silence(&y);
    (void)samples(&y, 20 * MS, 50000, now + S, 9);
    assert_true(y.window >= window);
    assert_int_equal(quic_yield_floor(&y), 20 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limit_while_trips_are_short),
        cmocka_unit_test(narrows_once_a_round),
        cmocka_unit_test(jitter_is_no_queue),
        cmocka_unit_test(little_in_flight_is_not_narrowed),
        cmocka_unit_test(settles_at_the_bottleneck),
        cmocka_unit_test(keeps_a_share_beside_others),
        cmocka_unit_test(learns_a_longer_path),
        cmocka_unit_test(a_silence_is_no_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
