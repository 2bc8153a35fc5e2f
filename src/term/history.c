#include "term/history.h"

#include "base/mem.h"
#include "term/pack.h"

#include <lz4.h>
#include <stdlib.h>

/* The newest blocks stay as they are: a screen that grows takes from them. */
#define WARM_BLOCKS 2

struct block {
    uint64_t first; /* number of its first line; the others follow without a hole */
    uint32_t lines;
    uint32_t len;    /* packed bytes */
    uint32_t stored; /* compressed ones; 0: the packed bytes are here as they are */
    uint32_t size;   /* of the memory at bytes */
    bool dense;      /* LZ4 gained nothing: not tried again */
    uint8_t *bytes;
};

/* One block as packed bytes, and where its lines begin. */
struct reading {
    struct block *block; /* NULL: none */
    uint8_t *bytes;      /* decompressed; NULL: the block has them as they are */
    uint32_t *at;        /* at[i]: offset of line i, for i < lines */
    uint32_t size;       /* entries that at has room for */
    uint32_t lines, end; /* indexed so far; end: offset behind them */
};

struct history {
    struct block **block; /* head .. head + blocks - 1 are in use, oldest first */
    size_t head, blocks, size;
    uint64_t first, end, kept;
    size_t bytes, most;
    size_t block_bytes; /* of a block when it is full */
    size_t tidied;      /* blocks from the oldest on that are compressed or dense */
    size_t since;       /* packed bytes appended since history_tidy */
    uint8_t *spare;     /* memory of a full block that was dropped, for the next one; or NULL */
    uint32_t spare_size;
    struct reading reading;
    struct row *line; /* the last one that history_line gave, or NULL */
    uint64_t line_n;
};

struct history *history_new(size_t bytes)
{
    struct history *h = mem_new(1, sizeof *h);
    h->most = bytes;
    h->block_bytes = bytes / 16 < HISTORY_BLOCK ? bytes / 16 : HISTORY_BLOCK;
    return h;
}

void history_free(struct history *h)
{
    if (!h)
        return;
    history_clear(h);
    free(h);
}

/* ---- blocks ---- */

static struct block *block_at(const struct history *h, size_t i)
{
    return h->block[h->head + i];
}

static struct block *newest(const struct history *h)
{
    return h->blocks ? block_at(h, h->blocks - 1) : NULL;
}

static size_t block_cost(const struct block *b)
{
    return sizeof *b + 2 * sizeof(struct block *) + b->size;
}

static void reading_end(struct history *h)
{
    free(h->reading.bytes);
    free(h->reading.at);
    h->reading = (struct reading){0};
}

static void line_end(struct history *h)
{
    row_unref(h->line);
    h->line = NULL;
}

static void block_free(struct history *h, struct block *b)
{
    if (h->reading.block == b)
        reading_end(h);
    h->bytes -= block_cost(b);
    h->kept -= b->lines;
    if (!h->spare && b->size >= h->block_bytes) {
        h->spare = b->bytes;
        h->spare_size = b->size;
    } else {
        free(b->bytes);
    }
    free(b);
}

static void drop_oldest(struct history *h)
{
    struct block *b = block_at(h, 0);
    h->first = b->first + b->lines;
    h->head++;
    h->blocks--;
    h->tidied -= h->tidied > 0;
    block_free(h, b);
    if (!h->blocks)
        h->head = 0;
}

static void drop_newest(struct history *h)
{
    struct block *b = newest(h);
    h->blocks--;
    if (h->tidied > h->blocks)
        h->tidied = h->blocks;
    block_free(h, b);
    if (!h->blocks)
        h->head = 0;
}

static void block_resize(struct history *h, struct block *b, uint32_t size)
{
    h->bytes -= block_cost(b);
    b->bytes = mem_resize(b->bytes, size, 1);
    b->size = size;
    h->bytes += block_cost(b);
}

/* A new block at the end, of the next number. */
static struct block *block_new(struct history *h)
{
    if (h->head + h->blocks == h->size) {
        if (h->head > h->size / 2) {
            memmove(h->block, h->block + h->head, h->blocks * sizeof(struct block *));
            h->head = 0;
        } else {
            h->size = h->size ? h->size * 2 : 16;
            h->block = mem_resize(h->block, h->size, sizeof(struct block *));
        }
    }
    struct block *b = mem_new(1, sizeof *b);
    b->first = h->end;
    h->block[h->head + h->blocks++] = b;
    h->bytes += block_cost(b);
    return b;
}

/* The block that takes a line of at most `room` bytes. */
static struct block *block_for(struct history *h, size_t room)
{
    struct block *b = newest(h);
    bool whole = b && (b->stored || b->dense || b->len >= h->block_bytes ||
                       b->lines >= HISTORY_BLOCK_LINES || b->first + b->lines != h->end);
    if (whole && !b->stored && b->len < b->size / 16 * 15)
        block_resize(h, b, b->len);
    if (!b || whole)
        b = block_new(h);
    if (!b->size && h->spare && h->spare_size >= room) {
        h->bytes -= block_cost(b);
        b->bytes = h->spare;
        b->size = h->spare_size;
        h->bytes += block_cost(b);
        h->spare = NULL;
    }
    if (b->size - b->len < room) {
        size_t size = b->size ? b->size * 2u : 512;
        if (size > h->block_bytes)
            size = h->block_bytes;
        if (size < b->len + room)
            size = b->len + room;
        block_resize(h, b, (uint32_t)size);
    }
    return b;
}

