/* Two endpoints of sync, a toy network between them and a toy link that measures it, on a virtual
 * clock: a user who types, pastes and resizes, a program that echoes and prints. */
#ifndef TERN_TESTS_SYNC_WORLD_H
#define TERN_TESTS_SYNC_WORLD_H

#include "base/rng.h"
#include "check.h"
#include "sync/sync.h"
#include "term/term.h"

#define WORLD_FLIGHT 8192

struct world_net {
    uint64_t delay_us, jitter_us;
    double loss[2]; /* [0] to the server, [1] to the client */
    double dup;
    bool cut[2];    /* outage of a direction */
    size_t mtu;     /* mtu_payload */
    bool know_loss; /* the link tells the loss */
};

struct world_side {
    struct sync *sync;
    struct sync_check check;
    uint64_t proven_us, silent_us; /* since when something is owed and unproven; 0 = not */
    uint64_t probe_us;
    uint64_t log_sent, log_got; /* of log 1: bytes are a function of their offset */
    struct buf events, events_want;
};

struct world {
    uint64_t now;
    struct rng rng;
    struct world_net net;
    bool native, null_codec;
    struct world_side side[2]; /* [0] client, [1] server */
    struct {
        uint64_t at;
        int to; /* index of the side that it goes to */
        uint8_t *bytes;
        size_t len;
    } flight[WORLD_FLIGHT];
    size_t flying;

    struct term *term; /* the program's screen on the server */
    struct buf typed;  /* all bytes typed (and taken), in order */
    size_t typed_read; /* of them, read by the program */
    struct buf held;   /* typed, not yet taken by sync */
    uint16_t cols, rows;
    uint16_t got_cols, got_rows; /* the program's size */
    bool slow_program;           /* reads with a delay */
    bool stopped;                /* reads nothing */
    bool echo_off;
    uint64_t consume_at, consumed;
    size_t memory_max;
    uint64_t datagrams[2], steps;
    uint64_t key_typed_us; /* for latency: set by world_type */
    bool tty_odd;
};

void world_init(struct world *w, uint64_t seed, bool native, bool null_codec);
void world_fini(struct world *w);
void world_type(struct world *w, const void *bytes, size_t len);
void world_resize(struct world *w, uint16_t cols, uint16_t rows);
void world_print(struct world *w, const void *bytes, size_t len);
/* Append to log 1 of a side, as far as it has room. */
void world_log(struct world *w, int side, size_t len);
void world_event(struct world *w, int side, const char *text);
void world_cut(struct world *w, bool to_server, bool to_client);
/* Let the clock run to `until`, or until done() is true. Fails the test when an invariant breaks:
 * a forbidden datagram, input lost or out of order, memory over its cap, a deadline that lies. */
void world_run(struct world *w, uint64_t until, bool (*done)(struct world *w));
/* The client has what the server has, and the program what the user typed. */
bool world_settled(struct world *w);
/* What is not settled yet, or NULL. */
const char *world_open(struct world *w);

#endif
