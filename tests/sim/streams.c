/* Streams in the simulator: two links, the QUIC connections on them and the channels in those, over
 * a bad network on a virtual clock. Loss, overtaking, one-way and full outages up to 8 hours, NATs
 * that rebind, sockets that move, paths that die. Every byte comes once and in order, every half
 * close and exit arrives, and data moves soon after the network is back.
 *
 *     streams FIRST LAST      seeds, ten times as many with TERN_SOAK; one line for each that fails
 */
#include "base/mem.h"
#include "damage/damage.h"
#include "session/streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS       ((uint64_t)1000)
#define S        ((uint64_t)1000000)
#define HOUR     (3600 * S)
#define CHANNELS 24
#define PIPE     900
#define LISTEN   7

struct tester { /* one end of one channel */
    struct chan *chan;
    struct end *end;
    unsigned number;
    uint64_t want[CHAN_STREAMS], sent[CHAN_STREAMS], got[CHAN_STREAMS];
    bool eof_written, done, slow;
    int status;
};

struct end {
    struct world *world;
    struct link *link;
    struct streams *streams;
    struct tester testers[CHANNELS];
    size_t count;
    uint64_t got; /* bytes */
};

enum way { WAY_UDP_UP, WAY_UDP_DOWN, WAY_PIPE_UP, WAY_PIPE_DOWN, WAYS };

struct world {
    uint64_t seed, now_us, steps, datagrams;
    struct rng rng, keys;
    struct end client, server;
    struct damage ways[WAYS];
    uint64_t rtt_us;
    uint16_t nat;   /* port that the server sees */
    uint32_t socks; /* client's sockets so far */
    uint32_t sock;  /* the newest */
    bool pipe, udp;
    size_t channels, finished;
    uint64_t most; /* bytes of a stream */
    char failed[256];

    /* The outage under way, and the return after it. */
    uint64_t event_us, end_us;
    bool was_down;
    uint64_t back_us, proven_us, got_then;
    bool waiting; /* for data after an outage */
    unsigned returns;
    uint64_t worst_us; /* from the proof to data */
};

static void fail(struct world *w, const char *what, uint64_t a, uint64_t b)
{
    if (!w->failed[0])
        snprintf(w->failed, sizeof w->failed, "%s (%" PRIu64 ", %" PRIu64 ") at %.3f s", what, a, b,
                 (double)w->now_us / 1e6);
}

static uint8_t pattern(unsigned number, bool from_client, int stream, uint64_t i)
{
    uint64_t x = (uint64_t)number * 0x9e3779b97f4a7c15u + (uint64_t)stream * 77 + from_client + i;
    return (uint8_t)(x ^ x >> 9 ^ x >> 21);
}

static bool is_client(const struct end *e)
{
    return e == &e->world->client;
}

/* ---- channels ---- */

static struct tester *tester_new(struct end *e, unsigned number)
{
    struct world *w = e->world;
    if (e->count == CHANNELS) {
        fail(w, "too many channels", e->count, 0);
        return &e->testers[0];
    }
    struct tester *t = &e->testers[e->count++];
    struct rng r = {w->seed * 1000 + number * 2 + is_client(e)};
    *t = (struct tester){.end = e, .number = number, .status = -1};
    t->want[CHAN_DATA] = rng_below(&r, w->most);
    if (!is_client(e))
        t->want[CHAN_STDERR] = rng_below(&r, w->most / 8 + 1);
    t->slow = !rng_below(&r, 4);
    return t;
}

static void pump(struct tester *t);

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct end *e = ctx;
    (void)why;
    struct tester *t = tester_new(e, o->origin_port);
    t->chan = c;
    chan_set_owner(c, t);
    chan_accept(c);
    pump(t);
    return 0;
}

static void on_event(void *ctx, struct chan *c)
{
    (void)ctx;
    if (chan_owner(c))
        pump(chan_owner(c));
}

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    struct end *e = ctx;
    (void)c, (void)text;
    fail(e->world, "refused", code, 0);
}

