#include "io/pipe.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* One direction's descriptor. */
struct side {
    int fd;
    bool own;            /* close it in the end */
    bool pollable;       /* else a file: always ready */
    int flags;           /* F_SETFL to put back; -1: nothing */
    struct watch *watch; /* NULL when not pollable, or when the other side's serves both */
};

struct pipe {
    struct loop *loop;
    struct side in, out;
    bool same; /* in.fd == out.fd: in.watch serves both */
    struct pipe_ops ops;
    struct buf queue;
    struct later file_in; /* reading a file: a piece per turn */
    struct later failing; /* an error found while the owner wrote */
    int fail_errno;
    bool reading, eof, ending, ended, failed;
    bool told_short; /* the owner waits for writable */
    bool bulk;       /* the last read was a full one */
    bool resets;     /* PIPE_RESETS */
    int busy;        /* callbacks under way: freeing waits */
    bool dead;
};

/* -- descriptors -- */

static bool can_reopen(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd)));
}

static int reopen(int fd, int mode)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void side_open(struct side *s, int fd, int mode, bool own, bool keep_file)
{
    *s = (struct side){.fd = fd, .own = own, .flags = -1};
    if (fd < 0 || keep_file)
        return;
    int fresh = can_reopen(fd) ? reopen(fd, mode) : -1;
    if (fresh < 0) {
        int flags = fcntl(fd, F_GETFL);
        if (flags >= 0 && !(flags & O_NONBLOCK))
            s->flags = flags;
        return;
    }
    if (own)
        close(fd);
    s->fd = fresh;
    s->own = true;
}

static void side_close(struct side *s)
{
    if (s->fd < 0)
        return;
    watch_free(s->watch);
    s->watch = NULL;
    if (s->flags >= 0)
        fcntl(s->fd, F_SETFL, s->flags);
    if (s->own)
        close(s->fd);
    s->fd = -1;
}

static void watch_update(struct pipe *p)
{
    int in = p->reading && !p->eof && !p->failed && p->in.fd >= 0 ? WATCH_IN : 0;
    bool waits = buf_len(&p->queue) || (p->told_short && !p->queue.cap);
    int out = waits && !p->failed && p->out.fd >= 0 ? WATCH_OUT : 0;
    if (p->same) {
        if (p->in.watch)
            watch_set(p->in.watch, in | out);
    } else {
        if (p->in.watch)
            watch_set(p->in.watch, in);
        if (p->out.watch)
            watch_set(p->out.watch, out);
    }
    if (in && !p->in.pollable)
        later_set(&p->file_in);
    else
        later_clear(&p->file_in);
}

/* -- callbacks -- */

static void leave(struct pipe *p)
{
    if (--p->busy == 0 && p->dead)
        free(p);
}

static void fail(struct pipe *p, int e)
{
    if (p->failed || p->dead)
        return;
    p->failed = true;
    p->fail_errno = e;
    buf_release(&p->queue);
    watch_update(p);
    later_set(&p->failing); /* never from within the owner's own call */
}

static void on_failing(void *ctx)
{
    struct pipe *p = ctx;
    if (p->ops.failed)
        p->ops.failed(p->ops.ctx, p->fail_errno);
}

static void read_some(struct pipe *p)
{
    uint8_t small[PIPE_READ], *bytes = NULL;
    size_t size;
    if (p->bulk && p->ops.space)
        bytes = p->ops.space(p->ops.ctx, &size);
    if (!bytes) {
        bytes = small;
        size = sizeof small;
    }
    ssize_t n = read(p->in.fd, bytes, size);
    p->bulk = n >= PIPE_READ;
    if (n > 0) {
        if (p->ops.data)
            p->ops.data(p->ops.ctx, bytes, (size_t)n);
        return;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0 && errno != EIO && (errno != ECONNRESET || p->resets)) {
        fail(p, errno);
        return;
    }
    p->eof = true; /* EIO: the terminal was hung up */
    if (p->ops.eof)
        p->ops.eof(p->ops.ctx);
}

static ssize_t write_once(struct pipe *p, const void *bytes, size_t len)
{
    for (;;) {
        ssize_t n = write(p->out.fd, bytes, len);
        if (n >= 0)
            return n;
        if (errno == EAGAIN)
            return 0;
        if (errno != EINTR)
            return -1;
    }
}

static void finish_end(struct pipe *p)
{
    if (!p->ending || p->ended || buf_len(&p->queue) || p->out.fd < 0)
        return;
    p->ended = true;
    if (!shutdown(p->out.fd, SHUT_WR) || p->same)
        return;
    side_close(&p->out);
}

static void tell_writable(struct pipe *p)
{
    p->told_short = false;
    if (p->ops.writable)
        p->ops.writable(p->ops.ctx);
}

static void write_some(struct pipe *p)
{
    if (!buf_len(&p->queue)) { /* without a queue */
        if (p->told_short)
            tell_writable(p);
        return;
    }
    ssize_t n = write_once(p, buf_data(&p->queue), buf_len(&p->queue));
    if (n < 0) {
        fail(p, errno);
        return;
    }
    if (n > 0)
        buf_skip(&p->queue, (size_t)n);
    if (buf_len(&p->queue) == 0) {
        buf_release(&p->queue);
        finish_end(p);
        if (p->ops.drained)
            p->ops.drained(p->ops.ctx);
    }
    if (!p->dead && p->told_short && buf_len(&p->queue) <= p->queue.cap / 2)
        tell_writable(p);
}

