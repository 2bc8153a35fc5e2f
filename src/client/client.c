#include "client/client.h"

#include "base/mem.h"
#include "boot/boot.h"
#include "client/outcome.h"
#include "client/paths.h"
#include "client/rejoin.h"
#include "client/terminfo.h"
#include "io/harden.h"
#include "io/loop.h"
#include "io/osrandom.h"
#include "io/signals.h"
#include "io/tty.h"
#include "session/client_end.h"
#include "sync/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* How long the last bytes may take to reach a slow terminal. */
#define FLUSH_US 1000000u

/* A pipe in use that gives nothing back for this long is replaced. */
#define PIPE_SILENT_US 10000000u
/* Bytes handed to the terminal at once. */
#define TTY_PIECE 4096

/* How long a message may wait for room on stderr. */
#define SAY_MS 1000

/* Signals that ask us to leave. */
static const int leave_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
#define LEAVE_SIGNALS (sizeof leave_signals / sizeof *leave_signals)

extern char **environ;

struct client {
    const struct client_options *o;
    struct loop *loop;
    struct entropy entropy;
    struct boot *boot;
    struct start_record record;
    struct view_facts facts;
    struct tty *tty;
    struct client_end *end;
    struct paths *paths;
    struct rejoin *rejoin; /* NULL with --transport=udp */
    struct timer timer;
    struct later later;
    struct sigwatch *watches[LEAVE_SIGNALS];
    int signal; /* that made us leave, 0 = none */
    bool tty_lost, suspended;
    bool unknown; /* the far side does not know the session any more */
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

/* ---- a turn ---------------------------------------------------------------------------------- */

/* Bytes to the tty as it takes them; what it does not take stays with the session, which then skips
 * frames: so its own queue is filled by little. */
static void pump_tty(struct client *c, uint64_t now_us)
{
    struct buf *out = client_end_tty(c->end, now_us);
    if (c->tty_lost)
        buf_skip(out, buf_len(out));
    while (buf_len(out) && !tty_queued(c->tty)) {
        size_t n = buf_len(out) < TTY_PIECE ? buf_len(out) : TTY_PIECE;
        size_t taken = tty_write(c->tty, buf_data(out), n);
        buf_skip(out, taken);
        if (!taken) /* it broke; on_tty_lost comes */
            break;
    }
    uint8_t reset[TTY_GUARD_MAX];
    tty_guard_set(reset, client_end_reset_bytes(c->end, reset, sizeof reset));
}

/* Everything to the tty now, waiting for it a little. */
static void flush_tty(struct client *c, uint64_t now_us)
{
    struct buf *out = client_end_tty(c->end, now_us);
    uint64_t until = clock_boot_us() + FLUSH_US;
    while (!c->tty_lost && buf_len(out) && clock_boot_us() < until) {
        buf_skip(out, tty_write(c->tty, buf_data(out), buf_len(out)));
        if (!tty_flush(c->tty, FLUSH_US))
            break;
    }
}

static void suspend(struct client *c, uint64_t now_us)
{
    client_end_suspend(c->end, now_us);
    flush_tty(c, now_us);
    tty_guard_set("", 0);
    c->suspended = true;
    tty_suspend(c->tty); /* goes on in on_resumed */
}

/* A pipe may be dead without a word: its TCP connection hangs. When it is the path in use, and for
 * long nothing came back, it is replaced. Returns when to look again. */
static uint64_t check_pipe(struct client *c, uint64_t now_us)
{
    struct link *link = client_end_link(c->end);
    struct path_ref path;
    uint64_t since = paths_pipe_since(c->paths), silent = link_silent_since_us(link);
    if (!c->rejoin || !since || !silent || !link_path(link, &path) || path.kind != PATH_PIPE)
        return TIME_NEVER;
    uint64_t due = (since > silent ? since : silent) + PIPE_SILENT_US;
    if (now_us < due)
        return due;
    paths_pipe_drop(c->paths, "nothing came back for long");
    return TIME_NEVER;
}

static void turn(void *ctx)
{
    struct client *c = ctx;
    uint64_t now_us = loop_now_us(c->loop);
    struct link_datagram d;
    paths_serve(c->paths, now_us);
    while (client_end_poll(c->end, now_us, &d) > 0)
        paths_send(c->paths, &d, now_us);
    paths_serve(c->paths, now_us);
    pump_tty(c, now_us);
    switch (client_end_action(c->end, now_us)) {
    case CLIENT_DONE:
        loop_stop(c->loop);
        return;
    case CLIENT_SUSPEND:
        suspend(c, now_us);
        later_set(&c->later);
        return;
    case CLIENT_NONE:
        break;
    }
    uint64_t at = client_end_deadline(c->end, now_us), look = check_pipe(c, now_us);
    timer_set(&c->timer, at < look ? at : look);
}

static void wants_turn(void *ctx)
{
    struct client *c = ctx;
    later_set(&c->later);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void on_keys(void *ctx, const uint8_t *bytes, size_t len)
{
    struct client *c = ctx;
    client_end_keys(c->end, bytes, len, loop_now_us(c->loop));
    later_set(&c->later);
}

static void on_resized(void *ctx, const struct tty_size *size)
{
    struct client *c = ctx;
    client_end_resize(c->end, size->cols, size->rows, loop_now_us(c->loop));
    later_set(&c->later);
}

static void on_resumed(void *ctx)
{
    struct client *c = ctx;
    uint64_t now_us = loop_now_us(c->loop);
    if (c->suspended)
        client_end_resume(c->end, now_us);
    else
        client_end_repaint(c->end, now_us);
    c->suspended = false;
    struct tty_size size = tty_size(c->tty);
    client_end_resize(c->end, size.cols, size.rows, now_us);
    later_set(&c->later);
}

static void on_stop(void *ctx)
{
    struct client *c = ctx;
    suspend(c, loop_now_us(c->loop));
    later_set(&c->later);
}

static void on_tty_lost(void *ctx)
{
    struct client *c = ctx;
    if (c->tty_lost)
        return;
    c->tty_lost = true;
    log_line(c->o->log, LOG_INFO, "client", "the terminal is gone");
    client_end_keys_closed(c->end, loop_now_us(c->loop));
    later_set(&c->later);
}

static void on_datagram(void *ctx, const struct path_ref *from, bool congested,
                        const uint8_t *bytes, size_t len)
{
    struct client *c = ctx;
    if (from->kind == PATH_PIPE && c->rejoin)
        rejoin_works(c->rejoin);
    c->unknown = false;
    client_end_datagram(c->end, from, congested, bytes, len, loop_now_us(c->loop));
    later_set(&c->later);
}

static void on_pipe_lost(void *ctx)
{
    struct client *c = ctx;
    if (c->rejoin)
        rejoin_ask(c->rejoin);
    later_set(&c->later);
}

static void on_relay(void *ctx, const struct boot_pipe *pipe)
{
    struct client *c = ctx;
    if (paths_pipe_open(c->paths, pipe, loop_now_us(c->loop)))
        rejoin_ask(c->rejoin);
    later_set(&c->later);
}

/* Not an end: a server that is merely stopped comes back. */
static void on_relay_refused(void *ctx)
{
    struct client *c = ctx;
    uint64_t now_us = loop_now_us(c->loop);
    c->unknown = link_quiet(client_end_link(c->end), now_us);
    if (c->unknown)
        client_end_message(c->end, "the server does not answer for this session", true, now_us);
    later_set(&c->later);
}

static void on_signal(void *ctx, int signum)
{
    struct client *c = ctx;
    log_line(c->o->log, LOG_INFO, "client", "leaving by SIG%s", signal_name(signum));
    bool again = c->signal != 0;
    c->signal = signum;
    client_end_leave(c->end, loop_now_us(c->loop));
    if (again) /* the session leaves at once when asked twice, too; this is for certain */
        loop_stop(c->loop);
    later_set(&c->later);
}

/* ---- the bootstrap ----------------------------------------------------------------------------*/

static void on_noise(void *ctx, const uint8_t *text, size_t len)
{
    (void)ctx;
    fwrite(text, 1, len, stderr);
}

static void on_boot_failed(void *ctx, const char *text, int status)
{
    struct client *c = ctx;
    if (text[0])
        say("%s", text);
    give_up(c, status);
}

static int take_tty(struct client *c)
{
    struct tty_ops ops = {.data = on_keys,
                          .resized = on_resized,
                          .resumed = on_resumed,
                          .writable = wants_turn,
                          .stop = on_stop,
                          .lost = on_tty_lost,
                          .ctx = c};
    int err = tty_new(c->loop, STDIN_FILENO, STDOUT_FILENO, true, &ops, &c->tty);
    if (!err)
        err = tty_raw(c->tty);
    if (err)
        say("cannot use the terminal: %s", err == ERR_SYS ? strerror(errno) : err_text(err));
    return err;
}

static void make_end(struct client *c, const struct connect *connect)
{
    struct tty_size size = tty_size(c->tty);
    c->facts.cols = size.cols;
    c->facts.rows = size.rows;
    c->end = client_end_new(&(struct client_end_config){
        .connect = connect,
        .entropy = c->entropy,
        .log = c->o->log,
        .tty = &c->facts,
        .escape = {.style = ESCAPE_SSH, .key = c->o->escape_key},
        .name = "tern",
        .width = c->o->width,
        .now_us = loop_now_us(c->loop),
    });
}

/* The server may have no UDP to offer; false, if it was demanded. */
static bool udp_possible(const struct client *c, const struct connect *connect)
{
    const struct client_options *o = c->o;
    bool demanded = o->transport == CLIENT_UDP;
    char range[32] = "60001:60999";
    if (o->transport == CLIENT_PIPE || (connect->port && connect->addr_count))
        return true;
    if (o->port_low)
        snprintf(range, sizeof range, "%u:%u", o->port_low, o->port_high);
    say("the server found no free UDP port in %s; %s (--udp-ports names others)", range,
        demanded ? "leave out --transport=udp to go on without UDP" : "going on without UDP");
    return !demanded;
}

static void open_paths(struct client *c, const struct connect *connect,
                       const struct boot_pipe *pipe)
{
    struct paths_config pc = {.link = client_end_link(c->end),
                              .udp = c->o->transport != CLIENT_PIPE && connect->port,
                              .candidates = connect->addrs,
                              .candidate_count = connect->addr_count,
                              .log = c->o->log};
    struct paths_ops ops = {
        .datagram = on_datagram, .pipe_lost = on_pipe_lost, .event = wants_turn, .ctx = c};
    c->paths = paths_new(c->loop, &pc, &ops);
    if (c->o->transport == CLIENT_UDP) {
        close(pipe->in);
        close(pipe->out);
        return;
    }
    struct rejoin_config rc = {.server_command = c->o->server_command,
                               .session = c->session,
                               .route = connect->route,
                               .log = c->o->log};
    struct rejoin_ops rejoin_ops = {on_relay, on_relay_refused, c};
    c->rejoin = rejoin_new(c->loop, &rc, &rejoin_ops);
    if (paths_pipe_open(c->paths, pipe, loop_now_us(c->loop)))
        rejoin_ask(c->rejoin);
}

static void on_connected(void *ctx, const struct connect *connect, const struct boot_pipe *pipe)
{
    struct client *c = ctx;
    snprintf(c->session, sizeof c->session, "%s", connect->session);
    log_line(c->o->log, LOG_INFO, "client", "session %s, route %u, UDP port %u, %zu addresses",
             connect->session, connect->route, connect->port, connect->addr_count);
    if (!udp_possible(c, connect) || take_tty(c)) {
        boot_abort(c->boot);
        close(pipe->in);
        close(pipe->out);
        give_up(c, CLIENT_STATUS_LOST);
        return;
    }
    make_end(c, connect);
    open_paths(c, connect, pipe);
    for (size_t i = 0; i < LEAVE_SIGNALS; i++)
        if (sigwatch_new(c->loop, leave_signals[i], on_signal, c, &c->watches[i]))
            c->watches[i] = NULL; /* the guard restores the terminal then */
    timer_init(&c->timer, c->loop, turn, c);
    later_set(&c->later);
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
    for (char **e = environ; *e; e++)
        if (env_wanted(*e) && n++ < START_ENV_MAX)
            start_list_add(&c->record.env, *e);
    n = 0;
    for (const char *const *a = c->o->argv; a && *a; a++) {
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
    r->action = o->attach ? START_ATTACH : START_NEW;
    if (o->session)
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
    return err;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void linger_turn(void *ctx)
{
    struct client *c = ctx;
    uint64_t now_us = loop_now_us(c->loop);
    struct link_datagram d;
    paths_serve(c->paths, now_us);
    while (client_end_poll(c->end, now_us, &d) > 0)
        paths_send(c->paths, &d, now_us);
    struct buf *out = client_end_tty(c->end, now_us);
    buf_skip(out, buf_len(out));
    if (!client_end_lingers(c->end, now_us))
        loop_stop(c->loop);
    else
        timer_set(&c->timer, client_end_deadline(c->end, now_us));
}

/* The user has the prompt back; a child without a terminal repeats the last acknowledgement if the
 * far side asks for it. */
static void linger(struct client *c)
{
    if (!client_end_lingers(c->end, loop_now_us(c->loop)))
        return;
    fflush(stderr);
    pid_t pid = fork();
    if (pid != 0)
        return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2 && null >= 0; fd++)
        dup2(null, fd);
    setsid();
    if (loop_forked(c->loop))
        _exit(0);
    c->timer.fire = c->later.call = linger_turn;
    later_set(&c->later);
    loop_run(c->loop);
    _exit(0);
}

static void finish(struct client *c)
{
    uint64_t now_us = loop_now_us(c->loop);
    flush_tty(c, now_us);
    for (size_t i = 0; i < LEAVE_SIGNALS; i++)
        sigwatch_free(c->watches[i]);
    timer_clear(&c->timer);
    rejoin_free(c->rejoin);
    c->rejoin = NULL;
    tty_free(c->tty);
    c->tty = NULL;
    tty_guard_set("", 0);
    struct client_result r = client_end_result(c->end);
    char text[OUTCOME_TEXT];
    if (c->unknown && !r.reached)
        r = (struct client_result){.kind = CLIENT_FAILED,
                                   .text = "the session is gone: no tern-server there knows it"};
    c->status = outcome(&r, c->session, c->o->signal_status, c->signal || c->tty_lost, text);
    if (text[0])
        say("%s", text);
    log_line(c->o->log, LOG_INFO, "client", "leaving with status %d", c->status);
    linger(c);
}

static void dispose(struct client *c)
{
    later_clear(&c->later);
    tty_free(c->tty);
    rejoin_free(c->rejoin);
    paths_free(c->paths);
    client_end_free(c->end);
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
    if (!terminfo_facts(&env, STDOUT_FILENO, 80, 24, &c->facts, note))
        return true;
    say("%s", note);
    return false;
}

int client_run(const struct client_options *o)
{
    struct client c = {.o = o, .status = CLIENT_STATUS_LOST};
    if (!terminal_ok(&c))
        return 1;
    c.entropy = osrandom();
    c.loop = loop_new();
    if (!c.loop) {
        say("cannot start: %s", strerror(errno));
        return CLIENT_STATUS_LOST;
    }
    later_init(&c.later, c.loop, turn, &c);
    if (!fill_record(&c) && !start_boot(&c)) {
        loop_run(c.loop);
        if (c.end)
            finish(&c);
    }
    dispose(&c);
    return c.status;
}

int client_exec_server(const char *server_command, const char *const *args)
{
    struct boot_command cmd;
    boot_command_init(&cmd, server_command, args);
    harden_restore_core();
    execvp(cmd.argv[0], cmd.argv);
    if (errno == ENOENT)
        say("tern-server was not found; install it, or say where it is with --server=COMMAND");
    else
        say("cannot run %s: %s", cmd.argv[0], strerror(errno));
    boot_command_fini(&cmd);
    return CLIENT_STATUS_LOST;
}
