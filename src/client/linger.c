#include "client/linger.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* A run of the loop that ends with the goodbye, or at its time. */
struct run {
    const struct linger *linger;
    uint64_t until_us;
};

static void turn(void *ctx)
{
    const struct run *r = ctx;
    const struct linger *g = r->linger;
    uint64_t now_us = loop_now_us(g->loop), at = g->send(g->end, now_us);
    if (!g->lingers(g->end, now_us) || now_us >= r->until_us)
        loop_stop(g->loop);
    else
        timer_set(g->timer, at < r->until_us ? at : r->until_us);
}

/* Whether the goodbye is through. */
static bool run(const struct linger *g, uint64_t until_us)
{
    struct run r = {g, until_us};
    timer_clear(g->timer);
    later_clear(g->later);
    timer_init(g->timer, g->loop, turn, &r);
    later_init(g->later, g->loop, turn, &r);
    later_set(g->later);
    loop_run(g->loop);
    timer_clear(g->timer);
    later_clear(g->later);
    return !g->lingers(g->end, loop_now_us(g->loop));
}

/* True in the child, whose loop runs on; false in the parent, also if there is no child. */
static bool fork_away(struct loop *l)
{
    fflush(NULL);
    /* If we lead the terminal's session, our end hangs up on the child before it can leave it. */
    signal(SIGHUP, SIG_IGN);
    if (fork() != 0)
        return false;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2 && null >= 0; fd++)
        dup2(null, fd);
    setsid();
    if (loop_forked(l))
        _exit(0);
    return true;
}

void linger_see_through(const struct linger *g)
{
    uint64_t now_us = loop_now_us(g->loop);
    struct path_ref path;
    if (!g->lingers(g->end, now_us))
        return;
    bool piped = link_path(g->link, &path) && path.kind == PATH_PIPE;
    if ((piped && run(g, now_us + LINGER_PIPE_US)) || !fork_away(g->loop))
        return;
    run(g, UINT64_MAX);
    _exit(0);
}
