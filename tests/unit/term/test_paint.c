#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "random_program.h"
#include "term/colour.h"
#include "term/paint.h"
#include "term/term.h"

#include <string.h>

#define COLS 20
#define ROWS 4

static const struct paint_caps all = {.rich = true,
                                      .colon = true,
                                      .rgb = true,
                                      .colours = 256,
                                      .bce = true,
                                      .ech = true,
                                      .firm = true,
                                      .wrap = true};
static const struct pen no_pen;

static struct snapshot *screen(const char *text)
{
    struct term *t = term_new(&(struct term_config){.cols = COLS, .rows = ROWS});
    term_write(t, text, strlen(text));
    struct snapshot *s = term_snapshot(t);
    term_free(t);
    return s;
}

static const struct row *const *rows_of(const struct snapshot *s)
{
    return (const struct row *const *)s->main_row;
}

/* What is said to bring `before` to `after`, the cursor being home. */
static void expect(struct paint_caps caps, const char *before, const char *after, const char *want)
{
    struct snapshot *from = screen(before), *to = screen(after);
    struct buf b;
    struct paint p;
    buf_init(&b, 4096);
    paint_init(&p, &b, caps, COLS, ROWS);
    paint_begin(&p, 0, 0, &no_pen);
    paint_grid(&p, rows_of(from), rows_of(to), NULL, 0);
    buf_put_u8(&b, 0);
    assert_string_equal((const char *)buf_data(&b), want);
    buf_fini(&b);
    snapshot_unref(from);
    snapshot_unref(to);
}

static void paints_runs(void **state)
{
    (void)state;
    expect(all, "", "", "");
    expect(all, "abc", "abc", "");
    expect(all, "abcdef", "aXcdef", "\033[CX");
    expect(all, "abcdefghij", "aXcdefghiY", "\033[CX\033[7CY");
    expect(all, "abcdef", "aXcdYf", "\033[CXcdY"); /* a short gap is written again */
    expect(all, "a\r\nb", "c\r\nd", "c\r\nd");
    expect(all, "abcdef", "ab", "\033[2C\033[K");
    expect(all, "abcdefghijklmno", "a             no", "\033[C\033[13X\033[13Cno");
}

static void erases_with_the_background(void **state)
{
    (void)state;
    expect(all, "", "\033[44mab\033[K", "\033[44mab\033[K");
    expect(all, "x", "\033[44m\033[K", "\033[44m\033[K");
    struct paint_caps plain = all;
    plain.bce = false;
    expect(plain, "", "\033[44mab\033[K", "\033[44mab                  ");
    /* A pen that would show on erased cells is put down first. */
    expect(all, "abc", "\033[7mx\033[27m\033[K", "\033[0;7mx\033[m\033[K");
    expect(all, "abc", "\033[1mx\033[22m\033[K", "\033[0;1mx\033[K");
}

static void keeps_wide_characters_whole(void **state)
{
    (void)state;
    expect(all, "\u4e2d\u6587", "x", "x\033[K");
    expect(all, "a\u4e2db", "\u4e2dcb", "\u4e2dc");
    expect(all, "\u4e2d", "\u6587", "\u6587");
    expect(all, "\u4e2d", "\033[31m\u4e2d", "\033[31m\u4e2d");
    expect(all, "", "\u4e2de\u0301\u0301", "\u4e2de\u0301\u0301");
    expect(all, "", "\033[5G\u0301", "\033[4C\u00a0\u0301");
}

static void makes_wrap_marks(void **state)
{
    (void)state;
    expect(all, "", "0123456789abcdefghijk", "0123456789abcdefghijk");
    expect(all, "0123456789abcdefghij\r\nk", "0123456789abcdefghijk", "\033[19Cjk");
    expect(all, "0123456789abcdefghijk", "0123456789abcdefghij\r\nk", "\033[19Cj");
    expect(all, "0123456789abcdefghijk", "0123456789abcdefghiXk", "\033[19CXk");
    struct paint_caps cut = all;
    cut.wrap = false;
    expect(cut, "", "0123456789abcdefghijk", "0123456789abcdefghij\r\nk");
    expect(cut, "0123456789abcdefghij\r\nk", "0123456789abcdefghijk", "");
}

static void repaints_unknown_rows(void **state)
{
    (void)state;
    struct snapshot *to = screen("ab\r\n\r\nc");
    const struct row *from[ROWS] = {NULL, NULL, to->main_row[2], to->main_row[3]};
    struct buf b;
    struct paint p;
    buf_init(&b, 4096);
    paint_init(&p, &b, all, COLS, ROWS);
    paint_grid(&p, from, rows_of(to), NULL, 0);
    buf_put_u8(&b, 0);
    assert_string_equal((const char *)buf_data(&b), "\033[H\033[m\033[Kab\r\n\033[K");
    buf_fini(&b);
    snapshot_unref(to);
}

