/* Private to the engine: widths under its profile, cached, and the growing of clusters. */
#ifndef TERN_TERM_WIDTH_IMPL_H
#define TERN_TERM_WIDTH_IMPL_H

#include "term/width.h"

#define WIDTH_BLOCK  256
#define WIDTH_BLOCKS 256
#define WIDTH_PLANES 17

struct width_plane {
    int8_t *block[WIDTH_BLOCKS]; /* WIDTH_BLOCK widths, or NULL: not asked yet */
};

/* The width of every code point that was asked for, a block at a time: at most one byte for each of
 * Unicode's 0x110000. */
struct widths {
    int (*width)(void *ctx, uint32_t cp); /* NULL: term_width */
    void *ctx;
    bool ambiguous; /* ambiguous ones take two columns */
    struct width_plane *plane[WIDTH_PLANES];
};

void widths_clear(struct widths *w); /* forget all: also the end */
int widths_fill(struct widths *w, uint32_t cp);

/* -1, 0, 1, 2. cp <= 0x10FFFF, printable if <= 0xFF. */
static inline int widths_of(struct widths *w, uint32_t cp)
{
    const struct width_plane *p = w->plane[cp >> 16];
    const int8_t *b = p ? p->block[cp >> 8 & 255] : 0;
    return b ? b[cp & 255] : widths_fill(w, cp);
}

/* Is there an emoji and a text presentation of it, chosen by a variation selector? */
bool width_variation(uint32_t cp);

/* The cluster that text may go on with. */
struct cluster {
    uint32_t last; /* its last code point; 0: none, the next one begins a cluster */
    int32_t state; /* of utf8proc_grapheme_break_stateful */
};

/* Does cp go on with the cluster (UAX 29)? Updates the state; the caller sets last. */
bool cluster_goes_on(struct cluster *c, uint32_t cp);
/* The width of a cluster of `now` columns, whose last code point is `last`, with cp, which alone
 * takes `own` columns. */
unsigned cluster_width(const struct width_profile *p, unsigned now, uint32_t last, uint32_t cp,
                       unsigned own);

#endif
