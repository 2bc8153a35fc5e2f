#include "base/buf.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void test_puts_are_big_endian(void **state)
{
    struct buf b;
    buf_init(&b, 100);
    buf_put_u8(&b, 0x01);
    buf_put_u16(&b, 0x0203);
    buf_put_u32(&b, 0x04050607);
    buf_put_u64(&b, 0x08090a0b0c0d0e0fu);
    assert_int_equal(buf_len(&b), 15);
    for (size_t i = 0; i < 15; i++)
        assert_int_equal(buf_data(&b)[i], i + 1);
    assert_int_equal(buf_err(&b), 0);
    buf_fini(&b);
}

static void test_a_put_over_the_cap_changes_nothing_more(void **state)
{
    struct buf b;
    buf_init(&b, 5);
    buf_put_u32(&b, 0x41424344);
    buf_put_u16(&b, 0x4546); /* one byte too many */
    assert_int_equal(buf_err(&b), ERR_CAP);
    buf_put_u8(&b, 0x47); /* would fit, but comes after a failure */
    assert_int_equal(buf_len(&b), 4);
    assert_memory_equal(buf_data(&b), "ABCD", 4);
    assert_null(buf_reserve(&b, 0));
    buf_clear(&b);
    assert_int_equal(buf_err(&b), 0);
    buf_put(&b, "12345", 5);
    assert_int_equal(buf_err(&b), 0);
    assert_int_equal(buf_room(&b), 0);
    buf_fini(&b);
}

static void test_a_huge_length_is_refused(void **state)
{
    struct buf b;
    buf_init(&b, 1000);
    buf_put(&b, "x", 1);
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_int_equal(buf_len(&b), 1);
    buf_fini(&b);
}

static void test_an_empty_buffer_has_a_pointer(void **state)
{
    struct buf b;
    buf_init(&b, 10);
    assert_non_null(buf_reserve(&b, 0));
    buf_put(&b, NULL, 0);
    assert_int_equal(buf_len(&b), 0);
    assert_int_equal(buf_err(&b), 0);
    buf_fini(&b);
}

/* A queue under random load beside a plain array: same bytes, memory bounded by a few caps. */
static void test_as_a_queue_it_keeps_order_and_stays_small(void **state)
{
    enum { CAP = 1000 };
    static uint8_t model[200000];
    size_t in = 0, out = 0;
    struct rng r = {7};
    struct buf b;
    buf_init(&b, CAP);
    while (in < sizeof model - CAP) {
        size_t n = rng_below(&r, 300);
        if (n > buf_room(&b))
            n = buf_room(&b);
        for (size_t i = 0; i < n; i++)
            model[in + i] = (uint8_t)rng_u64(&r);
        buf_put(&b, model + in, n);
        in += n;
        assert_int_equal(buf_err(&b), 0);
        assert_int_equal(buf_len(&b), in - out);
        assert_memory_equal(buf_data(&b), model + out, in - out);
        size_t take = rng_below(&r, buf_len(&b) + 1);
        buf_skip(&b, take);
        out += take;
        assert_true(b.size <= 4 * CAP);
    }
    buf_release(&b);
    assert_null(b.mem);
    assert_int_equal(b.cap, CAP);
    buf_put(&b, "again", 5);
    assert_memory_equal(buf_data(&b), "again", 5);
    buf_fini(&b);
}

static void test_skip_and_trim(void **state)
{
    struct buf b;
    buf_init(&b, 100);
    buf_put_text(&b, "hello world");
    buf_skip(&b, 6);
    buf_trim(&b, 3);
    assert_int_equal(buf_len(&b), 3);
    assert_memory_equal(buf_data(&b), "wor", 3);
    buf_put_text(&b, "d");
    assert_memory_equal(buf_data(&b), "word", 4);
    buf_fini(&b);
}

static void test_decimal(void **state)
{
    struct buf b;
    buf_init(&b, 100);
    buf_put_decimal(&b, 0);
    buf_put_u8(&b, ' ');
    buf_put_decimal(&b, 1234567890);
    buf_put_u8(&b, ' ');
    buf_put_decimal(&b, UINT64_MAX);
    buf_put_u8(&b, 0);
    assert_string_equal(buf_data(&b), "0 1234567890 18446744073709551615");
    buf_fini(&b);
}

static void test_printf_of_every_length_up_to_the_cap(void **state)
{
    for (int n = 0; n <= 600; n++) {
        struct buf b;
        buf_init(&b, 500);
        buf_printf(&b, "%*s", n, "");
        assert_int_equal(buf_err(&b), n <= 500 ? 0 : ERR_CAP);
        assert_int_equal(buf_len(&b), n <= 500 ? n : 0);
        for (int i = 0; i < (int)buf_len(&b); i++)
            assert_int_equal(buf_data(&b)[i], ' ');
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_puts_are_big_endian),
        cmocka_unit_test(test_a_put_over_the_cap_changes_nothing_more),
        cmocka_unit_test(test_a_huge_length_is_refused),
        cmocka_unit_test(test_an_empty_buffer_has_a_pointer),
        cmocka_unit_test(test_as_a_queue_it_keeps_order_and_stays_small),
        cmocka_unit_test(test_skip_and_trim),
        cmocka_unit_test(test_decimal),
        cmocka_unit_test(test_printf_of_every_length_up_to_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
