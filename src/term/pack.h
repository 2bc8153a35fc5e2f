/* Rows as compact bytes, for the history: a line of plain text takes its characters and a byte or
 * two. Private to the engine: what is read here was written here. */
#ifndef TERN_TERM_PACK_H
#define TERN_TERM_PACK_H

#include "term/row.h"

/* Most bytes that row_pack may write for r. */
size_t row_pack_room(const struct row *r);
/* Write r to `to`, which has that room; returns the length, at least 1. Identity and version are
 * not kept. */
size_t row_pack(const struct row *r, uint8_t *to);
/* How many bytes the row at p takes. */
size_t row_pack_length(const uint8_t *p);
/* The row at p: a reference for the caller, of identity id and as wide as its text. */
struct row *row_unpack(const uint8_t *p, uint64_t id);

#endif
