#include "client/mux_task.h"

#include "base/mem.h"
#include "io/pipe.h"
#include "io/signals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One of the client's stdout and stderr. */
struct drain {
    struct mux_task *task;
    enum chan_stream stream;
    struct pipe *pipe; /* NULL: nobody reads it any more */
};

struct mux_task {
    struct loop *loop;
    struct mux_task_ops ops;
    int fds[3]; /* before it runs; -1: none, or the pipes' */
    struct chan *chan;
    struct pipe *in;
    uint8_t *space; /* of the channel, lent to `in` last */
    struct drain out[CHAN_STREAMS];
    struct later later;
    char why[256]; /* refused; "" = it is not */
    bool open, done, told;
};

static void stir(struct mux_task *t)
{
    later_set(&t->later);
    t->ops.wake(t->ops.ctx);
}

static void close_fds(struct mux_task *t)
{
    for (int i = 0; i < 3; i++)
        if (t->fds[i] >= 0)
            close(t->fds[i]);
    t->fds[0] = t->fds[1] = t->fds[2] = -1;
}

static void stop_reading(struct mux_task *t)
{
    pipe_free(t->in);
    t->in = NULL;
}

static void channel_over(struct mux_task *t)
{
    t->chan = NULL;
    t->done = true;
    stop_reading(t);
    stir(t);
}

/* ---- output ---------------------------------------------------------------------------------- */

static void feed(struct mux_task *t)
{
    for (int i = 0; t->chan && t->open && i < CHAN_STREAMS; i++) {
        size_t len, n;
        const uint8_t *bytes = chan_peek(t->chan, (enum chan_stream)i, &len);
        n = len && t->out[i].pipe ? pipe_write(t->out[i].pipe, bytes, len) : 0;
        if (n)
            chan_consume(t->chan, (enum chan_stream)i, n);
    }
    if (!t->chan || !t->open || !chan_over(t->chan))
        return;
    chan_release(t->chan);
    channel_over(t);
}

static bool all_written(const struct mux_task *t)
{
    for (int i = 0; i < CHAN_STREAMS; i++)
        if (t->out[i].pipe && pipe_queued(t->out[i].pipe))
            return false;
    return true;
}

static void on_drain_writable(void *ctx)
{
    struct drain *d = ctx;
    feed(d->task);
    stir(d->task);
}

/* Its reader went away: the far side is told, as by ssh, so that its writer ends of it. */
static void on_drain_failed(void *ctx, int sys_errno)
{
    struct drain *d = ctx;
    struct mux_task *t = d->task;
    (void)sys_errno;
    pipe_free(d->pipe);
    d->pipe = NULL;
    if (t->chan)
        chan_stop(t->chan, d->stream);
    feed(t);
    stir(t);
}

/* ---- input ----------------------------------------------------------------------------------- */

static void pace(struct mux_task *t)
{
    if (t->in)
        pipe_read(t->in, t->chan && chan_room(t->chan) >= CHAN_ROOM_LOW);
}

static void on_input(void *ctx, const uint8_t *bytes, size_t len)
{
    struct mux_task *t = ctx;
    if (t->chan && bytes == t->space)
        chan_commit(t->chan, CHAN_DATA, len);
    else if (t->chan && chan_write(t->chan, CHAN_DATA, bytes, len) != len)
        BUG("stdin was read without room for it");
    pace(t);
    stir(t);
}

static uint8_t *on_input_space(void *ctx, size_t *len)
{
    struct mux_task *t = ctx;
    return t->space = t->chan ? chan_space(t->chan, len) : NULL;
}

static void on_input_end(void *ctx)
{
    struct mux_task *t = ctx;
    if (t->chan)
        chan_eof(t->chan);
    stop_reading(t);
    stir(t);
}

static void on_input_failed(void *ctx, int sys_errno)
{
    (void)sys_errno;
    on_input_end(ctx);
}

/* ---- what the channel tells ------------------------------------------------------------------ */

static int take_fd(struct mux_task *t, int i)
{
    int fd = t->fds[i];
    t->fds[i] = -1;
    return fd;
}

static void open_output(struct mux_task *t, int fd, struct drain *d)
{
    struct pipe_ops ops = {.writable = on_drain_writable, .failed = on_drain_failed, .ctx = d};
    if (fd < 0)
        return;
    pipe_grow(fd);
    if (!pipe_new(t->loop, -1, fd, PIPE_OWN_OUT, 0, &ops, &d->pipe))
        return;
    d->pipe = NULL;
    close(fd);
    chan_stop(t->chan, d->stream);
}

