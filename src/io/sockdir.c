#include "io/sockdir.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPT_TURN 16

/* -- the folder -- */

static int check(const char *path, char *why)
{
    struct stat st;
    if (lstat(path, &st)) {
        snprintf(why, SOCKDIR_ERROR, "cannot look at %s: %s", path, strerror(errno));
        return ERR_SYS;
    }
    if (!S_ISDIR(st.st_mode)) {
        snprintf(why, SOCKDIR_ERROR, "%s is not a directory: remove it, or set TERN_TMPDIR", path);
        return ERR_STATE;
    }
    if (st.st_uid != geteuid()) {
        snprintf(why, SOCKDIR_ERROR,
                 "%s belongs to user %u, not to you: set TERN_TMPDIR to a directory of yours", path,
                 (unsigned)st.st_uid);
        return ERR_STATE;
    }
    if (st.st_mode & 077) {
        snprintf(why, SOCKDIR_ERROR, "%s is open to others: chmod 700 it (or remove it)", path);
        return ERR_STATE;
    }
    return ERR_OK;
}

int sockdir_open(struct sockdir *d, char why[static SOCKDIR_ERROR])
{
    const char *base = getenv("TERN_TMPDIR");
    if (!base || !*base)
        base = "/tmp";
    int n = snprintf(d->path, sizeof d->path, "%s/tern-%u", base, (unsigned)geteuid());
    if (n < 0 || (size_t)n >= sizeof d->path) {
        snprintf(why, SOCKDIR_ERROR, "TERN_TMPDIR is too long for the path of a socket");
        return ERR_CAP;
    }
    mode_t mask = umask(077);
    int r = mkdir(d->path, 0700);
    int e = errno;
    umask(mask);
    if (r && e != EEXIST) {
        errno = e;
        snprintf(why, SOCKDIR_ERROR, "cannot make %s: %s (TERN_TMPDIR names another place)",
                 d->path, strerror(e));
        return ERR_SYS;
    }
    return check(d->path, why);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

size_t sockdir_list(const struct sockdir *d, const char *prefix, char (*out)[SOCKDIR_NAME],
                    size_t max)
{
    DIR *dir = opendir(d->path);
    size_t n = 0, plen = strlen(prefix);
    if (!dir)
        return 0;
    for (struct dirent *e; n < max && (e = readdir(dir));) {
        size_t len = strlen(e->d_name);
        if (e->d_name[0] == '.' || len >= SOCKDIR_NAME || strncmp(e->d_name, prefix, plen) != 0)
            continue;
        memcpy(out[n++], e->d_name, len + 1);
    }
    closedir(dir);
    qsort(out, n, SOCKDIR_NAME, compare);
    return n;
}

/* False if the name does not fit. */
static bool socket_path(const struct sockdir *d, const char *name, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!*name || strchr(name, '/') || strlen(name) >= SOCKDIR_NAME)
        return false;
    int n = snprintf(out->sun_path, sizeof out->sun_path, "%s/%s", d->path, name);
    return n > 0 && (size_t)n < sizeof out->sun_path;
}

void sockdir_remove(const struct sockdir *d, const char *name)
{
    struct sockaddr_un a;
    if (socket_path(d, name, &a))
        unlink(a.sun_path);
}

/* -- sockets -- */

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int peer_check(int fd)
{
    struct ucred c;
    socklen_t len = sizeof c;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len))
        return ERR_SYS;
    return c.uid == geteuid() || c.uid == 0 ? ERR_OK : ERR_AUTH;
}

int sockdir_connect(const struct sockdir *d, const char *name, int *fd)
{
    struct sockaddr_un a;
    if (!socket_path(d, name, &a))
        return ERR_CAP;
    int s = new_socket();
    if (s < 0)
        return ERR_SYS;
    int r = ERR_OK;
    if (connect(s, (struct sockaddr *)&a, sizeof a)) {
        r = ERR_SYS;
        if (errno == ECONNREFUSED || errno == ENOENT)
            r = ERR_STATE;
        if (errno == ECONNREFUSED) {
            unlink(a.sun_path); /* left behind by a process that was killed */
            errno = ECONNREFUSED;
        }
    } else {
        r = peer_check(s);
    }
    if (r) {
        int e = errno;
        close(s);
        errno = e;
        return r;
    }
    *fd = s;
    return ERR_OK;
}

