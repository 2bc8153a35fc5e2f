/* Datagrams with the right key but any contents, in any order of events, into one end of a link:
 * nothing crashes, nothing spins, what it sends is well-formed, and it goes on afterwards. */
#include "link/link.h"

#include "base/mem.h"
#include "base/wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define EVENTS 200 /* of one input */

struct scene {
    struct link *link;
    struct seal *forger, *reader;
    enum seal_codec codec;
    bool client, stock;
    uint64_t now;
    uint64_t rng;
    uint32_t next_sock;
};

static void fill(void *ctx, void *out, size_t len)
{
    uint8_t *p = out;
    uint64_t *s = ctx;
    while (len--)
        *p++ = (uint8_t)((*s = *s * 6364136223846793005u + 1442695040888963407u) >> 56);
}

static void scene_init(struct scene *s, uint8_t how)
{
    struct keys keys = {.c2s = {1}, .s2c = {2}};
    *s = (struct scene){.client = how & 1, .stock = how & 2, .now = 1000000, .next_sock = 100};
    /* Real sealing costs speed; it has its own tests, so only one input in eight has it. */
    enum seal_codec codec = (how & 0x1c) == 0x1c ? SEAL_OCB : SEAL_NULL;
    s->codec = codec;
    if (s->stock)
        memcpy(keys.s2c, keys.c2s, sizeof keys.c2s);
    s->link = link_new(&(struct link_config){.role = s->client ? LINK_CLIENT : LINK_SERVER,
                                             .stock = s->stock,
                                             .keys = &keys,
                                             .route = 5,
                                             .codec = codec,
                                             .entropy = {fill, &s->rng},
                                             .now_us = s->now});
    struct seal_config other = {codec, &keys, s->client, s->stock, 5};
    s->forger = seal_new(&other);
    s->reader = seal_new(&other);
}

static struct path_ref where(const struct scene *s, uint8_t n)
{
    struct path_ref ref = {.kind = n & 1 ? PATH_PIPE : PATH_UDP, .sock = n >> 1 & 3};
    if (ref.kind == PATH_UDP) {
        ref.sock += 100;
        ref.remote = (struct addr){.family = n & 8 ? ADDR_V6 : ADDR_V4, .ip = {n >> 4}, .port = 9};
    }
    return ref;
}

static void check_payload(const struct scene *s, const struct link_payload *p)
{
    BUG_ON(p->len < LINK_FRAGMENT || p->len > SEAL_PLAIN - 4);
    BUG_ON(s->stock ? p->lane : p->lane == LINK_LANE_CONTROL);
    BUG_ON(!s->stock && wire_get_u16(p->data));
    uint8_t sum = 0;
    for (size_t i = 0; i < p->len; i++)
        sum ^= p->data[i];
    BUG_ON(sum != (sum & 0xff)); /* every byte was readable */
}

/* Whatever leaves must be openable and never of the kind that kills a stock peer. */
static void check_datagram(struct scene *s, const struct link_datagram *d)
{
    uint8_t plain[SEAL_PLAIN];
    size_t len;
    uint64_t seq;
    BUG_ON(d->len > SEAL_DATAGRAM || (d->data[0] & 0x60));
    BUG_ON(seal_open(s->reader, d->data, d->len, plain, &len, &seq));
    BUG_ON(len < 4 + LINK_FRAGMENT);
    BUG_ON(!s->stock && link_route(d->data, d->len) != 5);
}

static void settle(struct scene *s)
{
    struct link_datagram d;
    struct link_request r;
    size_t n = 0;
    for (int again = 0; again < 3; again++) {
        while (link_wants(s->link, s->now, &r)) {
            BUG_ON(++n > 1000);
            if (r.want == LINK_WANT_SOCKET)
                link_socket_open(s->link, s->next_sock++ % 4 + 100, r.family, s->now);
        }
        while (link_poll(s->link, s->now, &d)) {
            BUG_ON(s->stock || ++n > 1000);
            check_datagram(s, &d);
        }
    }
    BUG_ON(link_deadline(s->link, s->now) <= s->now);
    BUG_ON(link_loss(s->link, s->now) < 0 || link_loss(s->link, s->now) > 1);
    BUG_ON(link_rto_us(s->link) < RTT_RTO_MIN || link_rto_us(s->link) > RTT_RTO_MAX_NATIVE);
    BUG_ON(link_proven_us(s->link) > s->now || link_heard_us(s->link) > s->now);
}

