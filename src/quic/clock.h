/* The private clock of a QUIC connection: the only time its library is ever told (design.md §2.4,
 * the rule and what it was measured to bring: docs/adr/0013).
 *
 * A loss timer that doubles for hours of outage would keep a connection waiting long after the
 * network's return. So the connection's time stands still while nothing comes back, and jumps once
 * at the first proven round trip, also of a silence too short to stand: to the pending timer, by no
 * more than the silence that it ran through and one RTO. It never runs backward. All times are
 * microseconds; "real" is the caller's monotonic clock, "private" the connection's. */
#ifndef TERN_QUIC_CLOCK_H
#define TERN_QUIC_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Silence must last for max(3 RTO, this) before it stands. */
#define QUIC_CLOCK_SILENCE 1500000u
/* A silence that ended before is worth a jump if it lasted for max(2 RTO, this). */
#define QUIC_CLOCK_PAUSE 250000u

struct quic_clock {
    int64_t shift;      /* private - real while running */
    uint64_t last;      /* newest private time handed out */
    uint64_t proven_us; /* newest proven round trip, real */
    uint64_t debt_us;   /* since when something is in flight without a break, real */
    bool owes;
    bool stands; /* at `last` */
    uint64_t stood_us;
    uint64_t stops; /* how often it stood, for counters */
    uint64_t jumps; /* how often it jumped */
};

struct quic_clock_facts {
    bool owes;          /* bytes are in flight, or the handshake is not complete */
    uint64_t proven_us; /* newest proven round trip, real; 0 = none: an echo of a recent timestamp
                           of ours or an acknowledgement, never mere hearing */
    bool acked;         /* it was an acknowledgement: that sets the timer anew by itself */
    uint64_t rto_us;    /* srtt + max(4 rttvar, 1 ms) + the peer's acknowledgement delay */
    uint64_t expiry_us; /* the library's pending timer, private; UINT64_MAX = none */
};

/* Private time begins at 1 s, so that 0 is never a time. */
void quic_clock_init(struct quic_clock *c, uint64_t now_us);
/* Take the facts in: it begins to stand, or runs on and jumps. To be called before each use of the
 * private time, and after the facts changed. True: a silence is over. */
bool quic_clock_turn(struct quic_clock *c, const struct quic_clock_facts *f, uint64_t now_us);
/* Something is owed, and nothing was proven for as long as a jump asks for. */
bool quic_clock_silent(const struct quic_clock *c, const struct quic_clock_facts *f,
                       uint64_t now_us);
/* Move on by so much at once, besides real time; nothing while it stands. */
void quic_clock_step(struct quic_clock *c, uint64_t us);
/* The private time now; never smaller than any before. */
uint64_t quic_clock_now(struct quic_clock *c, uint64_t now_us);
/* Real time of a private one, or of the moment when it will begin to stand, whichever is first;
 * UINT64_MAX = neither. */
uint64_t quic_clock_deadline(const struct quic_clock *c, const struct quic_clock_facts *f);

#endif
