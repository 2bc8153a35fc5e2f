/* Private to the view: which of the lines that were fed are known to have got into the scrollback.
 * Bytes are made for the size that the terminal is believed to have, and it may have got another
 * one by the time it reads them. As the main screen is drawn by relative steps its height does not
 * matter. But a terminal that became wider joins rows that have wrap marks: then the way up to the
 * first row is shorter than it is believed to be, and lines of the scrollback are painted over. So
 * what is written while there are marks is in doubt. A fence is a cursor report from a row's last
 * cell, behind a frame: it tells the width at which all before it was read. At most a screenful of
 * rows is fed in doubt; the lines fed last are kept, and after a resize those that are not proven
 * are fed again. */
#ifndef TERN_VIEW_PROOF_H
#define TERN_VIEW_PROOF_H

#include "base/buf.h"
#include "term/row.h"

#include <stddef.h>

struct feed_item;

/* An answer that takes longer is no more waited for. */
#define PROOF_WAIT_US 2000000u
/* What was written so long ago has been read, unless an answer is still awaited. */
#define PROOF_QUIET_US 1000000u
/* So many screenfuls of lines are kept, at least and at most so many lines. */
#define PROOF_SCREENS     4
#define PROOF_LINES_LEAST 160
#define PROOF_LINES_MOST  512

/* Of a line in several items that many more are fed again, so that it is whole. */
#define PROOF_REST 8

struct proof {
    struct feed_item *kept; /* a ring: the lines fed last; their rows are owned */
    size_t size, at, n;
    uint64_t fed, sure;           /* rows fed since the start; the first `sure` are proven */
    uint64_t frames, sure_frames; /* the same of frames that wrote to the main screen */
    bool flying;                  /* a fence is unanswered */
    bool old;                     /* it is from before a resize */
    uint16_t cols, row;           /* the answer that it should have */
    uint64_t fed_at, frames_at, sent_us;
    size_t line;    /* columns of the line that proof_take is in; 0 before the first */
    unsigned rest;  /* of these, in the row of proof_take that goes on */
    unsigned stale; /* so many answers to come are to fences that prove nothing any more */
    uint64_t now_us, wrote_us;
};

void proof_fini(struct proof *p);
/* The terminal was given back and is taken again: what went before has been read. */
void proof_reset(struct proof *p);
/* The scrollback was cleared. */
void proof_forget(struct proof *p);
/* A line or gap was fed, i->fed tells when: takes the item over; `screen`: rows. */
void proof_keep(struct proof *p, const struct feed_item *i, uint16_t screen);
/* The last line, if it is not proven, or goes on in one that was taken, or rows are left in *more,
 * which then has its rows (on a screen of `cols` columns) less. The item is the caller's now. */
bool proof_take(struct proof *p, uint16_t cols, size_t *more, struct feed_item *out);
/* A frame wrote to the main screen. Without doubt: and all before it was proven. */
void proof_wrote(struct proof *p, bool doubt);
/* All that was written has been read at the size that it was made for. */
bool proof_whole(const struct proof *p);
/* Time went on: what was written long ago is proven. */
void proof_tick(struct proof *p);
/* An answer is worth waiting for; and until when. */
bool proof_waits(const struct proof *p);
/* Append a fence; the cursor, in that row from 0, is then in its last cell. */
void proof_fence_put(struct proof *p, uint16_t cols, uint16_t row, struct buf *out);
/* A fence's answer. */
void proof_answer(struct proof *p, uint16_t col, uint16_t row);

#endif
