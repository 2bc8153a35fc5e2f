/* One frame: from what the terminal was told to a snapshot. */
#include "base/mem.h"
#include "base/utf8.h"
#include "term/modes.h"
#include "term/palette.h"
#include "term/term.h"
#include "view/view_impl.h"

#include <stdlib.h>
#include <string.h>

typedef const struct row *const *rows_ref;

static const struct pen no_pen;

/* ---- bar ---- */

struct row *bar_row(const char *text, uint16_t cols, bool colours)
{
    struct pen pen = {.attr = ATTR_BOLD};
    if (colours) {
        pen.fg = COLOUR_PALETTE | 7;
        pen.bg = COLOUR_PALETTE | 4;
    } else {
        pen.attr |= ATTR_INVERSE;
    }
    struct row *r = row_new(cols, 0);
    struct utf8 u = {0};
    uint16_t col = 0;
    for (; *text && *text != '\n' && col < cols; text++) {
        uint32_t cp[2];
        size_t n = utf8_feed(&u, (uint8_t)*text, cp);
        for (size_t i = 0; i < n && col < cols; i++) {
            bool plain =
                cp[i] >= ' ' && (cp[i] < 0x7f || (cp[i] > 0x9f && term_width(NULL, cp[i]) == 1));
            r->cell[col++] = cell_make(plain ? cp[i] : '?', &pen);
        }
    }
    while (col < cols)
        r->cell[col++] = cell_make(' ', &pen);
    r->used = cols;
    return r;
}

void bar_free(struct view *v)
{
    for (uint16_t i = 0; i < v->bars; i++)
        row_unref(v->bar[i]);
    free(v->bar);
    free(v->bar_text);
    v->bar = NULL;
    v->bar_text = NULL;
    v->bars = 0;
}

/* Rows are kept while the text stays, so that a frame costs nothing for them. */
static void bar_make(struct view *v, const char *text)
{
    uint16_t cols = v->facts.cols, most = v->facts.rows;
    if (v->bar_text && v->bar_cols == cols && v->bar_most == most && !strcmp(v->bar_text, text))
        return;
    bar_free(v);
    v->bar_text = mem_text(text, strlen(text));
    v->bar_cols = cols;
    v->bar_most = most;
    v->bar = mem_new(most, sizeof *v->bar);
    for (const char *end = text; end && v->bars < most; text = end + 1) {
        v->bar[v->bars++] = bar_row(text, cols, v->facts.paint.colours >= 8);
        end = strchr(text, '\n');
    }
}

/* ---- side effects of a frame ---- */

/* A title as the terminal may have it: no controls, no longer than TITLE_MAX. A string for the
 * caller. */
static char *title_clean(const char *prefix, const char *title)
{
    size_t p = strlen(prefix), n = strlen(title), len = 0;
    if (n > TITLE_MAX) {
        n = TITLE_MAX;
        while (n && ((uint8_t)title[n] & 0xc0) == 0x80)
            n--;
    }
    char *t = mem_new(p + n + 1, 1);
    memcpy(t, prefix, p);
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)title[i];
        if (c == 0xc2 && i + 1 < n && (uint8_t)title[i + 1] < 0xa0)
            i++; /* C1 */
        else if (c >= ' ' && c != 0x7f)
            t[p + len++] = (char)c;
    }
    return t;
}

static void put_osc(struct buf *out, const char *number, const char *text)
{
    buf_put_text(out, "\033]");
    buf_put_text(out, number);
    buf_put_text(out, text);
    buf_put_u8(out, '\a');
}

static void put_titles(struct view *v, const struct frame *f, struct buf *out)
{
    const struct snapshot *s = f->s;
    if (!v->facts.title || (!s->title && !s->icon && !v->title))
        return;
    const char *prefix = f->farewell ? "" : v->title_prefix;
    const char *plain = s->title ? s->title : "", *small = s->icon ? s->icon : "";
    bool same = !strcmp(plain, small);
    char *title = title_clean(prefix, plain), *icon = title_clean(same ? prefix : "", small);
    if (v->told_all && v->title && !strcmp(title, v->title) && !strcmp(icon, v->icon)) {
        free(title);
        free(icon);
        return;
    }
    if (same) {
        put_osc(out, "0;", title);
    } else {
        put_osc(out, "1;", icon);
        put_osc(out, "2;", title);
    }
    free(v->title);
    free(v->icon);
    v->title = title;
    v->icon = icon;
}

