/* One channel: its messages in and out, its windows, its end. */
#include "base/mem.h"
#include "chan/chan_impl.h"

#include <stdlib.h>
#include <string.h>

const char *chan_kind_text(enum open_kind kind)
{
    static const char *const names[] = {
        [OPEN_EXEC] = "exec",
        [OPEN_SUBSYSTEM] = "subsystem",
        [OPEN_DIRECT_TCP] = "direct-tcpip",
        [OPEN_FORWARDED_TCP] = "forwarded-tcpip",
        [OPEN_DIRECT_UNIX] = "direct-streamlocal",
        [OPEN_FORWARDED_UNIX] = "forwarded-streamlocal",
        [OPEN_AGENT] = "agent",
        [OPEN_X11] = "x11",
        [OPEN_UDP] = "udp",
        [OPEN_CONTROL] = "control",
        [OPEN_SESSION] = "session",
    };
    return (size_t)kind < sizeof names / sizeof *names && names[kind] ? names[kind] : "unknown";
}

void *chan_owner(const struct chan *c)
{
    return c->owner;
}

void chan_set_owner(struct chan *c, void *owner)
{
    c->owner = owner;
}

uint32_t chan_number(const struct chan *c)
{
    return c->number;
}

enum open_kind chan_kind(const struct chan *c)
{
    return c->kind;
}

struct chans *chan_set(const struct chan *c)
{
    return c->set;
}

