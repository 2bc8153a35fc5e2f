/* Two network namespaces, the TUN devices in them, addresses and routes (iproute2). */
#include "linklab.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVER_ADDR4 "10.99.0.1"
#define SERVER_ADDR6 "fd99::1"

extern char **environ;

/* Run "ip" with blank-separated words (no shell); 0 when it succeeded. */
static int ip(bool quiet, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int ip(bool quiet, const char *fmt, ...)
{
    char line[512], name[] = "ip", *argv[32] = {name}, *save = NULL;
    size_t n = 1;
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (len < 0 || (size_t)len >= sizeof line)
        return -1;
    for (char *w = strtok_r(line, " ", &save); w && n < 31; w = strtok_r(NULL, " ", &save))
        argv[n++] = w;
    posix_spawn_file_actions_t act;
    posix_spawn_file_actions_init(&act);
    if (quiet)
        posix_spawn_file_actions_addopen(&act, 2, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    int status = -1;
    if (posix_spawnp(&pid, "ip", &act, NULL, argv, environ) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    posix_spawn_file_actions_destroy(&act);
    return status;
}

/* The calling thread into a namespace; NULL: back to where the program began. */
static void enter(const struct linklab *l, const char *ns)
{
    static int home = -1;
    char path[80];
    if (home < 0)
        home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (!ns) {
        if (setns(home, CLONE_NEWNET))
            lab_die(&l->lab, "setns back: %s", strerror(errno));
        return;
    }
    snprintf(path, sizeof path, "/run/netns/%s", ns);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET))
        lab_die(&l->lab, "%s: %s", path, strerror(errno));
    close(fd);
}

/* A sysctl of the namespace we are in; what the kernel does not have is left out. */
static void sysctl_write(const char *name, const char *value)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/%s", name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, value, strlen(value));
    close(fd);
}

static void settle(void)
{
    /* A router solicitation would shift the random draws of the packets behind it. */
    static const char *const off[] = {
        "ipv6/conf/all/accept_dad",
        "ipv6/conf/default/accept_dad",
        "ipv6/conf/all/router_solicitations",
        "ipv6/conf/default/router_solicitations",
        "ipv4/conf/all/rp_filter",
        "ipv4/conf/default/rp_filter",
    };
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        sysctl_write(off[i], "0");
}

static int open_tun(const struct linklab *l, const char *ifname)
{
    struct ifreq r = {0};
    r.ifr_flags = IFF_TUN | IFF_NO_PI;
    strncpy(r.ifr_name, ifname, IFNAMSIZ - 1);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &r))
        lab_die(&l->lab, "tun %s: %s", ifname, strerror(errno));
    return fd;
}

/* Congestion control is a route attribute because the namespace's sysctl refuses what the host
 * restricts. */
static void client_routes(const struct linklab *l, size_t p)
{
    const char *dev = l->path[p].ifname;
    unsigned metric = 100 + 100 * (unsigned)p;
    ip(true, "-n %s-c route replace default dev %s metric %u congctl %s", l->name, dev, metric,
       l->congestion);
    ip(true, "-n %s-c -6 route replace default dev %s metric %u congctl %s", l->name, dev, metric,
       l->congestion);
}

static void add_namespace(const struct linklab *l, const char *ns)
{
    if (ip(false, "netns add %s", ns))
        lab_die(&l->lab, "cannot make namespace %s (left over? linklab clean %s)", ns, l->name);
    ip(true, "-n %s link set lo up", ns);
}

static void create_server(struct linklab *l, const char *ns)
{
    add_namespace(l, ns);
    enter(l, ns);
    settle();
    l->server_fd = open_tun(l, "ll0");
    enter(l, NULL);
    ip(true, "-n %s link set ll0 up mtu %u", ns, l->mtu);
    ip(true, "-n %s addr add " SERVER_ADDR4 "/32 dev ll0", ns);
    ip(true, "-n %s -6 addr add " SERVER_ADDR6 "/128 dev ll0 nodad", ns);
    if (ip(false, "-n %s route add default dev ll0 congctl %s", ns, l->congestion))
        lab_die(&l->lab, "no route (is congestion control %s there?)", l->congestion);
    ip(true, "-n %s -6 route add default dev ll0 congctl %s", ns, l->congestion);
}

