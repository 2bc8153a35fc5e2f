#include "server/names.h"

#include "base/mem.h"
#include "io/pipe.h"
#include "server/admin.h"
#include "server/control.h"

#include <stdlib.h>
#include <string.h>

/* Somebody else chooses a name: until he has. */
#define LOCK_RETRY_US 10000u

/* One other server. */
struct peer {
    struct names *names;
    struct pipe *pipe; /* NULL: it has answered, or never will */
    struct buf in;
};

struct names {
    struct loop *loop;
    const struct sockdir *dir;
    char own[SOCKDIR_NAME];
    void (*done)(void *ctx);
    void *ctx;
    struct timer timer;
    uint64_t until_us;
    int lock;
    bool asked;
    struct peer *peers; /* owned, as the next */
    size_t peer_count, waiting;
    char (*name)[SESSION_NAME_MAX + 1];
    size_t count;
};

static void check_done(struct names *n)
{
    if (!n->waiting)
        timer_set(&n->timer, loop_now_us(n->loop));
}

/* Not from within a call of its pipe: that is freed with the peer. */
static void peer_over(struct peer *p)
{
    if (!p->names)
        return;
    p->names->waiting--;
    check_done(p->names);
    p->names = NULL;
}

static void add_names(struct names *n, const struct control_answer *a)
{
    for (size_t i = 0; i < a->sessions && n->count < NAMES_MAX; i++) {
        n->name = mem_resize(n->name, n->count + 1, sizeof *n->name);
        memcpy(n->name[n->count++], a->session[i].name, sizeof *n->name);
    }
}

static void on_answer(void *ctx, const uint8_t *bytes, size_t len)
{
    struct peer *p = ctx;
    size_t used;
    if (!p->names)
        return;
    buf_put(&p->in, bytes, len);
    struct control_answer *a = mem_new(1, sizeof *a);
    int got =
        buf_err(&p->in) ? ERR_CAP : control_get_answer(buf_data(&p->in), buf_len(&p->in), a, &used);
    if (got == 1)
        add_names(p->names, a);
    if (got)
        peer_over(p);
    free(a);
}

static void on_eof(void *ctx)
{
    peer_over(ctx);
}

static void on_failed(void *ctx, int sys_errno)
{
    (void)sys_errno;
    peer_over(ctx);
}

static void ask(struct names *n, struct peer *p, const char *socket)
{
    struct pipe_ops ops = {.data = on_answer, .eof = on_eof, .failed = on_failed, .ctx = p};
    struct buf request;
    int fd;
    buf_init(&p->in, CONTROL_MAX + 4);
    if (sockdir_connect(n->dir, socket, &fd))
        return;
    if (pipe_new(n->loop, fd, fd, PIPE_OWN, CONTROL_MAX + 4, &ops, &p->pipe)) {
        p->pipe = NULL;
        return;
    }
    p->names = n;
    n->waiting++;
    buf_init(&request, CONTROL_MAX + 4);
    control_put_request(&request, &(struct control_request){.verb = CONTROL_LS});
    if (!pipe_write_all(p->pipe, buf_data(&request), buf_len(&request)))
        peer_over(p);
    buf_fini(&request);
}

static void ask_all(struct names *n)
{
    char(*names)[SOCKDIR_NAME] = mem_new(SOCKDIR_LIST, sizeof *names);
    size_t count = sockdir_list(n->dir, "s-", names, SOCKDIR_LIST);
    n->asked = true;
    n->peers = mem_new(count ? count : 1, sizeof *n->peers);
    n->peer_count = count;
    n->until_us = loop_now_us(n->loop) + NAMES_WAIT_US;
    timer_set(&n->timer, n->until_us);
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], n->own))
            ask(n, &n->peers[i], names[i]);
    check_done(n);
    free(names);
}

/* First the lock, then the answers. */
static void on_timer(void *ctx)
{
    struct names *n = ctx;
    uint64_t now_us = loop_now_us(n->loop);
    if (n->asked) {
        n->done(n->ctx);
        return;
    }
    bool held = admin_lock_now(&n->lock);
    if (!held && now_us < n->until_us)
        timer_set(&n->timer, now_us + LOCK_RETRY_US);
    else
        ask_all(n);
}

struct names *names_new(struct loop *l, const struct sockdir *dir, const char *own,
                        void (*done)(void *ctx), void *ctx)
{
    struct names *n = mem_new(1, sizeof *n);
    *n = (struct names){.loop = l, .dir = dir, .done = done, .ctx = ctx, .lock = -1};
    memcpy(n->own, own, strnlen(own, sizeof n->own - 1));
    n->until_us = loop_now_us(l) + NAMES_WAIT_US;
    timer_init(&n->timer, l, on_timer, n);
    timer_set(&n->timer, loop_now_us(l));
    return n;
}

void names_free(struct names *n)
{
    if (!n)
        return;
    timer_clear(&n->timer);
    for (size_t i = 0; i < n->peer_count; i++) {
        pipe_free(n->peers[i].pipe);
        buf_fini(&n->peers[i].in);
    }
    admin_unlock(n->lock);
    free(n->peers);
    free(n->name);
    free(n);
}

bool names_has(const struct names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (!strcmp(n->name[i], name))
            return true;
    return false;
}
