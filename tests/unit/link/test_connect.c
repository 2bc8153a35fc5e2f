#include "link/connect.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define NONCE "abcDEF0123456789"

static int find(const char *text, struct connect *out, size_t *used)
{
    return connect_find((const uint8_t *)text, strlen(text), NONCE, out, used);
}

static struct connect sample(void)
{
    struct connect c = {.route = 8191, .port = 60001, .caps = 0xfedcba9876543210u};
    struct addr a;
    for (size_t i = 0; i < KEYS_SECRET; i++)
        c.secret[i] = (uint8_t)(255 - 7 * i);
    const char *ips[] = {"192.0.2.1", "2001:db8::1", "10.1.2.3", "2001:db8::2"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(addr_parse(ips[i], &a), 0);
        a.port = i < 2 ? 60001 : 443;
        c.addrs[c.addr_count++] = a;
    }
    strcpy(c.session, "work_1.a-b");
    assert_int_equal(addr_parse("127.8.9.10", &c.pass_tcp), 0);
    c.pass_tcp.port = 40000;
    assert_int_equal(addr_parse("127.8.9.11", &c.pass_listen), 0);
    c.pass_listen.port = 40001;
    strcpy(c.pass_unix, "/tmp/tern-0/p-1");
    strcpy(c.pass_agent, "00112233445566778899aabbccddeeff");
    return c;
}

static void round_trip(void **state)
{
    struct connect in = sample(), out;
    struct buf b;
    size_t used;
    buf_init(&b, CONNECT_LINE_MAX);
    connect_put(&b, NONCE, &in);
    assert_int_equal(buf_err(&b), 0);
    size_t line = buf_len(&b);
    assert_int_equal(buf_data(&b)[line - 1], '\n');
    buf_put(&b, "\0\3abc", 5); /* a frame behind it */
    assert_int_equal(connect_find(buf_data(&b), buf_len(&b), NONCE, &out, &used), 1);
    assert_int_equal(used, line);
    assert_memory_equal(out.secret, in.secret, KEYS_SECRET);
    assert_int_equal(out.route, in.route);
    assert_int_equal(out.port, in.port);
    assert_int_equal(out.caps, in.caps);
    assert_string_equal(out.session, in.session);
    assert_true(addr_equal(&out.pass_tcp, &in.pass_tcp));
    assert_true(addr_equal(&out.pass_listen, &in.pass_listen));
    assert_string_equal(out.pass_unix, in.pass_unix);
    assert_string_equal(out.pass_agent, in.pass_agent);
    assert_string_equal(out.pass_x11, "");
    assert_int_equal(out.addr_count, in.addr_count);
    for (size_t i = 0; i < in.addr_count; i++)
        assert_true(addr_equal(&out.addrs[i], &in.addrs[i]));
    /* Not one byte less. */
    for (size_t n = 0; n < line; n++)
        assert_int_equal(connect_find(buf_data(&b), n, NONCE, &out, &used), 0);
    buf_fini(&b);
}

#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static void found_in_noise(void **state)
{
    struct connect out;
    size_t used;
    const char *noise =
        "Welcome!\r\nTERN not for you\nTERN " NONCE "x secret=no\n\033[1mlast login "
        "TERN " NONCE " secret=" SECRET " route=3 color=red empty= bare addr=? "
        "addr=192.0.2.9 port=7 session=s\r\nframes";
    assert_int_equal(find(noise, &out, &used), 1);
    assert_string_equal(noise + used, "frames");
    assert_int_equal(out.route, 3);
    assert_int_equal(out.secret[31], 31);
    assert_int_equal(out.addr_count, 1);
    assert_int_equal(out.addrs[0].port, 7);
    assert_int_equal(out.caps, 0);
}

static void noise_can_be_thrown_away(void **state)
{
    struct connect out;
    size_t used;
    assert_int_equal(find("hello\nTER", &out, &used), 0);
    assert_int_equal(used, 6);
    assert_int_equal(find("hello\nTERN " NONCE, &out, &used), 0);
    assert_int_equal(used, 6);
    assert_int_equal(find("hello\nTERN " NONCE " route", &out, &used), 0);
    assert_int_equal(used, 6);
    assert_int_equal(find("hello\n", &out, &used), 0);
    assert_int_equal(used, 6);
    assert_int_equal(find("", &out, &used), 0);
    assert_int_equal(used, 0);
}

static void refuses_bad_lines(void **state)
{
    const char *bad[] = {
        "",
        "secret=" SECRET " route=3",
        "secret=" SECRET " session=s",
        "route=3 session=s",
        "secret=" SECRET "A route=3 session=s",
        "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9 route=3 session=s", /* spare bits */
        "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh* route=3 session=s",
        "secret=" SECRET " route=0 session=s",
        "secret=" SECRET " route=8192 session=s",
        "secret=" SECRET " route=-1 session=s",
        "secret=" SECRET " route=3 port=65536 session=s",
        "secret=" SECRET " route=3 port= session=s",
        "secret=" SECRET " route=99999999999999999999999 session=s",
        "secret=" SECRET " route=3 caps=G session=s",
        "secret=" SECRET " route=3 session=",
        "secret=" SECRET " route=3 session=../../etc",
        "secret=" SECRET " route=3 session=-x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[512];
        struct connect out;
        size_t used;
        snprintf(line, sizeof line, "TERN " NONCE " %s\n", bad[i]);
        assert_int_equal(find(line, &out, &used), ERR_SYNTAX);
        static const struct connect zero;
        assert_memory_equal(&out, &zero, sizeof out); /* no secret is left behind */
    }
}

