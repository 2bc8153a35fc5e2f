#include "chan/ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define TEXT(s)                                                                                    \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }

static void same(struct text a, struct text b)
{
    assert_int_equal(a.len, b.len);
    if (a.len)
        assert_memory_equal(a.p, b.p, a.len);
}

static void test_round_trip(void **state)
{
    const struct ask asks[] = {
        {.number = 1, .port = 8080, .pass = TEXT("00ff")},
        {.number = UINT32_MAX, .named = true, .host = TEXT(""), .port = 65535},
        {.number = 7, .named = true, .host = TEXT("::1"), .pass = TEXT("x")},
        {.number = 9, .text = TEXT("bind: Address already in use")},
        {.number = 10, .port = 53, .udp = true},
    };
    struct ask out;
    struct buf b;
    size_t used;
    buf_init(&b, 10000);
    for (size_t i = 0; i < 5; i++)
        ask_put(&b, &asks[i]);
    for (size_t i = 0; i < 5; i++) {
        size_t len = buf_len(&b);
        assert_int_equal(ask_get(buf_data(&b), len, &out, &used), 1);
        for (size_t n = 0; n < used; n++)
            assert_int_equal(ask_get(buf_data(&b), n, &out, &len), 0);
        assert_int_equal(ask_get(buf_data(&b), used, &out, &used), 1);
        assert_int_equal(out.number, asks[i].number);
        assert_int_equal(out.udp, asks[i].udp);
        assert_int_equal(out.port, asks[i].port);
        assert_int_equal(out.named, asks[i].named);
        same(out.host, asks[i].host);
        same(out.pass, asks[i].pass);
        same(out.text, asks[i].text);
        buf_skip(&b, used);
    }
    assert_int_equal(buf_len(&b), 0);
    buf_fini(&b);
}

static void test_malformed(void **state)
{
    struct ask out;
    size_t used;
#define GET(bytes) ask_get((const uint8_t *)(bytes), sizeof(bytes) - 1, &out, &used)
    assert_int_equal(GET("\xff\xff"), ERR_CAP);
    assert_int_equal(GET("\0\0"), ERR_SYNTAX);                    /* no number */
    assert_int_equal(GET("\0\2\x8\0"), ERR_SYNTAX);               /* 0 */
    assert_int_equal(GET("\0\4\x8\1\x12\1"), ERR_SHORT);          /* a text that is cut off */
    assert_int_equal(GET("\0\5\x8\1\x12\1\0"), ERR_SYNTAX);       /* a NUL in it */
    assert_int_equal(GET("\0\6\x8\1\x18\x80\x80\4"), ERR_SYNTAX); /* port 65536 */
    assert_int_equal(GET("\0\4\x8\1\x78\1"), 1);                  /* a later version's field */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
