#include "server/mosh_server.h"

#include "base/mem.h"
#include "io/signals.h"
#include "io/sockaddr.h"
#include "server/mosh_login.h"
#include "server/motd.h"
#include "server/serve.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

const char mosh_version_text[] =
    "mosh-server (mosh 1.4.0) [build tern " TERN_VERSION "]\n"
    "This is tern-server, which speaks the protocol of mosh 1.4.0.\n"
    "License: MIT. There is NO WARRANTY, to the extent permitted by law.\n";

/* A client not heard for so long is away, in utmp. */
#define AWAY_US 30000000u

struct mosh {
    struct serve serve;
    const struct mosh_server_options *o;
    struct server_options serve_options;
    struct log log;
    uint32_t sid;
    bool joined;                /* a client was heard */
    uint64_t signal_timeout_us; /* SIGUSR1 counts after so much silence */
    struct sigwatch *usr1;
    struct addr recorded; /* what utmp says where the user is; ADDR_NONE: away */
    struct timer away;
};

/* ---- environment ---- */

/* Seconds, 0 when the variable is not set or not usable. */
static uint64_t seconds_of(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (!text || !*text)
        return 0;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || *end) {
        fprintf(stderr, "%s is not a valid integer, ignoring\n", name);
        return 0;
    }
    if (n < 0) {
        fprintf(stderr, "%s is negative, ignoring\n", name);
        return 0;
    }
    return (uint64_t)n < UINT32_MAX ? (uint64_t)n : UINT32_MAX;
}

/* The third word of SSH_CONNECTION; false if there is none. */
static bool ssh_address(char out[static ADDR_TEXT])
{
    const char *p = getenv("SSH_CONNECTION");
    if (!p || !*p) {
        fputs("Warning: SSH_CONNECTION not found; binding to any interface.\n", stderr);
        return false;
    }
    for (int word = 0; word < 2; word++) {
        p += strcspn(p, " ");
        p += strspn(p, " ");
    }
    if (!strncasecmp(p, "::ffff:", 7))
        p += 7;
    size_t n = strcspn(p, " ");
    if (!n || n >= ADDR_TEXT) {
        fputs("Warning: Could not parse SSH_CONNECTION; binding to any interface.\n", stderr);
        return false;
    }
    memcpy(out, p, n);
    out[n] = 0;
    return true;
}

/* ---- the port ---- */

