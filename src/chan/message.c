#include "chan/message.h"

#include "base/mem.h"
#include "base/pb.h"
#include "base/wire.h"

#include <string.h>

enum {
    FIELD_KIND = 1,
    FIELD_COMMAND = 2,
    FIELD_ENV = 3,
    FIELD_HOST = 4,
    FIELD_PORT = 5,
    FIELD_ORIGIN = 6,
    FIELD_ORIGIN_PORT = 7,
    FIELD_PATH = 8,
    FIELD_CLASS = 9,
    FIELD_PASS = 10,
    FIELD_FORWARD = 11,
};

char *text_copy(struct text t)
{
    return mem_text(t.p ? t.p : "", t.p ? t.len : 0);
}

/* ---- OPEN ---- */

static void put_text(struct buf *b, uint32_t field, struct text t)
{
    if (t.p)
        pb_put_bytes(b, field, t.p, t.len);
}

static void put_number(struct buf *b, uint32_t field, uint64_t v)
{
    if (v)
        pb_put_varint(b, field, v);
}

void request_put(struct buf *b, const struct open_request *o)
{
    struct buf body;
    uint8_t head[MESSAGE_HEAD];
    buf_init(&body, MESSAGE_OPEN_MAX);
    pb_put_varint(&body, FIELD_KIND, o->kind);
    put_text(&body, FIELD_COMMAND, o->command);
    for (size_t i = 0; i < o->env_count; i++)
        put_text(&body, FIELD_ENV, o->env[i]);
    put_text(&body, FIELD_HOST, o->host);
    put_number(&body, FIELD_PORT, o->port);
    put_text(&body, FIELD_ORIGIN, o->origin);
    put_number(&body, FIELD_ORIGIN_PORT, o->origin_port);
    put_text(&body, FIELD_PATH, o->path);
    put_number(&body, FIELD_CLASS, o->class);
    put_text(&body, FIELD_PASS, o->pass);
    put_number(&body, FIELD_FORWARD, o->forward);
    if (buf_err(&body)) {
        b->failed = true;
    } else {
        message_head(head, MESSAGE_OPEN, buf_len(&body));
        buf_put(b, head, sizeof head);
        buf_put(b, buf_data(&body), buf_len(&body));
    }
    buf_fini(&body);
}

/* A text of at most max bytes without NUL. */
static int get_text(const struct pb_field *f, size_t max, struct text *out)
{
    if (f->type != PB_BYTES)
        return ERR_SYNTAX;
    if (f->len > max)
        return ERR_CAP;
    if (f->len && memchr(f->bytes, 0, f->len))
        return ERR_SYNTAX;
    *out = (struct text){f->len ? (const char *)f->bytes : "", f->len};
    return ERR_OK;
}

static int get_env(const struct pb_field *f, struct open_request *o)
{
    struct text t;
    if (o->env_count == OPEN_ENV_MAX)
        return ERR_CAP;
    int err = get_text(f, MESSAGE_OPEN_MAX, &t);
    if (!err && (!memchr(t.p, '=', t.len) || *t.p == '='))
        err = ERR_SYNTAX;
    if (!err)
        o->env[o->env_count++] = t;
    return err;
}

static int get_number(const struct pb_field *f, uint64_t max, uint64_t *out)
{
    if (f->type != PB_VARINT || f->value > max)
        return ERR_SYNTAX;
    *out = f->value;
    return ERR_OK;
}

static int get_field(const struct pb_field *f, struct open_request *o)
{
    uint64_t v = 0;
    int err;
    switch (f->number) {
    case FIELD_KIND:
        err = get_number(f, 1000000, &v);
        o->kind = (enum open_kind)v;
        return err;
    case FIELD_COMMAND:
        return get_text(f, OPEN_COMMAND_MAX, &o->command);
    case FIELD_ENV:
        return get_env(f, o);
    case FIELD_HOST:
        return get_text(f, OPEN_TEXT_MAX, &o->host);
    case FIELD_PORT:
        err = get_number(f, 65535, &v);
        o->port = (uint16_t)v;
        return err;
    case FIELD_ORIGIN:
        return get_text(f, OPEN_TEXT_MAX, &o->origin);
    case FIELD_ORIGIN_PORT:
        err = get_number(f, 65535, &v);
        o->origin_port = (uint16_t)v;
        return err;
    case FIELD_PATH:
        return get_text(f, OPEN_TEXT_MAX, &o->path);
    case FIELD_CLASS:
        err = get_number(f, 1000000, &v);
        o->class = (uint32_t)v;
        return err;
    case FIELD_PASS:
        return get_text(f, OPEN_PASS_MAX, &o->pass);
    case FIELD_FORWARD:
        err = get_number(f, UINT32_MAX, &v);
        o->forward = (uint32_t)v;
        return err;
    default:
        return ERR_OK;
    }
}

