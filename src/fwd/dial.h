/* Connections that we make for a peer: to a host and port, all addresses of the name in turn, or to
 * a unix socket. Nothing holds up the loop. */
#ifndef TERN_FWD_DIAL_H
#define TERN_FWD_DIAL_H

#include "io/loop.h"

struct dial;

struct dial_config {
    const char *host; /* name or numeric address; NULL: path */
    uint16_t port;
    const char *path; /* of a unix socket */
    /* Called once, in a later turn; the object is gone after it. fd is connected, non-blocking and
     * the receiver's, or -1: why says what was wrong with the last address ("Connection refused").
     */
    void (*done)(void *ctx, int fd, const char *why);
    void *ctx;
};

/* Everything in the config is copied or used up. */
struct dial *dial_new(struct loop *l, const struct dial_config *c);
void dial_free(struct dial *d); /* before it is done; NULL is allowed */

#endif
