#include "client/three.h"

#include "base/mem.h"

void three_init(struct three *t, struct loop *l)
{
    *t = (struct three){.loop = l};
    for (int i = 0; i < CHAN_STREAMS; i++)
        t->out[i] = (struct three_out){.set = t, .stream = (enum chan_stream)i};
}

/* ---- stdout and stderr ----------------------------------------------------------------------- */

bool three_feed(struct three *t)
{
    for (int i = 0; t->chan && i < CHAN_STREAMS; i++) {
        size_t len, n;
        const uint8_t *bytes = chan_peek(t->chan, (enum chan_stream)i, &len);
        n = len && t->out[i].pipe ? pipe_write(t->out[i].pipe, bytes, len) : 0;
        if (n)
            chan_consume(t->chan, (enum chan_stream)i, n);
    }
    return t->chan && chan_over(t->chan);
}

static void on_out_writable(void *ctx)
{
    struct three_out *o = ctx;
    o->set->stir(o->set->ctx);
}

static void on_out_failed(void *ctx, int sys_errno)
{
    struct three_out *o = ctx;
    struct three *t = o->set;
    pipe_free(o->pipe);
    o->pipe = NULL;
    if (t->lost)
        t->lost(t->ctx, o->stream, sys_errno);
    if (t->chan) /* as by ssh, so that its writer ends of it */
        chan_stop(t->chan, o->stream);
    t->stir(t->ctx);
}

int three_open_out(struct three *t, enum chan_stream s, int fd, unsigned flags)
{
    struct three_out *o = &t->out[s];
    struct pipe_ops ops = {.writable = on_out_writable, .failed = on_out_failed, .ctx = o};
    pipe_grow(fd);
    int err = pipe_new(t->loop, -1, fd, flags, 0, &ops, &o->pipe);
    if (err)
        o->pipe = NULL;
    return err;
}

bool three_written(const struct three *t)
{
    for (int i = 0; i < CHAN_STREAMS; i++)
        if (t->out[i].pipe && pipe_queued(t->out[i].pipe))
            return false;
    return true;
}

/* ---- stdin ----------------------------------------------------------------------------------- */

void three_stop_reading(struct three *t)
{
    pipe_free(t->in);
    t->in = NULL;
}

void three_pace(struct three *t)
{
    if (t->in)
        pipe_read(t->in, t->chan && chan_room(t->chan) >= CHAN_ROOM_LOW);
}

static void on_input(void *ctx, const uint8_t *bytes, size_t len)
{
    struct three *t = ctx;
    if (t->chan && bytes == t->space)
        chan_commit(t->chan, CHAN_DATA, len);
    else if (t->chan && chan_write(t->chan, CHAN_DATA, bytes, len) != len)
        BUG("stdin was read without room for it");
    three_pace(t);
    t->stir(t->ctx);
}

static uint8_t *on_input_space(void *ctx, size_t *len)
{
    struct three *t = ctx;
    return t->space = t->chan ? chan_space(t->chan, len) : NULL;
}

static void on_input_end(void *ctx)
{
    struct three *t = ctx;
    if (t->chan)
        chan_eof(t->chan);
    three_stop_reading(t);
    t->stir(t->ctx);
}

static void on_input_failed(void *ctx, int sys_errno)
{
    (void)sys_errno;
    on_input_end(ctx);
}

int three_open_in(struct three *t, int fd, unsigned flags)
{
    struct pipe_ops ops = {.data = on_input,
                           .space = on_input_space,
                           .eof = on_input_end,
                           .failed = on_input_failed,
                           .ctx = t};
    pipe_grow(fd);
    int err = pipe_new(t->loop, fd, -1, flags, 0, &ops, &t->in);
    if (!err)
        return ERR_OK;
    t->in = NULL;
    chan_eof(t->chan);
    return err;
}

void three_stopped(struct three *t, enum chan_stream s)
{
    if (s != CHAN_DATA)
        return;
    chan_eof(t->chan);
    three_stop_reading(t);
}

void three_fini(struct three *t)
{
    three_stop_reading(t);
    for (int i = 0; i < CHAN_STREAMS; i++) {
        pipe_free(t->out[i].pipe);
        t->out[i].pipe = NULL;
    }
}
