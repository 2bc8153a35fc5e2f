#include "session/command_end.h"

#include "base/mem.h"
#include "session/server_end.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define SECOND  1000000u
#define PIPE_NO 5

/* A client with one channel and a server that says every byte back, over a pipe that delivers at
 * once, on a clock that jumps from deadline to deadline. */
struct world {
    uint64_t now;
    struct rng rng;
    struct server_end *server;
    uint32_t sid;
    uint16_t route;
    struct command_end *client;
    struct chan *chan;
    bool cut; /* nothing passes */
    unsigned broken_there, ended, opened;
    struct buf got;
    int status;
    bool over, broken;
};

static void fill(void *ctx, void *out, size_t len)
{
    uint8_t *p = out;
    while (len--)
        *p++ = (uint8_t)rng_u64(ctx);
}

/* ---- the server's edge ---- */

static int far_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct world *w = ctx;
    w->opened++;
    chan_accept(c);
    return 0;
}

static void far_readable(void *ctx, struct chan *c)
{
    size_t len;
    const uint8_t *p = chan_peek(c, CHAN_DATA, &len);
    size_t n = chan_write(c, CHAN_DATA, p, len);
    chan_consume(c, CHAN_DATA, n);
    if (!chan_ended(c, CHAN_DATA))
        return;
    struct message m = {.kind = MESSAGE_EXIT_STATUS, .value = 7};
    assert_int_equal(chan_request(c, &m), 0);
    chan_release(c);
}

static void far_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct world *w = ctx;
    w->broken_there++;
}

static void nothing(void *ctx, struct chan *c)
{
}

static void refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    fail();
}

static void stopped(void *ctx, struct chan *c, enum chan_stream s)
{
}

static void far_request(void *ctx, struct chan *c, const struct message *m)
{
}

static const struct chans_ops far_ops = {far_opened,   nothing, refused,     far_readable,
                                         far_readable, stopped, far_request, far_broken};

static void on_resize(void *ctx, uint32_t sid, uint16_t cols, uint16_t rows)
{
}

static void on_hangup(void *ctx, uint32_t sid)
{
    struct world *w = ctx;
    server_session_exited(w->server, sid, 0, 1, w->now);
}

static void on_ended(void *ctx, uint32_t sid)
{
    struct world *w = ctx;
    w->ended++;
}

static void on_closed(void *ctx, uint16_t route)
{
}

/* ---- the client's ---- */

static int near_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    *why = "no";
    return REFUSAL_PROHIBITED;
}

static void near_readable(void *ctx, struct chan *c)
{
    struct world *w = ctx;
    size_t len;
    const uint8_t *p = chan_peek(c, CHAN_DATA, &len);
    buf_put(&w->got, p, len);
    chan_consume(c, CHAN_DATA, len);
    if (!chan_over(c))
        return;
    chan_release(c);
    w->chan = NULL;
    w->over = true;
}

static void near_request(void *ctx, struct chan *c, const struct message *m)
{
    struct world *w = ctx;
    w->status = (int)m->value;
}

static void near_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct world *w = ctx;
    w->broken = true;
}

static const struct chans_ops near_ops = {near_opened, nothing, refused,      near_readable,
                                          nothing,     stopped, near_request, near_broken};

/* ---- the world ---- */

static void world_init(struct world *w, bool channel)
{
    struct connect c;
    *w = (struct world){.now = 1000 * (uint64_t)SECOND, .rng = {3}, .status = -1};
    buf_init(&w->got, 1 << 20);
    w->server = server_end_new(&(struct server_end_config){
        .ops = {on_resize, on_hangup, on_ended, on_closed, w},
        .entropy = {fill, &w->rng},
        .detach_timeout_us = 3600 * (uint64_t)SECOND,
        .first_timeout_us = 60 * SECOND,
        .gone_timeout_us = 30 * SECOND,
        .chans = &far_ops,
        .chans_ctx = w,
    });
    w->sid = server_session_open_bare(w->server, "x", w->now);
    assert_int_equal(server_link_open(w->server, w->sid, &c, w->now), 0);
    w->route = c.route;
    w->client = command_end_new(&(struct command_end_config){.connect = &c,
                                                             .entropy = {fill, &w->rng},
                                                             .chans = &near_ops,
                                                             .chans_ctx = w,
                                                             .now_us = w->now});
    connect_wipe(&c);
    link_pipe_open(command_end_link(w->client), PIPE_NO, w->now);
    server_pipe(w->server, w->route, PIPE_NO, true, w->now);
    struct open_request o = {.kind = OPEN_EXEC, .command = {"x", 1}};
    if (channel)
        assert_int_equal(chan_open(command_end_chans(w->client), &o, NULL, &w->chan), 0);
}

static void world_fini(struct world *w)
{
    command_end_free(w->client);
    server_end_free(w->server);
    buf_fini(&w->got);
}

