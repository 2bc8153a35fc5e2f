#include "client/client.h"

#include "base/mem.h"
#include "boot/boot.h"
#include "client/attach.h"
#include "client/command.h"
#include "client/forwards.h"
#include "client/lend.h"
#include "client/login.h"
#include "client/mux_owner.h"
#include "client/outcome.h"
#include "client/terminfo.h"
#include "io/harden.h"
#include "io/osrandom.h"
#include "link/keys.h"
#include "sync/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* How long a message may wait for room on stderr. */
#define SAY_MS 1000

struct client {
    const struct client_options *o;
    struct loop *loop;
    struct entropy entropy;
    struct boot *boot;
    struct start_record record;
    struct view_facts facts;
    struct attach *attach;    /* NULL before there is a session */
    struct command *command;  /* the same, without a terminal */
    struct owner *owner;      /* in their place */
    struct forwards forwards; /* of our own */
    struct lend_made lent;
    char pass[PASS_TEXT]; /* for -W */
    bool plain;           /* -W: ssh's, by the same login */
    bool missing;         /* no tern-server on the far side */
    bool mid_line;        /* what was printed last did not end its line */
    int status;
    char session[CONNECT_SESSION_MAX + 1];
};

static void PRINTF_LIKE(1, 2) say(const char *fmt, ...)
{
    char text[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    /* A terminal that takes nothing must not keep us from leaving. */
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&p, 1, SAY_MS) == 1)
        fprintf(stderr, "tern: %s\n", text);
}

/* Over without a session: the boot failed, or the terminal could not be used. */
static void give_up(struct client *c, int status)
{
    c->status = status;
    loop_stop(c->loop);
}

/* ---- the bootstrap ----------------------------------------------------------------------------*/

/* What start files print is shown; the remote script's word that no server is there is not. */
static void on_noise(void *ctx, const uint8_t *text, size_t len)
{
    struct client *c = ctx;
    struct login *l = c->o->login;
    char *copy = mem_text(text, len);
    if (l && login_missing(l, copy)) {
        c->missing = true;
        give_up(c, CLIENT_STATUS_LOST);
        char *mark = strstr(copy, "\nTERN-NONE");
        len = mark ? (size_t)(mark - copy) : 0;
    }
    if (c->o->command && !c->o->command->verbose) /* a command's output is its own */
        len = 0;
    fwrite(copy, 1, len, stderr);
    if (len)
        c->mid_line = copy[len - 1] != '\n';
    if (c->missing && c->mid_line) {
        fputc('\n', stderr);
        c->mid_line = false;
    }
    free(copy);
}

static void on_boot_failed(void *ctx, const char *text, int status)
{
    struct client *c = ctx;
    if (c->missing) /* known, and the login was ended for it */
        return;
    if (text[0])
        say("%s", text);
    give_up(c, status);
}

/* The server may have no UDP to offer; false, if it was demanded. */
static bool udp_possible(const struct client *c, const struct connect *connect)
{
    const struct client_options *o = c->o;
    bool demanded = o->transport == CLIENT_UDP;
    char range[32] = "60001:60999";
    if (o->transport == CLIENT_PIPE || (connect->port && connect->addr_count))
        return true;
    if (o->command && !demanded && !o->command->verbose)
        return true;
    if (o->port_low)
        snprintf(range, sizeof range, "%u:%u", o->port_low, o->port_high);
    say("the server found no free UDP port in %s; %s (--udp-ports names others)", range,
        demanded ? "leave out --transport=udp to go on without UDP" : "going on without UDP");
    return !demanded;
}

