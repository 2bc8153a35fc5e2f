#include "fwd/listen.h"

#include "base/mem.h"
#include "io/dgram.h"
#include "io/sockaddr.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128
/* Without a descriptor for a connection it is tried again then. */
#define PAUSE_US 1000000u

struct socket {
    struct listen *set;
    int fd;
    struct watch *watch;
};

struct listen {
    struct loop *loop;
    struct listen_config config;
    struct socket sock[LISTEN_SOCKETS];
    size_t count;
    char path[SPEC_PATH]; /* "": ports */
    dev_t dev;
    ino_t ino;
    struct timer pause;
    bool paused; /* by listen_pause */
};

static void PRINTF_LIKE(2, 3) add_line(char *why, const char *fmt, ...)
{
    size_t len = strlen(why);
    va_list ap;
    if (len + 2 > LISTEN_ERROR)
        return;
    if (len)
        why[len++] = '\n';
    va_start(ap, fmt);
    vsnprintf(why + len, LISTEN_ERROR - len, fmt, ap);
    va_end(ap);
}

/* ---- binding --------------------------------------------------------------------------------- */

static int bind_port(struct listen *s, const struct sockaddr *a, socklen_t len, char *why)
{
    int on = 1, fd;
    char host[NI_MAXHOST] = "?";
    if (s->count == LISTEN_SOCKETS)
        return ERR_CAP;
    bool udp = s->config.datagrams != NULL;
    fd = udp ? dgram_socket(a->sa_family)
             : socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_SYS; /* a family that this machine has not */
    if (!udp)           /* there it would share the port with whoever has it */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    /* Two sockets may be bound to one port; the one that listens has it. */
    if (bind(fd, a, len) || (!udp && listen(fd, BACKLOG))) {
        int e = errno;
        getnameinfo(a, len, host, sizeof host, NULL, 0, NI_NUMERICHOST);
        add_line(why, "bind [%.64s]:%u: %s", host, s->config.at->port, strerror(e));
        close(fd);
        return e == EADDRINUSE && s->config.whole ? ERR_STATE : ERR_SYS;
    }
    s->sock[s->count++] = (struct socket){.set = s, .fd = fd};
    return ERR_OK;
}

/* NULL: the loopback addresses. */
static const char *host_of(const struct listen_config *c, int *flags)
{
    const struct spec_end *at = c->at;
    bool all = at->named ? !at->host[0] || !strcmp(at->host, "*") : c->gateway;
    *flags = all ? AI_PASSIVE : 0;
    return all || !at->named || !strcmp(at->host, "localhost") ? NULL : at->host;
}

static void set_port(struct sockaddr *a, uint16_t port)
{
    if (a->sa_family == AF_INET)
        ((struct sockaddr_in *)(void *)a)->sin_port = htons(port);
    else if (a->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)a)->sin6_port = htons(port);
}

uint16_t listen_port(const struct listen *s)
{
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss;
    struct addr a;
    if (!s->count || s->path[0] || getsockname(s->sock[0].fd, (struct sockaddr *)&ss, &len) ||
        sockaddr_get(&ss, &a))
        return s->config.at->port;
    return a.port;
}

static int open_ports(struct listen *s, char *why)
{
    const struct listen_config *c = &s->config;
    char port[8];
    int flags;
    const char *host = host_of(c, &flags);
    struct addrinfo hints = {.ai_flags = flags | AI_NUMERICSERV,
                             .ai_family = c->family == ADDR_V4   ? AF_INET
                                          : c->family == ADDR_V6 ? AF_INET6
                                                                 : AF_UNSPEC,
                             .ai_socktype = c->datagrams ? SOCK_DGRAM : SOCK_STREAM};
    struct addrinfo *all = NULL;
    bool taken = false;
    snprintf(port, sizeof port, "%u", c->at->port);
    int err = getaddrinfo(host, port, &hints, &all);
    if (err) {
        add_line(why, "cannot listen on %.200s: %s", host ? host : "this machine",
                 gai_strerror(err));
        return ERR_STATE;
    }
    for (struct addrinfo *i = all; i; i = i->ai_next) {
        set_port(i->ai_addr, listen_port(s)); /* port 0: what the first one got is for all */
        taken |= bind_port(s, i->ai_addr, i->ai_addrlen, why) == ERR_STATE;
    }
    freeaddrinfo(all);
    if (taken)
        return ERR_STATE;
    if (!s->count)
        add_line(why, "cannot listen to port: %u", c->at->port);
    return s->count ? ERR_OK : ERR_STATE;
}

