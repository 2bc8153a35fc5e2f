#include "io/pty.h"

#include "base/mem.h"
#include "io/proc_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* What the program printed before its end is in the kernel by then and fits in this many bytes; one
 * that it left behind may print for ever. */
#define DRAIN_MAX (1u << 20)

/* A program may close its terminal and open it again; meanwhile reading gives EIO. */
#define CLOSED_AGAIN_US 200000

struct pty {
    struct loop *loop;
    int fd;
    char name[64];
    struct watch *watch;
    struct proc *proc;
    struct pty_ops ops;
    bool reading;
    bool told_short; /* the owner waits for writable */
    bool closed;     /* nobody has the other side open now: looked at again from time to time */
    bool ended;      /* the program has ended: exit is to be told when all is read */
    bool told;
    struct proc_exit exit;
    struct later finish;
    struct timer again;
    bool busy, dead;
};

static void watch_update(struct pty *p)
{
    int in = p->reading && !p->closed ? WATCH_IN : 0;
    int out = p->told_short && !p->closed ? WATCH_OUT : 0;
    watch_set(p->watch, in | out);
}

/* A read gives at most a page or so; a program that prints more than this is not done yet. */
#define PTY_MORE 2048

/* Fill the buffer as far as there is something. */
static size_t gather(struct pty *p, uint8_t bytes[static PTY_READ])
{
    size_t len = 0;
    ssize_t n;
    do {
        n = read(p->fd, bytes + len, PTY_READ - len);
        if (n > 0)
            len += (size_t)n;
    } while (n >= PTY_MORE && len + PTY_MORE <= PTY_READ);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        p->closed = true;
        timer_set(&p->again, loop_now_us(p->loop) + CLOSED_AGAIN_US);
    }
    return len;
}

/* Bytes handed over; 0: nothing there now, or nobody at the other side. */
static size_t read_some(struct pty *p)
{
    uint8_t bytes[PTY_READ];
    size_t len = gather(p, bytes);
    if (len)
        p->ops.data(p->ops.ctx, bytes, len);
    return len;
}

static void on_again(void *ctx)
{
    struct pty *p = ctx;
    if (p->ended)
        return;
    p->closed = false;
    watch_update(p);
}

/* The program is gone: hand over what the kernel still has (read() flushes the line discipline's
 * work first, so "nothing there" is the truth), then tell. */
static void drain(struct pty *p)
{
    for (size_t sum = 0, n; sum < DRAIN_MAX && p->reading && !p->dead; sum += n) {
        n = read_some(p);
        if (!n)
            break;
    }
    if (p->dead || !p->reading || p->told)
        return;
    p->told = true;
    p->closed = true; /* what is left behind on the terminal is not heard any more */
    timer_clear(&p->again);
    watch_update(p);
    p->ops.exited(p->ops.ctx, &p->exit);
}

static void leave(struct pty *p)
{
    p->busy = false;
    if (p->dead)
        free(p);
    else
        watch_update(p);
}

static void on_finish(void *ctx)
{
    struct pty *p = ctx;
    if (p->told || p->dead)
        return;
    p->busy = true;
    drain(p);
    leave(p);
}

static void on_ready(void *ctx, int events)
{
    struct pty *p = ctx;
    p->busy = true;
    if ((events & (WATCH_IN | WATCH_HUP)) && p->reading && !p->closed)
        read_some(p);
    if (!p->dead && (events & WATCH_OUT) && p->told_short) {
        p->told_short = false;
        p->ops.writable(p->ops.ctx);
    }
    leave(p);
}

static void on_exited(void *ctx, const struct proc_exit *e)
{
    struct pty *p = ctx;
    p->exit = *e;
    p->ended = true;
    p->told_short = false;
    later_set(&p->finish);
}

/* -- start -- */

static int open_slave(int master, const char *name)
{
#ifdef TIOCGPTPEER
    int fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        return fd; /* right even if another /dev/pts is mounted here */
#endif
    return open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static void set_size(int fd, const struct tty_size *s)
{
    struct winsize w = {.ws_col = s->cols ? s->cols : 80,
                        .ws_row = s->rows ? s->rows : 24,
                        .ws_xpixel = s->xpixel,
                        .ws_ypixel = s->ypixel};
    ioctl(fd, TIOCSWINSZ, &w);
}

static void set_modes(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t))
        return;
    t.c_iflag |= IUTF8;
    tcsetattr(fd, TCSANOW, &t);
}

