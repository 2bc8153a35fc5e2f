/* Keys played on a screen as a line editor would do them. */
#ifndef TERN_PREDICT_PLAY_H
#define TERN_PREDICT_PLAY_H

#include "predict/keys.h"
#include "predict/predict.h"
#include "term/snapshot.h"

/* What programs do differently. Bits. */
enum play_style {
    PLAY_OVERWRITE = 1, /* a character replaces those under the cursor; else they move on */
    PLAY_EAGER = 2,     /* behind the last column the cursor is in the next row at once (readline);
                           else it waits there for the next character (cat) */
};

/* So many blank cells in a row end the text that an insertion moves: behind them may stand what is
 * no part of the line, as the frame of a box or a prompt at the right. */
#define PLAY_GAP 3

struct play_row {
    uint16_t at;
    uint16_t lo, hi; /* cells [lo, hi) were written */
    struct row *row; /* owned */
};

/* A screen and what has been played on it. */
struct play {
    const struct snapshot *s; /* borrowed */
    unsigned style;
    uint16_t row, col;             /* the cursor */
    bool pending;                  /* behind the last column */
    bool wrapped;                  /* something depended on PLAY_EAGER */
    uint16_t floor_row, floor_col; /* nothing left of it can be erased or reached */
    uint64_t *next_id;             /* identities for rows */
    unsigned n;
    struct play_row rows[PREDICT_ROWS];
};

/* Starts on s with its cursor. */
void play_init(struct play *p, const struct snapshot *s, unsigned style, uint64_t *next_id);
void play_fini(struct play *p);
/* False: what this key does cannot be guessed here; nothing was changed. */
bool play_key(struct play *p, const struct key *k);

/* Does s show what was played? The cursor's column, and the cells written by `wrote` (p itself, or
 * the same with more keys). Rows count from the cursor's: a screen may have scrolled, if something
 * stands left of the cursor, and the same. */
bool play_shows(const struct play *p, const struct play *wrote, const struct snapshot *s);
/* Does what was played stand in s, in its place or above it, wherever the cursor is by now? */
bool play_stands(const struct play *p, const struct snapshot *s);
/* Do the cells that p wrote look otherwise than before? */
bool play_visible(const struct play *p);

/* Same text in a column of two rows; renditions do not count. */
bool play_same_text(const struct row *a, const struct row *b, uint16_t col);

#endif
