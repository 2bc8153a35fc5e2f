#include "client/paths.h"

#include "base/mem.h"
#include "io/pipe.h"
#include "io/routes.h"
#include "io/udp.h"
#include "link/frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes that a login may print before the mark. */
#define NOISE_MAX (1u << 20)
/* More than the link ever leaves in a pipe; what does not fit is lost, as a datagram may be. */
#define PIPE_QUEUE (2u << 20)

struct paths {
    struct loop *loop;
    struct link *link;
    struct paths_ops ops;
    const struct log *log;
    bool udp;
    struct addr candidates[LINK_CANDIDATES];
    size_t candidate_count;
    struct udp *sockets[PATHS_SOCKETS];
    uint32_t next_sock; /* sockets and pipes are numbered together */
    struct routes *routes;
    bool no_route;

    struct pipe *pipe;
    uint32_t pipe_sock; /* 0 = none */
    uint64_t pipe_since_us;
    bool breaking; /* freed soon, through `broken` */
    struct frame_reader frames;
    char mark[PATHS_MARK]; /* "" once it was seen: the pipe is a path from then on */
    char line[PATHS_MARK]; /* the end of the line that is being read before */
    size_t line_len, noise;
    struct later broken; /* the pipe is freed outside its own calls */
};

/* ---- UDP ------------------------------------------------------------------------------------- */

static void on_datagram(void *ctx, struct udp *u, const struct udp_datagram *d)
{
    struct paths *p = ctx;
    if (d->oversize)
        return;
    struct path_ref from = {.kind = PATH_UDP, .sock = udp_id(u), .remote = d->from};
    p->ops.datagram(p->ops.ctx, &from, d->ecn == 3, d->bytes, d->len);
}

static void on_writable(void *ctx, struct udp *u)
{
    struct paths *p = ctx;
    link_socket_full(p->link, udp_id(u), false);
    p->ops.event(p->ops.ctx);
}

static void open_socket(struct paths *p, uint8_t family, uint64_t now_us)
{
    struct udp **slot = NULL;
    for (size_t i = 0; i < PATHS_SOCKETS && !slot; i++)
        if (!p->sockets[i])
            slot = &p->sockets[i];
    struct udp_config c = {.family = family,
                           .discover = true,
                           .recv = on_datagram,
                           .writable = on_writable,
                           .ctx = p,
                           .id = p->next_sock};
    if (!p->udp || !slot || udp_new(p->loop, &c, slot)) {
        if (p->udp)
            log_line(p->log, LOG_INFO, "client", "no UDP socket for IPv%u: %s", family,
                     slot ? strerror(errno) : "too many");
        link_socket_failed(p->link, family, now_us);
        return;
    }
    log_line(p->log, LOG_DEBUG, "client", "UDP socket %u for IPv%u", p->next_sock, family);
    link_socket_open(p->link, p->next_sock++, family, now_us);
}

static struct udp **find_socket(struct paths *p, uint32_t sock)
{
    for (size_t i = 0; i < PATHS_SOCKETS; i++)
        if (p->sockets[i] && udp_id(p->sockets[i]) == sock)
            return &p->sockets[i];
    return NULL;
}

static void close_socket(struct paths *p, uint32_t sock)
{
    struct udp **u = find_socket(p, sock);
    if (!u)
        return;
    udp_free(*u);
    *u = NULL;
    log_line(p->log, LOG_DEBUG, "client", "UDP socket %u closed", sock);
}

void paths_serve(struct paths *p, uint64_t now_us)
{
    struct link_request want;
    /* Refusals and openings may lead to further wishes, but not without end. */
    for (int i = 0; i < 4 * PATHS_SOCKETS; i++) {
        switch (link_wants(p->link, now_us, &want)) {
        case LINK_WANT_NONE:
            return;
        case LINK_WANT_SOCKET:
            open_socket(p, want.family, now_us);
            break;
        case LINK_WANT_CLOSE:
            close_socket(p, want.sock);
            break;
        }
    }
}

/* ---- routes ---------------------------------------------------------------------------------- */

