#include "fwd/remote_far.h"

#include "base/list.h"
#include "base/mem.h"
#include "chan/ask.h"
#include "fwd/join.h"
#include "fwd/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct remote_far {
    struct loop *loop;
    struct remote_far_config config;
    struct list controls, conns;
    size_t listeners, conn_count;
};

/* One client's channel of requests. */
struct control {
    struct list node;
    struct remote_far *set;
    struct chan *chan;
    struct buf in;
    struct list listeners;
};

struct listener_of {
    struct list node;
    struct control *control;
    uint32_t number;
    struct spec_end at;
    struct listen *listen;         /* one of the two */
    struct assoc_listener *assocs; /* UDP */
};

struct conn {
    struct list node;
    struct remote_far *set;
    struct join join;
};

static void wake(const struct remote_far *s)
{
    if (s->config.wake)
        s->config.wake(s->config.ctx);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void conn_free(struct conn *k)
{
    list_del(&k->node);
    k->set->conn_count--;
    join_fini(&k->join);
    free(k);
}

static void conn_wake(void *ctx)
{
    wake(((const struct conn *)ctx)->set);
}

static void on_over(void *ctx)
{
    conn_wake(ctx);
    conn_free(ctx);
}

static void on_connection(void *ctx, int fd, const struct addr *from)
{
    const struct listener_of *l = ctx;
    struct remote_far *s = l->control->set;
    struct chan *c;
    char origin[ADDR_TEXT];
    addr_format_ip(from, origin);
    struct open_request o = {.kind = OPEN_FORWARDED_TCP,
                             .forward = l->number,
                             .port = listen_port(l->listen),
                             .origin = {origin, strlen(origin)},
                             .origin_port = from->port};
    if (s->conn_count == REMOTE_CONNS_MAX || chan_open(chan_set(l->control->chan), &o, NULL, &c)) {
        close(fd);
        return;
    }
    struct conn *k = mem_new(1, sizeof *k);
    *k = (struct conn){.set = s,
                       .join = {.loop = s->loop, .wake = conn_wake, .over = on_over, .ctx = k}};
    list_add_tail(&s->conns, &k->node);
    s->conn_count++;
    chan_set_owner(c, k);
    if (join_start(&k->join, c, fd)) {
        chan_abandon(c, STREAM_INTERNAL);
        conn_free(k);
    }
    wake(s);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void listener_free(struct listener_of *l)
{
    list_del(&l->node);
    l->control->set->listeners--;
    listen_free(l->listen);
    assoc_listener_free(l->assocs);
    free(l);
}

static void control_free(struct control *k)
{
    list_del(&k->node);
    while (!list_empty(&k->listeners))
        listener_free(LIST_ITEM(k->listeners.next, struct listener_of, node));
    buf_fini(&k->in);
    free(k);
}

static bool is(struct text t, const char *what)
{
    return t.len == strlen(what) && !memcmp(t.p, what, t.len);
}

/* As sshd binds (openssh-mux.md §5): loopback whatever is asked, but for the family, or as asked.
 */
static void place(const struct ask *a, bool any, struct spec_end *at)
{
    bool family = a->named && (is(a->host, "127.0.0.1") || is(a->host, "::1"));
    *at = (struct spec_end){.port = a->port, .named = a->named && (any || family)};
    if (at->named)
        snprintf(at->host, sizeof at->host, "%.*s", (int)a->host.len, a->host.p);
}

static int listen_tcp(struct listener_of *l, char why[static LISTEN_ERROR])
{
    struct listen_config c = {.at = &l->at, .accepted = on_connection, .ctx = l};
    return listen_new(l->control->set->loop, &c, why, &l->listen);
}

static int listen_udp(struct listener_of *l, char why[static LISTEN_ERROR])
{
    struct assoc_place p = {.at = &l->at, .forward = l->number};
    return assoc_listen(l->control->set->config.assocs, &p, why, &l->assocs);
}

/* NULL, or why not. */
static const char *obey(struct control *k, const struct ask *a, uint16_t *port,
                        char why[static LISTEN_ERROR])
{
    struct remote_far *s = k->set;
    bool any = passes_hold(s->config.passes, PASS_LISTEN_ANY, a->pass.p, a->pass.len);
    if (!any && !passes_hold(s->config.passes, PASS_LISTEN, a->pass.p, a->pass.len))
        return "not allowed";
    if (s->listeners == REMOTE_LISTENERS_MAX)
        return "too many forwards";
    struct listener_of *l = mem_new(1, sizeof *l);
    *l = (struct listener_of){.control = k, .number = a->number};
    place(a, any, &l->at);
    if (a->udp ? listen_udp(l, why) : listen_tcp(l, why)) {
        free(l);
        return why;
    }
    list_add_tail(&k->listeners, &l->node);
    s->listeners++;
    *port = a->udp ? assoc_listener_port(l->assocs) : listen_port(l->listen);
    if (a->udp ? !assoc_listener_start(l->assocs, chan_set(k->chan)) : !listen_start(l->listen))
        return NULL;
    listener_free(l);
    return "too many open files";
}

static void answer(struct control *k, const struct ask *a)
{
    struct buf b;
    char why[LISTEN_ERROR] = "";
    struct ask reply = {.number = a->number};
    const char *text = obey(k, a, &reply.port, why);
    if (text)
        reply = (struct ask){.number = a->number, .text = {text, strlen(text)}};
    log_line(k->set->config.log, LOG_INFO, "forward", "remote %u: port %u", a->number, reply.port);
    buf_init(&b, ASK_MAX + 2);
    ask_put(&b, &reply);
    (void)!chan_write(k->chan, CHAN_DATA, buf_data(&b), buf_len(&b)); /* far below any window */
    buf_fini(&b);
    wake(k->set);
}

/* False: nonsense. */
static bool read_asks(struct control *k)
{
    struct ask a;
    size_t len, used;
    const uint8_t *p = chan_peek(k->chan, CHAN_DATA, &len);
    int got;
    while (len) {
        size_t n = len < buf_room(&k->in) ? len : buf_room(&k->in);
        buf_put(&k->in, p, n);
        p += n;
        len -= n;
        while ((got = ask_get(buf_data(&k->in), buf_len(&k->in), &a, &used)) == 1) {
            answer(k, &a);
            buf_skip(&k->in, used);
        }
        if (got < 0)
            return false;
    }
    chan_peek(k->chan, CHAN_DATA, &len);
    chan_consume(k->chan, CHAN_DATA, len);
    chan_peek(k->chan, CHAN_STDERR, &len);
    chan_consume(k->chan, CHAN_STDERR, len);
    return true;
}

static void control_readable(struct control *k)
{
    struct chan *c = k->chan;
    if (!read_asks(k)) {
        control_free(k);
        chan_abandon(c, STREAM_SYNTAX);
    } else if (chan_over(c)) {
        control_free(k);
        chan_release(c);
    }
}

/* ---- what channels tell ---------------------------------------------------------------------- */

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct remote_far *s = ctx;
    if (o->kind != OPEN_CONTROL) {
        *why = "nothing is forwarded to here";
        return REFUSAL_PROHIBITED;
    }
    struct control *k = mem_new(1, sizeof *k);
    *k = (struct control){.set = s, .chan = c};
    buf_init(&k->in, ASK_MAX + 2);
    list_init(&k->listeners);
    list_add_tail(&s->controls, &k->node);
    chan_set_owner(c, k);
    chan_accept(c);
    return 0;
}

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    struct conn *k = chan_owner(c);
    (void)ctx;
    (void)code;
    (void)text;
    k->join.chan = NULL;
    conn_free(k);
}