/* A number, or a name, which stock mosh does not take. */
static bool find_address(const char *text, struct addr *out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found;
    struct sockaddr_storage ss = {0};
    if (!addr_parse(text, out))
        return true;
    int err = getaddrinfo(text, NULL, &hints, &found);
    if (err) {
        fprintf(stderr, "Error binding to IP %s: %s\n", text, gai_strerror(err));
        return false;
    }
    memcpy(&ss, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return !sockaddr_get(&ss, out);
}

static int bind_to(struct mosh *m, const struct addr *a)
{
    struct serve *s = &m->serve;
    struct udp_config c = {
        .answer = true, .recv = serve_datagram, .ctx = s, .id = SOCK_UDP, .bind = *a};
    c.lo = m->o->port_low;
    c.hi = m->o->port_high;
    if (a->family == ADDR_NONE)
        return udp_new_pair(s->loop, &c, &s->udp[0], &s->udp[1]);
    c.family = a->family;
    c.id += a->family == ADDR_V6;
    return udp_new(s->loop, &c, &s->udp[a->family == ADDR_V6]);
}

/* The wished address first, on all its ports; then any address. */
static int bind_port(struct mosh *m)
{
    const struct mosh_server_options *o = m->o;
    char ssh[ADDR_TEXT];
    struct addr a;
    const char *wish = o->bind;
    if (o->bind_ssh)
        wish = ssh_address(ssh) ? ssh : NULL;
    if (wish && find_address(wish, &a)) {
        if (!bind_to(m, &a))
            return 0;
        fprintf(stderr, "Failed binding to %s:%u\nError binding to IP %s: bind: %s\n", wish,
                o->port_high, wish, strerror(errno));
    }
    if (!bind_to(m, &(struct addr){0}))
        return 0;
    fprintf(stderr, "Error binding to any interface: bind: %s\n", strerror(errno));
    return 1;
}

static uint16_t port_of(const struct mosh *m)
{
    return udp_local(m->serve.udp[0] ? m->serve.udp[0] : m->serve.udp[1]).port;
}

/* ---- the program ---- */

static void show_motd(struct mosh *m, const char *home, uint64_t now_us)
{
    struct buf text;
    if (m->o->command || motd_hushed(home))
        return;
    buf_init(&text, MOTD_MAX);
    motd_read(&text);
    server_session_output(m->serve.end, m->sid, buf_data(&text), buf_len(&text), now_us);
    buf_fini(&text);
}

/* The program starts with the first word from the client, which tells the size of its terminal. */
static void start_program(struct mosh *m, const struct session_info *info, uint64_t now_us)
{
    struct mosh_login login;
    mosh_login_init(&login, m->o);
    show_motd(m, login.home, now_us);
    struct pty_config c = {
        .file = login.file,
        .argv = (const char *const *)login.argv.item,
        .env = (const char *const *)login.env.item,
        .cwd = login.home,
        .size = {.cols = info->cols, .rows = info->rows},
    };
    if (terminal_open(&m->serve, m->sid, &c)) {
        char text[200];
        int n =
            snprintf(text, sizeof text, "mosh-server: no pseudo terminal: %s\r\n", strerror(errno));
        server_session_output(m->serve.end, m->sid, text, (size_t)n, now_us);
        server_session_exited(m->serve.end, m->sid, 1, 0, now_us);
    }
    mosh_login_fini(&login);
}

/* ---- who is logged in from where ---- */

static void record(struct mosh *m, const struct addr *from)
{
    struct terminal *t = terminal_of(&m->serve, m->sid);
    char ip[ADDR_TEXT], host[ADDR_TEXT + 32];
    addr_format_ip(from, ip);
    bool there = from->family != ADDR_NONE;
    snprintf(host, sizeof host, "%s%smosh [%d]", there ? ip : "", there ? " via " : "",
             (int)getpid());
    m->recorded = *from;
    if (t)
        terminal_record_as(t, host);
}

/* Nobody was heard for a while: the entry says so (§1.2). */
static void on_away(void *ctx)
{
    struct mosh *m = ctx;
    struct session_info info;
    uint64_t now_us = loop_now_us(m->serve.loop);
    if (!server_session_info(m->serve.end, 0, now_us, &info))
        return;
    if (now_us - info.heard_us < AWAY_US)
        timer_set(&m->away, info.heard_us + AWAY_US);
    else
        record(m, &(struct addr){0});
}

static void on_heard(void *ctx)
{
    struct mosh *m = ctx;
    struct session_info info;
    uint64_t now_us = loop_now_us(m->serve.loop);
    if (!server_session_info(m->serve.end, 0, now_us, &info) || !info.heard_us || info.exited)
        return;
    if (!m->joined) {
        m->joined = true;
        start_program(m, &info, now_us);
    }
    if (info.peer.family == ADDR_NONE || addr_same_host(&info.peer, &m->recorded))
        return;
    record(m, &info.peer);
    timer_set(&m->away, now_us + AWAY_US);
}

/* ---- signals ---- */

static void on_usr1(void *ctx, int signum)
{
    struct mosh *m = ctx;
    struct session_info info;
    uint64_t now_us = loop_now_us(m->serve.loop);
    if (!server_session_info(m->serve.end, 0, now_us, &info))
        return;
    uint64_t since = info.heard_us ? info.heard_us : info.started_us;
    log_line(m->serve.o->log, LOG_INFO, "server", "SIG%s", signal_name(signum));
    if (now_us - since < m->signal_timeout_us)
        return;
    server_session_kill(m->serve.end, m->sid, now_us);
    serve_wake(&m->serve);
}

/* ---- starting ---- */

static void log_to_stderr(void *ctx, enum log_level level, const char *area, const char *text)
{
    (void)ctx;
    (void)level;
    fprintf(stderr, "[mosh-server %s] %s\n", area, text);
}

static int open_session(struct mosh *m, struct connect_stock *out)
{
    struct winsize w = {0};
    struct serve *s = &m->serve;
    uint64_t now_us = loop_now_us(s->loop);
    uint16_t cols = 80, rows = 24;
    if (!ioctl(STDIN_FILENO, TIOCGWINSZ, &w) && w.ws_col && w.ws_row) {
        cols = w.ws_col;
        rows = w.ws_row;
    }
    m->sid = server_session_open(s->end, "mosh", cols, rows, now_us);
    if (!m->sid || server_link_open_stock(s->end, m->sid, out, now_us))
        BUG("a first session was refused");
    out->port = port_of(m);
    return 0;
}

static int print_connect(struct connect_stock *c)
{
    struct buf line;
    buf_init(&line, 256);
    if (isatty(STDIN_FILENO))
        buf_put_text(&line, "\r\n\n");
    connect_stock_put(&line, c);
    mem_wipe(c, sizeof *c);
    ssize_t n = write(STDOUT_FILENO, buf_data(&line), buf_len(&line));
    int err = buf_err(&line) || n != (ssize_t)buf_len(&line);
    mem_wipe(line.mem, line.size);
    buf_fini(&line);
    return err;
}

static _Noreturn void leave_parent(pid_t child)
{
    fprintf(stderr, "\n%s\n[mosh-server detached, pid = %d]\n", mosh_version_text, (int)child);
    for (int fd = 0; fd <= 2; fd++)
        if (isatty(fd))
            tcdrain(fd);
    _exit(0);
}

/* In the child: all that happens, until the session is over. */
static void live(struct mosh *m)
{
    struct serve *s = &m->serve;
    setsid();
    if (loop_forked(s->loop) || serve_signals(s) ||
        sigwatch_new(s->loop, SIGUSR1, on_usr1, m, &m->usr1)) {
        fputs("mosh-server: cannot go on in the background\n", stderr);
        s->status = 1;
        return;
    }
    if (!m->o->verbose)
        drop_std_fds();
    serve_wake(s);
    loop_run(s->loop);
    if (!m->joined && !s->quitting)
        fputs("No connection within 60 seconds.\n", stderr);
}

/* Bound, printed, forked. */
static int start(struct mosh *m)
{
    struct connect_stock c;
    if (bind_port(m) || open_session(m, &c))
        return 1;
    if (print_connect(&c)) {
        perror("mosh-server: stdout");
        return 1;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        perror("mosh-server: fork");
        return 1;
    }
    if (pid)
        leave_parent(pid);
    live(m);
    return m->serve.status;
}

int mosh_server_run(const struct mosh_server_options *o)
{
    uint64_t network_s = seconds_of("MOSH_SERVER_NETWORK_TMOUT");
    struct mosh m = {.o = o,
                     .log = {log_to_stderr, NULL, LOG_DEBUG},
                     .signal_timeout_us = seconds_of("MOSH_SERVER_SIGNAL_TMOUT") * 1000000};
    m.serve_options = (struct server_options){.log = o->verbose ? &m.log : NULL, .width = o->width};
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (serve_init(&m.serve, &m.serve_options, network_s * 1000000))
        return 1;
    m.serve.heard = on_heard;
    m.serve.heard_ctx = &m;
    timer_init(&m.away, m.serve.loop, on_away, &m);
    int status = start(&m);
    timer_clear(&m.away);
    sigwatch_free(m.usr1);
    serve_fini(&m.serve);
    return status;
}
