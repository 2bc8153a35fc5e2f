#include "mux/master.h"

#include "base/mem.h"

#include <string.h>

#define HEAD 4

/* ---- answers --------------------------------------------------------------------------------- */

static void reply(struct mux_master *m, const struct mux_reply *r)
{
    mux_reply_put(&m->out, r);
    if (buf_err(&m->out)) /* cannot be: reading stops long before */
        m->state = MUX_CLOSED;
}

static void fail_text(struct mux_master *m, uint32_t id, const char *why)
{
    reply(m, &(struct mux_reply){.type = MUX_FAILURE, .id = id, .text = mux_text(why)});
}

/* The request is done with. */
static void settle(struct mux_master *m)
{
    m->waiting = false;
    m->request = (struct mux_request){0};
    buf_clear(&m->in);
    if (m->state == MUX_OPENING)
        m->state = MUX_READY;
}

static void answer(struct mux_master *m, struct mux_reply r)
{
    BUG_ON(!m->waiting);
    r.id = m->request.id;
    settle(m);
    if (m->state != MUX_CLOSED)
        reply(m, &r);
}

void mux_master_ok(struct mux_master *m)
{
    answer(m, (struct mux_reply){.type = MUX_OK});
}

void mux_master_port(struct mux_master *m, uint16_t port)
{
    answer(m, (struct mux_reply){.type = MUX_REMOTE_PORT, .value = port});
}

void mux_master_fail(struct mux_master *m, const char *why)
{
    answer(m, (struct mux_reply){.type = MUX_FAILURE, .text = mux_text(why)});
}

void mux_master_deny(struct mux_master *m)
{
    answer(m, (struct mux_reply){.type = MUX_DENIED, .text = mux_text("Permission denied")});
}

void mux_master_opened(struct mux_master *m, uint32_t session)
{
    bool open = m->state == MUX_OPENING;
    answer(m, (struct mux_reply){.type = MUX_OPENED, .session = session});
    m->session = session;
    if (open)
        m->state = MUX_LIVE;
}

void mux_master_tty_failed(struct mux_master *m)
{
    if (m->state == MUX_LIVE)
        reply(m, &(struct mux_reply){.type = MUX_TTY_FAILED, .session = m->session});
}

void mux_master_exit(struct mux_master *m, uint32_t status)
{
    if (m->state != MUX_LIVE)
        return;
    m->state = MUX_DRAIN;
    reply(m, &(struct mux_reply){.type = MUX_EXIT, .session = m->session, .value = status});
}

