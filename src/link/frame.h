/* Datagrams on a pipe: a 2-byte length before each (design.md §2.1). */
#ifndef TERN_LINK_FRAME_H
#define TERN_LINK_FRAME_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX  2048 /* longest datagram; a longer length means the pipe is out of step */
#define FRAME_HEAD 2

/* An incremental reader. Zeroed = at the start of a frame. Never allocates. */
struct frame_reader {
    size_t have; /* bytes of head and body gathered in mem */
    uint8_t mem[FRAME_HEAD + FRAME_MAX];
};

/* Take bytes from *p (moves *p and *len on). 1: a frame is complete, *out (valid until the next
 * call) and *out_len hold it, call again for more; 0: all bytes are used up; ERR_SYNTAX: a length
 * of 0 or above FRAME_MAX, after which the pipe must be closed. */
int MUST_USE frame_read(struct frame_reader *r, const uint8_t **p, size_t *len, const uint8_t **out,
                        size_t *out_len);

/* The head of a datagram of len bytes, 1..FRAME_MAX (else BUG). */
void frame_head(uint8_t out[static FRAME_HEAD], size_t len);

#endif
