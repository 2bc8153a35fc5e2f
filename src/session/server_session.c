/* Sessions: a name, an engine, a way to a pty, and how it ends. */
#include "session/server_impl.h"

#include "base/mem.h"
#include "term/history.h"

#include <stdlib.h>
#include <string.h>

struct session *session_of(const struct server_end *s, uint32_t sid)
{
    for (size_t i = 0; i < s->session_count; i++)
        if (s->sessions[i]->sid == sid)
            return s->sessions[i];
    return NULL;
}

static void add_bells(struct session *q)
{
    if (q->bells != q->bells_told)
        effects_add(&q->effects, EVENT_BELL, q->bells - q->bells_told, NULL, 0);
    q->bells_told = q->bells;
}

static void on_term_event(void *ctx, enum term_event_kind kind, const uint8_t *text, size_t len)
{
    struct session *q = ctx;
    if (kind != TERM_BELL)
        add_bells(q); /* in their order */
    switch (kind) {
    case TERM_BELL:
        q->bells++;
        break;
    case TERM_CLIP:
        effects_add(&q->effects, EVENT_CLIP, 0, text, len);
        break;
    case TERM_CLIP_ASK:
        effects_add(&q->effects, EVENT_CLIP_ASK, 0, text, len);
        break;
    case TERM_CWD:
        effects_add(&q->effects, EVENT_CWD, 0, text, len);
        break;
    case TERM_NOTIFY:
        effects_add(&q->effects, EVENT_NOTIFY, 0, text, len);
        break;
    case TERM_PROGRESS:
        effects_add(&q->effects, EVENT_PROGRESS, 0, text, len);
        break;
    case TERM_POINTER:
        effects_add(&q->effects, EVENT_POINTER, 0, text, len);
        break;
    case TERM_CLEAR_HISTORY:
        session_history_cleared(q);
        break;
    case TERM_TITLE:
    case TERM_ICON:
    case TERM_PROMPT:
        break; /* the first two are of the screen */
    }
}

struct session *session_new(struct server_end *s, const char *name, uint16_t cols, uint16_t rows,
                            uint64_t now_us)
{
    struct session *q = mem_new(1, sizeof *q);
    q->server = s;
    q->sid = ++s->next_sid;
    memcpy(q->name, name, strnlen(name, SESSION_NAME_MAX));
    q->cols = cols;
    q->rows = rows;
    q->started_us = q->present_us = now_us;
    q->term = term_new(&(struct term_config){
        .cols = cols,
        .rows = rows,
        .width = s->config.width,
        .width_ctx = s->config.width_ctx,
        .history_bytes = s->config.history_bytes,
    });
    term_set_events(q->term, (struct term_events){on_term_event, q});
    effects_init(&q->effects);
    pty_input_init(&q->input, SERVER_INPUT_STOCK + SYNC_WINDOW + TERM_REPLY_MAX);
    return q;
}

void session_free(struct session *q)
{
    term_free(q->term);
    effects_fini(&q->effects);
    pty_input_fini(&q->input);
    free(q);
}

void session_set_size(struct session *q, uint16_t cols, uint16_t rows)
{
    if (q->cols == cols && q->rows == rows)
        return;
    q->cols = cols;
    q->rows = rows;
    term_resize(q->term, cols, rows);
    session_answers(q);
    q->dirty = true;
    if (q->server->config.ops.resize)
        q->server->config.ops.resize(q->server->config.ops.ctx, q->sid, cols, rows);
}

/* Natively bells are effects; stock clients see the counter in the screen's state. */
static void tell_bells(struct session *q, uint64_t now_us)
{
    if (q->bells == q->bells_told || now_us < q->bell_us)
        return;
    add_bells(q);
    q->bell_us = now_us + BELL_US;
}

static void tell_effects(struct session *q, uint64_t now_us)
{
    uint64_t passed = UINT64_MAX;
    for (size_t i = 0; i < q->server->link_count; i++) {
        struct attachment *a = q->server->links[i];
        if (a->session != q || !a->native || a->state != ATTACHMENT_LIVE)
            continue;
        effects_pump(&q->effects, &a->effects, &a->lane, now_us);
        uint64_t n = effects_passed(&a->effects);
        passed = n < passed ? n : passed;
    }
    effects_forget(&q->effects, passed);
}

/* A program that holds its frame back for too long is no longer obeyed. */
static void watch_hold(struct session *q, uint64_t now_us)
{
    uint64_t hold = term_held(q->term);
    if (hold != q->hold) {
        q->hold = hold;
        q->hold_us = now_us;
    } else if (hold && now_us - q->hold_us >= TERM_HOLD_US) {
        term_release(q->term);
        q->hold = 0;
        q->dirty = true;
    }
}

