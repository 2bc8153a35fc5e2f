#include "term/history.h"

#include "base/mem.h"
#include "term/row_edit.h"

#include <stdlib.h>

/* What a line costs besides its row: its place in the ring, which is up to half empty. */
#define HISTORY_SLOT (2 * sizeof(struct row *))

struct history {
    struct row **ring; /* owned references */
    size_t size;       /* of the ring, a power of two or 0 */
    uint64_t first, end;
    size_t bytes, most;
};

struct history *history_new(size_t bytes)
{
    struct history *h = mem_new(1, sizeof *h);
    h->most = bytes;
    return h;
}

void history_free(struct history *h)
{
    if (!h)
        return;
    history_clear(h);
    free(h);
}

static struct row **slot(const struct history *h, uint64_t n)
{
    return &h->ring[n & (h->size - 1)];
}

static void drop_first(struct history *h)
{
    struct row *r = *slot(h, h->first++);
    h->bytes -= row_bytes(r) + HISTORY_SLOT;
    row_unref(r);
}

static void grow(struct history *h)
{
    size_t size = h->size ? h->size * 2 : 64;
    struct row **ring = mem_resize(NULL, size, sizeof *ring);
    for (uint64_t n = h->first; n < h->end; n++)
        ring[n & (size - 1)] = *slot(h, n);
    free(h->ring);
    h->ring = ring;
    h->size = size;
}

uint64_t history_append(struct history *h, const struct row *r)
{
    if (!h->most) {
        h->first++;
        return h->end++;
    }
    /* A short line gives back the blank rest of its row. */
    size_t tight =
        sizeof *r + r->used * sizeof r->cell[0] + r->text_len + r->ext_n * sizeof *r->ext;
    struct row *mine = tight < row_bytes(r) / 4 * 3 ? row_copy(r, 0) : row_ref(r);
    if (h->end - h->first == h->size)
        grow(h);
    *slot(h, h->end) = mine;
    h->bytes += row_bytes(mine) + HISTORY_SLOT;
    h->end++;
    while (h->bytes > h->most)
        drop_first(h);
    return h->end - 1;
}

struct row *history_pull(struct history *h)
{
    if (h->first == h->end)
        return NULL;
    struct row *r = *slot(h, --h->end);
    h->bytes -= row_bytes(r) + HISTORY_SLOT;
    return r;
}

void history_clear(struct history *h)
{
    while (h->first < h->end && h->most)
        drop_first(h);
    free(h->ring);
    h->ring = NULL;
    h->size = 0;
}

uint64_t history_first(const struct history *h)
{
    return h->first;
}

uint64_t history_end(const struct history *h)
{
    return h->end;
}

const struct row *history_line(const struct history *h, uint64_t n)
{
    return n >= h->first && n < h->end ? *slot(h, n) : NULL;
}

size_t history_bytes(const struct history *h)
{
    return h->bytes;
}
