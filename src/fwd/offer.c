#include "fwd/offer.h"

#include "base/list.h"
#include "base/mem.h"
#include "fwd/dial.h"
#include "fwd/join.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct offer {
    struct loop *loop;
    struct offer_config config; /* `pass` and `to` are not used from here */
    char pass[OPEN_PASS_MAX + 1];
    struct spec_end to;
    struct offer_ops ops;
    struct chan *chan; /* NULL: not started, refused or over */
    uint8_t fake[X11_FAKE];
    size_t fake_len; /* bytes that have come */
    struct list conns;
    size_t count;
};

struct conn {
    struct join join; /* the first: see join_on_readable */
    struct list node;
    struct offer *set;
    struct chan *chan;
    struct dial *dial;  /* NULL: not yet, or joined */
    struct buf setup;   /* X11: for the display, in place of `used` bytes of the client's */
    size_t used;        /* > 0: they were right */
    struct timer timer; /* X11: for them to come */
};

static const char *what(const struct offer *s)
{
    return s->config.kind == OPEN_AGENT ? "agent" : "X11";
}

static void wake(const struct offer *s)
{
    if (s->ops.wake)
        s->ops.wake(s->ops.ctx);
}

static void say(const struct offer *s, const char *text, const char *more)
{
    char line[300];
    snprintf(line, sizeof line, "%s forwarding: %s%s", what(s), text, more);
    log_line(s->config.log, LOG_INFO, "forward", "%s", line);
    if (s->ops.say)
        s->ops.say(s->ops.ctx, line);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void conn_free(struct conn *k)
{
    list_del(&k->node);
    k->set->count--;
    timer_clear(&k->timer);
    if (k->chan && !k->join.chan)
        chan_abandon(k->chan, STREAM_DONE);
    dial_free(k->dial);
    join_fini(&k->join);
    if (k->setup.mem)
        mem_wipe(k->setup.mem, k->setup.size);
    buf_fini(&k->setup);
    free(k);
}

static void conn_wake(void *ctx)
{
    wake(((const struct conn *)ctx)->set);
}

static void on_over(void *ctx)
{
    struct conn *k = ctx;
    struct offer *s = k->set;
    k->chan = NULL;
    conn_free(k);
    wake(s);
}

static void refuse(struct conn *k, enum refusal code, const char *why)
{
    struct offer *s = k->set;
    log_line(s->config.log, LOG_INFO, "forward", "%s %u: %s", what(s), chan_number(k->chan), why);
    chan_refuse(k->chan, code, why);
    k->chan = NULL;
    conn_free(k);
    wake(s);
}

/* A socket that was just connected takes so little at once. */
static bool send_setup(struct conn *k, int fd)
{
    size_t len = buf_len(&k->setup);
    chan_consume(k->chan, CHAN_DATA, k->used);
    return !len || send(fd, buf_data(&k->setup), len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

static void on_dialled(void *ctx, int fd, const char *why)
{
    struct conn *k = ctx;
    struct chan *c = k->chan;
    k->dial = NULL;
    conn_wake(k);
    if (fd < 0) {
        refuse(k, REFUSAL_CONNECT_FAILED, why);
        return;
    }
    if (!send_setup(k, fd)) {
        close(fd);
        refuse(k, REFUSAL_CONNECT_FAILED, "the display takes nothing");
        return;
    }
    k->join = (struct join){.loop = k->set->loop, .wake = conn_wake, .over = on_over, .ctx = k};
    if (join_start(&k->join, c, fd)) {
        refuse(k, REFUSAL_RESOURCES, "too many open files");
        return;
    }
    chan_accept(c);
}

static void dial(struct conn *k)
{
    const struct spec_end *to = &k->set->to;
    struct dial_config d = {.port = to->port, .done = on_dialled, .ctx = k};
    if (to->path[0])
        d.path = to->path;
    else
        d.host = to->host;
    timer_clear(&k->timer);
    k->dial = dial_new(k->set->loop, &d);
}

/* ---- X clients show a cookie first ----------------------------------------------------------- */

static void look_at_setup(struct conn *k)
{
    struct offer *s = k->set;
    size_t len;
    const uint8_t *p = chan_peek(k->chan, CHAN_DATA, &len);
    if (k->dial || k->used || s->fake_len < X11_FAKE)
        return;
    switch (x11_setup(p, len, s->fake, &s->config.auth, &k->setup, &k->used)) {
    case X11_RIGHT:
        dial(k);
        return;
    case X11_WRONG:
        refuse(k, REFUSAL_PROHIBITED, "wrong authentication");
        return;
    case X11_MORE:
        if (chan_ended(k->chan, CHAN_DATA) || chan_over(k->chan))
            refuse(k, REFUSAL_PROHIBITED, "no authentication");
    }
}

static void on_no_setup(void *ctx)
{
    refuse(ctx, REFUSAL_PROHIBITED, "no authentication within a minute");
}

/* ---- the offer ------------------------------------------------------------------------------- */

/* The cookie that programs there have. */
static void offer_readable(struct offer *s)
{
    size_t len;
    const uint8_t *p = chan_peek(s->chan, CHAN_DATA, &len);
    size_t n = len < X11_FAKE - s->fake_len ? len : X11_FAKE - s->fake_len;
    memcpy(s->fake + s->fake_len, p, n);
    s->fake_len += n;
    chan_consume(s->chan, CHAN_DATA, len);
    chan_peek(s->chan, CHAN_STDERR, &len);
    chan_consume(s->chan, CHAN_STDERR, len);
    if (n && s->fake_len == X11_FAKE) {
        LIST_EACH_SAFE(i, tmp, &s->conns)
        {
            look_at_setup(LIST_ITEM(i, struct conn, node));
        }
    }
    if (chan_over(s->chan)) {
        chan_release(s->chan);
        s->chan = NULL;
    }
}

/* ---- what channels tell ---------------------------------------------------------------------- */

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct offer *s = ctx;
    bool late = s->config.until_us && loop_now_us(s->loop) >= s->config.until_us;
    if (!s->chan || o->kind != s->config.kind || late) {
        *why = late ? "ForwardX11Timeout is over" : "it is not lent";
        return REFUSAL_PROHIBITED;
    }
    if (s->count == OFFER_CONNS_MAX) {
        *why = "too many connections";
        return REFUSAL_RESOURCES;
    }
    struct conn *k = mem_new(1, sizeof *k);
    *k = (struct conn){.set = s, .chan = c};
    buf_init(&k->setup, X11_SETUP_MAX);
    timer_init(&k->timer, s->loop, on_no_setup, k);
    list_add_tail(&s->conns, &k->node);
    s->count++;
    chan_set_owner(c, k);
    if (s->config.kind == OPEN_AGENT)
        dial(k);
    else
        timer_set(&k->timer, loop_now_us(s->loop) + OFFER_SETUP_US);
    return 0;
}

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    struct offer *s = ctx;
    (void)code;
    if (c != s->chan)
        return;
    s->chan = NULL;
    say(s, "", text);
}

static void on_readable(void *ctx, struct chan *c)
{
    struct offer *s = ctx;
    struct conn *k = chan_owner(c);
    if (c == s->chan)
        offer_readable(s);
    else if (k->join.chan)
        join_readable(&k->join);
    else if (s->config.kind == OPEN_X11)
        look_at_setup(k);
}

static void on_writable(void *ctx, struct chan *c)
{
    const struct offer *s = ctx;
    if (c != s->chan)
        join_on_writable(ctx, c);
}

static void on_stopped(void *ctx, struct chan *c, enum chan_stream stream)
{
    const struct offer *s = ctx;
    if (c != s->chan)
        join_on_stopped(ctx, c, stream);
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct offer *s = ctx;
    struct conn *k = chan_owner(c);
    (void)code;
    if (c == s->chan) {
        s->chan = NULL;
        return;
    }
    k->chan = NULL;
    if (k->join.chan)
        join_broken(&k->join);
    else
        conn_free(k);
}

const struct chans_ops offer_chans_ops = {
    .opened = on_opened,
    .refused = on_refused,
    .readable = on_readable,
    .writable = on_writable,
    .stopped = on_stopped,
    .broken = on_broken,
};

/* ---- life ------------------------------------------------------------------------------------ */

struct offer *offer_new(struct loop *l, const struct offer_config *c)
{
    struct offer *s = mem_new(1, sizeof *s);
    *s = (struct offer){.loop = l, .config = *c, .to = *c->to};
    snprintf(s->pass, sizeof s->pass, "%s", c->pass);
    list_init(&s->conns);
    return s;
}

void offer_free(struct offer *s)
{
    if (!s)
        return;
    while (!list_empty(&s->conns))
        conn_free(LIST_ITEM(s->conns.next, struct conn, node));
    if (s->chan)
        chan_abandon(s->chan, STREAM_DONE);
    mem_wipe(s, sizeof *s);
    free(s);
}

void offer_start(struct offer *s, struct chans *chans, const struct offer_ops *ops)
{
    struct open_request o = {.kind = s->config.kind, .pass = {s->pass, strlen(s->pass)}};
    s->ops = *ops;
    if (!chans || chan_open(chans, &o, NULL, &s->chan)) {
        s->chan = NULL;
        say(s, "no channel for it", "");
    }
    wake(s);
}
