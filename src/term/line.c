#include "term/line.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "term/row_edit.h"

/* Bits of the argument of OP_END. */
enum { END_WRAPPED = 1, END_PROMPT = 2 };

enum op { OP_END, OP_TEXT, OP_WIDE, OP_BLANK, OP_PEN, OP_CLUSTER, OP_CLUSTER2, OP_LONE };
#define OP_BITS 4

/* Room that the longest single operation with a pen before it and the END behind it take. */
#define OP_ROOM 128

void line_put_varint(struct buf *out, uint64_t v)
{
    uint8_t t[10];
    size_t n = 0;
    for (; v > 0x7f; v >>= 7)
        t[n++] = (uint8_t)(v | 0x80);
    t[n++] = (uint8_t)v;
    buf_put(out, t, n);
}

int line_get_varint(struct reader *r, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = reader_u8(r);
        if (r->failed)
            return ERR_SYNTAX;
        *v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return ERR_OK;
    }
    return ERR_SYNTAX;
}

/* ---- writing ---- */

static void put_op(struct buf *out, enum op op, uint64_t argument)
{
    line_put_varint(out, argument << OP_BITS | op);
}

static uint64_t colour_code(uint32_t c)
{
    if (COLOUR_KIND(c) == COLOUR_RGB)
        return 257 + (c & 0xffffff);
    return COLOUR_KIND(c) == COLOUR_PALETTE ? 1 + (c & 0xff) : 0;
}

static void put_pen(struct buf *out, const struct pen *p)
{
    uint8_t mem[40];
    struct buf b = {.mem = mem, .size = sizeof mem, .cap = sizeof mem};
    line_put_varint(&b, colour_code(p->fg));
    line_put_varint(&b, colour_code(p->bg));
    line_put_varint(&b, p->attr);
    line_put_varint(&b, colour_code(p->ul));
    if (p->link)
        line_put_varint(&b, p->link);
    put_op(out, OP_PEN, buf_len(&b));
    buf_put(out, buf_data(&b), buf_len(&b));
}

static bool pen_same(const struct pen *a, const struct pen *b)
{
    return a->fg == b->fg && a->bg == b->bg && a->ul == b->ul && a->attr == b->attr &&
           a->link == b->link;
}

static struct pen pen_at(const struct row *r, uint16_t col)
{
    struct pen p = row_pen(r, col);
    p.attr &= (uint16_t)~ATTR_EXT;
    return p;
}

static enum op op_of(const struct cell *c)
{
    if (c->text & CELL_FALLBACK)
        return OP_LONE;
    if (c->text & CELL_CLUSTER)
        return c->text & CELL_WIDE ? OP_CLUSTER2 : OP_CLUSTER;
    if (!(c->text & CELL_TEXT))
        return OP_BLANK;
    return c->text & CELL_WIDE ? OP_WIDE : OP_TEXT;
}

/* Does the cell have the pen words of the one before it? Quicker than pens. */
static bool same_words(const struct row *r, uint16_t col)
{
    const struct cell *a = &r->cell[col - 1], *b = &r->cell[col];
    return a->fg == b->fg && a->bg == b->bg && !(cell_attr(b) & ATTR_EXT);
}

/* Columns of the run of one operation and one pen that begins at col. */
static uint16_t run_of(const struct row *r, uint16_t col, enum op op)
{
    uint16_t step = op == OP_WIDE ? 2 : 1, end = (uint16_t)(col + step);
    while (end < r->used && end > 0 && same_words(r, end) && op_of(&r->cell[end]) == op &&
           !(r->cell[end].text & CELL_TAIL))
        end = (uint16_t)(end + step);
    return end < r->used ? end : r->used;
}

static void put_characters(struct buf *out, const struct row *r, uint16_t from, uint16_t to,
                           uint16_t step)
{
    for (uint16_t c = from; c < to; c = (uint16_t)(c + step)) {
        uint8_t t[UTF8_MAX];
        buf_put(out, t, utf8_put(t, r->cell[c].text & CELL_TEXT));
    }
}

