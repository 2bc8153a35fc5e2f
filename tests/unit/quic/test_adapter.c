#include "pair.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MS   ((uint64_t)1000)
#define S    ((uint64_t)1000000)
#define HOUR (3600 * S)

/* All cases in `make soak`, every n-th in `make check`. */
static unsigned every(unsigned n)
{
    const char *soak = getenv("TERN_SOAK");
    return soak && *soak && *soak != '0' ? 1 : n;
}

static bool both_open(const struct pair *p)
{
    return quic_is_open(p->client.q) && quic_is_open(p->server.q);
}

static bool both_over(const struct pair *p)
{
    return p->client.failed && p->server.failed;
}

static void handshake(void **state)
{
    struct pair p;
    pair_init(&p, &(struct pair_config){1, {"delay=50"}, 0});
    assert_true(pair_run(&p, 2 * S, both_open));
    assert_true(p.now_us < 300 * MS); /* one and a half round trips */
    pair_fini(&p);
}

static void streams_both_ways(void **state)
{
    struct pair p;
    pair_init(&p, &(struct pair_config){2, {"delay=20"}, 0});
    p.server.answer = 300000;
    p.client.answer = 70000;
    pair_open(&p.client, 1000000); /* before anything is known of the server */
    pair_open(&p.client, 0);
    pair_open(&p.client, 1);
    pair_run(&p, 1 * S, NULL);
    pair_open(&p.server, 5000);
    assert_true(pair_run(&p, 30 * S, pair_all_done));
    assert_int_equal(p.client.received, 3 * 300000 + 5000);
    assert_int_equal(p.server.received, 1000001 + 70000);
    pair_fini(&p);
}

static void thousand_streams(void **state)
{
    struct pair p;
    pair_init(&p, &(struct pair_config){3, {"delay=10"}, 0});
    p.server.answer = 100;
    for (int i = 0; i < 1000; i++)
        pair_open(&p.client, 2000);
    assert_true(pair_run(&p, 60 * S, pair_all_done));
    assert_int_equal(p.server.closed, 1000);
    assert_int_equal(quic_counters(p.client.q).streams, 0);
    pair_fini(&p);
}

static void wrong_psk(void **state)
{
    struct pair p;
    pair_init(&p, &(struct pair_config){4, {"delay=20"}, .wrong_psk = true});
    pair_open(&p.client, 1000);
    assert_true(pair_run(&p, 3 * S, both_over));
    assert_false(quic_is_open(p.client.q) || quic_is_open(p.server.q));
    assert_int_equal(p.client.closed, 1);
    assert_int_equal(p.server.received, 0);
    int64_t id;
    assert_int_equal(p.client.t.ops->open(p.client.t.t, &p, &id), ERR_STATE);
    pair_fini(&p);
}

/* An id that was not announced: not a byte comes back. */
static void wrong_id(void **state)
{
    struct pair p;
    pair_init(&p, &(struct pair_config){5, {"delay=20"}, .wrong_id = true});
    pair_run(&p, 20 * S, NULL);
    assert_int_equal(quic_counters(p.server.q).sent, 0);
    assert_true(quic_counters(p.server.q).dropped > 0);
    assert_false(p.client.failed);
    pair_fini(&p);
}

static size_t poll_one(struct pair *p, struct pair_end *e, uint8_t *out, size_t size)
{
    struct quic_batch b;
    if (!quic_poll(e->q, &e->facts, p->now_us, &b))
        return 0;
    assert_true(b.len <= size);
    memcpy(out, b.data, b.len);
    return b.len;
}