static void on_stopped(void *ctx, struct chan *c, enum chan_stream s)
{
    struct end *e = ctx;
    (void)c;
    fail(e->world, "stopped", s, 0);
}

static void on_request(void *ctx, struct chan *c, const struct message *m)
{
    struct tester *t = chan_owner(c);
    (void)ctx;
    if (m->kind == MESSAGE_EXIT_STATUS)
        t->status = (int)m->value;
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct end *e = ctx;
    (void)c;
    fail(e->world, "broken", code, 0);
}

static const struct chans_ops ops = {on_opened, on_event,   on_refused, on_event,
                                     on_event,  on_stopped, on_request, on_broken};

static void write_some(struct tester *t)
{
    uint8_t bytes[4096];
    for (int s = 0; s < CHAN_STREAMS; s++)
        for (size_t room; (room = chan_room(t->chan)) && t->want[s];) {
            size_t n = t->want[s] < sizeof bytes ? t->want[s] : sizeof bytes;
            n = n < room ? n : room;
            for (size_t i = 0; i < n; i++)
                bytes[i] = pattern(t->number, is_client(t->end), s, t->sent[s] + i);
            size_t took = chan_write(t->chan, s, bytes, n);
            t->want[s] -= took;
            t->sent[s] += took;
            if (!took)
                break;
        }
    if (!t->want[0] && !t->want[1] && !t->eof_written) {
        chan_eof(t->chan);
        t->eof_written = true;
    }
}

static void read_some(struct tester *t, bool all)
{
    struct world *w = t->end->world;
    size_t held = 0;
    for (int s = 0; s < CHAN_STREAMS; s++) {
        size_t len;
        const uint8_t *b = chan_peek(t->chan, s, &len);
        held += len;
        size_t n = all ? len : (len + 1) / 2;
        for (size_t i = 0; i < n; i++)
            if (b[i] != pattern(t->number, !is_client(t->end), s, t->got[s] + i)) {
                fail(w, "wrong byte", t->number, t->got[s] + i);
                return;
            }
        t->got[s] += n;
        t->end->got += n;
        chan_consume(t->chan, s, n);
    }
    if (held > CHAN_WINDOW_MAX)
        fail(w, "window beyond its cap", held, CHAN_WINDOW_MAX);
}

/* The server ends its side with a status when both directions are through; the client follows. */
static void end_some(struct tester *t)
{
    struct world *w = t->end->world;
    if (!is_client(t->end)) {
        if (!t->eof_written || !chan_ended(t->chan, CHAN_DATA) || !chan_ended(t->chan, CHAN_STDERR))
            return;
        struct message m = {.kind = MESSAGE_EXIT_STATUS, .value = t->number % 256};
        if (chan_request(t->chan, &m))
            fail(w, "exit status not taken", t->number, 0);
    } else if (!chan_over(t->chan)) {
        return;
    } else if (t->status != (int)(t->number % 256)) {
        fail(w, "exit status", (uint64_t)t->status, t->number);
    }
    chan_release(t->chan);
    t->chan = NULL;
    t->done = true;
    w->finished++;
}

static void pump(struct tester *t)
{
    if (!t->chan)
        return;
    read_some(t, !t->slow);
    write_some(t);
    end_some(t);
}

/* Slow readers take half of what is there now and then. */
static void pump_all(struct end *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->testers[i].chan)
            pump(&e->testers[i]);
}

static void open_channel(struct world *w)
{
    struct chans *chans = streams_chans(w->client.streams, w->now_us);
    struct open_request o = {.kind = OPEN_EXEC, .command = {"true", 4}};
    if (w->client.count == w->channels)
        return;
    struct tester *t = tester_new(&w->client, (unsigned)w->client.count + 1);
    o.origin_port = (uint16_t)t->number;
    if (!chans || chan_open(chans, &o, t, &t->chan))
        fail(w, "not opened", t->number, 0);
    else
        pump(t);
}

