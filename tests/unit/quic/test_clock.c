#include "quic/clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define MS   ((uint64_t)1000)
#define S    ((uint64_t)1000000)
#define HOUR (3600 * S)
#define T0   (5 * S)

static struct quic_clock_facts facts(bool owes, uint64_t proven, uint64_t expiry)
{
    return (struct quic_clock_facts){owes, proven, false, 100 * MS, expiry};
}

static void runs_when_nothing_is_owed(void **state)
{
    struct quic_clock c;
    quic_clock_init(&c, T0);
    struct quic_clock_facts f = facts(false, 0, UINT64_MAX);
    uint64_t first = quic_clock_now(&c, T0);
    assert_int_equal(first, 1 * S);
    for (int h = 1; h < 100; h++) {
        (void)quic_clock_turn(&c, &f, T0 + (uint64_t)h * HOUR);
        assert_int_equal(quic_clock_now(&c, T0 + (uint64_t)h * HOUR), first + (uint64_t)h * HOUR);
    }
    assert_false(c.stands);
    assert_int_equal(quic_clock_deadline(&c, &f), UINT64_MAX);
}

static void stands_after_silence_and_jumps_once(void **state)
{
    struct quic_clock c;
    quic_clock_init(&c, T0);
    struct quic_clock_facts f = facts(true, 0, 1 * S + 4000 * S); /* a timer far backed off */
    (void)quic_clock_turn(&c, &f, T0);
    assert_int_equal(quic_clock_deadline(&c, &f), T0 + 1500 * MS);
    (void)quic_clock_turn(&c, &f, T0 + 1499 * MS);
    assert_false(c.stands);
    (void)quic_clock_turn(&c, &f, T0 + 1500 * MS);
    assert_true(c.stands);
    uint64_t frozen = quic_clock_now(&c, T0 + 8 * HOUR);
    assert_int_equal(frozen, 2500 * MS);
    assert_int_equal(quic_clock_deadline(&c, &f), UINT64_MAX);
    /* Hearing alone, without a new proof, changes nothing. */
    (void)quic_clock_turn(&c, &f, T0 + 8 * HOUR);
    assert_true(c.stands);
    uint64_t back = T0 + 8 * HOUR + 1;
    f = facts(true, back, f.expiry_us);
    (void)quic_clock_turn(&c, &f, back);
    assert_false(c.stands);
    assert_int_equal(quic_clock_now(&c, back),
                     frozen + 1600 * MS); /* as long as it ran on, and an RTO */
    /* No second jump. */
    (void)quic_clock_turn(&c, &f, back + 10);
    assert_int_equal(quic_clock_now(&c, back + 10), frozen + 1600 * MS + 10);
    assert_int_equal(c.stops, 1);
}

static void jumps_no_further_than_the_timer(void **state)
{
    struct quic_clock c;
    quic_clock_init(&c, T0);
    struct quic_clock_facts f = facts(true, 0, 2600 * MS);
    (void)quic_clock_turn(&c, &f, T0);
    (void)quic_clock_turn(&c, &f, T0 + 10 * S);
    f.proven_us = T0 + 11 * S;
    (void)quic_clock_turn(&c, &f, T0 + 11 * S);
    assert_int_equal(quic_clock_now(&c, T0 + 11 * S), 2600 * MS);
    assert_int_equal(quic_clock_deadline(&c, &f), T0 + 11 * S);
}

static void a_proof_before_the_silence_ended_keeps_it_running(void **state)
{
    struct quic_clock c;
    quic_clock_init(&c, T0);
    for (uint64_t t = 0; t < 60; t++) {
        struct quic_clock_facts f = facts(true, T0 + t * S, UINT64_MAX);
        (void)quic_clock_turn(&c, &f, T0 + t * S);
        assert_false(c.stands);
    }
    assert_int_equal(quic_clock_now(&c, T0 + 59 * S), 60 * S);
}

/* The host slept in the middle: time stands from when the silence was long enough, though nobody
 * looked then. */
static void sleep_of_the_host(void **state)
{
    struct quic_clock c;
    quic_clock_init(&c, T0);
    struct quic_clock_facts f = facts(true, T0, 9 * S);
    (void)quic_clock_turn(&c, &f, T0 + 100 * MS);
    assert_int_equal(quic_clock_now(&c, T0 + 100 * MS), 1100 * MS);
    (void)quic_clock_turn(&c, &f, T0 + 7 * HOUR);
    assert_true(c.stands);
    assert_int_equal(quic_clock_now(&c, T0 + 7 * HOUR), 2600 * MS);
}

