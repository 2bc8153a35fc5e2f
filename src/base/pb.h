/* Protocol buffers (proto2 wire format), pulled field by field from borrowed bytes: no allocation,
 * no recursion, unknown fields of every wire type skipped, groups included (mosh-protocol.md §12
 * shows that stock peers do the same). */
#ifndef TERN_BASE_PB_H
#define TERN_BASE_PB_H

#include "base/buf.h"
#include "base/wire.h"

enum pb_type {
    PB_VARINT = 0,
    PB_FIXED64 = 1,
    PB_BYTES = 2,
    PB_GROUP = 3,
    PB_GROUP_END = 4,
    PB_FIXED32 = 5
};

/* Nested groups are followed to this depth; deeper ones are malformed. */
#define PB_GROUP_DEPTH 32

struct pb_field {
    uint32_t number;      /* 1..2^29-1 */
    enum pb_type type;    /* PB_GROUP: skipped as a whole, its bytes are not handed out */
    uint64_t value;       /* PB_VARINT, PB_FIXED32, PB_FIXED64 */
    const uint8_t *bytes; /* PB_BYTES; borrowed */
    size_t len;
};

/* The next field of r: 1 with *f filled, 0 at the end, ERR_SHORT or ERR_SYNTAX when malformed. */
int MUST_USE pb_next(struct reader *r, struct pb_field *f);

/* True if the whole of p parses as fields (one level deep). */
bool pb_valid(const void *p, size_t len);

void pb_put_varint(struct buf *b, uint32_t number, uint64_t value);
void pb_put_bytes(struct buf *b, uint32_t number, const void *p, size_t len);
/* A nested message: begin, put its fields, end. `mark` comes from begin. May nest. */
size_t pb_begin(struct buf *b, uint32_t number);
void pb_end(struct buf *b, size_t mark);
/* Length of v as a varint, 1..10. */
size_t pb_varint_len(uint64_t v);

/* int32 as protobuf sends it: negative numbers are ten-byte varints; values out of range are cut to
 * 32 bits. */
static inline int32_t pb_int32(uint64_t v)
{
    return (int32_t)(uint32_t)v;
}

#endif
