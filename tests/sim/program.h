/* What runs in the simulator's pty, and who types: a program that prints random terminal output,
 * and a user whose n-th byte is a function of n, so that the far end can tell a lost, doubled or
 * swapped byte at once. */
#ifndef TERN_TESTS_SIM_PROGRAM_H
#define TERN_TESTS_SIM_PROGRAM_H

#include "base/buf.h"
#include "base/rng.h"

/* Byte n of all that the user ever types: printable ASCII and now and then a carriage return. */
uint8_t user_byte(uint64_t n);

/* Append one random burst of output for a screen of that size: text, controls, colours, scrolling,
 * alternate screen, titles, bells, wide and combining characters, plain nonsense. At most about 20
 * kB. */
void program_print(struct rng *r, struct buf *out, uint16_t cols, uint16_t rows);

#endif
