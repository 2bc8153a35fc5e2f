/* The set of a connection's channels, and what the transport tells. */
#include "chan/chans.h"

#include "base/mem.h"
#include "chan/chan_impl.h"

#include <stdlib.h>

struct chans *chans_new(const struct chans_config *c)
{
    struct chans *s = mem_new(1, sizeof *s);
    s->config = *c;
    return s;
}

void chans_free(struct chans *s)
{
    if (!s)
        return;
    s->transport = (struct stream_transport){NULL, NULL};
    while (s->count) {
        struct chan *c = s->list[s->count - 1];
        chan_break(c, STREAM_LOST);
        chan_free(c);
    }
    free(s->list);
    free(s);
}

void chans_set_transport(struct chans *s, const struct stream_transport *t)
{
    s->transport = *t;
}

size_t chans_count(const struct chans *s)
{
    return s->count;
}

uint32_t chans_opened(const struct chans *s)
{
    return s->next_number;
}

struct chan *chans_at(struct chans *s, size_t i)
{
    return i < s->count ? s->list[i] : NULL;
}

struct chan *chan_new(struct chans *s, enum chan_state state)
{
    if (s->count == CHANS_MAX)
        return NULL;
    if (s->count == s->size) {
        s->size = s->size ? 2 * s->size : 4;
        s->list = mem_resize(s->list, s->size, sizeof(struct chan *));
    }
    struct chan *c = mem_new(1, sizeof *c);
    *c = (struct chan){.set = s,
                       .stream = -1,
                       .number = ++s->next_number,
                       .index = s->count,
                       .state = state,
                       .may_send = CHAN_WINDOW_FIRST,
                       .window = CHAN_WINDOW_FIRST,
                       .window_left = CHAN_WINDOW_FIRST,
                       .window_most = CHAN_WINDOW_FIRST};
    buf_init(&c->body, MESSAGE_OPEN_MAX);
    for (int i = 0; i < CHAN_STREAMS; i++)
        buf_init(&c->in[i], CHAN_WINDOW_MAX);
    s->list[s->count++] = c;
    return c;
}

void chan_free(struct chan *c)
{
    struct chans *s = c->set;
    s->grown -= c->promised;
    s->list[c->index] = s->list[--s->count];
    s->list[c->index]->index = c->index;
    outq_fini(&c->out);
    buf_fini(&c->body);
    for (int i = 0; i < CHAN_STREAMS; i++)
        buf_fini(&c->in[i]);
    free(c);
}

/* ---- the transport's events ------------------------------------------------------------------ */

static void *on_opened(void *ctx, int64_t id)
{
    struct chans *s = ctx;
    struct chan *c = chan_new(s, CHAN_FRESH);
    if (c)
        c->stream = id;
    else
        log_line(s->config.log, LOG_WARN, "chan", "more than %d channels: one refused", CHANS_MAX);
    return c;
}

static void on_data(void *ctx, void *user, const uint8_t *bytes, size_t len, bool fin)
{
    struct chans *s = ctx;
    struct chan *c = user;
    if (len && !fin)
        s->transport.ops->credit(s->transport.t, c->stream, len);
    chan_feed(c, bytes, len);
    if (fin)
        chan_feed_end(c);
}

static size_t on_pull(void *ctx, void *user, struct stream_vec v[static STREAM_VECS], bool *fin)
{
    struct chan *c = user;
    bool all;
    (void)ctx;
    *fin = false;
    if (c->broken || c->fin_taken)
        return 0;
    size_t n = outq_pull(&c->out, v, &all);
    *fin = all && c->fin_put;
    return n;
}

static void on_taken(void *ctx, void *user, size_t len, bool fin)
{
    struct chan *c = user;
    (void)ctx;
    outq_taken(&c->out, len);
    c->fin_taken |= fin;
    chan_check_room(c);
}

static void on_acked(void *ctx, void *user, size_t len)
{
    struct chan *c = user;
    (void)ctx;
    outq_acked(&c->out, len);
}

/* One direction was given up there: for us that is the end of the whole channel, as when a
 * connection breaks. */
static void on_reset(void *ctx, void *user, uint64_t code)
{
    struct chan *c = user;
    (void)ctx;
    c->fin_got = true;
    chan_break(c, (enum stream_code)code);
}

static void on_stopped(void *ctx, void *user, uint64_t code)
{
    struct chan *c = user;
    (void)ctx;
    c->broken = true;
    chan_break(c, (enum stream_code)code);
}

static void on_packet(void *ctx, void *user, const uint8_t *bytes, size_t len)
{
    struct chans *s = ctx;
    struct chan *c = user;
    bool ours = c->state == CHAN_WAITING; /* it may overtake OPENED */
    if ((ours || c->state == CHAN_OPEN) && s->config.ops->packet)
        s->config.ops->packet(s->config.ctx, c, bytes, len);
}

static void on_closed(void *ctx, void *user)
{
    struct chan *c = user;
    (void)ctx;
    c->broken = true;
    c->stream = -1;
    if (c->state == CHAN_OPEN && c->fin_got && c->eof_got)
        return; /* what came is still to be consumed; chan_release frees it */
    chan_break(c, STREAM_LOST);
    chan_free(c);
}

static void on_more(void *ctx)
{
    (void)ctx; /* chan_open tells its caller at once; nobody waits */
}

static void on_failed(void *ctx, const char *why)
{
    struct chans *s = ctx;
    log_line(s->config.log, LOG_WARN, "chan", "the connection is over: %s", why);
    s->transport = (struct stream_transport){NULL, NULL};
}

const struct stream_events chans_events = {
    .opened = on_opened,
    .data = on_data,
    .pull = on_pull,
    .taken = on_taken,
    .acked = on_acked,
    .reset = on_reset,
    .stopped = on_stopped,
    .packet = on_packet,
    .closed = on_closed,
    .more = on_more,
    .failed = on_failed,
};