/* Other versions, cut and random packets, a flood of initials: no state, no answer. */
static void floods(void **state)
{
    struct pair p;
    uint8_t first[QUIC_BATCH], bad[QUIC_BATCH];
    struct quic_facts f = {.mtu = QUIC_MTU_MIN, .room = SIZE_MAX};
    pair_init(&p, &(struct pair_config){6, {"delay=20"}, 0});
    size_t len = poll_one(&p, &p.client, first, sizeof first);
    assert_true(len >= 1200);
    for (unsigned i = 0; i < 3000; i++) {
        memcpy(bad, first, len);
        size_t n = len;
        switch (i % 5) {
        case 0:
            bad[6 + i % QUIC_ID_FIRST] ^= (uint8_t)(1 + i % 255); /* another id */
            break;
        case 1:
            bad[4] = (uint8_t)(2 + i % 250); /* another version */
            break;
        case 2:
            n = i % 1000; /* too short to start anything (RFC 9000 §14.1) */
            break;
        case 3:
            bad[0] &= 0x7f; /* a short header with an id of nobody */
            break;
        case 4:
            bad[0] = (uint8_t)(0xd0 | (i & 0x2f)); /* 0-RTT, handshake or retry first */
            break;
        }
        (void)!quic_receive(p.server.q, bad, n, &f, p.now_us);
    }
    assert_int_equal(poll_one(&p, &p.server, bad, sizeof bad), 0);
    assert_int_equal(quic_counters(p.server.q).sent, 0);
    /* The right id but a bit flipped on the way: as if it had not come. */
    for (size_t at = 30; at < len; at += 97) {
        memcpy(bad, first, len);
        bad[at] ^= 1;
        (void)!quic_receive(p.server.q, bad, len, &f, p.now_us);
        assert_null(quic_over(p.server.q));
    }
    assert_int_equal(poll_one(&p, &p.server, bad, sizeof bad), 0);
    /* The true one still works, and again and again is once. */
    for (int i = 0; i < 500; i++)
        (void)!quic_receive(p.server.q, first, len, &f, p.now_us);
    size_t answer = 0;
    for (size_t n; (n = poll_one(&p, &p.server, bad, sizeof bad));)
        answer += n;
    assert_in_range(answer, 200, 501 * 3 * len);
    assert_true(answer < 6 * 1200);
    assert_true(pair_run(&p, 5 * S, both_open) || quic_is_open(p.server.q));
    pair_fini(&p);
}

static void refused_reset_and_stopped(void **state)
{
    struct pair p;
    pair_init(&p, &(struct pair_config){7, {"delay=20"}, 0});
    assert_true(pair_run(&p, 1 * S, both_open));
    p.server.refuse = true;
    struct pair_stream *refused = pair_open(&p.client, 2000000);
    pair_run(&p, 2 * S, NULL);
    assert_true(refused->closed && refused->was_reset);
    assert_int_equal(p.server.count, 0);
    p.server.refuse = false;
    p.server.answer = 5000000;
    struct pair_stream *s = pair_open(&p.client, 3000000);
    pair_run(&p, 50 * MS, NULL);
    p.client.t.ops->reset(p.client.t.t, s->id, STREAM_DONE);
    p.client.t.ops->stop(p.client.t.t, s->id, STREAM_DONE);
    pair_run(&p, 2 * S, NULL);
    assert_true(s->closed);
    assert_int_equal(p.server.closed, 1);
    assert_true(p.server.streams[0]->was_reset);
    /* And the connection goes on. */
    struct pair_stream *last = pair_open(&p.client, 1000);
    pair_run(&p, 20 * S, NULL);
    assert_true(last->closed && last->peer_fin);
    pair_fini(&p);
}

/* A reader that takes nothing: the writer waits at the guard, other streams go on. */
static void one_blocked_reader(void **state)
{
    struct pair p;
    pair_init(&p, &(struct pair_config){8, {"delay=5"}, 0});
    p.server.hold = true;
    struct pair_stream *stuck = pair_open(&p.client, 24u << 20);
    pair_run(&p, 20 * S, NULL);
    assert_int_equal(stuck->taken, QUIC_STREAM_WINDOW);
    p.server.hold = false;
    struct pair_stream *other = pair_open(&p.client, 12u << 20);
    pair_run(&p, 20 * S, NULL);
    assert_true(other->closed);
    assert_int_equal(stuck->taken, QUIC_STREAM_WINDOW);
    p.server.t.ops->credit(p.server.t.t, stuck->id, QUIC_STREAM_WINDOW);
    pair_run(&p, 30 * S, NULL);
    assert_true(stuck->closed);
    pair_fini(&p);
}

static void goodbye(void **state)
{
    struct pair p;
    pair_init(&p, &(struct pair_config){9, {"delay=20"}, 0});
    pair_open(&p.client, 100);
    assert_true(pair_run(&p, 2 * S, both_open));
    quic_close(p.client.q, p.now_us);
    assert_true(pair_run(&p, 2 * S, both_over));
    assert_int_equal(p.client.closed, p.client.count);
    assert_int_equal(p.server.closed, p.server.count);
    pair_fini(&p);
}

