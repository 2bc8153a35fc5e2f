#include "server/serve.h"

#include "base/mem.h"
#include "base/wire.h"
#include "io/harden.h"
#include "io/osrandom.h"
#include "io/signals.h"
#include "io/sockaddr.h"
#include "server/admin.h"
#include "server/subsystem.h"
#include "server/survive.h"
#include "server/word.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_US      60000000u
#define GONE_US       30000000u
#define QUIT_US       4000000u /* after SIGTERM: for programs to end and clients to hear of it */
#define HISTORY_BYTES (16u << 20)

static const char doomed_text[] =
    "tern: this host ends your sessions when you log out (KillUserProcesses in logind.conf); "
    "loginctl enable-linger prevents that";

static int complain(const char *text)
{
    fprintf(stderr, "tern-server: %s\n", text);
    return 1;
}

/* ---- the turn ---- */

static void send_datagram(struct serve *s, const struct link_datagram *d)
{
    size_t segment = d->segment ? d->segment : d->len;
    if (d->to.kind == PATH_PIPE) {
        struct way *w = way_of(s, d->to.sock);
        for (size_t at = 0; w && at < d->len; at += segment)
            framed_send(&w->framed, d->data + at, d->len - at < segment ? d->len - at : segment);
        return;
    }
    struct udp *u = s->udp[d->to.remote.family == ADDR_V6];
    if (!u)
        return;
    int err = d->segment ? udp_send_row(u, &d->to.remote, d->data, d->len, segment)
                         : udp_send(u, &d->to.remote, d->data, d->len);
    if (udp_full(u))
        server_socket_full(s->end, d->to.sock, true);
    if (err == ERR_CAP)
        server_too_big(s->end, &d->to, segment);
}

static void on_pump(void *ctx)
{
    struct serve *s = ctx;
    struct link_datagram d;
    LIST_EACH(n, &s->terminals)
    {
        terminal_write(LIST_ITEM(n, struct terminal, node));
    }
    while (server_end_poll(s->end, loop_now_us(s->loop), &d) == 1)
        send_datagram(s, &d);
    callers_sweep(s, false);
    ways_sweep(s, false);
    terminals_sweep(s, false);
    bool over = server_end_idle(s->end, loop_now_us(s->loop)) && list_empty(&s->callers);
    /* Told to leave with nobody there who would hear of it: only the programs are waited for. */
    bool alive = terminals_alive(s) || execs_alive(s->execs);
    if (over || (s->quitting && !s->quit_heard && !alive)) {
        loop_stop(s->loop);
        return;
    }
    timer_set(&s->timer, server_end_deadline(s->end, loop_now_us(s->loop)));
}

static void on_timer(void *ctx)
{
    serve_wake(ctx);
}

void serve_wake(struct serve *s)
{
    later_set(&s->pump);
}

/* ---- what the sessions ask for ---- */

static void on_resize(void *ctx, uint32_t sid, uint16_t cols, uint16_t rows)
{
    struct terminal *t = terminal_of(ctx, sid);
    if (t && t->pty)
        pty_resize(t->pty, &(struct tty_size){.cols = cols, .rows = rows});
}

static void on_hangup(void *ctx, uint32_t sid)
{
    struct serve *s = ctx;
    struct terminal *t = terminal_of(s, sid);
    if (t)
        terminal_hangup(t);
    else /* its program was not even started */
        server_session_exited(s->end, sid, 0, SIGHUP, loop_now_us(s->loop));
}

static void on_ended(void *ctx, uint32_t sid)
{
    struct terminal *t = terminal_of(ctx, sid);
    if (t)
        t->ended = true;
    lent_forget(((struct serve *)ctx)->lent, sid);
    serve_wake(ctx);
}

static void on_link_closed(void *ctx, uint16_t route)
{
    struct serve *s = ctx;
    LIST_EACH(n, &s->ways)
    {
        struct way *w = LIST_ITEM(n, struct way, node);
        if (w->route == route)
            w->dead = true;
    }
    serve_wake(s);
}

/* ---- UDP ---- */

void serve_datagram(void *ctx, struct udp *u, const struct udp_datagram *d)
{
    struct serve *s = ctx;
    struct path_ref from = {.kind = PATH_UDP, .sock = udp_id(u), .remote = d->from};
    if (d->oversize)
        return;
    server_end_datagram(s->end, &from, d->ecn == 3, d->bytes, d->len, loop_now_us(s->loop));
    if (s->heard)
        s->heard(s->heard_ctx);
    serve_wake(s);
}

