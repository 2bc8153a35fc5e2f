/* UDP sockets, one family each: a "dual" endpoint is a v4 and a v6 socket. Datagrams are read in a
 * bounded row per turn; sending never waits. Rows of datagrams of one size go to the kernel in one
 * call and come from it so, where it knows how (UDP_SEGMENT, UDP_GRO). mosh-protocol.md §1.2
 * (ports), §2 (2048), §3.3 (ECN), §3.5 (no path MTU discovery). */
#ifndef TERN_IO_UDP_H
#define TERN_IO_UDP_H

#include "base/addr.h"
#include "io/loop.h"

#include <stddef.h>

#define UDP_DATAGRAM_MAX 2048       /* longer ones are cut to this and marked */
#define UDP_TURN         64         /* reads per turn and socket, each of a row of datagrams */
#define UDP_TURN_BYTES   (1u << 20) /* or so many bytes, whatever is first */
#define UDP_ROW          65000      /* most bytes of a row */
#define UDP_ROW_COUNT    64         /* and most datagrams in it */
#define UDP_BUFFER       (4u << 20) /* asked of the kernel for each direction, which may give less */

struct udp;

struct udp_datagram {
    struct addr from;
    const uint8_t *bytes; /* valid during the call */
    size_t len;
    uint8_t ecn;   /* low two bits of TOS or traffic class: 3 = congestion experienced */
    bool oversize; /* longer than UDP_DATAGRAM_MAX: drop it */
};

struct udp_config {
    uint8_t family;   /* ADDR_V4 or ADDR_V6 (v6 only) */
    struct addr bind; /* address; family ADDR_NONE = any. Its port is not used */
    uint16_t lo, hi;  /* first free port of lo..hi, ascending; 0, 0: the kernel's choice */
    bool discover;    /* set DF: too big is ERR_CAP; else the kernel fragments (stock) */
    /* Answer from the address that was spoken to, on a host with several: for servers, which listen
     * to all of them. */
    bool answer;
    void (*recv)(void *ctx, struct udp *u, const struct udp_datagram *d);
    /* A row that udp_send_row kept has left; may be NULL. */
    void (*writable)(void *ctx, struct udp *u);
    void *ctx;
    uint32_t id; /* the owner's number for the socket, see udp_id() */
};

/* ERR_SYS: errno EADDRINUSE when no port of the range is free, EAFNOSUPPORT and EADDRNOTAVAIL when
 * the host lacks the family. The config is copied. */
int MUST_USE udp_new(struct loop *l, const struct udp_config *c, struct udp **out);
void udp_free(struct udp *u); /* NULL is allowed; also from within recv */

/* A v4 and a v6 socket on the same port, the first of lo..hi that both can have. A host without one
 * of the families gets NULL in its place. c->family is not used; ids are c->id and c->id + 1. */
int MUST_USE udp_new_pair(struct loop *l, const struct udp_config *c, struct udp **v4,
                          struct udp **v6);

/* 0; ERR_CAP: too big for the path or the socket (EMSGSIZE); ERR_STATE: no room in the kernel right
 * now, or a family that the socket cannot reach: lost like any datagram; ERR_SYS: errno says why
 * (ENETUNREACH ...). */
int MUST_USE udp_send(struct udp *u, const struct addr *to, const void *bytes, size_t len);

/* A row of datagrams of `segment` bytes each, the last perhaps shorter: at most UDP_ROW bytes and
 * UDP_ROW_COUNT datagrams. What the kernel has no room for is kept and sent when it has: then
 * udp_full() is true until `writable`, and further rows are ERR_STATE. Else as udp_send. */
int MUST_USE udp_send_row(struct udp *u, const struct addr *to, const void *bytes, size_t len,
                          size_t segment);
bool udp_full(const struct udp *u);

struct addr udp_local(const struct udp *u); /* bound address and port */
uint8_t udp_family(const struct udp *u);
uint32_t udp_id(const struct udp *u);

#endif
