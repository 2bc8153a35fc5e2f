/* A screenful of row pointers and what moves, erases and shifts in it. Private to the engine. Lines
 * move as pointers, so a line keeps its identity; only rows that change are cloned. */
#ifndef TERN_TERM_GRID_H
#define TERN_TERM_GRID_H

#include "term/history.h"
#include "term/row_edit.h"

/* Rows kept for reuse by one engine. */
#define POOL_SPARES 8

/* What both grids of an engine share. */
struct pool {
    uint64_t next_id;
    struct row *spare[POOL_SPARES];
    unsigned spares;
    struct row *erased; /* a line erased to erased_bg, or NULL */
    uint32_t erased_bg;
    uint16_t erased_cols;
};

void pool_init(struct pool *p);
void pool_fini(struct pool *p);
/* Give up a reference; the memory of a row that nobody else refers to is kept for the next. */
void pool_release(struct pool *p, struct row *r);

struct grid {
    struct row **row; /* rows pointers, owned references; NULL = the grid was never used: blank */
    uint16_t cols, rows;
    struct pool *pool;
    /* A scroll of all rows moves `row` along in its memory, not the rows. */
    uint32_t slid; /* how far row stands from the beginning of its memory */
    uint32_t room; /* pointers in that memory; 0: just rows */
};

/* Rows and columns, 0-based, inclusive. */
struct box {
    uint16_t top, left, bottom, right;
};

void grid_init(struct grid *g, struct pool *p, uint16_t cols, uint16_t rows);
void grid_fini(struct grid *g); /* g->row is NULL then */

/* grid_own when the row is shared or too small. */
struct row *grid_own_slow(struct grid *g, uint16_t row);
/* Row `row`, to be written: the grid's own and as wide as the screen. */
static inline struct row *grid_own(struct grid *g, uint16_t row)
{
    struct row *r = g->row[row];
    if (r->refs == 1 && r->id != ROW_ID_ERASED && r->size >= g->cols)
        return r;
    return grid_own_slow(g, row);
}

/* No wide character lies across the border before col: its halves become empty cells that keep
 * their background. */
static inline void row_split(struct row *r, uint16_t col)
{
    if (col && col < r->used && r->cell[col].text & CELL_TAIL) {
        r->cell[col - 1] = (struct cell){0, 0, r->cell[col - 1].bg & COLOUR_MASK};
        r->cell[col] = (struct cell){0, 0, r->cell[col].bg & COLOUR_MASK};
    }
}

/* Lines move within rows [top, bottom] by n (cut to the region's height); lines that come in are
 * erased to bg. Lines that go out at the top are appended to h unless it is NULL. */
void grid_scroll_up(struct grid *g, uint16_t top, uint16_t bottom, unsigned n, uint32_t bg,
                    struct history *h);
void grid_scroll_down(struct grid *g, uint16_t top, uint16_t bottom, unsigned n, uint32_t bg);

/* Cells [from, to) of a row become empty with background bg; the wrap mark goes with the last. */
void grid_erase(struct grid *g, uint16_t row, uint16_t from, uint16_t to, uint32_t bg);
/* Whole rows [from, to). */
void grid_erase_rows(struct grid *g, uint16_t from, uint16_t to, uint32_t bg);
/* Put (a reference of) r in every row. */
void grid_fill(struct grid *g, const struct row *r);

/* n (cut) empty cells come in at col / n cells at col go and the rest moves left. */
void grid_insert_cells(struct grid *g, uint16_t row, uint16_t col, unsigned n, uint32_t bg);
void grid_delete_cells(struct grid *g, uint16_t row, uint16_t col, unsigned n, uint32_t bg);

void grid_set_wrapped(struct grid *g, uint16_t row, bool wrapped);
void grid_set_mark(struct grid *g, uint16_t row, uint8_t mark);

/* New width: rows are cut (padding is free). Clears wrap marks if told. */
void grid_set_cols(struct grid *g, uint16_t cols, bool unwrap);
/* New height: `drop_top` lines go at the top, or as many blank ones come in there if negative; the
 * rest is cut or padded at the bottom. */
void grid_set_rows(struct grid *g, uint16_t rows, int drop_top);

#endif
