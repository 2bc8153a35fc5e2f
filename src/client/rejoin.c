#include "client/rejoin.h"

#include "base/mem.h"
#include "io/pipe.h"
#include "io/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rejoin {
    struct loop *loop;
    struct rejoin_ops ops;
    const char *server_command;
    const char *shared_command; /* NULL: it was tried */
    bool shared;                /* the newest attempt */
    const struct log *log;
    char mark[CONNECT_SESSION_MAX + 32]; /* begins with CONNECT_JOIN_MARK, ends with the id */
    const char *id;
    struct timer timer;
    uint64_t pause_us;
    struct proc *proc;
    struct pipe *complaints; /* its stderr: the screen is ours now */
    int err;                 /* the descriptor of that, ours */
    char line[120];          /* the last that was said there */
    bool line_over;
};

/* 1 is tern-server's own refusal; 127 and signals say nothing about the session. */
#define STATUS_REFUSED 1

static void on_complaint(void *ctx, const uint8_t *bytes, size_t len)
{
    struct rejoin *r = ctx;
    for (size_t i = 0; i < len; i++) {
        size_t n = strlen(r->line);
        if (bytes[i] == '\n' || bytes[i] == '\r') {
            r->line_over = true;
            continue;
        }
        if (r->line_over)
            n = 0;
        r->line_over = false;
        if (n + 1 < sizeof r->line) {
            r->line[n] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '?';
            r->line[n + 1] = 0;
        }
    }
}

/* One that goes by the bootstrap's master waits with it, for as long as that hangs. */
static void drop(struct rejoin *r)
{
    if (r->proc && r->shared)
        proc_kill(r->proc, SIGTERM);
    proc_free(r->proc);
    r->proc = NULL;
    if (r->complaints)
        close(r->err);
    pipe_free(r->complaints);
    r->complaints = NULL;
}

static void on_relay_exit(void *ctx, const struct proc_exit *e)
{
    struct rejoin *r = ctx;
    uint8_t bytes[512];
    ssize_t n;
    while (r->complaints && (n = read(r->err, bytes, sizeof bytes)) > 0)
        on_complaint(r, bytes, (size_t)n);
    drop(r);
    log_line(r->log, LOG_INFO, "client", "relay ended, status %d signal %d: %s", e->status,
             e->signal, r->line);
    if (!e->signal && e->status == STATUS_REFUSED) {
        r->ops.unknown(r->ops.ctx);
        return;
    }
    if (!r->line[0])
        snprintf(r->line, sizeof r->line, "ended with %s %d", e->signal ? "signal" : "status",
                 e->signal ? e->signal : e->status);
    if (r->ops.failed)
        r->ops.failed(r->ops.ctx, r->line);
}

/* Starts it with a pipe as its stderr. */
static int run(struct rejoin *r, struct proc_config *pc, struct boot_pipe *p)
{
    int err[2];
    if (pipe2(err, O_CLOEXEC))
        return ERR_SYS;
    r->err = err[0];
    pc->stderr_fd = err[1];
    int bad = proc_new(r->loop, pc, &p->in, &p->out, &r->proc);
    close(err[1]);
    if (!bad && !pipe_new(r->loop, r->err, -1, PIPE_KEEP_FILE, 0,
                          &(struct pipe_ops){.data = on_complaint, .ctx = r}, &r->complaints))
        return ERR_OK;
    close(err[0]);
    return bad;
}

static void attempt(void *ctx)
{
    struct rejoin *r = ctx;
    struct boot_pipe p = {.in = -1, .out = -1, .mark = r->mark};
    struct boot_command cmd;
    drop(r); /* a relay whose pipe broke; it ends by itself */
    r->line[0] = 0;
    r->line_over = false;
    r->pause_us = r->pause_us * 2 < REJOIN_MOST_US ? r->pause_us * 2 : REJOIN_MOST_US;
    r->shared = r->shared_command != NULL;
    boot_command_init(&cmd, r->shared ? r->shared_command : r->server_command,
                      (const char *const[]){"--join", r->id, NULL});
    r->shared_command = NULL;
    int err = run(r,
                  &(struct proc_config){.file = cmd.argv[0],
                                        .argv = (const char *const *)cmd.argv,
                                        .new_session = true, /* no part of ~^Z */
                                        .exited = on_relay_exit,
                                        .ctx = r},
                  &p);
    boot_command_fini(&cmd);
    log_line(r->log, LOG_INFO, "client", "joining %s again: %s", r->id,
             err ? strerror(errno) : "relay started");
    if (err)
        rejoin_ask(r);
    else
        r->ops.pipe(r->ops.ctx, &p);
}

bool rejoin_shared(const struct rejoin *r)
{
    return r->shared;
}

void rejoin_ask(struct rejoin *r)
{
    timer_set(&r->timer, loop_now_us(r->loop) + r->pause_us);
}

void rejoin_now(struct rejoin *r)
{
    timer_set(&r->timer, loop_now_us(r->loop));
}

void rejoin_works(struct rejoin *r)
{
    r->pause_us = REJOIN_FIRST_US;
}

struct rejoin *rejoin_new(struct loop *l, const struct rejoin_config *c,
                          const struct rejoin_ops *ops)
{
    struct rejoin *r = mem_new(1, sizeof *r);
    r->loop = l;
    r->ops = *ops;
    r->server_command = c->server_command;
    r->shared_command = c->shared_command;
    r->log = c->log;
    r->pause_us = REJOIN_FIRST_US;
    snprintf(r->mark, sizeof r->mark, CONNECT_JOIN_MARK "%s.%u", c->session, c->route);
    r->id = r->mark + strlen(CONNECT_JOIN_MARK);
    timer_init(&r->timer, l, attempt, r);
    return r;
}

void rejoin_free(struct rejoin *r)
{
    if (!r)
        return;
    timer_clear(&r->timer);
    drop(r);
    free(r);
}