int request_get(const uint8_t *body, size_t len, struct open_request *out)
{
    struct reader r = reader_of(body, len);
    struct pb_field f;
    int got;
    *out = (struct open_request){0};
    while ((got = pb_next(&r, &f)) > 0) {
        int err = get_field(&f, out);
        if (err)
            return err;
    }
    if (!got && !out->kind)
        got = ERR_SYNTAX;
    return got;
}

/* ---- the others ---- */

void message_head(uint8_t out[static MESSAGE_HEAD], enum message_kind kind, size_t len)
{
    wire_put_u32(out, (uint32_t)kind << 24 | (uint32_t)len);
}

static size_t cut(size_t len)
{
    return len < 512 ? len : 512;
}

static void put_name(struct buf *b, const char *name)
{
    size_t len = strnlen(name, SIGNAL_NAME_MAX);
    buf_put_u8(b, (uint8_t)len);
    buf_put(b, name, len);
}

static void put_body(struct buf *b, const struct message *m)
{
    switch (m->kind) {
    case MESSAGE_REFUSED:
        buf_put_u32(b, m->value);
        buf_put(b, m->text.p, cut(m->text.len));
        return;
    case MESSAGE_EOF:
        buf_put_u64(b, m->bytes[0]);
        buf_put_u64(b, m->bytes[1]);
        return;
    case MESSAGE_STOP:
        buf_put_u8(b, (uint8_t)m->value);
        return;
    case MESSAGE_WINDOW:
    case MESSAGE_EXIT_STATUS:
    case MESSAGE_BREAK:
    case MESSAGE_BACK:
        buf_put_u32(b, m->value);
        return;
    case MESSAGE_EXIT_SIGNAL:
        buf_put_u8(b, (uint8_t)m->value);
        put_name(b, m->name);
        buf_put(b, m->text.p, cut(m->text.len));
        return;
    case MESSAGE_SIGNAL:
        put_name(b, m->name);
        return;
    case MESSAGE_SIZE:
        buf_put_u16(b, m->cols);
        buf_put_u16(b, m->rows);
        buf_put_u16(b, m->width);
        buf_put_u16(b, m->height);
        return;
    default: /* OPENED: empty */
        return;
    }
}

void message_put(struct buf *b, const struct message *m)
{
    struct buf body;
    uint8_t head[MESSAGE_HEAD];
    buf_init(&body, MESSAGE_SMALL_MAX);
    put_body(&body, m);
    message_head(head, m->kind, buf_len(&body));
    buf_put(b, head, sizeof head);
    buf_put(b, buf_data(&body), buf_len(&body));
    buf_fini(&body);
}

static void get_rest(struct reader *r, struct text *out)
{
    out->len = r->len;
    out->p = (const char *)reader_bytes(r, r->len);
}

static int get_name(struct reader *r, char out[static SIGNAL_NAME_MAX + 1])
{
    size_t len = reader_u8(r);
    const uint8_t *p = reader_bytes(r, len);
    if (!p)
        return ERR_SHORT;
    if (!len || len > SIGNAL_NAME_MAX)
        return ERR_SYNTAX;
    for (size_t i = 0; i < len; i++)
        if (!((p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= '0' && p[i] <= '9')))
            return ERR_SYNTAX;
    memcpy(out, p, len);
    out[len] = 0;
    return ERR_OK;
}

static int get_body(struct reader *r, struct message *m)
{
    int err = ERR_OK;
    switch (m->kind) {
    case MESSAGE_OPENED:
        break;
    case MESSAGE_REFUSED:
        m->value = reader_u32(r);
        get_rest(r, &m->text);
        break;
    case MESSAGE_EOF:
        m->bytes[0] = reader_u64(r);
        m->bytes[1] = reader_u64(r);
        break;
    case MESSAGE_STOP:
        m->value = reader_u8(r);
        err = m->value > 1 ? ERR_SYNTAX : ERR_OK;
        break;
    case MESSAGE_WINDOW:
    case MESSAGE_EXIT_STATUS:
    case MESSAGE_BREAK:
    case MESSAGE_BACK:
        m->value = reader_u32(r);
        break;
    case MESSAGE_EXIT_SIGNAL:
        m->value = reader_u8(r);
        err = get_name(r, m->name);
        get_rest(r, &m->text);
        break;
    case MESSAGE_SIGNAL:
        err = get_name(r, m->name);
        break;
    case MESSAGE_SIZE:
        m->cols = reader_u16(r);
        m->rows = reader_u16(r);
        m->width = reader_u16(r);
        m->height = reader_u16(r);
        break;
    default:
        return ERR_VERSION;
    }
    return err;
}

int message_get(uint8_t kind, const uint8_t *body, size_t len, struct message *out)
{
    struct reader r = reader_of(body, len);
    *out = (struct message){.kind = (enum message_kind)kind};
    int err = get_body(&r, out);
    if (err)
        return err;
    return reader_err(&r); /* more than is known: a later version's */
}
