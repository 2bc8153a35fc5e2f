#include "client/rejoin.h"

#include "base/mem.h"
#include "io/proc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rejoin {
    struct loop *loop;
    struct rejoin_ops ops;
    const char *server_command;
    const struct log *log;
    char mark[CONNECT_SESSION_MAX + 32]; /* begins with CONNECT_JOIN_MARK, ends with the id */
    const char *id;
    struct timer timer;
    uint64_t pause_us;
    struct proc *proc;
};

/* 1 is tern-server's own refusal; 127 and signals say nothing about the session. */
#define STATUS_REFUSED 1

static void on_relay_exit(void *ctx, const struct proc_exit *e)
{
    struct rejoin *r = ctx;
    proc_free(r->proc);
    r->proc = NULL;
    log_line(r->log, LOG_INFO, "client", "relay ended, status %d signal %d", e->status, e->signal);
    if (!e->signal && e->status == STATUS_REFUSED)
        r->ops.unknown(r->ops.ctx);
}

static void attempt(void *ctx)
{
    struct rejoin *r = ctx;
    struct boot_pipe p = {.in = -1, .out = -1, .mark = r->mark};
    struct boot_command cmd;
    proc_free(r->proc); /* of a relay whose pipe broke; it ends by itself */
    r->proc = NULL;
    r->pause_us = r->pause_us * 2 < REJOIN_MOST_US ? r->pause_us * 2 : REJOIN_MOST_US;
    boot_command_init(&cmd, r->server_command, (const char *const[]){"--join", r->id, NULL});
    int err = proc_new(r->loop,
                       &(struct proc_config){.file = cmd.argv[0],
                                             .argv = (const char *const *)cmd.argv,
                                             .new_session = true, /* no part of ~^Z */
                                             .stderr_null = true, /* the screen is ours now */
                                             .exited = on_relay_exit,
                                             .ctx = r},
                       &p.in, &p.out, &r->proc);
    boot_command_fini(&cmd);
    log_line(r->log, LOG_INFO, "client", "joining %s again: %s", r->id,
             err ? strerror(errno) : "relay started");
    if (err)
        rejoin_ask(r);
    else
        r->ops.pipe(r->ops.ctx, &p);
}

void rejoin_ask(struct rejoin *r)
{
    timer_set(&r->timer, loop_now_us(r->loop) + r->pause_us);
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
    proc_free(r->proc);
    free(r);
}