struct listener {
    int fd;
    int spare; /* a descriptor kept back, so that a connection can be refused when there are none */
    struct watch *watch;
    struct sockaddr_un addr;
    void (*accepted)(void *ctx, int fd);
    void *ctx;
    bool busy, dead;
};

/* No descriptors left: refuse one connection, else the loop would spin on it. */
static void refuse_one(struct listener *s)
{
    if (s->spare < 0)
        return;
    close(s->spare);
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_connection(void *ctx, int events)
{
    struct listener *s = ctx;
    s->busy = true;
    for (int i = 0; i < ACCEPT_TURN && !s->dead; i++) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE))
            refuse_one(s);
        if (fd < 0)
            break;
        if (peer_check(fd))
            close(fd);
        else
            s->accepted(s->ctx, fd);
    }
    s->busy = false;
    if (s->dead)
        free(s);
}

static int try_bind(int fd, const struct sockaddr_un *a)
{
    mode_t mask = umask(0177);
    int r = bind(fd, (const struct sockaddr *)a, sizeof *a);
    int e = errno;
    umask(mask);
    errno = e;
    return r;
}

static int bind_name(int fd, const struct sockdir *d, const char *name, const struct sockaddr_un *a)
{
    if (try_bind(fd, a) == 0)
        return ERR_OK;
    if (errno != EADDRINUSE)
        return ERR_SYS;
    int other;
    if (sockdir_connect(d, name, &other) == ERR_OK) {
        close(other);
        return ERR_STATE;
    }
    if (errno != ECONNREFUSED) /* alive, but busy or somebody else's */
        return ERR_STATE;
    return try_bind(fd, a) ? ERR_SYS : ERR_OK;
}

int listener_new(struct loop *l, const struct sockdir *d, const char *name,
                 void (*accepted)(void *ctx, int fd), void *ctx, struct listener **out)
{
    struct sockaddr_un a;
    if (!socket_path(d, name, &a))
        return ERR_CAP;
    int fd = new_socket();
    if (fd < 0)
        return ERR_SYS;
    struct listener *s = mem_new(1, sizeof *s);
    *s = (struct listener){.fd = fd, .addr = a, .accepted = accepted, .ctx = ctx};
    int r = bind_name(fd, d, name, &a);
    if (!r && (listen(fd, 16) || watch_new(l, fd, on_connection, s, &s->watch)))
        r = ERR_SYS;
    if (r) {
        int e = errno;
        close(fd);
        free(s);
        errno = e;
        return r;
    }
    s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    watch_set(s->watch, WATCH_IN);
    *out = s;
    return ERR_OK;
}

void listener_free(struct listener *s)
{
    if (!s)
        return;
    watch_free(s->watch);
    unlink(s->addr.sun_path);
    close(s->fd);
    if (s->spare >= 0)
        close(s->spare);
    s->dead = true;
    if (!s->busy)
        free(s);
}

/* -- descriptors by message -- */

union fd_room {
    struct cmsghdr align;
    uint8_t room[CMSG_SPACE(sizeof(int) * FDS_MAX)];
};

int fds_send(int sock, const void *bytes, size_t len, const int *fds, size_t nfds)
{
    union fd_room room = {0};
    struct iovec iov = {(void *)(uintptr_t)bytes, len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    BUG_ON(!len || nfds > FDS_MAX);
    if (nfds) {
        m.msg_control = &room;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
    }
    ssize_t n = sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n == (ssize_t)len)
        return ERR_OK;
    if (n >= 0)
        errno = EMSGSIZE; /* a part: too long for this way of sending */
    return n < 0 && errno == EAGAIN ? ERR_STATE : ERR_SYS;
}

static size_t take_fds(struct msghdr *m, int *fds)
{
    size_t n = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (n < FDS_MAX)
                fds[n++] = fd;
            else
                close(fd);
        }
    }
    return n;
}

int fds_recv(int sock, void *bytes, size_t *len, int fds[static FDS_MAX], size_t *nfds)
{
    union fd_room room;
    struct iovec iov = {bytes, *len};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room};
    *nfds = 0;
    ssize_t n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN ? ERR_STATE : ERR_SYS;
    *len = (size_t)n;
    *nfds = take_fds(&m, fds);
    return ERR_OK;
}
