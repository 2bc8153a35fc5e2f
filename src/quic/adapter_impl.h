/* Inside of a connection, shared by adapter*.c only. */
#ifndef TERN_QUIC_ADAPTER_IMPL_H
#define TERN_QUIC_ADAPTER_IMPL_H

#include "quic/adapter.h"
#include "quic/clock.h"
#include "quic/library.h"
#include "quic/packets.h"
#include "quic/table.h"
#include "quic/tls.h"
#include "quic/yield.h"

#include <netinet/in.h>

#define QUIC_IDS_MAX 8 /* ids of ours that the peer may use */

struct quic {
    bool client;
    uint8_t psk[QUIC_PSK];
    uint16_t route;
    uint8_t first_id[QUIC_ID_FIRST];
    uint64_t srtt_us;
    const struct stream_events *events;
    void *ctx; /* of events */
    struct entropy entropy;
    const struct log *log;

    ngtcp2_conn *conn; /* NULL on a server until the first packet */
    struct quic_tls *tls;
    struct sockaddr_in here, there;     /* constant and false */
    uint8_t ids[QUIC_IDS_MAX][QUIC_ID]; /* ours, in use */
    bool id_used[QUIC_IDS_MAX];

    struct quic_clock clock;
    struct quic_yield yield;
    quic_stat stat;
    uint64_t rtt_seen; /* of stat, at the last turn */
    uint64_t path;     /* of the facts, at the last turn */
    size_t batch;      /* bytes of the one being made, which stat does not know yet */
    bool done;         /* the handshake is complete */
    bool news;         /* the packet that is being read changed what is in flight */
    uint64_t acked_us, now_us;
    uint64_t tick_us, stamp_us; /* private time of the library: its step, the newest */
    uint64_t least_us;          /* round trip on this path; 0: none yet */
    uint64_t turn_us;           /* real, of the newest quic_turn */
    uint64_t sent_us;           /* private, of the newest batch */
    unsigned parted;            /* rounds at the start, see adapter.c */
    uint64_t paced; /* nanoseconds: the batch that the pacer knows nothing of; 0: none */

    struct quic_table table;
    struct quic_packets packets;
    size_t mtu;       /* of the facts, at the last turn */
    uint64_t next_id; /* of a stream to be opened by us */
    uint64_t open_id; /* of the first one that the library does not know yet */

    char over[96]; /* "" while it is not */
    int error;     /* of the library */
    bool close_due;
    uint8_t close[QUIC_MTU_MIN];
    size_t close_len;
    uint64_t closed_us;

    struct quic_counters counters;
    struct stream_vec pieces[STREAM_VECS]; /* of the packet being made: the compiler would zero */
    ngtcp2_vec vec[STREAM_VECS];           /* them on the stack for each */
    uint8_t out[QUIC_BATCH];
};

/* A new id of ours; and to remember it: false when there are too many. */
void quic_fresh_id(struct quic *q, uint8_t id[static QUIC_ID]);
bool quic_keep_id(struct quic *q, const uint8_t id[static QUIC_ID]);
/* It is over: tells the channels, unless they never took it. */
void quic_drop_stream(struct quic *q, struct quic_stream *s);
extern const ngtcp2_callbacks quic_callbacks;

#endif