/* There is a server: the attachment, or the command, takes it from here. */
static void start_attachment(struct client *c, const struct connect *connect,
                             const struct boot_pipe *pipe, const struct addr *addrs, size_t count)
{
    const struct client_options *o = c->o;
    c->attach = attach_new(c->loop, &(struct attach_config){
                                        .program = "tern",
                                        .connect = connect,
                                        .addrs = addrs,
                                        .addr_count = count,
                                        .pipe = pipe,
                                        .server_command = o->login ? login_rejoin_command(o->login)
                                                                   : o->server_command,
                                        .login = o->login != NULL,
                                        .transport = o->transport,
                                        .outage_us = o->outage_us,
                                        .forwards = &c->forwards,
                                        .lent = &c->lent,
                                        .facts = &c->facts,
                                        .ask = c->o->ask,
                                        .escape = {ESCAPE_SSH, o->escape_key},
                                        .history = c->record.history_lines != 0,
                                        .predict = o->predict,
                                        .predict_overwrite = o->predict_overwrite,
                                        .name = "tern",
                                        .entropy = c->entropy,
                                        .log = o->log,
                                        .width = o->width,
                                    });
}

static void start_command(struct client *c, const struct connect *connect,
                          const struct boot_pipe *pipe, const struct addr *addrs, size_t count)
{
    const struct client_options *o = c->o;
    c->command = command_new(
        c->loop,
        &(struct command_config){
            .request = o->command,
            .forwards = &c->forwards,
            .lent = &c->lent,
            .pass = c->pass,
            .exit_on_failure = o->login && login_conf(o->login)->exit_on_forward_failure,
            .connect = connect,
            .addrs = addrs,
            .addr_count = count,
            .pipe = pipe,
            .server_command = o->login ? login_rejoin_command(o->login) : o->server_command,
            .transport = o->transport,
            .outage_us = o->outage_us,
            .entropy = c->entropy,
            .log = o->log,
        });
}

static struct forwards_udp udp_of(const struct client_options *o)
{
    return (struct forwards_udp){o->udp, o->udp_remote, o->udp_count, o->udp_remote_count};
}

/* Forwards stand before anything runs, as with ssh. False: we go. */
static bool open_forwards(struct client *c, const struct connect *connect)
{
    const struct client_options *o = c->o;
    char at[ADDR_TEXT];
    if (o->lend)
        lend_make(c->loop, o->lend, connect, o->login ? login_host(o->login) : NULL,
                  !o->command || !o->command->quiet, o->log, &c->lent);
    if (!o->login || o->owner) /* whose clients ask for them */
        return true;
    if (o->command && o->command->stdio) {
        addr_format(&connect->pass_tcp, at);
        c->plain = connect->pass_tcp.family == ADDR_NONE || !login_pass(o->login, at, c->pass);
        return !c->plain;
    }
    return !forwards_open(c->loop,
                          &(struct forwards_config){.login = o->login,
                                                    .connect = connect,
                                                    .udp = udp_of(o),
                                                    .quiet = o->command && o->command->quiet,
                                                    .session = !o->command,
                                                    .log = o->log},
                          &c->forwards);
}

static void start_owner(struct client *c, const struct connect *connect,
                        const struct boot_pipe *pipe, const struct addr *addrs, size_t count)
{
    const struct client_options *o = c->o;
    c->owner = owner_new(c->loop, &(struct owner_config){
                                      .request = o->owner,
                                      .options = o,
                                      .login = o->login,
                                      .connect = connect,
                                      .addrs = addrs,
                                      .addr_count = count,
                                      .pipe = pipe,
                                      .server_command = o->login ? login_rejoin_command(o->login)
                                                                 : o->server_command,
                                      .entropy = c->entropy,
                                  });
}

static void on_connected(void *ctx, const struct connect *connect, const struct boot_pipe *pipe)
{
    struct client *c = ctx;
    const struct client_options *o = c->o;
    struct addr addrs[LINK_CANDIDATES];
    size_t count = 0;
    if (o->login)
        count = login_candidates(o->login, boot_pid(c->boot), connect, addrs, LINK_CANDIDATES);
    snprintf(c->session, sizeof c->session, "%s", connect->session);
    log_line(o->log, LOG_INFO, "client", "session %s, route %u, UDP port %u, %zu addresses",
             connect->session, connect->route, connect->port, connect->addr_count);
    const struct addr *places = o->login ? addrs : connect->addrs;
    count = o->login ? count : connect->addr_count;
    if (!udp_possible(c, connect) || !open_forwards(c, connect)) {
        close(pipe->in);
        close(pipe->out);
    } else if (o->owner) {
        start_owner(c, connect, pipe, places, count);
    } else if (o->command) {
        start_command(c, connect, pipe, places, count);
    } else {
        start_attachment(c, connect, pipe, places, count);
    }
    if (!c->attach && !c->command && !c->owner) {
        if (!c->plain)
            boot_abort(c->boot);
        give_up(c, CLIENT_STATUS_LOST);
    }
}

