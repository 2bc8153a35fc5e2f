#include "server/framed.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct end {
    struct framed framed;
    int datagrams, closed;
    uint8_t last[FRAME_MAX];
    size_t last_len;
};

static void on_datagram(void *ctx, const uint8_t *bytes, size_t len)
{
    struct end *e = ctx;
    e->datagrams++;
    memcpy(e->last, bytes, len);
    e->last_len = len;
}

static void on_closed(void *ctx)
{
    ((struct end *)ctx)->closed++;
}

static void open_pair(struct loop *l, struct end *a, int *peer)
{
    int s[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    struct framed_ops ops = {on_datagram, on_closed, a};
    assert_int_equal(framed_init(&a->framed, l, s[0], s[0], PIPE_OWN, &ops), 0);
    *peer = s[1];
}

static void test_datagrams_both_ways(void **state)
{
    struct loop *l = loop_new();
    struct end a = {0}, b = {0};
    int peer;
    static uint8_t big[FRAME_MAX];
    open_pair(l, &a, &peer);
    struct framed_ops ops = {on_datagram, on_closed, &b};
    assert_int_equal(framed_init(&b.framed, l, peer, peer, PIPE_OWN, &ops), 0);
    memset(big, 'b', sizeof big);
    assert_true(framed_send(&a.framed, (const uint8_t *)"x", 1));
    assert_true(framed_send(&a.framed, big, sizeof big));
    assert_false(framed_send(&a.framed, big, sizeof big + 1));
    while (b.datagrams < 2)
        loop_turn(l, true);
    assert_int_equal(b.last_len, sizeof big);
    assert_memory_equal(b.last, big, sizeof big);
    assert_true(framed_send(&b.framed, (const uint8_t *)"back", 4));
    while (!a.datagrams)
        loop_turn(l, true);
    assert_memory_equal(a.last, "back", 4);
    framed_fini(&a.framed);
    while (!b.closed)
        loop_turn(l, true);
    assert_false(framed_send(&b.framed, (const uint8_t *)"x", 1));
    framed_fini(&b.framed);
    loop_free(l);
}

static void test_a_full_pipe_loses_whole_datagrams(void **state)
{
    struct loop *l = loop_new();
    struct end a = {0};
    static uint8_t big[FRAME_MAX];
    int peer, sent = 0;
    open_pair(l, &a, &peer);
    while (framed_send(&a.framed, big, 1000))
        assert_true(++sent < 100000);
    size_t got = 0;
    uint8_t piece[4096];
    struct frame_reader r = {0};
    int whole = 0;
    while (whole < sent) {
        loop_turn(l, false);
        ssize_t n = recv(peer, piece, sizeof piece, MSG_DONTWAIT);
        if (n <= 0)
            continue;
        got += (size_t)n;
        const uint8_t *p = piece, *d;
        size_t len = (size_t)n, d_len;
        while (frame_read(&r, &p, &len, &d, &d_len) == 1) {
            assert_int_equal(d_len, 1000);
            whole++;
        }
    }
    assert_int_equal(got, (size_t)sent * 1002);
    framed_fini(&a.framed);
    close(peer);
    loop_free(l);
}

static void test_out_of_step_closes_once(void **state)
{
    struct loop *l = loop_new();
    struct end a = {0};
    int peer;
    open_pair(l, &a, &peer);
    assert_int_equal(write(peer, "\x00\x01z\xff\xff\x00\x01y", 8), 8);
    close(peer);
    while (!a.closed)
        loop_turn(l, true);
    for (int i = 0; i < 3; i++)
        loop_turn(l, false);
    assert_int_equal(a.closed, 1);
    assert_int_equal(a.datagrams, 1); /* the one before the nonsense */
    framed_fini(&a.framed);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datagrams_both_ways),
        cmocka_unit_test(test_a_full_pipe_loses_whole_datagrams),
        cmocka_unit_test(test_out_of_step_closes_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
