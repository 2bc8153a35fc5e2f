#include "../chan/memory.h"

#include "base/buf.h"
#include "base/mem.h"
#include "server/exec.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* A client's end: everything that a command wrote, and how it ended. */
struct client {
    struct chan *chan;
    struct buf out[CHAN_STREAMS];
    uint64_t total[CHAN_STREAMS];
    bool keep; /* the bytes, not only their number */
    int status;
    char signal[20], refused[100];
    bool over, broken;
    unsigned stopped;
};

struct world {
    struct loop *loop;
    struct memory *m;
    struct execs *execs;
    struct chans *near, *far;
};

static void on_nothing(void *ctx, struct chan *c)
{
}

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    return REFUSAL_PROHIBITED;
}

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    struct client *k = chan_owner(c);
    snprintf(k->refused, sizeof k->refused, "%s", text);
    k->over = true;
}

static void take(struct client *k)
{
    for (int i = 0; i < CHAN_STREAMS; i++) {
        size_t len;
        const uint8_t *p = chan_peek(k->chan, (enum chan_stream)i, &len);
        if (k->keep)
            buf_put(&k->out[i], p, len);
        k->total[i] += len;
        chan_consume(k->chan, (enum chan_stream)i, len);
    }
    if (chan_over(k->chan)) {
        chan_release(k->chan);
        k->chan = NULL;
        k->over = true;
    }
}

static void on_readable(void *ctx, struct chan *c)
{
    take(chan_owner(c));
}

static void on_stopped(void *ctx, struct chan *c, enum chan_stream s)
{
    struct client *k = chan_owner(c);
    k->stopped |= 1u << s;
}

static void on_request(void *ctx, struct chan *c, const struct message *m)
{
    struct client *k = chan_owner(c);
    if (m->kind == MESSAGE_EXIT_STATUS)
        k->status = (int)m->value;
    else
        snprintf(k->signal, sizeof k->signal, "%s", m->name);
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct client *k = chan_owner(c);
    if (k)
        k->broken = k->over = true;
}

static const struct chans_ops ops = {on_opened,  on_nothing, on_refused, on_readable,
                                     on_nothing, on_stopped, on_request, on_broken};

static struct world world_new(const char *forced)
{
    struct world w = {.loop = loop_new(), .m = memory_new(1)};
    w.execs =
        execs_new(w.loop, &(struct execs_config){.forced = forced, .sshd_config = "/nonexistent"});
    w.near = chans_new(&(struct chans_config){.ops = &ops, .client = true});
    w.far = chans_new(&(struct chans_config){.ops = &execs_ops, .ctx = w.execs});
    struct stream_transport near = memory_transport(w.m, 0), far = memory_transport(w.m, 1);
    chans_set_transport(w.near, &near);
    chans_set_transport(w.far, &far);
    memory_user(w.m, 0, &chans_events, w.near);
    memory_user(w.m, 1, &chans_events, w.far);
    return w;
}

static void world_fini(struct world *w)
{
    chans_free(w->near);
    chans_free(w->far);
    assert_false(execs_alive(w->execs));
    execs_free(w->execs);
    memory_free(w->m);
    loop_free(w->loop);
}

static void turn(struct world *w)
{
    memory_step(w->m);
    loop_turn(w->loop, false);
    usleep(200);
}

static void begin(struct world *w, struct client *k, enum open_kind kind, const char *command)
{
    struct open_request o = {.kind = kind, .command = {command, strlen(command)}};
    *k = (struct client){.status = -1, .keep = true};
    for (int i = 0; i < CHAN_STREAMS; i++)
        buf_init(&k->out[i], 1u << 20);
    assert_int_equal(chan_open(w->near, &o, k, &k->chan), 0);
}

static void finish(struct world *w, struct client *k)
{
    for (int i = 0; i < 50000 && !k->over; i++)
        turn(w);
    assert_true(k->over);
    for (int i = 0; i < CHAN_STREAMS; i++)
        buf_put_u8(&k->out[i], 0);
}

static const char *out_of(const struct client *k, int i)
{
    return (const char *)buf_data(&k->out[i]);
}

static void client_fini(struct client *k)
{
    for (int i = 0; i < CHAN_STREAMS; i++)
        buf_fini(&k->out[i]);
}

static void check(const char *command, const char *in, const char *out, const char *err, int status,
                  const char *sig)
{
    struct world w = world_new(NULL);
    struct client k;
    begin(&w, &k, OPEN_EXEC, command);
    assert_int_equal(chan_write(k.chan, CHAN_DATA, in, strlen(in)), strlen(in));
    chan_eof(k.chan);
    finish(&w, &k);
    assert_string_equal(out_of(&k, CHAN_DATA), out);
    if (err)
        assert_string_equal(out_of(&k, CHAN_STDERR), err);
    assert_int_equal(k.status, status);
    assert_string_equal(k.signal, sig);
    client_fini(&k);
    world_fini(&w);
}

static void test_commands(void **state)
{
    check("echo out; echo err >&2; exit 42", "", "out\n", "err\n", 42, "");
    check("cat", "in and out", "in and out", "", 0, "");
    check("kill -9 $$", "", "", "", -1, "KILL");
    check("/nonexistent/program", "", "", NULL, 127, "");
    check("exec 0<&-; echo x", "ignored", "x\n", "", 0, "");
    check("printenv TERM || echo none", "", "none\n", "", 0, "");
    /* Over when nobody holds its output any more. */
    check("(sleep 0.3; echo late) &", "", "late\n", "", 0, "");
    check("(sleep 100 >/dev/null 2>&1 &) ; exit 3", "", "", "", 3, "");
}

