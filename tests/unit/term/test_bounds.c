/* Named caps, each one below, at, and one above. Those that are not here: the table "Caps" of
 * docs/SEQUENCES.md says where they are. */
#include "term/engine.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "term/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct term *engine(void)
{
    return term_new(&(struct term_config){.cols = 80, .rows = 24, .history_bytes = 1 << 20});
}

static void say(struct term *t, const char *text)
{
    term_write(t, text, strlen(text));
}

static void say_times(struct term *t, const char *text, size_t n)
{
    while (n--)
        say(t, text);
}

static struct cursor cursor(struct term *t)
{
    struct snapshot *s = term_snapshot(t);
    struct cursor c = s->cursor;
    snapshot_unref(s);
    return c;
}

/* Characters of a parameter string. */
static void parameter_characters(void **state)
{
    (void)state;
    for (unsigned n = PARSER_PARAM_CHARS - 1; n <= PARSER_PARAM_CHARS + 1; n++) {
        struct term *t = engine();
        say(t, "\033[5G\033[");
        say_times(t, "0", n - 1);
        say(t, "9G");
        assert_int_equal(cursor(t).col, n <= PARSER_PARAM_CHARS ? 8 : 0);
        term_free(t);
    }
    struct term *t = engine();
    say(t, "\033[5G\033[");
    say_times(t, "9", 3000000); /* a number of millions of digits */
    say(t, "Gx");
    assert_true(cursor(t).col < 80);
    term_free(t);
}

/* The number of parameters follows from that. */
static void parameters(void **state)
{
    (void)state;
    for (unsigned n = PARSER_PARAMS - 1; n <= PARSER_PARAMS + 1; n++) {
        struct term *t = engine();
        say(t, "\033[");
        for (unsigned i = 1; i < n; i++)
            say(t, ";");
        say(t, "1mx"); /* n parameters: the last one counts if its character does */
        struct snapshot *s = term_snapshot(t);
        assert_int_equal(s->pen.attr & ATTR_BOLD, n - 1 < PARSER_PARAM_CHARS ? ATTR_BOLD : 0);
        snapshot_unref(s);
        term_free(t);
    }
}

static void intermediates(void **state)
{
    (void)state;
    for (unsigned n = PARSER_INTERS - 1; n <= PARSER_INTERS + 1; n++) {
        struct term *t = engine();
        say(t, "ab\033[");
        say_times(t, "!", n);
        say(t, "pcd");
        assert_int_equal(cursor(t).col,
                         4); /* nothing is printed of it, nothing is lost behind it */
        say(t, "\033");
        say_times(t, " ", n);
        say(t, "Fe");
        assert_int_equal(cursor(t).col, 5);
        term_free(t);
    }
}

/* A question at the end of an OSC string that is as long as can be is answered. */
static void osc_characters(void **state)
{
    (void)state;
    static const char set[] = ";1;#123456", ask[] = ";1;?";
    for (size_t n = PARSER_OSC_CHARS - 1; n <= PARSER_OSC_CHARS + 1; n++) {
        struct term *t = engine();
        size_t used = 1 + strlen(ask);
        say(t, "\033]4");
        for (; (n - used) % strlen(set); used += strlen(set) - 3)
            say(t, ";1;#123");
        for (; used < n; used += strlen(set))
            say(t, set);
        say(t, ask);
        say(t, "\a");
        assert_int_equal(buf_len(term_replies(t)) != 0, n <= PARSER_OSC_CHARS);
        term_free(t);
    }
}

/* Text of that many bytes is kept whole, of more it is cut. */
static void titles(void **state)
{
    (void)state;
    for (unsigned n = TITLE_MAX - 1; n <= TITLE_MAX + 1; n++) {
        struct term *t = engine();
        say(t, "\033]2;");
        say_times(t, "t", n);
        say(t, "\a");
        struct snapshot *s = term_snapshot(t);
        assert_int_equal(strlen(s->title), n < TITLE_MAX ? n : TITLE_MAX);
        snapshot_unref(s);
        say(t, "\033]2;");
        say_times(t, "t", n - 3);
        say(t, "\xe4\xb8\xad\a"); /* not cut within a character */
        s = term_snapshot(t);
        assert_int_equal(strlen(s->title), n <= TITLE_MAX ? n : n - 3);
        snapshot_unref(s);
        term_free(t);
    }
}

