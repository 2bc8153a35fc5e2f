/* The history on its way to the clients: each attachment reads from its session's history as its
 * log drains, so that nothing waits but in the history itself, where the oldest lines go first. */
#include "session/server_impl.h"

#include "session/history_log.h"
#include "term/history.h"
#include "term/link.h"

/* No more lines go into the log while this much of it has never left. */
#define UNSENT_MAX 32768
/* While the program prints, this many bytes of lines go in that time: a flood drops most of its
 * lines anyway, and must not be slowed down by those. */
#define PACE_BYTES HISTORY_PACK
#define PACE_US    20000u
/* After lines were lost for a flood no others go until it is over, so that the user finds one gap
 * and not hundreds; but a flood without an end is not waited for. */
#define HOLD_US      200000u
#define HOLD_MOST_US 2000000u

static bool wanted(const struct attachment *a)
{
    return a->history.want &&
           (a->state == ATTACHMENT_LIVE || (a->state == ATTACHMENT_ENDING && !a->leaving));
}

static int put(struct attachment *a, const struct history_record *r)
{
    struct buf b;
    buf_init(&b, HISTORY_RECORD_MAX);
    history_record_put(&b, r, &a->session->server->pack);
    int err = buf_err(&b);
    if (!err)
        err = sync_log_append(a->lane.sync, SYNC_LOG_HISTORY, buf_data(&b), buf_len(&b));
    buf_fini(&b);
    return err;
}

static int put_mark(struct attachment *a, enum history_kind kind, uint64_t first, uint64_t end)
{
    return put(a, &(struct history_record){.kind = kind, .first = first, .end = end});
}

/* What the client must know before the next line. */
static int put_marks(struct attachment *a, uint64_t now_us)
{
    struct history_feed *f = &a->history;
    struct history *h = term_history(a->session->term);
    uint64_t end = history_end(h), first = history_first(h);
    uint64_t oldest = end > f->want && end - f->want > first ? end - f->want : first;
    bool begun = f->begun;
    if (!f->begun) {
        f->begun = true;
        f->next = f->gap = a->session->cleared;
        if (put_mark(a, HISTORY_SKIP, 0, f->next))
            return ERR_CAP;
    }
    if (f->cleared) {
        if (put_mark(a, HISTORY_CLEAR, 0, f->cleared))
            return ERR_CAP;
        if (f->next < f->cleared)
            f->next = f->cleared;
        f->gap = f->next;
        f->cleared = 0;
    }
    if (f->next < oldest) {
        f->next = oldest;
        if (begun && !f->hold_since_us)
            f->hold_since_us = now_us;
        uint64_t most = f->hold_since_us + HOLD_MOST_US;
        if (begun)
            f->hold_us = now_us + HOLD_US < most ? now_us + HOLD_US : most;
    }
    if (f->gap == f->next)
        return ERR_OK;
    if (f->hold_us > now_us)
        return ERR_STATE;
    int err = put_mark(a, HISTORY_GAP, f->gap, f->next);
    if (!err) {
        f->gap = f->next;
        f->hold_since_us = f->hold_us = 0;
    }
    return err;
}

/* Links are found again by that many places; one told twice does no harm. */
#define TOLD 512

/* What the links of the line are, into r, unless `told` has them. */
static void put_links(struct history_record *r, uint32_t told[static TOLD], const struct row *line,
                      const struct links *links)
{
    uint32_t last = 0;
    for (uint16_t i = 0; i < line->ext_n; i++) {
        uint32_t n = line->ext[i].link;
        const char *uri = n == last || told[n % TOLD] == n ? NULL : links_uri(links, n);
        last = n;
        if (uri && history_link_put(r, n, uri))
            told[n % TOLD] = n;
    }
}

/* The next lines, as many as make a record; ERR_STATE when there are none. */
static int put_lines(struct attachment *a, uint64_t now_us)
{
    struct history_feed *f = &a->history;
    struct history *h = term_history(a->session->term);
    uint64_t n = history_next(h, f->next);
    if (f->paced_us > now_us && now_us - a->session->printed_us < PACE_US)
        return ERR_STATE;
    if (n > f->next) {
        if (put_mark(a, HISTORY_SKIP, f->next, n))
            return ERR_CAP;
        f->next = f->gap = n;
    }
    struct history_record r = {.kind = HISTORY_LINES, .first = n}, links = {.kind = HISTORY_LINKS};
    uint32_t told[TOLD] = {0};
    const struct row *line;
    buf_init(&r.lines, HISTORY_RECORD_MAX - 64);
    buf_init(&links.lines, HISTORY_RECORD_MAX - 64);
    while (n < history_end(h) && n - r.first < HISTORY_LINES_MAX &&
           buf_len(&r.lines) + buf_len(&links.lines) < HISTORY_PACK &&
           (line = history_line(h, n))) {
        line_put(&r.lines, line);
        put_links(&links, told, line, term_links(a->session->term));
        n++;
    }
    r.end = n;
    int err = n == r.first ? ERR_STATE : buf_len(&links.lines) ? put(a, &links) : ERR_OK;
    if (!err)
        err = put(a, &r);
    uint64_t paced = f->paced_us + PACE_US > now_us ? f->paced_us : now_us - PACE_US;
    if (!err)
        f->paced_us = paced + (buf_len(&r.lines) + buf_len(&links.lines)) * PACE_US / PACE_BYTES;
    buf_fini(&r.lines);
    buf_fini(&links.lines);
    if (!err)
        f->next = f->gap = n;
    return err;
}

void attachment_history(struct attachment *a, uint64_t now_us)
{
    struct sync *s = a->lane.sync;
    struct history *h = term_history(a->session->term);
    if (!wanted(a))
        return;
    if (a->history.begun && a->history.next > history_end(h))
        a->history.next = a->history.gap = history_end(h);
    while (sync_log_unsent(s, SYNC_LOG_HISTORY) < UNSENT_MAX &&
           sync_log_room(s, SYNC_LOG_HISTORY) > 2 * HISTORY_RECORD_MAX)
        if (put_marks(a, now_us) || put_lines(a, now_us))
            return;
}

bool attachment_history_done(const struct attachment *a)
{
    const struct history_feed *f = &a->history;
    if (!f->want)
        return true;
    return f->begun && !f->cleared && f->gap == f->next &&
           f->next == history_end(term_history(a->session->term)) &&
           sync_log_room(a->lane.sync, SYNC_LOG_HISTORY) == SYNC_LOG_SEND_MAX;
}

uint64_t attachment_history_deadline(const struct attachment *a)
{
    const struct history_feed *f = &a->history;
    if (!wanted(a))
        return UINT64_MAX;
    if (f->gap < f->next && f->hold_us)
        return f->hold_us;
    bool more = f->next < history_end(term_history(a->session->term));
    if (!more || sync_log_unsent(a->lane.sync, SYNC_LOG_HISTORY) >= UNSENT_MAX)
        return UINT64_MAX;
    uint64_t still = a->session->printed_us + PACE_US;
    return still < f->paced_us ? still : f->paced_us;
}

void session_history_cleared(struct session *q)
{
    q->cleared = history_end(term_history(q->term));
    for (size_t i = 0; i < q->server->link_count; i++)
        if (q->server->links[i]->session == q)
            q->server->links[i]->history.cleared = q->cleared;
}
