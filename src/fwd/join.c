#include "fwd/join.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often it is looked whether what came before a reset has arrived. */
#define RESET_LOOK_US 50000u

static void wake(struct join *j)
{
    later_set(&j->later);
    j->wake(j->ctx);
}

static void close_in(struct join *j)
{
    pipe_free(j->in);
    j->in = NULL;
}

static void close_out(struct join *j)
{
    pipe_free(j->out);
    j->out = NULL;
}

/* ---- from the socket ------------------------------------------------------------------------- */

static void pace(struct join *j)
{
    if (j->in)
        pipe_read(j->in, j->chan && chan_room(j->chan) >= CHAN_ROOM_LOW);
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct join *j = ctx;
    if (bytes == j->space)
        chan_commit(j->chan, CHAN_DATA, len);
    else
        (void)!chan_write(j->chan, CHAN_DATA, bytes, len); /* pace() sees to it that all fits */
    pace(j);
    j->wake(j->ctx);
}

static uint8_t *on_space(void *ctx, size_t *len)
{
    struct join *j = ctx;
    return j->space = chan_space(j->chan, len);
}

static void on_eof(void *ctx)
{
    struct join *j = ctx;
    chan_eof(j->chan);
    close_in(j);
    wake(j);
}

static void on_in_failed(void *ctx, int sys_errno)
{
    struct join *j = ctx;
    (void)sys_errno;
    j->reset = true;
    close_in(j);
    wake(j);
}

/* ---- to the socket --------------------------------------------------------------------------- */

static void feed(struct join *j)
{
    size_t len;
    const uint8_t *bytes = chan_peek(j->chan, CHAN_DATA, &len);
    if (j->out && len) {
        size_t n = pipe_write(j->out, bytes, len);
        chan_consume(j->chan, CHAN_DATA, n);
        if (n)
            j->wake(j->ctx);
    }
    if (j->out && !j->ended && chan_ended(j->chan, CHAN_DATA)) {
        pipe_end(j->out);
        j->ended = true;
    }
    chan_peek(j->chan, CHAN_STDERR, &len); /* there is none on such a channel */
    chan_consume(j->chan, CHAN_STDERR, len);
}

static void on_writable(void *ctx)
{
    struct join *j = ctx;
    if (j->chan)
        feed(j);
    wake(j);
}

static void on_out_failed(void *ctx, int sys_errno)
{
    struct join *j = ctx;
    (void)sys_errno;
    close_out(j);
    if (j->chan)
        chan_stop(j->chan, CHAN_DATA);
    wake(j);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* A reset drops what is on its way, so it waits for that; without the peer for ever, as TCP's own
 * end of a connection does not. */
static void check_reset(struct join *j)
{
    struct chan_counters k;
    chan_counters(j->chan, &k);
    if (k.unacked) {
        timer_set(&j->timer, loop_now_us(j->loop) + RESET_LOOK_US);
        return;
    }
    chan_abandon(j->chan, STREAM_INTERNAL);
    j->chan = NULL;
}

static void turn(void *ctx)
{
    struct join *j = ctx;
    if (j->chan)
        feed(j);
    if (j->chan && j->reset && !chan_over(j->chan))
        check_reset(j);
    bool out_done = !j->out || j->ended;
    if (j->chan && (chan_over(j->chan) || (!j->in && !j->reset && out_done))) {
        chan_release(j->chan);
        j->chan = NULL;
        j->wake(j->ctx);
    }
    if (!j->chan)
        j->over(j->ctx);
}

void join_readable(struct join *j)
{
    later_set(&j->later); /* a row of datagrams is written at once */
}

void join_writable(struct join *j)
{
    pace(j);
}

void join_stopped(struct join *j, enum chan_stream s)
{
    if (s != CHAN_DATA)
        return;
    chan_eof(j->chan);
    close_in(j);
    later_set(&j->later);
}

/* What came is not all: the socket's other end must not take it for all. */
static void close_reset(struct join *j)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (j->out)
        setsockopt(pipe_out_fd(j->out), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close_in(j);
    close_out(j);
}

void join_broken(struct join *j)
{
    j->chan = NULL;
    close_reset(j);
    later_set(&j->later);
}

/* ---- life ------------------------------------------------------------------------------------ */

int join_start(struct join *j, struct chan *c, int fd)
{
    struct pipe_ops in = {
        .data = on_data, .space = on_space, .eof = on_eof, .failed = on_in_failed, .ctx = j};
    struct pipe_ops out = {.writable = on_writable, .failed = on_out_failed, .ctx = j};
    later_init(&j->later, j->loop, turn, j);
    timer_init(&j->timer, j->loop, turn, j);
    int twin = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    /* Two, because an error of writing must not hide what is still to be read. */
    if (twin < 0 || pipe_new(j->loop, fd, -1, PIPE_OWN | PIPE_RESETS, 0, &in, &j->in)) {
        close(fd);
        if (twin >= 0)
            close(twin);
        return ERR_SYS;
    }
    if (pipe_new(j->loop, -1, twin, PIPE_OWN, 0, &out, &j->out)) {
        close(twin);
        close_in(j);
        return ERR_SYS;
    }
    j->chan = c;
    pace(j);
    later_set(&j->later); /* something may have come already */
    return ERR_OK;
}

void join_fini(struct join *j)
{
    if (j->chan) {
        chan_abandon(j->chan, STREAM_DONE);
        close_reset(j);
    }
    j->chan = NULL;
    if (j->loop && j->later.loop) {
        later_clear(&j->later);
        timer_clear(&j->timer);
    }
    close_in(j);
    close_out(j);
}

/* The join of a channel, if it has begun. */
static struct join *join_of(struct chan *c)
{
    struct join *j = chan_owner(c);
    return j && j->chan ? j : NULL;
}

void join_on_readable(void *ctx, struct chan *c)
{
    struct join *j = join_of(c);
    (void)ctx;
    if (j)
        join_readable(j);
}

void join_on_writable(void *ctx, struct chan *c)
{
    struct join *j = join_of(c);
    (void)ctx;
    if (j)
        join_writable(j);
}

void join_on_stopped(void *ctx, struct chan *c, enum chan_stream s)
{
    struct join *j = join_of(c);
    (void)ctx;
    if (j)
        join_stopped(j, s);
}
