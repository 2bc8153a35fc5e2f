#include "fwd/dial.h"

#include "base/mem.h"
#include "io/resolve.h"
#include "io/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

struct dial {
    struct loop *loop;
    void (*done)(void *ctx, int fd, const char *why);
    void *ctx;
    struct resolve *resolve; /* NULL: done, or not needed */
    struct addr addrs[RESOLVE_MAX];
    size_t count, next;
    int fd; /* being connected; -1: none */
    struct watch *watch;
    struct later later;
    char why[128];
};

static void finish(struct dial *d, int fd)
{
    void (*done)(void *ctx, int fd, const char *why) = d->done;
    void *ctx = d->ctx;
    char why[sizeof d->why];
    snprintf(why, sizeof why, "%s", d->why);
    dial_free(d);
    done(ctx, fd, fd < 0 ? why : NULL);
}

static void let_go(struct dial *d)
{
    watch_free(d->watch);
    d->watch = NULL;
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
}

static void fail(struct dial *d, int e)
{
    snprintf(d->why, sizeof d->why, "%s", strerror(e));
    let_go(d);
}

/* Connected: the descriptor is the caller's. */
static void succeed(struct dial *d)
{
    int fd = d->fd, on = 1;
    d->fd = -1;
    watch_free(d->watch);
    d->watch = NULL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* a unix socket has none */
    finish(d, fd);
}

static void next(struct dial *d);

static void on_ready(void *ctx, int events)
{
    struct dial *d = ctx;
    int e = 0;
    socklen_t len = sizeof e;
    (void)events;
    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &e, &len))
        e = errno;
    if (!e) {
        succeed(d);
        return;
    }
    fail(d, e);
    next(d);
}

/* True: it is connected, or on its way. */
static bool try(struct dial *d, const struct addr *a)
{
    struct sockaddr_storage ss;
    socklen_t len = sockaddr_put(a, a->family, &ss);
    d->fd = socket(a->family == ADDR_V6 ? AF_INET6 : AF_INET,
                   SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (d->fd < 0 || !len) {
        fail(d, d->fd < 0 ? errno : EAFNOSUPPORT);
        return false;
    }
    if (connect(d->fd, (struct sockaddr *)&ss, len) && errno != EINPROGRESS) {
        fail(d, errno);
        return false;
    }
    if (watch_new(d->loop, d->fd, on_ready, d, &d->watch)) {
        fail(d, errno);
        return false;
    }
    watch_set(d->watch, WATCH_OUT);
    return true;
}

static void next(struct dial *d)
{
    while (d->next < d->count)
        if (try(d, &d->addrs[d->next++]))
            return;
    finish(d, -1);
}

static void on_resolved(void *ctx, const char *why, const struct addr *a, size_t n)
{
    struct dial *d = ctx;
    d->resolve = NULL;
    if (why)
        snprintf(d->why, sizeof d->why, "%s", why);
    memcpy(d->addrs, a, n * sizeof *a);
    d->count = n;
    next(d);
}

static void on_later(void *ctx)
{
    struct dial *d = ctx;
    if (d->fd >= 0)
        succeed(d);
    else
        next(d);
}

/* A unix socket answers at once, or its queue is full. */
static void dial_path(struct dial *d, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) {
        fail(d, ENAMETOOLONG);
        return;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (d->fd < 0 || connect(d->fd, (struct sockaddr *)&a, sizeof a))
        fail(d, errno);
}

struct dial *dial_new(struct loop *l, const struct dial_config *c)
{
    struct dial *d = mem_new(1, sizeof *d);
    *d = (struct dial){.loop = l, .done = c->done, .ctx = c->ctx, .fd = -1};
    later_init(&d->later, l, on_later, d);
    if (!c->host) {
        dial_path(d, c->path);
        later_set(&d->later);
    } else if (!addr_parse(c->host, &d->addrs[0])) {
        d->addrs[0].port = c->port;
        d->count = 1;
        later_set(&d->later);
    } else if (resolve_new(l, c->host, c->port, on_resolved, d, &d->resolve)) {
        snprintf(d->why, sizeof d->why, "no thread to look up the name");
        later_set(&d->later);
    }
    return d;
}

void dial_free(struct dial *d)
{
    if (!d)
        return;
    later_clear(&d->later);
    resolve_free(d->resolve);
    let_go(d);
    free(d);
}
