#include "client/attach.h"

#include "base/mem.h"
#include "chan/router.h"
#include "client/linger.h"
#include "client/outage.h"
#include "client/paths.h"
#include "client/rejoin.h"
#include "io/signals.h"
#include "io/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long the last bytes may take to reach a slow terminal. */
#define FLUSH_US 1000000u

/* A pipe in use that gives nothing back for this long is replaced. */
#define PIPE_SILENT_US 10000000u
/* Without a pipe, and with nothing coming back for this long, one is made. */
#define PIPE_LATE_US 2000000u
/* By a session of the bootstrap's master it is there within this, or the master hangs. */
#define PIPE_SHARED_US 10000000u
/* Bytes handed to the terminal at once. */
#define TTY_PIECE 4096

/* Signals that ask us to leave. */
static const int leave_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
#define LEAVE_SIGNALS (sizeof leave_signals / sizeof *leave_signals)

struct attach {
    struct loop *loop;
    const struct log *log;
    struct attach_guest guest; /* `over` is NULL: it is the process's own terminal */
    enum { WITH_TTY, SAYS_BYE, IS_OVER, IS_GONE } phase; /* of a guest */
    const char *suspend_text;
    bool stock;
    struct tty *tty;
    struct client_end *end;
    struct chans_router router;
    struct paths *paths;
    struct rejoin *rejoin; /* NULL with --transport=udp, and towards stock */
    bool pipe_asked;       /* one is on its way, or there */
    uint64_t shared_us;    /* since when one is tried by way of the master; 0 = not */
    struct timer timer;
    struct later later;
    struct sigwatch *watches[LEAVE_SIGNALS];
    struct tty_size size; /* what the far side has been told */
    bool size_seen;       /* before its signal came */
    int signal;           /* that made us leave, 0 = none */
    bool tty_lost, suspended;
    struct outage outage;
    bool given_up; /* it lasted too long */
    bool left;     /* a guest's user has somebody else on his terminal by now */
    bool unknown;  /* the far side does not know the session any more */
    bool login;
    char news[160]; /* of the relay, for the bar while nothing comes; "" = none */
    bool fresh;     /* the bar does not have it yet */
    bool told;      /* the bar has something of this */
};

/* ---- a turn ---------------------------------------------------------------------------------- */

static bool same_size(const struct tty_size *x, const struct tty_size *y)
{
    return x->cols == y->cols && x->rows == y->rows;
}

/* The signal takes its time, and until then bytes would be made for the old size. */
static void look_at_size(struct attach *a, uint64_t now_us)
{
    struct tty_size size = tty_size(a->tty);
    if (same_size(&size, &a->size))
        return;
    a->size = size;
    a->size_seen = true;
    client_end_resize(a->end, size.cols, size.rows, now_us);
}

/* Bytes to the tty as it takes them; what it does not take stays with the session, which then skips
 * frames: so its own queue is filled by little. */
static void pump_tty(struct attach *a, uint64_t now_us)
{
    look_at_size(a, now_us);
    struct buf *out = client_end_tty(a->end, now_us);
    if (a->tty_lost)
        buf_skip(out, buf_len(out));
    while (buf_len(out) && !tty_queued(a->tty)) {
        size_t n = buf_len(out) < TTY_PIECE ? buf_len(out) : TTY_PIECE;
        size_t taken = tty_write(a->tty, buf_data(out), n);
        buf_skip(out, taken);
        if (!taken) /* it broke; on_tty_lost comes */
            break;
    }
    uint8_t reset[TTY_GUARD_MAX];
    tty_guard_set(a->tty, reset, client_end_reset_bytes(a->end, reset, sizeof reset));
}

/* Everything to the tty now, waiting for it a little. */
static void flush_tty(struct attach *a, uint64_t now_us)
{
    struct buf *out = client_end_tty(a->end, now_us);
    uint64_t until = clock_boot_us() + FLUSH_US;
    while (!a->tty_lost && buf_len(out) && clock_boot_us() < until) {
        buf_skip(out, tty_write(a->tty, buf_data(out), buf_len(out)));
        if (!tty_flush(a->tty, FLUSH_US))
            break;
    }
}

