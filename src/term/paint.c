#include "term/paint.h"

#include "base/utf8.h"
#include "term/colour.h"
#include "term/dispute.h"
#include "term/paint_impl.h"

#include <string.h>

/* Blank cells in the middle of a run that are worth CSI n X and a motion, and equal cells between
 * two runs that are cheaper written again than jumped over. */
#define ERASE_MIN 9
#define REWRITE   4
/* No cell whose width is disputed is as wide. */
#define DISPUTED_MOST 16

/* ---- output: bytes go straight into out's memory ---- */

void paint_window_close(struct paint *p)
{
    size_t len = (size_t)(p->at - p->open);
    if (p->open == p->spill)
        buf_put(p->out, p->spill, len);
    else if (p->open)
        buf_commit(p->out, len);
    p->open = p->at = p->limit = NULL;
}

void paint_window_open(struct paint *p)
{
    size_t len = buf_room(p->out);
    if (len > 4096)
        len = 4096;
    if (p->out->failed || len < sizeof p->spill || !(p->open = buf_reserve(p->out, len))) {
        p->open = p->spill;
        len = sizeof p->spill;
    }
    p->at = p->open;
    p->limit = p->open + len;
}

void paint_csi(struct buf *out, char final, unsigned a, unsigned b)
{
    uint8_t t[16];
    buf_put(out, t, (size_t)(put_csi(t, final, a, b) - t));
}

void paint_init(struct paint *p, struct buf *out, struct paint_caps caps, uint16_t cols,
                uint16_t rows)
{
    p->out = out;
    p->caps = caps;
    p->cols = cols;
    p->rows = rows;
    p->at_known = p->row_known = p->pen_known = p->pending = false;
    p->above = p->relative = p->scrolls = p->unmarked = false;
    p->pen = (struct pen){0};
    p->shown = NULL;
    p->links = p->more_links = NULL;
    p->open = p->at = p->limit = NULL;
}

/* ---- pen ---- */

static inline __attribute__((always_inline)) uint8_t *put_rgb(uint8_t *d, uint32_t c, uint8_t sep)
{
    d = put_byte(d, c >> 16 & 255);
    *d++ = sep;
    d = put_byte(d, c >> 8 & 255);
    *d++ = sep;
    return put_byte(d, c & 255);
}

/* "r;g;b;": what put_byte writes has the semicolon already. */
static inline __attribute__((always_inline)) uint8_t *put_rgb_semicolons(uint8_t *d, uint32_t c)
{
    d = put_byte(d, c >> 16 & 255) + 1;
    d = put_byte(d, c >> 8 & 255) + 1;
    return put_byte(d, c & 255) + 1;
}

/* ";38;2;r;g;b" and the like; base is 30 or 40. */
static inline __attribute__((always_inline)) uint8_t *
put_colour(uint8_t *d, const struct paint_caps *caps, uint32_t c, unsigned base)
{
    if (COLOUR_KIND(c) == COLOUR_RGB) {
        memcpy(d, base == 30 ? ";38;2;" : ";48;2;", 6);
        return put_rgb(d + 6, c, ';');
    }
    *d++ = ';';
    c &= 255;
    if (c < 8)
        return put_dec(d, base + c);
    if (c < 16 && caps->colours == 16)
        return put_dec(d, base + 60 + c - 8);
    d = put_dec(d, base + 8);
    d = put_text(d, ";5;");
    return put_dec(d, c);
}

static uint8_t *put_underline(uint8_t *d, const struct paint_caps *caps, unsigned style)
{
    if (style > 1 && caps->colon) {
        d = put_text(d, ";4:");
        return put_dec(d, style);
    }
    return put_text(d, style == 2 && caps->rich ? ";21" : ";4");
}

/* Attributes in the order of mosh-protocol.md §9.2, the rest after their like. */
static const struct {
    uint16_t attr;
    const char *sgr;
} attr_sgr[] = {
    {ATTR_BOLD, ";1"},      {ATTR_FAINT, ";2"},  {ATTR_ITALIC, ";3"},
    {ATTR_UNDERLINE, NULL}, {ATTR_BLINK, ";5"},  {ATTR_INVERSE, ";7"},
    {ATTR_INVISIBLE, ";8"}, {ATTR_STRIKE, ";9"}, {ATTR_OVERLINE, ";53"},
};

