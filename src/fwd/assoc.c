#include "fwd/assoc.h"

#include "base/list.h"
#include "base/mem.h"
#include "fwd/packets.h"
#include "io/dgram.h"
#include "io/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_US 5000000u
/* Datagrams of one socket in one turn. */
#define TURN 64
/* A datagram up to this length is sent again to the next address of a name, where nobody listens at
 * the first one. */
#define AGAIN_MAX 2048

struct assocs {
    struct loop *loop;
    struct assocs_config config;
    struct assocs_ops ops;
    struct list all; /* the one that was idle for the longest first */
    size_t count;
    struct timer timer;
    uint8_t *space; /* DGRAM_MAX */
};

struct assoc_listener {
    struct assocs *set;
    struct spec_end at, to;
    bool direct; /* `to` is asked for, else the forward */
    char pass[OPEN_PASS_MAX + 1];
    uint32_t forward;
    struct chans *chans; /* NULL: not started, or their connection is over */
    struct listen *listen;
};

struct assoc {
    struct list node;
    struct assocs *set;
    struct chan *chan;
    uint64_t used_us;
    unsigned out, in; /* datagrams from where it began and from the other side, up to 2 */

    /* Ours: it began at a listener. */
    struct assoc_listener *listener; /* NULL: the peer's */
    struct dgram_ends ends;
    int fd; /* the listener's; of the peer's its own, -1: not yet */

    /* The peer's. */
    struct resolve *resolve;
    struct addr addrs[RESOLVE_MAX];
    size_t addr_count, addr_next;
    struct watch *watch;
    uint8_t again[AGAIN_MAX]; /* sent last, until something has come back */
    size_t again_len;
};

static void wake(const struct assocs *s)
{
    if (s->ops.wake)
        s->ops.wake(s->ops.ctx);
}

static void say(const struct assocs *s, const char *text)
{
    log_line(s->config.log, LOG_INFO, "udp", "%s", text);
    if (s->ops.say)
        s->ops.say(s->ops.ctx, text);
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct assoc *assoc_new(struct assocs *s, struct chan *c)
{
    struct assoc *k = mem_new(1, sizeof *k);
    k->set = s;
    k->chan = c;
    k->fd = -1;
    k->used_us = loop_now_us(s->loop);
    list_add_tail(&s->all, &k->node);
    if (!s->count++)
        timer_set(&s->timer, k->used_us + LOOK_US);
    return k;
}

static void let_go(struct assoc *k)
{
    watch_free(k->watch);
    k->watch = NULL;
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
}

/* Its channel goes on to its end by itself. */
static void assoc_free(struct assoc *k)
{
    struct assocs *s = k->set;
    list_del(&k->node);
    s->count--;
    if (k->chan)
        chan_release(k->chan);
    resolve_free(k->resolve);
    if (!k->listener)
        let_go(k);
    free(k);
    wake(s);
}

static void use(struct assoc *k, unsigned *count)
{
    struct assocs *s = k->set;
    *count += *count < 2;
    k->used_us = loop_now_us(s->loop);
    list_del(&k->node);
    list_add_tail(&s->all, &k->node);
}

static void on_look(void *ctx)
{
    struct assocs *s = ctx;
    uint64_t now_us = loop_now_us(s->loop);
    LIST_EACH_SAFE(n, tmp, &s->all)
    {
        struct assoc *k = LIST_ITEM(n, struct assoc, node);
        bool lasting = k->in > 1 && k->out > 1;
        uint64_t idle_us = lasting ? ASSOC_IDLE_LONG_US : ASSOC_IDLE_SHORT_US;
        if (k->listener && now_us - k->used_us > idle_us)
            assoc_free(k);
    }
    if (s->count)
        timer_set(&s->timer, now_us + LOOK_US);
}

static void make_room(struct assocs *s)
{
    if (s->count >= ASSOCS_MAX)
        assoc_free(LIST_ITEM(s->all.next, struct assoc, node));
}

/* ---- ours: what comes to a listener ---------------------------------------------------------- */

static bool same_ends(const struct dgram_ends *x, const struct dgram_ends *y)
{
    return addr_equal(&x->from, &y->from) && addr_equal(&x->here, &y->here);
}

/* The one used last is looked at first. */
static struct assoc *find(const struct assoc_listener *l, int fd, const struct dgram_ends *e)
{
    struct assocs *s = l->set;
    for (struct list *n = s->all.prev; n != &s->all; n = n->prev) {
        struct assoc *k = LIST_ITEM(n, struct assoc, node);
        if (k->listener == l && k->fd == fd && same_ends(&k->ends, e))
            return k;
    }
    return NULL;
}

static struct assoc *begin(struct assoc_listener *l, int fd, const struct dgram_ends *e)
{
    struct assocs *s = l->set;
    char origin[ADDR_TEXT];
    struct chan *c;
    addr_format_ip(&e->from, origin);
    struct open_request o = {.kind = OPEN_UDP,
                             .origin = {origin, strlen(origin)},
                             .origin_port = e->from.port,
                             .forward = l->forward};
    if (l->direct) {
        o.host = (struct text){l->to.host, strlen(l->to.host)};
        o.port = l->to.port;
        if (l->pass[0])
            o.pass = (struct text){l->pass, strlen(l->pass)};
    }
    make_room(s);
    if (!l->chans || chan_open(l->chans, &o, NULL, &c))
        return NULL;
    struct assoc *k = assoc_new(s, c);
    chan_set_owner(c, k);
    k->listener = l;
    k->fd = fd;
    k->ends = *e;
    return k;
}

static void on_datagrams(void *ctx, int fd)
{
    struct assoc_listener *l = ctx;
    struct assocs *s = l->set;
    struct dgram_ends e;
    for (int i = 0; i < TURN; i++) {
        ssize_t n = dgram_recv(fd, s->space, DGRAM_MAX, &e);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0 || e.from.family == ADDR_NONE)
            continue; /* what became of one of ours */
        struct assoc *k = find(l, fd, &e);
        if (!k && !(k = begin(l, fd, &e)))
            continue;
        use(k, &k->out);
        (void)packets_send(k->chan, s->space, (size_t)n); /* or it is lost */
    }
    wake(s);
}

