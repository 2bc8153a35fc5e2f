#include "session/events.h"

#include "base/pb.h"

enum { FIELD_VALUE = 1, FIELD_SIGNAL = 2, FIELD_TEXT = 3, FIELD_PART = 4 };

void event_put(struct buf *out, const struct event *e)
{
    size_t mark = pb_begin(out, e->kind);
    if (e->value)
        pb_put_varint(out, FIELD_VALUE, e->value);
    if (e->signal)
        pb_put_varint(out, FIELD_SIGNAL, e->signal);
    if (e->len)
        pb_put_bytes(out, FIELD_TEXT, e->text, e->len);
    if (e->part)
        pb_put_varint(out, FIELD_PART, e->part);
    pb_end(out, mark);
}

static int parse_body(const struct pb_field *record, struct event *e)
{
    struct reader r = reader_of(record->bytes, record->len);
    struct pb_field f;
    int got;
    while ((got = pb_next(&r, &f)) > 0) {
        if (f.type == PB_BYTES && f.number == FIELD_TEXT) {
            e->text = f.bytes;
            e->len = f.len;
        }
        if (f.type != PB_VARINT)
            continue;
        if (f.number == FIELD_VALUE)
            e->value = f.value;
        else if (f.number == FIELD_SIGNAL)
            e->signal = (uint32_t)f.value;
        else if (f.number == FIELD_PART)
            e->part = (uint32_t)f.value;
    }
    return got < 0 ? ERR_SYNTAX : ERR_OK;
}

int event_get(struct buf *in, struct event *e)
{
    struct reader r = reader_of(buf_data(in), buf_len(in));
    struct pb_field f;
    *e = (struct event){0};
    int got = pb_next(&r, &f);
    if (got == ERR_SHORT)
        return buf_len(in) > EVENT_MAX ? ERR_SYNTAX : 0;
    if (got <= 0)
        return got;
    if (f.type != PB_BYTES || f.len > EVENT_MAX)
        return ERR_SYNTAX;
    e->kind = f.number;
    int err = parse_body(&f, e);
    if (err)
        return err;
    buf_skip(in, buf_len(in) - r.len);
    return 1;
}

bool event_text_take(struct event_text *t, const struct event *e)
{
    bool goes_on = e->part & EVENT_GOES_ON;
    if (!goes_on) {
        buf_release(&t->text);
        t->kind = e->kind;
        t->broken = false;
    }
    if (t->kind != e->kind) /* its beginning never came */
        return false;
    t->broken |= e->len > buf_room(&t->text);
    if (!t->broken)
        buf_put(&t->text, e->text, e->len);
    if (e->part & EVENT_MORE)
        return false;
    t->kind = 0;
    return !t->broken;
}
