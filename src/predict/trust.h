/* Where guesses come true: what is remembered of prompts and modes in which the far program did
 * with keys what was guessed. A program that reads a password shows no prompt at which echo was
 * ever seen, so nothing is shown there. */
#ifndef TERN_PREDICT_TRUST_H
#define TERN_PREDICT_TRUST_H

#include "term/snapshot.h"

/* Places remembered; the one not needed for longest makes room. */
#define TRUST_PLACES 32
/* A prompt begins at most so many soft-wrapped rows above the cursor. */
#define TRUST_WRAPS 8

enum place_kind {
    PLACE_PROMPT, /* what stands left of the cursor */
    PLACE_BLANK,  /* nothing does */
    PLACE_LABEL,  /* the last row begins with "-- ": vim's "-- INSERT --" tells the mode, wherever
                     the cursor is */
};

/* Where a line of guesses began. */
struct place {
    enum place_kind kind;
    uint64_t mode; /* hash: screen, cursor's shape, bracketed paste, modes of the pty, label */
    uint64_t text; /* PLACE_PROMPT: hash of the columns left of the cursor; digits are all alike */
    uint16_t len;  /* PLACE_PROMPT: how many they are */
};

struct trust_entry {
    struct place place;
    uint64_t used; /* 0: none */
    unsigned good; /* times that guesses came true since the last time they did not */
    unsigned need; /* so many are needed */
    unsigned style;
    bool wrap_known; /* PLAY_EAGER in style was seen */
};

/* Zeroed = nothing known. */
struct trust {
    uint64_t clock;
    int last; /* entry + 1 that was right last; 0 = none */
    struct trust_entry entry[TRUST_PLACES];
};

/* Where the cursor of s is; `tty` as in predict.h. */
struct place trust_place(const struct snapshot *s, unsigned tty);
/* What is known of the cursor's place: the entry's index, or -1. A line that begins with a known
 * prompt is at that prompt. */
int trust_find(const struct trust *t, const struct snapshot *s, unsigned tty);
bool trust_believes(const struct trust *t, int entry);
/* Guesses came true that began at the place; `entry` what trust_find said of it then, or -1.
 * Returns the entry. */
int trust_right(struct trust *t, int entry, const struct place *at);
/* They did not: each time it takes four times as often to be believed again. -1 is fine. */
void trust_wrong(struct trust *t, int entry);

#endif