int assoc_listen(struct assocs *s, const struct assoc_place *p, char why[static LISTEN_ERROR],
                 struct assoc_listener **out)
{
    struct assoc_listener *l = mem_new(1, sizeof *l);
    *l = (struct assoc_listener){.set = s, .at = *p->at, .forward = p->forward};
    if (p->to) {
        l->direct = true;
        l->to = *p->to;
    }
    if (p->pass)
        snprintf(l->pass, sizeof l->pass, "%s", p->pass);
    struct listen_config c = {.at = &l->at,
                              .gateway = p->gateway,
                              .family = p->family,
                              .datagrams = on_datagrams,
                              .ctx = l};
    int err = listen_new(s->loop, &c, why, &l->listen);
    if (err) {
        mem_wipe(l->pass, sizeof l->pass);
        free(l);
        return err;
    }
    *out = l;
    return ERR_OK;
}

int assoc_listener_start(struct assoc_listener *l, struct chans *chans)
{
    l->chans = chans;
    return listen_start(l->listen);
}

void assoc_listener_free(struct assoc_listener *l)
{
    if (!l)
        return;
    LIST_EACH_SAFE(n, tmp, &l->set->all)
    {
        struct assoc *k = LIST_ITEM(n, struct assoc, node);
        if (k->listener == l)
            assoc_free(k);
    }
    listen_free(l->listen);
    mem_wipe(l->pass, sizeof l->pass);
    free(l);
}

uint16_t assoc_listener_port(const struct assoc_listener *l)
{
    return listen_port(l->listen);
}

/* ---- the peer's: dialling -------------------------------------------------------------------- */

static bool next_address(struct assoc *k);

/* Nobody listens at this address: the next one of the name is told what the first one was, unless
 * there was an answer before. ECONNREFUSED comes by ICMP, after the datagram that it is about. */
static void on_refusal(struct assoc *k)
{
    if (k->in || !next_address(k) || !k->again_len)
        return;
    (void)!dgram_send(k->fd, k->again, k->again_len, NULL);
}

static void on_answer(void *ctx, int events)
{
    struct assoc *k = ctx;
    struct assocs *s = k->set;
    (void)events;
    for (int i = 0; i < TURN; i++) {
        ssize_t n = dgram_recv(k->fd, s->space, DGRAM_MAX, NULL);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            if (errno == ECONNREFUSED)
                on_refusal(k);
            break;
        }
        use(k, &k->in);
        (void)packets_send(k->chan, s->space, (size_t)n); /* or it is lost */
    }
    wake(s);
}

static bool next_address(struct assoc *k)
{
    while (k->addr_next < k->addr_count) {
        int fd = dgram_connect(&k->addrs[k->addr_next++]);
        if (fd < 0)
            continue;
        let_go(k);
        k->fd = fd;
        if (watch_new(k->set->loop, fd, on_answer, k, &k->watch))
            return false;
        watch_set(k->watch, WATCH_IN);
        return true;
    }
    return false;
}

