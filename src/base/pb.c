#include "base/pb.h"

#include "base/mem.h"

#include <string.h>

static int get_varint(struct reader *r, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t b = reader_u8(r);
        if (r->failed)
            return ERR_SHORT;
        if (shift < 64)
            *v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return ERR_OK;
    }
    return ERR_SYNTAX;
}

static int get_tag(struct reader *r, struct pb_field *f)
{
    uint64_t tag;
    int err = get_varint(r, &tag);
    if (err)
        return err;
    if (tag >> 32 || tag >> 3 == 0 || (tag & 7) > PB_FIXED32)
        return ERR_SYNTAX;
    f->number = (uint32_t)(tag >> 3);
    f->type = (enum pb_type)(tag & 7);
    return ERR_OK;
}

static int get_value(struct reader *r, struct pb_field *f)
{
    uint64_t len;
    int err;
    switch (f->type) {
    case PB_VARINT:
        return get_varint(r, &f->value);
    case PB_FIXED64:
        f->value = __builtin_bswap64(reader_u64(r));
        return reader_err(r);
    case PB_FIXED32:
        f->value = __builtin_bswap32(reader_u32(r));
        return reader_err(r);
    case PB_BYTES:
        err = get_varint(r, &len);
        if (err)
            return err;
        if (len > r->len)
            return ERR_SHORT;
        f->len = (size_t)len;
        f->bytes = reader_bytes(r, f->len);
        return ERR_OK;
    case PB_GROUP:
    case PB_GROUP_END:
        return ERR_OK;
    }
    return ERR_SYNTAX;
}

/* Skip to the end of the group just opened, with the open numbers on a small stack. */
static int skip_group(struct reader *r, uint32_t number)
{
    uint32_t open[PB_GROUP_DEPTH];
    size_t depth = 0;
    open[depth++] = number;
    while (depth) {
        struct pb_field f = {0};
        int err = get_tag(r, &f);
        if (!err)
            err = get_value(r, &f);
        if (err)
            return err;
        if (f.type == PB_GROUP) {
            if (depth == PB_GROUP_DEPTH)
                return ERR_SYNTAX;
            open[depth++] = f.number;
        } else if (f.type == PB_GROUP_END) {
            if (open[--depth] != f.number)
                return ERR_SYNTAX;
        }
    }
    return ERR_OK;
}

int pb_next(struct reader *r, struct pb_field *f)
{
    *f = (struct pb_field){0};
    if (r->failed)
        return ERR_SHORT;
    if (!r->len)
        return 0;
    int err = get_tag(r, f);
    if (!err && f->type == PB_GROUP_END)
        err = ERR_SYNTAX;
    if (!err)
        err = f->type == PB_GROUP ? skip_group(r, f->number) : get_value(r, f);
    return err ? err : 1;
}

bool pb_valid(const void *p, size_t len)
{
    struct reader r = reader_of(p, len);
    struct pb_field f;
    int got;
    while ((got = pb_next(&r, &f)) > 0)
        ;
    return got == 0;
}

size_t pb_varint_len(uint64_t v)
{
    size_t n = 1;
    while (v >>= 7)
        n++;
    return n;
}

static size_t varint(uint8_t out[static 10], uint64_t v)
{
    size_t n = 0;
    while (v >= 0x80) {
        out[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    out[n++] = (uint8_t)v;
    return n;
}

static void put_raw_varint(struct buf *b, uint64_t v)
{
    uint8_t t[10];
    buf_put(b, t, varint(t, v));
}

void pb_put_varint(struct buf *b, uint32_t number, uint64_t value)
{
    put_raw_varint(b, (uint64_t)number << 3 | PB_VARINT);
    put_raw_varint(b, value);
}

void pb_put_bytes(struct buf *b, uint32_t number, const void *p, size_t len)
{
    put_raw_varint(b, (uint64_t)number << 3 | PB_BYTES);
    put_raw_varint(b, len);
    buf_put(b, p, len);
}

size_t pb_begin(struct buf *b, uint32_t number)
{
    put_raw_varint(b, (uint64_t)number << 3 | PB_BYTES);
    return buf_len(b);
}

void pb_end(struct buf *b, size_t mark)
{
    if (b->failed)
        return;
    uint8_t t[10];
    size_t len = buf_len(b) - mark;
    size_t n = varint(t, len);
    if (!buf_reserve(b, n))
        return;
    buf_commit(b, n);
    uint8_t *body = b->mem + b->start + mark;
    memmove(body + n, body, len);
    memcpy(body, t, n);
}