void serve_writable(void *ctx, struct udp *u)
{
    struct serve *s = ctx;
    server_socket_full(s->end, udp_id(u), false);
    serve_wake(s);
}

static void add_address(struct connect *c, struct addr a)
{
    a.port = c->port;
    if (c->addr_count < CONNECT_ADDRS)
        c->addrs[c->addr_count++] = a;
}

static void open_udp(struct serve *s, const struct start_record *r)
{
    struct udp_config c = {.answer = true,
                           .recv = serve_datagram,
                           .writable = serve_writable,
                           .ctx = s,
                           .id = SOCK_UDP};
    c.lo = s->o->port_low ? s->o->port_low : r->port_low;
    c.hi = s->o->port_low ? s->o->port_high : r->port_high;
    if (!c.lo && !c.hi) {
        c.lo = SERVER_PORT_LOW;
        c.hi = SERVER_PORT_HIGH;
    }
    if (r->no_udp)
        return;
    if (r->bind && addr_parse(r->bind, &c.bind)) {
        fprintf(stderr, "tern-server: %.100s is not a numeric address; binding to any\n", r->bind);
        c.bind = (struct addr){0};
    }
    if (udp_new_pair(s->loop, &c, &s->udp[0], &s->udp[1])) {
        /* The client hears of it by the connect line, and knows whether it matters. */
        log_line(s->o->log, LOG_WARN, "server", "no UDP port in %u:%u: %s", c.lo, c.hi,
                 strerror(errno));
        return;
    }
    s->connect.port = udp_local(s->udp[0] ? s->udp[0] : s->udp[1]).port;
    /* Loopback only where client and server share the host. */
    struct addr local[CONNECT_ADDRS - 2];
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < 2 && !getenv("SSH_CONNECTION"); i++) {
        struct addr a;
        if (s->udp[i] && !addr_parse(loopback[i], &a))
            add_address(&s->connect, a);
    }
    size_t n = sockaddr_local(local, CONNECT_ADDRS - 2);
    for (size_t i = 0; i < n; i++)
        if (s->udp[local[i].family == ADDR_V6])
            add_address(&s->connect, local[i]);
}

/* ---- forwards ---- */

uint32_t serve_lendable(const struct serve *s, uint32_t forwards)
{
    if (!passes_made(s->passes, PASS_AGENT))
        forwards &= ~(uint32_t)START_FORWARD_AGENT;
    if (!passes_made(s->passes, PASS_X11))
        forwards &= ~(uint32_t)START_FORWARD_X11;
    return forwards;
}

/* Where the passes are that the client asks for (START_FORWARD_*), into its connect line. */
static void serve_passes(struct serve *s, uint32_t forwards, struct connect *c)
{
    unsigned kinds = (forwards & START_FORWARD_TCP ? 1u << PASS_TCP : 0) |
                     (forwards & START_FORWARD_UNIX ? 1u << PASS_UNIX : 0) |
                     (forwards & START_FORWARD_LISTEN ? 1u << PASS_LISTEN : 0);
    struct passes_told told;
    if (forwards & START_FORWARD_AGENT)
        snprintf(c->pass_agent, sizeof c->pass_agent, "%s", passes_text(s->passes, PASS_AGENT));
    if (forwards & START_FORWARD_X11)
        snprintf(c->pass_x11, sizeof c->pass_x11, "%s", passes_text(s->passes, PASS_X11));
    /* What a login with a forced command may forward is for its sshd alone to serve. */
    if (!kinds || s->o->command || getenv("SSH_ORIGINAL_COMMAND"))
        return;
    passes_open(s->passes, kinds, &told);
    c->pass_tcp = told.tcp;
    c->pass_listen = told.listen;
    snprintf(c->pass_unix, sizeof c->pass_unix, "%s", told.path);
}

static void on_dress(void *ctx, const struct chan *c, struct child *child)
{
    const struct serve *s = ctx;
    lent_dress(s->lent, lent_session(s->lent, c), child);
}

