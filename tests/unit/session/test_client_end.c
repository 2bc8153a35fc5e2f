#include "ends.h"

#include "term/history.h"

static void test_keys_and_screen(void **state)
{
    struct ends e;
    ends_init(&e);
    ends_print(&e, "login prompt $ ");
    ends_join(&e, 0, 90, 30);
    ends_run(&e, SECOND);
    assert_int_equal(e.cols, 90);
    assert_int_equal(e.rows, 30);
    ends_assert_row(&e, 0, 0, "login prompt $");
    ends_type(&e, 0, "ls\r");
    ends_run(&e, SECOND);
    ends_assert_typed(&e, "ls\r");
    ends_print(&e, "ls\r\nfile\r\n");
    ends_run(&e, SECOND);
    ends_assert_row(&e, 0, 1, "file");
    ends_fini(&e);
}

static void test_exit_status_arrives(void **state)
{
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    ends_print(&e, "last words");
    server_session_exited(e.server, e.sid, 7, 0, e.now);
    ends_run(&e, SECOND);
    assert_true(ends_done(&e, 0));
    struct client_result r = client_end_result(e.client[0]);
    assert_int_equal(r.kind, CLIENT_EXITED);
    assert_int_equal(r.status, 7);
    assert_int_equal(r.signal, 0);
    assert_true(r.reached);
    ends_assert_row(&e, 0, 0, "last words");
    assert_int_equal(e.ended, 1);
    assert_int_equal(e.closed, 1);
    assert_true(server_end_idle(e.server, e.now));
    ends_fini(&e);
}

static void test_killed_by_a_signal(void **state)
{
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    server_session_exited(e.server, e.sid, 0, 9, e.now);
    ends_run(&e, SECOND);
    assert_int_equal(client_end_result(e.client[0]).signal, 9);
    ends_fini(&e);
}

static void test_quit_ends_the_session(void **state)
{
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    ends_type(&e, 0, "~.");
    ends_run(&e, SECOND);
    assert_true(ends_done(&e, 0));
    assert_int_equal(client_end_result(e.client[0]).kind, CLIENT_QUIT);
    assert_true(client_end_result(e.client[0]).reached);
    assert_int_equal(e.hangups, 1);
    assert_int_equal(e.ended, 0); /* the program still lives */
    server_session_exited(e.server, e.sid, 0, 1, e.now);
    ends_run(&e, SECOND);
    assert_int_equal(e.ended, 1);
    ends_fini(&e);
}

static void test_detach_leaves_the_session(void **state)
{
    struct ends e;
    struct session_info info;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    ends_type(&e, 0, "x\r~d");
    ends_run(&e, SECOND);
    assert_true(ends_done(&e, 0));
    assert_int_equal(client_end_result(e.client[0]).kind, CLIENT_DETACHED);
    assert_true(client_end_result(e.client[0]).reached);
    assert_int_equal(e.hangups, 0);
    assert_true(server_session_info(e.server, 0, e.now, &info));
    assert_int_equal(info.links, 0);
    ends_print(&e, "printed while nobody was there");
    ends_join(&e, 1, 80, 24);
    ends_run(&e, SECOND);
    ends_assert_row(&e, 1, 0, "printed while nobody was there");
    ends_fini(&e);
}

static void test_quit_during_an_outage_leaves_at_once(void **state)
{
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    e.cut[0] = true;
    ends_type(&e, 0, "a");
    ends_run(&e, 5 * SECOND);
    ends_type(&e, 0, "\r~.");
    assert_true(ends_done(&e, 0));
    struct client_result r = client_end_result(e.client[0]);
    assert_int_equal(r.kind, CLIENT_QUIT);
    assert_false(r.reached);
    assert_non_null(r.text);
    assert_int_equal(e.hangups, 0);
    ends_fini(&e);
}

