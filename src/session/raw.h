/* Raw segments (design.md §2.2): while a program speaks tmux's control mode, DCS 1000 p ... ST, its
 * bytes go through as they are, in the raw log, to a terminal that knows the mode. Here: where such
 * a segment begins and ends in what a program prints, and the records of the log. */
#ifndef TERN_SESSION_RAW_H
#define TERN_SESSION_RAW_H

#include "base/buf.h"

#include <stdbool.h>

#define RAW_INTRO     "\033P1000p"
#define RAW_INTRO_LEN (sizeof RAW_INTRO - 1)
#define RAW_OUTRO     "\033\\"
/* Most bytes in one record. */
#define RAW_DATA_MAX 16384

/* ---- in what a program prints ---- */

/* Zeroed at the start. */
struct raw_scan {
    bool inside;
    size_t held; /* outside: bytes at the end that may begin the intro; inside: 1 after an ESC */
};

/* The next bytes that are all of one kind. Returns how many of p are used up; 0 only with
 * out->held. */
struct raw_piece {
    size_t held; /* so many bytes of RAW_INTRO that came before go first */
    size_t take; /* then so many at p; what is used beyond them is held back */
    bool raw;    /* they are a raw segment's, else the screen's */
    bool begins, ends;
};
size_t raw_scan(struct raw_scan *s, const uint8_t *p, size_t len, struct raw_piece *out);

/* ---- the log ---- */

enum raw_kind {
    RAW_BEGIN = 1, /* from here on bytes go to the terminal as they are */
    RAW_DATA = 2,
    RAW_END = 3, /* the screen is shown again */
};

struct raw_record {
    uint64_t kind; /* enum raw_kind, or one that is not known: skip it */
    const uint8_t *bytes;
    size_t len;
};

void raw_record_put(struct buf *out, enum raw_kind kind, const void *bytes, size_t len);
/* From the front of p: 1 with *used, *out borrows from p; 0: more is needed; ERR_SYNTAX. */
int MUST_USE raw_record_get(const uint8_t *p, size_t len, struct raw_record *out, size_t *used);

#endif
