#include "session/pty_input.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void pty_input_init(struct pty_input *q, size_t cap)
{
    *q = (struct pty_input){0};
    buf_init(&q->bytes, cap);
}

void pty_input_fini(struct pty_input *q)
{
    buf_fini(&q->bytes);
    free(q->chunks);
    *q = (struct pty_input){0};
}

static struct pty_chunk *add_chunk(struct pty_input *q)
{
    if (q->first && q->first + q->count == q->size) {
        memmove(q->chunks, q->chunks + q->first, q->count * sizeof *q->chunks);
        q->first = 0;
    }
    if (q->first + q->count == q->size) {
        q->size = q->size ? 2 * q->size : 8;
        q->chunks = mem_resize(q->chunks, q->size, sizeof *q->chunks);
    }
    return &q->chunks[q->first + q->count++];
}

int pty_input_put(struct pty_input *q, uint32_t owner, uint64_t end, const void *bytes, size_t len)
{
    if (len > buf_room(&q->bytes))
        return ERR_CAP;
    buf_put(&q->bytes, bytes, len);
    q->known += len;
    struct pty_chunk *last = q->count ? &q->chunks[q->first + q->count - 1] : NULL;
    if (!last || last->owner != owner) {
        last = add_chunk(q);
        *last = (struct pty_chunk){.owner = owner};
    }
    last->left += len;
    last->end = end;
    return ERR_OK;
}

void pty_input_written(struct pty_input *q, pty_input_consumed *consumed, void *ctx)
{
    size_t gone = q->known - buf_len(&q->bytes);
    q->known = buf_len(&q->bytes);
    while (q->count) {
        struct pty_chunk *c = &q->chunks[q->first];
        size_t n = gone < c->left ? gone : c->left;
        c->left -= n;
        gone -= n;
        /* Translation may have shortened the chunk, so this may lag by a held byte, never lead. */
        uint64_t upto = c->end > c->left ? c->end - c->left : 0;
        if (c->owner && (n || !c->left))
            consumed(ctx, c->owner, upto);
        if (c->left)
            break;
        q->first++;
        q->count--;
    }
    if (!q->count)
        q->first = 0;
}

void cursor_keys_feed(struct cursor_keys *k, bool application, const uint8_t *bytes, size_t len,
                      struct buf *out)
{
    for (size_t i = 0; i < len; i++) {
        if (!k->seen) { /* a paste goes on in one piece */
            const uint8_t *esc = memchr(bytes + i, 0x1b, len - i);
            size_t run = esc ? (size_t)(esc - bytes) - i : len - i;
            buf_put(out, bytes + i, run);
            i += run;
            if (!esc)
                break;
        }
        uint8_t b = bytes[i];
        if (k->seen == 2) {
            buf_put_u8(out, !application && b >= 'A' && b <= 'D' ? '[' : 'O');
            k->seen = 0;
        } else if (k->seen == 1 && b == 'O') {
            k->seen = 2;
            continue;
        }
        k->seen = b == 0x1b;
        buf_put_u8(out, b);
    }
}
