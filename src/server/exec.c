#include "server/exec.h"

#include "base/list.h"
#include "base/mem.h"
#include "io/pipe.h"
#include "io/proc.h"
#include "io/signals.h"
#include "server/subsystem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct execs {
    struct loop *loop;
    struct execs_config config;
    struct list list;
};

/* One of the process' pipes that we read. */
struct outlet {
    struct exec *exec;
    enum chan_stream stream;
    struct pipe *pipe; /* NULL: it ended */
    uint8_t *space;    /* of the channel, lent to the pipe last */
};

struct exec {
    struct list node;
    struct execs *set;
    struct chan *chan; /* NULL: nobody is there any more */
    struct proc *proc;
    struct pipe *in; /* NULL: it ended */
    struct outlet out[CHAN_STREAMS];
    bool subsystem, exited, signals;
    struct proc_exit how;
    struct later later; /* what may not be done within a call of a pipe */
};

static void wake(struct exec *e)
{
    if (e->set->config.wake)
        e->set->config.wake(e->set->config.ctx);
}

/* Forget it; what still runs finds its pipes closed, as sshd leaves it without a terminal. */
static void exec_free(struct exec *e)
{
    list_del(&e->node);
    later_clear(&e->later);
    pipe_free(e->in);
    for (int i = 0; i < CHAN_STREAMS; i++)
        pipe_free(e->out[i].pipe);
    proc_free(e->proc);
    free(e);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void tell_exit(struct exec *e)
{
    struct message m = {.kind = MESSAGE_EXIT_STATUS, .value = (uint32_t)e->how.status};
    if (e->how.signal) {
        m = (struct message){.kind = MESSAGE_EXIT_SIGNAL};
        snprintf(m.name, sizeof m.name, "%s", signal_name(e->how.signal));
        if (m.name[0] == '?') /* one without a name: as a shell would tell it */
            m = (struct message){.kind = MESSAGE_EXIT_STATUS,
                                 .value = 128u + (uint32_t)e->how.signal};
    }
    if (chan_request(e->chan, &m))
        log_line(e->set->config.log, LOG_WARN, "exec", "%u: its end was not told",
                 chan_number(e->chan));
}

static void log_end(const struct exec *e)
{
    struct chan_counters k;
    chan_counters(e->chan, &k);
    log_line(e->set->config.log, LOG_INFO, "exec",
             "%u: status %d, signal %d; %llu bytes in, %llu and %llu out", chan_number(e->chan),
             e->how.status, e->how.signal, (unsigned long long)k.consumed[CHAN_DATA],
             (unsigned long long)k.sent[CHAN_DATA], (unsigned long long)k.sent[CHAN_STDERR]);
}

/* Over when the process ended and nobody holds its stdout and stderr any more, as in sshd. */
static void check_over(struct exec *e)
{
    if (!e->exited || e->out[CHAN_DATA].pipe || e->out[CHAN_STDERR].pipe)
        return;
    if (e->chan) {
        struct chan *c = e->chan;
        log_end(e);
        tell_exit(e);
        e->chan = NULL;
        chan_release(c);
        wake(e);
    }
    exec_free(e);
}

static void on_later(void *ctx);

static void on_exited(void *ctx, const struct proc_exit *how)
{
    struct exec *e = ctx;
    char text[200];
    e->exited = true;
    e->how = *how;
    if (how->exec_errno && e->chan) {
        int n = snprintf(text, sizeof text, "tern-server: cannot run the shell: %s\n",
                         strerror(how->exec_errno));
        chan_write(e->chan, CHAN_STDERR, text, (size_t)n);
        e->how = (struct proc_exit){.status = 1};
    }
    check_over(e);
}

/* ---- what the process prints ----------------------------------------------------------------- */

/* Read only what the channel takes: past that the program waits. Two pipes may each hand over a
 * piece before they are asked again. */
static void pace(struct exec *e)
{
    bool room = e->chan && chan_room(e->chan) >= CHAN_ROOM_LOW;
    for (int i = 0; i < CHAN_STREAMS; i++)
        if (e->out[i].pipe)
            pipe_read(e->out[i].pipe, room);
}

static void on_output(void *ctx, const uint8_t *bytes, size_t len)
{
    struct outlet *o = ctx;
    struct exec *e = o->exec;
    if (bytes == o->space) {
        chan_commit(e->chan, o->stream, len);
    } else {
        size_t taken = chan_write(e->chan, o->stream, bytes, len);
        BUG_ON(taken != len); /* pace() sees to it */
    }
    pace(e);
    wake(e);
}

static uint8_t *on_output_space(void *ctx, size_t *len)
{
    struct outlet *o = ctx;
    return o->space = chan_space(o->exec->chan, len);
}

static void end_outlet(struct outlet *o)
{
    pipe_free(o->pipe);
    o->pipe = NULL;
    later_set(&o->exec->later);
}

static void on_output_end(void *ctx)
{
    end_outlet(ctx);
}

static void on_output_failed(void *ctx, int sys_errno)
{
    (void)sys_errno;
    end_outlet(ctx);
}

/* ---- its stdin ------------------------------------------------------------------------------- */

static void end_input(struct exec *e)
{
    pipe_free(e->in);
    e->in = NULL;
    if (e->chan)
        chan_stop(e->chan, CHAN_DATA);
    wake(e);
}

static void feed(struct exec *e)
{
    size_t len;
    const uint8_t *bytes = chan_peek(e->chan, CHAN_DATA, &len);
    if (e->in && len) {
        size_t n = pipe_write(e->in, bytes, len);
        chan_consume(e->chan, CHAN_DATA, n);
        wake(e);
    }
    if (e->in && chan_ended(e->chan, CHAN_DATA))
        pipe_end(e->in);
    /* stderr is the process' to write. */
    chan_peek(e->chan, CHAN_STDERR, &len);
    chan_consume(e->chan, CHAN_STDERR, len);
}

static void on_input_writable(void *ctx)
{
    struct exec *e = ctx;
    if (e->chan)
        feed(e);
}

static void on_input_failed(void *ctx, int sys_errno)
{
    (void)sys_errno;
    end_input(ctx);
}

/* ---- starting -------------------------------------------------------------------------------- */

static int open_pipes(struct exec *e, int in, int out, int err)
{
    const int fds[CHAN_STREAMS] = {out, err};
    struct pipe_ops in_ops = {.writable = on_input_writable, .failed = on_input_failed, .ctx = e};
    pipe_grow(in);
    int bad = pipe_new(e->set->loop, -1, in, PIPE_OWN, 0, &in_ops, &e->in);
    for (int i = 0; i < CHAN_STREAMS; i++) {
        struct outlet *o = &e->out[i];
        struct pipe_ops ops = {.data = on_output,
                               .space = on_output_space,
                               .eof = on_output_end,
                               .failed = on_output_failed,
                               .ctx = o};
        o->exec = e;
        o->stream = (enum chan_stream)i;
        pipe_grow(fds[i]);
        if (!bad)
            bad = pipe_new(e->set->loop, fds[i], -1, PIPE_OWN, 0, &ops, &o->pipe);
    }
    return bad;
}

static int start(struct exec *e, const struct chan *c, const struct start_record *r)
{
    struct child child;
    int in, out, err[2];
    if (pipe2(err, O_CLOEXEC))
        return ERR_SYS;
    child_init_command(&child, r, e->set->config.forced);
    if (e->set->config.dress)
        e->set->config.dress(e->set->config.ctx, c, &child);
    int bad = proc_new(e->set->loop,
                       &(struct proc_config){
                           .file = child.file,
                           .argv = (const char *const *)child.argv.item,
                           .env = (const char *const *)child.env.item,
                           .cwd = child.home,
                           .new_session = true,
                           .stderr_fd = err[1],
                           .exited = on_exited,
                           .ctx = e,
                       },
                       &in, &out, &e->proc);
    child_fini(&child);
    close(err[1]);
    if (bad) {
        close(err[0]);
        return ERR_SYS;
    }
    return open_pipes(e, in, out, err[0]);
}

static void add_env(struct start_record *r, const struct open_request *o)
{
    for (size_t i = 0; i < o->env_count; i++) {
        char *var = text_copy(o->env[i]);
        start_list_add(&r->env, var);
        free(var);
    }
}

/* The command as the one text of a record; false: no such subsystem. */
static bool fill_record(const struct execs *s, const struct open_request *o, struct start_record *r)
{
    char *command = text_copy(o->command);
    start_init(r);
    r->shell = true;
    add_env(r, o);
    if (o->kind == OPEN_SUBSYSTEM) {
        char *path = subsystem_command(command, s->config.sshd_config);
        free(command);
        command = path;
    }
    if (command && *command) /* else the login shell, without a terminal */
        start_list_add(&r->argv, command);
    bool known = command != NULL;
    free(command);
    return known;
}

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct execs *s = ctx;
    struct start_record r;
    if (o->kind != OPEN_EXEC && o->kind != OPEN_SUBSYSTEM) {
        *why = "tern-server of this release does not serve such channels";
        return REFUSAL_UNKNOWN;
    }
    bool known = fill_record(s, o, &r);
    if (!known) {
        start_fini(&r);
        *why = "subsystem request failed";
        return REFUSAL_CONNECT_FAILED;
    }
    struct exec *e = mem_new(1, sizeof *e);
    *e = (struct exec){.set = s, .subsystem = o->kind == OPEN_SUBSYSTEM};
    /* The command that a login forces is not the client's to signal. */
    e->signals = !e->subsystem && !s->config.forced;
    list_add_tail(&s->list, &e->node);
    later_init(&e->later, s->loop, on_later, e);
    int bad = start(e, c, &r);
    start_fini(&r);
    if (bad) {
        log_line(s->config.log, LOG_WARN, "exec", "cannot start: %s", strerror(errno));
        exec_free(e);
        *why = "no process, pipe or memory for it";
        return REFUSAL_RESOURCES;
    }
    e->chan = c;
    chan_set_owner(c, e);
    chan_accept(c);
    log_line(s->config.log, LOG_INFO, "exec", "%u: %s started as %d", chan_number(c),
             chan_kind_text(o->kind), (int)proc_pid(e->proc));
    wake(e);
    return 0;
}

