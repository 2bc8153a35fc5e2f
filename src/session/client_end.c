#include "session/client_end.h"

#include "base/mem.h"
#include "session/client_guess.h"
#include "session/client_history.h"
#include "session/client_raw.h"
#include "session/client_tty.h"
#include "session/lane.h"
#include "session/status.h"
#include "view/bar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Terminal bytes held for a slow tty; more than a full repaint of the largest screen ever needs. */
#define TTY_MAX (512u << 20)
/* How long a wish to leave waits for the far side's word; twice the time after which a link counts
 * as quiet. */
#define LEAVE_US 3000000u
/* A side that acknowledged the peer's shutdown acknowledges it again for this long. */
#define LINGER_US 5000000u
/* Stock asks at least every 250 ms (mosh-protocol.md §7). */
#define STOCK_SILENT_US 1000000u
/* Input is searched for answers in pieces of this size. */
#define READ_PIECE 65536
/* Natively, nothing at all heard for this long after the start: give up. */
#define FIRST_US 30000000u

enum client_state {
    STATE_LIVE,
    STATE_LEAVING, /* the user or a signal wants to go; waiting for the far side's word */
    STATE_DONE,
};

struct client_end {
    struct client_end_config config;
    bool native;
    uint16_t port;
    struct lane lane;
    struct view *view;
    struct escape escape;
    struct client_tty user;
    struct buf read; /* from the terminal, without answers */
    struct buf keys; /* typed, waiting for the far side's window */
    struct buf typed;
    struct buf tty;
    struct buf bar;
    char quit_text[ESCAPE_QUIT_MAX];
    char help_text[160];
    struct status status;
    bool started, suspended, dirty;
    struct snapshot *blank; /* shown until the first screen comes */
    struct client_history history;
    struct client_raw raw;
    struct client_guess guess;
    uint64_t fetch_us; /* since when only the history is waited for; 0 = not */
    uint64_t fed_us;   /* when some of it came last */
    bool fetched;      /* enough of it */

    enum client_state state;
    enum client_action action;
    uint64_t since_us, leaving_us, done_us;
    bool ended; /* the far side's word on how it ended has come */
    struct client_result result;
    char text[160];

    char message[160];
    uint64_t message_until_us;
    bool helps; /* it is help_text, which is shown whole */
};

/* ---- making ---- */

static struct link *make_link(const struct client_end_config *c, uint8_t psk[static QUIC_PSK])
{
    struct keys keys;
    if (c->connect)
        keys_derive(&keys, c->connect->secret);
    else
        keys_stock(&keys, c->stock->key);
    struct link *l = link_new(&(struct link_config){
        .role = LINK_CLIENT,
        .stock = !c->connect,
        .keys = &keys,
        .route = c->connect ? c->connect->route : 0,
        .codec = c->null_codec ? SEAL_NULL : SEAL_OCB,
        .entropy = c->entropy,
        .log = c->log,
        .now_us = c->now_us,
    });
    memcpy(psk, keys.quic, QUIC_PSK);
    keys_wipe(&keys);
    return l;
}

static struct sync *make_sync(const struct client_end_config *c)
{
    return sync_new(&(struct sync_config){
        .role = SYNC_CLIENT,
        .native = c->connect != NULL,
        .caps = c->connect ? SYNC_CAPS_ALL : 0,
        .peer_caps = c->connect ? c->connect->caps : 0,
        .null_codec = c->null_codec,
        .entropy = c->entropy,
        .log = c->log,
        .cols = c->tty->cols,
        .rows = c->tty->rows,
        .width = c->width,
        .width_ctx = c->width_ctx,
        .now_us = c->now_us,
    });
}

static void fill_help(struct client_end *e)
{
    struct buf help;
    buf_init(&help, sizeof e->help_text);
    escape_help(&e->escape, &help);
    buf_put_u8(&help, 0);
    snprintf(e->help_text, sizeof e->help_text, "%s",
             buf_err(&help) ? "" : (const char *)buf_data(&help));
    buf_fini(&help);
}