static __attribute__((noinline)) uint8_t *put_whole_pen(uint8_t *d, const struct paint_caps *caps,
                                                        const struct pen *pen)
{
    *d++ = '0';
    for (size_t i = 0; pen->attr && i < sizeof attr_sgr / sizeof attr_sgr[0]; i++) {
        if (!(pen->attr & attr_sgr[i].attr))
            continue;
        if (attr_sgr[i].sgr)
            d = put_text(d, attr_sgr[i].sgr);
        else
            d = put_underline(d, caps, pen->attr >> ATTR_UNDERLINE_SHIFT & 7);
    }
    if (pen->fg)
        d = put_colour(d, caps, pen->fg, 30);
    if (pen->bg)
        d = put_colour(d, caps, pen->bg, 40);
    if (COLOUR_KIND(pen->ul) == COLOUR_RGB)
        d = put_rgb(put_text(d, ";58:2::"), pen->ul, ':');
    else if (pen->ul)
        d = put_dec(put_text(d, ";58:5:"), pen->ul & 255);
    return d;
}

/* What of the pen the receiver can show. */
static struct pen pen_fit_slow(const struct paint_caps *caps, struct pen pen)
{
    if (!caps->rich) {
        uint16_t ul = pen.attr & ATTR_UNDERLINE ? 1 << ATTR_UNDERLINE_SHIFT : 0;
        pen.attr &= ATTR_BOLD | ATTR_ITALIC | ATTR_BLINK | ATTR_INVERSE | ATTR_INVISIBLE;
        pen.attr |= ul;
    }
    if (!caps->rich || !caps->colon)
        pen.ul = 0;
    if (!caps->links)
        pen.link = 0;
    if (!caps->rgb || caps->colours < 256) {
        pen.fg = colour_fit(pen.fg, caps->rgb, caps->colours);
        pen.bg = colour_fit(pen.bg, caps->rgb, caps->colours);
        pen.ul = colour_fit(pen.ul, caps->rgb, caps->colours);
    }
    return pen;
}

static inline bool can_all(const struct paint_caps *caps)
{
    return caps->rich && caps->colon && caps->rgb && caps->colours >= 256;
}

static inline struct pen pen_fit(const struct paint_caps *caps, struct pen pen)
{
    return can_all(caps) && !pen.link ? pen : pen_fit_slow(caps, pen);
}

static void link_set(struct paint *p, uint32_t link)
{
    const char *known = links_uri(p->links, link);
    const char *uri = known ? known : links_uri(p->more_links, link);
    bool tern = p->caps.links == PAINT_LINKS_TERN;
    paint_window_close(p);
    buf_put_text(p->out, "\033]8;");
    if (link && (uri || tern)) {
        buf_put_text(p->out, tern ? "tern=" : "id=tern");
        buf_put_decimal(p->out, link);
    }
    buf_put_u8(p->out, ';');
    buf_put_text(p->out, uri ? uri : "");
    buf_put_text(p->out, "\033\\");
    p->pen.link = link;
    paint_window_open(p);
}

static void pen_set(struct paint *p, const struct pen *want)
{
    struct pen pen = pen_fit(&p->caps, *want);
    if (pen.link != p->pen.link)
        link_set(p, pen.link);
    bool fg = pen.fg != p->pen.fg, bg = pen.bg != p->pen.bg;
    bool rest = pen.attr != p->pen.attr || pen.ul != p->pen.ul;
    if (p->pen_known && !fg && !bg && !rest)
        return;
    uint8_t *d = room(p, 128);
    *d++ = 0x1b;
    *d++ = '[';
    if (p->pen_known && !rest && p->caps.rich && (pen.attr | pen.fg | pen.bg | pen.ul)) {
        /* Each colour begins with a semicolon: the first one is written over. */
        uint8_t *begin = --d;
        if (fg)
            d = pen.fg ? put_colour(d, &p->caps, pen.fg, 30) : put_text(d, ";39");
        if (bg)
            d = pen.bg ? put_colour(d, &p->caps, pen.bg, 40) : put_text(d, ";49");
        *begin = '[';
    } else if (!p->caps.rich || (pen.attr | pen.fg | pen.bg | pen.ul)) {
        d = put_whole_pen(d, &p->caps, &pen);
    }
    *d++ = 'm';
    p->at = d;
    p->pen = pen;
    p->pen_known = true;
}

