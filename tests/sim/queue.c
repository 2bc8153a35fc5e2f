/* Bulk in front of a bottleneck with a deep buffer: real connections of src/quic, several through
 * one queue, on a virtual clock. What is judged is what somebody who types through the same queue
 * would feel, and whether the link is used all the same (src/quic/yield.h).
 *
 *     queue FIRST LAST        seeds; every case runs with each
 *     queue --show CASE SEED  one line for each second
 *
 * The law has to tell a queue from noise, and does not always: of ten seeds of a case one may be
 * outside its bounds, but no further than FAR. Fewer seeds have all to keep them.
 */
#include "deaf.h"

#include "base/mem.h"
#include "damage/damage.h"
#include "quic/adapter.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS     ((uint64_t)1000)
#define S      ((uint64_t)1000000)
#define FLOWS  3
#define KEY    100u /* tags: flows are below, then keys and the stranger */
#define OTHER  101u
#define PACKET 1200
#define KEYS   20000

struct flow {
    struct world *world;
    struct quic *sender, *receiver;
    struct stream_transport t;
    struct quic_facts facts;
    uint64_t start_us, got, got_then;
    bool open;
};

/* What others' TCP does, by RFC 9438 without its fine points: grows until a packet is lost. */
struct other {
    uint64_t start_us, end_us, sent, acked, highest, lost_before;
    double cwnd, most, epoch_us;
    bool slow_start;
    uint64_t heard_us, got, got_then;
};

struct scene {
    const char *name;
    const char *damage[4]; /* both directions */
    uint64_t rtt_us;       /* of the empty path */
    double bytes_s;        /* of the bottleneck */
    unsigned flows;
    bool other, upstream;
    uint64_t begin_us, end_us; /* what is judged */
    /* Bounds: the queue in the median and in the worst hundredth, the share of the link that is
     * used, by all of ours and by the least of ours. */
    double median_ms, p99_ms, used, least;
    uint64_t moves_us, more_us; /* then the way gets longer by that much */
    /* The way stands still for a third of this to all of it, and goes for as long: radio. `late`:
     * what arrives waits so long for the receiver to run: a host with much to do. */
    uint64_t hold_us;
    bool late;
};

struct world {
    const struct scene *scene;
    uint64_t now_us, begin_us, key_us, hold_us;
    struct rng rng;
    struct damage forth, back; /* data goes forth */
    struct flow flows[FLOWS];
    struct other other;
    uint32_t waits[KEYS]; /* of keys, microseconds above the empty path */
    size_t keys;
    uint64_t proven_us;
    bool show, held;
};

static const uint8_t zeros[1 << 16];

/* ---- one flow ---- */

static void on_data(void *ctx, void *user, const uint8_t *bytes, size_t len, bool fin)
{
    struct flow *f = user;
    (void)ctx, (void)bytes, (void)fin;
    struct stream_transport t = quic_transport(f->receiver);
    f->got += len;
    t.ops->credit(t.t, 0, len);
}

static size_t on_pull(void *ctx, void *user, struct stream_vec v[static STREAM_VECS], bool *fin)
{
    (void)ctx, (void)user;
    v[0] = (struct stream_vec){zeros, sizeof zeros};
    *fin = false;
    return 1;
}

static const struct stream_events events = {deaf_opened, on_data,    on_pull,   deaf_taken,
                                            deaf_acked,  deaf_code,  deaf_code, deaf_closed,
                                            deaf_more,   deaf_failed};

static void fill(void *ctx, void *out, size_t len)
{
    struct world *w = ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)rng_u64(&w->rng);
}

/* The client sends: which end it is makes no difference to the law. The link of one that comes
 * later has measured its floor in the queue of the others. */
static void flow_init(struct world *w, struct flow *f, uint64_t start_us, uint64_t queue_us)
{
    struct quic_config c = {.client = true,
                            .route = 9,
                            .srtt_us = w->scene->rtt_us,
                            .events = &events,
                            .ctx = f,
                            .entropy = {fill, w},
                            .now_us = w->now_us};
    const char *why = NULL;
    f->world = w;
    f->start_us = start_us;
    f->sender = quic_new(&c, &why);
    c.client = false;
    memcpy(c.first_id, quic_first_id(f->sender), QUIC_ID_FIRST);
    f->receiver = quic_new(&c, &why);
    f->t = quic_transport(f->sender);
    f->facts = (struct quic_facts){
        .mtu = PACKET, .room = SIZE_MAX, .path = 1, .floor_us = w->scene->rtt_us + queue_us};
}

