#include "io/dgram.h"

#include "io/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

int dgram_socket(int af)
{
    int on = 1;
    int fd = socket(af, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    if (af == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    else
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    return fd;
}

int dgram_connect(const struct addr *to)
{
    struct sockaddr_storage ss;
    socklen_t len = sockaddr_put(to, to->family, &ss);
    if (!len) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&ss, len)) {
        int e = errno;
        close(fd);
        errno = e;
        return -1;
    }
    return fd;
}

static void read_here(struct msghdr *m, struct addr *here)
{
    *here = (struct addr){0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo v4;
            memcpy(&v4, CMSG_DATA(c), sizeof v4);
            here->family = ADDR_V4;
            memcpy(here->ip, &v4.ipi_addr, 4);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo v6;
            memcpy(&v6, CMSG_DATA(c), sizeof v6);
            here->family = ADDR_V6;
            memcpy(here->ip, &v6.ipi6_addr, 16);
            here->scope = v6.ipi6_ifindex;
        }
    }
}

ssize_t dgram_recv(int fd, void *buf, size_t size, struct dgram_ends *ends)
{
    struct sockaddr_storage ss = {0};
    struct iovec v = {buf, size};
    union control control;
    struct msghdr m = {.msg_name = &ss,
                       .msg_namelen = sizeof ss,
                       .msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
    if (n < 0 || !ends)
        return n;
    if (sockaddr_get(&ss, &ends->from))
        ends->from = (struct addr){0};
    read_here(&m, &ends->here);
    return n;
}

static void put_here(struct msghdr *m, union control *control, const struct addr *here)
{
    struct in_pktinfo v4 = {0};
    struct in6_pktinfo v6 = {0};
    bool old = here->family == ADDR_V4;
    size_t size = old ? sizeof v4 : sizeof v6;
    memcpy(&v4.ipi_spec_dst, here->ip, 4);
    memcpy(&v6.ipi6_addr, here->ip, 16);
    memset(control, 0, sizeof *control);
    m->msg_control = control->room;
    m->msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    c->cmsg_len = CMSG_LEN(size);
    c->cmsg_level = old ? IPPROTO_IP : IPPROTO_IPV6;
    c->cmsg_type = old ? IP_PKTINFO : IPV6_PKTINFO;
    memcpy(CMSG_DATA(c), old ? (void *)&v4 : (void *)&v6, size);
}

int dgram_send(int fd, const void *bytes, size_t len, const struct dgram_ends *ends)
{
    struct sockaddr_storage ss;
    struct iovec v = {(void *)bytes, len};
    union control control;
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (ends) {
        m.msg_name = &ss;
        m.msg_namelen = sockaddr_put(&ends->from, ends->from.family, &ss);
        if (ends->here.family != ADDR_NONE)
            put_here(&m, &control, &ends->here);
    }
    return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? ERR_SYS : ERR_OK;
}
