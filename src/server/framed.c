#include "server/framed.h"

#include <string.h>

static void close_framed(struct framed *f)
{
    if (f->closed)
        return;
    f->closed = true;
    f->ops.closed(f->ops.ctx);
}

void framed_feed(struct framed *f, const uint8_t *bytes, size_t len)
{
    const uint8_t *d;
    size_t d_len;
    int got = 0;
    while (!f->closed && (got = frame_read(&f->reader, &bytes, &len, &d, &d_len)) == 1)
        f->ops.datagram(f->ops.ctx, d, d_len);
    if (got < 0)
        close_framed(f);
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    framed_feed(ctx, bytes, len);
}

static void on_eof(void *ctx)
{
    close_framed(ctx);
}

static void on_failed(void *ctx, int sys_errno)
{
    (void)sys_errno;
    close_framed(ctx);
}

int framed_init(struct framed *f, struct loop *l, int in, int out, int flags,
                const struct framed_ops *ops)
{
    *f = (struct framed){.ops = *ops};
    struct pipe_ops pipe = {.data = on_data, .eof = on_eof, .failed = on_failed, .ctx = f};
    return pipe_new(l, in, out, flags, FRAMED_QUEUE, &pipe, &f->pipe);
}

void framed_fini(struct framed *f)
{
    f->closed = true;
    pipe_free(f->pipe);
    f->pipe = NULL;
}

bool framed_send(struct framed *f, const uint8_t *bytes, size_t len)
{
    uint8_t both[FRAME_HEAD + FRAME_MAX];
    if (f->closed || len > FRAME_MAX)
        return false;
    frame_head(both, len);
    memcpy(both + FRAME_HEAD, bytes, len);
    return pipe_write_all(f->pipe, both, FRAME_HEAD + len);
}
