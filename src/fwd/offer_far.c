#include "fwd/offer_far.h"

#include "base/list.h"
#include "base/mem.h"
#include "fwd/join.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct offer_far {
    struct loop *loop;
    struct offer_far_config config;
    struct list places, conns;
    size_t place_count, offer_count, conn_count;
};

struct place {
    struct list node;
    struct offer_far *set;
    uint32_t sid;
    enum open_kind kind;
    struct spec_end at;
    struct listen_config rules;
    uint8_t cookie[X11_FAKE];
    struct listen *listen; /* NULL: a unix socket that nobody serves now */
    bool started;          /* listen_start */
    bool taking;           /* else what connects waits for a client that is expected */
    struct timer first;
    struct list offers;
};

/* A client's channel that says so. */
struct lender {
    struct list node;
    struct place *place;
    struct chan *chan;
};

struct conn {
    struct join join;
    struct list node;
    struct offer_far *set;
    uint32_t sid;
};

static void wake(const struct offer_far *s)
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

/* Better than the other: who typed last, else who was heard last. */
static bool is_better(const struct offer_client *a, const struct offer_client *b)
{
    if (a->typist != b->typist)
        return a->typist;
    return a->active > b->active;
}

/* NULL: nobody is there. */
static struct lender *choose(const struct place *p)
{
    const struct offer_far_config *c = &p->set->config;
    struct lender *best = NULL;
    struct offer_client client, most = {0};
    LIST_EACH(n, &p->offers)
    {
        struct lender *l = LIST_ITEM(n, struct lender, node);
        if (!c->client(c->ctx, chan_set(l->chan), &client) || !client.present)
            continue;
        if (!best || is_better(&client, &most)) {
            best = l;
            most = client;
        }
    }
    return best;
}

