#include "io/signals.h"

#include "base/mem.h"
#include "io/loop_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct sigwatch {
    uv_signal_t uv;
    void (*fire)(void *ctx, int signum);
    void *ctx;
};

static void on_signal(uv_signal_t *h, int signum)
{
    struct sigwatch *s = h->data;
    s->fire(s->ctx, signum);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

int sigwatch_new(struct loop *l, int signum, void (*fire)(void *ctx, int signum), void *ctx,
                 struct sigwatch **out)
{
    struct sigwatch *s = mem_new(1, sizeof *s);
    int r = uv_signal_init(&l->uv, &s->uv);
    if (r) {
        free(s);
        errno = -r;
        return ERR_SYS;
    }
    s->uv.data = s;
    s->fire = fire;
    s->ctx = ctx;
    r = uv_signal_start(&s->uv, on_signal, signum);
    if (r) {
        uv_close((uv_handle_t *)&s->uv, on_closed);
        errno = -r;
        return ERR_SYS;
    }
    /* A signal that might come is no reason to stay. */
    uv_unref((uv_handle_t *)&s->uv);
    *out = s;
    return ERR_OK;
}

void sigwatch_keep(struct sigwatch *s, bool keep)
{
    if (keep)
        uv_ref((uv_handle_t *)&s->uv);
    else
        uv_unref((uv_handle_t *)&s->uv);
}

void sigwatch_free(struct sigwatch *s)
{
    if (s)
        uv_close((uv_handle_t *)&s->uv, on_closed);
}

void signals_reset(void)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int s = 1; s < NSIG; s++)
        sigaction(s, &dfl, NULL); /* SIGKILL, SIGSTOP and glibc's own: refused, as it should be */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

const char *signal_name(int signum)
{
    const char *name = sigabbrev_np(signum);
    return name ? name : "?";
}

int signal_number(const char *name)
{
    for (int s = 1; s < NSIG; s++) {
        const char *n = sigabbrev_np(s);
        if (n && !strcmp(n, name))
            return s;
    }
    return 0;
}
