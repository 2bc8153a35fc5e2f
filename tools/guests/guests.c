/* guests SERVER-COMMAND [udp|pipe|auto]: an owner of a connection without sockets for others: it
 * starts a tern-server as `tern --local` does, has its link for channels, and opens sessions on
 * terminals that are named to it, each on a link of its own. Lines on stdin:
 *     open ID TTY [COMMAND]     a new session on the terminal at that path
 *     attach ID TTY NAME        one that runs there
 *     leave ID                  as when the client that passed the terminal went away
 *     look                      as when SIGWINCH came
 *     end                       the owner's own link is over, for good
 *     crash                     by a signal
 * The end of it lets go of all of them.
 * On stdout: `ready`, `ID opened`, `ID refused WHY`, `ID over STATUS SIGNAL`, `ID gone`. For tests.
 */
#include "boot/boot.h"
#include "client/guest.h"
#include "client/paths.h"
#include "cmd/width.h"
#include "io/harden.h"
#include "io/logfile.h"
#include "io/osrandom.h"
#include "io/pipe.h"
#include "session/command_end.h"
#include "sync/sync.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define ROOM           256

struct tool;

struct visitor {
    struct tool *tool;
    char id[16];
    struct guest *guest;
};

struct tool {
    struct loop *loop;
    struct later later;
    struct timer timer;
    struct boot *boot;
    struct command_end *end; /* NULL: over */
    struct chans_router router;
    struct paths *paths;
    struct pipe *in;
    struct buf line;
    struct client_options options;
    struct guest_owner owner;
    struct addr addrs[CONNECT_ADDRS];
    struct visitor *visitors[ROOM];
    bool leaving;
};

static void quit(const char *why)
{
    fprintf(stderr, "guests: %s\n", why);
    exit(1);
}

static void check_end(const struct tool *t)
{
    for (size_t i = 0; i < ROOM; i++)
        if (t->visitors[i])
            return;
    if (t->leaving && !t->end)
        exit(0);
}

static void turn(void *ctx)
{
    struct tool *t = ctx;
    struct link_datagram d;
    uint64_t now_us = loop_now_us(t->loop);
    check_end(t);
    if (!t->end)
        return;
    paths_serve(t->paths, now_us);
    while (command_end_poll(t->end, now_us, &d) > 0)
        paths_send(t->paths, &d, now_us);
    bool over = command_end_state(t->end) == COMMAND_OVER;
    if (over && !command_end_lingers(t->end, now_us)) {
        paths_free(t->paths);
        t->owner.link = NULL;
        t->owner.chans = NULL;
        command_end_free(t->end);
        t->end = NULL;
        puts("ended");
        check_end(t);
        return;
    }
    timer_set(&t->timer, command_end_deadline(t->end, now_us));
}

static void wake(void *ctx)
{
    later_set(&((struct tool *)ctx)->later);
}

/* ---- guests ---- */

static void on_opened(void *ctx)
{
    printf("%s opened\n", ((struct visitor *)ctx)->id);
}

static void drop(struct visitor *v)
{
    for (size_t i = 0; i < ROOM; i++)
        if (v->tool->visitors[i] == v)
            v->tool->visitors[i] = NULL;
    guest_free(v->guest);
    later_set(&v->tool->later);
    free(v);
}

static void on_refused(void *ctx, const char *why)
{
    struct visitor *v = ctx;
    printf("%s refused %s\n", v->id, why);
    drop(v);
}

static void on_over(void *ctx, int status, int signal)
{
    printf("%s over %d %d\n", ((struct visitor *)ctx)->id, status, signal);
}

static void on_gone(void *ctx)
{
    struct visitor *v = ctx;
    printf("%s gone\n", v->id);
    drop(v);
}

