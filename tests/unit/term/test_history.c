#include "term/history.h"

#include "base/rng.h"
#include "term/row_edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A line of n equal letters in a row with room for 80. */
static struct row *line(char c, uint16_t n)
{
    struct row *r = row_new(80, 1000u + (unsigned char)c);
    for (; r->used < n; r->used++)
        r->cell[r->used] = (struct cell){(uint32_t)c, 0, 0};
    return r;
}

/* A row of every kind of cell. */
static struct row *random_row(struct rng *rng)
{
    uint16_t n = (uint16_t)rng_below(rng, 200);
    struct row *r = row_new(n, 9);
    struct pen p = {0};
    bool plain = rng_below(rng, 3) == 0;
    r->wrapped = rng_below(rng, 4) == 0;
    r->mark = n % 3 ? 0 : ROW_PROMPT;
    while (r->used < n) {
        uint16_t col = r->used;
        if (!plain && rng_below(rng, 8) == 0) {
            p = (struct pen){.fg = COLOUR_RGB | (rng_below(rng, 1 << 24) & 0xffffff),
                             .attr = (uint16_t)(rng_below(rng, 1 << 11) & ~(7u << 8))};
            p.ul = rng_below(rng, 3) ? 0 : COLOUR_PALETTE | rng_below(rng, 256);
        }
        struct pen q = p;
        q.attr = (uint16_t)(q.attr | (q.ul ? ATTR_EXT : 0));
        uint32_t kind = plain ? 0 : rng_below(rng, 6);
        row_reach(r, (uint16_t)(col + 1));
        r->cell[col] = cell_make(kind < 2 ? 33 + rng_below(rng, 94) : kind == 2 ? 0 : 0x4e01, &q);
        if (kind > 3 && r->used < n) {
            r->cell[col].text |= CELL_WIDE;
            row_reach(r, (uint16_t)(col + 2));
            r->cell[col + 1] = cell_make(CELL_TAIL, &q);
        }
        for (uint16_t i = col; q.ul && i < r->used; i++)
            row_ext_set(r, i, &q);
        for (uint32_t k = kind == 3 || kind == 5 ? 1 + rng_below(rng, 9) : 0; k--;)
            row_combine(r, col, 0x301);
    }
    return r;
}

static void append(struct history *h, char c, uint16_t n)
{
    struct row *r = line(c, n);
    history_append(h, r);
    row_unref(r);
}

static void numbers_go_on(void **state)
{
    struct history *h = history_new(1 << 20);
    assert_int_equal(history_first(h), 0);
    assert_int_equal(history_end(h), 0);
    for (int i = 0; i < 200; i++)
        append(h, (char)('a' + i % 26), 10);
    assert_int_equal(history_end(h), 200);
    assert_int_equal(history_first(h), 0);
    for (uint64_t n = 0; n < 200; n++)
        assert_int_equal(history_line(h, n)->cell[0].text, 'a' + n % 26);
    assert_null(history_line(h, 200));
    history_free(h);
}

static void bounded_in_bytes(void **state)
{
    const size_t most = 10000;
    struct history *h = history_new(most);
    size_t seen = 0;
    for (int i = 0; i < 5000; i++) {
        append(h, 'x', (uint16_t)(i % 81));
        assert_true(history_bytes(h) <= most);
        if (history_bytes(h) > seen)
            seen = history_bytes(h);
    }
    assert_true(seen > most / 2);
    assert_int_equal(history_end(h), 5000);
    assert_true(history_first(h) > 4500);
    assert_null(history_line(h, history_first(h) - 1));
    assert_non_null(history_line(h, history_first(h)));
    history_free(h);
}

static void blank_lines_are_bounded_too(void **state)
{
    struct history *h = history_new(1000);
    for (int i = 0; i < 100000; i++)
        history_append(h, &row_blank_row);
    assert_true(history_kept(h) <= 1000);
    assert_true(row_equal(history_line(h, 99999), &row_blank_row, 80));
    history_free(h);
}

static struct row *pull(struct history *h)
{
    return history_pull(h, 7);
}

static void pulled_numbers_are_taken(void **state)
{
    struct history *h = history_new(1 << 20);
    append(h, 'a', 5);
    append(h, 'b', 5);
    append(h, 'c', 5);
    struct row *r = pull(h);
    assert_int_equal(r->cell[0].text, 'c');
    assert_int_equal(r->id, 7);
    row_unref(r);
    assert_int_equal(history_end(h), 3);
    assert_int_equal(history_kept(h), 2);
    assert_null(history_line(h, 2));
    assert_int_equal(history_next(h, 2), 3);
    append(h, 'd', 5); /* of a new number */
    assert_int_equal(history_end(h), 4);
    assert_null(history_line(h, 2));
    assert_int_equal(history_line(h, 3)->cell[0].text, 'd');
    assert_int_equal(history_next(h, 0), 0);
    assert_int_equal(history_next(h, 2), 3);
    assert_int_equal(history_next(h, 4), 4);
    for (const char *c = "dba"; *c; c++) {
        r = pull(h);
        assert_int_equal(r->cell[0].text, *c);
        row_unref(r);
    }
    assert_null(pull(h));
    assert_int_equal(history_bytes(h), 0);
    assert_int_equal(history_end(h), 4);
    assert_int_equal(history_first(h), 0); /* nothing was dropped */
    assert_int_equal(history_next(h, 0), 4);
    history_free(h);
}

