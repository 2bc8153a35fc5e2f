#include "chan/message.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEXT(t)                                                                                    \
    (struct text)                                                                                  \
    {                                                                                              \
        t, sizeof(t) - 1                                                                           \
    }

static void test_open_round_trip(void **state)
{
    struct open_request in = {.kind = OPEN_EXEC,
                              .command = TEXT("echo \xff; exit 3"),
                              .env = {TEXT("A=b"), TEXT("C=")},
                              .env_count = 2,
                              .host = TEXT("::1"),
                              .port = 65535,
                              .origin = TEXT("192.0.2.1"),
                              .origin_port = 1,
                              .path = TEXT("/tmp/x"),
                              .class = 2,
                              .forward = 7,
                              .pass = TEXT("00ff")};
    struct open_request out;
    struct buf b;
    buf_init(&b, 10000);
    request_put(&b, &in);
    assert_int_equal(buf_err(&b), 0);
    assert_int_equal(buf_data(&b)[0], MESSAGE_OPEN);
    size_t len = buf_len(&b) - MESSAGE_HEAD;
    assert_int_equal(buf_data(&b)[2] << 8 | buf_data(&b)[3], len);
    assert_int_equal(request_get(buf_data(&b) + MESSAGE_HEAD, len, &out), 0);
    assert_int_equal(out.kind, OPEN_EXEC);
    assert_int_equal(out.env_count, 2);
    assert_int_equal(out.port, 65535);
    assert_int_equal(out.origin_port, 1);
    assert_int_equal(out.class, 2);
    assert_int_equal(out.forward, 7);
    assert_int_equal(out.pass.len, 4);
    assert_memory_equal(out.pass.p, "00ff", 4);
    char *command = text_copy(out.command), *var = text_copy(out.env[1]), *none;
    assert_string_equal(command, "echo \xff; exit 3");
    assert_string_equal(var, "C=");
    none = text_copy((struct text){NULL, 0});
    assert_string_equal(none, "");
    free(command);
    free(var);
    free(none);
    /* Cut anywhere it is malformed, or says less. */
    for (size_t i = 0; i < len; i++) {
        int err = request_get(buf_data(&b) + MESSAGE_HEAD, i, &out);
        assert_true(err <= 0);
    }
    buf_fini(&b);
}

static void test_open_caps(void **state)
{
    struct open_request o = {.kind = OPEN_EXEC, .env_count = OPEN_ENV_MAX}, out;
    struct buf b;
    char *big = mem_new(OPEN_COMMAND_MAX + 2, 1);
    memset(big, 'x', OPEN_COMMAND_MAX + 1);
    buf_init(&b, 1u << 20);
    for (size_t i = 0; i < OPEN_ENV_MAX; i++)
        o.env[i] = TEXT("A=1");
    o.command = (struct text){big, OPEN_COMMAND_MAX};
    request_put(&b, &o);
    assert_int_equal(request_get(buf_data(&b) + 4, buf_len(&b) - 4, &out), 0);
    buf_put(&b, "\x1a\x03X=1", 5); /* one variable more */
    assert_int_equal(request_get(buf_data(&b) + 4, buf_len(&b) - 4, &out), ERR_CAP);
    buf_clear(&b);
    o.command.len++;
    request_put(&b, &o);
    assert_int_equal(request_get(buf_data(&b) + 4, buf_len(&b) - 4, &out), ERR_CAP);
    buf_fini(&b);
    free(big);
}

static void check_bad(const char *body, size_t len, int want)
{
    struct open_request out;
    assert_int_equal(request_get((const uint8_t *)body, len, &out), want);
}

static void test_open_malformed(void **state)
{
    check_bad("", 0, ERR_SYNTAX);                              /* no kind */
    check_bad("\x08\x01\x12\x02x\0", 6, ERR_SYNTAX);           /* NUL in a command */
    check_bad("\x08\x01\x1a\x01x", 5, ERR_SYNTAX);             /* a variable without = */
    check_bad("\x08\x01\x1a\x02=x", 6, ERR_SYNTAX);            /* and without a name */
    check_bad("\x0a\x01x", 3, ERR_SYNTAX);                     /* kind as bytes */
    check_bad("\x08\x01\x28\x80\x80\x04", 6, ERR_SYNTAX);      /* port 65536 */
    check_bad("\x08\x01\x12\x05x", 5, ERR_SHORT);              /* cut */
    check_bad("\x08\x63\xf8\x7f\x01\xfa\x7f\x01q", 9, ERR_OK); /* unknown kind, unknown fields */
}

