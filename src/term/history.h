/* Lines that left the top of the main screen, numbered for ever from 0, kept within a cap of bytes
 * (the oldest go first). */
#ifndef TERN_TERM_HISTORY_H
#define TERN_TERM_HISTORY_H

#include "term/row.h"

struct history;

/* At most `bytes` of memory for lines (0: only count). */
struct history *history_new(size_t bytes);
void history_free(struct history *h);

/* Append a line (takes its own reference); returns its number. */
uint64_t history_append(struct history *h, const struct row *r);
/* Take the newest line back (a growing screen pulls it): a reference for the caller, or NULL when
 * none is kept. Its number is given again to the next line appended. */
struct row *history_pull(struct history *h);
/* CSI 3 J: forget the kept lines; numbers go on. */
void history_clear(struct history *h);

uint64_t
history_first(const struct history *h); /* number of the oldest line kept; == end when none */
uint64_t history_end(const struct history *h); /* number of the next line */
/* Line n (borrowed), or NULL if it is not kept. */
const struct row *history_line(const struct history *h, uint64_t n);
size_t history_bytes(const struct history *h);

#endif
