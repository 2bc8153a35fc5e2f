/* Colours for terminals that have fewer. */
#ifndef TERN_TERM_COLOUR_H
#define TERN_TERM_COLOUR_H

#include <stdbool.h>
#include <stdint.h>

/* The nearest colour to c that a terminal with that many palette colours (256, 16, 8, 0) shows;
 * direct colours stay if `rgb`. */
uint32_t colour_fit(uint32_t c, bool rgb, unsigned colours);

/* What xterm's palette has at n < 256, as 0xrrggbb. */
uint32_t colour_palette_rgb(uint32_t n);

#endif
