#include "world.h"

#include "base/mem.h"
#include "sync/sync.h"
#include "term/diff.h"
#include "term/history.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HOUR 3600000000u
/* After healing everything must agree within this virtual time. */
#define CONVERGE_US 240000000u
#define PASTE       1000000u

void world_fail(struct world *w, const char *fmt, ...)
{
    if (w->why[0])
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(w->why, sizeof w->why, fmt, ap);
    va_end(ap);
}

uint64_t world_log_uniform(struct world *w, uint64_t lo, uint64_t hi)
{
    return (uint64_t)((double)lo * pow((double)hi / (double)lo, rng_unit(&w->rng)));
}

static void fill_entropy(void *ctx, void *out, size_t len)
{
    struct rng *r = ctx;
    uint8_t *p = out;
    while (len--)
        *p++ = (uint8_t)rng_u64(r);
}

static void on_ended(void *ctx, uint32_t sid)
{
    struct world *w = ctx;
    w->ended = true;
    (void)sid;
}

static void log_stderr(void *ctx, enum log_level level, const char *area, const char *text)
{
    struct world *w = ctx;
    (void)level;
    fprintf(stderr, "%12.6f %s: %s\n", (double)w->now / 1e6, area, text);
}

/* ---- the pty's side ---- */

/* The engine's answers to queries stand among the typed bytes; they begin with ESC, or after S8C1T
 * with a C1, which nobody types. */
static bool is_answer(struct world *w, uint8_t b)
{
    if (!w->skip) {
        if (b != 0x1b && (b < 0x80 || b > 0x9f))
            return false;
        w->skip = b == 0x9b ? 2 : b == 0x90 || b == 0x9d ? 3 : b == 0x1b ? 1 : 0;
    } else if (w->skip == 1) {
        w->skip = b == '[' ? 2 : b == 'P' || b == ']' ? 3 : 0;
    } else if (w->skip == 2) {
        if (b >= 0x40 && b <= 0x7e)
            w->skip = 0;
    } else if (w->skip == 3) {
        w->skip = b == 0x1b ? 4 : b == 7 || b == 0x9c ? 0 : 3;
    } else {
        w->skip = 0;
    }
    return true;
}

static void program_read(struct world *w)
{
    struct buf *in = server_session_input(w->server, w->sid);
    size_t n = in ? buf_len(in) : 0;
    if (!n)
        return;
    if (!w->healed && rng_below(&w->rng, 3) == 0)
        n = 1 + rng_below(&w->rng, n);
    for (size_t i = 0; i < n; i++) {
        uint8_t b = buf_data(in)[i];
        if (is_answer(w, b))
            continue;
        if (b != user_byte(w->read)) {
            world_fail(w, "input byte %llu is 0x%02x, not 0x%02x", (unsigned long long)w->read, b,
                       user_byte(w->read));
            return;
        }
        w->read++;
        if (w->read > w->typed)
            world_fail(w, "more input than was typed");
    }
    uint8_t echo[256];
    size_t echoed = n < sizeof echo ? n : sizeof echo;
    memcpy(echo, buf_data(in), echoed);
    buf_skip(in, n);
    server_session_written(w->server, w->sid, w->now);
    if (rng_below(&w->rng, 2))
        server_session_output(w->server, w->sid, echo, echoed, w->now);
}

/* apply(diff(a, b), a) == b, for the step just made. */
static void check_diff(struct world *w, enum snapshot_kind kind)
{
    struct snapshot *after = server_session_screen(w->server, w->sid);
    struct snapshot *before = w->before;
    /* A step without output: the same object. diff(a, a) is looked at once for each a. */
    bool again = before == after && w->same_screen;
    w->same_screen = before == after;
    w->before = after;
    if (!before || again) {
        snapshot_unref(before);
        return;
    }
    buf_clear(&w->out);
    if (diff_screen(&w->out, before, after, kind)) {
        world_fail(w, "diff over its cap");
    } else {
        term_load(w->replica, before);
        if (before->cols != after->cols || before->rows != after->rows)
            term_resize(w->replica, after->cols, after->rows);
        term_write(w->replica, buf_data(&w->out), buf_len(&w->out));
        struct snapshot *got = term_snapshot(w->replica);
        if (!snapshot_equal(got, after, kind))
            world_fail(w, "apply(diff(a, b), a) is not b (kind %d)", (int)kind);
        snapshot_unref(got);
    }
    snapshot_unref(before);
}

