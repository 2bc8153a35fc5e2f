#include "session/history_log.h"

#include "base/pb.h"

#include <string.h>
#include <zlib.h>

enum { FIELD_FIRST = 1, FIELD_END = 2, FIELD_PLAIN = 3, FIELD_DEFLATED = 4 };
/* What is shorter is not worth a deflate stream: the instruction is deflated too. */
#define DEFLATE_LEAST 512

void history_record_init(struct history_record *r)
{
    *r = (struct history_record){0};
    buf_init(&r->lines, HISTORY_RECORD_MAX);
}

void history_record_fini(struct history_record *r)
{
    buf_fini(&r->lines);
}

/* Append the deflated lines as a field; false, and nothing appended, if that is no gain. */
static bool put_deflated(struct buf *out, const struct buf *lines, struct codec *pack)
{
    struct buf packed;
    if (!pack || buf_len(lines) < DEFLATE_LEAST)
        return false;
    buf_init(&packed, buf_len(lines) / 8 * 7);
    bool less = !codec_pack(pack, buf_data(lines), buf_len(lines), &packed);
    if (less)
        pb_put_bytes(out, FIELD_DEFLATED, buf_data(&packed), buf_len(&packed));
    buf_fini(&packed);
    return less;
}

static bool has_body(enum history_kind kind)
{
    return kind == HISTORY_LINES || kind == HISTORY_LINKS;
}

void history_record_put(struct buf *out, const struct history_record *r, struct codec *pack)
{
    size_t mark = pb_begin(out, r->kind);
    pb_put_varint(out, FIELD_FIRST, r->first);
    pb_put_varint(out, FIELD_END, r->end);
    if (has_body(r->kind) && !put_deflated(out, &r->lines, pack))
        pb_put_bytes(out, FIELD_PLAIN, buf_data(&r->lines), buf_len(&r->lines));
    pb_end(out, mark);
}

static int inflate_lines(const struct pb_field *f, struct buf *lines)
{
    uLongf size = HISTORY_RECORD_MAX;
    uint8_t *to = buf_reserve(lines, size);
    if (!to || uncompress(to, &size, f->bytes, (uLong)f->len) != Z_OK)
        return ERR_SYNTAX;
    buf_commit(lines, size);
    return ERR_OK;
}

static int take_body(const struct pb_field *body, struct history_record *r)
{
    struct reader in = reader_of(body->bytes, body->len);
    struct pb_field f;
    int got;
    while ((got = pb_next(&in, &f)) > 0) {
        if (f.number == FIELD_FIRST && f.type == PB_VARINT) {
            r->first = f.value;
        } else if (f.number == FIELD_END && f.type == PB_VARINT) {
            r->end = f.value;
        } else if (f.number == FIELD_PLAIN && f.type == PB_BYTES && !buf_len(&r->lines)) {
            buf_put(&r->lines, f.bytes, f.len);
        } else if (f.number == FIELD_DEFLATED && f.type == PB_BYTES && !buf_len(&r->lines)) {
            if (inflate_lines(&f, &r->lines))
                return ERR_SYNTAX;
        }
    }
    if (got < 0 || r->first > r->end)
        return ERR_SYNTAX;
    if (r->kind == HISTORY_LINES && r->end - r->first > HISTORY_LINES_MAX)
        return ERR_SYNTAX;
    return ERR_OK;
}

int history_record_get(const uint8_t *p, size_t len, struct history_record *r, size_t *used)
{
    struct reader in = reader_of(p, len);
    struct pb_field f;
    *used = 0;
    int got = pb_next(&in, &f);
    if (got == ERR_SHORT || !got)
        return len > HISTORY_RECORD_MAX ? ERR_SYNTAX : 0;
    if (got < 0 || f.type != PB_BYTES || f.len > HISTORY_RECORD_MAX)
        return ERR_SYNTAX;
    *used = len - in.len;
    r->kind = (enum history_kind)f.number;
    r->first = r->end = 0;
    buf_clear(&r->lines);
    return take_body(&f, r) ? ERR_SYNTAX : 1;
}

bool history_link_put(struct history_record *r, uint32_t number, const char *uri)
{
    size_t len = strlen(uri);
    if (buf_room(&r->lines) < len + 16)
        return false;
    line_put_varint(&r->lines, number);
    line_put_varint(&r->lines, len);
    buf_put(&r->lines, uri, len);
    return true;
}

int history_link_get(struct reader *in, uint32_t *number, const uint8_t **uri, size_t *len)
{
    uint64_t n, size;
    if (!in->len)
        return 0;
    if (line_get_varint(in, &n) || line_get_varint(in, &size) || !n || n > UINT32_MAX ||
        size > in->len)
        return ERR_SYNTAX;
    *number = (uint32_t)n;
    *len = (size_t)size;
    *uri = reader_bytes(in, *len);
    return 1;
}
