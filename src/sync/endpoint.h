/* The inside of struct sync, shared by the files that make an endpoint: sync.c (what session
 * calls), out.c (one instruction, from its fields to fragments), stock.c and native.c (when to send
 * what). Not for other folders. */
#ifndef TERN_SYNC_ENDPOINT_H
#define TERN_SYNC_ENDPOINT_H

#include "sync/codec.h"
#include "sync/fragment.h"
#include "sync/input.h"
#include "sync/instruction.h"
#include "sync/logs.h"
#include "sync/receiver.h"
#include "sync/screen.h"
#include "sync/sender.h"
#include "sync/sync.h"

#define ACK_DELAY_US   100000
#define UNKNOWN_RTT_US 1000000
#define ECHO_DELAY_US  50000
#define ECHO_NOTES     64
#define FACTS_RING     16

/* Stock's timers (mosh-protocol.md §6). */
struct stock {
    uint64_t next_ack, next_send;
    uint64_t collect; /* since when changes are gathered */
    bool collecting;
    uint64_t hold; /* no frame before: something too big to go at once is on its way in parts */
    size_t part;   /* bytes of them */
};

/* A state that does not go from `base` into one datagram of `room` bytes; room 0: none. */
struct native_big {
    uint64_t base, state;
    size_t room;
};

struct native {
    uint64_t frame_us;    /* when the newest frame began */
    uint64_t pause_us;    /* how long after it the next may begin */
    size_t frame_bytes;   /* deflated bytes of it so far */
    unsigned steps;       /* pieces of it still to go, if it goes in pieces */
    uint64_t lossy_until; /* a time-out spoke of loss */
    double tokens;        /* bytes of early repeats that may leave */
    uint64_t tokens_us;
    uint64_t open_until; /* the link just proved itself: quiet does not count */
    uint64_t quiet_us;   /* last sending while quiet */
    bool retry;          /* the link came back: what is in flight counts as lost */
    uint64_t ack_us;     /* when the pending acknowledgement is due */
    unsigned ack_big;    /* big instructions not yet acknowledged */
    unsigned ack_states; /* instructions with a state not yet acknowledged */
    /* The last that did not fit: of live states (by sender.lives), of sent ones (by number). */
    struct native_big big_live, big_sent;
};

/* A state of the peer's input on its way to the echo ack (§8). */
struct echo_note {
    uint64_t num, bytes;
    uint64_t time_us; /* handed to the program; 0 = not yet */
};

struct sync {
    enum sync_role role;
    bool native;
    uint64_t caps, peer_caps;
    bool caps_known; /* the peer got an instruction that showed our bits */
    struct entropy entropy;
    const struct log *log;
    uint64_t start_us;

    /* in */
    struct assembly assembly;
    struct codec codec;
    struct buf inflated;
    struct receiver receiver;
    struct facts theirs;
    struct log_reader reader[SYNC_LOGS];
    bool peer_shutdown, peer_shutdown_acked;
    bool ack_pending;
    bool stuck; /* receiver_stuck, when an instruction came last */
    bool facts_ack_due;

    /* out */
    struct sender sender;
    struct cutter cutter;
    struct buf plain; /* the instruction before deflating */
    uint64_t next_id;
    unsigned copies; /* times the fragments in the cutter go once more */
    bool out_bulk, sent_bulk;
    struct facts mine;
    bool facts_dirty;     /* mine has changed since it was last sent */
    bool facts_urgent;    /* ... or must be known soon and is not acknowledged */
    uint64_t facts_acked; /* seq */
    uint64_t facts_sent_us;
    uint64_t urgent_seq;                /* facts_urgent ends when this is acknowledged */
    uint64_t consumed_acked;            /* the consumed offset that the peer is known to know */
    uint64_t consumed_sent[FACTS_RING]; /* by seq: offset in the facts sent */
    struct log_writers writers;
    struct stock stock;
    struct native nat;

    /* what is synchronised */
    struct input_queue input;    /* client: to be sent; server: received */
    uint16_t cols, rows;         /* client: size of the last resize event */
    struct screen_source source; /* server */
    struct screen *zero;         /* server: state 0, to start anew from */
    struct snapshot *live;       /* server: the live screen */
    uint64_t echo_ack;           /* server */
    struct echo_note note[ECHO_NOTES];
    size_t notes;
    struct screen_replica replica; /* client */
};

static inline uint64_t facts_srtt(const struct sync_link *f)
{
    return f->srtt_us ? f->srtt_us : UNKNOWN_RTT_US;
}
static inline uint64_t facts_rto(const struct sync_link *f)
{
    return f->rto_us ? f->rto_us : UNKNOWN_RTT_US;
}
static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}
static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---- out.c ---- */

/* Bytes of a deflated instruction that travel in one datagram. */
size_t out_room(const struct sync_link *facts);

/* Serialise and deflate into the cutter, without sending: an instruction that leads from entry
 * `base` of the sender's list to number num with the diff in sender.diff; or one without a state.
 * Log data that goes with it may be NULL. Returns its deflated size, 0 if it is impossibly big. */
size_t out_pack_state(struct sync *s, size_t base, uint64_t num, const struct log_data *along);
size_t out_pack_extras(struct sync *s, const struct log_data *data);
/* Begin to send what was packed, `copies` times; what it carried counts as sent. */
void out_begin(struct sync *s, unsigned copies, uint64_t now_us, const struct sync_link *facts);
/* The next fragment of what is being sent: 1, or 0. */
int out_next(struct sync *s, struct buf *out);

/* Making the diff in sender.diff from entry *base to cur gave err. If that is ERR_CAP (a screen too
 * big for one instruction): a diff to a state on the way instead, or to the newest one sent, if
 * that is not acknowledged yet (a state never lies behind one sent before it). *to = a reference,
 * *base may change. 0, or ERR_CAP when nothing fits. */
int MUST_USE out_cap_diff(struct sync *s, size_t *base, int err, size_t budget, void **to);
/* The budget (bytes of diff) for parts of a screen. */
#define OUT_PART (1u << 18)

/* ---- the schedules: start what is due (true when fragments wait in the cutter), and when ---- */

void stock_init(struct sync *s, uint64_t now_us);
bool stock_tick(struct sync *s, uint64_t now_us, const struct sync_link *facts);
/* A state was acknowledged. */
void stock_acked(struct sync *s);
uint64_t stock_due(struct sync *s, uint64_t now_us, const struct sync_link *facts);

void native_init(struct sync *s, uint64_t now_us);
bool native_tick(struct sync *s, uint64_t now_us, const struct sync_link *facts);
uint64_t native_due(struct sync *s, uint64_t now_us, const struct sync_link *facts);
/* A state or log data came: an acknowledgement is owed within delay_us. */
void native_owe_ack(struct sync *s, uint64_t now_us, uint64_t delay_us);
bool native_lossy(const struct sync *s, uint64_t now_us, const struct sync_link *facts);
void native_proven(struct sync *s, uint64_t now_us);

#endif
