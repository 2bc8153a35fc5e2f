#include "rig.h"

#include "io/sockaddr.h"
#include "io/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct inbox {
    int count;
    struct addr from;
    size_t len;
    uint8_t first, ecn;
    bool oversize, free_self;
};

static void on_recv(void *ctx, struct udp *u, const struct udp_datagram *d)
{
    struct inbox *in = ctx;
    in->count++;
    in->from = d->from;
    in->len = d->len;
    in->first = d->len ? d->bytes[0] : 0;
    in->ecn = d->ecn;
    in->oversize = d->oversize;
    if (in->free_self)
        udp_free(u);
}

static struct addr loopback(uint8_t family)
{
    struct addr a;
    assert_int_equal(addr_parse(family == ADDR_V4 ? "127.0.0.1" : "::1", &a), 0);
    return a;
}

static struct udp *open_on(struct loop *l, uint8_t family, struct inbox *in)
{
    struct udp_config c = {
        .family = family, .bind = loopback(family), .recv = on_recv, .ctx = in, .id = 7};
    struct udp *u;
    if (udp_new(l, &c, &u))
        return NULL;
    return u;
}

static void exchange(uint8_t family)
{
    struct loop *l = loop_new();
    struct inbox a_in = {0}, b_in = {0};
    struct udp *a = open_on(l, family, &a_in), *b = open_on(l, family, &b_in);
    if (!a || !b) { /* no IPv6 on this host */
        assert_int_equal(family, ADDR_V6);
        udp_free(a);
        udp_free(b);
        loop_free(l);
        return;
    }
    struct addr to = udp_local(b);
    assert_int_not_equal(to.port, 0);
    assert_int_equal(udp_send(a, &to, "x12", 3), 0);
    RIG_UNTIL(l, b_in.count == 1);
    assert_int_equal(b_in.len, 3);
    assert_int_equal(b_in.first, 'x');
    assert_int_equal(b_in.ecn, 2); /* ECT(0) */
    struct addr self = udp_local(a);
    assert_true(addr_equal(&b_in.from, &self));
    assert_int_equal(udp_send(b, &b_in.from, "", 0), 0);
    RIG_UNTIL(l, a_in.count == 1);
    assert_int_equal(a_in.len, 0);
    assert_int_equal(udp_id(a), 7);
    assert_int_equal(udp_family(a), family);
    udp_free(a);
    udp_free(b);
    loop_free(l);
}

static void test_v4(void **state)
{
    exchange(ADDR_V4);
}

static void test_v6(void **state)
{
    exchange(ADDR_V6);
}

static void test_oversize_is_marked(void **state)
{
    struct loop *l = loop_new();
    struct inbox in = {0};
    struct udp *u = open_on(l, ADDR_V4, &in);
    struct addr to = udp_local(u);
    uint8_t big[UDP_DATAGRAM_MAX + 1] = {1};
    assert_int_equal(udp_send(u, &to, big, sizeof big - 1), 0);
    RIG_UNTIL(l, in.count == 1);
    assert_false(in.oversize);
    assert_int_equal(in.len, UDP_DATAGRAM_MAX);
    assert_int_equal(udp_send(u, &to, big, sizeof big), 0);
    RIG_UNTIL(l, in.count == 2);
    assert_true(in.oversize);
    udp_free(u);
    loop_free(l);
}

static void test_too_big_to_send(void **state)
{
    struct loop *l = loop_new();
    struct inbox in = {0};
    struct udp *u = open_on(l, ADDR_V4, &in);
    struct addr to = udp_local(u);
    static uint8_t big[70000];
    assert_int_equal(udp_send(u, &to, big, sizeof big), ERR_CAP);
    to = loopback(ADDR_V6);
    assert_int_equal(udp_send(u, &to, "x", 1), ERR_STATE); /* another family */
    udp_free(u);
    loop_free(l);
}

static void test_port_range_ascends_and_runs_out(void **state)
{
    struct loop *l = loop_new();
    struct inbox in = {0};
    struct udp *a = open_on(l, ADDR_V4, &in), *b, *c;
    uint16_t taken = udp_local(a).port;
    struct udp_config conf = {.family = ADDR_V4,
                              .bind = loopback(ADDR_V4),
                              .lo = taken,
                              .hi = taken,
                              .recv = on_recv,
                              .ctx = &in};
    assert_int_equal(udp_new(l, &conf, &b), ERR_SYS);
    assert_int_equal(errno, EADDRINUSE);
    if (taken < 65000) {
        conf.hi = (uint16_t)(taken + 500);
        assert_int_equal(udp_new(l, &conf, &b), 0);
        assert_in_range(udp_local(b).port, taken + 1, taken + 500);
        assert_int_equal(udp_new(l, &conf, &c), 0);
        assert_true(udp_local(c).port > udp_local(b).port);
        udp_free(b);
        udp_free(c);
    }
    udp_free(a);
    loop_free(l);
}