/* A cell takes marks while its text is shorter than the cap. */
static void marks(void **state)
{
    (void)state;
    for (unsigned n = CLUSTER_BYTES - 1; n <= CLUSTER_BYTES + 1; n++) {
        struct term *t = engine();
        /* One base of as many bytes that the marks, of two each, come to n. */
        say(t, n % 2 ? "e" : "\xc3\xa9");
        say_times(t, "\xcc\x81", (n - (n % 2 ? 1 : 2)) / 2);
        uint8_t text[CELL_UTF8_MAX];
        struct snapshot *s = term_snapshot(t);
        assert_int_equal(row_text(s->main_row[0], 0, text), n);
        snapshot_unref(s);
        say(t, "\xcc\x81");
        s = term_snapshot(t);
        assert_int_equal(row_text(s->main_row[0], 0, text), n < CLUSTER_BYTES ? n + 2 : n);
        snapshot_unref(s);
        say_times(t, "\xcc\x81", 10000);
        s = term_snapshot(t);
        assert_true(row_text(s->main_row[0], 0, text) <= CLUSTER_BYTES + 3);
        assert_int_equal(s->cursor.col, 1);
        snapshot_unref(s);
        term_free(t);
    }
}

static void pen_stack(void **state)
{
    (void)state;
    for (int n = PENS_MAX - 1; n <= PENS_MAX + 1; n++) {
        struct term *t = engine();
        char text[32];
        for (int i = 0; i < n; i++) {
            snprintf(text, sizeof text, "\033[38;5;%dm\033[#{", i + 1);
            say(t, text);
        }
        for (int i = n; i > 0; i--) { /* one that did not fit brings nothing back */
            say(t, "\033[m\033[#}");
            struct snapshot *s = term_snapshot(t);
            assert_int_equal(s->pen.fg, i > PENS_MAX ? 0 : COLOUR_PALETTE | (uint32_t)i);
            snapshot_unref(s);
        }
        say(t, "\033[m\033[#}");
        struct snapshot *s = term_snapshot(t);
        assert_int_equal(s->pen.fg, 0); /* empty now */
        snapshot_unref(s);
        term_free(t);
    }
}

static void screens(void **state)
{
    (void)state;
    for (unsigned n = SCREEN_MAX - 1; n <= SCREEN_MAX + 1; n++) {
        struct term *t =
            term_new(&(struct term_config){.cols = (uint16_t)n, .rows = 2, .history_bytes = 4096});
        say(t, "\033[65535G");
        assert_int_equal(cursor(t).col, (n < SCREEN_MAX ? n : SCREEN_MAX) - 1);
        term_resize(t, 2, (uint16_t)n);
        say(t, "\033[65535d");
        assert_int_equal(cursor(t).row, (n < SCREEN_MAX ? n : SCREEN_MAX) - 1);
        term_free(t);
    }
}

static void runs_of_text(void **state)
{
    (void)state;
    for (unsigned n = PARSER_RUNES - 1; n <= PARSER_RUNES + 1; n++) {
        struct term *t = term_new(&(struct term_config){.cols = 600, .rows = 2});
        uint8_t text[3 * (PARSER_RUNES + 1)];
        for (unsigned i = 0; i < n; i++)
            memcpy(text + 3 * i, "\xe4\xb8\xad", 3);
        term_write(t, text, 3 * (size_t)n);
        assert_int_equal(cursor(t).col, 2 * n);
        term_free(t);
    }
}

static void history_blocks(void **state)
{
    (void)state;
    for (unsigned n = HISTORY_BLOCK_LINES - 1; n <= HISTORY_BLOCK_LINES + 1; n++) {
        struct history *h = history_new(64 << 20);
        for (unsigned i = 0; i < n; i++)
            history_append(h, &row_blank_row);
        for (unsigned i = 0; i < n; i++)
            assert_non_null(history_line(h, i));
        assert_null(history_line(h, n));
        history_free(h);
    }
    /* Blocks that a row fills, nearly or with a byte too much. */
    for (unsigned used = 3000; used <= SCREEN_MAX; used += 13) {
        struct history *h = history_new(64 << 20);
        struct row *r = row_new((uint16_t)used, 5);
        row_reach(r, (uint16_t)used);
        for (unsigned i = 0; i < used; i++)
            r->cell[i] = (struct cell){'a' + i % 26, 0, 0};
        unsigned lines = 2 * HISTORY_BLOCK / used;
        for (unsigned i = 0; i < lines; i++)
            history_append(h, r);
        for (unsigned i = 0; i < lines; i++)
            assert_true(row_equal(history_line(h, i), r, (uint16_t)used));
        row_unref(r);
        history_free(h);
    }
}

