/* Ptys of the sessions. */
#include "base/mem.h"
#include "server/serve.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* After a hangup a program has this long to end before its session does without it. */
#define HANGUP_US 2000000u

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct terminal *t = ctx;
    server_session_output(t->serve->end, t->sid, bytes, len, loop_now_us(t->serve->loop));
    serve_wake(t->serve);
}

static void on_writable(void *ctx)
{
    serve_wake(((struct terminal *)ctx)->serve);
}

static void on_exited(void *ctx, const struct proc_exit *e)
{
    struct terminal *t = ctx;
    if (t->gone)
        return; /* given up after a hangup, and then it did end */
    t->gone = true;
    timer_clear(&t->hangup);
    server_session_exited(t->serve->end, t->sid, e->status, e->signal, loop_now_us(t->serve->loop));
    serve_wake(t->serve);
}

static void on_hangup_timeout(void *ctx)
{
    struct terminal *t = ctx;
    on_exited(t, &(struct proc_exit){.signal = SIGHUP});
}

int terminal_open(struct serve *s, uint32_t sid, const struct pty_config *c)
{
    struct terminal *t = mem_new(1, sizeof *t);
    struct pty_ops ops = {on_data, on_writable, on_exited, t};
    t->serve = s;
    t->sid = sid;
    timer_init(&t->hangup, s->loop, on_hangup_timeout, t);
    int err = pty_new(s->loop, c, &ops, &t->pty);
    if (err) {
        free(t);
        return err;
    }
    list_add_tail(&s->terminals, &t->node);
    return ERR_OK;
}

/* Written by us, before the program can print. */
static void greet(struct serve *s, uint32_t sid, const struct child *child)
{
    struct buf text;
    buf_init(&text, MOTD_MAX + 4096);
    child_greet(child, &lastlogin_files, s->warning, &text);
    server_session_output(s->end, sid, buf_data(&text), buf_len(&text), loop_now_us(s->loop));
    buf_fini(&text);
}

int terminal_new(struct serve *s, uint32_t sid, const struct start_record *r)
{
    struct child child;
    child_init(&child, r, s->o->command);
    lent_dress(s->lent, sid, &child);
    greet(s, sid, &child);
    int err = terminal_open(s, sid,
                            &(struct pty_config){
                                .file = child.file,
                                .argv = (const char *const *)child.argv.item,
                                .env = (const char *const *)child.env.item,
                                .name_var = child.ssh ? "SSH_TTY" : NULL,
                                .cwd = child.home,
                                .size = {.cols = r->cols, .rows = r->rows},
                            });
    if (!err && child.ssh)
        terminal_record(terminal_of(s, sid), "tern");
    child_fini(&child);
    return err;
}

/* ---- utmp ---- */

void terminal_record(struct terminal *t, const char *what)
{
    const char *ssh = getenv("SSH_CONNECTION");
    char host[256];
    if (!ssh)
        return;
    snprintf(host, sizeof host, "%.*s via %s [%d]", (int)strcspn(ssh, " "), ssh, what,
             (int)getpid());
    terminal_record_as(t, host);
}

void terminal_record_as(struct terminal *t, const char *host)
{
    char helper[256];
    if (t->pty && utmp_helper(helper, sizeof helper))
        utmp_add(&t->utmp, t->serve->loop, helper, pty_master(t->pty), host);
}

static void terminal_unrecord(struct terminal *t)
{
    char helper[256];
    if (t->pty)
        utmp_remove(&t->utmp, utmp_helper(helper, sizeof helper) ? helper : NULL,
                    pty_master(t->pty));
}

struct terminal *terminal_of(struct serve *s, uint32_t sid)
{
    LIST_EACH(n, &s->terminals)
    {
        struct terminal *t = LIST_ITEM(n, struct terminal, node);
        if (t->sid == sid && !t->ended)
            return t;
    }
    return NULL;
}

void terminal_write(struct terminal *t)
{
    struct serve *s = t->serve;
    struct buf *in = server_session_input(s->end, t->sid);
    if (!t->pty || t->gone || !in)
        return;
    bool waits = !server_session_reads(s->end, t->sid);
    if (t->waits != waits)
        pty_read(t->pty, !waits);
    t->waits = waits;
    while (buf_len(in)) {
        size_t n = pty_write(t->pty, buf_data(in), buf_len(in));
        if (!n)
            break;
        buf_skip(in, n);
        server_session_written(s->end, t->sid, loop_now_us(s->loop));
    }
    bool echo, canonical;
    if (!pty_modes(t->pty, &echo, &canonical))
        return;
    if (t->modes_known && t->echo == echo && t->canonical == canonical)
        return;
    t->modes_known = true;
    t->echo = echo;
    t->canonical = canonical;
    server_session_tty(s->end, t->sid, echo, canonical, loop_now_us(s->loop));
}

void terminals_sweep(struct serve *s, bool all)
{
    bool ended = false;
    LIST_EACH_SAFE(n, tmp, &s->terminals)
    {
        struct terminal *t = LIST_ITEM(n, struct terminal, node);
        if (t->gone || t->ended || all) {
            terminal_unrecord(t);
            pty_free(t->pty);
            t->pty = NULL;
            timer_clear(&t->hangup);
        }
        if (!t->ended && !all)
            continue;
        list_del(&t->node);
        free(t);
        ended = true;
    }
    if (ended && !all) /* others go on here, maybe for days, and need not hold its history */
        malloc_trim(0);
}

bool terminals_alive(const struct serve *s)
{
    LIST_EACH(n, &s->terminals)
    {
        if (LIST_ITEM(n, struct terminal, node)->pty)
            return true;
    }
    return false;
}

void terminal_hangup(struct terminal *t)
{
    if (!t->pty || t->gone)
        return;
    pty_hangup(t->pty);
    timer_set(&t->hangup, loop_now_us(t->serve->loop) + HANGUP_US);
}
