#include "term/link.h"
#include "term/term.h"

#include "base/mem.h"
#include "base/rng.h"
#include "term/engine.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include <cmocka.h>

static struct term *engine(uint16_t cols, uint16_t rows)
{
    struct term_config c = {.cols = cols, .rows = rows, .history_bytes = 1 << 20};
    return term_new(&c);
}

static void say(struct term *t, const char *s)
{
    term_write(t, s, strlen(s));
}

static void snapshot_is_cached(void **state)
{
    struct term *t = engine(80, 24);
    say(t, "hello");
    struct snapshot *a = term_snapshot(t), *b = term_snapshot(t);
    assert_ptr_equal(a, b);
    say(t, "");
    struct snapshot *c = term_snapshot(t);
    assert_ptr_equal(a, c);
    say(t, "x");
    struct snapshot *d = term_snapshot(t);
    assert_ptr_not_equal(a, d);
    term_resize(t, 80, 24);
    struct snapshot *e = term_snapshot(t);
    assert_ptr_equal(d, e);
    term_resize(t, 81, 24);
    struct snapshot *f = term_snapshot(t);
    assert_ptr_not_equal(d, f);
    struct snapshot *all[] = {a, b, c, d, e, f};
    for (int i = 0; i < 6; i++)
        snapshot_unref(all[i]);
    term_free(t);
}

static void only_the_written_row_is_cloned(void **state)
{
    struct term *t = engine(80, 24);
    say(t, "one\r\ntwo\r\nthree");
    struct snapshot *a = term_snapshot(t);
    say(t, "\033[2;1HTWO");
    struct snapshot *b = term_snapshot(t);
    assert_ptr_equal(a->main_row[0], b->main_row[0]);
    assert_ptr_equal(a->main_row[2], b->main_row[2]);
    assert_ptr_not_equal(a->main_row[1], b->main_row[1]);
    assert_int_equal(a->main_row[1]->id, b->main_row[1]->id);
    assert_int_equal(a->main_row[1]->version + 1, b->main_row[1]->version);
    assert_ptr_equal(a->main_row[5], &row_blank_row);
    snapshot_unref(a);
    snapshot_unref(b);
    term_free(t);
}

static void scrolling_moves_pointers(void **state)
{
    struct term *t = engine(80, 5);
    say(t, "1\r\n2\r\n3\r\n4\r\n5");
    struct snapshot *a = term_snapshot(t);
    say(t, "\r\n6");
    struct snapshot *b = term_snapshot(t);
    for (int i = 0; i < 4; i++)
        assert_ptr_equal(b->main_row[i], a->main_row[i + 1]);
    say(t, "\033[2;4r\033[2;1H\033[L");
    struct snapshot *c = term_snapshot(t);
    assert_ptr_equal(c->main_row[0], b->main_row[0]);
    assert_ptr_equal(c->main_row[1], &row_blank_row);
    assert_ptr_equal(c->main_row[2], b->main_row[1]);
    assert_ptr_equal(c->main_row[3], b->main_row[2]);
    assert_ptr_equal(c->main_row[4], b->main_row[4]);
    snapshot_unref(a);
    snapshot_unref(b);
    snapshot_unref(c);
    term_free(t);
}

static void erasing_costs_no_cells(void **state)
{
    struct term *t = engine(80, 24);
    say(t, "text\033[2J");
    struct snapshot *s = term_snapshot(t);
    for (int i = 0; i < 24; i++)
        assert_ptr_equal(s->main_row[i], &row_blank_row);
    snapshot_unref(s);
    say(t, "\033[44m\033[2J");
    s = term_snapshot(t);
    for (int i = 1; i < 24; i++)
        assert_ptr_equal(s->main_row[i], s->main_row[0]);
    assert_int_equal(s->main_row[0]->id, ROW_ID_ERASED);
    snapshot_unref(s);
    say(t, "\033[H12\033[2;1H3");
    s = term_snapshot(t);
    assert_int_not_equal(s->main_row[0]->id, s->main_row[1]->id);
    assert_int_not_equal(s->main_row[0]->id, ROW_ID_ERASED);
    snapshot_unref(s);
    say(t, "\033#8");
    s = term_snapshot(t);
    assert_ptr_equal(s->main_row[23], s->main_row[0]);
    snapshot_unref(s);
    term_free(t);
}

