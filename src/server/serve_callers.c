/* The unix socket: requests of other tern-servers of the same user, and the pipe paths that grow
 * from them. */
#include "base/mem.h"
#include "quic/packet.h"
#include "server/control.h"
#include "server/serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- ways ---- */

static void on_datagram(void *ctx, const uint8_t *bytes, size_t len)
{
    struct way *w = ctx;
    struct path_ref from = {.kind = PATH_PIPE, .sock = w->sock};
    /* A pipe belongs to the link it was opened for; packets of streams tell by their id. */
    if (!quic_packet_is(bytes, len) && link_route(bytes, len) != w->route)
        return;
    server_end_datagram(w->serve->end, &from, false, bytes, len, loop_now_us(w->serve->loop));
    serve_wake(w->serve);
}

static void on_closed(void *ctx)
{
    struct way *w = ctx;
    w->dead = true;
    server_pipe(w->serve->end, w->route, w->sock, false, loop_now_us(w->serve->loop));
    serve_wake(w->serve);
}

struct way *way_new(struct serve *s, int in, int out, int flags, uint16_t route)
{
    if (s->way_count == WAYS_MAX)
        return NULL;
    struct way *w = mem_new(1, sizeof *w);
    w->serve = s;
    w->route = route;
    w->sock = s->next_sock++;
    if (framed_init(&w->framed, s->loop, in, out, flags,
                    &(struct framed_ops){on_datagram, on_closed, w})) {
        free(w);
        return NULL;
    }
    list_add_tail(&s->ways, &w->node);
    s->way_count++;
    server_pipe(s->end, route, w->sock, true, loop_now_us(s->loop));
    return w;
}

struct way *way_of(struct serve *s, uint32_t sock)
{
    LIST_EACH(n, &s->ways)
    {
        struct way *w = LIST_ITEM(n, struct way, node);
        if (w->sock == sock && !w->dead)
            return w;
    }
    return NULL;
}

void ways_sweep(struct serve *s, bool all)
{
    LIST_EACH_SAFE(n, tmp, &s->ways)
    {
        struct way *w = LIST_ITEM(n, struct way, node);
        if (!w->dead && !all)
            continue;
        list_del(&w->node);
        framed_fini(&w->framed);
        s->way_count--;
        free(w);
    }
}

/* ---- requests ---- */

static void answer_ls(struct serve *s, struct control_answer *a)
{
    uint64_t now = loop_now_us(s->loop);
    struct session_info info;
    a->ok = true;
    for (size_t i = 0; a->sessions < SERVER_SESSIONS && server_session_info(s->end, i, now, &info);
         i++) {
        struct control_session *c = &a->session[a->sessions++];
        *c = (struct control_session){
            .cols = info.cols,
            .rows = info.rows,
            .attached = info.attached,
            .links = info.links,
            .exited = info.exited,
            .bare = info.bare,
            .status = info.status,
            .signal = info.signal,
            .age_s = (now - info.started_us) / 1000000,
            .idle_s = info.input_us ? (now - info.input_us) / 1000000 : 0,
            .away_s = info.detached_us ? (now - info.detached_us) / 1000000 : 0,
            .pid = (uint32_t)getpid(),
        };
        memcpy(c->name, info.name, sizeof c->name);
    }
}

static void answer_attach(struct serve *s, const struct control_request *q, uint32_t sid,
                          struct control_answer *a, uint16_t *route)
{
    const struct start_record r = {.history_lines = q->history_lines, .forwards = q->forwards};
    struct connect c;
    if (!connect_nonce_valid(q->nonce) || serve_link(s, sid, &r, &c)) {
        snprintf(a->text, sizeof a->text, "cannot attach to %s", q->session);
        return;
    }
    *route = c.route;
    struct buf line;
    buf_init(&line, sizeof a->line);
    connect_put(&line, q->nonce, &c);
    if (!buf_err(&line)) {
        memcpy(a->line, buf_data(&line), buf_len(&line));
        a->line_len = buf_len(&line);
        a->ok = true;
        mem_wipe(line.mem, line.size);
    }
    buf_fini(&line);
    connect_wipe(&c);
}

