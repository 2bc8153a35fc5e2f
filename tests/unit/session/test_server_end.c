#include "ends.h"

#include "session/server_impl.h"
#include "term/history.h"

static void test_size_follows_the_last_typist(void **state)
{
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 100, 40);
    ends_run(&e, SECOND);
    ends_join(&e, 1, 60, 20);
    ends_run(&e, SECOND);
    assert_int_equal(e.cols, 60); /* attaching counts as typing */
    ends_type(&e, 0, "a");
    ends_run(&e, SECOND);
    assert_int_equal(e.cols, 100);
    client_end_resize(e.client[1], 50, 10, e.now);
    ends_run(&e, SECOND);
    assert_int_equal(e.cols, 100);
    ends_type(&e, 1, "b");
    ends_run(&e, SECOND);
    assert_int_equal(e.cols, 50);
    assert_int_equal(e.rows, 10);
    ends_print(&e, "seen by both");
    ends_run(&e, SECOND);
    ends_assert_row(&e, 0, 0, "seen by both");
    ends_assert_row(&e, 1, 0, "seen by both");
    ends_assert_typed(&e, "ab");
    ends_fini(&e);
}

static void test_end_waits_for_its_reader(void **state)
{
    struct ends e;
    struct session_info info;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    ends_drop(&e, 0); /* killed: says nothing */
    ends_run(&e, 300 * (uint64_t)SECOND);
    ends_print(&e, "the end");
    server_session_exited(e.server, e.sid, 3, 0, e.now);
    ends_run(&e, 1800 * (uint64_t)SECOND);
    assert_int_equal(e.ended, 0);
    assert_true(server_session_info(e.server, 0, e.now, &info));
    assert_true(info.exited);
    assert_int_equal(info.attached, 0);
    ends_join(&e, 1, 80, 24);
    ends_run(&e, 20 * SECOND);
    assert_true(ends_done(&e, 1));
    assert_int_equal(client_end_result(e.client[1]).status, 3);
    ends_assert_row(&e, 1, 0, "the end");
    assert_int_equal(e.ended, 1);
    ends_fini(&e);
}

static void test_detached_session_times_out(void **state)
{
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    ends_drop(&e, 0);
    ends_run(&e, 3590 * (uint64_t)SECOND);
    assert_int_equal(e.hangups, 0);
    ends_run(&e, 30 * SECOND);
    assert_int_equal(e.hangups, 1);
    server_session_exited(e.server, e.sid, 0, 1, e.now);
    ends_run(&e, 60 * SECOND);
    assert_int_equal(e.ended, 1);
    assert_true(server_end_idle(e.server, e.now));
    ends_fini(&e);
}

static void test_nothing_stays_when_nobody_comes(void **state)
{
    struct ends e;
    struct connect c;
    ends_init(&e);
    assert_int_equal(server_link_open(e.server, e.sid, &c, e.now), 0);
    ends_run(&e, 59 * SECOND);
    assert_int_equal(e.hangups, 0);
    ends_run(&e, 3 * SECOND);
    assert_int_equal(e.hangups, 1);
    server_session_exited(e.server, e.sid, 0, 1, e.now);
    ends_run(&e, SECOND);
    assert_int_equal(e.ended, 1);
    assert_true(server_end_idle(e.server, e.now));
    ends_fini(&e);
}

static void test_ended_before_anybody_came(void **state)
{
    struct ends e;
    struct connect c;
    ends_init(&e);
    assert_int_equal(server_link_open(e.server, e.sid, &c, e.now), 0);
    server_session_exited(e.server, e.sid, 0, 0, e.now);
    ends_run(&e, 70 * SECOND);
    assert_int_equal(e.ended, 1);
    assert_true(server_end_idle(e.server, e.now));
    ends_fini(&e);
}

static void test_kill_from_outside(void **state)
{
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    server_session_kill(e.server, e.sid, e.now);
    assert_int_equal(e.hangups, 1);
    ends_run(&e, SECOND);
    assert_true(ends_done(&e, 0));
    assert_int_equal(client_end_result(e.client[0]).kind, CLIENT_QUIT);
    assert_non_null(client_end_result(e.client[0]).text);
    ends_fini(&e);
}

