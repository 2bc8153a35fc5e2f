/* What a client lends the far side: its authentication agent or its display. It opens one channel
 * of kind AGENT or X11, the offer; while that is open the far side opens channels of the same kind
 * for connections there, and each is joined to one that we make here (docs/PROTOCOL.md, Agent and
 * display). */
#ifndef TERN_FWD_OFFER_H
#define TERN_FWD_OFFER_H

#include "base/log.h"
#include "chan/chans.h"
#include "fwd/spec.h"
#include "fwd/x11.h"
#include "io/loop.h"

#define OFFER_CONNS_MAX 256       /* at once; more are refused */
#define OFFER_SETUP_US  60000000u /* for the first words of an X client */

struct offer;

struct offer_config {
    enum open_kind kind; /* OPEN_AGENT or OPEN_X11 */
    const char *pass;
    const struct spec_end *to; /* the agent's socket, or where the display listens */
    struct x11_auth auth;      /* X11: what the display is shown */
    uint64_t until_us;         /* X11: connections are refused from then on; 0: never */
    const struct log *log;
};

struct offer_ops {
    void (*wake)(void *ctx);                  /* channels have something to send */
    void (*say)(void *ctx, const char *text); /* one line for the user */
    void *ctx;
};

/* The config is copied. */
struct offer *offer_new(struct loop *l, const struct offer_config *c);
/* Closes all; what is connected is reset. Wipes the cookies. NULL is allowed. */
void offer_free(struct offer *s);
/* Lend it through `chans`, whose events for the offer's kind go to offer_chans_ops with s as ctx.
 */
void offer_start(struct offer *s, struct chans *chans, const struct offer_ops *ops);

extern const struct chans_ops offer_chans_ops;

#endif
