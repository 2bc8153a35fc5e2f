/* The private clock of a QUIC connection: the only time its library is ever told (design.md §2.4,
 * the rule and what it was measured to bring: docs/adr/0013).
 *
 * A loss timer that doubles for hours of outage would keep a connection waiting long after the
 * network's return. So the connection's time stands still while nothing comes back, and jumps once,
 * by a bounded step, at the first proven round trip. It never runs backward. All times are
 * microseconds; "real" is the caller's monotonic clock, "private" the connection's. */
#ifndef TERN_QUIC_CLOCK_H
#define TERN_QUIC_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Silence must last for max(3 RTO, this). */
#define QUIC_CLOCK_SILENCE 1500000u
/* The jump is at most so many RTO. */
#define QUIC_CLOCK_JUMP 4u

struct quic_clock {
    int64_t shift;      /* private - real while running */
    uint64_t last;      /* newest private time handed out */
    uint64_t proven_us; /* newest proven round trip, real */
    uint64_t debt_us;   /* since when something is in flight without a break, real */
    bool owes;
    bool stands; /* at `last` */
    uint64_t stood_us;
    uint64_t stops; /* how often it stood, for counters */
};

struct quic_clock_facts {
    bool owes;          /* bytes are in flight, or the handshake is not complete */
    uint64_t proven_us; /* newest proven round trip, real; 0 = none: an echo of a recent timestamp
                           of ours or an acknowledgement, never mere hearing */
    uint64_t rto_us;    /* srtt + max(4 rttvar, 1 ms) + the peer's acknowledgement delay */
    uint64_t expiry_us; /* the library's pending timer, private; UINT64_MAX = none */
};

/* Private time begins at 1 s, so that 0 is never a time. */
void quic_clock_init(struct quic_clock *c, uint64_t now_us);
/* Take the facts in: it begins to stand, or runs on and jumps. To be called before each use of the
 * private time, and after the facts changed. */
void quic_clock_turn(struct quic_clock *c, const struct quic_clock_facts *f, uint64_t now_us);
/* The private time now; never smaller than any before. */
uint64_t quic_clock_now(struct quic_clock *c, uint64_t now_us);
/* Real time of a private one, or of the moment when it will begin to stand, whichever is first;
 * UINT64_MAX = neither. */
uint64_t quic_clock_deadline(const struct quic_clock *c, const struct quic_clock_facts *f);

#endif
