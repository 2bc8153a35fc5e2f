#include "term/report.h"

#include "base/mem.h"
#include "term/reflow.h"

#include <stdlib.h>

static uint16_t fit(uint16_t v, uint16_t n)
{
    return v < n ? v : (uint16_t)(n - 1);
}

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- the main screen of an engine that is no replica ---- */

/* The places that stay on their characters. */
enum { MARK_CURSOR, MARK_SAVED, MARK_COMBINE, MARKS };

struct change {
    struct term *t;
    uint16_t cols, rows; /* the new size */
    struct row **in;     /* rows taken back from the history, owned; then the screen's */
    size_t pulled, n;    /* of history; all */
    struct reflow_mark at[MARKS], mark[MARKS];
    struct reflow out;
};

static void marks_load(struct change *c)
{
    const struct term *t = c->t;
    bool shows = t->grid == &t->main;
    const struct saved *s = &t->saved[0];
    c->at[MARK_SAVED] = (struct reflow_mark){.row = s->row, .col = s->col};
    c->at[MARK_CURSOR] = c->at[MARK_SAVED]; /* 1049 saved it on entering */
    c->at[MARK_COMBINE] = (struct reflow_mark){.row = SIZE_MAX};
    if (!shows)
        return;
    c->at[MARK_CURSOR] = (struct reflow_mark){.row = t->cursor.row,
                                              .col = (uint16_t)(t->cursor.col + t->cursor.pending)};
    if (t->combine == COMBINE_CELL)
        c->at[MARK_COMBINE] = (struct reflow_mark){.row = t->combine_row, .col = t->combine_col};
}

/* Rows of the screen down to its last text or the cursor. */
static uint16_t content_rows(const struct change *c)
{
    const struct grid *g = &c->t->main;
    uint16_t n = g->rows;
    while (n > c->at[MARK_CURSOR].row + 1 && !g->row[n - 1]->used)
        n--;
    return n;
}

/* Lay c->in out. */
static void lay_out(struct change *c)
{
    for (size_t i = 0; i < c->out.n; i++)
        row_unref(c->out.out[i]);
    for (int k = 0; k < MARKS; k++) {
        c->mark[k] = c->at[k];
        if (c->at[k].row != SIZE_MAX)
            c->mark[k].row += c->pulled;
    }
    c->out.n = 0;
    c->out.mark = c->mark;
    c->out.marks = MARKS;
    reflow_rows(&c->out, c->in, c->n);
}

/* Take back whole lines until they make `need` rows more, but at most two screenfuls. */
static void pull(struct change *c, size_t need)
{
    struct term *t = c->t;
    size_t most = 2u * c->rows, made = 0;
    struct row **back = mem_resize(NULL, most, sizeof *back);
    size_t n = 0;
    while (made < need && n < most && history_kept(t->history)) {
        size_t cells = 0;
        do {
            back[n] = history_pull(t->history, t->pool.next_id++);
            cells += back[n++]->used;
        } while (n < most && history_kept(t->history) && history_wrapped(t->history));
        made += cells ? (cells + c->cols - 1) / c->cols : 1;
    }
    struct row **in = mem_resize(NULL, n + c->n + 1, sizeof *in);
    for (size_t i = 0; i < n; i++)
        in[i] = back[n - 1 - i];
    memcpy(in + n, c->in, c->n * sizeof *in);
    free(back);
    free(c->in);
    c->in = in;
    c->n += n;
    c->pulled += n;
}

/* How many rows leave at the top when there are too many; what is too much then is cut at the
 * bottom. As tmux when only the height shrinks: rows below the cursor are cut first. Else text goes
 * up, unless the cursor would go with it. */
static size_t pushed_rows(const struct change *c, bool shrunk)
{
    size_t excess = c->out.n > c->rows ? c->out.n - c->rows : 0, row = c->mark[MARK_CURSOR].row;
    size_t below = c->out.n - 1 - row;
    if (shrunk)
        return excess - (below < excess ? below : excess);
    return excess < row ? excess : row;
}

/* The screen is the rows of c->out behind the first `push`, which become history. */
static void take_screen(struct change *c, size_t push)
{
    struct grid *g = &c->t->main;
    struct row **to = mem_resize(NULL, c->rows, sizeof *to);
    for (size_t i = 0; i < c->out.n; i++) {
        if (i < push)
            history_append(c->t->history, c->out.out[i]);
        if (i >= push && i - push < c->rows)
            to[i - push] = c->out.out[i];
        else
            row_unref(c->out.out[i]);
    }
    for (size_t i = c->out.n - push; i < c->rows; i++)
        to[i] = row_ref(&row_blank_row);
    struct pool *p = g->pool;
    uint16_t cols = g->cols;
    grid_fini(g);
    *g = (struct grid){.row = to, .cols = cols, .rows = c->rows, .pool = p};
    free(c->out.out);
}

