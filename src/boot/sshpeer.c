#include "boot/sshpeer.h"

#include "io/sockaddr.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SOCKETS_MAX 64
#define ESTABLISHED 1

/* /proc prints addresses as 32-bit words in host order. */
static bool parse_addr(const char *hex, size_t len, uint8_t ip[static 16])
{
    for (size_t word = 0; word < len / 8; word++) {
        char text[9] = {0};
        memcpy(text, hex + 8 * word, 8);
        char *end;
        uint32_t v = (uint32_t)strtoul(text, &end, 16);
        if (*end)
            return false;
        memcpy(ip + 4 * word, &v, 4);
    }
    return true;
}

bool sshpeer_line(const char *line, unsigned long *inode, struct addr *remote)
{
    char local[64], peer[64];
    unsigned state;
    if (sscanf(line, " %*d: %63s %63s %x %*s %*s %*s %*s %*s %lu", local, peer, &state, inode) !=
            4 ||
        state != ESTABLISHED)
        return false;
    char *colon = strchr(peer, ':');
    size_t len = colon ? (size_t)(colon - peer) : 0;
    *remote = (struct addr){0};
    if ((len != 8 && len != 32) || !parse_addr(peer, len, remote->ip))
        return false;
    remote->family = len == 8 ? ADDR_V4 : ADDR_V6;
    remote->port = (uint16_t)strtoul(colon + 1, NULL, 16);
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (len == 32 && !memcmp(remote->ip, mapped, 12)) {
        remote->family = ADDR_V4;
        memmove(remote->ip, remote->ip + 12, 4);
        memset(remote->ip + 4, 0, 12);
    }
    return true;
}

/* Each once, although it may have several descriptors. */
static size_t sockets_of(pid_t pid, unsigned long inodes[static SOCKETS_MAX],
                         int fds[static SOCKETS_MAX])
{
    char dir[64], path[400], to[64];
    size_t n = 0;
    snprintf(dir, sizeof dir, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(dir);
    for (struct dirent *e; d && n < SOCKETS_MAX && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        ssize_t len = readlink(path, to, sizeof to - 1);
        if (len <= 0)
            continue;
        to[len] = 0;
        size_t at = 0;
        if (sscanf(to, "socket:[%lu]", &inodes[n]) != 1)
            continue;
        while (inodes[at] != inodes[n])
            at++;
        if (at < n)
            continue;
        fds[n++] = (int)strtol(e->d_name, NULL, 10);
    }
    if (d)
        closedir(d);
    return n;
}

/* The kernel's table of connections: some 3 ms, since it goes through all of its hash table. */
static size_t find_in_tables(pid_t pid, const unsigned long *mine, size_t n, struct addr *out)
{
    size_t found = 0;
    static const char *const tables[] = {"tcp", "tcp6"};
    for (size_t t = 0; n && t < 2; t++) {
        char path[64], line[512];
        snprintf(path, sizeof path, "/proc/%d/net/%s", (int)pid, tables[t]);
        FILE *f = fopen(path, "re");
        while (f && fgets(line, sizeof line, f)) {
            unsigned long inode;
            struct addr remote;
            if (!sshpeer_line(line, &inode, &remote))
                continue;
            for (size_t i = 0; i < n; i++) {
                if (mine[i] != inode)
                    continue;
                *out = remote;
                found++;
            }
        }
        if (f)
            fclose(f);
    }
    return found;
}

/* True if that socket is a TCP connection: *remote is where it leads. */
static bool connected_to(int fd, struct addr *remote)
{
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss, type_len = sizeof(int);
    int type = 0;
    return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) && type == SOCK_STREAM &&
           !getpeername(fd, (struct sockaddr *)&ss, &len) && !sockaddr_get(&ss, remote);
}

/* The sockets themselves, asked where they lead. False: this kernel or its policy does not lend us
 * another process's descriptors. */
static bool ask_sockets(pid_t pid, const int *fds, size_t n, struct addr *out, size_t *found)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool lent = pidfd >= 0;
    for (size_t i = 0; lent && i < n; i++) {
        struct addr remote;
        int fd = (int)syscall(SYS_pidfd_getfd, pidfd, fds[i], 0);
        lent = fd >= 0;
        if (lent && connected_to(fd, &remote)) {
            *out = remote;
            ++*found;
        }
        if (lent)
            close(fd);
    }
    if (pidfd >= 0)
        close(pidfd);
    return lent;
}

int sshpeer_of(pid_t pid, struct addr *out)
{
    unsigned long inodes[SOCKETS_MAX];
    int fds[SOCKETS_MAX];
    size_t n = sockets_of(pid, inodes, fds), found = 0;
    if (!ask_sockets(pid, fds, n, out, &found))
        found = find_in_tables(pid, inodes, n, out);
    return found == 1 ? ERR_OK : ERR_STATE;
}
