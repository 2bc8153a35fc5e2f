/* Answers to questions, inside the engine: which control asks which, docs/SEQUENCES.md has. */
#ifndef TERN_TERM_REPORT_H
#define TERN_TERM_REPORT_H

#include "term/engine.h"

/* The one way out: what is put between begin and end goes to term_replies whole, or not at all when
 * there is no room or the engine is a replica. Written with 7-bit controls; sent as the program
 * wishes (S8C1T). */
void report_begin(struct buf *b);
void report_end(struct term *t, struct buf *b);
void report(struct term *t, const char *text);

/* CSI with one private or intermediate character, and DSR. False: not a question. */
bool report_csi(struct term *t, uint8_t inter, uint32_t final);
void report_status(struct term *t, bool private); /* CSI n */
void report_attributes(struct term *t);           /* CSI c */
void report_mode(struct term *t, bool private);   /* CSI $ p */
void report_mode_of(struct term *t, int32_t mode, bool private);
void report_pixels(struct term *t, int32_t what); /* CSI t 14 and 16 */
/* CSI * y: DECRQCRA. */
void report_checksum(struct term *t);
/* CSI t: those that ask, and the stack of titles. */
void window_operation(struct term *t);
/* The terminal's size in cells and pixels, unasked (?2048). */
void report_size(struct term *t);
/* Dark or light, if that is known (DSR ?996, ?2031). */
void report_scheme(struct term *t);

#endif
