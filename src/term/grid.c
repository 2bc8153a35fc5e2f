#include "term/grid.h"

#include "base/mem.h"

#include <stdlib.h>

void pool_init(struct pool *p)
{
    *p = (struct pool){.next_id = ROW_ID_ERASED + 1};
}

void pool_fini(struct pool *p)
{
    while (p->spares)
        row_unref(p->spare[--p->spares]);
    row_unref(p->erased);
    p->erased = NULL;
}

void pool_release(struct pool *p, struct row *r)
{
    if (r->refs == 1 && p->spares < POOL_SPARES)
        p->spare[p->spares++] = r;
    else
        row_unref(r);
}

/* A line erased to bg: one row for all of them, however many are erased. A reference for the
 * caller. */
static struct row *pool_erased(struct pool *p, uint16_t cols, uint32_t bg)
{
    if (!bg)
        return row_ref(&row_blank_row);
    if (!p->erased || p->erased_bg != bg || p->erased_cols != cols) {
        row_unref(p->erased);
        p->erased = row_new(cols, ROW_ID_ERASED);
        for (uint16_t i = 0; i < cols; i++)
            p->erased->cell[i] = (struct cell){0, 0, bg};
        p->erased->used = cols;
        p->erased_bg = bg;
        p->erased_cols = cols;
    }
    return row_ref(p->erased);
}

void grid_init(struct grid *g, struct pool *p, uint16_t cols, uint16_t rows)
{
    *g = (struct grid){.cols = cols, .rows = rows, .pool = p};
    g->row = mem_resize(NULL, rows, sizeof(struct row *));
    for (uint16_t i = 0; i < rows; i++)
        g->row[i] = row_ref(&row_blank_row);
}

void grid_fini(struct grid *g)
{
    for (uint16_t i = 0; g->row && i < g->rows; i++)
        row_unref(g->row[i]);
    if (g->row)
        free(g->row - g->slid);
    g->row = NULL;
    g->slid = g->room = 0;
}

/* Room behind the rows for as many again. */
static void slide_back(struct grid *g)
{
    struct row **base = g->row - g->slid;
    uint32_t room = 2u * g->rows;
    if (g->room < room) {
        struct row **more = mem_resize(NULL, room, sizeof *more);
        memcpy(more, g->row, g->rows * sizeof *more);
        free(base);
        base = more;
        g->room = room;
    } else {
        memmove(base, g->row, g->rows * sizeof *base);
    }
    g->row = base;
    g->slid = 0;
}

struct row *grid_own_slow(struct grid *g, uint16_t row)
{
    struct pool *p = g->pool;
    struct row *old = g->row[row];
    if (old != &row_blank_row)
        return row_own(&g->row[row], g->cols, &p->next_id);
    struct row *r = NULL;
    if (p->spares) {
        r = p->spare[--p->spares];
        if (r->size < g->cols) {
            row_unref(r);
            r = NULL;
        }
    }
    if (!r)
        r = row_new(g->cols, 0);
    r->used = 0;
    r->id = p->next_id++;
    r->version = 0;
    r->wrapped = false;
    r->mark = 0;
    r->padded = 0;
    r->ext_n = 0;
    r->text_len = 0;
    return g->row[row] = r;
}

void grid_scroll_up(struct grid *g, uint16_t top, uint16_t bottom, unsigned n, uint32_t bg,
                    struct history *h)
{
    unsigned height = bottom - top + 1u;
    if (n > height)
        n = height;
    struct row **row = g->row + top;
    for (unsigned i = 0; i < n; i++) {
        if (h)
            history_append(h, row[i]);
        pool_release(g->pool, row[i]);
    }
    if (height == g->rows) {
        if (g->slid + g->rows + n > g->room)
            slide_back(g);
        g->row += n;
        g->slid += n;
        row = g->row;
    } else {
        memmove(row, row + n, (height - n) * sizeof *row);
    }
    for (unsigned i = height - n; i < height; i++)
        row[i] = pool_erased(g->pool, g->cols, bg);
}

void grid_scroll_down(struct grid *g, uint16_t top, uint16_t bottom, unsigned n, uint32_t bg)
{
    unsigned height = bottom - top + 1u;
    if (n > height)
        n = height;
    struct row **row = g->row + top;
    for (unsigned i = height - n; i < height; i++)
        pool_release(g->pool, row[i]);
    memmove(row + n, row, (height - n) * sizeof *row);
    for (unsigned i = 0; i < n; i++)
        row[i] = pool_erased(g->pool, g->cols, bg);
}

/* Fill cells [from, to) of an owned row whose wide characters do not cross these borders. */
static void row_erase(struct row *r, uint16_t from, uint16_t to, uint32_t bg)
{
    if (!bg && to >= r->used) {
        if (from < r->used)
            r->used = from;
        return;
    }
    row_reach(r, from);
    for (uint16_t i = from; i < to; i++)
        r->cell[i] = (struct cell){0, 0, bg};
    if (r->used < to)
        r->used = to;
}

