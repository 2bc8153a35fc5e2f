/* How bulk makes room for typing: a window on bytes in flight beside the congestion controller's,
 * moved by delay. While round trips take about as long as the least known, it widens and soon binds
 * nothing; once they take longer, a queue stands somewhere, and it narrows to what would make them
 * short again (design.md §2.4, "the pacer yields when RTT rises over its floor"). */
#ifndef TERN_QUIC_YIELD_H
#define TERN_QUIC_YIELD_H

#include <stddef.h>
#include <stdint.h>

#define QUIC_YIELD_MIN 6000u /* bytes: about four packets */
/* Round trips may take the floor and a quarter, or this longer if that is more. */
#define QUIC_YIELD_SLACK 8000u

struct quic_yield {
    uint64_t window;  /* bytes; UINT64_MAX = no limit */
    uint64_t next_us; /* the next change: at most one in a round trip */
};

void quic_yield_init(struct quic_yield *y);
/* A round trip took rtt_us while `flight` bytes were under way; the least known takes floor_us (0 =
 * not known: nothing changes). */
void quic_yield_sample(struct quic_yield *y, uint64_t rtt_us, uint64_t floor_us, uint64_t flight,
                       uint64_t now_us);

#endif
