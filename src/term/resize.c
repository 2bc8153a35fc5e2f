#include "term/report.h"

static uint16_t fit(uint16_t v, uint16_t n)
{
    return v < n ? v : (uint16_t)(n - 1);
}

/* The main screen's cursor, whichever screen shows: 1049 saved it on entering. */
static uint16_t main_cursor(const struct term *t)
{
    return t->grid == &t->main ? t->cursor.row : t->saved[0].row;
}

static void main_cursor_moved(struct term *t, int by)
{
    int saved = t->saved[0].row + by;
    t->saved[0].row = (uint16_t)(saved < 0 ? 0 : saved);
    if (t->grid != &t->main)
        return;
    int row = t->cursor.row + by; /* never above the screen: what is pushed lies above it */
    t->cursor.row = (uint16_t)row;
    row = t->combine_row + by;
    if (row < 0)
        t->combine = COMBINE_NONE;
    else
        t->combine_row = (uint16_t)row;
}

/* As tmux: lines below the cursor go first, then lines above it become history. */
static void shrink_main(struct term *t, uint16_t rows)
{
    struct grid *g = &t->main;
    int excess = g->rows - rows, below = g->rows - 1 - main_cursor(t);
    int push = excess - (below < excess ? below : excess);
    for (int i = 0; i < push; i++)
        history_append(t->history, g->row[i]);
    grid_set_rows(g, rows, push);
    main_cursor_moved(t, -push);
}

static void grow_main(struct term *t, uint16_t rows)
{
    struct grid *g = &t->main;
    int more = rows - g->rows, pull = 0;
    uint64_t kept = history_kept(t->history);
    if (kept)
        pull = kept < (uint64_t)more ? (int)kept : more;
    grid_set_rows(g, rows, -pull);
    for (int i = pull; i-- > 0;) {
        pool_release(&t->pool, g->row[i]);
        g->row[i] = history_pull(t->history, t->pool.next_id++);
    }
    main_cursor_moved(t, pull);
}

void term_resize(struct term *t, uint16_t cols, uint16_t rows)
{
    cols = cols < 1 ? 1 : cols > SCREEN_MAX ? SCREEN_MAX : cols;
    rows = rows < 1 ? 1 : rows > SCREEN_MAX ? SCREEN_MAX : rows;
    uint16_t old_cols = t->main.cols, old_rows = t->main.rows;
    if (cols == old_cols && rows == old_rows)
        return;
    t->dirty = true;
    term_release(t);
    if (t->config.replica)
        grid_set_rows(&t->main, rows, 0);
    else if (rows < old_rows)
        shrink_main(t, rows);
    else if (rows > old_rows)
        grow_main(t, rows);
    grid_set_cols(&t->main, cols, t->config.replica || cols != old_cols);
    grid_set_rows(&t->alt, rows, 0);
    grid_set_cols(&t->alt, cols, true);
    t->w.top = 0;
    t->w.bottom = (uint16_t)(rows - 1);
    t->w.left = 0;
    t->w.right = (uint16_t)(cols - 1);
    t->cursor.row = fit(t->cursor.row, rows);
    t->cursor.col = fit(t->cursor.col, cols);
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