static void route_channels(struct serve *s)
{
    struct entropy random = osrandom();
    s->passes = passes_new(s->loop, &random, s->o->log);
    s->execs = execs_new(s->loop, &(struct execs_config){.forced = s->o->command,
                                                         .sshd_config = SUBSYSTEM_CONFIG,
                                                         .wake = on_timer,
                                                         .dress = on_dress,
                                                         .ctx = s,
                                                         .log = s->o->log});
    s->far = far_new(
        s->loop,
        &(struct far_config){.passes = s->passes, .wake = on_timer, .ctx = s, .log = s->o->log});
    s->assocs = assocs_new(
        s->loop, &(struct assocs_config){.lead = far_lead, .ctx = s->passes, .log = s->o->log});
    assocs_tell(s->assocs, &(struct assocs_ops){.wake = on_timer, .ctx = s});
    s->remote = remote_far_new(s->loop, &(struct remote_far_config){.passes = s->passes,
                                                                    .assocs = s->assocs,
                                                                    .wake = on_timer,
                                                                    .ctx = s,
                                                                    .log = s->o->log});
    chans_route(&s->router, OPEN_UDP, &assocs_chans_ops, s->assocs);
    chans_route(&s->router, OPEN_EXEC, &execs_ops, s->execs);
    chans_route(&s->router, OPEN_SUBSYSTEM, &execs_ops, s->execs);
    chans_route(&s->router, OPEN_DIRECT_TCP, &far_chans_ops, s->far);
    chans_route(&s->router, OPEN_DIRECT_UNIX, &far_chans_ops, s->far);
    chans_route(&s->router, OPEN_CONTROL, &remote_far_ops, s->remote);
    chans_route(&s->router, OPEN_FORWARDED_TCP, &remote_far_ops, s->remote);
    chans_route(&s->router, OPEN_SESSION, &siblings_ops, s);
}

/* ---- being told to leave ---- */

static void on_quit_timeout(void *ctx)
{
    loop_stop(((struct serve *)ctx)->loop);
}

static void on_quit(void *ctx, int signum)
{
    struct serve *s = ctx;
    struct session_info info;
    uint64_t now = loop_now_us(s->loop);
    log_line(s->o->log, LOG_INFO, "server", "SIG%s: ending all sessions", signal_name(signum));
    if (s->quitting) { /* the second time is at once */
        loop_stop(s->loop);
        return;
    }
    s->quitting = true;
    for (size_t i = 0; server_session_info(s->end, i, now, &info); i++) {
        s->quit_heard |= info.attached > 0;
        server_session_kill(s->end, info.sid, now);
    }
    timer_set(&s->quit_timer, now + QUIT_US);
    serve_wake(s);
}

static const int quit_signals[] = {SIGTERM, SIGINT};

int serve_signals(struct serve *s)
{
    for (size_t i = 0; i < 2; i++)
        if (sigwatch_new(s->loop, quit_signals[i], on_quit, s, &s->quit[i]))
            return complain("cannot listen to signals");
    return 0;
}

/* ---- starting ---- */

/* No controlling terminal, so that the one of who started us cannot end us. sshd starts us as
 * leader of a session without one, and must not see us exit: it would stop feeding our stdin. */