void grid_erase(struct grid *g, uint16_t row, uint16_t from, uint16_t to, uint32_t bg)
{
    if (from == 0 && to >= g->cols) {
        grid_erase_rows(g, row, (uint16_t)(row + 1), bg);
        return;
    }
    const struct row *old = g->row[row];
    if (!bg && from >= old->used && !(to >= g->cols && old->wrapped))
        return;
    struct row *r = grid_own(g, row);
    row_split(r, from);
    row_split(r, to);
    row_erase(r, from, to, bg);
    if (to >= g->cols)
        r->wrapped = false;
}

void grid_erase_rows(struct grid *g, uint16_t from, uint16_t to, uint32_t bg)
{
    for (uint16_t i = from; i < to; i++) {
        if (!bg && g->row[i] == &row_blank_row)
            continue;
        pool_release(g->pool, g->row[i]);
        g->row[i] = pool_erased(g->pool, g->cols, bg);
    }
}

void grid_fill(struct grid *g, const struct row *r)
{
    for (uint16_t i = 0; i < g->rows; i++) {
        pool_release(g->pool, g->row[i]);
        g->row[i] = row_ref(r);
    }
}

/* A row of ours whose cells from col on are to move by *n columns, which are no more than there
 * are; NULL if nothing would be seen of it. */
static struct row *row_to_shift(struct grid *g, uint16_t row, uint16_t col, unsigned *n,
                                uint32_t bg)
{
    if (*n > (unsigned)(g->cols - col))
        *n = (unsigned)(g->cols - col);
    if (!bg && col >= g->row[row]->used && !g->row[row]->wrapped)
        return NULL;
    struct row *r = grid_own(g, row);
    r->wrapped = false;
    row_split(r, col);
    return r;
}

void grid_insert_cells(struct grid *g, uint16_t row, uint16_t col, unsigned n, uint32_t bg)
{
    uint16_t cols = g->cols;
    struct row *r = row_to_shift(g, row, col, &n, bg);
    if (!r)
        return;
    row_split(r, (uint16_t)(cols - n));
    row_reach(r, col);
    unsigned move = r->used - col;
    if (move > cols - col - n)
        move = cols - col - n;
    memmove(r->cell + col + n, r->cell + col, move * sizeof r->cell[0]);
    if (r->ext_n)
        row_ext_shift(r, col, (int)n, cols);
    for (unsigned i = 0; i < n; i++)
        r->cell[col + i] = (struct cell){0, 0, bg};
    r->used = (uint16_t)(col + n + move);
}

void grid_delete_cells(struct grid *g, uint16_t row, uint16_t col, unsigned n, uint32_t bg)
{
    uint16_t cols = g->cols;
    struct row *r = row_to_shift(g, row, col, &n, bg);
    if (!r)
        return;
    row_split(r, (uint16_t)(col + n));
    if (r->used > col + n) {
        memmove(r->cell + col, r->cell + col + n, (size_t)(r->used - col - n) * sizeof r->cell[0]);
        r->used = (uint16_t)(r->used - n);
    } else if (r->used > col) {
        r->used = col;
    }
    if (r->ext_n)
        row_ext_shift(r, col, -(int)n, cols);
    if (bg)
        row_erase(r, (uint16_t)(cols - n), cols, bg);
}

void grid_set_wrapped(struct grid *g, uint16_t row, bool wrapped)
{
    if (g->row[row]->wrapped == wrapped)
        return;
    struct row *r = grid_own(g, row);
    r->wrapped = wrapped;
    if (wrapped) /* its last cell may be empty: the cursor was put behind it (DECRC) */
        row_reach(r, g->cols);
}

void grid_set_mark(struct grid *g, uint16_t row, uint8_t mark)
{
    if (g->row[row]->mark != mark)
        grid_own(g, row)->mark = mark;
}

void grid_set_cols(struct grid *g, uint16_t cols, bool unwrap)
{
    g->cols = cols;
    for (uint16_t i = 0; g->row && i < g->rows; i++) {
        if (g->row[i]->used > cols) {
            struct row *r = grid_own(g, i);
            row_split(r, cols);
            r->used = cols;
            row_ext_shift(r, cols, 0, cols);
        }
        if (unwrap)
            grid_set_wrapped(g, i, false);
    }
}

void grid_set_rows(struct grid *g, uint16_t rows, int drop_top)
{
    if (!g->row) {
        g->rows = rows;
        return;
    }
    struct row **to = mem_resize(NULL, rows, sizeof *to);
    for (int i = 0; i < rows; i++) {
        int from = i + drop_top;
        to[i] = row_ref(from >= 0 && from < g->rows ? g->row[from] : &row_blank_row);
    }
    struct pool *p = g->pool;
    uint16_t cols = g->cols;
    grid_fini(g);
    *g = (struct grid){.row = to, .cols = cols, .rows = rows, .pool = p};
}
