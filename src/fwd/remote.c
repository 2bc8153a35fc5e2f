#include "fwd/remote.h"

#include "base/list.h"
#include "base/mem.h"
#include "chan/ask.h"
#include "fwd/dial.h"
#include "fwd/join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASS_MAX (OPEN_PASS_MAX + 1)

struct forward {
    struct spec spec;
    uint32_t number; /* 0: free */
    bool udp, answered;
    /* Those of remote_open: */
    struct chan *control; /* NULL: the common one */
    struct buf in;
    void (*answer)(void *ctx, uint16_t port, const char *why);
    void *ctx;
};

struct conn {
    struct join join; /* the first: see join_on_readable */
    struct list node;
    struct remote *set;
    struct chan *chan;
    struct dial *dial; /* NULL: joined */
};

struct remote {
    struct loop *loop;
    const struct log *log;
    struct remote_ops ops;
    struct chan *control; /* NULL: not yet, or over */
    struct buf in;
    struct forward *forwards; /* REMOTE_FORWARDS_MAX, the first `count` of them in use or free */
    size_t count, waiting;
    uint32_t newest; /* number */
    bool failed;
    struct list conns;
    char pass[PASS_MAX];
};

static void wake(const struct remote *s)
{
    if (s->ops.wake)
        s->ops.wake(s->ops.ctx);
}

static void say(const struct remote *s, const char *text)
{
    log_line(s->log, LOG_INFO, "forward", "%s", text);
    if (s->ops.say)
        s->ops.say(s->ops.ctx, text);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void conn_free(struct conn *k)
{
    list_del(&k->node);
    if (k->chan && !k->join.chan)
        chan_abandon(k->chan, STREAM_DONE);
    dial_free(k->dial);
    join_fini(&k->join);
    free(k);
}

static void conn_wake(void *ctx)
{
    wake(((const struct conn *)ctx)->set);
}

static void on_over(void *ctx)
{
    struct conn *k = ctx;
    struct remote *s = k->set;
    k->chan = NULL;
    conn_free(k);
    wake(s);
}

static void on_dialled(void *ctx, int fd, const char *why)
{
    struct conn *k = ctx;
    struct chan *c = k->chan;
    k->dial = NULL;
    conn_wake(k);
    k->join = (struct join){.loop = k->set->loop, .wake = conn_wake, .over = on_over, .ctx = k};
    bool bad = fd < 0;
    if (bad)
        chan_refuse(c, REFUSAL_CONNECT_FAILED, why);
    else if ((bad = join_start(&k->join, c, fd) != 0))
        chan_refuse(c, REFUSAL_RESOURCES, "too many open files");
    if (bad) {
        k->chan = NULL;
        conn_free(k);
        return;
    }
    chan_accept(c);
}

static struct forward *by_number(struct remote *s, uint32_t number)
{
    for (size_t i = 0; number && i < s->count; i++)
        if (s->forwards[i].number == number)
            return &s->forwards[i];
    return NULL;
}

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct remote *s = ctx;
    const struct forward *f = by_number(s, o->forward);
    if (o->kind != OPEN_FORWARDED_TCP || !f || f->udp) {
        *why = "nothing is forwarded to here";
        return REFUSAL_PROHIBITED;
    }
    const struct spec_end *to = &f->spec.to;
    struct conn *k = mem_new(1, sizeof *k);
    *k = (struct conn){.set = s, .chan = c};
    list_add_tail(&s->conns, &k->node);
    chan_set_owner(c, k);
    struct dial_config d = {.port = to->port, .done = on_dialled, .ctx = k};
    if (to->path[0])
        d.path = to->path;
    else
        d.host = to->host;
    k->dial = dial_new(s->loop, &d);
    return 0;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void check_answered(struct remote *s)
{
    if (!s->waiting && s->ops.answered) {
        void (*answered)(void *ctx, bool failed) = s->ops.answered;
        s->ops.answered = NULL;
        answered(s->ops.ctx, s->failed);
    }
}

/* In ssh's words. */
static void on_answer(struct remote *s, const struct ask *a)
{
    char text[SPEC_TEXT + 128], to[SPEC_TEXT];
    struct forward *f = by_number(s, a->number);
    if (!f || f->answered || f->control)
        return;
    f->answered = true;
    s->waiting--;
    if (!a->port) {
        s->failed = true;
        snprintf(text, sizeof text, "%s: remote port forwarding failed for listen port %u%s",
                 s->ops.strict ? "Error" : "Warning", f->spec.listen.port, f->udp ? " (udp)" : "");
        say(s, text);
    } else if (!f->spec.listen.port) {
        if (f->spec.to.path[0])
            snprintf(to, sizeof to, "%s", f->spec.to.path);
        else
            snprintf(to, sizeof to, "%s:%u", f->spec.to.host, f->spec.to.port);
        snprintf(text, sizeof text, "Allocated port %u for remote forward to %s", a->port, to);
        say(s, text);
    }
}

static void read_answers(struct remote *s)
{
    struct ask a;
    size_t len, used;
    const uint8_t *p = chan_peek(s->control, CHAN_DATA, &len);
    int got = 0;
    while (len && got >= 0) {
        size_t n = len < buf_room(&s->in) ? len : buf_room(&s->in);
        buf_put(&s->in, p, n);
        p += n;
        len -= n;
        while ((got = ask_get(buf_data(&s->in), buf_len(&s->in), &a, &used)) == 1) {
            on_answer(s, &a);
            buf_skip(&s->in, used);
        }
    }
    for (int i = 0; i < CHAN_STREAMS; i++) {
        chan_peek(s->control, (enum chan_stream)i, &len);
        chan_consume(s->control, (enum chan_stream)i, len);
    }
    check_answered(s);
}

/* ---- one by one ---- */

static void close_forward(struct forward *f)
{
    if (f->control)
        chan_release(f->control);
    buf_fini(&f->in);
    *f = (struct forward){0};
}

static void settle(struct forward *f, uint16_t port, const char *why)
{
    void (*answer)(void *ctx, uint16_t port, const char *why) = f->answer;
    void *ctx = f->ctx;
    f->answer = NULL;
    f->answered = true;
    if (!port)
        close_forward(f);
    if (answer)
        answer(ctx, port, why);
}

static struct forward *by_control(struct remote *s, const struct chan *c)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->forwards[i].number && s->forwards[i].control == c)
            return &s->forwards[i];
    return NULL;
}