static bool is_control(const struct chan *c)
{
    return chan_kind(c) == OPEN_CONTROL;
}

static void on_readable(void *ctx, struct chan *c)
{
    (void)ctx;
    if (is_control(c))
        control_readable(chan_owner(c));
    else
        join_readable(&((struct conn *)chan_owner(c))->join);
}

static void on_writable(void *ctx, struct chan *c)
{
    (void)ctx;
    if (!is_control(c))
        join_writable(&((struct conn *)chan_owner(c))->join);
}

static void on_stopped(void *ctx, struct chan *c, enum chan_stream stream)
{
    (void)ctx;
    if (!is_control(c))
        join_stopped(&((struct conn *)chan_owner(c))->join, stream);
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    (void)ctx;
    (void)code;
    if (is_control(c))
        control_free(chan_owner(c));
    else
        join_broken(&((struct conn *)chan_owner(c))->join);
}

const struct chans_ops remote_far_ops = {
    .opened = on_opened,
    .refused = on_refused,
    .readable = on_readable,
    .writable = on_writable,
    .stopped = on_stopped,
    .broken = on_broken,
};

/* ---- life ------------------------------------------------------------------------------------ */

struct remote_far *remote_far_new(struct loop *l, const struct remote_far_config *c)
{
    struct remote_far *s = mem_new(1, sizeof *s);
    s->loop = l;
    s->config = *c;
    list_init(&s->controls);
    list_init(&s->conns);
    return s;
}

void remote_far_free(struct remote_far *s)
{
    if (!s)
        return;
    while (!list_empty(&s->controls))
        control_free(LIST_ITEM(s->controls.next, struct control, node));
    while (!list_empty(&s->conns))
        conn_free(LIST_ITEM(s->conns.next, struct conn, node));
    free(s);
}