/* Random bytes that are mostly sequences which the engine knows. */
static size_t random_bytes(struct rng *r, char *out, size_t size)
{
    static const char *const piece[] = {
        "\033[",  "\033[?", "\033",    ";",       "m",        "H",       "J",        "K",
        "L",      "M",      "@",       "P",       "X",        "r",       "S",        "T",
        "b",      "h",      "l",       "47",      "1049",     "6",       "4",        "38:2::1:2:3",
        "48;5;9", "58:5:3", "\r\n",    "\b",      "\t",       "e\u0301", "\u4e2d",   "\U0001f600",
        "\u0301", "abc",    "hello ",  "\033(0",  "\033(B",   "\0337",   "\0338",    "\033M",
        "\033#8", "\033c",  "\033[!p", "\033]2;", "\a",       "\xff",    "\xc2\x9b", "12",
        "3",      "2",      "\016",    "\017",    "\033[44m", "\033[7m", "\033[m",   "\n"};
    size_t n = 0;
    while (n + 16 < size) {
        const char *s = piece[rng_below(r, sizeof piece / sizeof piece[0])];
        memcpy(out + n, s, strlen(s));
        n += strlen(s);
        if (rng_below(r, 12) == 0)
            out[n++] = (char)rng_below(r, 256);
    }
    return n;
}

static void cutting_input_changes_nothing(void **state)
{
    struct rng r = {.s = 42};
    for (int round = 0; round < 300; round++) {
        char in[600];
        size_t n = random_bytes(&r, in, sizeof in);
        struct term *a = engine(20, 6), *b = engine(20, 6);
        term_write(a, in, n);
        for (size_t at = 0; at < n;) {
            size_t len = 1 + rng_below(&r, 7);
            len = len < n - at ? len : n - at;
            term_write(b, in + at, len);
            at += len;
            if (rng_below(&r, 4) == 0)
                snapshot_unref(term_snapshot(b));
        }
        struct snapshot *s = term_snapshot(a), *t = term_snapshot(b);
        assert_true(snapshot_equal(s, t, SNAPSHOT_NATIVE));
        assert_true(snapshot_equal(s, t, SNAPSHOT_STOCK));
        assert_int_equal(s->history_end, t->history_end);
        assert_int_equal(s->cursor.pending, t->cursor.pending);
        snapshot_unref(s);
        snapshot_unref(t);
        term_free(a);
        term_free(b);
    }
}

static void loaded_engine_stands_at_the_snapshot(void **state)
{
    struct rng r = {.s = 7};
    struct term_config c = {.cols = 9, .rows = 3, .replica = true};
    struct term *b = term_new(&c);
    for (int round = 0; round < 100; round++) {
        char in[400];
        size_t n = random_bytes(&r, in, sizeof in);
        struct term *a = engine(20, 6);
        term_write(a, in, n);
        struct snapshot *s = term_snapshot(a);
        say(b, "junk\033[3;4r\033[?6h\033[4h\033(0\033[12");
        term_load(b, s);
        struct snapshot *t = term_snapshot(b);
        assert_ptr_equal(s, t);
        snapshot_unref(t);
        /* Parser at ground, writing state at its defaults: text appears where the cursor is. */
        say(b, "\033[HX\033[6;1Hy");
        t = term_snapshot(b);
        uint8_t out[CELL_UTF8_MAX];
        assert_int_equal(row_text(snapshot_row(t, 0), 0, out), 1);
        assert_int_equal(out[0], 'X');
        assert_int_equal(t->cursor.row, 5);
        assert_int_equal(t->history_end, s->history_end);
        snapshot_unref(t);
        snapshot_unref(s);
        term_free(a);
    }
    term_free(b);
}

static void new_lines_of_a_loaded_engine_have_new_numbers(void **state)
{
    struct term *a = engine(20, 6), *b = engine(20, 6);
    say(a, "1\r\n2\r\n3");
    struct snapshot *s = term_snapshot(a);
    term_load(b, s);
    say(b, "\033[5;1Hx");
    struct snapshot *t = term_snapshot(b);
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(t->main_row[4]->id, t->main_row[i]->id);
    snapshot_unref(s);
    snapshot_unref(t);
    term_free(a);
    term_free(b);
}

