#include "pair.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MS    ((uint64_t)1000)
#define PIECE 40000
/* A datagram of the stand-in for the link: two bytes, whose first is not QUIC's. */
#define ASK    0x01
#define ANSWER 0x02

static uint8_t byte_at(int64_t id, bool from_client, uint64_t at)
{
    return (uint8_t)(at * 31 + at / 251 + (uint64_t)id * 7 + from_client);
}

static bool is_client(const struct pair_end *e)
{
    return e == &e->pair->client;
}

/* ---- events ---- */

static struct pair_stream *stream_new(struct pair_end *e, int64_t id, uint64_t send)
{
    struct pair_stream *s = mem_new(1, sizeof *s);
    assert_true(e->count < PAIR_STREAMS);
    *s = (struct pair_stream){.end = e, .id = id, .send = send};
    s->bytes = mem_new(send ? send : 1, 1);
    for (uint64_t i = 0; i < send; i++)
        s->bytes[i] = byte_at(id, is_client(e), i);
    e->streams[e->count++] = s;
    return s;
}

static void *on_opened(void *ctx, int64_t id)
{
    struct pair_end *e = ctx;
    if (e->refuse)
        return NULL;
    struct pair_stream *s = stream_new(e, id, e->answer);
    e->t.ops->wake(e->t.t, id);
    return s;
}

static void on_data(void *ctx, void *user, const uint8_t *bytes, size_t len, bool fin)
{
    struct pair_end *e = ctx;
    struct pair_stream *s = user;
    assert_false(s->peer_fin || s->closed);
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != byte_at(s->id, !is_client(e), s->got + i)) /* a call for each is slow */
            fail_msg("wrong byte %zu of stream %d", s->got + i, (int)s->id);
    s->got += len;
    s->peer_fin = fin;
    e->received += len;
    e->moved_us = e->pair->now_us;
    if (!e->hold)
        e->t.ops->credit(e->t.t, s->id, len);
}

static size_t on_pull(void *ctx, void *user, struct stream_vec v[static STREAM_VECS], bool *fin)
{
    struct pair_stream *s = user;
    size_t left = s->send - s->taken, n = 0;
    (void)ctx;
    assert_false(s->closed);
    uint64_t at = s->taken;
    for (; left && n < STREAM_VECS; n++) {
        size_t len = left < PIECE ? left : PIECE;
        v[n] = (struct stream_vec){s->bytes + at, len};
        at += len;
        left -= len;
    }
    *fin = !left && !s->fin_taken;
    return n;
}

static void on_taken(void *ctx, void *user, size_t len, bool fin)
{
    struct pair_stream *s = user;
    (void)ctx;
    s->taken += len;
    s->fin_taken = s->fin_taken || fin;
    assert_true(s->taken <= s->send);
}

static void on_acked(void *ctx, void *user, size_t len)
{
    struct pair_stream *s = user;
    (void)ctx;
    /* What has arrived is overwritten: nobody may read it again. */
    memset(s->bytes + s->acked, 0xee, len);
    s->acked += len;
    assert_true(s->acked <= s->taken);
}

static void on_reset(void *ctx, void *user, uint64_t code)
{
    (void)ctx, (void)code;
    ((struct pair_stream *)user)->was_reset = true;
}

static void on_stopped(void *ctx, void *user, uint64_t code)
{
    (void)ctx, (void)code;
    ((struct pair_stream *)user)->was_stopped = true;
}

static void on_closed(void *ctx, void *user)
{
    struct pair_end *e = ctx;
    struct pair_stream *s = user;
    assert_false(s->closed);
    s->closed = true;
    e->closed++;
}

static void on_more(void *ctx)
{
    (void)ctx;
}

static void on_failed(void *ctx, const char *why)
{
    struct pair_end *e = ctx;
    assert_non_null(why);
    assert_false(e->failed);
    e->failed = true;
}

static void on_packet(void *ctx, void *user, const uint8_t *bytes, size_t len)
{
    struct pair_end *e = ctx;
    uint64_t sent_us;
    assert_false(((struct pair_stream *)user)->closed);
    e->packets++;
    if (len < sizeof sent_us)
        return;
    memcpy(&sent_us, bytes, sizeof sent_us);
    for (size_t i = sizeof sent_us; i < len; i++)
        assert_true(bytes[i] == (uint8_t)len);
    uint64_t took = e->pair->now_us - sent_us;
    e->late_us = took > e->late_us ? took : e->late_us;
}

int pair_packet(struct pair_end *e, const struct pair_stream *s, size_t len)
{
    uint8_t bytes[4000];
    memset(bytes, (uint8_t)len, sizeof bytes);
    memcpy(bytes, &e->pair->now_us, sizeof e->pair->now_us);
    return e->t.ops->packet(e->t.t, s->id, bytes, len);
}

static const struct stream_events events = {
    .opened = on_opened,
    .data = on_data,
    .pull = on_pull,
    .taken = on_taken,
    .acked = on_acked,
    .reset = on_reset,
    .stopped = on_stopped,
    .closed = on_closed,
    .more = on_more,
    .failed = on_failed,
    .packet = on_packet,
};

/* ---- making ---- */

static void fill(void *ctx, void *out, size_t len)
{
    struct pair *p = ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)rng_u64(&p->rng);
}