void paint_begin(struct paint *p, uint16_t row, uint16_t col, const struct pen *pen)
{
    p->row = row;
    p->col = col < p->cols ? col : (uint16_t)(p->cols - 1);
    p->pending = p->col == p->cols - 1;
    p->pen = pen_fit(&p->caps, *pen);
    p->pen.link = 0;
    p->at_known = p->row_known = p->pen_known = true;
}

void paint_pen(struct paint *p, const struct pen *pen)
{
    paint_window_open(p);
    pen_set(p, pen);
    paint_window_close(p);
}

/* Write a few cells of r again to get to col, when that is shorter than to jump there. */
static bool move_by_writing(struct paint *p, const struct row *r, uint16_t col)
{
    if (!p->at_known || p->pending || !p->pen_known || col <= p->col || col - p->col > REWRITE)
        return false;
    for (uint16_t c = p->col; c < col; c++) {
        struct cell cell = row_cell(r, c);
        struct pen pen = pen_fit(&p->caps, row_pen(r, c));
        if (cell.text >= 0x7f || pen.fg != p->pen.fg || pen.bg != p->pen.bg ||
            pen.attr != p->pen.attr || pen.ul != p->pen.ul || pen.link != p->pen.link)
            return false;
    }
    uint8_t *d = room(p, REWRITE);
    while (p->col < col) {
        uint8_t c = (uint8_t)row_cell(r, p->col++).text;
        *d++ = c ? c : ' ';
    }
    p->at = d;
    return true;
}

void paint_cursor(struct paint *p, uint16_t row, uint16_t col, const struct row *shown)
{
    if (p->at_known && p->row == row && p->col == col)
        return;
    paint_window_open(p);
    if (p->row != row || !move_by_writing(p, shown, col))
        paint_go(p, row, col);
    paint_window_close(p);
}

/* ---- cells ---- */

static const struct cell blank_cell;

/* Could be made by erasing under the right background. */
static bool erasable(const struct paint_caps *caps, const struct cell *c)
{
    return !(c->text & CELL_TAIL) && (!(c->text & ~(uint32_t)CELL_PROTECTED) || c->text == ' ') &&
           !c->fg && !(c->bg >> 26) && (!c->bg || caps->bce);
}

/* Erasing must take that background and nothing else. */
void paint_erase_pen(struct paint *p, uint32_t bg)
{
    struct pen pen = pen_fit(&p->caps, (struct pen){.bg = bg});
    const uint16_t safe = ATTR_BOLD | ATTR_ITALIC | ATTR_FAINT;
    if (p->pen_known && p->pen.bg == pen.bg && !(p->pen.attr & ~safe) && !p->pen.link)
        return;
    pen_set(p, &pen);
}

static inline bool differs(const struct row *f, const struct row *t, uint16_t c)
{
    const struct cell *a = c < f->used ? &f->cell[c] : &blank_cell;
    const struct cell *b = c < t->used ? &t->cell[c] : &blank_cell;
    if ((a->fg ^ b->fg) | (a->bg ^ b->bg))
        return true;
    if ((a->text | b->text) & (CELL_CLUSTER | CELL_PROTECTED) || a->bg >> 26 << 6 & ATTR_EXT)
        return !row_cell_equal(f, t, c);
    return (a->text ? a->text : ' ') != (b->text ? b->text : ' ');
}

/* The first column from c on, before end, where they differ; else end. */
static uint16_t diff_next(const struct row *f, const struct row *t, uint16_t c, uint16_t end)
{
    uint16_t both = f->used < t->used ? f->used : t->used;
    if (both > end)
        both = end;
    if (!(f->text_len | t->text_len | f->ext_n | t->ext_n)) {
        while (c + 8 <= both && !memcmp(f->cell + c, t->cell + c, 8 * sizeof f->cell[0]))
            c = (uint16_t)(c + 8);
    }
    uint16_t most = f->used > t->used ? f->used : t->used;
    if (most > end)
        most = end;
    while (c < most && !differs(f, t, c))
        c++;
    return c < most ? c : end;
}

