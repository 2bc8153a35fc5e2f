/* Streams of one link: its QUIC connection, the channels in it, and what both must know of the link
 * (design.md §2.4). Started with the first channel only: by the client, and on the server when link
 * control announced the client's connection id. */
#ifndef TERN_SESSION_STREAMS_H
#define TERN_SESSION_STREAMS_H

#include "chan/chans.h"
#include "link/link.h"
#include "quic/adapter.h"

struct streams;

struct streams_config {
    bool client;
    struct link *link;     /* borrowed; native */
    uint8_t psk[QUIC_PSK]; /* struct keys.quic; copied */
    uint16_t route;
    struct entropy entropy;
    const struct log *log;       /* may be NULL */
    const struct chans_ops *ops; /* NULL: this end has no channels, the peer's are refused */
    void *ctx;
};

struct streams *streams_new(const struct streams_config *c);
void streams_free(struct streams *s); /* wipes the key; NULL is fine */

/* The channels; usable at once. On a client the first call starts the connection. */
struct chans *streams_chans(struct streams *s, uint64_t now_us);
bool streams_started(const struct streams *s);
/* The channels that exist, for lists; NULL before the start. Starts nothing. */
struct chans *streams_list(const struct streams *s);
/* Why there are no streams any more; NULL while there may be. */
const char *streams_over(const struct streams *s);
/* End the connection and all channels with a word to the peer (in the next streams_poll). */
void streams_close(struct streams *s, uint64_t now_us);

/* Is the datagram this link's? Changes nothing. */
bool streams_owns(const struct streams *s, const struct quic_packet *p);
/* A QUIC packet came in. */
void streams_receive(struct streams *s, const struct path_ref *from, const uint8_t *dgram,
                     size_t len, uint64_t now_us);
/* The next row of datagrams to send: 1, or 0. To be asked after everything sealed has gone. */
int streams_poll(struct streams *s, uint64_t now_us, struct link_datagram *out);
uint64_t streams_deadline(const struct streams *s, uint64_t now_us);

/* For -v and tests. */
struct quic_counters streams_counters(const struct streams *s);
bool streams_stand(const struct streams *s);

#endif
