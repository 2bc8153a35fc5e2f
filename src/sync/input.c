#include "sync/input.h"

#include "base/mem.h"
#include "sync/message.h"
#include "term/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of messages around a run of keys and of one resize, at most. */
#define KEYS_OVERHEAD   24
#define RESIZE_OVERHEAD 16

void input_init(struct input_queue *q, size_t cap, bool merge)
{
    *q = (struct input_queue){.merge = merge};
    buf_init(&q->bytes, cap);
}

void input_fini(struct input_queue *q)
{
    buf_fini(&q->bytes);
    free(q->runs);
    q->runs = NULL;
    q->n = q->size = 0;
}

size_t input_memory(const struct input_queue *q)
{
    return q->bytes.size + q->size * sizeof *q->runs;
}

size_t input_append(struct input_queue *q, const void *bytes, size_t len)
{
    if (len > buf_room(&q->bytes))
        len = buf_room(&q->bytes);
    if (!len)
        return 0;
    if (!buf_len(&q->bytes) && q->bytes.size > 65536)
        buf_release(&q->bytes); /* after a paste; not when it is taken: a reader may look still */
    buf_put(&q->bytes, bytes, len);
    q->end.bytes += len;
    q->end.events += len;
    return len;
}

int input_append_resize(struct input_queue *q, uint16_t cols, uint16_t rows)
{
    struct input_resize *last = q->n ? &q->runs[q->n - 1] : NULL;
    if (q->merge && last && last->at + last->count == q->end.events && last->count < UINT32_MAX) {
        last->count++;
        last->cols = cols;
        last->rows = rows;
        q->end.events++;
        return ERR_OK;
    }
    if (q->n == INPUT_RESIZES_MAX)
        return ERR_CAP;
    if (q->n == q->size) {
        q->size = q->size ? q->size * 2 : 4;
        q->runs = mem_resize(q->runs, q->size, sizeof *q->runs);
    }
    q->runs[q->n++] = (struct input_resize){q->end.events, q->end.bytes, 1, cols, rows};
    q->end.events++;
    return ERR_OK;
}

static void drop_runs(struct input_queue *q, size_t k)
{
    if (!k)
        return;
    q->n -= k;
    memmove(q->runs, q->runs + k, q->n * sizeof *q->runs);
}

void input_forget(struct input_queue *q, const struct input_mark *m)
{
    if (m->events <= q->base.events)
        return;
    BUG_ON(m->events > q->end.events || m->bytes > q->end.bytes);
    size_t k = 0;
    while (k < q->n && q->runs[k].at < m->events)
        k++;
    drop_runs(q, k);
    buf_skip(&q->bytes, (size_t)(m->bytes - q->base.bytes));
    q->base.events = m->events;
    q->base.bytes = m->bytes;
}

static struct input_mark *mark_new(uint64_t events, uint64_t bytes)
{
    struct input_mark *m = mem_new(1, sizeof *m);
    *m = (struct input_mark){1, events, bytes};
    return m;
}

struct input_mark *input_mark_end(const struct input_queue *q)
{
    return mark_new(q->end.events, q->end.bytes);
}

static void *mark_ref(void *state)
{
    ((struct input_mark *)state)->refs++;
    return state;
}

static void mark_unref(void *state)
{
    struct input_mark *m = state;
    if (!--m->refs)
        free(m);
}

static size_t mark_cost(const void *prev, const void *state)
{
    return prev == state ? 0 : sizeof(struct input_mark);
}