void line_put(struct buf *out, const struct row *r)
{
    struct pen pen = {0};
    size_t mark = buf_len(out);
    for (uint16_t col = 0; col < r->used;) {
        const struct cell *c = &r->cell[col];
        enum op op = c->text & CELL_TAIL ? OP_BLANK : op_of(c); /* a tail alone cannot be */
        struct pen want = pen_at(r, col);
        uint16_t end = op >= OP_CLUSTER ? (uint16_t)(col + 1) : run_of(r, col, op);
        size_t room = LINE_BYTES_MAX - (buf_len(out) - mark);
        if (room < OP_ROOM)
            break;
        if ((op == OP_TEXT || op == OP_WIDE) && (size_t)(end - col) > (room - OP_ROOM) / UTF8_MAX)
            end = (uint16_t)(col + 2 * (1 + (room - OP_ROOM) / UTF8_MAX / 2));
        if (end > r->used)
            end = r->used;
        if (!pen_same(&pen, &want))
            put_pen(out, &want);
        pen = want;
        if (op == OP_TEXT || op == OP_WIDE) {
            uint16_t step = op == OP_WIDE ? 2 : 1;
            put_op(out, op, (uint64_t)(end - col + step - 1) / step);
            put_characters(out, r, col, end, step);
        } else if (op == OP_BLANK) {
            put_op(out, op, (uint64_t)(end - col));
        } else {
            const uint8_t *cluster = r->text + (c->text & CELL_TEXT);
            put_op(out, op, cluster[0]);
            buf_put(out, cluster + 1, cluster[0]);
            if (op == OP_CLUSTER2)
                end++;
        }
        col = end;
    }
    put_op(out, OP_END, (r->wrapped ? END_WRAPPED : 0u) | (r->mark & ROW_PROMPT ? END_PROMPT : 0u));
}

/* ---- reading ---- */

/* The next character; ERR_SYNTAX for what is none, or a control. */
static int get_character(struct reader *r, uint32_t *cp)
{
    struct utf8 u = {0};
    uint32_t out[2] = {0};
    size_t n = 0;
    for (unsigned i = 0; i < UTF8_MAX && !n; i++) {
        uint8_t b = reader_u8(r);
        if (r->failed)
            return ERR_SYNTAX;
        n = utf8_feed(&u, b, out);
    }
    *cp = out[0];
    return n != 1 || out[0] < ' ' || (out[0] >= 0x7f && out[0] < 0xa0) ? ERR_SYNTAX : ERR_OK;
}

static int get_colour(struct reader *r, uint32_t *c)
{
    uint64_t v;
    if (line_get_varint(r, &v) || v > 257 + 0xffffff)
        return ERR_SYNTAX;
    *c = !v ? COLOUR_DEFAULT
            : (uint32_t)(v < 257 ? COLOUR_PALETTE | (v - 1) : COLOUR_RGB | (v - 257));
    return ERR_OK;
}

static int get_pen(const uint8_t *p, size_t len, struct pen *pen)
{
    struct reader r = reader_of(p, len);
    uint64_t attr, link = 0;
    *pen = (struct pen){0};
    if (get_colour(&r, &pen->fg) || get_colour(&r, &pen->bg) || line_get_varint(&r, &attr) ||
        get_colour(&r, &pen->ul) || (r.len && line_get_varint(&r, &link)))
        return ERR_SYNTAX;
    pen->link = (uint32_t)link;
    pen->attr = attr & (ATTR_EXT - 1);
    if ((pen->attr & ATTR_UNDERLINE) >> ATTR_UNDERLINE_SHIFT > 5)
        pen->attr &= (uint16_t)~ATTR_UNDERLINE;
    return ERR_OK;
}

/* What a line needs, counted before anything is allocated, and where it is put then. */
struct fill {
    struct row *row; /* NULL: counting */
    uint32_t col;
    size_t text; /* bytes of clusters */
    struct pen pen;
};

