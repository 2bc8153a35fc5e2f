#include "io/udp.h"

#include "base/mem.h"
#include "io/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ECN_ECT0 2

struct udp {
    struct loop *loop;
    struct watch *watch;
    struct udp_config config;
    int fd;
    bool busy; /* within recv: freeing waits */
    bool dead;
};

static void set_options(int fd, const struct udp_config *c)
{
    int on = 1, ect = ECN_ECT0;
    /* None of these is vital: a kernel that refuses one only loses what it brings. */
    if (c->family == ADDR_V4) {
        int pmtu = c->discover ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &pmtu, sizeof pmtu);
        setsockopt(fd, IPPROTO_IP, IP_TOS, &ect, sizeof ect);
        setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
    } else {
        int pmtu = c->discover ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT;
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &pmtu, sizeof pmtu);
        setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &ect, sizeof ect);
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof on);
    }
}

static int bind_port(int fd, const struct udp_config *c, uint16_t port)
{
    struct addr a = c->bind;
    struct sockaddr_storage ss;
    if (a.family == ADDR_NONE)
        a = (struct addr){.family = c->family};
    a.port = port;
    socklen_t len = sockaddr_put(&a, c->family, &ss);
    if (!len) {
        errno = EAFNOSUPPORT;
        return ERR_SYS;
    }
    return bind(fd, (struct sockaddr *)&ss, len) ? ERR_SYS : ERR_OK;
}

static int bind_range(int fd, const struct udp_config *c)
{
    for (uint32_t port = c->lo; port <= c->hi; port++) {
        if (bind_port(fd, c, (uint16_t)port) == ERR_OK)
            return ERR_OK;
        if (errno != EADDRINUSE && errno != EACCES)
            return ERR_SYS;
    }
    errno = EADDRINUSE;
    return ERR_SYS;
}

static uint8_t read_ecn(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
            return *(const uint8_t *)CMSG_DATA(c) & 3;
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
            int v;
            memcpy(&v, CMSG_DATA(c), sizeof v);
            return v & 3;
        }
    }
    return 0;
}

/* One datagram; false when there is none. */
static bool recv_one(struct udp *u)
{
    uint8_t bytes[UDP_DATAGRAM_MAX + 1];
    union {
        struct cmsghdr align;
        uint8_t room[CMSG_SPACE(sizeof(int)) * 2];
    } control;
    struct sockaddr_storage from;
    struct iovec iov = {bytes, sizeof bytes};
    struct msghdr m = {.msg_name = &from,
                       .msg_namelen = sizeof from,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    ssize_t n = recvmsg(u->fd, &m, MSG_DONTWAIT);
    if (n < 0)
        return errno != EAGAIN && errno != EWOULDBLOCK; /* an ICMP error was reported: go on */
    struct udp_datagram d = {.bytes = bytes, .len = (size_t)n, .ecn = read_ecn(&m)};
    if (d.len > UDP_DATAGRAM_MAX || (m.msg_flags & MSG_TRUNC)) {
        d.len = UDP_DATAGRAM_MAX;
        d.oversize = true;
    }
    if (sockaddr_get(&from, &d.from) == ERR_OK)
        u->config.recv(u->config.ctx, u, &d);
    return true;
}

static void on_readable(void *ctx, int events)
{
    struct udp *u = ctx;
    u->busy = true;
    for (int i = 0; i < UDP_TURN && !u->dead && recv_one(u); i++)
        ;
    u->busy = false;
    if (u->dead)
        free(u);
}

int udp_new(struct loop *l, const struct udp_config *c, struct udp **out)
{
    int fd = socket(c->family == ADDR_V4 ? AF_INET : AF_INET6,
                    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_SYS;
    set_options(fd, c);
    struct udp *u = mem_new(1, sizeof *u);
    *u = (struct udp){.loop = l, .config = *c, .fd = fd};
    if (bind_range(fd, c) || watch_new(l, fd, on_readable, u, &u->watch)) {
        int e = errno;
        close(fd);
        free(u);
        errno = e;
        return ERR_SYS;
    }
    watch_set(u->watch, WATCH_IN);
    *out = u;
    return ERR_OK;
}

void udp_free(struct udp *u)
{
    if (!u)
        return;
    watch_free(u->watch);
    close(u->fd);
    u->dead = true;
    if (!u->busy)
        free(u);
}

/* Does the host lack that family (or the wished address)? */
static bool family_missing(int e)
{
    return e == EAFNOSUPPORT || e == EADDRNOTAVAIL || e == EPROTONOSUPPORT;
}

static bool has_family(const struct udp_config *c, uint8_t family)
{
    return c->bind.family == ADDR_NONE || c->bind.family == family;
}

/* Both on one port, lo = hi = port or 0. */
static int new_pair_at(struct loop *l, const struct udp_config *c, uint16_t port, struct udp **v4,
                       struct udp **v6)
{
    struct udp_config c4 = *c, c6 = *c;
    *v4 = *v6 = NULL;
    c4.family = ADDR_V4;
    c6.family = ADDR_V6;
    c6.id = c->id + 1;
    c4.lo = c4.hi = port;
    if (has_family(c, ADDR_V4) && udp_new(l, &c4, v4) && !family_missing(errno))
        return ERR_SYS;
    c6.lo = c6.hi = *v4 ? udp_local(*v4).port : port;
    if (has_family(c, ADDR_V6) && udp_new(l, &c6, v6) && !(family_missing(errno) && *v4)) {
        int e = errno;
        udp_free(*v4);
        *v4 = NULL;
        errno = e;
        return ERR_SYS;
    }
    if (*v4 || *v6)
        return ERR_OK;
    errno = EAFNOSUPPORT;
    return ERR_SYS;
}

int udp_new_pair(struct loop *l, const struct udp_config *c, struct udp **v4, struct udp **v6)
{
    /* The kernel's choice for v4 may be taken on v6: a few tries. */
    uint32_t lo = c->hi ? c->lo : 0, hi = c->hi ? c->hi : 15;
    for (uint32_t i = lo; i <= hi; i++) {
        if (new_pair_at(l, c, c->hi ? (uint16_t)i : 0, v4, v6) == ERR_OK)
            return ERR_OK;
        if (errno != EADDRINUSE && errno != EACCES)
            return ERR_SYS;
    }
    errno = EADDRINUSE;
    return ERR_SYS;
}

int udp_send(struct udp *u, const struct addr *to, const void *bytes, size_t len)
{
    struct sockaddr_storage ss;
    socklen_t slen = sockaddr_put(to, u->config.family, &ss);
    if (!slen || (u->config.family == ADDR_V6 && to->family == ADDR_V4))
        return ERR_STATE;
    if (sendto(u->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&ss, slen) >= 0)
        return ERR_OK;
    if (errno == EMSGSIZE)
        return ERR_CAP;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM)
        return ERR_STATE;
    return ERR_SYS;
}

struct addr udp_local(const struct udp *u)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    struct addr a = {0};
    if (getsockname(u->fd, (struct sockaddr *)&ss, &len) || sockaddr_get(&ss, &a))
        return (struct addr){0};
    return a;
}

uint8_t udp_family(const struct udp *u)
{
    return u->config.family;
}

uint32_t udp_id(const struct udp *u)
{
    return u->config.id;
}