/* In the child: the environment, and the terminal's name in it. */
static const char *const *name_terminal(const struct pty_config *c, const char *name)
{
    size_t n = 0, size = strlen(c->name_var) + strlen(name) + 2;
    while (c->env[n])
        n++;
    const char **env = mem_new(n + 2, sizeof *env);
    memcpy(env, c->env, n * sizeof *env);
    char *var = mem_new(size, 1);
    snprintf(var, size, "%s=%s", c->name_var, name);
    env[n] = var;
    return env;
}

static _Noreturn void run_child(const struct pty_config *c, const char *name, int slave, int err_fd)
{
    struct child child = {.fds = {slave, slave, slave},
                          .err_fd = err_fd,
                          .say = true,
                          .file = c->file,
                          .cwd = c->cwd,
                          .argv = c->argv,
                          .env = c->name_var ? name_terminal(c, name) : c->env};
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    child_exec(&child);
}

static int open_pair(struct pty *p, int *slave)
{
    p->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (p->fd < 0 || grantpt(p->fd) || unlockpt(p->fd) || ptsname_r(p->fd, p->name, sizeof p->name))
        return ERR_SYS;
    *slave = open_slave(p->fd, p->name);
    return *slave < 0 ? ERR_SYS : ERR_OK;
}

static int start(struct pty *p, const struct pty_config *c, int slave)
{
    int err[2];
    set_size(slave, &c->size);
    set_modes(slave);
    if (proc_prepare(p->loop) || watch_new(p->loop, p->fd, on_ready, p, &p->watch) ||
        pipe2(err, O_CLOEXEC | O_NONBLOCK))
        return ERR_SYS;
    pid_t pid = proc_fork();
    if (pid == 0)
        run_child(c, p->name, slave, err[1]);
    int e = errno;
    close(err[1]);
    if (pid < 0) {
        close(err[0]);
        errno = e;
        return ERR_SYS;
    }
    p->proc = proc_adopt(p->loop, pid, err[0], on_exited, p);
    return ERR_OK;
}

int pty_new(struct loop *l, const struct pty_config *c, const struct pty_ops *ops, struct pty **out)
{
    struct pty *p = mem_new(1, sizeof *p);
    int slave = -1;
    p->loop = l;
    p->fd = -1;
    p->ops = *ops;
    p->reading = true;
    later_init(&p->finish, l, on_finish, p);
    timer_init(&p->again, l, on_again, p);
    int r = open_pair(p, &slave);
    if (!r)
        r = start(p, c, slave);
    int e = errno;
    if (slave >= 0)
        close(slave);
    if (r) {
        pty_free(p);
        errno = e;
        return r;
    }
    watch_update(p);
    *out = p;
    return ERR_OK;
}

void pty_free(struct pty *p)
{
    if (!p || p->dead)
        return;
    p->dead = true;
    later_clear(&p->finish);
    timer_clear(&p->again);
    proc_free(p->proc);
    watch_free(p->watch);
    if (p->fd >= 0)
        close(p->fd);
    if (!p->busy)
        free(p);
}

size_t pty_write(struct pty *p, const void *bytes, size_t len)
{
    size_t done = 0;
    if (p->ended || p->closed)
        return len;
    while (done < len) {
        ssize_t n = write(p->fd, (const uint8_t *)bytes + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return len; /* the other side is closed: exited follows */
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    p->told_short = done < len;
    watch_update(p);
    return done;
}

void pty_resize(struct pty *p, const struct tty_size *size)
{
    set_size(p->fd, size);
}

void pty_read(struct pty *p, bool on)
{
    p->reading = on;
    watch_update(p);
    if (on && p->ended && !p->told)
        later_set(&p->finish);
}

bool pty_modes(struct pty *p, bool *echo, bool *canonical)
{
    struct termios t;
    if (tcgetattr(p->fd, &t))
        return false;
    *echo = t.c_lflag & ECHO;
    *canonical = t.c_lflag & ICANON;
    return true;
}

void pty_hangup(struct pty *p)
{
    pid_t leader = pty_pid(p);
    pid_t front = tcgetpgrp(p->fd);
    if (front > 0 && front != leader) {
        kill(-front, SIGHUP);
        kill(-front, SIGCONT);
    }
    if (leader > 0) {
        kill(-leader, SIGHUP);
        kill(-leader, SIGCONT);
    }
}

pid_t pty_pid(const struct pty *p)
{
    return p->proc ? proc_pid(p->proc) : 0;
}

const char *pty_name(const struct pty *p)
{
    return p->name;
}

int pty_master(const struct pty *p)
{
    return p->fd;
}
