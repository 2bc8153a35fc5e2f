#include "link/order.h"

#include "base/rng.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void only_newer_is_in_order(void **state)
{
    struct order o = {0};
    assert_true(order_take(&o, 0));
    assert_false(order_take(&o, 0));
    assert_true(order_take(&o, 7));
    assert_false(order_take(&o, 3));
    assert_int_equal(o.expected, 8);
    assert_true(order_take(&o, 8));
}

static void window_tells_late_from_seen(void **state)
{
    struct window w = {0};
    assert_int_equal(window_take(&w, 5), WINDOW_NEW);
    assert_int_equal(window_take(&w, 5), WINDOW_SEEN);
    assert_int_equal(window_look(&w, 4), WINDOW_LATE);
    assert_int_equal(window_look(&w, 4), WINDOW_LATE);
    assert_int_equal(window_take(&w, 4), WINDOW_LATE);
    assert_int_equal(window_take(&w, 4), WINDOW_SEEN);
    assert_int_equal(window_take(&w, 5 + WINDOW_SIZE), WINDOW_NEW);
    assert_int_equal(window_take(&w, 5), WINDOW_OLD);
    assert_int_equal(window_take(&w, 6), WINDOW_LATE);
    assert_int_equal(window_take(&w, (uint64_t)1 << 47), WINDOW_NEW);
    assert_int_equal(window_take(&w, 7), WINDOW_OLD);
    assert_int_equal(window_take(&w, ((uint64_t)1 << 47) - WINDOW_SIZE + 1), WINDOW_LATE);
}

/* Against the plain definition, for a random walk with jumps. */
static void window_agrees_with_a_list(void **state)
{
    enum { SPAN = 20000 };
    static bool seen[SPAN];
    struct window w = {0};
    struct rng rng = {1};
    uint64_t next = 0;
    for (int i = 0; i < 50000; i++) {
        uint64_t at = next + rng_below(&rng, 3);
        if (rng_below(&rng, 2) && next)
            at = next - 1 - rng_below(&rng, next < 1500 ? next : 1500);
        if (rng_below(&rng, 400) == 0)
            at = next + rng_below(&rng, 1500);
        if (at >= SPAN)
            continue;
        enum window_verdict want = at >= next                ? WINDOW_NEW
                                   : next - at > WINDOW_SIZE ? WINDOW_OLD
                                   : seen[at]                ? WINDOW_SEEN
                                                             : WINDOW_LATE;
        assert_int_equal(window_take(&w, at), want);
        seen[at] = true;
        next = at >= next ? at + 1 : next;
    }
    assert_true(next > SPAN / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_newer_is_in_order),
        cmocka_unit_test(window_tells_late_from_seen),
        cmocka_unit_test(window_agrees_with_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
