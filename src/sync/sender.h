/* The states we push: which the peer has, which it may have, and the diffs between them
 * (mosh-protocol.md §5.1, 5.3, 5.4). When to send is not decided here (stock.h, native.h). */
#ifndef TERN_SYNC_SENDER_H
#define TERN_SYNC_SENDER_H

#include "sync/state.h"

#define SENDER_LIST   32 /* after an append beyond it the 16th from the end goes (§5.1) */
#define SENDER_MIDDLE 16
#define SENDER_MAX64  UINT64_MAX
/* Bytes of states beyond which the middle goes too, down to two. */
#define SENDER_COST_MAX (64u << 20)

struct sent {
    uint64_t num;
    uint64_t time_us;  /* when it was last sent; the peer is assumed to have it for a while */
    uint64_t first_us; /* when it was first sent */
    uint64_t base;     /* the state its last diff started from */
    size_t size;       /* deflated bytes of its last diff's instruction */
    unsigned tries;    /* times sent */
    bool content;      /* the diff was not empty: the peer needs it */
    bool lost;         /* native: counts as lost, goes again at once */
    void *state;       /* a reference */
    size_t cost;
};

struct sender {
    struct state_ops ops;
    struct sent list[SENDER_LIST + 1]; /* first: newest acknowledged; last: newest sent */
    size_t n;                          /* >= 1 */
    uint64_t top;                      /* highest number used, but for MAX64 */
    void *cur;                         /* the live state, a reference */
    uint64_t lives;                    /* counts the live states, to tell one from another */
    bool same;                         /* cur is known to be equal to the last sent */
    bool differs;                      /* ... or known not to be */
    bool shutdown;                     /* all numbers are MAX64, cur is frozen */
    unsigned shutdown_tries;
    uint64_t shutdown_us;
    uint64_t acked_us;      /* send time of the newest acknowledged state; 0 = only state 0 */
    size_t cost;            /* of all states in the list */
    struct buf diff, other; /* the diff being made, and its rival */
};

/* Takes over the reference to the state 0. */
void sender_init(struct sender *s, const struct state_ops *ops, void *zero);
void sender_fini(struct sender *s);

/* A new live state (takes over the reference); dropped during shutdown. */
void sender_set(struct sender *s, void *state);

static inline struct sent *sender_last(struct sender *s)
{
    return &s->list[s->n - 1];
}
static inline const struct sent *sender_first(const struct sender *s)
{
    return &s->list[0];
}
/* The entry with that number, or NULL. */
struct sent *sender_find(struct sender *s, uint64_t num);

/* cur equals the newest sent state / that entry. */
bool sender_current(struct sender *s);
bool sender_equals(struct sender *s, const struct sent *e);
/* The peer lacks something: cur is not the acknowledged state, or states with content are in
 * flight, or the shutdown is not acknowledged. */
bool sender_owes(struct sender *s);

/* The peer acknowledges num: true if that is news. Unknown numbers are ignored. */
bool sender_ack(struct sender *s, uint64_t num);

/* Index of the newest state that the peer may be assumed to have, when sent states are believed in
 * for patience_us (RTO + 100 ms). */
size_t sender_assumed(const struct sender *s, uint64_t now_us, uint64_t patience_us);

/* Make s->diff lead from entry i to state `to`: 0 or ERR_CAP. */
int MUST_USE sender_diff(struct sender *s, size_t i, const void *to);
/* The same, but ERR_CAP if it takes more than `most` bytes, which is found out soon. */
int MUST_USE sender_diff_within(struct sender *s, size_t i, const void *to, size_t most);
/* The same to cur from the best base at hand: entry `assumed` or, prospectively, entry 0 (§5.4).
 * *base = the entry taken. */
int MUST_USE sender_diff_best(struct sender *s, size_t assumed, size_t *base);

/* The number that state `to` (cur, or one before it) has to be sent under: that of the last entry
 * if it is there already and not `fresh`, MAX64 for cur during shutdown, else a new one. */
uint64_t sender_number(struct sender *s, const void *to, bool fresh);
/* It was sent under that number, as a diff from list[base]. Takes its own reference. Returns the
 * entry. The list may shrink: indices are void. */
struct sent *sender_sent(struct sender *s, uint64_t num, void *to, uint64_t base, size_t size,
                         uint64_t now_us);

/* The peer asks to start anew, having newest state `newest`: the list becomes state 0 alone (takes
 * its own reference), numbers go on. False if that was done already or the question is old. */
bool sender_restart(struct sender *s, uint64_t newest, void *zero);

/* Begin the shutdown. */
void sender_shutdown(struct sender *s, uint64_t now_us);

size_t sender_memory(const struct sender *s);

#endif
