/* channels COUNT COMMAND [SERVER-COMMAND]: a client with many channels, which `tern` itself has not
 * before forwards come. Starts a tern-server as `tern --local` does, opens COUNT channels that run
 * COMMAND, and says "ready" when each has sent a line, then "asked" for each line on stdin: every
 * channel is sent that line, and must send it back. Ends with stdin. For tests and the bench. */
#include "boot/boot.h"
#include "client/paths.h"
#include "io/loop.h"
#include "io/osrandom.h"
#include "io/pipe.h"
#include "session/command_end.h"
#include "sync/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct channels {
    struct loop *loop;
    struct later later;
    struct timer timer;
    struct boot *boot;
    struct command_end *end;
    struct paths *paths;
    struct pipe *in;
    const char *command;
    size_t count, lines; /* channels; lines that came since the last question */
    bool asked, leaving;
};

static void quit(const char *why)
{
    fprintf(stderr, "channels: %s\n", why);
    exit(1);
}

static void turn(void *ctx)
{
    struct channels *c = ctx;
    struct link_datagram d;
    uint64_t now_us = loop_now_us(c->loop);
    if (!c->end)
        return;
    if (command_end_state(c->end) == COMMAND_OVER && !c->leaving)
        quit("the connection is over");
    paths_serve(c->paths, now_us);
    while (command_end_poll(c->end, now_us, &d) > 0)
        paths_send(c->paths, &d, now_us);
    timer_set(&c->timer, command_end_deadline(c->end, now_us));
    if (command_end_state(c->end) == COMMAND_OVER)
        loop_stop(c->loop);
}

static void wake(void *ctx)
{
    later_set(&((struct channels *)ctx)->later);
}

/* ---- channels ---- */

static int on_opened(void *ctx, struct chan *ch, const struct open_request *o, const char **why)
{
    *why = "nothing is forwarded";
    return REFUSAL_PROHIBITED;
}

static void on_accepted(void *ctx, struct chan *ch)
{
}

static void on_refused(void *ctx, struct chan *ch, uint32_t code, const char *text)
{
    quit(text);
}

static void on_readable(void *ctx, struct chan *ch)
{
    struct channels *c = ctx;
    size_t len;
    const uint8_t *p = chan_peek(ch, CHAN_STDERR, &len);
    if (len)
        fprintf(stderr, "channels: %u: %.*s", chan_number(ch), (int)len, (const char *)p);
    chan_consume(ch, CHAN_STDERR, len);
    p = chan_peek(ch, CHAN_DATA, &len);
    for (size_t i = 0; i < len; i++)
        c->lines += p[i] == '\n';
    chan_consume(ch, CHAN_DATA, len);
    if (chan_ended(ch, CHAN_DATA) && !c->leaving)
        quit("a command ended");
    if (c->lines == c->count) {
        puts(c->asked ? "asked" : "ready");
        fflush(stdout);
        c->lines = 0;
    }
    wake(c);
}

static void on_writable(void *ctx, struct chan *ch)
{
}

static void on_stopped(void *ctx, struct chan *ch, enum chan_stream s)
{
}

static void on_request(void *ctx, struct chan *ch, const struct message *m)
{
}

static void on_broken(void *ctx, struct chan *ch, uint64_t code)
{
    struct channels *c = ctx;
    if (!c->leaving)
        quit("a channel broke");
}

static const struct chans_ops ops = {on_opened,   on_accepted, on_refused, on_readable,
                                     on_writable, on_stopped,  on_request, on_broken};

/* ---- stdin ---- */

static void on_input(void *ctx, const uint8_t *bytes, size_t len)
{
    struct channels *c = ctx;
    struct chan *ch;
    c->asked = true;
    for (size_t i = 0; (ch = chans_at(command_end_chans(c->end), i)); i++)
        if (chan_write(ch, CHAN_DATA, bytes, len) != len)
            quit("no room in a channel");
    wake(c);
}

static void on_input_end(void *ctx)
{
    struct channels *c = ctx;
    c->leaving = true;
    pipe_free(c->in);
    command_end_leave(c->end, loop_now_us(c->loop));
    wake(c);
}

static void on_input_failed(void *ctx, int sys_errno)
{
    on_input_end(ctx);
}

/* ---- the start ---- */

static void on_datagram(void *ctx, const struct path_ref *from, bool congested,
                        const uint8_t *bytes, size_t len)
{
    struct channels *c = ctx;
    command_end_datagram(c->end, from, congested, bytes, len, loop_now_us(c->loop));
    wake(c);
}

static void on_pipe_lost(void *ctx)
{
    struct channels *c = ctx;
    if (!c->leaving)
        quit("the server ended");
}

static void open_all(struct channels *c)
{
    struct open_request o = {.kind = OPEN_EXEC, .command = {c->command, strlen(c->command)}};
    struct chan *ch;
    for (size_t i = 0; i < c->count; i++)
        if (chan_open(command_end_chans(c->end), &o, NULL, &ch))
            quit("cannot open so many channels");
}

static void on_connected(void *ctx, const struct connect *k, const struct boot_pipe *pipe)
{
    struct channels *c = ctx;
    uint64_t now_us = loop_now_us(c->loop);
    struct pipe_ops in = {
        .data = on_input, .eof = on_input_end, .failed = on_input_failed, .ctx = c};
    c->end = command_end_new(&(struct command_end_config){
        .connect = k, .entropy = osrandom(), .chans = &ops, .chans_ctx = c, .now_us = now_us});
    struct paths_config pc = {.link = command_end_link(c->end)};
    struct paths_ops po = {
        .datagram = on_datagram, .pipe_lost = on_pipe_lost, .event = wake, .ctx = c};
    open_all(c);
    c->paths = paths_new(c->loop, &pc, &po);
    if (paths_pipe_open(c->paths, pipe, now_us) ||
        pipe_new(c->loop, STDIN_FILENO, -1, 0, 0, &in, &c->in))
        quit("cannot open a pipe");
    pipe_read(c->in, true);
    wake(c);
}

static void on_boot_failed(void *ctx, const char *text, int status)
{
    quit(text);
}

int main(int argc, char **argv)
{
    struct start_record record;
    if (argc < 3 || argc > 4)
        quit("usage: channels COUNT COMMAND [SERVER-COMMAND]");
    struct channels c = {
        .loop = loop_new(), .count = strtoul(argv[1], NULL, 10), .command = argv[2]};
    later_init(&c.later, c.loop, turn, &c);
    timer_init(&c.timer, c.loop, turn, &c);
    start_init(&record);
    record.version = START_VERSION;
    struct entropy entropy = osrandom();
    boot_nonce(&entropy, record.nonce);
    record.action = START_COMMANDS;
    record.caps = SYNC_CAPS_ALL;
    record.no_udp = true;
    struct boot_config bc = {.command = argv[3], .record = &record};
    struct boot_ops ops_boot = {.connected = on_connected, .failed = on_boot_failed, .ctx = &c};
    if (boot_new(c.loop, &bc, &ops_boot, &c.boot))
        quit("cannot start a server");
    loop_run(c.loop);
    return 0;
}