struct client_end *client_end_new(const struct client_end_config *c)
{
    struct client_end *e = mem_new(1, sizeof *e);
    e->config = *c;
    e->native = c->connect != NULL;
    e->port = c->connect ? c->connect->port : c->stock->port;
    e->since_us = c->now_us;
    struct streams_config streams = {
        .client = true, .entropy = c->entropy, .log = c->log, .ops = c->chans, .ctx = c->chans_ctx};
    lane_init(&e->lane, make_link(c, streams.psk), make_sync(c));
    if (e->native)
        lane_add_streams(&e->lane, &streams);
    mem_wipe(&streams, sizeof streams);
    e->view = view_new(c->tty);
    escape_init(&e->escape, &c->escape);
    escape_quit_text(&e->escape, e->quit_text);
    fill_help(e);
    client_tty_init(&e->user, e->native, e->view, &e->lane, &e->tty);
    status_init(&e->status, e->native ? c->connect->session : NULL, c->now_us);
    buf_init(&e->read, READ_PIECE + QUESTIONS_HELD);
    buf_init(&e->keys, CLIENT_INPUT_HELD);
    buf_init(&e->typed, CLIENT_INPUT_HELD);
    buf_init(&e->tty, TTY_MAX);
    buf_init(&e->bar, STATUS_TEXT_MAX + 4096);
    client_history_init(&e->history);
    client_guess_init(&e->guess, &(struct predict_config){.when = c->predict,
                                                          .overwrite = c->predict_overwrite,
                                                          .width = c->width,
                                                          .width_ctx = c->width_ctx});
    e->config.history =
        c->history && e->native && c->connect->caps & SYNC_CAP_HISTORY && !c->tty->all_on_alt;
    e->blank = snapshot_blank(c->tty->cols, c->tty->rows);
    e->dirty = true;
    e->config.connect = NULL;
    e->config.stock = NULL;
    e->config.tty = NULL;
    return e;
}

void client_end_free(struct client_end *e)
{
    if (!e)
        return;
    lane_fini(&e->lane);
    view_free(e->view);
    client_history_fini(&e->history);
    client_guess_fini(&e->guess);
    snapshot_unref(e->blank);
    client_tty_fini(&e->user);
    status_fini(&e->status);
    buf_fini(&e->read);
    buf_fini(&e->keys);
    buf_fini(&e->typed);
    buf_fini(&e->tty);
    buf_fini(&e->bar);
    free(e);
}

struct link *client_end_link(struct client_end *e)
{
    return e->lane.link;
}

struct streams *client_end_streams(struct client_end *e)
{
    return e->lane.streams;
}

/* ---- leaving ---- */

/* view calls may fail only when the tty's buffer is full; the next frame then repaints. */
static void ignore_full(int err)
{
    (void)err;
}

/* Hand the view what came of the history. */
static void pump_history(struct client_end *e, uint64_t now_us)
{
    if (e->config.history && client_history_pump(&e->history, e->lane.sync, e->view))
        e->fed_us = now_us;
}

/* The last frame: all lines that are here, and a word for those that are not. */
static void last_history(struct client_end *e, const struct snapshot *s, uint64_t now_us)
{
    pump_history(e, now_us);
    if (e->history.begun && e->history.end < s->history_end)
        view_history_gap(e->view, e->history.end, s->history_end);
}

/* The terminal leaves the mode, whatever the program would still have said. */
static void break_raw(struct client_end *e)
{
    if (!e->raw.inside)
        return;
    buf_put_text(&e->tty, RAW_OUTRO);
    if (e->started && !e->suspended)
        ignore_full(view_resume(e->view, &e->tty));
    e->raw.inside = false;
    e->raw.broken = true;
}

/* Raw segments into the terminal. False: none is on, and the screen is shown. */
static bool pump_raw(struct client_end *e)
{
    enum client_raw_step step;
    while ((step = client_raw_pump(&e->raw, e->lane.sync, &e->tty, CLIENT_TTY_BUSY))) {
        if (step == CLIENT_RAW_BEGINS)
            ignore_full(view_suspend(e->view, &e->tty));
        else
            ignore_full(view_resume(e->view, &e->tty));
        e->dirty = true;
    }
    if (e->raw.broken)
        break_raw(e);
    if (e->raw.inside)
        e->dirty = false;
    return e->raw.inside;
}