/* ---- what the channel tells ------------------------------------------------------------------ */

/* The client is gone: as when a connection is closed. */
static void drop(struct exec *e)
{
    e->chan = NULL;
    exec_free(e);
}

static void on_readable(void *ctx, struct chan *c)
{
    (void)ctx;
    later_set(&((struct exec *)chan_owner(c))->later); /* a row of datagrams is written at once */
}

static void on_later(void *ctx)
{
    struct exec *e = ctx;
    if (e->chan)
        feed(e);
    if (e->chan && chan_over(e->chan)) {
        log_line(e->set->config.log, LOG_INFO, "exec", "%u: closed by the client",
                 chan_number(e->chan));
        chan_release(e->chan);
        drop(e);
        return;
    }
    check_over(e);
}

static void on_writable(void *ctx, struct chan *c)
{
    (void)ctx;
    pace(chan_owner(c));
}

static void on_stopped(void *ctx, struct chan *c, enum chan_stream s)
{
    struct exec *e = chan_owner(c);
    (void)ctx;
    if (e->out[s].pipe)
        end_outlet(&e->out[s]);
}

static void on_request(void *ctx, struct chan *c, const struct message *m)
{
    static const char *const allowed[] = {"HUP", "INT", "KILL", "QUIT", "TERM", "USR1", "USR2"};
    struct exec *e = chan_owner(c);
    pid_t pid = e->exited ? 0 : proc_pid(e->proc);
    (void)ctx;
    if (m->kind != MESSAGE_SIGNAL || !pid || !e->signals)
        return;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (!strcmp(allowed[i], m->name))
            kill(-pid, signal_number(m->name));
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct exec *e = chan_owner(c);
    (void)ctx;
    (void)code;
    if (e)
        drop(e);
}

const struct chans_ops execs_ops = {
    .opened = on_opened,
    .readable = on_readable,
    .writable = on_writable,
    .stopped = on_stopped,
    .request = on_request,
    .broken = on_broken,
};

/* ---- life ------------------------------------------------------------------------------------ */

struct execs *execs_new(struct loop *l, const struct execs_config *c)
{
    struct execs *s = mem_new(1, sizeof *s);
    s->loop = l;
    s->config = *c;
    list_init(&s->list);
    return s;
}

void execs_free(struct execs *s)
{
    if (!s)
        return;
    while (!list_empty(&s->list))
        exec_free(LIST_ITEM(s->list.next, struct exec, node));
    free(s);
}

bool execs_alive(const struct execs *s)
{
    return !list_empty(&s->list);
}
