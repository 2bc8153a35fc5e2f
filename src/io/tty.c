#include "io/tty.h"

#include "base/mem.h"
#include "io/pipe.h"
#include "io/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* -- the guard: all that a signal handler may touch; what it reads is never freed before its place
 * in `guards` is empty -- */

static const int guarded[] = {SIGTERM, SIGHUP,  SIGINT, SIGQUIT, SIGALRM, SIGSEGV,
                              SIGBUS,  SIGABRT, SIGFPE, SIGILL,  SIGSYS,  SIGTRAP};
#define GUARDED (sizeof guarded / sizeof *guarded)

/* Pauses of 100 ms for terminals that take nothing, all together. */
#define GUARD_TRIES 10

struct guard_bytes {
    uint8_t bytes[TTY_GUARD_MAX];
    size_t len;
};

struct guard {
    int fd;
    bool modes; /* to be put back: `found` */
    struct termios found;
    struct guard_bytes texts[2]; /* the handler reads texts[current]; the other is written */
    volatile sig_atomic_t current;
};

static struct guard *volatile guards[TTY_GUARDS];
static struct sigaction guard_old[GUARDED];
static bool guard_exits; /* atexit is registered */

struct tty {
    struct loop *loop;
    struct pipe *pipe;
    struct tty_ops ops;
    int out; /* the caller's */
    bool own, raw;
    bool lost;
    struct termios found;
    struct guard guard;
    struct sigwatch *winch, *cont, *tstp;
};

void tty_guard_set(struct tty *t, const void *bytes, size_t len)
{
    struct guard *g = &t->guard;
    int next = !g->current;
    if (len > TTY_GUARD_MAX)
        len = TTY_GUARD_MAX;
    if (len)
        memcpy(g->texts[next].bytes, bytes, len);
    g->texts[next].len = len;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    g->current = next;
}

/* Async-signal-safe. */
static void write_all(int fd, const uint8_t *p, size_t len, int *tries)
{
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
            continue;
        }
        if ((n < 0 && errno != EAGAIN && errno != EINTR) || !*tries)
            return;
        struct pollfd f = {.fd = fd, .events = POLLOUT};
        poll(&f, 1, 100);
        --*tries;
    }
}

void tty_guard_restore(void)
{
    int e = errno, tries = GUARD_TRIES;
    for (size_t i = 0; i < TTY_GUARDS; i++) {
        const struct guard *g = guards[i];
        if (!g)
            continue;
        guards[i] = NULL;
        const struct guard_bytes *t = &g->texts[g->current];
        write_all(g->fd, t->bytes, t->len, &tries);
        if (g->modes)
            tcsetattr(g->fd, TCSANOW, &g->found);
    }
    errno = e;
}

static void on_fatal(int signum)
{
    tty_guard_restore();
    /* Die of the same signal, or hand it to whoever listened before us. */
    for (size_t i = 0; i < GUARDED; i++)
        if (guarded[i] == signum)
            sigaction(signum, &guard_old[i], NULL);
    raise(signum);
}

static void listen_fatal(void)
{
    struct sigaction ours = {.sa_handler = on_fatal, .sa_flags = SA_NODEFER};
    sigemptyset(&ours.sa_mask);
    if (!guard_exits)
        atexit(tty_guard_restore);
    guard_exits = true;
    for (size_t i = 0; i < GUARDED; i++) {
        struct sigaction now;
        if (sigaction(guarded[i], NULL, &now) || now.sa_handler == on_fatal)
            continue;
        guard_old[i] = now;
        if (now.sa_handler == SIG_DFL) /* ignored (nohup) stays so; a sigwatch has its place */
            sigaction(guarded[i], &ours, NULL);
    }
}

static void guard_arm(struct tty *t)
{
    struct guard *g = &t->guard;
    size_t free_place = TTY_GUARDS;
    g->fd = pipe_out_fd(t->pipe);
    g->modes = t->own;
    g->found = t->found;
    for (size_t i = TTY_GUARDS; i-- > 0;)
        if (!guards[i] || guards[i] == g)
            free_place = i;
    if (free_place < TTY_GUARDS)
        guards[free_place] = g;
    listen_fatal();
}

static void guard_disarm(struct tty *t)
{
    bool others = false;
    for (size_t i = 0; i < TTY_GUARDS; i++) {
        if (guards[i] == &t->guard)
            guards[i] = NULL;
        others |= guards[i] != NULL;
    }
    for (size_t i = 0; i < GUARDED && !others; i++) {
        struct sigaction now;
        if (sigaction(guarded[i], NULL, &now) == 0 && now.sa_handler == on_fatal)
            sigaction(guarded[i], &guard_old[i], NULL);
    }
}

/* -- the terminal -- */

static void lost(struct tty *t)
{
    if (t->lost)
        return;
    t->lost = true;
    if (t->ops.lost)
        t->ops.lost(t->ops.ctx);
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct tty *t = ctx;
    if (t->ops.data)
        t->ops.data(t->ops.ctx, bytes, len);
}

static void on_eof(void *ctx)
{
    lost(ctx);
}

static void on_failed(void *ctx, int sys_errno)
{
    lost(ctx);
}

static void on_writable(void *ctx)
{
    struct tty *t = ctx;
    if (t->ops.writable)
        t->ops.writable(t->ops.ctx);
}