static void end_init(struct pair_end *e, const struct pair_config *c, bool client)
{
    struct pair *p = e->pair;
    struct quic_config config = {
        .client = client,
        .route = 0x1234,
        .events = &events,
        .ctx = e,
        .entropy = {fill, p},
        .now_us = p->now_us,
    };
    const char *why = NULL;
    memset(config.psk, 7, sizeof config.psk);
    if (!client) {
        memcpy(config.first_id, quic_first_id(p->client.q), QUIC_ID_FIRST);
        config.first_id[0] ^= c->wrong_id;
        config.psk[0] ^= c->wrong_psk;
    }
    e->q = quic_new(&config, &why);
    assert_null(why);
    e->t = quic_transport(e->q);
    e->facts = (struct quic_facts){.mtu = QUIC_MTU_MIN, .room = SIZE_MAX};
}

void pair_init(struct pair *p, const struct pair_config *c)
{
    memset(p, 0, sizeof *p);
    p->now_us = 77 * MS;
    p->rng = (struct rng){c->seed};
    p->client.pair = p->server.pair = p;
    damage_init(&p->up, c->seed * 2);
    damage_init(&p->down, c->seed * 2 + 1);
    for (int i = 0; i < 4 && c->damage[i]; i++) {
        assert_int_equal(damage_set(&p->up, c->damage[i]), 0);
        assert_int_equal(damage_set(&p->down, c->damage[i]), 0);
    }
    end_init(&p->client, c, true);
    end_init(&p->server, c, false);
}

static void end_fini(struct pair_end *e)
{
    quic_free(e->q);
    for (size_t i = 0; i < e->count; i++) {
        free(e->streams[i]->bytes);
        free(e->streams[i]);
    }
}

void pair_fini(struct pair *p)
{
    end_fini(&p->client);
    end_fini(&p->server);
    damage_fini(&p->up);
    damage_fini(&p->down);
}

struct pair_stream *pair_open(struct pair_end *e, uint64_t bytes)
{
    int64_t id;
    struct pair_stream *s = stream_new(e, 0, 0);
    assert_int_equal(e->t.ops->open(e->t.t, s, &id), 0);
    free(s->bytes);
    s->id = id;
    s->send = bytes;
    s->bytes = mem_new(bytes ? bytes : 1, 1);
    for (uint64_t i = 0; i < bytes; i++)
        s->bytes[i] = byte_at(id, is_client(e), i);
    e->t.ops->wake(e->t.t, id);
    return s;
}

/* ---- the turn ---- */

static void send_all(struct pair *p, struct pair_end *e, struct damage *to)
{
    struct quic_batch b;
    for (int i = 0; i < 10000 && quic_poll(e->q, &e->facts, p->now_us, &b); i++) {
        assert_true(b.segment >= 1 && b.segment <= QUIC_MTU_MAX && b.len <= QUIC_BATCH);
        for (size_t at = 0; at < b.len; at += b.segment) {
            size_t len = b.len - at < b.segment ? b.len - at : b.segment;
            assert_true(quic_packet_is(b.data + at, len));
            p->largest = len > p->largest ? len : p->largest;
            damage_put(to, p->now_us, b.data + at, len, 0);
        }
    }
}

/* The link's heartbeats: asked by the client, answered by the server; both know of the trip, the
 * server half a trip later, by the echo in the next question. */
static void link_turn(struct pair *p)
{
    bool hurry = quic_silent(p->client.q, &p->client.facts, p->now_us) ||
                 quic_silent(p->server.q, &p->server.facts, p->now_us);
    if (p->now_us < p->probe_us)
        return;
    uint8_t ask[2] = {ASK, 0};
    damage_put(&p->up, p->now_us, ask, sizeof ask, p->now_us);
    ask[0] = ASK;
    damage_put(&p->down, p->now_us, ask, sizeof ask, p->now_us);
    p->probe_us = p->now_us + (hurry ? 250 : 1000) * MS;
}

static void deliver(struct pair *p, struct pair_end *e, struct damage *from, struct damage *back)
{
    struct damage_pkt pkt;
    while (damage_get(from, p->now_us, &pkt)) {
        if (pkt.len && quic_packet_is(pkt.data, pkt.len)) {
            (void)!quic_receive(e->q, pkt.data, pkt.len, &e->facts, p->now_us);
            continue;
        }
        uint8_t first = pkt.len ? pkt.data[0] : 0;
        if (first == ASK) {
            uint8_t answer[2] = {ANSWER, 0};
            damage_put(back, p->now_us, answer, sizeof answer, pkt.tag);
        } else if (first == ANSWER && p->now_us - pkt.tag < 5000 * MS) {
            e->facts.proven_us = p->proven_us = p->now_us;
        }
    }
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_time(const struct pair *p)
{
    uint64_t at = min_of(damage_deadline(&p->up), damage_deadline(&p->down));
    at = min_of(at, quic_deadline(p->client.q, &p->client.facts, p->now_us));
    at = min_of(at, quic_deadline(p->server.q, &p->server.facts, p->now_us));
    at = min_of(at, p->probe_us);
    return at <= p->now_us ? p->now_us + 10 : at;
}

bool pair_run(struct pair *p, uint64_t us, bool (*done)(const struct pair *p))
{
    uint64_t until = p->now_us + us;
    while (p->now_us < until) {
        link_turn(p);
        deliver(p, &p->server, &p->up, &p->down);
        deliver(p, &p->client, &p->down, &p->up);
        send_all(p, &p->client, &p->up);
        send_all(p, &p->server, &p->down);
        if (done && done(p))
            return true;
        p->now_us = min_of(next_time(p), until);
    }
    return false;
}

static bool end_done(const struct pair_end *e)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct pair_stream *s = e->streams[i];
        if (!s->closed)
            return false;
        assert_true(s->peer_fin);
        assert_int_equal(s->taken, s->send);
        assert_int_equal(s->acked, s->send);
    }
    return true;
}

bool pair_all_done(const struct pair *p)
{
    return p->server.count >= p->client.count && end_done(&p->client) && end_done(&p->server);
}
