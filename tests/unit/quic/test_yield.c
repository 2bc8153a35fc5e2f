#include "quic/yield.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define MS ((uint64_t)1000)

static void no_limit_while_trips_are_short(void **state)
{
    struct quic_yield y;
    quic_yield_init(&y);
    for (uint64_t t = 0; t < 100; t++)
        quic_yield_sample(&y, 24 * MS, 20 * MS, 50000, t * 25 * MS);
    assert_true(y.window == UINT64_MAX);
    quic_yield_sample(&y, 900 * MS, 0, 50000, 9000 * MS); /* without a floor nothing is known */
    assert_true(y.window == UINT64_MAX);
}

static void narrows_once_a_round_trip(void **state)
{
    struct quic_yield y;
    quic_yield_init(&y);
    quic_yield_sample(&y, 56 * MS, 20 * MS, 100000, 1000 * MS);
    assert_int_equal(y.window, 50000); /* 28 ms of the 56 */
    quic_yield_sample(&y, 56 * MS, 20 * MS, 50000, 1010 * MS);
    assert_int_equal(y.window, 50000);
    quic_yield_sample(&y, 280 * MS, 20 * MS, 20000, 1100 * MS);
    assert_int_equal(y.window, QUIC_YIELD_MIN);
}

/* A bottleneck of 20 Mbit/s at 20 ms: the window finds what fills it without a queue worth the
 * name. */
static void settles_at_the_bottleneck(void **state)
{
    struct quic_yield y;
    const double rate = 2.5; /* bytes a microsecond */
    uint64_t now = 0, flight = 400000, rtt = 0;
    quic_yield_init(&y);
    for (int i = 0; i < 400; i++) {
        rtt = (uint64_t)((double)flight / rate);
        rtt = rtt < 20 * MS ? 20 * MS : rtt;
        now += rtt;
        quic_yield_sample(&y, rtt, 20 * MS, flight, now);
        flight = y.window < 400000 ? y.window : 400000;
        if (i > 20)
            assert_in_range(flight, 50000, 85000); /* 20 ms and 34 ms of the rate */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limit_while_trips_are_short),
        cmocka_unit_test(narrows_once_a_round_trip),
        cmocka_unit_test(settles_at_the_bottleneck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