static void answer(struct serve *s, const struct control_request *q, struct control_answer *a,
                   uint16_t *route)
{
    uint32_t sid = server_session_find(s->end, q->session);
    *route = 0;
    if (q->verb == CONTROL_LS) {
        answer_ls(s, a);
    } else if (!sid) {
        snprintf(a->text, sizeof a->text, "no session named %s", q->session);
    } else if (q->verb == CONTROL_KILL) {
        server_session_kill(s->end, sid, loop_now_us(s->loop));
        a->ok = true;
    } else if (q->verb == CONTROL_ATTACH && !server_session_bare(s->end, sid)) {
        answer_attach(s, q, sid, a, route);
    } else if (q->verb == CONTROL_ATTACH) {
        snprintf(a->text, sizeof a->text, "%s is a command without a terminal", q->session);
    } else if (q->verb == CONTROL_JOIN && q->route) {
        *route = q->route;
        a->ok = true;
    } else {
        snprintf(a->text, sizeof a->text,
                 "tern-server of another release: it does not know this request");
    }
}

static void caller_answer(struct caller *c, const struct control_request *q)
{
    struct serve *s = c->serve;
    struct control_answer *a = mem_new(1, sizeof *a);
    uint16_t route;
    struct buf out;
    answer(s, q, a, &route);
    buf_init(&out, CONTROL_MAX + 4);
    control_put_answer(&out, a);
    bool sent = !buf_err(&out) && pipe_write_all(c->pipe, buf_data(&out), buf_len(&out)) &&
                pipe_flush(c->pipe, 1000000);
    mem_wipe(a, sizeof *a);
    if (out.mem)
        mem_wipe(out.mem, out.size);
    buf_fini(&out);
    c->dead = true;
    if (sent && route) {
        int fd = c->fd;
        c->fd = -1;
        pipe_free(c->pipe);
        c->pipe = NULL;
        if (!way_new(s, fd, fd, PIPE_OWN, route))
            close(fd);
    }
    free(a);
    serve_wake(s);
}

static void caller_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct caller *c = ctx;
    struct control_request q;
    size_t used;
    if (c->dead)
        return;
    buf_put(&c->in, bytes, len);
    int got = buf_err(&c->in) ? ERR_CAP
                              : control_get_request(buf_data(&c->in), buf_len(&c->in), &q, &used);
    if (got == 1) {
        caller_answer(c, &q);
    } else if (got < 0) {
        c->dead = true;
        serve_wake(c->serve);
    }
}

static void caller_eof(void *ctx)
{
    struct caller *c = ctx;
    c->dead = true;
    serve_wake(c->serve);
}

static void caller_failed(void *ctx, int sys_errno)
{
    (void)sys_errno;
    caller_eof(ctx);
}

static void on_accepted(void *ctx, int fd)
{
    struct serve *s = ctx;
    if (s->caller_count == CALLERS_MAX) {
        close(fd);
        return;
    }
    struct caller *c = mem_new(1, sizeof *c);
    c->serve = s;
    c->fd = fd;
    buf_init(&c->in, CONTROL_MAX + 4);
    struct pipe_ops ops = {
        .data = caller_data, .eof = caller_eof, .failed = caller_failed, .ctx = c};
    if (pipe_new(s->loop, fd, fd, PIPE_KEEP_FILE, CONTROL_MAX + 4, &ops, &c->pipe)) {
        close(fd);
        free(c);
        return;
    }
    list_add_tail(&s->callers, &c->node);
    s->caller_count++;
}

void callers_sweep(struct serve *s, bool all)
{
    LIST_EACH_SAFE(n, tmp, &s->callers)
    {
        struct caller *c = LIST_ITEM(n, struct caller, node);
        if (!c->dead && !all)
            continue;
        list_del(&c->node);
        pipe_free(c->pipe);
        if (c->fd >= 0)
            close(c->fd);
        buf_fini(&c->in);
        s->caller_count--;
        free(c);
    }
}

int callers_listen(struct serve *s, char why[static SOCKDIR_ERROR])
{
    int err = sockdir_open(&s->dir, why);
    if (err)
        return err;
    snprintf(s->socket_name, sizeof s->socket_name, "s-%d", (int)getpid());
    err = listener_new(s->loop, &s->dir, s->socket_name, on_accepted, s, &s->listener);
    if (err)
        snprintf(why, SOCKDIR_ERROR, "cannot listen in %s: %s", s->dir.path, strerror(errno));
    return err;
}