static void all_acknowledged_while_it_stands(void **state)
{
    struct quic_clock c;
    quic_clock_init(&c, T0);
    struct quic_clock_facts f = facts(true, 0, 5 * S);
    (void)quic_clock_turn(&c, &f, T0);
    (void)quic_clock_turn(&c, &f, T0 + 3 * S);
    assert_true(c.stands);
    f.owes = false;
    (void)quic_clock_turn(&c, &f, T0 + 4 * S);
    assert_false(c.stands);
    assert_int_equal(quic_clock_now(&c, T0 + 4 * S), 2500 * MS);
}

/* Too short to stand, and over by a word of the link: the timer that has doubled meanwhile is due.
 */
static void a_short_silence(void **state)
{
    for (int by_ack = 0; by_ack < 2; by_ack++) {
        struct quic_clock c;
        quic_clock_init(&c, T0);
        struct quic_clock_facts f = facts(true, T0, 2900 * MS);
        assert_false(quic_clock_turn(&c, &f, T0));
        f.proven_us = T0 + 1000 * MS;
        f.acked = by_ack;
        assert_int_equal(quic_clock_turn(&c, &f, T0 + 1000 * MS), !by_ack);
        assert_int_equal(quic_clock_now(&c, T0 + 1000 * MS), by_ack ? 2000 * MS : 2900 * MS);
        assert_int_equal(c.stops, 0);
        assert_int_equal(c.jumps, !by_ack);
        /* The next proof comes soon: no jump, however far the timer is. */
        f.expiry_us = 9000 * MS;
        f.proven_us = T0 + 1200 * MS;
        f.acked = false;
        assert_false(quic_clock_turn(&c, &f, T0 + 1200 * MS));
        assert_int_equal(c.jumps, !by_ack);
    }
}

static void a_jump_is_bounded_by_the_silence(void **state)
{
    struct quic_clock c;
    quic_clock_init(&c, T0);
    struct quic_clock_facts f = facts(true, T0, 4000 * S);
    (void)quic_clock_turn(&c, &f, T0);
    f.proven_us = T0 + 600 * MS;
    assert_true(quic_clock_turn(&c, &f, T0 + 600 * MS));
    assert_int_equal(quic_clock_now(&c, T0 + 600 * MS), 1600 * MS + 700 * MS);
}

/* Nobody looked while the host slept, and the first look brings a proof. */
static void sleep_that_ends_with_a_proof(void **state)
{
    struct quic_clock c;
    quic_clock_init(&c, T0);
    struct quic_clock_facts f = facts(true, T0, 2600 * MS);
    (void)quic_clock_turn(&c, &f, T0);
    f.proven_us = T0 + HOUR;
    assert_true(quic_clock_turn(&c, &f, T0 + HOUR));
    assert_int_equal(quic_clock_now(&c, T0 + HOUR), 2600 * MS);
    assert_int_equal(c.stops, 1);
}

/* Whatever comes in whatever order, time never runs backward and its shift grows by a jump only. */
static void never_backward(void **state)
{
    uint64_t seed = 1;
    for (int run = 0; run < 200; run++) {
        struct quic_clock c;
        uint64_t now = T0, proven = 0, before = 0;
        quic_clock_init(&c, now);
        for (int i = 0; i < 500; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint64_t r = seed >> 33;
            now += r % 7 ? r % (300 * MS) : r % (20 * S);
            if (r % 5 == 0)
                proven = now;
            struct quic_clock_facts f = {r % 3 != 0, proven, r % 13 == 0, 1 + r % (2 * S),
                                         r % 11 ? before + r % (50 * S) : UINT64_MAX};
            int64_t shift = c.shift;
            uint64_t jump = 3 * 2 * S + f.rto_us; /* the longest silence, and once more */
            (void)quic_clock_turn(&c, &f, now);
            assert_true(c.shift <= shift + (int64_t)jump);
            uint64_t at = quic_clock_now(&c, now);
            assert_true(at >= before);
            before = at;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_when_nothing_is_owed),
        cmocka_unit_test(stands_after_silence_and_jumps_once),
        cmocka_unit_test(jumps_no_further_than_the_timer),
        cmocka_unit_test(a_proof_before_the_silence_ended_keeps_it_running),
        cmocka_unit_test(sleep_of_the_host),
        cmocka_unit_test(all_acknowledged_while_it_stands),
        cmocka_unit_test(a_short_silence),
        cmocka_unit_test(a_jump_is_bounded_by_the_silence),
        cmocka_unit_test(sleep_that_ends_with_a_proof),
        cmocka_unit_test(never_backward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