static void test_pair_shares_a_port(void **state)
{
    struct loop *l = loop_new();
    struct inbox in = {0};
    struct udp *v4, *v6;
    struct udp_config c = {.recv = on_recv, .ctx = &in, .id = 4};
    assert_int_equal(udp_new_pair(l, &c, &v4, &v6), 0);
    assert_true(v4 || v6);
    if (v4 && v6) {
        assert_int_equal(udp_local(v4).port, udp_local(v6).port);
        assert_int_equal(udp_id(v6), 5);
        struct addr to = loopback(ADDR_V6);
        to.port = udp_local(v6).port;
        assert_int_equal(udp_send(v6, &to, "6", 1), 0);
        RIG_UNTIL(l, in.count == 1);
        assert_int_equal(in.from.family, ADDR_V6);
        /* The same port once more: both are taken, the range is exhausted. */
        struct udp *a, *b;
        c.lo = c.hi = udp_local(v4).port;
        assert_int_equal(udp_new_pair(l, &c, &a, &b), ERR_SYS);
        assert_int_equal(errno, EADDRINUSE);
        assert_null(a);
        assert_null(b);
    }
    udp_free(v4);
    udp_free(v6);
    loop_free(l);
}

static void test_free_within_recv(void **state)
{
    struct loop *l = loop_new();
    struct inbox in = {.free_self = true}, other = {0};
    struct udp *u = open_on(l, ADDR_V4, &in), *v = open_on(l, ADDR_V4, &other);
    struct addr to = udp_local(u);
    for (int i = 0; i < 3; i++)
        assert_int_equal(udp_send(v, &to, "x", 1), 0);
    RIG_UNTIL(l, in.count == 1);
    udp_free(v);
    loop_run(l);
    assert_int_equal(in.count, 1);
    loop_free(l);
}

static void test_sockaddr_round_trip(void **state)
{
    struct sockaddr_storage ss;
    struct addr a, b;
    assert_int_equal(addr_parse("192.0.2.7", &a), 0);
    a.port = 4711;
    assert_int_equal(sockaddr_put(&a, ADDR_V4, &ss), sizeof(struct sockaddr_in));
    assert_int_equal(sockaddr_get(&ss, &b), 0);
    assert_true(addr_equal(&a, &b));
    /* v4-mapped on a v6 socket comes back as v4 */
    assert_int_equal(sockaddr_put(&a, ADDR_V6, &ss), sizeof(struct sockaddr_in6));
    assert_int_equal(sockaddr_get(&ss, &b), 0);
    assert_true(addr_equal(&a, &b));
    assert_int_equal(addr_parse("2001:db8::5", &a), 0);
    assert_int_equal(sockaddr_put(&a, ADDR_V4, &ss), 0);
    assert_int_equal(sockaddr_put(&a, ADDR_V6, &ss), sizeof(struct sockaddr_in6));
    assert_int_equal(sockaddr_get(&ss, &b), 0);
    assert_true(addr_equal(&a, &b));
    ss.ss_family = AF_UNIX;
    assert_int_equal(sockaddr_get(&ss, &b), ERR_SYNTAX);
}

static void test_local_addresses_public_first(void **state)
{
    struct addr a[16];
    size_t n = sockaddr_local(a, 16);
    bool seen_private = false;
    for (size_t i = 0; i < n; i++) {
        assert_false(a[i].family == ADDR_V4 && a[i].ip[0] == 127);
        assert_int_equal(a[i].port, 0);
        assert_false(seen_private && !addr_private(&a[i]));
        seen_private |= addr_private(&a[i]);
    }
    if (n > 1)
        assert_int_equal(sockaddr_local(a, 1), 1);
}

struct rows {
    int count, wrong;
    uint64_t bytes;
    struct addr from;
    bool writable;
};

/* Every datagram of a row is of one size but the last, and begins with its number. */
static void on_row(void *ctx, struct udp *u, const struct udp_datagram *d)
{
    struct rows *r = ctx;
    size_t size = r->count % 50 == 49 ? 700 : 1200;
    r->wrong += d->len != size || d->bytes[0] != (uint8_t)(r->count % 50) || d->oversize;
    r->count++;
    r->bytes += d->len;
    r->from = d->from;
}

static void on_writable(void *ctx, struct udp *u)
{
    ((struct rows *)ctx)->writable = true;
}

