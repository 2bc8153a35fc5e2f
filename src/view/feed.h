/* Private to the view: how lines get into the terminal's own scrollback (design.md §2.3). They wait
 * in a queue until the screen that they left is shown, then are written on the top rows, and
 * scrolled out by LF at the bottom. */
#ifndef TERN_VIEW_FEED_H
#define TERN_VIEW_FEED_H

#include "term/paint.h"
#include "term/snapshot.h"

#include <stddef.h>

struct view;
struct frame;

/* The queue takes lines while it holds less than this many bytes, and this many lines beyond two
 * screenfuls. */
#define FEED_BYTES_MAX (1u << 20)
#define FEED_LINES_MAX 512
/* With one frame about this many bytes of lines go to the terminal, so that the screen is never
 * late. */
#define FEED_FRAME_BYTES 16384

/* Rows of one soft-wrapped line are joined up to so many columns. */
#define FEED_JOIN_COLS 4096

/* Most rows fed at once. */
#define FEED_ROWS_MOST 4096

enum feed_kind { FEED_LINE, FEED_GAP, FEED_CLEAR, FEED_SKIP };

struct feed_item {
    enum feed_kind kind;
    uint64_t first, end; /* numbers; of a line first, first + 1, or more where rows were joined */
    struct row *row;     /* LINE: owned; as wide as the screen that it left, or joined */
    uint64_t fed;        /* of one that was: see proof.h */
};

/* Where the queue is read: item, and column in it. */
struct feed_at {
    size_t item;
    uint16_t from;
};

struct feed {
    struct feed_item *item; /* a ring */
    size_t size, head, n;
    size_t bytes;
    size_t done;   /* items fed by the frame being made; they go when it fits */
    size_t fresh;  /* rows fed by it */
    size_t sure;   /* the first of these, which are in no doubt */
    uint16_t from; /* column of item `done` that comes next: it is wider than the terminal */
    /* Scratch for FEED_ROWS_MOST rows and two screenfuls: rows to be fed, and where each ends; what
     * stands on the terminal, and what shall. */
    struct row **piece;
    struct feed_at *next;
    const struct row **was, **virt;
    uint16_t rows;       /* these are for a screen of so many */
    struct links *links; /* of lines that no screen may have told of */
    bool tail; /* the last line fed is soft-wrapped and joined to row 0 of the main screen */
};

void feed_init(struct feed *f);
void feed_fini(struct feed *f);

/* Is there something that feed_put would do with this frame? */
bool feed_ready(const struct view *v, const struct frame *f);
/* Feed what may be fed: the terminal shows the main screen. v->told is what it shows. */
void feed_put(struct view *v, const struct frame *f, struct paint *p);
/* More than a screenful of lines waits, and may be fed. */
bool feed_bulk_waits(const struct view *v, const struct frame *f);
/* After a resize: queue again what is not proven, and what may stand in that many rows before; and
 * with `open` the beginning of the line whose rest is on the screen. */
void feed_again(struct view *v, size_t rows, bool open);
/* The frame fits, or does not: what was fed is no more to be fed, or is again. */
void feed_commit(struct view *v);
void feed_rollback(struct view *v);

/* Moves that bring `from` to `to`, none of which takes away the mark of the line above row 0. */
size_t feed_scrolls(const struct view *v, const struct row *const *from,
                    const struct row *const *to, struct scroll out[static SCROLL_MOST]);
void feed_put_scrolls(const struct view *v, struct paint *p, const struct scroll *scrolls,
                      size_t n);

#endif