/* Terminals that join what follows U+200D would join the next cell: drawn alone it does nothing. */
static uint8_t *cut_joiner(uint8_t *begin, uint8_t *end)
{
    return end - begin > 3 && !memcmp(end - 3, "\xe2\x80\x8d", 3) ? end - 3 : end;
}

/* Write what is drawn in the cell; returns its columns. */
static uint16_t put_cell(struct paint *p, const struct row *r, uint16_t c)
{
    uint8_t *d = room(p, CELL_UTF8_MAX + 16);
    const struct cell cell = row_cell(r, c);
    uint16_t wide = cell.text & CELL_WIDE ? 2 : 1;
    bool sized = false;
    if (cell.text & CELL_TAIL || c + wide > p->cols) {
        *d++ = ' '; /* half of a wide character: the other half is out of sight */
        wide = 1;
    } else if (!(cell.text & CELL_CLUSTER)) {
        uint32_t cp = cell.text & CELL_TEXT;
        sized = p->caps.sized && cp >= 0xa0 && cell_told(r, c);
        if (sized)
            d = put_text(d, wide == 2 ? "\033]66;w=2;" : "\033]66;w=1;");
        d += utf8_put(d, cp ? cp : ' ');
    } else {
        uint8_t *begin = d;
        sized = p->caps.sized && cell_told(r, c);
        if (sized)
            begin = d = put_text(d, wide == 2 ? "\033]66;w=2;" : "\033]66;w=1;");
        d += row_text(r, c, d);
        if (p->caps.readdress)
            d = cut_joiner(begin, d);
    }
    if (sized)
        *d++ = '\a';
    p->at = d;
    if (p->caps.readdress && cell_disputed(r, c, p->caps.ambiguous_unsure)) {
        p->at_known = false;
        p->row_known &= p->cols - c > DISPUTED_MOST;
    }
    return wide;
}

/* The cursor stands behind column c-1 now. */
static void stand(struct paint *p, uint16_t row, uint16_t c)
{
    p->row = row;
    p->pending = c >= p->cols;
    p->col = p->pending ? (uint16_t)(p->cols - 1) : c;
}

/* Try to make the blank cells from c on by CSI n X; returns the column where they end, or c. The
 * cursor stays at c. */
static uint16_t erase_run(struct paint *p, const struct row *r, uint16_t at, uint16_t c,
                          uint16_t stop)
{
    struct cell first = row_cell(r, c), cell = first;
    uint16_t x = c;
    while (x < stop && erasable(&p->caps, &cell) && cell.bg == first.bg)
        cell = row_cell(r, ++x);
    if (x - c < ERASE_MIN)
        return c;
    paint_erase_pen(p, first.bg);
    stand(p, at, c);
    p->at = put_csi(room(p, 16), 'X', (unsigned)(x - c), 0);
    p->unmarked |= c == 0 && x >= p->cols;
    return x;
}

static void pen_of_cell(struct paint *p, const struct row *r, uint16_t c, const struct cell *cell)
{
    struct pen pen = {
        .fg = cell->fg & COLOUR_MASK, .bg = cell->bg & COLOUR_MASK, .attr = cell_attr(cell)};
    if (pen.attr & ATTR_EXT)
        pen = row_pen(r, c);
    pen_set(p, &pen);
}

static inline bool visible(const struct cell *c)
{
    return c->text - 0x21u < 0x7fu - 0x21u;
}

/* From the colours of cell a to those of b where that takes direct colours only; d unchanged where
 * it takes more. `whole`: beginning from 0. */
static inline uint8_t *put_recolour(uint8_t *d, const struct cell *a, const struct cell *b,
                                    bool whole)
{
    const uint32_t attrs = ~(uint32_t)COLOUR_MASK;
    bool fg = whole ? b->fg : a->fg != b->fg, bg = whole ? b->bg : a->bg != b->bg;
    if ((a->fg ^ b->fg) & attrs || (a->bg ^ b->bg) & attrs ||
        (whole && (b->fg & attrs || b->bg & attrs)) || (fg && COLOUR_KIND(b->fg) != COLOUR_RGB) ||
        (bg && COLOUR_KIND(b->bg) != COLOUR_RGB))
        return d;
    if (fg && !whole) {
        memcpy(d, "\033[38;2;", 8);
        d = put_rgb_semicolons(d + 7, b->fg);
        fg = false;
    } else {
        memcpy(d, "\033[0;", 4);
        d += whole ? 4 : 2;
    }
    if (fg) {
        memcpy(d, "38;2;", 5);
        d = put_rgb_semicolons(d + 5, b->fg);
    }
    if (bg) {
        memcpy(d, "48;2;", 5);
        d = put_rgb_semicolons(d + 5, b->bg);
    }
    d[-1] = 'm'; /* instead of the last semicolon */
    return d;
}

