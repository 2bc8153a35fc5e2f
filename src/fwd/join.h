/* A socket and a channel joined: every byte of the one goes to the other, either way, with
 * half-closes and resets. Both ends of a forwarded connection are this. */
#ifndef TERN_FWD_JOIN_H
#define TERN_FWD_JOIN_H

#include "chan/chans.h"
#include "io/loop.h"
#include "io/pipe.h"

/* Embedded in its owner; zeroed memory is one that is not started. */
struct join {
    struct loop *loop;
    struct chan *chan;       /* NULL: it is over */
    struct pipe *in, *out;   /* the socket, twice; NULL: that direction is over */
    uint8_t *space;          /* of the channel, lent to `in` last */
    bool ended;              /* the peer's end was passed on to the socket */
    bool reset;              /* the socket was reset: so will be the channel, behind what came */
    struct later later;      /* what may not be done within a call of a pipe or channel */
    struct timer timer;      /* looks if what came before a reset has arrived */
    void (*wake)(void *ctx); /* the channel has something to send */
    void (*over)(void *ctx); /* all is over: join_fini and forget; told once */
    void *ctx;
};

/* Takes the descriptor, whatever happens. j->loop, wake, over and ctx are set by the caller. The
 * channel may still wait for its answer. ERR_SYS: errno; the channel is still the caller's. */
int MUST_USE join_start(struct join *j, struct chan *c, int fd);
/* Closes; a channel that is not over is given up, and the socket reset. */
void join_fini(struct join *j);

/* What chans_ops tell of its channel. */
void join_readable(struct join *j);
void join_writable(struct join *j);
void join_stopped(struct join *j, enum chan_stream s);
void join_broken(struct join *j);

/* The first three as chans_ops, where the channel's owner, if any, begins with its struct join. */
void join_on_readable(void *ctx, struct chan *c);
void join_on_writable(void *ctx, struct chan *c);
void join_on_stopped(void *ctx, struct chan *c, enum chan_stream s);

#endif