static void test_bar_counts_only_while_quiet(void **state)
{
    struct ends e;
    char row[128];
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_print(&e, "top");
    ends_run(&e, 600 * (uint64_t)SECOND);
    ends_assert_row(&e, 0, 0, "top"); /* ten idle minutes: no bar */
    e.cut[0] = true;
    ends_type(&e, 0, "a");
    ends_run(&e, 10 * SECOND);
    struct snapshot *s = term_snapshot(e.tty[0]);
    size_t n = 0;
    for (uint16_t c = 0; c < 40; c++)
        n += row_text(snapshot_row(s, 0), c, (uint8_t *)row + n);
    row[n] = 0;
    snapshot_unref(s);
    assert_non_null(strstr(row, "tern: Last contact"));
    e.cut[0] = false;
    ends_run(&e, 5 * SECOND);
    ends_assert_row(&e, 0, 0, "top");
    ends_assert_typed(&e, "a");
    ends_fini(&e);
}

/* Only the client sends heartbeats: output must make them frequent, or an outage under a program
 * that prints is noticed late. */
static void test_output_makes_heartbeats_frequent(void **state)
{
    (void)state;
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, 120 * SECOND);
    e.sent[0] = 0;
    ends_run(&e, 50 * SECOND);
    assert_in_range(e.sent[0], 1, 4); /* every 25 s */
    ends_print(&e, "news");
    ends_run(&e, SECOND);
    e.sent[0] = 0;
    ends_run(&e, 30 * SECOND);
    assert_in_range(e.sent[0], 9, 12); /* every 3 s */
    ends_run(&e, 60 * SECOND);
    e.sent[0] = 0;
    ends_run(&e, 50 * SECOND);
    assert_in_range(e.sent[0], 1, 4);
    ends_fini(&e);
}

static void test_input_beyond_the_window_waits(void **state)
{
    struct ends e;
    static char big[300000];
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_run(&e, SECOND);
    memset(big, 'z', sizeof big);
    client_end_keys(e.client[0], big, sizeof big, e.now);
    ends_run(&e, 60 * SECOND);
    assert_int_equal(buf_len(&e.typed), sizeof big);
    /* past the cap nothing more is held, but escapes are still seen */
    e.cut[0] = true;
    for (int i = 0; i < 5; i++)
        client_end_keys(e.client[0], big, sizeof big, e.now);
    assert_true(client_end_memory(e.client[0]) < 8u << 20);
    ends_run(&e, 5 * SECOND);
    ends_type(&e, 0, "\r~.");
    assert_true(ends_done(&e, 0));
    ends_fini(&e);
}

static void test_suspend_and_help(void **state)
{
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_print(&e, "hello");
    ends_run(&e, SECOND);
    ends_type(&e, 0, "~\x1a");
    assert_int_equal(client_end_action(e.client[0], e.now), CLIENT_SUSPEND);
    assert_int_equal(client_end_action(e.client[0], e.now), CLIENT_NONE);
    client_end_suspend(e.client[0], e.now);
    ends_run(&e, SECOND);
    client_end_resume(e.client[0], e.now);
    ends_run(&e, SECOND);
    ends_assert_row(&e, 0, 0, "hello");
    ends_assert_typed(&e, "");
    ends_type(&e, 0, "\r~?");
    ends_exchange(&e);
    struct snapshot *s = term_snapshot(e.tty[0]);
    struct cell c = row_cell(snapshot_row(s, 0), 0);
    snapshot_unref(s);
    assert_int_not_equal(c.text, 'h');
    ends_run(&e, 30 * SECOND);
    ends_assert_row(&e, 0, 0, "hello");
    ends_fini(&e);
}

static struct cell corner(const struct ends *e)
{
    struct snapshot *s = term_snapshot(e->tty[0]);
    struct cell c = row_cell(snapshot_row(s, 0), 0);
    snapshot_unref(s);
    return c;
}

/* It goes with the next key, which is typed all the same, or by itself; a smaller terminal gets
 * less of it. */
