/* The client's side of paths: which candidate addresses and sockets there are, which path is used,
 * when paths are probed, heartbeats (design.md §2.1); towards stock the port hop of
 * mosh-protocol.md §3.6. Private to the link. */
#ifndef TERN_LINK_ROAM_H
#define TERN_LINK_ROAM_H

#include "link/link.h"

#define ROAM_SOCKETS 10

enum roam_mode {
    ROAM_CALM,   /* the path in use is fine: no probes */
    ROAM_RETURN, /* in use is a pipe: look for UDP now and then */
    ROAM_HUNT,   /* the link is quiet or mistrusted: probe everything, soon */
};

struct roam_socket {
    uint32_t sock;
    uint8_t family;
    uint64_t opened_us;
};

struct roam_family {
    bool want;  /* a fresh socket, although there may be one */
    bool asked; /* the edge was told and has not answered */
    uint64_t retry_us;
};

struct roam {
    struct addr candidates[LINK_CANDIDATES];
    bool works[LINK_CANDIDATES]; /* has answered once */
    size_t candidate_count;
    struct roam_socket sockets[ROAM_SOCKETS]; /* oldest first */
    size_t socket_count;
    struct roam_family v4, v6;
    uint32_t closing[ROAM_SOCKETS]; /* to be closed by the edge */
    size_t closing_count;

    bool no_route;
    bool suspect; /* something happened: the path in use must prove itself */
    uint64_t suspect_us;
    enum roam_mode mode;
    uint64_t mode_us;  /* since */
    uint64_t round_us; /* next round of probes; not in ROAM_CALM */
    unsigned step;     /* of the back-off in ROAM_RETURN */
    size_t turn;       /* next candidate when only one is probed */

    uint64_t beat_us;    /* last heartbeat */
    bool beating;        /* it, or one before, has proven nothing yet ... */
    uint64_t beat_since; /* ... since then */

    bool switching; /* the server has not yet shown that it knows the path in use */
    uint64_t switch_since, switch_us;
    unsigned switch_tries;

    unsigned udp_needs; /* answers in a row before UDP is trusted again after a fall to the pipe */
    uint64_t udp_since;
    uint64_t trip_us; /* send time of the newest state that was acknowledged */
};

void roam_init(struct link *l);
/* Queue what is due. */
void roam_tick(struct link *l, uint64_t now_us);
uint64_t roam_deadline(const struct link *l, uint64_t now_us);
/* A round trip over path `index` was proven by something sent at sent_us; `reply`: by a REPLY. */
void roam_proven(struct link *l, int index, uint64_t sent_us, bool reply, uint64_t now_us);
/* A screen datagram came in order over the path. */
void roam_heard(struct link *l, int index);
/* The server says that the path in use is silent for it. */
void roam_hint(struct link *l, uint64_t now_us);
/* The path that a datagram from `from` is to be accounted to, or PATH_NONE. */
int roam_path_of(struct link *l, const struct path_ref *from);
/* Towards stock: a datagram was sent; a fresh port may be due. */
void roam_stock_sent(struct link *l, uint64_t now_us);
/* Towards stock: one was received; old sockets may be given up. */
void roam_stock_heard(struct link *l, uint64_t now_us);
/* Since when something of the client's own waits for an answer; false if nothing does. */
bool roam_owes(const struct link *l, uint64_t *since_us);
/* The path in use is gone: choose another one. */
void roam_lost(struct link *l, uint64_t now_us);
void roam_pipe_open(struct link *l, int index, uint64_t now_us);
void roam_socket_closed(struct link *l, uint32_t sock);
/* Somebody typed or printed after a pause. */
void roam_wake(struct link *l, uint64_t now_us);

#endif
