/* The history from a server's engine to a client's terminal, both ends whole. */
#include "ends.h"

#include "term/history.h"
#include "term/link.h"

#include <stdio.h>
#include <stdlib.h>

static void print_numbers(struct ends *e, unsigned from, unsigned to)
{
    char text[32];
    for (unsigned i = from; i <= to; i++) {
        snprintf(text, sizeof text, "%u\r\n", i);
        ends_print(e, text);
    }
}

static size_t line_text(const struct row *r, char *out, size_t size)
{
    size_t n = 0;
    for (uint16_t c = 0; c < r->used && n < size - CELL_UTF8_MAX; c++)
        n += row_text(r, c, (uint8_t *)out + n);
    out[n] = 0;
    return n;
}

/* The scrollback of client i: blank lines left out, joined by commas. For the caller to free. */
static char *scrollback(struct ends *e, int i)
{
    struct history *h = term_history(e->tty[i]);
    struct buf b;
    buf_init(&b, 1 << 24);
    for (uint64_t n = history_first(h); n < history_end(h); n++) {
        char t[400];
        const struct row *r = history_line(h, n);
        if (r && line_text(r, t, sizeof t))
            buf_printf(&b, "%s%s", buf_len(&b) ? "," : "", t);
    }
    buf_put_u8(&b, 0);
    return (char *)b.mem;
}

static void expect_numbers(struct ends *e, int i, const char *before, unsigned from, unsigned to)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    buf_put_text(&b, before);
    for (unsigned n = from; n <= to; n++)
        buf_printf(&b, "%s%u", buf_len(&b) ? "," : "", n);
    buf_put_u8(&b, 0);
    char *got = scrollback(e, i);
    assert_string_equal(got, (char *)buf_data(&b));
    free(got);
    buf_fini(&b);
}

static void begin(struct ends *e, uint64_t lines)
{
    ends_init(e);
    e->history = lines;
    ends_join(e, 0, 80, 24);
    ends_run(e, SECOND);
}

static void brings_every_line_once(void **state)
{
    (void)state;
    struct ends e;
    begin(&e, SERVER_HISTORY_ALL);
    print_numbers(&e, 1, 500);
    ends_run(&e, 5 * SECOND);
    print_numbers(&e, 501, 600);
    ends_run(&e, 5 * SECOND);
    expect_numbers(&e, 0, "", 1, 577);
    ends_assert_row(&e, 0, 0, "578");
    ends_fini(&e);
}

/* Hyperlinks of lines that were on no screen that was shown: of a flood, and of what was there
 * before somebody attached. */
static void brings_links(void **state)
{
    (void)state;
    struct ends e;
    char text[200];
    begin(&e, SERVER_HISTORY_ALL);
    for (unsigned i = 0; i < 1500; i++) {
        snprintf(
            text, sizeof text,
            "\033]8;;http://far/%u\033\\%u\033]8;;\033\\ \033]8;;http://all\033\\x\033]8;;\033\\"
            "\r\n",
            i, i);
        ends_print(&e, text);
    }
    ends_run(&e, 10 * SECOND);
    ends_join(&e, 1, 80, 24);
    ends_run(&e, 10 * SECOND);
    for (int i = 0; i < 2; i++) {
        struct history *h = term_history(e.tty[i]);
        const struct links *links = term_links(e.tty[i]);
        unsigned n = 0;
        for (uint64_t k = history_first(h); k < history_end(h); k++) {
            const struct row *r = history_line(h, k);
            if (!r || !r->used)
                continue;
            snprintf(text, sizeof text, "http://far/%u", n++);
            const char *uri = links_uri(links, row_pen(r, 0).link);
            assert_non_null(uri);
            assert_string_equal(uri, text);
            assert_string_equal(links_uri(links, row_pen(r, (uint16_t)(r->used - 1)).link),
                                "http://all");
        }
        assert_int_equal(n, 1477);
    }
    ends_fini(&e);
}

/* Blank lines scroll: the picture stays the same, the history grows. */
static void brings_blank_lines(void **state)
{
    (void)state;
    struct ends e;
    begin(&e, 1000);
    print_numbers(&e, 1, 3);
    for (int i = 0; i < 100; i++)
        ends_print(&e, "\r\n");
    ends_run(&e, SECOND);
    for (int i = 0; i < 30; i++)
        ends_print(&e, "\r\n");
    ends_run(&e, SECOND);
    print_numbers(&e, 4, 30);
    ends_run(&e, SECOND);
    expect_numbers(&e, 0, "", 1, 7);
    struct history *h = term_history(e.tty[0]);
    assert_true(history_end(h) == 137);
    ends_fini(&e);
}

static void who_attaches_gets_the_newest(void **state)
{
    (void)state;
    struct ends e;
    ends_init(&e);
    e.history = 100;
    print_numbers(&e, 1, 5023);
    ends_join(&e, 0, 80, 24);
    e.history = 0;
    ends_join(&e, 1, 80, 24);
    ends_run(&e, 5 * SECOND);
    expect_numbers(&e, 0, "[... 4,900 lines not brought ...]", 4901, 5000);
    expect_numbers(&e, 1, "", 1, 0);
    ends_fini(&e);
}

