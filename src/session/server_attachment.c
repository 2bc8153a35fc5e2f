/* Attachments: one link each, its input, and how it ends. */
#include "session/server_impl.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct attachment *attachment_new(struct session *q, uint16_t route, bool native,
                                  const struct keys *keys, uint64_t now_us)
{
    struct server_end *s = q->server;
    struct attachment *a = mem_new(1, sizeof *a);
    a->number = ++s->next_number;
    a->route = route;
    a->native = native;
    a->session = q;
    a->opened_us = now_us;
    struct link *link = link_new(&(struct link_config){
        .role = LINK_SERVER,
        .stock = !native,
        .keys = keys,
        .route = route,
        .codec = s->config.null_codec ? SEAL_NULL : SEAL_OCB,
        .entropy = s->config.entropy,
        .log = s->config.log,
        .now_us = now_us,
    });
    struct sync *sync = sync_new(&(struct sync_config){
        .role = SYNC_SERVER,
        .native = native,
        .caps = native ? SYNC_CAPS_ALL : 0,
        .peer_caps = native ? SYNC_CAPS_ALL : 0,
        .null_codec = s->config.null_codec,
        .entropy = s->config.entropy,
        .log = s->config.log,
        .cols = q->cols,
        .rows = q->rows,
        .now_us = now_us,
    });
    lane_init(&a->lane, link, sync);
    struct streams_config streams = {
        .route = route,
        .entropy = s->config.entropy,
        .log = s->config.log,
        .ops = s->config.chans,
        .ctx = s->config.chans_ctx,
    };
    memcpy(streams.psk, keys->quic, sizeof streams.psk);
    if (native)
        lane_add_streams(&a->lane, &streams);
    mem_wipe(&streams, sizeof streams);
    effects_join(&q->effects, &a->effects);
    buf_init(&a->text.text, CLIENT_TEXT_MAX);
    struct snapshot *snap = term_snapshot_shown(q->term);
    sync_set_screen(sync, snap, now_us);
    snapshot_unref(snap);
    if (native && !q->ever_joined) { /* its client is about to ask its terminal */
        q->facts_until_us = now_us + FACTS_WAIT_US;
        term_defer_answers(q->term, true);
    }
    if (native && q->tty_modes)
        sync_set_tty_modes(sync, q->tty_modes);
    return a;
}

void attachment_close(struct attachment *a)
{
    struct server_end *s = a->session->server;
    for (size_t i = 0; i < s->link_count; i++) {
        if (s->links[i] != a)
            continue;
        s->links[i] = s->links[--s->link_count];
        break;
    }
    if (a->session->typist == a->number)
        a->session->typist = 0;
    uint16_t route = a->route;
    if (a->lane.streams) /* its channels hear of the end */
        streams_close(a->lane.streams, a->heard_us);
    lane_fini(&a->lane);
    buf_fini(&a->text.text);
    free(a);
    if (s->config.ops.link_closed)
        s->config.ops.link_closed(s->config.ops.ctx, route);
}

bool attachment_present(const struct attachment *a, uint64_t now_us)
{
    return a->state == ATTACHMENT_LIVE && a->heard_us && now_us - a->heard_us < AWAY_US &&
           !link_peer_left(a->lane.link);
}

/* The size of a session is that of the attachment last typed in; the first one counts as typed in.
 */
static void adopt_size(struct attachment *a)
{
    struct session *q = a->session;
    if (!q->typist)
        q->typist = a->number;
    if (q->typist == a->number && a->cols)
        session_set_size(q, a->cols, a->rows);
}

static void use_facts(struct session *q, const struct tty_facts *f)
{
    struct width_profile width = width_profile_unpack(f->width);
    term_set_facts(q->term, &f->term);
    term_set_width_profile(q->term, &width);
}

/* The engine answers for the terminal last typed in; of a stock client's nothing is known. */
static void adopt_facts(struct attachment *a)
{
    struct session *q = a->session;
    if (q->typist == a->number && (!a->native || a->facts_known))
        use_facts(q, &a->facts);
    if (a->facts_known)
        session_facts_known(q);
    else
        session_answers(q);
}

static void take_bytes(struct attachment *a, const struct sync_input *item, uint64_t now_us)
{
    struct session *q = a->session;
    struct buf *typed = &q->server->scratch;
    buf_clear(typed);
    cursor_keys_feed(&a->cursor_keys, term_modes(q->term)->app_cursor, item->bytes, item->len,
                     typed);
    bool other = q->typist != a->number;
    q->typist = a->number;
    q->input_us = now_us;
    adopt_size(a);
    if (other)
        adopt_facts(a);
    uint64_t end = item->offset + item->len;
    if (q->exited) { /* nobody will read it */
        sync_set_consumed(a->lane.sync, end, now_us);
    } else if (buf_err(typed) ||
               pty_input_put(&q->input, a->number, end, buf_data(typed), buf_len(typed))) {
        q->bells++; /* the cap of a stock client's input: dropped with a bell */
        q->dirty = true;
        sync_set_consumed(a->lane.sync, end, now_us);
    }
}