static void sizes_are_clamped(void **state)
{
    struct term *t = engine(0, 65535);
    struct snapshot *s = term_snapshot(t);
    assert_int_equal(s->cols, 1);
    assert_int_equal(s->rows, SCREEN_MAX);
    snapshot_unref(s);
    term_resize(t, 65535, 0);
    s = term_snapshot(t);
    assert_int_equal(s->cols, SCREEN_MAX);
    assert_int_equal(s->rows, 1);
    snapshot_unref(s);
    term_free(t);
}

static void replies_are_capped_and_whole(void **state)
{
    struct term *t = engine(80, 24);
    for (int i = 0; i < 100000; i++)
        say(t, "\033[6n");
    assert_true(buf_len(term_replies(t)) <= TERM_REPLY_MAX);
    assert_int_equal(buf_len(term_replies(t)) % 6, 0);
    assert_int_equal(buf_err(term_replies(t)), 0);
    buf_skip(term_replies(t), buf_len(term_replies(t)));
    say(t, "\033[5n");
    assert_int_equal(buf_len(term_replies(t)), 4);
    term_free(t);
}

/* Below, at and above what is left: an answer of 4 bytes comes while it fits, and else not at all.
 */
static void replies_below_at_above_cap(void **state)
{
    (void)state;
    for (size_t left = 3; left <= 5; left++) {
        struct term *t = engine(80, 24);
        while (buf_room(term_replies(t)) > left)
            buf_put_u8(term_replies(t), 'x');
        say(t, "\033[5n");
        assert_int_equal(buf_len(term_replies(t)), TERM_REPLY_MAX - left + (left >= 4 ? 4 : 0));
        say(t, "\033[5n");
        assert_int_equal(buf_len(term_replies(t)), TERM_REPLY_MAX - left + (left >= 4 ? 4 : 0));
        term_free(t);
    }
}

/* More links than the table holds, all on the screen: the oldest are none any more, nothing else
 * suffers, and an old snapshot still has its text. */
static void flood_of_links(void **state)
{
    (void)state;
    struct term *t = engine(80, 100);
    char s[64];
    say(t, "\033]8;;u:first\033\\F");
    struct snapshot *old = term_snapshot(t);
    uint32_t first = row_pen(snapshot_row(old, 0), 0).link;
    assert_string_equal(links_uri(old->links, first), "u:first");
    for (int i = 0; i < LINKS_MAX; i++) {
        snprintf(s, sizeof s, "\033]8;;u:%d\033\\x", i);
        say(t, s);
    }
    struct snapshot *now = term_snapshot(t);
    assert_null(links_uri(old->links, first));
    assert_int_equal(row_pen(snapshot_row(now, 0), 0).link, first);
    uint32_t link = row_pen(snapshot_row(now, 0), 1).link;
    assert_string_equal(links_uri(now->links, link), "u:0");
    snapshot_unref(old);
    snapshot_unref(now);
    term_free(t);
}

static void titles_are_capped_at_characters(void **state)
{
    struct term *t = engine(80, 24);
    say(t, "\033]2;x");
    for (int i = 0; i < 2000; i++)
        say(t, "\u00e9");
    say(t, "\a");
    struct snapshot *s = term_snapshot(t);
    assert_int_equal(strlen(s->title), TITLE_MAX - 1);
    assert_memory_equal(s->title + TITLE_MAX - 3, "\u00e9", 2);
    snapshot_unref(s);
    term_free(t);
}

static int width_calls;
static int odd_width(void *ctx, uint32_t cp)
{
    width_calls++;
    return cp == 0x4e2d ? *(int *)ctx : 1;
}

static void width_function_is_asked(void **state)
{
    int w = 1;
    struct term_config c = {.cols = 10, .rows = 2, .width = odd_width, .width_ctx = &w};
    struct term *t = term_new(&c);
    say(t, "\u4e2d");
    w = 2;
    say(t, "\u4e2d");
    w = -1;
    say(t, "\u4e2d\u00e9x");
    struct snapshot *s = term_snapshot(t);
    assert_int_equal(s->cursor.col, 5);
    snapshot_unref(s);
    term_free(t);
}

