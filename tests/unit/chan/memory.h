/* A transport in memory that keeps the contract of chan/stream.h, for tests: two ends, and a seed
 * that decides how much is taken, delivered and acknowledged in which order. */
#ifndef TERN_TESTS_CHAN_MEMORY_H
#define TERN_TESTS_CHAN_MEMORY_H

#include "base/rng.h"
#include "chan/stream.h"

struct memory;

struct memory *memory_new(uint64_t seed);
void memory_free(struct memory *m);
/* end 0 or 1: its transport, and who gets its events. */
struct stream_transport memory_transport(struct memory *m, int end);
void memory_user(struct memory *m, int end, const struct stream_events *events, void *ctx);

/* Most streams that end may open at once. */
void memory_limit(struct memory *m, int end, size_t streams);
/* Nothing is delivered or acknowledged while down; taking goes on up to `window` bytes in flight.
 */
void memory_down(struct memory *m, bool down);
/* One round of a little of everything; false if nothing could be done. */
bool memory_step(struct memory *m);
/* The connection breaks. */
void memory_break(struct memory *m);
/* Streams that exist. */
size_t memory_streams(const struct memory *m);
/* The largest number of bytes of one stream that came and for which no credit was given back. */
size_t memory_uncredited(const struct memory *m);
/* Bytes as if the other end had sent them on that stream, whole and at once. */
void memory_inject(struct memory *m, int to, int64_t id, const void *bytes, size_t len, bool fin);
/* A stream that `from` opens without having channels. */
int64_t memory_raw_open(struct memory *m, int from);
/* Codes with which end gave up and stopped the stream, -1 = it did not; for a raw stream. */
int64_t memory_reset_code(const struct memory *m, int end, int64_t id);

#endif