/* ---- the start record ------------------------------------------------------------------------ */

/* What ssh's SendEnv commonly passes on. */
static bool env_wanted(const char *pair)
{
    return !strncmp(pair, "LANG=", 5) || !strncmp(pair, "LANGUAGE=", 9) || !strncmp(pair, "LC_", 3);
}

static int fill_lists(struct client *c)
{
    size_t n = 0;
    for (char **e = environ; *e && !c->o->login; e++)
        if (env_wanted(*e) && n++ < START_ENV_MAX)
            start_list_add(&c->record.env, *e);
    for (const char *const *e = c->o->login ? login_env(c->o->login) : NULL; e && *e; e++)
        if (n++ < START_ENV_MAX)
            start_list_add(&c->record.env, *e);
    n = 0;
    for (const char *const *a = c->o->owner ? NULL : c->o->argv; a && *a; a++) {
        if (n++ == START_ARGV_MAX) {
            say("the command has more than %d words", START_ARGV_MAX);
            return ERR_CAP;
        }
        start_list_add(&c->record.argv, *a);
    }
    return 0;
}

static int fill_record(struct client *c)
{
    const struct client_options *o = c->o;
    struct start_record *r = &c->record;
    struct winsize ws = {0};
    start_init(r);
    r->version = START_VERSION;
    boot_nonce(&c->entropy, r->nonce);
    r->action = o->attach ? START_ATTACH : o->command || o->owner ? START_COMMANDS : START_NEW;
    if (o->session && !o->owner)
        snprintf(r->session, sizeof r->session, "%s", o->session);
    if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws)) {
        r->cols = ws.ws_col;
        r->rows = ws.ws_row;
    }
    if (c->facts.paint.rgb)
        r->colorterm = mem_text("truecolor", 9);
    r->caps = SYNC_CAPS_ALL;
    r->detach_timeout_s = o->detach_timeout_s;
    r->no_udp = o->transport == CLIENT_PIPE;
    r->port_low = o->port_low;
    r->port_high = o->port_high;
    r->signal_status = o->signal_status;
    r->history_lines = c->facts.all_on_alt ? 0 : o->history_lines;
    r->shell = o->shell && o->argv && o->argv[0] && !o->owner;
    struct forwards_udp udp = udp_of(o);
    if (o->owner) /* clients may ask for any */
        r->forwards = START_FORWARD_TCP | START_FORWARD_UNIX | START_FORWARD_LISTEN;
    else if (o->login)
        r->forwards = o->command && o->command->stdio ? START_FORWARD_TCP
                                                      : forwards_wanted(login_conf(o->login), &udp);
    if (o->lend)
        r->forwards |= o->lend->wanted;
    if (o->lend)
        r->screen = (uint16_t)o->lend->display.screen;
    return fill_lists(c);
}

