/* The client's ways to the server: UDP sockets as the link asks for them, and the pipe. Datagrams
 * in, datagrams out; which way is taken is the link's decision. */
#ifndef TERN_CLIENT_PATHS_H
#define TERN_CLIENT_PATHS_H

#include "boot/boot.h"
#include "io/loop.h"
#include "link/link.h"

#define PATHS_MARK    128 /* bytes of boot_pipe.mark, NUL included */
#define PATHS_SOCKETS 8   /* open at one time; the link is refused more */

struct paths;

struct paths_ops {
    void (*datagram)(void *ctx, const struct path_ref *from, bool congested, const uint8_t *bytes,
                     size_t len);
    void (*pipe_lost)(void *ctx); /* the pipe broke or ended; the link has been told */
    void (*event)(void *ctx);     /* something was told to the link: it wants a turn */
    void *ctx;
};

struct paths_config {
    struct link *link; /* borrowed */
    bool udp;          /* else the link is refused every socket */
    const struct addr *candidates;
    size_t candidate_count;
    const struct log *log; /* may be NULL */
};

/* Watches routes and addresses too, if UDP is used. */
struct paths *paths_new(struct loop *l, const struct paths_config *c, const struct paths_ops *ops);
void paths_free(struct paths *p); /* NULL is allowed */

/* Take a pipe over (its descriptors too) and tell the link; one at a time. Bytes read behind the
 * connect line are datagrams too: ops->datagram may be called. */
int MUST_USE paths_pipe_open(struct paths *p, const struct boot_pipe *pipe, uint64_t now_us);
/* The pipe counts as dead although nobody closed it; ops->pipe_lost follows. */
void paths_pipe_drop(struct paths *p, const char *why);
/* Since when there is a pipe, in microseconds; 0 = there is none. */
uint64_t paths_pipe_since(const struct paths *p);

/* Do what the link asks for (link_wants). */
void paths_serve(struct paths *p, uint64_t now_us);
/* Send, or lose as networks do. */
void paths_send(struct paths *p, const struct link_datagram *d, uint64_t now_us);
/* The host slept, or was stopped: as a network event. */
void paths_woken(struct paths *p, uint64_t now_us);

#endif
