/* Colours that a program changed (OSC 4, 10 to 19): part of a screen's state, so that whoever
 * attaches sees them and a program that cycles them costs no more than its newest choice. A table
 * with more than one reference is immutable; NULL is the table of nothing changed. */
#ifndef TERN_TERM_PALETTE_H
#define TERN_TERM_PALETTE_H

#include "base/buf.h"
#include "term/cell.h"

#define PALETTE_COLOURS 256
/* OSC 10 foreground, 11 background, 12 cursor, 13 and 14 pointer, 15, 16 and 18 Tektronix, 17 and
 * 19 selection. */
#define DYNAMIC_FIRST   10
#define DYNAMIC_COLOURS 10

/* 0 = as the user's terminal has it, else COLOUR_RGB | 0xrrggbb. */
struct colours {
    uint32_t refs;
    uint32_t dynamic[DYNAMIC_COLOURS];
    uint32_t palette[PALETTE_COLOURS];
};

struct colours *colours_ref(struct colours *c); /* NULL stays NULL */
void colours_unref(struct colours *c);
/* *slot becomes a table that only the caller refers to. Returns it. */
struct colours *colours_own(struct colours **slot);

bool colours_equal(const struct colours *a, const struct colours *b);
/* The OSC strings that bring a terminal from one table to another, ended by ST. */
void colours_put(struct buf *out, const struct colours *from, const struct colours *to);

/* A colour as XParseColor reads it: #rgb to #rrrrggggbbbb, rgb:r/g/b with one to four digits each,
 * and a few names. 8 bits of each part are kept. False: none of these. */
bool colour_parse(const uint8_t *s, size_t len, uint32_t *colour);

#endif
