#include "damage.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPARES_MAX 64u   /* recycled packets kept */
#define SMALL      2048u /* packets up to this size share one size class and are recycled */

struct damage_packet {
    uint64_t due_ns;
    uint64_t order;
    uint64_t tag;
    struct damage_packet *next; /* of the spares */
    uint32_t len, room;
    uint8_t data[];
};

void damage_init(struct damage *d, uint64_t seed)
{
    memset(d, 0, sizeof *d);
    d->set.memory = DAMAGE_IN_FLIGHT;
    damage_seed(d, seed);
}

void damage_seed(struct damage *d, uint64_t seed)
{
    /* Seeds are often 1, 2, 3: spread them, or neighbours would be shifted copies of one row. */
    struct rng mix = {seed};
    d->rng.s = rng_u64(&mix);
    d->bad = false;
}

/* ---- packets ---- */

static struct damage_packet *packet_new(struct damage *d, size_t len)
{
    struct damage_packet *p = d->spare;
    if (len <= SMALL && p) {
        d->spare = p->next;
        d->spares--;
        return p;
    }
    size_t room = len <= SMALL ? SMALL : len;
    p = mem_resize(NULL, 1, sizeof *p + room); /* not mem_new: no need to zero the bytes */
    p->room = (uint32_t)room;
    return p;
}

static void packet_free(struct damage *d, struct damage_packet *p)
{
    if (!p)
        return;
    if (p->room != SMALL || d->spares >= SPARES_MAX) {
        free(p);
        return;
    }
    p->next = d->spare;
    d->spare = p;
    d->spares++;
}

static void drop_in_flight(struct damage *d)
{
    for (size_t i = 0; i < d->count; i++)
        packet_free(d, d->heap[i]);
    d->count = 0;
    d->bytes = 0;
}

void damage_fini(struct damage *d)
{
    drop_in_flight(d);
    free(d->held);
    while (d->spare) {
        struct damage_packet *p = d->spare;
        d->spare = p->next;
        free(p);
    }
    free(d->heap);
    memset(d, 0, sizeof *d);
}

/* ---- the heap of packets in flight ---- */

