/* Two ends of a QUIC connection on a bad network, with virtual time, and streams whose bytes are
 * known from their place: each is checked as it comes. */
#ifndef TERN_TEST_QUIC_PAIR_H
#define TERN_TEST_QUIC_PAIR_H

#include "quic/adapter.h"

#include "damage/damage.h"

#define PAIR_STREAMS 1024

struct pair;

struct pair_stream {
    struct pair_end *end;
    int64_t id;
    uint64_t send, taken, acked; /* to be sent in all, given away, arrived */
    uint64_t got;
    bool peer_fin, closed, was_reset, was_stopped;
    bool fin_taken;
    uint8_t *bytes; /* what was pulled and not acked begins at `acked` */
};

struct pair_end {
    struct pair *pair;
    struct quic *q;
    struct stream_transport t;
    struct pair_stream *streams[PAIR_STREAMS];
    size_t count;
    uint64_t answer; /* bytes sent on streams that the peer opens */
    bool refuse;     /* streams of the peer */
    bool hold;       /* no credit is given */
    size_t closed;   /* streams */
    bool failed;
    uint64_t received; /* bytes */
    uint64_t moved_us; /* when bytes came last */
    unsigned packets;  /* that came, each with its length repeated in all its bytes */
    uint64_t late_us;  /* how long the slowest took; pair_packet writes the time */
    struct quic_facts facts;
};

struct pair {
    uint64_t now_us, seed;
    struct rng rng;
    struct pair_end client, server;
    struct damage up, down; /* to the server, to the client */
    uint64_t probe_us, up_probe, down_probe;
    uint64_t proven_us; /* newest round trip of the stand-in for the link */
    size_t largest;     /* datagram sent */
};

struct pair_config {
    uint64_t seed;
    const char *damage[4]; /* settings of both directions, see damage.h */
    bool wrong_psk, wrong_id;
};

void pair_init(struct pair *p, const struct pair_config *c);
void pair_fini(struct pair *p);
/* A stream of `end` that sends so many bytes and then its end. */
struct pair_stream *pair_open(struct pair_end *end, uint64_t bytes);
/* A packet beside the stream; what the transport said. */
int pair_packet(struct pair_end *end, const struct pair_stream *s, size_t len);
/* Run for so long, or until done(p) is true. True if it is. */
bool pair_run(struct pair *p, uint64_t us, bool (*done)(const struct pair *p));
/* Every stream of both ends is closed, with all its bytes. */
bool pair_all_done(const struct pair *p);

#endif