static void degrades_pens(void **state)
{
    (void)state;
    static const char rich[] = "\033[1;2;4:3;9;53;38;2;255;0;0;48;5;200m\033[58:2::1:2:3mx";
    expect(all, "", rich, "\033[0;1;2;4:3;9;53;38;2;255;0;0;48;5;200;58:2::1:2:3mx");
    struct paint_caps c = {.rgb = true, .colours = 256};
    expect(c, "", rich, "\033[0;1;4;38;2;255;0;0;48;5;200mx");
    c.rgb = false;
    expect(c, "", rich, "\033[0;1;4;38;5;196;48;5;200mx");
    c.colours = 16;
    expect(c, "", rich, "\033[0;1;4;91;105mx");
    c.colours = 8;
    expect(c, "", rich, "\033[0;1;4;31;45mx");
    c.colours = 0;
    expect(c, "", rich, "\033[0;1;4mx");
}

static void fits_colours(void **state)
{
    (void)state;
    assert_int_equal(colour_fit(COLOUR_RGB | 0x123456, true, 256), COLOUR_RGB | 0x123456);
    assert_int_equal(colour_fit(COLOUR_RGB | 0xffffff, false, 256), COLOUR_PALETTE | 231);
    assert_int_equal(colour_fit(COLOUR_RGB | 0x808080, false, 256), COLOUR_PALETTE | 244);
    assert_int_equal(colour_fit(COLOUR_PALETTE | 200, false, 256), COLOUR_PALETTE | 200);
    assert_int_equal(colour_fit(COLOUR_PALETTE | 9, false, 8), COLOUR_PALETTE | 1);
    assert_int_equal(colour_fit(COLOUR_DEFAULT, false, 0), COLOUR_DEFAULT);
    for (uint32_t n = 16; n < 256; n++) /* each of them is its own nearest */
        assert_int_equal(colour_fit(COLOUR_PALETTE | n, false, 256), COLOUR_PALETTE | n);
    struct rng r = {1};
    for (int i = 0; i < 10000; i++) {
        uint32_t c = COLOUR_RGB | (uint32_t)rng_below(&r, 1 << 24);
        assert_true((colour_fit(c, false, 256) & 255) >= 16);
        assert_true((colour_fit(c, false, 16) & 255) < 16);
        assert_true((colour_fit(c, false, 8) & 255) < 8);
    }
}

static void readdresses_after_disputed_widths(void **state)
{
    (void)state;
    struct paint_caps c = all;
    c.readdress = true;
    expect(c, "", "\u4e2d\u6587x", "\u4e2d\u6587x");
    expect(c, "", "\U0001f600x", "\U0001f600\033[1;3Hx");
    expect(c, "", "e\u0301x", "e\u0301x");
    expect(c, "", "\u2764\ufe0fx", "\u2764\ufe0f\033[1;2Hx");
    /* A joiner would join the next cell in some: left out. */
    expect(c, "", "e\u200dx", "e\033[1;2Hx");
    expect(c, "", "\U0001f1e9\U0001f1eax", "\U0001f1e9\033[1;2H\U0001f1ea\033[1;3Hx");
    expect(c, "", "\u2500\ue0b0x", "\u2500\ue0b0\033[1;3Hx");
    c.ambiguous_unsure = true;
    expect(c, "", "\u2500\u0416x", "\u2500\033[1;2H\u0416\033[1;3Hx");
    expect(c, "", "\u4e2d\u6587x", "\u4e2d\u6587x");
}

/* Replicas are told what their own tables may not say. */
static void tells_widths(void **state)
{
    (void)state;
    struct paint_caps c = all;
    c.sized = true;
    expect(c, "", "\u4e2d\u00e9\u2500x", "\u4e2d\u00e9\u2500x");
    expect(c, "", "\U0001f600x", "\033]66;w=2;\U0001f600\ax");
    expect(c, "", "\u2764\ufe0fx", "\033]66;w=1;\u2764\ufe0f\ax");
    expect(c, "", "e\u200dx", "\033]66;w=1;e\u200d\ax");
    expect(c, "", "e\u0301x", "e\u0301x");
}

