#include "fwd/local.h"

#include "base/list.h"
#include "base/mem.h"
#include "fwd/join.h"
#include "fwd/socks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One forward. */
struct forward {
    struct local *set;
    struct spec spec;
    struct listen *listen;
};

/* One connection that came in. */
struct conn {
    struct join join; /* the first: see join_on_readable */
    struct list node;
    struct local *set;
    struct addr from;
    struct chan *chan;   /* while it is asked for, or joined; NULL: not yet, or over */
    int fd;              /* -1: the join has it */
    struct watch *watch; /* a SOCKS client has not said all */
    struct socks socks;
    uint8_t head[SOCKS_MAX]; /* what it said */
    size_t head_len;
    bool dynamic;
};

struct local {
    struct loop *loop;
    const struct log *log;
    struct local_ops ops;
    struct chans *chans; /* NULL before local_start, and when the connection is over */
    struct chan *hold;
    struct forward *forwards[LOCAL_FORWARDS_MAX];
    size_t count;
    struct list conns;
    size_t conn_count;
    bool started;
    char pass[2][LOCAL_PASS]; /* TCP, unix */
};

static void wake(void *ctx)
{
    struct conn *k = ctx;
    if (k->set->ops.wake)
        k->set->ops.wake(k->set->ops.ctx);
}

static void conn_free(struct conn *k)
{
    struct local *s = k->set;
    list_del(&k->node);
    s->conn_count--;
    watch_free(k->watch);
    if (k->chan && !k->join.chan)
        chan_abandon(k->chan, STREAM_DONE);
    join_fini(&k->join);
    if (k->fd >= 0)
        close(k->fd);
    free(k);
}