/* ---- the network ---- */

static struct addr address(uint8_t last, uint16_t port)
{
    return (struct addr){.family = ADDR_V4, .ip = {192, 0, 2, last}, .port = port};
}

/* The tag of a datagram to the server is the port that it comes from; to the client the port that
 * it goes to: a NAT that has rebound since does not know it any more. */
static void put(struct world *w, struct end *from, const struct path_ref *to, const uint8_t *bytes,
                size_t len)
{
    bool up = is_client(from);
    w->datagrams++;
    if (to->kind == PATH_PIPE)
        damage_put(&w->ways[up ? WAY_PIPE_UP : WAY_PIPE_DOWN], w->now_us, bytes, len, 0);
    else if (up && to->sock != w->sock)
        return; /* an old socket leads nowhere here */
    else
        damage_put(&w->ways[up ? WAY_UDP_UP : WAY_UDP_DOWN], w->now_us, bytes, len,
                   up ? w->nat : to->remote.port);
}

static void take(struct end *e, const struct path_ref *from, const uint8_t *bytes, size_t len)
{
    struct world *w = e->world;
    struct link_payload payload;
    if (!quic_packet_is(bytes, len)) {
        (void)!link_receive(e->link, from, false, bytes, len, w->now_us, &payload);
        return;
    }
    struct quic_packet p;
    if (!quic_packet_get(bytes, len, &p) && streams_owns(e->streams, &p))
        streams_receive(e->streams, from, bytes, len, w->now_us);
}

static void deliver(struct world *w)
{
    struct damage_pkt pkt;
    struct path_ref pipe = {.kind = PATH_PIPE, .sock = PIPE};
    while (damage_get(&w->ways[WAY_UDP_UP], w->now_us, &pkt)) {
        struct path_ref from = {.sock = LISTEN, .remote = address(9, (uint16_t)pkt.tag)};
        take(&w->server, &from, pkt.data, pkt.len);
    }
    while (damage_get(&w->ways[WAY_UDP_DOWN], w->now_us, &pkt)) {
        struct path_ref from = {.sock = w->sock, .remote = address(1, 60001)};
        if (pkt.tag == w->nat)
            take(&w->client, &from, pkt.data, pkt.len);
    }
    while (damage_get(&w->ways[WAY_PIPE_UP], w->now_us, &pkt))
        take(&w->server, &pipe, pkt.data, pkt.len);
    while (damage_get(&w->ways[WAY_PIPE_DOWN], w->now_us, &pkt))
        take(&w->client, &pipe, pkt.data, pkt.len);
}

static void set_socks(struct world *w)
{
    struct link_request r;
    for (int i = 0; i < 50; i++)
        switch (link_wants(w->client.link, w->now_us, &r)) {
        case LINK_WANT_NONE:
            return;
        case LINK_WANT_SOCKET:
            w->sock = ++w->socks;
            w->nat++;
            link_socket_open(w->client.link, w->sock, ADDR_V4, w->now_us);
            break;
        case LINK_WANT_CLOSE:
            break;
        }
}

static void send_all(struct end *e)
{
    struct world *w = e->world;
    struct link_datagram d;
    for (int i = 0; i < 2000; i++) {
        if (is_client(e))
            set_socks(w);
        if (link_poll(e->link, w->now_us, &d) == 1) {
            put(w, e, &d.to, d.data, d.len);
        } else if (streams_poll(e->streams, w->now_us, &d) == 1) {
            size_t segment = d.segment ? d.segment : d.len;
            for (size_t at = 0; at < d.len; at += segment)
                put(w, e, &d.to, d.data + at, d.len - at < segment ? d.len - at : segment);
        } else {
            return;
        }
    }
    fail(w, "sends without end", is_client(e), 0);
}

/* ---- events ---- */

