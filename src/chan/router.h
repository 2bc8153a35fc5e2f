/* Channels of one connection that belong to several owners: events go to the one that serves their
 * kind. */
#ifndef TERN_CHAN_ROUTER_H
#define TERN_CHAN_ROUTER_H

#include "chan/chans.h"

#define ROUTER_KINDS (OPEN_SESSION + 1)

struct chans_router {
    struct {
        const struct chans_ops
            *ops; /* NULL: nobody; the peer's channels of that kind are refused */
        void *ctx;
    } kind[ROUTER_KINDS];
};

void chans_route(struct chans_router *r, enum open_kind kind, const struct chans_ops *ops,
                 void *ctx);
/* For chans_config and the like, with the struct chans_router as ctx. */
extern const struct chans_ops chans_router_ops;

#endif
