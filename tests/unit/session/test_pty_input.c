#include "session/pty_input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static uint64_t upto[4];

static void on_consumed(void *ctx, uint32_t owner, uint64_t end)
{
    assert_ptr_equal(ctx, upto);
    assert_in_range(owner, 1, 3);
    assert_true(end >= upto[owner]);
    upto[owner] = end;
}

static void test_each_owner_learns_what_was_written(void **state)
{
    struct pty_input q;
    memset(upto, 0, sizeof upto);
    pty_input_init(&q, 100);
    assert_int_equal(pty_input_put(&q, 1, 5, "hello", 5), 0);
    assert_int_equal(pty_input_put(&q, 0, 0, "\033[c", 3), 0);
    assert_int_equal(pty_input_put(&q, 2, 102, "ab", 2), 0);
    assert_int_equal(pty_input_put(&q, 1, 8, "xyz", 3), 0);
    buf_skip(&q.bytes, 2);
    pty_input_written(&q, on_consumed, upto);
    assert_int_equal(upto[1], 2);
    assert_int_equal(upto[2], 0);
    buf_skip(&q.bytes, 7);
    pty_input_written(&q, on_consumed, upto);
    assert_int_equal(upto[1], 5);
    assert_int_equal(upto[2], 101);
    buf_skip(&q.bytes, 4);
    pty_input_written(&q, on_consumed, upto);
    assert_int_equal(upto[1], 8);
    assert_int_equal(upto[2], 102);
    pty_input_fini(&q);
}

static void test_full_takes_nothing(void **state)
{
    struct pty_input q;
    memset(upto, 0, sizeof upto);
    pty_input_init(&q, 4);
    assert_int_equal(pty_input_put(&q, 1, 5, "hello", 5), ERR_CAP);
    assert_int_equal(pty_input_put(&q, 1, 4, "hell", 4), 0);
    assert_int_equal(pty_input_put(&q, 1, 5, "o", 1), ERR_CAP);
    assert_int_equal(buf_len(&q.bytes), 4);
    /* an empty put always fits and is consumed with what stands before it */
    assert_int_equal(pty_input_put(&q, 3, 7, NULL, 0), 0);
    pty_input_written(&q, on_consumed, upto);
    assert_int_equal(upto[3], 0);
    buf_skip(&q.bytes, 4);
    pty_input_written(&q, on_consumed, upto);
    assert_int_equal(upto[3], 7);
    pty_input_fini(&q);
}

static void test_many_chunks(void **state)
{
    struct pty_input q;
    memset(upto, 0, sizeof upto);
    pty_input_init(&q, 1 << 20);
    for (uint64_t i = 1; i <= 10000; i++) {
        assert_int_equal(pty_input_put(&q, 1 + i % 2, i, "x", 1), 0);
        if (i % 3 == 0) {
            buf_skip(&q.bytes, 2);
            pty_input_written(&q, on_consumed, upto);
        }
    }
    buf_skip(&q.bytes, buf_len(&q.bytes));
    pty_input_written(&q, on_consumed, upto);
    assert_int_equal(upto[1], 10000);
    assert_int_equal(upto[2], 9999);
    pty_input_fini(&q);
}

static void translate(const char *in, bool application, const char *want)
{
    /* in one piece, and byte by byte */
    for (int whole = 0; whole < 2; whole++) {
        struct cursor_keys k = {0};
        struct buf out;
        buf_init(&out, 100);
        if (whole)
            cursor_keys_feed(&k, application, (const uint8_t *)in, strlen(in), &out);
        for (size_t i = 0; !whole && in[i]; i++)
            cursor_keys_feed(&k, application, (const uint8_t *)in + i, 1, &out);
        assert_int_equal(buf_len(&out), strlen(want));
        assert_memory_equal(buf_data(&out), want, strlen(want));
        buf_fini(&out);
    }
}

static void test_cursor_keys_are_translated(void **state)
{
    translate("a\033OAb", false, "a\033[Ab");
    translate("a\033OAb", true, "a\033OAb");
    translate("\033OP\033OD", false, "\033OP\033[D"); /* only A..D */
    translate("\033[A", false, "\033[A");
    translate("\033\033OC", false, "\033\033[C");
    translate("\033O", false, "\033"); /* the O is held back */
    translate("\033O\033OB", false, "\033O\033[B");
    translate("OA", false, "OA");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_owner_learns_what_was_written),
        cmocka_unit_test(test_full_takes_nothing),
        cmocka_unit_test(test_many_chunks),
        cmocka_unit_test(test_cursor_keys_are_translated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
