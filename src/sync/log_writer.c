#include "base/mem.h"
#include "sync/logs.h"

#include <string.h>

#define FIRST_LIMIT    65536 /* what a reader takes before it told a limit (tern.proto) */
#define ACK_DELAY_US   100000
#define TARGET_US      25000 /* queueing delay that bulk may cause */
#define WINDOW_MAX     (512u << 10)
#define WINDOW_MIN     (2 * 1200)
#define REORDER_US     10000
#define BULK_PIECE_MIN 256
/* Repeats of the event log on a path that loses packets. */
#define LOSSY       0.01
#define REPEAT_US   20000
#define REPEAT_MAX  250000
#define QUIET_US    1000000
#define UNKNOWN_RTT 1000000
/* Bulk on a quiet link: after 1, 2, ... up to 2^ASKING_SHIFT seconds. */
#define ASKING_SHIFT 5

void log_writers_init(struct log_writers *w)
{
    *w = (struct log_writers){.window = WINDOW_MIN};
    for (size_t i = 0; i < SYNC_LOGS; i++) {
        buf_init(&w->log[i].bytes, SYNC_LOG_SEND_MAX);
        w->log[i].limit = LOG_FIRST_LIMIT;
    }
}

void log_writers_fini(struct log_writers *w)
{
    for (size_t i = 0; i < SYNC_LOGS; i++)
        buf_fini(&w->log[i].bytes);
}

size_t log_writers_memory(const struct log_writers *w)
{
    size_t n = 0;
    for (size_t i = 0; i < SYNC_LOGS; i++)
        n += w->log[i].bytes.size;
    return n;
}

int log_write(struct log_writers *w, unsigned id, const void *bytes, size_t len)
{
    BUG_ON(id >= SYNC_LOGS);
    struct buf *b = &w->log[id].bytes;
    if (len > buf_room(b))
        return ERR_CAP;
    buf_put(b, bytes, len);
    return buf_err(b);
}

bool log_writers_owe(const struct log_writers *w, bool any)
{
    for (size_t i = 0; i < (any ? SYNC_LOGS : 1); i++)
        if (buf_len(&w->log[i].bytes))
            return true;
    return false;
}

static bool in_class(uint32_t id, bool bulk)
{
    return bulk == (id != SYNC_LOG_EVENTS);
}

static uint64_t srtt(const struct sync_link *facts)
{
    return facts->srtt_us ? facts->srtt_us : UNKNOWN_RTT;
}

/* How long a piece stays in flight before it counts as lost. */
static uint64_t patience(const struct log_piece *p, bool bulk, const struct sync_link *facts)
{
    if (facts->quiet)
        return QUIET_US << (p->tries < 2 ? 0 : 1);
    if (!bulk && facts->loss >= LOSSY) {
        uint64_t t = REPEAT_US;
        for (unsigned i = 1; i < p->tries && t < REPEAT_MAX; i++)
            t += t / 2;
        return t;
    }
    return (facts->rto_us ? facts->rto_us : UNKNOWN_RTT) + ACK_DELAY_US;
}

static bool window_open(const struct log_writers *w, size_t len, const struct sync_link *facts)
{
    if (facts->bulk_room < BULK_PIECE_MIN)
        return false;
    return !w->flying || (double)(w->flying + len) <= w->window;
}

/* The log of this class with bytes never sent that its reader has room for, or NULL. */
static struct log_writer *fresh(const struct log_writers *w, bool bulk, uint32_t *id)
{
    if (w->n == LOG_FLIGHT_MAX)
        return NULL;
    for (uint32_t i = 0; i < SYNC_LOGS; i++) {
        const struct log_writer *l = &w->log[i];
        if (!in_class(i, bulk) || l->next >= l->limit || l->next - l->acked >= buf_len(&l->bytes))
            continue;
        *id = i;
        return (struct log_writer *)(uintptr_t)l;
    }
    return NULL;
}

/* While the link is quiet one piece of bulk, sent again at growing intervals, asks for the round
 * trip that ends it: the screen may long be acknowledged, and the peer owe nothing. NULL: none. */
