#include "link/rtt.h"

#include <math.h>

#define RTT_ECHO_MAX   1000000u   /* a saved timestamp is echoed within this time (§3.1) */
#define RTT_CE_PENALTY 500u       /* ms (§3.3) */
#define RTT_FLOOR_AGE  300000000u /* then a new floor is looked for */
#define RTT_LOSS_STEP  (1.0 / 32)
#define RTT_LOSS_GAP   4 /* a longer gap is an outage, not loss */
#define RTT_WORD_AGE   10000000u

void rtt_init(struct rtt *r, bool stock)
{
    *r = (struct rtt){
        .srtt = 1e6,
        .rttvar = 5e5,
        .rto_max = stock ? RTT_RTO_MAX_STOCK : RTT_RTO_MAX_NATIVE,
    };
}

void rtt_guess(struct rtt *r, const struct rtt *from)
{
    if (!from->sampled)
        return;
    r->srtt = from->srtt;
    r->rttvar = from->rttvar;
}

uint16_t rtt_stamp(uint64_t now_us)
{
    uint16_t ms = (uint16_t)(now_us / 1000);
    return ms == RTT_NO_STAMP ? 0 : ms;
}

uint16_t rtt_take_echo(struct rtt *r, uint64_t now_us)
{
    if (!r->has_saved)
        return RTT_NO_STAMP;
    uint64_t held = now_us - r->saved_us;
    if (held >= RTT_ECHO_MAX)
        return RTT_NO_STAMP;
    r->has_saved = false;
    return (uint16_t)(r->saved + held / 1000);
}

void rtt_sample(struct rtt *r, uint64_t sample_us, uint64_t now_us)
{
    double s = (double)sample_us;
    if (!r->sampled) {
        r->sampled = true;
        r->srtt = s;
        r->rttvar = s / 2;
    } else {
        r->rttvar = 0.75 * r->rttvar + 0.25 * fabs(r->srtt - s);
        r->srtt = 0.875 * r->srtt + 0.125 * s;
    }
    if (!r->floor_at || sample_us <= r->floor_us || now_us - r->floor_at > RTT_FLOOR_AGE) {
        r->floor_us = sample_us ? sample_us : 1;
        r->floor_at = now_us;
    }
}

bool rtt_receive(struct rtt *r, uint16_t stamp, uint16_t echo, bool congested, uint64_t now_us)
{
    if (stamp != RTT_NO_STAMP) {
        r->saved = (uint16_t)(stamp - (congested ? RTT_CE_PENALTY : 0));
        r->saved_us = now_us;
        r->has_saved = true;
    }
    if (echo == RTT_NO_STAMP)
        return false;
    uint64_t sample_us = (uint64_t)(uint16_t)(rtt_stamp(now_us) - echo) * 1000;
    if (sample_us >= RTT_SAMPLE_MAX)
        return false;
    rtt_sample(r, sample_us, now_us);
    return true;
}

uint64_t rtt_srtt_us(const struct rtt *r)
{
    return (uint64_t)r->srtt;
}

uint64_t rtt_rto_us(const struct rtt *r)
{
    uint64_t rto = (uint64_t)ceil((r->srtt + 4 * r->rttvar) / 1000) * 1000;
    if (rto < RTT_RTO_MIN)
        return RTT_RTO_MIN;
    uint64_t max = r->sampled ? r->rto_max : RTT_RTO_MAX_STOCK;
    return rto > max ? max : rto;
}

void rtt_arrived(struct rtt *r, uint64_t missing)
{
    if (missing > RTT_LOSS_GAP)
        missing = RTT_LOSS_GAP;
    while (missing--)
        r->loss_in += (1 - r->loss_in) * RTT_LOSS_STEP;
    r->loss_in -= r->loss_in * RTT_LOSS_STEP;
}

void rtt_late(struct rtt *r)
{
    r->loss_in -= (1 - r->loss_in) * RTT_LOSS_STEP;
    if (r->loss_in < 0)
        r->loss_in = 0;
}

void rtt_reported(struct rtt *r, uint64_t per_mille, uint64_t now_us)
{
    r->loss_out = per_mille > 1000 ? 1 : (double)per_mille / 1000;
    r->loss_out_us = now_us ? now_us : 1;
}

double rtt_loss(const struct rtt *r, uint64_t now_us)
{
    /* The word is seldom and may be of a calm moment: with few datagrams it lags by seconds. */
    bool word = r->loss_out_us && now_us - r->loss_out_us <= RTT_WORD_AGE;
    return word && r->loss_out > r->loss_in ? r->loss_out : r->loss_in;
}
