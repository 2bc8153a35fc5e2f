#include "fwd/far.h"

#include "base/list.h"
#include "base/mem.h"
#include "fwd/dial.h"
#include "fwd/join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct far {
    struct loop *loop;
    struct far_config config;
    struct list conns;
    size_t count;
};

struct conn {
    struct join join; /* the first: see join_on_readable */
    struct list node;
    struct far *set;
    struct chan *chan;
    struct dial *dial; /* NULL: joined */
};

static void conn_free(struct conn *k)
{
    list_del(&k->node);
    k->set->count--;
    dial_free(k->dial);
    join_fini(&k->join);
    free(k);
}

static void wake(void *ctx)
{
    const struct conn *k = ctx;
    if (k->set->config.wake)
        k->set->config.wake(k->set->config.ctx);
}

static void on_over(void *ctx)
{
    wake(ctx);
    conn_free(ctx);
}

static void on_dialled(void *ctx, int fd, const char *why)
{
    struct conn *k = ctx;
    struct chan *c = k->chan;
    k->dial = NULL;
    wake(k);
    if (fd < 0) {
        log_line(k->set->config.log, LOG_INFO, "forward", "%u: connect failed", chan_number(c));
        chan_refuse(c, REFUSAL_CONNECT_FAILED, why);
        conn_free(k);
        return;
    }
    k->join = (struct join){.loop = k->set->loop, .wake = wake, .over = on_over, .ctx = k};
    if (join_start(&k->join, c, fd)) {
        chan_refuse(c, REFUSAL_RESOURCES, "too many open files");
        conn_free(k);
        return;
    }
    chan_accept(c);
    log_line(k->set->config.log, LOG_DEBUG, "forward", "%u: connected", chan_number(c));
}

/* ---- what channels tell ---------------------------------------------------------------------- */

/* 0, or why it may not be. */
static int judge(const struct far *s, const struct open_request *o, const char **why)
{
    bool is_path = o->kind == OPEN_DIRECT_UNIX;
    if (!passes_hold(s->config.passes, is_path ? PASS_UNIX : PASS_TCP, o->pass.p, o->pass.len)) {
        *why = "open failed"; /* sshd's words */
        return REFUSAL_PROHIBITED;
    }
    if (is_path ? !o->path.len : !o->host.len || !o->port) {
        *why = "no destination";
        return REFUSAL_CONNECT_FAILED;
    }
    if (s->count == FAR_CONNS_MAX) {
        *why = "too many connections";
        return REFUSAL_RESOURCES;
    }
    return 0;
}

int far_lead(void *ctx, const struct open_request *o, char host[static SPEC_HOST], uint16_t *port,
             const char **why)
{
    const struct passes *passes = ctx;
    *why = "open failed";
    if (!passes_hold(passes, PASS_TCP, o->pass.p, o->pass.len))
        return REFUSAL_PROHIBITED;
    *why = "no destination";
    if (!o->host.len || o->host.len >= SPEC_HOST || !o->port)
        return REFUSAL_CONNECT_FAILED;
    snprintf(host, SPEC_HOST, "%.*s", (int)o->host.len, o->host.p);
    *port = o->port;
    return 0;
}

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct far *s = ctx;
    int code = judge(s, o, why);
    if (code)
        return code;
    struct conn *k = mem_new(1, sizeof *k);
    *k = (struct conn){.set = s, .chan = c};
    list_add_tail(&s->conns, &k->node);
    s->count++;
    chan_set_owner(c, k);
    char *name = text_copy(o->kind == OPEN_DIRECT_UNIX ? o->path : o->host);
    struct dial_config d = {.port = o->port, .done = on_dialled, .ctx = k};
    if (o->kind == OPEN_DIRECT_UNIX)
        d.path = name;
    else
        d.host = name;
    k->dial = dial_new(s->loop, &d);
    free(name);
    return 0;
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct conn *k = chan_owner(c);
    (void)ctx;
    (void)code;
    if (k && k->join.chan)
        join_broken(&k->join);
    else if (k)
        conn_free(k);
}

const struct chans_ops far_chans_ops = {
    .opened = on_opened,
    .readable = join_on_readable,
    .writable = join_on_writable,
    .stopped = join_on_stopped,
    .broken = on_broken,
};

/* ---- life ------------------------------------------------------------------------------------ */

struct far *far_new(struct loop *l, const struct far_config *c)
{
    struct far *s = mem_new(1, sizeof *s);
    s->loop = l;
    s->config = *c;
    list_init(&s->conns);
    return s;
}

void far_free(struct far *s)
{
    if (!s)
        return;
    while (!list_empty(&s->conns))
        conn_free(LIST_ITEM(s->conns.next, struct conn, node));
    free(s);
}
