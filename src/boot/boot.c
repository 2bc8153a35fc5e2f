#include "boot/boot.h"

#include "base/mem.h"
#include "boot/reader.h"
#include "io/pipe.h"
#include "io/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Statuses with which tern-server itself refuses, after a line on stderr. */
enum { SERVER_REFUSED = 1, SERVER_USAGE = 2 };
/* ssh(1): "255 if an error occurred". */
enum { SSH_FAILED = 255 };

struct boot {
    struct loop *loop;
    struct boot_ops ops;
    struct proc *proc;
    /* Two, so that a server that does not read its stdin can still tell why. */
    struct pipe *to, *from;
    int in, out; /* ours until connected */
    /* The command's stderr passes through us: once the session has the terminal, a line that ssh or
     * a shell prints when the pipe breaks must not land on the screen. */
    struct pipe *complaints;
    int err; /* its descriptor, ours */
    struct timer timer;
    uint64_t timeout_us;
    struct boot_reader reader;
    char what[100]; /* the command, for messages */
    bool over;      /* connected or failed was told */
    bool connected;
    bool own;   /* our own tern-server, not a COMMAND */
    bool login; /* the command is an ssh */
    bool exited, eof;
    bool spoke;    /* something came on stderr */
    bool mid_line; /* what was printed last did not end its line */
    struct proc_exit exit;
};

static void drop_pipe(struct boot *b)
{
    pipe_free(b->to);
    pipe_free(b->from);
    b->to = b->from = NULL;
    if (b->in >= 0)
        close(b->in);
    if (b->out >= 0)
        close(b->out);
    b->in = b->out = -1;
}

static void on_complaint(void *ctx, const uint8_t *bytes, size_t len)
{
    struct boot *b = ctx;
    if (b->connected || !len)
        return;
    fwrite(bytes, 1, len, stderr);
    b->spoke = true;
    b->mid_line = bytes[len - 1] != '\n';
}

/* What the command said before it ended still lies in the pipe: it comes before our own line. */
static void read_complaints(struct boot *b)
{
    uint8_t bytes[4096];
    ssize_t n;
    while (b->complaints && (n = read(b->err, bytes, sizeof bytes)) > 0)
        on_complaint(b, bytes, (size_t)n);
}

/* Ends with the owner's call, after which b may be gone. */
static void fail(struct boot *b, int status, const char *text)
{
    read_complaints(b);
    if (b->mid_line)
        fputc('\n', stderr);
    b->over = true;
    timer_clear(&b->timer);
    b->ops.failed(b->ops.ctx, text, status);
}

/* What it printed before was handed out as noise, so that its own words stand above ours. */
static void fail_exited(struct boot *b)
{
    char text[400];
    const struct proc_exit *e = &b->exit;
    bool refused = e->status == SERVER_REFUSED || e->status == SERVER_USAGE;
    read_complaints(b);
    bool ssh_failed = b->login && !e->signal && e->status == SSH_FAILED;
    if (ssh_failed && b->spoke) /* ssh has said why */
        text[0] = 0;
    else if (ssh_failed) /* as when the command was killed there */
        snprintf(text, sizeof text, "the connection ended before %s answered; ssh -v tells more",
                 b->what);
    else if (b->login && !e->signal && !refused && e->status != 127)
        snprintf(
            text, sizeof text,
            "the login ended with status %d before %s answered; is a forced command in the way?",
            e->status, b->what);
    else if (e->exec_errno == ENOENT || (!e->signal && e->status == 127))
        snprintf(text, sizeof text,
                 "%s was not found; install it, or say where it is with --server=COMMAND", b->what);
    else if (e->exec_errno)
        snprintf(text, sizeof text, "cannot run %s: %s", b->what, strerror(e->exec_errno));
    else if (e->signal)
        snprintf(text, sizeof text, "%s was killed by signal %d before it answered", b->what,
                 e->signal);
    else if (b->own && refused) /* it has said why on stderr */
        text[0] = 0;
    else
        snprintf(text, sizeof text, "%s ended with status %d before it answered%s", b->what,
                 e->status, refused ? "" : "; is it tern-server?");
    fail(b, 255, text);
}

static void on_exit_of_server(void *ctx, const struct proc_exit *e)
{
    struct boot *b = ctx;
    b->exited = true;
    b->exit = *e;
    proc_free(b->proc);
    b->proc = NULL;
    /* What it printed last may still lie in the pipe; its end of file decides. A program that it
     * left behind with the pipe may still answer. */
    if (b->eof && !b->over)
        fail_exited(b);
}

static void on_eof(void *ctx)
{
    struct boot *b = ctx;
    b->eof = true;
    if (b->over)
        return;
    if (b->exited)
        fail_exited(b);
    else /* it closed its stdout; give it a moment to end and tell how */
        timer_set(&b->timer, loop_now_us(b->loop) + 2000000);
}

/* Reading broke. */
static void on_failed(void *ctx, int sys_errno)
{
    struct boot *b = ctx;
    if (b->over)
        return;
    char text[300];
    snprintf(text, sizeof text, "cannot talk to %s: %s", b->what, strerror(sys_errno));
    fail(b, 255, text);
}

static void on_timeout(void *ctx)
{
    struct boot *b = ctx;
    char text[300];
    if (b->eof)
        snprintf(text, sizeof text, "%s closed its output without an answer; is it tern-server?",
                 b->what);
    else
        snprintf(text, sizeof text,
                 "no answer from %s within %u s (--connect-timeout); is it tern-server?", b->what,
                 (unsigned)(b->timeout_us / 1000000));
    fail(b, 255, text);
}