static void finish(struct client_end *e, uint64_t now_us)
{
    if (e->state == STATE_DONE)
        return;
    break_raw(e);
    e->state = STATE_DONE;
    e->done_us = now_us;
    struct sync_remote r = sync_remote(e->lane.sync);
    if (r.num && r.snapshot && !e->suspended) {
        if (!e->started) /* the end came with the first screen, which is shown all the same */
            ignore_full(view_start(e->view, &e->tty));
        e->started = true;
        last_history(e, r.snapshot, now_us);
        ignore_full(view_frame(e->view, r.snapshot, NULL, &e->tty));
    }
    if (e->started)
        ignore_full(view_end(e->view, &e->tty));
    client_tty_framed(&e->user, now_us);
    e->started = false;
}

static void set_text(struct client_end *e, const char *text)
{
    snprintf(e->text, sizeof e->text, "%s", text);
    e->result.text = e->text;
}

/* Leave without the far side's word. */
static void leave_unreached(struct client_end *e, uint64_t now_us)
{
    e->result.reached = false;
    if (e->result.kind == CLIENT_FAILED)
        ; /* said already */
    else if (e->native)
        set_text(e, "the far side could not be told: the session stays there, detached");
    else if (!sync_remote(e->lane.sync).num)
        set_text(e, "no answer from the server");
    else
        set_text(e, "the server did not confirm the end: the session may still be running");
    finish(e, now_us);
}

/* The user does not want to wait for the rest: the server need not either. */
static void stop_fetching(struct client_end *e)
{
    e->fetched = true;
    if (lane_event_put(&e->lane, &(struct event){.kind = EVENT_DETACH}))
        log_line(e->config.log, LOG_INFO, "session", "no room to tell that we leave");
}

static void start_leaving(struct client_end *e, enum client_result_kind kind, uint64_t now_us)
{
    if (e->state == STATE_DONE)
        return;
    if (e->fetch_us) {
        stop_fetching(e);
        return;
    }
    bool again = e->state == STATE_LEAVING;
    e->state = STATE_LEAVING;
    e->leaving_us = now_us;
    e->result.kind = kind;
    bool heard = link_heard_us(e->lane.link) != 0;
    if (again || (e->native && (!heard || link_quiet(e->lane.link, now_us)))) {
        leave_unreached(e, now_us);
        return;
    }
    if (!e->native) {
        sync_shutdown(e->lane.sync, now_us);
        client_end_message(e, "Exiting on user request...", true, now_us);
        return;
    }
    struct event event = {.kind = kind == CLIENT_QUIT ? EVENT_QUIT : EVENT_DETACH};
    if (lane_event_put(&e->lane, &event))
        leave_unreached(e, now_us);
}

void client_end_leave(struct client_end *e, uint64_t now_us)
{
    start_leaving(e, e->native ? CLIENT_DETACHED : CLIENT_QUIT, now_us);
}

void client_end_keys_closed(struct client_end *e, uint64_t now_us)
{
    client_end_leave(e, now_us);
}

/* The far side's word on the end of this attachment. */
static void on_end(struct client_end *e, const struct event *event)
{
    e->ended = true;
    e->result.reached = true;
    if (event->kind == EVENT_EXIT) {
        e->result.kind = CLIENT_EXITED;
        e->result.status = (int)(event->value & 0xff);
        e->result.signal = event->signal < 128 ? (int)event->signal : 127;
    } else if (event->kind == EVENT_ENDED) {
        if (e->state != STATE_LEAVING)
            set_text(e, "the session was ended from elsewhere");
        e->result.kind = CLIENT_QUIT;
    } else {
        e->result.kind = CLIENT_DETACHED;
    }
}

static void read_events(struct client_end *e, uint64_t now_us)
{
    struct event event;
    while (lane_event_get(&e->lane, &event) == 1) {
        switch (event.kind) {
        case EVENT_RAW:
            e->raw.until = event.value;
            e->raw.came_us = now_us;
            break;
        case EVENT_BELL:
            view_bell(e->view, &e->tty);
            break;
        case EVENT_EXIT:
        case EVENT_ENDED:
        case EVENT_DETACHED:
            if (!e->ended)
                on_end(e, &event);
            break;
        default:
            client_tty_event(&e->user, &event, now_us);
            break;
        }
    }
}

