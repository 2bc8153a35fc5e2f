#include "base/mem.h"
#include "sync/logs.h"

#include <stdlib.h>
#include <string.h>

void log_reader_init(struct log_reader *r)
{
    *r = (struct log_reader){.told = LOG_FIRST_LIMIT};
    buf_init(&r->ready, SYNC_LOG_RECV_MAX);
}

static void chunk_drop(struct log_reader *r, size_t i)
{
    free(r->chunk[i].bytes);
    r->chunks--;
    memmove(r->chunk + i, r->chunk + i + 1, (r->chunks - i) * sizeof r->chunk[0]);
}

void log_reader_fini(struct log_reader *r)
{
    buf_fini(&r->ready);
    while (r->chunks)
        chunk_drop(r, r->chunks - 1);
}

size_t log_reader_memory(const struct log_reader *r)
{
    size_t n = r->ready.size;
    for (size_t i = 0; i < r->chunks; i++)
        n += r->chunk[i].len;
    return n;
}

uint64_t log_reader_limit(const struct log_reader *r)
{
    return r->next - buf_len(&r->ready) + SYNC_LOG_RECV_MAX;
}

static uint64_t chunk_end(const struct log_chunk *c)
{
    return c->start + c->len;
}

static void chunk_extend(struct log_chunk *c, const uint8_t *bytes, size_t len)
{
    c->bytes = mem_resize(c->bytes, c->len + len, 1);
    memcpy(c->bytes + c->len, bytes, len);
    c->len += len;
}

/* Put bytes that overlap nothing in front of chunk i, joined to its neighbours. */
static void fill_gap(struct log_reader *r, size_t i, uint64_t start, const uint8_t *bytes,
                     size_t len)
{
    if (i && chunk_end(&r->chunk[i - 1]) == start) {
        chunk_extend(&r->chunk[i - 1], bytes, len);
    } else {
        if (r->chunks == LOG_CHUNKS_MAX)
            return;
        memmove(r->chunk + i + 1, r->chunk + i, (r->chunks - i) * sizeof r->chunk[0]);
        r->chunks++;
        r->chunk[i] = (struct log_chunk){.start = start};
        chunk_extend(&r->chunk[i], bytes, len);
        i++;
    }
    if (i < r->chunks && r->chunk[i].start == chunk_end(&r->chunk[i - 1])) {
        chunk_extend(&r->chunk[i - 1], r->chunk[i].bytes, r->chunk[i].len);
        chunk_drop(r, i);
    }
}

/* Keep [start, start+len), all of it beyond next. */
static void keep(struct log_reader *r, uint64_t start, const uint8_t *bytes, size_t len)
{
    uint64_t end = start + len;
    for (;;) {
        size_t i = 0;
        while (i < r->chunks && chunk_end(&r->chunk[i]) <= start)
            i++;
        if (i < r->chunks && r->chunk[i].start <= start) { /* have its beginning */
            uint64_t past = chunk_end(&r->chunk[i]);
            if (past >= end)
                return;
            bytes += past - start;
            start = past;
            continue;
        }
        uint64_t stop = i < r->chunks && r->chunk[i].start < end ? r->chunk[i].start : end;
        size_t before = r->chunks;
        fill_gap(r, i, start, bytes, (size_t)(stop - start));
        if (stop == end || (r->chunks == before && before == LOG_CHUNKS_MAX))
            return;
        bytes += stop - start;
        start = stop;
    }
}

static void advance(struct log_reader *r, const uint8_t *bytes, size_t len)
{
    buf_put(&r->ready, bytes, len);
    r->next += len;
    while (r->chunks && r->chunk[0].start <= r->next) {
        struct log_chunk *c = &r->chunk[0];
        if (chunk_end(c) > r->next) {
            size_t known = (size_t)(r->next - c->start);
            buf_put(&r->ready, c->bytes + known, c->len - known);
            r->next = chunk_end(c);
        }
        chunk_drop(r, 0);
    }
}

bool log_reader_take(struct log_reader *r, const struct log_data *d)
{
    r->ack = true; /* even of a repeated one: the peer missed the first acknowledgement */
    uint64_t limit = log_reader_limit(r);
    if (!d->len || d->offset > UINT64_MAX - d->len)
        return false;
    uint64_t start = d->offset, end = d->offset + d->len;
    if (end > limit)
        end = limit;
    if (start < r->next)
        start = r->next;
    if (start >= end)
        return false;
    const uint8_t *bytes = d->bytes + (start - d->offset);
    if (start > r->next) {
        keep(r, start, bytes, (size_t)(end - start));
        return false;
    }
    advance(r, bytes, (size_t)(end - start));
    return true;
}

void log_reader_skip(struct log_reader *r, size_t n)
{
    buf_skip(&r->ready, n);
    if (!buf_len(&r->ready))
        buf_release(&r->ready);
    if (log_reader_limit(r) >= r->told + SYNC_LOG_RECV_MAX / 4)
        r->ack = true;
}

void log_reader_ack(struct log_reader *r, uint32_t id, struct log_ack *out)
{
    *out = (struct log_ack){.id = id, .next = r->next, .limit = log_reader_limit(r)};
    for (size_t i = 0; i < r->chunks && out->ranges < LOG_ACK_RANGES; i++)
        out->range[out->ranges++] = (struct log_range){r->chunk[i].start, chunk_end(&r->chunk[i])};
    r->told = out->limit;
    r->ack = false;
}
