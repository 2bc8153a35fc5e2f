#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sync/sender.h"
#include "toy.h"

#include <stdio.h>
#include <string.h>

#define MS 1000ull

static struct sender s;

static void open_sender(void)
{
    struct state_ops ops = toy_state_ops();
    sender_init(&s, &ops, toy_new(""));
}

static void close_sender(void)
{
    sender_fini(&s);
    assert_int_equal(toy_count, 0);
}

static void set(const char *text)
{
    sender_set(&s, toy_new(text));
}

/* Send cur from entry base, as a schedule would. */
static uint64_t send(size_t base, bool fresh, uint64_t now)
{
    uint64_t num = sender_number(&s, s.cur, fresh);
    struct sent *e = sender_sent(&s, num, s.cur, s.list[base].num, 50, now);
    e->content = true;
    return num;
}

static void assert_diff(const char *want)
{
    assert_int_equal(buf_len(&s.diff), strlen(want));
    if (*want)
        assert_memory_equal(buf_data(&s.diff), want, strlen(want));
}

static void numbers_rise_and_acks_drop(void **state)
{
    open_sender();
    assert_true(sender_current(&s) && !sender_owes(&s));
    set("a");
    assert_true(!sender_current(&s) && sender_owes(&s));
    assert_int_equal(send(0, false, 10 * MS), 1);
    assert_true(sender_current(&s) && sender_owes(&s));
    assert_int_equal(send(0, false, 20 * MS), 1); /* the same again: the same number, its time */
    assert_int_equal(s.n, 2);
    assert_int_equal(sender_last(&s)->time_us, 20 * MS);
    assert_int_equal(sender_last(&s)->first_us, 10 * MS);
    assert_int_equal(send(0, true, 30 * MS), 2); /* a pure ack takes a number (§5.3) */
    assert_false(sender_ack(&s, 7));             /* unknown */
    assert_false(sender_ack(&s, 0));             /* nothing new */
    assert_true(sender_ack(&s, 1));
    assert_int_equal(s.acked_us, 20 * MS);
    assert_int_equal(s.n, 2);
    assert_false(sender_ack(&s, 0)); /* gone */
    assert_true(sender_ack(&s, 2));
    assert_int_equal(s.n, 1);
    assert_false(sender_owes(&s));
    close_sender();
}

/* cur went away and came back while the middle is in flight: the peer may stand there. */
static void there_and_back_is_owed(void **state)
{
    open_sender();
    set("b");
    send(0, false, 1);
    set("");
    assert_true(sender_owes(&s));
    send(0, false, 2);
    assert_true(sender_owes(&s));
    assert_true(sender_ack(&s, 2));
    assert_false(sender_owes(&s));
    close_sender();
}

static void thirty_two_states_delete_from_the_middle(void **state)
{
    char text[20];
    open_sender();
    for (int i = 1; i <= 31; i++) {
        sprintf(text, "%d", i);
        set(text);
        send(0, false, (uint64_t)i);
    }
    assert_int_equal(s.n, 32);
    set("32");
    send(0, false, 32);
    assert_int_equal(s.n, 32);
    /* 33 entries 0..32, without the 16th from the end, which is 17. */
    assert_null(sender_find(&s, 17));
    assert_non_null(sender_find(&s, 16));
    assert_non_null(sender_find(&s, 18));
    assert_int_equal(sender_first(&s)->num, 0);
    assert_int_equal(sender_last(&s)->num, 32);
    assert_false(sender_ack(&s, 17));
    for (int i = 33; i < 200; i++) {
        sprintf(text, "%d", i);
        set(text);
        send(0, false, (uint64_t)i);
        assert_int_equal(s.n, 32);
        assert_int_equal(s.list[0].num, 0);
    }
    close_sender();
}

static void assumed_is_what_was_sent_lately(void **state)
{
    open_sender();
    for (int i = 0; i < 5; i++) {
        char text[2] = {(char)('a' + i), 0};
        set(text);
        send(0, false, (uint64_t)(100 + i * 100) * MS);
    }
    /* States 1..5 at 100..500 ms. */
    assert_int_equal(sender_assumed(&s, 549 * MS, 450 * MS), 5);
    assert_int_equal(sender_assumed(&s, 550 * MS, 450 * MS), 0); /* 1 is old: stop there (§5.1) */
    assert_int_equal(sender_assumed(&s, 550 * MS, 150 * MS), 0);
    assert_true(sender_ack(&s, 3));
    assert_int_equal(sender_assumed(&s, 549 * MS, 150 * MS), 2);
    assert_int_equal(sender_assumed(&s, 550 * MS, 150 * MS), 0);
    close_sender();
}

/* §5.4: the diff from the acknowledged state instead, if it is not much longer. */
static void prospective_resend(void **state)
{
    size_t base;
    char text[300];
    open_sender();
    set("abc");
    send(0, false, 1);
    set("abcd");
    assert_int_equal(sender_diff_best(&s, 1, &base), 0);
    assert_int_equal(base, 0); /* toys' diffs are as long from everywhere */
    assert_diff("=abcd");
    /* Nothing new: the diff from the assumed state is empty, but the unacknowledged part goes. */
    set("abc");
    assert_int_equal(sender_diff_best(&s, 1, &base), 0);
    assert_int_equal(base, 0);
    assert_diff("=abc");
    memset(text, 'x', 150);
    text[150] = 0;
    set(text);
    send(0, false, 2);
    assert_int_equal(sender_diff_best(&s, 2, &base), 0); /* 151 bytes more than nothing: no */
    assert_int_equal(base, 2);
    assert_diff("");
    close_sender();
}

static void a_diff_that_is_too_long_is_no_diff(void **state)
{
    open_sender();
    set("abc");
    assert_int_equal(sender_diff_within(&s, 0, s.cur, 4), 0);
    assert_diff("=abc");
    assert_int_equal(sender_diff_within(&s, 0, s.cur, 3), ERR_CAP);
    assert_int_equal(sender_diff(&s, 0, s.cur), 0); /* that was for once */
    assert_diff("=abc");
    close_sender();
}

static void shutdown_is_max64(void **state)
{
    open_sender();
    set("a");
    send(0, false, 1);
    sender_shutdown(&s, 5);
    set("too late");
    assert_true(sender_current(&s));
    assert_true(sender_owes(&s));
    assert_true(send(0, false, 6) == SENDER_MAX64);
    assert_true(send(0, true, 7) == SENDER_MAX64);
    assert_int_equal(s.n, 3); /* 0, 1, MAX64 once */
    assert_int_equal(s.shutdown_tries, 2);
    assert_true(sender_ack(&s, 1));
    assert_true(sender_owes(&s));
    assert_true(sender_ack(&s, SENDER_MAX64));
    assert_false(sender_owes(&s));
    assert_true(sender_first(&s)->num == SENDER_MAX64);
    close_sender();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_rise_and_acks_drop),
        cmocka_unit_test(there_and_back_is_owed),
        cmocka_unit_test(thirty_two_states_delete_from_the_middle),
        cmocka_unit_test(assumed_is_what_was_sent_lately),
        cmocka_unit_test(prospective_resend),
        cmocka_unit_test(a_diff_that_is_too_long_is_no_diff),
        cmocka_unit_test(shutdown_is_max64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