static void read_answer(struct forward *f)
{
    struct ask a;
    size_t len, used;
    char why[ASK_TEXT + 1] = "the server said nonsense";
    const uint8_t *p = chan_peek(f->control, CHAN_DATA, &len);
    buf_put(&f->in, p, len);
    int err = buf_err(&f->in), got = 0;
    for (int i = 0; i < CHAN_STREAMS; i++) {
        chan_peek(f->control, (enum chan_stream)i, &len);
        chan_consume(f->control, (enum chan_stream)i, len);
    }
    if (!err)
        got = ask_get(buf_data(&f->in), buf_len(&f->in), &a, &used);
    if (f->answered || (!err && !got))
        return;
    if (got == 1 && a.number == f->number) {
        snprintf(why, sizeof why, "%.*s", (int)a.text.len, a.text.len ? a.text.p : "");
        buf_clear(&f->in);
        settle(f, a.port, why);
    } else {
        settle(f, 0, why);
    }
}

/* Nobody will answer any more. */
static void lose_control(struct remote *s)
{
    s->control = NULL;
    if (!s->waiting)
        return;
    say(s, "remote port forwarding failed: the server does not serve it");
    s->waiting = 0;
    s->failed = true;
    check_answered(s);
}

/* ---- what channels tell ---------------------------------------------------------------------- */

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    struct forward *f = by_control(ctx, c);
    (void)code;
    if (!f) {
        lose_control(ctx);
        return;
    }
    f->control = NULL;
    settle(f, 0, text);
}

static void on_readable(void *ctx, struct chan *c)
{
    struct remote *s = ctx;
    struct conn *k = chan_owner(c);
    struct forward *f = by_control(s, c);
    if (f)
        read_answer(f);
    else if (c == s->control)
        read_answers(s);
    else if (k && k->join.chan)
        join_readable(&k->join);
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct remote *s = ctx;
    struct conn *k = chan_owner(c);
    struct forward *f = by_control(s, c);
    (void)code;
    if (f) {
        f->control = NULL;
        settle(f, 0, "the connection to the server is over");
    } else if (c == s->control) {
        lose_control(s);
    } else if (k) {
        k->chan = NULL;
        if (k->join.chan)
            join_broken(&k->join);
        else
            conn_free(k);
    }
}

const struct chans_ops remote_chans_ops = {
    .opened = on_opened,
    .refused = on_refused,
    .readable = on_readable,
    .writable = join_on_writable,
    .stopped = join_on_stopped,
    .broken = on_broken,
};

/* ---- life ------------------------------------------------------------------------------------ */

