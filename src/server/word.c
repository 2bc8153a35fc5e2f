#include "server/word.h"

#include "link/start.h"
#include "server/xdisplay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* More generations than any login has. */
#define ANCESTORS_MAX 64

/* 0: not known. The name in /proc/PID/stat may hold anything, so it is skipped from behind. */
static pid_t parent_of(pid_t pid)
{
    char path[64], line[1024];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    const char *end = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
    if (end && sscanf(end + 1, " %*c %d", &parent) != 1)
        parent = 0;
    fclose(f);
    return parent;
}

static bool is_ancestor(pid_t who)
{
    pid_t pid = getppid();
    for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
        if (pid == who)
            return true;
        pid = parent_of(pid);
    }
    return false;
}

bool word_is_ancestors(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    if (strlen(path) >= sizeof a.sun_path)
        return false;
    memcpy(a.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool is = !connect(fd, (struct sockaddr *)&a, sizeof a) &&
              !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.pid > 1 &&
              is_ancestor(peer.pid);
    close(fd);
    return is;
}

/* OpenSSH calls it agent.PID after the process that serves the login, and from 10.1 on
 * s.HASH.sshd.RANDOM. To connect would make ssh ask the user's agent, and wait for it. */
bool word_is_named_so(const char *path)
{
    const char *name = strrchr(path, '/');
    int pid;
    char more;
    if (!name || access(path, F_OK))
        return false;
    if (sscanf(name, "/agent.%d%c", &pid, &more) == 1)
        return is_ancestor(pid);
    return !strncmp(name, "/s.", 3) && strstr(name, ".sshd.");
}

/* A start file may have put another agent there, of which sshd says nothing. */
static bool agent_allowed(void)
{
    const char *path = getenv("SSH_AUTH_SOCK");
    if (!path || !(word_is_named_so(path) || word_is_ancestors(path)))
        return false;
    unsetenv("SSH_AUTH_SOCK");
    return true;
}

static bool somebody_listens(uint16_t port)
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    bool found = false;
    char line[512];
    for (size_t i = 0; i < 2 && !found; i++) {
        FILE *f = fopen(tables[i], "re");
        while (f && !found && fgets(line, sizeof line, f))
            found = xdisplay_listened(line, port, getuid());
        if (f)
            fclose(f);
    }
    return found;
}

/* sshd names its displays host:N, and listens there with the rights of the login. */
static bool x11_allowed(void)
{
    const char *text = getenv("DISPLAY");
    struct xdisplay d;
    if (!text || !xdisplay_parse(text, &d) || !d.number ||
        !somebody_listens((uint16_t)(XDISPLAY_PORTS + d.number)))
        return false;
    setenv(WORD_DISPLAY, text, 1);
    unsetenv("DISPLAY");
    return true;
}

uint32_t word_of_sshd(uint32_t forwards)
{
    if (!getenv("SSH_CONNECTION") || getenv("SSH_TTY")) /* as in child.c */
        return forwards;
    if (forwards & START_FORWARD_AGENT && !agent_allowed())
        forwards &= ~(uint32_t)START_FORWARD_AGENT;
    if (forwards & START_FORWARD_X11 && !x11_allowed())
        forwards &= ~(uint32_t)START_FORWARD_X11;
    return forwards;
}
