#include "base/addr.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/wire.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* The system's reader judges both what is accepted and what was read. */
static void compare(const char *text)
{
    struct addr a;
    uint8_t ip[16] = {0};
    int err = addr_parse(text, &a);
    if (strchr(text, ':') && inet_pton(AF_INET6, text, ip) == 1) {
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
        assert_int_equal(err, 0);
        if (!memcmp(ip, mapped, 12)) {
            assert_int_equal(a.family, ADDR_V4);
            assert_memory_equal(a.ip, ip + 12, 4);
        } else {
            assert_int_equal(a.family, ADDR_V6);
            assert_memory_equal(a.ip, ip, 16);
        }
    } else if (inet_pton(AF_INET, text, ip) == 1) {
        assert_int_equal(err, 0);
        assert_int_equal(a.family, ADDR_V4);
        assert_memory_equal(a.ip, ip, 16); /* the tail is zero */
    } else if (err != ERR_SYNTAX) {
        fail_msg("accepted: %s", text);
    }
}

static void test_reads_what_the_system_reads(void **state)
{
    static const char *const texts[] = {
        "1.2.3.4",
        "0.0.0.0",
        "255.255.255.255",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.",
        ".1.2.3",
        "01.2.3.4",
        "1.2.3.00",
        "1.2.3.4 ",
        " 1.2.3.4",
        "",
        "localhost",
        "::",
        "::1",
        "1::",
        ":",
        ":::",
        "1:::2",
        "1::2::3",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "12345::",
        "1:2:3:4:5:6:7:",
        ":1:2:3:4:5:6:7",
        "::1.2.3.4",
        "::ffff:1.2.3.4",
        "::ffff:1.2.3",
        "::1.2.3.4:5",
        "1:2:3:4:5:6:1.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4",
        "fe80::1",
        "FE80::aBcD",
        "g::",
        "[::1]",
        "2001:db8::1:0:0:1",
        "::ffff:0:1.2.3.4",
        "1.2.3.4::",
        "::256.1.1.1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        compare(texts[i]);
}

static void test_agrees_with_the_system_on_random_texts(void **state)
{
    static const char alphabet[] = "0123456789abcdefF:::::....g";
    struct rng r = {5};
    for (int i = 0; i < 300000; i++) {
        char text[45];
        size_t len = rng_below(&r, 14) + (i % 4 ? 0 : rng_below(&r, 30));
        for (size_t k = 0; k < len; k++)
            text[k] = alphabet[rng_below(&r, sizeof alphabet - 1)];
        text[len] = 0;
        compare(text);
    }
}

static void test_writes_what_the_system_writes(void **state)
{
    struct rng r = {6};
    for (int i = 0; i < 100000; i++) {
        struct addr a = {.family = ADDR_V6}, back;
        /* Sparse groups, so that runs of zeros of every place and length come up. The first is not
         * zero: the system writes ::1.2.3.4 and mapped addresses in its own way. */
        for (int g = 0; g < 8; g++)
            if (!g || rng_below(&r, 3) == 0)
                wire_put_u16(a.ip + 2 * g,
                             (uint16_t)(1 + (rng_below(&r, 0xffff) >> rng_below(&r, 13))));
        char text[ADDR_TEXT], want[INET6_ADDRSTRLEN];
        addr_format_ip(&a, text);
        assert_non_null(inet_ntop(AF_INET6, a.ip, want, sizeof want));
        assert_string_equal(text, want);
        assert_int_equal(addr_parse(text, &back), 0);
        assert_true(addr_equal(&a, &back));
    }
}

static void check_full(const char *ip, uint16_t port, const char *want)
{
    struct addr a;
    char text[ADDR_TEXT];
    assert_int_equal(addr_parse(ip, &a), 0);
    a.port = port;
    addr_format(&a, text);
    assert_string_equal(text, want);
}

static void test_with_a_port(void **state)
{
    check_full("192.0.2.1", 60001, "192.0.2.1:60001");
    check_full("2001:db8::1", 1, "[2001:db8::1]:1");
    check_full("fe80::1%3", 80, "[fe80::1%3]:80");
    check_full("1111:2222:3333:4444:5555:6666:7777:8888%4294967295", 65535,
               "[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535");
}

static void test_scopes(void **state)
{
    struct addr a;
    assert_int_equal(addr_parse("fe80::1%7", &a), 0);
    assert_int_equal(a.scope, 7);
    static const char *const bad[] = {"fe80::1%",           "fe80::1%eth0",
                                      "fe80::1%4294967296", "fe80::1%99999999999999999999999",
                                      "fe80::1%7x",         "1.2.3.4%7"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(addr_parse(bad[i], &a), ERR_SYNTAX);
}

static void test_equality(void **state)
{
    struct addr a, b;
    assert_int_equal(addr_parse("::ffff:10.0.0.1", &a), 0);
    assert_int_equal(addr_parse("10.0.0.1", &b), 0);
    assert_true(addr_equal(&a, &b));
    b.port = 1;
    assert_true(addr_same_host(&a, &b));
    assert_false(addr_equal(&a, &b));
    assert_int_equal(addr_parse("fe80::1%1", &a), 0);
    assert_int_equal(addr_parse("fe80::1%2", &b), 0);
    assert_false(addr_same_host(&a, &b));
}

static void test_private_ranges_at_their_edges(void **state)
{
    static const struct {
        const char *text;
        bool private;
    } rows[] = {
        {"9.255.255.255", false},
        {"10.0.0.0", true},
        {"10.255.255.255", true},
        {"11.0.0.0", false},
        {"172.15.255.255", false},
        {"172.16.0.0", true},
        {"172.31.255.255", true},
        {"172.32.0.0", false},
        {"192.167.255.255", false},
        {"192.168.0.0", true},
        {"192.169.0.0", false},
        {"169.254.1.1", true},
        {"169.253.1.1", false},
        {"100.63.255.255", false},
        {"100.64.0.0", true},
        {"100.127.255.255", true},
        {"100.128.0.0", false},
        {"127.0.0.1", true},
        {"::1", true},
        {"::2", false},
        {"fc00::1", true},
        {"fdff::1", true},
        {"fe00::1", false},
        {"fe80::1", true},
        {"febf::1", true},
        {"fec0::1", false},
        {"2001:db8::1", false},
        {"::ffff:10.0.0.1", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct addr a;
        assert_int_equal(addr_parse(rows[i].text, &a), 0);
        if (addr_private(&a) != rows[i].private)
            fail_msg("%s", rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_the_system_reads),
        cmocka_unit_test(test_agrees_with_the_system_on_random_texts),
        cmocka_unit_test(test_writes_what_the_system_writes),
        cmocka_unit_test(test_with_a_port),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_private_ranges_at_their_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