static void program_step(struct world *w)
{
    struct session_info info;
    if (!server_session_info(w->server, 0, w->now, &info))
        return;
    if (!w->sized && info.cols == w->cols && info.rows == w->rows) {
        w->sized = true;
        w->sized_at = history_end(server_session_history(w->server, w->sid));
    }
    buf_clear(&w->out);
    program_print(&w->rng, &w->out, info.cols, info.rows);
    server_session_output(w->server, w->sid, buf_data(&w->out), buf_len(&w->out), w->now);
    if (rng_below(&w->rng, 8) == 0)
        server_session_tty(w->server, w->sid, rng_below(&w->rng, 2), rng_below(&w->rng, 2), w->now);
}

/* ---- the user's side ---- */

static void type_bytes(struct world *w, size_t n)
{
    uint8_t b[512];
    while (n) {
        size_t k = n < sizeof b ? n : sizeof b;
        for (size_t i = 0; i < k; i++)
            b[i] = user_byte(w->typed + i);
        w->typed += k;
        client_end_keys(w->client, b, k, w->now);
        n -= k;
    }
}

static void user_step(struct world *w)
{
    struct rng *r = &w->rng;
    uint64_t waiting = w->typed - w->read;
    size_t room = waiting < PASTE ? PASTE - waiting : 0;
    switch (rng_below(r, 60)) {
    case 0:
        if (!rng_below(r, 3) && !w->still) {
            w->cols = (uint16_t)(1 + rng_below(r, rng_below(r, 4) ? 120 : 400));
            w->rows = (uint16_t)(1 + rng_below(r, rng_below(r, 4) ? 50 : 120));
            term_resize(w->tty, w->cols, w->rows);
            client_end_resize(w->client, w->cols, w->rows, w->now);
        }
        break;
    case 1:
        client_end_repaint(w->client, w->now);
        break;
    case 2:
        type_bytes(w, rng_below(r, room < 3000 ? room + 1 : 3000));
        break;
    default:
        if (room)
            type_bytes(w, 1);
    }
}

static void tty_step(struct world *w)
{
    struct buf *out = client_end_tty(w->client, w->now);
    size_t n = buf_len(out);
    if (w->tty_slow && n > 100)
        n = 100 + rng_below(&w->rng, n - 100);
    term_write(w->tty, buf_data(out), n);
    buf_skip(out, n);
}

/* ---- time ---- */

