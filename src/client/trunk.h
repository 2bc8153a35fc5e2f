/* A link that carries channels only, with its ways to the server: what the owner of a connection
 * lends to its clients. Through an outage it waits. */
#ifndef TERN_CLIENT_TRUNK_H
#define TERN_CLIENT_TRUNK_H

#include "boot/boot.h"
#include "chan/chans.h"
#include "client/client.h"
#include "io/loop.h"
#include "link/connect.h"
#include "link/link.h"

struct trunk;

struct trunk_config {
    const struct connect *connect; /* used up */
    const struct addr *addrs;      /* where to send, the best first; copied */
    size_t addr_count;
    const struct boot_pipe *pipe; /* of the bootstrap, taken over */
    const char *server_command;   /* opens another one; borrowed */
    enum client_transport transport;
    uint64_t outage_us; /* it is over after an outage of that length; 0: never */
    struct entropy entropy;
    const struct log *log;
    const struct chans_ops *chans; /* of its channels; outlive it */
    void *chans_ctx;
    /* The connection is over: the server let us go, or ended. `why` is one line, or NULL where we
     * asked for it. No channel is left. Called once, in a turn of its own. */
    void (*over)(void *ctx, const char *why);
    void *ctx;
};

struct trunk *trunk_new(struct loop *l, const struct trunk_config *c);
void trunk_free(struct trunk *t); /* NULL is allowed; open channels hear `broken` */

struct chans *trunk_chans(struct trunk *t);
const struct link *trunk_link(const struct trunk *t);
/* Channels have something to send: a turn soon. (void, for callbacks.) */
void trunk_wake(void *trunk);
/* Tell the server that we go; `over` follows when it has confirmed, or after a second call. */
void trunk_leave(struct trunk *t);
/* For people: "path, round trip, state", of one line each. */
void trunk_tell(const struct trunk *t, struct buf *out);

#endif