static void suspend(struct attach *a, uint64_t now_us)
{
    if (a->guest.over) {
        client_end_message(a->end, "a shared connection cannot be suspended", false, now_us);
        return;
    }
    client_end_suspend(a->end, now_us);
    flush_tty(a, now_us);
    tty_guard_set(a->tty, "", 0);
    if (a->suspend_text)
        tty_write(a->tty, a->suspend_text, strlen(a->suspend_text));
    a->suspended = true;
    tty_suspend(a->tty); /* goes on in on_resumed */
}

/* A pipe may be dead without a word: its TCP connection hangs. When it is the path in use, and for
 * long nothing came back, it is replaced. Returns when to look again. */
static uint64_t check_pipe(struct attach *a, uint64_t now_us)
{
    struct link *link = client_end_link(a->end);
    struct path_ref path;
    uint64_t since = paths_pipe_since(a->paths), silent = link_silent_since_us(link);
    if (!a->rejoin || !since || !silent || !link_path(link, &path) || path.kind != PATH_PIPE)
        return TIME_NEVER;
    uint64_t due = (since > silent ? since : silent) + PIPE_SILENT_US;
    if (now_us < due)
        return due;
    paths_pipe_drop(a->paths, "nothing came back for long");
    return TIME_NEVER;
}

/* A guest has no pipe while UDP answers. */
static uint64_t check_no_pipe(struct attach *a, uint64_t now_us)
{
    uint64_t silent = link_silent_since_us(client_end_link(a->end));
    if (a->shared_us && now_us >= a->shared_us + PIPE_SHARED_US) {
        a->shared_us = 0;
        paths_pipe_drop(a->paths, "the bootstrap's ssh does not answer");
    }
    if (a->shared_us)
        return a->shared_us + PIPE_SHARED_US;
    if (!a->rejoin || a->pipe_asked || !silent)
        return TIME_NEVER;
    if (now_us < silent + PIPE_LATE_US)
        return silent + PIPE_LATE_US;
    a->pipe_asked = true;
    rejoin_now(a->rejoin);
    return TIME_NEVER;
}

static void set_news(struct attach *a, const char *what, const char *more)
{
    snprintf(a->news, sizeof a->news, "%s%s", what, more);
    a->fresh = true;
    later_set(&a->later);
}

/* How it goes with a new pipe matters only as long as nothing else gets through. */
static void tell_news(struct attach *a, uint64_t now_us)
{
    bool wanted = a->news[0] && link_quiet(client_end_link(a->end), now_us);
    if (wanted ? a->told && !a->fresh : !a->told)
        return;
    client_end_message(a->end, wanted ? a->news : "", wanted, now_us);
    a->told = wanted;
    a->fresh = false;
}

static void send_due(struct attach *a, uint64_t now_us)
{
    struct link_datagram d;
    paths_serve(a->paths, now_us);
    while (client_end_poll(a->end, now_us, &d) > 0)
        paths_send(a->paths, &d, now_us);
}

/* ---- the end of a guest's -------------------------------------------------------------------- */

/* What there is to say stands behind the last screen. */
static void say_bye(struct attach *a, uint64_t now_us)
{
    char text[400] = "";
    struct client_result r = client_end_result(a->end);
    if (!a->left)
        a->guest.last_words(a->guest.ctx, &r, text, sizeof text);
    if (text[0])
        buf_printf(client_end_tty(a->end, now_us), "%s\r\n", text);
    a->phase = SAYS_BYE;
}

/* Nobody is kept: the terminal takes its bytes when it does. The attachment may be freed
 * in here. */