static int leave_terminal(void)
{
    if (setsid() >= 0)
        return ERR_OK;
    if (getsid(0) == getpid()) {
        int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (tty >= 0) {
            ioctl(tty, TIOCNOTTY); /* SIGHUP is ignored by now */
            close(tty);
        }
        return ERR_OK;
    }
    /* Leader of a job of somebody's shell: a child goes on, the parent lends it its name. */
    pid_t pid = fork();
    if (pid < 0)
        return ERR_SYS;
    if (pid == 0) {
        setsid();
        return ERR_OK;
    }
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int serve_link(struct serve *s, uint32_t sid, const struct start_record *r, struct connect *out)
{
    struct connect made;
    int err = server_link_open(s->end, sid, &made, loop_now_us(s->loop));
    if (err)
        return err;
    server_link_history(s->end, made.route, r->history_lines);
    *out = s->connect;
    memcpy(out->secret, made.secret, sizeof out->secret);
    memcpy(out->session, made.session, sizeof out->session);
    out->route = made.route;
    out->caps = made.caps;
    connect_wipe(&made);
    serve_passes(s, r->forwards, out);
    lent_expect(s->lent, sid, r->forwards);
    return ERR_OK;
}

int serve_session(struct serve *s, const struct start_record *r, const char *name,
                  struct connect *out, char why[static SERVE_WHY])
{
    uint16_t cols = r->cols ? r->cols : 80, rows = r->rows ? r->rows : 24;
    uint64_t now = loop_now_us(s->loop);
    bool bare = r->action == START_COMMANDS;
    uint32_t sid = bare ? server_session_open_bare(s->end, name, now)
                        : server_session_open(s->end, name, cols, rows, now);
    if (!sid) {
        snprintf(why, SERVE_WHY, "too many sessions");
        return ERR_CAP;
    }
    lent_open(s->lent, sid, r);
    if (!bare && terminal_new(s, sid, r)) {
        snprintf(why, SERVE_WHY, "no pseudo terminal: %s", strerror(errno));
        server_session_kill(s->end, sid, now);
        return ERR_SYS;
    }
    return serve_link(s, sid, r, out);
}

static int make_session(struct serve *s, const struct start_record *r, const char *name)
{
    struct connect c;
    char why[SERVE_WHY];
    if (serve_session(s, r, name, &c, why))
        return complain(why);
    struct buf line;
    buf_init(&line, CONNECT_LINE_MAX);
    connect_put(&line, r->nonce, &c);
    int err = buf_err(&line);
    if (!err && write(1, buf_data(&line), buf_len(&line)) != (ssize_t)buf_len(&line))
        err = ERR_SYS;
    mem_wipe(line.mem, line.size);
    buf_fini(&line);
    uint16_t route = c.route;
    connect_wipe(&c);
    if (err)
        return complain("cannot write the connect line to stdout");
    int in = fcntl(0, F_DUPFD_CLOEXEC, 3), out = fcntl(1, F_DUPFD_CLOEXEC, 3);
    if (in < 0 || out < 0 || !way_new(s, in, out, PIPE_OWN_IN | PIPE_OWN_OUT, route))
        return complain("cannot use stdin and stdout as a path");
    return 0;
}

/* A name, the control socket, then the session; exit status. */
static int open_for_business(struct serve *s, const struct start_record *r)
{
    char name[SESSION_NAME_MAX + 1], taken[ADMIN_ERROR], why[SOCKDIR_ERROR];
    int status, lock = admin_lock();
    if (admin_choose_name(r->session, r->action == START_NEW, name, taken))
        status = complain(taken);
    else if (callers_listen(s, why))
        status = complain(why);
    else
        status = make_session(s, r, name);
    admin_unlock(lock);
    return status;
}

static uint64_t detach_timeout(const struct server_options *o, const struct start_record *r)
{
    if (o->detach_set)
        return o->detach_timeout_s * 1000000;
    return (r->detach_timeout_s ? r->detach_timeout_s : SERVER_DETACH_S) * (uint64_t)1000000;
}

/* stdin and stdout live on as a path under other numbers; stderr was for complaints of the start.
 */
void drop_std_fds(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    for (int i = 0; i <= 2; i++)
        dup2(fd, i);
    close(fd);
}

int serve_init(struct serve *s, const struct server_options *o, uint64_t detach_timeout_us)
{
    *s = (struct serve){.o = o, .next_sock = SOCK_PIPE};
    list_init(&s->terminals);
    list_init(&s->ways);
    list_init(&s->callers);
    list_init(&s->siblings);
    s->loop = loop_new();
    if (!s->loop)
        return complain("no event loop: too many open files?");
    later_init(&s->pump, s->loop, on_pump, s);
    timer_init(&s->timer, s->loop, on_timer, s);
    timer_init(&s->quit_timer, s->loop, on_quit_timeout, s);
    route_channels(s);
    s->end = server_end_new(&(struct server_end_config){
        .ops = {on_resize, on_hangup, on_ended, on_link_closed, s},
        .entropy = osrandom(),
        .log = o->log,
        .width = o->width,
        .history_bytes = HISTORY_BYTES,
        .detach_timeout_us = detach_timeout_us,
        .first_timeout_us = FIRST_US,
        .gone_timeout_us = GONE_US,
        .chans = &chans_router_ops,
        .chans_ctx = &s->router,
    });
    s->lent = lent_new(s->loop, &(struct lent_config){.passes = s->passes,
                                                      .end = s->end,
                                                      .wake = on_timer,
                                                      .ctx = s,
                                                      .entropy = osrandom(),
                                                      .log = o->log});
    lent_route(s->lent, &s->router);
    return 0;
}

void serve_fini(struct serve *s)
{
    terminals_sweep(s, true);
    callers_sweep(s, true);
    ways_sweep(s, true);
    server_end_free(s->end);
    execs_free(s->execs);
    far_free(s->far);
    remote_far_free(s->remote);
    assocs_free(s->assocs);
    lent_free(s->lent);
    passes_free(s->passes);
    listener_free(s->listener);
    udp_free(s->udp[0]);
    udp_free(s->udp[1]);
    for (size_t i = 0; i < 2; i++)
        sigwatch_free(s->quit[i]);
    later_clear(&s->pump);
    timer_clear(&s->timer);
    timer_clear(&s->quit_timer);
    loop_free(s->loop);
}

static int serve(const struct server_options *o, const struct start_record *r, const char *warning)
{
    struct serve s;
    if (serve_init(&s, o, detach_timeout(o, r)))
        return 1;
    s.warning = warning;
    open_udp(&s, r);
    s.status = serve_signals(&s);
    if (!s.status)
        s.status = open_for_business(&s, r);
    if (!s.status) {
        drop_std_fds();
        serve_wake(&s);
        loop_run(s.loop);
    }
    serve_fini(&s);
    return s.status;
}

/* ---- the start record ---- */

static int bad_record(int err, const struct start_record *r)
{
    if (err == ERR_VERSION)
        fprintf(stderr,
                "tern-server: the client speaks version %u of the start record, this tern-server "
                "(" TERN_VERSION ") version %u; install the same release on both ends\n",
                r->version, START_VERSION);
    else
        fprintf(stderr,
                "tern-server: stdin is not a start record (%s); tern-server is started by tern, "
                "not by hand; see tern --help\n",
                err_text(err));
    return 1;
}

/* Read exactly one record, byte for byte as far as it goes: what follows belongs to the pipe path.
 */
static int read_record(int fd, struct start_record *r)
{
    struct buf in;
    size_t used;
    buf_init(&in, START_HEAD + START_RECORD_MAX);
    for (;;) {
        size_t want = START_HEAD;
        int got = start_get(buf_data(&in), buf_len(&in), r, &used);
        if (got) {
            buf_fini(&in);
            return got == 1 ? 0 : bad_record(got, r);
        }
        if (buf_len(&in) >= START_HEAD)
            want += wire_get_u32(buf_data(&in));
        size_t n = want - buf_len(&in);
        uint8_t *to = buf_reserve(&in, n < 65536 ? n : 65536);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t len = -1;
        if (to && poll(&p, 1, 60000) == 1)
            len = read(fd, to, n < 65536 ? n : 65536);
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0) {
            buf_fini(&in);
            return bad_record(ERR_SHORT, r);
        }
        buf_commit(&in, (size_t)len);
    }
}

