/* What the benchmark programs share: a clock and reading a whole file. */
#ifndef TERN_BENCH_CLOCK_H
#define TERN_BENCH_CLOCK_H

#include <stddef.h>

/* Seconds of CLOCK_MONOTONIC, cheap to ask: for what takes a microsecond. */
double clock_seconds(void);
/* Seconds of processor time of this process: what else runs on the machine counts less. */
double clock_processor(void);
/* The whole file; free() it. Ends the program with a message when it cannot be read. */
char *clock_load(const char *path, size_t *len);

/* Programs write to an engine in pieces of this size, as a server reads from a pty. */
#define PIECE 16384
/* A pass over a file ends after so many seconds: slow engines need not see all of it. */
#define PASS_SECONDS 1.0

#endif