/* Index of the first run at or behind event number `at`. */
static size_t first_run(const struct input_queue *q, uint64_t at)
{
    size_t lo = 0, hi = q->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (q->runs[mid].at < at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static int mark_diff(void *ctx, const void *from, const void *to, struct buf *out)
{
    const struct input_queue *q = ctx;
    const struct input_mark *a = from, *b = to;
    BUG_ON(a->events < q->base.events || b->events > q->end.events);
    uint64_t at = a->events, bytes = a->bytes;
    size_t run = first_run(q, at);
    while (at < b->events) {
        bool resize = run < q->n && q->runs[run].at == at;
        if (resize) {
            message_put_resize(out, q->runs[run].cols, q->runs[run].rows);
            at++;
            run++;
            continue;
        }
        uint64_t stop = run < q->n && q->runs[run].at < b->events ? q->runs[run].at : b->events;
        message_put_keys(out, buf_data(&q->bytes) + (bytes - q->base.bytes), (size_t)(stop - at));
        bytes += stop - at;
        at = stop;
    }
    return buf_err(out);
}

static bool mark_equal(void *ctx, const void *a, const void *b)
{
    return ((const struct input_mark *)a)->events == ((const struct input_mark *)b)->events;
}

/* As far from `from` as budget bytes of messages reach; at least one event. */
static void *mark_partial(void *ctx, const void *from, const void *to, size_t budget)
{
    const struct input_queue *q = ctx;
    const struct input_mark *a = from, *b = to;
    uint64_t at = a->events, bytes = a->bytes;
    size_t run = first_run(q, at), used = 0;
    while (at < b->events) {
        size_t left = budget > used ? budget - used : 0;
        if (run < q->n && q->runs[run].at == at) {
            if (at > a->events && left < RESIZE_OVERHEAD)
                break;
            used += RESIZE_OVERHEAD;
            at++;
            run++;
            continue;
        }
        if (at > a->events && left <= KEYS_OVERHEAD)
            break;
        uint64_t stop = run < q->n && q->runs[run].at < b->events ? q->runs[run].at : b->events;
        uint64_t want = left > KEYS_OVERHEAD ? left - KEYS_OVERHEAD : 1;
        uint64_t n = stop - at < want ? stop - at : want;
        used += KEYS_OVERHEAD + (size_t)n;
        at += n;
        bytes += n;
        if (at < stop)
            break;
    }
    if (at == b->events)
        return mark_ref((void *)(uintptr_t)to);
    return mark_new(at, bytes);
}

static void mark_acked(void *ctx, const void *state)
{
    input_forget(ctx, state);
}

struct state_ops input_state_ops(struct input_queue *q)
{
    return (struct state_ops){mark_diff,    mark_equal, mark_ref,   mark_unref,
                              mark_partial, mark_cost,  mark_acked, q};
}

static bool size_ok(const struct message *m)
{
    return m->width >= 1 && m->width <= SCREEN_MAX && m->height >= 1 && m->height <= SCREEN_MAX;
}

/* Count what a diff appends, and check all of it before anything is changed. */
static int measure(const uint8_t *diff, size_t len, struct input_mark *by, size_t *runs)
{
    struct reader r = reader_of(diff, len);
    struct message m;
    bool in_run = false;
    int got;
    while ((got = message_next(&r, false, &m)) > 0) {
        if (m.kind == MESSAGE_KEYS) {
            in_run = in_run && !m.len;
            by->bytes += m.len;
            by->events += m.len;
        } else if (!size_ok(&m)) {
            return ERR_SYNTAX;
        } else {
            by->events++;
            *runs += !in_run;
            in_run = true;
        }
    }
    return got;
}

/* Append the events of a diff but for the first `skip`. */
static int append_diff(struct input_queue *q, const uint8_t *diff, size_t len, uint64_t skip)
{
    struct reader r = reader_of(diff, len);
    struct message m;
    while (message_next(&r, false, &m) > 0) {
        if (m.kind == MESSAGE_RESIZE) {
            if (skip) {
                skip--;
                continue;
            }
            int err = input_append_resize(q, (uint16_t)m.width, (uint16_t)m.height);
            if (err)
                return err;
            continue;
        }
        size_t over = skip < m.len ? (size_t)skip : m.len;
        skip -= over;
        input_append(q, m.bytes + over, m.len - over);
    }
    return ERR_OK;
}

static int mark_apply(void *ctx, const void *ref, const uint8_t *diff, size_t len, void **out)
{
    struct input_queue *q = ctx;
    const struct input_mark *from = ref;
    struct input_mark by = {0};
    size_t runs = 0;
    int err = measure(diff, len, &by, &runs);
    if (err)
        return err;
    uint64_t end = from->events + by.events;
    if (end > q->end.events) {
        BUG_ON(from->events > q->end.events);
        if (by.bytes > buf_room(&q->bytes) || runs + q->n > INPUT_RESIZES_MAX)
            return ERR_CAP;
        err = append_diff(q, diff, len, q->end.events - from->events);
        if (err)
            return err;
    }
    *out = mark_new(end, from->bytes + by.bytes);
    return ERR_OK;
}

struct replica_ops input_replica_ops(struct input_queue *q)
{
    return (struct replica_ops){mark_apply, mark_ref, mark_unref, mark_cost, q};
}

int input_peek(const struct input_queue *q, const struct input_resize **resize,
               const uint8_t **bytes, size_t *len)
{
    *resize = NULL;
    *bytes = NULL;
    *len = 0;
    if (q->base.events == q->end.events)
        return 0;
    if (q->n && q->runs[0].at == q->base.events) {
        *resize = &q->runs[0];
        return 1;
    }
    uint64_t stop = q->n ? q->runs[0].at : q->end.events;
    *bytes = buf_data(&q->bytes);
    *len = (size_t)(stop - q->base.events);
    return 1;
}

void input_take(struct input_queue *q)
{
    const struct input_resize *resize;
    const uint8_t *bytes;
    size_t len;
    if (!input_peek(q, &resize, &bytes, &len))
        return;
    if (!resize) {
        struct input_mark m = {1, q->base.events + len, q->base.bytes + len};
        input_forget(q, &m);
        return;
    }
    uint64_t count = resize->count;
    drop_runs(q, 1);
    q->base.events += count;
}
