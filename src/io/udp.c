#include "io/udp.h"

#include "base/mem.h"
#include "io/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ECN_ECT0 2

#define READ_MAX 65536 /* no row from the kernel is longer */
#define PEERS    256   /* remembered: at which address each spoke to us; a power of two */

/* Where a datagram to this peer is to come from. */
struct peer {
    struct addr remote;
    bool known;
    union {
        struct in_pktinfo v4;
        struct in6_pktinfo v6;
    } local;
};

struct udp {
    struct loop *loop;
    struct watch *watch;
    struct udp_config config;
    int fd;
    bool busy; /* within recv: freeing waits */
    bool dead;
    bool no_rows;       /* the kernel refuses UDP_SEGMENT */
    struct peer *peers; /* PEERS of them, or NULL */
    /* A row that waits for room in the kernel. */
    uint8_t *kept; /* UDP_ROW bytes once there was one */
    size_t kept_len, kept_segment;
    struct addr kept_to;
    uint8_t bytes[READ_MAX];
};

static void set_options(int fd, const struct udp_config *c)
{
    int on = 1, ect = ECN_ECT0, room = UDP_BUFFER, answer = c->answer;
    /* None of these is vital: a kernel that refuses one only loses what it brings. */
    if (c->family == ADDR_V4) {
        int pmtu = c->discover ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &pmtu, sizeof pmtu);
        setsockopt(fd, IPPROTO_IP, IP_TOS, &ect, sizeof ect);
        setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &answer, sizeof answer);
    } else {
        int pmtu = c->discover ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT;
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &pmtu, sizeof pmtu);
        setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &ect, sizeof ect);
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof on);
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &answer, sizeof answer);
    }
    setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
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

/* ---- which of our addresses each peer spoke to ---- */

static struct peer *peer_at(struct udp *u, const struct addr *remote)
{
    uint32_t h = 2166136261u ^ remote->port;
    for (size_t i = 0; i < sizeof remote->ip; i++)
        h = (h ^ remote->ip[i]) * 16777619u;
    return &u->peers[(h ^ h >> 16) % PEERS];
}

/* What came besides the bytes. */
struct notes {
    uint8_t ecn;
    size_t segment; /* 0: one datagram */
    const struct in_pktinfo *v4;
    const struct in6_pktinfo *v6;
};

static struct notes read_notes(struct msghdr *m)
{
    struct notes n = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        const void *data = CMSG_DATA(c);
        int v;
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
            n.ecn = *(const uint8_t *)data & 3;
        else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
            n.v4 = data;
        else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
            n.v6 = data;
        else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
            memcpy(&v, data, sizeof v);
            n.ecn = v & 3;
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            memcpy(&v, data, sizeof v);
            n.segment = v > 0 ? (size_t)v : 0;
        }
    }
    return n;
}

static void note_peer(struct udp *u, const struct addr *from, const struct notes *n)
{
    if (!u->config.answer || (!n->v4 && !n->v6))
        return;
    if (!u->peers)
        u->peers = mem_new(PEERS, sizeof *u->peers);
    struct peer *p = peer_at(u, from);
    *p = (struct peer){.remote = *from, .known = true};
    if (n->v4) { /* the interface is the route's affair: the peer's way may change */
        memcpy(&p->local.v4, n->v4, sizeof p->local.v4);
        p->local.v4.ipi_ifindex = 0;
        p->local.v4.ipi_spec_dst = p->local.v4.ipi_addr;
    } else {
        memcpy(&p->local.v6, n->v6, sizeof p->local.v6);
        if (!IN6_IS_ADDR_LINKLOCAL(&p->local.v6.ipi6_addr))
            p->local.v6.ipi6_ifindex = 0;
    }
}

/* ---- receiving ---- */