static void create_client(struct linklab *l, const char *ns)
{
    add_namespace(l, ns);
    enter(l, ns);
    settle();
    for (size_t p = 0; p < l->lab.paths; p++) {
        struct link_path *path = &l->path[p];
        snprintf(path->ifname, sizeof path->ifname, "ll%u", (unsigned)p);
        snprintf(path->addr4, sizeof path->addr4, "10.%zu.0.1", 77 + p);
        snprintf(path->addr6, sizeof path->addr6, "fd%zu::1", 77 + p);
        path->fd = open_tun(l, path->ifname);
    }
    enter(l, NULL);
    for (size_t p = 0; p < l->lab.paths; p++) {
        struct link_path *path = &l->path[p];
        ip(true, "-n %s link set %s up mtu %u", ns, path->ifname, l->mtu);
        ip(true, "-n %s addr add %s/32 dev %s", ns, path->addr4, path->ifname);
        ip(true, "-n %s -6 addr add %s/128 dev %s nodad", ns, path->addr6, path->ifname);
        client_routes(l, p);
    }
}

void netns_create(struct linklab *l)
{
    char ns[40];
    snprintf(ns, sizeof ns, "%s-s", l->name);
    create_server(l, ns);
    snprintf(ns, sizeof ns, "%s-c", l->name);
    create_client(l, ns);
}

void netns_remove(const struct linklab *l)
{
    ip(true, "netns del %s-c", l->name);
    ip(true, "netns del %s-s", l->name);
}

/* ---- commands ---- */

/* verb "add" or "del" an address of path p. */
static int change_addr(struct linklab *l, const char *verb, const char *addr, size_t p)
{
    bool six = strchr(addr, ':');
    return ip(false, "-n %s-c %s addr %s %s/%d dev %s%s", l->name, six ? "-6" : "-4", verb, addr,
              six ? 128 : 32, l->path[p].ifname, six && verb[0] == 'a' ? " nodad" : "");
}

/* The new address is there before the old one goes: a host that roams is never without. */
static int replace_addr(struct linklab *l, const char *addr, size_t p)
{
    char *now = strchr(addr, ':') ? l->path[p].addr6 : l->path[p].addr4;
    if (strlen(addr) >= sizeof l->path[p].addr4 || change_addr(l, "add", addr, p))
        return -1;
    change_addr(l, "del", now, p);
    strcpy(now, addr);
    client_routes(l, p);
    return 0;
}

static int set_interface(struct linklab *l, bool up, size_t p)
{
    struct link_path *path = &l->path[p];
    if (ip(false, "-n %s-c link set %s %s", l->name, path->ifname, up ? "up" : "down"))
        return -1;
    if (up) { /* going down took the IPv6 address and the routes */
        ip(true, "-n %s-c -6 addr add %s/128 dev %s nodad", l->name, path->addr6, path->ifname);
        client_routes(l, p);
    }
    return 0;
}

void netns_command(struct linklab *l, char **words, size_t n, char *out, size_t size)
{
    static const char *const verbs[] = {"addr",    "addr6",    "addaddr", "addaddr6",
                                        "deladdr", "deladdr6", "ifdown",  "ifup"};
    size_t v = 0;
    while (v < 8 && strcmp(verbs[v], words[0]) != 0)
        v++;
    if (v == 8)
        return;
    bool interface = v >= 6;
    size_t at = interface ? 1 : 2; /* where the path number stands */
    size_t p = n > at ? (size_t)(words[at][0] - '0') : 0;
    int err = -1;
    if (n < at || n > at + 1 || p >= l->lab.paths || (n > at && words[at][1]))
        err = -1;
    else if (interface)
        err = set_interface(l, v == 7, p);
    else if (v < 2)
        err = replace_addr(l, words[1], p);
    else if (v < 4) {
        err = change_addr(l, "add", words[1], p);
        client_routes(l, p); /* the kernel drops them with the last address */
    } else
        err = change_addr(l, "del", words[1], p);
    snprintf(out, size, err ? "err %s\n" : "ok\n", words[0]);
}