static void end_guest(struct attach *a, uint64_t now_us)
{
    uint64_t owed = client_end_owed_answers(a->end, now_us);
    if (a->phase == WITH_TTY && owed && !a->tty_lost) {
        timer_set(&a->timer, owed);
        return;
    }
    if (a->phase == WITH_TTY)
        say_bye(a, now_us);
    if (a->phase == SAYS_BYE) {
        pump_tty(a, now_us);
        bool written = !buf_len(client_end_tty(a->end, now_us)) && !tty_queued(a->tty);
        if (written || a->tty_lost) {
            tty_free(a->tty);
            a->tty = NULL;
            a->phase = IS_OVER;
            later_set(&a->later);
            a->guest.over(a->guest.ctx);
            return;
        }
    }
    if (a->phase == IS_OVER && !client_end_lingers(a->end, now_us)) {
        a->phase = IS_GONE;
        a->guest.gone(a->guest.ctx);
        return;
    }
    timer_set(&a->timer, client_end_deadline(a->end, now_us));
}

static void end_own(struct attach *a, uint64_t now_us)
{
    uint64_t owed = client_end_owed_answers(a->end, now_us);
    if (owed && !a->tty_lost && !a->signal)
        timer_set(&a->timer, owed);
    else
        loop_stop(a->loop);
}

/* When to look again. */
static uint64_t look_at_outage(struct attach *a, uint64_t now_us)
{
    uint64_t again;
    if (a->given_up || !outage_over(&a->outage, client_end_link(a->end), now_us, &again))
        return a->given_up ? TIME_NEVER : again;
    a->given_up = true;
    log_line(a->log, LOG_INFO, "client", "the outage lasts too long: leaving");
    client_end_leave(a->end, now_us);
    return TIME_NEVER;
}

static void turn(void *ctx)
{
    struct attach *a = ctx;
    uint64_t now_us = loop_now_us(a->loop);
    send_due(a, now_us);
    paths_serve(a->paths, now_us);
    if (a->phase == WITH_TTY) {
        tell_news(a, now_us);
        pump_tty(a, now_us);
    }
    uint64_t outage_us = look_at_outage(a, now_us);
    switch (client_end_action(a->end, now_us)) {
    case CLIENT_DONE:
        if (a->guest.over)
            end_guest(a, now_us);
        else
            end_own(a, now_us);
        return;
    case CLIENT_SUSPEND:
        suspend(a, now_us);
        later_set(&a->later);
        return;
    case CLIENT_NONE:
        break;
    }
    uint64_t at = client_end_deadline(a->end, now_us), look = check_pipe(a, now_us);
    at = look < at ? look : at;
    at = outage_us < at ? outage_us : at;
    look = a->guest.over ? check_no_pipe(a, now_us) : TIME_NEVER;
    timer_set(&a->timer, at < look ? at : look);
}