/* Towards stock peers bell and clipboard are part of the state. */
static void put_events(struct view *v, const struct snapshot *s, struct buf *out)
{
    if (s->bells != v->bells)
        view_bell(v, out);
    if (s->clips != v->clips && s->clip)
        view_clip(v, s->clip, out);
    v->bells = s->bells;
    v->clips = s->clips;
}

/* What the terminal can have of them. That the scheme changed is the client's to know always. */
static struct modes modes_for(const struct view_facts *f, const struct modes *want)
{
    struct modes to = *want;
    if (!f->shape) {
        to.cursor_shape = 0;
        to.cursor_blink = false;
    }
    if (!f->other_keys)
        to.other_keys = to.other_format = 0;
    if (!f->pixel_mouse && to.mouse_coding == MOUSE_PIXELS)
        to.mouse_coding = MOUSE_SGR;
    if (!f->osc)
        to.urgent_bell = false;
    to.graphemes &= f->graphemes;
    to.scheme_reports = f->scheme;
    to.kitty_keys = f->kitty_keys ? to.kitty_keys & KITTY_FLAGS : 0;
    return to;
}

/* The terminal keeps a stack of them for each screen; ours is one entry there, while it is not 0.
 */
static void put_kitty(struct view *v, uint8_t flags, struct buf *out)
{
    uint8_t *told = &v->kitty_keys[v->on_alt];
    if (*told && !flags)
        buf_put_text(out, "\033[<u");
    else if (flags && !*told)
        buf_printf(out, "\033[>%uu", flags);
    else if (flags && (flags != *told || !v->told_all))
        buf_printf(out, "\033[=%u;1u", flags);
    *told = flags;
}

static void put_modes(struct view *v, const struct modes *want, struct buf *out)
{
    struct modes to = modes_for(&v->facts, want), was = v->modes;
    if (!v->told_all) {
        const struct modes none = {.cursor_shape = 0};
        if (was.mouse_coding == MOUSE_PIXELS) /* which a stock peer's "off" leaves */
            mode_put(out, MOUSE_PIXELS, false);
        modes_put(out, &none, &to, true, SNAPSHOT_STOCK);
        buf_put_text(out, to.app_keypad ? "\033=" : "\033>");
        /* The rarer ones are told only where one of both is on. */
        v->modes = to;
        /* Pixels are not among what was told just now, and only their own reset ends them. */
        if (to.mouse_coding == MOUSE_PIXELS)
            v->modes.mouse_coding = MOUSE_SGR;
        else if (!to.mouse_coding && was.mouse_coding == MOUSE_PIXELS)
            v->modes.mouse_coding = MOUSE_PIXELS;
        v->modes.cursor_shape = to.cursor_shape ? 0 : was.cursor_shape;
        v->modes.cursor_blink = was.cursor_blink;
        v->modes.alt_scroll = to.alt_scroll ? false : was.alt_scroll;
        v->modes.urgent_bell = to.urgent_bell ? false : was.urgent_bell;
        v->modes.scheme_reports = to.scheme_reports ? false : was.scheme_reports;
        v->modes.other_keys = to.other_keys ? 0 : was.other_keys;
        v->modes.other_format = to.other_format ? 0 : was.other_format;
    }
    v->modes.kitty_keys = to.kitty_keys; /* not as a peer is told */
    modes_put(out, &v->modes, &to, false, SNAPSHOT_NATIVE);
    put_kitty(v, to.kitty_keys, out);
    v->modes = to;
}

static void put_colours(struct view *v, struct colours *want, struct buf *out)
{
    if (!v->facts.osc)
        return;
    if (!v->told_all) /* what it has is unknown, so all that were ever changed are told */
        colours_put(out, v->colours, NULL);
    colours_put(out, v->told_all ? v->colours : NULL, want);
    struct colours *old = v->colours;
    v->colours = colours_ref(want);
    colours_unref(old);
}

/* ---- the picture ---- */