static int start_boot(struct client *c)
{
    const char *args[5];
    size_t n = 0;
    if (c->o->server_log) {
        args[n++] = "--log";
        args[n++] = c->o->server_log;
        if (c->o->log_level) {
            args[n++] = "--log-level";
            args[n++] = c->o->log_level;
        }
    }
    args[n] = NULL;
    struct boot_config bc = {.command = c->o->server_command,
                             .login = c->o->login ? login_what(c->o->login) : NULL,
                             .args = args,
                             .record = &c->record,
                             .timeout_us = c->o->connect_timeout_us};
    struct boot_ops ops = {
        .connected = on_connected, .failed = on_boot_failed, .noise = on_noise, .ctx = c};
    int err = boot_new(c->loop, &bc, &ops, &c->boot);
    if (err == ERR_CAP)
        say("the command is too long: all of it may be %u kB", START_RECORD_MAX >> 10);
    else if (err)
        say("cannot start %s: %s", boot_command_text(c->o->server_command), strerror(errno));
    else
        keys_prepare(); /* while it starts */
    return err;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Nobody can connect any more, in a child that lingers neither. */
static void close_forwards(struct client *c)
{
    forwards_close(&c->forwards);
    lend_close(&c->lent);
}

static void finish(struct client *c)
{
    char text[OUTCOME_TEXT];
    struct attach_end e = attach_finish(c->attach);
    if (e.unknown)
        e.result = (struct client_result){
            .kind = CLIENT_FAILED, .text = "the session is gone: no tern-server there knows it"};
    char name[400]; /* as tern --attach takes it */
    snprintf(name, sizeof name, "%s%s%.256s", c->session, c->o->login ? " " : "",
             c->o->login ? login_host(c->o->login) : "");
    c->status = outcome(&e.result, name, c->o->signal_status, e.forced, text);
    if (text[0])
        say("%s", text);
    log_line(c->o->log, LOG_INFO, "client", "leaving with status %d", c->status);
    close_forwards(c);
    attach_linger(c->attach);
    /* A server that goes on without us keeps its ssh; one that ended lets it go by itself. */
    if (c->o->login && e.result.kind != CLIENT_EXITED)
        boot_abort(c->boot);
}

static void finish_command(struct client *c)
{
    const char *text;
    close_forwards(c);
    c->status = command_finish(c->command, c->o->signal_status, &text);
    if (text)
        say("%s", text);
    log_line(c->o->log, LOG_INFO, "client", "leaving with status %d", c->status);
    command_linger(c->command);
}

/* ---- no tern-server there ---------------------------------------------------------------------
 */

static int run_mosh(struct client *c)
{
    const struct client_options *o = c->o;
    struct connect_stock stock;
    struct addr addrs[LINK_CANDIDATES];
    size_t count;
    if (login_start_mosh(o->login, boot_pid(c->boot), &stock, addrs, LINK_CANDIDATES, &count))
        return CLIENT_STATUS_LOST;
    boot_abort(c->boot); /* a stock session has no use for the login */
    c->attach = attach_new(c->loop, &(struct attach_config){
                                        .program = "tern",
                                        .stock = &stock,
                                        .addrs = addrs,
                                        .addr_count = count,
                                        .transport = CLIENT_UDP,
                                        .facts = &c->facts,
                                        .escape = {ESCAPE_SSH, o->escape_key},
                                        .name = "tern",
                                        .entropy = c->entropy,
                                        .log = o->log,
                                        .width = o->width,
                                    });
    mem_wipe(&stock, sizeof stock);
    if (!c->attach)
        return CLIENT_STATUS_LOST;
    loop_run(c->loop);
    finish(c);
    return c->status;
}

/* Commands need channels, which only a tern-server has. Tools that run us may show every line: it
 * is said to people only. */
static int fall_back_command(struct client *c)
{
    const struct client_options *o = c->o;
    const struct command_request *r = o->command;
    if (!o->fallback) {
        say("no tern-server was found there; install tern on that host, or say where it is with "
            "--server=COMMAND");
        return CLIENT_STATUS_LOST;
    }
    if (!r->quiet && (r->verbose || isatty(STDERR_FILENO)))
        say("no tern-server there%s: this goes by plain ssh, and ends when the network does",
            login_has_mosh(o->login) ? ", and its mosh-server has no channels" : "");
    if (r->background || r->nothing) /* it outlives our login; a master would run a shell */
        return login_run_alone(o->login);
    return login_run_plain(o->login);
}

/* What there is instead, through the same login. */
static int fall_back(struct client *c)
{
    const struct client_options *o = c->o;
    if (o->udp_count || o->udp_remote_count)
        say("UDP is not forwarded: no tern-server was found there");
    const char *install = "install tern there for scrollback, lossless commands and re-attaching";
    bool mosh = login_has_mosh(o->login) && !o->forwards; /* which cannot carry them */
    if (o->command)
        return fall_back_command(c);
    if (o->attach) {
        say("no tern-server was found there; say where it is with --server=COMMAND");
        return CLIENT_STATUS_LOST;
    }
    if (o->mosh && !mosh) {
        say("--mosh: no mosh-server was found there; install mosh on that host");
        return CLIENT_STATUS_LOST;
    }
    if (!o->fallback && !o->mosh) {
        say("no tern-server was found there; install tern on that host, or say where it is with "
            "--server=COMMAND");
        return CLIENT_STATUS_LOST;
    }
    if (mosh && !o->mosh)
        say("no tern-server there: using its mosh-server; %s", install);
    if (mosh)
        return run_mosh(c);
    say("no tern-server%s there: going on as plain ssh, without roaming; install tern on that host",
        login_has_mosh(o->login) ? "" : " and no mosh-server");
    return login_run_plain(o->login);
}

/* It is over for good: sessions that stay, detached, keep the server, but not its ssh. */
static void finish_owner(struct client *c)
{
    owner_free(c->owner);
    c->owner = NULL;
    boot_abort(c->boot);
    c->status = 0;
}

static void dispose(struct client *c)
{
    close_forwards(c);
    mem_wipe(c->pass, sizeof c->pass);
    attach_free(c->attach);
    command_free(c->command);
    boot_free(c->boot);
    start_fini(&c->record);
    loop_free(c->loop);
}

static bool terminal_ok(struct client *c)
{
    char note[TERMINFO_ERROR];
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        say("%s is not a terminal; run tern in a terminal",
            isatty(STDIN_FILENO) ? "stdout" : "stdin");
        return false;
    }
    struct terminfo_env env = {getenv("TERM"), getenv("COLORTERM"), getenv("TMUX")};
    if (!terminfo_facts(&env, STDOUT_FILENO, 80, 24, &c->facts, note)) {
        c->facts.all_on_alt = !c->o->scrollback;
        c->facts.clip &= c->o->clipboard;
        c->facts.clip_read = c->o->clipboard_read;
        c->facts.notify = c->o->notify;
        return true;
    }
    say("%s", note);
    return false;
}