static void test_much_output_waits_for_its_reader(void **state)
{
    struct world w = world_new(NULL);
    struct client k;
    struct chan_counters n;
    begin(&w, &k, OPEN_EXEC, "head -c 20000000 /dev/zero; echo end >&2");
    k.keep = false;
    memory_down(w.m, true);
    for (int i = 0; i < 300; i++)
        turn(&w);
    memory_down(w.m, false);
    for (int i = 0; i < 100000 && !k.over; i++) {
        struct chan *far = chans_at(w.far, 0);
        turn(&w);
        if (!far || !chans_count(w.far))
            continue;
        chan_counters(chans_at(w.far, 0), &n);
        assert_true(n.unsent <= CHAN_UNSENT_MAX + 1000);
    }
    assert_int_equal(k.total[CHAN_DATA], 20000000);
    assert_int_equal(k.total[CHAN_STDERR], 4);
    assert_int_equal(k.status, 0);
    client_fini(&k);
    world_fini(&w);
}

static void test_a_reader_that_goes_away(void **state)
{
    struct world w = world_new(NULL);
    struct client k;
    begin(&w, &k, OPEN_EXEC, "yes");
    k.keep = false;
    for (int i = 0; i < 5000 && k.total[CHAN_DATA] < 100000; i++)
        turn(&w);
    chan_stop(k.chan, CHAN_DATA);
    finish(&w, &k);
    assert_string_equal(k.signal, "PIPE");
    client_fini(&k);
    /* And a command that reads no more: the writer is told. */
    begin(&w, &k, OPEN_EXEC, "head -c 1");
    static uint8_t bytes[60000];
    for (int i = 0; i < 2000 && k.chan && !k.stopped; i++) {
        chan_write(k.chan, CHAN_DATA, bytes, sizeof bytes);
        turn(&w);
    }
    if (k.chan)
        chan_eof(k.chan);
    finish(&w, &k);
    assert_int_equal(k.total[CHAN_DATA], 1);
    assert_int_equal(k.status, 0);
    client_fini(&k);
    world_fini(&w);
}

static void test_signals(void **state)
{
    struct world w = world_new(NULL);
    struct client k;
    begin(&w, &k, OPEN_EXEC, "trap 'echo term; exit 5' TERM; echo ready; sleep 100 & wait");
    for (int i = 0; i < 20000 && !k.total[CHAN_DATA]; i++)
        turn(&w);
    struct message m = {.kind = MESSAGE_SIGNAL, .name = "STOP"}; /* not one of those allowed */
    assert_int_equal(chan_request(k.chan, &m), 0);
    strcpy(m.name, "TERM");
    assert_int_equal(chan_request(k.chan, &m), 0);
    finish(&w, &k);
    assert_string_equal(out_of(&k, CHAN_DATA), "ready\nterm\n");
    assert_int_equal(k.status, 5);
    client_fini(&k);
    world_fini(&w);
}

/* The client gives up: the command sees the end of its stdin, and nobody reads its stdout. */
static void test_client_that_leaves(void **state)
{
    char path[] = "/tmp/tern-test-XXXXXX", command[200], got[20] = "";
    int fd = mkstemp(path);
    struct world w = world_new(NULL);
    struct client k;
    snprintf(command, sizeof command, "trap '' PIPE; echo up; cat; echo x; echo $? > %s", path);
    begin(&w, &k, OPEN_EXEC, command);
    for (int i = 0; i < 20000 && !k.total[CHAN_DATA]; i++)
        turn(&w);
    assert_true(execs_alive(w.execs));
    chan_abandon(k.chan, STREAM_DONE);
    for (int i = 0; i < 20000 && !got[0]; i++) {
        turn(&w);
        assert_true(pread(fd, got, sizeof got - 1, 0) >= 0);
    }
    assert_string_equal(got, "1\n");
    assert_false(execs_alive(w.execs));
    close(fd);
    unlink(path);
    client_fini(&k);
    world_fini(&w);
}

static void test_forced_command(void **state)
{
    struct world w = world_new("echo forced: $SSH_ORIGINAL_COMMAND");
    struct client k;
    begin(&w, &k, OPEN_EXEC, "rm everything");
    finish(&w, &k);
    assert_string_equal(out_of(&k, CHAN_DATA), "forced: rm everything\n");
    client_fini(&k);
    world_fini(&w);
}

static void test_refusals(void **state)
{
    struct world w = world_new(NULL);
    struct client k;
    begin(&w, &k, OPEN_SUBSYSTEM, "no-such-thing");
    finish(&w, &k);
    assert_string_equal(k.refused, "subsystem request failed");
    client_fini(&k);
    begin(&w, &k, OPEN_AGENT, "x");
    finish(&w, &k);
    assert_true(k.refused[0]);
    client_fini(&k);
    world_fini(&w);
}

int main(void)
{
    unsetenv("SSH_CONNECTION");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_much_output_waits_for_its_reader),
        cmocka_unit_test(test_a_reader_that_goes_away),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_client_that_leaves),
        cmocka_unit_test(test_forced_command),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