/* Plain characters from c on, the first one's pen being set; single spaces between them, and
 * changes of direct colours, too. Returns the column where they end, whose pen is not set. */
static uint16_t put_plain(struct paint *p, const struct row *r, uint16_t c, uint16_t stop)
{
    const struct cell *cell = r->cell + c, *end = r->cell + (stop < r->used ? stop : r->used);
    const struct cell *last = cell; /* whose pen is set */
    bool ext = cell->bg >> 26 << 6 & ATTR_EXT, whole = !p->caps.rich;
    bool colours = p->caps.rgb && p->caps.colours >= 256 && !ext;
    while (cell < end) {
        uint8_t *d = room(p, 128);
        const uint8_t *limit = p->limit - 64;
        for (; cell < end && d < limit; last = cell++) {
            if (!visible(cell) && !(cell->text == ' ' && cell + 1 < end && visible(cell + 1)))
                break;
            if (cell->fg != last->fg || cell->bg != last->bg) {
                uint8_t *before = d;
                if (!colours || (d = put_recolour(d, last, cell, whole)) == before)
                    break;
            } else if (ext && cell != last) {
                break; /* the same words, but perhaps another underline colour */
            }
            *d++ = (uint8_t)cell->text;
        }
        p->at = d;
        if (d < limit)
            break;
    }
    if (colours) {
        p->pen.fg = last->fg & COLOUR_MASK;
        p->pen.bg = last->bg & COLOUR_MASK;
    }
    return (uint16_t)(cell - r->cell);
}

/* Write columns c..stop-1 of the row; the cursor stands at c or, with `join`, past the end of the
 * row above. `keep`: first column that may not be made by erasing. */
static void put_cells(struct paint *p, const struct row *r, uint16_t at, uint16_t c, uint16_t stop,
                      uint16_t keep, bool join)
{
    uint32_t fg = 0, bg = 0;
    bool fresh = true;
    uint16_t looked = join ? 1 : c; /* no run of blanks worth erasing begins before */
    while (c < stop) {
        const struct cell *cell = c < r->used ? &r->cell[c] : &blank_cell;
        if (p->caps.ech && c >= looked && c < keep && erasable(&p->caps, cell)) {
            uint16_t x = erase_run(p, r, at, c, stop < keep ? stop : keep);
            if (x == stop)
                return;
            if (x > c) {
                c = x;
                paint_go(p, at, c);
                fresh = true;
                continue;
            }
            looked = (uint16_t)(c + ERASE_MIN);
        }
        if (fresh || cell->fg != fg || cell->bg != bg || cell->bg >> 26 << 6 & ATTR_EXT) {
            pen_of_cell(p, r, c, cell);
            fg = cell->fg;
            bg = cell->bg;
            fresh = false;
        }
        if (visible(cell)) {
            c = put_plain(p, r, c, stop);
            fg = r->cell[c - 1].fg;
            bg = r->cell[c - 1].bg;
            continue;
        }
        c = (uint16_t)(c + put_cell(p, r, c));
        p->row = at;
        if (!p->at_known && c < stop)
            paint_go(p, at, c);
    }
    stand(p, at, c);
}

/* ---- rows ---- */

/* How a row is to be painted. */
struct plan {
    uint16_t end;  /* cells behind it are blank and alike: made by EL */
    uint16_t tail; /* first column that EL must clear; cols: none */
    uint16_t last; /* the last cell must be written: its first column; else cols */
    bool unmark;   /* a wrap mark may stay on it that clearing the next row must take away */
};

