/* Laying soft-wrapped lines out anew for another width. Private to the engine. */
#ifndef TERN_TERM_REFLOW_H
#define TERN_TERM_REFLOW_H

#include "term/grid.h"

/* A place in the rows, which is followed: in, a row of the input (or behind them all: stays as
 * far behind) and a column, or one past the last: behind the text. Out, a row of the output, a
 * column, and whether it is behind a text that fills the row. */
struct reflow_mark {
    size_t row;
    uint16_t col;
    bool past;
    bool done; /* private: false before */
};

struct reflow {
    uint16_t cols;
    struct pool *pool;
    struct row **out; /* owned references; free the array and what is left in it */
    size_t n, size;
    struct reflow_mark *mark;
    size_t marks;
};

/* Lay the n rows out for r->cols columns: r->out gets them, r->mark where the marks went. Rows that
 * are soft-wrapped join the next one; rows that stay as they are stay the same pointers. Of a
 * line's end, cells that were erased (not written) do not count as text, but keep their background.
 * Time is linear in cells. */
void reflow_rows(struct reflow *r, struct row *const *in, size_t n);

/* The columns of text of a row that is the last of its line. */
uint16_t reflow_text_end(const struct row *r);

#endif