static void flow_send(struct world *w, unsigned i)
{
    struct flow *f = &w->flows[i];
    struct quic_batch b;
    int64_t id;
    if (w->now_us < f->start_us)
        return;
    if (!f->open) {
        f->open = !f->t.ops->open(f->t.t, f, &id);
        f->t.ops->wake(f->t.t, id);
    }
    f->facts.proven_us = w->proven_us;
    for (int side = 0; side < 2; side++)
        while (quic_poll(side ? f->receiver : f->sender, &f->facts, w->now_us, &b))
            for (size_t at = 0; at < b.len; at += b.segment)
                damage_put(side ? &w->back : &w->forth, w->now_us, b.data + at,
                           b.len - at < b.segment ? b.len - at : b.segment, i);
}

/* ---- the stranger ---- */

static void other_send(struct world *w)
{
    struct other *o = &w->other;
    uint8_t packet[PACKET] = {0};
    if (!w->scene->other || w->now_us < o->start_us || w->now_us > o->end_us)
        return;
    if (o->sent != o->acked && w->now_us > o->heard_us + S) { /* its retransmission timer */
        o->acked = o->sent;
        o->cwnd = 10;
        o->slow_start = true;
    }
    while ((double)(o->sent - o->acked) < o->cwnd) {
        if (o->sent == o->acked)
            o->heard_us = w->now_us;
        o->sent++;
        memcpy(packet + 1, &o->sent, sizeof o->sent);
        damage_put(&w->forth, w->now_us, packet, sizeof packet, OTHER);
    }
}

static void other_heard(struct world *w, const uint8_t *packet)
{
    struct other *o = &w->other;
    uint64_t n;
    memcpy(&n, packet + 1, sizeof n);
    o->heard_us = w->now_us;
    bool gap = n > o->highest + 1 && o->highest;
    if (n > o->highest)
        o->highest = n;
    if (n > o->acked)
        o->acked = n;
    if (gap && n > o->lost_before) { /* once for each window */
        o->most = o->cwnd;
        o->cwnd = o->cwnd * 0.7 > 2 ? o->cwnd * 0.7 : 2;
        o->slow_start = false;
        o->epoch_us = (double)w->now_us;
        o->lost_before = o->sent;
    } else if (o->slow_start) {
        o->cwnd += 1;
    } else {
        double t = ((double)w->now_us - o->epoch_us) / 1e6, k = cbrt(o->most * 0.3 / 0.4);
        double want = 0.4 * pow(t - k, 3) + o->most;
        if (want > o->cwnd)
            o->cwnd += (want - o->cwnd) / o->cwnd;
    }
}

/* ---- the network ---- */

static void key(struct world *w)
{
    uint8_t packet[100] = {0};
    if (w->now_us < w->key_us)
        return;
    w->key_us = w->now_us + 25 * MS;
    memcpy(packet + 1, &w->now_us, sizeof w->now_us);
    damage_put(&w->forth, w->now_us, packet, sizeof packet, KEY);
}

static void echoed(struct world *w, const uint8_t *packet)
{
    uint64_t sent;
    memcpy(&sent, packet + 1, sizeof sent);
    w->proven_us = w->now_us;
    uint64_t took = w->now_us - sent, rtt = 2 * w->forth.set.delay_us;
    if (w->now_us >= w->begin_us + w->scene->begin_us && w->keys < KEYS)
        w->waits[w->keys++] = (uint32_t)(took > rtt ? took - rtt : 0);
}

