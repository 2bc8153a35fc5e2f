#include "term/row.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "term/row_edit.h"

#include <stdlib.h>

/* Two references, so that "may I write to it" is one comparison for every row. */
const struct row row_blank_row = {.refs = 2, .id = ROW_ID_ERASED};

struct row *row_new(uint16_t size, uint64_t id)
{
    /* Cells behind `used` are never read: not zeroed. */
    struct row *r = mem_resize(NULL, 1, sizeof *r + size * sizeof r->cell[0]);
    *r = (struct row){.refs = 1, .size = size, .id = id};
    return r;
}

struct row *row_ref(const struct row *r)
{
    struct row *mine = (struct row *)(uintptr_t)r;
    if (r != &row_blank_row)
        mine->refs++;
    return mine;
}

void row_unref(struct row *r)
{
    if (!r || r == &row_blank_row || --r->refs)
        return;
    free(r->text);
    free(r->ext);
    free(r);
}

size_t row_bytes(const struct row *r)
{
    if (r == &row_blank_row)
        return 0;
    return sizeof *r + r->size * sizeof r->cell[0] + r->text_size + r->ext_size * sizeof r->ext[0];
}

struct row *row_copy(const struct row *r, uint16_t size)
{
    if (size < r->used)
        size = r->used;
    struct row *c = row_new(size, r->id);
    c->version = r->version;
    c->wrapped = r->wrapped;
    c->mark = r->mark;
    c->padded = r->padded;
    c->used = r->used;
    memcpy(c->cell, r->cell, r->used * sizeof r->cell[0]);
    if (r->ext_n) {
        c->ext = mem_resize(NULL, r->ext_n, sizeof *c->ext);
        c->ext_size = r->ext_n;
        for (uint16_t i = 0; i < r->ext_n; i++) /* not the stale ones */
            if (r->ext[i].col < r->used && cell_attr(&r->cell[r->ext[i].col]) & ATTR_EXT)
                c->ext[c->ext_n++] = r->ext[i];
    }
    if (r->text_len) {
        c->text = mem_resize(NULL, r->text_len, 1);
        memcpy(c->text, r->text, r->text_len);
        c->text_len = c->text_size = r->text_len;
    }
    return c;
}

struct row *row_own(struct row **slot, uint16_t size, uint64_t *next_id)
{
    struct row *r = *slot;
    if (r->refs > 1) {
        struct row *c = row_copy(r, size);
        if (r->id != ROW_ID_ERASED)
            c->version++;
        row_unref(r);
        *slot = r = c;
    } else if (r->size < size) {
        r = mem_resize(r, 1, sizeof *r + size * sizeof r->cell[0]);
        r->size = size;
        *slot = r;
    }
    if (r->id == ROW_ID_ERASED)
        r->id = (*next_id)++;
    return r;
}

size_t row_text(const struct row *r, uint16_t col, uint8_t out[static CELL_UTF8_MAX])
{
    uint32_t text = col < r->used ? r->cell[col].text : 0;
    size_t n = 0;
    if (text & CELL_TAIL)
        return 0;
    if (!(text & CELL_CLUSTER))
        return utf8_put(out, text & CELL_TEXT ? text & CELL_TEXT : ' ');
    if (text & CELL_FALLBACK)
        n = utf8_put(out, 0xa0);
    const uint8_t *c = r->text + (text & CELL_TEXT);
    memcpy(out + n, c + 1, c[0]);
    return n + c[0];
}

/* Where the ext of col is, or would be put in. */
static uint16_t ext_find(const struct row *r, uint16_t col)
{
    uint16_t lo = 0, hi = r->ext_n;
    if (hi && r->ext[hi - 1].col < col)
        return hi;
    while (lo < hi) {
        uint16_t mid = (uint16_t)((lo + hi) / 2);
        if (r->ext[mid].col < col)
            lo = (uint16_t)(mid + 1);
        else
            hi = mid;
    }
    return lo;
}