/* Loss, overtaking, copies, flipped bits: every byte once and in order. */
static void bad_networks(void **state)
{
    static const char *const nets[][4] = {
        {"delay=50", "loss=0.05"},
        {"delay=50", "loss=0.29"},
        {"delay=30", "reorder=0.3", "jitter=20"},
        {"delay=30", "dup=0.2", "corrupt=0.05"},
        {"delay=100", "ge_p=0.01", "ge_r=0.2"},
        {"delay=10", "rate=2mbit", "queue=200ms"},
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct pair p;
        struct pair_config c = {.seed = 100 + i};
        memcpy(c.damage, nets[i], sizeof c.damage);
        pair_init(&p, &c);
        p.server.answer = 200000;
        for (int k = 0; k < 5; k++)
            pair_open(&p.client, 200000);
        assert_true(pair_run(&p, 600 * S, pair_all_done));
        assert_false(p.client.failed || p.server.failed);
        pair_fini(&p);
    }
}

static void set_down(struct pair *p, bool up, bool down)
{
    damage_down(&p->up, up);
    damage_down(&p->down, down);
}

/* Outages of all lengths, of both directions or one: data moves within two round trips and half a
 * second of the first proven one, and the library never sees its time run backward (it asserts). */
static void outages(void **state)
{
    static const uint64_t lengths[] = {2 * S, 5 * S, 60 * S, 300 * S, 1 * HOUR, 8 * HOUR};
    for (unsigned run = 0; run < 36; run += every(5)) {
        struct pair p;
        unsigned which = run % 3; /* both, up, down */
        uint64_t length = lengths[run / 3 % 6];
        bool down_load = run >= 18;
        pair_init(&p,
                  &(struct pair_config){200 + run, {"delay=50", "rate=4mbit", "queue=100ms"}, 0});
        p.server.answer = down_load ? 12u << 20 : 100;
        pair_open(&p.client, down_load ? 100 : 12u << 20);
        pair_run(&p, 5 * S + run * 37 * MS, NULL);
        struct pair_end *reader = down_load ? &p.client : &p.server;
        assert_true(reader->received > 500000);
        set_down(&p, which != 2, which != 1);
        pair_run(&p, length, NULL);
        set_down(&p, false, false);
        uint64_t before = reader->received;
        p.proven_us = 0;
        while (!p.proven_us)
            pair_run(&p, 10 * MS, NULL);
        uint64_t proven = p.proven_us;
        uint64_t budget = 2 * 100 * MS + 500 * MS;
        /* A queue of 100 ms each way stands in the path. */
        pair_run(&p, budget + 10 * MS, NULL);
        if (reader->received == before)
            print_message("run %u: length %llu s, which %u\n", run,
                          (unsigned long long)(length / S), which);
        assert_true(reader->received > before);
        before = reader->received;
        pair_run(&p, 10 * S, NULL);
        assert_true(reader->received - before > 2000000); /* of 5 MB that the link could bring */
        assert_true(p.now_us > proven);
        pair_fini(&p);
    }
}

/* Outages too short for the clock to stand: the library has backed off for up to as long again, and
 * the first proven round trip ends that. */
static void short_outages(void **state)
{
    static const char *const delays[] = {"delay=5", "delay=20", "delay=50", "delay=100"};
    static const unsigned rtts[] = {10, 40, 100, 200};
    unsigned jumped = 0;
    for (unsigned run = 0; run < 112; run += every(3)) {
        struct pair p;
        unsigned rtt = rtts[run % 4];
        pair_init(&p, &(struct pair_config){
                          400 + run, {delays[run % 4], "rate=4mbit", "queue=100ms"}, 0});
        pair_open(&p.client, 8u << 20);
        pair_run(&p, 5 * S + run * 83 * MS, NULL);
        set_down(&p, true, true);
        pair_run(&p, (300 + run * 25) * MS, NULL); /* to 3 s */
        set_down(&p, false, false);
        uint64_t before = p.server.received, back = p.now_us;
        p.proven_us = 0;
        while (!p.proven_us && p.server.received == before)
            pair_run(&p, 5 * MS, NULL);
        if (p.server.received == before)
            pair_run(&p, (2 * rtt + 500) * MS, NULL);
        if (p.server.received == before)
            print_message("run %u: nothing %llu ms after the return\n", run,
                          (unsigned long long)((p.now_us - back) / MS));
        assert_true(p.server.received > before);
        jumped += quic_counters(p.client.q).jumps != 0;
        before = p.server.received;
        pair_run(&p, 3 * S, NULL);
        /* Of 1.5 MB that the link could bring; on the long ones BBR still fights for its start. */
        uint64_t least = rtt < 100 ? 600000u : rtt < 200 ? 300000u : 40000u;
        if (p.server.received - before < least)
            print_message("run %u, round trip %u ms: %llu bytes\n", run, rtt,
                          (unsigned long long)(p.server.received - before));
        assert_true(p.server.received - before > least);
        pair_fini(&p);
    }
    assert_true(jumped > 10);
}

