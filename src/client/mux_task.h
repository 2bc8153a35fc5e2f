/* One command, subsystem or connection for a client of the owner: a channel joined with the
 * descriptors that the client passed. What they are is the client's business: terminal, pipe, file,
 * socket; their flags are as they were when it is over. */
#ifndef TERN_CLIENT_MUX_TASK_H
#define TERN_CLIENT_MUX_TASK_H

#include "chan/chans.h"
#include "io/loop.h"

struct mux_task;

struct mux_task_ops {
    /* It runs; before that nothing is read from stdin. */
    void (*opened)(void *ctx);
    /* It never ran, and nothing was read or written: one line. Only mux_task_free may follow. */
    void (*refused)(void *ctx, const char *why);
    /* How the command ended; output may still be on its way. signal: that killed it, else 0. */
    void (*exited)(void *ctx, int status, int signal);
    /* All is over and all output is written. Only mux_task_free may follow. */
    void (*over)(void *ctx);
    void (*wake)(void *ctx); /* the channel has something to send */
    void *ctx;               /* the task may be freed from within refused and over */
};

struct mux_task_config {
    struct loop *loop;
    struct chans *chans;
    const struct open_request *request;
    int in, out, err; /* taken over whatever happens; err -1: none */
    const struct mux_task_ops *ops;
};

/* Never NULL; what is wrong is told by `refused`, never from within this call. */
struct mux_task *mux_task_new(const struct mux_task_config *c);
/* In any state: the far command sees the end of its stdin, and nobody reads it. NULL is allowed. */
void mux_task_free(struct mux_task *t);

/* For the kinds that are asked for; the channel's owner is the task. */
extern const struct chans_ops mux_task_chans_ops;

#endif