/* Compress history that went cold, a block at a time. */
static void tidy(struct session *q, uint64_t now_us)
{
    if (!q->tidy_us || now_us < q->tidy_us)
        return;
    bool more = history_tidy(term_history(q->term));
    q->tidy_us = more ? now_us + HISTORY_TIDY_US : 0;
}

uint64_t session_deadline(const struct session *q)
{
    uint64_t at = q->hold ? q->hold_us + TERM_HOLD_US : UINT64_MAX;
    return q->tidy_us && q->tidy_us < at ? q->tidy_us : at;
}

void session_flush(struct session *q, uint64_t now_us)
{
    if (q->facts_until_us && now_us >= q->facts_until_us)
        session_facts_known(q);
    tell_bells(q, now_us);
    tell_effects(q, now_us);
    watch_hold(q, now_us);
    tidy(q, now_us);
    if (!q->dirty)
        return;
    q->dirty = false;
    struct snapshot *snap = term_snapshot_shown(q->term);
    for (size_t i = 0; i < q->server->link_count; i++) {
        struct attachment *a = q->server->links[i];
        if (a->session == q && a->state == ATTACHMENT_LIVE)
            sync_set_screen(a->lane.sync, snap, now_us);
    }
    snapshot_unref(snap);
}

void session_end_attachments(struct session *q, uint64_t now_us)
{
    struct event why = {.kind = EVENT_ENDED};
    if (q->exited && !q->killed)
        why = (struct event){
            .kind = EVENT_EXIT, .value = (uint64_t)q->status, .signal = (uint32_t)q->signal};
    session_flush(q, now_us);
    for (size_t i = 0; i < q->server->link_count; i++) {
        struct attachment *a = q->server->links[i];
        if (a->session == q && a->state == ATTACHMENT_LIVE)
            attachment_end(a, &why, now_us);
    }
}

/* ---- what the edge tells ---- */

uint32_t server_session_open(struct server_end *s, const char *name, uint16_t cols, uint16_t rows,
                             uint64_t now_us)
{
    if (s->session_count == SERVER_SESSIONS || server_session_find(s, name))
        return 0;
    struct session *q = session_new(s, name, cols, rows, now_us);
    s->sessions[s->session_count++] = q;
    return q->sid;
}

uint32_t server_session_open_bare(struct server_end *s, const char *name, uint64_t now_us)
{
    uint32_t sid = server_session_open(s, name, 1, 1, now_us);
    if (sid)
        session_of(s, sid)->bare = true;
    return sid;
}

bool server_session_bare(const struct server_end *s, uint32_t sid)
{
    const struct session *q = session_of(s, sid);
    return q && q->bare;
}

/* When a bare session ends by itself, if nothing changes; UINT64_MAX: not known. */
uint64_t session_bare_end(struct session *q, uint64_t now_us)
{
    uint64_t end = UINT64_MAX, gone = q->server->config.gone_timeout_us;
    bool some = false, had = false;
    for (size_t i = 0; q->bare && i < q->server->link_count; i++) {
        struct attachment *a = q->server->links[i];
        struct chans *c = a->session == q ? streams_chans(a->lane.streams, now_us) : NULL;
        if (a->session != q)
            continue;
        some |= c && chans_count(c);
        had |= c && chans_opened(c);
        if (a->alone_us && gone)
            end = a->alone_us + gone;
        if (link_peer_left(a->lane.link))
            end = now_us;
    }
    if (some || !had)
        q->idle_us = 0;
    else if (!q->idle_us)
        q->idle_us = now_us;
    if (q->idle_us && q->idle_us + BARE_IDLE_US < end)
        end = q->idle_us + BARE_IDLE_US;
    return q->killed ? UINT64_MAX : end;
}

uint32_t server_session_find(const struct server_end *s, const char *name)
{
    for (size_t i = 0; i < s->session_count; i++)
        if (!strcmp(s->sessions[i]->name, name))
            return s->sessions[i]->sid;
    return 0;
}

static void activity(struct session *q, uint64_t now_us)
{
    for (size_t i = 0; i < q->server->link_count; i++)
        if (q->server->links[i]->session == q)
            link_activity(q->server->links[i]->lane.link, now_us);
}

void session_facts_known(struct session *q)
{
    q->facts_until_us = 0;
    term_defer_answers(q->term, false);
    session_answers(q);
}

