#include "session/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static void test_round_trip_byte_by_byte(void **state)
{
    const struct event in[] = {{EVENT_BELL, 3, 0, 0, NULL, 0},
                               {EVENT_EXIT, 255, 9, 0, NULL, 0},
                               {900, 0, 0, EVENT_MORE, (const uint8_t *)"text", 4},
                               {EVENT_QUIT, 0, 0, 0, NULL, 0}};
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
            assert_int_equal(e.part, in[n].part);
            assert_int_equal(e.len, in[n].len);
            assert_memory_equal(e.text ? (const void *)e.text : "", in[n].len ? "text" : "", e.len);
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

static bool take(struct event_text *t, uint32_t kind, uint32_t part, const char *text)
{
    struct event e = {.kind = kind, .part = part, .text = (const uint8_t *)text};
    e.len = strlen(text);
    return event_text_take(t, &e);
}

static void test_texts_in_parts(void **state)
{
    (void)state;
    struct event_text t = {.kind = 0};
    buf_init(&t.text, 8);
    assert_true(take(&t, 5, 0, "whole"));
    assert_int_equal(buf_len(&t.text), 5);
    assert_false(take(&t, 5, EVENT_MORE, "ab"));
    assert_false(take(&t, 5, EVENT_MORE | EVENT_GOES_ON, "cd"));
    assert_true(take(&t, 5, EVENT_GOES_ON, "ef"));
    assert_memory_equal(buf_data(&t.text), "abcdef", 6);
    /* A part without a beginning, of another kind, after a broken off one. */
    assert_false(take(&t, 5, EVENT_GOES_ON, "x"));
    assert_false(take(&t, 5, EVENT_MORE, "ab"));
    assert_false(take(&t, 6, EVENT_GOES_ON, "cd"));
    assert_true(take(&t, 6, 0, "new"));
    assert_int_equal(buf_len(&t.text), 3);
    /* Past the cap: dropped to its end, and what follows counts. */
    assert_false(take(&t, 5, EVENT_MORE, "12345678"));
    assert_false(take(&t, 5, EVENT_MORE | EVENT_GOES_ON, "9"));
    assert_false(take(&t, 5, EVENT_GOES_ON, ""));
    assert_true(take(&t, 5, 0, "again"));
    buf_fini(&t.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_byte_by_byte),
        cmocka_unit_test(test_broken_logs_are_errors),
        cmocka_unit_test(test_texts_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