static void pull_input(struct attachment *a, uint64_t now_us)
{
    struct session *q = a->session;
    size_t cap = a->native ? SERVER_INPUT_NATIVE : SERVER_INPUT_STOCK;
    struct sync_input item;
    while (buf_len(&q->input.bytes) < cap && sync_input_next(a->lane.sync, &item) == 1) {
        if (!item.resize) {
            take_bytes(a, &item, now_us);
            continue;
        }
        if (!a->cols)
            q->typist = a->number;
        a->cols = item.cols;
        a->rows = item.rows;
        adopt_size(a);
        if (pty_input_put(&q->input, a->number, item.offset, NULL, 0))
            BUG("an empty put does not fit");
    }
}

static void on_consumed(void *ctx, uint32_t owner, uint64_t end)
{
    struct attachment *a = ctx;
    struct server_end *s = a->session->server;
    for (size_t i = 0; i < s->link_count; i++)
        if (s->links[i]->number == owner)
            sync_set_consumed(s->links[i]->lane.sync, end, a->heard_us);
}

void session_pull_input(struct session *q, uint64_t now_us)
{
    struct server_end *s = q->server;
    for (size_t i = 0; i < s->link_count; i++)
        if (s->links[i]->session == q)
            pull_input(s->links[i], now_us);
}

void attachment_end(struct attachment *a, const struct event *why, uint64_t now_us)
{
    if (a->state != ATTACHMENT_LIVE)
        return;
    a->state = ATTACHMENT_ENDING;
    a->ending_us = now_us;
    if (a->native)
        effects_finish(&a->session->effects, &a->effects, &a->lane);
    uint64_t raw = attachment_raw_end(a);
    if (raw && lane_event_put(&a->lane, &(struct event){.kind = EVENT_RAW, .value = raw}))
        log_line(a->session->server->config.log, LOG_WARN, "session", "event log is full");
    if (a->native && lane_event_put(&a->lane, why))
        log_line(a->session->server->config.log, LOG_WARN, "session",
                 "route %u: end not told: event log is full", a->route);
    sync_shutdown(a->lane.sync, now_us);
}

static void take_facts(struct attachment *a)
{
    struct session *q = a->session;
    const struct buf *text = &a->text.text;
    if (tty_facts_get(buf_data(text), buf_len(text), &a->facts)) {
        log_line(q->server->config.log, LOG_WARN, "session", "route %u: bad facts", a->route);
        return;
    }
    a->facts_known = true;
    if (!q->typist)
        q->typist = a->number;
    adopt_facts(a);
}

/* The clipboard of the terminal last typed in, for the program that asked. */
static void take_clip(struct attachment *a)
{
    struct session *q = a->session;
    struct buf *answer = &q->server->scratch;
    const uint8_t *p = buf_data(&a->text.text);
    size_t len = buf_len(&a->text.text);
    for (size_t i = 0; i < len; i++)
        if (p[i] <= ' ' || p[i] >= 0x7f)
            return;
    if (q->typist != a->number || !(a->facts.term.can & TERM_CAN_CLIP_READ))
        return;
    buf_clear(answer);
    buf_put_text(answer, "\033]52;");
    buf_put(answer, p, len);
    buf_put_text(answer, "\033\\");
    if (buf_err(answer) || pty_input_put(&q->input, 0, 0, buf_data(answer), buf_len(answer)))
        log_line(q->server->config.log, LOG_INFO, "session", "clipboard dropped: input is full");
}

static void take_text(struct attachment *a, const struct event *e)
{
    if (!event_text_take(&a->text, e))
        return;
    if (e->kind == EVENT_TERMINAL)
        take_facts(a);
    else if (e->kind == EVENT_CLIP_ANSWER)
        take_clip(a);
    buf_release(&a->text.text);
}

static void read_events(struct attachment *a, uint64_t now_us)
{
    struct server_end *s = a->session->server;
    struct event e;
    while (lane_event_get(&a->lane, &e) == 1) {
        if (e.kind == EVENT_QUIT) {
            a->leaving = true;
            server_session_kill(s, a->session->sid, now_us);
        } else if (e.kind == EVENT_DETACH) {
            a->leaving = true;
            attachment_end(a, &(struct event){.kind = EVENT_DETACHED}, now_us);
        } else if (e.len) {
            take_text(a, &e);
        }
    }
}

