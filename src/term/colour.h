/* Colours for terminals that have fewer, and the code points whose width terminals dispute. */
#ifndef TERN_TERM_COLOUR_H
#define TERN_TERM_COLOUR_H

#include "term/row.h"

/* The nearest colour to c that a terminal with that many palette colours (256, 16, 8, 0) shows;
 * direct colours stay if `rgb`. */
uint32_t colour_fit(uint32_t c, bool rgb, unsigned colours);

/* May terminals disagree about how many columns the text of the cell at col takes? */
bool cell_disputed(const struct row *r, uint16_t col);

#endif
