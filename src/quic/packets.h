/* Packets that wait to leave as DATAGRAM frames (RFC 9221): each belongs to a stream, goes once,
 * and may be lost. In a frame stand the stream's number as a QUIC integer and the packet's bytes.
 */
#ifndef TERN_QUIC_PACKETS_H
#define TERN_QUIC_PACKETS_H

#include "base/err.h"
#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is queued; when there is more, the oldest go. */
#define QUIC_PACKETS_MAX   1024
#define QUIC_PACKETS_BYTES (512u << 10)
/* Who waits longer is of no use any more. */
#define QUIC_PACKETS_AGE 500000u
/* A QUIC packet's head, number and tag, and the frame's head; at most. */
#define QUIC_PACKETS_FRAME 34

struct quic_packet_out {
    struct list node;
    uint64_t since_us; /* 0: not stamped */
    uint64_t stream;
    size_t len; /* of the frame's body */
    uint8_t body[];
};

struct quic_packets {
    struct list queue;
    size_t count, bytes;
    uint64_t dropped;
};

void quic_packets_init(struct quic_packets *p);
void quic_packets_fini(struct quic_packets *p);
/* Copied. Its age counts from the next quic_packets_stamp. */
void quic_packets_put(struct quic_packets *p, uint64_t stream, const void *bytes, size_t len);
void quic_packets_stamp(struct quic_packets *p, uint64_t now_us);
/* The oldest that is young enough and fits into a datagram of `most` bytes; the others before it
 * are dropped. NULL: none, or it does not fit into one of `size` bytes, which may be less. */
struct quic_packet_out *quic_packets_first(struct quic_packets *p, size_t size, size_t most,
                                           uint64_t now_us);
/* It has left, or is of no use. */
void quic_packets_drop(struct quic_packets *p, struct quic_packet_out *o);
/* Bytes of a packet of that stream which fit into a datagram of `size` bytes. */
size_t quic_packets_room(uint64_t stream, size_t size);

/* A frame's body: the stream, and where the packet begins. ERR_SHORT. */
int MUST_USE quic_packets_get(const uint8_t *body, size_t len, uint64_t *stream, size_t *head);

#endif