/* An outage while the handshake is on its way. */
static void outage_at_the_start(void **state)
{
    for (unsigned at = 0; at < 300; at += 20 * every(3)) {
        struct pair p;
        pair_init(&p, &(struct pair_config){300 + at, {"delay=50"}, 0});
        p.server.answer = 1000;
        pair_open(&p.client, 1000);
        pair_run(&p, 1 + at * MS, NULL);
        set_down(&p, true, true);
        pair_run(&p, 1 * HOUR, NULL);
        set_down(&p, false, false);
        p.proven_us = 0;
        while (!p.proven_us)
            pair_run(&p, 10 * MS, NULL);
        uint64_t proven = p.proven_us;
        bool done = pair_run(&p, 60 * S, pair_all_done);
        if (!done || p.now_us - proven > 1500 * MS)
            print_message("outage after %u ms: %s after %llu ms\n", at, done ? "done" : "not done",
                          (unsigned long long)((p.now_us - proven) / MS));
        assert_true(done);
        assert_true(p.now_us - proven <= 1500 * MS);
        pair_fini(&p);
    }
}

/* Datagrams of any size at any time change nothing but counters. */
static void rubbish(void **state)
{
    struct pair p;
    struct rng r = {42};
    uint8_t bytes[1500];
    pair_init(&p, &(struct pair_config){10, {"delay=20"}, 0});
    p.server.answer = 100000;
    pair_open(&p.client, 100000);
    for (int i = 0; i < 3000; i++) {
        size_t len = rng_below(&r, sizeof bytes);
        for (size_t k = 0; k < len; k++)
            bytes[k] = (uint8_t)rng_u64(&r);
        struct pair_end *e = i & 1 ? &p.client : &p.server;
        (void)!quic_receive(e->q, bytes, len, &e->facts, p.now_us);
        pair_run(&p, 100, NULL);
    }
    assert_true(pair_run(&p, 30 * S, pair_all_done));
    pair_fini(&p);
}

/* What the path takes changes: larger once it is known, smaller at once. */
static void sizes_of_datagrams(void **state)
{
    struct pair p;
    pair_init(&p, &(struct pair_config){11, {"delay=20", "rate=40mbit", "queue=100ms"}, 0});
    p.server.answer = 100;
    pair_open(&p.client, 20000000);
    pair_run(&p, 500 * MS, NULL);
    p.client.facts.mtu = QUIC_MTU_MAX;
    assert_int_equal(p.largest, QUIC_MTU_MIN);
    pair_run(&p, 500 * MS, NULL);
    assert_int_equal(p.largest, QUIC_MTU_MAX);
    p.client.facts.mtu = QUIC_MTU_MIN;
    assert_int_equal(damage_set(&p.up, "mtu=1200"), 0);
    assert_true(pair_run(&p, 60 * S, pair_all_done));
    pair_fini(&p);
}

/* Where a round trip takes no time, what may be in flight is still worth a wake-up, whatever was
 * said before the bulk: by the round trip alone it would be 95 kB, and of short rounds without a
 * rate the start would end at that of the handshake. */
static void near_path(void **state)
{
    static const char *const delays[] = {"delay=10us", "delay=30us", "delay=100us", "delay=300us"};
    for (unsigned i = 0; i < 40; i += every(3)) {
        struct pair p;
        pair_init(&p, &(struct pair_config){120 + i, {delays[i % 4], "rate=2gbit"}, 0});
        p.server.answer = 5000;
        for (unsigned k = 0; k < i / 4; k++) {
            pair_open(&p.client, 100);
            pair_run(&p, 1 + 700 * i, NULL);
        }
        pair_run(&p, 5 * MS, NULL);
        p.server.answer = 0;
        pair_open(&p.client, 20000000);
        pair_run(&p, 50 * MS, NULL);
        assert_true(quic_counters(p.client.q).cwnd > 200000);
        assert_true(pair_run(&p, 200 * MS, pair_all_done));
        pair_fini(&p);
    }
}

