/* How many columns text takes. The width of a code point is that of UAX 11 as glibc applies it, by
 * libutf8proc; of a grapheme cluster (UAX 29) that of its widest code point, but for flags,
 * keycaps and variation selectors. Unicode version: width_unicode(). No locale. */
#ifndef TERN_TERM_WIDTH_H
#define TERN_TERM_WIDTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the user's terminal does, as the client measured it at start. All zero: a terminal of which
 * nothing is known, and what stock peers do.
 *
 * Programs count columns by wcwidth unless they set mode 2027: until then each code point takes its
 * own width, whatever the terminal draws, and `graphemes`, `vs16` and `vs15` change nothing. The
 * view addresses the cursor anew behind what terminals dispute, so a terminal that always clusters
 * does no harm. `ambiguous` counts in both cases: a program sees the widths of its terminal. */
struct width_profile {
    bool graphemes; /* it can draw a grapheme cluster as one (by mode 2027, or always): programs
                       may set mode 2027 */
    bool ambiguous; /* characters of East Asian Width A take two columns, else one */
    bool vs16;      /* within a cluster U+FE0F makes a narrow emoji two columns wide */
    bool vs15;      /* within a cluster U+FE0E makes a wide emoji one column narrow */
};

/* A profile as a number that travels (bits 0..3 in the order above), and back; bits that are not
 * known are dropped. 0 is the zero profile. */
uint32_t width_profile_pack(const struct width_profile *w);
struct width_profile width_profile_unpack(uint32_t bits);

/* Columns of cp: -1 not printable, 0 joins the cell before, 1 or 2. 1 for 0xA0..0xFF. ctx is not
 * used. Ambiguous characters take one. */
int term_width(void *ctx, uint32_t cp);
/* Is its East Asian Width "ambiguous"? (Never of what takes no column of its own.) */
bool width_ambiguous(uint32_t cp);
/* The Unicode version of these, e.g. "15.0.0". */
const char *width_unicode(void);

#endif