/* The column behind which all cells of r are one blank cell. */
static uint16_t content_end(const struct paint *p, const struct row *r)
{
    uint16_t end = r->used < p->cols ? r->used : p->cols;
    struct cell tail = row_cell(r, (uint16_t)(p->cols - 1));
    if (!erasable(&p->caps, &tail))
        return p->cols;
    while (end && erasable(&p->caps, &r->cell[end - 1]) && r->cell[end - 1].bg == tail.bg)
        end--;
    return end;
}

static struct plan row_plan(const struct paint *p, uint16_t at, const struct row *from,
                            const struct row *to, bool join, bool mark_unknown)
{
    uint16_t cols = p->cols, last = (uint16_t)(cols - 1);
    struct plan n = {.end = content_end(p, to), .tail = cols, .last = cols};
    if (join && !n.end)
        n.end = 1;
    if (n.end < cols)
        n.tail = from ? diff_next(from, to, n.end, cols) : n.end;
    bool wrap = p->caps.wrap && to->wrapped && at + 1 < p->rows, force;
    uint16_t head = last && row_cell(to, last).text & CELL_TAIL ? (uint16_t)(last - 1) : last;
    if (wrap && !p->caps.firm)
        force = mark_unknown || join || !from || !from->wrapped || n.tail < cols ||
                diff_next(from, to, 0, n.end) < n.end;
    else if (wrap)
        force = mark_unknown || !from || !from->wrapped || n.tail < cols || (join && !head) ||
                differs(from, to, head) || differs(from, to, last);
    else
        force = p->caps.wrap && from && from->wrapped && !to->wrapped;
    n.unmark = !p->caps.firm && p->caps.wrap && !wrap && (force || !from) && at + 1 < p->rows;
    if (!force)
        return n;
    if (!wrap && n.end < cols) {
        n.tail = n.tail < last ? n.tail : last; /* erasing the last cell takes the mark away */
        return n;
    }
    n.end = n.tail = cols;
    n.last = head;
    return n;
}

/* May the equal cells from..to-1 be written again under the pen of the cell before them? */
static bool cheap_gap(const struct row *r, uint16_t from, uint16_t to)
{
    const struct cell a = row_cell(r, (uint16_t)(from - 1));
    for (; from < to; from++) {
        const struct cell b = row_cell(r, from);
        if (b.fg != a.fg || b.bg != a.bg || b.bg >> 26 << 6 & ATTR_EXT || b.text >= 0x7f)
            return false;
    }
    return true;
}

/* The column where the run of cells to be written, which begins at c, ends. */
static uint16_t run_end(const struct row *from, const struct row *to, uint16_t c, uint16_t end)
{
    if (!from)
        return end;
    for (;;) {
        uint16_t stop = (uint16_t)(c + 1);
        while (stop < end && differs(from, to, stop))
            stop++;
        /* A wide character is written whole. */
        if (stop < end && row_cell(to, stop).text & CELL_TAIL)
            stop++;
        if (stop >= end)
            return end;
        c = diff_next(from, to, stop, end);
        if (c == end || c - stop > REWRITE || !cheap_gap(to, stop, c))
            return stop;
    }
}

/* What a row asks of the next one, which then must be painted even if it is right. */
enum next {
    NEXT_ANY,
    NEXT_JOINED, /* the cursor is past the last column: write the first cell by autowrap */
    NEXT_CLEARED /* begin by clearing it */
};

/* Is the row to get a mark that it does not have? */
static bool mark_due(const struct paint *p, const struct row *from, const struct row *to)
{
    return p->caps.marks == PAINT_MARKS_PLAIN && to->mark & ROW_PROMPT &&
           !(from && from->mark & ROW_PROMPT);
}

/* From column 0, where no terminal begins a new line for it. */
static void mark_plain(struct paint *p, uint16_t at)
{
    paint_go(p, at, 0);
    p->at = put_text(room(p, 16), "\033]133;A\033\\");
}

/* Behind the row's cells, where the cursor is in it. */
static void mark_tern(struct paint *p, uint16_t at, const struct row *from, const struct row *to)
{
    if (to->mark == (from && !p->unmarked ? from->mark : 0))
        return;
    if (!p->at_known || p->row != at)
        paint_go(p, at, 0);
    p->at = put_text(put_dec(put_text(room(p, 32), "\033]133;tern="), to->mark), "\033\\");
}

