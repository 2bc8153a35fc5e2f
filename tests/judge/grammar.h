/* Bytes of any kind become well-formed control sequences and text, for differential fuzzing: random
 * bytes alone seldom say anything to a terminal. Shared by difftern and fuzz/fuzz_vterm.c. */
#ifndef TERN_TESTS_GRAMMAR_H
#define TERN_TESTS_GRAMMAR_H

#include <stddef.h>
#include <stdint.h>

/* Whom a case is for: what the other terminal does not have or does otherwise on purpose is not
 * said to it (the table in grammar.c; argued.txt gives the reasons). */
enum side { SIDE_XTERM = 1, SIDE_VTERM = 2 };

#define GRAMMAR_TOKEN_MAX  64
#define GRAMMAR_TOKENS_MAX 200

struct token {
    uint8_t len, bytes[GRAMMAR_TOKEN_MAX];
};
struct play {
    uint16_t cols, rows;
    size_t n;
    struct token token[GRAMMAR_TOKENS_MAX];
};

/* Reads len bytes (any), at most GRAMMAR_TOKENS_MAX tokens of them. The same bytes give the same
 * case. */
void grammar_read(enum side side, const uint8_t *bytes, size_t len, struct play *p);

#endif
