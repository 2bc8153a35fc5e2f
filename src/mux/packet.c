#include "mux/packet.h"

#include <string.h>

/* Extensions in HELLO: the stock one, and how we know our own. */
#define EXT_INFO "info"
#define EXT_TERN "tern"

#define HEAD 4

/* ---- texts ----------------------------------------------------------------------------------- */

struct mux_text mux_text(const char *s)
{
    return (struct mux_text){s ? s : "", s ? strlen(s) : 0};
}

bool mux_text_is(struct mux_text t, const char *word)
{
    return t.len == strlen(word) && (!t.len || !memcmp(t.p, word, t.len));
}

bool mux_text_copy(struct mux_text t, char *out, size_t size)
{
    bool good = t.len < size && (!t.len || !memchr(t.p, 0, t.len));
    if (good && t.len)
        memcpy(out, t.p, t.len);
    out[good ? t.len : 0] = 0;
    return good;
}

static struct mux_text get_text(struct reader *r)
{
    uint32_t len = reader_u32(r);
    const uint8_t *p = reader_bytes(r, len);
    return (struct mux_text){p ? (const char *)p : "", p ? len : 0};
}

static void put_text(struct buf *b, struct mux_text t)
{
    buf_put_u32(b, (uint32_t)t.len);
    buf_put(b, t.p, t.len);
}

/* Appends what `body` wrote behind the place of the length, which is filled in. */
static size_t begin(struct buf *b, uint32_t type)
{
    size_t at = buf_len(b);
    buf_put_u32(b, 0);
    buf_put_u32(b, type);
    return at;
}

static void finish(struct buf *b, size_t at)
{
    if (!buf_err(b))
        wire_put_u32(b->mem + b->start + at, (uint32_t)(buf_len(b) - at - HEAD));
}

/* ---- requests -------------------------------------------------------------------------------- */

static void get_extensions(struct reader *r, bool *info, bool *tern)
{
    *info = *tern = false;
    while (!r->failed && r->len) {
        struct mux_text name = get_text(r);
        (void)get_text(r);
        *info |= mux_text_is(name, EXT_INFO);
        *tern |= mux_text_is(name, EXT_TERN);
    }
}

static void put_extensions(struct buf *b, bool info, bool tern)
{
    if (info) {
        put_text(b, mux_text(EXT_INFO));
        put_text(b, mux_text("0"));
    }
    if (tern) {
        put_text(b, mux_text(EXT_TERN));
        put_text(b, mux_text("1"));
    }
}

static void get_session(struct reader *r, struct mux_session *s)
{
    (void)get_text(r); /* reserved */
    s->tty = reader_u32(r) != 0;
    s->x11 = reader_u32(r) != 0;
    s->agent = reader_u32(r) != 0;
    s->subsystem = reader_u32(r) != 0;
    s->escape = reader_u32(r);
    s->term = get_text(r);
    s->command = get_text(r);
    s->env = *r;
    while (!r->failed && r->len)
        (void)get_text(r);
}

static struct mux_end get_end(struct reader *r)
{
    struct mux_end e;
    e.host = get_text(r);
    e.port = reader_u32(r);
    return e;
}

static void get_body(struct reader *r, struct mux_request *out)
{
    switch (out->type) {
    case MUX_NEW_SESSION:
        get_session(r, &out->session);
        break;
    case MUX_OPEN_FORWARD:
    case MUX_CLOSE_FORWARD:
        out->forward.kind = reader_u32(r);
        out->forward.listen = get_end(r);
        out->forward.connect = get_end(r);
        break;
    case MUX_NEW_STDIO:
        (void)get_text(r);
        out->to = get_end(r);
        break;
    case MUX_INFO:
        out->what = get_text(r);
        break;
    default:
        break;
    }
}

int mux_request_get(const uint8_t *p, size_t len, struct mux_request *out)
{
    struct reader r = reader_of(p, len);
    *out = (struct mux_request){0};
    if (len > MUX_PACKET_MAX)
        return ERR_CAP;
    out->type = reader_u32(&r);
    if (out->type == MUX_HELLO) {
        out->version = reader_u32(&r);
        get_extensions(&r, &out->info, &out->tern);
        return reader_err(&r);
    }
    out->id = reader_u32(&r);
    if (!r.failed)
        get_body(&r, out);
    return reader_err(&r);
}

static void put_end(struct buf *b, const struct mux_end *e)
{
    put_text(b, e->host);
    buf_put_u32(b, e->port);
}

static void put_session(struct buf *b, const struct mux_session *s)
{
    put_text(b, mux_text(""));
    buf_put_u32(b, s->tty);
    buf_put_u32(b, s->x11);
    buf_put_u32(b, s->agent);
    buf_put_u32(b, s->subsystem);
    buf_put_u32(b, s->escape);
    put_text(b, s->term);
    put_text(b, s->command);
    buf_put(b, s->env.p, s->env.len);
}

