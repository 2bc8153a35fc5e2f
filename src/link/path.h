/* Paths: the ways by which datagrams of one link can travel (design.md §2.1). A path is a UDP
 * socket together with a remote address, or a pipe. Sockets and pipes are known by a number that
 * the edge chooses; this folder never touches them. */
#ifndef TERN_LINK_PATH_H
#define TERN_LINK_PATH_H

#include "base/addr.h"
#include "link/order.h"
#include "link/rtt.h"

enum path_kind { PATH_UDP, PATH_PIPE };

/* Where a datagram came from or goes to. */
struct path_ref {
    enum path_kind kind;
    uint32_t sock;      /* the edge's number of the socket or pipe; unique among both kinds */
    struct addr remote; /* PATH_UDP only; zeroed for a pipe */
};

bool path_ref_equal(const struct path_ref *a, const struct path_ref *b);

/* "udp 192.0.2.1:60001" or "pipe"; always NUL-terminated. */
#define PATH_TEXT (ADDR_TEXT + 8)
void path_ref_format(const struct path_ref *ref, char out[static PATH_TEXT]);

/* UDP payload budgets of mosh-protocol.md §3.5. A pipe has no MTU, but one size of fragment keeps
 * re-sent fragments of an instruction alike on every path. */
#define PATH_BUDGET_V4    1252
#define PATH_BUDGET_V6    1216
#define PATH_BUDGET_SMALL 500

/* Unacknowledged bytes in a pipe: a delay-based window, see path_pipe_acked. */
#define PATH_PIPE_START (32u << 10)
#define PATH_PIPE_MIN   (8u << 10)
#define PATH_PIPE_MAX   (1u << 20)

struct path {
    struct path_ref ref;
    bool used;       /* this entry of the table is taken */
    uint32_t serial; /* tells the paths apart that had one entry in turn */
    struct rtt rtt;
    struct order order; /* in-order test for the timestamps of this path */
    uint16_t budget;    /* bytes of UDP payload; PATH_BUDGET_* */
    uint16_t
        stream_mtu; /* largest packet of streams that is known to pass; 0 = not known (carry.h) */
    uint16_t size_tries; /* questions about larger ones */
    uint64_t size_us;    /* not before */
    uint64_t opened_us;
    uint64_t heard_us;       /* newest authentic datagram from it, 0 = never */
    uint64_t proven_us;      /* newest proven round trip over it, 0 = never */
    uint64_t used_us;        /* newest sending or hearing, for eviction */
    uint64_t sent, received; /* bytes of whole datagrams */

    /* Address validation (peer.h). */
    bool valid;         /* the remote end has shown that it receives what is sent to it */
    uint64_t challenge; /* what we ask it to repeat; 0 = not yet chosen */
    uint64_t answer;    /* what it asked us to repeat; 0 = nothing */

    /* Probing (roam.h). */
    uint64_t probe_us;   /* next probe; UINT64_MAX = none planned */
    uint64_t probed_us;  /* newest probe, 0 = never */
    uint32_t unanswered; /* probes in a row without an answer */
    uint32_t answered;   /* probes in a row with one, since the path was last given up */

    /* PATH_PIPE: bytes not yet known to have come out at the far end. */
    size_t window;
    uint64_t acked; /* value of `sent` up to which the far end has answered */
    uint64_t asked; /* value of `sent` when it was last asked */
    uint64_t asked_us;
    size_t flight; /* what was unacknowledged then */
    bool asking;   /* an answer is outstanding */
    unsigned asks; /* questions put again since the last answer */
};

#define PATH_CAP 32

struct path_table {
    struct path all[PATH_CAP];
    uint32_t serial; /* of the newest path */
};

#define PATH_NONE (-1)

void path_table_init(struct path_table *t);
/* Index of the path, or PATH_NONE. */
int path_find(const struct path_table *t, const struct path_ref *ref);
/* Index of the path, made if it is new. When the table is full the UDP path that was idle longest
 * is given up, never a pipe nor `keep` (an index or PATH_NONE); PATH_NONE if there is none to give.
 */
int path_add(struct path_table *t, const struct path_ref *ref, int keep, uint64_t now_us);
void path_remove(struct path_table *t, int index);

/* Bytes that may still be put in: the window less what is unacknowledged. SIZE_MAX for UDP. */
size_t path_pipe_room(const struct path *p);
/* The far end should be asked now how far it is: a quarter of the window is unasked for, or an
 * earlier question went unanswered for too long. */
bool path_pipe_due(const struct path *p, uint64_t now_us);
/* When path_pipe_due will become true by time alone; UINT64_MAX = never. */
uint64_t path_pipe_deadline(const struct path *p);
/* It is asked, by the datagram just counted in `sent`. */
void path_pipe_asked(struct path *p, uint64_t now_us);
/* The far end answered a question asked when `sent` was `upto`, `rtt_us` ago. Widens the window
 * while the answer comes about as fast as the floor, narrows it towards one RTT's worth when it
 * takes longer. */
void path_pipe_acked(struct path *p, uint64_t upto, uint64_t rtt_us);

#endif