struct pen row_pen(const struct row *r, uint16_t col)
{
    struct cell c = row_cell(r, col);
    uint16_t attr = cell_attr(&c);
    struct pen p = {
        .fg = c.fg & COLOUR_MASK, .bg = c.bg & COLOUR_MASK, .attr = (uint16_t)(attr & ~ATTR_EXT)};
    if (attr & ATTR_EXT) {
        uint16_t i = ext_find(r, col);
        if (i < r->ext_n && r->ext[i].col == col) {
            p.ul = r->ext[i].ul;
            p.link = r->ext[i].link;
        }
    }
    return p;
}

/* Equal though not bit-equal: an empty cell is drawn as a space, a cluster may lie elsewhere in its
 * arena, an ext is told apart by its contents. */
static bool cell_drawn_equal(const struct row *a, const struct row *b, uint16_t col)
{
    struct cell x = row_cell(a, col), y = row_cell(b, col);
    const uint32_t shape = CELL_WIDE | CELL_TAIL;
    if ((x.text & shape) != (y.text & shape) || x.fg != y.fg || x.bg != y.bg)
        return false;
    if ((x.text | y.text) & CELL_CLUSTER) {
        uint8_t s[CELL_UTF8_MAX], t[CELL_UTF8_MAX];
        size_t n = row_text(a, col, s);
        if (n != row_text(b, col, t) || memcmp(s, t, n))
            return false;
    } else {
        uint32_t s = x.text & CELL_TEXT, t = y.text & CELL_TEXT;
        if ((s ? s : ' ') != (t ? t : ' '))
            return false;
    }
    if (!(cell_attr(&x) & ATTR_EXT))
        return true;
    struct pen p = row_pen(a, col), q = row_pen(b, col);
    return p.ul == q.ul && p.link == q.link;
}

bool row_cell_equal(const struct row *a, const struct row *b, uint16_t col)
{
    if (a == b)
        return true;
    struct cell x = row_cell(a, col), y = row_cell(b, col);
    if (cell_same(&x, &y) && !(x.text & CELL_CLUSTER) && !(cell_attr(&x) & ATTR_EXT))
        return true;
    return cell_drawn_equal(a, b, col);
}

bool row_cells_equal(const struct row *a, const struct row *b, uint16_t cols)
{
    if (a == b)
        return true;
    uint16_t both = a->used < b->used ? a->used : b->used;
    uint16_t most = a->used < b->used ? b->used : a->used;
    if (both > cols)
        both = cols;
    if (most > cols)
        most = cols;
    uint16_t col = 0;
    /* Without clusters and exts equal memory is an equal picture. */
    if (!(a->text_len | b->text_len | a->ext_n | b->ext_n) &&
        !memcmp(a->cell, b->cell, both * sizeof a->cell[0]))
        col = both;
    for (; col < most; col++)
        if (!row_cell_equal(a, b, col))
            return false;
    return true;
}

bool row_equal(const struct row *a, const struct row *b, uint16_t cols)
{
    return a == b || (a->wrapped == b->wrapped && row_cells_equal(a, b, cols));
}

/* ---- editing: the row is the caller's own (row_own) ---- */

void row_reach(struct row *r, uint16_t col)
{
    if (r->used < col) {
        memset(r->cell + r->used, 0, (size_t)(col - r->used) * sizeof r->cell[0]);
        r->used = col;
    }
}

void row_ext_set(struct row *r, uint16_t col, const struct pen *p)
{
    uint16_t i = ext_find(r, col);
    if (i == r->ext_n || r->ext[i].col != col) {
        if (r->ext_n == r->ext_size) {
            r->ext_size = (uint16_t)(r->ext_size ? r->ext_size * 2 : 8);
            r->ext = mem_resize(r->ext, r->ext_size, sizeof *r->ext);
        }
        memmove(r->ext + i + 1, r->ext + i, (size_t)(r->ext_n - i) * sizeof *r->ext);
        r->ext_n++;
    }
    r->ext[i] = (struct cell_ext){.col = col, .link = p->link, .ul = p->ul};
}

void row_ext_shift(struct row *r, uint16_t col, int by, uint16_t cols)
{
    uint16_t n = ext_find(r, col);
    for (uint16_t i = n; i < r->ext_n; i++) {
        int to = r->ext[i].col + by;
        if (to < col || to >= cols)
            continue; /* deleted, or pushed out */
        r->ext[n] = r->ext[i];
        r->ext[n++].col = (uint16_t)to;
    }
    r->ext_n = n;
}

