#include "base/buf.h"

#include "base/mem.h"
#include "base/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t cap)
{
    *b = (struct buf){.cap = cap};
}

void buf_fini(struct buf *b)
{
    free(b->mem);
    *b = (struct buf){.cap = b->cap};
}

void buf_clear(struct buf *b)
{
    b->start = b->end = 0;
    b->failed = false;
}

void buf_release(struct buf *b)
{
    buf_fini(b);
}

/* Move the bytes to the front when that makes room cheaply (at least half is free there). */
static void compact(struct buf *b)
{
    size_t len = buf_len(b);
    if (len)
        memmove(b->mem, b->mem + b->start, len);
    b->start = 0;
    b->end = len;
}

uint8_t *buf_reserve(struct buf *b, size_t len)
{
    if (b->failed || len > buf_room(b)) {
        b->failed = true;
        return NULL;
    }
    if (b->start && (b->start == b->end || (len > b->size - b->end && b->start >= b->size / 2)))
        compact(b);
    if (len > b->size - b->end) {
        size_t want = b->size ? b->size * 2 : 64;
        while (want < b->end + len)
            want *= 2;
        b->mem = mem_resize(b->mem, want, 1);
        b->size = want;
    }
    if (!b->mem) { /* len == 0 on an empty buffer: still a valid pointer */
        b->mem = mem_new(1, 1);
        b->size = 1;
    }
    return b->mem + b->end;
}

void buf_commit(struct buf *b, size_t len)
{
    BUG_ON(len > b->size - b->end);
    b->end += len;
}

void buf_put(struct buf *b, const void *p, size_t len)
{
    uint8_t *to = buf_reserve(b, len);
    if (!to || !len)
        return;
    memcpy(to, p, len);
    b->end += len;
}

void buf_put_text(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    if (!b->failed && b->end < b->size && buf_room(b))
        b->mem[b->end++] = v;
    else
        buf_put(b, &v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
    uint8_t w[2];
    wire_put_u16(w, v);
    buf_put(b, w, sizeof w);
}

void buf_put_u32(struct buf *b, uint32_t v)
{
    uint8_t w[4];
    wire_put_u32(w, v);
    buf_put(b, w, sizeof w);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
    uint8_t w[8];
    wire_put_u64(w, v);
    buf_put(b, w, sizeof w);
}

void buf_put_decimal(struct buf *b, uint64_t v)
{
    char t[20];
    size_t n = sizeof t;
    do {
        t[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_put(b, t + n, sizeof t - n);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0)
        BUG("bad format");
    if ((size_t)n < sizeof small) {
        buf_put(b, small, (size_t)n);
        return;
    }
    /* Longer texts are rare; a place of their own, since the NUL may not fit under the cap. */
    char *text = mem_new((size_t)n + 1, 1);
    va_start(ap, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    buf_put(b, text, (size_t)n);
    free(text);
}

void buf_skip(struct buf *b, size_t len)
{
    BUG_ON(len > buf_len(b));
    b->start += len;
    if (b->start == b->end)
        b->start = b->end = 0;
}

void buf_trim(struct buf *b, size_t len)
{
    BUG_ON(len > buf_len(b));
    b->end = b->start + len;
}
