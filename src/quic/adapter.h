/* One QUIC connection (RFC 9000) as a transport of streams (chan/stream.h). With tls.c the only
 * file that names ngtcp2 and GnuTLS. Datagrams and the time go in, datagrams, calls of `struct
 * stream_events` and a deadline come out; no system call is made here.
 *
 * TLS 1.3 with an external pre-shared key and ECDHE, no certificates. Addresses are constant: the
 * link owns roaming and QUIC never migrates. No version negotiation, Retry, stateless reset, 0-RTT.
 * The client chooses the first connection id and announces it over link control; a server object is
 * made for that id and takes nothing else. A connection that fails stays so: channels end, the link
 * goes on.
 *
 * Times are microseconds of the caller's monotonic clock. Inside, the library runs on a private
 * clock (quic/clock.h). */
#ifndef TERN_QUIC_ADAPTER_H
#define TERN_QUIC_ADAPTER_H

#include "base/log.h"
#include "base/rng.h"
#include "chan/stream.h"
#include "quic/packet.h"

#define QUIC_PSK 32
/* Sizes of a datagram: what every path must take (RFC 9000 §14), and the most that is ever sent. */
#define QUIC_MTU_MIN 1200
#define QUIC_MTU_MAX 1452
/* Most bytes that one quic_poll gives. */
#define QUIC_BATCH 65000
/* Bytes on their way to us on the whole connection: at the start, and grown to. */
/* The same of one stream: a guard, channels' own windows are below. */
#define QUIC_STREAM_WINDOW (20u << 20)
#define QUIC_WINDOW        (32u << 20)
#define QUIC_WINDOW_MAX    (64u << 20)

struct quic;

struct quic_config {
    bool client;
    uint8_t psk[QUIC_PSK]; /* "tern1 quic" (link/keys.h); copied and wiped with the object */
    uint16_t route;        /* server: the first two bytes of its ids */
    uint8_t first_id[QUIC_ID_FIRST];    /* server: what the client announced */
    uint64_t srtt_us;                   /* the link's, as a first guess; 0 = none */
    const struct stream_events *events; /* outlives the object, with its ctx */
    void *ctx;
    struct entropy entropy; /* GnuTLS draws its own (docs/adr/0012) */
    const struct log *log;  /* may be NULL; outlives the object */
    uint64_t now_us;
};

/* What the link knows now; asked for at every turn. */
struct quic_facts {
    uint64_t proven_us; /* newest proven round trip of the link; 0 = never */
    uint64_t floor_us;  /* least round-trip time of the path in use; 0 = not known */
    size_t mtu;         /* bytes of a datagram on the path in use, QUIC_MTU_MIN.._MAX */
    size_t room;        /* bytes that may leave now; SIZE_MAX = no limit */
    uint64_t path;      /* another number whenever another path is in use: what was learned of
                           queues is then forgotten */
};

/* NULL only when the libraries refuse to start (out of memory, or a hardened build without what we
 * need); *why then says which. */
struct quic *quic_new(const struct quic_config *c, const char **why);
/* Tells `closed` of all streams to nobody. NULL is fine. */
void quic_free(struct quic *q);

/* Client: the id to announce. Stays the object's. */
const uint8_t *quic_first_id(const struct quic *q);
/* Is the datagram this connection's? By the connection id alone; changes nothing. */
bool quic_owns(const struct quic *q, const struct quic_packet *p);

/* A datagram came in (of any size, from anywhere). Forged, foreign and malformed ones change
 * nothing. 0, or ERR_STATE once the connection is over. */
int quic_receive(struct quic *q, const uint8_t *dgram, size_t len, const struct quic_facts *f,
                 uint64_t now_us);

/* Take the facts in: after a silence the clock runs on. quic_poll and quic_receive do so, too. */
void quic_turn(struct quic *q, const struct quic_facts *f, uint64_t now_us);

struct quic_batch {
    const uint8_t *data; /* valid until the next call on this object */
    size_t len;
    size_t segment; /* bytes of each datagram in it; the last may be shorter */
};
/* The next datagrams to send now: 1 with *out filled, or 0. To be asked again until 0. */
int quic_poll(struct quic *q, const struct quic_facts *f, uint64_t now_us, struct quic_batch *out);
/* When quic_poll is to be called next if nothing comes in and f->room does not grow; UINT64_MAX =
 * never; may lie in the past. */
uint64_t quic_deadline(const struct quic *q, const struct quic_facts *f, uint64_t now_us);

/* The peer owes us something: an acknowledgement, or the rest of the handshake. */
bool quic_owed(const struct quic *q);
/* Nothing was proven for a while (quic/clock.h), although the peer owes us something. */
bool quic_silent(const struct quic *q, const struct quic_facts *f, uint64_t now_us);
/* The private clock stands: the link should find out soon whether anything comes back. */
bool quic_stands(const struct quic *q);
/* Newest acknowledgement of stream data, a proven round trip; 0 = never. */
uint64_t quic_acked_us(const struct quic *q);

struct stream_transport quic_transport(struct quic *q);

/* Say goodbye: the next quic_poll gives a CONNECTION_CLOSE; streams are closed at once. */
void quic_close(struct quic *q, uint64_t now_us);
/* Why the connection is over; NULL while it is not. */
const char *quic_over(const struct quic *q);
bool quic_is_open(const struct quic *q); /* the handshake is complete, and it is not over */

struct quic_counters {
    uint64_t sent, sent_bytes, received, received_bytes; /* datagrams */
    uint64_t dropped; /* not ours, or not authentic, or not for this state */
    uint64_t stops;   /* times that the private clock stood */
    uint64_t jumps;   /* ... and jumped after a silence */
    uint64_t srtt_us, cwnd, in_flight, yield; /* now; yield: its window, UINT64_MAX = none */
    size_t streams;
};
struct quic_counters quic_counters(const struct quic *q);

#endif
