/* The width of a code point by the C library, in a UTF-8 locale of our own choice: handed to term
 * and session as a function (design.md §2.3). */
#ifndef TERN_CMD_WIDTH_H
#define TERN_CMD_WIDTH_H

#include <stdint.h>

/* Sets LC_CTYPE to C.UTF-8, or another UTF-8 locale, whatever the environment says; where the host
 * has none, widths come from term_width. Call once at the start of main. */
void width_setup(void);

/* 0, 1, 2, or -1 for what is not printable. ctx is unused. 0x20-0x7E and 0xA0-0xFF are always 1
 * (mosh-protocol.md §9.4). */
int width_of(void *ctx, uint32_t cp);
/* The same, but what only a newer Unicode than the C library's knows has the width that libutf8proc
 * gives: not towards stock peers, which would drop it. */
int width_of_native(void *ctx, uint32_t cp);

#endif