static void paint_load(struct view *v, const struct snapshot *s, struct paint *p, struct buf *out)
{
    struct paint_caps caps = v->facts.paint;
    caps.wrap = v->wraps;
    caps.marks = v->facts.osc ? PAINT_MARKS_PLAIN : PAINT_MARKS_NONE;
    paint_init(p, out, caps, v->facts.cols, v->facts.rows);
    p->relative = !v->on_alt;
    p->at_known = v->at_known;
    p->row_known = v->row_known;
    p->row = v->row;
    p->col = v->col;
    p->pending = v->pending;
    p->pen_known = v->pen_known;
    p->pen = v->pen;
    p->links = s->links;
    p->more_links = v->feed.links;
}

static void paint_store(struct view *v, const struct paint *p)
{
    v->at_known = p->at_known;
    v->row_known = p->row_known;
    v->row = p->row;
    v->col = p->col;
    v->pending = p->pending;
    v->pen_known = p->pen_known;
    v->pen = p->pen;
}

/* Does the switch to the alternate screen save the cursor, and the one back restore it? */
static bool saves_cursor(const struct view *v)
{
    return strstr(v->smcup, "1049") || strstr(v->smcup, "\0337");
}

/* To the screen that the frame is for; false: it is there. */
static bool put_switch(struct view *v, bool alt, struct paint *p)
{
    if (v->on_alt == alt)
        return false;
    paint_pen(p, &no_pen);
    put_kitty(v, 0, p->out); /* each screen has its own */
    if (alt && p->row_known && !v->told[SCREEN_MAIN][0] && v->settle.row < p->row)
        paint_move(p, v->settle.row, 0); /* right after a resize it is in the last row: see ask() */
    if (alt) {
        v->main_row_at = p->row;
        v->main_at_known = p->row_known;
    }
    buf_put_text(p->out, alt ? v->smcup : v->rmcup);
    v->on_alt = alt;
    /* Whether it was cleared, and what else the switch saved, is the terminal's secret. */
    p->at_known = p->pen_known = false;
    p->relative = !alt;
    p->row = v->main_row_at;
    p->row_known = !alt && v->main_at_known && saves_cursor(v);
    for (uint16_t i = 0; alt && i < v->facts.rows; i++) {
        row_unref(v->told[SCREEN_ALT][i]);
        v->told[SCREEN_ALT][i] = NULL;
    }
    return true;
}

/* The rows that the frame shows, into v->want. Is row 0 the bar's, or a guess's? */
static bool compose(struct view *v, const struct frame *f)
{
    const struct snapshot *s = f->s;
    for (uint16_t i = 0; i < v->facts.rows; i++) {
        if (i >= s->rows)
            v->want[i] = &row_blank_row;
        else
            v->want[i] = (f->farewell && !v->facts.all_on_alt) || v->main_only ? s->main_row[i]
                                                                               : snapshot_row(s, i);
    }
    const struct row *first = v->want[0];
    for (unsigned i = 0; f->guess && i < f->guess->n; i++)
        if (f->guess->rows[i].at < v->facts.rows)
            v->want[f->guess->rows[i].at] = f->guess->rows[i].row;
    if (f->bar)
        bar_make(v, f->bar);
    for (uint16_t i = 0; f->bar && i < v->bars; i++)
        v->want[i] = v->bar[i];
    return v->want[0] != first;
}

/* The row below everything that shows; may be one past the last. */
static uint16_t row_below(const struct view *v, const struct snapshot *s)
{
    uint16_t n = v->facts.rows;
    while (n && !v->want[n - 1]->used)
        n--;
    if (!s->alt && s->cursor.row > n && s->cursor.row < v->facts.rows)
        n = s->cursor.row;
    return n;
}

/* Where it rests: where the program put it, or where the guesses do. */
static struct cursor cursor_of(const struct frame *f)
{
    struct cursor c = f->s->cursor;
    if (f->guess)
        c = (struct cursor){.row = f->guess->row, .col = f->guess->col};
    return c;
}

static void put_cursor(struct view *v, const struct frame *f, struct paint *p)
{
    const struct snapshot *s = f->s;
    uint16_t row = cursor_of(f).row, col = cursor_of(f).col;
    bool inside = row < v->facts.rows && col < v->facts.cols;
    bool visible = s->modes.cursor_visible && inside && !(f->bar && row < v->bars);
    if (f->farewell) {
        uint16_t below = row_below(v, s);
        bool full = below == v->facts.rows;
        paint_pen(p, &no_pen);
        paint_move(p, full ? (uint16_t)(below - 1) : below, 0);
        if (full && (!v->facts.all_on_alt || !*v->rmcup))
            buf_put_u8(p->out, '\n'); /* column 0 already */
        return;
    }
    if (inside)
        paint_cursor(p, row, col, v->want[row]);
    if (visible != v->cursor_visible || !v->told_all)
        mode_put(p->out, 25, visible);
    v->cursor_visible = visible;
}

