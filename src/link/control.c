#include "link/control.h"

#include "base/pb.h"

#include <string.h>

enum field {
    FIELD_KIND = 1,
    FIELD_TOKEN = 2,
    FIELD_CHALLENGE = 3,
    FIELD_ANSWER = 4,
    FIELD_HINT = 5,
    FIELD_LOSS = 6,
    FIELD_ID = 7,
    FIELD_PADDING = 8,
};

static void put_number(struct buf *b, uint32_t field, uint64_t v)
{
    if (v)
        pb_put_varint(b, field, v);
}

void control_put(struct buf *b, const struct control *c)
{
    put_number(b, FIELD_KIND, c->kind);
    put_number(b, FIELD_TOKEN, c->token);
    put_number(b, FIELD_CHALLENGE, c->challenge);
    put_number(b, FIELD_ANSWER, c->answer);
    put_number(b, FIELD_HINT, c->hint);
    put_number(b, FIELD_LOSS, c->loss);
    if (c->has_id)
        pb_put_bytes(b, FIELD_ID, c->id, sizeof c->id);
}

void control_pad(struct buf *b, size_t len)
{
    static const uint8_t zeros[1500];
    size_t head = 3; /* tag, and a length that takes two bytes even when one would do for less */
    if (buf_len(b) + head + 128 > len || len - buf_len(b) - head > sizeof zeros)
        return;
    pb_put_bytes(b, FIELD_PADDING, zeros, len - buf_len(b) - head);
}

static uint32_t cut32(uint64_t v)
{
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

int control_get(const uint8_t *p, size_t len, struct control *out)
{
    struct reader r = reader_of(p, len);
    struct pb_field f;
    uint64_t kind = 0;
    int got;
    *out = (struct control){0};
    while ((got = pb_next(&r, &f)) > 0) {
        if (f.number > FIELD_ID)
            continue;
        if (f.type != (f.number == FIELD_ID ? PB_BYTES : PB_VARINT))
            return ERR_SYNTAX;
        switch ((enum field)f.number) {
        case FIELD_KIND:
            kind = f.value;
            break;
        case FIELD_TOKEN:
            out->token = f.value;
            break;
        case FIELD_CHALLENGE:
            out->challenge = f.value;
            break;
        case FIELD_ANSWER:
            out->answer = f.value;
            break;
        case FIELD_HINT:
            out->hint = cut32(f.value);
            break;
        case FIELD_LOSS:
            out->loss = cut32(f.value);
            break;
        case FIELD_ID:
            if (f.len != sizeof out->id)
                return ERR_SYNTAX;
            memcpy(out->id, f.bytes, f.len);
            out->has_id = true;
            break;
        case FIELD_PADDING:
            break;
        }
    }
    if (got < 0)
        return got;
    if (!kind)
        return ERR_SYNTAX;
    if (kind > CONTROL_STREAMS)
        return ERR_VERSION;
    out->kind = (enum control_kind)kind;
    return ERR_OK;
}
