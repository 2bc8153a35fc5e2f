#include "client/mux_client.h"

#include "base/mem.h"
#include "boot/sshconf.h"
#include "client/mux_socket.h"
#include "fwd/spec.h"
#include "io/sockdir.h"
#include "mux/packet.h"
#include "view/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* For the terminal when its owner is gone without a word: what it may have switched on. */
#define RESET "\033[?1047l\033[?1000;1002;1003;1006l\033[?2004l\033[?25h\033[0m\r\n"

static void PRINTF_LIKE(1, 2) say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("tern: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

/* ---- packets --------------------------------------------------------------------------------- */

/* Interrupted by a signal that ends us? */
static volatile sig_atomic_t ended_by;
static volatile sig_atomic_t owner_pid;

static bool read_all(int fd, void *p, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = read(fd, (uint8_t *)p + done, len - done);
        if (n < 0 && errno == EINTR && !ended_by)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const void *p, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, (const uint8_t *)p + done, len - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR && !ended_by)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* The next packet into room; out borrows from it. False: it is over. */
static bool hear(const struct mux_client *m, struct buf *room, struct mux_reply *out)
{
    uint8_t head[4];
    buf_clear(room);
    if (!read_all(m->fd, head, sizeof head))
        return false;
    size_t len = wire_get_u32(head);
    uint8_t *to = len <= MUX_REPLY_MAX ? buf_reserve(room, len) : NULL;
    if (!to || !read_all(m->fd, to, len))
        return false;
    buf_commit(room, len);
    return !mux_reply_get(buf_data(room), len, out);
}

static bool tell(struct mux_client *m, struct mux_request *r)
{
    struct buf b;
    buf_init(&b, MUX_PACKET_MAX + 4);
    if (r->type != MUX_HELLO)
        r->id = m->next++;
    mux_request_put(&b, r);
    bool good = !buf_err(&b) && write_all(m->fd, buf_data(&b), buf_len(&b));
    buf_fini(&b);
    return good;
}

/* Ask, and hear the answer to it. */
static bool ask(struct mux_client *m, struct mux_request *r, struct buf *room,
                struct mux_reply *out)
{
    return tell(m, r) && hear(m, room, out) && out->id == r->id;
}

static bool pass_descriptor(int sock, int fd)
{
    struct pollfd p = {.fd = sock, .events = POLLOUT};
    int err;
    while ((err = fds_send(sock, "", 1, &fd, 1)) == ERR_STATE)
        poll(&p, 1, -1);
    return !err;
}

/* ---- reaching it ----------------------------------------------------------------------------- */

static bool greet(struct mux_client *m)
{
    struct mux_reply r;
    struct buf room;
    buf_init(&room, MUX_REPLY_MAX);
    bool good =
        tell(m, &(struct mux_request){.type = MUX_HELLO, .version = MUX_VERSION, .tern = true}) &&
        hear(m, &room, &r) && r.type == MUX_HELLO && r.value == MUX_VERSION;
    m->tern = good && r.tern;
    buf_fini(&room);
    return good;
}

bool mux_client_take(int fd, struct mux_client *out)
{
    *out = (struct mux_client){.fd = fd};
    if (greet(out))
        return true;
    mux_client_close(out);
    return false;
}

enum mux_reach mux_client_reach(const char *path, struct mux_client *out, bool *dead)
{
    int fd, err = mux_socket_connect(path, &fd);
    *dead = err == ERR_SYS && errno == ECONNREFUSED;
    if (err == ERR_STATE || *dead)
        return MUX_NOBODY;
    if (err) {
        say("ControlPath %s: %s", path,
            err == ERR_AUTH ? "its owner is another user" : strerror(errno));
        return MUX_BROKEN;
    }
    if (mux_client_take(fd, out))
        return MUX_REACHED;
    say("ControlPath %s: nobody there speaks the protocol of ssh -S", path);
    return MUX_BROKEN;
}

void mux_client_close(struct mux_client *m)
{
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
}

/* ---- forwards -------------------------------------------------------------------------------- */

static struct mux_end end_of(const struct spec_end *e)
{
    if (e->path[0])
        return (struct mux_end){mux_text(e->path), MUX_UNIX};
    return (struct mux_end){mux_text(e->named && !e->host[0] ? "*" : e->host), e->port};
}

/* What ssh -G prints as one; false: nothing that can be said. */
static bool forward_of(uint32_t kind, const char *value, struct spec *s, struct mux_forward *out)
{
    char listen[SPEC_TEXT + 16];
    const char *socks = kind == MUX_REMOTE ? strstr(value, " [socks]:0") : NULL;
    bool good = kind == MUX_LOCAL     ? !spec_local(value, s)
                : kind == MUX_DYNAMIC ? !spec_dynamic(value, s)
                                      : !spec_remote(value, s);
    if (socks) {
        snprintf(listen, sizeof listen, "%.*s", (int)(socks - value), value);
        good = !spec_dynamic(listen, s);
    }
    *out = (struct mux_forward){.kind = kind, .listen = end_of(&s->listen)};
    out->connect =
        kind == MUX_DYNAMIC || socks ? (struct mux_end){mux_text("socks"), 0} : end_of(&s->to);
    return good;
}

/* One forward asked for, or cancelled. */
static bool one_forward(struct mux_client *m, uint32_t kind, const char *value, bool cancel,
                        bool print)
{
    struct mux_request r = {.type = cancel ? MUX_CLOSE_FORWARD : MUX_OPEN_FORWARD};
    struct mux_reply a = {0};
    struct spec s;
    struct buf room;
    buf_init(&room, MUX_REPLY_MAX);
    bool good = forward_of(kind, value, &s, &r.forward) && ask(m, &r, &room, &a);
    bool done = good && (a.type == MUX_OK || a.type == MUX_REMOTE_PORT);
    if (done && a.type == MUX_REMOTE_PORT && print)
        printf("%u\n", a.value);
    else if (done && a.type == MUX_REMOTE_PORT)
        fprintf(stderr, "Allocated port %u for remote forward\n", a.value);
    if (!done)
        say("%s %s: %.*s", cancel ? "cannot cancel the forward" : "cannot forward", value,
            (int)(good ? a.text.len : 0), good && a.text.p ? a.text.p : "");
    buf_fini(&room);
    return done;
}

static bool all_forwards(struct mux_client *m, const struct sshconf *c, bool cancel, bool print)
{
    bool good = true;
    for (size_t i = 0; i < c->local.count; i++)
        good &= one_forward(m, MUX_LOCAL, c->local.item[i], cancel, print);
    for (size_t i = 0; i < c->dynamic.count; i++) {
        bool artefact = false;
        for (size_t k = 0; k < c->local.count; k++)
            artefact |= spec_is_artefact(c->dynamic.item[i], c->local.item[k]);
        good &= artefact || one_forward(m, MUX_DYNAMIC, c->dynamic.item[i], cancel, print);
    }
    for (size_t i = 0; i < c->back.count; i++)
        good &= one_forward(m, MUX_REMOTE, c->back.item[i], cancel, print);
    fflush(stdout);
    return good;
}

/* ---- signals and the terminal ---------------------------------------------------------------- */

static struct termios found;
static bool raw;

static void on_end(int signum)
{
    ended_by = signum;
}

static void on_winch(int signum)
{
    (void)signum;
    if (owner_pid > 1)
        kill((pid_t)owner_pid, SIGWINCH);
}

static void set_raw(void)
{
    struct termios t = found;
    cfmakeraw(&t);
    t.c_iflag |= found.c_iflag & IUTF8;
    raw = !tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

static void on_cont(int signum)
{
    (void)signum;
    if (raw)
        set_raw();
    on_winch(SIGWINCH);
}

static void restore(void)
{
    if (raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &found);
    raw = false;
}

static void watch_signals(bool tty)
{
    struct sigaction end = {.sa_handler = on_end}; /* no SA_RESTART: a read ends of it */
    struct sigaction winch = {.sa_handler = on_winch, .sa_flags = SA_RESTART};
    struct sigaction cont = {.sa_handler = on_cont, .sa_flags = SA_RESTART};
    sigaction(SIGHUP, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    if (!tty)
        return;
    sigaction(SIGWINCH, &winch, NULL);
    sigaction(SIGCONT, &cont, NULL);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static bool learn_pid(struct mux_client *m)
{
    struct mux_request r = {.type = MUX_ALIVE_CHECK};
    struct mux_reply a;
    struct buf room;
    buf_init(&room, MUX_REPLY_MAX);
    bool good = ask(m, &r, &room, &a) && a.type == MUX_ALIVE;
    if (good)
        owner_pid = (sig_atomic_t)a.value;
    buf_fini(&room);
    return good;
}

static void put_env(struct buf *b, const struct mux_use *use)
{
    static const char *const facts[] = {"COLORTERM", "TMUX"};
    char text[300];
    for (const char *const *e = use->env; e && *e; e++)
        mux_env_put(b, *e);
    for (size_t i = 0; i < 2 && !use->command; i++) {
        const char *value = getenv(facts[i]);
        if (value && snprintf(text, sizeof text, "%s=%s", facts[i], value) < (int)sizeof text)
            mux_env_put(b, text);
    }
}

/* Ask for the session or connection, with the descriptors behind it. False: it went wrong. */
static bool request_session(struct mux_client *m, const struct mux_use *use, struct mux_request *r)
{
    const struct command_request *c = use->command;
    const char *text = c ? c->text : use->text;
    struct spec_end to;
    struct buf env;
    buf_init(&env, MUX_PACKET_MAX / 2);
    put_env(&env, use);
    *r = (struct mux_request){.type = MUX_NEW_SESSION,
                              .session = {.tty = !c,
                                          .subsystem = c && c->subsystem,
                                          .escape = use->escape_key > 0 && use->escape_key < 128
                                                        ? (uint32_t)use->escape_key
                                                        : MUX_NO_ESCAPE,
                                          .term = mux_text(getenv("TERM")),
                                          .command = mux_text(text),
                                          .env = reader_of(buf_data(&env), buf_len(&env))}};
    bool good = !buf_err(&env);
    if (c && c->stdio) {
        good = good && !spec_stdio(c->stdio, &to);
        *r = (struct mux_request){.type = MUX_NEW_STDIO, .to = {mux_text(to.host), to.port}};
    }
    good = good && tell(m, r);
    buf_fini(&env);
    int null = c && c->null_stdin ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    for (size_t i = 0; good && i < mux_descriptors(r->type); i++)
        good = pass_descriptor(m->fd, i == 0 && null >= 0 ? null : (int)i);
    if (null >= 0)
        close(null);
    return good;
}

/* -f: the login is done, and the command runs. Only the child returns. */
static void go_background(void)
{
    pid_t pid = fork();
    if (pid > 0)
        _exit(0);
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3 && null >= 0; i++)
        dup2(null, i);
}

/* Until the owner closes. */
static int wait_for_end(struct mux_client *m, uint32_t session, bool stdio)
{
    int status = stdio ? 0 : CLIENT_STATUS_LOST;
    struct mux_reply r;
    struct buf room;
    buf_init(&room, MUX_REPLY_MAX);
    bool told = false, broken = false;
    while (!broken && hear(m, &room, &r)) {
        if (r.type == MUX_EXIT && r.session == session) {
            status = (int)(r.value & 255);
            told = true;
        } else if (r.type == MUX_TTY_FAILED && r.session == session) {
            restore();
        } else {
            broken = true;
        }
    }
    buf_fini(&room);
    if (raw && !told && !ended_by)
        (void)!write(STDOUT_FILENO, RESET, sizeof RESET - 1);
    restore();
    return ended_by ? CLIENT_STATUS_LOST : status;
}

static int refused(const struct mux_use *use, const struct mux_reply *r, bool *direct)
{
    const struct command_request *c = use->command;
    if (c && c->stdio) {
        fprintf(stderr, "stdio forwarding failed: %.*s\n", (int)r->text.len, r->text.p);
        return CLIENT_STATUS_LOST;
    }
    say("the owner of the shared connection: %.*s%s", (int)r->text.len, r->text.p,
        use->own ? "" : "; going on by a connection of its own");
    *direct = !use->own;
    return CLIENT_STATUS_LOST;
}

/* -N: forwards only; those that we brought end with us, unless we leave at once. */
static int run_nothing(struct mux_client *m, const struct mux_use *use)
{
    struct pollfd p = {.fd = m->fd, .events = POLLIN};
    if (use->command->background)
        return 0;
    watch_signals(false);
    while (!ended_by && poll(&p, 1, -1) < 0 && errno == EINTR)
        ;
    if (!ended_by)
        return CLIENT_STATUS_LOST;
    ended_by = 0;
    if (!use->own)
        all_forwards(m, use->conf, true, false);
    return 0;
}

int mux_client_run(struct mux_client *m, const struct mux_use *use, bool *direct)
{
    const struct command_request *c = use->command;
    struct mux_request r;
    struct mux_reply a = {0};
    struct buf room;
    *direct = false;
    bool forwards = all_forwards(m, use->conf, false, false);
    if (!forwards && (!use->own || use->conf->exit_on_forward_failure)) {
        *direct = !use->own;
        return CLIENT_STATUS_LOST;
    }
    if (c && c->nothing)
        return run_nothing(m, use);
    if (!c && tcgetattr(STDIN_FILENO, &found)) {
        *direct = true;
        return CLIENT_STATUS_LOST;
    }
    buf_init(&room, MUX_REPLY_MAX);
    watch_signals(!c);
    bool good = learn_pid(m) && request_session(m, use, &r) && hear(m, &room, &a) && a.id == r.id;
    int status = CLIENT_STATUS_LOST;
    if (good && a.type == MUX_OPENED) {
        if (c && c->background)
            go_background();
        else if (!c)
            set_raw();
        status = wait_for_end(m, a.session, c && c->stdio);
    } else if (good && (a.type == MUX_FAILURE || a.type == MUX_DENIED)) {
        status = refused(use, &a, direct);
    } else if (!ended_by) {
        say("the owner of the shared connection is gone");
    }
    buf_fini(&room);
    return status;
}

/* ---- -O -------------------------------------------------------------------------------------- */

static int simple(struct mux_client *m, uint32_t type, const char *said)
{
    struct mux_request r = {.type = type};
    struct mux_reply a;
    struct buf room;
    buf_init(&room, MUX_REPLY_MAX);
    bool heard = ask(m, &r, &room, &a);
    int status = 0;
    if (heard && a.type == MUX_ALIVE)
        fprintf(stderr, "Master running (pid=%u)\r\n", a.value);
    else if (heard && (a.type == MUX_FAILURE || a.type == MUX_DENIED)) {
        say("%.*s", (int)a.text.len, a.text.p);
        status = CLIENT_STATUS_LOST;
    } else if (heard || type == MUX_TERMINATE) /* which may be quicker than its answer */
        fprintf(stderr, "%s\r\n", said);
    else
        status = CLIENT_STATUS_LOST;
    buf_fini(&room);
    return status;
}

static int info(struct mux_client *m, const char *what)
{
    struct mux_request r = {.type = MUX_INFO, .what = mux_text(what)};
    struct mux_reply a;
    struct buf room;
    buf_init(&room, MUX_REPLY_MAX);
    bool good = ask(m, &r, &room, &a) && a.type == MUX_INFO_TEXT && a.value == 1;
    for (size_t i = 0; good && i < a.text.len; i++)
        if (a.text.p[i] != '\r')
            putchar(a.text.p[i]);
    if (!good)
        say("the owner of the shared connection has no such information");
    buf_fini(&room);
    return good ? 0 : CLIENT_STATUS_LOST;
}

static int control(struct mux_client *m, const char *what, const struct sshconf *conf)
{
    if (!strcmp(what, "check"))
        return simple(m, MUX_ALIVE_CHECK, "");
    if (!strcmp(what, "exit"))
        return simple(m, MUX_TERMINATE, "Exit request sent.");
    if (!strcmp(what, "stop"))
        return simple(m, MUX_STOP_LISTENING, "Stop listening request sent.");
    if (!strcmp(what, "conninfo"))
        return info(m, "connection");
    if (!strcmp(what, "channels"))
        return info(m, "channels");
    if (!strcmp(what, "forward"))
        return all_forwards(m, conf, false, true) ? 0 : CLIENT_STATUS_LOST;
    if (!strcmp(what, "cancel")) {
        all_forwards(m, conf, true, false); /* as with ssh, what is not there is cancelled */
        return 0;
    }
    say("-O %s: one of check, conninfo, channels, forward, cancel, stop and exit", what);
    return CLIENT_STATUS_LOST;
}

int mux_client_control(const char *path, const char *what, const struct sshconf *conf)
{
    struct mux_client m;
    bool dead;
    switch (mux_client_reach(path, &m, &dead)) {
    case MUX_NOBODY:
        fprintf(stderr, "Control socket connect(%s): %s\n", path,
                dead ? "Connection refused" : "No such file or directory");
        return CLIENT_STATUS_LOST;
    case MUX_BROKEN:
        return CLIENT_STATUS_LOST;
    case MUX_REACHED:
        break;
    }
    int status = control(&m, what, conf);
    mux_client_close(&m);
    return status;
}