/* One row; see paint_grid. `joined`: the row above asked for it. `keep_above`: that row has a mark
 * that is not firm. */
static enum next paint_row(struct paint *p, uint16_t at, const struct row *from,
                           const struct row *to, bool joined, bool mark_unknown, bool keep_above)
{
    const struct row *was = from;
    p->unmarked = false;
    if (!from && !joined) {
        paint_go(p, at, 0);
        if (at == 0 && keep_above && p->cols > 1) {
            joined = true; /* the cursor stands there: nothing is cleared before it is written */
        } else {
            paint_erase_pen(p, 0);
            p->at = put_csi(room(p, 8), 'K', 0, 0);
            from = &row_blank_row;
        }
        mark_unknown = true;
    }
    struct plan n = row_plan(p, at, from, to, joined, mark_unknown);
    bool due = mark_due(p, was, to);
    if (due && !joined && n.tail) {
        mark_plain(p, at);
        due = false;
    }
    uint16_t c = 0;
    while (c < n.end) {
        bool join = joined && c == 0;
        if (!join && from)
            c = diff_next(from, to, c, n.end < n.last ? n.end : n.last);
        if (c >= n.end)
            break;
        if (c && row_cell(to, c).text & CELL_TAIL)
            c--;
        uint16_t stop = run_end(from, to, c, n.end);
        uint16_t first = row_cell(to, 0).text & CELL_WIDE ? 2 : 1;
        bool cut = join && due && first < p->cols && first <= n.last; /* the cursor gets there */
        if (cut && stop > first)
            stop = first;
        if (!join)
            paint_go(p, at, c);
        put_cells(p, to, at, c, stop, n.last, join);
        c = stop;
        if (cut) {
            mark_plain(p, at);
            due = false;
        }
    }
    if (n.tail < p->cols) {
        bool here = p->at_known && p->row == at && p->col == n.end && !p->pending;
        paint_go(p, at, here ? n.end : n.tail);
        struct pen pen = row_pen(to, (uint16_t)(p->cols - 1)); /* a background only */
        if (p->col == 0 && keep_above && p->cols > 1) {
            /* Clearing the whole row would take the mark above away. */
            pen_set(p, &pen);
            *room(p, 1) = ' ';
            p->at++;
            p->col++;
        }
        paint_erase_pen(p, pen.bg);
        p->at = put_csi(room(p, 8), 'K', 0, 0);
        p->unmarked |= p->col == 0;
    }
    if ((due && !joined) || (p->unmarked && mark_due(p, NULL, to)))
        mark_plain(p, at);
    else if (p->caps.marks == PAINT_MARKS_TERN)
        mark_tern(p, at, was, to);
    if (n.unmark)
        return NEXT_CLEARED;
    return p->caps.wrap && to->wrapped && at + 1 < p->rows && n.last < p->cols && p->at_known &&
                   p->pending
               ? NEXT_JOINED
               : NEXT_ANY;
}

void paint_grid(struct paint *p, const struct row *const *from, const struct row *const *to,
                const struct scroll *scrolls, size_t n)
{
    enum next next = NEXT_ANY;
    if (from == to && !n)
        return;
    paint_window_open(p);
    p->shown = to;
    for (uint16_t i = 0; i < p->rows; i++) {
        bool unknown = false;
        while (!n && from && to && next == NEXT_ANY && i < p->rows && from[i] == to[i])
            i++;
        if (i == p->rows || p->out->failed)
            break;
        const struct row *f = from ? from[i] : &row_blank_row;
        const struct row *t = to ? to[i] : &row_blank_row;
        if (n) {
            f = scroll_source(scrolls, n, from, i);
            unknown = paint_mark_lost(p, from, scrolls, n, i);
        }
        if (f == t && next == NEXT_ANY && !unknown)
            continue;
        bool keep_above =
            !p->caps.firm && p->caps.wrap && to && (i ? to[i - 1]->wrapped : p->above);
        next = paint_row(p, i, next == NEXT_CLEARED ? NULL : f, t, next == NEXT_JOINED, unknown,
                         keep_above);
    }
    if (p->pen.link)
        link_set(p, 0);
    paint_window_close(p);
}
