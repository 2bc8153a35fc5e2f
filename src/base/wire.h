/* Big-endian integers on the wire, and a reader that never runs past its end. */
#ifndef TERN_BASE_WIRE_H
#define TERN_BASE_WIRE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void wire_put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void wire_put_u32(uint8_t *p, uint32_t v)
{
    wire_put_u16(p, (uint16_t)(v >> 16));
    wire_put_u16(p + 2, (uint16_t)v);
}
static inline void wire_put_u64(uint8_t *p, uint64_t v)
{
    wire_put_u32(p, (uint32_t)(v >> 32));
    wire_put_u32(p + 4, (uint32_t)v);
}
static inline uint16_t wire_get_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t wire_get_u32(const uint8_t *p)
{
    return (uint32_t)wire_get_u16(p) << 16 | wire_get_u16(p + 2);
}
static inline uint64_t wire_get_u64(const uint8_t *p)
{
    return (uint64_t)wire_get_u32(p) << 32 | wire_get_u32(p + 4);
}

/* Reads from borrowed bytes. After the first read past the end `failed` is set and every read gives
 * 0. */
struct reader {
    const uint8_t *p;
    size_t len; /* bytes left */
    bool failed;
};

static inline struct reader reader_of(const void *p, size_t len)
{
    return (struct reader){.p = p, .len = len};
}
/* The next len bytes, borrowed, or NULL with failed set. */
static inline const uint8_t *reader_bytes(struct reader *r, size_t len)
{
    if (r->failed || len > r->len) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->p;
    r->p += len;
    r->len -= len;
    return p;
}
static inline uint8_t reader_u8(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 1);
    return p ? *p : 0;
}
static inline uint16_t reader_u16(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 2);
    return p ? wire_get_u16(p) : 0;
}
static inline uint32_t reader_u32(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 4);
    return p ? wire_get_u32(p) : 0;
}
static inline uint64_t reader_u64(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 8);
    return p ? wire_get_u64(p) : 0;
}
static inline int MUST_USE reader_err(const struct reader *r)
{
    return r->failed ? ERR_SHORT : ERR_OK;
}

#endif
