/* Round-trip time and loss of one path (mosh-protocol.md §3.1-3.3): 16-bit millisecond timestamps,
 * each echoed at most once within a second, and the estimators built on them. */
#ifndef TERN_LINK_RTT_H
#define TERN_LINK_RTT_H

#include <stdbool.h>
#include <stdint.h>

#define RTT_NO_STAMP 0xFFFFu /* "no timestamp", on the wire */

#define RTT_RTO_MIN        50000u
#define RTT_RTO_MAX_STOCK  1000000u
#define RTT_RTO_MAX_NATIVE 3000000u
#define RTT_SAMPLE_MAX     5000000u /* larger differences of timestamps are no samples */

struct rtt {
    bool sampled;
    double srtt, rttvar; /* microseconds */
    uint64_t floor_us;   /* least sample of the last five minutes or so; 0 = none yet */
    uint64_t floor_at;
    uint64_t rto_max;
    /* The peer's timestamp that waits to be echoed. */
    uint16_t saved;
    bool has_saved;
    uint64_t saved_us;
    /* Loss, 0..1: what we see of the peer's datagrams, and what it says it sees of ours. */
    double loss_in, loss_out;
    uint64_t loss_out_us; /* when it said so; 0 = never */
};

void rtt_init(struct rtt *r, bool stock);
/* Take over the estimates of another path as a first guess; the first own sample replaces them. */
void rtt_guess(struct rtt *r, const struct rtt *from);

/* The timestamp to send at now: milliseconds mod 65536, never RTT_NO_STAMP. */
uint16_t rtt_stamp(uint64_t now_us);
/* The echo to send, or RTT_NO_STAMP; each saved timestamp is handed out once. */
uint16_t rtt_take_echo(struct rtt *r, uint64_t now_us);

/* An in-order datagram brought these two. `congested`: it was marked CE (§3.3). Returns true if the
 * echo was of a timestamp of ours not older than RTT_SAMPLE_MAX: a round trip is proven. */
bool rtt_receive(struct rtt *r, uint16_t stamp, uint16_t echo, bool congested, uint64_t now_us);
/* A round trip measured in another way (a probe's token). Any size. */
void rtt_sample(struct rtt *r, uint64_t sample_us, uint64_t now_us);

uint64_t rtt_srtt_us(const struct rtt *r); /* 1 s before the first sample */
uint64_t rtt_rto_us(const struct rtt *r);  /* ceil to ms of srtt + 4 rttvar, clamped; at most 1 s
                                              before the first sample */

/* One datagram of the peer arrived, `missing` before it did not (capped inside, so that an outage
 * is not taken for loss). A late one: rtt_late, which takes one loss back. */
void rtt_arrived(struct rtt *r, uint64_t missing);
void rtt_late(struct rtt *r);
/* The peer sees this loss of ours, in 1/1000 (values above are cut). */
void rtt_reported(struct rtt *r, uint64_t per_mille, uint64_t now_us);
/* Estimate of the loss of what we send: the larger of the peer's word of the last 10 s and of our
 * own view of the other direction. Too high costs a copy, too low a key that waits for a time-out.
 */
double rtt_loss(const struct rtt *r, uint64_t now_us);

#endif