static void check_same(const struct message *a)
{
    struct message b;
    struct buf buf;
    buf_init(&buf, 2000);
    message_put(&buf, a);
    assert_int_equal(buf_err(&buf), 0);
    const uint8_t *p = buf_data(&buf);
    size_t len = buf_len(&buf) - MESSAGE_HEAD;
    assert_int_equal(p[0], a->kind);
    assert_int_equal((size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3], len);
    assert_int_equal(message_get(p[0], p + MESSAGE_HEAD, len, &b), 0);
    assert_int_equal(a->kind, b.kind);
    assert_int_equal(a->value, b.value);
    assert_int_equal(a->bytes[0], b.bytes[0]);
    assert_int_equal(a->bytes[1], b.bytes[1]);
    assert_string_equal(a->name, b.name);
    assert_int_equal(a->cols, b.cols);
    assert_int_equal(a->height, b.height);
    assert_int_equal(b.text.len, a->text.len < 512 ? a->text.len : 512);
    for (size_t i = 0; i < len && a->kind != MESSAGE_REFUSED && a->kind != MESSAGE_EXIT_SIGNAL; i++)
        assert_true(message_get(p[0], p + MESSAGE_HEAD, i, &b) < 0);
    buf_fini(&buf);
}

static void test_messages_round_trip(void **state)
{
    char text[600];
    memset(text, 'x', sizeof text);
    check_same(&(struct message){.kind = MESSAGE_OPENED});
    check_same(&(struct message){.kind = MESSAGE_REFUSED, .value = 4, .text = TEXT("no \xff")});
    check_same(&(struct message){.kind = MESSAGE_REFUSED, .text = {text, sizeof text}});
    check_same(&(struct message){.kind = MESSAGE_EOF, .bytes = {1ull << 40, UINT64_MAX}});
    check_same(&(struct message){.kind = MESSAGE_WINDOW, .value = UINT32_MAX});
    check_same(&(struct message){.kind = MESSAGE_STOP, .value = 1});
    check_same(&(struct message){.kind = MESSAGE_EXIT_STATUS, .value = 255});
    check_same(&(struct message){
        .kind = MESSAGE_EXIT_SIGNAL, .value = 1, .name = "KILL", .text = TEXT("why")});
    check_same(&(struct message){.kind = MESSAGE_SIGNAL, .name = "ABCDEFGHIJKLMNOP"});
    check_same(&(struct message){.kind = MESSAGE_SIZE, .cols = 80, .rows = 24, .height = 3});
    check_same(&(struct message){.kind = MESSAGE_BREAK, .value = 1000});
    check_same(&(struct message){.kind = MESSAGE_BACK, .value = 3u << 20});
}

static void test_malformed_messages(void **state)
{
    struct message m;
    const uint8_t stop[] = {2}, empty[] = {0}, small[] = {2, 'a', 'B'}, large[18] = {17};
    assert_int_equal(message_get(MESSAGE_STOP, stop, 1, &m), ERR_SYNTAX);
    assert_int_equal(message_get(MESSAGE_SIGNAL, empty, 1, &m), ERR_SYNTAX);
    assert_int_equal(message_get(MESSAGE_SIGNAL, small, 3, &m), ERR_SYNTAX);
    assert_int_equal(message_get(MESSAGE_SIGNAL, large, 18, &m), ERR_SYNTAX);
    assert_int_equal(message_get(MESSAGE_SIGNAL, large, 5, &m), ERR_SHORT);
    assert_int_equal(message_get(100, empty, 1, &m), ERR_VERSION);
    assert_int_equal(message_get(MESSAGE_WINDOW, large, 10, &m), 0); /* a later version's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_round_trip),    cmocka_unit_test(test_open_caps),
        cmocka_unit_test(test_open_malformed),     cmocka_unit_test(test_messages_round_trip),
        cmocka_unit_test(test_malformed_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
