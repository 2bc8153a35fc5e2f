#include "term/diff.h"

#include "base/mem.h"
#include "term/modes.h"
#include "term/paint.h"
#include "term/palette.h"

#include <string.h>

/* A perfect receiver, which knows what mosh-protocol.md §9.3 lists, and ours. */
static const struct paint_caps stock_caps = {
    .rgb = true, .colours = 256, .bce = true, .ech = true, .firm = true, .wrap = true};
static const struct paint_caps native_caps = {.rich = true,
                                              .colon = true,
                                              .rgb = true,
                                              .colours = 256,
                                              .bce = true,
                                              .ech = true,
                                              .sized = true,
                                              .firm = true,
                                              .links = PAINT_LINKS_TERN,
                                              .marks = PAINT_MARKS_TERN,
                                              .wrap = true};
static const struct pen no_pen;

typedef const struct row *const *rows_ref;

static rows_ref grid(const struct snapshot *s, bool alt)
{
    return (rows_ref)(alt ? s->alt_row : s->main_row);
}

static const char *text_of(const char *t)
{
    return t ? t : "";
}

static void put_osc(struct buf *out, const char *number, const char *text)
{
    buf_put_text(out, "\033]");
    buf_put_text(out, number);
    buf_put_text(out, text);
    buf_put_u8(out, '\a');
}

static void put_titles(struct buf *out, const struct snapshot *from, const struct snapshot *to)
{
    const char *icon = text_of(to->icon), *title = text_of(to->title);
    if ((from->icon == to->icon || !strcmp(text_of(from->icon), icon)) &&
        (from->title == to->title || !strcmp(text_of(from->title), title)))
        return;
    if (!strcmp(icon, title)) {
        put_osc(out, "0;", title);
        return;
    }
    put_osc(out, "1;", icon);
    put_osc(out, "2;", title);
}

static void put_clip(struct buf *out, const struct snapshot *from, const struct snapshot *to)
{
    /* "c;" is what a cleared clipboard is told as. */
    const char *clip = to->clip ? to->clip : "c;";
    if (strcmp(from->clip ? from->clip : "c;", clip))
        put_osc(out, "52;", clip);
}

/* ---- grids ---- */

/* Item 6: lines that scroll in take the current background. */
static void put_scroll(struct paint *p, const struct scroll *s, enum snapshot_kind kind)
{
    bool whole = s->top == 0 && s->bottom + 1 == p->rows;
    unsigned n = (unsigned)(s->by > 0 ? s->by : -s->by);
    paint_pen(p, &no_pen);
    if (kind == SNAPSHOT_STOCK && s->by > 0 && whole && p->at_known && p->row == s->bottom) {
        buf_put_u8(p->out, '\r');
        p->col = 0;
        p->pending = false;
        while (n--)
            buf_put_u8(p->out, '\n');
        return;
    }
    if (!whole || kind == SNAPSHOT_STOCK) {
        paint_csi(p->out, 'r', s->top + 1u, s->bottom + 1u);
        p->at_known = false;
    }
    if (kind == SNAPSHOT_STOCK && s->by > 0) {
        paint_move(p, s->bottom, 0);
        while (n--)
            buf_put_u8(p->out, '\n');
    } else {
        paint_csi(p->out, s->by > 0 ? 'S' : 'T', n > 1 ? n : 0, 0);
    }
    if (!whole || kind == SNAPSHOT_STOCK) {
        buf_put_text(p->out, "\033[r");
        p->at_known = true;
        p->pending = false;
        p->row = p->col = 0;
    }
}

static void put_grid(struct paint *p, rows_ref from, rows_ref to, enum snapshot_kind kind)
{
    struct scroll scrolls[SCROLL_MOST];
    size_t n = scroll_find(from, to, p->rows, scrolls);
    for (size_t i = 0; i < n; i++)
        put_scroll(p, &scrolls[i], kind);
    paint_grid(p, from, to, scrolls, n);
}

static bool grid_changed(const struct snapshot *from, const struct snapshot *to, bool alt)
{
    rows_ref f = grid(from, alt), t = grid(to, alt);
    if (f == t)
        return false;
    for (uint16_t i = 0; i < to->rows; i++)
        if ((f ? f[i] : &row_blank_row) != (t ? t[i] : &row_blank_row))
            return true;
    return false;
}

static void put_switch(struct paint *p, bool *shows, bool alt)
{
    if (*shows == alt)
        return;
    mode_put(p->out, 47, alt);
    *shows = alt;
}

static void put_clear(struct paint *p)
{
    paint_pen(p, &no_pen);
    buf_put_text(p->out, "\033[H\033[2J");
    p->at_known = true;
    p->pending = false;
    p->row = p->col = 0;
}

static void put_native_grids(struct paint *p, const struct snapshot *from,
                             const struct snapshot *to, bool fresh)
{
    bool shows = from->alt;
    /* The grid that will not show first, so that the screen is switched at most twice. */
    for (int pass = 0; pass < 2; pass++) {
        bool alt = pass ? to->alt : !to->alt;
        if (fresh && (!alt || from->alt_row || to->alt_row)) {
            put_switch(p, &shows, alt);
            put_clear(p);
            paint_grid(p, NULL, grid(to, alt), NULL, 0);
        } else if (!fresh && grid_changed(from, to, alt)) {
            put_switch(p, &shows, alt);
            put_grid(p, grid(from, alt), grid(to, alt), SNAPSHOT_NATIVE);
        }
    }
    put_switch(p, &shows, to->alt);
}

