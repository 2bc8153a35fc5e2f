#include "memory.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define STREAMS      8192
#define FLIGHT_MAX   (1u << 20)
#define TAKE_AT_ONCE 20000

/* One direction, from `end` to the other. */
struct way {
    struct buf flight; /* taken, not delivered */
    size_t delivered;  /* not yet acknowledged */
    bool awake, fin_taken, fin_delivered, fin_acked;
    bool reset, reset_told; /* given up by the sender */
    bool stop, stop_told;   /* asked for by the receiver */
    int64_t reset_code, stop_code;
    size_t uncredited;
};

struct stream {
    bool used;
    void *user[2];
    bool known[2], closed[2]; /* the end has a user; it heard `closed` */
    struct way way[2];        /* [end]: sent by end */
};

struct side {
    struct memory *m;
    int end;
    const struct stream_events *events;
    void *ctx;
    size_t limit, open;
};

struct memory {
    struct rng rng;
    struct side side[2];
    struct stream stream[STREAMS];
    size_t high; /* streams ever used */
    bool down, broken;
    size_t uncredited;
};

static int op_open(void *t, void *user, int64_t *id)
{
    struct side *s = t;
    struct memory *m = s->m;
    if (m->broken)
        return ERR_STATE;
    if (s->open == s->limit || m->high == STREAMS)
        return ERR_CAP;
    s->open++;
    *id = (int64_t)(m->high * 4 + (size_t)s->end);
    struct stream *x = &m->stream[m->high++];
    *x = (struct stream){.used = true};
    x->user[s->end] = user;
    x->known[s->end] = true;
    for (int i = 0; i < 2; i++) {
        buf_init(&x->way[i].flight, 2 * FLIGHT_MAX);
        x->way[i].reset_code = -1;
    }
    return ERR_OK;
}

static struct stream *at(struct memory *m, int64_t id)
{
    BUG_ON(id < 0 || (size_t)(id / 4) >= m->high || !m->stream[id / 4].used);
    return &m->stream[id / 4];
}

static void op_wake(void *t, int64_t id)
{
    struct side *s = t;
    at(s->m, id)->way[s->end].awake = true;
}

static void op_class(void *t, int64_t id, enum stream_class c)
{
    struct side *s = t;
    (void)at(s->m, id);
    BUG_ON(c >= STREAM_CLASSES);
}

static void op_credit(void *t, int64_t id, size_t len)
{
    struct side *s = t;
    struct way *w = &at(s->m, id)->way[!s->end];
    BUG_ON(len > w->uncredited);
    w->uncredited -= len;
}

static void op_reset(void *t, int64_t id, uint64_t code)
{
    struct side *s = t;
    struct way *w = &at(s->m, id)->way[s->end];
    w->reset = true;
    w->reset_code = (int64_t)code;
}

static void op_stop(void *t, int64_t id, uint64_t code)
{
    struct side *s = t;
    struct way *w = &at(s->m, id)->way[!s->end];
    w->stop = true;
    w->stop_code = (int64_t)code;
}

/* At once, or never. */
static int op_packet(void *t, int64_t id, const void *bytes, size_t len)
{
    struct side *s = t;
    struct memory *m = s->m;
    struct stream *x = at(m, id);
    struct side *to = &m->side[!s->end];
    if (len > 1000)
        return ERR_CAP;
    if (!m->down && x->known[!s->end] && !x->closed[!s->end] && to->events && to->events->packet)
        to->events->packet(to->ctx, x->user[!s->end], bytes, len);
    return ERR_OK;
}

static const struct stream_ops ops = {op_open,  op_wake, op_class, op_credit,
                                      op_reset, op_stop, op_packet};

struct memory *memory_new(uint64_t seed)
{
    struct memory *m = mem_new(1, sizeof *m);
    m->rng.s = seed;
    for (int i = 0; i < 2; i++)
        m->side[i] = (struct side){.m = m, .end = i, .limit = STREAMS_MAX};
    return m;
}

