/* Writing cells as terminal bytes with as few of them as possible: tracks where the cursor and what
 * the pen of the receiving terminal is. Shared by diff (a perfect receiver) and by view (the user's
 * terminal, with its lacks). */
#ifndef TERN_TERM_PAINT_H
#define TERN_TERM_PAINT_H

#include "base/buf.h"
#include "term/row.h"

/* What the receiver can do. */
struct paint_caps {
    bool rich;  /* faint, strike, overline, underline styles and colour; else only mosh-protocol.md
                   §9.2's SGR */
    bool colon; /* underline styles as 4:3 and colours 58:2::r:g:b */
    bool rgb;   /* direct colour; else the nearest of 256 */
    unsigned colours; /* 256, 16, 8 or 0 when !rgb */
    bool bce;         /* erasing takes the current background */
    bool ech;         /* CSI n X */
    bool readdress;   /* after each cell whose width terminals dispute, address the cursor anew */
    bool lf;          /* LF may move the cursor (some terminals forget a wrap mark then) */
    bool exact;       /* an erased cell and a space are different things */
};

struct paint {
    struct buf *out;
    struct paint_caps caps;
    uint16_t cols, rows;
    bool at_known, pen_known;
    uint16_t row, col; /* where the receiver's cursor is, if at_known */
    bool pending;      /* it may stand past the last column */
    struct pen pen;
};

void paint_init(struct paint *p, struct buf *out, struct paint_caps caps, uint16_t cols,
                uint16_t rows);
/* Bring the cursor there by the shortest known way (CSI H, CR, LF, BS, CSI G/d where rich). */
void paint_move(struct paint *p, uint16_t row, uint16_t col);
/* SGR to that pen; each SGR is complete (starts from 0), in the order of mosh-protocol.md §9.2. */
void paint_pen(struct paint *p, const struct pen *pen);
/* Bring row `at` of the receiver from `from` to `to` over cols columns. `joined`: the row above
 * (`at`-1) is soft-wrapped into this one and has just been painted to its last column, so writing
 * may go on by autowrap. Soft-wrapped rows are written by real autowrap so that terminals join them
 * when copying. `from` NULL: contents unknown, paint all, erase the rest by EL. */
void paint_row(struct paint *p, uint16_t at, const struct row *from, const struct row *to,
               bool joined);

#endif
