/* Private to the view: what is done after a resize, and how it is found out. The rows of the main
 * screen may stand elsewhere then, lower or higher, and are brought to their places by way of the
 * cursor, which moved with them (docs/adr/0016). */
#ifndef TERN_VIEW_SETTLE_H
#define TERN_VIEW_SETTLE_H

#include "term/paint.h"

struct view;
struct frame;

/* Since a resize: how many rows above the cursor row 0 of what was told stood, at most and at least
 * (rows that a wider terminal may have joined do not count). */
struct settle {
    bool pending;
    bool away;           /* it happened while the alternate screen showed */
    bool wider, smaller; /* at some time since, or perhaps */
    uint16_t most, least;
    bool joined; /* least would be -1: the cursor's row may begin with a line of the scrollback */
    bool parted; /* the bar or a guess may have stood over the rest of a line that is fed */
    bool quiet;  /* all before it had been read for sure */
    uint16_t rows, cols; /* before */
    uint16_t row;        /* of the cursor, before */
    uint16_t joins;      /* rows that a wider terminal may have joined */
    uint16_t low, back;  /* least height since; rows that may have come back and be lost */
};

enum asked_kind {
    ASKED_ROW,   /* the row in which a frame ends */
    ASKED_FENCE, /* the last cell, right behind it */
    ASKED_REST,  /* where the cursor rests, before a resize is settled */
    ASKED_SIZE,  /* and the terminal's size, right behind it */
    ASKED_VOID   /* nobody is interested in that answer any more */
};

/* No more answers are awaited. */
#define ASKED_MOST 8
/* So long frames wait for the two of a resize. */
#define ASKED_WAIT_US 1000000u

/* Cursor reports that are on their way, and what was learned. */
struct asked {
    uint8_t kind[ASKED_MOST];
    unsigned n, ever;
    enum { SETTLE_BARE, SETTLE_WAITS, SETTLE_KNOWS } state; /* of the two of a resize */
    bool old;          /* another resize was told since they were asked for */
    uint16_t rest;     /* the row of the first */
    uint16_t row;      /* the answer to ASKED_ROW that is right */
    uint64_t sent_us;  /* when they were */
    uint64_t again_us; /* then a fence is to be written; 0: none */
    uint64_t wait_us;  /* before that nothing is asked after a resize */
    unsigned astray;   /* fences in a row that found the cursor elsewhere, and no resize was told */
};

/* The terminal has got that size, or is found to be elsewhere: note what is known of where the rows
 * stand now. */
void settle_note(struct view *v, uint16_t cols, uint16_t rows);
/* It was so short a time ago that tmux may have changed the size again without a word. */
bool settle_recent(const struct view *v);
/* It was the kernel, or the terminal, who told of a size. */
void settle_told(struct view *v);
/* The terminal was given back and is taken again. */
void settle_reset(struct view *v);
/* A report was asked for. */
void settle_asked(struct view *v, enum asked_kind kind);
/* Append a fence, and what goes with it. */
void settle_fence(struct view *v, struct paint *p);
/* Time went on. */
void settle_tick(struct view *v);
/* Bring the rows to their places, where that is due. False: it was asked where they are, and
 * nothing may be written before the answer. */
bool settle_put(struct view *v, const struct frame *f, struct paint *p);
/* The same when the main screen shows again, whose size may have changed without a word yet: xterm
 * loses what came back meanwhile. */
bool settle_back(struct view *v, const struct frame *f, struct paint *p);
/* No frame may be made yet. */
bool view_held(const struct view *v);

#endif