static bool routed(const struct paths *p)
{
    for (size_t i = 0; i < p->candidate_count; i++)
        if (!route_to(&p->candidates[i], NULL))
            return true;
    return false;
}

static void on_route(void *ctx, enum route_event e)
{
    struct paths *p = ctx;
    uint64_t now_us = loop_now_us(p->loop);
    bool none = !routed(p);
    log_line(p->log, LOG_INFO, "client", "%s, %s",
             e == ROUTE_RESUMED ? "woke up" : "network changed",
             none ? "no route" : "there is a route");
    if (none != p->no_route)
        link_no_route(p->link, none, now_us); /* its return counts as an event */
    else if (!none)
        link_network_event(p->link, now_us);
    p->no_route = none;
    p->ops.event(p->ops.ctx);
}

void paths_woken(struct paths *p, uint64_t now_us)
{
    if (p->udp && !p->no_route)
        link_network_event(p->link, now_us);
}

/* ---- the pipe -------------------------------------------------------------------------------- */

static void pipe_broke(struct paths *p, const char *why)
{
    if (!p->pipe || p->breaking)
        return;
    log_line(p->log, LOG_INFO, "client", "pipe %u closed: %s", p->pipe_sock, why);
    if (p->pipe_sock)
        link_pipe_closed(p->link, p->pipe_sock, loop_now_us(p->loop));
    p->pipe_sock = 0;
    p->breaking = true;
    later_set(&p->broken);
}

static void on_broken(void *ctx)
{
    struct paths *p = ctx;
    pipe_free(p->pipe);
    p->pipe = NULL;
    p->breaking = false;
    p->ops.pipe_lost(p->ops.ctx);
}

static void pipe_up(struct paths *p)
{
    p->mark[0] = 0;
    p->pipe_sock = p->next_sock++;
    p->pipe_since_us = loop_now_us(p->loop);
    link_pipe_open(p->link, p->pipe_sock, p->pipe_since_us);
    log_line(p->log, LOG_INFO, "client", "pipe %u open", p->pipe_sock);
}

/* Take bytes up to the line of the mark; what a login prints before it is nobody's. */
static void seek_mark(struct paths *p, const uint8_t **bytes, size_t *len)
{
    size_t mark = strlen(p->mark);
    while (*len && p->mark[0]) {
        char c = (char)*(*bytes)++;
        (*len)--;
        if (c == '\n') {
            if (p->line_len >= mark && !memcmp(p->line + p->line_len - mark, p->mark, mark))
                pipe_up(p);
            p->line_len = 0;
            continue;
        }
        if (p->line_len == sizeof p->line)
            memmove(p->line, p->line + 1, --p->line_len);
        p->line[p->line_len++] = c;
        if (++p->noise > NOISE_MAX)
            pipe_broke(p, "too much noise");
    }
}

static void on_pipe_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct paths *p = ctx;
    const uint8_t *dgram;
    size_t dgram_len;
    int got;
    if (p->mark[0]) {
        seek_mark(p, &bytes, &len);
        if (!p->mark[0])
            p->ops.event(p->ops.ctx);
    }
    while (p->pipe_sock && (got = frame_read(&p->frames, &bytes, &len, &dgram, &dgram_len)) != 0) {
        if (got < 0) {
            pipe_broke(p, "out of step");
            return;
        }
        struct path_ref from = {.kind = PATH_PIPE, .sock = p->pipe_sock};
        p->ops.datagram(p->ops.ctx, &from, false, dgram, dgram_len);
    }
}

static void on_pipe_eof(void *ctx)
{
    pipe_broke(ctx, "end of file");
}

static void on_pipe_failed(void *ctx, int sys_errno)
{
    pipe_broke(ctx, strerror(sys_errno));
}

