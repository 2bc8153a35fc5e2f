/* Bytes on their way to a pty: from several attachments and from the engine's answers, in one row,
 * with the knowledge of whose byte is whose, so that each attachment learns what of its input was
 * consumed. */
#ifndef TERN_SESSION_PTY_INPUT_H
#define TERN_SESSION_PTY_INPUT_H

#include "base/buf.h"

struct pty_chunk {
    uint32_t owner; /* 0: an answer of the engine */
    size_t left;    /* bytes of it still in the buffer */
    uint64_t end;   /* the owner's input offset behind it */
};

struct pty_input {
    struct buf bytes;         /* what the edge writes and skips */
    size_t known;             /* length of bytes when last looked at */
    struct pty_chunk *chunks; /* ring-free: first..count */
    size_t first, count, size;
};

void pty_input_init(struct pty_input *q, size_t cap);
void pty_input_fini(struct pty_input *q);

/* Append bytes of owner, whose offset behind them is `end`; ERR_CAP and nothing is taken when they
 * do not fit. len may be 0 (the bytes were swallowed by translation): the offset still counts. */
int MUST_USE pty_input_put(struct pty_input *q, uint32_t owner, uint64_t end, const void *bytes,
                           size_t len);

/* The edge skipped bytes: report to `consumed` how far each owner has come. */
typedef void pty_input_consumed(void *ctx, uint32_t owner, uint64_t end);
void pty_input_written(struct pty_input *q, pty_input_consumed *consumed, void *ctx);

/* The cursor-key filter of mosh-protocol.md §8: ESC O A..D becomes ESC [ A..D unless the
 * application has set mode 1. State of one attachment's input; zeroed = start. */
struct cursor_keys {
    uint8_t seen; /* 0 nothing, 1 ESC, 2 ESC O (the O is held back) */
};
void cursor_keys_feed(struct cursor_keys *k, bool application, const uint8_t *bytes, size_t len,
                      struct buf *out);

#endif