/* No answer in time: a server that hears us, but is not heard, must not wait for ever (§11). */
static void give_up_stock(struct client_end *e, uint64_t now_us)
{
    e->state = STATE_LEAVING;
    e->leaving_us = now_us;
    sync_shutdown(e->lane.sync, now_us);
}

/* The command has ended: are lines of its history still to come? */
static bool is_fetching(struct client_end *e, uint64_t now_us)
{
    const struct snapshot *s = sync_remote(e->lane.sync).snapshot;
    if (!e->config.history || e->fetched || e->state != STATE_LIVE || e->suspended || !s ||
        e->result.kind != CLIENT_EXITED || e->history.broken ||
        view_ledger(e->view)->end >= s->history_end || e->raw.inside)
        return false;
    if (!e->fetch_us) {
        e->fetch_us = e->fed_us = now_us;
        view_main_only(e->view);
        e->dirty = true;
    }
    if (now_us - e->fetch_us > BAR_MESSAGE_US / 2 && !e->message[0])
        client_end_message(e, "the command has ended; fetching its last lines, Ctrl-C leaves them",
                           true, now_us);
    return now_us - e->fetch_us < CLIENT_FETCH_MOST_US &&
           now_us - e->fed_us < CLIENT_FETCH_SILENT_US;
}

/* The end has come before all of a raw segment has. */
static bool awaits_raw(const struct client_end *e, uint64_t now_us)
{
    return e->raw.read < e->raw.until && !e->raw.broken && e->state == STATE_LIVE &&
           !e->suspended && now_us - e->raw.came_us < CLIENT_FETCH_SILENT_US;
}

/* Is it over? Called after everything that may have changed that. */
static void check_end(struct client_end *e, uint64_t now_us)
{
    struct sync *sync = e->lane.sync;
    if (e->state == STATE_DONE)
        return;
    if (sync_peer_shutdown_acked(sync) && (!e->native || e->ended)) {
        if (awaits_raw(e, now_us) || is_fetching(e, now_us))
            return;
        if (!e->native)
            e->result = (struct client_result){.kind = CLIENT_EXITED, .reached = true};
        finish(e, now_us);
    } else if (!e->native && e->state == STATE_LEAVING && sync_shutdown_done(sync)) {
        e->result.reached = true;
        finish(e, now_us);
    } else if (!e->native && e->state == STATE_LEAVING && sync_shutdown_given_up(sync, now_us)) {
        leave_unreached(e, now_us);
    } else if (e->native && e->state == STATE_LEAVING && !e->ended &&
               (now_us - e->leaving_us > LEAVE_US || link_quiet(e->lane.link, now_us))) {
        leave_unreached(e, now_us);
    } else if (e->state == STATE_LIVE && !link_heard_us(e->lane.link) &&
               now_us - e->since_us > (e->native ? FIRST_US : BAR_CONNECT_US)) {
        e->result.kind = CLIENT_FAILED;
        set_text(e, "no answer from the server: is UDP blocked, or did it end?");
        if (e->native)
            finish(e, now_us);
        else
            give_up_stock(e, now_us);
    }
}

/* ---- keys ---- */

static void pump_keys(struct client_end *e, uint64_t now_us)
{
    size_t n = buf_len(&e->keys);
    if (!n)
        return;
    n = sync_user_bytes(e->lane.sync, buf_data(&e->keys), n, now_us);
    e->status.typed += n;
    buf_skip(&e->keys, n);
    if (!buf_len(&e->keys) && e->keys.size > 65536)
        buf_release(&e->keys);
}

static void hold_keys(struct client_end *e, uint64_t now_us)
{
    size_t n = buf_len(&e->typed);
    if (n > buf_room(&e->keys)) {
        view_bell(e->view, &e->tty);
        buf_clear(&e->typed);
        n = 0;
    }
    if (!e->raw.inside)
        client_guess_keys(&e->guess, &e->lane, &e->typed, e->status.typed, buf_len(&e->keys),
                          now_us);
    buf_put(&e->keys, buf_data(&e->typed), n);
    if (buf_len(&e->typed))
        status_hide(&e->status);
}

