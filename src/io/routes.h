/* When the network changes: routes, addresses, links, and waking from sleep. */
#ifndef TERN_IO_ROUTES_H
#define TERN_IO_ROUTES_H

#include "base/addr.h"
#include "io/loop.h"

struct routes;

enum route_event {
    ROUTE_CHANGED, /* routes, addresses or link states changed (told once per burst) */
    ROUTE_RESUMED, /* the machine was asleep */
};

/* Works without netlink too (a sandbox may forbid it): then only ROUTE_RESUMED is told. */
int MUST_USE routes_new(struct loop *l, void (*event)(void *ctx, enum route_event e), void *ctx,
                        struct routes **out);
void routes_free(struct routes *r); /* NULL is allowed */

/* Is there a route to that address now? 0 with the source address that the kernel would use in
 * *local (may be NULL), else ERR_SYS (errno ENETUNREACH ...). Sends nothing. */
int MUST_USE route_to(const struct addr *to, struct addr *local);

#endif
