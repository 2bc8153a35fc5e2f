/* What sender and receiver know of the states that they push and hold: abstract, reference-counted,
 * immutable values (mosh-protocol.md §5). */
#ifndef TERN_SYNC_STATE_H
#define TERN_SYNC_STATE_H

#include "base/buf.h"

/* For the side that sends. ctx is whatever owns the states. */
struct state_ops {
    /* Append the diff that leads from `from` to `to`; nothing when a peer at `from` needs nothing.
     * Deterministic. 0 or ERR_CAP. */
    int (*diff)(void *ctx, const void *from, const void *to, struct buf *out);
    bool (*equal)(void *ctx, const void *a, const void *b);
    void *(*ref)(void *state);
    void (*unref)(void *state);
    /* A state between the two whose diff from `from` takes at most about budget bytes, or `to`
     * itself if that is near enough; always nearer to `to` than `from` is. A reference. */
    void *(*partial)(void *ctx, const void *from, const void *to, size_t budget);
    /* Bytes that `state` holds and `prev` (may be NULL) does not. */
    size_t (*cost)(const void *prev, const void *state);
    /* The peer has acknowledged `state`: what only older states need may go. */
    void (*acked)(void *ctx, const void *state);
    void *ctx;
};

/* For the side that receives. */
struct replica_ops {
    /* *out = the state that diff makes of ref: a reference. 0, or an err and nothing changed. */
    int (*apply)(void *ctx, const void *ref, const uint8_t *diff, size_t len, void **out);
    void *(*ref)(void *state);
    void (*unref)(void *state);
    size_t (*cost)(const void *prev, const void *state);
    void *ctx;
};

#endif
