#include "client/mux_owner_impl.h"

#include "base/mem.h"
#include "client/login.h"
#include "client/mux_task.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long sessions on terminals may take to say goodbye. */
#define GOODBYE_US 3000000u

static const int watched[] = {SIGWINCH, SIGHUP, SIGINT, SIGTERM};

/* ---- channels -------------------------------------------------------------------------------- */

/* Connections for clients (-W) and those of forwards are of the same kinds. */
#define STDIO(o, c) mux_conn_is_stdio(o, c)

static const struct chans_ops *direct_of(struct owner *o, const struct chan *c, void **ctx)
{
    bool stdio = STDIO(o, c);
    *ctx = stdio ? NULL : mux_forwards_local(o->forwards);
    return stdio ? &mux_task_chans_ops : &local_chans_ops;
}

static int direct_opened(void *ctx, struct chan *c, const struct open_request *r, const char **why)
{
    const struct chans_ops *ops = direct_of(ctx, c, &ctx);
    return ops->opened(ctx, c, r, why);
}

static void direct_accepted(void *ctx, struct chan *c)
{
    const struct chans_ops *ops = direct_of(ctx, c, &ctx);
    ops->accepted(ctx, c);
}

static void direct_refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    const struct chans_ops *ops = direct_of(ctx, c, &ctx);
    ops->refused(ctx, c, code, text);
}

static void direct_readable(void *ctx, struct chan *c)
{
    const struct chans_ops *ops = direct_of(ctx, c, &ctx);
    ops->readable(ctx, c);
}

static void direct_writable(void *ctx, struct chan *c)
{
    const struct chans_ops *ops = direct_of(ctx, c, &ctx);
    ops->writable(ctx, c);
}

static void direct_stopped(void *ctx, struct chan *c, enum chan_stream s)
{
    const struct chans_ops *ops = direct_of(ctx, c, &ctx);
    ops->stopped(ctx, c, s);
}

static void direct_broken(void *ctx, struct chan *c, uint64_t code)
{
    const struct chans_ops *ops = direct_of(ctx, c, &ctx);
    ops->broken(ctx, c, code);
}

static const struct chans_ops direct_ops = {
    .opened = direct_opened,
    .accepted = direct_accepted,
    .refused = direct_refused,
    .readable = direct_readable,
    .writable = direct_writable,
    .stopped = direct_stopped,
    .broken = direct_broken,
};