static void schedule(struct world *w)
{
    if (w->now >= w->print_at) {
        program_step(w);
        w->print_at = w->now + world_log_uniform(w, 1000, w->healed ? 300000 : 20000000u);
    }
    if (w->now >= w->type_at) {
        user_step(w);
        w->type_at = w->now + world_log_uniform(w, 5000, 3000000u);
    }
    if (w->now >= w->read_at) {
        program_read(w);
        w->read_at = w->now + world_log_uniform(w, 500, rng_below(&w->rng, 30) ? 20000 : 20000000u);
    }
    if (w->outage_end && w->now >= w->outage_end)
        net_heal(w);
    if (!w->healed && w->now >= w->event_at) {
        net_event(w);
        w->tty_slow = rng_below(&w->rng, 5) == 0;
        uint64_t base = w->outage_end > w->now && rng_below(&w->rng, 3) ? w->outage_end : w->now;
        w->event_at = base + world_log_uniform(w, 50000, 30000000u);
        w->events_left--;
        if (w->events_left == w->opt.events / 2)
            type_bytes(w, w->opt.stock ? 50000 : PASTE - (w->typed - w->read));
    }
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void check_memory(struct world *w)
{
    size_t cap = 2 * (size_t)SYNC_MEMORY_MAX + CLIENT_INPUT_HELD * 4;
    size_t c = client_end_memory(w->client), s = server_end_memory(w->server);
    if (c > cap || s > cap)
        world_fail(w, "memory: client %zu, server %zu, cap %zu", c, s, cap);
}

/* One turn: everything that is due, then the clock moves to the next. */
static void turn(struct world *w, bool quiet_world)
{
    uint64_t was = w->now;
    if (!quiet_world)
        schedule(w);
    else if (w->now >= w->read_at) {
        program_read(w);
        w->read_at = w->now + 5000;
    }
    net_pump(w);
    if (!quiet_world)
        check_diff(w, w->opt.stock ? SNAPSHOT_STOCK : SNAPSHOT_NATIVE);
    tty_step(w);
    if (++w->steps % 64 == 0)
        check_memory(w);
    uint64_t next = min_of(net_deadline(w), client_end_deadline(w->client, w->now));
    next = min_of(next, server_end_deadline(w->server, w->now));
    struct buf *in = server_session_input(w->server, w->sid);
    if (in && buf_len(in))
        next = min_of(next, w->read_at);
    if (!quiet_world) {
        next = min_of(next, min_of(w->type_at, w->print_at));
        if (!w->healed)
            next = min_of(next, w->event_at);
        if (w->outage_end)
            next = min_of(next, w->outage_end);
    }
    if (next == UINT64_MAX)
        next = w->now + 1000000;
    static const unsigned same_max = 3000;
    w->now = next > w->now ? next : w->now;
    if (w->now == was) {
        if (++w->same > same_max)
            world_fail(w,
                       "the clock stands still: a busy loop (deadlines: client %lld, server %lld)",
                       (long long)(client_end_deadline(w->client, w->now) - w->now),
                       (long long)(server_end_deadline(w->server, w->now) - w->now));
    } else {
        w->same = 0;
    }
}

static bool tty_agrees(struct world *w)
{
    struct snapshot *tty = term_snapshot(w->tty);
    const struct snapshot *far = client_end_screen(w->client);
    bool same = far && tty->cols == far->cols && tty->rows == far->rows;
    for (uint16_t r = 0; same && r + 1 < far->rows; r++)
        same = row_equal(snapshot_row(tty, r), snapshot_row(far, r), far->cols);
    /* No terminal can be brought to mark its last row as wrapped without scrolling: cells only. */
    for (uint16_t c = 0; same && c < far->cols; c++)
        same =
            row_cell_equal(snapshot_row(tty, far->rows - 1), snapshot_row(far, far->rows - 1), c);
    same = same && tty->cursor.row == far->cursor.row && tty->cursor.col == far->cursor.col;
    snapshot_unref(tty);
    return same;
}

/* The first row in which they differ, for a failure's report. */
static void log_rows(struct world *w)
{
    struct snapshot *tty = term_snapshot(w->tty);
    const struct snapshot *far = client_end_screen(w->client);
    fprintf(stderr, "tty %ux%u cursor %u,%u alt %d; far %ux%u cursor %u,%u alt %d\n", tty->cols,
            tty->rows, tty->cursor.row, tty->cursor.col, tty->alt, far->cols, far->rows,
            far->cursor.row, far->cursor.col, far->alt);
    for (uint16_t r = 0; r < far->rows && r < tty->rows; r++) {
        const struct row *rows[] = {snapshot_row(tty, r), snapshot_row(far, r)};
        if (row_equal(rows[0], rows[1], far->cols))
            continue;
        for (int i = 0; i < 2; i++) {
            fprintf(stderr, "%s row %u wrapped %d:", i ? "far" : "tty", r, rows[i]->wrapped);
            for (uint16_t c = 0; c < far->cols; c++)
                if (!row_cell_equal(rows[0], rows[1], c)) {
                    struct cell cell = row_cell(rows[i], c);
                    fprintf(stderr, " %u:%x/%x/%x", c, cell.text, cell.fg, cell.bg);
                }
            fprintf(stderr, "\n");
        }
    }
    snapshot_unref(tty);
}

static bool screens_agree(struct world *w)
{
    const struct snapshot *far = client_end_screen(w->client);
    struct snapshot *near = server_session_screen(w->server, w->sid);
    bool same = far && snapshot_equal(far, near, w->opt.stock ? SNAPSHOT_STOCK : SNAPSHOT_NATIVE);
    snapshot_unref(near);
    return same;
}

/* All that left the screen is in the terminal's scrollback, or the user was told of a gap. */
static bool history_agrees(struct world *w)
{
    if (!w->history || client_end_screen(w->client)->alt)
        return true; /* while the alternate screen shows lines wait */
    return client_end_ledger(w->client)->end ==
           history_end(server_session_history(w->server, w->sid));
}

/* The same cells and the same wrap mark. */
static bool same_line(const struct row *want, const struct row *got, uint16_t cols)
{
    for (uint16_t c = 0; c < cols; c++)
        if (!row_cell_equal(want, got, c))
            return false;
    return want->wrapped == got->wrapped;
}

/* Where the size never changed, the newest lines are those that the server has, row by row; not
 * those that left a screen of another width, before the client came: they are laid out anew. */
static void check_scrollback(struct world *w)
{
    struct history *far = server_session_history(w->server, w->sid);
    struct history *near = term_history(w->tty);
    if (!w->history || !w->still || client_end_screen(w->client)->alt)
        return;
    uint64_t a = history_end(far), b = history_end(near), from = w->sized_at;
    const struct row *want, *got;
    while (from && from < a && (!(want = history_line(far, from - 1)) || want->wrapped))
        from++;
    uint64_t n = a - from < 500 ? a - from : 500;
    n = history_kept(far) < n ? history_kept(far) : n;
    for (; n && a > from; n--) {
        while (!(want = history_line(far, --a)))
            ;
        do {
            if (b == history_first(near)) {
                world_fail(w, "line %llu is not in the scrollback", (unsigned long long)a);
                return;
            }
        } while (!(got = history_line(near, --b)));
        if (!same_line(want, got, w->cols)) {
            world_fail(w, "line %llu is another one in the scrollback", (unsigned long long)a);
            return;
        }
    }
}

static void log_state(struct world *w, const char *who, const struct link *l, uint64_t deadline)
{
    char path[PATH_TEXT];
    link_path_text(l, path);
    const struct link_counters *c = link_counters(l);
    fprintf(stderr,
            "%s: path %s, peer %d, quiet %d, silent since %.3f, room %zd, srtt %llu, loss %.2f, "
            "heard %.3f, proven %.3f, deadline in %.6f, sent %llu, received %llu, forged %llu\n",
            who, path, link_has_peer(l), link_quiet(l, w->now),
            (double)link_silent_since_us(l) / 1e6, (ssize_t)link_room(l, LINK_SCREEN),
            (unsigned long long)link_srtt_us(l), link_loss(l, w->now),
            (double)link_heard_us(l) / 1e6, (double)link_proven_us(l) / 1e6,
            ((double)deadline - (double)w->now) / 1e6, (unsigned long long)c->sent,
            (unsigned long long)c->received, (unsigned long long)c->forged);
}

static bool converged(struct world *w)
{
    return w->read == w->typed && screens_agree(w) && tty_agrees(w) && history_agrees(w);
}

static void make_ends(struct world *w)
{
    struct entropy entropy = {fill_entropy, &w->entropy};
    w->log = (struct log){log_stderr, w, LOG_DEBUG};
    const struct log *log = w->opt.verbose ? &w->log : NULL;
    w->server = server_end_new(&(struct server_end_config){
        .ops = {.ended = on_ended, .ctx = w},
        .entropy = entropy,
        .log = log,
        .null_codec = !w->opt.real,
        .history_bytes = 1 << 20,
        .detach_timeout_us = 240 * (uint64_t)HOUR,
        .first_timeout_us = 60000000u,
    });
    w->sid = server_session_open(w->server, "sim", 80, 24, w->now);
    struct view_facts facts;
    view_facts_default(&facts, w->cols, w->rows);
    facts.paint = (struct paint_caps){
        .rich = true, .colon = true, .rgb = true, .colours = 256, .bce = true, .ech = true};
    facts.il_dl = facts.title = facts.shape = true;
    struct client_end_config c = {
        .null_codec = !w->opt.real,
        .entropy = entropy,
        .log = log,
        .tty = &facts,
        .escape = {ESCAPE_SSH, ESCAPE_KEY_NONE},
        .history = w->history,
        /* Guesses come and go, and in the end nothing of them is left. */
        .predict = w->opt.seed % 3 ? PREDICT_EXPERIMENTAL : PREDICT_ALWAYS,
        .predict_overwrite = w->opt.seed % 5 == 0,
        .name = "tern",
        .now_us = w->now,
    };
    struct connect native;
    struct connect_stock stock;
    if (w->opt.stock ? server_link_open_stock(w->server, w->sid, &stock, w->now)
                     : server_link_open(w->server, w->sid, &native, w->now))
        world_fail(w, "no link");
    native.port = stock.port = 60001;
    c.connect = w->opt.stock ? NULL : &native;
    c.stock = w->opt.stock ? &stock : NULL;
    w->route = native.route;
    if (w->history)
        server_link_history(w->server, native.route, SERVER_HISTORY_ALL);
    w->client = client_end_new(&c);
    w->tty = term_new(
        &(struct term_config){.cols = w->cols, .rows = w->rows, .history_bytes = 64u << 20});
    w->replica = term_new(&(struct term_config){.cols = 80, .rows = 24, .replica = true});
    net_connect(w);
}

/* The program ends; its status must reach the user, and nothing may be left. */
static void finish(struct world *w)
{
    uint64_t until = w->now + CONVERGE_US;
    server_session_exited(w->server, w->sid, 42, 0, w->now);
    while (!w->why[0] && w->now < until) {
        turn(w, true);
        if (client_end_action(w->client, w->now) == CLIENT_DONE && w->ended)
            break;
    }
    struct client_result r = client_end_result(w->client);
    if (client_end_action(w->client, w->now) != CLIENT_DONE)
        world_fail(w, "the client did not end");
    else if (!w->ended)
        world_fail(w, "the server's session did not end");
    else if (r.kind != CLIENT_EXITED || (!w->opt.stock && r.status != 42))
        world_fail(w, "ended as %d with status %d", (int)r.kind, r.status);
}

static void fini(struct world *w)
{
    client_end_free(w->client);
    server_end_free(w->server);
    term_free(w->tty);
    term_free(w->replica);
    snapshot_unref(w->before);
    buf_fini(&w->out);
    net_fini(w);
}

bool world_run(struct world *w, const struct world_options *opt)
{
    *w = (struct world){.opt = *opt, .rng = {opt->seed}, .entropy = {~opt->seed}, .now = HOUR};
    if (!w->opt.events)
        w->opt.events = 24;
    w->events_left = w->opt.events;
    w->cols = (uint16_t)(1 + rng_below(&w->rng, 120));
    w->rows = (uint16_t)(1 + rng_below(&w->rng, 50));
    w->still = opt->seed % 3 == 0;
    /* It takes as long as all the rest: each seed has it in soak, where all are real. */
    w->history = !opt->stock && (opt->real || w->still);
    buf_init(&w->out, 64u << 20);
    w->event_at = w->now + 2000000;
    net_init(w);
    make_ends(w);
    while (!w->why[0] && w->events_left)
        turn(w, false);
    w->healed = true;
    w->tty_slow = false;
    net_heal(w);
    for (uint64_t until = w->now + 5000000; !w->why[0] && w->now < until;)
        turn(w, false);
    uint64_t until = w->now + CONVERGE_US;
    while (!w->why[0] && !converged(w)) {
        turn(w, true);
        if (w->now > until && w->opt.verbose)
            log_state(w, "client", client_end_link(w->client),
                      client_end_deadline(w->client, w->now)),
                net_log(w), log_rows(w);
        if (w->now > until)
            world_fail(w,
                       "no agreement %u s after the network healed: typed %llu, read %llu, screens "
                       "%s, tty %s",
                       CONVERGE_US / 1000000u, (unsigned long long)w->typed,
                       (unsigned long long)w->read, screens_agree(w) ? "agree" : "differ",
                       tty_agrees(w) ? "agrees" : "differs");
    }
    if (!w->why[0])
        check_scrollback(w);
    if (!w->why[0])
        finish(w);
    fini(w);
    return !w->why[0];
}