void mux_master_close(struct mux_master *m)
{
    m->state = MUX_CLOSED;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void ask(struct mux_master *m, bool session)
{
    m->waiting = true;
    if (session)
        m->state = MUX_OPENING;
    m->ops->request(m->ctx, &m->request);
}

static void tell_info(struct mux_master *m)
{
    struct buf text;
    buf_init(&text, MUX_REPLY_MAX - 64);
    bool known = m->ops->info(m->ctx, m->request.what, &text);
    reply(m, &(struct mux_reply){.type = MUX_INFO_TEXT,
                                 .id = m->request.id,
                                 .value = known,
                                 .text = {(const char *)buf_data(&text), buf_len(&text)}});
    buf_fini(&text);
}

/* Descriptors follow these whatever comes of the request. */
static void begin_session(struct mux_master *m)
{
    m->second = m->state != MUX_READY;
    m->descriptor_bad = false;
    m->descriptors = mux_descriptors(m->request.type);
}

static void begin_forward(struct mux_master *m)
{
    switch (mux_forward_check(&m->request.forward)) {
    case MUX_FORWARD_GOOD:
        ask(m, false);
        return;
    case MUX_FORWARD_INVALID:
        fail_text(m, m->request.id, "Invalid forwarding request");
        settle(m);
        return;
    case MUX_FORWARD_BROKEN:
        m->state = MUX_CLOSED;
    }
}

static void on_hello(struct mux_master *m)
{
    m->state = m->state == MUX_PRE && m->request.version == MUX_VERSION ? MUX_READY : MUX_CLOSED;
    settle(m);
}

static void on_request(struct mux_master *m)
{
    if (m->request.type == MUX_HELLO) {
        on_hello(m);
        return;
    }
    if (m->state == MUX_PRE) {
        m->state = MUX_CLOSED;
        return;
    }
    switch (m->request.type) {
    case MUX_NEW_SESSION:
    case MUX_NEW_STDIO:
        begin_session(m);
        return;
    case MUX_OPEN_FORWARD:
    case MUX_CLOSE_FORWARD:
        begin_forward(m);
        return;
    case MUX_TERMINATE:
    case MUX_STOP_LISTENING:
        ask(m, false);
        return;
    case MUX_ALIVE_CHECK:
        reply(m, &(struct mux_reply){.type = MUX_ALIVE, .id = m->request.id, .value = m->pid});
        break;
    case MUX_INFO:
        tell_info(m);
        break;
    case MUX_PROXY:
        fail_text(m, m->request.id, "proxy mode is not supported");
        break;
    default:
        fail_text(m, m->request.id, "unsupported request");
    }
    settle(m);
}

/* ---- what comes ------------------------------------------------------------------------------ */

enum mux_want mux_master_wants(const struct mux_master *m, size_t *bytes)
{
    size_t have = buf_len(&m->in), size = HEAD;
    *bytes = 0;
    if (m->state == MUX_CLOSED)
        return buf_len(&m->out) ? MUX_WANT_NOTHING : MUX_WANT_CLOSE;
    if (m->descriptors)
        return MUX_WANT_DESCRIPTOR;
    if (m->waiting || buf_len(&m->out) > MUX_OUT_MAX / 2)
        return MUX_WANT_NOTHING;
    if (have >= HEAD)
        size += wire_get_u32(buf_data(&m->in));
    *bytes = size - have;
    return MUX_WANT_BYTES;
}

void mux_master_bytes(struct mux_master *m, const uint8_t *p, size_t len)
{
    size_t room;
    if (mux_master_wants(m, &room) != MUX_WANT_BYTES || len > room)
        BUG("more was read than was wanted");
    buf_put(&m->in, p, len);
    if (buf_len(&m->in) < HEAD)
        return;
    size_t size = wire_get_u32(buf_data(&m->in));
    if (size > MUX_PACKET_MAX || size < 4) {
        m->state = MUX_CLOSED;
        return;
    }
    if (buf_len(&m->in) < HEAD + size)
        return;
    if (mux_request_get(buf_data(&m->in) + HEAD, size, &m->request))
        m->state = MUX_CLOSED;
    else
        on_request(m);
}

void mux_master_descriptor(struct mux_master *m, bool good)
{
    BUG_ON(!m->descriptors);
    m->descriptor_bad |= !good;
    if (--m->descriptors)
        return;
    if (!m->descriptor_bad && !m->second) {
        ask(m, true);
        return;
    }
    m->ops->dropped(m->ctx);
    fail_text(m, m->request.id,
              m->descriptor_bad ? "did not receive file descriptors"
                                : "Multiple sessions not supported");
    settle(m);
    if (m->descriptor_bad)
        m->state = MUX_CLOSED;
}

struct buf *mux_master_out(struct mux_master *m)
{
    return &m->out;
}

void mux_master_init(struct mux_master *m, uint32_t pid, const struct mux_master_ops *ops,
                     void *ctx)
{
    *m = (struct mux_master){.ops = ops, .ctx = ctx, .pid = pid};
    buf_init(&m->in, HEAD + MUX_PACKET_MAX);
    buf_init(&m->out, MUX_OUT_MAX);
    reply(m,
          &(struct mux_reply){.type = MUX_HELLO, .value = MUX_VERSION, .info = true, .tern = true});
}

void mux_master_fini(struct mux_master *m)
{
    buf_fini(&m->in);
    buf_fini(&m->out);
}