/* -W where sshd does not allow all of it: it judges. */
static int run_plain(struct client *c)
{
    int status = login_run_plain(c->o->login);
    boot_abort(c->boot);
    return status;
}

int client_run(const struct client_options *o)
{
    struct client c = {.o = o, .status = CLIENT_STATUS_LOST};
    if (!o->command && !terminal_ok(&c))
        return 1;
    c.entropy = osrandom();
    c.loop = loop_new();
    if (!c.loop) {
        say("cannot start: %s", strerror(errno));
        return CLIENT_STATUS_LOST;
    }
    if (!fill_record(&c) && !start_boot(&c)) {
        loop_run(c.loop);
        if (c.missing)
            c.status = fall_back(&c);
        else if (c.plain)
            c.status = run_plain(&c);
        else if (c.attach)
            finish(&c);
        else if (c.command)
            finish_command(&c);
        else if (c.owner)
            finish_owner(&c);
    }
    dispose(&c);
    return c.status;
}

int client_exec_server(const char *server_command, const char *const *args)
{
    struct boot_command cmd;
    boot_command_init(&cmd, server_command, args);
    harden_restore();
    execvp(cmd.argv[0], cmd.argv);
    if (errno == ENOENT)
        say("tern-server was not found; install it, or say where it is with --server=COMMAND");
    else
        say("cannot run %s: %s", cmd.argv[0], strerror(errno));
    boot_command_fini(&cmd);
    return CLIENT_STATUS_LOST;
}
