#include "fwd/x11.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t fake[X11_FAKE] = "0123456789abcdef";

static size_t pad(size_t n)
{
    return (n + 3) / 4 * 4;
}

/* A set-up as Xlib sends it. */
static size_t setup(uint8_t *p, bool big, const char *name, const void *data, size_t len)
{
    size_t n = strlen(name);
    memset(p, 0, X11_HEAD + pad(n) + pad(len));
    p[0] = big ? 'B' : 'l';
    p[big ? 3 : 2] = 11;
    p[big ? 7 : 6] = (uint8_t)n;
    p[big ? 6 : 7] = (uint8_t)(n >> 8);
    p[big ? 9 : 8] = (uint8_t)len;
    p[big ? 8 : 9] = (uint8_t)(len >> 8);
    memcpy(p + X11_HEAD, name, n);
    memcpy(p + X11_HEAD + pad(n), data, len);
    return X11_HEAD + pad(n) + pad(len);
}

static void replaced(bool big, const char *name, const char *data)
{
    uint8_t in[512], want[512];
    struct buf out;
    size_t used = 0, n = setup(in, big, X11_COOKIE, fake, X11_FAKE);
    struct x11_auth real = {.len = strlen(data)};
    strcpy(real.name, name);
    memcpy(real.data, data, real.len);
    size_t m = setup(want, big, name, data, *name ? real.len : 0);
    memcpy(in + n, "more", 4);
    buf_init(&out, X11_SETUP_MAX);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(x11_setup(in, i, fake, &real, &out, &used), X11_MORE);
    assert_int_equal(buf_len(&out), 0);
    assert_int_equal(x11_setup(in, n + 4, fake, &real, &out, &used), X11_RIGHT);
    assert_int_equal(used, n);
    assert_int_equal(buf_len(&out), m);
    assert_memory_equal(buf_data(&out), want, m);
    buf_fini(&out);
}

static void test_replaced(void **state)
{
    for (int big = 0; big < 2; big++) {
        replaced(big, X11_COOKIE, "fedcba9876543210");
        replaced(big, "XDM-AUTHORIZATION-1", "odd");
        replaced(big, "", "not shown");
    }
}

static void wrong(const uint8_t *p, size_t len)
{
    struct x11_auth real = {.name = X11_COOKIE, .len = 16};
    struct buf out;
    size_t used = 0;
    buf_init(&out, X11_SETUP_MAX);
    assert_int_equal(x11_setup(p, len, fake, &real, &out, &used), X11_WRONG);
    assert_int_equal(buf_len(&out), 0);
    buf_fini(&out);
}

static void test_wrong(void **state)
{
    uint8_t p[X11_SETUP_MAX + 700];
    for (int big = 0; big < 2; big++) {
        for (size_t i = 0; i < X11_FAKE; i++) {
            uint8_t other[X11_FAKE];
            memcpy(other, fake, sizeof other);
            other[i] ^= 1;
            wrong(p, setup(p, big, X11_COOKIE, other, sizeof other));
        }
        wrong(p, setup(p, big, X11_COOKIE, fake, X11_FAKE - 1));
        wrong(p, setup(p, big, X11_COOKIE, "0123456789abcdef0", X11_FAKE + 1));
        wrong(p, setup(p, big, X11_COOKIE, "", 0));
        wrong(p, setup(p, big, "", "", 0));
        wrong(p, setup(p, big, "MIT-MAGIC-COOKIE-2", fake, X11_FAKE));
        wrong(p, setup(p, big, "MIT-MAGIC-COOKIE-", fake, X11_FAKE));
        /* Too long is known by the head alone. */
        setup(p, big, X11_COOKIE, fake, X11_FAKE);
        p[big ? 6 : 7] = 1;
        wrong(p, X11_HEAD);
        setup(p, big, X11_COOKIE, fake, X11_FAKE);
        p[big ? 8 : 9] = 2;
        wrong(p, X11_HEAD);
    }
    wrong((const uint8_t *)"GET / HTTP/1.0\r\n", 16);
    wrong((const uint8_t *)"b", 1);
}

static void test_what_xauth_prints(void **state)
{
    struct x11_auth a;
    assert_true(x11_auth_read("host/unix:0  MIT-MAGIC-COOKIE-1  00ff1A2b\n", &a));
    assert_string_equal(a.name, X11_COOKIE);
    assert_int_equal(a.len, 4);
    assert_memory_equal(a.data, "\x00\xff\x1a\x2b", 4);
    assert_true(x11_auth_read("h:0 NAME \nh:1\tXDM-AUTHORIZATION-1\t01\nh:2  N  02", &a));
    assert_string_equal(a.name, "XDM-AUTHORIZATION-1");
    assert_int_equal(a.len, 1);
    const char *none[] = {"", "\n", "x", "x y", "x y \n", "x y 0", "x y 0g", "x y 00 11", "\n\n\n"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(x11_auth_read(none[i], &a));
    assert_string_equal(a.name, "");
    assert_int_equal(a.len, 0);
    char longest[1200] = "h  N  ";
    memset(longest + 6, 'a', 2 * X11_DATA_MAX);
    assert_true(x11_auth_read(longest, &a));
    assert_int_equal(a.len, X11_DATA_MAX);
    memset(longest + 6, 'a', 2 * X11_DATA_MAX + 2);
    assert_false(x11_auth_read(longest, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_what_xauth_prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
