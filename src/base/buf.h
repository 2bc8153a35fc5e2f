/* A growing byte buffer with a cap: writing past the cap sets `failed` and changes nothing more, so
 * that a row of puts is checked once at its end. Bytes are taken from the front without moving the
 * rest. */
#ifndef TERN_BASE_BUF_H
#define TERN_BASE_BUF_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *mem; /* owned */
    size_t start; /* first unread byte */
    size_t end;   /* behind the last byte */
    size_t size;  /* allocated */
    size_t cap;   /* most unread bytes it may hold */
    bool failed;  /* a put did not fit; nothing of that put, nor of any later one, was taken */
};

void buf_init(struct buf *b, size_t cap);
void buf_fini(struct buf *b); /* frees; wipes nothing */

/* Forget all bytes and the failure; the memory stays. */
void buf_clear(struct buf *b);
/* Forget all bytes and give the memory back: for buffers that are mostly empty. */
void buf_release(struct buf *b);

static inline const uint8_t *buf_data(const struct buf *b)
{
    return b->start ? b->mem + b->start : b->mem; /* NULL + 0 is undefined in C17 */
}
static inline size_t buf_len(const struct buf *b)
{
    return b->end - b->start;
}
static inline size_t buf_room(const struct buf *b)
{
    return b->cap - buf_len(b);
}
/* 0, or ERR_CAP if any put since the last clear did not fit. */
static inline int MUST_USE buf_err(const struct buf *b)
{
    return b->failed ? ERR_CAP : ERR_OK;
}

/* Room for len more bytes at the end, or NULL with failed set; follow with buf_commit. */
uint8_t *buf_reserve(struct buf *b, size_t len);
void buf_commit(struct buf *b, size_t len);

void buf_put(struct buf *b, const void *p, size_t len);
void buf_put_text(struct buf *b, const char *text); /* without the NUL */
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v); /* big-endian, like all of the wire */
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_decimal(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Drop len bytes (at most buf_len) from the front. */
void buf_skip(struct buf *b, size_t len);
/* Keep only the first len bytes. */
void buf_trim(struct buf *b, size_t len);

#endif
