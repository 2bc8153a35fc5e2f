/* What two terminals show, as values that can be compared. */
#ifndef TERN_TESTS_LOOK_H
#define TERN_TESTS_LOOK_H

#include "grammar.h"
#include "term/term.h"

#define LOOK_CELLS (32 * 16)
#define LOOK_TEXT  64

struct look {
    uint16_t cols, rows, row, col; /* size, cursor */
    bool pending;
    struct {
        char text[LOOK_TEXT]; /* "" = the right half of a wide character; empty is " " */
        struct pen pen;
    } cell[LOOK_CELLS];
};

/* The tokens of a play that are not left out (skip[i]; NULL leaves none out). Replies, if wanted,
 * are appended to *replies (up to replies_max - 1 bytes and a NUL). */
void look_tern(const struct play *p, const bool *skip, struct look *out, char *replies,
               size_t replies_max);
void look_vterm(const struct play *p, const bool *skip, struct look *out);

/* What differs first between tern and libvterm, or false; differences that argued.txt names are
 * passed over. */
bool look_differ(const struct look *tern, const struct look *vterm, char *what, size_t max);

#endif
