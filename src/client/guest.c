#include "client/guest.h"

#include "base/mem.h"
#include "boot/boot.h"
#include "client/attach.h"
#include "client/outcome.h"
#include "client/sibling.h"
#include "client/terminfo.h"
#include "sync/sync.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* The client makes its terminal raw once it is told that there is a session; until then answers
 * would be echoed. How often to look, and how long at most. */
#define RAW_LOOK_US 2000u
#define RAW_WAIT_US 2000000u

/* An owner that is on its pipe so long after its start has no UDP. */
#define UDP_WAIT_US 2000000u

enum phase {
    ASKING,  /* the server */
    WAITING, /* for the client's process, to make its terminal raw */
    DRAWING,
    LEFT, /* over, or refused */
};

struct guest {
    const struct guest_owner *owner;
    struct guest_ops ops;
    enum phase phase;
    int fds[3];
    struct view_facts facts;
    char *smcup, *rmcup; /* of it, owned: terminfo's own live until the next guest's */
    int escape_key;
    uint64_t history_lines;
    struct sibling *sibling;
    struct connect connect; /* while WAITING */
    struct attach *attach;
    struct timer timer;
    uint64_t raw_until_us;
    char session[CONNECT_SESSION_MAX + 1];
    char why[TERMINFO_ERROR]; /* to be told by `refused` */
};

