/* The text whose width terminals dispute. */
#ifndef TERN_TERM_DISPUTE_H
#define TERN_TERM_DISPUTE_H

#include "term/row.h"

/* May terminals disagree about how many columns the text of the cell at col takes? With `ambiguous`
 * also about characters of ambiguous width. */
bool cell_disputed(const struct row *r, uint16_t col, bool ambiguous);
/* May a replica, whose widths are those of its own C library or libutf8proc, lay the text of the
 * cell at col out otherwise than it stands there? Then its width must be told. */
bool cell_told(const struct row *r, uint16_t col);

#endif