static void on_escape(struct client_end *e, enum escape_action action, uint64_t now_us)
{
    switch (action) {
    case ESCAPE_QUIT:
        start_leaving(e, CLIENT_QUIT, now_us);
        break;
    case ESCAPE_DETACH:
        if (e->native)
            start_leaving(e, CLIENT_DETACHED, now_us);
        else
            client_end_message(e, "a stock mosh-server cannot detach", false, now_us);
        break;
    case ESCAPE_SUSPEND:
        e->action = CLIENT_SUSPEND;
        break;
    case ESCAPE_HELP:
        client_end_message(e, e->help_text, false, now_us);
        e->message_until_us = now_us + 10 * BAR_MESSAGE_US;
        e->helps = true;
        break;
    case ESCAPE_STATUS:
        status_show(&e->status, &e->lane, view_facts(e->view)->rows, now_us);
        break;
    case ESCAPE_REPAINT:
        client_end_repaint(e, now_us);
        break;
    case ESCAPE_NONE:
        break;
    }
}

/* What the user typed, answers taken out. */
static void take_keys(struct client_end *e, uint64_t now_us)
{
    const uint8_t *p = buf_data(&e->read);
    size_t len = buf_len(&e->read);
    while (len && e->state != STATE_DONE) {
        enum escape_action action = ESCAPE_NONE;
        buf_clear(&e->typed);
        size_t n = escape_feed(&e->escape, p, len, &e->typed, &action);
        hold_keys(e, now_us);
        on_escape(e, action, now_us);
        p += n;
        len -= n;
    }
    if (e->fetch_us && e->escape.interrupted) /* nobody else reads it any more */
        stop_fetching(e);
    e->escape.interrupted = false;
    buf_clear(&e->read);
    link_activity(e->lane.link, now_us);
    pump_keys(e, now_us);
    check_end(e, now_us);
}

/* Keys that turned out to be none of an answer. */
static void tick_questions(struct client_end *e, uint64_t now_us)
{
    questions_tick(&e->user.questions, now_us, &e->read);
    if (buf_len(&e->read))
        take_keys(e, now_us);
    client_tty_follow(&e->user, e->suspended || e->raw.inside || e->state == STATE_DONE, now_us);
}

void client_end_keys(struct client_end *e, const void *bytes, size_t len, uint64_t now_us)
{
    const uint8_t *p = bytes;
    do {
        size_t n = len < READ_PIECE ? len : READ_PIECE;
        questions_feed(&e->user.questions, p, n, now_us, &e->read);
        take_keys(e, now_us);
        p += n;
        len -= n;
    } while (len);
    client_tty_follow(&e->user, e->suspended || e->raw.inside || e->state == STATE_DONE, now_us);
}

uint64_t client_end_owed_answers(const struct client_end *e, uint64_t now_us)
{
    const struct questions *q = &e->user.questions;
    uint64_t asked = q->asked ? q->asked_us : 0, fence = q->fences ? q->fence_us : 0;
    uint64_t until = (asked > fence ? asked : fence) + QUESTIONS_WAIT_US;
    return (q->asked || q->fences) && now_us < until ? until : 0;
}

/* ---- the terminal ---- */

void client_end_resize(struct client_end *e, uint16_t cols, uint16_t rows, uint64_t now_us)
{
    view_now(e->view, now_us);
    client_tty_resize(&e->user, cols, rows);
    client_guess_resize(&e->guess, &e->lane, e->status.typed + buf_len(&e->keys));
    status_resize(&e->status, &e->lane, view_facts(e->view)->rows, now_us);
    sync_user_resize(e->lane.sync, cols, rows, now_us);
    e->dirty = true;
}

void client_end_repaint(struct client_end *e, uint64_t now_us)
{
    (void)now_us;
    view_repaint(e->view);
    e->dirty = true;
}

void client_end_suspend(struct client_end *e, uint64_t now_us)
{
    (void)now_us;
    if (e->started && !e->suspended && !e->raw.inside)
        ignore_full(view_suspend(e->view, &e->tty));
    e->suspended = true;
}

void client_end_resume(struct client_end *e, uint64_t now_us)
{
    (void)now_us;
    if (e->started && e->suspended && !e->raw.inside)
        ignore_full(view_resume(e->view, &e->tty));
    e->suspended = false;
    e->dirty = true;
}