static void on_over(void *ctx)
{
    struct conn *k = ctx;
    struct local *s = k->set;
    k->chan = NULL; /* the join has released it */
    conn_free(k);
    if (s->ops.wake)
        s->ops.wake(s->ops.ctx);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void say(const struct local *s, const char *text)
{
    log_line(s->log, LOG_INFO, "forward", "%s", text);
    if (s->ops.say)
        s->ops.say(s->ops.ctx, text);
}

static bool join_up(struct conn *k)
{
    int fd = k->fd;
    k->fd = -1;
    k->join = (struct join){.loop = k->set->loop, .wake = wake, .over = on_over, .ctx = k};
    return !join_start(&k->join, k->chan, fd);
}

static void fill_request(const struct conn *k, const struct spec_end *to,
                         char origin[static ADDR_TEXT], struct open_request *o)
{
    bool is_path = to->path[0] != 0;
    const char *pass = k->set->pass[is_path];
    *o = (struct open_request){.kind = is_path ? OPEN_DIRECT_UNIX : OPEN_DIRECT_TCP,
                               .port = to->port,
                               .origin_port = k->from.port};
    if (is_path)
        o->path = (struct text){to->path, strlen(to->path)};
    else
        o->host = (struct text){to->host, strlen(to->host)};
    if (pass[0])
        o->pass = (struct text){pass, strlen(pass)};
    if (k->from.family != ADDR_NONE) {
        addr_format_ip(&k->from, origin);
        o->origin = (struct text){origin, strlen(origin)};
    }
}

/* False: it came to nothing, and was told. */
static bool open_channel(struct conn *k, const struct spec_end *to)
{
    struct local *s = k->set;
    struct open_request o;
    char origin[ADDR_TEXT], text[200];
    fill_request(k, to, origin, &o);
    int err = s->chans ? chan_open(s->chans, &o, k, &k->chan) : ERR_STATE;
    if (err) {
        snprintf(text, sizeof text, "a connection was closed: %s",
                 err == ERR_CAP ? "too many channels"
                                : "the connection to the server has no channels any more");
        say(s, text);
        return false;
    }
    wake(k);
    return true;
}

/* ---- SOCKS ----------------------------------------------------------------------------------- */

/* A few bytes on a fresh connection: the kernel takes them. */
static bool answer(const struct conn *k)
{
    return send(k->fd, k->socks.reply, k->socks.reply_len, MSG_NOSIGNAL) ==
           (ssize_t)k->socks.reply_len;
}

static void skip_head(struct conn *k)
{
    k->head_len -= k->socks.used;
    memmove(k->head, k->head + k->socks.used, k->head_len);
}

/* All that it said so far; false: that was all with it. */
static bool read_head(struct conn *k)
{
    for (;;) {
        switch (socks_read(&k->socks, k->head, k->head_len)) {
        case SOCKS_MORE:
            return k->head_len < sizeof k->head;
        case SOCKS_ANSWER:
            if (!answer(k))
                return false;
            skip_head(k);
            break;
        case SOCKS_CONNECT: {
            struct spec_end to = {.named = true, .port = k->socks.port};
            snprintf(to.host, sizeof to.host, "%s", k->socks.host);
            skip_head(k);
            watch_free(k->watch);
            k->watch = NULL;
            if (!open_channel(k, &to)) {
                socks_done(&k->socks, false, false);
                (void)answer(k);
                return false;
            }
            return true;
        }
        case SOCKS_REFUSE:
            (void)answer(k);
            return false;
        case SOCKS_CLOSE:
            return false;
        }
    }
}

static void on_head(void *ctx, int events)
{
    struct conn *k = ctx;
    (void)events;
    ssize_t n = recv(k->fd, k->head + k->head_len, sizeof k->head - k->head_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        k->head_len += (size_t)n;
    if (n <= 0 || !read_head(k))
        conn_free(k);
}

/* The far side is connected: say so, and go on with what came behind. */
static bool begin_dynamic(struct conn *k)
{
    socks_done(&k->socks, true, false);
    if (!answer(k))
        return false;
    (void)!chan_write(k->chan, CHAN_DATA, k->head, k->head_len); /* far less than any window */
    return join_up(k);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void on_connection(void *ctx, int fd, const struct addr *from)
{
    struct forward *f = ctx;
    struct local *s = f->set;
    if (s->conn_count == LOCAL_CONNS_MAX) {
        say(s, "a connection was closed: too many at once");
        close(fd);
        return;
    }
    struct conn *k = mem_new(1, sizeof *k);
    *k = (struct conn){.set = s, .from = *from, .fd = fd, .dynamic = f->spec.dynamic};
    list_add_tail(&s->conns, &k->node);
    s->conn_count++;
    bool good;
    if (k->dynamic) {
        good = !watch_new(s->loop, fd, on_head, k, &k->watch);
        if (good)
            watch_set(k->watch, WATCH_IN);
    } else {
        good = open_channel(k, &f->spec.to) && join_up(k);
    }
    if (!good)
        conn_free(k);
}

/* ---- what channels tell ---------------------------------------------------------------------- */

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    (void)ctx;
    (void)c;
    (void)o;
    *why = "nothing is forwarded to here";
    return REFUSAL_PROHIBITED;
}

static void on_accepted(void *ctx, struct chan *c)
{
    struct conn *k = chan_owner(c);
    (void)ctx;
    if (k && k->dynamic && !begin_dynamic(k))
        conn_free(k);
}

/* In ssh's words. */
static const char *reason_text(uint32_t code)
{
    static const char *const texts[] = {
        [REFUSAL_PROHIBITED] = "administratively prohibited",
        [REFUSAL_CONNECT_FAILED] = "connect failed",
        [REFUSAL_UNKNOWN] = "unknown channel type",
        [REFUSAL_RESOURCES] = "resource shortage",
    };
    return code && code < sizeof texts / sizeof *texts ? texts[code] : "unknown reason";
}

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *why)
{
    struct local *s = ctx;
    struct conn *k = chan_owner(c);
    char text[300];
    if (!k) {
        s->hold = NULL;
        return;
    }
    snprintf(text, sizeof text, "channel %u: open failed: %s%s%.180s", chan_number(c),
             reason_text(code), *why ? ": " : "", why);
    say(s, text);
    if (k->dynamic) {
        socks_done(&k->socks, false, code == REFUSAL_PROHIBITED);
        (void)answer(k);
    }
    k->chan = k->join.chan = NULL;
    conn_free(k);
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct local *s = ctx;
    struct conn *k = chan_owner(c);
    if (code == STREAM_LOST)
        s->chans = NULL;
    if (!k) {
        s->hold = NULL;
    } else if (k->join.chan) {
        k->chan = NULL;
        join_broken(&k->join);
    } else {
        k->chan = NULL;
        conn_free(k);
    }
}

const struct chans_ops local_chans_ops = {
    .opened = on_opened,
    .accepted = on_accepted,
    .refused = on_refused,
    .readable = join_on_readable,
    .writable = join_on_writable,
    .stopped = join_on_stopped,
    .broken = on_broken,
};

/* ---- life ------------------------------------------------------------------------------------ */

struct local *local_new(struct loop *l, const struct log *log)
{
    struct local *s = mem_new(1, sizeof *s);
    s->loop = l;
    s->log = log;
    list_init(&s->conns);
    return s;
}

void local_free(struct local *s)
{
    if (!s)
        return;
    s->ops = (struct local_ops){0};
    while (!list_empty(&s->conns))
        conn_free(LIST_ITEM(s->conns.next, struct conn, node));
    if (s->hold)
        chan_release(s->hold);
    for (size_t i = 0; i < s->count; i++) {
        listen_free(s->forwards[i]->listen);
        free(s->forwards[i]);
    }
    free(s);
}

void local_pass(struct local *s, bool is_path, const char *pass)
{
    snprintf(s->pass[is_path], sizeof s->pass[is_path], "%s", pass);
}

int local_listen(struct local *s, const struct spec *spec, const struct listen_config *rules,
                 char why[static LISTEN_ERROR])
{
    struct listen_config c = *rules;
    why[0] = 0;
    if (s->count == LOCAL_FORWARDS_MAX)
        return ERR_CAP;
    struct forward *f = mem_new(1, sizeof *f);
    *f = (struct forward){.set = s, .spec = *spec};
    c.at = &f->spec.listen;
    c.accepted = on_connection;
    c.ctx = f;
    int err = listen_new(s->loop, &c, why, &f->listen);
    if (!err && s->started)
        err = listen_start(f->listen);
    if (err) {
        listen_free(f->listen);
        free(f);
    } else {
        s->forwards[s->count++] = f;
    }
    return err;
}

static size_t find(const struct local *s, const struct spec *spec)
{
    size_t i = 0;
    while (i < s->count && !spec_equal(&s->forwards[i]->spec, spec))
        i++;
    return i;
}

bool local_has(const struct local *s, const struct spec *spec)
{
    return find(s, spec) < s->count;
}

int local_cancel(struct local *s, const struct spec *spec)
{
    size_t i = find(s, spec);
    if (i == s->count)
        return ERR_STATE;
    listen_free(s->forwards[i]->listen);
    free(s->forwards[i]);
    s->forwards[i] = s->forwards[--s->count];
    return ERR_OK;
}

void local_start(struct local *s, struct chans *chans, bool hold, const struct local_ops *ops)
{
    s->chans = chans;
    s->ops = *ops;
    s->started = true;
    if (hold && chan_open(chans, &(struct open_request){.kind = OPEN_CONTROL}, NULL, &s->hold))
        s->hold = NULL;
    for (size_t i = 0; i < s->count; i++)
        if (listen_start(s->forwards[i]->listen))
            say(s, "a forward does not take connections: too many open files");
}

bool local_busy(const struct local *s)
{
    return s->conn_count != 0;
}