int paths_pipe_open(struct paths *p, const struct boot_pipe *pipe, uint64_t now_us)
{
    (void)now_us;
    struct pipe_ops ops = {
        .data = on_pipe_data, .eof = on_pipe_eof, .failed = on_pipe_failed, .ctx = p};
    BUG_ON(p->pipe);
    int err = pipe_new(p->loop, pipe->out, pipe->in, PIPE_OWN, PIPE_QUEUE, &ops, &p->pipe);
    if (err) {
        close(pipe->in);
        close(pipe->out);
        p->pipe = NULL;
        return err;
    }
    memset(&p->frames, 0, sizeof p->frames);
    p->line_len = p->noise = 0;
    p->mark[0] = 0;
    if (pipe->mark)
        snprintf(p->mark, sizeof p->mark, "%s", pipe->mark);
    else
        pipe_up(p);
    on_pipe_data(p, pipe->rest, pipe->rest_len);
    return 0;
}

void paths_pipe_drop(struct paths *p, const char *why)
{
    pipe_broke(p, why);
}

uint64_t paths_pipe_since(const struct paths *p)
{
    return p->pipe_sock ? p->pipe_since_us : 0;
}

/* ---- both ------------------------------------------------------------------------------------ */

static void send_frame(struct paths *p, const uint8_t *bytes, size_t len)
{
    uint8_t frame[FRAME_HEAD + FRAME_MAX];
    if (len == 0 || len > FRAME_MAX)
        return;
    frame_head(frame, len);
    memcpy(frame + FRAME_HEAD, bytes, len);
    if (!pipe_write_all(p->pipe, frame, FRAME_HEAD + len))
        log_line(p->log, LOG_DEBUG, "client", "pipe is full: datagram lost");
}

static void send_pipe(struct paths *p, const struct link_datagram *d)
{
    size_t segment = d->segment ? d->segment : d->len;
    if (!p->pipe_sock || d->to.sock != p->pipe_sock)
        return;
    for (size_t at = 0; at < d->len; at += segment)
        send_frame(p, d->data + at, d->len - at < segment ? d->len - at : segment);
}

void paths_send(struct paths *p, const struct link_datagram *d, uint64_t now_us)
{
    (void)now_us;
    if (d->to.kind == PATH_PIPE) {
        send_pipe(p, d);
        return;
    }
    struct udp **u = find_socket(p, d->to.sock);
    if (!u)
        return;
    int err = d->segment ? udp_send_row(*u, &d->to.remote, d->data, d->len, d->segment)
                         : udp_send(*u, &d->to.remote, d->data, d->len);
    if (udp_full(*u))
        link_socket_full(p->link, d->to.sock, true);
    if (err == ERR_CAP)
        link_too_big(p->link, &d->to, d->segment ? d->segment : d->len);
    else if (err == ERR_SYS)
        log_line(p->log, LOG_DEBUG, "client", "sending failed: %s", strerror(errno));
}

struct paths *paths_new(struct loop *l, const struct paths_config *c, const struct paths_ops *ops)
{
    struct paths *p = mem_new(1, sizeof *p);
    uint64_t now_us = loop_now_us(l);
    p->loop = l;
    p->link = c->link;
    p->ops = *ops;
    p->log = c->log;
    p->udp = c->udp && c->candidate_count;
    p->next_sock = 1;
    later_init(&p->broken, l, on_broken, p);
    if (!p->udp)
        return p;
    for (size_t i = 0; i < c->candidate_count && i < LINK_CANDIDATES; i++) {
        char text[ADDR_TEXT];
        addr_format(&c->candidates[i], text);
        log_line(p->log, LOG_INFO, "client", "candidate %s", text);
        p->candidates[p->candidate_count++] = c->candidates[i];
        link_add_candidate(p->link, &c->candidates[i], now_us);
    }
    if (routes_new(l, on_route, p, &p->routes))
        p->routes = NULL; /* then only the link's own probes find out */
    if ((p->no_route = !routed(p)))
        link_no_route(p->link, true, now_us);
    return p;
}

void paths_free(struct paths *p)
{
    if (!p)
        return;
    later_clear(&p->broken);
    routes_free(p->routes);
    for (size_t i = 0; i < PATHS_SOCKETS; i++)
        if (p->sockets[i])
            udp_free(p->sockets[i]);
    pipe_free(p->pipe);
    free(p);
}
