/* QUIC packets of anybody, into both ends of a connection at any moment: what is not the
 * connection's costs a look-up, nothing crashes or spins, and a server never sends more than three
 * times what it was sent before it knows its client. */
#include "quic/adapter.h"

#include "../tests/sim/deaf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define EVENTS 64 /* of one input */
#define MOST   4096

struct scene {
    struct quic *ends[2]; /* client, server */
    uint64_t now_us, rng;
    uint64_t in, out;            /* bytes of the server, before its handshake is done */
    uint8_t last[2][QUIC_BATCH]; /* what each end sent last */
    size_t last_len[2], last_segment[2];
};

static void fill(void *ctx, void *out, size_t len)
{
    uint8_t *p = out;
    uint64_t *s = ctx;
    while (len--)
        *p++ = (uint8_t)((*s = *s * 6364136223846793005u + 1442695040888963407u) >> 56);
}

static size_t on_pull(void *ctx, void *user, struct stream_vec v[static STREAM_VECS], bool *fin)
{
    (void)ctx, (void)user, (void)v;
    *fin = true;
    return 0;
}

static const struct stream_events events = {deaf_opened, deaf_data,  on_pull,   deaf_taken,
                                            deaf_acked,  deaf_code,  deaf_code, deaf_closed,
                                            deaf_more,   deaf_failed};

static const struct quic_facts facts = {.mtu = QUIC_MTU_MIN, .room = SIZE_MAX};

static void scene_init(struct scene *s)
{
    const char *why;
    struct quic_config c = {.client = true,
                            .route = 0x0123,
                            .events = &events,
                            .ctx = s,
                            .entropy = {fill, &s->rng},
                            .now_us = s->now_us = 1000000};
    s->ends[0] = quic_new(&c, &why);
    if (!s->ends[0])
        abort();
    c.client = false;
    memcpy(c.first_id, quic_first_id(s->ends[0]), QUIC_ID_FIRST);
    s->ends[1] = quic_new(&c, &why);
    struct stream_transport t = quic_transport(s->ends[0]);
    int64_t id;
    if (t.ops->open(t.t, s, &id))
        abort();
}

static void give(struct scene *s, int end, const uint8_t *bytes, size_t len)
{
    if (end == 1)
        s->in += len;
    (void)!quic_receive(s->ends[end], bytes, len, &facts, s->now_us);
}

static void take(struct scene *s, int end, bool deliver)
{
    struct quic_batch b;
    for (int i = 0; quic_poll(s->ends[end], &facts, s->now_us, &b); i++) {
        if (i > 200 || !b.len || b.len > QUIC_BATCH || !b.segment || b.segment > QUIC_MTU_MAX)
            abort();
        memcpy(s->last[end], b.data, b.len);
        s->last_len[end] = b.len;
        s->last_segment[end] = b.segment;
        if (end == 1) {
            s->out += b.len;
            if (!quic_is_open(s->ends[1]) && !quic_over(s->ends[1]) && s->out > 3 * s->in)
                abort();
        }
        for (size_t at = 0; deliver && at < s->last_len[end]; at += b.segment) {
            size_t left = s->last_len[end] - at;
            give(s, !end, s->last[end] + at, left < b.segment ? left : b.segment);
        }
    }
}

/* What an end sent last, changed at one place, cut, or as it was, to either end. */
static void replay(struct scene *s, uint8_t how, uint8_t where, uint8_t with)
{
    uint8_t bytes[QUIC_MTU_MAX];
    int end = how & 1;
    size_t len = s->last_len[end] < s->last_segment[end] ? s->last_len[end] : s->last_segment[end];
    memcpy(bytes, s->last[end], len);
    if (how & 2)
        len = len * where / 256;
    else if (len)
        bytes[(size_t)where * (how & 4 ? 1 : 5) % len] ^= with;
    give(s, how & 8 ? end : !end, bytes, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct scene s;
    memset(&s, 0, sizeof s);
    scene_init(&s);
    for (int n = 0; len && n < EVENTS && len <= MOST; n++) {
        uint8_t op = *data++;
        len--;
        size_t size = op >> 2;
        size = size < len ? size : len;
        switch (op & 3) {
        case 0: /* a step of both, and time */
            take(&s, 0, !(op & 4));
            take(&s, 1, !(op & 8));
            s.now_us += (uint64_t)(op >> 4) * 20000;
            break;
        case 1: /* bytes as they are */
            give(&s, n & 1, data, size);
            data += size;
            len -= size;
            break;
        case 2: { /* a packet for an id that is known, of any kind */
            uint8_t packet[QUIC_MTU_MIN] = {op, 0, 0, 0, 1, QUIC_ID_FIRST};
            memcpy(packet + 6, quic_first_id(s.ends[0]), QUIC_ID_FIRST);
            memcpy(packet + 22, data, size);
            if (size)
                packet[0] = (uint8_t)(data[0] | 0xc0);
            give(&s, 1, packet, op & 0x40 ? sizeof packet : 22 + size);
            data += size;
            len -= size;
            break;
        }
        case 3:
            if (len < 2)
                break;
            replay(&s, op >> 2, data[0], data[1]);
            data += 2;
            len -= 2;
            break;
        }
    }
    for (int i = 0; i < 20; i++) {
        take(&s, 0, true);
        take(&s, 1, true);
        s.now_us += 50000;
    }
    quic_free(s.ends[0]);
    quic_free(s.ends[1]);
    return 0;
}