/* One row of datagrams; how many bytes, or -1 when there is none. */
static ssize_t recv_row(struct udp *u)
{
    union {
        struct cmsghdr align;
        uint8_t room[CMSG_SPACE(sizeof(int)) * 2 + CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control;
    struct sockaddr_storage from;
    struct iovec iov = {u->bytes, sizeof u->bytes};
    struct msghdr m = {.msg_name = &from,
                       .msg_namelen = sizeof from,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    ssize_t n = recvmsg(u->fd, &m, MSG_DONTWAIT);
    if (n < 0) /* else an ICMP error was reported: go on */
        return errno != EAGAIN && errno != EWOULDBLOCK ? 0 : -1;
    struct notes notes = read_notes(&m);
    struct udp_datagram d = {.ecn = notes.ecn};
    if (sockaddr_get(&from, &d.from))
        return n;
    note_peer(u, &d.from, &notes);
    size_t len = (size_t)n, at = 0, segment = notes.segment ? notes.segment : len;
    do {
        size_t left = len - at;
        d.bytes = u->bytes + at;
        d.len = left < segment ? left : segment;
        at += d.len;
        d.oversize = d.len > UDP_DATAGRAM_MAX || (m.msg_flags & MSG_TRUNC);
        if (d.oversize)
            d.len = UDP_DATAGRAM_MAX;
        u->config.recv(u->config.ctx, u, &d);
    } while (at < len && !u->dead);
    return n;
}

static void udp_release(struct udp *u)
{
    free(u->peers);
    free(u->kept);
    free(u);
}

static void send_kept(struct udp *u);

static void on_ready(void *ctx, int events)
{
    struct udp *u = ctx;
    u->busy = true;
    if (events & WATCH_OUT)
        send_kept(u);
    size_t bytes = 0;
    for (int i = 0; i < UDP_TURN && bytes < UDP_TURN_BYTES && !u->dead; i++) {
        ssize_t n = recv_row(u);
        if (n < 0)
            break;
        bytes += (size_t)n;
    }
    u->busy = false;
    if (u->dead)
        udp_release(u);
}

/* ---- making ---- */

int udp_new(struct loop *l, const struct udp_config *c, struct udp **out)
{
    int fd = socket(c->family == ADDR_V4 ? AF_INET : AF_INET6,
                    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_SYS;
    set_options(fd, c);
    struct udp *u = mem_new(1, sizeof *u); /* most of it is never touched */
    u->loop = l;
    u->config = *c;
    u->fd = fd;
    if (bind_range(fd, c) || watch_new(l, fd, on_ready, u, &u->watch)) {
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
        udp_release(u);
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

/* ---- sending ---- */

/* One call: a datagram, or a row of them when `segment` is not 0. As sendmsg. */
static ssize_t send_once(struct udp *u, const struct addr *to, const void *bytes, size_t len,
                         uint16_t segment, bool from_where)
{
    union {
        struct cmsghdr align;
        uint8_t room[CMSG_SPACE(sizeof segment) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control = {0};
    struct sockaddr_storage ss;
    struct iovec iov = {(void *)bytes, len};
    struct msghdr m = {.msg_name = &ss,
                       .msg_namelen = sockaddr_put(to, u->config.family, &ss),
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    size_t used = 0;
    if (segment) {
        *c = (struct cmsghdr){CMSG_LEN(sizeof segment), IPPROTO_UDP, UDP_SEGMENT};
        memcpy(CMSG_DATA(c), &segment, sizeof segment);
        used = CMSG_SPACE(sizeof segment);
        c = CMSG_NXTHDR(&m, c);
    }
    const struct peer *p = from_where && u->peers ? peer_at(u, to) : NULL;
    if (p && p->known && addr_equal(&p->remote, to)) {
        bool v4 = u->config.family == ADDR_V4;
        size_t size = v4 ? sizeof p->local.v4 : sizeof p->local.v6;
        *c = (struct cmsghdr){CMSG_LEN(size), v4 ? IPPROTO_IP : IPPROTO_IPV6,
                              v4 ? IP_PKTINFO : IPV6_PKTINFO};
        memcpy(CMSG_DATA(c), &p->local, size);
        used += CMSG_SPACE(size);
    }
    m.msg_controllen = used;
    if (!used)
        m.msg_control = NULL;
    return sendmsg(u->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool no_room(int e)
{
    return e == EAGAIN || e == EWOULDBLOCK;
}

/* The same; an address of ours that is gone is forgotten and left to the kernel. */
static int send_some(struct udp *u, const struct addr *to, const void *bytes, size_t len,
                     uint16_t segment)
{
    if (send_once(u, to, bytes, len, segment, true) >= 0)
        return ERR_OK;
    bool ours = u->peers && peer_at(u, to)->known;
    if (ours && errno != EMSGSIZE && !no_room(errno) && errno != ENOBUFS) {
        int e = errno;
        if (send_once(u, to, bytes, len, segment, false) >= 0) {
            peer_at(u, to)->known = false;
            return ERR_OK;
        }
        if (!segment || (e != EINVAL && e != EIO))
            errno = e;
    }
    if (errno == EMSGSIZE)
        return ERR_CAP;
    if (no_room(errno) || errno == ENOBUFS || errno == ENOMEM)
        return ERR_STATE;
    return ERR_SYS;
}

static bool reaches(const struct udp *u, const struct addr *to)
{
    struct sockaddr_storage ss;
    return sockaddr_put(to, u->config.family, &ss) &&
           !(u->config.family == ADDR_V6 && to->family == ADDR_V4);
}

int udp_send(struct udp *u, const struct addr *to, const void *bytes, size_t len)
{
    return reaches(u, to) ? send_some(u, to, bytes, len, 0) : ERR_STATE;
}

static void keep(struct udp *u, const struct addr *to, const uint8_t *bytes, size_t len,
                 size_t segment)
{
    if (!u->kept)
        u->kept = mem_new(1, UDP_ROW);
    memmove(u->kept, bytes, len); /* perhaps its own tail */
    u->kept_len = len;
    u->kept_segment = segment;
    u->kept_to = *to;
    watch_set(u->watch, WATCH_IN | WATCH_OUT);
}

/* Those that the kernel has no room for are kept. */
static int send_row(struct udp *u, const struct addr *to, const uint8_t *bytes, size_t len,
                    size_t segment)
{
    if (len > segment && !u->no_rows) {
        int err = send_some(u, to, bytes, len, (uint16_t)segment);
        bool refused = err == ERR_SYS && (errno == EINVAL || errno == EIO || errno == ENOPROTOOPT ||
                                          errno == EOPNOTSUPP);
        if (err == ERR_STATE && no_room(errno))
            keep(u, to, bytes, len, segment);
        if (!refused)
            return err == ERR_STATE ? ERR_OK : err;
        /* EINVAL may also mean that a datagram of the row is longer than the interface's MTU; one
         * by one they tell. */
        u->no_rows = errno != EINVAL;
    }
    int worst = ERR_OK;
    for (size_t at = 0; at < len; at += segment) {
        int err = send_some(u, to, bytes + at, len - at < segment ? len - at : segment, 0);
        if (err == ERR_STATE && no_room(errno)) {
            keep(u, to, bytes + at, len - at, segment);
            return worst;
        }
        if (err && err != ERR_STATE)
            worst = err;
    }
    return worst;
}

static void send_kept(struct udp *u)
{
    size_t len = u->kept_len;
    if (!len)
        return;
    u->kept_len = 0;
    watch_set(u->watch, WATCH_IN);
    struct addr to = u->kept_to;
    if (send_row(u, &to, u->kept, len, u->kept_segment))
        u->kept_len = 0; /* lost, as datagrams may be */
    if (!u->kept_len && u->config.writable)
        u->config.writable(u->config.ctx, u);
}

int udp_send_row(struct udp *u, const struct addr *to, const void *bytes, size_t len,
                 size_t segment)
{
    BUG_ON(!segment || len > UDP_ROW || (len + segment - 1) / segment > UDP_ROW_COUNT);
    if (u->kept_len || !reaches(u, to))
        return ERR_STATE;
    return send_row(u, to, bytes, len, segment);
}

bool udp_full(const struct udp *u)
{
    return u->kept_len != 0;
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