void mux_request_put(struct buf *b, const struct mux_request *r)
{
    size_t at = begin(b, r->type);
    if (r->type == MUX_HELLO) {
        buf_put_u32(b, r->version);
        put_extensions(b, r->info, r->tern);
        finish(b, at);
        return;
    }
    buf_put_u32(b, r->id);
    switch (r->type) {
    case MUX_NEW_SESSION:
        put_session(b, &r->session);
        break;
    case MUX_OPEN_FORWARD:
    case MUX_CLOSE_FORWARD:
        buf_put_u32(b, r->forward.kind);
        put_end(b, &r->forward.listen);
        put_end(b, &r->forward.connect);
        break;
    case MUX_NEW_STDIO:
        put_text(b, mux_text(""));
        put_end(b, &r->to);
        break;
    case MUX_INFO:
        put_text(b, r->what);
        break;
    default:
        break;
    }
    finish(b, at);
}

bool mux_env_next(struct reader *env, size_t *count, struct mux_text *out)
{
    while (env->len && !env->failed && *count < MUX_ENV_MAX) {
        ++*count;
        *out = get_text(env);
        const char *eq = out->len ? memchr(out->p, '=', out->len) : NULL;
        if (eq && eq != out->p)
            return true;
    }
    return false;
}

void mux_env_put(struct buf *b, const char *pair)
{
    put_text(b, mux_text(pair));
}

size_t mux_descriptors(uint32_t type)
{
    return type == MUX_NEW_SESSION ? 3 : type == MUX_NEW_STDIO ? 2 : 0;
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool reply_known(uint32_t type)
{
    return (type >= MUX_OK && type <= MUX_TTY_FAILED) || type == MUX_INFO_TEXT || type == MUX_HELLO;
}

static bool has_id(uint32_t type)
{
    return type != MUX_HELLO && type != MUX_EXIT && type != MUX_TTY_FAILED;
}

static bool has_session(uint32_t type)
{
    return type == MUX_OPENED || type == MUX_EXIT || type == MUX_TTY_FAILED;
}

static bool has_value(uint32_t type)
{
    return type == MUX_HELLO || type == MUX_EXIT || type == MUX_ALIVE || type == MUX_REMOTE_PORT ||
           type == MUX_INFO_TEXT;
}

static bool has_text(uint32_t type)
{
    return type == MUX_DENIED || type == MUX_FAILURE || type == MUX_INFO_TEXT;
}

int mux_reply_get(const uint8_t *p, size_t len, struct mux_reply *out)
{
    struct reader r = reader_of(p, len);
    *out = (struct mux_reply){0};
    if (len > MUX_REPLY_MAX)
        return ERR_CAP;
    out->type = reader_u32(&r);
    if (r.failed)
        return ERR_SHORT;
    if (!reply_known(out->type))
        return ERR_VERSION;
    if (has_id(out->type))
        out->id = reader_u32(&r);
    if (has_session(out->type))
        out->session = reader_u32(&r);
    if (has_value(out->type))
        out->value = reader_u32(&r);
    if (has_text(out->type))
        out->text = get_text(&r);
    if (out->type == MUX_HELLO)
        get_extensions(&r, &out->info, &out->tern);
    return reader_err(&r);
}

void mux_reply_put(struct buf *b, const struct mux_reply *r)
{
    size_t at = begin(b, r->type);
    struct mux_text text = r->text;
    if (text.len > MUX_REPLY_MAX - 64)
        text.len = MUX_REPLY_MAX - 64;
    if (has_id(r->type))
        buf_put_u32(b, r->id);
    if (has_session(r->type))
        buf_put_u32(b, r->session);
    if (has_value(r->type))
        buf_put_u32(b, r->value);
    if (has_text(r->type))
        put_text(b, text);
    if (r->type == MUX_HELLO)
        put_extensions(b, r->info, r->tern);
    finish(b, at);
}

/* ---- forwards -------------------------------------------------------------------------------- */

enum mux_forward_check mux_forward_check(const struct mux_forward *f)
{
    const struct mux_end *l = &f->listen, *c = &f->connect;
    if ((l->port > 65535 && l->port != MUX_UNIX) || (c->port > 65535 && c->port != MUX_UNIX))
        return MUX_FORWARD_BROKEN;
    if (f->kind < MUX_LOCAL || f->kind > MUX_DYNAMIC)
        return MUX_FORWARD_INVALID;
    if (f->kind == MUX_DYNAMIC && l->port == MUX_UNIX)
        return MUX_FORWARD_INVALID;
    if (f->kind == MUX_LOCAL && !c->port)
        return MUX_FORWARD_INVALID;
    if (f->kind != MUX_DYNAMIC && !c->host.len)
        return MUX_FORWARD_INVALID;
    /* Stock ones take a random port here and tell nobody which. */
    if (f->kind != MUX_REMOTE && !l->port)
        return MUX_FORWARD_INVALID;
    return MUX_FORWARD_GOOD;
}