static const struct log_piece *asking(const struct log_writers *w, uint64_t *due)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct log_piece *p = &w->flight[i];
        if (!in_class(p->id, true))
            continue;
        *due = p->time_us + (QUIET_US << (p->tries < ASKING_SHIFT ? p->tries - 1u : ASKING_SHIFT));
        return p;
    }
    return NULL;
}

static struct log_data again(const struct log_writers *w, const struct log_piece *p)
{
    const struct log_writer *l = &w->log[p->id];
    return (struct log_data){p->id, p->start, buf_data(&l->bytes) + (p->start - l->acked),
                             (size_t)(p->end - p->start)};
}

uint64_t log_writers_due(const struct log_writers *w, bool bulk, size_t piece, uint64_t now_us,
                         const struct sync_link *facts)
{
    uint64_t due = SYNC_NEVER;
    bool more = false;
    if (bulk && facts->bulk_room < BULK_PIECE_MIN)
        return SYNC_NEVER;
    if (bulk && facts->quiet)
        return asking(w, &due) ? due : SYNC_NEVER;
    for (size_t i = 0; i < w->n; i++) {
        const struct log_piece *p = &w->flight[i];
        if (!in_class(p->id, bulk))
            continue;
        if (p->lost) {
            more = true;
            continue;
        }
        uint64_t t = p->time_us + patience(p, bulk, facts);
        due = t < due ? t : due;
    }
    uint32_t id;
    more = more || (!facts->quiet && fresh(w, bulk, &id));
    if (more && (!bulk || window_open(w, piece, facts)))
        due = now_us;
    return due;
}

static void cut_window(struct log_writers *w, uint64_t now_us, const struct sync_link *facts)
{
    if (w->cut_us && now_us - w->cut_us < srtt(facts))
        return;
    /* Loss without delay is the path's own (radio), not a queue's: hardly a reason to slow down. */
    bool queue = !facts->floor_us || srtt(facts) > facts->floor_us + TARGET_US / 2;
    w->window *= queue ? 0.5 : 0.9;
    if (w->window < WINDOW_MIN)
        w->window = WINDOW_MIN;
    w->cut_us = now_us;
}

static void lose(struct log_writers *w, struct log_piece *p)
{
    if (p->lost)
        return;
    p->lost = true;
    if (p->id != SYNC_LOG_EVENTS)
        w->flying -= p->end - p->start;
}

static void time_out(struct log_writers *w, bool bulk, uint64_t now_us,
                     const struct sync_link *facts)
{
    for (size_t i = 0; i < w->n; i++) {
        struct log_piece *p = &w->flight[i];
        if (!in_class(p->id, bulk) || p->lost || p->time_us + patience(p, bulk, facts) > now_us)
            continue;
        lose(w, p);
        if (bulk && !facts->quiet)
            cut_window(w, now_us, facts);
    }
}

int log_writers_next(struct log_writers *w, bool bulk, size_t want, size_t piece, uint64_t now_us,
                     const struct sync_link *facts, struct log_data *out)
{
    time_out(w, bulk, now_us, facts);
    if (bulk && facts->quiet) {
        uint64_t due;
        const struct log_piece *p = asking(w, &due);
        if (!p || now_us < due)
            return 0;
        *out = again(w, p);
        return 1;
    }
    if (bulk && !window_open(w, piece, facts))
        return 0;
    for (size_t i = 0; i < w->n; i++) {
        struct log_piece *p = &w->flight[i];
        if (!p->lost || !in_class(p->id, bulk))
            continue;
        *out = again(w, p);
        return 1;
    }
    uint32_t id;
    struct log_writer *l = facts->quiet ? NULL : fresh(w, bulk, &id);
    if (!l)
        return 0;
    size_t at = (size_t)(l->next - l->acked);
    size_t len = buf_len(&l->bytes) - at;
    if (len > want)
        len = want;
    if (len > l->limit - l->next)
        len = (size_t)(l->limit - l->next);
    *out = (struct log_data){id, l->next, buf_data(&l->bytes) + at, len};
    return 1;
}

