#include "client/mux_owner_impl.h"

#include "base/mem.h"
#include "client/login.h"
#include "client/mux_task.h"
#include "io/aside.h"
#include "io/run.h"
#include "io/sockdir.h"
#include "mux/master.h"
#include "view/escape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reads in one turn. */
#define READS_MOST 64
#define READ_PIECE 16384
/* For the user to say yes or no. */
#define ASK_US 3600000000u

struct mux_conn {
    struct list node;
    struct owner *owner;
    int fd; /* -1: the client is gone, and the guest is saying goodbye */
    struct watch *watch;
    struct later later;
    struct mux_master master;
    int fds[3]; /* that came; -1: none */
    size_t fd_count;
    const struct mux_request *request; /* to be decided; NULL: none */
    struct aside *asking;              /* the user */
    char question[300];
    struct mux_task *task;
    struct guest *guest;
    bool stdio;
};

static void stir(struct mux_conn *k)
{
    later_set(&k->later);
}

static void drop_descriptors(struct mux_conn *k)
{
    for (size_t i = 0; i < k->fd_count; i++)
        close(k->fds[i]);
    k->fd_count = 0;
}

static int take_descriptor(struct mux_conn *k, size_t i)
{
    return i < k->fd_count ? k->fds[i] : -1;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void fail(struct mux_conn *k, const char *why)
{
    if (!k->request)
        return;
    k->request = NULL;
    drop_descriptors(k);
    log_line(k->owner->log, LOG_INFO, "owner", "refused: %s", why);
    mux_master_fail(&k->master, why);
    stir(k);
}

static void opened(struct mux_conn *k)
{
    if (!k->request)
        return;
    k->request = NULL;
    mux_master_opened(&k->master, ++k->owner->session);
    stir(k);
}

static void answered(struct mux_conn *k)
{
    k->request = NULL;
    mux_master_ok(&k->master);
    stir(k);
}

/* ---- sessions without a terminal ------------------------------------------------------------- */

static void on_task_opened(void *ctx)
{
    opened(ctx);
}

static void on_task_refused(void *ctx, const char *why)
{
    struct mux_conn *k = ctx;
    log_line(k->owner->log, LOG_INFO, "owner", "the server refused: %s", why);
    mux_task_free(k->task); /* the text is its */
    k->task = NULL;
    fail(k, "Session open refused by peer");
}

static void on_task_exited(void *ctx, int status, int signal)
{
    struct mux_conn *k = ctx;
    if (!signal)
        mux_master_exit(&k->master, (uint32_t)status);
    else if (signal > 0 && k->owner->options->signal_status)
        mux_master_exit(&k->master, 128u + (uint32_t)signal);
    stir(k);
}

static void on_task_over(void *ctx)
{
    struct mux_conn *k = ctx;
    mux_task_free(k->task);
    k->task = NULL;
    mux_master_close(&k->master);
    stir(k);
}

static void on_task_wake(void *ctx)
{
    struct mux_conn *k = ctx;
    trunk_wake(k->owner->trunk);
}

static void start_task(struct mux_conn *k, const struct open_request *r)
{
    const struct mux_task_ops ops = {.opened = on_task_opened,
                                     .refused = on_task_refused,
                                     .exited = on_task_exited,
                                     .over = on_task_over,
                                     .wake = on_task_wake,
                                     .ctx = k};
    struct mux_task_config c = {.loop = k->owner->loop,
                                .chans = trunk_chans(k->owner->trunk),
                                .request = r,
                                .in = take_descriptor(k, 0),
                                .out = take_descriptor(k, 1),
                                .err = take_descriptor(k, 2),
                                .ops = &ops};
    k->fd_count = 0;
    k->task = mux_task_new(&c);
}

/* ---- the environment ------------------------------------------------------------------------- */

/* Strings of a client that our own SendEnv lets through, behind our SetEnv (openssh-mux.md §1.5).
 */
struct env_list {
    char *own[OPEN_ENV_MAX + 1];
    size_t count;
    char *colorterm, *tmux; /* for us */
};

static void env_add(struct env_list *l, const char *p, size_t len)
{
    if (l->count < OPEN_ENV_MAX)
        l->own[l->count++] = mem_text(p, len);
}

static void env_look(const struct sshconf *c, struct env_list *l, const char *pair)
{
    const char *eq = strchr(pair, '=');
    if (!eq)
        return;
    if (!strncmp(pair, "COLORTERM=", 10) && !l->colorterm)
        l->colorterm = mem_text(eq + 1, strlen(eq + 1));
    if (!strncmp(pair, "TMUX=", 5) && !l->tmux)
        l->tmux = mem_text(eq + 1, strlen(eq + 1));
    char *name = mem_text(pair, (size_t)(eq - pair));
    if (c && eq - pair < 1024 && sshconf_sends(c, name))
        env_add(l, pair, strlen(pair));
    free(name);
}

static void env_fill(const struct mux_conn *k, struct env_list *l)
{
    const struct sshconf *c = k->owner->login ? login_conf(k->owner->login) : NULL;
    struct reader env = k->request->session.env;
    struct mux_text pair;
    size_t count = 0;
    *l = (struct env_list){.count = 0};
    for (size_t i = 0; c && i < c->set_env.count; i++)
        env_add(l, c->set_env.item[i], strlen(c->set_env.item[i]));
    while (mux_env_next(&env, &count, &pair)) {
        if (memchr(pair.p, 0, pair.len))
            continue;
        char *text = mem_text(pair.p, pair.len);
        env_look(c, l, text);
        free(text);
    }
}

static void env_fini(struct env_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->own[i]);
    free(l->colorterm);
    free(l->tmux);
}