static void set_down(struct world *w, bool up, bool down, bool pipe)
{
    damage_down(&w->ways[WAY_UDP_UP], up);
    damage_down(&w->ways[WAY_UDP_DOWN], down);
    damage_stall(&w->ways[WAY_PIPE_UP], pipe);
    damage_stall(&w->ways[WAY_PIPE_DOWN], pipe);
}

static void next_event(struct world *w)
{
    uint64_t wait = rng_below(&w->rng, 20 * S);
    w->event_us = w->now_us + 2 * S + wait;
}

/* Nothing that follows an outage is judged while the network is being changed. */
static void event(struct world *w)
{
    static const uint64_t lengths[] = {300 * MS, 700 * MS, 1500 * MS, 3 * S,
                                       30 * S,   300 * S,  HOUR,      8 * HOUR};
    unsigned which = (unsigned)rng_below(&w->rng, 8);
    w->waiting = false;
    if (w->end_us) { /* the outage is over */
        set_down(w, false, false, false);
        w->end_us = 0;
        w->back_us = w->now_us;
        w->got_then = w->client.got + w->server.got;
        w->proven_us = 0;
        w->waiting = true;
        if (rng_below(&w->rng, 2))
            link_network_event(w->client.link, w->now_us);
        next_event(w);
        return;
    }
    if (which < 5) {
        uint64_t length = lengths[rng_below(&w->rng, 8)];
        length += rng_below(&w->rng, length);
        set_down(w, which != 1, which != 2, which == 0);
        w->end_us = w->event_us = w->now_us + length;
        w->returns++;
        return;
    }
    if (which < 7) { /* the NAT rebinds, or the client has another address and knows it */
        w->nat++;
        if (which == 6)
            link_network_event(w->client.link, w->now_us);
    } else if (w->pipe && w->udp) {
        w->pipe = false;
        link_pipe_closed(w->client.link, PIPE, w->now_us);
        link_pipe_closed(w->server.link, PIPE, w->now_us);
    }
    next_event(w);
}

/* Within two round trips and half a second of the first proven one, over the path in use. A queue
 * in the path counts on top. */
static void judge(struct world *w)
{
    if (!w->waiting)
        return;
    if (w->finished == 2 * w->channels || w->client.got + w->server.got != w->got_then) {
        w->waiting = false;
        if (w->proven_us && w->now_us - w->proven_us > w->worst_us)
            w->worst_us = w->now_us - w->proven_us;
        return;
    }
    uint64_t a = link_path_proven_us(w->client.link), b = link_path_proven_us(w->server.link);
    if (!w->proven_us && a > w->back_us && b > w->back_us)
        w->proven_us = a > b ? a : b;
    uint64_t budget = 2 * w->rtt_us + 500 * MS;
    if (!w->server.got) /* the handshake comes first */
        budget += 2 * w->rtt_us;
    if (w->seed % 3)
        return; /* loss may take anything once more: only clean networks are judged */
    if (w->proven_us && w->now_us > w->proven_us + budget) {
        struct quic_counters q = streams_counters(w->client.streams);
        if (q.in_flight || streams_counters(w->server.streams).in_flight)
            fail(w, "no data after the return", (w->now_us - w->back_us) / MS,
                 (w->now_us - w->proven_us) / MS);
        w->waiting = false;
    }
}

/* ---- a run ---- */

static void fill(void *ctx, void *out, size_t len)
{
    struct rng *r = ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)rng_u64(r);
}

static void end_init(struct world *w, struct end *e, bool client)
{
    struct keys keys;
    uint8_t secret[KEYS_SECRET] = {3};
    keys_derive(&keys, secret);
    e->world = w;
    e->link = link_new(&(struct link_config){.role = client ? LINK_CLIENT : LINK_SERVER,
                                             .keys = &keys,
                                             .route = 77,
                                             .codec = SEAL_NULL,
                                             .entropy = {fill, &w->keys},
                                             .now_us = w->now_us});
    struct streams_config c = {.client = client,
                               .link = e->link,
                               .route = 77,
                               .entropy = {fill, &w->keys},
                               .ops = &ops,
                               .ctx = e};
    memcpy(c.psk, keys.quic, sizeof c.psk);
    e->streams = streams_new(&c);
}

