#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/pb.h"
#include "sync/message.h"
#include "toy.h"

#include <stdlib.h>
#include <string.h>

static void put(struct buf *out, const struct message *m)
{
    switch (m->kind) {
    case MESSAGE_KEYS:
        message_put_keys(out, m->bytes, m->len);
        break;
    case MESSAGE_HOST:
        message_put_host(out, m->bytes, m->len);
        break;
    case MESSAGE_RESIZE:
        message_put_resize(out, m->width, m->height);
        break;
    case MESSAGE_ECHO_ACK:
        message_put_echo_ack(out, m->echo_ack);
        break;
    case MESSAGE_HISTORY:
        message_put_history(out, m->history_end);
        break;
    }
}

static void vectors_decode_and_encode_the_same(void **state)
{
    char *text = vectors_load();
    const char *at = text;
    static struct vector v;
    struct buf again;
    buf_init(&again, 1u << 20);
    size_t n = 0, items = 0;
    for (; vector_next(&at, &v); n++) {
        struct reader r = reader_of(v.diff, v.diff_len);
        struct message m;
        int got;
        buf_clear(&again);
        while ((got = message_next(&r, !v.to_server, &m)) > 0) {
            put(&again, &m);
            items++;
        }
        assert_int_equal(got, 0);
        assert_int_equal(buf_len(&again), v.diff_len);
        assert_memory_equal(buf_len(&again) ? buf_data(&again) : v.diff, v.diff, v.diff_len);
    }
    assert_int_equal(n, 14);
    assert_int_equal(items, 12);
    buf_fini(&again);
    free(text);
}

static void a_key_is_the_bytes_of_the_description(void **state)
{
    static const uint8_t want[] = {0x0a, 0x05, 0x12, 0x03, 0x22, 0x01, 0x61}; /* §4.3 */
    struct buf b;
    buf_init(&b, 100);
    message_put_keys(&b, "a", 1);
    assert_int_equal(buf_len(&b), sizeof want);
    assert_memory_equal(buf_data(&b), want, sizeof want);
    buf_fini(&b);
}

/* §4.4: the first present of (2, 3, 7) counts; instructions of only unknown ones are passed over.
 */
static void preference_and_unknown(void **state)
{
    struct buf b;
    struct message m;
    buf_init(&b, 1000);
    pb_put_varint(&b, 9, 1); /* unknown field of the message */
    size_t at = pb_begin(&b, 1);
    pb_put_bytes(&b, 77, "private", 7);
    pb_end(&b, at);
    at = pb_begin(&b, 1);
    pb_put_bytes(&b, 7, "\x40\x05", 2); /* echo ack 5 */
    pb_put_bytes(&b, 3, "\x28\x50\x30\x18", 4);
    pb_end(&b, at);
    at = pb_begin(&b, 1);
    pb_put_bytes(&b, 3, "\x28\x50\x30\x18", 4);
    pb_put_bytes(&b, 2, "\x22\x01x", 3);
    pb_end(&b, at);
    struct reader r = reader_of(buf_data(&b), buf_len(&b));
    assert_int_equal(message_next(&r, true, &m), 1);
    assert_true(m.kind == MESSAGE_RESIZE && m.width == 80 && m.height == 24);
    assert_int_equal(message_next(&r, true, &m), 1);
    assert_true(m.kind == MESSAGE_HOST && m.len == 1 && m.bytes[0] == 'x');
    assert_int_equal(message_next(&r, true, &m), 0);
    /* The server does not know extension 7. */
    buf_clear(&b);
    message_put_echo_ack(&b, 5);
    r = reader_of(buf_data(&b), buf_len(&b));
    assert_int_equal(message_next(&r, false, &m), 0);
    r = reader_of(buf_data(&b), buf_len(&b));
    assert_int_equal(message_next(&r, true, &m), 1);
    assert_true(m.kind == MESSAGE_ECHO_ACK && m.echo_ack == 5);
    buf_fini(&b);
}

static void negative_and_missing_numbers(void **state)
{
    struct buf b;
    struct message m;
    buf_init(&b, 1000);
    message_put_resize(&b, -1, 24);
    assert_int_equal(buf_len(&b), 2 + 2 + 11 + 2);
    size_t at = pb_begin(&b, 1);
    pb_put_bytes(&b, 3, "", 0);
    pb_end(&b, at);
    at = pb_begin(&b, 1);
    pb_put_bytes(&b, 2, "", 0);
    pb_end(&b, at);
    struct reader r = reader_of(buf_data(&b), buf_len(&b));
    assert_int_equal(message_next(&r, false, &m), 1);
    assert_true(m.kind == MESSAGE_RESIZE && m.width == -1 && m.height == 24);
    assert_int_equal(message_next(&r, false, &m), 1);
    assert_true(m.kind == MESSAGE_RESIZE && m.width == 0 && m.height == 0);
    assert_int_equal(message_next(&r, false, &m), 1);
    assert_true(m.kind == MESSAGE_KEYS && m.len == 0 && m.bytes);
    assert_int_equal(message_next(&r, false, &m), 0);
    buf_fini(&b);
}

static void malformed_is_an_error(void **state)
{
    static const uint8_t bad[][6] = {{0x0a, 0x05, 0x12, 0x03, 0x22, 0x02},
                                     {0x0a, 0x03, 0x12, 0x05, 0x22, 0x01},
                                     {0x0a, 0x02, 0x1a, 0x00, 0x0b, 0x00},
                                     {0x0a, 0x04, 0x1a, 0x02, 0x28, 0x80}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reader r = reader_of(bad[i], sizeof bad[i]);
        struct message m;
        int got;
        while ((got = message_next(&r, true, &m)) > 0)
            ;
        assert_true(got < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_decode_and_encode_the_same),
        cmocka_unit_test(a_key_is_the_bytes_of_the_description),
        cmocka_unit_test(preference_and_unknown),
        cmocka_unit_test(negative_and_missing_numbers),
        cmocka_unit_test(malformed_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
