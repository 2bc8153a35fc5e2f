#include "term/cells.h"

#include "base/mem.h"

#include <stdlib.h>

static void cell_empty(struct cell *c)
{
    *c = (struct cell){0, 0, c->bg & COLOUR_MASK};
}

static void blank(struct row *r, uint16_t from, uint16_t to, uint32_t bg)
{
    row_reach(r, to);
    for (uint16_t i = from; i < to; i++)
        r->cell[i] = (struct cell){0, 0, bg};
}

/* The exts of dst's columns [to, to + n) become those of src's [from, from + n), or `fill` for
 * every column if src is NULL. One pass, however many there are. */
static void exts_replace(struct row *dst, uint16_t to, const struct row *src, uint16_t from,
                         uint16_t n, const struct pen *fill)
{
    unsigned size = dst->ext_n + (src ? src->ext_n : n), k = 0, i = 0;
    if (!size)
        return;
    struct cell_ext *e = mem_resize(NULL, size, sizeof *e);
    while (i < dst->ext_n && dst->ext[i].col < to)
        e[k++] = dst->ext[i++];
    while (i < dst->ext_n && dst->ext[i].col < to + n)
        i++;
    for (unsigned s = 0; src && s < src->ext_n; s++)
        if (src->ext[s].col >= from && src->ext[s].col < from + n) {
            e[k] = src->ext[s];
            e[k].col = (uint16_t)(e[k].col - from + to);
            k++;
        }
    for (uint16_t c = 0; !src && c < n; c++)
        e[k++] = (struct cell_ext){.col = (uint16_t)(to + c), .link = fill->link, .ul = fill->ul};
    while (i < dst->ext_n)
        e[k++] = dst->ext[i++];
    free(dst->ext);
    dst->ext = e;
    dst->ext_n = (uint16_t)k;
    dst->ext_size = (uint16_t)size;
    if (k < size / 2 + 1u) { /* never more memory than the row is wide */
        dst->ext_size = (uint16_t)(k ? k : 1);
        dst->ext = mem_resize(e, dst->ext_size, sizeof *e);
    }
}

/* Halves whose other half was not copied with them. */
static void mend(struct row *r, uint16_t from, uint16_t to)
{
    if (r->cell[from].text & CELL_TAIL)
        cell_empty(&r->cell[from]);
    if (r->cell[to - 1].text & CELL_WIDE)
        cell_empty(&r->cell[to - 1]);
}

static void copy_within(struct row *r, uint16_t to, uint16_t from, uint16_t n)
{
    uint16_t high = (uint16_t)((to < from ? from : to) + n);
    row_reach(r, high);
    /* Cells outside whose other half is overwritten; they may be copied themselves before. */
    bool cut_left = to && r->cell[to].text & CELL_TAIL;
    bool cut_right = to + n < r->used && r->cell[to + n].text & CELL_TAIL;
    memmove(r->cell + to, r->cell + from, n * sizeof r->cell[0]);
    if (cut_left)
        cell_empty(&r->cell[to - 1]);
    if (cut_right)
        cell_empty(&r->cell[to + n]);
    if (r->ext_n)
        exts_replace(r, to, r, from, n, NULL);
}

static void copy_across(struct row *d, uint16_t to, const struct row *s, uint16_t from, uint16_t n)
{
    row_split(d, to);
    row_split(d, (uint16_t)(to + n));
    row_reach(d, (uint16_t)(to + n));
    for (uint16_t i = 0; i < n; i++) {
        struct cell c = from + i < s->used ? s->cell[from + i] : (struct cell){0, 0, 0};
        if (c.text & CELL_CLUSTER)
            c.text = row_cluster_copy(d, s, c.text);
        d->cell[to + i] = c;
    }
    if (d->ext_n || s->ext_n)
        exts_replace(d, to, s, from, n, NULL);
}

