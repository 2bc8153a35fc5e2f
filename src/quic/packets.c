#include "quic/packets.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Integers of variable length, RFC 9000 §16. */
static size_t int_len(uint64_t v)
{
    return v < 1u << 6 ? 1 : v < 1u << 14 ? 2 : v < 1u << 30 ? 4 : 8;
}

static void int_put(uint8_t *p, uint64_t v)
{
    size_t n = int_len(v);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
    p[0] |= (uint8_t)((n == 8 ? 3 : n == 4 ? 2 : n == 2 ? 1 : 0) << 6);
}

void quic_packets_init(struct quic_packets *p)
{
    *p = (struct quic_packets){0};
    list_init(&p->queue);
}

void quic_packets_drop(struct quic_packets *p, struct quic_packet_out *o)
{
    list_del(&o->node);
    p->count--;
    p->bytes -= o->len;
    free(o);
}

static struct quic_packet_out *oldest(struct quic_packets *p)
{
    return list_empty(&p->queue) ? NULL : LIST_ITEM(p->queue.next, struct quic_packet_out, node);
}

static void lose(struct quic_packets *p)
{
    quic_packets_drop(p, oldest(p));
    p->dropped++;
}

void quic_packets_fini(struct quic_packets *p)
{
    while (p->count)
        quic_packets_drop(p, oldest(p));
}

void quic_packets_put(struct quic_packets *p, uint64_t stream, const void *bytes, size_t len)
{
    size_t head = int_len(stream);
    struct quic_packet_out *o = mem_new(1, sizeof *o + head + len);
    *o = (struct quic_packet_out){.stream = stream, .len = head + len};
    int_put(o->body, stream);
    if (len)
        memcpy(o->body + head, bytes, len);
    list_add_tail(&p->queue, &o->node);
    p->count++;
    p->bytes += o->len;
    while (p->count > QUIC_PACKETS_MAX || p->bytes > QUIC_PACKETS_BYTES)
        lose(p);
}

/* From the end back: those before are older. */
void quic_packets_stamp(struct quic_packets *p, uint64_t now_us)
{
    for (struct list *n = p->queue.prev; n != &p->queue; n = n->prev) {
        struct quic_packet_out *o = LIST_ITEM(n, struct quic_packet_out, node);
        if (o->since_us)
            return;
        o->since_us = now_us ? now_us : 1;
    }
}

struct quic_packet_out *quic_packets_first(struct quic_packets *p, size_t size, size_t most,
                                           uint64_t now_us)
{
    struct quic_packet_out *o;
    while ((o = oldest(p)) &&
           (o->len + QUIC_PACKETS_FRAME > most || now_us > o->since_us + QUIC_PACKETS_AGE))
        lose(p);
    return o && o->len + QUIC_PACKETS_FRAME <= size ? o : NULL;
}

size_t quic_packets_room(uint64_t stream, size_t size)
{
    size_t head = QUIC_PACKETS_FRAME + int_len(stream);
    return size > head ? size - head : 0;
}

int quic_packets_get(const uint8_t *body, size_t len, uint64_t *stream, size_t *head)
{
    size_t n = len ? (size_t)1 << (body[0] >> 6) : 1;
    if (len < n)
        return ERR_SHORT;
    uint64_t v = body[0] & 63;
    for (size_t i = 1; i < n; i++)
        v = v << 8 | body[i];
    *stream = v;
    *head = n;
    return ERR_OK;
}