static void start_command(struct mux_conn *k)
{
    const struct mux_session *s = &k->request->session;
    struct open_request r = {.kind = s->subsystem ? OPEN_SUBSYSTEM : OPEN_EXEC};
    struct env_list env;
    if (s->command.len && memchr(s->command.p, 0, s->command.len)) {
        fail(k, "a NUL in the command");
        return;
    }
    env_fill(k, &env);
    for (size_t i = 0; i < env.count; i++)
        r.env[r.env_count++] = (struct text){env.own[i], strlen(env.own[i])};
    if (s->command.len)
        r.command = (struct text){s->command.p, s->command.len};
    start_task(k, &r);
    env_fini(&env);
}

/* ---- sessions with a terminal ---------------------------------------------------------------- */

static void on_guest_opened(void *ctx)
{
    opened(ctx);
}

static void on_guest_refused(void *ctx, const char *why)
{
    struct mux_conn *k = ctx;
    fail(k, why); /* the text is the guest's */
    guest_free(k->guest);
    k->guest = NULL;
    stir(k);
}

static void on_guest_over(void *ctx, int status, int signal)
{
    struct mux_conn *k = ctx;
    (void)signal; /* the status says it */
    mux_master_exit(&k->master, (uint32_t)status);
    mux_master_close(&k->master);
    stir(k);
}

static void on_guest_gone(void *ctx)
{
    struct mux_conn *k = ctx;
    guest_free(k->guest);
    k->guest = NULL;
    stir(k);
}

static void start_guest(struct mux_conn *k)
{
    const struct mux_session *s = &k->request->session;
    struct guest_ops ops = {.opened = on_guest_opened,
                            .refused = on_guest_refused,
                            .over = on_guest_over,
                            .gone = on_guest_gone,
                            .ctx = k};
    struct env_list env;
    char term[256];
    char *command = s->command.len ? mem_text(s->command.p, s->command.len) : NULL;
    env_fill(k, &env);
    bool known = mux_text_copy(s->term, term, sizeof term) && term[0];
    struct guest_config c = {.owner = &k->owner->guests,
                             .in = take_descriptor(k, 0),
                             .out = take_descriptor(k, 1),
                             .err = take_descriptor(k, 2),
                             .term = known ? term : NULL,
                             .colorterm = env.colorterm,
                             .tmux = env.tmux,
                             .env = (const char *const *)env.own,
                             .command = command,
                             .escape_key = s->escape >= 1 && s->escape <= 127 ? (int)s->escape
                                                                              : ESCAPE_KEY_NONE};
    k->fd_count = 0;
    k->guest = guest_new(&c, &ops);
    env_fini(&env);
    free(command);
}

/* ---- -W -------------------------------------------------------------------------------------- */

static void on_pass(void *ctx, bool good, uint16_t port, const char *why)
{
    struct mux_conn *k = ctx;
    char host[SPEC_HOST];
    (void)port;
    if (!k->request)
        return;
    const struct mux_end *to = &k->request->to;
    const char *pass = mux_forwards_tcp_pass(k->owner->forwards);
    struct open_request r = {
        .kind = OPEN_DIRECT_TCP, .port = (uint16_t)to->port, .pass = {pass, strlen(pass)}};
    if (!good || !mux_text_copy(to->host, host, sizeof host) || !to->port || to->port > 65535) {
        fail(k, good ? "only a host and a port can be connected to" : why);
        return;
    }
    r.host = (struct text){host, strlen(host)};
    k->stdio = true;
    start_task(k, &r);
}

bool mux_conn_is_stdio(struct owner *o, const struct chan *c)
{
    const void *owner = chan_owner(c);
    LIST_EACH(n, &o->conns)
    {
        const struct mux_conn *k = LIST_ITEM(n, struct mux_conn, node);
        if (k->stdio && owner && k->task == owner)
            return true;
    }
    return false;
}