/* Sent and nothing waits: the next deadline is that of loss, nobody is woken to send nothing. */
static void no_idle_pacing(void **state)
{
    struct pair p;
    pair_init(&p, &(struct pair_config){13, {"delay=50"}, 0});
    pair_open(&p.client, 200000);
    assert_true(pair_run(&p, 5 * S, pair_all_done));
    pair_open(&p.client, 5000);
    pair_run(&p, 1, NULL);
    assert_true(quic_deadline(p.client.q, &p.client.facts, p.now_us) > p.now_us + 90 * MS);
    pair_fini(&p);
}

/* Beside a stream: each once at most, most of them where few are lost, none too long. */
static void packets(void **state)
{
    struct pair p;
    pair_init(&p, &(struct pair_config){14, {"delay=20", "loss=5%", "rate=40mbit"}, 0});
    p.server.answer = 1;
    struct pair_stream *s = pair_open(&p.client, 1000);
    assert_int_equal(pair_packet(&p.client, s, 100), ERR_STATE); /* the handshake is not complete */
    assert_true(pair_run(&p, 5 * S, both_open));
    struct pair_stream *t = pair_open(&p.server, 30000000); /* it stays */
    pair_run(&p, 1 * S, NULL);
    size_t most = 1500;
    while (pair_packet(&p.server, t, most) == ERR_CAP)
        most--;
    assert_in_range(most, 1150, 1199);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(pair_packet(&p.server, t, i % 3 ? most : (size_t)(i % 200)), 0);
        pair_run(&p, 2 * MS, NULL);
    }
    pair_run(&p, 1 * S, NULL);
    assert_in_range(p.client.packets, 850, 995);
    assert_true(p.client.late_us < 1 * S);
    assert_int_equal(p.server.packets, 0);
    assert_true(p.client.received > 1000000); /* the stream went on beside them */
    pair_fini(&p);
}

/* Those that wait through an outage are not sent after it; memory is bounded meanwhile. */
static void packets_in_an_outage(void **state)
{
    struct pair p;
    pair_init(&p, &(struct pair_config){15, {"delay=20", "rate=4mbit"}, 0});
    p.server.answer = 1;
    struct pair_stream *t = pair_open(&p.client, 20000000); /* it stays */
    assert_true(pair_run(&p, 5 * S, both_open));
    pair_run(&p, 1 * S, NULL);
    set_down(&p, true, true);
    for (int i = 0; i < 3000; i++) {
        int err = pair_packet(&p.client, t, 1000);
        assert_true(err == 0 || err == ERR_STATE);
        pair_run(&p, 20 * MS, NULL);
    }
    unsigned before = p.server.packets;
    set_down(&p, false, false);
    pair_run(&p, 10 * S, NULL);
    assert_true(p.server.packets - before < 40);
    assert_int_equal(pair_packet(&p.client, t, 1000), 0);
    before = p.server.packets;
    pair_run(&p, 1 * S, NULL);
    assert_int_equal(p.server.packets, before + 1);
    pair_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake),
        cmocka_unit_test(streams_both_ways),
        cmocka_unit_test(thousand_streams),
        cmocka_unit_test(wrong_psk),
        cmocka_unit_test(wrong_id),
        cmocka_unit_test(floods),
        cmocka_unit_test(refused_reset_and_stopped),
        cmocka_unit_test(one_blocked_reader),
        cmocka_unit_test(goodbye),
        cmocka_unit_test(bad_networks),
        cmocka_unit_test(outages),
        cmocka_unit_test(short_outages),
        cmocka_unit_test(outage_at_the_start),
        cmocka_unit_test(rubbish),
        cmocka_unit_test(sizes_of_datagrams),
        cmocka_unit_test(near_path),
        cmocka_unit_test(no_idle_pacing),
        cmocka_unit_test(packets),
        cmocka_unit_test(packets_in_an_outage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
