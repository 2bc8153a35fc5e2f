#include "session/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_round_trip_byte_by_byte(void **state)
{
    const struct event in[] = {
        {EVENT_BELL, 3, 0}, {EVENT_EXIT, 255, 9}, {900, 0, 0}, {EVENT_QUIT, 0, 0}};
    struct buf all, got;
    buf_init(&all, 1000);
    buf_init(&got, 1000);
    for (size_t i = 0; i < 4; i++)
        event_put(&all, &in[i]);
    assert_int_equal(buf_err(&all), 0);
    size_t n = 0;
    for (size_t i = 0; i < buf_len(&all); i++) {
        struct event e;
        buf_put_u8(&got, buf_data(&all)[i]);
        int r = event_get(&got, &e);
        assert_true(r >= 0);
        if (r) {
            assert_int_equal(e.kind, in[n].kind);
            assert_int_equal(e.value, in[n].value);
            assert_int_equal(e.signal, in[n].signal);
            n++;
        }
    }
    assert_int_equal(n, 4);
    assert_int_equal(buf_len(&got), 0);
    buf_fini(&all);
    buf_fini(&got);
}

static void test_broken_logs_are_errors(void **state)
{
    static const uint8_t varint_field[] = {0x08, 0x01};
    static const uint8_t body_cut[] = {0x0a, 0x01, 0x08};
    static const uint8_t huge[] = {0x0a, 0x81, 0x20};
    struct buf b;
    struct event e;
    buf_init(&b, 10000);
    buf_put(&b, varint_field, sizeof varint_field);
    assert_int_equal(event_get(&b, &e), ERR_SYNTAX);
    buf_clear(&b);
    buf_put(&b, body_cut, sizeof body_cut);
    assert_int_equal(event_get(&b, &e), ERR_SYNTAX);
    buf_clear(&b);
    buf_put(&b, huge, sizeof huge); /* 4,097 bytes announced */
    assert_int_equal(event_get(&b, &e), 0);
    for (int i = 0; i < 4097; i++)
        buf_put_u8(&b, 0);
    assert_int_equal(event_get(&b, &e), ERR_SYNTAX);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_byte_by_byte),
        cmocka_unit_test(test_broken_logs_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
