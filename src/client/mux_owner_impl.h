/* What the files of the owner share. */
#ifndef TERN_CLIENT_MUX_OWNER_IMPL_H
#define TERN_CLIENT_MUX_OWNER_IMPL_H

#include "base/list.h"
#include "chan/router.h"
#include "client/guest.h"
#include "client/mux_forwards.h"
#include "client/mux_owner.h"
#include "client/mux_socket.h"
#include "client/trunk.h"
#include "io/signals.h"

/* Clients at once; more are closed. */
#define OWNER_CONNS_MAX 512

struct owner {
    struct loop *loop;
    const struct log *log;
    const struct owner_request *request;
    const struct client_options *options;
    struct login *login;
    struct trunk *trunk;
    struct chans_router router;
    struct mux_socket *socket; /* NULL: not had, or listens no more */
    struct mux_forwards *forwards;
    struct guest_owner guests;
    struct addr addrs[LINK_CANDIDATES];
    struct list conns;
    size_t conn_count;
    uint32_t session;  /* number of the newest */
    struct chan *hold; /* so that the server sees that we are there */
    struct sigwatch *watches[4];
    struct timer timer;
    struct later later;
    uint64_t idle_since_us; /* 0: somebody is there */
    bool stopped;           /* -O stop: ends with the last client */
    uint64_t ending_us;     /* since when we say goodbye; 0: not yet */
    bool ending, over;
};

/* -O exit: everybody is let go. */
void owner_terminate(struct owner *o);
/* -O stop: nobody new. */
void owner_stop(struct owner *o);
/* Something changed: is it time to go? */
void owner_look(struct owner *o);

/* ---- one client (mux_conn) ---- */

struct mux_conn;

/* Serves whoever is at the other end of fd, which it takes over. */
void mux_conn_new(struct owner *o, int fd);
/* The owner goes: nobody is served any more, a screen is detached; the object goes when the far
 * side has confirmed that. */
void mux_conn_dismiss(struct mux_conn *k);
/* At once; its session is given up. */
void mux_conn_free(struct mux_conn *k);
/* The next of the list after `at` (NULL: the first). */
struct mux_conn *mux_conn_next(struct owner *o, struct mux_conn *at);
/* SIGWINCH: its terminal may have another size. */
void mux_conn_resized(struct mux_conn *k);
/* Channels for -W are told apart from those of forwards by their owner. */
bool mux_conn_is_stdio(struct owner *o, const struct chan *c);

/* Text of INFO. */
bool mux_info(struct owner *o, struct mux_text what, struct buf *out);

#endif
