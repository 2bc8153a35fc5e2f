/* Lines that left the top of the main screen, kept within a cap of bytes (the oldest go first).
 *
 * What is numbered is a row as it left the screen: at the width of then, with its wrap mark.
 * Numbers begin at 0, only grow, and never name two rows:
 * - A screen that grows, or that is laid out anew for another width, takes the newest rows back
 *   (history_pull). Their numbers are then *taken*: no row has them any more. What of it leaves the
 *   screen later gets new numbers. So nobody who follows the numbers misses a line, and one who had
 *   a row before it was taken sees at most a screenful of them again.
 * - Below history_first lines were dropped for the cap, or forgotten (CSI 3 J): a gap.
 * - history_next steps over both.
 * A change of the screen's width changes no row here.
 *
 * Rows are kept packed, in blocks. A block that nobody writes to any more is compressed (LZ4) by
 * history_tidy, which the owner calls now and then when output is slow: so a flood, which drops its
 * lines anyway, compresses none. */
#ifndef TERN_TERM_HISTORY_H
#define TERN_TERM_HISTORY_H

#include "term/row.h"

struct history;

/* Packed bytes and lines of a block; a block of one long line may have more bytes. With a small cap
 * a block is at most a sixteenth of it. */
#define HISTORY_BLOCK       65536
#define HISTORY_BLOCK_LINES 4096

/* At most `bytes` of memory for lines (0: only count), and besides that one block and one row for
 * reading, and the memory of one more block. */
struct history *history_new(size_t bytes);
void history_free(struct history *h);

/* Append a line (copies it); returns its number. */
uint64_t history_append(struct history *h, const struct row *r);
/* Take the newest kept line back: a reference for the caller, a row as wide as its text and of
 * identity id, or NULL when none is kept. Its number is taken from now on. */
struct row *history_pull(struct history *h, uint64_t id);
/* CSI 3 J: forget the kept lines; numbers go on. */
void history_clear(struct history *h);

/* All lines below were dropped. <= history_end. */
uint64_t history_first(const struct history *h);
/* Number of the next line to leave the screen. Never decreases. */
uint64_t history_end(const struct history *h);
/* The smallest number >= n of a line that is kept, or history_end. */
uint64_t history_next(const struct history *h, uint64_t n);
/* How many lines are kept. */
uint64_t history_kept(const struct history *h);
/* Line n, or NULL if it is not kept. Borrowed, as wide as its text, of identity 0: valid until the
 * next call that is not one of the getters above; row_ref it to keep it. One after the other costs
 * no more than the line; elsewhere at worst a block is decompressed. */
const struct row *history_line(struct history *h, uint64_t n);
/* Does the newest kept line go on in the next row: soft-wrapped, or before a wide character? */
bool history_wrapped(struct history *h);

/* Compress one block that has gone cold, if any. True when there are more. Call it at intervals
 * (HISTORY_TIDY_US is fit) with output slow or none. When a quarter of the cap came since the call
 * before, nothing is done: those lines are on their way out. At most one block's work. */
#define HISTORY_TIDY_US 100000u
bool history_tidy(struct history *h);

/* Memory for lines. */
size_t history_bytes(const struct history *h);
/* For tests and figures: how many blocks are compressed. */
size_t history_cold(const struct history *h);

#endif
