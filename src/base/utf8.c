#include "base/utf8.h"

/* The lead byte's table: Unicode 15, table 3-7 (well-formed byte sequences). */
static size_t lead(struct utf8 *u, uint8_t b, uint32_t *out)
{
    u->left = 0;
    if (b < 0x80) {
        *out = b;
        return 1;
    }
    u->lo = 0x80;
    u->hi = 0xbf;
    if (b >= 0xc2 && b <= 0xdf) {
        u->left = 1;
        u->cp = b & 0x1f;
    } else if (b >= 0xe0 && b <= 0xef) {
        u->left = 2;
        u->cp = b & 0x0f;
        if (b == 0xe0)
            u->lo = 0xa0;
        if (b == 0xed)
            u->hi = 0x9f;
    } else if (b >= 0xf0 && b <= 0xf4) {
        u->left = 3;
        u->cp = b & 0x07;
        if (b == 0xf0)
            u->lo = 0x90;
        if (b == 0xf4)
            u->hi = 0x8f;
    } else {
        *out = UTF8_BAD;
        return 1;
    }
    return 0;
}

size_t utf8_feed(struct utf8 *u, uint8_t b, uint32_t out[static 2])
{
    if (!u->left)
        return lead(u, b, out);
    if (b < u->lo || b > u->hi) {
        out[0] = UTF8_BAD;
        return 1 + lead(u, b, out + 1);
    }
    u->cp = u->cp << 6 | (b & 0x3f);
    u->lo = 0x80;
    u->hi = 0xbf;
    if (--u->left)
        return 0;
    out[0] = u->cp;
    return 1;
}

size_t utf8_put(uint8_t out[static UTF8_MAX], uint32_t cp)
{
    if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        cp = UTF8_BAD;
    if (cp < 0x80) {
        out[0] = (uint8_t)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (uint8_t)(0xc0 | cp >> 6);
        out[1] = (uint8_t)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (uint8_t)(0xe0 | cp >> 12);
        out[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | cp >> 18);
    out[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (cp & 0x3f));
    return 4;
}