/* More than the client wants comes at once: one gap, and it says how many. */
static void a_flood_leaves_one_gap(void **state)
{
    (void)state;
    struct ends e;
    begin(&e, 50);
    print_numbers(&e, 1, 43);
    ends_run(&e, SECOND);
    print_numbers(&e, 44, 1043);
    ends_exchange(&e);
    print_numbers(&e, 1044, 2023);
    ends_run(&e, 5 * SECOND);
    char *got = scrollback(&e, 0);
    const char *gap = strstr(got, "[...");
    assert_non_null(gap);
    assert_null(strstr(gap + 1, "[..."));
    assert_non_null(strstr(gap, " lines not brought ...],1951,1952,"));
    assert_string_equal(strrchr(got, ','), ",2000");
    free(got);
    ends_fini(&e);
}

static void clearing_is_in_order(void **state)
{
    (void)state;
    struct ends e;
    begin(&e, 1000);
    term_write(e.tty[0], "", 0);
    print_numbers(&e, 1, 100);
    ends_run(&e, SECOND);
    ends_print(&e, "\033[H\033[2J\033[3J");
    print_numbers(&e, 201, 300);
    ends_run(&e, SECOND);
    /* The unknown terminal is not told: what it has stays. */
    expect_numbers(&e, 0,
                   "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,"
                   "28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,"
                   "52,53,54,55,56,57,58,59,60,61,62,63,64,65,66,67,68,69,70,71,72,73,74,75,"
                   "76,77",
                   201, 277);
    /* Who comes later hears of nothing that was cleared. */
    ends_join(&e, 1, 80, 24);
    ends_run(&e, SECOND);
    expect_numbers(&e, 1, "", 201, 277);
    ends_fini(&e);
}

static void all_is_there_at_the_end(void **state)
{
    (void)state;
    struct ends e;
    begin(&e, SERVER_HISTORY_ALL);
    print_numbers(&e, 1, 6000);
    server_session_exited(e.server, e.sid, 3, 0, e.now);
    for (int i = 0; i < 100 && !ends_done(&e, 0); i++)
        ends_run(&e, SECOND / 10);
    assert_true(ends_done(&e, 0));
    struct client_result r = client_end_result(e.client[0]);
    assert_int_equal(r.kind, CLIENT_EXITED);
    assert_int_equal(r.status, 3);
    ends_exchange(&e);
    /* The prompt's line below pushes one more out. */
    expect_numbers(&e, 0, "", 1, 5977);
    for (int i = 0; i < 100 && !e.ended; i++)
        ends_run(&e, SECOND / 10);
    assert_int_equal(e.ended, 1);
    ends_fini(&e);
}

/* A link that died while the last lines were on their way does not keep the user for ever, and the
 * gap is told. */
static void the_end_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    struct ends e;
    struct link_datagram d;
    begin(&e, SERVER_HISTORY_ALL);
    print_numbers(&e, 1, 30000);
    server_session_exited(e.server, e.sid, 0, 0, e.now);
    /* Let the end through, then nothing more. */
    for (int i = 0; i < 12; i++) {
        if (server_end_poll(e.server, e.now, &d) == 1)
            client_end_datagram(e.client[0], &d.to, false, d.data, d.len, e.now);
        while (client_end_poll(e.client[0], e.now, &d) == 1)
            server_end_datagram(e.server, &d.to, false, d.data, d.len, e.now);
        e.now += 50000;
    }
    e.cut[0] = true;
    uint64_t from = e.now;
    while (!ends_done(&e, 0) && e.now < from + 60 * SECOND)
        ends_run(&e, SECOND);
    assert_true(ends_done(&e, 0));
    assert_true(e.now - from < 40 * SECOND);
    ends_exchange(&e);
    char *got = scrollback(&e, 0);
    assert_non_null(strstr(got, "lines not brought ...]"));
    free(got);
    ends_fini(&e);
}

/* Ctrl-C leaves the last lines, in whatever form the terminal gives it. */
static void ctrl_c_leaves_the_last_lines(void **state)
{
    (void)state;
    static const char *const keys[] = {"\003",          "\033[99;5u", "\033[99;5:1u",
                                       "\033[27;5;99~", "c",          "\033[99;5:3u"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct ends e;
        begin(&e, SERVER_HISTORY_ALL);
        print_numbers(&e, 1, 30000);
        server_session_exited(e.server, e.sid, 0, 0, e.now);
        for (unsigned n = 0; n < 6; n++) {
            ends_exchange(&e);
            e.now += 10000;
        }
        assert_false(ends_done(&e, 0));
        ends_type(&e, 0, keys[i]);
        assert_int_equal(ends_done(&e, 0), i < 4);
        ends_fini(&e);
    }
}

static void waits_for_the_main_screen(void **state)
{
    (void)state;
    struct ends e;
    struct view_facts facts;
    begin(&e, 1000);
    (void)facts;
    print_numbers(&e, 1, 100);
    ends_print(&e, "\033[?1049h\033[Hvim");
    ends_run(&e, SECOND);
    expect_numbers(&e, 0, "", 1, 0);
    ends_print(&e, "\033[?1049l");
    ends_run(&e, SECOND);
    expect_numbers(&e, 0, "", 1, 77);
    ends_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brings_every_line_once),
        cmocka_unit_test(brings_links),
        cmocka_unit_test(brings_blank_lines),
        cmocka_unit_test(who_attaches_gets_the_newest),
        cmocka_unit_test(a_flood_leaves_one_gap),
        cmocka_unit_test(clearing_is_in_order),
        cmocka_unit_test(all_is_there_at_the_end),
        cmocka_unit_test(the_end_is_not_waited_for_for_ever),
        cmocka_unit_test(ctrl_c_leaves_the_last_lines),
        cmocka_unit_test(waits_for_the_main_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
