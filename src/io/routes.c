#include "io/routes.h"

#include "base/mem.h"
#include "io/sockaddr.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BURST_US  20000   /* events this close together are one */
#define ASLEEP_US 1000000 /* a sleep shorter than this needs no waking up */
#define READ_TURN 32

struct routes {
    struct loop *loop;
    int netlink; /* -1: not allowed here */
    int jump_fd; /* fires when the wall clock jumps, which waking up does too; -1: not there */
    struct watch *netlink_watch, *jump_watch;
    struct timer burst;
    uint64_t asleep_us; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC */
    void (*event)(void *ctx, enum route_event e);
    void *ctx;
};

static uint64_t time_asleep_us(void)
{
    struct timespec mono;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    uint64_t m = (uint64_t)mono.tv_sec * 1000000u + (uint64_t)mono.tv_nsec / 1000u;
    uint64_t b = clock_boot_us();
    return b > m ? b - m : 0;
}

/* -- netlink -- */

static bool matters(const struct nlmsghdr *h)
{
    if (h->nlmsg_type == RTM_NEWADDR || h->nlmsg_type == RTM_DELADDR)
        return true;
    if (h->nlmsg_type == RTM_NEWLINK || h->nlmsg_type == RTM_DELLINK) {
        /* Wireless statistics come as links that did not change. */
        const struct ifinfomsg *i = NLMSG_DATA(h);
        return h->nlmsg_len >= NLMSG_LENGTH(sizeof *i) &&
               (i->ifi_change != 0 || h->nlmsg_type == RTM_DELLINK);
    }
    if (h->nlmsg_type == RTM_NEWROUTE || h->nlmsg_type == RTM_DELROUTE) {
        const struct rtmsg *r = NLMSG_DATA(h);
        return h->nlmsg_len >= NLMSG_LENGTH(sizeof *r) && !(r->rtm_flags & RTM_F_CLONED);
    }
    return false;
}

static bool any_matters(const void *bytes, size_t len)
{
    const struct nlmsghdr *h = bytes;
    for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len))
        if (matters(h))
            return true;
    return false;
}

static void on_netlink(void *ctx, int events)
{
    struct routes *r = ctx;
    bool changed = false;
    for (int i = 0; i < READ_TURN; i++) {
        union {
            struct nlmsghdr align;
            uint8_t bytes[8192];
        } m;
        ssize_t n = recv(r->netlink, &m, sizeof m, MSG_DONTWAIT);
        if (n < 0 && errno == ENOBUFS)
            changed = true; /* the kernel dropped some: something happened */
        else if (n <= 0)
            break;
        else
            changed |= any_matters(&m, (size_t)n);
    }
    if (changed && r->burst.deadline_us == TIME_NEVER)
        timer_set(&r->burst, loop_now_us(r->loop) + BURST_US);
}

static void on_burst(void *ctx)
{
    struct routes *r = ctx;
    r->event(r->ctx, ROUTE_CHANGED);
}

static void open_netlink(struct routes *r)
{
    struct sockaddr_nl a = {.nl_family = AF_NETLINK,
                            .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
                                         RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    r->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (r->netlink < 0)
        return;
    if (bind(r->netlink, (struct sockaddr *)&a, sizeof a) ||
        watch_new(r->loop, r->netlink, on_netlink, r, &r->netlink_watch)) {
        close(r->netlink);
        r->netlink = -1;
        return;
    }
    watch_set(r->netlink_watch, WATCH_IN);
}

/* -- waking up -- */

static void arm_jump(struct routes *r)
{
    struct itimerspec far = {.it_value.tv_sec = INT32_MAX};
    timerfd_settime(r->jump_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void on_jump(void *ctx, int events)
{
    struct routes *r = ctx;
    uint64_t times;
    if (read(r->jump_fd, &times, sizeof times) < 0 && errno == EAGAIN)
        return;
    arm_jump(r); /* ECANCELED: the clock jumped */
    uint64_t asleep = time_asleep_us();
    bool slept = asleep > r->asleep_us + ASLEEP_US;
    if (asleep > r->asleep_us)
        r->asleep_us = asleep;
    if (slept)
        r->event(r->ctx, ROUTE_RESUMED);
}

static void open_jump(struct routes *r)
{
    r->jump_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (r->jump_fd < 0)
        return;
    if (watch_new(r->loop, r->jump_fd, on_jump, r, &r->jump_watch)) {
        close(r->jump_fd);
        r->jump_fd = -1;
        return;
    }
    arm_jump(r);
    watch_set(r->jump_watch, WATCH_IN);
}

int routes_new(struct loop *l, void (*event)(void *ctx, enum route_event e), void *ctx,
               struct routes **out)
{
    struct routes *r = mem_new(1, sizeof *r);
    r->loop = l;
    r->event = event;
    r->ctx = ctx;
    r->asleep_us = time_asleep_us();
    timer_init(&r->burst, l, on_burst, r);
    open_netlink(r);
    open_jump(r);
    *out = r;
    return ERR_OK;
}

void routes_free(struct routes *r)
{
    if (!r)
        return;
    timer_clear(&r->burst);
    watch_free(r->netlink_watch);
    watch_free(r->jump_watch);
    if (r->netlink >= 0)
        close(r->netlink);
    if (r->jump_fd >= 0)
        close(r->jump_fd);
    free(r);
}

int route_to(const struct addr *to, struct addr *local)
{
    struct sockaddr_storage ss;
    struct addr a = *to;
    if (!a.port)
        a.port = 1;
    socklen_t len = sockaddr_put(&a, a.family, &ss);
    int fd = len ? socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (!len)
        errno = EAFNOSUPPORT;
    if (fd < 0)
        return ERR_SYS;
    int r = connect(fd, (struct sockaddr *)&ss, len) ? ERR_SYS : ERR_OK;
    int e = errno;
    len = sizeof ss;
    if (!r && local)
        r = getsockname(fd, (struct sockaddr *)&ss, &len) || sockaddr_get(&ss, local) ? ERR_SYS
                                                                                      : ERR_OK;
    close(fd);
    errno = e;
    return r;
}