void memory_free(struct memory *m)
{
    for (size_t i = 0; i < m->high; i++)
        for (int k = 0; k < 2; k++)
            buf_fini(&m->stream[i].way[k].flight);
    free(m);
}

struct stream_transport memory_transport(struct memory *m, int end)
{
    return (struct stream_transport){&ops, &m->side[end]};
}

void memory_user(struct memory *m, int end, const struct stream_events *events, void *ctx)
{
    m->side[end].events = events;
    m->side[end].ctx = ctx;
}

void memory_limit(struct memory *m, int end, size_t streams)
{
    m->side[end].limit = streams;
}

void memory_down(struct memory *m, bool down)
{
    m->down = down;
}

static size_t some(struct memory *m, size_t most)
{
    if (!most)
        return 0;
    return rng_below(&m->rng, 4) ? 1 + rng_below(&m->rng, most) : most;
}

/* The sender's bytes into flight. */
static bool take(struct memory *m, struct stream *x, int end)
{
    struct side *s = &m->side[end];
    struct way *w = &x->way[end];
    struct stream_vec v[STREAM_VECS], again[STREAM_VECS];
    bool fin, fin2;
    if (!s->events || !x->known[end] || !w->awake || w->fin_taken || w->reset || x->closed[end])
        return false;
    size_t n = s->events->pull(s->ctx, x->user[end], v, &fin), all = 0, want;
    BUG_ON(n > STREAM_VECS);
    for (size_t i = 0; i < n; i++)
        all += v[i].len;
    if (!all && !fin) {
        w->awake = false;
        return false;
    }
    BUG_ON(s->events->pull(s->ctx, x->user[end], again, &fin2) != n || fin2 != fin);
    want = all < TAKE_AT_ONCE ? all : some(m, TAKE_AT_ONCE);
    if (want > FLIGHT_MAX - buf_len(&w->flight))
        want = FLIGHT_MAX - buf_len(&w->flight);
    if (!want && all)
        return false;
    size_t left = want;
    for (size_t i = 0; i < n && left; i++) {
        size_t k = v[i].len < left ? v[i].len : left;
        BUG_ON(memcmp(v[i].p, again[i].p, k));
        buf_put(&w->flight, v[i].p, k);
        left -= k;
    }
    w->fin_taken = fin && want == all;
    s->events->taken(s->ctx, x->user[end], want, w->fin_taken);
    return true;
}

/* The peer learns of the stream. */
static bool introduce(struct memory *m, struct stream *x, int to)
{
    struct side *s = &m->side[to];
    if (x->known[to])
        return true;
    if (!s->events)
        return false;
    x->known[to] = true;
    x->user[to] = s->events->opened(s->ctx, (x - m->stream) * 4 + !to);
    if (x->user[to])
        return true;
    x->closed[to] = true;
    x->way[to].reset = x->way[!to].stop = true;
    x->way[to].reset_code = x->way[!to].stop_code = STREAM_REFUSED;
    return false;
}

static void hand_over(struct memory *m, struct stream *x, int to, const uint8_t *p, size_t n,
                      bool fin)
{
    struct way *w = &x->way[!to];
    if (!m->side[to].events) /* an end without channels: nobody listens */
        return;
    w->uncredited += n;
    if (w->uncredited > m->uncredited)
        m->uncredited = w->uncredited;
    m->side[to].events->data(m->side[to].ctx, x->user[to], p, n, fin);
}

static bool deliver(struct memory *m, struct stream *x, int to)
{
    struct way *w = &x->way[!to];
    size_t n = some(m, buf_len(&w->flight));
    bool fin = w->fin_taken && n == buf_len(&w->flight);
    if ((!n && (!fin || w->fin_delivered)) || w->reset_told || !introduce(m, x, to))
        return false;
    if (!w->stop && !w->fin_delivered) {
        uint8_t *copy = mem_new(n + 1, 1);
        memcpy(copy, buf_data(&w->flight), n);
        hand_over(m, x, to, copy, n, fin);
        free(copy);
    }
    w->fin_delivered |= fin;
    buf_skip(&w->flight, n);
    w->delivered += n;
    return true;
}