static void wants_turn(void *ctx)
{
    struct attach *a = ctx;
    later_set(&a->later);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void on_keys(void *ctx, const uint8_t *bytes, size_t len)
{
    struct attach *a = ctx;
    client_end_keys(a->end, bytes, len, loop_now_us(a->loop));
    later_set(&a->later);
}

static void on_resized(void *ctx, const struct tty_size *size)
{
    struct attach *a = ctx;
    bool known = a->size_seen && same_size(&a->size, size);
    a->size_seen = false;
    if (known)
        return;
    a->size = *size; /* or the same again: it was another one in between */
    client_end_resize(a->end, size->cols, size->rows, loop_now_us(a->loop));
    later_set(&a->later);
}

static void on_resumed(void *ctx)
{
    struct attach *a = ctx;
    uint64_t now_us = loop_now_us(a->loop);
    if (a->suspended)
        client_end_resume(a->end, now_us);
    else
        client_end_repaint(a->end, now_us);
    a->suspended = false;
    look_at_size(a, now_us);
    later_set(&a->later);
}

static void on_stop(void *ctx)
{
    struct attach *a = ctx;
    suspend(a, loop_now_us(a->loop));
    later_set(&a->later);
}

/* mosh's words for why it shuts down. */
static void leave_because(struct attach *a, const char *stock_text)
{
    uint64_t now_us = loop_now_us(a->loop);
    client_end_leave(a->end, now_us);
    if (a->stock)
        client_end_message(a->end, stock_text, true, now_us);
    later_set(&a->later);
}

static void on_tty_lost(void *ctx)
{
    struct attach *a = ctx;
    if (a->tty_lost)
        return;
    a->tty_lost = true;
    log_line(a->log, LOG_INFO, "client", "the terminal is gone");
    if (!a->signal)
        leave_because(a, "Exiting...");
}

static void on_datagram(void *ctx, const struct path_ref *from, bool congested,
                        const uint8_t *bytes, size_t len)
{
    struct attach *a = ctx;
    if (from->kind == PATH_PIPE && a->rejoin) {
        rejoin_works(a->rejoin);
        a->shared_us = 0;
        a->news[0] = 0;
    }
    a->unknown = false;
    client_end_datagram(a->end, from, congested, bytes, len, loop_now_us(a->loop));
    later_set(&a->later);
}

static void on_pipe_lost(void *ctx)
{
    struct attach *a = ctx;
    a->shared_us = 0;
    /* A guest wants another only while nothing else gets through. */
    if (a->rejoin && (!a->guest.over || link_quiet(client_end_link(a->end), loop_now_us(a->loop))))
        rejoin_ask(a->rejoin);
    else
        a->pipe_asked = false;
    later_set(&a->later);
}

static void on_relay(void *ctx, const struct boot_pipe *pipe)
{
    struct attach *a = ctx;
    a->shared_us = rejoin_shared(a->rejoin) ? loop_now_us(a->loop) : 0;
    if (a->login && !a->shared_us)
        set_news(a, "logging in again by ssh", "");
    if (paths_pipe_open(a->paths, pipe, loop_now_us(a->loop)))
        rejoin_ask(a->rejoin);
    later_set(&a->later);
}

static void on_relay_failed(void *ctx, const char *line)
{
    struct attach *a = ctx;
    /* What ssh was about, before the last colon, is known here; the bar is narrow. */
    for (const char *colon; (colon = strstr(line, ": "));)
        line = colon + 2;
    if (a->login)
        set_news(a, "no login: ", line);
}

/* Not an end: a server that is merely stopped comes back. */
static void on_relay_refused(void *ctx)
{
    struct attach *a = ctx;
    a->unknown = link_quiet(client_end_link(a->end), loop_now_us(a->loop));
    set_news(a, "the server does not answer for this session", "");
}

static void on_signal(void *ctx, int signum)
{
    struct attach *a = ctx;
    log_line(a->log, LOG_INFO, "client", "leaving by SIG%s", signal_name(signum));
    bool again = a->signal != 0;
    /* A closed window tells it several times at once: end of file, SIGHUP from the kernel, SIGHUP
     * from the shell. That is no impatience: the server shall still be told. */
    if (signum == SIGHUP && (again || a->tty_lost))
        return;
    a->signal = signum;
    leave_because(a, "Signal received, shutting down...");
    if (again) /* the session leaves at once when asked twice, too; this is for certain */
        loop_stop(a->loop);
}

/* ---- the start ------------------------------------------------------------------------------- */

static int take_tty(struct attach *a, const char *program)
{
    struct tty_ops ops = {.data = on_keys,
                          .resized = on_resized,
                          .resumed = on_resumed,
                          .writable = wants_turn,
                          .stop = on_stop,
                          .lost = on_tty_lost,
                          .ctx = a};
    if (a->guest.over)
        return tty_new(a->loop, a->guest.in, a->guest.out, false, &ops, &a->tty);
    int err = tty_new(a->loop, STDIN_FILENO, STDOUT_FILENO, true, &ops, &a->tty);
    if (!err)
        err = tty_raw(a->tty);
    if (err)
        fprintf(stderr, "%s: cannot use the terminal: %s\n", program,
                err == ERR_SYS ? strerror(errno) : err_text(err));
    return err;
}

static bool has_forwards(const struct attach_config *c)
{
    const struct forwards *f = c->forwards;
    return f && (f->local || f->remote || f->assocs || lend_any(c->lent));
}

static void make_end(struct attach *a, const struct attach_config *c)
{
    struct tty_size size = tty_size(a->tty);
    struct view_facts facts = *c->facts;
    a->size = size;
    facts.cols = size.cols;
    facts.rows = size.rows;
    a->end = client_end_new(&(struct client_end_config){
        .connect = c->connect,
        .stock = c->stock,
        .chans = has_forwards(c) ? &chans_router_ops : NULL,
        .chans_ctx = &a->router,
        .entropy = c->entropy,
        .log = c->log,
        .tty = &facts,
        .ask = c->ask,
        .escape = c->escape,
        .history = c->history,
        .predict = c->predict,
        .predict_overwrite = c->predict_overwrite,
        .name = c->name,
        .width = c->width,
        .now_us = loop_now_us(a->loop),
    });
}

/* A connection that came to nothing is told in the bar: stderr is the screen. */
static void on_forward_said(void *ctx, const char *text)
{
    struct attach *a = ctx;
    client_end_message(a->end, text, false, loop_now_us(a->loop));
    later_set(&a->later);
}

static void start_forwards(struct attach *a, struct forwards *f, const struct lend_made *m)
{
    struct chans *chans = streams_chans(client_end_streams(a->end), loop_now_us(a->loop));
    chans_route(&a->router, OPEN_DIRECT_TCP, &local_chans_ops, f->local);
    chans_route(&a->router, OPEN_DIRECT_UNIX, &local_chans_ops, f->local);
    chans_route(&a->router, OPEN_CONTROL, &remote_chans_ops, f->remote);
    if (f->remote)
        chans_route(&a->router, OPEN_FORWARDED_TCP, &remote_chans_ops, f->remote);
    if (f->local)
        local_start(f->local, chans, false, &(struct local_ops){wants_turn, on_forward_said, a});
    if (f->remote)
        remote_start(f->remote, chans,
                     &(struct remote_ops){wants_turn, on_forward_said, NULL, a, false});
    forwards_start_udp(f, &a->router, chans, &(struct assocs_ops){wants_turn, on_forward_said, a});
    lend_route(m, &a->router);
    lend_start(m, chans, &(struct offer_ops){wants_turn, on_forward_said, a});
}

static void open_paths(struct attach *a, const struct attach_config *c)
{
    bool port = c->stock || c->connect->port;
    struct paths_config pc = {.link = client_end_link(a->end),
                              .udp = c->transport != CLIENT_PIPE && port,
                              .candidates = c->addrs,
                              .candidate_count = c->addr_count,
                              .log = c->log};
    struct paths_ops ops = {
        .datagram = on_datagram, .pipe_lost = on_pipe_lost, .event = wants_turn, .ctx = a};
    a->paths = paths_new(a->loop, &pc, &ops);
    if (c->stock || (c->transport == CLIENT_UDP && !c->pipe))
        return;
    if (c->transport == CLIENT_UDP) {
        close(c->pipe->in);
        close(c->pipe->out);
        return;
    }
    struct rejoin_config rc = {.server_command = c->server_command,
                               .shared_command = c->shared_command,
                               .session = c->connect->session,
                               .route = c->connect->route,
                               .log = c->log};
    struct rejoin_ops rejoin_ops = {on_relay, on_relay_refused, on_relay_failed, a};
    a->rejoin = rejoin_new(a->loop, &rc, &rejoin_ops);
    a->pipe_asked = c->pipe || c->pipe_now || !pc.udp;
    if (!c->pipe && a->pipe_asked)
        rejoin_now(a->rejoin);
    else if (c->pipe && paths_pipe_open(a->paths, c->pipe, loop_now_us(a->loop)))
        rejoin_ask(a->rejoin);
}

struct attach *attach_new(struct loop *l, const struct attach_config *c)
{
    struct attach *a = mem_new(1, sizeof *a);
    *a = (struct attach){.loop = l,
                         .log = c->log,
                         .suspend_text = c->suspend_text,
                         .stock = c->stock != NULL,
                         .outage.limit_us = c->outage_us,
                         .login = c->login};
    if (c->guest)
        a->guest = *c->guest;
    later_init(&a->later, l, turn, a);
    timer_init(&a->timer, l, turn, a);
    if (take_tty(a, c->program)) {
        if (c->pipe) {
            close(c->pipe->in);
            close(c->pipe->out);
        }
        attach_free(a);
        return NULL;
    }
    make_end(a, c);
    open_paths(a, c);
    if (has_forwards(c))
        start_forwards(a, c->forwards, c->lent);
    for (size_t i = 0; i < LEAVE_SIGNALS && !c->guest; i++)
        if (sigwatch_new(l, leave_signals[i], on_signal, a, &a->watches[i]))
            a->watches[i] = NULL; /* the guard restores the terminal then */
    later_set(&a->later);
    return a;
}

/* ---- a guest's ------------------------------------------------------------------------------- */

void attach_resized(struct attach *a)
{
    if (!a->tty)
        return;
    look_at_size(a, loop_now_us(a->loop));
    later_set(&a->later);
}

void attach_leave(struct attach *a)
{
    uint64_t now_us = loop_now_us(a->loop);
    a->left = true;
    client_end_suspend(a->end, now_us);
    client_end_leave(a->end, now_us);
    if (a->tty)
        pump_tty(a, now_us); /* whoever leaves may be about to exit */
    later_set(&a->later);
}

struct client_result attach_result(const struct attach *a)
{
    return client_end_result(a->end);
}

/* ---- the end --------------------------------------------------------------------------------- */

static bool lingers(const void *ctx, uint64_t now_us)
{
    const struct attach *a = ctx;
    return client_end_lingers(a->end, now_us);
}

static uint64_t linger_send(void *ctx, uint64_t now_us)
{
    struct attach *a = ctx;
    send_due(a, now_us);
    struct buf *out = client_end_tty(a->end, now_us);
    buf_skip(out, buf_len(out));
    return client_end_deadline(a->end, now_us);
}

void attach_linger(struct attach *a)
{
    linger_see_through(&(struct linger){.loop = a->loop,
                                        .timer = &a->timer,
                                        .later = &a->later,
                                        .link = client_end_link(a->end),
                                        .lingers = lingers,
                                        .send = linger_send,
                                        .end = a});
}

struct attach_end attach_finish(struct attach *a)
{
    flush_tty(a, loop_now_us(a->loop));
    for (size_t i = 0; i < LEAVE_SIGNALS; i++) {
        sigwatch_free(a->watches[i]);
        a->watches[i] = NULL;
    }
    timer_clear(&a->timer);
    rejoin_free(a->rejoin);
    a->rejoin = NULL;
    tty_free(a->tty);
    a->tty = NULL;
    struct client_result r = client_end_result(a->end);
    return (struct attach_end){
        .result = r,
        .unknown = a->unknown && !r.reached,
        .forced = a->signal || a->tty_lost || a->given_up,
    };
}

void attach_free(struct attach *a)
{
    if (!a)
        return;
    later_clear(&a->later);
    timer_clear(&a->timer);
    for (size_t i = 0; i < LEAVE_SIGNALS; i++)
        sigwatch_free(a->watches[i]);
    if (a->tty && a->guest.over) { /* left as it stands: what can be undone at once is */
        uint8_t reset[TTY_GUARD_MAX];
        tty_write(a->tty, reset, client_end_reset_bytes(a->end, reset, sizeof reset));
    }
    tty_free(a->tty);
    rejoin_free(a->rejoin);
    paths_free(a->paths);
    client_end_free(a->end);
    free(a);
}
