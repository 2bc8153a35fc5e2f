#include "fwd/socks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define READ(s, text) socks_read(s, (const uint8_t *)(text), sizeof(text) - 1)

/* However it is cut: before the last byte there is nothing to do. */
static void whole(const char *p, size_t len, bool greeted, enum socks_next next, const char *host,
                  unsigned port)
{
    struct socks s;
    for (size_t n = 0; n < len; n++) {
        s = (struct socks){.greeted = greeted, .version = greeted ? 5 : 0};
        assert_int_equal(socks_read(&s, (const uint8_t *)p, n), SOCKS_MORE);
    }
    s = (struct socks){.greeted = greeted, .version = greeted ? 5 : 0};
    assert_int_equal(socks_read(&s, (const uint8_t *)p, len), next);
    assert_string_equal(s.host, host);
    assert_int_equal(s.port, port);
    assert_int_equal(s.used, len);
}
#define WHOLE(text, greeted, next, host, port)                                                     \
    whole(text, sizeof(text) - 1, greeted, next, host, port)

static void test_4(void **state)
{
    WHOLE("\4\1\0\x50\x7f\0\0\1me\0", false, SOCKS_CONNECT, "127.0.0.1", 80);
    WHOLE("\4\1\x1f\x90\xc0\0\2\1\0", false, SOCKS_CONNECT, "192.0.2.1", 8080);
    WHOLE("\4\1\0\x50\0\0\0\1\0example.org\0", false, SOCKS_CONNECT, "example.org", 80);
    WHOLE("\4\1\0\x50\0\0\0\0\0", false, SOCKS_CONNECT, "0.0.0.0", 80); /* 0.0.0.0 is no name */
}

static void test_5(void **state)
{
    struct socks s = {0};
    assert_int_equal(READ(&s, "\5\2\1"), SOCKS_MORE);
    assert_int_equal(READ(&s, "\5\2\1\0rest"), SOCKS_ANSWER);
    assert_int_equal(s.used, 4);
    assert_int_equal(s.reply_len, 2);
    assert_memory_equal(s.reply, "\5\0", 2);
    assert_int_equal(READ(&s, "\5\1\0\1\x7f\0\0\1\0\x50more"), SOCKS_CONNECT);
    assert_int_equal(s.used, 10);
    assert_string_equal(s.host, "127.0.0.1");
    WHOLE("\5\1\0\3\xb"
          "example.org\x1\xbb",
          true, SOCKS_CONNECT, "example.org", 443);
    WHOLE("\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\x16", true, SOCKS_CONNECT, "2001:db8::1",
          22);
}

static void test_what_is_refused(void **state)
{
    static const char long_user[300] = "\4\1\0\x50\1\2\3\4uuuuuuuuuuu";
    struct socks s = {0};
    assert_int_equal(READ(&s, "GET /"), SOCKS_CLOSE);
    assert_int_equal(READ(&s, "\4\2\0\x50\x7f\0\0\1\0"), SOCKS_REFUSE); /* BIND */
    assert_memory_equal(s.reply, "\0\x5b\0\0\0\0\0\0", 8);
    assert_int_equal(s.reply_len, 8);
    assert_int_equal(READ(&s, "\4\1\0\0\x7f\0\0\1\0"), SOCKS_REFUSE); /* port 0 */
    assert_int_equal(READ(&s, "\4\1\0\x50\0\0\0\1\0a b\0"), SOCKS_REFUSE);
    char user[300];
    memcpy(user, long_user, sizeof user);
    memset(user + 8, 'u', sizeof user - 8);
    assert_int_equal(socks_read(&s, (const uint8_t *)user, sizeof user), SOCKS_CLOSE);
    assert_int_equal(READ(&s, "\5\1\2"), SOCKS_REFUSE); /* only with a password */
    assert_memory_equal(s.reply, "\5\xff", 2);
    s = (struct socks){.version = 5, .greeted = true};
    assert_int_equal(READ(&s, "\4\1\0\1\x7f\0\0\1\0\x50"), SOCKS_CLOSE);
    assert_int_equal(READ(&s, "\5\3\0\1\x7f\0\0\1\0\x50"), SOCKS_REFUSE); /* UDP */
    assert_memory_equal(s.reply, "\5\7\0\1\0\0\0\0\0\0", 10);
    assert_int_equal(READ(&s, "\5\1\0\2\x7f\0\0\1\0\x50"), SOCKS_REFUSE);
    assert_int_equal(s.reply[1], 8);
    assert_int_equal(READ(&s, "\5\1\0\3\0\0\x50"), SOCKS_REFUSE); /* no name */
    assert_int_equal(READ(&s, "\5\1\0\3\3a\0b\0\x50"), SOCKS_REFUSE);
}

static void test_answers(void **state)
{
    struct socks s = {.version = 4};
    socks_done(&s, true, false);
    assert_memory_equal(s.reply, "\0\x5a\0\0\0\0\0\0", 8);
    socks_done(&s, false, true);
    assert_int_equal(s.reply[1], 0x5b);
    s.version = 5;
    socks_done(&s, true, false);
    assert_memory_equal(s.reply, "\5\0\0\1\0\0\0\0\0\0", 10);
    socks_done(&s, false, false);
    assert_int_equal(s.reply[1], 5);
    socks_done(&s, false, true);
    assert_int_equal(s.reply[1], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_4),
        cmocka_unit_test(test_5),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
