#include "io/loop.h"

#include "base/mem.h"
#include "io/loop_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

uint64_t clock_boot_us(void)
{
    struct timespec ts;
    if (clock_gettime(CLOCK_BOOTTIME, &ts))
        BUG("no CLOCK_BOOTTIME");
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

uint64_t loop_now_us(struct loop *l)
{
    if (!l->now_known) {
        uint64_t now = clock_boot_us();
        if (now > l->now_us)
            l->now_us = now;
        l->now_known = true;
    }
    return l->now_us;
}

/* -- laters -- */

void later_init(struct later *d, struct loop *l, void (*call)(void *ctx), void *ctx)
{
    *d = (struct later){.call = call, .ctx = ctx, .loop = l};
    list_init(&d->node);
}

static void idle_noop(uv_idle_t *h)
{
}

void later_set(struct later *d)
{
    if (!list_empty(&d->node))
        return;
    list_add_tail(&d->loop->laters, &d->node);
    uv_idle_start(&d->loop->idle, idle_noop);
}

void later_clear(struct later *d)
{
    list_del(&d->node);
    if (list_empty(&d->loop->laters))
        uv_idle_stop(&d->loop->idle);
}

/* Everything of `from` to the end of the empty list `to`. */
static void list_move(struct list *from, struct list *to)
{
    list_init(to);
    if (list_empty(from))
        return;
    to->next = from->next;
    to->prev = from->prev;
    to->next->prev = to;
    to->prev->next = to;
    list_init(from);
}

/* The calls that wait now; those that they ask for wait for the next turn. */
static bool run_laters(struct loop *l)
{
    struct list due;
    bool ran = false;
    list_move(&l->laters, &due);
    while (!list_empty(&due)) {
        struct later *d = LIST_ITEM(due.next, struct later, node);
        list_del(&d->node);
        d->call(d->ctx);
        ran = true;
    }
    if (list_empty(&l->laters))
        uv_idle_stop(&l->idle);
    return ran;
}

/* -- timers -- */

void timer_init(struct timer *t, struct loop *l, void (*fire)(void *ctx), void *ctx)
{
    *t = (struct timer){.fire = fire, .ctx = ctx, .loop = l, .deadline_us = TIME_NEVER};
    list_init(&t->node);
}

void timer_clear(struct timer *t)
{
    list_del(&t->node);
    t->deadline_us = TIME_NEVER;
}

void timer_set(struct timer *t, uint64_t deadline_us)
{
    timer_clear(t);
    if (deadline_us == TIME_NEVER)
        return;
    t->deadline_us = deadline_us;
    struct list *at = t->loop->timers.next;
    while (at != &t->loop->timers && LIST_ITEM(at, struct timer, node)->deadline_us <= deadline_us)
        at = at->next;
    list_add_tail(at, &t->node); /* in front of `at` */
}

static void run_timers(struct loop *l)
{
    uint64_t now = loop_now_us(l);
    struct list due;
    list_init(&due);
    while (!list_empty(&l->timers)) {
        struct timer *t = LIST_ITEM(l->timers.next, struct timer, node);
        if (t->deadline_us > now)
            break;
        list_del(&t->node);
        list_add_tail(&due, &t->node);
    }
    while (!list_empty(&due)) {
        struct timer *t = LIST_ITEM(due.next, struct timer, node);
        timer_clear(t);
        t->fire(t->ctx);
    }
}

static void on_timer_fd(void *ctx, int events)
{
    struct loop *l = ctx;
    uint64_t times;
    if (read(l->timer_fd, &times, sizeof times) < 0)
        return;
    l->armed_us = TIME_NEVER;
    run_timers(l);
}

/* Set the descriptor to the first deadline, at most once per turn. */
static void arm_timer(struct loop *l)
{
    uint64_t first = TIME_NEVER;
    if (!list_empty(&l->timers))
        first = LIST_ITEM(l->timers.next, struct timer, node)->deadline_us;
    /* Armed for earlier: it wakes us once for nothing and is armed anew. Deadlines that move on
     * with each packet would else cost a system call each, a sixth of all time in bulk. */
    if (first == l->armed_us || (first != TIME_NEVER && l->armed_us < first))
        return;
    struct itimerspec spec = {0};
    if (first != TIME_NEVER) {
        uint64_t us = first ? first : 1; /* 0 would disarm */
        if (us / 1000000u > INT32_MAX)   /* as good as never, and safe for any time_t */
            us = (uint64_t)INT32_MAX * 1000000u;
        spec.it_value.tv_sec = (time_t)(us / 1000000u);
        spec.it_value.tv_nsec = (long)(us % 1000000u) * 1000;
    }
    if (timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL))
        BUG("timerfd_settime");
    l->armed_us = first;
}

/* -- turns -- */

struct watch {
    uv_poll_t uv;
    void (*ready)(void *ctx, int events);
    void *ctx;
    int events;
};

