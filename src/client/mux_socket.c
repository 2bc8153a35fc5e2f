#include "client/mux_socket.h"

#include "base/mem.h"
#include "io/osrandom.h"
#include "io/sockdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64
/* Connections taken in one turn. */
#define TAKE_MOST 16

struct mux_socket {
    int fd;
    struct watch *watch;
    void (*accepted)(void *ctx, int fd);
    void *ctx;
    char path[MUX_PATH];
    dev_t dev;
    ino_t ino;
};

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int set_path(struct sockaddr_un *a, const char *path)
{
    size_t len = strlen(path);
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len >= sizeof a->sun_path)
        return ERR_CAP;
    memcpy(a->sun_path, path, len + 1);
    return ERR_OK;
}

int mux_socket_connect(const char *path, int *out)
{
    struct sockaddr_un a;
    struct stat st;
    if (set_path(&a, path))
        return ERR_STATE;
    if (stat(path, &st))
        return errno == ENOENT ? ERR_STATE : ERR_SYS;
    int fd = new_socket();
    if (fd < 0)
        return ERR_SYS;
    int r;
    while ((r = connect(fd, (struct sockaddr *)&a, sizeof a)) && errno == EINTR)
        ;
    int err = r ? (errno == ENOENT ? ERR_STATE : ERR_SYS) : peer_check(fd);
    if (!err) {
        *out = fd;
        return ERR_OK;
    }
    int e = errno;
    close(fd);
    errno = e;
    return err;
}

/* ---- the file -------------------------------------------------------------------------------- */

static void folder_of(const char *path, char out[static MUX_PATH])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    snprintf(out, MUX_PATH, "%.*s", (int)len, path);
    if (!len)
        snprintf(out, MUX_PATH, "%s", slash ? "/" : ".");
}

/* Whoever may write there may put a socket of his own in the place of ours. */
static int check_folder(const char *folder, char why[static MUX_ERROR])
{
    struct stat st;
    if (stat(folder, &st)) {
        snprintf(why, MUX_ERROR, "%.120s: %s", folder, strerror(errno));
        return ERR_SYS;
    }
    bool others = (st.st_mode & 022) && !(st.st_mode & S_ISVTX);
    if (!others && (st.st_uid == geteuid() || st.st_uid == 0))
        return ERR_OK;
    snprintf(why, MUX_ERROR,
             "%.120s: other users may write there; choose a folder of your own for ControlPath",
             folder);
    return ERR_STATE;
}

/* A name beside the path, as short as can be. */
static void temporary(const char *folder, const char *path, char *out, size_t size)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char random[7] = {0};
    uint8_t bytes[6];
    struct entropy e = osrandom();
    e.fill(e.ctx, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        random[i] = letters[bytes[i] % (sizeof letters - 1)];
    snprintf(out, size, "%s%s.t%s", strchr(path, '/') ? folder : "",
             strchr(path, '/') && strcmp(folder, "/") ? "/" : "", random);
}

/* What a dead owner left. False: it is something else. */
static bool remove_dead(const char *path)
{
    struct stat st;
    int fd;
    if (lstat(path, &st) || !S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
        return false;
    int err = mux_socket_connect(path, &fd);
    if (!err)
        close(fd);
    return err == ERR_SYS && errno == ECONNREFUSED && !unlink(path);
}

/* Bind, listen, and only then give it its name. */
static int bind_name(struct mux_socket *s, const char *temp, char why[static MUX_ERROR])
{
    struct sockaddr_un a;
    struct stat st;
    if (set_path(&a, temp)) {
        snprintf(why, MUX_ERROR, "the path is too long for a socket: %.120s", s->path);
        return ERR_CAP;
    }
    mode_t mask = umask(0177);
    int r = bind(s->fd, (struct sockaddr *)&a, sizeof a);
    umask(mask);
    if (!r)
        r = listen(s->fd, BACKLOG);
    bool linked = !r && (!link(temp, s->path) ||
                         (errno == EEXIST && remove_dead(s->path) && !link(temp, s->path)));
    int e = linked ? 0 : errno;
    if (linked && !lstat(s->path, &st)) {
        s->dev = st.st_dev;
        s->ino = st.st_ino;
    }
    if (!r)
        unlink(temp);
    if (linked)
        return ERR_OK;
    if (e == EEXIST)
        snprintf(why, MUX_ERROR, "%.120s already exists: this connection is not shared", s->path);
    else
        snprintf(why, MUX_ERROR, "cannot listen at %.120s: %s", s->path, strerror(e));
    return e == EEXIST ? ERR_STATE : ERR_SYS;
}

/* Two that find the same dead socket: one after the other. */
static int lock_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && i < 50; i++)
        usleep(10000);
    return fd;
}

/* ---- connections ----------------------------------------------------------------------------- */

static void on_connection(void *ctx, int events)
{
    struct mux_socket *s = ctx;
    (void)events;
    for (int i = 0; i < TAKE_MOST; i++) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        if (peer_check(fd))
            close(fd);
        else
            s->accepted(s->ctx, fd);
    }
}

int mux_socket_new(struct loop *l, const char *path, void (*accepted)(void *ctx, int fd), void *ctx,
                   char why[static MUX_ERROR], struct mux_socket **out)
{
    char folder[MUX_PATH], temp[2 * MUX_PATH];
    if (strlen(path) >= MUX_PATH) {
        snprintf(why, MUX_ERROR, "the path is too long for a socket: %.120s", path);
        return ERR_CAP;
    }
    folder_of(path, folder);
    int err = check_folder(folder, why);
    if (err)
        return err;
    struct mux_socket *s = mem_new(1, sizeof *s);
    *s = (struct mux_socket){.fd = new_socket(), .accepted = accepted, .ctx = ctx};
    snprintf(s->path, sizeof s->path, "%s", path);
    temporary(folder, path, temp, sizeof temp);
    int lock = lock_folder(folder);
    err = s->fd < 0 ? ERR_SYS : bind_name(s, temp, why);
    if (lock >= 0)
        close(lock);
    if (!err) {
        int flags = fcntl(s->fd, F_GETFL);
        err = flags < 0 || fcntl(s->fd, F_SETFL, flags | O_NONBLOCK) ||
                      watch_new(l, s->fd, on_connection, s, &s->watch)
                  ? ERR_SYS
                  : ERR_OK;
        if (err)
            snprintf(why, MUX_ERROR, "cannot listen at %.120s: %s", path, strerror(errno));
    }
    if (err) {
        mux_socket_free(s);
        return err;
    }
    watch_set(s->watch, WATCH_IN);
    *out = s;
    return ERR_OK;
}

void mux_socket_free(struct mux_socket *s)
{
    struct stat st;
    if (!s)
        return;
    watch_free(s->watch);
    if (s->ino && !lstat(s->path, &st) && st.st_dev == s->dev && st.st_ino == s->ino)
        unlink(s->path);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}