/* How many rows differ: is the frame one that a terminal may show half done? */
static unsigned rows_differing(const struct view *v, const struct row *const *told)
{
    unsigned n = 0;
    for (uint16_t i = 0; i < v->facts.rows; i++)
        n += told[i] != v->want[i];
    return n;
}

/* While lines wait that go in bulk, rows have no marks, so that nothing is in doubt. */
static void take_marks(struct view *v)
{
    for (uint16_t i = 0; i < v->facts.rows; i++)
        if (v->want[i]->wrapped && v->told[SCREEN_MAIN][i] != v->want[i])
            v->want[i] = v->own[i] = row_with_mark(row_ref(v->want[i]), false);
}

static void put_picture(struct view *v, const struct frame *f, struct paint *p)
{
    struct row **told = v->told[v->on_alt];
    struct scroll scrolls[SCROLL_MOST];
    size_t n = 0;
    if (!v->on_alt && v->wraps && feed_bulk_waits(v, f))
        take_marks(v);
    n = feed_scrolls(v, (rows_ref)told, v->want, scrolls);
    feed_put_scrolls(v, p, scrolls, n);
    p->above = v->feed.tail && !v->on_alt;
    paint_grid(p, (rows_ref)told, v->want, scrolls, n);
    for (uint16_t i = 0; i < v->facts.rows; i++) {
        if (told[i] == v->want[i])
            continue;
        v->joins += !v->on_alt && v->want[i]->wrapped;
        struct row *old = told[i];
        told[i] = row_ref(v->want[i]);
        row_unref(old);
    }
}

/* So many rows fed by one frame are a burst. */
#define BURST_ROWS 4

/* Behind the picture. With every half screenful of rows in doubt, so that the next half need not
 * wait; at the end of a burst; and soon after a resize behind all that was written since `begun`.
 */
static void put_fence(struct view *v, const struct frame *f, struct paint *p, size_t begun)
{
    struct proof *q = &v->proof;
    size_t open = (size_t)(q->fed - q->sure) + v->feed.fresh - v->feed.sure;
    if (!v->facts.reports || v->on_alt || f->farewell || v->facts.rows < 2 || q->flying ||
        v->asked.n + 2 > ASKED_MOST)
        return;
    bool burst = open >= BURST_ROWS && !feed_ready(v, f);
    bool bulk = v->feed.fresh > v->facts.rows;
    bool recent = settle_recent(v) && buf_len(p->out) != begun;
    if (!v->fence_due && !recent && !burst && !bulk && open < (v->facts.rows + 1u) / 2)
        return;
    settle_fence(v, p);
    q->fed_at += v->feed.fresh;
    q->frames_at++;
    v->fence_due = false;
}

/* Rows that wrap, and what they go on in: their marks are made from now on, or no more. */
static void forget_marks(struct view *v)
{
    v->hidden |= view_marks(v) > 0;
    for (int i = 0; i < SCREENS; i++) {
        bool goes_on = false;
        for (uint16_t r = 0; r < v->facts.rows; r++) {
            struct row **told = &v->told[i][r];
            bool wrapped = *told && (*told)->wrapped;
            if (wrapped || goes_on) {
                row_unref(*told);
                *told = NULL;
            }
            goes_on = wrapped;
        }
    }
}

