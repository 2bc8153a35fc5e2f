/* Finding lines that moved: rows are shared between snapshots, so a line that scrolled is the same
 * pointer (or has the same identity) at another place. */
#ifndef TERN_TERM_SCROLL_H
#define TERN_TERM_SCROLL_H

#include "term/row.h"

#include <stddef.h>

/* Rows top..bottom move up by `by` rows, or down by -by; blank rows come in. */
struct scroll {
    uint16_t top, bottom;
    int by;
};
#define SCROLL_MOST 4

/* Up to SCROLL_MOST scrolls of disjoint regions after which `to` is cheaper to paint than before;
 * returns how many. `from` may hold NULL for unknown rows, and be NULL itself (all blank), as may
 * `to`. Time is linear in rows. */
size_t scroll_find(const struct row *const *from, const struct row *const *to, uint16_t rows,
                   struct scroll out[static SCROLL_MOST]);

/* What stands on row `at` after the n scrolls. */
const struct row *scroll_source(const struct scroll *s, size_t n, const struct row *const *from,
                                uint16_t at);

#endif
