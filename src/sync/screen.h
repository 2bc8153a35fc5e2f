/* Screen states (mosh-protocol.md §4.4, §8, §9): a snapshot and the echo ack. */
#ifndef TERN_SYNC_SCREEN_H
#define TERN_SYNC_SCREEN_H

#include "sync/state.h"
#include "term/snapshot.h"
#include "term/term.h"

struct screen {
    uint32_t refs;
    struct snapshot *snap; /* a reference */
    uint64_t echo_ack;
    /* State 0: both ends have their own idea of its size, so that every diff from it says the size
     * (§9.1), and nothing equals it. */
    bool zero;
};

/* Take their own reference to snap; give one to the caller. */
struct screen *screen_new(const struct snapshot *snap, uint64_t echo_ack);
struct screen *screen_zero(uint16_t cols, uint16_t rows);
void screen_unref(struct screen *s);

/* The server's states. */
struct screen_source {
    enum snapshot_kind kind;
    bool history;    /* states say where the history ends: the peer has SYNC_CAP_HISTORY */
    struct buf host; /* scratch */
};
void screen_source_init(struct screen_source *src, enum snapshot_kind kind);
void screen_source_fini(struct screen_source *src);
struct state_ops screen_state_ops(struct screen_source *src);

/* The client's replica: an engine that the peer's diffs are fed to. */
struct screen_replica {
    struct term *term;
    const struct snapshot *at; /* where the engine stands: borrowed from the newest state made of
                                  it, NULL = must be loaded */
    struct snapshot *hold;     /* keeps `at` alive */
};
void screen_replica_init(struct screen_replica *r, const struct term_config *config);
void screen_replica_fini(struct screen_replica *r);
struct replica_ops screen_replica_ops(struct screen_replica *r);

#endif
