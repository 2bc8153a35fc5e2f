/* The far end of -A, -X and -Y: a place of a session is a socket that its programs connect to, an
 * agent's or a display's. Clients of that session offer to serve it (offer.h); each connection
 * becomes a channel to the one of them that was last active. While no client is there, a connection
 * ends at once; the place stays the same for as long as the session. One object serves all sessions
 * of a process. Who offers must show a pass for that (pass.h). */
#ifndef TERN_FWD_OFFER_FAR_H
#define TERN_FWD_OFFER_FAR_H

#include "base/log.h"
#include "chan/chans.h"
#include "fwd/listen.h"
#include "fwd/pass.h"
#include "fwd/x11.h"

#define OFFER_FAR_PLACES_MAX 128 /* of a process */
#define OFFER_FAR_OFFERS_MAX 256 /* the same; more are refused */
#define OFFER_FAR_CONNS_MAX  512 /* the same; more are closed */
/* What connects before a client that was let in could offer anything waits so long. */
#define OFFER_FAR_FIRST_US 20000000u

struct offer_far;

/* Whose channels those are. */
struct offer_client {
    uint32_t sid;
    bool present;    /* somebody is there now */
    bool typist;     /* who typed last in that session */
    uint64_t active; /* greater: more recently there */
};

struct offer_far_config {
    const struct passes *passes; /* borrowed */
    void (*wake)(void *ctx);     /* channels have something to send */
    /* False: nobody's. */
    bool (*client)(void *ctx, const struct chans *set, struct offer_client *out);
    void *ctx;
    const struct log *log;
};

struct offer_far *offer_far_new(struct loop *l, const struct offer_far_config *c);
/* All channels must be gone before. NULL is allowed. */
void offer_far_free(struct offer_far *s);

/* Make the place of that kind (OPEN_AGENT, OPEN_X11) of this session: listen at a unix socket (its
 * folder exists), or at a port, as *rules say (accepted and ctx are not used, `at` is copied).
 * cookie: of a display, told to who offers one; else NULL. ERR_STATE: it has one, or it cannot be
 * bound, as `why` says; ERR_CAP: too many. */
int MUST_USE offer_far_place(struct offer_far *s, uint32_t sid, enum open_kind kind,
                             const struct listen_config *rules, const uint8_t *cookie,
                             char why[static LISTEN_ERROR]);
/* A client that asked for it is on its way: what connects waits for its offer. */
void offer_far_expect(struct offer_far *s, uint32_t sid, enum open_kind kind);
/* The session is over: its places and their connections end. */
void offer_far_forget(struct offer_far *s, uint32_t sid);

/* For OPEN_AGENT and OPEN_X11, with the struct offer_far as ctx. */
extern const struct chans_ops offer_far_ops;

#endif
