/* How bulk makes room for everything else on the path, of this process and of others: a window on
 * bytes in flight beside the congestion controller's, moved by delay (design.md §2.4, "the pacer
 * yields when RTT rises over its floor"; why, and what it rests on: docs/adr/0020).
 *
 * While trips take about as long as the least that is known, it widens; once they take longer a
 * queue stands somewhere, and it narrows to what would make them short again. So a bottleneck stays
 * in use with a queue of QUIC_YIELD_SLACK or a quarter of the floor. Two things keep that honest:
 *  - the floor is the least of the last two periods of about QUIC_YIELD_PERIOD, and each ends with
 * a short time of half the window, so that no queue of our own is taken for the path;
 *  - trips that are as long with a quarter of the window are not long by a queue of ours: others
 *    fill it, or radio or a busy host is late, or the path has become longer. Then so much more is
 *    allowed and the window comes back, until the next short time of half the window shows less.
 * All times are microseconds. */
#ifndef TERN_QUIC_YIELD_H
#define TERN_QUIC_YIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUIC_YIELD_MIN 6000u /* bytes: about four packets */
/* Round trips may take the floor and a quarter, or this longer if that is more. */
#define QUIC_YIELD_SLACK 8000u
/* How long a floor is gathered, but at least 50 times the floor. */
#define QUIC_YIELD_PERIOD 10000000u
/* The same the first time on a path, and while others seem to fill the queue; 10 times the floor.
 */
#define QUIC_YIELD_PERIOD_SHORT 2000000u

struct quic_yield {
    uint64_t window;      /* bytes; UINT64_MAX = no limit */
    uint64_t floor_us[2]; /* least trip of this period and of the last; 0 = none */
    uint64_t period_us;   /* when the period began; 0 = never */
    bool seen;            /* a period has ended: the floor was looked for */
    uint64_t from_us;     /* samples count from here: before, they tell of another window */
    uint64_t round_us;    /* the first of them and half a trip: then the window is moved */
    unsigned samples;     /* of the round */
    uint64_t least_us;    /* of them */
    uint64_t flight;      /* most bytes in flight of the round */
    uint64_t widest;      /* window of the period before it narrowed; 0 = it did not */
    uint64_t widest_us;   /* and the trips then */
    uint64_t spread_us;   /* how much the trips of rounds differ */
    uint64_t last_us;     /* those of the round before */
    bool calm;            /* and it did not change the window much */
    uint64_t others_us;   /* by so much trips are too long without us */
    bool draining;        /* at half the window, to see the floor */
    uint64_t drained;     /* the window after that */
};

void quic_yield_init(struct quic_yield *y);
/* A round trip took rtt_us while `flight` bytes were under way. */
void quic_yield_sample(struct quic_yield *y, uint64_t rtt_us, uint64_t flight, uint64_t now_us);
/* The path was silent: what the next trips take tells of that, not of queues. */
void quic_yield_silence(struct quic_yield *y);
/* Another path, whose least known trip takes floor_us (0 = not known). */
void quic_yield_path(struct quic_yield *y, uint64_t floor_us, uint64_t now_us);
/* The least trip that counts now; 0 = not known. */
uint64_t quic_yield_floor(const struct quic_yield *y);

#endif