static void take_there(void *ctx, const uint8_t *bytes, size_t len)
{
    struct assoc *k = ctx;
    if (k->fd < 0)
        return;
    use(k, &k->out);
    k->again_len = len <= AGAIN_MAX ? len : 0;
    if (k->again_len)
        memcpy(k->again, bytes, len);
    if (dgram_send(k->fd, bytes, len, NULL) && errno == ECONNREFUSED) /* of the one before */
        on_refusal(k);
}

static void refuse(struct assoc *k, enum refusal code, const char *why)
{
    struct chan *c = k->chan;
    k->chan = NULL;
    chan_refuse(c, code, why);
    assoc_free(k);
}

static void on_resolved(void *ctx, const char *why, const struct addr *a, size_t n)
{
    struct assoc *k = ctx;
    struct assocs *s = k->set;
    k->resolve = NULL;
    memcpy(k->addrs, a, n * sizeof *a);
    k->addr_count = n;
    if (why || !next_address(k)) {
        refuse(k, REFUSAL_CONNECT_FAILED, why ? why : strerror(errno));
        return;
    }
    chan_accept(k->chan);
    packets_read(k->chan, take_there, k);
    wake(s);
}

/* ---- what channels tell ---------------------------------------------------------------------- */

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct assocs *s = ctx;
    char host[SPEC_HOST];
    uint16_t port;
    *why = "nothing is forwarded to here";
    int code =
        s->config.lead ? s->config.lead(s->config.ctx, o, host, &port, why) : REFUSAL_PROHIBITED;
    if (code)
        return code;
    make_room(s);
    struct assoc *k = assoc_new(s, c);
    if (!resolve_new(s->loop, host, port, on_resolved, k, &k->resolve)) {
        chan_set_owner(c, k);
        return 0;
    }
    k->chan = NULL;
    assoc_free(k);
    *why = "too many threads";
    return REFUSAL_RESOURCES;
}

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *why)
{
    struct assoc *k = chan_owner(c);
    char text[300];
    if (!k)
        return;
    snprintf(text, sizeof text, "channel %u (udp): %s%s%.180s", chan_number(c),
             code == REFUSAL_PROHIBITED ? "administratively prohibited" : "open failed",
             *why ? ": " : "", why);
    say(ctx, text);
    k->chan = NULL;
    assoc_free(k);
}

static void take_here(void *ctx, const uint8_t *bytes, size_t len)
{
    struct assoc *k = ctx;
    use(k, &k->in);
    (void)!dgram_send(k->fd, bytes, len, &k->ends); /* or it is lost */
}

static void on_packet(void *ctx, struct chan *c, const uint8_t *bytes, size_t len)
{
    struct assoc *k = chan_owner(c);
    (void)ctx;
    if (k && k->listener)
        take_here(k, bytes, len);
    else if (k)
        take_there(k, bytes, len);
}

static void on_readable(void *ctx, struct chan *c)
{
    struct assoc *k = chan_owner(c);
    (void)ctx;
    if (!k || k->resolve)
        return;
    packets_read(c, k->listener ? take_here : take_there, k);
    if (chan_ended(c, CHAN_DATA) || chan_over(c))
        assoc_free(k);
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct assoc *k = chan_owner(c);
    (void)ctx;
    if (!k)
        return;
    if (code == STREAM_LOST && k->listener)
        k->listener->chans = NULL;
    k->chan = NULL;
    assoc_free(k);
}

const struct chans_ops assocs_chans_ops = {
    .opened = on_opened,
    .refused = on_refused,
    .readable = on_readable,
    .broken = on_broken,
    .packet = on_packet,
};

struct assocs *assocs_new(struct loop *l, const struct assocs_config *c)
{
    struct assocs *s = mem_new(1, sizeof *s);
    s->loop = l;
    s->config = *c;
    s->space = mem_new(DGRAM_MAX, 1);
    list_init(&s->all);
    timer_init(&s->timer, l, on_look, s);
    return s;
}

void assocs_tell(struct assocs *s, const struct assocs_ops *ops)
{
    s->ops = *ops;
}

void assocs_free(struct assocs *s)
{
    if (!s)
        return;
    s->ops = (struct assocs_ops){0};
    while (s->count)
        assoc_free(LIST_ITEM(s->all.next, struct assoc, node));
    timer_clear(&s->timer);
    free(s->space);
    free(s);
}
