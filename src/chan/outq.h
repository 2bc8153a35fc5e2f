/* Bytes on their way out of one channel: appended at the end, lent to the transport, freed when
 * acknowledged. Bytes never move, so what was lent stays valid. */
#ifndef TERN_CHAN_OUTQ_H
#define TERN_CHAN_OUTQ_H

#include "chan/message.h"
#include "chan/stream.h"

/* What a fresh block has room for: a message of CHAN_SPACE (chans.h). */
#define OUTQ_SPACE (61440u + MESSAGE_HEAD)

struct outq_block;

struct outq {
    struct outq_block *head, *tail; /* owned, oldest first */
    struct outq_block *next;        /* holds the first byte not yet taken; NULL: none waits */
    size_t next_at;
    struct outq_block *spare; /* owned, of outq_space, or NULL: nothing is in it */
    size_t unsent;            /* not yet taken */
    size_t unacked;           /* taken or not, and not acknowledged */
    uint64_t acked;           /* in all */
};

void outq_fini(struct outq *q);
/* No cap of its own: channels check their windows first. */
void outq_put(struct outq *q, const void *bytes, size_t len);
/* The same in two steps, without a copy: where at least `min` bytes can be written behind the
 * others
 * (*len: how many; min <= OUTQ_SPACE), and then how many were. Nothing else in between. */
uint8_t *outq_space(struct outq *q, size_t min, size_t *len);
void outq_commit(struct outq *q, size_t len);
/* What is not taken yet, in at most STREAM_VECS pieces and no more of them than make OUTQ_PULL
 * bytes, which is more than a packet takes; *all: nothing waits behind them. */
#define OUTQ_PULL 16384
size_t outq_pull(const struct outq *q, struct stream_vec v[static STREAM_VECS], bool *all);
/* The oldest len unsent bytes were taken; BUG if there are not so many. */
void outq_taken(struct outq *q, size_t len);
/* The oldest len bytes have arrived; BUG if not so many were taken. */
void outq_acked(struct outq *q, size_t len);
size_t outq_memory(const struct outq *q);

#endif