static void put_stock_grid(struct paint *p, const struct snapshot *from, const struct snapshot *to,
                           bool fresh)
{
    if (!fresh) {
        put_grid(p, grid(from, from->alt), grid(to, to->alt), SNAPSHOT_STOCK);
        return;
    }
    buf_put_text(p->out, "\033[r");
    p->pen_known = false;
    put_clear(p);
    mode_put(p->out, 25, false);
    paint_grid(p, NULL, grid(to, to->alt), NULL, 0);
}

int diff_screen(struct buf *out, const struct snapshot *from, const struct snapshot *to,
                enum snapshot_kind kind)
{
    struct paint p;
    bool fresh = from->cols != to->cols || from->rows != to->rows, native = kind == SNAPSHOT_NATIVE;
    bool visible = from->modes.cursor_visible;
    if (!native && from->bells != to->bells)
        buf_put_u8(out, '\a');
    put_titles(out, from, to);
    if (!native)
        put_clip(out, from, to);
    if (native)
        colours_put(out, from->colours, to->colours);
    if (native && from->modes.graphemes != to->modes.graphemes) /* before what it changes */
        mode_put(out, 2027, to->modes.graphemes);
    if (from->modes.reverse != to->modes.reverse)
        mode_put(out, 5, to->modes.reverse);

    paint_init(&p, out, native ? native_caps : stock_caps, to->cols, to->rows);
    p.links = to->links;
    /* Whether the receiver's cursor stands past the last column is no part of a state. */
    paint_begin(&p, from->cursor.row, from->cursor.col, &from->pen);
    if (fresh)
        p.at_known = false;
    if (native) {
        put_native_grids(&p, from, to, fresh);
    } else {
        put_stock_grid(&p, from, to, fresh);
        visible = visible && !fresh;
    }
    paint_cursor(&p, to->cursor.row, to->cursor.col, snapshot_row(to, to->cursor.row));
    if (fresh || visible != to->modes.cursor_visible)
        mode_put(out, 25, to->modes.cursor_visible);
    paint_pen(&p, &to->pen);
    modes_put(out, &from->modes, &to->modes, fresh, kind);
    return buf_err(out);
}

/* ---- a part of the way ---- */

static bool same(const struct row *a, const struct row *b, uint16_t cols)
{
    return a->mark == b->mark && row_equal(a, b, cols);
}

/* `from` with the rows of `to` in `grid` order from the cursor's row on, wrapping, until n of those
 * that differ are taken. */
static struct snapshot *take_rows(const struct snapshot *from, const struct snapshot *to,
                                  uint16_t n)
{
    struct snapshot *s = snapshot_copy(from);
    if (s->alt && !s->alt_row) {
        s->alt_row = mem_new(s->rows, sizeof s->alt_row[0]);
        for (uint16_t i = 0; i < s->rows; i++)
            s->alt_row[i] = row_ref(&row_blank_row);
    }
    struct row **rows = s->alt ? s->alt_row : s->main_row;
    for (uint16_t i = 0; n && i < s->rows; i++) {
        uint16_t at = (uint16_t)((to->cursor.row + i) % s->rows);
        const struct row *t = snapshot_row(to, at);
        if (rows[at] == t)
            continue;
        n -= !same(rows[at], t, s->cols);
        row_unref(rows[at]);
        rows[at] = row_ref(t);
    }
    return s;
}

static uint16_t rows_differing(const struct snapshot *from, const struct snapshot *to)
{
    uint16_t n = 0;
    for (uint16_t i = 0; i < to->rows; i++)
        n += !same(snapshot_row(from, i), snapshot_row(to, i), to->cols);
    return n;
}

static bool fits(const struct snapshot *from, const struct snapshot *to, size_t budget)
{
    struct buf b;
    buf_init(&b, budget);
    bool ok = !diff_screen(&b, from, to, SNAPSHOT_NATIVE);
    buf_fini(&b);
    return ok;
}

struct snapshot *diff_partial(const struct snapshot *from, const struct snapshot *to, size_t budget)
{
    if (from->cols != to->cols || from->rows != to->rows || from->alt != to->alt ||
        fits(from, to, budget))
        return snapshot_ref(to);
    /* The most rows that fit: `few` is known to (or is the least), `many` is known not to. */
    uint16_t few = 1, many = rows_differing(from, to);
    if (!many)
        return snapshot_ref(to);
    struct snapshot *best = take_rows(from, to, few);
    while (many - few > 1) {
        uint16_t mid = (uint16_t)(few + (many - few) / 2);
        struct snapshot *s = take_rows(from, to, mid);
        bool ok = fits(from, s, budget);
        few = ok ? mid : few;
        many = ok ? many : mid;
        snapshot_unref(ok ? best : s);
        best = ok ? s : best;
    }
    return best;
}
