#include "session/raw.h"

#include "base/pb.h"

#include <string.h>

/* Kind and length of a record, at most: two varints. */
#define HEAD_MAX 20

/* How many bytes at p are the intro's from `from` on. */
static size_t match(const uint8_t *p, size_t len, size_t from)
{
    size_t n = 0;
    while (n < len && from + n < RAW_INTRO_LEN && p[n] == (uint8_t)RAW_INTRO[from + n])
        n++;
    return n;
}

static size_t begin(struct raw_scan *s, struct raw_piece *out, size_t held, size_t take)
{
    s->inside = true;
    s->held = 0;
    *out = (struct raw_piece){.held = held, .take = take, .raw = true, .begins = true};
    return take;
}

static size_t scan_outside(struct raw_scan *s, const uint8_t *p, size_t len, struct raw_piece *out)
{
    if (s->held) {
        size_t held = s->held, n = match(p, len, held);
        if (held + n == RAW_INTRO_LEN)
            return begin(s, out, held, n);
        if (n == len) {
            s->held += n;
            return n;
        }
        s->held = 0;
        out->held = held; /* p's own bytes are looked at again */
        return 0;
    }
    const uint8_t *esc = p;
    while ((esc = memchr(esc, RAW_INTRO[0], len - (size_t)(esc - p)))) {
        size_t at = (size_t)(esc - p), n = match(esc, len - at, 0);
        if (n == RAW_INTRO_LEN && !at)
            return begin(s, out, 0, n);
        if (n == RAW_INTRO_LEN)
            return out->take = at;
        if (n == len - at) {
            s->held = n;
            out->take = at;
            return len;
        }
        esc++;
    }
    return out->take = len;
}

static size_t scan_inside(struct raw_scan *s, const uint8_t *p, size_t len, struct raw_piece *out)
{
    size_t n = 0;
    out->raw = true;
    while (n < len && !out->ends) {
        bool esc = s->held;
        s->held = p[n] == RAW_OUTRO[0];
        out->ends = esc && p[n] == (uint8_t)RAW_OUTRO[1];
        n++;
    }
    if (out->ends)
        *s = (struct raw_scan){0};
    return out->take = n;
}

size_t raw_scan(struct raw_scan *s, const uint8_t *p, size_t len, struct raw_piece *out)
{
    *out = (struct raw_piece){0};
    return s->inside ? scan_inside(s, p, len, out) : scan_outside(s, p, len, out);
}

/* ---- the log ---- */

void raw_record_put(struct buf *out, enum raw_kind kind, const void *bytes, size_t len)
{
    pb_put_bytes(out, kind, bytes, len);
}

int raw_record_get(const uint8_t *p, size_t len, struct raw_record *out, size_t *used)
{
    struct reader r = reader_of(p, len);
    struct pb_field f;
    *used = 0;
    int got = pb_next(&r, &f);
    if (got == ERR_SHORT || !got)
        return len > RAW_DATA_MAX + HEAD_MAX ? ERR_SYNTAX : 0;
    if (got < 0 || f.type != PB_BYTES || f.len > RAW_DATA_MAX)
        return ERR_SYNTAX;
    *out = (struct raw_record){.kind = f.number, .bytes = f.bytes, .len = f.len};
    *used = len - r.len;
    return 1;
}