static int open_unix(struct listen *s, char *why)
{
    const struct listen_config *c = &s->config;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", c->at->path);
    if (c->unlink && !lstat(a.sun_path, &st))
        unlink(a.sun_path);
    mode_t old = umask(c->mask);
    int bad = fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a);
    int e = errno;
    umask(old);
    if (!bad && (stat(a.sun_path, &st) || listen(fd, BACKLOG))) {
        bad = 1;
        e = errno;
    }
    if (bad) {
        add_line(why, "cannot bind to path %s: %s", a.sun_path, strerror(e));
        if (fd >= 0)
            close(fd);
        return ERR_STATE;
    }
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    snprintf(s->path, sizeof s->path, "%s", a.sun_path);
    s->sock[s->count++] = (struct socket){.set = s, .fd = fd};
    return ERR_OK;
}

/* ---- taking connections ---------------------------------------------------------------------- */

static void watch_all(struct listen *s, bool on)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->sock[i].watch)
            watch_set(s->sock[i].watch, on ? WATCH_IN : 0);
}

static void on_pause_over(void *ctx)
{
    struct listen *s = ctx;
    watch_all(s, !s->paused);
}

void listen_pause(struct listen *s, bool pause)
{
    s->paused = pause;
    watch_all(s, !pause);
}

static void on_connection(void *ctx, int events)
{
    struct socket *k = ctx;
    struct listen *s = k->set;
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss;
    struct addr from = {0};
    int on = 1;
    (void)events;
    if (s->config.datagrams) {
        s->config.datagrams(s->config.ctx, k->fd);
        return;
    }
    int fd = accept4(k->fd, (struct sockaddr *)&ss, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
        watch_all(s, false);
        timer_set(&s->pause, loop_now_us(s->loop) + PAUSE_US);
    }
    if (fd < 0)
        return;
    if (ss.ss_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (ss.ss_family == AF_UNIX || sockaddr_get(&ss, &from))
        from = (struct addr){0};
    s->config.accepted(s->config.ctx, fd, &from);
}

/* ---- life ------------------------------------------------------------------------------------ */

int listen_new(struct loop *l, const struct listen_config *c, char why[static LISTEN_ERROR],
               struct listen **out)
{
    struct listen *s = mem_new(1, sizeof *s);
    *s = (struct listen){.loop = l, .config = *c};
    timer_init(&s->pause, l, on_pause_over, s);
    why[0] = 0;
    int err = c->at->path[0] ? open_unix(s, why) : open_ports(s, why);
    if (err) {
        listen_free(s);
        return err;
    }
    *out = s;
    return ERR_OK;
}

int listen_start(struct listen *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct socket *k = &s->sock[i];
        if (watch_new(s->loop, k->fd, on_connection, k, &k->watch))
            return ERR_SYS;
        watch_set(k->watch, WATCH_IN);
    }
    return ERR_OK;
}

void listen_free(struct listen *s)
{
    struct stat st;
    if (!s)
        return;
    timer_clear(&s->pause);
    for (size_t i = 0; i < s->count; i++) {
        watch_free(s->sock[i].watch);
        close(s->sock[i].fd);
    }
    if (s->path[0] && !lstat(s->path, &st) && st.st_dev == s->dev && st.st_ino == s->ino)
        unlink(s->path);
    free(s);
}