/* A screen's worth at most. */
static void repeat_is_bounded(void **state)
{
    struct term *t = engine(50, 2);
    say(t, "\u4e2d\033[65535b"); /* 100 of them on lines of 25 */
    assert_int_equal(history_end(term_history(t)), 3);
    term_free(t);
}

/* Towards stock peers widths must be glibc's: this counts every code point that differs, but for
 * those that only one of the two knows (they may have other Unicode versions). */
static void width_equals_wcwidth(void **state)
{
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        fail_msg("no C.UTF-8 locale");
    int differ = 0;
    for (uint32_t cp = 0x100; cp <= 0x10ffff; cp++)
        if (term_width(NULL, cp) >= 0 && wcwidth((wchar_t)cp) >= 0 &&
            term_width(NULL, cp) != wcwidth((wchar_t)cp)) {
            if (differ++ < 10)
                print_message("U+%04X: %d, wcwidth %d\n", cp, term_width(NULL, cp),
                              wcwidth((wchar_t)cp));
        }
    assert_int_equal(differ, 0);
    assert_int_equal(term_width(NULL, 0xad), 1);
    assert_int_equal(term_width(NULL, 0x110000), -1);
    assert_int_equal(term_width(NULL, UINT32_MAX), -1);
}

static void screen_lines_and_history_join(void **state)
{
    struct term *t = engine(10, 3);
    char line[16];
    for (int i = 0; i < 500; i++) {
        snprintf(line, sizeof line, "%s%d", i ? "\r\n" : "", i);
        say(t, line);
    }
    struct history *h = term_history(t);
    assert_int_equal(history_end(h), 497);
    struct snapshot *s = term_snapshot(t);
    assert_int_equal(s->history_end, 497);
    for (uint64_t n = 0; n < 500; n++) {
        const struct row *r = n < 497 ? history_line(h, n) : s->main_row[n - 497];
        char got[16] = "";
        for (uint16_t c = 0; c < r->used; c++)
            got[c] = (char)r->cell[c].text;
        assert_int_equal(atoi(got), n);
    }
    snapshot_unref(s);
    term_free(t);
}

struct seen {
    char text[256];
};
static void on_event(void *ctx, enum term_event_kind kind, const uint8_t *text, size_t len)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%d<%.*s>", kind, (int)len,
             text ? (const char *)text : "");
}

static void events_in_order(void **state)
{
    struct term *t = engine(10, 3);
    struct seen s = {""};
    term_set_events(t, (struct term_events){on_event, &s});
    say(t, "\a\033]0;a\a\033]52;c;QQ==\a\033[3J\a");
    char want[64];
    snprintf(want, sizeof want, "%d<>%d<a>%d<c;QQ==>%d<>%d<>", TERM_BELL, TERM_TITLE, TERM_CLIP,
             TERM_CLEAR_HISTORY, TERM_BELL);
    assert_string_equal(s.text, want);
    term_free(t);
}

/* An idle engine is small: rows are made when they are written. */
static void fresh_engine_owns_no_rows(void **state)
{
    assert_true(sizeof(struct term) <= 4096);
    struct term *t = engine(SCREEN_MAX, SCREEN_MAX);
    for (int i = 0; i < SCREEN_MAX; i++)
        assert_ptr_equal(t->main.row[i], &row_blank_row);
    assert_null(t->alt.row);
    term_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshot_is_cached),
        cmocka_unit_test(only_the_written_row_is_cloned),
        cmocka_unit_test(scrolling_moves_pointers),
        cmocka_unit_test(erasing_costs_no_cells),
        cmocka_unit_test(cutting_input_changes_nothing),
        cmocka_unit_test(loaded_engine_stands_at_the_snapshot),
        cmocka_unit_test(new_lines_of_a_loaded_engine_have_new_numbers),
        cmocka_unit_test(sizes_are_clamped),
        cmocka_unit_test(replies_are_capped_and_whole),
        cmocka_unit_test(replies_below_at_above_cap),
        cmocka_unit_test(flood_of_links),
        cmocka_unit_test(titles_are_capped_at_characters),
        cmocka_unit_test(width_function_is_asked),
        cmocka_unit_test(repeat_is_bounded),
        cmocka_unit_test(width_equals_wcwidth),
        cmocka_unit_test(screen_lines_and_history_join),
        cmocka_unit_test(events_in_order),
        cmocka_unit_test(fresh_engine_owns_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