static void on_winch(void *ctx, int signum)
{
    struct tty *t = ctx;
    struct tty_size size = tty_size(t);
    if (t->ops.resized)
        t->ops.resized(t->ops.ctx, &size);
}

static int raw_now(struct tty *t)
{
    struct termios raw = t->found;
    cfmakeraw(&raw);
    raw.c_iflag |= t->found.c_iflag & IUTF8;
    return tcsetattr(pipe_out_fd(t->pipe), TCSANOW, &raw) ? ERR_SYS : ERR_OK;
}

static void on_cont(void *ctx, int signum)
{
    struct tty *t = ctx;
    if (!t->raw)
        return;
    /* The shell may have changed the modes while we were stopped: those are the ones to keep. */
    struct termios now;
    if (tcgetattr(pipe_out_fd(t->pipe), &now) == 0 && (now.c_lflag & ICANON))
        t->found = now;
    if (raw_now(t)) {
        lost(t);
        return;
    }
    guard_arm(t);
    if (t->ops.resumed)
        t->ops.resumed(t->ops.ctx);
}

static void on_tstp(void *ctx, int signum)
{
    struct tty *t = ctx;
    if (t->ops.stop)
        t->ops.stop(t->ops.ctx);
    else
        tty_suspend(t);
}

static int listen_signals(struct tty *t)
{
    int r = sigwatch_new(t->loop, SIGWINCH, on_winch, t, &t->winch);
    if (!r)
        r = sigwatch_new(t->loop, SIGCONT, on_cont, t, &t->cont);
    if (!r)
        r = sigwatch_new(t->loop, SIGTSTP, on_tstp, t, &t->tstp);
    return r;
}

/* Anew, and nothing else: O_NONBLOCK on the passed one would be on it for all who have it. */
static int reopen(int fd, int mode)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int open_passed(struct tty *t, int in, const struct pipe_ops *ops)
{
    int from = reopen(in, O_RDONLY), to = from < 0 ? -1 : reopen(t->out, O_WRONLY);
    if (to < 0) {
        int e = errno;
        if (from >= 0)
            close(from);
        errno = e;
        return ERR_SYS;
    }
    int r = pipe_new(t->loop, from, to, PIPE_OWN, TTY_QUEUE, ops, &t->pipe);
    if (!r)
        guard_arm(t);
    return r;
}

int tty_new(struct loop *l, int in, int out, bool own, const struct tty_ops *ops,
            struct tty **out_tty)
{
    struct pipe_ops pops = {.data = on_data,
                            .eof = on_eof,
                            .failed = on_failed,
                            .writable = on_writable,
                            .drained = on_writable};
    if (!isatty(in) || !isatty(out))
        return ERR_STATE;
    struct tty *t = mem_new(1, sizeof *t);
    t->loop = l;
    t->ops = *ops;
    t->out = out;
    t->own = own;
    pops.ctx = t;
    int r = tcgetattr(out, &t->found) ? ERR_SYS : ERR_OK;
    if (!r)
        r = own ? pipe_new(l, in, out, 0, TTY_QUEUE, &pops, &t->pipe) : open_passed(t, in, &pops);
    if (!r && own)
        r = listen_signals(t);
    if (r) {
        int e = errno;
        tty_free(t);
        errno = e;
        return r;
    }
    *out_tty = t;
    return ERR_OK;
}

int tty_raw(struct tty *t)
{
    if (raw_now(t))
        return ERR_SYS;
    t->raw = true;
    if (t->own)
        guard_arm(t);
    return ERR_OK;
}

void tty_cooked(struct tty *t)
{
    if (!t->raw)
        return;
    pipe_flush(t->pipe, 1000000);
    tcsetattr(pipe_out_fd(t->pipe), TCSANOW, &t->found);
    t->raw = false;
    if (t->own)
        guard_disarm(t);
}

void tty_free(struct tty *t)
{
    if (!t)
        return;
    tty_cooked(t);
    if (!t->own)
        guard_disarm(t);
    sigwatch_free(t->winch);
    sigwatch_free(t->cont);
    sigwatch_free(t->tstp);
    pipe_free(t->pipe);
    free(t);
}

size_t tty_write(struct tty *t, const void *bytes, size_t len)
{
    return pipe_write(t->pipe, bytes, len);
}

size_t tty_queued(const struct tty *t)
{
    return pipe_queued(t->pipe);
}

size_t tty_room(const struct tty *t)
{
    return pipe_room(t->pipe);
}

bool tty_flush(struct tty *t, uint64_t wait_us)
{
    return pipe_flush(t->pipe, wait_us);
}

void tty_read(struct tty *t, bool on)
{
    pipe_read(t->pipe, on);
}

struct tty_size tty_size(const struct tty *t)
{
    struct winsize w;
    if (ioctl(t->out, TIOCGWINSZ, &w) || !w.ws_col || !w.ws_row)
        return (struct tty_size){.cols = 80, .rows = 24};
    return (struct tty_size){w.ws_col, w.ws_row, w.ws_xpixel, w.ws_ypixel};
}

void tty_suspend(struct tty *t)
{
    pipe_flush(t->pipe, 1000000);
    guard_disarm(t);
    tcsetattr(pipe_out_fd(t->pipe), TCSANOW, &t->found);
    /* SIGTSTP is ours to hear; SIGSTOP stops the whole pipeline that the shell started. */
    kill(0, SIGSTOP);
}
