/* Where connections to be forwarded come in: TCP ports and unix sockets, bound as ssh does
 * (openssh-mux.md §5), and UDP ports likewise. */
#ifndef TERN_FWD_LISTEN_H
#define TERN_FWD_LISTEN_H

#include "base/addr.h"
#include "fwd/spec.h"
#include "io/loop.h"

#include <sys/types.h>

#define LISTEN_SOCKETS 8 /* of one forward: families, and addresses of its name */
#define LISTEN_ERROR   400

struct listen;

struct listen_config {
    const struct spec_end *at;
    bool gateway;   /* GatewayPorts: all addresses where none is named */
    uint8_t family; /* ADDR_V4, ADDR_V6: only that; ADDR_NONE: both */
    mode_t mask;    /* StreamLocalBindMask */
    bool unlink;    /* StreamLocalBindUnlink */
    bool whole;     /* nothing, where somebody else has one of the addresses */
    /* fd is connected, non-blocking and the receiver's; *from is ADDR_NONE for a unix socket. The
     * object must not be freed within. */
    void (*accepted)(void *ctx, int fd, const struct addr *from);
    /* Not NULL: UDP, and in place of `accepted` this is told that fd (which stays ours) has
     * datagrams. */
    void (*datagrams)(void *ctx, int fd);
    void *ctx;
};

/* Bound: connections wait in the kernel until listen_start. 0 if one socket at least could be
 * bound; why holds a line for each that could not, as ssh has them ("" = none). ERR_STATE: none
 * could. */
int MUST_USE listen_new(struct loop *l, const struct listen_config *c,
                        char why[static LISTEN_ERROR], struct listen **out);
/* From now on they are taken. ERR_SYS: the loop has no room for it. */
int MUST_USE listen_start(struct listen *s);
/* None are taken for now, they wait in the kernel again; or they are. After listen_start. */
void listen_pause(struct listen *s, bool pause);
/* Also removes a unix socket's file, if it is still ours. NULL is allowed. */
void listen_free(struct listen *s);
/* The port that was bound, for one that was asked for as 0. */
uint16_t listen_port(const struct listen *s);

#endif