void log_writers_sent(struct log_writers *w, const struct log_data *d, uint64_t now_us)
{
    struct log_writer *l = &w->log[d->id];
    struct log_piece *p = NULL;
    for (size_t i = 0; i < w->n && !p; i++)
        if (w->flight[i].id == d->id && w->flight[i].start == d->offset)
            p = &w->flight[i];
    if (!p) {
        BUG_ON(w->n == LOG_FLIGHT_MAX || d->offset != l->next);
        p = &w->flight[w->n++];
        *p = (struct log_piece){.id = d->id, .start = d->offset, .end = d->offset + d->len};
        p->lost = true;
        l->next = p->end;
    }
    if (p->lost && p->id != SYNC_LOG_EVENTS)
        w->flying += p->end - p->start;
    p->lost = false;
    p->tries++;
    p->time_us = now_us;
}

static bool covered(const struct log_ack *a, const struct log_piece *p)
{
    if (p->end <= a->next)
        return true;
    for (size_t i = 0; i < a->ranges; i++)
        if (a->range[i].start <= p->start && p->end <= a->range[i].end)
            return true;
    return false;
}

/* Take the pieces that arrived out of the flight; returns their bytes. */
static size_t land(struct log_writers *w, const struct log_ack *a)
{
    size_t kept = 0, bytes = 0;
    for (size_t i = 0; i < w->n; i++) {
        struct log_piece *p = &w->flight[i];
        if (p->id != a->id || !covered(a, p)) {
            w->flight[kept++] = *p;
            continue;
        }
        if (p->time_us > w->news_us)
            w->news_us = p->time_us;
        bytes += (size_t)(p->end - p->start);
        if (!p->lost && p->id != SYNC_LOG_EVENTS)
            w->flying -= p->end - p->start;
    }
    w->n = kept;
    return bytes;
}

/* A reader may take the front of a piece only (its limit cuts): the rest stays in flight. */
static void trim(struct log_writers *w, const struct log_ack *a)
{
    for (size_t i = 0; i < w->n; i++) {
        struct log_piece *p = &w->flight[i];
        if (p->id != a->id || p->start >= a->next)
            continue;
        if (!p->lost && p->id != SYNC_LOG_EVENTS)
            w->flying -= a->next - p->start;
        p->start = a->next;
    }
}

/* What was sent clearly before something that has arrived is lost (RFC 8985). */
static void find_lost(struct log_writers *w, uint32_t id, uint64_t now_us,
                      const struct sync_link *facts)
{
    uint64_t slack = srtt(facts) / 4;
    slack = slack < REORDER_US ? slack : REORDER_US;
    for (size_t i = 0; i < w->n; i++) {
        struct log_piece *p = &w->flight[i];
        if (p->id != id || p->lost || p->time_us + slack >= w->news_us)
            continue;
        lose(w, p);
        if (id != SYNC_LOG_EVENTS)
            cut_window(w, now_us, facts);
    }
}

static void grow_window(struct log_writers *w, size_t bytes, size_t mtu,
                        const struct sync_link *facts)
{
    double off = 1;
    if (facts->floor_us && srtt(facts) > facts->floor_us)
        off = ((double)TARGET_US - (double)(srtt(facts) - facts->floor_us)) / TARGET_US;
    if (off < -1)
        off = -1;
    w->window += off * (double)bytes * (double)mtu / w->window;
    if (w->window < WINDOW_MIN)
        w->window = WINDOW_MIN;
    if (w->window > WINDOW_MAX)
        w->window = WINDOW_MAX;
}

bool log_writers_ack(struct log_writers *w, const struct log_ack *a, size_t mtu, uint64_t now_us,
                     const struct sync_link *facts)
{
    if (a->id >= SYNC_LOGS)
        return false;
    struct log_writer *l = &w->log[a->id];
    if (a->next > l->next)
        return false;
    bool limited = a->limit > l->limit;
    if (limited)
        l->limit = a->limit;
    size_t bytes = land(w, a);
    trim(w, a);
    if (bytes) {
        find_lost(w, a->id, now_us, facts);
        if (a->id != SYNC_LOG_EVENTS)
            grow_window(w, bytes, mtu, facts);
    }
    if (a->next > l->acked) {
        buf_skip(&l->bytes, (size_t)(a->next - l->acked));
        l->acked = a->next;
        if (!buf_len(&l->bytes))
            buf_release(&l->bytes);
    }
    return bytes || limited;
}

void log_writers_retry(struct log_writers *w)
{
    for (size_t i = 0; i < w->n; i++)
        lose(w, &w->flight[i]);
}
