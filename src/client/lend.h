/* What the user lends to a session: the agent of -A (ForwardAgent), the display of -X and -Y
 * (docs/adr/0027). */
#ifndef TERN_CLIENT_LEND_H
#define TERN_CLIENT_LEND_H

#include "boot/sshconf.h"
#include "chan/router.h"
#include "client/display.h"
#include "fwd/offer.h"
#include "link/connect.h"

struct lend {
    uint32_t wanted; /* START_FORWARD_AGENT, _X11: asked for, and there is something to lend */
    struct spec_end agent;
    struct display display;
    uint64_t until_us; /* boot time (clock_boot_us) from which on the display is not lent; 0 */
};

/* Find what the configuration asks for; what is asked for and is not here is told in a line, if
 * `tell`. */
void lend_find(struct lend *l, const struct sshconf *c, bool tell);

/* Where the agent listens, by ForwardAgent, IdentityAgent (or NULL) and `env` (getenv): false, with
 * why, if nothing does. */
#define LEND_WHY 200
bool lend_agent(const char *forward_agent, const char *identity_agent,
                char *(*env)(const char *name), struct spec_end *out, char why[static LEND_WHY]);

struct lend_made {
    struct offer *agent, *x11; /* NULL: not lent */
};

/* What the server's word (the passes in the connect line) allows; what it does not is told in a
 * line, if `tell`, with the name of the host. */
void lend_make(struct loop *l, const struct lend *lend, const struct connect *c, const char *host,
               bool tell, const struct log *log, struct lend_made *out);
bool lend_any(const struct lend_made *m);
/* Events for kinds of channels that are lent. */
void lend_route(const struct lend_made *m, struct chans_router *r);
void lend_start(const struct lend_made *m, struct chans *chans, const struct offer_ops *ops);
void lend_close(struct lend_made *m);

#endif