static void rows_of(uint8_t family)
{
    struct loop *l = loop_new();
    struct rows in = {0};
    static uint8_t row[49 * 1200 + 700];
    struct udp *a, *b;
    struct udp_config c = {.family = family,
                           .bind = loopback(family),
                           .recv = on_row,
                           .writable = on_writable,
                           .ctx = &in};
    if (udp_new(l, &c, &a) || udp_new(l, &c, &b)) {
        assert_int_equal(family, ADDR_V6);
        loop_free(l);
        return;
    }
    for (int i = 0; i < 50; i++)
        row[i * 1200] = (uint8_t)i;
    struct addr to = udp_local(b);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(udp_send_row(a, &to, row, sizeof row, 1200), 0);
        RIG_UNTIL(l, in.count == 50 * (i + 1));
    }
    assert_int_equal(in.wrong, 0);
    assert_int_equal(in.bytes, 20 * sizeof row);
    /* A row of one is a datagram. */
    in.count = 49;
    assert_int_equal(udp_send_row(a, &to, row + 49 * 1200, 700, 700), 0);
    RIG_UNTIL(l, in.count == 50);
    assert_int_equal(in.wrong, 0);
    udp_free(a);
    udp_free(b);
    loop_free(l);
}

static void test_rows(void **state)
{
    rows_of(ADDR_V4);
    rows_of(ADDR_V6);
}

/* More than the kernel's buffer holds: the rest is kept, and told when it has gone. */
static void test_row_without_room(void **state)
{
    struct loop *l = loop_new();
    struct rows in = {0};
    static uint8_t row[40 * 1200];
    struct udp_config c = {.family = ADDR_V4,
                           .bind = loopback(ADDR_V4),
                           .recv = on_row,
                           .writable = on_writable,
                           .ctx = &in};
    struct udp *a, *b;
    assert_int_equal(udp_new(l, &c, &a), 0);
    assert_int_equal(udp_new(l, &c, &b), 0);
    struct addr to = udp_local(b);
    int taken = 0;
    while (taken < 10000 && !udp_full(a)) {
        assert_int_equal(udp_send_row(a, &to, row, sizeof row, 1200), 0);
        taken++;
    }
    if (udp_full(a)) { /* loopback hands over at once: most kernels never get here */
        assert_int_equal(udp_send_row(a, &to, row, sizeof row, 1200), ERR_STATE);
        RIG_UNTIL(l, in.writable);
        assert_false(udp_full(a));
    }
    RIG_UNTIL(l, in.count > 0);
    udp_free(a);
    udp_free(b);
    loop_free(l);
}

/* A server on all addresses answers from the one that was spoken to. */
static void test_answers_from_where_it_was_spoken_to(void **state)
{
    struct loop *l = loop_new();
    struct inbox a_in = {0}, b_in = {0};
    struct udp_config server = {.family = ADDR_V4, .answer = true, .recv = on_recv, .ctx = &a_in};
    struct udp *s, *c = open_on(l, ADDR_V4, &b_in);
    assert_int_equal(udp_new(l, &server, &s), 0);
    for (int i = 2; i < 5; i++) {
        char text[ADDR_TEXT];
        struct addr to;
        snprintf(text, sizeof text, "127.0.0.%d", i);
        assert_int_equal(addr_parse(text, &to), 0);
        to.port = udp_local(s).port;
        int had = a_in.count, got = b_in.count;
        assert_int_equal(udp_send(c, &to, "x", 1), 0);
        RIG_UNTIL(l, a_in.count > had);
        assert_int_equal(udp_send(s, &a_in.from, "y", 1), 0);
        RIG_UNTIL(l, b_in.count > got);
        assert_true(addr_equal(&b_in.from, &to));
        uint8_t row[2400] = {0};
        assert_int_equal(udp_send_row(s, &a_in.from, row, sizeof row, 1200), 0);
        RIG_UNTIL(l, b_in.count > got + 2);
        assert_true(addr_equal(&b_in.from, &to));
    }
    udp_free(s);
    udp_free(c);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v4),
        cmocka_unit_test(test_v6),
        cmocka_unit_test(test_oversize_is_marked),
        cmocka_unit_test(test_too_big_to_send),
        cmocka_unit_test(test_port_range_ascends_and_runs_out),
        cmocka_unit_test(test_pair_shares_a_port),
        cmocka_unit_test(test_free_within_recv),
        cmocka_unit_test(test_sockaddr_round_trip),
        cmocka_unit_test(test_local_addresses_public_first),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_row_without_room),
        cmocka_unit_test(test_answers_from_where_it_was_spoken_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