static void route_channels(struct owner *o)
{
    struct remote *remote = mux_forwards_remote(o->forwards);
    chans_route(&o->router, OPEN_EXEC, &mux_task_chans_ops, NULL);
    chans_route(&o->router, OPEN_SUBSYSTEM, &mux_task_chans_ops, NULL);
    chans_route(&o->router, OPEN_DIRECT_TCP, &direct_ops, o);
    chans_route(&o->router, OPEN_DIRECT_UNIX, &direct_ops, o);
    chans_route(&o->router, OPEN_CONTROL, &remote_chans_ops, remote);
    chans_route(&o->router, OPEN_FORWARDED_TCP, &remote_chans_ops, remote);
    guest_route(&o->router);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void drop_clients(struct owner *o)
{
    for (struct mux_conn *k; (k = mux_conn_next(o, NULL));)
        mux_conn_free(k);
}

void owner_stop(struct owner *o)
{
    o->stopped = true;
    mux_socket_free(o->socket);
    o->socket = NULL;
}

void owner_terminate(struct owner *o)
{
    if (o->ending)
        return;
    log_line(o->log, LOG_INFO, "owner", "leaving, with %zu clients", o->conn_count);
    o->ending = true;
    owner_stop(o);
    later_set(&o->later); /* the answer to the client that asked goes first */
}

void owner_look(struct owner *o)
{
    later_set(&o->later);
}

/* Clients, and connections of forwards, count; forwards that merely listen do not. */
static bool busy(const struct owner *o)
{
    return o->conn_count || mux_forwards_busy(o->forwards);
}

/* Clients go at once, the sessions that they leave in order. */
static void say_goodbye(struct owner *o, uint64_t now_us)
{
    if (!o->ending_us)
        for (struct mux_conn *k = mux_conn_next(o, NULL), *next; k; k = next) {
            next = mux_conn_next(o, k);
            mux_conn_dismiss(k);
        }
    o->ending_us = o->ending_us ? o->ending_us : now_us;
    if (o->over)
        return;
    if (o->conn_count && now_us - o->ending_us < GOODBYE_US) {
        timer_set(&o->timer, o->ending_us + GOODBYE_US);
        return;
    }
    o->over = true;
    drop_clients(o);
    trunk_leave(o->trunk);
}

static void turn(void *ctx)
{
    struct owner *o = ctx;
    uint64_t now_us = loop_now_us(o->loop);
    uint64_t stay = o->stopped ? 0 : o->request->persist_us;
    if (o->ending) {
        say_goodbye(o, now_us);
        return;
    }
    if (busy(o)) {
        o->idle_since_us = 0;
        /* Connections of forwards end without a word to us. */
        timer_set(&o->timer, o->conn_count ? TIME_NEVER : now_us + 1000000);
        return;
    }
    if (!o->idle_since_us)
        o->idle_since_us = now_us;
    if (stay == OWNER_FOREVER)
        return;
    if (now_us - o->idle_since_us >= stay)
        owner_terminate(o);
    else
        timer_set(&o->timer, o->idle_since_us + stay);
}

static void on_over(void *ctx, const char *why)
{
    struct owner *o = ctx;
    if (why)
        log_line(o->log, LOG_WARN, "owner", "the connection is over: %s", why);
    o->ending = o->over = true;
    drop_clients(o);
    loop_stop(o->loop);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void on_signal(void *ctx, int signum)
{
    struct owner *o = ctx;
    if (signum != SIGWINCH) {
        owner_terminate(o);
        return;
    }
    for (struct mux_conn *k = NULL; (k = mux_conn_next(o, k));)
        mux_conn_resized(k);
}

static void on_client(void *ctx, int fd)
{
    struct owner *o = ctx;
    if (o->conn_count >= OWNER_CONNS_MAX || o->ending)
        close(fd);
    else
        mux_conn_new(o, fd);
}

/* ---- what is told ---------------------------------------------------------------------------- */

bool mux_info(struct owner *o, struct mux_text what, struct buf *out)
{
    bool connection = mux_text_is(what, "connection");
    if (!connection && !mux_text_is(what, "channels"))
        return false;
    if (connection) {
        buf_printf(out, "tern %s%s%s\r\n", TERN_VERSION, o->login ? " to " : "",
                   o->login ? login_host(o->login) : "");
        trunk_tell(o->trunk, out);
        buf_printf(out, "clients %zu\r\n", o->conn_count);
        mux_forwards_tell(o->forwards, out);
        return true;
    }
    struct chans *chans = trunk_chans(o->trunk);
    struct chan *c;
    for (size_t i = 0; (c = chans_at(chans, i)) && buf_room(out) > 400; i++) {
        struct chan_counters n;
        chan_counters(c, &n);
        buf_printf(out, "channel %u: %s, %s, %llu bytes out, %llu in\r\n", chan_number(c),
                   chan_kind_text(chan_kind(c)), chan_state_text(c),
                   (unsigned long long)n.sent[CHAN_DATA],
                   (unsigned long long)(n.received[CHAN_DATA] + n.received[CHAN_STDERR]));
    }
    return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Its own session, and nothing of the terminal: else its reading of a passed terminal would stop
 * it (openssh-mux.md §0, trap 6), and a hang-up would end it. */
static void leave_terminal(const struct owner_request *r)
{
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    if (!r->keep_stderr)
        dup2(null, STDERR_FILENO);
    close(null);
}

static void open_socket(struct owner *o)
{
    char why[MUX_ERROR];
    if (!o->request->path)
        return;
    if (mux_socket_new(o->loop, o->request->path, on_client, o, why, &o->socket)) {
        fprintf(stderr, "tern: ControlPath: %s\n", why);
        o->socket = NULL;
    }
}

static void open_trunk(struct owner *o, const struct owner_config *c)
{
    o->trunk = trunk_new(o->loop, &(struct trunk_config){
                                      .connect = c->connect,
                                      .addrs = c->addrs,
                                      .addr_count = c->addr_count,
                                      .pipe = c->pipe,
                                      .server_command = c->server_command,
                                      .transport = c->options->transport,
                                      .outage_us = c->options->outage_us,
                                      .entropy = c->entropy,
                                      .log = o->log,
                                      .chans = &chans_router_ops,
                                      .chans_ctx = &o->router,
                                      .over = on_over,
                                      .ctx = o,
                                  });
    o->forwards = mux_forwards_new(&(struct mux_forwards_config){
        .loop = o->loop,
        .login = o->login,
        .connect = c->connect,
        .chans = trunk_chans(o->trunk),
        .wake = trunk_wake,
        .ctx = o->trunk,
        .log = o->log,
    });
    route_channels(o);
    if (chan_open(trunk_chans(o->trunk), &(struct open_request){.kind = OPEN_CONTROL}, NULL,
                  &o->hold))
        o->hold = NULL;
    o->guests = (struct guest_owner){
        .loop = o->loop,
        .chans = trunk_chans(o->trunk),
        .wake = trunk_wake,
        .wake_ctx = o->trunk,
        .link = trunk_link(o->trunk),
        .addrs = o->addrs,
        .addr_count = c->addr_count,
        .server_command = c->server_command,
        .shared_command = o->login ? login_share_command(o->login) : NULL,
        .login = o->login != NULL,
        .o = o->options,
        .entropy = c->entropy,
        .since_us = loop_now_us(o->loop),
    };
}

struct owner *owner_new(struct loop *l, const struct owner_config *c)
{
    struct owner *o = mem_new(1, sizeof *o);
    *o = (struct owner){.loop = l,
                        .log = c->options->log,
                        .request = c->request,
                        .options = c->options,
                        .login = c->login};
    memcpy(o->addrs, c->addrs, c->addr_count * sizeof *c->addrs);
    list_init(&o->conns);
    later_init(&o->later, l, turn, o);
    timer_init(&o->timer, l, turn, o);
    open_trunk(o, c);
    open_socket(o); /* its complaint goes to the terminal */
    leave_terminal(c->request);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        if (sigwatch_new(l, watched[i], on_signal, o, &o->watches[i]))
            o->watches[i] = NULL;
    mux_conn_new(o, c->request->first);
    log_line(o->log, LOG_INFO, "owner", "at %s, process %d", c->request->path, (int)getpid());
    return o;
}

void owner_free(struct owner *o)
{
    if (!o)
        return;
    o->ending = true;
    drop_clients(o);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        sigwatch_free(o->watches[i]);
    mux_socket_free(o->socket);
    timer_clear(&o->timer);
    later_clear(&o->later);
    trunk_free(o->trunk); /* its channels tell the forwards that they break */
    mux_forwards_free(o->forwards);
    later_clear(&o->later);
    free(o);
}
