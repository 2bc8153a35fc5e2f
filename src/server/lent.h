/* The agent and the display that clients lend to a session: where its programs find them. */
#ifndef TERN_SERVER_LENT_H
#define TERN_SERVER_LENT_H

#include "chan/router.h"
#include "fwd/pass.h"
#include "link/start.h"
#include "server/child.h"
#include "session/server_end.h"

struct lent;

struct lent_config {
    const struct passes *passes;
    const struct server_end *end;
    void (*wake)(void *ctx); /* channels have something to send */
    void *ctx;
    struct entropy entropy;
    const struct log *log;
};

/* What the config points to is borrowed. */
struct lent *lent_new(struct loop *l, const struct lent_config *c);
void lent_free(struct lent *s); /* after all channels; NULL is allowed */
/* Channels of kind AGENT and X11 go to s. */
void lent_route(struct lent *s, struct chans_router *r);

/* A session begins: the places that its first client asked for and sshd allows (r->forwards). What
 * cannot be had is told in the log, and is not in the environment. */
void lent_open(struct lent *s, uint32_t sid, const struct start_record *r);
/* A client was let in, and may lend that (START_FORWARD_*). */
void lent_expect(struct lent *s, uint32_t sid, uint32_t forwards);
/* What its programs must know of them, into their environment. */
void lent_dress(const struct lent *s, uint32_t sid, struct child *c);
/* The session is over. */
void lent_forget(struct lent *s, uint32_t sid);

/* The session whose client opened that channel; 0: none any more. */
uint32_t lent_session(const struct lent *s, const struct chan *c);

#endif