static void test_names(void **state)
{
    struct ends e;
    ends_init(&e);
    assert_int_equal(server_session_open(e.server, "main", 80, 24, e.now), 0);
    uint32_t other = server_session_open(e.server, "other", 80, 24, e.now);
    assert_int_not_equal(other, 0);
    assert_int_equal(server_session_find(e.server, "other"), other);
    assert_int_equal(server_session_find(e.server, "main"), e.sid);
    assert_int_equal(server_session_find(e.server, "none"), 0);
    ends_fini(&e);
}

static void test_strangers_cost_nothing(void **state)
{
    struct ends e;
    struct link_datagram d;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    uint8_t junk[100];
    struct path_ref from = {PATH_UDP, 1, {.family = ADDR_V4, .port = 9}};
    for (int i = 0; i < 10000; i++) {
        ends_entropy(&e.rng, junk, sizeof junk);
        server_end_datagram(e.server, &from, false, junk, rng_below(&e.rng, sizeof junk), e.now);
        assert_int_equal(server_end_poll(e.server, e.now, &d), 0);
    }
    ends_type(&e, 0, "still here");
    ends_run(&e, SECOND);
    ends_assert_typed(&e, "still here");
    ends_fini(&e);
}

static void test_links_are_capped(void **state)
{
    struct ends e;
    struct connect c;
    struct session_info info;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    for (int i = 0; i < 2 * SERVER_LINKS; i++) {
        e.now += 1000;
        assert_int_equal(server_link_open(e.server, e.sid, &c, e.now), 0);
    }
    assert_true(server_session_info(e.server, 0, e.now, &info));
    assert_int_equal(info.links, SERVER_LINKS);
    ends_fini(&e);
}

static void test_synchronised_output_is_shown_whole(void **state)
{
    (void)state;
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    ends_print(&e, "one\033[?2026h\rtw");
    ends_run(&e, SECOND / 2);
    ends_assert_row(&e, 0, 0, "one");
    ends_print(&e, "o \033[?2026l\033[?2026h\rthree"); /* one frame done, the next begun */
    ends_run(&e, SECOND / 2);
    ends_assert_row(&e, 0, 0, "two");
    ends_print(&e, "\033[?2026l");
    ends_run(&e, SECOND / 2);
    ends_assert_row(&e, 0, 0, "three");
    ends_fini(&e);
}

/* A program that never ends its frame: after a second it shows, and what comes then at once. */
static void test_synchronised_output_is_not_waited_for_long(void **state)
{
    (void)state;
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    ends_print(&e, "one\033[?2026h\rtwo");
    ends_run(&e, TERM_HOLD_US - SECOND / 10);
    ends_assert_row(&e, 0, 0, "one");
    ends_run(&e, SECOND / 5);
    ends_assert_row(&e, 0, 0, "two");
    ends_print(&e, "\rsix");
    ends_run(&e, SECOND / 10);
    ends_assert_row(&e, 0, 0, "six");
    ends_fini(&e);
}

/* ?2048: the program reads of a new size among its input. */
static void test_resize_is_reported_to_the_program(void **state)
{
    (void)state;
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    ends_print(&e, "\033[?2048h");
    ends_run(&e, SECOND);
    client_end_resize(e.client[0], 100, 30, e.now);
    ends_run(&e, SECOND);
    ends_assert_typed(&e, "\033[48;24;80;0;0t\033[48;30;100;0;0t");
    ends_fini(&e);
}

/* History is compressed while output is slow. */
static void test_history_is_tidied(void **state)
{
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    struct history *h = term_history(e.server->sessions[0]->term);
    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < 1000; k++)
            ends_print(&e, "a line of text that is like all the others, number by number\r\n");
        ends_run(&e, SECOND / 2);
    }
    assert_true(history_cold(h) >= 3);
    assert_true(history_bytes(h) < 300000);
    assert_int_equal(e.server->sessions[0]->tidy_us, 0);
    ends_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_follows_the_last_typist),
        cmocka_unit_test(test_end_waits_for_its_reader),
        cmocka_unit_test(test_detached_session_times_out),
        cmocka_unit_test(test_nothing_stays_when_nobody_comes),
        cmocka_unit_test(test_ended_before_anybody_came),
        cmocka_unit_test(test_kill_from_outside),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_strangers_cost_nothing),
        cmocka_unit_test(test_links_are_capped),
        cmocka_unit_test(test_synchronised_output_is_shown_whole),
        cmocka_unit_test(test_synchronised_output_is_not_waited_for_long),
        cmocka_unit_test(test_resize_is_reported_to_the_program),
        cmocka_unit_test(test_history_is_tidied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
