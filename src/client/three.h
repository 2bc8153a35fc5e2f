/* A channel and the three streams of a process: what is read from stdin goes into the channel, what
 * comes out of it to stdout and stderr, as ssh does it: half-closes, readers that go away, and no
 * more read than the channel takes. For a command of this process (command.c) and for one of
 * somebody who passed his descriptors (mux_task.c). */
#ifndef TERN_CLIENT_THREE_H
#define TERN_CLIENT_THREE_H

#include "chan/chans.h"
#include "io/loop.h"
#include "io/pipe.h"

struct three_out {
    struct three *set;
    enum chan_stream stream;
    struct pipe *pipe; /* NULL: nobody reads it any more, or all was written */
};

/* Embedded in its owner. */
struct three {
    struct loop *loop;
    struct chan *chan; /* the owner's to set; NULL: not yet, or over */
    struct pipe *in;
    uint8_t *space; /* of the channel, lent to `in` last */
    struct three_out out[CHAN_STREAMS];
    void (*stir)(void *ctx); /* something moved: three_feed is due, and sending */
    /* A reader of stdout or stderr went away, or the stream broke; the far side is told. May be
     * NULL. */
    void (*lost)(void *ctx, enum chan_stream s, int sys_errno);
    void *ctx;
};

void three_init(struct three *t, struct loop *l);
/* Begin to write to this descriptor; flags as in pipe_new. ERR_SYS: it stays the caller's. */
int MUST_USE three_open_out(struct three *t, enum chan_stream s, int fd, unsigned flags);
/* Begin to read from it; what cannot be read has ended. ERR_SYS: it stays the caller's. */
int MUST_USE three_open_in(struct three *t, int fd, unsigned flags);

/* What came, to stdout and stderr. True: the channel is over and all of it was taken; the owner
 * releases it. */
bool three_feed(struct three *t);
/* The channel has room again: read on. */
void three_pace(struct three *t);
/* The far side reads no more (chans_ops.stopped). */
void three_stopped(struct three *t, enum chan_stream s);
void three_stop_reading(struct three *t);
/* Nothing of stdout and stderr waits any more. */
bool three_written(const struct three *t);
/* Let go of all three; flags of their open files are put back. */
void three_fini(struct three *t);

#endif
