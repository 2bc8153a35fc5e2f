/* A pipe path: a byte stream that carries datagrams, each behind its length (link/frame.h). */
#ifndef TERN_SERVER_FRAMED_H
#define TERN_SERVER_FRAMED_H

#include "io/pipe.h"
#include "link/frame.h"

/* Bytes queued on a pipe that does not move; what does not fit is lost like any datagram. */
#define FRAMED_QUEUE (256u << 10)

struct framed_ops {
    void (*datagram)(void *ctx, const uint8_t *bytes, size_t len);
    void (*closed)(void *ctx); /* end of file, an error, or out of step; told once. May free it */
    void *ctx;
};

struct framed {
    struct framed_ops ops;
    struct pipe *pipe;
    struct frame_reader reader;
    bool closed;
};

/* Takes over the descriptors (in and out may be the same). ERR_SYS. */
int MUST_USE framed_init(struct framed *f, struct loop *l, int in, int out, int flags,
                         const struct framed_ops *ops);
void framed_fini(struct framed *f);
/* Bytes that were read before, then what comes. */
void framed_feed(struct framed *f, const uint8_t *bytes, size_t len);
bool framed_send(struct framed *f, const uint8_t *bytes, size_t len);

#endif
