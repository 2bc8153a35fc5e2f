/* Grapheme clusters (mode 2027), and cells whose width a peer tells. */
#include "term/cells.h"
#include "term/engine.h"

#include "base/utf8.h"

/* The code points of a cell's text, at most CELL_UTF8_MAX; returns how many. */
static size_t runes_of(const uint8_t *s, size_t len, uint32_t out[static CELL_UTF8_MAX])
{
    struct utf8 u = {0};
    size_t n = 0;
    for (size_t i = 0; i < len && n + 2 <= CELL_UTF8_MAX; i++)
        n += utf8_feed(&u, s[i], out + n);
    return n;
}

/* The first code point as a new cell of w columns, the others join it. */
static void put_all(struct term *t, const uint32_t *cp, size_t n, unsigned w)
{
    if (!n || !print_rune(t, cp[0], w))
        return;
    struct row *r = grid_own(t->grid, t->combine_row);
    for (size_t i = 1; i < n; i++)
        row_combine(r, t->combine_col, cp[i]);
}

/* The cell last written, narrow so far, takes two columns. */
static void widen(struct term *t)
{
    uint16_t at = t->combine_row, col = t->combine_col;
    struct grid *g = t->grid;
    uint16_t last = col > t->w.right ? last_col(t) : t->w.right;
    if (col + 1 > last) {
        if (!t->w.autowrap || g->cols < 2)
            return; /* no room: it stays narrow */
        uint8_t text[CELL_UTF8_MAX];
        uint32_t cp[CELL_UTF8_MAX];
        size_t n = runes_of(text, row_text(g->row[at], col, text), cp);
        grid_erase(g, at, col, (uint16_t)(col + 1), erase_bg(t));
        t->cursor = (struct cursor){.row = at, .col = col};
        put_all(t, cp, n, 2); /* which wraps, since it does not fit */
        return;
    }
    if (t->w.insert)
        cells_insert(g, at, (uint16_t)(col + 1), last, 1, erase_bg(t));
    struct row *r = grid_own(g, at);
    row_split(r, (uint16_t)(col + 2));
    row_reach(r, (uint16_t)(col + 2));
    struct cell *c = &r->cell[col];
    c->text |= CELL_WIDE;
    c[1] = (struct cell){CELL_TAIL, c->fg, c->bg};
    if (cell_attr(c) & ATTR_EXT) {
        struct pen p = row_pen(r, col);
        row_ext_set(r, (uint16_t)(col + 1), &p);
    }
    print_advance(t, col, 2);
}

/* The cell last written, wide so far, takes one column. */
static void narrow(struct term *t)
{
    struct row *r = grid_own(t->grid, t->combine_row);
    uint16_t col = t->combine_col;
    r->cell[col].text &= ~(uint32_t)CELL_WIDE;
    r->cell[col + 1] = (struct cell){0, 0, r->cell[col + 1].bg & COLOUR_MASK};
    print_advance(t, col, 1);
}

/* cp goes on with the cluster in the cell last written. */
static void join(struct term *t, uint32_t cp, int own)
{
    struct row *r = grid_own(t->grid, t->combine_row);
    uint16_t col = t->combine_col;
    unsigned now = r->cell[col].text & CELL_WIDE ? 2 : 1;
    if (!row_combine(r, col, cp))
        return; /* it holds no more */
    unsigned w = cluster_width(&t->profile, now, t->cluster.last, cp, own < 0 ? 0 : (unsigned)own);
    if (w > now)
        widen(t);
    else if (w < now)
        narrow(t);
}

void cluster_print(struct term *t, uint32_t cp)
{
    int w = print_width(t, cp);
    if (w < 0)
        return;
    bool goes_on = cluster_goes_on(&t->cluster, cp) && t->combine == COMBINE_CELL;
    if (goes_on) {
        join(t, cp, w);
    } else if (w == 0) {
        print_combining(t, cp);
    } else {
        t->last_rune = cp;
        print_rune(t, cp, (unsigned)w);
    }
    t->cluster.last = cp;
}

void cluster_sized(struct term *t, const uint8_t *s, size_t len)
{
    /* w=1;text or w=2;text */
    if (!t->config.replica || len < 5 || memcmp(s, "w=", 2) || s[3] != ';' ||
        (s[2] != '1' && s[2] != '2'))
        return;
    uint32_t cp[CELL_UTF8_MAX];
    size_t n = runes_of(s + 4, len - 4 < CELL_UTF8_MAX ? len - 4 : CELL_UTF8_MAX, cp);
    put_all(t, cp, n, (unsigned)(s[2] - '0'));
}