static void choose_network(struct world *w)
{
    static const char *const nets[][4] = {
        {NULL},
        {"loss=0.02"},
        {"loss=0.2", "jitter=20"},
        {"reorder=0.1", "jitter=10"},
        {"dup=0.05", "corrupt=0.01"},
        {"ge_p=0.005", "ge_r=0.2"},
    };
    static const unsigned delays[] = {1, 10, 50, 150};
    unsigned net = w->seed % 3 ? 1 + (unsigned)rng_below(&w->rng, 5) : 0;
    unsigned delay = delays[rng_below(&w->rng, 4)];
    char text[40];
    for (int i = 0; i < WAYS; i++) {
        struct damage *d = &w->ways[i];
        damage_init(d, w->seed * 10 + (uint64_t)i);
        snprintf(text, sizeof text, "delay=%u", delay);
        (void)!damage_set(d, text);
        (void)!damage_set(d, "rate=20mbit");
        (void)!damage_set(d, "queue=50ms");
        if (i >= WAY_PIPE_UP) { /* TCP loses nothing */
            (void)!damage_set(d, "queue=0");
            continue;
        }
        for (int k = 0; k < 4 && nets[net][k]; k++)
            (void)!damage_set(d, nets[net][k]);
    }
    w->rtt_us = 2 * delay * MS + 100 * MS; /* with what may stand in the queues */
}

static void world_init(struct world *w, uint64_t seed)
{
    struct addr server = address(1, 60001);
    memset(w, 0, sizeof *w);
    w->seed = seed;
    w->rng.s = seed;
    w->keys.s = seed + 1;
    w->now_us = 100 * S;
    w->nat = 1000;
    choose_network(w);
    end_init(w, &w->client, true);
    end_init(w, &w->server, false);
    w->channels = 1 + rng_below(&w->rng, CHANNELS);
    w->most = (uint64_t)1 << (14 + rng_below(&w->rng, 8));
    w->pipe = true;
    link_pipe_open(w->client.link, PIPE, w->now_us);
    link_pipe_open(w->server.link, PIPE, w->now_us);
    w->udp = rng_below(&w->rng, 4);
    if (w->udp) /* else it is blocked: all by the pipe */
        link_add_candidate(w->client.link, &server, w->now_us);
    next_event(w);
    if (rng_below(&w->rng, 2)) /* at once, before anything is known of the other end */
        open_channel(w);
}

