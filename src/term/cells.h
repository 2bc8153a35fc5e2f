/* Parts of rows: what moves, fills and marks cells within left and right borders. Private to the
 * engine. Whole rows move as pointers (grid.h); what is here copies cells, and costs a step for
 * each. A wide character that a border cuts becomes empty cells that keep their background. */
#ifndef TERN_TERM_CELLS_H
#define TERN_TERM_CELLS_H

#include "term/grid.h"

/* Cells [from, from + n) of one row are copied to [to, to + n) of another or of the same row, where
 * the two may overlap; text, renditions, protection. */
void cells_copy(struct grid *g, uint16_t to_row, uint16_t to, uint16_t from_row, uint16_t from,
                uint16_t n);
/* Columns [left, right] of rows [top, bottom] move by n (cut) lines; empty cells come in. */
void cells_scroll_up(struct grid *g, const struct box *b, unsigned n, uint32_t bg);
void cells_scroll_down(struct grid *g, const struct box *b, unsigned n, uint32_t bg);
/* n (cut) empty cells come in at col, or go from there; the rest up to `right` moves. */
void cells_insert(struct grid *g, uint16_t row, uint16_t col, uint16_t right, unsigned n,
                  uint32_t bg);
void cells_delete(struct grid *g, uint16_t row, uint16_t col, uint16_t right, unsigned n,
                  uint32_t bg);
/* [from, to) of a row becomes copies of c, a single column with pen p (whose colour of underline
 * and link c's ATTR_EXT announces). */
void cells_fill(struct grid *g, uint16_t row, uint16_t from, uint16_t to, struct cell c,
                const struct pen *p);
/* May [from, to) hold a protected cell? */
bool cells_protected(const struct row *r, uint16_t from, uint16_t to);

#endif