static bool acknowledge(struct memory *m, struct stream *x, int end)
{
    struct side *s = &m->side[end];
    struct way *w = &x->way[end];
    size_t n = some(m, w->delivered);
    bool did = n || (w->fin_delivered && !w->fin_acked);
    if (!s->events || x->closed[end])
        return false;
    w->delivered -= n;
    if (n)
        s->events->acked(s->ctx, x->user[end], n);
    if (w->fin_delivered && !w->delivered)
        w->fin_acked = true;
    return did;
}

static bool tell_broken(struct memory *m, struct stream *x, int end)
{
    struct way *out = &x->way[end], *in = &x->way[!end];
    struct side *s = &m->side[end];
    bool did = false;
    if (in->reset && !in->reset_told && !in->fin_delivered && introduce(m, x, end)) {
        in->reset_told = did = true;
        if (!in->stop && s->events && !x->closed[end])
            s->events->reset(s->ctx, x->user[end], (uint64_t)in->reset_code);
    }
    if (out->stop && !out->stop_told) {
        out->stop_told = did = true;
        bool was = out->reset || out->fin_acked;
        out->reset = true;
        if (!was && s->events && x->known[end] && !x->closed[end])
            s->events->stopped(s->ctx, x->user[end], (uint64_t)out->stop_code);
    }
    return did;
}

static bool way_over(const struct way *w)
{
    return w->fin_acked || (w->reset && (w->reset_told || w->fin_delivered || w->stop));
}

static bool close_if_over(struct memory *m, struct stream *x, int end)
{
    struct side *s = &m->side[end];
    if (x->closed[end] || !x->known[end] || !way_over(&x->way[0]) || !way_over(&x->way[1]))
        return false;
    x->closed[end] = true;
    if (s->events)
        s->events->closed(s->ctx, x->user[end]);
    return true;
}

bool memory_step(struct memory *m)
{
    bool did = false;
    for (size_t i = 0; i < m->high && !m->broken; i++) {
        struct stream *x = &m->stream[i];
        for (int end = 0; end < 2; end++) {
            did |= take(m, x, end);
            if (m->down)
                continue;
            if (rng_below(&m->rng, 3))
                did |= deliver(m, x, end);
            else
                did = true;
            did |= tell_broken(m, x, end);
            if (rng_below(&m->rng, 3))
                did |= acknowledge(m, x, end);
            did |= close_if_over(m, x, end);
        }
    }
    return did;
}

void memory_break(struct memory *m)
{
    m->broken = true;
    for (int end = 0; end < 2; end++) {
        struct side *s = &m->side[end];
        for (size_t i = 0; i < m->high && s->events; i++) {
            struct stream *x = &m->stream[i];
            if (x->known[end] && !x->closed[end])
                s->events->closed(s->ctx, x->user[end]);
            x->closed[end] = true;
        }
        if (s->events)
            s->events->failed(s->ctx, "broken by the test");
    }
}

size_t memory_streams(const struct memory *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->high; i++)
        n += (m->stream[i].known[0] && !m->stream[i].closed[0]) ||
             (m->stream[i].known[1] && !m->stream[i].closed[1]);
    return n;
}

size_t memory_uncredited(const struct memory *m)
{
    return m->uncredited;
}

void memory_inject(struct memory *m, int to, int64_t id, const void *bytes, size_t len, bool fin)
{
    struct stream *x = at(m, id);
    if (!introduce(m, x, to) || x->closed[to] || x->way[!to].stop || x->way[!to].fin_delivered)
        return;
    if (fin)
        x->way[!to].fin_taken = x->way[!to].fin_delivered = true;
    hand_over(m, x, to, bytes, len, fin);
}

int64_t memory_raw_open(struct memory *m, int from)
{
    int64_t id;
    if (op_open(&m->side[from], NULL, &id))
        return -1;
    return id;
}

int64_t memory_reset_code(const struct memory *m, int end, int64_t id)
{
    return m->stream[id / 4].way[end].reset_code;
}
