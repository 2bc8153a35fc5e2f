#include "term/pack.h"

#include "base/mem.h"
#include "term/row_edit.h"

/* A row is a number (used << 4 | flags) and, if PACK_RICH, the four bytes of the length of what
 * follows, then:
 * not rich: a byte for each cell, its character or 0 if empty, in the default pen;
 * rich: pieces, each a byte kind | n << 2 with n of 1..63 and then
 *   PIECE_BYTES  n cells of one byte
 *   PIECE_EMPTY  nothing: n empty cells
 *   PIECE_RUNES  n numbers: the cell's text with its flags below, each with CLUSTER followed by a
 *                length byte and the cluster's UTF-8; the right half of a wide one is left out
 *   PIECE_PEN    n says which words of the pen follow: fg, bg, then underline colour and link
 * A number is of seven bits a byte, the lowest first. */
enum { PACK_WRAPPED = 1, PACK_RICH = 2, PACK_PADDED = 4, PACK_PROMPT = 8, PACK_SHIFT = 4 };
enum { PIECE_BYTES, PIECE_EMPTY, PIECE_RUNES, PIECE_PEN, PIECE_SHIFT = 2, PIECE_MOST = 63 };
enum { PEN_FG = 1, PEN_BG = 2, PEN_EXT = 4 };
enum { RUNE_WIDE = 1, RUNE_CLUSTER = 2, RUNE_FALLBACK = 4, RUNE_PROTECTED = 8, RUNE_SHIFT = 4 };

static uint8_t *put_number(uint8_t *d, uint32_t v)
{
    while (v >= 0x80) {
        *d++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *d++ = (uint8_t)v;
    return d;
}

static uint32_t get_number(const uint8_t **p)
{
    uint32_t v = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t b = *(*p)++;
        v |= (uint32_t)(b & 0x7f) << shift;
        if (b < 0x80)
            break;
    }
    return v;
}

static uint8_t *put_word(uint8_t *d, uint32_t v)
{
    memcpy(d, &v, sizeof v);
    return d + sizeof v;
}

static uint32_t get_word(const uint8_t **p)
{
    uint32_t v;
    memcpy(&v, *p, sizeof v);
    *p += sizeof v;
    return v;
}

size_t row_pack_room(const struct row *r)
{
    /* Head and length; each cell a pen, a piece and a character; clusters and exts once. */
    return 16 + r->used * (size_t)(9 + 1 + 5) + r->text_len + r->ext_n * (size_t)10;
}

static bool byte_cell(const struct cell *c)
{
    return c->text - 1u < 0x7fu;
}

static bool same_pen(const struct cell *a, const struct cell *b)
{
    return a->fg == b->fg && a->bg == b->bg && !(cell_attr(b) & ATTR_EXT);
}

/* What of the pen of the cell at col differs from the last one's; *ext is the last one told. */
static uint8_t *put_pen(uint8_t *d, const struct row *r, uint16_t col, const struct cell *last,
                        struct pen *ext)
{
    const struct cell *c = &r->cell[col];
    unsigned what = (c->fg != last->fg ? PEN_FG : 0u) | (c->bg != last->bg ? PEN_BG : 0u);
    if (cell_attr(c) & ATTR_EXT) {
        struct pen p = row_pen(r, col);
        if (p.ul != ext->ul || p.link != ext->link)
            what |= PEN_EXT;
        *ext = p;
    }
    if (!what)
        return d;
    *d++ = (uint8_t)(PIECE_PEN | what << PIECE_SHIFT);
    if (what & PEN_FG)
        d = put_word(d, c->fg);
    if (what & PEN_BG)
        d = put_word(d, c->bg);
    return what & PEN_EXT ? put_word(put_word(d, ext->ul), (uint32_t)ext->link) : d;
}

static uint8_t *put_rune(uint8_t *d, const struct row *r, uint32_t text)
{
    uint32_t flags = (text & CELL_WIDE ? RUNE_WIDE : 0u) |
                     (text & CELL_FALLBACK ? RUNE_FALLBACK : 0u) |
                     (text & CELL_PROTECTED ? RUNE_PROTECTED : 0u);
    if (!(text & CELL_CLUSTER))
        return put_number(d, (text & CELL_TEXT) << RUNE_SHIFT | flags);
    const uint8_t *c = r->text + (text & CELL_TEXT);
    d = put_number(d, flags | RUNE_CLUSTER);
    memcpy(d, c, 1u + c[0]);
    return d + 1 + c[0];
}

