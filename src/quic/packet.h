/* The outside of a QUIC packet, as far as it can be read without keys (RFC 8999): what tells it
 * from a sealed datagram, and whose it is. */
#ifndef TERN_QUIC_PACKET_H
#define TERN_QUIC_PACKET_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUIC_ID_FIRST 16 /* bytes of the id that the client chooses and announces */
#define QUIC_ID       8  /* bytes of every other id */
#define QUIC_ID_MAX   20 /* RFC 9000 §17.2 */
#define QUIC_VERSION  1u

/* QUIC's fixed bit (RFC 9000 §17.2, §17.3): natively set in no sealed datagram. Both ends of a tern
 * connection announce that they never clear it. */
static inline bool quic_packet_is(const uint8_t *dgram, size_t len)
{
    return len && dgram[0] & 0x40;
}

struct quic_packet {
    bool is_long;
    const uint8_t *id; /* the receiver's connection id, in the datagram */
    size_t id_len;     /* QUIC_ID in short headers, at most QUIC_ID_MAX */
};

/* The first packet of a datagram. ERR_SHORT, ERR_SYNTAX (not QUIC), or ERR_VERSION for a long
 * header of another version, which is dropped without an answer. */
int MUST_USE quic_packet_get(const uint8_t *dgram, size_t len, struct quic_packet *out);

/* Server ids begin with the route id, so that the link is found like that of a sealed datagram. */
static inline unsigned quic_packet_route(const struct quic_packet *p)
{
    return p->id_len == QUIC_ID ? (unsigned)p->id[0] << 8 | p->id[1] : 0;
}

#endif