/* Random rows come back as they were, in any order, compressed or not, and after pulls. */
static void rows_come_back(void **state)
{
    enum { LINES = 3000 };
    struct history *h = history_new(64 << 20);
    static struct row *kept[2 * LINES];
    struct rng rng = {5};
    uint64_t cold = 0;
    for (int i = 0; i < LINES; i++) {
        struct row *r = random_row(&rng);
        uint64_t n = history_append(h, r);
        assert_true(n < 2 * LINES);
        kept[n] = r;
        if (rng_below(&rng, 40) == 0)
            for (unsigned k = rng_below(&rng, 40); k-- && history_kept(h);) {
                struct row *p = history_pull(h, 3);
                uint64_t at = history_end(h);
                while (!kept[--at])
                    continue;
                assert_true(row_equal(p, kept[at], 200));
                assert_int_equal(p->mark, kept[at]->mark);
                row_unref(p);
                row_unref(kept[at]);
                kept[at] = NULL;
            }
        if (i % 20 == 0) {
            history_tidy(h);
            cold = history_cold(h) > cold ? history_cold(h) : cold;
        }
        for (int k = 0; k < 3; k++) {
            n = rng_below(&rng, (uint32_t)history_end(h));
            const struct row *got = history_line(h, n);
            assert_int_equal(got == NULL, kept[n] == NULL);
            if (got) {
                assert_true(row_equal(got, kept[n], 200));
                assert_int_equal(got->mark, kept[n]->mark);
            }
        }
    }
    assert_true(cold > 3);
    for (int i = 0; i < 2 * LINES; i++)
        row_unref(kept[i]);
    history_free(h);
}

/* Cold text takes a fraction; the order of reading is free. */
static void cold_blocks_are_small(void **state)
{
    struct history *h = history_new(4 << 20);
    uint64_t n = 0;
    for (; history_bytes(h) < 2 << 20; n++)
        append(h, (char)('a' + n % 26), (uint16_t)(20 + n % 60));
    size_t before = history_bytes(h);
    assert_false(history_tidy(h) && history_cold(h)); /* all came at once: a flood */
    assert_int_equal(history_cold(h), 0);
    unsigned calls = 0;
    while (history_tidy(h))
        assert_true(++calls < 1000);
    assert_true(history_cold(h) + 3 >= before / HISTORY_BLOCK);
    assert_true(history_bytes(h) < before / 5);
    assert_int_equal(history_line(h, 0)->cell[0].text, 'a');
    assert_int_equal(history_line(h, n - 1)->cell[0].text, 'a' + (n - 1) % 26);
    assert_int_equal(history_line(h, n / 2)->cell[0].text, 'a' + n / 2 % 26);
    history_free(h);
}

/* Lines that a flood drops are never compressed: neither while it lasts nor by a call now and then.
 */
static void a_flood_is_not_compressed(void **state)
{
    struct history *h = history_new(1 << 20);
    for (unsigned i = 0; i < 2000000; i++) {
        append(h, 'y', 1);
        if (i % 200000 == 0)
            history_tidy(h);
    }
    assert_int_equal(history_cold(h), 0);
    assert_true(history_bytes(h) <= 1 << 20);
    history_free(h);
}

static void clear_keeps_the_numbers(void **state)
{
    struct history *h = history_new(1 << 20);
    append(h, 'a', 5);
    append(h, 'b', 5);
    history_clear(h);
    assert_int_equal(history_first(h), 2);
    assert_int_equal(history_end(h), 2);
    assert_int_equal(history_bytes(h), 0);
    assert_null(pull(h));
    append(h, 'c', 5);
    assert_int_equal(history_line(h, 2)->cell[0].text, 'c');
    history_free(h);
}

static void only_counting(void **state)
{
    struct history *h = history_new(0);
    append(h, 'a', 5);
    append(h, 'b', 5);
    assert_int_equal(history_end(h), 2);
    assert_int_equal(history_first(h), 2);
    assert_null(history_line(h, 1));
    assert_null(pull(h));
    history_clear(h);
    assert_int_equal(history_end(h), 2);
    history_free(h);
}

static void a_line_larger_than_all(void **state)
{
    struct history *h = history_new(50);
    append(h, 'a', 80);
    assert_int_equal(history_bytes(h), 0);
    assert_int_equal(history_first(h), 1);
    assert_int_equal(history_end(h), 1);
    history_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_go_on),
        cmocka_unit_test(bounded_in_bytes),
        cmocka_unit_test(blank_lines_are_bounded_too),
        cmocka_unit_test(pulled_numbers_are_taken),
        cmocka_unit_test(rows_come_back),
        cmocka_unit_test(cold_blocks_are_small),
        cmocka_unit_test(a_flood_is_not_compressed),
        cmocka_unit_test(clear_keeps_the_numbers),
        cmocka_unit_test(only_counting),
        cmocka_unit_test(a_line_larger_than_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
