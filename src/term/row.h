/* A row of cells, reference-counted. A row with more than one reference is immutable: whoever wants
 * to write calls row_own first. So a snapshot is one reference per row, and a diff may compare
 * pointers. */
#ifndef TERN_TERM_ROW_H
#define TERN_TERM_ROW_H

#include "base/err.h"
#include "term/cell.h"

#include <stddef.h>

/* Bytes of UTF-8 after which a cell takes no more combining characters (mosh-protocol.md §9.1). */
#define CLUSTER_BYTES 32

/* Bits of row.mark: a prompt begins in this row (OSC 133 ; A). */
#define ROW_PROMPT 1
#define ROW_MARKS  ROW_PROMPT

struct cell_ext {
    uint16_t col;
    uint32_t link; /* as in struct pen */
    uint32_t ul;   /* underline colour */
};

struct row {
    uint32_t refs;
    uint16_t size; /* cells allocated; the row is as wide as its screen says, cells from `used` on
                      are blank */
    uint16_t used; /* cells that may be other than blank (cell_blank); at most size */
    uint64_t id;   /* identity of the line: unique within its engine, kept while the line moves; 1 =
                      an   erased line, which has none: one such row may stand in many places */
    uint32_t version; /* raised each time row_own clones the row, so two rows of one id and one
                         version that are both shared look the same; 0 for a new line */
    bool wrapped;     /* soft-wrapped: its text goes on in the next row; when that is set `used` is
                         the screen's width, by which others know it */
    uint8_t mark;     /* ROW_PROMPT or 0. Goes with the row wherever it moves and when it is erased
                         from the first column to the last; cells that are copied leave it */
    uint16_t padded;  /* not 0: the last column, left empty because a wide character did not fit and
                         went to the next row. Not `wrapped` (stock mosh), but laid out anew so. A
                         hint: true only if text ends there and the next row begins with one */
    uint16_t ext_n, ext_size;
    struct cell_ext *ext; /* sorted by col; one for each cell with ATTR_EXT; others are stale */
    uint32_t text_len, text_size;
    uint8_t *text; /* clusters: each a length byte (1..CLUSTER_BYTES+3), then UTF-8 of base and
                      combining characters; CELL_TEXT is the offset of the length byte */
    struct cell cell[];
};

/* The shared blank row, never freed, never written: the row of a cleared screen. It has one
 * identity (1), so blank rows compare equal by pointer. Constant data, no state. */
extern const struct row row_blank_row;

struct row *row_new(uint16_t size, uint64_t id);
struct row *row_ref(const struct row *r); /* row_blank_row is not counted */
void row_unref(struct row *r);

/* *slot becomes a row that only the caller refers to and that has at least `size` cells allocated;
 * `next_id` gives the identity when the blank row is replaced. Raises version. Returns *slot. */
struct row *row_own(struct row **slot, uint16_t size, uint64_t *next_id);

/* The cell at col; beyond `used` a blank one. Without CELL_PROTECTED, which is no part of the
 * picture. */
static inline struct cell row_cell(const struct row *r, uint16_t col)
{
    struct cell c = {0, 0, 0};
    if (col < r->used)
        c = r->cell[col];
    c.text &= ~(uint32_t)CELL_PROTECTED;
    return c;
}
/* UTF-8 of what is drawn in the cell at col (base and combining characters; " " for an empty cell,
 * "" for a tail) into out; returns its length. */
#define CELL_UTF8_MAX (CLUSTER_BYTES + 8)
size_t row_text(const struct row *r, uint16_t col, uint8_t out[static CELL_UTF8_MAX]);
/* The full pen of the cell at col, ext included. */
struct pen row_pen(const struct row *r, uint16_t col);

/* Same picture over the first cols columns: text, pens, wrap mark (`mark` is not seen). An empty
 * cell and a space of the same pen are the same picture; so are a CELL_FALLBACK cell and U+00A0
 * with the same combining characters. Pointer-equal rows are equal at once. */
bool row_equal(const struct row *a, const struct row *b, uint16_t cols);
/* The same of one cell. */
bool row_cell_equal(const struct row *a, const struct row *b, uint16_t col);

#endif
