#include "client/command.h"

#include "base/mem.h"
#include "chan/router.h"
#include "client/linger.h"
#include "client/outage.h"
#include "client/paths.h"
#include "client/rejoin.h"
#include "client/three.h"
#include "io/pipe.h"
#include "io/signals.h"
#include "session/command_end.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A pipe in use that gives nothing back for this long is replaced. */
#define PIPE_SILENT_US 10000000u
/* After a signal the command has this long to end of it, and to say so. */
#define SIGNAL_US 1000000u
/* Silence that -v tells of. */
#define SILENCE_US 3000000u
/* Logins in a row that found no server for us, with nothing heard between them: it is gone. */
#define REFUSED_MOST 5

static const int told_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
#define TOLD_SIGNALS (sizeof told_signals / sizeof *told_signals)

struct command {
    struct loop *loop;
    const struct command_request *request;
    const struct log *log;
    struct command_end *end;
    struct chans_router router;
    struct forwards *forwards;
    const struct lend_made *lent;
    bool exit_on_failure, forwards_failed;
    struct paths *paths;
    struct rejoin *rejoin;
    struct three three;
    struct timer timer;
    struct later later;
    struct sigwatch *watches[TOLD_SIGNALS];
    struct chan_counters counters;
    bool done;       /* the channel is over; what waits is still to be written */
    bool unwritten;  /* our stdout took not everything: that is no success */
    bool has_status; /* the command's own word */
    int status;
    int signal; /* that killed the command */
    struct outage outage;
    int our_signal;     /* that we got first */
    uint64_t signal_us; /* then */
    int refused;        /* logins that found no server for us, since anything came */
    bool silent_told;   /* -v */
    char text[256];     /* why it did not work; "" = nothing to say */
};

static void wake(struct command *c)
{
    later_set(&c->later);
}

static void on_stir(void *ctx)
{
    wake(ctx);
}

