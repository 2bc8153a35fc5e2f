#include "chan/ask.h"

#include "base/pb.h"
#include "base/wire.h"

#include <string.h>

enum {
    FIELD_NUMBER = 1,
    FIELD_HOST = 2,
    FIELD_PORT = 3,
    FIELD_PASS = 4,
    FIELD_TEXT = 5,
    FIELD_UDP = 6,
};

static void put_text(struct buf *b, uint32_t field, struct text t, size_t max)
{
    if (t.p)
        pb_put_bytes(b, field, t.p, t.len < max ? t.len : max);
}

void ask_put(struct buf *b, const struct ask *a)
{
    struct buf body;
    buf_init(&body, ASK_MAX);
    pb_put_varint(&body, FIELD_NUMBER, a->number);
    if (a->named)
        put_text(&body, FIELD_HOST, a->host, OPEN_TEXT_MAX);
    if (a->port)
        pb_put_varint(&body, FIELD_PORT, a->port);
    put_text(&body, FIELD_PASS, a->pass, OPEN_PASS_MAX);
    put_text(&body, FIELD_TEXT, a->text, ASK_TEXT);
    if (a->udp)
        pb_put_varint(&body, FIELD_UDP, 1);
    buf_put_u16(b, (uint16_t)buf_len(&body));
    buf_put(b, buf_data(&body), buf_len(&body));
    buf_fini(&body);
}

static int get_text(const struct pb_field *f, size_t max, struct text *out)
{
    if (f->type != PB_BYTES || f->len > max || (f->len && memchr(f->bytes, 0, f->len)))
        return ERR_SYNTAX;
    *out = (struct text){f->len ? (const char *)f->bytes : "", f->len};
    return ERR_OK;
}

static int get_number(const struct pb_field *f, uint64_t max, uint64_t *out)
{
    *out = f->value;
    return f->type != PB_VARINT || f->value > max ? ERR_SYNTAX : ERR_OK;
}

static int get_field(const struct pb_field *f, struct ask *a)
{
    uint64_t v = 0;
    int err = ERR_OK;
    switch (f->number) {
    case FIELD_NUMBER:
        err = get_number(f, UINT32_MAX, &v);
        a->number = (uint32_t)v;
        return err;
    case FIELD_HOST:
        a->named = true;
        return get_text(f, OPEN_TEXT_MAX, &a->host);
    case FIELD_PORT:
        err = get_number(f, UINT16_MAX, &v);
        a->port = (uint16_t)v;
        return err;
    case FIELD_PASS:
        return get_text(f, OPEN_PASS_MAX, &a->pass);
    case FIELD_TEXT:
        return get_text(f, ASK_TEXT, &a->text);
    case FIELD_UDP:
        err = get_number(f, 1, &v);
        a->udp = v != 0;
        return err;
    default:
        return ERR_OK;
    }
}

int ask_get(const uint8_t *p, size_t len, struct ask *out, size_t *used)
{
    struct pb_field f;
    int got;
    *out = (struct ask){0};
    if (len < 2)
        return 0;
    size_t body = wire_get_u16(p);
    if (body > ASK_MAX)
        return ERR_CAP;
    if (len - 2 < body)
        return 0;
    struct reader r = reader_of(p + 2, body);
    while ((got = pb_next(&r, &f)) > 0) {
        int err = get_field(&f, out);
        if (err)
            return err;
    }
    *used = 2 + body;
    return got < 0 ? got : out->number ? 1 : ERR_SYNTAX;
}
