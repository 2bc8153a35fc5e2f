#include "client/mux_task.h"

#include "base/mem.h"
#include "client/three.h"
#include "io/signals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mux_task {
    struct loop *loop;
    struct mux_task_ops ops;
    int fds[3]; /* before it runs; -1: none, or the pipes' */
    struct three three;
    struct later later;
    char why[256]; /* refused; "" = it is not */
    bool open, done, told;
};

static void stir(struct mux_task *t)
{
    later_set(&t->later);
    t->ops.wake(t->ops.ctx);
}

static void on_stir(void *ctx)
{
    stir(ctx);
}

static void close_fds(struct mux_task *t)
{
    for (int i = 0; i < 3; i++)
        if (t->fds[i] >= 0)
            close(t->fds[i]);
    t->fds[0] = t->fds[1] = t->fds[2] = -1;
}

static void channel_over(struct mux_task *t)
{
    t->three.chan = NULL;
    t->done = true;
    three_stop_reading(&t->three);
    stir(t);
}

static void feed(struct mux_task *t)
{
    if (!t->open || !three_feed(&t->three))
        return;
    chan_release(t->three.chan);
    channel_over(t);
}

/* ---- what the channel tells ------------------------------------------------------------------ */

static int take_fd(struct mux_task *t, int i)
{
    int fd = t->fds[i];
    t->fds[i] = -1;
    return fd;
}

static void open_output(struct mux_task *t, int fd, enum chan_stream s)
{
    if (fd < 0 || !three_open_out(&t->three, s, fd, PIPE_OWN_OUT))
        return;
    close(fd);
    chan_stop(t->three.chan, s);
}

static void on_accepted(void *ctx, struct chan *ch)
{
    struct mux_task *t = chan_owner(ch);
    (void)ctx;
    if (!t || t->open)
        return;
    t->open = true;
    int in = take_fd(t, 0);
    open_output(t, take_fd(t, 1), CHAN_DATA);
    open_output(t, take_fd(t, 2), CHAN_STDERR);
    if (three_open_in(&t->three, in, PIPE_OWN_IN))
        close(in);
    t->ops.opened(t->ops.ctx);
    stir(t);
}

static void refuse(struct mux_task *t, const char *why)
{
    snprintf(t->why, sizeof t->why, "%.250s", why);
    t->three.chan = NULL;
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
        three_pace(&((struct mux_task *)chan_owner(ch))->three);
}

static void on_stopped(void *ctx, struct chan *ch, enum chan_stream s)
{
    struct mux_task *t = chan_owner(ch);
    (void)ctx;
    if (t)
        three_stopped(&t->three, s);
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
    if (t->open && code == STREAM_LOST && t->three.out[CHAN_STDERR].pipe)
        pipe_write(t->three.out[CHAN_STDERR].pipe, lost, sizeof lost - 1);
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
    if (t->done && three_written(&t->three)) {
        three_fini(&t->three); /* flags are put back before the client knows */
        t->ops.over(t->ops.ctx);
    }
}

struct mux_task *mux_task_new(const struct mux_task_config *c)
{
    struct mux_task *t = mem_new(1, sizeof *t);
    *t = (struct mux_task){.loop = c->loop, .ops = *c->ops, .fds = {c->in, c->out, c->err}};
    three_init(&t->three, c->loop);
    t->three.stir = on_stir;
    t->three.ctx = t;
    later_init(&t->later, c->loop, turn, t);
    int err = chan_open(c->chans, c->request, t, &t->three.chan);
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
    three_fini(&t->three);
    if (t->three.chan) {
        chan_set_owner(t->three.chan, NULL);
        chan_abandon(t->three.chan, STREAM_DONE);
    }
    t->ops.wake(t->ops.ctx);
    free(t);
}
