/* Raw segments on the server: which client gets one, and that the program waits for it. */
#include "session/server_impl.h"

/* The program is read on while the log has room for what one reading may give. */
#define ROOM_LEAST (128u << 10)
/* A terminal that joins is told the intro again, from the next line on: in control mode all is
 * lines. */
#define LINE_END '\n'

static bool takes_raw(const struct session *q, const struct attachment *a)
{
    return a->session == q && a->native && a->state == ATTACHMENT_LIVE &&
           sync_peer_caps(a->lane.sync) & SYNC_CAP_RAW;
}

static struct attachment *holder(const struct session *q)
{
    const struct server_end *s = q->server;
    for (size_t i = 0; i < s->link_count; i++)
        if (s->links[i]->number == q->raw_holder && takes_raw(q, s->links[i]))
            return s->links[i];
    return NULL;
}

/* The newest: who attached last wants to see it. */
static struct attachment *candidate(const struct session *q)
{
    const struct server_end *s = q->server;
    struct attachment *best = NULL;
    for (size_t i = 0; i < s->link_count; i++)
        if (takes_raw(q, s->links[i]) && (!best || s->links[i]->number > best->number))
            best = s->links[i];
    return best;
}

static void put(struct attachment *a, enum raw_kind kind, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    struct buf b;
    do {
        size_t n = len < RAW_DATA_MAX ? len : RAW_DATA_MAX;
        buf_init(&b, RAW_DATA_MAX + 64);
        raw_record_put(&b, kind, p, n);
        if (sync_log_append(a->lane.sync, SYNC_LOG_RAW, buf_data(&b), buf_len(&b)))
            log_line(a->session->server->config.log, LOG_WARN, "session", "raw log is full");
        buf_fini(&b);
        p += n;
        len -= n;
    } while (len);
}

static void let_go(struct session *q, bool outro)
{
    struct attachment *a = holder(q);
    q->raw_holder = 0;
    if (a && outro)
        put(a, RAW_DATA, RAW_OUTRO, sizeof RAW_OUTRO - 1);
    if (a)
        put(a, RAW_END, "", 0);
}

static void hold(struct session *q, struct attachment *a)
{
    q->raw_holder = a->number;
    log_line(q->server->config.log, LOG_INFO, "session", "%s: raw segment to route %u", q->name,
             a->route);
    put(a, RAW_BEGIN, "", 0);
}

/* To whom the segment that is on goes; a new one joins it at the next line. */
static struct attachment *find_holder(struct session *q)
{
    struct attachment *a = candidate(q);
    if (!a || a->number == q->raw_holder)
        return a;
    let_go(q, true);
    hold(q, a);
    put(a, RAW_DATA, RAW_INTRO, RAW_INTRO_LEN);
    q->raw_skips = q->raw_mid;
    return a;
}

static void put_data(struct session *q, const uint8_t *p, size_t len)
{
    struct attachment *a = find_holder(q);
    if (!len)
        return;
    q->raw_mid = p[len - 1] != LINE_END;
    for (; q->raw_skips && len; len--)
        q->raw_skips = *p++ != LINE_END;
    if (a && len)
        put(a, RAW_DATA, p, len);
}

static void to_screen(struct session *q, const void *bytes, size_t len)
{
    if (!len)
        return;
    term_write(q->term, bytes, len);
    q->dirty = true;
}

static void to_raw(struct session *q, const struct raw_piece *piece, const uint8_t *p,
                   uint64_t now_us)
{
    if (piece->begins) {
        session_flush(q, now_us); /* the screen before it */
        q->raw_skips = false;
        struct attachment *a = candidate(q);
        if (a)
            hold(q, a);
        put_data(q, (const uint8_t *)RAW_INTRO, piece->held);
    }
    put_data(q, p, piece->take);
    if (piece->ends)
        let_go(q, q->raw_skips);
}

void session_print(struct session *q, const uint8_t *p, size_t len, uint64_t now_us)
{
    /* Nobody could get it: the engine swallows it, as for a stock client. */
    if (!q->raw.inside && !q->raw.held && !candidate(q)) {
        to_screen(q, p, len);
        return;
    }
    while (len) {
        struct raw_piece piece;
        size_t used = raw_scan(&q->raw, p, len, &piece);
        if (piece.raw) {
            to_raw(q, &piece, p, now_us);
        } else {
            to_screen(q, RAW_INTRO, piece.held);
            to_screen(q, p, piece.take);
        }
        p += used;
        len -= used;
    }
}

void session_raw_exited(struct session *q)
{
    if (q->raw.inside)
        let_go(q, true);
    q->raw = (struct raw_scan){0};
}

bool attachment_raw_done(const struct attachment *a)
{
    return sync_log_room(a->lane.sync, SYNC_LOG_RAW) == SYNC_LOG_SEND_MAX;
}

uint64_t attachment_raw_end(const struct attachment *a)
{
    if (attachment_raw_done(a))
        return 0;
    size_t waits = SYNC_LOG_SEND_MAX - sync_log_room(a->lane.sync, SYNC_LOG_RAW);
    return sync_log_acked(a->lane.sync, SYNC_LOG_RAW) + waits;
}

bool server_session_reads(struct server_end *s, uint32_t sid)
{
    struct session *q = session_of(s, sid);
    if (!q || !q->raw.inside || q->exited || q->killed)
        return true;
    struct attachment *a = find_holder(q);
    return a && sync_log_room(a->lane.sync, SYNC_LOG_RAW) >= ROOM_LEAST;
}