void client_end_message(struct client_end *e, const char *text, bool permanent, uint64_t now_us)
{
    snprintf(e->message, sizeof e->message, "%s", text);
    e->message_until_us = permanent ? UINT64_MAX : now_us + BAR_MESSAGE_US;
    e->helps = false;
}

static struct bar_facts bar_facts(const struct client_end *e, uint64_t now_us)
{
    struct path_ref path;
    struct link *link = e->lane.link;
    bool udp = link_path(link, &path) && path.kind == PATH_UDP;
    bool held = !e->native && escape_held(&e->escape); /* mosh shows what may follow */
    const char *status = status_text(&e->status, now_us);
    return (struct bar_facts){
        .kind = e->native ? BAR_NATIVE : BAR_STOCK,
        .prefix = e->config.name,
        .quit = e->quit_text[0] ? e->quit_text : NULL,
        .quiet = link_quiet(link, now_us),
        .connected = sync_remote(e->lane.sync).num != 0,
        .since_us = e->since_us,
        .contact_us = e->native ? link_heard_us(link) : sync_heard_us(e->lane.sync),
        .reply_us = sync_acked_us(e->lane.sync),
        .port = udp || !e->native ? e->port : 0,
        .message = held                                            ? e->help_text
                   : status                                        ? status
                   : e->message[0] && now_us < e->message_until_us ? e->message
                                                                   : NULL,
        .message_until_us = held     ? UINT64_MAX
                            : status ? e->status.until_us
                                     : e->message_until_us,
        .message_plain = held || status || e->helps,
    };
}

/* Text of the bar into e->bar, NUL-terminated; false: no bar. */
static bool make_bar(struct client_end *e, uint64_t now_us)
{
    struct bar_facts f = bar_facts(e, now_us);
    buf_clear(&e->bar);
    if (!bar_text(&f, now_us, &e->bar))
        return false;
    if (e->helps && f.message == e->message)
        bar_wrap(&e->bar, view_facts(e->view)->cols);
    buf_put_u8(&e->bar, 0);
    return !buf_err(&e->bar);
}

struct buf *client_end_tty(struct client_end *e, uint64_t now_us)
{
    tick_questions(e, now_us);
    if (e->state == STATE_DONE || e->suspended || buf_len(&e->tty) > CLIENT_TTY_BUSY)
        return &e->tty;
    if (!e->started) {
        client_tty_start(&e->user, e->config.ask, now_us);
        ignore_full(view_start(e->view, &e->tty));
        e->started = true;
    }
    if (e->raw.inside && pump_raw(e))
        return &e->tty;
    /* view_frame appends nothing when nothing differs, so the bar's text decides here. */
    struct sync_remote r = sync_remote(e->lane.sync);
    const struct snapshot *s = r.snapshot ? r.snapshot : e->blank;
    bool bar = make_bar(e, now_us);
    size_t before = buf_len(&e->tty);
    pump_history(e, now_us);
    view_now(e->view, now_us);
    view_guess(e->view, client_guess_overlay(&e->guess, &e->lane, s, now_us));
    ignore_full(view_frame(e->view, s, bar ? (const char *)buf_data(&e->bar) : NULL, &e->tty));
    client_tty_framed(&e->user, now_us);
    pump_history(e, now_us);
    e->status.frames += buf_len(&e->tty) > before;
    e->dirty = view_history_ready(e->view, s);
    pump_raw(e);
    if (buf_err(&e->tty)) /* a tty that takes nothing: start over with what it shows unknown */
        buf_release(&e->tty), buf_clear(&e->tty), view_repaint(e->view);
    return &e->tty;
}

size_t client_end_reset_bytes(const struct client_end *e, uint8_t *out, size_t size)
{
    static const char outro[] = RAW_OUTRO;
    size_t n = e->raw.inside && size > 2 * sizeof outro ? sizeof outro - 1 : 0;
    memcpy(out, outro, n);
    return n + view_reset_bytes(e->view, out + n, size - n);
}

/* ---- datagrams and time ---- */

