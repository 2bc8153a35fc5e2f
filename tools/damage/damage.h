/* One direction of a bad network, on a clock that the caller moves: random and burst loss, delay,
 * jitter, overtaking, duplication, corruption, a bottleneck with a queue, outages, an MTU. No
 * system call, no clock, no randomness of its own: the same seed, settings and calls give the same
 * fate to every packet. The simulator, udprelay and linklab all use it.
 *
 *     damage_init(&d, seed);
 *     damage_set(&d, "loss=0.29");
 *     damage_put(&d, now, bytes, len, tag);          when a packet is sent
 *     while (damage_get(&d, now, &pkt))              when damage_deadline(&d) has come
 *         deliver(pkt.data, pkt.len, pkt.tag);
 */
#ifndef TERN_TOOLS_DAMAGE_H
#define TERN_TOOLS_DAMAGE_H

#include "base/addr.h"
#include "base/err.h"
#include "base/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAMAGE_NEVER     UINT64_MAX
#define DAMAGE_PACKET    65536u      /* longest packet; a longer one is dropped (counted as mtu) */
#define DAMAGE_IN_FLIGHT (64u << 20) /* default of `memory`: most bytes in flight */
#define DAMAGE_TIME_MAX  3600000000000 /* longest delay, jitter or queue time that is taken, us */

/* Plain values; may be written directly. All 0: a perfect network. Probabilities are 0..1. */
struct damage_settings {
    double loss;          /* random loss, drawn behind the bottleneck: a lost packet has used it */
    double ge_p, ge_r;    /* Gilbert-Elliott burst loss, per packet: enter, leave the bad state, in
                           * which all is lost (drawn before the bottleneck) */
    double reorder;       /* skips three quarters of the delay and may overtake */
    double dup;           /* a second copy, up to a quarter of the delay (and the jitter) later */
    double corrupt;       /* one bit flipped */
    double rate;          /* bottleneck, bit/s; 0: none */
    uint64_t queue_bytes; /* drop-tail queue of the bottleneck; 0 and queue_us 0: only `memory` */
    uint64_t queue_us;    /* the same as time at the rate; wins over queue_bytes */
    uint64_t delay_us;    /* one way */
    uint64_t jitter_us;   /* uniform in [-jitter, +jitter], never below 0 in sum; order is kept */
    size_t mtu;           /* longer packets vanish; 0: none */
    size_t memory;        /* most bytes in flight, headers not counted; more are queue drops */
    size_t corrupt_from;  /* corruption spares this many leading bytes (IP and UDP header) */
};

struct damage_stats {
    uint64_t in_packets, in_bytes;   /* put */
    uint64_t out_packets, out_bytes; /* got, copies included */
    uint64_t lost;                   /* loss and ge_* */
    uint64_t queue_drops, mtu_drops;
    uint64_t down_drops; /* put during an outage, or in flight when one began */
    uint64_t dups, reordered, corrupted;
    uint64_t queue_max; /* deepest backlog of the bottleneck, bytes */
};

struct damage_packet;

struct damage {
    struct damage_settings set;
    struct damage_stats stats;
    struct rng rng;
    bool down;             /* outage: read only, damage_down sets it */
    bool stalled;          /* nothing is lost, nothing comes out: read only, damage_stall sets it */
    bool bad;              /* Gilbert-Elliott state */
    uint64_t link_free_ns; /* when the bottleneck has sent all it took */
    uint64_t last_ns;      /* newest release of a packet that keeps the order */
    uint64_t order;        /* tie-breaker: packets due at the same time leave as they came */
    struct damage_packet **heap; /* by release time */
    size_t count, size;
    size_t bytes;                /* in flight */
    struct damage_packet *held;  /* what damage_get gave last */
    struct damage_packet *spare; /* recycled packets, linked */
    size_t spares;
};

struct damage_pkt {
    uint8_t *data; /* owned by the damage; valid until the next call with the same damage */
    size_t len;
    uint64_t tag;    /* as given to damage_put */
    uint64_t due_us; /* when it was due */
};

void damage_init(struct damage *d, uint64_t seed);
void damage_fini(struct damage *d);
/* Restart the random draws (not the settings, nor what is in flight). */
void damage_seed(struct damage *d, uint64_t seed);

/* A packet of len bytes enters at now_us; the bytes are copied. tag comes back from damage_get (a
 * table index or the like; the damage never looks at it). True: at least one copy is under way. */
bool damage_put(struct damage *d, uint64_t now_us, const void *data, size_t len, uint64_t tag);

/* The next packet due at now_us or before, in order of their due times. False: none. */
bool damage_get(struct damage *d, uint64_t now_us, struct damage_pkt *out);

/* When damage_get will next have something (may lie in the past), or DAMAGE_NEVER. */
uint64_t damage_deadline(const struct damage *d);

/* Outage: what is in flight is lost, and all that is put until it ends. */
void damage_down(struct damage *d, bool down);
/* A stall: packets are kept, in order, and come out when it ends; what TCP makes of an outage. */
void damage_stall(struct damage *d, bool stalled);

/* Bytes that now wait for the bottleneck. */
uint64_t damage_backlog(const struct damage *d, uint64_t now_us);

/* One setting as text: "key=value" or "key value"; blanks round it are ignored.
 *   delay jitter T | rtt T (delay = half of it)      T: 20, 20ms, 500us, 1.5s; bare: ms
 *   loss ge_p ge_r reorder dup corrupt P             P: 0.29 or 29%
 *   rate R                                           R: bit/s, 500k, 1mbit, 1g; 0: none
 *   queue B|T                                        B: bytes, 64k; T: with a unit of time: 5s
 *   mtu memory N   seed N   down   up   stall   unstall
 * 0, or ERR_SYNTAX and nothing changed. */
int MUST_USE damage_set(struct damage *d, const char *text);
/* The same with the key and value (NULL: none) already apart. */
int MUST_USE damage_set_key(struct damage *d, const char *key, const char *value);

/* The parsers of damage_set for tools that have settings of their own; 0 or ERR_SYNTAX. */
int MUST_USE damage_parse_time(const char *text, uint64_t *us);
int MUST_USE damage_parse_share(const char *text, double *share);
int MUST_USE damage_parse_rate(const char *text, double *bits);
int MUST_USE damage_parse_count(const char *text, uint64_t *n);

/* The counters as a JSON object, {"in_packets":1,...,"queue_now":0}; out is always terminated. */
void damage_stats_json(const struct damage *d, uint64_t now_us, char *out, size_t size);

/* ---- a NAT that rebinds: what the peer sees as the source of a host behind it ---- */

struct damage_nat {
    struct addr host;     /* ADDR_NONE: the address is not changed */
    uint16_t port_offset; /* added to the port, modulo 65536; change it to rebind */
};

/* The public address of `inside`: what leaves outwards carries it as its source. */
struct addr damage_nat_out(const struct damage_nat *n, const struct addr *inside);
/* True if a packet to the public address `to` reaches `inside` under the present mapping; one sent
 * to an older mapping does not and is lost. */
bool damage_nat_in(const struct damage_nat *n, const struct addr *inside, const struct addr *to);

#endif