void guest_route(struct chans_router *r)
{
    chans_route(r, OPEN_SESSION, &sibling_chans_ops, NULL);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void close_fds(struct guest *g)
{
    for (int i = 0; i < 3; i++) {
        if (g->fds[i] >= 0)
            close(g->fds[i]);
        g->fds[i] = -1;
    }
}

static void refuse(struct guest *g)
{
    g->phase = LEFT;
    sibling_free(g->sibling);
    g->sibling = NULL;
    close_fds(g);
    g->ops.refused(g->ops.ctx, g->why);
}

static void refuse_because(struct guest *g, const char *why)
{
    snprintf(g->why, sizeof g->why, "%s", why);
    refuse(g);
}

static int outcome_of(const struct guest *g, const struct client_result *r, char *text)
{
    const struct client_options *o = g->owner->o;
    char name[400]; /* as tern --attach takes it */
    snprintf(name, sizeof name, "%s%s%.256s", g->session, o->login ? " " : "",
             o->login ? login_host(o->login) : "");
    return outcome(r, name, o->signal_status, false, text);
}

static void on_last_words(void *ctx, const struct client_result *r, char *text, size_t size)
{
    char words[OUTCOME_TEXT];
    outcome_of(ctx, r, words);
    if (words[0])
        snprintf(text, size, "tern: %s", words);
}

static void on_over(void *ctx)
{
    struct guest *g = ctx;
    char text[OUTCOME_TEXT];
    struct client_result r = attach_result(g->attach);
    int status = outcome_of(g, &r, text);
    g->phase = LEFT;
    close_fds(g);
    log_line(g->owner->o->log, LOG_INFO, "guest", "%s: over, status %d", g->session, status);
    g->ops.over(g->ops.ctx, status, r.kind == CLIENT_EXITED ? r.signal : 0);
}

static void on_gone(void *ctx)
{
    struct guest *g = ctx;
    g->ops.gone(g->ops.ctx);
}

/* It was told that it is open; nothing was drawn. */
static void end_undrawn(struct guest *g)
{
    g->phase = LEFT;
    connect_wipe(&g->connect);
    close_fds(g);
    timer_set(&g->timer, loop_now_us(g->owner->loop)); /* for `gone` */
    g->ops.over(g->ops.ctx, CLIENT_STATUS_LOST, 0);
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* The path that works for the owner stands first. */
static size_t fill_addrs(const struct guest *g, struct addr out[static LINK_CANDIDATES], bool *pipe)
{
    const struct guest_owner *w = g->owner;
    struct path_ref path;
    size_t n = 0;
    *pipe = false;
    if (w->link && link_path(w->link, &path)) {
        *pipe = path.kind == PATH_PIPE && loop_now_us(w->loop) >= w->since_us + UDP_WAIT_US;
        if (path.kind == PATH_UDP)
            out[n++] = path.remote;
    }
    for (size_t i = 0; i < w->addr_count && n < LINK_CANDIDATES; i++)
        if (!n || !addr_equal(&out[0], &w->addrs[i]))
            out[n++] = w->addrs[i];
    return n;
}

static void draw(struct guest *g)
{
    const struct guest_owner *w = g->owner;
    const struct client_options *o = w->o;
    struct addr addrs[LINK_CANDIDATES];
    bool pipe;
    size_t count = fill_addrs(g, addrs, &pipe);
    g->attach =
        attach_new(w->loop, &(struct attach_config){
                                .guest = &(struct attach_guest){g->fds[0], g->fds[1], on_over,
                                                                on_gone, on_last_words, g},
                                .program = "tern",
                                .connect = &g->connect,
                                .addrs = addrs,
                                .addr_count = count,
                                .pipe_now = pipe,
                                .server_command = w->server_command,
                                .shared_command = w->shared_command,
                                .login = w->login,
                                .transport = o->transport,
                                .outage_us = o->outage_us,
                                .facts = &g->facts,
                                .ask = o->ask,
                                .escape = {ESCAPE_SSH, g->escape_key},
                                .history = g->history_lines != 0,
                                .predict = o->predict,
                                .predict_overwrite = o->predict_overwrite,
                                .name = "tern",
                                .entropy = w->entropy,
                                .log = o->log,
                                .width = o->width,
                            });
    connect_wipe(&g->connect);
    if (g->attach)
        g->phase = DRAWING;
    else
        end_undrawn(g);
}

static bool is_raw(const struct guest *g)
{
    struct termios t;
    return tcgetattr(g->fds[0], &t) || !(t.c_lflag & (ICANON | ECHO));
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void on_timer(void *ctx)
{
    struct guest *g = ctx;
    uint64_t now_us = loop_now_us(g->owner->loop);
    if (g->phase == ASKING)
        refuse(g);
    else if (g->phase == WAITING && (is_raw(g) || now_us >= g->raw_until_us))
        draw(g);
    else if (g->phase == WAITING)
        timer_set(&g->timer, now_us + RAW_LOOK_US);
    else if (g->phase == LEFT)
        g->ops.gone(g->ops.ctx);
}

static void on_answered(void *ctx, const struct connect *c)
{
    struct guest *g = ctx;
    uint64_t now_us = loop_now_us(g->owner->loop);
    sibling_free(g->sibling);
    g->sibling = NULL;
    g->connect = *c;
    snprintf(g->session, sizeof g->session, "%s", c->session);
    log_line(g->owner->o->log, LOG_INFO, "guest", "session %s, route %u", c->session, c->route);
    g->phase = WAITING;
    g->raw_until_us = now_us + RAW_WAIT_US;
    timer_set(&g->timer, now_us);
    g->ops.opened(g->ops.ctx);
}

static void on_refused(void *ctx, const char *why)
{
    refuse_because(ctx, why);
}

static int ask(struct guest *g, const struct guest_config *c)
{
    const struct client_options *o = g->owner->o;
    struct start_record r;
    struct winsize ws = {0};
    struct entropy entropy = g->owner->entropy;
    start_init(&r);
    r.version = START_VERSION;
    r.action = c->attach ? START_ATTACH : START_NEW;
    boot_nonce(&entropy, r.nonce);
    if (c->session)
        snprintf(r.session, sizeof r.session, "%s", c->session);
    if (!ioctl(g->fds[0], TIOCGWINSZ, &ws)) {
        r.cols = ws.ws_col;
        r.rows = ws.ws_row;
    }
    if (g->facts.paint.rgb)
        r.colorterm = mem_text("truecolor", 9);
    r.caps = SYNC_CAPS_ALL;
    r.signal_status = o->signal_status;
    r.history_lines = g->history_lines;
    for (size_t i = 0; c->env && c->env[i] && i < START_ENV_MAX; i++)
        start_list_add(&r.env, c->env[i]);
    r.shell = c->command && *c->command;
    if (r.shell)
        start_list_add(&r.argv, c->command);
    int err = sibling_new(g->owner->chans, &r, &(struct sibling_ops){on_answered, on_refused, g},
                          &g->sibling);
    start_fini(&r);
    if (!err)
        g->owner->wake(g->owner->wake_ctx);
    return err;
}

/* False: g->why says why not. */
static bool look_at_terminal(struct guest *g, const struct guest_config *c)
{
    const struct client_options *o = g->owner->o;
    struct terminfo_env env = {c->term, c->colorterm, c->tmux};
    if (!isatty(g->fds[0]) || !isatty(g->fds[1])) {
        snprintf(g->why, sizeof g->why, "%s is not a terminal",
                 isatty(g->fds[0]) ? "stdout" : "stdin");
        return false;
    }
    if (terminfo_facts(&env, g->fds[1], 80, 24, &g->facts, g->why))
        return false;
    if (g->facts.smcup) {
        g->facts.smcup = g->smcup = mem_text(g->facts.smcup, strlen(g->facts.smcup));
        g->facts.rmcup = g->rmcup = mem_text(g->facts.rmcup, strlen(g->facts.rmcup));
    }
    g->facts.all_on_alt = !o->scrollback;
    g->facts.clip &= o->clipboard;
    g->facts.clip_read = o->clipboard_read;
    g->facts.notify = o->notify;
    g->history_lines = o->scrollback ? o->history_lines : 0;
    return true;
}

struct guest *guest_new(const struct guest_config *c, const struct guest_ops *ops)
{
    struct guest *g = mem_new(1, sizeof *g);
    *g = (struct guest){.owner = c->owner,
                        .ops = *ops,
                        .fds = {c->in, c->out, c->err},
                        .escape_key = c->escape_key};
    timer_init(&g->timer, g->owner->loop, on_timer, g);
    int err = ERR_OK;
    if (look_at_terminal(g, c) && (err = ask(g, c)))
        snprintf(g->why, sizeof g->why, "%s",
                 err == ERR_STATE ? "the connection to the server is over"
                                  : "the request is too long, or there are too many of them");
    if (g->why[0])
        timer_set(&g->timer, loop_now_us(g->owner->loop));
    return g;
}

/* ---- what the owner tells -------------------------------------------------------------------- */

void guest_resized(struct guest *g)
{
    if (g->phase == DRAWING)
        attach_resized(g->attach);
}

void guest_leave(struct guest *g)
{
    switch (g->phase) {
    case ASKING:
        refuse_because(g, "left before the server answered");
        break;
    case WAITING:
        end_undrawn(g);
        break;
    case DRAWING:
        attach_leave(g->attach);
        break;
    case LEFT:
        break;
    }
}

bool guest_is_over(const struct guest *g)
{
    return g->phase == LEFT;
}

void guest_free(struct guest *g)
{
    if (!g)
        return;
    timer_clear(&g->timer);
    sibling_free(g->sibling);
    attach_free(g->attach);
    connect_wipe(&g->connect);
    close_fds(g);
    free(g->smcup);
    free(g->rmcup);
    free(g);
    malloc_trim(0); /* the owner may live for days */
}
