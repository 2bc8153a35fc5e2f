/* UTF-8, decoded as terminals do: each ill-formed part (Unicode's "maximal subpart") becomes one
 * U+FFFD, surrogates and values above U+10FFFF are ill-formed. */
#ifndef TERN_BASE_UTF8_H
#define TERN_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_BAD 0xFFFDu
#define UTF8_MAX 4

/* A decoder that keeps an unfinished sequence between calls. Zeroed = fresh. */
struct utf8 {
    uint32_t cp;    /* bits so far */
    uint8_t left;   /* continuation bytes still due */
    uint8_t lo, hi; /* range of the next continuation byte */
};

/* Feed one byte. Returns how many code points came out (0, 1 or 2) in out: two when the byte both
 * ends an ill-formed part and stands for itself. */
size_t utf8_feed(struct utf8 *u, uint8_t byte, uint32_t out[static 2]);

/* Encode cp (an invalid one as U+FFFD); returns 1..4. */
size_t utf8_put(uint8_t out[static UTF8_MAX], uint32_t cp);

#endif