static void fill_cell(struct fill *f, uint32_t text, bool wide)
{
    if (f->row) {
        struct pen pen = f->pen;
        if (pen.ul || pen.link)
            pen.attr |= ATTR_EXT;
        for (unsigned i = 0; i < (wide ? 2u : 1u); i++) {
            uint16_t col = (uint16_t)(f->col + i);
            f->row->cell[col] = cell_make(i ? CELL_TAIL : wide ? text | CELL_WIDE : text, &pen);
            f->row->used = (uint16_t)(col + 1);
            if (pen.ul || pen.link)
                row_ext_set(f->row, col, &f->pen);
        }
    }
    f->col += wide ? 2 : 1;
}

static int fill_cluster(struct fill *f, enum op op, const uint8_t *p, size_t len)
{
    if (!len || len > CLUSTER_BYTES + 3)
        return ERR_SYNTAX;
    struct reader r = reader_of(p, len);
    uint32_t cp;
    while (r.len)
        if (get_character(&r, &cp))
            return ERR_SYNTAX;
    if (f->row) {
        f->row->text[f->text] = (uint8_t)len;
        memcpy(f->row->text + f->text + 1, p, len);
        f->row->text_len = (uint32_t)(f->text + 1 + len);
    }
    fill_cell(f, (uint32_t)f->text | CELL_CLUSTER | (op == OP_LONE ? CELL_FALLBACK : 0u),
              op == OP_CLUSTER2);
    f->text += 1 + len;
    return ERR_OK;
}

static int fill_op(struct fill *f, struct reader *r, enum op op, uint64_t argument)
{
    if (op == OP_TEXT || op == OP_WIDE || op == OP_BLANK) {
        if (argument > LINE_COLS_MAX || f->col + argument * (op == OP_WIDE ? 2 : 1) > LINE_COLS_MAX)
            return ERR_SYNTAX;
        for (; argument; argument--) {
            uint32_t cp = 0;
            if (op != OP_BLANK && get_character(r, &cp))
                return ERR_SYNTAX;
            fill_cell(f, cp, op == OP_WIDE);
        }
        return ERR_OK;
    }
    const uint8_t *p = argument > LINE_BYTES_MAX ? NULL : reader_bytes(r, (size_t)argument);
    if (!p)
        return ERR_SYNTAX;
    if (op == OP_PEN)
        return get_pen(p, (size_t)argument, &f->pen);
    if (op > OP_LONE)
        return ERR_OK;
    if (f->col + (op == OP_CLUSTER2 ? 2 : 1) > LINE_COLS_MAX)
        return ERR_SYNTAX;
    return fill_cluster(f, op, p, (size_t)argument);
}

static int fill_line(struct fill *f, struct reader *r, unsigned *how)
{
    for (;;) {
        uint64_t v;
        if (line_get_varint(r, &v))
            return ERR_SYNTAX;
        enum op op = v & ((1 << OP_BITS) - 1);
        if (op == OP_END) {
            *how = v >> OP_BITS & (END_WRAPPED | END_PROMPT);
            return ERR_OK;
        }
        int err = fill_op(f, r, op, v >> OP_BITS);
        if (err)
            return err;
    }
}

int line_get(struct reader *r, struct row **out)
{
    struct fill count = {0};
    struct reader measure = *r;
    unsigned how = 0;
    *out = NULL;
    if (!r->len)
        return 0;
    if (fill_line(&count, &measure, &how))
        return ERR_SYNTAX;
    struct fill f = {.row = row_new((uint16_t)count.col, ROW_ID_ERASED)};
    if (count.text) {
        f.row->text = mem_resize(NULL, count.text, 1);
        f.row->text_size = (uint32_t)count.text;
    }
    int err = fill_line(&f, r, &how);
    f.row->wrapped = how & END_WRAPPED;
    f.row->mark = how & END_PROMPT ? ROW_PROMPT : 0;
    if (err) { /* cannot be: the same bytes were counted */
        row_unref(f.row);
        return err;
    }
    *out = f.row;
    return 1;
}