void attachment_receive(struct attachment *a, const struct path_ref *from, bool congested,
                        const uint8_t *dgram, size_t len, uint64_t now_us)
{
    struct session *q = a->session;
    int news = lane_receive(&a->lane, from, congested, dgram, len, now_us);
    if (news < 0)
        return;
    a->heard_us = q->present_us = now_us;
    a->alone_us = 0;
    q->ever_joined = true;
    if (news & SYNC_NEWS_STATE) {
        pull_input(a, now_us);
        pty_input_written(&q->input, on_consumed, a);
    }
    if (a->native) {
        read_events(a, now_us);
    } else if (sync_peer_shutdown(a->lane.sync) && a->state == ATTACHMENT_LIVE) {
        /* A stock client that leaves ends its session (§7). */
        a->state = ATTACHMENT_LEFT;
        a->ending_us = now_us;
        server_session_kill(q->server, q->sid, now_us);
    }
}

/* Until when the end of a client that left is acknowledged again. */
static uint64_t linger_until(const struct attachment *a)
{
    uint64_t last = a->heard_us > a->ending_us ? a->heard_us : a->ending_us;
    uint64_t end = a->ending_us + LINGER_US, silent = last + STOCK_SILENT_US;
    return end < silent ? end : silent;
}

/* The command has ended, and the client still fetches lines, or a raw segment: it says when it has
 * enough. */
static bool owes_logs(const struct attachment *a, uint64_t now_us)
{
    return a->heard_us && !a->leaving && !a->session->killed && !link_peer_left(a->lane.link) &&
           now_us - a->heard_us < HISTORY_SILENT_US && now_us - a->ending_us < HISTORY_END_US &&
           !(attachment_history_done(a) && attachment_raw_done(a));
}

/* Whether the end has come through, or nobody is left to whom it could. */
static bool is_over(const struct attachment *a, uint64_t now_us)
{
    const struct session *q = a->session;
    uint64_t waited = now_us - a->ending_us;
    uint64_t first = q->server->config.first_timeout_us;
    if (a->state == ATTACHMENT_LEFT)
        return now_us > linger_until(a);
    if (!a->heard_us && first && now_us - a->opened_us >= first)
        return true;
    if (owes_logs(a, now_us))
        return false;
    if (sync_shutdown_done(a->lane.sync) && (!a->native || !lane_events_unacked(&a->lane)))
        return true;
    if (!a->native)
        return sync_shutdown_given_up(a->lane.sync, now_us);
    if (a->leaving || q->killed || q->seen)
        return waited > GOODBYE_US;
    return false; /* the exit status waits for its reader */
}

bool attachment_tick(struct attachment *a, uint64_t now_us)
{
    if (a->state == ATTACHMENT_LIVE) {
        uint64_t first = a->session->server->config.first_timeout_us;
        if (a->heard_us || !first || now_us - a->opened_us < first)
            return false;
        log_line(a->session->server->config.log, LOG_INFO, "session", "route %u: nobody came",
                 a->route);
        attachment_close(a);
        return true;
    }
    if (a->state == ATTACHMENT_GONE) {
        attachment_close(a);
        return true;
    }
    if (!is_over(a, now_us))
        return false;
    if (!a->native || (!a->leaving && sync_shutdown_done(a->lane.sync)))
        a->session->seen = true;
    a->state = ATTACHMENT_GONE;
    link_bye(a->lane.link, now_us);
    return false;
}

uint64_t attachment_deadline(struct attachment *a, uint64_t now_us)
{
    uint64_t at = lane_deadline(&a->lane, now_us);
    uint64_t own = UINT64_MAX, history = attachment_history_deadline(a);
    uint64_t first = a->session->server->config.first_timeout_us;
    if (!a->heard_us && first)
        own = a->opened_us + first;
    else if (a->state == ATTACHMENT_LEFT)
        own = linger_until(a) + 1;
    else if (a->state == ATTACHMENT_GONE)
        own = now_us;
    else if (a->state == ATTACHMENT_ENDING &&
             (a->leaving || a->session->killed || a->session->seen || !a->native))
        own = a->ending_us + GOODBYE_US + 1;
    if (a->state == ATTACHMENT_ENDING && owes_logs(a, now_us)) {
        uint64_t end = a->ending_us + HISTORY_END_US, silent = a->heard_us + HISTORY_SILENT_US;
        own = end < silent ? end : silent;
    }
    own = own < history ? own : history;
    return own < at ? own : at;
}