void session_answers(struct session *q)
{
    struct buf *replies = term_replies(q->term);
    size_t n = buf_len(replies);
    if (n && pty_input_put(&q->input, 0, 0, buf_data(replies), n))
        log_line(q->server->config.log, LOG_INFO, "session",
                 "answer of %zu bytes dropped: input is full", n);
    buf_skip(replies, n);
}

void server_session_output(struct server_end *s, uint32_t sid, const void *bytes, size_t len,
                           uint64_t now_us)
{
    struct session *q = session_of(s, sid);
    if (!q || q->exited)
        return;
    q->printed_us = now_us;
    session_print(q, bytes, len, now_us);
    if (!q->tidy_us)
        q->tidy_us = now_us + HISTORY_TIDY_US;
    activity(q, now_us);
    session_answers(q);
}

void server_session_tty(struct server_end *s, uint32_t sid, bool echo, bool canonical,
                        uint64_t now_us)
{
    struct session *q = session_of(s, sid);
    unsigned modes =
        SYNC_TTY_KNOWN | (echo ? SYNC_TTY_ECHO : 0u) | (canonical ? SYNC_TTY_CANONICAL : 0u);
    (void)now_us;
    if (q)
        q->tty_modes = modes;
    for (size_t i = 0; q && i < s->link_count; i++)
        if (s->links[i]->session == q && s->links[i]->native)
            sync_set_tty_modes(s->links[i]->lane.sync, modes);
}

void server_session_exited(struct server_end *s, uint32_t sid, int status, int signal,
                           uint64_t now_us)
{
    struct session *q = session_of(s, sid);
    if (!q || q->exited)
        return;
    q->exited = true;
    q->status = status;
    q->signal = signal;
    session_raw_exited(q);
    session_end_attachments(q, now_us);
}

struct buf *server_session_input(struct server_end *s, uint32_t sid)
{
    struct session *q = session_of(s, sid);
    return q ? &q->input.bytes : NULL;
}

struct consumed_at {
    struct server_end *server;
    uint64_t now_us;
};

static void on_consumed(void *ctx, uint32_t owner, uint64_t end)
{
    struct consumed_at *c = ctx;
    for (size_t i = 0; i < c->server->link_count; i++)
        if (c->server->links[i]->number == owner)
            sync_set_consumed(c->server->links[i]->lane.sync, end, c->now_us);
}

void server_session_written(struct server_end *s, uint32_t sid, uint64_t now_us)
{
    struct session *q = session_of(s, sid);
    if (!q)
        return;
    pty_input_written(&q->input, on_consumed, &(struct consumed_at){s, now_us});
    session_pull_input(q, now_us);
}

void server_session_kill(struct server_end *s, uint32_t sid, uint64_t now_us)
{
    struct session *q = session_of(s, sid);
    if (!q || q->killed)
        return;
    q->killed = true;
    session_end_attachments(q, now_us);
    if (!q->exited && s->config.ops.hangup)
        s->config.ops.hangup(s->config.ops.ctx, sid);
}

bool server_session_info(const struct server_end *s, size_t i, uint64_t now_us,
                         struct session_info *out)
{
    if (i >= s->session_count)
        return false;
    const struct session *q = s->sessions[i];
    *out = (struct session_info){
        .sid = q->sid,
        .bare = q->bare,
        .cols = q->cols,
        .rows = q->rows,
        .exited = q->exited,
        .status = q->status,
        .signal = q->signal,
        .started_us = q->started_us,
        .input_us = q->input_us,
    };
    memcpy(out->name, q->name, sizeof out->name);
    for (size_t k = 0; k < s->link_count; k++) {
        if (s->links[k]->session != q)
            continue;
        out->links++;
        out->attached += attachment_present(s->links[k], now_us);
        if (s->links[k]->heard_us <= out->heard_us)
            continue;
        struct path_ref path;
        bool udp = link_path(s->links[k]->lane.link, &path) && path.kind == PATH_UDP;
        out->heard_us = s->links[k]->heard_us;
        out->peer = udp ? path.remote : (struct addr){0};
    }
    out->detached_us = out->attached ? 0 : q->present_us;
    return true;
}

struct snapshot *server_session_screen(struct server_end *s, uint32_t sid)
{
    struct session *q = session_of(s, sid);
    return q ? term_snapshot(q->term) : NULL;
}

struct history *server_session_history(struct server_end *s, uint32_t sid)
{
    struct session *q = session_of(s, sid);
    return q ? term_history(q->term) : NULL;
}