static void open_guest(struct tool *t, bool attach, const char *id, const char *tty,
                       const char *rest)
{
    size_t place = 0;
    int fds[3];
    while (place < ROOM && t->visitors[place])
        place++;
    if (place == ROOM || !t->end)
        quit("no room, or no link");
    for (int i = 0; i < 3; i++)
        if ((fds[i] = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
            quit("cannot open the terminal");
    struct visitor *v = calloc(1, sizeof *v);
    v->tool = t;
    snprintf(v->id, sizeof v->id, "%s", id);
    t->visitors[place] = v;
    v->guest = guest_new(&(struct guest_config){.owner = &t->owner,
                                                .in = fds[0],
                                                .out = fds[1],
                                                .err = fds[2],
                                                .term = getenv("TERM"),
                                                .colorterm = getenv("COLORTERM"),
                                                .tmux = getenv("TMUX"),
                                                .command = attach || !*rest ? NULL : rest,
                                                .session = attach ? rest : NULL,
                                                .attach = attach,
                                                .escape_key = '~'},
                         &(struct guest_ops){on_opened, on_refused, on_over, on_gone, v});
}

/* ---- stdin ---- */

static struct visitor *find(struct tool *t, const char *id)
{
    for (size_t i = 0; i < ROOM; i++)
        if (t->visitors[i] && !strcmp(t->visitors[i]->id, id))
            return t->visitors[i];
    return NULL;
}

static void obey(struct tool *t, char *line)
{
    char *rest = line;
    const char *verb = strsep(&rest, " ");
    const char *id = rest ? strsep(&rest, " ") : "";
    const char *tty = rest ? strsep(&rest, " ") : "";
    struct visitor *v = find(t, id);
    if (!strcmp(verb, "open") || !strcmp(verb, "attach")) {
        open_guest(t, *verb == 'a', id, tty, rest ? rest : "");
    } else if (!strcmp(verb, "leave") && v) {
        guest_leave(v->guest);
    } else if (!strcmp(verb, "look")) {
        for (size_t i = 0; i < ROOM; i++)
            if (t->visitors[i])
                guest_resized(t->visitors[i]->guest);
    } else if (!strcmp(verb, "end") && t->end) {
        command_end_leave(t->end, loop_now_us(t->loop));
        wake(t);
    } else if (!strcmp(verb, "crash")) {
        abort();
    }
}

static void on_input(void *ctx, const uint8_t *bytes, size_t len)
{
    struct tool *t = ctx;
    for (size_t i = 0; i < len; i++) {
        buf_put_u8(&t->line, bytes[i] == '\n' ? 0 : bytes[i]);
        if (bytes[i] != '\n')
            continue;
        if (buf_err(&t->line))
            quit("a line is too long");
        obey(t, (char *)t->line.mem + t->line.start);
        buf_clear(&t->line);
    }
}

static void on_input_end(void *ctx)
{
    struct tool *t = ctx;
    pipe_free(t->in);
    t->in = NULL;
    t->leaving = true;
    for (size_t i = 0; i < ROOM; i++)
        if (t->visitors[i])
            guest_leave(t->visitors[i]->guest);
    if (t->end)
        command_end_leave(t->end, loop_now_us(t->loop));
    wake(t);
}

static void on_input_failed(void *ctx, int sys_errno)
{
    on_input_end(ctx);
}

/* ---- the start ---- */

static void on_datagram(void *ctx, const struct path_ref *from, bool congested,
                        const uint8_t *bytes, size_t len)
{
    struct tool *t = ctx;
    command_end_datagram(t->end, from, congested, bytes, len, loop_now_us(t->loop));
    wake(t);
}

static void on_pipe_lost(void *ctx)
{
}

static void on_connected(void *ctx, const struct connect *k, const struct boot_pipe *pipe)
{
    struct tool *t = ctx;
    uint64_t now_us = loop_now_us(t->loop);
    struct pipe_ops in = {
        .data = on_input, .eof = on_input_end, .failed = on_input_failed, .ctx = t};
    t->end = command_end_new(&(struct command_end_config){.connect = k,
                                                          .entropy = osrandom(),
                                                          .log = t->options.log,
                                                          .chans = &chans_router_ops,
                                                          .chans_ctx = &t->router,
                                                          .now_us = now_us});
    memcpy(t->addrs, k->addrs, sizeof t->addrs);
    t->owner.addrs = t->addrs;
    t->owner.addr_count = k->addr_count;
    t->owner.link = command_end_link(t->end);
    t->owner.since_us = now_us;
    t->owner.chans = command_end_chans(t->end);
    guest_route(&t->router);
    struct paths_config pc = {.link = command_end_link(t->end),
                              .udp = t->options.transport != CLIENT_PIPE && k->port,
                              .candidates = k->addrs,
                              .candidate_count = k->addr_count,
                              .log = t->options.log};
    struct paths_ops po = {
        .datagram = on_datagram, .pipe_lost = on_pipe_lost, .event = wake, .ctx = t};
    t->paths = paths_new(t->loop, &pc, &po);
    if (t->options.transport == CLIENT_UDP) {
        close(pipe->in);
        close(pipe->out);
    }
    if ((t->options.transport != CLIENT_UDP && paths_pipe_open(t->paths, pipe, now_us)) ||
        pipe_new(t->loop, STDIN_FILENO, -1, 0, 0, &in, &t->in))
        quit("cannot open a pipe");
    pipe_read(t->in, true);
    puts("ready");
    wake(t);
}

static void on_boot_failed(void *ctx, const char *text, int status)
{
    quit(text);
}

int main(int argc, char **argv)
{
    static struct tool t;
    struct start_record record;
    struct entropy entropy = osrandom();
    if (argc != 3)
        quit("usage: guests SERVER-COMMAND udp|pipe|auto");
    setlinebuf(stdout);
    harden_many_files();
    width_setup();
    t.loop = loop_new();
    buf_init(&t.line, LINE_MAX_BYTES);
    later_init(&t.later, t.loop, turn, &t);
    timer_init(&t.timer, t.loop, turn, &t);
    t.options = (struct client_options){
        .server_command = argv[1],
        .transport = !strcmp(argv[2], "pipe")  ? CLIENT_PIPE
                     : !strcmp(argv[2], "udp") ? CLIENT_UDP
                                               : CLIENT_AUTO,
        .scrollback = true,
        .history_lines = 50000,
        .ask = true,
        .clipboard = true,
        .notify = true,
        .predict = PREDICT_ADAPTIVE,
        .width = width_of_native,
    };
    const char *log = getenv("GUESTS_LOG");
    struct logfile *to;
    if (log && !logfile_open(log, LOG_DEBUG, &to))
        t.options.log = logfile_log(to);
    t.owner = (struct guest_owner){.loop = t.loop,
                                   .wake = wake,
                                   .wake_ctx = &t,
                                   .server_command = argv[1],
                                   .o = &t.options,
                                   .entropy = entropy};
    start_init(&record);
    record.version = START_VERSION;
    boot_nonce(&entropy, record.nonce);
    record.action = START_COMMANDS;
    record.caps = SYNC_CAPS_ALL;
    record.no_udp = t.options.transport == CLIENT_PIPE;
    struct boot_config bc = {.command = argv[1], .record = &record};
    const char *args[] = {"--log", getenv("GUESTS_SERVER_LOG"), "--log-level", "debug", NULL};
    if (args[1])
        bc.args = args;
    struct boot_ops ops = {.connected = on_connected, .failed = on_boot_failed, .ctx = &t};
    if (boot_new(t.loop, &bc, &ops, &t.boot))
        quit("cannot start a server");
    loop_run(t.loop);
    return 0;
}
