/* One cell of the screen, 12 bytes, and the pen (rendition) that wrote it. */
#ifndef TERN_TERM_CELL_H
#define TERN_TERM_CELL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A colour: kind in bits 24..25, value below. */
enum { COLOUR_DEFAULT = 0, COLOUR_PALETTE = 1u << 24, COLOUR_RGB = 2u << 24 };
#define COLOUR_MASK    0x03ffffffu
#define COLOUR_KIND(c) ((c)&0x03000000u)

/* Attributes. Twelve bits are stored in the cell: six above fg, six above bg. */
enum {
    ATTR_BOLD = 1 << 0,
    ATTR_FAINT = 1 << 1,
    ATTR_ITALIC = 1 << 2,
    ATTR_BLINK = 1 << 3,
    ATTR_INVERSE = 1 << 4,
    ATTR_INVISIBLE = 1 << 5,
    ATTR_STRIKE = 1 << 6,
    ATTR_OVERLINE = 1 << 7,
    ATTR_UNDERLINE = 7 << 8, /* field: 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed */
    ATTR_EXT = 1 << 11, /* the row has a struct cell_ext for this column (underline colour, link) */
};
#define ATTR_UNDERLINE_SHIFT 8

/* The rendition that SGR sets. `ul` is a colour. */
struct pen {
    uint32_t fg, bg, ul;
    uint32_t link; /* number of a hyperlink (link.h), 0 = none */
    uint16_t attr; /* never ATTR_EXT */
};

/* `text`: bits 0..20 a code point, or, with CELL_CLUSTER, an index into the row's clusters. 0 =
 * empty: an erased cell, drawn as a space. A wide character has CELL_WIDE in its left cell and is
 * followed by a cell whose text is exactly CELL_TAIL and whose pen equals the left one's.
 * CELL_FALLBACK: combining characters without a base (mosh-protocol.md §9.4): drawn as U+00A0 plus
 * the cluster. */
enum {
    CELL_TEXT = 0x1fffff,
    CELL_CLUSTER = 1 << 21,
    CELL_WIDE = 1 << 22,
    CELL_TAIL = 1 << 23,
    CELL_FALLBACK = 1 << 24,
    CELL_PROTECTED = 1 << 25, /* DECSCA, SPA: selective erasing spares it; never in a CELL_TAIL */
};

struct cell {
    uint32_t text;
    uint32_t fg; /* colour | low six attributes << 26 */
    uint32_t bg; /* colour | high six attributes << 26 */
};

static inline struct cell cell_make(uint32_t text, const struct pen *p)
{
    return (struct cell){text, p->fg | (uint32_t)(p->attr & 0x3f) << 26,
                         p->bg | (uint32_t)(p->attr >> 6 & 0x3f) << 26};
}
static inline uint16_t cell_attr(const struct cell *c)
{
    return (uint16_t)(c->fg >> 26 | c->bg >> 26 << 6);
}
/* Bit-equal. Not enough for equality of two rows: clusters and exts are compared by row_equal. */
static inline bool cell_same(const struct cell *a, const struct cell *b)
{
    return !memcmp(a, b, sizeof *a);
}
/* The cell that equals "never written": empty, default pen. */
static inline bool cell_blank(const struct cell *c)
{
    return !(c->text | c->fg | c->bg);
}

#endif