/* For terminals whose wrap marks are not firm. */
static void guards_wrap_marks(void **state)
{
    (void)state;
    static const char wrapped[] = "0123456789abcdefghijk";
    struct paint_caps c = all;
    c.firm = false;
    expect(c, wrapped, "0X23456789abcdefghijk", "\033[CX\033[17Cjk");
    expect(c, wrapped, "0123456789abcdefghij\r\nk", "\033[19Cj\033[2H\033[Kk");
    /* Wrapped, and then the rest erased: not from column 0. */
    expect(c, wrapped, "0123456789abcdefghijk\r\033[K", "\033[2d \033[K");
    expect(all, wrapped, "0123456789abcdefghijk\r\033[K", "\n\033[K");
}

/* The bytes are the same however little room there is, and cut at the cap. */
static void writes_into_any_room(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 300; seed++) {
        struct rng r = {seed};
        struct buf program, large;
        struct paint p;
        buf_init(&program, 1 << 20);
        buf_init(&large, 1 << 20);
        program_write(&r, &program, 60, COLS, ROWS);
        buf_put_u8(&program, 0);
        struct snapshot *s = screen((const char *)buf_data(&program));
        paint_init(&p, &large, all, COLS, ROWS);
        paint_grid(&p, NULL, rows_of(s), NULL, 0);
        size_t len = buf_len(&large);
        for (size_t cap = len; cap + 3 > len && cap <= len; cap--) {
            struct buf small;
            buf_init(&small, cap);
            paint_init(&p, &small, all, COLS, ROWS);
            paint_grid(&p, NULL, rows_of(s), NULL, 0);
            assert_int_equal(buf_err(&small), cap < len ? ERR_CAP : 0);
            if (buf_len(&small))
                assert_memory_equal(buf_data(&small), buf_data(&large), buf_len(&small));
            buf_fini(&small);
        }
        snapshot_unref(s);
        buf_fini(&program);
        buf_fini(&large);
    }
}

/* ---- scrolls ---- */

static void finds_scrolls(void **state)
{
    (void)state;
    struct row *row[9];
    struct scroll s[SCROLL_MOST];
    for (uint64_t i = 0; i < 9; i++) {
        row[i] = row_new(30, 10 + i);
        row[i]->used = 30;
        memset(row[i]->cell, 0, 30 * sizeof row[i]->cell[0]);
    }
#define R(i) row[i]
    const struct row *a[] = {R(0), R(1), R(2), R(3), R(4), R(5)};
    const struct row *up[] = {R(0), R(2), R(3), R(4), R(6), R(5)};
    const struct row *down[] = {R(6), R(7), R(0), R(1), R(2), R(3)};
    const struct row *two[] = {R(1), R(2), R(6), R(7), R(3), R(4)};
    const struct row *fresh[] = {R(6), R(7), R(8), R(6), R(7), R(8)};
    const struct row *unknown[] = {NULL, NULL, NULL, NULL, NULL, NULL};
    assert_int_equal(scroll_find(a, a, 6, s), 0);
    assert_int_equal(scroll_find(a, up, 6, s), 1);
    assert_true(s[0].top == 1 && s[0].bottom == 4 && s[0].by == 1);
    for (uint16_t i = 0; i < 6; i++)
        if (i != 4)
            assert_ptr_equal(scroll_source(s, 1, a, i), up[i]);
    assert_ptr_equal(scroll_source(s, 1, a, 4), &row_blank_row);
    assert_int_equal(scroll_find(a, down, 6, s), 1);
    assert_true(s[0].top == 0 && s[0].bottom == 5 && s[0].by == -2);
    assert_int_equal(scroll_find(a, two, 6, s), 2);
    assert_true(s[0].top == 0 && s[0].bottom == 2 && s[0].by == 1);
    assert_true(s[1].top == 3 && s[1].bottom == 5 && s[1].by == -1);
    assert_int_equal(scroll_find(a, fresh, 6, s), 0);
    assert_int_equal(scroll_find(unknown, a, 6, s), 0);
    assert_int_equal(scroll_find(NULL, a, 6, s), 0);
    assert_int_equal(scroll_find(a, NULL, 6, s), 0);
    for (int i = 0; i < 9; i++)
        row_unref(row[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paints_runs),
        cmocka_unit_test(erases_with_the_background),
        cmocka_unit_test(keeps_wide_characters_whole),
        cmocka_unit_test(makes_wrap_marks),
        cmocka_unit_test(repaints_unknown_rows),
        cmocka_unit_test(degrades_pens),
        cmocka_unit_test(fits_colours),
        cmocka_unit_test(readdresses_after_disputed_widths),
        cmocka_unit_test(tells_widths),
        cmocka_unit_test(guards_wrap_marks),
        cmocka_unit_test(writes_into_any_room),
        cmocka_unit_test(finds_scrolls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
