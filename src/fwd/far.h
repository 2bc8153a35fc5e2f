/* The far end of -L and -D: channels that ask to be connected to a host and port or to a unix
 * socket of this machine. One object serves all connections of a process. Who asks must show a pass
 * (pass.h): it proves that sshd allows that login such forwards. */
#ifndef TERN_FWD_FAR_H
#define TERN_FWD_FAR_H

#include "base/log.h"
#include "chan/chans.h"
#include "fwd/pass.h"
#include "fwd/spec.h"
#include "io/loop.h"

#define FAR_CONNS_MAX 2048 /* of a process, those being dialled included */

struct far;

struct far_config {
    const struct passes *passes; /* borrowed */
    void (*wake)(void *ctx);     /* channels have something to send */
    void *ctx;
    const struct log *log;
};

struct far *far_new(struct loop *l, const struct far_config *c);
/* All channels must be gone before. NULL is allowed. */
void far_free(struct far *s);
/* Where a channel of kind UDP leads (assoc.h): ctx is the struct passes. */
int far_lead(void *ctx, const struct open_request *o, char host[static SPEC_HOST], uint16_t *port,
             const char **why);
/* For OPEN_DIRECT_TCP and OPEN_DIRECT_UNIX, with the struct far as ctx. */
extern const struct chans_ops far_chans_ops;

#endif
