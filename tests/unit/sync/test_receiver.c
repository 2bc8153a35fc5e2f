#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sync/receiver.h"
#include "sync/sync.h"
#include "toy.h"

#include <stdlib.h>
#include <string.h>

static struct receiver r;

static void open_receiver(bool stash)
{
    struct replica_ops ops = toy_replica_ops();
    receiver_init(&r, &ops, toy_new(""), stash, 1u << 20);
}

static void close_receiver(void)
{
    receiver_fini(&r);
    assert_int_equal(toy_count, 0);
}

static int take(uint64_t old, uint64_t num, uint64_t throwaway, const char *diff, uint64_t now)
{
    struct instruction ins = {
        .has_state = true,
        .old_num = old,
        .new_num = num,
        .throwaway_num = throwaway,
        .diff = (const uint8_t *)diff,
        .diff_len = strlen(diff),
    };
    return receiver_take(&r, &ins, now);
}

static const char *newest(void)
{
    return ((struct toy *)receiver_newest(&r)->state)->text;
}

static void states_follow_each_other(void **state)
{
    open_receiver(false);
    assert_int_equal(take(0, 1, 0, "=a", 5), RECEIVER_NEWEST | RECEIVER_CONTENT);
    assert_string_equal(newest(), "a");
    assert_int_equal(r.heard_us, 5);
    assert_int_equal(take(0, 1, 0, "=b", 6), RECEIVER_KNOWN); /* the first one counts */
    assert_string_equal(newest(), "a");
    assert_int_equal(take(1, 3, 0, "", 7), RECEIVER_NEWEST); /* empty: equal states */
    assert_string_equal(newest(), "a");
    assert_int_equal(take(1, 2, 0, "=late", 8), RECEIVER_LATE);
    assert_int_equal(r.heard_us, 7);
    assert_string_equal(newest(), "a");
    assert_int_equal(take(2, 1003, 2, "=far", 9), RECEIVER_NEWEST | RECEIVER_CONTENT);
    assert_int_equal(r.n, 3); /* 2, 3, 1003 */
    assert_int_equal(take(1003, UINT64_MAX, 1003, "=end", 10), RECEIVER_NEWEST | RECEIVER_CONTENT);
    assert_int_equal(r.n, 2);
    close_receiver();
}

/* §12: what kills a stock peer is a dropped instruction. */
static void fatal_cases_are_dropped(void **state)
{
    open_receiver(false);
    assert_int_equal(take(0, 1, 0, "=a", 1), RECEIVER_NEWEST | RECEIVER_CONTENT);
    assert_int_equal(take(1, 2, 2, "=b", 1), ERR_STATE);   /* throwaway above old */
    assert_int_equal(take(1, 2, 999, "=b", 1), ERR_STATE); /* ... above all */
    assert_int_equal(take(1, 2, UINT64_MAX, "=b", 1), ERR_STATE);
    assert_int_equal(take(7, 8, 0, "=b", 1), ERR_STATE); /* unknown old */
    assert_int_equal(take(1, 2, 1, "garbage", 1), ERR_SYNTAX);
    assert_string_equal(newest(), "a");
    assert_int_equal(take(1, 2, 1, "=b", 1), RECEIVER_NEWEST | RECEIVER_CONTENT);
    close_receiver();
}

static void a_thousand_states_then_one_each_quarter_minute(void **state)
{
    open_receiver(false);
    uint64_t num = 1, now = 1000;
    for (; num <= 2000; num++)
        if (take(0, num, 0, "=x", now) < 0)
            break;
    /* §5.2 as observed: the highest acknowledged is 1025 or 1026. */
    assert_in_range(r.n, SYNC_RECEIVED_MAX, SYNC_RECEIVED_MAX + 2);
    assert_int_equal(take(0, num, 0, "=x", now + RECEIVER_QUENCH_US - 1), ERR_CAP);
    assert_true(take(0, num, 0, "=x", now + RECEIVER_QUENCH_US) > 0);
    assert_int_equal(take(0, num + 1, 0, "=x", now + RECEIVER_QUENCH_US + 1), ERR_CAP);
    /* Letting go helps at once. */
    assert_true(take(num, num + 1, num, "=y", now + RECEIVER_QUENCH_US + 1) > 0);
    assert_int_equal(r.n, 2);
    close_receiver();
}

static void bytes_are_capped(void **state)
{
    open_receiver(false);
    r.cost_max = 10 * sizeof(struct toy);
    uint64_t num = 1;
    while (take(0, num, 0, "=x", 1) > 0)
        num++;
    assert_in_range(num, 10, 14);
    assert_true(take(num - 1, num, num - 1, "=y", 1) > 0);
    close_receiver();
}

static void early_ones_wait_in_the_stash(void **state)
{
    open_receiver(true);
    assert_int_equal(take(2, 3, 0, "=c", 1), RECEIVER_STASHED);
    assert_int_equal(take(2, 3, 0, "=c", 1), RECEIVER_STASHED); /* once */
    assert_int_equal(take(3, 4, 0, "=d", 1), RECEIVER_STASHED);
    assert_int_equal(r.stash_n, 2);
    assert_int_equal(take(0, 1, 0, "=a", 2), RECEIVER_NEWEST | RECEIVER_CONTENT);
    assert_int_equal(take(1, 2, 0, "=b", 3), RECEIVER_NEWEST | RECEIVER_CONTENT);
    assert_string_equal(newest(), "d");
    assert_int_equal(receiver_newest(&r)->num, 4);
    assert_int_equal(r.stash_n, 0);
    assert_int_equal(r.stash_bytes, 0);
    /* What rests on forgotten states leaves the stash. */
    assert_int_equal(take(10, 11, 4, "=k", 4), RECEIVER_STASHED);
    assert_true(take(4, 12, 4, "=l", 5) > 0);
    assert_true(take(12, 13, 12, "=m", 5) > 0);
    assert_int_equal(r.stash_n, 0);
    assert_int_equal(take(1, 14, 1, "=n", 6), ERR_STATE); /* older than all: never comes */
    close_receiver();
}

static void the_stash_is_bounded(void **state)
{
    open_receiver(true);
    int got = 0;
    uint64_t n = 0;
    for (; n < 200; n++)
        if ((got = take(100 + n, 101 + n, 0, "=x", 1)) < 0)
            break;
    assert_int_equal(n, RECEIVER_STASH_ITEMS);
    assert_int_equal(got, ERR_CAP);
    close_receiver();
    open_receiver(true);
    static char big[20001];
    memset(big, 'x', sizeof big - 1);
    for (n = 0; n < 200; n++)
        if ((got = take(100 + n, 101 + n, 0, big, 1)) < 0)
            break;
    assert_int_equal(n, 3);
    assert_true(r.stash_bytes <= SYNC_STASH_MAX);
    assert_true(receiver_memory(&r) < SYNC_STASH_MAX + 16384);
    close_receiver();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_follow_each_other),
        cmocka_unit_test(fatal_cases_are_dropped),
        cmocka_unit_test(a_thousand_states_then_one_each_quarter_minute),
        cmocka_unit_test(bytes_are_capped),
        cmocka_unit_test(early_ones_wait_in_the_stash),
        cmocka_unit_test(the_stash_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