static void wake(struct chan *c)
{
    const struct stream_transport *t = &c->set->transport;
    if (t->ops && c->stream >= 0 && !c->broken)
        t->ops->wake(t->t, c->stream);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The edge knows nothing of it any more: what waits to be read is of no use. */
static void silence(struct chan *c)
{
    c->state = CHAN_SILENT;
    c->owner = NULL;
    buf_release(&c->body);
    for (int i = 0; i < CHAN_STREAMS; i++) {
        buf_release(&c->in[i]);
        c->stopped[i] = true;
    }
}

/* Silent, and the transport has said its last word before: nothing keeps it. */
static void free_if_done(struct chan *c)
{
    if (c->state == CHAN_SILENT && c->stream < 0)
        chan_free(c);
}

static void give_up(struct chan *c, enum stream_code code)
{
    const struct stream_transport *t = &c->set->transport;
    if (t->ops && c->stream >= 0 && !c->broken && !c->fin_taken)
        t->ops->reset(t->t, c->stream, code);
    if (t->ops && c->stream >= 0 && !c->fin_got)
        t->ops->stop(t->t, c->stream, code);
    c->broken = c->fin_got = true;
}

void chan_break(struct chan *c, enum stream_code code)
{
    const struct chans_config *config = &c->set->config;
    give_up(c, code);
    if (c->state == CHAN_SILENT)
        return;
    log_line(config->log, LOG_INFO, "chan", "%u (%s) broke: code %u", c->number,
             chan_kind_text(c->kind), (unsigned)code);
    bool known = c->state != CHAN_FRESH;
    if (known)
        config->ops->broken(config->ctx, c, code);
    silence(c);
}

void chan_abandon(struct chan *c, enum stream_code code)
{
    give_up(c, code);
    silence(c);
    free_if_done(c);
}

/* ---- out ------------------------------------------------------------------------------------- */

void chan_put(struct chan *c, const struct message *m)
{
    struct buf b;
    if (c->fin_put || c->broken)
        return;
    buf_init(&b, MESSAGE_HEAD + MESSAGE_SMALL_MAX);
    message_put(&b, m);
    outq_put(&c->out, buf_data(&b), buf_len(&b));
    buf_fini(&b);
    wake(c);
}

int chan_request(struct chan *c, const struct message *m)
{
    if (c->out.unsent > CHAN_UNSENT_MAX + MESSAGE_OPEN_MAX + CHAN_REQUESTS_MAX)
        return ERR_CAP;
    chan_put(c, m);
    return ERR_OK;
}

static bool can_write(const struct chan *c)
{
    return c->state != CHAN_SILENT && !c->eof_put && !c->broken;
}

size_t chan_room(const struct chan *c)
{
    size_t room = c->out.unsent < CHAN_UNSENT_MAX ? CHAN_UNSENT_MAX - c->out.unsent : 0;
    if (!can_write(c))
        return 0;
    return room < c->may_send ? room : c->may_send;
}

static void wrote(struct chan *c, enum chan_stream s, size_t len)
{
    c->may_send -= (uint32_t)len;
    c->sent[s] += len;
    if (chan_room(c) < CHAN_ROOM_LOW)
        c->starved = true;
    if (len)
        wake(c);
}

size_t chan_write(struct chan *c, enum chan_stream s, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    size_t room = chan_room(c), taken = 0;
    if (len > room)
        len = room;
    while (taken < len) {
        uint8_t head[MESSAGE_HEAD];
        size_t n = len - taken < MESSAGE_DATA_MAX ? len - taken : MESSAGE_DATA_MAX;
        message_head(head, s == CHAN_DATA ? MESSAGE_DATA : MESSAGE_STDERR, n);
        outq_put(&c->out, head, sizeof head);
        outq_put(&c->out, p + taken, n);
        taken += n;
    }
    wrote(c, s, taken);
    return taken;
}

uint8_t *chan_space(struct chan *c, size_t *len)
{
    size_t room = chan_room(c), most;
    if (!room)
        return NULL;
    if (room > CHAN_SPACE)
        room = CHAN_SPACE;
    /* Rather a new block than crumbs. */
    uint8_t *at = outq_space(&c->out, MESSAGE_HEAD + (room + 1) / 2, &most);
    *len = room < most - MESSAGE_HEAD ? room : most - MESSAGE_HEAD;
    return at + MESSAGE_HEAD;
}

void chan_commit(struct chan *c, enum chan_stream s, size_t len)
{
    size_t most;
    if (!len)
        return;
    uint8_t *head = chan_space(c, &most);
    BUG_ON(!head || len > most);
    message_head(head - MESSAGE_HEAD, s == CHAN_DATA ? MESSAGE_DATA : MESSAGE_STDERR, len);
    outq_commit(&c->out, MESSAGE_HEAD + len);
    wrote(c, s, len);
}

int chan_packet(struct chan *c, const void *bytes, size_t len)
{
    const struct stream_transport *t = &c->set->transport;
    if (c->state != CHAN_OPEN || !t->ops || !t->ops->packet || c->stream < 0)
        return ERR_STATE;
    return t->ops->packet(t->t, c->stream, bytes, len);
}

void chan_eof(struct chan *c)
{
    if (!can_write(c))
        return;
    chan_put(c, &(struct message){.kind = MESSAGE_EOF,
                                  .bytes = {c->sent[CHAN_DATA], c->sent[CHAN_STDERR]}});
    c->eof_put = true;
}

void chan_release(struct chan *c)
{
    chan_eof(c);
    c->fin_put = true;
    wake(c);
    silence(c);
    free_if_done(c);
}

void chan_check_room(struct chan *c)
{
    const struct chans_config *config = &c->set->config;
    /* Not for every packet that left: that would make crumbs. */
    if (!c->starved || c->out.unsent > CHAN_UNSENT_MAX / 2 || chan_room(c) < CHAN_ROOM_LOW)
        return;
    c->starved = false;
    if (config->ops->writable)
        config->ops->writable(config->ctx, c);
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum stream_class class_of(const struct open_request *o)
{
    if (o->class && o->class <= STREAM_CLASSES)
        return (enum stream_class)(o->class - 1);
    if (o->kind == OPEN_CONTROL || o->kind == OPEN_SESSION)
        return STREAM_CONTROL;
    return o->kind == OPEN_X11 || o->kind == OPEN_AGENT ? STREAM_SHELL : STREAM_BULK;
}

/* The caps of request_get hold for what we send, too. */
static int check_request(const struct buf *b)
{
    struct open_request again;
    if (buf_err(b))
        return ERR_SYNTAX;
    return request_get(buf_data(b) + MESSAGE_HEAD, buf_len(b) - MESSAGE_HEAD, &again) ? ERR_SYNTAX
                                                                                      : ERR_OK;
}

int chan_open(struct chans *s, const struct open_request *o, void *owner, struct chan **out)
{
    const struct stream_transport *t = &s->transport;
    struct buf b;
    if (!t->ops)
        return ERR_STATE;
    buf_init(&b, MESSAGE_HEAD + MESSAGE_OPEN_MAX);
    request_put(&b, o);
    int err = check_request(&b);
    struct chan *c = err ? NULL : chan_new(s, CHAN_WAITING);
    if (!c) {
        buf_fini(&b);
        return err ? err : ERR_CAP;
    }
    c->owner = owner;
    c->kind = o->kind;
    err = t->ops->open(t->t, c, &c->stream);
    if (err) {
        chan_free(c);
    } else {
        t->ops->class_set(t->t, c->stream, class_of(o));
        outq_put(&c->out, buf_data(&b), buf_len(&b));
        wake(c);
        *out = c;
    }
    buf_fini(&b);
    return err;
}

void chan_accept(struct chan *c)
{
    if (c->state != CHAN_ASKED)
        return;
    c->state = CHAN_OPEN;
    chan_put(c, &(struct message){.kind = MESSAGE_OPENED});
}

static void refuse(struct chan *c, uint32_t code, const char *text)
{
    chan_put(c, &(struct message){.kind = MESSAGE_REFUSED,
                                  .value = code,
                                  .text = {text, text ? strlen(text) : 0}});
    c->eof_put = c->fin_put = true;
    wake(c);
}

void chan_refuse(struct chan *c, enum refusal code, const char *text)
{
    if (c->state != CHAN_ASKED)
        return;
    refuse(c, code, text);
    silence(c);
}

/* ---- in: what the edge takes ----------------------------------------------------------------- */

const uint8_t *chan_peek(const struct chan *c, enum chan_stream s, size_t *len)
{
    *len = buf_len(&c->in[s]);
    return buf_data(&c->in[s]);
}

void chan_consume(struct chan *c, enum chan_stream s, size_t len)
{
    BUG_ON(len > buf_len(&c->in[s]));
    buf_skip(&c->in[s], len);
    if (!buf_len(&c->in[s]))
        buf_release(&c->in[s]);
    c->consumed[s] += len;
    window_open(c, len);
}

bool chan_over(const struct chan *c)
{
    return c->state == CHAN_OPEN && c->fin_got && !window_held(c);
}

bool chan_complete(const struct chan *c)
{
    return c->eof_got;
}

bool chan_ended(const struct chan *c, enum chan_stream s)
{
    return c->eof_got && !buf_len(&c->in[s]);
}

void chan_stop(struct chan *c, enum chan_stream s)
{
    if (c->stopped[s] || c->state == CHAN_SILENT)
        return;
    c->stopped[s] = true;
    if (!c->eof_got)
        chan_put(c, &(struct message){.kind = MESSAGE_STOP, .value = s});
    chan_consume(c, s, buf_len(&c->in[s]));
}

/* ---- in: messages ---------------------------------------------------------------------------- */

static void take_data(struct chan *c, enum chan_stream s, const uint8_t *p, size_t len)
{
    c->received[s] += len;
    if (!c->stopped[s]) {
        buf_put(&c->in[s], p, len);
        return;
    }
    c->consumed[s] += len;
    window_open(c, len);
}

/* A text of the peer's, for people: no control characters. */
static char *harmless(struct text t)
{
    char *text = text_copy(t);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 32 || *p == 127)
            *p = '?';
    return text;
}

static int on_open(struct chan *c)
{
    const struct chans_config *config = &c->set->config;
    const struct stream_transport *t = &c->set->transport;
    struct open_request o;
    const char *why = NULL;
    int err = request_get(buf_data(&c->body), buf_len(&c->body), &o);
    if (err)
        return err;
    c->state = CHAN_ASKED;
    c->kind = o.kind;
    t->ops->class_set(t->t, c->stream, class_of(&o));
    int code = config->ops->opened(config->ctx, c, &o, &why);
    if (code && c->state == CHAN_ASKED)
        chan_refuse(c, (enum refusal)code, why);
    return ERR_OK;
}

static void on_refused(struct chan *c, const struct message *m)
{
    const struct chans_config *config = &c->set->config;
    char *text = harmless(m->text);
    if (config->ops->refused)
        config->ops->refused(config->ctx, c, m->value, text);
    free(text);
    c->eof_put = c->fin_put = true;
    wake(c);
    silence(c);
}

static int on_eof(struct chan *c, const struct message *m)
{
    if (c->eof_got || m->bytes[CHAN_DATA] != c->received[CHAN_DATA] ||
        m->bytes[CHAN_STDERR] != c->received[CHAN_STDERR])
        return ERR_CAP;
    c->eof_got = true;
    window_account(c);
    return ERR_OK;
}

static int on_window(struct chan *c, const struct message *m)
{
    if (m->value > CHAN_WINDOW_MAX - c->may_send)
        return ERR_CAP;
    c->may_send += m->value;
    c->set->stale |= c->may_send > CHAN_WINDOW_FIRST;
    chan_check_room(c);
    return ERR_OK;
}

static int on_message(struct chan *c, const struct message *m)
{
    const struct chans_config *config = &c->set->config;
    switch (m->kind) {
    case MESSAGE_OPENED:
    case MESSAGE_REFUSED:
        if (c->state != CHAN_WAITING)
            return ERR_SYNTAX;
        c->state = CHAN_OPEN;
        if (m->kind == MESSAGE_REFUSED)
            on_refused(c, m);
        else if (config->ops->accepted)
            config->ops->accepted(config->ctx, c);
        return ERR_OK;
    case MESSAGE_EOF:
        return on_eof(c, m);
    case MESSAGE_WINDOW:
        return on_window(c, m);
    case MESSAGE_BACK:
        return window_back(c, m->value);
    case MESSAGE_STOP:
        if (config->ops->stopped)
            config->ops->stopped(config->ctx, c, (enum chan_stream)m->value);
        return ERR_OK;
    default:
        if (config->ops->request)
            config->ops->request(config->ctx, c, m);
        return ERR_OK;
    }
}

/* A whole body is there. */
static int on_body(struct chan *c)
{
    uint8_t kind = c->head[0];
    struct message m;
    if (c->state == CHAN_FRESH)
        return on_open(c);
    if (kind >= MESSAGE_OPTIONAL)
        return ERR_OK;
    int err = message_get(kind, buf_data(&c->body), buf_len(&c->body), &m);
    return err ? err : on_message(c, &m);
}

/* The head is complete: may such a message come now? */
static int on_head(struct chan *c)
{
    uint8_t kind = c->head[0];
    size_t len = ((size_t)c->head[1] << 16) | ((size_t)c->head[2] << 8) | c->head[3];
    c->body_left = len;
    if ((c->state == CHAN_FRESH) != (kind == MESSAGE_OPEN))
        return ERR_SYNTAX;
    if (c->state == CHAN_WAITING && kind != MESSAGE_OPENED && kind != MESSAGE_REFUSED &&
        kind < MESSAGE_OPTIONAL)
        return ERR_SYNTAX;
    if (kind == MESSAGE_OPEN)
        return len > MESSAGE_OPEN_MAX ? ERR_SYNTAX : ERR_OK;
    if (kind != MESSAGE_DATA && kind != MESSAGE_STDERR)
        return len > MESSAGE_SMALL_MAX && kind < MESSAGE_OPTIONAL ? ERR_SYNTAX : ERR_OK;
    if (c->eof_got || len > MESSAGE_DATA_MAX)
        return ERR_SYNTAX;
    if (len > c->window_left)
        return ERR_CAP;
    c->window_left -= (uint32_t)len;
    return ERR_OK;
}

/* Some of the body; *used of the bytes. */
static int on_piece(struct chan *c, const uint8_t *p, size_t len, size_t *used)
{
    uint8_t kind = c->head[0];
    size_t n = len < c->body_left ? len : c->body_left;
    *used = n;
    c->body_left -= n;
    if (kind == MESSAGE_DATA || kind == MESSAGE_STDERR)
        take_data(c, kind == MESSAGE_DATA ? CHAN_DATA : CHAN_STDERR, p, n);
    else if (kind < MESSAGE_OPTIONAL)
        buf_put(&c->body, p, n);
    if (c->body_left)
        return ERR_OK;
    c->head_len = 0;
    if (kind == MESSAGE_DATA || kind == MESSAGE_STDERR)
        return ERR_OK;
    int err = on_body(c);
    buf_release(&c->body);
    return err;
}

/* The next byte of a head, or a piece of a body; *used > 0 of the bytes. */
static int feed_some(struct chan *c, const uint8_t *p, size_t len, size_t *used)
{
    size_t none;
    if (c->head_len == MESSAGE_HEAD)
        return on_piece(c, p, len, used);
    c->head[c->head_len++] = *p;
    *used = 1;
    if (c->head_len < MESSAGE_HEAD)
        return ERR_OK;
    int err = on_head(c);
    if (err || c->body_left)
        return err;
    return on_piece(c, p, 0, &none);
}

void chan_feed(struct chan *c, const uint8_t *bytes, size_t len)
{
    const struct chans_config *config = &c->set->config;
    uint64_t had = c->received[CHAN_DATA] + c->received[CHAN_STDERR];
    bool eof = c->eof_got;
    while (len && c->state != CHAN_SILENT) {
        size_t used = len;
        int err = feed_some(c, bytes, len, &used);
        if (err && c->state != CHAN_SILENT)
            chan_break(c, err == ERR_CAP ? STREAM_WINDOW : STREAM_SYNTAX);
        bytes += used;
        len -= used;
    }
    bool news = c->received[CHAN_DATA] + c->received[CHAN_STDERR] != had || c->eof_got != eof;
    if (c->state != CHAN_SILENT && news)
        config->ops->readable(config->ctx, c);
}

void chan_feed_end(struct chan *c)
{
    const struct chans_config *config = &c->set->config;
    c->fin_got = true;
    if (c->state == CHAN_SILENT)
        return;
    if (c->state != CHAN_OPEN || !c->eof_got || c->head_len)
        chan_break(c, STREAM_SYNTAX); /* not an end, a piece is missing */
    else
        config->ops->readable(config->ctx, c);
}

const char *chan_state_text(const struct chan *c)
{
    if (c->state == CHAN_SILENT)
        return "closing";
    if (c->state != CHAN_OPEN)
        return "waiting";
    if (c->eof_put)
        return c->eof_got ? "eof both ways" : "eof sent";
    return c->eof_got ? "eof received" : "open";
}

void chan_counters(const struct chan *c, struct chan_counters *out)
{
    *out = (struct chan_counters){
        .acked = c->out.acked,
        .unsent = c->out.unsent,
        .unacked = c->out.unacked,
        .held = outq_memory(&c->out) + c->in[CHAN_DATA].size + c->in[CHAN_STDERR].size,
        .window = c->window,
        .window_most = c->window_most,
        .window_left = c->window_left,
        .may_send = c->may_send,
    };
    for (int i = 0; i < CHAN_STREAMS; i++) {
        out->sent[i] = c->sent[i];
        out->received[i] = c->received[i];
        out->consumed[i] = c->consumed[i];
    }
}
