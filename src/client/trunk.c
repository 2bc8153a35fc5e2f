#include "client/trunk.h"

#include "base/mem.h"
#include "client/outage.h"
#include "client/paths.h"
#include "client/rejoin.h"
#include "session/command_end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A pipe in use that gives nothing back for this long is replaced. */
#define PIPE_SILENT_US 10000000u
/* Logins in a row that found no server for us, with nothing heard between them: it is gone. */
#define REFUSED_MOST 5

struct trunk {
    struct loop *loop;
    const struct log *log;
    struct command_end *end;
    struct paths *paths;
    struct rejoin *rejoin;
    struct timer timer;
    struct later later;
    void (*over)(void *ctx, const char *why); /* NULL: told */
    void *ctx;
    int refused; /* logins that found no server for us, since anything came */
    struct outage outage;
    bool gone, leaving;
};

void trunk_wake(void *trunk)
{
    later_set(&((struct trunk *)trunk)->later);
}

/* As in attach.c: a pipe may be dead without a word. */
static uint64_t check_pipe(struct trunk *t, uint64_t now_us)
{
    struct link *link = command_end_link(t->end);
    struct path_ref path;
    uint64_t since = paths_pipe_since(t->paths), silent = link_silent_since_us(link);
    if (!t->rejoin || !since || !silent || !link_path(link, &path) || path.kind != PATH_PIPE)
        return TIME_NEVER;
    uint64_t due = (since > silent ? since : silent) + PIPE_SILENT_US;
    if (now_us < due)
        return due;
    paths_pipe_drop(t->paths, "nothing came back for long");
    return TIME_NEVER;
}

static void send_due(struct trunk *t, uint64_t now_us)
{
    struct link_datagram d;
    paths_serve(t->paths, now_us);
    while (command_end_poll(t->end, now_us, &d) > 0)
        paths_send(t->paths, &d, now_us);
    paths_serve(t->paths, now_us);
}

/* Who goes by his own will stays until the server's goodbye needs no answer any more. */
static bool check_over(struct trunk *t, uint64_t now_us)
{
    bool lingers = t->leaving && command_end_lingers(t->end, now_us);
    bool over = t->gone || (command_end_state(t->end) == COMMAND_OVER && !lingers);
    void (*tell)(void *ctx, const char *why) = t->over;
    if (!over || !tell)
        return over;
    const char *why = command_end_text(t->end);
    t->over = NULL;
    tell(t->ctx, t->leaving ? NULL : why ? why : "the server is gone");
    return true;
}

static void turn(void *ctx)
{
    struct trunk *t = ctx;
    uint64_t now_us = loop_now_us(t->loop);
    uint64_t again;
    send_due(t, now_us);
    t->gone |= outage_over(&t->outage, command_end_link(t->end), now_us, &again);
    if (check_over(t, now_us)) /* t may be gone */
        return;
    uint64_t at = command_end_deadline(t->end, now_us), look = check_pipe(t, now_us);
    at = at < look ? at : look;
    timer_set(&t->timer, at < again ? at : again);
}

static void on_datagram(void *ctx, const struct path_ref *from, bool congested,
                        const uint8_t *bytes, size_t len)
{
    struct trunk *t = ctx;
    if (from->kind == PATH_PIPE && t->rejoin)
        rejoin_works(t->rejoin);
    t->refused = 0;
    command_end_datagram(t->end, from, congested, bytes, len, loop_now_us(t->loop));
    trunk_wake(t);
}

static void on_pipe_lost(void *ctx)
{
    struct trunk *t = ctx;
    if (t->rejoin)
        rejoin_ask(t->rejoin);
    trunk_wake(t);
}

static void on_relay(void *ctx, const struct boot_pipe *pipe)
{
    struct trunk *t = ctx;
    if (paths_pipe_open(t->paths, pipe, loop_now_us(t->loop)))
        rejoin_ask(t->rejoin);
    trunk_wake(t);
}

/* A server that is merely stopped comes back; one that nobody knows again and again does not. */
static void on_relay_refused(void *ctx)
{
    struct trunk *t = ctx;
    if (++t->refused >= REFUSED_MOST)
        t->gone = true;
    trunk_wake(t);
}

static void open_paths(struct trunk *t, const struct trunk_config *c)
{
    struct paths_config pc = {.link = command_end_link(t->end),
                              .udp = c->transport != CLIENT_PIPE && c->connect->port,
                              .candidates = c->addrs,
                              .candidate_count = c->addr_count,
                              .log = c->log};
    struct paths_ops ops = {
        .datagram = on_datagram, .pipe_lost = on_pipe_lost, .event = trunk_wake, .ctx = t};
    t->paths = paths_new(t->loop, &pc, &ops);
    if (c->transport == CLIENT_UDP) {
        close(c->pipe->in);
        close(c->pipe->out);
        return;
    }
    struct rejoin_config rc = {.server_command = c->server_command,
                               .session = c->connect->session,
                               .route = c->connect->route,
                               .log = c->log};
    struct rejoin_ops rejoin_ops = {on_relay, on_relay_refused, NULL, t};
    t->rejoin = rejoin_new(t->loop, &rc, &rejoin_ops);
    if (paths_pipe_open(t->paths, c->pipe, loop_now_us(t->loop)))
        rejoin_ask(t->rejoin);
}

struct trunk *trunk_new(struct loop *l, const struct trunk_config *c)
{
    struct trunk *t = mem_new(1, sizeof *t);
    *t = (struct trunk){.loop = l,
                        .log = c->log,
                        .over = c->over,
                        .ctx = c->ctx,
                        .outage = {.limit_us = c->outage_us}};
    later_init(&t->later, l, turn, t);
    timer_init(&t->timer, l, turn, t);
    t->end = command_end_new(&(struct command_end_config){
        .connect = c->connect,
        .entropy = c->entropy,
        .log = c->log,
        .chans = c->chans,
        .chans_ctx = c->chans_ctx,
        .now_us = loop_now_us(l),
    });
    open_paths(t, c);
    trunk_wake(t);
    return t;
}

void trunk_free(struct trunk *t)
{
    if (!t)
        return;
    later_clear(&t->later);
    timer_clear(&t->timer);
    rejoin_free(t->rejoin);
    paths_free(t->paths);
    command_end_free(t->end);
    later_clear(&t->later);
    free(t);
}

struct chans *trunk_chans(struct trunk *t)
{
    return command_end_chans(t->end);
}

const struct link *trunk_link(const struct trunk *t)
{
    return command_end_link(t->end);
}

void trunk_leave(struct trunk *t)
{
    t->leaving = true;
    command_end_leave(t->end, loop_now_us(t->loop));
    trunk_wake(t);
}

void trunk_tell(const struct trunk *t, struct buf *out)
{
    const struct link *link = command_end_link(t->end);
    uint64_t now_us = loop_now_us(t->loop), silent = link_silent_since_us(link);
    char path[PATH_TEXT];
    link_path_text(link, path);
    buf_printf(out, "path %s\r\n", path);
    buf_printf(out, "round trip %u.%01u ms\r\n", (unsigned)(link_srtt_us(link) / 1000),
               (unsigned)(link_srtt_us(link) / 100 % 10));
    if (link_quiet(link, now_us) && silent)
        buf_printf(out, "state nothing came for %u s, waiting for the network\r\n",
                   (unsigned)((now_us - silent) / 1000000));
    else
        buf_put_text(out, "state connected\r\n");
}