/* ---- forwards -------------------------------------------------------------------------------- */

static void on_forward(void *ctx, bool good, uint16_t port, const char *why)
{
    struct mux_conn *k = ctx;
    if (!k->request)
        return;
    if (!good) {
        fail(k, why);
        return;
    }
    k->request = NULL;
    if (port)
        mux_master_port(&k->master, port);
    else
        mux_master_ok(&k->master);
    stir(k);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void proceed(struct mux_conn *k)
{
    struct owner *o = k->owner;
    const struct mux_request *r = k->request;
    switch (r->type) {
    case MUX_NEW_SESSION:
        if (r->session.tty && !r->session.subsystem)
            start_guest(k);
        else
            start_command(k);
        return;
    case MUX_NEW_STDIO:
        mux_forwards_when_known(o->forwards, on_pass, k);
        return;
    case MUX_OPEN_FORWARD:
        mux_forwards_open(o->forwards, &r->forward, on_forward, k);
        return;
    case MUX_CLOSE_FORWARD:
        if (mux_forwards_close(o->forwards, &r->forward))
            answered(k);
        else
            fail(k, "port not forwarded");
        return;
    case MUX_TERMINATE:
        answered(k);
        owner_terminate(o);
        return;
    case MUX_STOP_LISTENING:
        owner_stop(o);
        answered(k);
        return;
    default:
        fail(k, "unsupported request");
    }
}

/* ---- ask ------------------------------------------------------------------------------------- */

/* In a child: an empty line or "yes" allows it, as with ssh. */
static bool ask_user(void *arg, int fd)
{
    const struct mux_conn *k = arg;
    const char *program = getenv("SSH_ASKPASS");
    char text[256];
    (void)fd;
    setenv("SSH_ASKPASS_PROMPT", "confirm", 1);
    const char *const argv[] = {program ? program : "ssh-askpass", k->question, NULL};
    if (run_ask(&(struct run){.argv = argv, .fds = {-1, -1, -1}}, ASK_US, text, sizeof text))
        return false;
    text[strcspn(text, "\r\n")] = 0;
    return !text[0] || !strcasecmp(text, "yes");
}

static void on_user_said(void *ctx, bool good)
{
    struct mux_conn *k = ctx;
    k->asking = NULL;
    if (good) {
        proceed(k);
        return;
    }
    k->request = NULL;
    drop_descriptors(k);
    mux_master_deny(&k->master);
    stir(k);
}

static bool must_ask(const struct mux_conn *k)
{
    const struct mux_request *r = k->request;
    if (!k->owner->request->ask || r->type == MUX_CLOSE_FORWARD)
        return false;
    return r->type != MUX_OPEN_FORWARD || !mux_forwards_has(k->owner->forwards, &r->forward);
}

static void on_request(void *ctx, const struct mux_request *r)
{
    struct mux_conn *k = ctx;
    static const struct {
        uint32_t type;
        const char *what;
    } questions[] = {{MUX_NEW_SESSION, "Allow shared connection to"},
                     {MUX_NEW_STDIO, "Allow forward through the connection to"},
                     {MUX_OPEN_FORWARD, "Open a forward through the connection to"},
                     {MUX_TERMINATE, "End the shared connection to"},
                     {MUX_STOP_LISTENING, "Stop sharing the connection to"}};
    k->request = r;
    if (!must_ask(k)) {
        proceed(k);
        return;
    }
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        if (questions[i].type == r->type)
            snprintf(k->question, sizeof k->question, "%s %.200s?", questions[i].what,
                     k->owner->login ? login_host(k->owner->login) : "this machine");
    struct aside_config c = {.work = ask_user, .arg = k, .done = on_user_said, .ctx = k};
    if (aside_new(k->owner->loop, &c, &k->asking))
        on_user_said(k, false);
}

static void on_dropped(void *ctx)
{
    drop_descriptors(ctx);
}

static bool on_info(void *ctx, struct mux_text what, struct buf *out)
{
    struct mux_conn *k = ctx;
    return mux_info(k->owner, what, out);
}

static const struct mux_master_ops master_ops = {on_request, on_dropped, on_info};

/* ---- bytes ----------------------------------------------------------------------------------- */

/* One byte, with one descriptor. False: nothing there yet, or (*gone) nobody. */
static bool read_descriptor(struct mux_conn *k, bool *gone)
{
    int fds[FDS_MAX];
    uint8_t byte;
    size_t len = 1, n;
    int err = fds_recv(k->fd, &byte, &len, fds, &n);
    if (err == ERR_STATE)
        return false;
    *gone = err || !len;
    bool good = !*gone && n == 1 && k->fd_count < 3;
    if (good)
        k->fds[k->fd_count++] = fds[0];
    for (size_t i = good ? 1 : 0; !err && i < n; i++)
        close(fds[i]);
    if (!*gone)
        mux_master_descriptor(&k->master, good);
    return !*gone;
}

static bool read_bytes(struct mux_conn *k, size_t want, bool *gone)
{
    uint8_t bytes[READ_PIECE];
    ssize_t n = recv(k->fd, bytes, want < sizeof bytes ? want : sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    *gone = n <= 0;
    if (n > 0)
        mux_master_bytes(&k->master, bytes, (size_t)n);
    return n > 0;
}

/* What there is, as far as it is wanted. False: the client is gone. */
static bool read_some(struct mux_conn *k)
{
    bool gone = false, more = true;
    for (int i = 0; more && !gone && i < READS_MOST; i++) {
        size_t n;
        enum mux_want want = mux_master_wants(&k->master, &n);
        more = want == MUX_WANT_BYTES        ? read_bytes(k, n, &gone)
               : want == MUX_WANT_DESCRIPTOR ? read_descriptor(k, &gone)
                                             : false;
    }
    return !gone;
}

static bool write_some(struct mux_conn *k)
{
    struct buf *out = mux_master_out(&k->master);
    while (buf_len(out)) {
        ssize_t n = send(k->fd, buf_data(out), buf_len(out), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        buf_skip(out, (size_t)n);
    }
    return true;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void close_client(struct mux_conn *k)
{
    watch_free(k->watch);
    k->watch = NULL;
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
}

/* Nobody is at the other end any more: what runs for it is let go, a screen is detached. */
static void lose_client(struct mux_conn *k)
{
    mux_master_close(&k->master);
    close_client(k);
    k->request = NULL;
    drop_descriptors(k);
    aside_free(k->asking);
    k->asking = NULL;
    mux_forwards_forget(k->owner->forwards, k);
    mux_task_free(k->task);
    k->task = NULL;
    if (k->guest && !guest_is_over(k->guest))
        guest_leave(k->guest);
}

void mux_conn_dismiss(struct mux_conn *k)
{
    lose_client(k);
    stir(k);
}

void mux_conn_free(struct mux_conn *k)
{
    lose_client(k);
    guest_free(k->guest);
    later_clear(&k->later);
    mux_master_fini(&k->master);
    list_del(&k->node);
    k->owner->conn_count--;
    owner_look(k->owner);
    free(k);
}

static void turn(void *ctx)
{
    struct mux_conn *k = ctx;
    size_t n;
    if (k->fd >= 0 && (!read_some(k) || !write_some(k)))
        lose_client(k);
    enum mux_want want = mux_master_wants(&k->master, &n);
    if (want == MUX_WANT_CLOSE && k->fd >= 0)
        lose_client(k);
    if (k->fd < 0) {
        if (!k->guest)
            mux_conn_free(k);
        return;
    }
    bool reads = want == MUX_WANT_BYTES || want == MUX_WANT_DESCRIPTOR;
    bool writes = buf_len(mux_master_out(&k->master)) != 0;
    watch_set(k->watch, (reads ? WATCH_IN : WATCH_HUP) | (writes ? WATCH_OUT : 0));
}

static void on_ready(void *ctx, int events)
{
    struct mux_conn *k = ctx;
    size_t n;
    enum mux_want want = mux_master_wants(&k->master, &n);
    /* Nothing may be read now, so nothing else would tell. */
    if ((events & WATCH_HUP) && want == MUX_WANT_NOTHING)
        lose_client(k);
    turn(k);
}

void mux_conn_new(struct owner *o, int fd)
{
    struct mux_conn *k = mem_new(1, sizeof *k);
    *k = (struct mux_conn){.owner = o, .fd = fd};
    list_add_tail(&o->conns, &k->node);
    o->conn_count++;
    o->idle_since_us = 0;
    later_init(&k->later, o->loop, turn, k);
    mux_master_init(&k->master, (uint32_t)getpid(), &master_ops, k);
    if (watch_new(o->loop, fd, on_ready, k, &k->watch)) {
        k->watch = NULL;
        mux_conn_free(k);
        return;
    }
    turn(k);
}

struct mux_conn *mux_conn_next(struct owner *o, struct mux_conn *at)
{
    struct list *n = at ? at->node.next : o->conns.next;
    return n == &o->conns ? NULL : LIST_ITEM(n, struct mux_conn, node);
}

void mux_conn_resized(struct mux_conn *k)
{
    if (k->guest && !guest_is_over(k->guest))
        guest_resized(k->guest);
}
