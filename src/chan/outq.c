#include "chan/outq.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* A channel that says little holds little; one that pours gets blocks worth their head. */
#define BLOCK_SMALL 1000u
#define BLOCK_LARGE OUTQ_SPACE

struct outq_block {
    struct outq_block *next;
    size_t size, start, end; /* start: first byte not acknowledged */
    uint8_t data[];
};

void outq_fini(struct outq *q)
{
    while (q->head) {
        struct outq_block *b = q->head;
        q->head = b->next;
        free(b);
    }
    free(q->spare);
    *q = (struct outq){0};
}

static struct outq_block *new_block(size_t size)
{
    struct outq_block *b = mem_resize(NULL, sizeof *b + size, 1);
    *b = (struct outq_block){.size = size};
    return b;
}

static struct outq_block *add_block(struct outq *q, struct outq_block *b)
{
    if (q->tail)
        q->tail->next = b;
    else
        q->head = b;
    q->tail = b;
    return b;
}

/* n bytes were written behind the end of the last block. */
static void grow_tail(struct outq *q, size_t n)
{
    struct outq_block *b = q->tail;
    if (!q->next) {
        q->next = b;
        q->next_at = b->end;
    }
    b->end += n;
    q->unsent += n;
    q->unacked += n;
}

void outq_put(struct outq *q, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    while (len) {
        struct outq_block *b = q->tail;
        if (!b || b->end == b->size)
            b = add_block(q, new_block(len > BLOCK_SMALL ? BLOCK_LARGE : BLOCK_SMALL));
        size_t n = b->size - b->end < len ? b->size - b->end : len;
        memcpy(b->data + b->end, p, n);
        grow_tail(q, n);
        p += n;
        len -= n;
    }
}

uint8_t *outq_space(struct outq *q, size_t min, size_t *len)
{
    struct outq_block *b = q->tail;
    BUG_ON(min > BLOCK_LARGE);
    if (!b || b->size - b->end < min) {
        if (!q->spare)
            q->spare = new_block(BLOCK_LARGE);
        b = q->spare;
    } else {
        free(q->spare);
        q->spare = NULL;
    }
    *len = b->size - b->end;
    return b->data + b->end;
}

void outq_commit(struct outq *q, size_t len)
{
    if (!len)
        return;
    if (q->spare)
        add_block(q, q->spare);
    q->spare = NULL;
    BUG_ON(!q->tail || len > q->tail->size - q->tail->end);
    grow_tail(q, len);
}

size_t outq_pull(const struct outq *q, struct stream_vec v[static STREAM_VECS], bool *all)
{
    const struct outq_block *b = q->next;
    size_t at = q->next_at, n = 0, bytes = 0;
    for (; b && n < STREAM_VECS && bytes < OUTQ_PULL; b = b->next, at = 0) {
        v[n++] = (struct stream_vec){b->data + at, b->end - at};
        bytes += b->end - at;
    }
    *all = !b;
    return n;
}

void outq_taken(struct outq *q, size_t len)
{
    BUG_ON(len > q->unsent);
    q->unsent -= len;
    while (len) {
        size_t n = q->next->end - q->next_at;
        if (len < n) {
            q->next_at += len;
            return;
        }
        len -= n;
        q->next = q->next->next;
        q->next_at = 0;
    }
}

void outq_acked(struct outq *q, size_t len)
{
    BUG_ON(len > q->unacked - q->unsent);
    q->unacked -= len;
    q->acked += len;
    while (len) {
        struct outq_block *b = q->head;
        size_t n = b->end - b->start < len ? b->end - b->start : len;
        b->start += n;
        len -= n;
        if (b->start != b->end)
            return;
        q->head = b->next;
        if (!q->head)
            q->tail = NULL;
        free(b);
    }
    if (!q->head) { /* an idle channel holds nothing */
        free(q->spare);
        q->spare = NULL;
    }
}

size_t outq_memory(const struct outq *q)
{
    size_t n = 0;
    for (const struct outq_block *b = q->head; b; b = b->next)
        n += sizeof *b + b->size;
    if (q->spare)
        n += sizeof *q->spare + q->spare->size;
    return n;
}