static void on_accepted(void *ctx, struct chan *ch)
{
    struct mux_task *t = chan_owner(ch);
    struct pipe_ops ops = {.data = on_input,
                           .space = on_input_space,
                           .eof = on_input_end,
                           .failed = on_input_failed,
                           .ctx = t};
    (void)ctx;
    if (!t || t->open)
        return;
    t->open = true;
    int in = take_fd(t, 0);
    pipe_grow(in);
    open_output(t, take_fd(t, 1), &t->out[CHAN_DATA]);
    open_output(t, take_fd(t, 2), &t->out[CHAN_STDERR]);
    if (pipe_new(t->loop, in, -1, PIPE_OWN_IN, 0, &ops, &t->in)) {
        t->in = NULL;
        close(in);
        chan_eof(ch); /* what cannot be read has ended */
    }
    t->ops.opened(t->ops.ctx);
    stir(t);
}

static void refuse(struct mux_task *t, const char *why)
{
    snprintf(t->why, sizeof t->why, "%.250s", why);
    t->chan = NULL;
    stir(t);
}

static void on_refused(void *ctx, struct chan *ch, uint32_t code, const char *text)
{
    (void)ctx;
    (void)code;
    if (chan_owner(ch))
        refuse(chan_owner(ch), text);
}

static int on_opened(void *ctx, struct chan *ch, const struct open_request *o, const char **why)
{
    (void)ctx;
    (void)ch;
    (void)o;
    *why = "nothing is run here";
    return REFUSAL_PROHIBITED;
}

static void on_readable(void *ctx, struct chan *ch)
{
    (void)ctx;
    if (chan_owner(ch))
        stir(chan_owner(ch)); /* a row of datagrams is written at once */
}

static void on_writable(void *ctx, struct chan *ch)
{
    (void)ctx;
    if (chan_owner(ch))
        pace(chan_owner(ch));
}

static void on_stopped(void *ctx, struct chan *ch, enum chan_stream s)
{
    struct mux_task *t = chan_owner(ch);
    (void)ctx;
    if (!t || s != CHAN_DATA)
        return;
    chan_eof(ch);
    stop_reading(t);
}

static void on_request(void *ctx, struct chan *ch, const struct message *m)
{
    struct mux_task *t = chan_owner(ch);
    (void)ctx;
    if (!t || t->told)
        return;
    if (m->kind == MESSAGE_EXIT_STATUS) {
        t->told = true;
        t->ops.exited(t->ops.ctx, (int)(m->value & 0xff), 0);
    } else if (m->kind == MESSAGE_EXIT_SIGNAL) {
        int signal = signal_number(m->name);
        t->told = true;
        t->ops.exited(t->ops.ctx, 255, signal ? signal : -1);
    }
}

static void on_broken(void *ctx, struct chan *ch, uint64_t code)
{
    struct mux_task *t = chan_owner(ch);
    (void)ctx;
    if (!t)
        return;
    feed(t);
    static const char lost[] = "tern: the connection to the server is over\r\n";
    if (t->open && code == STREAM_LOST && t->out[CHAN_STDERR].pipe)
        pipe_write(t->out[CHAN_STDERR].pipe, lost, sizeof lost - 1);
    if (!t->open)
        refuse(t,
               code == STREAM_LOST ? "the connection to the server is over" : "the server gave up");
    else
        channel_over(t);
}

const struct chans_ops mux_task_chans_ops = {
    .opened = on_opened,
    .accepted = on_accepted,
    .refused = on_refused,
    .readable = on_readable,
    .writable = on_writable,
    .stopped = on_stopped,
    .request = on_request,
    .broken = on_broken,
};

/* ---- life ------------------------------------------------------------------------------------ */

static void turn(void *ctx)
{
    struct mux_task *t = ctx;
    if (t->why[0]) {
        close_fds(t);
        t->ops.refused(t->ops.ctx, t->why);
        return;
    }
    feed(t);
    if (t->done && all_written(t)) {
        for (int i = 0; i < CHAN_STREAMS; i++) {
            pipe_free(t->out[i].pipe); /* flags are put back before the client knows */
            t->out[i].pipe = NULL;
        }
        t->ops.over(t->ops.ctx);
    }
}

struct mux_task *mux_task_new(const struct mux_task_config *c)
{
    struct mux_task *t = mem_new(1, sizeof *t);
    *t = (struct mux_task){.loop = c->loop, .ops = *c->ops, .fds = {c->in, c->out, c->err}};
    for (int i = 0; i < CHAN_STREAMS; i++)
        t->out[i] = (struct drain){.task = t, .stream = (enum chan_stream)i};
    later_init(&t->later, c->loop, turn, t);
    int err = chan_open(c->chans, c->request, t, &t->chan);
    if (err)
        refuse(t, err == ERR_SYNTAX ? "the command is too long"
                  : err == ERR_CAP  ? "too many channels"
                                    : "the connection to the server is over");
    stir(t);
    return t;
}

void mux_task_free(struct mux_task *t)
{
    if (!t)
        return;
    later_clear(&t->later);
    close_fds(t);
    stop_reading(t);
    for (int i = 0; i < CHAN_STREAMS; i++)
        pipe_free(t->out[i].pipe);
    if (t->chan) {
        chan_set_owner(t->chan, NULL);
        chan_abandon(t->chan, STREAM_DONE);
    }
    t->ops.wake(t->ops.ctx);
    free(t);
}