static void put_frame(struct view *v, const struct frame *f, struct buf *out)
{
    const struct snapshot *s = f->s;
    struct paint p;
    bool wraps = s->cols == v->facts.cols && s->rows == v->facts.rows;
    if (wraps != v->wraps)
        forget_marks(v);
    v->wraps = wraps;
    bool alt = v->facts.all_on_alt || (v->smcup && s->alt && !f->farewell && !v->main_only);
    bool covered = compose(v, f);
    bool large = alt != v->on_alt || rows_differing(v, (rows_ref)v->told[v->on_alt]) > 1 ||
                 (v->settle.pending && !alt) || feed_ready(v, f);
    bool sync = large && v->facts.sync;
    size_t before = buf_len(out), begun;
    if (sync)
        buf_put_text(out, "\033[?2026h");
    begun = buf_len(out);
    unsigned marks = view_marks(v);
    v->joins = proof_whole(&v->proof) || v->joins < marks ? marks : v->joins;
    v->doubt = marks || !proof_whole(&v->proof);
    paint_load(v, s, &p, out);
    bool settled = settle_put(v, f, &p); /* before CSI r moves the cursor */
    if (settled && !v->told_all) {
        /* What somebody else may have left: line drawing, insert, origin, no autowrap, a region. */
        buf_put_text(out, "\017\033(B\033[4l\033[?6l\033[?7h\033[r\033[?1h");
        p.at_known = p.row_known = p.pen_known = false;
    }
    if (settled && put_switch(v, alt, &p))
        settled = settle_back(v, f, &p);
    if (!settled) { /* nothing before the answer */
        paint_store(v, &p);
        if (sync)
            buf_put_text(out, "\033[?2026l");
        return;
    }
    if (s->modes.reverse != v->modes.reverse || !v->told_all)
        mode_put(out, 5, s->modes.reverse);
    bool graphemes = s->modes.graphemes && v->facts.graphemes;
    if (graphemes != v->modes.graphemes)
        mode_put(out, 2027, graphemes);
    if (large && !sync && v->cursor_visible) {
        mode_put(out, 25, false);
        v->cursor_visible = false;
    }
    feed_put(v, f, &p);
    put_picture(v, f, &p);
    put_fence(v, f, &p, begun);
    put_cursor(v, f, &p);
    paint_store(v, &p);
    put_modes(v, &s->modes, out);
    put_colours(v, f->farewell ? NULL : s->colours, out);
    put_titles(v, f, out);
    put_events(v, s, out);
    if (sync && buf_len(out) == begun && !buf_err(out)) /* rows that are equal after all */
        buf_trim(out, before);
    else if (sync)
        buf_put_text(out, "\033[?2026l");
    v->told_all = true;
    for (uint16_t i = 0; i < v->facts.rows; i++) {
        row_unref(v->own[i]);
        v->own[i] = NULL;
    }
    if (!v->on_alt) {
        if (v->covered && !covered)
            v->uncovered = v->proof.frames + 1; /* this frame */
        v->covered = covered;
        v->hidden = false;
    }
    v->doubt |= view_marks(v) > 0;
}

int frame_put(struct view *v, const struct frame *f, struct buf *out)
{
    size_t mark = buf_len(out);
    bool on_alt = v->on_alt;
    uint64_t bells = v->bells, clips = v->clips;
    uint8_t keys[SCREENS];
    memcpy(keys, v->kitty_keys, sizeof keys);
    struct settle settle = v->settle;
    struct proof proof = v->proof;
    struct asked asked = v->asked;
    struct colours *colours = colours_ref(v->colours);
    put_frame(v, f, out);
    if (!buf_err(out)) {
        colours_unref(colours);
        if (buf_len(out) > mark && !(on_alt && v->on_alt))
            proof_wrote(&v->proof, v->doubt);
        feed_commit(v);
        return 0;
    }
    /* None of it is sent, so the terminal is where it was, and we no longer know where. */
    buf_trim(out, mark);
    v->on_alt = on_alt;
    memcpy(v->kitty_keys, keys, sizeof keys);
    v->settle = settle;
    v->proof.flying = proof.flying;
    v->asked = asked;
    v->fence_due = true;
    feed_rollback(v);
    v->bells = bells;
    v->clips = clips;
    colours_unref(v->colours);
    v->colours = colours;
    view_repaint(v);
    return ERR_CAP;
}

int view_frame(struct view *v, const struct snapshot *s, const char *bar, struct buf *out)
{
    BUG_ON(!v->started);
    if (!v->settle.pending) /* else what counts is how it was before the resize */
        proof_tick(&v->proof);
    settle_tick(v);
    const struct frame f = {.s = s, .bar = bar, .guess = v->main_only ? NULL : v->guess};
    int err = view_held(v) ? ERR_OK : frame_put(v, &f, out);
    v->guess = NULL;
    struct snapshot *old = v->last;
    v->last = snapshot_ref(s);
    snapshot_unref(old);
    return err;
}