static void test_status(void **state)
{
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    ends_print(&e, "hello");
    ends_run(&e, SECOND);
    ends_type(&e, 0, "~#");
    ends_exchange(&e);
    ends_assert_row(&e, 0, 3, "0 channels");
    client_end_resize(e.client[0], 80, 3, e.now);
    term_resize(e.tty[0], 80, 3);
    ends_exchange(&e);
    assert_int_equal(corner(&e).text, 't');
    client_end_resize(e.client[0], 80, 24, e.now);
    term_resize(e.tty[0], 80, 24);
    ends_exchange(&e);
    ends_assert_row(&e, 0, 3, "0 channels");
    ends_type(&e, 0, "x");
    ends_run(&e, SECOND);
    ends_assert_row(&e, 0, 0, "hello");
    ends_assert_row(&e, 0, 3, "");
    ends_assert_typed(&e, "x");
    ends_type(&e, 0, "\r~#");
    ends_exchange(&e);
    ends_assert_row(&e, 0, 3, "0 channels");
    ends_run(&e, 35 * SECOND);
    ends_assert_row(&e, 0, 0, "hello");
    ends_assert_row(&e, 0, 3, "");
    ends_fini(&e);
}

/* What is typed shows before the far side shows it; in the scrollback and at the end it never does.
 */
static void test_guesses(void **state)
{
    struct ends e;
    ends_init(&e);
    e.predict = PREDICT_ALWAYS;
    e.history = 100;
    ends_join(&e, 0, 80, 4);
    ends_print(&e, "login: ");
    server_session_tty(e.server, e.sid, true, true, e.now);
    ends_run(&e, SECOND);
    ends_type(&e, 0, "ro");
    ends_exchange(&e);
    ends_assert_row(&e, 0, 0, "login: ro");
    ends_type(&e, 0, "\177t");
    ends_exchange(&e);
    ends_assert_row(&e, 0, 0, "login: rt");
    ends_print(&e, "ro\b \bt");
    ends_run(&e, SECOND);
    ends_assert_row(&e, 0, 0, "login: rt");
    ends_type(&e, 0, "xyz");
    ends_exchange(&e);
    ends_assert_row(&e, 0, 0, "login: rtxyz");
    ends_print(&e, "\r\n2\r\n3\r\n4\r\n5\r\n"); /* that row leaves the screen */
    ends_run(&e, SECOND);
    ends_assert_row(&e, 0, 2, "5");
    struct history *h = term_history(e.tty[0]);
    const struct row *line = history_line(h, history_end(h) - 2);
    assert_int_equal(row_cell(line, 8).text, 't');
    assert_int_equal(row_cell(line, 9).text, 0);
    ends_print(&e, "Password: ");
    server_session_tty(e.server, e.sid, false, true, e.now);
    ends_run(&e, SECOND);
    ends_type(&e, 0, "secret");
    ends_exchange(&e);
    ends_assert_row(&e, 0, 3, "Password:");
    ends_run(&e, SECOND);
    server_session_tty(e.server, e.sid, true, true, e.now);
    ends_run(&e, SECOND);
    ends_type(&e, 0, "abc");
    ends_exchange(&e);
    ends_assert_row(&e, 0, 3, "Password: abc");
    ends_run(&e, 100000); /* and it did not come true */
    ends_assert_row(&e, 0, 3, "Password:");
    ends_type(&e, 0, "abc");
    server_session_exited(e.server, e.sid, 0, 0, e.now);
    ends_run(&e, SECOND);
    assert_true(ends_done(&e, 0));
    ends_assert_row(&e, 0, 2, "Password:");
    assert_true(client_end_memory(e.client[0]) < 1 << 20);
    ends_fini(&e);
}

static void test_nobody_answers(void **state)
{
    struct ends e;
    ends_init(&e);
    ends_join(&e, 0, 80, 24);
    e.cut[0] = true;
    ends_run(&e, 40 * SECOND);
    assert_true(ends_done(&e, 0));
    assert_int_equal(client_end_result(e.client[0]).kind, CLIENT_FAILED);
    ends_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_and_screen),
        cmocka_unit_test(test_exit_status_arrives),
        cmocka_unit_test(test_killed_by_a_signal),
        cmocka_unit_test(test_quit_ends_the_session),
        cmocka_unit_test(test_detach_leaves_the_session),
        cmocka_unit_test(test_quit_during_an_outage_leaves_at_once),
        cmocka_unit_test(test_bar_counts_only_while_quiet),
        cmocka_unit_test(test_output_makes_heartbeats_frequent),
        cmocka_unit_test(test_input_beyond_the_window_waits),
        cmocka_unit_test(test_suspend_and_help),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_guesses),
        cmocka_unit_test(test_nobody_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