static void deliver(struct world *w)
{
    struct damage_pkt pkt;
    while (damage_get(&w->forth, w->now_us, &pkt)) {
        if (pkt.tag < FLOWS) {
            struct flow *f = &w->flows[pkt.tag];
            (void)!quic_receive(f->receiver, pkt.data, pkt.len, &f->facts, w->now_us);
            continue;
        }
        w->other.got += pkt.tag == OTHER ? pkt.len : 0;
        damage_put(&w->back, w->now_us, pkt.data, 100, pkt.tag);
    }
    while (damage_get(&w->back, w->now_us, &pkt)) {
        if (pkt.tag < FLOWS) {
            struct flow *f = &w->flows[pkt.tag];
            (void)!quic_receive(f->sender, pkt.data, pkt.len, &f->facts, w->now_us);
        } else if (pkt.tag == OTHER) {
            other_heard(w, pkt.data);
        } else {
            echoed(w, pkt.data);
        }
    }
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void hold(struct world *w)
{
    const struct scene *s = w->scene;
    if (w->now_us < w->hold_us)
        return;
    w->hold_us = w->now_us + s->hold_us / 3 + rng_below(&w->rng, s->hold_us * 2 / 3);
    w->held = !w->held;
    damage_stall(&w->forth, w->held);
    if (s->late)
        w->hold_us =
            w->now_us + (w->held ? s->hold_us / 2 + rng_below(&w->rng, s->hold_us / 2) : 1 * MS);
}

static void step(struct world *w)
{
    uint64_t at =
        earlier(w->key_us, earlier(damage_deadline(&w->forth), damage_deadline(&w->back)));
    for (unsigned i = 0; i < w->scene->flows; i++) {
        struct flow *f = &w->flows[i];
        if (w->now_us < f->start_us) {
            at = earlier(at, f->start_us);
            continue;
        }
        at = earlier(at, quic_deadline(f->sender, &f->facts, w->now_us));
        at = earlier(at, quic_deadline(f->receiver, &f->facts, w->now_us));
    }
    at = earlier(at, w->hold_us);
    w->now_us = at > w->now_us ? at : w->now_us + 20;
    const struct scene *s = w->scene;
    if (s->moves_us && w->now_us - w->begin_us > s->moves_us &&
        w->forth.set.delay_us < s->rtt_us / 2 + s->more_us / 2)
        w->forth.set.delay_us = w->back.set.delay_us = s->rtt_us / 2 + s->more_us / 2;
    hold(w);
    deliver(w);
    key(w);
    for (unsigned i = 0; i < s->flows; i++)
        flow_send(w, i);
    other_send(w);
}

/* ---- what is judged ---- */

static const struct scene scenes[] = {
    {.name = "one",
     .damage = {"rate=20mbit", "queue=1000ms", "delay=10ms"},
     .rtt_us = 20 * MS,
     .bytes_s = 2.5e6,
     .flows = 1,
     .begin_us = 3 * S,
     .end_us = 30 * S,
     .median_ms = 15,
     .p99_ms = 30,
     .used = 0.88,
     .least = 0.88},
    {.name = "lossy",
     .damage = {"rate=100mbit", "queue=200ms", "delay=50ms", "loss=0.01"},
     .rtt_us = 100 * MS,
     .bytes_s = 12.5e6,
     .flows = 1,
     .begin_us = 4 * S,
     .end_us = 24 * S,
     .median_ms = 35,
     .p99_ms = 180,
     .used = 0.8,
     .least = 0.8},
    {.name = "two",
     .damage = {"rate=20mbit", "queue=500ms", "delay=10ms"},
     .rtt_us = 20 * MS,
     .bytes_s = 2.5e6,
     .flows = 2,
     .begin_us = 10 * S,
     .end_us = 50 * S,
     .median_ms = 32,
     .p99_ms = 150,
     .used = 0.88,
     .least = 0.2},
    {.name = "other",
     .damage = {"rate=20mbit", "queue=200ms", "delay=10ms"},
     .rtt_us = 20 * MS,
     .bytes_s = 2.5e6,
     .flows = 1,
     .other = true,
     .begin_us = 5 * S,
     .end_us = 60 * S,
     .median_ms = 200,
     .p99_ms = 205,
     .used = 0.08,
     .least = 0.08},
    {.name = "longer",
     .damage = {"rate=20mbit", "queue=1000ms", "delay=10ms"},
     .rtt_us = 20 * MS,
     .bytes_s = 2.5e6,
     .flows = 1,
     .begin_us = 12 * S,
     .end_us = 60 * S,
     .median_ms = 40,
     .p99_ms = 300,
     .used = 0.85,
     .least = 0.85,
     .moves_us = 10 * S,
     .more_us = 80 * MS},
    {.name = "shallow",
     .damage = {"rate=4mbit", "queue=100ms", "delay=100ms"},
     .rtt_us = 200 * MS,
     .bytes_s = 0.5e6,
     .flows = 1,
     .begin_us = 5 * S,
     .end_us = 40 * S,
     .median_ms = 105,
     .p99_ms = 110,
     .used = 0.7,
     .least = 0.7},
    {.name = "jitter10",
     .damage = {"rate=100mbit", "queue=200ms", "delay=10", "jitter=5"},
     .rtt_us = 20 * MS,
     .bytes_s = 12.5e6,
     .flows = 1,
     .begin_us = 4 * S,
     .end_us = 16 * S,
     .median_ms = 30,
     .p99_ms = 60,
     .used = 0.7,
     .least = 0.7},
    {.name = "jitter30",
     .damage = {"rate=100mbit", "queue=200ms", "delay=25", "jitter=15"},
     .rtt_us = 50 * MS,
     .bytes_s = 12.5e6,
     .flows = 1,
     .begin_us = 4 * S,
     .end_us = 16 * S,
     .median_ms = 40,
     .p99_ms = 80,
     .used = 0.35,
     .least = 0.35},
    {.name = "holds1",
     .damage = {"rate=100mbit", "queue=200ms", "delay=500us"},
     .rtt_us = 1 * MS,
     .bytes_s = 12.5e6,
     .flows = 1,
     .hold_us = 60 * MS,
     .begin_us = 4 * S,
     .end_us = 16 * S,
     .median_ms = 130,
     .p99_ms = 260,
     .used = 0.6,
     .least = 0.6},
    {.name = "holds20",
     .damage = {"rate=100mbit", "queue=200ms", "delay=10"},
     .rtt_us = 20 * MS,
     .bytes_s = 12.5e6,
     .flows = 1,
     .hold_us = 60 * MS,
     .begin_us = 4 * S,
     .end_us = 16 * S,
     .median_ms = 130,
     .p99_ms = 260,
     .used = 0.6,
     .least = 0.6},
    {.name = "holds60",
     .damage = {"rate=100mbit", "queue=200ms", "delay=30"},
     .rtt_us = 60 * MS,
     .bytes_s = 12.5e6,
     .flows = 1,
     .hold_us = 60 * MS,
     .begin_us = 4 * S,
     .end_us = 16 * S,
     .median_ms = 130,
     .p99_ms = 260,
     .used = 0.6,
     .least = 0.6},
    {.name = "waits1",
     .damage = {"rate=100mbit", "queue=200ms", "delay=500us"},
     .rtt_us = 1 * MS,
     .bytes_s = 12.5e6,
     .flows = 1,
     .hold_us = 25 * MS,
     .late = true,
     .begin_us = 4 * S,
     .end_us = 16 * S,
     .median_ms = 80,
     .p99_ms = 260,
     .used = 0.15,
     .least = 0.15},
    {.name = "waits20",
     .damage = {"rate=100mbit", "queue=200ms", "delay=10"},
     .rtt_us = 20 * MS,
     .bytes_s = 12.5e6,
     .flows = 1,
     .hold_us = 25 * MS,
     .late = true,
     .begin_us = 4 * S,
     .end_us = 16 * S,
     .median_ms = 60,
     .p99_ms = 120,
     .used = 0.6,
     .least = 0.6},
    {.name = "slow",
     .damage = {"rate=1mbit", "queue=2000ms", "delay=25ms"},
     .rtt_us = 50 * MS,
     .bytes_s = 0.125e6,
     .flows = 1,
     .begin_us = 5 * S,
     .end_us = 40 * S,
     .median_ms = 80,
     .p99_ms = 170,
     .used = 0.85,
     .least = 0.85},
};

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void show(struct world *w)
{
    printf("%6.1f s queue %5.1f ms", (double)(w->now_us - w->begin_us) / 1e6,
           (double)damage_backlog(&w->forth, w->now_us) / w->scene->bytes_s * 1e3);
    for (unsigned i = 0; i < w->scene->flows; i++) {
        struct quic_counters c = quic_counters(w->flows[i].sender);
        printf(" | %5.2f MB/s flight %6" PRIu64 " window %6" PRId64 " cwnd %7" PRIu64 " srtt %5.1f",
               (double)(w->flows[i].got - w->flows[i].got_then) / 1e6, c.in_flight,
               (int64_t)c.yield, c.cwnd, (double)c.srtt_us / 1e3);
        w->flows[i].got_then = w->flows[i].got;
    }
    if (w->scene->other)
        printf(" | other %5.2f cwnd %4.0f", (double)(w->other.got - w->other.got_then) / 1e6,
               w->other.cwnd);
    w->other.got_then = w->other.got;
    printf("\n");
}

static void world_init(struct world *w, const struct scene *s, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->scene = s;
    w->rng.s = seed;
    w->now_us = w->begin_us = 100 * S + rng_below(&w->rng, S);
    damage_init(&w->forth, seed * 2);
    damage_init(&w->back, seed * 2 + 1);
    for (int i = 0; i < 4 && s->damage[i]; i++) {
        (void)!damage_set(&w->forth, s->damage[i]);
        (void)!damage_set(&w->back, s->damage[i]);
    }
    w->key_us = w->now_us;
    w->hold_us = s->hold_us ? w->now_us + s->hold_us : UINT64_MAX;
    for (unsigned i = 0; i < s->flows; i++)
        flow_init(w, &w->flows[i], w->now_us + i * 3 * S + rng_below(&w->rng, S), i * 8 * MS);
    w->other = (struct other){.start_us = w->now_us + 3 * S,
                              .end_us = w->now_us + s->end_us,
                              .cwnd = 10,
                              .slow_start = true};
}

static void world_fini(struct world *w)
{
    for (unsigned i = 0; i < w->scene->flows; i++) {
        quic_free(w->flows[i].sender);
        quic_free(w->flows[i].receiver);
    }
    damage_fini(&w->forth);
    damage_fini(&w->back);
}

/* How a run went. */
enum verdict { WELL, OUTSIDE, FAR };

static enum verdict verdict(const struct scene *s, double median, double p99, double all,
                            double least)
{
    if (median <= s->median_ms && p99 <= s->p99_ms && all >= s->used && least >= s->least)
        return WELL;
    bool far = median > 1.5 * s->median_ms || p99 > 1.5 * s->p99_ms || all < s->used / 3 ||
               least < s->least / 3;
    return far ? FAR : OUTSIDE;
}

static enum verdict judge(struct world *w, uint64_t seed, const uint64_t *before)
{
    static const char *const words[] = {"well", "outside its bounds", "FAR outside its bounds"};
    const struct scene *s = w->scene;
    double could = s->bytes_s * (double)(s->end_us - s->begin_us) / 1e6, all = 0, least = 1;
    for (unsigned i = 0; i < s->flows; i++) {
        double share = (double)(w->flows[i].got - before[i]) / could;
        all += share;
        least = share < least ? share : least;
    }
    qsort(w->waits, w->keys, sizeof *w->waits, by_size);
    double median = w->keys ? w->waits[w->keys / 2] / 1e3 : 9999;
    double p99 = w->keys ? w->waits[w->keys * 99 / 100] / 1e3 : 9999;
    enum verdict v = verdict(s, median, p99, all, least);
    if (v != WELL || w->show)
        printf("%s, seed %" PRIu64 ": %s: a key waits %.1f ms in the median, %.1f in the worst "
               "hundredth (bounds %.0f, %.0f); %.0f %% of the link used, the least flow %.0f %% "
               "(bounds %.0f, %.0f)\n",
               s->name, seed, words[v], median, p99, s->median_ms, s->p99_ms, 100 * all,
               100 * least, 100 * s->used, 100 * s->least);
    return v;
}

static enum verdict run(const struct scene *s, uint64_t seed, bool shown)
{
    struct world *w = mem_new(1, sizeof *w);
    uint64_t before[FLOWS] = {0}, next = S;
    world_init(w, s, seed);
    w->show = shown;
    while (w->now_us < w->begin_us + s->end_us) {
        bool early = w->now_us < w->begin_us + s->begin_us;
        step(w);
        for (unsigned i = 0; i < s->flows && early; i++)
            before[i] = w->flows[i].got;
        if (shown && w->now_us - w->begin_us >= next) {
            show(w);
            next += S;
        }
    }
    enum verdict v = judge(w, seed, before);
    world_fini(w);
    free(w);
    return v;
}

int main(int argc, char **argv)
{
    size_t count = sizeof scenes / sizeof *scenes;
    if (argc == 4 && !strcmp(argv[1], "--show")) {
        for (size_t i = 0; i < count; i++)
            if (!strcmp(argv[2], scenes[i].name) || !strcmp(argv[2], "all"))
                (void)!run(&scenes[i], strtoull(argv[3], NULL, 10), true);
        return 0;
    }
    if (argc != 3) {
        fprintf(stderr, "usage: queue FIRST LAST | queue --show CASE SEED\n");
        return 2;
    }
    uint64_t first = strtoull(argv[1], NULL, 10), last = strtoull(argv[2], NULL, 10);
    uint64_t failed = 0, outside = 0;
    const char *soak = getenv("TERN_SOAK");
    if (soak && *soak && *soak != '0') { /* ten seeds for each */
        first = 10 * first - 9;
        last *= 10;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t these = 0, far = 0;
        for (uint64_t seed = first; seed <= last; seed++) {
            enum verdict v = run(&scenes[i], seed, false);
            these += v != WELL;
            far += v == FAR;
        }
        outside += these;
        failed += far || these > (last - first + 1) / 10;
    }
    printf("%" PRIu64 " seeds of %zu cases, %" PRIu64 " runs outside their bounds, %" PRIu64
           " cases failed\n",
           last - first + 1, count, outside, failed);
    return failed != 0;
}