/* Make room for `need` more bytes of clusters: drop those that no cell uses any more. A rebuild
 * looks at every cell, so it leaves room for a number of bytes in proportion: the cost of a byte
 * stays constant, and the arena stays under twice the live bytes plus two bytes a cell. */
static void text_make_room(struct row *r, uint32_t need)
{
    uint32_t live = need;
    for (uint16_t col = 0; col < r->used; col++)
        if (r->cell[col].text & CELL_CLUSTER)
            live += 1u + r->text[r->cell[col].text & CELL_TEXT];
    uint32_t size = 2 * live + r->used + 32u, at = 0;
    uint8_t *text = mem_resize(NULL, size, 1);
    for (uint16_t col = 0; col < r->used; col++) {
        uint32_t t = r->cell[col].text;
        if (!(t & CELL_CLUSTER))
            continue;
        const uint8_t *c = r->text + (t & CELL_TEXT);
        memcpy(text + at, c, 1u + c[0]);
        r->cell[col].text = (t & ~(uint32_t)CELL_TEXT) | at;
        at += 1u + c[0];
    }
    free(r->text);
    r->text = text;
    r->text_len = at;
    r->text_size = size;
}

void row_cluster_put(struct row *r, uint16_t col, const uint8_t *utf8, uint8_t len)
{
    r->cell[col].text = 0;
    if (r->text_size - r->text_len < len + 1u)
        text_make_room(r, len + 1u);
    r->text[r->text_len] = len;
    memcpy(r->text + r->text_len + 1, utf8, len);
    r->cell[col].text = CELL_CLUSTER | r->text_len;
    r->text_len += len + 1u;
}

bool row_combine(struct row *r, uint16_t col, uint32_t cp)
{
    uint8_t c[CELL_UTF8_MAX + UTF8_MAX];
    uint32_t old = r->cell[col].text;
    size_t n = row_text(r, col, c), drop = old & CELL_FALLBACK ? 2 : 0;
    if (!(old & ~(uint32_t)(CELL_WIDE | CELL_PROTECTED))) {
        /* Nothing there to combine with. U+00A0, which is what is drawn, counts as its text, so
         * that a peer that prints that reaches the cap at the same byte. */
        old |= CELL_FALLBACK;
        drop = 2;
        n = utf8_put(c, 0xa0);
    }
    if (n >= CLUSTER_BYTES)
        return false;
    n += utf8_put(c + n, cp);
    uint32_t len = (uint32_t)(n - drop);
    if (r->text_size - r->text_len < len + 1)
        text_make_room(r, len + 1);
    r->text[r->text_len] = (uint8_t)len;
    memcpy(r->text + r->text_len + 1, c + drop, len);
    r->cell[col].text = (old & ~(uint32_t)CELL_TEXT) | CELL_CLUSTER | r->text_len;
    r->text_len += len + 1;
    return true;
}

uint32_t row_cluster_copy(struct row *dst, const struct row *src, uint32_t text)
{
    const uint8_t *c = src->text + (text & CELL_TEXT);
    uint32_t len = 1u + c[0];
    if (dst->text_size - dst->text_len < len)
        text_make_room(dst, len);
    memcpy(dst->text + dst->text_len, c, len);
    dst->text_len += len;
    return (text & ~(uint32_t)CELL_TEXT) | (dst->text_len - len);
}

void row_append(struct row **slot, const struct row *src, uint16_t from, uint16_t end)
{
    struct row *r = *slot;
    size_t size = (size_t)r->used + (end - from);
    if (r->size < size) {
        r = mem_resize(r, 1, sizeof *r + size * sizeof r->cell[0]);
        r->size = (uint16_t)size;
        *slot = r;
    }
    for (uint16_t col = from; col < end; col++) {
        struct cell c = src->cell[col];
        uint32_t text = c.text;
        uint16_t to = r->used;
        if (text & CELL_CLUSTER)
            c.text = 0;
        r->cell[to] = c;
        r->used++;
        if (text & CELL_CLUSTER)
            r->cell[to].text = row_cluster_copy(r, src, text);
        if (cell_attr(&c) & ATTR_EXT) {
            struct pen p = row_pen(src, col);
            row_ext_set(r, to, &p);
        }
    }
}
