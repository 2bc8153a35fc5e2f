#include "link/frame.h"

#include "base/mem.h"
#include "base/wire.h"

#include <string.h>

/* Move up to want - have bytes in; true when want are there. */
static bool gather(struct frame_reader *r, size_t want, const uint8_t **p, size_t *len)
{
    size_t n = want - r->have;
    if (n > *len)
        n = *len;
    if (n)
        memcpy(r->mem + r->have, *p, n);
    r->have += n;
    *p += n;
    *len -= n;
    return r->have == want;
}

int frame_read(struct frame_reader *r, const uint8_t **p, size_t *len, const uint8_t **out,
               size_t *out_len)
{
    if (r->have < FRAME_HEAD && !gather(r, FRAME_HEAD, p, len))
        return 0;
    size_t body = wire_get_u16(r->mem);
    if (!body || body > FRAME_MAX)
        return ERR_SYNTAX;
    if (!gather(r, FRAME_HEAD + body, p, len))
        return 0;
    *out = r->mem + FRAME_HEAD;
    *out_len = body;
    r->have = 0;
    return 1;
}

void frame_head(uint8_t out[static FRAME_HEAD], size_t len)
{
    BUG_ON(!len || len > FRAME_MAX);
    wire_put_u16(out, (uint16_t)len);
}
