#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot/reader.h"

#include <stdlib.h>
#include <string.h>

#define NONCE "abcdefgh01234567"

struct seen {
    struct boot_reader r;
    struct connect c;
    struct buf noise;
};

static void open_reader(struct seen *s)
{
    memset(s, 0, sizeof *s);
    boot_reader_init(&s->r, NONCE);
    buf_init(&s->noise, 4u << 20);
}

static void close_reader(struct seen *s)
{
    boot_reader_fini(&s->r);
    buf_fini(&s->noise);
}

static int feed(struct seen *s, const void *p, size_t len)
{
    return boot_reader_feed(&s->r, p, len, &s->c, &s->noise);
}

static const char *noise_text(struct seen *s)
{
    buf_put_u8(&s->noise, 0);
    return (const char *)buf_data(&s->noise);
}

/* A valid line, with LF. */
static void put_line(struct buf *b)
{
    struct connect c = {.route = 77, .port = 60001, .session = "work"};
    memset(c.secret, 0x5a, sizeof c.secret);
    assert_int_equal(addr_parse("192.0.2.1", &c.addrs[0]), 0);
    c.addrs[0].port = 60001;
    c.addr_count = 1;
    connect_put(b, NONCE, &c);
}

static void check_line(const struct connect *c)
{
    assert_int_equal(c->route, 77);
    assert_int_equal(c->port, 60001);
    assert_int_equal(c->secret[31], 0x5a);
    assert_int_equal(c->addr_count, 1);
    assert_string_equal(c->session, "work");
}

static void any_split(void **state)
{
    (void)state;
    static const char before[] =
        "Welcome\nTERN otherotherother secret=x\nlast login: \033]0;x\007 now\n";
    static const char after[] = "\0\3abc\n";
    struct buf all;
    buf_init(&all, 65536);
    buf_put(&all, before, sizeof before - 1);
    put_line(&all);
    buf_put(&all, after, sizeof after - 1);
    size_t len = buf_len(&all);
    for (size_t step = 1; step <= len; step++) {
        struct seen s;
        int got = 0;
        size_t at = 0;
        open_reader(&s);
        for (; at < len && got == 0; at += step) {
            size_t n = len - at < step ? len - at : step;
            got = feed(&s, buf_data(&all) + at, n);
        }
        assert_int_equal(got, 1);
        check_line(&s.c);
        /* What came behind the line is kept, byte for byte. */
        size_t rest = buf_len(&s.r.text);
        assert_true(rest <= sizeof after - 1);
        assert_memory_equal(buf_data(&s.r.text), after, rest);
        assert_true(at >= len ? rest == sizeof after - 1 : true);
        const char *noise = noise_text(&s);
        assert_string_equal(noise,
                            "Welcome\nTERN otherotherother secret=x\nlast login: ?]0;x? now\n");
        close_reader(&s);
    }
    buf_fini(&all);
}

static void byte_for_byte_noise(void **state)
{
    (void)state;
    struct seen s;
    open_reader(&s);
    static const char text[] = "a\r\nb\tc\r\n\n";
    assert_int_equal(feed(&s, text, sizeof text - 1), 0);
    assert_string_equal(noise_text(&s), "a\nb\tc\n\n");
    close_reader(&s);
}

static void malformed_line(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "TERN " NONCE " \n",
        "TERN " NONCE " secret=AAAA route=5 port=60001\n",
        "TERN " NONCE " route=5 port=60001\n",
        "TERN " NONCE " secret=WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo route=99999 port=1\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct seen s;
        open_reader(&s);
        assert_int_equal(feed(&s, bad[i], strlen(bad[i])), ERR_SYNTAX);
        close_reader(&s);
    }
}

static void endless_noise(void **state)
{
    (void)state;
    struct seen s;
    uint8_t chunk[4096];
    size_t fed = 0;
    int got = 0;
    memset(chunk, 'y', sizeof chunk);
    for (size_t i = 79; i < sizeof chunk; i += 80)
        chunk[i] = '\n';
    open_reader(&s);
    while (got == 0 && fed < 8 * BOOT_NOISE_MAX) {
        got = feed(&s, chunk, sizeof chunk);
        fed += sizeof chunk;
    }
    assert_int_equal(got, ERR_CAP);
    assert_true(fed <= BOOT_NOISE_MAX + 2 * sizeof chunk);
    assert_true(s.r.text.size <= 1u << 19);
    close_reader(&s);
    /* The same without a line end. */
    memset(chunk, 'y', sizeof chunk);
    open_reader(&s);
    for (got = 0, fed = 0; got == 0 && fed < 8 * BOOT_NOISE_MAX; fed += sizeof chunk)
        got = feed(&s, chunk, sizeof chunk);
    assert_int_equal(got, ERR_CAP);
    assert_true(s.r.text.size <= 1u << 19);
    close_reader(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split),
        cmocka_unit_test(byte_for_byte_noise),
        cmocka_unit_test(malformed_line),
        cmocka_unit_test(endless_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
