#include "base/rng.h"
#include "base/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_round_trips(void **state)
{
    struct rng r = {3};
    for (int i = 0; i < 1000; i++) {
        uint64_t v = rng_u64(&r) >> rng_below(&r, 64);
        uint8_t p[8];
        wire_put_u16(p, (uint16_t)v);
        assert_int_equal(wire_get_u16(p), (uint16_t)v);
        assert_int_equal(p[0], v >> 8 & 0xff);
        wire_put_u32(p, (uint32_t)v);
        assert_int_equal(wire_get_u32(p), (uint32_t)v);
        assert_int_equal(p[0], v >> 24 & 0xff);
        wire_put_u64(p, v);
        assert_true(wire_get_u64(p) == v);
        assert_int_equal(p[0], v >> 56 & 0xff);
        assert_int_equal(p[7], v & 0xff);
    }
}

static void test_reader_in_order(void **state)
{
    static const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'x', 'y'};
    struct reader r = reader_of(in, sizeof in);
    assert_int_equal(reader_u8(&r), 1);
    assert_int_equal(reader_u16(&r), 0x0203);
    assert_int_equal(reader_u32(&r), 0x04050607);
    assert_true(reader_u64(&r) == 0x08090a0b0c0d0e0fu);
    const uint8_t *p = reader_bytes(&r, 2);
    assert_ptr_equal(p, in + 15);
    assert_int_equal(r.len, 0);
    assert_int_equal(reader_err(&r), 0);
}

static void test_reader_past_the_end_gives_zeros_for_ever(void **state)
{
    static const uint8_t in[] = {0xff, 0xff, 0xff};
    struct reader r = reader_of(in, sizeof in);
    assert_int_equal(reader_u32(&r), 0);
    assert_int_equal(reader_err(&r), ERR_SHORT);
    assert_int_equal(reader_u8(&r), 0); /* three bytes are left, but the reader has failed */
    assert_int_equal(reader_u16(&r), 0);
    assert_true(reader_u64(&r) == 0);
    assert_null(reader_bytes(&r, 0));
}

static void test_reader_of_nothing(void **state)
{
    struct reader r = reader_of(NULL, 0);
    assert_int_equal(reader_err(&r), 0);
    assert_null(reader_bytes(&r, SIZE_MAX));
    assert_int_equal(reader_err(&r), ERR_SHORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_reader_in_order),
        cmocka_unit_test(test_reader_past_the_end_gives_zeros_for_ever),
        cmocka_unit_test(test_reader_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