static void world_fini(struct world *w)
{
    streams_free(w->client.streams);
    streams_free(w->server.streams);
    link_free(w->client.link);
    link_free(w->server.link);
    for (int i = 0; i < WAYS; i++)
        damage_fini(&w->ways[i]);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t end_deadline(const struct end *e)
{
    return earlier(link_deadline(e->link, e->world->now_us),
                   streams_deadline(e->streams, e->world->now_us));
}

/* No window beyond its cap, nor all together, and what is counted is what there is. */
static void check_windows(struct end *e)
{
    struct world *w = e->world;
    struct chans *chans = e->streams ? streams_list(e->streams) : NULL;
    size_t sum = 0, i = 0;
    struct chan *c;
    for (; chans && (c = chans_at(chans, i)); i++) {
        struct chan_counters n;
        size_t data, err;
        chan_counters(c, &n);
        (void)chan_peek(c, CHAN_DATA, &data);
        (void)chan_peek(c, CHAN_STDERR, &err);
        size_t used = data + err + n.window_left;
        if (used > CHAN_WINDOW_MAX || n.window > CHAN_WINDOW_MAX || n.may_send > CHAN_WINDOW_MAX)
            fail(w, "window beyond its cap", used, n.window);
        sum += data + err;
    }
    if (chans && sum > chans_promised(chans))
        fail(w, "more held than promised", sum, chans_promised(chans));
    if (chans && chans_promised(chans) > i * CHAN_WINDOW_FIRST + CHANS_GROWTH_MAX)
        fail(w, "windows together beyond their cap", chans_promised(chans), i);
}

static void step(struct world *w)
{
    uint64_t now = w->now_us, at = w->event_us;
    for (int i = 0; i < WAYS; i++)
        at = earlier(at, damage_deadline(&w->ways[i]));
    at = earlier(at, earlier(end_deadline(&w->client), end_deadline(&w->server)));
    w->now_us = at > now ? at : now + 20; /* a turn of the loop takes some time, too */
    w->steps++;
    if (w->now_us >= w->event_us)
        event(w);
    deliver(w);
    if (w->client.count < w->channels && !rng_below(&w->rng, 20))
        open_channel(w);
    if (!rng_below(&w->rng, 8)) {
        pump_all(&w->client);
        pump_all(&w->server);
    }
    send_all(&w->client);
    send_all(&w->server);
    if (w->steps % 64 == 0) {
        check_windows(&w->client);
        check_windows(&w->server);
    }
    judge(w);
}

static bool run(uint64_t seed, uint64_t *steps, double *hours, uint64_t *worst)
{
    struct world *w = mem_new(1, sizeof *w);
    world_init(w, seed);
    uint64_t start = w->now_us;
    while (w->finished < 2 * w->channels && !w->failed[0]) {
        step(w);
        if (w->steps > 3000000 || w->now_us - start > 200 * HOUR)
            fail(w, "not finished", w->finished, 2 * w->channels);
        for (int i = 0; i < 2; i++) {
            struct end *e = i ? &w->server : &w->client;
            if (streams_over(e->streams))
                fail(w, streams_over(e->streams), is_client(e), 0);
        }
    }
    *steps += w->steps;
    *hours += (double)(w->now_us - start) / (double)HOUR;
    *worst = w->worst_us > *worst ? w->worst_us : *worst;
    bool ok = !w->failed[0];
    if (!ok) {
        struct quic_counters c = streams_counters(w->client.streams),
                             s = streams_counters(w->server.streams);
        char path[PATH_TEXT];
        link_path_text(w->client.link, path);
        printf("seed %" PRIu64 ": %s; %zu channels, %" PRIu64 " steps, %u outages, path %s\n", seed,
               w->failed, w->channels, w->steps, w->returns, path);
        printf("  client: flight %" PRIu64 " cwnd %" PRIu64 " srtt %" PRIu64 " stops %" PRIu64
               " stands %d; server: flight %" PRIu64 " cwnd %" PRIu64 " srtt %" PRIu64
               " stops %" PRIu64 " stands %d\n",
               c.in_flight, c.cwnd, c.srtt_us, c.stops, streams_stand(w->client.streams),
               s.in_flight, s.cwnd, s.srtt_us, s.stops, streams_stand(w->server.streams));
    }
    world_fini(w);
    free(w);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: streams FIRST LAST\n");
        return 2;
    }
    uint64_t first = strtoull(argv[1], NULL, 10), last = strtoull(argv[2], NULL, 10);
    const char *soak = getenv("TERN_SOAK");
    if (soak && *soak && *soak != '0') { /* ten seeds for each */
        first = 10 * first - 9;
        last *= 10;
    }
    uint64_t steps = 0, worst = 0, failed = 0;
    double hours = 0;
    for (uint64_t seed = first; seed <= last; seed++)
        failed += !run(seed, &steps, &hours, &worst);
    printf("%" PRIu64 " seeds, %" PRIu64 " failed; %" PRIu64 " steps, %.0f virtual hours, data at "
           "most %" PRIu64 " ms after a proven round trip\n",
           last - first + 1, failed, steps, hours, worst / MS);
    return failed != 0;
}
