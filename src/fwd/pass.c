#include "fwd/pass.h"

#include "base/mem.h"
#include "fwd/proof.h"
#include "io/sockaddr.h"
#include "io/sockdir.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A listener at an address that nobody guesses. */
struct gate {
    int fd; /* -1: none */
    struct watch *watch;
    struct addr at;
};

struct passes {
    struct loop *loop;
    struct entropy entropy;
    const struct log *log;
    char text[PASS_KINDS][PASS_TEXT]; /* "": never opened */
    struct gate tcp, listen;
    struct proofs proofs;
    struct sockdir dir;
    struct listener *listener;
    char path[PASS_PATH];
    struct timer timer;
};

static void tell(const struct passes *p, enum pass_kind kind, int fd)
{
    char line[sizeof PASS_MARK + PASS_TEXT + sizeof PASS_ANY];
    int n = snprintf(line, sizeof line, PASS_MARK "%s%s\n", p->text[kind],
                     kind == PASS_LISTEN_ANY ? PASS_ANY : "");
    if (send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
        log_line(p->log, LOG_WARN, "forward", "a pass was not told");
    mem_wipe(line, sizeof line);
    shutdown(fd, SHUT_WR);
    close(fd);
}

static void gate_close(struct gate *g)
{
    watch_free(g->watch);
    g->watch = NULL;
    if (g->fd >= 0)
        close(g->fd);
    g->fd = -1;
}

static void close_all(struct passes *p)
{
    gate_close(&p->tcp);
    gate_close(&p->listen);
    listener_free(p->listener);
    p->listener = NULL;
}

static void on_timeout(void *ctx)
{
    close_all(ctx);
}

static void make_text(struct passes *p, enum pass_kind kind)
{
    uint8_t random[PASS_RANDOM];
    if (p->text[kind][0])
        return;
    p->entropy.fill(p->entropy.ctx, random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(p->text[kind] + 2 * i, 3, "%02x", random[i]);
    mem_wipe(random, sizeof random);
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static void on_tcp(void *ctx, int events)
{
    struct passes *p = ctx;
    (void)events;
    int fd = accept4(p->tcp.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        tell(p, PASS_TCP, fd);
}

static void on_listen(void *ctx, int events)
{
    struct passes *p = ctx;
    (void)events;
    int fd = accept4(p->listen.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        proofs_take(&p->proofs, fd);
}

static void on_proven(void *ctx, int fd, bool any)
{
    tell(ctx, any ? PASS_LISTEN_ANY : PASS_LISTEN, fd);
}

/* 127.1.0.1 to 127.254.255.254, never what people use. */
static void random_address(struct passes *p, struct addr *a)
{
    uint8_t r[3];
    p->entropy.fill(p->entropy.ctx, r, sizeof r);
    *a = (struct addr){.family = ADDR_V4,
                       .ip = {127, (uint8_t)(1 + r[0] % 254), r[1], (uint8_t)(1 + r[2] % 254)}};
}

static void gate_open(struct passes *p, struct gate *g, void (*ready)(void *ctx, int events))
{
    struct sockaddr_storage ss;
    if (g->fd >= 0)
        return;
    random_address(p, &g->at);
    socklen_t len = sockaddr_put(&g->at, ADDR_V4, &ss);
    g->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (g->fd < 0)
        return;
    if (!bind(g->fd, (struct sockaddr *)&ss, len) && !listen(g->fd, 16) &&
        !getsockname(g->fd, (struct sockaddr *)&ss, &len) && !sockaddr_get(&ss, &g->at) &&
        !watch_new(p->loop, g->fd, ready, p, &g->watch)) {
        watch_set(g->watch, WATCH_IN);
        return;
    }
    log_line(p->log, LOG_WARN, "forward", "no listener for passes on 127.0.0.0/8");
    close(g->fd);
    g->fd = -1;
}

/* ---- unix sockets ---------------------------------------------------------------------------- */

static void on_unix(void *ctx, int fd)
{
    tell(ctx, PASS_UNIX, fd);
}

static void open_unix(struct passes *p)
{
    char name[SOCKDIR_NAME], why[SOCKDIR_ERROR];
    snprintf(name, sizeof name, "p-%d", (int)getpid());
    if (sockdir_open(&p->dir, why) ||
        listener_new(p->loop, &p->dir, name, on_unix, p, &p->listener)) {
        log_line(p->log, LOG_WARN, "forward", "no unix socket for passes");
        p->listener = NULL;
        return;
    }
    snprintf(p->path, sizeof p->path, "%s/%s", p->dir.path, name);
}

/* ---- the whole ------------------------------------------------------------------------------- */

struct passes *passes_new(struct loop *l, const struct entropy *e, const struct log *log)
{
    struct passes *p = mem_new(1, sizeof *p);
    *p = (struct passes){
        .loop = l, .entropy = *e, .log = log, .tcp = {.fd = -1}, .listen = {.fd = -1}};
    proofs_init(&p->proofs, l, on_proven, p);
    timer_init(&p->timer, l, on_timeout, p);
    return p;
}

void passes_free(struct passes *p)
{
    if (!p)
        return;
    timer_clear(&p->timer);
    close_all(p);
    proofs_fini(&p->proofs);
    mem_wipe(p->text, sizeof p->text);
    free(p);
}

void passes_open(struct passes *p, unsigned kinds, struct passes_told *out)
{
    *out = (struct passes_told){0};
    for (int i = 0; i < PASS_KINDS; i++)
        if (kinds & 1u << i)
            make_text(p, (enum pass_kind)i);
    if (kinds & 1u << PASS_TCP) {
        gate_open(p, &p->tcp, on_tcp);
        if (p->tcp.fd >= 0)
            out->tcp = p->tcp.at;
    }
    if (kinds & 1u << PASS_LISTEN) {
        make_text(p, PASS_LISTEN_ANY);
        gate_open(p, &p->listen, on_listen);
        if (p->listen.fd >= 0)
            out->listen = p->listen.at;
    }
    if (kinds & 1u << PASS_UNIX) {
        if (!p->listener)
            open_unix(p);
        if (p->listener)
            memcpy(out->path, p->path, sizeof p->path);
    }
    timer_set(&p->timer, loop_now_us(p->loop) + PASS_OPEN_US);
}

const char *passes_text(struct passes *p, enum pass_kind kind)
{
    make_text(p, kind);
    return p->text[kind];
}

bool passes_made(const struct passes *p, enum pass_kind kind)
{
    return p->text[kind][0] != 0;
}

/* Whatever it is compared with takes as long. */
bool passes_hold(const struct passes *p, enum pass_kind kind, const char *text, size_t len)
{
    unsigned differ = 0;
    if (!p->text[kind][0] || len != PASS_TEXT - 1)
        return false;
    for (size_t i = 0; i < len; i++)
        differ |= (unsigned)(text[i] ^ p->text[kind][i]);
    return !differ;
}

bool pass_read(const char *text, char out[static PASS_TEXT], bool *any)
{
    const char *at = strstr(text, PASS_MARK);
    if (!at)
        return false;
    at += strlen(PASS_MARK);
    if (strspn(at, "0123456789abcdef") != PASS_TEXT - 1)
        return false;
    memcpy(out, at, PASS_TEXT - 1);
    out[PASS_TEXT - 1] = 0;
    if (any)
        *any = !strncmp(at + PASS_TEXT - 1, PASS_ANY "\n", strlen(PASS_ANY) + 1);
    return true;
}