static void turn(struct world *w)
{
    struct link_datagram d;
    struct path_ref from = {.kind = PATH_PIPE, .sock = PIPE_NO};
    uint8_t copy[65536];
    bool any = true;
    while (any) {
        any = false;
        while (w->client && command_end_poll(w->client, w->now, &d) == 1) {
            memcpy(copy, d.data, d.len);
            any = true;
            if (!w->cut)
                server_end_datagram(w->server, &from, false, copy, d.len, w->now);
        }
        while (server_end_poll(w->server, w->now, &d) == 1) {
            memcpy(copy, d.data, d.len);
            any = true;
            if (!w->cut && w->client)
                command_end_datagram(w->client, &from, false, copy, d.len, w->now);
        }
    }
    uint64_t at = server_end_deadline(w->server, w->now), most = w->now + SECOND;
    uint64_t mine = w->client ? command_end_deadline(w->client, w->now) : UINT64_MAX;
    at = mine < at ? mine : at;
    at = at < w->now + 1000 ? w->now + 1000 : at;
    w->now = at < most ? at : most;
}

static void run(struct world *w, unsigned seconds)
{
    for (uint64_t end = w->now + (uint64_t)seconds * SECOND; w->now < end;)
        turn(w);
}

static void test_command_and_its_end(void **state)
{
    struct world w;
    world_init(&w, true);
    assert_int_equal(chan_write(w.chan, CHAN_DATA, "hello", 5), 5);
    chan_eof(w.chan);
    for (int i = 0; i < 3000 && !w.over; i++)
        turn(&w);
    assert_true(w.over);
    assert_int_equal(w.status, 7);
    assert_int_equal(buf_len(&w.got), 5);
    assert_memory_equal(buf_data(&w.got), "hello", 5);
    assert_int_equal(command_end_state(w.client), COMMAND_LIVE);
    command_end_leave(w.client, w.now);
    run(&w, 3);
    assert_int_equal(command_end_state(w.client), COMMAND_OVER);
    assert_null(command_end_text(w.client));
    run(&w, 15);
    assert_int_equal(w.ended, 1);
    assert_true(server_end_idle(w.server, w.now));
    assert_int_equal(w.broken_there, 0);
    world_fini(&w);
}

/* An outage of hours, and then it goes on. */
static void test_outage(void **state)
{
    struct world w;
    world_init(&w, true);
    chan_write(w.chan, CHAN_DATA, "before", 6);
    run(&w, 5);
    assert_int_equal(buf_len(&w.got), 6);
    w.cut = true;
    chan_write(w.chan, CHAN_DATA, "during", 6);
    run(&w, 1800);
    assert_int_equal(buf_len(&w.got), 6);
    assert_int_equal(w.broken_there, 0);
    w.cut = false;
    run(&w, 10);
    assert_memory_equal(buf_data(&w.got), "beforeduring", 12);
    world_fini(&w);
}

/* Its pipe closes, and it says nothing more: nobody is there. */
static void test_killed_client(void **state)
{
    struct world w;
    world_init(&w, true);
    chan_write(w.chan, CHAN_DATA, "x", 1);
    run(&w, 5);
    command_end_free(w.client);
    w.client = NULL;
    server_pipe(w.server, w.route, PIPE_NO, false, w.now);
    run(&w, 25);
    assert_int_equal(w.broken_there, 0);
    run(&w, 30);
    assert_int_equal(w.broken_there, 1);
    assert_int_equal(w.ended, 1);
    world_fini(&w);
}

/* The network goes first, and much later sshd gives the pipe up: the client may come back. */
static void test_pipe_of_a_sleeping_client(void **state)
{
    struct world w;
    world_init(&w, true);
    chan_write(w.chan, CHAN_DATA, "x", 1);
    run(&w, 5);
    w.cut = true;
    run(&w, 300);
    server_pipe(w.server, w.route, PIPE_NO, false, w.now);
    run(&w, 900);
    assert_int_equal(w.broken_there, 0);
    assert_int_equal(w.ended, 0);
    /* But not for ever: DetachTimeout. */
    run(&w, 3600);
    assert_int_equal(w.ended, 1);
    assert_int_equal(w.broken_there, 1);
    world_fini(&w);
}

/* -N: without a channel it stays; the client's leave ends it. */
static void test_nothing_but_a_link(void **state)
{
    struct world w;
    world_init(&w, false);
    run(&w, 300);
    assert_int_equal(w.ended, 0);
    command_end_leave(w.client, w.now);
    run(&w, 20);
    assert_int_equal(w.ended, 1);
    world_fini(&w);
}

static void test_no_server(void **state)
{
    struct world w;
    world_init(&w, true);
    w.cut = true;
    run(&w, 40);
    assert_int_equal(command_end_state(w.client), COMMAND_OVER);
    assert_non_null(command_end_text(w.client));
    world_fini(&w);
    assert_true(w.broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_and_its_end),
        cmocka_unit_test(test_outage),
        cmocka_unit_test(test_killed_client),
        cmocka_unit_test(test_pipe_of_a_sleeping_client),
        cmocka_unit_test(test_nothing_but_a_link),
        cmocka_unit_test(test_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