static void marks_store(const struct change *c, size_t push)
{
    struct term *t = c->t;
    const struct reflow_mark *m = c->mark;
    uint16_t row[MARKS];
    for (int k = 0; k < MARKS; k++)
        row[k] = (uint16_t)(m[k].row < push ? 0 : min(m[k].row - push, c->rows - 1u));
    t->saved[0].row = row[MARK_SAVED];
    t->saved[0].col = m[MARK_SAVED].col;
    if (t->grid != &t->main)
        return;
    t->cursor = (struct cursor){
        .row = row[MARK_CURSOR], .col = m[MARK_CURSOR].col, .pending = m[MARK_CURSOR].past};
    if (m[MARK_COMBINE].row == SIZE_MAX)
        return;
    t->combine_row = row[MARK_COMBINE];
    t->combine_col = m[MARK_COMBINE].col;
    if (m[MARK_COMBINE].row < push || m[MARK_COMBINE].row - push >= c->rows)
        t->combine = COMBINE_NONE;
}

/* Soft-wrapped lines are laid out for the new width; what is too much becomes history, and room is
 * filled from there: by as many rows as the screen grows, and, where text stood in the last row, so
 * that it still does. */
static void resize_main(struct term *t, uint16_t cols, uint16_t rows)
{
    struct grid *g = &t->main;
    struct change c = {.t = t, .cols = cols, .rows = rows};
    bool reshaped = cols != g->cols;
    uint16_t old_rows = g->rows;
    marks_load(&c);
    uint16_t text = content_rows(&c);
    bool full = text == old_rows;
    c.n = reshaped ? text : old_rows;
    c.in = mem_resize(NULL, c.n, sizeof(struct row *));
    memcpy(c.in, g->row, c.n * sizeof(struct row *));
    c.out = (struct reflow){.cols = cols, .pool = &t->pool};
    lay_out(&c);
    size_t want = c.out.n;
    if (reshaped && full && want < old_rows)
        want = old_rows;
    want += rows > old_rows ? (size_t)(rows - old_rows) : 0;
    if (want > rows)
        want = rows;
    /* Twice, for a line that goes on on the screen makes fewer rows than it was reckoned to. */
    for (int pass = 0; pass < 2 && c.out.n < want && history_kept(t->history); pass++) {
        pull(&c, want - c.out.n);
        lay_out(&c);
    }
    size_t push = pushed_rows(&c, !reshaped && rows < old_rows);
    take_screen(&c, push);
    marks_store(&c, push);
    for (size_t i = 0; i < c.pulled; i++)
        row_unref(c.in[i]);
    free(c.in);
}

void term_resize(struct term *t, uint16_t cols, uint16_t rows)
{
    cols = cols < 1 ? 1 : cols > SCREEN_MAX ? SCREEN_MAX : cols;
    rows = rows < 1 ? 1 : rows > SCREEN_MAX ? SCREEN_MAX : rows;
    uint16_t old_cols = t->main.cols;
    if (cols == old_cols && rows == t->main.rows)
        return;
    t->dirty = true;
    term_release(t);
    if (t->config.replica)
        grid_set_rows(&t->main, rows, 0);
    else
        resize_main(t, cols, rows);
    grid_set_cols(&t->main, cols, t->config.replica);
    grid_set_rows(&t->alt, rows, 0);
    grid_set_cols(&t->alt, cols, true);
    t->w.top = 0;
    t->w.bottom = (uint16_t)(rows - 1);
    t->w.left = 0;
    t->w.right = (uint16_t)(cols - 1);
    t->cursor.row = fit(t->cursor.row, rows);
    t->cursor.col = fit(t->cursor.col, cols);
    if (t->config.replica || t->grid == &t->alt)
        t->cursor.pending = false;
    for (int i = 0; i < 2; i++) {
        t->saved[i].row = fit(t->saved[i].row, rows);
        t->saved[i].col = fit(t->saved[i].col, cols);
    }
    if (t->combine == COMBINE_CELL && (t->combine_row >= rows || t->combine_col >= cols))
        t->combine = COMBINE_NONE;
    if (cols > old_cols) {
        /* Columns that come back have their default stops. */
        for (unsigned i = old_cols; i < cols; i++)
            t->tabs[i / 64] &= ~((uint64_t)1 << i % 64);
        tabs_default(t, old_cols);
    }
    if (t->modes.resize_reports)
        report_size(t);
}
