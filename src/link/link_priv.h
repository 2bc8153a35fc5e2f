/* Inside of the link, shared by link.c, talk.c, roam.c and peer.c only. */
#ifndef TERN_LINK_LINK_PRIV_H
#define TERN_LINK_LINK_PRIV_H

#include "link/carry.h"
#include "link/link.h"
#include "link/peer.h"
#include "link/roam.h"
#include "link/talk.h"

#define LINK_MS           ((uint64_t)1000)
#define LINK_S            ((uint64_t)1000000)
#define LINK_ACTIVE       (60 * LINK_S) /* so long after somebody typed or printed */
#define LINK_QUIET_MIN    (1500 * LINK_MS)
#define LINK_STOCK_FORGET (40 * LINK_S)

struct link {
    bool client, stock;
    struct entropy entropy;
    const struct log *log;
    struct seal *seal;
    uint64_t start_us;

    struct path_table paths;
    int current;          /* the path in use: for a server where its peer is; PATH_NONE = none */
    struct window window; /* all datagrams of the peer; natively */
    struct order order;   /* those that tell where the peer is (screens, heartbeats, switches) */
    bool left;            /* the newest of those was BYE */
    uint64_t heard_us, proven_us;
    bool active;
    uint64_t active_us; /* somebody typed or printed */
    bool owed;          /* by the session */
    uint64_t owed_us;
    uint64_t acked_us; /* newest sent_us of link_acked */
    bool was_quiet;    /* before the datagram being received proved anything */

    struct talk talk;
    struct carry carry;
    struct roam roam; /* client */
    struct peer peer; /* server */
    struct link_counters counters;
    uint8_t in[SEAL_PLAIN];
    uint8_t plain[SEAL_PLAIN];
    uint8_t out[SEAL_DATAGRAM];
};

static inline struct path *link_path_at(struct link *l, int index)
{
    return &l->paths.all[index];
}

/* Timestamps, sealing and accounting of one payload for a path. */
int MUST_USE link_seal(struct link *l, int index, uint16_t lane, const uint8_t *payload, size_t len,
                       uint64_t now_us, struct link_datagram *out);
/* A round trip over the path was proven by something sent at sent_us. */
void link_prove(struct link *l, int index, uint64_t sent_us, bool reply, uint64_t now_us);
bool link_is_active(const struct link *l, uint64_t now_us);
/* Something waits for the peer and no round trip was proven since *since. */
bool link_silent(const struct link *l, uint64_t *since);
uint64_t link_quiet_after(const struct link *l); /* how long silence must last to be called quiet */

static inline uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}
static inline uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}
static inline uint64_t clamp_us(uint64_t v, uint64_t low, uint64_t high)
{
    return v < low ? low : v > high ? high : v;
}

#endif