struct remote *remote_new(struct loop *l, const struct log *log, const char *pass)
{
    struct remote *s = mem_new(1, sizeof *s);
    s->loop = l;
    s->log = log;
    s->forwards = mem_new(REMOTE_FORWARDS_MAX, sizeof *s->forwards);
    buf_init(&s->in, ASK_MAX + 2);
    list_init(&s->conns);
    snprintf(s->pass, sizeof s->pass, "%s", pass);
    return s;
}

void remote_free(struct remote *s)
{
    if (!s)
        return;
    s->ops = (struct remote_ops){0};
    for (size_t i = 0; i < s->count; i++)
        close_forward(&s->forwards[i]);
    while (!list_empty(&s->conns))
        conn_free(LIST_ITEM(s->conns.next, struct conn, node));
    if (s->control)
        chan_release(s->control);
    buf_fini(&s->in);
    mem_wipe(s->pass, sizeof s->pass);
    free(s->forwards);
    free(s);
}

int remote_add(struct remote *s, const struct spec *spec, bool udp)
{
    if (s->count == REMOTE_FORWARDS_MAX)
        return ERR_CAP;
    s->forwards[s->count++] = (struct forward){.spec = *spec, .udp = udp, .number = ++s->newest};
    s->waiting++;
    return ERR_OK;
}

const struct spec_end *remote_udp(const struct remote *s, uint32_t number)
{
    bool known = number && number <= s->count && s->forwards[number - 1].udp;
    return known ? &s->forwards[number - 1].spec.to : NULL;
}

static void ask_all(struct remote *s)
{
    struct buf b;
    buf_init(&b, REMOTE_FORWARDS_MAX * (ASK_MAX + 2));
    for (size_t i = 0; i < s->count; i++) {
        const struct spec_end *at = &s->forwards[i].spec.listen;
        ask_put(&b, &(struct ask){.number = s->forwards[i].number,
                                  .named = at->named,
                                  .host = {at->host, strlen(at->host)},
                                  .port = at->port,
                                  .pass = {s->pass, strlen(s->pass)},
                                  .udp = s->forwards[i].udp});
    }
    /* Even with long names less than the first window; what did not fit fails. */
    if (chan_write(s->control, CHAN_DATA, buf_data(&b), buf_len(&b)) != buf_len(&b)) {
        chan_abandon(s->control, STREAM_INTERNAL);
        lose_control(s);
    }
    buf_fini(&b);
}

void remote_start(struct remote *s, struct chans *chans, const struct remote_ops *ops)
{
    s->ops = *ops;
    if (chan_open(chans, &(struct open_request){.kind = OPEN_CONTROL}, NULL, &s->control)) {
        s->control = NULL;
        lose_control(s);
        return;
    }
    ask_all(s);
    wake(s);
}

void remote_serve(struct remote *s, const struct remote_ops *ops)
{
    s->ops = *ops;
}

void remote_pass(struct remote *s, const char *pass)
{
    snprintf(s->pass, sizeof s->pass, "%s", pass);
}

static struct forward *free_forward(struct remote *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (!s->forwards[i].number)
            return &s->forwards[i];
    return s->count < REMOTE_FORWARDS_MAX ? &s->forwards[s->count++] : NULL;
}

int remote_open(struct remote *s, struct chans *chans, const struct spec *spec,
                void (*answer)(void *ctx, uint16_t port, const char *why), void *ctx,
                uint32_t *number)
{
    const struct spec_end *at = &spec->listen;
    struct forward *f = free_forward(s);
    struct buf b;
    if (!f)
        return ERR_CAP;
    *f = (struct forward){.spec = *spec, .number = ++s->newest, .answer = answer, .ctx = ctx};
    buf_init(&f->in, ASK_MAX + 2);
    if (chan_open(chans, &(struct open_request){.kind = OPEN_CONTROL}, NULL, &f->control)) {
        f->control = NULL;
        close_forward(f);
        return ERR_STATE;
    }
    buf_init(&b, ASK_MAX + 2);
    ask_put(&b, &(struct ask){.number = f->number,
                              .named = at->named,
                              .host = {at->host, strlen(at->host)},
                              .port = at->port,
                              .pass = {s->pass, strlen(s->pass)}});
    (void)!chan_write(f->control, CHAN_DATA, buf_data(&b), buf_len(&b)); /* far below the window */
    buf_fini(&b);
    *number = f->number;
    wake(s);
    return ERR_OK;
}

void remote_close(struct remote *s, uint32_t number)
{
    struct forward *f = by_number(s, number);
    if (f)
        close_forward(f);
    wake(s);
}

bool remote_busy(const struct remote *s)
{
    return !list_empty(&s->conns);
}
