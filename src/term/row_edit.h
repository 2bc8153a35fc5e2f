/* Changing a row: private to the engine. Every function here needs a row that is the caller's own
 * (row_own). */
#ifndef TERN_TERM_ROW_EDIT_H
#define TERN_TERM_ROW_EDIT_H

#include "term/row.h"

/* The identity of lines that have none: erased ones, of which one row may stand in many places. */
#define ROW_ID_ERASED 1

/* A copy of one reference with room for at least size cells; same identity and version. */
struct row *row_copy(const struct row *r, uint16_t size);
/* Was a wide character wrapped behind it (row.padded)? */
static inline bool row_padded(const struct row *r)
{
    return r->padded && r->used >= r->padded && r->cell[r->padded - 1].text &&
           (r->used == r->padded || !r->cell[r->padded].text);
}
/* Memory that it takes, for accounts. */
size_t row_bytes(const struct row *r);
/* row_equal without the wrap mark. */
bool row_cells_equal(const struct row *a, const struct row *b, uint16_t cols);

/* Make `used` at least col by blank cells. col <= size. */
void row_reach(struct row *r, uint16_t col);
/* Remember what of p does not fit the cell at col (which has ATTR_EXT). */
void row_ext_set(struct row *r, uint16_t col, const struct pen *p);
/* Cells from col on move by `by` columns: their exts too; those that leave [col, cols) go. */
void row_ext_shift(struct row *r, uint16_t col, int by, uint16_t cols);
/* Add combining character cp to the cell at col (col < used, no tail). Marks CELL_FALLBACK when
 * the cell was empty. False when the cell takes no more (CLUSTER_BYTES). */
bool row_combine(struct row *r, uint16_t col, uint32_t cp);
/* The text of the cell at col (col < used) becomes a cluster of these len bytes
 * (1..CLUSTER_BYTES+3) of UTF-8; no other flag of it stays. */
void row_cluster_put(struct row *r, uint16_t col, const uint8_t *utf8, uint8_t len);

/* Columns from..end-1 of src (end <= src->used) come behind the used ones of *slot, which may move:
 * at most 65535 in all. */
void row_append(struct row **slot, const struct row *src, uint16_t from, uint16_t end);

/* The `text` of a cell of src with CELL_CLUSTER, for a cell of dst, whose arena takes a copy. */
uint32_t row_cluster_copy(struct row *dst, const struct row *src, uint32_t text);

#endif