void client_end_datagram(struct client_end *e, const struct path_ref *from, bool congested,
                         const uint8_t *dgram, size_t len, uint64_t now_us)
{
    if (e->native && quic_packet_is(dgram, len)) {
        streams_receive(e->lane.streams, from, dgram, len, now_us);
        return;
    }
    int news = lane_receive(&e->lane, from, congested, dgram, len, now_us);
    if (news < 0)
        return;
    e->dirty |= client_guess_news(&e->guess, &e->lane, news, now_us);
    if (news & SYNC_NEWS_LOG) {
        e->dirty |= e->config.history && !e->raw.inside;
        e->raw.news = true;
        e->raw.came_us = now_us;
    }
    if (news & SYNC_NEWS_STATE) {
        e->dirty = true;
        e->status.screens++;
        link_activity(e->lane.link, now_us); /* it is the client that sends the heartbeats */
    }
    if (e->native)
        read_events(e, now_us);
    pump_keys(e, now_us);
    check_end(e, now_us);
}

int client_end_poll(struct client_end *e, uint64_t now_us, struct link_datagram *out)
{
    int got = lane_poll(&e->lane, now_us, out);
    if (!got)
        check_end(e, now_us);
    return got;
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Natively the far side says BYE; a stock server falls silent once it has our acknowledgement. */
static uint64_t linger_until(const struct client_end *e)
{
    uint64_t at = e->done_us + LINGER_US, heard = link_heard_us(e->lane.link);
    uint64_t silent = (heard > e->done_us ? heard : e->done_us) + STOCK_SILENT_US;
    return e->native ? at : min_of(at, silent);
}

uint64_t client_end_deadline(struct client_end *e, uint64_t now_us)
{
    if (e->state == STATE_DONE && !client_end_lingers(e, now_us))
        return UINT64_MAX;
    if (e->state == STATE_DONE)
        return min_of(lane_deadline(&e->lane, now_us), linger_until(e));
    uint64_t at = lane_deadline(&e->lane, now_us);
    struct bar_facts f = bar_facts(e, now_us);
    at = min_of(at, bar_deadline(&f, now_us));
    at = min_of(at, client_tty_deadline(&e->user));
    if (!e->raw.inside)
        at = min_of(at, view_deadline(e->view));
    at = min_of(at, client_guess_deadline(&e->guess, now_us));
    if (e->fetch_us)
        at = min_of(at, min_of(e->fed_us + CLIENT_FETCH_SILENT_US,
                               e->message[0] ? e->fetch_us + CLIENT_FETCH_MOST_US
                                             : e->fetch_us + BAR_MESSAGE_US / 2) +
                            1);
    if (e->state == STATE_LEAVING)
        at = min_of(at, e->leaving_us + LEAVE_US + 1);
    else if (!link_heard_us(e->lane.link))
        at = min_of(at, e->since_us + (e->native ? FIRST_US : BAR_CONNECT_US) + 1);
    if (awaits_raw(e, now_us))
        at = min_of(at, e->raw.came_us + CLIENT_FETCH_SILENT_US + 1);
    if ((e->dirty || e->raw.news) && buf_len(&e->tty) <= CLIENT_TTY_BUSY && !e->suspended)
        at = min_of(at, now_us);
    return at;
}

enum client_action client_end_action(struct client_end *e, uint64_t now_us)
{
    check_end(e, now_us);
    if (e->state == STATE_DONE)
        return CLIENT_DONE;
    enum client_action a = e->action;
    if (a == CLIENT_SUSPEND && client_end_owed_answers(e, now_us))
        return CLIENT_NONE; /* in a moment */
    e->action = CLIENT_NONE;
    return a;
}

struct client_result client_end_result(const struct client_end *e)
{
    struct client_result r = e->result;
    r.connected = sync_remote(e->lane.sync).num != 0;
    return r;
}

bool client_end_lingers(const struct client_end *e, uint64_t now_us)
{
    return e->state == STATE_DONE && sync_peer_shutdown(e->lane.sync) &&
           !link_peer_left(e->lane.link) && now_us < linger_until(e);
}

const struct snapshot *client_end_screen(const struct client_end *e)
{
    return sync_remote(e->lane.sync).snapshot;
}

const struct view_ledger *client_end_ledger(const struct client_end *e)
{
    return view_ledger(e->view);
}

size_t client_end_memory(const struct client_end *e)
{
    return lane_memory(&e->lane) + e->keys.size + e->typed.size + e->tty.size +
           view_history_bytes(e->view) + client_history_memory(&e->history) +
           client_guess_memory(&e->guess);
}