void cells_copy(struct grid *g, uint16_t to_row, uint16_t to, uint16_t from_row, uint16_t from,
                uint16_t n)
{
    if (!n ||
        (g->row[from_row]->used <= from && g->row[to_row]->used <= to && !g->row[to_row]->wrapped))
        return;
    struct row *d = grid_own(g, to_row);
    if (to_row == from_row)
        copy_within(d, to, from, n);
    else
        copy_across(d, to, g->row[from_row], from, n);
    mend(d, to, (uint16_t)(to + n));
    if (to + n >= g->cols)
        d->wrapped = false;
}

void cells_scroll_up(struct grid *g, const struct box *b, unsigned n, uint32_t bg)
{
    unsigned height = b->bottom - b->top + 1u;
    if (n > height)
        n = height;
    uint16_t width = (uint16_t)(b->right - b->left + 1);
    for (unsigned i = b->top; i + n <= b->bottom; i++)
        cells_copy(g, (uint16_t)i, b->left, (uint16_t)(i + n), b->left, width);
    for (unsigned i = b->bottom + 1u - n; i <= b->bottom; i++)
        grid_erase(g, (uint16_t)i, b->left, (uint16_t)(b->right + 1), bg);
}

void cells_scroll_down(struct grid *g, const struct box *b, unsigned n, uint32_t bg)
{
    unsigned height = b->bottom - b->top + 1u;
    if (n > height)
        n = height;
    uint16_t width = (uint16_t)(b->right - b->left + 1);
    for (unsigned i = b->bottom; i >= b->top + n; i--)
        cells_copy(g, (uint16_t)i, b->left, (uint16_t)(i - n), b->left, width);
    for (unsigned i = b->top; i < b->top + n; i++)
        grid_erase(g, (uint16_t)i, b->left, (uint16_t)(b->right + 1), bg);
}

/* Whether shifting [col, right] by n leaves any cell of it; if none, they are erased here. Nothing
 * is done where all are blank already. */
static bool some_stay(struct grid *g, uint16_t row, uint16_t col, uint16_t right, unsigned n,
                      uint32_t bg)
{
    if (!bg && col >= g->row[row]->used)
        return false;
    if (n <= (unsigned)(right - col))
        return true;
    grid_erase(g, row, col, (uint16_t)(right + 1), bg);
    return false;
}

void cells_insert(struct grid *g, uint16_t row, uint16_t col, uint16_t right, unsigned n,
                  uint32_t bg)
{
    if (right + 1 >= g->cols) {
        grid_insert_cells(g, row, col, n, bg);
        return;
    }
    if (!some_stay(g, row, col, right, n, bg))
        return;
    row_split(grid_own(g, row), col);
    cells_copy(g, row, (uint16_t)(col + n), row, col, (uint16_t)(right + 1 - col - n));
    blank(grid_own(g, row), col, (uint16_t)(col + n), bg);
}

void cells_delete(struct grid *g, uint16_t row, uint16_t col, uint16_t right, unsigned n,
                  uint32_t bg)
{
    if (right + 1 >= g->cols) {
        grid_delete_cells(g, row, col, n, bg);
        return;
    }
    if (!some_stay(g, row, col, right, n, bg))
        return;
    row_split(grid_own(g, row), (uint16_t)(right + 1));
    cells_copy(g, row, col, row, (uint16_t)(col + n), (uint16_t)(right + 1 - col - n));
    blank(grid_own(g, row), (uint16_t)(right + 1 - n), (uint16_t)(right + 1), bg);
}

void cells_fill(struct grid *g, uint16_t row, uint16_t from, uint16_t to, struct cell c,
                const struct pen *p)
{
    struct row *r = grid_own(g, row);
    row_split(r, from);
    row_split(r, to);
    row_reach(r, to);
    for (uint16_t i = from; i < to; i++)
        r->cell[i] = c;
    if (cell_attr(&c) & ATTR_EXT)
        exts_replace(r, from, NULL, 0, (uint16_t)(to - from), p);
    if (to >= g->cols)
        r->wrapped = false;
}

bool cells_protected(const struct row *r, uint16_t from, uint16_t to)
{
    for (uint16_t i =
             from && from < r->used && r->cell[from].text & CELL_TAIL ? (uint16_t)(from - 1) : from;
         i < to && i < r->used; i++)
        if (r->cell[i].text & CELL_PROTECTED)
            return true;
    return false;
}