static bool packet_before(const struct damage_packet *a, const struct damage_packet *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void heap_push(struct damage *d, struct damage_packet *p)
{
    if (d->count == d->size) {
        d->size = d->size ? d->size * 2 : 16;
        d->heap = mem_resize(d->heap, d->size, sizeof(struct damage_packet *));
    }
    size_t i = d->count++;
    while (i > 0 && packet_before(p, d->heap[(i - 1) / 2])) {
        d->heap[i] = d->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    d->heap[i] = p;
}

static struct damage_packet *heap_pop(struct damage *d)
{
    struct damage_packet *top = d->heap[0];
    struct damage_packet *last = d->heap[--d->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= d->count)
            break;
        if (child + 1 < d->count && packet_before(d->heap[child + 1], d->heap[child]))
            child++;
        if (!packet_before(d->heap[child], last))
            break;
        d->heap[i] = d->heap[child];
        i = child;
    }
    d->heap[i] = last;
    return top;
}

/* ---- a packet's fate ---- */

static bool chance(struct damage *d, double p)
{
    return p > 0 && rng_unit(&d->rng) < p; /* no draw for what is switched off */
}

/* Uniform in [0, max]. */
static uint64_t draw(struct damage *d, uint64_t max)
{
    return max ? rng_below(&d->rng, max + 1) : 0;
}

static bool burst_lost(struct damage *d)
{
    if (d->set.ge_p <= 0)
        return false;
    double u = rng_unit(&d->rng);
    d->bad = d->bad ? u >= d->set.ge_r : u < d->set.ge_p;
    return d->bad;
}

static double backlog_bytes(const struct damage *d, uint64_t now_ns)
{
    if (d->set.rate <= 0 || d->link_free_ns <= now_ns)
        return 0;
    return (double)(d->link_free_ns - now_ns) * d->set.rate / 8e9;
}

uint64_t damage_backlog(const struct damage *d, uint64_t now_us)
{
    return (uint64_t)backlog_bytes(d, now_us * 1000);
}

/* Through the bottleneck: *t becomes when the last byte has left it. False: the queue is full. */
static bool pass_bottleneck(struct damage *d, size_t len, uint64_t *t)
{
    if (d->set.rate <= 0)
        return true;
    double backlog = backlog_bytes(d, *t);
    double limit = (double)d->set.queue_bytes;
    if (d->set.queue_us)
        limit = (double)d->set.queue_us * d->set.rate / 8e6;
    /* A queue shorter than one packet still lets one through, else nothing would ever pass. */
    if (limit > 0 && backlog > 0 && backlog + (double)len > limit)
        return false;
    if (d->link_free_ns < *t)
        d->link_free_ns = *t;
    d->link_free_ns += (uint64_t)((double)len * 8e9 / d->set.rate);
    if (backlog + (double)len > (double)d->stats.queue_max)
        d->stats.queue_max = (uint64_t)(backlog + (double)len);
    *t = d->link_free_ns;
    return true;
}

/* When a packet that left the bottleneck at t arrives. */
static uint64_t arrival(struct damage *d, uint64_t t)
{
    uint64_t delay = d->set.delay_us * 1000, jitter = d->set.jitter_us * 1000;
    delay += draw(d, 2 * jitter);
    delay = delay > jitter ? delay - jitter : 0;
    if (chance(d, d->set.reorder)) {
        d->stats.reordered++;
        return t + delay / 4;
    }
    t += delay;
    if (t < d->last_ns)
        t = d->last_ns;
    d->last_ns = t;
    return t;
}

static bool launch(struct damage *d, uint64_t due_ns, const void *data, size_t len, uint64_t tag)
{
    if (d->bytes + len > d->set.memory) {
        d->stats.queue_drops++;
        return false;
    }
    struct damage_packet *p = packet_new(d, len);
    p->due_ns = due_ns;
    p->order = d->order++;
    p->tag = tag;
    p->len = (uint32_t)len;
    if (len)
        memcpy(p->data, data, len);
    d->bytes += len;
    size_t from = d->set.corrupt_from;
    if (len > from && chance(d, d->set.corrupt)) {
        uint64_t bit = rng_below(&d->rng, (uint64_t)(len - from) * 8);
        p->data[from + bit / 8] ^= (uint8_t)(1u << bit % 8);
        d->stats.corrupted++;
    }
    heap_push(d, p);
    return true;
}

bool damage_put(struct damage *d, uint64_t now_us, const void *data, size_t len, uint64_t tag)
{
    d->stats.in_packets++;
    d->stats.in_bytes += len;
    if (d->down) {
        d->stats.down_drops++;
        return false;
    }
    if (len > DAMAGE_PACKET || (d->set.mtu && len > d->set.mtu)) {
        d->stats.mtu_drops++;
        return false;
    }
    if (burst_lost(d)) {
        d->stats.lost++;
        return false;
    }
    uint64_t t = now_us * 1000;
    if (!pass_bottleneck(d, len, &t)) {
        d->stats.queue_drops++;
        return false;
    }
    if (chance(d, d->set.loss)) {
        d->stats.lost++;
        return false;
    }
    bool twice = chance(d, d->set.dup);
    t = arrival(d, t);
    bool sent = launch(d, t, data, len, tag);
    if (twice) {
        d->stats.dups++;
        t += draw(d, (d->set.delay_us / 4 + d->set.jitter_us) * 1000);
        sent |= launch(d, t, data, len, tag);
    }
    return sent;
}

bool damage_get(struct damage *d, uint64_t now_us, struct damage_pkt *out)
{
    packet_free(d, d->held);
    d->held = NULL;
    if (d->stalled || damage_deadline(d) > now_us)
        return false;
    struct damage_packet *p = heap_pop(d);
    d->held = p;
    d->bytes -= p->len;
    d->stats.out_packets++;
    d->stats.out_bytes += p->len;
    *out = (struct damage_pkt){p->data, p->len, p->tag, (p->due_ns + 999) / 1000};
    return true;
}

uint64_t damage_deadline(const struct damage *d)
{
    if (!d->count || d->stalled)
        return DAMAGE_NEVER;
    return (d->heap[0]->due_ns + 999) / 1000;
}

void damage_down(struct damage *d, bool down)
{
    if (down) {
        d->stats.down_drops += d->count;
        drop_in_flight(d);
        d->link_free_ns = 0;
        d->last_ns = 0;
    }
    d->down = down;
}

void damage_stall(struct damage *d, bool stalled)
{
    d->stalled = stalled;
}

void damage_stats_json(const struct damage *d, uint64_t now_us, char *out, size_t size)
{
    const struct damage_stats *s = &d->stats;
    const struct {
        const char *name;
        uint64_t value;
    } row[] = {
        {"in_packets", s->in_packets},
        {"in_bytes", s->in_bytes},
        {"out_packets", s->out_packets},
        {"out_bytes", s->out_bytes},
        {"lost", s->lost},
        {"queue_drops", s->queue_drops},
        {"mtu_drops", s->mtu_drops},
        {"down_drops", s->down_drops},
        {"dups", s->dups},
        {"reordered", s->reordered},
        {"corrupted", s->corrupted},
        {"queue_max", s->queue_max},
        {"in_flight", d->count},
        {"queue_now", damage_backlog(d, now_us)},
    };
    size_t at = 0;
    for (size_t i = 0; i < sizeof row / sizeof *row && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%c\"%s\":%llu", i ? ',' : '{', row[i].name,
                               (unsigned long long)row[i].value);
    if (at < size)
        snprintf(out + at, size - at, "}");
}

/* ---- a NAT ---- */

struct addr damage_nat_out(const struct damage_nat *n, const struct addr *inside)
{
    struct addr out = n->host.family == ADDR_NONE ? *inside : n->host;
    out.port = (uint16_t)(inside->port + n->port_offset);
    return out;
}

bool damage_nat_in(const struct damage_nat *n, const struct addr *inside, const struct addr *to)
{
    struct addr now = damage_nat_out(n, inside);
    return addr_equal(&now, to);
}
