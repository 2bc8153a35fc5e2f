/* The peer's states that we hold (mosh-protocol.md §5.2), with its caps; natively instructions that
 * came before the state they start from wait in a stash. */
#ifndef TERN_SYNC_RECEIVER_H
#define TERN_SYNC_RECEIVER_H

#include "sync/instruction.h"
#include "sync/state.h"

#define RECEIVER_QUENCH_US   15000000
#define RECEIVER_STASH_ITEMS 64
#define RECEIVER_STUCK_US    1000000

struct held {
    uint64_t num;
    void *state; /* a reference */
    size_t cost;
};

struct stashed {
    uint64_t old_num, new_num, throwaway_num;
    uint8_t *diff; /* owned */
    size_t len;
};

struct receiver {
    struct replica_ops ops;
    bool stash_on;
    struct held *held; /* sorted by num, never empty */
    size_t n, size;
    size_t cost, cost_max;
    uint64_t quench_us; /* beyond the cap nothing is taken before this */
    uint64_t heard_us;  /* when the newest state came; 0 = never */
    void *zero;         /* state 0, from which a sender may always start anew; NULL: it may not */
    uint64_t full_us;   /* since when the caps have refused everything; 0 = they have not */
    struct stashed *stash;
    size_t stash_n, stash_bytes;
};

enum receiver_took {
    RECEIVER_NEWEST = 1 << 0,  /* the newest state is another one now */
    RECEIVER_CONTENT = 1 << 1, /* ... by a diff that was not empty: acknowledge it */
    RECEIVER_LATE = 1 << 2,    /* kept, but a newer one was there */
    RECEIVER_KNOWN = 1 << 3,   /* had it: the peer missed an acknowledgement */
    RECEIVER_STASHED = 1 << 4, /* keeps for later: a state in between is missing */
};

/* Takes over the reference to the state 0. cost_max: bytes of states beyond the oldest. */
void receiver_init(struct receiver *r, const struct replica_ops *ops, void *zero, bool stash,
                   size_t cost_max);
void receiver_fini(struct receiver *r);

static inline const struct held *receiver_newest(const struct receiver *r)
{
    return &r->held[r->n - 1];
}

/* Take the state of an instruction (has_state): a set of receiver_took, or a negative err and
 * nothing changed: ERR_STATE (old_num unknown, or §12's fatal cases), ERR_CAP (quenched), or what
 * apply gave. */
int MUST_USE receiver_take(struct receiver *r, const struct instruction *ins, uint64_t now_us);

/* A sender may start anew from state 0 (takes its own reference): what is held then goes. */
void receiver_set_zero(struct receiver *r, void *zero);
/* The caps have refused everything for so long that only starting anew helps: after a long time in
 * which no acknowledgement of ours came through. */
bool receiver_stuck(const struct receiver *r, uint64_t now_us);

size_t receiver_memory(const struct receiver *r);

#endif