static void verbose(const struct command *c, const char *text)
{
    if (c->request->verbose)
        fprintf(stderr, "tern: %s\n", text);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void tell_counters(const struct command *c)
{
    const struct chan_counters *k = &c->counters;
    char text[300], path[PATH_TEXT];
    link_path_text(command_end_link(c->end), path);
    snprintf(
        text, sizeof text,
        "channel: %llu bytes sent, %llu received on stdout, %llu on stderr; window %u kB, path %s",
        (unsigned long long)k->sent[CHAN_DATA], (unsigned long long)k->received[CHAN_DATA],
        (unsigned long long)k->received[CHAN_STDERR], k->window_most >> 10, path);
    verbose(c, text);
    log_line(c->log, LOG_INFO, "command", "%s", text);
}

/* No channel any more, whatever it was that ended it. */
static void channel_over(struct command *c)
{
    if (c->done)
        return;
    c->done = true;
    c->three.chan = NULL;
    three_stop_reading(&c->three);
    tell_counters(c);
    wake(c);
}

static void fail(struct command *c, const char *text)
{
    if (!c->text[0] && !c->our_signal)
        snprintf(c->text, sizeof c->text, "%s", text);
    channel_over(c);
}

/* ---- stdout and stderr ----------------------------------------------------------------------- */

static void feed(struct command *c)
{
    if (!three_feed(&c->three))
        return;
    chan_counters(c->three.chan, &c->counters);
    chan_release(c->three.chan);
    if (c->request->stdio) { /* there is no other word on it */
        c->has_status = true;
        c->status = 0;
    }
    channel_over(c);
}

/* A reader that went away is none of our errors. */
static void on_lost(void *ctx, enum chan_stream s, int sys_errno)
{
    struct command *c = ctx;
    if (sys_errno == EPIPE || s != CHAN_DATA)
        return;
    fprintf(stderr, "tern: cannot write to stdout: %s\n", strerror(sys_errno));
    c->unwritten = true;
}

/* ---- what the channel tells ------------------------------------------------------------------ */

static int on_opened(void *ctx, struct chan *ch, const struct open_request *o, const char **why)
{
    (void)ctx;
    (void)ch;
    (void)o;
    *why = "nothing is forwarded";
    return REFUSAL_PROHIBITED;
}

static void on_accepted(void *ctx, struct chan *ch)
{
    struct command *c = ctx;
    (void)ch;
    if (c->request->background)
        command_background_done();
}

static void on_refused(void *ctx, struct chan *ch, uint32_t code, const char *text)
{
    struct command *c = ctx;
    char line[256];
    (void)ch;
    if (c->request->stdio) { /* in ssh's words */
        fprintf(stderr, "channel 0: open failed: %s: %.180s\nstdio forwarding failed\n",
                code == REFUSAL_CONNECT_FAILED ? "connect failed" : "administratively prohibited",
                text);
        channel_over(c);
        return;
    }
    snprintf(line, sizeof line, "the server refused (%u): %.180s", code, text);
    fail(c, line);
}

static void on_readable(void *ctx, struct chan *ch)
{
    (void)ch;
    wake(ctx); /* a row of datagrams is written at once */
}

static void on_writable(void *ctx, struct chan *ch)
{
    (void)ch;
    three_pace(&((struct command *)ctx)->three);
}

static void on_stopped(void *ctx, struct chan *ch, enum chan_stream s)
{
    (void)ch;
    three_stopped(&((struct command *)ctx)->three, s);
}

static void on_request(void *ctx, struct chan *ch, const struct message *m)
{
    struct command *c = ctx;
    (void)ch;
    if (m->kind == MESSAGE_EXIT_STATUS) {
        c->has_status = true;
        c->status = (int)(m->value & 0xff);
    } else if (m->kind == MESSAGE_EXIT_SIGNAL) {
        c->has_status = true;
        c->status = CLIENT_STATUS_LOST;
        c->signal = signal_number(m->name);
    }
}

static void on_broken(void *ctx, struct chan *ch, uint64_t code)
{
    struct command *c = ctx;
    feed(c);
    chan_counters(ch, &c->counters);
    fail(c, code == STREAM_LOST ? "the connection to the server is over: it ended there"
                                : "the server gave the command up");
}

static const struct chans_ops channel_ops = {
    .opened = on_opened,
    .accepted = on_accepted,
    .refused = on_refused,
    .readable = on_readable,
    .writable = on_writable,
    .stopped = on_stopped,
    .request = on_request,
    .broken = on_broken,
};

/* ---- a turn ---------------------------------------------------------------------------------- */

/* As in attach.c: a pipe may be dead without a word. */
static uint64_t check_pipe(struct command *c, uint64_t now_us)
{
    struct link *link = command_end_link(c->end);
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

static void tell_silence(struct command *c, uint64_t now_us)
{
    uint64_t since = link_silent_since_us(command_end_link(c->end));
    bool silent = since && now_us - since > SILENCE_US;
    if (silent != c->silent_told)
        verbose(c, silent ? "nothing comes from the server: waiting for the network"
                          : "the server is there again");
    c->silent_told = silent;
}

static bool busy(const struct forwards *f)
{
    return (f->local && local_busy(f->local)) || (f->remote && remote_busy(f->remote));
}

/* Time to go? */
static void check_done(struct command *c, uint64_t now_us)
{
    enum command_state state = command_end_state(c->end);
    if (c->our_signal && !c->done &&
        (now_us - c->signal_us >= SIGNAL_US || link_quiet(command_end_link(c->end), now_us))) {
        if (c->three.chan) {
            chan_counters(c->three.chan, &c->counters);
            chan_abandon(c->three.chan, STREAM_DONE);
        }
        channel_over(c);
    }
    if (state == COMMAND_OVER && !c->done)
        fail(c, command_end_text(c->end) ? command_end_text(c->end) : "the connection is over");
    if (!c->done || !three_written(&c->three))
        return;
    /* As with ssh: who is connected when the command ends may finish. */
    if (busy(c->forwards) && c->has_status && state == COMMAND_LIVE && !c->our_signal)
        return;
    if (state == COMMAND_LIVE)
        command_end_leave(c->end, now_us);
    loop_stop(c->loop);
}

/* When to look again. */
static uint64_t look_at_outage(struct command *c, uint64_t now_us)
{
    uint64_t again;
    if (!outage_over(&c->outage, command_end_link(c->end), now_us, &again))
        return again;
    c->outage.limit_us = 0;
    if (c->three.chan) {
        chan_counters(c->three.chan, &c->counters);
        chan_abandon(c->three.chan, STREAM_DONE);
    }
    fail(c, "given up: the outage lasted longer than --outage-timeout allows");
    check_done(c, now_us);
    return TIME_NEVER;
}

static void send_due(struct command *c, uint64_t now_us)
{
    struct link_datagram d;
    paths_serve(c->paths, now_us);
    while (command_end_poll(c->end, now_us, &d) > 0)
        paths_send(c->paths, &d, now_us);
}

static void turn(void *ctx)
{
    struct command *c = ctx;
    uint64_t now_us = loop_now_us(c->loop);
    feed(c);
    check_done(c, now_us);
    send_due(c, now_us);
    paths_serve(c->paths, now_us);
    tell_silence(c, now_us);
    check_done(c, now_us);
    uint64_t outage_us = look_at_outage(c, now_us);
    uint64_t at = command_end_deadline(c->end, now_us), look = check_pipe(c, now_us);
    at = at < look ? at : look;
    at = at < outage_us ? at : outage_us;
    if (c->our_signal && !c->done && c->signal_us + SIGNAL_US < at)
        at = c->signal_us + SIGNAL_US;
    timer_set(&c->timer, at);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void on_datagram(void *ctx, const struct path_ref *from, bool congested,
                        const uint8_t *bytes, size_t len)
{
    struct command *c = ctx;
    if (from->kind == PATH_PIPE && c->rejoin)
        rejoin_works(c->rejoin);
    c->refused = 0;
    command_end_datagram(c->end, from, congested, bytes, len, loop_now_us(c->loop));
    wake(c);
}

static void on_event(void *ctx)
{
    wake(ctx);
}

static void on_pipe_lost(void *ctx)
{
    struct command *c = ctx;
    if (c->rejoin && !c->done)
        rejoin_ask(c->rejoin);
    wake(c);
}

static void on_relay(void *ctx, const struct boot_pipe *pipe)
{
    struct command *c = ctx;
    if (paths_pipe_open(c->paths, pipe, loop_now_us(c->loop)))
        rejoin_ask(c->rejoin);
    wake(c);
}

/* No end: a server that is merely stopped comes back. But where nothing else gets through, and it
 * is told again and again that there is no such session, nobody waits for us. */
static void on_relay_refused(void *ctx)
{
    struct command *c = ctx;
    if (++c->refused >= REFUSED_MOST)
        fail(c, "the command is gone: no tern-server there knows it");
    wake(c);
}

static void on_signal(void *ctx, int signum)
{
    struct command *c = ctx;
    struct message m = {.kind = MESSAGE_SIGNAL};
    bool leaves = signum != SIGUSR1 && signum != SIGUSR2;
    snprintf(m.name, sizeof m.name, "%s", signal_name(signum));
    if (c->three.chan && chan_request(c->three.chan, &m))
        log_line(c->log, LOG_INFO, "command", "SIG%s not passed on", m.name);
    wake(c);
    if (!leaves)
        return;
    log_line(c->log, LOG_INFO, "command", "leaving by SIG%s", m.name);
    if (c->our_signal || !c->three.chan) { /* twice: at once */
        c->our_signal = signum;
        channel_over(c);
        return;
    }
    c->our_signal = signum;
    c->signal_us = loop_now_us(c->loop);
}

/* ---- the start ------------------------------------------------------------------------------- */

/* A descriptor that cannot be written to takes nothing. */
static void open_outputs(struct command *c)
{
    (void)!three_open_out(&c->three, CHAN_DATA, STDOUT_FILENO, 0);
    (void)!three_open_out(&c->three, CHAN_STDERR, STDERR_FILENO, 0);
}

static int open_channel(struct command *c, const char *pass)
{
    const struct command_request *r = c->request;
    struct open_request o = {.kind = r->subsystem ? OPEN_SUBSYSTEM : OPEN_EXEC};
    struct spec_end to = {0};
    if (r->stdio && !spec_stdio(r->stdio, &to))
        o = (struct open_request){.kind = OPEN_DIRECT_TCP,
                                  .host = {to.host, strlen(to.host)},
                                  .port = to.port,
                                  .pass = {pass, strlen(pass)}};
    else if (r->text)
        o.command = (struct text){r->text, strlen(r->text)};
    for (const char *const *e = r->stdio ? NULL : r->env; e && *e && o.env_count < OPEN_ENV_MAX;
         e++)
        o.env[o.env_count++] = (struct text){*e, strlen(*e)};
    int err = chan_open(command_end_chans(c->end), &o, NULL, &c->three.chan);
    if (err == ERR_SYNTAX)
        fprintf(stderr, "tern: the command is too long: it may have %u kB\n",
                OPEN_COMMAND_MAX >> 10);
    else if (err)
        fprintf(stderr, "tern: cannot open a channel: %s\n", err_text(err));
    return err;
}

static void open_input(struct command *c)
{
    int null = c->request->null_stdin ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    int fd = null >= 0 ? null : STDIN_FILENO;
    if (three_open_in(&c->three, fd, null >= 0 ? PIPE_OWN_IN : 0) && null >= 0)
        close(null);
}

static void open_paths(struct command *c, const struct command_config *o)
{
    struct paths_config pc = {.link = command_end_link(c->end),
                              .udp = o->transport != CLIENT_PIPE && o->connect->port,
                              .candidates = o->addrs,
                              .candidate_count = o->addr_count,
                              .log = o->log};
    struct paths_ops ops = {
        .datagram = on_datagram, .pipe_lost = on_pipe_lost, .event = on_event, .ctx = c};
    c->paths = paths_new(c->loop, &pc, &ops);
    if (o->transport == CLIENT_UDP) {
        close(o->pipe->in);
        close(o->pipe->out);
        return;
    }
    struct rejoin_config rc = {.server_command = o->server_command,
                               .session = o->connect->session,
                               .route = o->connect->route,
                               .log = o->log};
    struct rejoin_ops rejoin_ops = {on_relay, on_relay_refused, NULL, c};
    c->rejoin = rejoin_new(c->loop, &rc, &rejoin_ops);
    if (paths_pipe_open(c->paths, o->pipe, loop_now_us(c->loop)))
        rejoin_ask(c->rejoin);
}

static void wake_forward(void *ctx)
{
    wake(ctx);
}

static void say_forward(void *ctx, const char *text)
{
    const struct command *c = ctx;
    if (!c->request->quiet)
        fprintf(stderr, "%s\n", text);
}

/* The server has said of all remote forwards whether they stand. */
static void on_answered(void *ctx, bool failed)
{
    struct command *c = ctx;
    if (failed && c->exit_on_failure) {
        c->forwards_failed = true;
        if (c->three.chan) {
            chan_abandon(c->three.chan, STREAM_DONE);
            c->three.chan = NULL;
        }
        channel_over(c);
    } else if (c->request->background && c->request->nothing) {
        command_background_done();
    }
    wake(c);
}

static void route_channels(struct command *c, struct forwards *f)
{
    c->forwards = f;
    lend_route(c->lent, &c->router);
    chans_route(&c->router, OPEN_EXEC, &channel_ops, c);
    chans_route(&c->router, OPEN_SUBSYSTEM, &channel_ops, c);
    chans_route(&c->router, OPEN_DIRECT_TCP, &channel_ops, c); /* -W */
    if (f->local) {
        chans_route(&c->router, OPEN_DIRECT_TCP, &local_chans_ops, f->local);
        chans_route(&c->router, OPEN_DIRECT_UNIX, &local_chans_ops, f->local);
        chans_route(&c->router, OPEN_CONTROL, &local_chans_ops, f->local);
    }
    if (f->remote) {
        chans_route(&c->router, OPEN_CONTROL, &remote_chans_ops, f->remote);
        chans_route(&c->router, OPEN_FORWARDED_TCP, &remote_chans_ops, f->remote);
    }
}

static void start_forwards(struct command *c)
{
    struct chans *chans = command_end_chans(c->end);
    lend_start(c->lent, chans, &(struct offer_ops){wake_forward, say_forward, c});
    if (c->forwards->local)
        local_start(c->forwards->local, chans, !c->forwards->remote,
                    &(struct local_ops){wake_forward, say_forward, c});
    if (c->forwards->remote)
        remote_start(
            c->forwards->remote, chans,
            &(struct remote_ops){wake_forward, say_forward, on_answered, c, c->exit_on_failure});
    forwards_start_udp(c->forwards, &c->router, chans,
                       &(struct assocs_ops){wake_forward, say_forward, c});
}

struct command *command_new(struct loop *l, const struct command_config *o)
{
    struct command *c = mem_new(1, sizeof *c);
    *c = (struct command){.loop = l, .request = o->request, .log = o->log};
    c->status = CLIENT_STATUS_LOST;
    c->outage.limit_us = o->outage_us;
    later_init(&c->later, l, turn, c);
    three_init(&c->three, l);
    c->three.stir = on_stir;
    c->three.lost = on_lost;
    c->three.ctx = c;
    timer_init(&c->timer, l, turn, c);
    c->exit_on_failure = o->exit_on_failure;
    c->lent = o->lent;
    route_channels(c, o->forwards);
    c->end = command_end_new(&(struct command_end_config){
        .connect = o->connect,
        .entropy = o->entropy,
        .log = o->log,
        .chans = &chans_router_ops,
        .chans_ctx = &c->router,
        .now_us = loop_now_us(l),
    });
    open_outputs(c);
    if (!c->request->nothing && open_channel(c, o->pass)) {
        close(o->pipe->in);
        close(o->pipe->out);
        c->paths = NULL;
        command_free(c);
        return NULL;
    }
    if (c->three.chan)
        open_input(c);
    else if (c->request->background && !c->forwards->remote)
        command_background_done();
    start_forwards(c);
    open_paths(c, o);
    for (size_t i = 0; i < TOLD_SIGNALS; i++)
        if (sigwatch_new(l, told_signals[i], on_signal, c, &c->watches[i]))
            c->watches[i] = NULL;
    wake(c);
    return c;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void let_go(struct command *c)
{
    for (size_t i = 0; i < TOLD_SIGNALS; i++) {
        sigwatch_free(c->watches[i]);
        c->watches[i] = NULL;
    }
    three_fini(&c->three);
    rejoin_free(c->rejoin);
    c->rejoin = NULL;
}

int command_finish(struct command *c, bool signal_status, const char **text)
{
    let_go(c);
    timer_clear(&c->timer);
    *text = c->text[0] ? c->text : NULL;
    if (c->forwards_failed)
        return CLIENT_STATUS_LOST;
    if (c->request->nothing && c->our_signal)
        return 0;
    if (c->unwritten)
        return CLIENT_STATUS_LOST;
    if (c->has_status && c->signal && signal_status)
        return 128 + c->signal;
    return c->our_signal && !c->has_status ? CLIENT_STATUS_LOST : c->status;
}

static bool lingers(const void *ctx, uint64_t now_us)
{
    const struct command *c = ctx;
    return command_end_lingers(c->end, now_us);
}

static uint64_t linger_send(void *ctx, uint64_t now_us)
{
    struct command *c = ctx;
    send_due(c, now_us);
    return command_end_deadline(c->end, now_us);
}

void command_linger(struct command *c)
{
    linger_see_through(&(struct linger){.loop = c->loop,
                                        .timer = &c->timer,
                                        .later = &c->later,
                                        .link = command_end_link(c->end),
                                        .lingers = lingers,
                                        .send = linger_send,
                                        .end = c});
}

void command_free(struct command *c)
{
    if (!c)
        return;
    let_go(c);
    later_clear(&c->later);
    timer_clear(&c->timer);
    paths_free(c->paths);
    c->done = true; /* what the end tells now is of no use */
    command_end_free(c->end);
    free(c);
}

/* ---- -f -------------------------------------------------------------------------------------- */

static int background_fd = -1; /* to the waiting parent */

bool command_background(int *status)
{
    int fds[2];
    char word;
    *status = CLIENT_STATUS_LOST;
    fflush(NULL);
    if (pipe2(fds, O_CLOEXEC))
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        background_fd = fds[1];
        return true;
    }
    close(fds[1]);
    ssize_t n;
    while ((n = read(fds[0], &word, 1)) < 0 && errno == EINTR)
        ;
    close(fds[0]);
    int how = 0;
    if (n == 1) {
        *status = 0;
    } else {
        while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR)
            ;
        if (pid > 0 && WIFEXITED(how))
            *status = WEXITSTATUS(how);
    }
    return false;
}

void command_background_done(void)
{
    if (background_fd < 0)
        return;
    setsid();
    if (write(background_fd, "1", 1) < 0)
        _exit(CLIENT_STATUS_LOST);
    close(background_fd);
    background_fd = -1;
}