/* A login with a forced command: the client's word does not count for what is run
 * (openssh-mux.md §3.4). NULL, or why the record is refused. */
const char *serve_refusal(const struct server_options *o, const struct start_record *r)
{
    bool forced = o->command || getenv("SSH_ORIGINAL_COMMAND");
    if (!forced || o->attach)
        return NULL;
    if (r->action == START_ATTACH)
        return "this login has a forced command and may not attach to sessions";
    return o->command ? NULL
                      : "this login has a forced command, and that says nothing of what to run; "
                        "see FORCED COMMANDS in tern-server(1)";
}

static int start_new(const struct server_options *o, const struct start_record *r, bool moved)
{
    const struct passwd *pw = getpwuid(getuid());
    const char *cgroup = getenv("TERN_CGROUP"); /* for tests */
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    struct survive_config c = {.cgroup = cgroup ? cgroup : "/proc/self/cgroup",
                               .user = pw ? pw->pw_name : "",
                               .argv = o->argv,
                               .self = n > 0 ? self : NULL,
                               .limit_us = SURVIVE_US,
                               .log = o->log};
    int status;
    enum survive survive = moved ? SURVIVE_SAFE : survive_logout(&c, r, &status);
    if (survive == SURVIVE_MOVED)
        return status;
    harden_no_core();
    harden_many_files();
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (leave_terminal())
        return complain("cannot leave the terminal");
    return serve(o, r, survive == SURVIVE_DOOMED ? doomed_text : NULL);
}

static int obey(const struct server_options *o, const struct start_record *r, bool moved)
{
    const char *why = serve_refusal(o, r);
    if (!connect_nonce_valid(r->nonce))
        return bad_record(ERR_SYNTAX, r);
    if (why)
        return complain(why);
    if (o->attach || r->action == START_ATTACH)
        return admin_attach(o->attach ? o->attach : r->session, r);
    if (r->action != START_NEW && r->action != START_COMMANDS)
        return complain("the client asks for something that this release does not know; install "
                        "the same release on both ends");
    return start_new(o, r, moved);
}

int server_run(const struct server_options *o)
{
    struct start_record r;
    int moved = survive_adopt();
    if (moved < 0 && isatty(0))
        return complain(
            "stdin is a terminal; tern-server is started by tern, not by hand; see tern --help");
    int status = read_record(moved < 0 ? 0 : moved, &r);
    if (moved >= 0)
        close(moved);
    if (status)
        return status;
    if (moved < 0) /* else it was asked before we moved */
        r.forwards = word_of_sshd(r.forwards);
    status = obey(o, &r, moved >= 0);
    start_fini(&r);
    return status;
}