struct clips {
    size_t len;
    unsigned n;
};

static void on_event(void *ctx, enum term_event_kind kind, const uint8_t *text, size_t len)
{
    struct clips *c = ctx;
    (void)text;
    if (kind == TERM_CLIP) {
        c->len = len;
        c->n++;
    }
}

static void clipboard(void **state)
{
    (void)state;
    char *data = mem_new(TERM_CLIP_DATA + 8, 1);
    memset(data, 'A', TERM_CLIP_DATA + 8);
    for (size_t n = TERM_CLIP_DATA - 4; n <= TERM_CLIP_DATA + 4; n += 4) {
        struct term *t = engine();
        struct clips c = {0};
        term_set_events(t, (struct term_events){.event = on_event, .ctx = &c});
        say(t, "\033]52;c;");
        term_write(t, data, n);
        say(t, "\a");
        assert_int_equal(c.n, n <= TERM_CLIP_DATA);
        term_free(t);
    }
    for (size_t n = CLIP_MAX - 6; n <= CLIP_MAX + 2; n += 4) { /* "c;" and a multiple of four */
        struct term *t = engine();
        say(t, "\033]52;c;");
        term_write(t, data, n / 4 * 4);
        say(t, "\a");
        struct snapshot *s = term_snapshot(t);
        assert_true(!s->clip || strlen(s->clip) <= CLIP_MAX);
        snapshot_unref(s);
        term_free(t);
    }
    free(data);
}

/* Every ill-formed part is one U+FFFD (Unicode, table 3-8), and text behind it is read. */
static void bad_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        unsigned bad;
    } all[] = {
        {"\x80", 1},
        {"\xbf", 1},
        {"\xc0\xaf", 2},
        {"\xc1\xbf", 2},
        {"\xc3", 1},
        {"\xe0\x80\xaf", 3},
        {"\xe0\x9f\xbf", 3},
        {"\xe4\xb8", 1},
        {"\xe4", 1},
        {"\xed\xa0\x80", 3},
        {"\xed\xbf\xbf", 3},
        {"\xf0\x80\x80\xaf", 4},
        {"\xf0\x9f\x98", 1},
        {"\xf0\x9f", 1},
        {"\xf4\x90\x80\x80", 4},
        {"\xf5\x80\x80\x80", 4},
        {"\xf8\x88\x80\x80\x80", 5},
        {"\xfc\x84\x80\x80\x80\x80", 6},
        {"\xfe", 1},
        {"\xff", 1},
        {"\xe4\xb8\xe4\xb8", 2},
        {"\xf0\x9f\xf0\x9f\xf0", 3},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        for (int byte_by_byte = 0; byte_by_byte < 2; byte_by_byte++) {
            struct term *t = engine();
            size_t len = strlen(all[i].bytes);
            for (size_t k = 0; byte_by_byte && k < len; k++)
                term_write(t, all[i].bytes + k, 1);
            if (!byte_by_byte)
                term_write(t, all[i].bytes, len);
            say(t, "x");
            struct snapshot *s = term_snapshot(t);
            assert_int_equal(s->cursor.col, all[i].bad + 1);
            for (unsigned c = 0; c < all[i].bad; c++)
                assert_int_equal(row_cell(s->main_row[0], (uint16_t)c).text, UTF8_BAD);
            snapshot_unref(s);
            term_free(t);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameter_characters),
        cmocka_unit_test(parameters),
        cmocka_unit_test(intermediates),
        cmocka_unit_test(osc_characters),
        cmocka_unit_test(titles),
        cmocka_unit_test(marks),
        cmocka_unit_test(pen_stack),
        cmocka_unit_test(screens),
        cmocka_unit_test(runs_of_text),
        cmocka_unit_test(history_blocks),
        cmocka_unit_test(clipboard),
        cmocka_unit_test(bad_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
