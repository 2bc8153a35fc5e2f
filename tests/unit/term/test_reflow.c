/* Whatever sizes a screen goes through, its lines stay the lines that were printed. */
#include "base/buf.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "term/history.h"
#include "term/row_edit.h"
#include "term/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINES = 60 };

static void put_row(struct buf *b, const struct row *r)
{
    uint16_t end = r->wrapped || !row_padded(r) ? r->used : r->padded;
    uint8_t u[CELL_UTF8_MAX];
    for (uint16_t c = 0; c < end; c++)
        buf_put(b, u, row_text(r, c, u));
    if (!r->wrapped && !row_padded(r))
        buf_put_u8(b, '\n');
}

/* Kept history and screen, soft-wrapped rows joined; blank lines at the end left out. */
static void put_all(struct buf *b, struct term *t)
{
    struct history *h = term_history(t);
    for (uint64_t n = history_next(h, 0); n < history_end(h); n = history_next(h, n + 1))
        put_row(b, history_line(h, n));
    struct snapshot *s = term_snapshot(t);
    for (uint16_t i = 0; i < s->rows; i++)
        put_row(b, s->main_row[i]);
    snapshot_unref(s);
    size_t len = buf_len(b);
    while (len > 1 && !memcmp(buf_data(b) + len - 2, "\n\n", 2))
        buf_trim(b, --len);
}

static void print_lines(struct rng *r, struct term *t, struct buf *want)
{
    for (int i = 0; i < LINES; i++) {
        struct buf line;
        buf_init(&line, 1 << 16);
        for (uint32_t n = rng_below(r, 4) ? rng_below(r, 30) : rng_below(r, 300); n--;) {
            uint8_t u[UTF8_MAX];
            uint32_t k = rng_below(r, 9);
            uint32_t cp = k < 6 ? 'a' + rng_below(r, 26) : k < 8 ? 0x4e00 + rng_below(r, 99) : 0xe9;
            buf_put(&line, u, utf8_put(u, cp));
            if (k == 8)
                buf_put(&line, "\xcc\x81", 2);
        }
        buf_put_u8(&line, '.');
        buf_put(want, buf_data(&line), buf_len(&line));
        buf_put_u8(want, '\n');
        if (i)
            term_write(t, "\r\n", 2);
        if (rng_below(r, 3) == 0)
            term_write(t, "\033[1;58:5:3m", 11);
        term_write(t, buf_data(&line), buf_len(&line));
        term_write(t, "\033[m", 3);
        buf_fini(&line);
    }
}

static void lines_stay(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct rng r = {seed};
        struct buf want;
        buf_init(&want, 1 << 20);
        struct term *t =
            term_new(&(struct term_config){.cols = 40, .rows = 10, .history_bytes = 1 << 22});
        print_lines(&r, t, &want);
        uint64_t end = 0;
        for (int i = 0; i < 60; i++) {
            struct buf got;
            buf_init(&got, 1 << 20);
            put_all(&got, t);
            if (buf_len(&got) != buf_len(&want) ||
                memcmp(buf_data(&got), buf_data(&want), buf_len(&got))) {
                buf_put_u8(&got, 0);
                buf_put_u8(&want, 0);
                fail_msg("seed %d, resize %d:\n%s\n---- not\n%s", (int)seed, i, buf_data(&got),
                         buf_data(&want));
            }
            buf_fini(&got);
            struct snapshot *s = term_snapshot(t);
            /* The cursor stands behind the last character, which is a full stop. */
            uint16_t at = s->cursor.col;
            const struct cell *dot =
                &s->main_row[s->cursor.row]->cell[s->cursor.pending ? at : at - 1];
            if (dot->text != '.')
                fail_msg("seed %d, resize %d, %dx%d: cursor %d,%d%s", (int)seed, i, s->cols,
                         s->rows, s->cursor.row, at, s->cursor.pending ? " pending" : "");
            assert_true(s->history_end >= end);
            assert_true(s->history_end - end <= 40 * 40u); /* a few screenfuls at most */
            end = s->history_end;
            snapshot_unref(s);
            uint16_t rows = (uint16_t)(2 + rng_below(&r, 20));
            term_resize(t, (uint16_t)(2 + rng_below(&r, rng_below(&r, 2) ? 10 : 90)), rows);
        }
        term_free(t);
        buf_fini(&want);
    }
}

/* However much history there is, a resize takes at most two screenfuls of it back. */
static void a_storm_is_bounded(void **state)
{
    (void)state;
    struct term *t =
        term_new(&(struct term_config){.cols = 80, .rows = 24, .history_bytes = 1 << 24});
    for (int i = 0; i < 50000; i++)
        term_write(t, "0123456789012345678901234567890123456789\r\n", 42);
    /* and one line without an end */
    for (int i = 0; i < 5000; i++)
        term_write(t, "012345678901234567890123456789012345678901234567890123456789", 60);
    uint64_t end = history_end(term_history(t)), kept = history_kept(term_history(t));
    for (unsigned i = 0; i < 500; i++) {
        unsigned rows = i % 7 == 0 ? 60 : 24;
        term_resize(t, (uint16_t)(20 + i * 37 % 200), (uint16_t)rows);
        uint64_t now = history_end(term_history(t));
        assert_true(now - end <= 10 * 60);
        end = now;
    }
    assert_true(history_kept(term_history(t)) + 40000 > kept);
    term_free(t);
}

static void tiny_sizes(void **state)
{
    (void)state;
    struct term *t = term_new(&(struct term_config){.cols = 10, .rows = 3, .history_bytes = 4096});
    term_write(t, "ab\xe4\xb8\xad\xe6\x96\x87\r\nxyz", 13);
    term_resize(t, 1, 1);
    struct snapshot *s = term_snapshot(t);
    assert_int_equal(s->main_row[0]->cell[0].text, 'z');
    snapshot_unref(s);
    term_resize(t, SCREEN_MAX, SCREEN_MAX);
    term_resize(t, 1, SCREEN_MAX);
    term_resize(t, 2, 2);
    term_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_stay),
        cmocka_unit_test(a_storm_is_bounded),
        cmocka_unit_test(tiny_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