/* The pieces of r from `*d` on. */
static uint8_t *put_pieces(uint8_t *d, const struct row *r)
{
    static const struct cell blank;
    const struct cell *last = &blank, *end = r->cell + r->used;
    struct pen ext = {0};
    for (const struct cell *c = r->cell; c < end;) {
        if (!same_pen(last, c))
            d = put_pen(d, r, (uint16_t)(c - r->cell), last, &ext);
        last = c;
        uint8_t *piece = d++;
        unsigned n = 0, kind = byte_cell(c) ? PIECE_BYTES : !c->text ? PIECE_EMPTY : PIECE_RUNES;
        do {
            if (kind == PIECE_BYTES)
                *d++ = (uint8_t)c->text;
            else if (kind == PIECE_RUNES)
                d = put_rune(d, r, c->text);
            n++;
            c += c->text & CELL_WIDE && c + 1 < end ? 2 : 1;
        } while (c < end && n < PIECE_MOST && same_pen(last, c) &&
                 kind == (byte_cell(c) ? PIECE_BYTES
                          : !c->text   ? PIECE_EMPTY
                                       : PIECE_RUNES));
        *piece = (uint8_t)(kind | n << PIECE_SHIFT);
    }
    return d;
}

size_t row_pack(const struct row *r, uint8_t *to)
{
    uint32_t odd = 0;
    for (uint16_t i = 0; i < r->used; i++)
        odd |= r->cell[i].fg | r->cell[i].bg | (r->cell[i].text & ~0x7fu);
    uint32_t head = (uint32_t)r->used << PACK_SHIFT | (r->wrapped ? PACK_WRAPPED : 0u) |
                    (row_padded(r) ? PACK_PADDED : 0u) | (odd ? PACK_RICH : 0u) |
                    (r->mark & ROW_PROMPT ? PACK_PROMPT : 0u);
    uint8_t *d = put_number(to, head);
    if (!odd) {
        for (uint16_t i = 0; i < r->used; i++)
            d[i] = (uint8_t)r->cell[i].text;
        return (size_t)(d - to) + r->used;
    }
    uint8_t *end = put_pieces(d + 4, r);
    put_word(d, (uint32_t)(end - d - 4));
    return (size_t)(end - to);
}

size_t row_pack_length(const uint8_t *p)
{
    const uint8_t *d = p;
    uint32_t head = get_number(&d);
    uint32_t n = head & PACK_RICH ? get_word(&d) : head >> PACK_SHIFT;
    return (size_t)(d - p) + n;
}

/* One cell of PIECE_RUNES at col; returns the columns that it takes. */
static uint16_t get_rune(const uint8_t **p, struct row *r, uint16_t col, const struct cell *pen)
{
    uint32_t v = get_number(p), text = v >> RUNE_SHIFT;
    if (v & RUNE_CLUSTER) {
        row_cluster_put(r, col, *p + 1, (*p)[0]);
        text = r->cell[col].text;
        *p += 1 + (*p)[0];
    }
    text |= (v & RUNE_WIDE ? (uint32_t)CELL_WIDE : 0) |
            (v & RUNE_FALLBACK ? (uint32_t)CELL_FALLBACK : 0) |
            (v & RUNE_PROTECTED ? (uint32_t)CELL_PROTECTED : 0);
    r->cell[col] = (struct cell){text, pen->fg, pen->bg};
    if (!(v & RUNE_WIDE) || col + 1 >= r->used)
        return 1;
    r->cell[col + 1] = (struct cell){CELL_TAIL, pen->fg, pen->bg};
    return 2;
}

static void get_pieces(const uint8_t *p, const uint8_t *end, struct row *r)
{
    struct cell c = {0, 0, 0};
    struct pen ext = {0};
    uint16_t col = 0;
    while (p < end) {
        uint8_t piece = *p++;
        unsigned kind = piece & 3, n = piece >> PIECE_SHIFT;
        if (kind == PIECE_PEN) {
            if (n & PEN_FG)
                c.fg = get_word(&p);
            if (n & PEN_BG)
                c.bg = get_word(&p);
            if (n & PEN_EXT) {
                ext.ul = get_word(&p);
                ext.link = get_word(&p);
            }
            continue;
        }
        while (n--) {
            uint16_t w = 1;
            if (kind == PIECE_RUNES)
                w = get_rune(&p, r, col, &c);
            else
                r->cell[col] = (struct cell){kind == PIECE_BYTES ? *p++ : 0u, c.fg, c.bg};
            for (uint16_t i = 0; cell_attr(&c) & ATTR_EXT && i < w; i++)
                row_ext_set(r, (uint16_t)(col + i), &ext);
            col = (uint16_t)(col + w);
        }
    }
}

struct row *row_unpack(const uint8_t *p, uint64_t id)
{
    uint32_t head = get_number(&p);
    struct row *r = row_new((uint16_t)(head >> PACK_SHIFT), id);
    r->used = r->size;
    r->wrapped = head & PACK_WRAPPED;
    r->mark = head & PACK_PROMPT ? ROW_PROMPT : 0;
    if (head & PACK_RICH) {
        uint32_t n = get_word(&p);
        memset(r->cell, 0, r->used * sizeof r->cell[0]);
        get_pieces(p, p + n, r);
    } else {
        for (uint16_t i = 0; i < r->used; i++)
            r->cell[i] = (struct cell){p[i], 0, 0};
    }
    if (head & PACK_PADDED)
        r->padded = r->used && !r->cell[r->used - 1].text ? (uint16_t)(r->used - 1) : r->used;
    return r;
}