static void connect_up(struct boot *b, struct connect *c)
{
    read_complaints(b);
    b->over = b->connected = true;
    timer_clear(&b->timer);
    /* The descriptors change hands, the queue is empty: the record was read before the answer. */
    pipe_free(b->to);
    pipe_free(b->from);
    b->to = b->from = NULL;
    struct boot_pipe p = {b->in, b->out, buf_data(&b->reader.text), buf_len(&b->reader.text)};
    b->in = b->out = -1;
    b->ops.connected(b->ops.ctx, c, &p);
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct boot *b = ctx;
    struct connect c;
    struct buf noise;
    char text[300];
    if (b->over)
        return;
    buf_init(&noise, 1u << 20);
    int got = boot_reader_feed(&b->reader, bytes, len, &c, &noise);
    if (buf_len(&noise) && b->ops.noise) {
        b->mid_line = buf_data(&noise)[buf_len(&noise) - 1] != '\n';
        b->ops.noise(b->ops.ctx, buf_data(&noise), buf_len(&noise));
    }
    buf_fini(&noise);
    if (got == 1) {
        connect_up(b, &c);
        connect_wipe(&c);
    } else if (got == ERR_CAP) {
        snprintf(text, sizeof text, "%s printed more than %u kB and no answer; is it tern-server?",
                 b->what, BOOT_NOISE_MAX >> 10);
        fail(b, 255, text);
    } else if (got < 0) {
        snprintf(text, sizeof text,
                 "%s gave an answer that this tern does not understand; install the same version "
                 "of tern on both sides",
                 b->what);
        fail(b, 255, text);
    }
}

/* Run the command; our ends of its three streams. */
static int run(struct boot *b, struct proc_config *pc)
{
    int err[2];
    if (pipe2(err, O_CLOEXEC))
        return ERR_SYS;
    b->err = err[0];
    pc->stderr_fd = err[1];
    int r = proc_new(b->loop, pc, &b->in, &b->out, &b->proc);
    close(err[1]);
    if (r)
        return r;
    return pipe_new(b->loop, b->err, -1, PIPE_KEEP_FILE, 0,
                    &(struct pipe_ops){.data = on_complaint, .ctx = b}, &b->complaints);
}

static int start(struct boot *b, const struct boot_config *c)
{
    struct boot_command cmd;
    boot_command_init(&cmd, c->command, c->args);
    snprintf(b->what, sizeof b->what, "%s",
             c->login     ? c->login
             : c->command ? c->command
                          : cmd.argv[0]);
    struct proc_config pc = {.file = cmd.argv[0],
                             .argv = (const char *const *)cmd.argv,
                             .dies_with_us = c->login != NULL, /* ssh; a server stays */
                             .exited = on_exit_of_server,
                             .ctx = b};
    int err = run(b, &pc);
    boot_command_fini(&cmd);
    if (err)
        return err;
    struct pipe_ops ops = {.data = on_data, .eof = on_eof, .failed = on_failed, .ctx = b};
    if ((err = pipe_new(b->loop, b->out, -1, PIPE_KEEP_FILE, 0, &ops, &b->from)))
        return err;
    return pipe_new(b->loop, -1, b->in, PIPE_KEEP_FILE, START_HEAD + START_RECORD_MAX,
                    &(struct pipe_ops){.ctx = b}, &b->to);
}

/* The record lies in the queue whole: pipe_new's cap has room for the longest. A command that is
 * gone already takes none of it; its end says why. */
static int send_record(struct boot *b, const struct start_record *record)
{
    struct buf out;
    buf_init(&out, START_HEAD + START_RECORD_MAX);
    int err = start_put(&out, record);
    if (!err)
        pipe_write_all(b->to, buf_data(&out), buf_len(&out));
    buf_fini(&out);
    return err;
}

int boot_new(struct loop *l, const struct boot_config *c, const struct boot_ops *ops,
             struct boot **out)
{
    struct boot *b = mem_new(1, sizeof *b);
    b->loop = l;
    b->ops = *ops;
    b->in = b->out = b->err = -1;
    b->timeout_us = c->timeout_us;
    b->own = !c->command;
    b->login = c->login != NULL;
    timer_init(&b->timer, l, on_timeout, b);
    boot_reader_init(&b->reader, c->nonce ? c->nonce : c->record->nonce);
    int err = start(b, c);
    if (!err && c->record)
        err = send_record(b, c->record);
    if (err) {
        int saved = errno;
        boot_free(b);
        errno = saved;
        return err;
    }
    if (c->timeout_us)
        timer_set(&b->timer, loop_now_us(l) + c->timeout_us);
    *out = b;
    return 0;
}

pid_t boot_pid(const struct boot *b)
{
    return b->proc ? proc_pid(b->proc) : 0;
}

void boot_abort(struct boot *b)
{
    if (b->proc)
        proc_kill(b->proc, SIGTERM);
}

void boot_free(struct boot *b)
{
    if (!b)
        return;
    if (!b->connected && b->proc)
        proc_kill(b->proc, SIGHUP);
    proc_free(b->proc);
    timer_clear(&b->timer);
    drop_pipe(b);
    pipe_free(b->complaints);
    if (b->err >= 0)
        close(b->err);
    boot_reader_fini(&b->reader);
    free(b);
}
