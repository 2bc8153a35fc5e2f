#include "term/history.h"

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
    assert_true(history_first(h) > 4800);
    assert_null(history_line(h, history_first(h) - 1));
    assert_non_null(history_line(h, history_first(h)));
    history_free(h);
}

static void blank_lines_are_bounded_too(void **state)
{
    struct history *h = history_new(1000);
    for (int i = 0; i < 100000; i++)
        history_append(h, &row_blank_row);
    assert_true(history_end(h) - history_first(h) <= 1000);
    assert_ptr_equal(history_line(h, 99999), &row_blank_row);
    history_free(h);
}

static void short_lines_are_cut_to_size(void **state)
{
    struct history *h = history_new(1 << 20);
    struct row *s = line('s', 3), *l = line('l', 80);
    history_append(h, s);
    history_append(h, l);
    assert_int_equal(history_line(h, 0)->size, 3);
    assert_int_equal(history_line(h, 0)->id, s->id);
    assert_true(row_equal(history_line(h, 0), s, 80));
    assert_ptr_equal(history_line(h, 1), l);
    row_unref(s);
    row_unref(l);
    history_free(h);
}

static void pull_takes_the_newest_back(void **state)
{
    struct history *h = history_new(1 << 20);
    append(h, 'a', 5);
    append(h, 'b', 5);
    size_t bytes = history_bytes(h);
    append(h, 'c', 5);
    struct row *r = history_pull(h);
    assert_int_equal(r->cell[0].text, 'c');
    assert_int_equal(history_end(h), 2);
    assert_int_equal(history_bytes(h), bytes);
    row_unref(r);
    append(h, 'd', 5);
    assert_int_equal(history_line(h, 2)->cell[0].text, 'd');
    for (int i = 0; i < 3; i++)
        row_unref(history_pull(h));
    assert_null(history_pull(h));
    assert_int_equal(history_bytes(h), 0);
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
    assert_null(history_pull(h));
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
    assert_null(history_pull(h));
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
        cmocka_unit_test(short_lines_are_cut_to_size),
        cmocka_unit_test(pull_takes_the_newest_back),
        cmocka_unit_test(clear_keeps_the_numbers),
        cmocka_unit_test(only_counting),
        cmocka_unit_test(a_line_larger_than_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
