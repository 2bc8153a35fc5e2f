#include "boot/sshpeer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static size_t sockets_of(pid_t pid, unsigned long inodes[static SOCKETS_MAX])
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
        if (sscanf(to, "socket:[%lu]", &inodes[n]) == 1)
            n++;
    }
    if (d)
        closedir(d);
    return n;
}

int sshpeer_of(pid_t pid, struct addr *out)
{
    unsigned long mine[SOCKETS_MAX];
    size_t n = sockets_of(pid, mine), found = 0;
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
    return found == 1 ? ERR_OK : ERR_STATE;
}