uint64_t history_append(struct history *h, const struct row *r)
{
    if (!h->most) {
        h->first++;
        return h->end++;
    }
    struct block *b = block_for(h, row_pack_room(r));
    size_t n = row_pack(r, b->bytes + b->len);
    b->len += (uint32_t)n;
    b->lines++;
    h->since += n;
    h->kept++;
    h->end++;
    while (h->bytes > h->most && h->blocks)
        drop_oldest(h);
    return h->end - 1;
}

/* ---- reading ---- */

/* Have the block's packed bytes and the places of its lines at hand. */
static const uint8_t *read_block(struct history *h, struct block *b)
{
    struct reading *r = &h->reading;
    if (r->block != b) {
        reading_end(h);
        r->block = b;
        if (b->stored) {
            r->bytes = mem_resize(NULL, b->len, 1);
            int n = LZ4_decompress_safe((const char *)b->bytes, (char *)r->bytes, (int)b->stored,
                                        (int)b->len);
            BUG_ON(n != (int)b->len);
        }
    }
    const uint8_t *bytes = r->bytes ? r->bytes : b->bytes;
    if (r->lines < b->lines) {
        if (r->size < b->lines) {
            r->size = b->lines < HISTORY_BLOCK_LINES / 2 ? 2 * b->lines : HISTORY_BLOCK_LINES;
            r->at = mem_resize(r->at, r->size, sizeof *r->at);
        }
        while (r->lines < b->lines) {
            r->at[r->lines++] = r->end;
            r->end += (uint32_t)row_pack_length(bytes + r->end);
        }
    }
    return bytes;
}

/* Index of the newest block that begins at n or before, or blocks when there is none. */
static size_t find(const struct history *h, uint64_t n)
{
    size_t lo = 0, hi = h->blocks;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (block_at(h, mid)->first <= n)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo ? lo - 1 : h->blocks;
}

uint64_t history_next(const struct history *h, uint64_t n)
{
    size_t i = find(h, n);
    if (i == h->blocks)
        return h->blocks ? block_at(h, 0)->first : h->end;
    if (n < block_at(h, i)->first + block_at(h, i)->lines)
        return n;
    return i + 1 < h->blocks ? block_at(h, i + 1)->first : h->end;
}

const struct row *history_line(struct history *h, uint64_t n)
{
    if (h->line && h->line_n == n)
        return h->line;
    line_end(h);
    size_t i = find(h, n);
    if (i == h->blocks || n >= block_at(h, i)->first + block_at(h, i)->lines)
        return NULL;
    struct block *b = block_at(h, i);
    const uint8_t *bytes = read_block(h, b);
    h->line = row_unpack(bytes + h->reading.at[n - b->first], 0);
    h->line_n = n;
    return h->line;
}

bool history_wrapped(struct history *h)
{
    const struct block *b = newest(h);
    if (!b)
        return false;
    const struct row *r = history_line(h, b->first + b->lines - 1);
    return r->wrapped || r->padded;
}

/* Make a compressed block as it was. */
static void block_warm(struct history *h, struct block *b)
{
    if (!b->stored)
        return;
    (void)read_block(h, b);
    h->bytes -= block_cost(b);
    free(b->bytes);
    b->bytes = h->reading.bytes;
    b->size = b->len;
    b->stored = 0;
    h->reading.bytes = NULL;
    h->bytes += block_cost(b);
}

struct row *history_pull(struct history *h, uint64_t id)
{
    struct block *b = newest(h);
    if (!b)
        return NULL;
    line_end(h);
    block_warm(h, b);
    if (h->tidied == h->blocks)
        h->tidied--;
    const uint8_t *bytes = read_block(h, b);
    struct reading *r = &h->reading;
    uint32_t at = r->at[b->lines - 1];
    struct row *row = row_unpack(bytes + at, id);
    b->len = r->end = at;
    b->lines--;
    r->lines--;
    h->kept--;
    b->dense = false;
    if (!b->lines)
        drop_newest(h);
    return row;
}

void history_clear(struct history *h)
{
    line_end(h);
    while (h->blocks)
        drop_oldest(h);
    free(h->block);
    free(h->spare);
    h->block = NULL;
    h->spare = NULL;
    h->size = 0;
    h->first = h->end;
}

/* ---- compressing ---- */

static void block_compress(struct history *h, struct block *b)
{
    int most = LZ4_compressBound((int)b->len);
    uint8_t *to = mem_resize(NULL, (size_t)most, 1);
    int n = LZ4_compress_default((const char *)b->bytes, (char *)to, (int)b->len, most);
    if (n <= 0 || (uint32_t)n > b->len / 8 * 7) {
        free(to);
        b->dense = true;
        return;
    }
    if (h->reading.block == b)
        reading_end(h);
    h->bytes -= block_cost(b);
    free(b->bytes);
    b->bytes = mem_resize(to, (size_t)n, 1);
    b->size = b->stored = (uint32_t)n;
    h->bytes += block_cost(b);
}

bool history_tidy(struct history *h)
{
    size_t since = h->since;
    h->since = 0;
    if (h->blocks <= WARM_BLOCKS || h->tidied >= h->blocks - WARM_BLOCKS)
        return false;
    if (since > h->most / 4)
        return true;
    block_compress(h, block_at(h, h->tidied));
    h->tidied++;
    return h->tidied < h->blocks - WARM_BLOCKS;
}

/* ---- getters ---- */

uint64_t history_first(const struct history *h)
{
    return h->first;
}

uint64_t history_end(const struct history *h)
{
    return h->end;
}

uint64_t history_kept(const struct history *h)
{
    return h->kept;
}

size_t history_bytes(const struct history *h)
{
    return h->bytes;
}

size_t history_cold(const struct history *h)
{
    size_t n = 0;
    for (size_t i = 0; i < h->blocks; i++)
        n += block_at(h, i)->stored != 0;
    return n;
}
