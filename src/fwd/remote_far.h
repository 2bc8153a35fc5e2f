/* The far end of -R: a client asks on a channel of kind CONTROL that we listen (chan/ask.h), and
 * each connection that comes in becomes a channel to it. One object serves all connections of a
 * process. Who asks must show a pass for that (pass.h). */
#ifndef TERN_FWD_REMOTE_FAR_H
#define TERN_FWD_REMOTE_FAR_H

#include "base/log.h"
#include "chan/chans.h"
#include "fwd/assoc.h"
#include "fwd/pass.h"

#define REMOTE_LISTENERS_MAX 256  /* of a process */
#define REMOTE_CONNS_MAX     1024 /* the same; more are closed */

struct remote_far;

struct remote_far_config {
    const struct passes *passes; /* borrowed */
    struct assocs *assocs;       /* for what comes to UDP ports; borrowed */
    void (*wake)(void *ctx);     /* channels have something to send */
    void *ctx;
    const struct log *log;
};

struct remote_far *remote_far_new(struct loop *l, const struct remote_far_config *c);
/* All channels must be gone before. NULL is allowed. */
void remote_far_free(struct remote_far *s);
/* For OPEN_CONTROL and OPEN_FORWARDED_TCP, with the struct remote_far as ctx. What a client asked
 * for ends with its channel of kind CONTROL. */
extern const struct chans_ops remote_far_ops;

#endif
