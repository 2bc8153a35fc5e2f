/* Writing cells as terminal bytes with as few of them as possible: tracks where the cursor and what
 * the pen of the receiving terminal is. Shared by diff (a perfect receiver) and by view (the user's
 * terminal, with its lacks). */
#ifndef TERN_TERM_PAINT_H
#define TERN_TERM_PAINT_H

#include "base/buf.h"
#include "term/link.h"
#include "term/scroll.h"

/* How hyperlinks are told. */
enum paint_links {
    PAINT_LINKS_NONE,
    PAINT_LINKS_PLAIN, /* OSC 8, with an id, so that the parts of one link are one */
    PAINT_LINKS_TERN   /* with its number, which the receiver keeps */
};

/* How the marks of rows (row.mark) are told. */
enum paint_marks {
    PAINT_MARKS_NONE,
    PAINT_MARKS_PLAIN, /* OSC 133 ; A in front of a row that is painted and has the mark anew; a
                          mark that goes cannot be told */
    PAINT_MARKS_TERN   /* all of them, whenever they change: OSC 133 ; tern=N */
};

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
    bool ambiguous_unsure; /* with readdress: those of ambiguous width are disputed too */
    bool sized; /* cells whose width terminals dispute are told with it: OSC 66 ; w=N ; text. For
                   replicas, so that both ends may have different tables */
    bool firm;  /* a wrap mark stays until the row's last cell is written, and goes then. Else: it
                   may go with any change of the row or a scroll beside it, and goes for sure only
                   when the row or the next one is cleared whole; LF is not used */
    enum paint_links links;
    enum paint_marks marks;
    bool wrap; /* soft-wrapped rows are written by autowrap, else row by row */
};

struct paint {
    struct buf *out;
    struct paint_caps caps;
    uint16_t cols, rows;
    bool at_known, pen_known;
    bool row_known;    /* only the column is not */
    uint16_t row, col; /* where the receiver's cursor is, if at_known */
    bool pending;      /* it may stand past the last column: only CR and absolute motion are safe */
    struct pen pen;    /* as the receiver has it: degraded to caps; if pen_known. Its link is known
                          always: none but within paint_grid */
    const struct links *links;      /* of what is painted; the caller's, NULL after paint_init */
    const struct links *more_links; /* likewise: of what the first does not know */
    bool above;                     /* the line above row 0 has a wrap mark that must stay */
    bool relative; /* no motion names a row: right even if the receiver has just been given another
                      height and its rows stand higher or lower. Down by LF, which unlike CSI B
                      never stops short; but where that would take a wrap mark */
    bool scrolls;  /* LF may bring rows in */
    const struct row *const *shown; /* with `relative`: what the receiver has, for its marks; NULL:
                                       any may be there */

    bool unmarked;              /* private: the row being painted was erased whole */
    uint8_t *open, *at, *limit; /* private: the part of out being written */
    uint8_t spill[256];         /* private: stands in for it when out is nearly full */
};

void paint_init(struct paint *p, struct buf *out, struct paint_caps caps, uint16_t cols,
                uint16_t rows);
/* The receiver's cursor stands there, perhaps past the last column, and its pen is that (as far as
 * caps allow). Without this both are unknown. */
void paint_begin(struct paint *p, uint16_t row, uint16_t col, const struct pen *pen);
/* Bring the cursor there by the shortest known way (CSI H, CR, LF, BS, CSI C/G/d where rich; CR,
 * LF, BS, CSI A/B/C/G with `relative`). Never leaves a pending wrap. */
void paint_move(struct paint *p, uint16_t row, uint16_t col);
/* The same when the picture is done: where the cursor stands at rest, be it past the last column.
 * `shown`: what the receiver has in that row. */
void paint_cursor(struct paint *p, uint16_t row, uint16_t col, const struct row *shown);
/* SGR to that pen as far as caps allow, in the order of mosh-protocol.md §9.2. Each SGR is complete
 * (starts from 0) unless rich, where a mere change of colour is told alone. */
void paint_pen(struct paint *p, const struct pen *pen);
/* Bring the receiver's rows from `from` to `to` (arrays of p->rows rows; NULL: all blank). The n
 * scrolls have been done on it already. An entry of `from` that is NULL is unknown: painted whole,
 * cleared by EL. Equal pointers cost nothing.
 *
 * Soft-wrapped rows are written by real autowrap, so that terminals join them when copying: when
 * such a row's mark is missing or its last cell is written, the next row's first cell follows at
 * once. The wrap mark of the last row leads nowhere and is not made. */
void paint_grid(struct paint *p, const struct row *const *from, const struct row *const *to,
                const struct scroll *scrolls, size_t n);

/* Lines move by CSI L and M: with a region, or, with `relative`, by one of each, so that the rows
 * below come back to their places. */
void paint_scroll(struct paint *p, const struct scroll *s);

/* CSI with up to two decimal parameters (0: left out) and a final byte. */
void paint_csi(struct buf *out, char final, unsigned a, unsigned b);

#endif
