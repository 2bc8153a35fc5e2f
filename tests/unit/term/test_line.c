#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "random_program.h"
#include "term/line.h"
#include "term/term.h"

#include <stdio.h>
#include <string.h>

static void same_again(const struct row *r)
{
    struct buf b;
    struct row *got = NULL;
    buf_init(&b, LINE_BYTES_MAX + 64);
    line_put(&b, r);
    assert_int_equal(buf_err(&b), 0);
    struct reader in = reader_of(buf_data(&b), buf_len(&b));
    assert_int_equal(line_get(&in, &got), 1);
    assert_int_equal(in.len, 0);
    assert_int_equal(got->used, r->used);
    assert_true(row_equal(got, r, r->used));
    assert_int_equal(got->mark, r->mark);
    /* What was read is written the same. */
    size_t len = buf_len(&b);
    line_put(&b, got);
    assert_int_equal(buf_len(&b), 2 * len);
    assert_memory_equal(buf_data(&b), buf_data(&b) + len, len);
    row_unref(got);
    buf_fini(&b);
}

static void rows_of_programs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct rng r = {seed};
        uint16_t cols = (uint16_t)(1 + rng_below(&r, 200));
        struct term *t = term_new(&(struct term_config){.cols = cols, .rows = 20});
        struct buf b;
        buf_init(&b, 1 << 20);
        program_write(&r, &b, 200, cols, 20);
        term_write(t, buf_data(&b), buf_len(&b));
        struct snapshot *s = term_snapshot(t);
        for (uint16_t i = 0; i < s->rows; i++)
            same_again(snapshot_row(s, i));
        snapshot_unref(s);
        term_free(t);
        buf_fini(&b);
    }
}

/* Plain text costs its bytes and three more. */
static void plain_text_is_short(void **state)
{
    (void)state;
    struct term *t = term_new(&(struct term_config){.cols = 80, .rows = 2});
    term_write(t, "hello world", 11);
    struct snapshot *s = term_snapshot(t);
    struct buf b;
    buf_init(&b, 100);
    line_put(&b, s->main_row[0]);
    assert_int_equal(buf_len(&b), 11 + 3);
    snapshot_unref(s);
    term_free(t);
    buf_fini(&b);
}

/* A line as long as can be fits, whatever is in it; what is beyond the cap is cut off. */
static void long_lines_are_cut(void **state)
{
    (void)state;
    struct term *t = term_new(&(struct term_config){.cols = 4096, .rows = 1});
    for (int i = 0; i < 4096; i++) {
        char text[80];
        int n = snprintf(text, sizeof text, "\033[38;2;1;2;%d;4:3;58:2::9:9:%dm%s", i & 255,
                         i & 127, i & 1 ? "\xf0\x9f\x98\x80" : "e\xcc\x81\xcc\x82\xcc\x83");
        term_write(t, text, (size_t)n);
    }
    struct snapshot *s = term_snapshot(t);
    struct buf b;
    struct row *got;
    buf_init(&b, LINE_BYTES_MAX);
    line_put(&b, s->main_row[0]);
    assert_int_equal(buf_err(&b), 0);
    struct reader in = reader_of(buf_data(&b), buf_len(&b));
    assert_int_equal(line_get(&in, &got), 1);
    assert_true(got->used > 500 && got->used < 4096);
    assert_true(row_equal(got, s->main_row[0], (uint16_t)(got->used)));
    row_unref(got);
    snapshot_unref(s);
    term_free(t);
    buf_fini(&b);
}

static void refuses_nonsense(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\x11", 1},                     /* text without characters */
        {"\x11\x1b\x00", 3},             /* a control */
        {"\x11\xc2\x9b\x00", 4},         /* CSI as C1 */
        {"\x21\x41", 2},                 /* two characters, one there */
        {"\x41", 1},                     /* no END */
        {"\x05\x00", 2},                 /* an empty cluster */
        {"\x15\x07\x00", 3},             /* a control in a cluster */
        {"\x04\x00", 2},                 /* an empty pen */
        {"\xf3\xff\xff\xff\x0f\x00", 6}, /* more blanks than a line has columns */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11},
        {"\xf8\xff\x01\x00", 4}, /* an unknown operation longer than what is there */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reader in = reader_of(bad[i].bytes, bad[i].len);
        struct row *row;
        assert_int_equal(line_get(&in, &row), ERR_SYNTAX);
        assert_null(row);
    }
    /* Later versions' operations are passed over. */
    struct reader in = reader_of("\x28xy\x11z\x10", 6);
    struct row *row;
    assert_int_equal(line_get(&in, &row), 1);
    assert_int_equal(row->used, 1);
    assert_true(row->wrapped);
    assert_int_equal(row->mark, 0);
    row_unref(row);
    in = reader_of("\xe0\x07", 2); /* and bits of END */
    assert_int_equal(line_get(&in, &row), 1);
    assert_false(row->wrapped);
    assert_int_equal(row->mark, ROW_PROMPT);
    row_unref(row);
    assert_int_equal(line_get(&in, &row), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_programs),
        cmocka_unit_test(plain_text_is_short),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(refuses_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