static void on_connection(void *ctx, int fd, const struct addr *from)
{
    const struct place *p = ctx;
    struct offer_far *s = p->set;
    const struct lender *l = s->conn_count < OFFER_FAR_CONNS_MAX ? choose(p) : NULL;
    struct open_request o = {.kind = p->kind};
    struct chan *c;
    (void)from;
    if (!l || chan_open(chan_set(l->chan), &o, NULL, &c)) {
        log_line(s->config.log, LOG_INFO, "forward", "a connection to %s: %s",
                 chan_kind_text(p->kind), l ? "no channel for it" : "nobody serves it now");
        close(fd);
        return;
    }
    struct conn *k = mem_new(1, sizeof *k);
    *k = (struct conn){.set = s,
                       .sid = p->sid,
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

/* ---- places ---------------------------------------------------------------------------------- */

static struct place *place_of(const struct offer_far *s, uint32_t sid, enum open_kind kind)
{
    LIST_EACH(n, &s->places)
    {
        struct place *p = LIST_ITEM(n, struct place, node);
        if (p->sid == sid && p->kind == kind)
            return p;
    }
    return NULL;
}

static int place_bind(struct place *p, char why[static LISTEN_ERROR])
{
    if (p->listen)
        return ERR_OK;
    int err = listen_new(p->set->loop, &p->rules, why, &p->listen);
    if (err)
        p->listen = NULL;
    return err;
}

/* A port stays ours, and closes what connects. */
static void place_unbind(struct place *p)
{
    timer_clear(&p->first);
    if (!p->at.path[0])
        return;
    listen_free(p->listen);
    p->listen = NULL;
    p->started = p->taking = false;
}

static void place_take(struct place *p)
{
    char why[LISTEN_ERROR] = "";
    timer_clear(&p->first);
    if (p->taking || place_bind(p, why))
        return;
    if (p->started)
        listen_pause(p->listen, false);
    else
        p->started = !listen_start(p->listen);
    p->taking = p->started;
}

static void on_nobody(void *ctx)
{
    struct place *p = ctx;
    if (p->at.path[0])
        place_unbind(p);
    else
        place_take(p);
}

static void lender_free(struct lender *l)
{
    struct place *p = l->place;
    list_del(&l->node);
    p->set->offer_count--;
    free(l);
    if (list_empty(&p->offers))
        place_unbind(p);
}

static void place_free(struct place *p)
{
    list_del(&p->node);
    p->set->place_count--;
    LIST_EACH_SAFE(n, tmp, &p->offers)
    {
        struct lender *l = LIST_ITEM(n, struct lender, node);
        chan_release(l->chan);
        lender_free(l);
    }
    timer_clear(&p->first);
    listen_free(p->listen);
    mem_wipe(p, sizeof *p);
    free(p);
}

int offer_far_place(struct offer_far *s, uint32_t sid, enum open_kind kind,
                    const struct listen_config *rules, const uint8_t *cookie,
                    char why[static LISTEN_ERROR])
{
    why[0] = 0;
    if (s->place_count == OFFER_FAR_PLACES_MAX)
        return ERR_CAP;
    if (place_of(s, sid, kind))
        return ERR_STATE;
    struct place *p = mem_new(1, sizeof *p);
    *p = (struct place){.set = s, .sid = sid, .kind = kind, .at = *rules->at, .rules = *rules};
    p->rules.at = &p->at;
    p->rules.accepted = on_connection;
    p->rules.ctx = p;
    if (cookie)
        memcpy(p->cookie, cookie, sizeof p->cookie);
    list_init(&p->offers);
    timer_init(&p->first, s->loop, on_nobody, p);
    int err = place_bind(p, why);
    if (err) {
        free(p);
        return err;
    }
    timer_set(&p->first, loop_now_us(s->loop) + OFFER_FAR_FIRST_US);
    list_add_tail(&s->places, &p->node);
    s->place_count++;
    return ERR_OK;
}

void offer_far_expect(struct offer_far *s, uint32_t sid, enum open_kind kind)
{
    char why[LISTEN_ERROR];
    struct place *p = place_of(s, sid, kind);
    if (!p || !list_empty(&p->offers) || place_bind(p, why))
        return;
    if (p->started)
        listen_pause(p->listen, true);
    p->taking = false;
    timer_set(&p->first, loop_now_us(s->loop) + OFFER_FAR_FIRST_US);
}

void offer_far_forget(struct offer_far *s, uint32_t sid)
{
    LIST_EACH_SAFE(n, tmp, &s->places)
    {
        struct place *p = LIST_ITEM(n, struct place, node);
        if (p->sid == sid)
            place_free(p);
    }
    LIST_EACH_SAFE(n, tmp, &s->conns)
    {
        struct conn *k = LIST_ITEM(n, struct conn, node);
        if (k->sid == sid)
            conn_free(k);
    }
    wake(s);
}

/* ---- what channels tell ---------------------------------------------------------------------- */

/* Is it an offer, or a connection? */
static struct lender *lender_of(const struct offer_far *s, const struct chan *c)
{
    LIST_EACH(n, &s->places)
    {
        struct place *p = LIST_ITEM(n, struct place, node);
        LIST_EACH(m, &p->offers)
        {
            struct lender *l = LIST_ITEM(m, struct lender, node);
            if (l->chan == c)
                return l;
        }
    }
    return NULL;
}

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct offer_far *s = ctx;
    struct offer_client client;
    enum pass_kind pass = o->kind == OPEN_AGENT ? PASS_AGENT : PASS_X11;
    if (!passes_hold(s->config.passes, pass, o->pass.p, o->pass.len) ||
        !s->config.client(s->config.ctx, chan_set(c), &client)) {
        *why = "not allowed";
        return REFUSAL_PROHIBITED;
    }
    struct place *p = place_of(s, client.sid, o->kind);
    if (!p) {
        *why = "this session was started without it";
        return REFUSAL_CONNECT_FAILED;
    }
    if (s->offer_count == OFFER_FAR_OFFERS_MAX) {
        *why = "too many offers";
        return REFUSAL_RESOURCES;
    }
    struct lender *l = mem_new(1, sizeof *l);
    *l = (struct lender){.place = p, .chan = c};
    list_add_tail(&p->offers, &l->node);
    s->offer_count++;
    chan_accept(c);
    if (o->kind == OPEN_X11) /* far below any window */
        (void)!chan_write(c, CHAN_DATA, p->cookie, sizeof p->cookie);
    place_take(p);
    log_line(s->config.log, LOG_INFO, "forward", "%u: %s is lent to us", chan_number(c),
             chan_kind_text(o->kind));
    wake(s);
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

static void on_readable(void *ctx, struct chan *c)
{
    struct lender *l = lender_of(ctx, c);
    size_t len;
    if (!l) {
        join_readable(&((struct conn *)chan_owner(c))->join);
        return;
    }
    for (int i = 0; i < CHAN_STREAMS; i++) { /* nothing is said there */
        chan_peek(c, (enum chan_stream)i, &len);
        chan_consume(c, (enum chan_stream)i, len);
    }
    if (chan_over(c)) {
        chan_release(c);
        lender_free(l);
    }
}

static void on_writable(void *ctx, struct chan *c)
{
    if (!lender_of(ctx, c))
        join_writable(&((struct conn *)chan_owner(c))->join);
}

static void on_stopped(void *ctx, struct chan *c, enum chan_stream stream)
{
    if (!lender_of(ctx, c))
        join_stopped(&((struct conn *)chan_owner(c))->join, stream);
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct lender *l = lender_of(ctx, c);
    (void)code;
    if (l)
        lender_free(l);
    else
        join_broken(&((struct conn *)chan_owner(c))->join);
}

const struct chans_ops offer_far_ops = {
    .opened = on_opened,
    .refused = on_refused,
    .readable = on_readable,
    .writable = on_writable,
    .stopped = on_stopped,
    .broken = on_broken,
};

/* ---- life ------------------------------------------------------------------------------------ */

struct offer_far *offer_far_new(struct loop *l, const struct offer_far_config *c)
{
    struct offer_far *s = mem_new(1, sizeof *s);
    s->loop = l;
    s->config = *c;
    list_init(&s->places);
    list_init(&s->conns);
    return s;
}

void offer_far_free(struct offer_far *s)
{
    if (!s)
        return;
    while (!list_empty(&s->places))
        place_free(LIST_ITEM(s->places.next, struct place, node));
    while (!list_empty(&s->conns))
        conn_free(LIST_ITEM(s->conns.next, struct conn, node));
    free(s);
}
