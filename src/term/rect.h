/* Rectangular operations of the VT420. */
#ifndef TERN_TERM_RECT_H
#define TERN_TERM_RECT_H

#include "term/engine.h"

/* The rectangle of parameters first..first+3 (top, left, bottom, right; 1-based, from the origin):
 * cut to the screen, or in origin mode to the margins. False: empty. */
bool rect_read(const struct term *t, unsigned first, struct box *out);

/* CSI .. $ r t v x z {  and CSI .. * x. False: another final. */
bool rect_csi(struct term *t, uint8_t i, uint32_t final);

#endif