static void refuses_endless_lines(void **state)
{
    static char text[CONNECT_LINE_MAX + 100];
    struct connect out;
    size_t used;
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "TERN " NONCE " ", sizeof NONCE + 5);
    assert_int_equal(find(text, &out, &used), ERR_CAP);
    text[sizeof text - 2] = '\n';
    assert_int_equal(find(text, &out, &used), ERR_CAP);
}

static void skips_more_addresses_than_fit(void **state)
{
    struct connect out;
    struct buf b;
    size_t used;
    buf_init(&b, CONNECT_LINE_MAX);
    buf_put_text(&b, "TERN " NONCE " secret=" SECRET " route=3 session=s port=9");
    for (int i = 0; i < 40; i++)
        buf_printf(&b, " addr=192.0.2.%d:%d", i, i + 1);
    buf_put_text(&b,
                 " addr=[2001:db8::1]:0 addr=[x addr=1.2.3.4:5:6 addr=[::1]x:4 addr=]:9 addr=:\n");
    assert_int_equal(connect_find(buf_data(&b), buf_len(&b), NONCE, &out, &used), 1);
    assert_int_equal(out.addr_count, CONNECT_ADDRS);
    assert_int_equal(out.addrs[15].port, 16);
    buf_fini(&b);
}

static void stock_line_exactly(void **state)
{
    struct connect_stock c = {.port = 60001}, out;
    struct buf b;
    size_t used;
    assert_int_equal(connect_stock_key("r1FYnbxIUSBbIWOfrbjeQw", c.key), 0);
    assert_int_equal(c.key[0], 0xaf);
    assert_int_equal(c.key[15], 0x43);
    buf_init(&b, 200);
    connect_stock_put(&b, &c);
    static const char want[] = "MOSH CONNECT 60001 r1FYnbxIUSBbIWOfrbjeQw\n";
    assert_int_equal(buf_len(&b), sizeof want - 1);
    assert_memory_equal(buf_data(&b), want, sizeof want - 1);
    assert_int_equal(connect_stock_find(buf_data(&b), buf_len(&b), &out, &used), 1);
    assert_int_equal(out.port, 60001);
    assert_memory_equal(out.key, c.key, KEYS_STOCK);
    buf_fini(&b);
    const char *noisy = "motd\r\n\r\nMOSH CONNECT 1 r1FYnbxIUSBbIWOfrbjeQw\r\nrest";
    assert_int_equal(connect_stock_find((const uint8_t *)noisy, strlen(noisy), &out, &used), 1);
    assert_string_equal(noisy + used, "rest");
    assert_int_equal(connect_stock_find((const uint8_t *)noisy, 20, &out, &used), 0);
    assert_int_equal(used, 8);
}

static void refuses_bad_stock_lines(void **state)
{
    const char *bad[] = {
        "MOSH CONNECT 60001 r1FYnbxIUSBbIWOfrbjeQx\n", /* spare bits set */
        "MOSH CONNECT 60001 r1FYnbxIUSBbIWOfrbjeQ\n",
        "MOSH CONNECT 60001 r1FYnbxIUSBbIWOfrbjeQww\n",
        "MOSH CONNECT 60001 r1FYnbxIUSBbIWOfrbje?w\n",
        "MOSH CONNECT 0 r1FYnbxIUSBbIWOfrbjeQw\n",
        "MOSH CONNECT 65536 r1FYnbxIUSBbIWOfrbjeQw\n",
        "MOSH CONNECT  60001 r1FYnbxIUSBbIWOfrbjeQw\n",
        "MOSH CONNECT 60001\n",
        "MOSH CONNECT \n",
        "MOSH CONNECT 60001 r1FYnbxIUSBbIWOfrbjeQw \n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct connect_stock out;
        size_t used;
        assert_int_equal(connect_stock_find((const uint8_t *)bad[i], strlen(bad[i]), &out, &used),
                         ERR_SYNTAX);
    }
    struct connect_stock out;
    size_t used;
    const char *other = "xMOSH CONNECT 60001 r1FYnbxIUSBbIWOfrbjeQw\n";
    assert_int_equal(connect_stock_find((const uint8_t *)other, strlen(other), &out, &used), 0);
    assert_int_equal(used, strlen(other));
}

static void names(void **state)
{
    char text[CONNECT_SESSION_MAX + 2];
    assert_true(connect_nonce_valid("12345678"));
    assert_false(connect_nonce_valid("1234567"));
    assert_false(connect_nonce_valid("1234567-"));
    memset(text, 'a', sizeof text);
    text[CONNECT_SESSION_MAX] = 0;
    assert_true(connect_nonce_valid(text));
    assert_true(connect_session_valid(text));
    text[CONNECT_SESSION_MAX] = 'a';
    text[CONNECT_SESSION_MAX + 1] = 0;
    assert_false(connect_nonce_valid(text));
    assert_false(connect_session_valid(text));
    assert_false(connect_session_valid(""));
    assert_false(connect_session_valid(".hidden"));
    assert_false(connect_session_valid("a/b"));
    assert_false(connect_session_valid("a b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(found_in_noise),
        cmocka_unit_test(noise_can_be_thrown_away),
        cmocka_unit_test(refuses_bad_lines),
        cmocka_unit_test(refuses_endless_lines),
        cmocka_unit_test(skips_more_addresses_than_fit),
        cmocka_unit_test(stock_line_exactly),
        cmocka_unit_test(refuses_bad_stock_lines),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