static int receive(struct scene *s, const struct path_ref *from, const uint8_t *plain, size_t len,
                   struct link_payload *out)
{
    uint8_t dgram[SEAL_DATAGRAM];
    size_t sealed;
    BUG_ON(seal_close(s->forger, plain, len, dgram, &sealed));
    int got = link_receive(s->link, from, false, dgram, sealed, s->now, out);
    BUG_ON(got > 1);
    if (got == 1)
        check_payload(s, out);
    /* The same again is a replay. */
    struct link_payload again;
    struct link_counters before = *link_counters(s->link);
    int twice = link_receive(s->link, from, false, dgram, sealed, s->now, &again);
    if (!s->stock)
        BUG_ON(twice >= 0 || link_counters(s->link)->received != before.received);
    else if (twice == 1)
        BUG_ON(again.in_order || again.peer_moved);
    if (got == 1 && twice == 1) /* `out` pointed into the link: give it the newest bytes */
        *out = again;
    return got;
}

static void send_one(struct scene *s, uint8_t how)
{
    uint8_t payload[LINK_PAYLOAD_MAX] = {0};
    struct link_datagram d;
    size_t len = LINK_FRAGMENT + how * 5u;
    bool had = link_has_peer(s->link);
    int err = link_send(s->link, s->stock ? 0 : how, payload, len,
                        how & 1 ? LINK_BULK : LINK_SCREEN, s->now, &d);
    BUG_ON(err > 0);
    BUG_ON(!err && !had);
    if (!err)
        check_datagram(s, &d);
}

static void change(struct scene *s, uint8_t how)
{
    struct addr a = {.family = how & 8 ? ADDR_V6 : ADDR_V4, .ip = {how >> 4}, .port = 9};
    switch (how & 7) {
    case 0:
        link_add_candidate(s->link, &a, s->now);
        break;
    case 1:
        link_pipe_open(s->link, how >> 4 & 3, s->now);
        break;
    case 2:
        link_pipe_closed(s->link, how >> 4 & 3, s->now);
        break;
    case 3:
        link_socket_closed(s->link, 100 + (how >> 4 & 3), s->now);
        break;
    case 4:
        link_network_event(s->link, s->now);
        break;
    case 5:
        link_no_route(s->link, how & 8, s->now);
        break;
    case 6:
        link_set_owed(s->link, how & 8, s->now);
        link_activity(s->link, s->now);
        break;
    case 7:
        link_acked(s->link, s->now - how, s->now);
        break;
    }
}

static void event(struct scene *s, struct reader *r)
{
    struct link_payload out;
    uint8_t op = reader_u8(r), how = reader_u8(r);
    struct path_ref from = where(s, how);
    size_t len;
    const uint8_t *p;
    switch (op & 7) {
    case 0: /* any plaintext */
        len = reader_u16(r) % (SEAL_PLAIN + 1);
        len = len > r->len ? r->len : len;
        p = reader_bytes(r, len);
        if (p)
            receive(s, &from, p, len, &out);
        break;
    case 1: { /* any payload behind two timestamps that make sense */
        uint8_t plain[300];
        len = reader_u8(r);
        len = len > r->len ? r->len : len;
        p = reader_bytes(r, len);
        if (!p)
            break;
        wire_put_u16(plain, (uint16_t)(s->now / 1000));
        wire_put_u16(plain + 2, (uint16_t)(s->now / 1000 - op));
        memcpy(plain + 4, p, len);
        receive(s, &from, plain, len + 4, &out);
        break;
    }
    case 2: /* not sealed at all */
        len = r->len < 60 ? r->len : 60;
        p = reader_bytes(r, len);
        /* libFuzzer does find the checksum of the null codec, by watching memcmp. */
        if (p && link_receive(s->link, &from, false, p, len, s->now, &out) >= 0)
            BUG_ON(s->codec == SEAL_OCB);
        break;
    case 3:
        send_one(s, how);
        break;
    case 4:
    case 5:
        change(s, how);
        break;
    default:
        s->now += (uint64_t)how * how * how * (op & 8 ? 1000 : 10);
        break;
    }
}

/* A good datagram is delivered whatever came before. */
static void goes_on(struct scene *s)
{
    struct path_ref from = where(s, 0);
    struct link_payload out;
    const uint8_t plain[4 + LINK_FRAGMENT + 1] = {0xff, 0xff, 0xff, 0xff, [12] = 0x80, [14] = 'x'};
    BUG_ON(receive(s, &from, plain, sizeof plain, &out) != 1);
    BUG_ON(out.len != LINK_FRAGMENT + 1 || out.data[LINK_FRAGMENT] != 'x');
    BUG_ON(!s->client && !link_has_peer(s->link));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    struct scene s;
    scene_init(&s, reader_u8(&r));
    for (int i = 0; i < EVENTS && r.len && !r.failed; i++) {
        event(&s, &r);
        settle(&s);
    }
    goes_on(&s);
    link_free(s.link);
    seal_free(s.forger);
    seal_free(s.reader);
    return 0;
}
