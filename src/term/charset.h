/* Character sets that SCS designates (94-character sets; 96-character ones need a GR, which UTF-8
 * has no room for). */
#ifndef TERN_TERM_CHARSET_H
#define TERN_TERM_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum charset {
    CHARSET_ASCII,
    CHARSET_DRAWING, /* DEC special graphics */
    CHARSET_UK,
    CHARSET_SUPPLEMENT, /* DEC supplemental graphics: Latin-1's right half, nearly */
    CHARSET_TECHNICAL,
    CHARSET_NATIONAL, /* the first of the national replacement sets */
    CHARSET_DUTCH = CHARSET_NATIONAL,
    CHARSET_FINNISH,
    CHARSET_FRENCH,
    CHARSET_CANADIAN,
    CHARSET_GERMAN,
    CHARSET_ITALIAN,
    CHARSET_NORWEGIAN,
    CHARSET_PORTUGUESE,
    CHARSET_SPANISH,
    CHARSET_SWEDISH,
    CHARSET_SWISS,
    CHARSETS
};

/* The set that SCS with these intermediates (those behind `(`) and final names, or -1. National
 * ones only if `national` (DECNRCM). */
int charset_named(const uint8_t *inter, size_t n, uint32_t final, bool national);
/* Its name as SCS spells it. */
const char *charset_name(enum charset set);
/* What code c (0x21..0x7E) draws in the set. */
uint32_t charset_map(enum charset set, uint32_t c);

#endif
