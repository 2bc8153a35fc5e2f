#include "fwd/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void local(const char *text, const char *listen, const char *to)
{
    struct spec s;
    char got[SPEC_TEXT];
    assert_int_equal(spec_local(text, &s), 0);
    assert_false(s.dynamic);
    spec_end_text(&s.listen, got);
    assert_string_equal(got, listen);
    spec_end_text(&s.to, got);
    assert_string_equal(got, to);
}

/* As ssh -G prints them. */
static void test_local(void **state)
{
    local("8080 [h]:80", "8080", "[h]:80");
    local("[127.0.0.1]:8080 [h]:80", "[127.0.0.1]:8080", "[h]:80");
    local("[]:8080 [h]:80", "[]:8080", "[h]:80");
    local("[*]:8080 [h]:80", "[*]:8080", "[h]:80");
    local("[::1]:9001 [2001:db8::1]:81", "[::1]:9001", "[2001:db8::1]:81");
    local("8083 /run/x.sock", "8083", "/run/x.sock");
    local("8083 /run/a b", "8083", "/run/a b");
    local("/tmp/l.sock [h]:81", "/tmp/l.sock", "[h]:81");
    local("/tmp/a b [h]:81", "/tmp/a b", "[h]:81");
    local("/a/b /c/d", "/a/b", "/c/d");
}

static void test_not_local(void **state)
{
    struct spec s;
    char path[200];
    static const char *const bad[] = {"",       "8080",    "8080 ",      "1 [h]",
                                      "1 []:2", "1 [h]:0", "1 [h]:70000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(spec_local(bad[i], &s), ERR_SYNTAX);
    memset(path, '/', sizeof path);
    memcpy(path, "80 ", 3);
    path[sizeof path - 1] = 0;
    assert_int_equal(spec_local(path, &s), ERR_SYNTAX); /* longer than a socket's address */
}

static void test_remote(void **state)
{
    struct spec s;
    char got[SPEC_TEXT];
    assert_int_equal(spec_remote("2222 [localhost]:22", &s), 0);
    assert_int_equal(s.listen.port, 2222);
    assert_int_equal(spec_remote("0 [h]:80", &s), 0);
    assert_int_equal(s.listen.port, 0);
    assert_false(s.listen.named);
    assert_string_equal(s.listen.path, "");
    assert_string_equal(s.to.host, "h");
    assert_int_equal(spec_remote("[*]:0 /run/x", &s), 0);
    assert_true(s.listen.named);
    assert_string_equal(s.listen.host, "*");
    assert_string_equal(s.to.path, "/run/x");
    assert_int_equal(spec_remote("/run/x [h]:80", &s), 0);
    spec_end_text(&s.listen, got);
    assert_string_equal(got, "/run/x");
    assert_int_equal(spec_remote("1080 [socks]:0", &s), ERR_SYNTAX);
    assert_int_equal(spec_remote("0", &s), ERR_SYNTAX);
}

static void test_dynamic(void **state)
{
    struct spec s;
    assert_int_equal(spec_dynamic("1080", &s), 0);
    assert_true(s.dynamic);
    assert_false(s.listen.named);
    assert_int_equal(s.listen.port, 1080);
    assert_int_equal(spec_dynamic("[::1]:1080", &s), 0);
    assert_string_equal(s.listen.host, "::1");
    assert_int_equal(spec_dynamic("/tmp/x", &s), ERR_SYNTAX);
    assert_true(spec_is_artefact("8083", "8083 /run/x.sock"));
    assert_true(spec_is_artefact("[::1]:8083", "[::1]:8083 /run/x.sock"));
    assert_false(spec_is_artefact("8083", "8083 [h]:80"));
    assert_false(spec_is_artefact("8084", "8083 /run/x.sock"));
    assert_false(spec_is_artefact("8084", "nonsense"));
}

static void test_stdio(void **state)
{
    struct spec_end e;
    assert_int_equal(spec_stdio("h:22", &e), 0);
    assert_string_equal(e.host, "h");
    assert_int_equal(e.port, 22);
    assert_int_equal(spec_stdio("[2001:db8::1]:22", &e), 0);
    assert_string_equal(e.host, "2001:db8::1");
    static const char *const bad[] = {"", "h", ":22", "h:", "h:0", "[h:22", "[]:22", "/run/a:22"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(spec_stdio(bad[i], &e), ERR_SYNTAX);
}

static void udp(const char *text, const char *listen, const char *to)
{
    struct spec s;
    char got[SPEC_TEXT];
    assert_int_equal(spec_udp(text, &s), 0);
    spec_end_text(&s.listen, got);
    assert_string_equal(got, listen);
    spec_end_text(&s.to, got);
    assert_string_equal(got, to);
}

static void test_udp(void **state)
{
    struct spec s;
    udp("53:dns:54", "53", "[dns]:54");
    udp("*:53:dns:54", "[*]:53", "[dns]:54");
    udp(":53:10.0.0.1:54", "[]:53", "[10.0.0.1]:54");
    udp("[::1]:53:[2001:db8::1]:54", "[::1]:53", "[2001:db8::1]:54");
    static const char *const bad[] = {
        "",      "53",        "53:h",       "53:h:",   "0:h:1",     "53:h:0",     "53::54",
        "x:h:1", "a:b:c:d:e", "53:h:70000", "[::1:53", "53:[::1:2", "1:2:3:4:5:", "53:/run/x:1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(spec_udp(bad[i], &s), ERR_SYNTAX);
}

static void test_equal(void **state)
{
    struct spec a, b;
    assert_int_equal(spec_local("8080 [h]:80", &a), 0);
    assert_int_equal(spec_local("8080 [h]:80", &b), 0);
    assert_true(spec_equal(&a, &b));
    assert_int_equal(spec_local("[]:8080 [h]:80", &b), 0);
    assert_false(spec_equal(&a, &b));
    assert_int_equal(spec_local("8080 [h]:81", &b), 0);
    assert_false(spec_equal(&a, &b));
    assert_int_equal(spec_local("8080 /h", &b), 0);
    assert_false(spec_equal(&a, &b));
    assert_int_equal(spec_dynamic("8080", &b), 0);
    assert_false(spec_equal(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),     cmocka_unit_test(test_local),
        cmocka_unit_test(test_not_local), cmocka_unit_test(test_remote),
        cmocka_unit_test(test_dynamic),   cmocka_unit_test(test_stdio),
        cmocka_unit_test(test_udp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