static void on_ready(struct pipe *p, int events)
{
    p->busy++;
    if ((events & WATCH_OUT) && !p->failed)
        write_some(p);
    if (!p->dead && (events & (WATCH_IN | WATCH_HUP)) && p->reading && !p->eof && !p->failed)
        read_some(p);
    if (!p->dead)
        watch_update(p);
    leave(p);
}

static void on_in(void *ctx, int events)
{
    on_ready(ctx, events);
}

static void on_out(void *ctx, int events)
{
    on_ready(ctx, events & WATCH_OUT);
}

static void on_file_in(void *ctx)
{
    on_ready(ctx, WATCH_IN);
}

/* -- life -- */

static int side_watch(struct pipe *p, struct side *s, void (*ready)(void *, int))
{
    if (s->fd < 0)
        return ERR_OK;
    s->pollable = true;
    if (watch_new(p->loop, s->fd, ready, p, &s->watch) == ERR_OK)
        return ERR_OK;
    s->pollable = false;
    return errno == EPERM ? ERR_OK : ERR_SYS;
}

int pipe_new(struct loop *l, int in, int out, int flags, size_t cap, const struct pipe_ops *ops,
             struct pipe **out_pipe)
{
    struct pipe *p = mem_new(1, sizeof *p);
    bool keep = flags & PIPE_KEEP_FILE;
    p->loop = l;
    p->ops = *ops;
    p->same = in >= 0 && in == out;
    p->reading = !(flags & PIPE_PAUSED);
    p->resets = flags & PIPE_RESETS;
    buf_init(&p->queue, cap);
    later_init(&p->file_in, l, on_file_in, p);
    later_init(&p->failing, l, on_failing, p);
    side_open(&p->in, in, p->same ? O_RDWR : O_RDONLY, flags & PIPE_OWN_IN, keep);
    if (p->same)
        p->out = (struct side){.fd = p->in.fd, .flags = -1};
    else
        side_open(&p->out, out, O_WRONLY, flags & PIPE_OWN_OUT, keep);
    int r = side_watch(p, &p->in, on_in);
    if (!r && !p->same)
        r = side_watch(p, &p->out, on_out);
    if (r) {
        int e = errno;
        pipe_free(p);
        errno = e;
        return ERR_SYS;
    }
    p->out.pollable = p->same ? p->in.pollable : p->out.pollable;
    watch_update(p);
    *out_pipe = p;
    return ERR_OK;
}

void pipe_grow(int fd)
{
    if (fcntl(fd, F_GETPIPE_SZ) < (int)PIPE_SIZE)
        fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
}

void pipe_free(struct pipe *p)
{
    if (!p || p->dead)
        return;
    p->dead = true;
    later_clear(&p->file_in);
    later_clear(&p->failing);
    if (p->same)
        p->out.fd = -1;
    side_close(&p->out);
    side_close(&p->in);
    buf_fini(&p->queue);
    if (!p->busy)
        free(p);
}

size_t pipe_write(struct pipe *p, const void *bytes, size_t len)
{
    if (p->failed || p->ending || p->dead || p->out.fd < 0)
        return 0;
    size_t done = 0;
    if (buf_len(&p->queue) == 0 && len) {
        ssize_t n = write_once(p, bytes, len);
        if (n < 0) {
            fail(p, errno);
            return 0;
        }
        done = (size_t)n;
    }
    size_t rest = len - done < buf_room(&p->queue) ? len - done : buf_room(&p->queue);
    if (rest)
        buf_put(&p->queue, (const uint8_t *)bytes + done, rest);
    if (done + rest < len)
        p->told_short = true;
    if (buf_len(&p->queue) || p->told_short)
        watch_update(p);
    return done + rest;
}

bool pipe_write_all(struct pipe *p, const void *bytes, size_t len)
{
    if (len > pipe_room(p)) {
        p->told_short = true;
        return false;
    }
    return pipe_write(p, bytes, len) == len;
}

size_t pipe_queued(const struct pipe *p)
{
    return buf_len(&p->queue);
}

size_t pipe_room(const struct pipe *p)
{
    return buf_room(&p->queue);
}

void pipe_read(struct pipe *p, bool on)
{
    p->reading = on;
    watch_update(p);
}

void pipe_end(struct pipe *p)
{
    p->ending = true;
    finish_end(p);
}

bool pipe_flush(struct pipe *p, uint64_t wait_us)
{
    uint64_t until = clock_boot_us() + wait_us;
    while (buf_len(&p->queue) && !p->failed && p->out.fd >= 0) {
        ssize_t n = write_once(p, buf_data(&p->queue), buf_len(&p->queue));
        if (n < 0) {
            fail(p, errno);
            break;
        }
        buf_skip(&p->queue, (size_t)n);
        uint64_t now = clock_boot_us();
        if (!buf_len(&p->queue) || now >= until)
            break;
        struct pollfd f = {.fd = p->out.fd, .events = POLLOUT};
        poll(&f, 1, (int)((until - now + 999) / 1000));
    }
    bool all = buf_len(&p->queue) == 0 && !p->failed;
    watch_update(p);
    finish_end(p);
    return all;
}

int pipe_out_fd(const struct pipe *p)
{
    return p->out.fd;
}