static void before_sleep(uv_prepare_t *h)
{
    struct loop *l = h->data;
    run_laters(l);
    arm_timer(l);
    uv_handle_t *timer = (uv_handle_t *)&l->timer_watch->uv;
    if (list_empty(&l->timers))
        uv_unref(timer);
    else
        uv_ref(timer);
    l->now_known = false;
}

static void handles_init(struct loop *l)
{
    uv_prepare_init(&l->uv, &l->prepare);
    l->prepare.data = l;
    uv_prepare_start(&l->prepare, before_sleep);
    uv_unref((uv_handle_t *)&l->prepare);
    uv_idle_init(&l->uv, &l->idle);
}

struct loop *loop_new(void)
{
    struct loop *l = mem_new(1, sizeof *l);
    signal(SIGPIPE, SIG_IGN);
    list_init(&l->timers);
    list_init(&l->laters);
    l->armed_us = TIME_NEVER;
    l->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (l->timer_fd < 0) {
        free(l);
        return NULL;
    }
    int r = uv_loop_init(&l->uv);
    if (r) {
        close(l->timer_fd);
        free(l);
        errno = -r;
        return NULL;
    }
    handles_init(l);
    if (watch_new(l, l->timer_fd, on_timer_fd, l, &l->timer_watch))
        BUG("timerfd cannot be polled");
    watch_set(l->timer_watch, WATCH_IN);
    uv_unref((uv_handle_t *)&l->timer_watch->uv);
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    reaper_free(l);
    watch_free(l->timer_watch);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    while (uv_run(&l->uv, UV_RUN_NOWAIT))
        ;
    if (uv_loop_close(&l->uv))
        BUG("something is still on the loop");
    close(l->timer_fd);
    free(l);
}

/* Timers set since the last sleep must keep the loop alive before it looks whether it is. */
static void note_timers(struct loop *l)
{
    if (!list_empty(&l->timers))
        uv_ref((uv_handle_t *)&l->timer_watch->uv);
}

void loop_run(struct loop *l)
{
    note_timers(l);
    /* A callback may set the first timer when nothing else is left: uv_run then returns early. */
    while (uv_run(&l->uv, UV_RUN_DEFAULT) == 0 && !list_empty(&l->timers) && !l->stopped)
        note_timers(l);
    l->stopped = false;
}

bool loop_turn(struct loop *l, bool wait)
{
    note_timers(l);
    if (run_laters(l))
        wait = false;
    note_timers(l);
    int alive = uv_run(&l->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    return alive || !list_empty(&l->timers);
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
    uv_stop(&l->uv);
}

int loop_forked(struct loop *l)
{
    int r = uv_loop_fork(&l->uv);
    errno = -r;
    if (r)
        return ERR_SYS;
    int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0)
        return ERR_SYS;
    watch_free(l->timer_watch);
    close(l->timer_fd); /* the parent's goes on */
    l->timer_fd = fd;
    l->armed_us = TIME_NEVER;
    if (watch_new(l, fd, on_timer_fd, l, &l->timer_watch))
        return ERR_SYS;
    watch_set(l->timer_watch, WATCH_IN);
    uv_unref((uv_handle_t *)&l->timer_watch->uv);
    if (l->reaper)
        reaper_free(l);
    return ERR_OK;
}

/* -- watches -- */

static void on_poll(uv_poll_t *h, int status, int events)
{
    struct watch *w = h->data;
    int told = 0;
    if (status < 0) { /* EPOLLERR: libuv stopped watching; the owner's read or write says why */
        int again = w->events;
        told = again | WATCH_HUP;
        w->events = 0;
        watch_set(w, again);
    }
    if (events & UV_READABLE)
        told |= WATCH_IN;
    if (events & UV_WRITABLE)
        told |= WATCH_OUT;
    if (events & UV_DISCONNECT)
        told |= WATCH_HUP;
    w->ready(w->ctx, told);
}

int watch_new(struct loop *l, int fd, void (*ready)(void *ctx, int events), void *ctx,
              struct watch **out)
{
    struct watch *w = mem_new(1, sizeof *w);
    int r = uv_poll_init(&l->uv, &w->uv, fd);
    if (r) {
        free(w);
        errno = -r;
        return ERR_SYS;
    }
    w->uv.data = w;
    w->ready = ready;
    w->ctx = ctx;
    *out = w;
    return ERR_OK;
}

void watch_set(struct watch *w, int events)
{
    events &= WATCH_IN | WATCH_OUT | WATCH_HUP;
    if (events == w->events)
        return;
    w->events = events;
    if (!events) {
        uv_poll_stop(&w->uv);
        return;
    }
    int uv = (events & WATCH_IN ? UV_READABLE : 0) | (events & WATCH_OUT ? UV_WRITABLE : 0) |
             (events & WATCH_HUP ? UV_DISCONNECT : 0);
    if (uv_poll_start(&w->uv, uv, on_poll))
        BUG("uv_poll_start");
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

void watch_free(struct watch *w)
{
    if (w)
        uv_close((uv_handle_t *)&w->uv, on_closed);
}
