#include "link/rtt.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define MS 1000u
#define S  1000000u

static void starts_as_mosh_does(void **state)
{
    struct rtt r;
    rtt_init(&r, true);
    assert_int_equal(rtt_srtt_us(&r), S);
    assert_int_equal(rtt_rto_us(&r), S);
    assert_int_equal(rtt_take_echo(&r, 0), RTT_NO_STAMP);
}

static void estimates_as_mosh_does(void **state)
{
    struct rtt r;
    rtt_init(&r, true);
    /* First sample: SRTT = R, RTTVAR = R/2; RTO = 100 + 4 * 50. */
    assert_true(rtt_receive(&r, RTT_NO_STAMP, 900, false, 1000 * MS));
    assert_int_equal(rtt_srtt_us(&r), 100 * MS);
    assert_int_equal(rtt_rto_us(&r), 300 * MS);
    /* R = 180: RTTVAR = .75 * 50 + .25 * 80 = 57.5; SRTT = .875 * 100 + .125 * 180 = 110. */
    assert_true(rtt_receive(&r, RTT_NO_STAMP, 1820, false, 2000 * MS));
    assert_int_equal(rtt_srtt_us(&r), 110 * MS);
    assert_int_equal(rtt_rto_us(&r), 340 * MS);
    assert_int_equal(r.floor_us, 100 * MS);
}

static void clamps_the_timeout(void **state)
{
    struct rtt r;
    rtt_init(&r, true);
    rtt_sample(&r, 0, 1);
    assert_int_equal(rtt_rto_us(&r), 50 * MS);
    rtt_init(&r, true);
    rtt_sample(&r, 4 * S, 1);
    assert_int_equal(rtt_rto_us(&r), S);
    rtt_init(&r, false);
    rtt_sample(&r, 4 * S, 1);
    assert_int_equal(rtt_rto_us(&r), 3 * S);
}

static void ignores_old_echoes(void **state)
{
    struct rtt r;
    rtt_init(&r, true);
    assert_false(rtt_receive(&r, RTT_NO_STAMP, 1000, false, 6000 * MS));
    assert_true(rtt_receive(&r, RTT_NO_STAMP, 1001, false, 6000 * MS));
    /* 1 ms ahead of us is 65.5 s ago. */
    assert_false(rtt_receive(&r, RTT_NO_STAMP, 6001, false, 6000 * MS));
    assert_int_equal(rtt_srtt_us(&r), 4999 * MS);
}

static void wraps(void **state)
{
    struct rtt r;
    rtt_init(&r, true);
    assert_true(rtt_receive(&r, RTT_NO_STAMP, 65500, false, (65536 + 64) * MS));
    assert_int_equal(rtt_srtt_us(&r), 100 * MS);
    assert_int_equal(rtt_stamp(65534 * MS), 65534);
    assert_int_equal(rtt_stamp((uint64_t)65535 * MS), 0); /* reserved */
    assert_int_equal(rtt_stamp((uint64_t)65536 * MS), 0);
}

static void echoes_once_within_a_second(void **state)
{
    struct rtt r;
    rtt_init(&r, true);
    assert_false(rtt_receive(&r, 500, RTT_NO_STAMP, false, 10 * S));
    assert_int_equal(rtt_take_echo(&r, 10 * S + 250 * MS), 750);
    assert_int_equal(rtt_take_echo(&r, 10 * S + 251 * MS), RTT_NO_STAMP);
    assert_false(rtt_receive(&r, 65530, RTT_NO_STAMP, false, 11 * S));
    assert_int_equal(rtt_take_echo(&r, 11 * S + 10 * MS), 4); /* mod 65536 */
    assert_false(rtt_receive(&r, 500, RTT_NO_STAMP, false, 12 * S));
    assert_int_equal(rtt_take_echo(&r, 13 * S), RTT_NO_STAMP);
    /* A newer timestamp replaces one that waits. */
    assert_false(rtt_receive(&r, 1, RTT_NO_STAMP, false, 14 * S));
    assert_false(rtt_receive(&r, 2, RTT_NO_STAMP, false, 14 * S));
    assert_false(rtt_receive(&r, RTT_NO_STAMP, RTT_NO_STAMP, false, 14 * S));
    assert_int_equal(rtt_take_echo(&r, 14 * S), 2);
}

static void congestion_lowers_the_echo(void **state)
{
    struct rtt r;
    rtt_init(&r, true);
    assert_false(rtt_receive(&r, 700, RTT_NO_STAMP, true, S));
    assert_int_equal(rtt_take_echo(&r, S), 200);
    assert_false(rtt_receive(&r, 100, RTT_NO_STAMP, true, S));
    assert_int_equal(rtt_take_echo(&r, S), 65536 - 400);
}

static void loss_settles_near_the_truth(void **state)
{
    struct rtt r;
    rtt_init(&r, false);
    for (int i = 0; i < 400; i++)
        rtt_arrived(&r, i % 2); /* one of three is missing */
    assert_true(rtt_loss(&r, S) > 0.23 && rtt_loss(&r, S) < 0.43);
    /* The peer's word counts for ten seconds, if it is the worse. */
    rtt_reported(&r, 100, S);
    assert_true(rtt_loss(&r, 5 * S) > 0.23);
    rtt_reported(&r, UINT64_MAX, S);
    assert_true(rtt_loss(&r, 5 * S) == 1);
    assert_true(rtt_loss(&r, 12 * S) < 0.43);
    for (int i = 0; i < 200; i++)
        rtt_arrived(&r, 0);
    assert_true(rtt_loss(&r, 12 * S) < 0.01);
    rtt_reported(&r, 100, 12 * S);
    assert_true(rtt_loss(&r, 13 * S) == 0.1);
    assert_true(rtt_loss(&r, 23 * S) < 0.01);
    /* An outage is not loss, and late ones take losses back. */
    rtt_arrived(&r, 1000000);
    assert_true(rtt_loss(&r, 30 * S) < 0.15);
    for (int i = 0; i < 20; i++)
        rtt_late(&r);
    assert_true(rtt_loss(&r, 30 * S) == 0);
}

static void guesses_are_replaced_by_the_first_sample(void **state)
{
    struct rtt a, b;
    rtt_init(&a, false);
    rtt_init(&b, false);
    rtt_guess(&b, &a);
    assert_int_equal(rtt_srtt_us(&b), S);
    rtt_sample(&a, 40 * MS, S);
    rtt_guess(&b, &a);
    assert_int_equal(rtt_srtt_us(&b), 40 * MS);
    rtt_sample(&b, 200 * MS, S);
    assert_int_equal(rtt_srtt_us(&b), 200 * MS);
}

static void floor_is_found_again(void **state)
{
    struct rtt r;
    rtt_init(&r, false);
    rtt_sample(&r, 20 * MS, S);
    rtt_sample(&r, 90 * MS, 2 * S);
    assert_int_equal(r.floor_us, 20 * MS);
    rtt_sample(&r, 90 * MS, (uint64_t)310 * S);
    assert_int_equal(r.floor_us, 90 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_as_mosh_does),
        cmocka_unit_test(estimates_as_mosh_does),
        cmocka_unit_test(clamps_the_timeout),
        cmocka_unit_test(ignores_old_echoes),
        cmocka_unit_test(wraps),
        cmocka_unit_test(echoes_once_within_a_second),
        cmocka_unit_test(congestion_lowers_the_echo),
        cmocka_unit_test(loss_settles_near_the_truth),
        cmocka_unit_test(guesses_are_replaced_by_the_first_sample),
        cmocka_unit_test(floor_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
