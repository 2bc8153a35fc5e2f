#include "../chan/memory.h"

#include "base/mem.h"
#include "fwd/join.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>
#include <cmocka.h>

/* A near and a far socket, and two joins with a channel between them. */
struct side {
    struct join join;
    int user; /* the socket's other end */
    bool over;
};

struct world {
    struct loop *loop;
    struct memory *m;
    struct chans *chans[2];
    struct side side[2];
};

static void on_wake(void *ctx)
{
}

static void on_over(void *ctx)
{
    struct side *s = ctx;
    assert_false(s->over);
    s->over = true;
    join_fini(&s->join);
}

/* TCP, because unix sockets know no reset. */
static void pair(int fd[static 2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int l = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(l, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(l, 1), 0);
    getsockname(l, (struct sockaddr *)&a, &len);
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd[0], (struct sockaddr *)&a, len), 0);
    fd[1] = accept(l, NULL, NULL);
    close(l);
}

static void begin(struct world *w, struct side *s, struct chan *c)
{
    int fd[2];
    pair(fd);
    s->user = fd[0];
    s->join = (struct join){.loop = w->loop, .wake = on_wake, .over = on_over, .ctx = s};
    assert_int_equal(join_start(&s->join, c, fd[1]), 0);
    chan_set_owner(c, s);
}

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct world *w = ctx;
    begin(w, &w->side[1], c);
    chan_accept(c);
    return 0;
}

static void on_accepted(void *ctx, struct chan *c)
{
}

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    fail();
}

static void on_readable(void *ctx, struct chan *c)
{
    join_readable(&((struct side *)chan_owner(c))->join);
}

static void on_writable(void *ctx, struct chan *c)
{
    join_writable(&((struct side *)chan_owner(c))->join);
}

static void on_stopped(void *ctx, struct chan *c, enum chan_stream s)
{
    join_stopped(&((struct side *)chan_owner(c))->join, s);
}

static void on_request(void *ctx, struct chan *c, const struct message *m)
{
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    join_broken(&((struct side *)chan_owner(c))->join);
}

static const struct chans_ops ops = {on_opened,   on_accepted, on_refused, on_readable,
                                     on_writable, on_stopped,  on_request, on_broken};

static void world_init(struct world *w)
{
    struct chan *c;
    *w = (struct world){.loop = loop_new(), .m = memory_new(7)};
    for (int i = 0; i < 2; i++) {
        w->chans[i] = chans_new(&(struct chans_config){.ops = &ops, .ctx = w, .client = !i});
        struct stream_transport t = memory_transport(w->m, i);
        chans_set_transport(w->chans[i], &t);
        memory_user(w->m, i, &chans_events, w->chans[i]);
    }
    struct open_request o = {.kind = OPEN_DIRECT_TCP, .host = {"h", 1}, .port = 1};
    assert_int_equal(chan_open(w->chans[0], &o, NULL, &c), 0);
    begin(w, &w->side[0], c);
}

static void turn(struct world *w)
{
    memory_step(w->m);
    loop_turn(w->loop, false);
    usleep(50);
}

static void world_fini(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        if (!w->side[i].over)
            join_fini(&w->side[i].join);
        close(w->side[i].user);
    }
    for (int i = 0; i < 2; i++)
        chans_free(w->chans[i]);
    memory_free(w->m);
    loop_free(w->loop);
}

/* The next bytes at that end; 0: its end; -1: reset. */
static ssize_t get(struct world *w, int side, char *p, size_t size)
{
    for (int i = 0; i < 20000; i++) {
        turn(w);
        ssize_t n = recv(w->side[side].user, p, size, MSG_DONTWAIT);
        if (n >= 0 || errno == ECONNRESET)
            return n;
    }
    fail();
    return 0;
}

/* So many bytes, which come in pieces. */
static void get_all(struct world *w, int side, size_t size)
{
    char text[100];
    for (size_t got = 0; got < size;) {
        ssize_t n = get(w, side, text, size - got);
        assert_true(n > 0);
        got += (size_t)n;
    }
}

static void until_over(struct world *w)
{
    for (int i = 0; i < 20000 && !(w->side[0].over && w->side[1].over); i++)
        turn(w);
    assert_true(w->side[0].over && w->side[1].over);
}

static void test_bytes_and_half_close(void **state)
{
    for (int from = 0; from < 2; from++) {
        struct world w;
        char text[100];
        world_init(&w);
        while (!w.side[1].user)
            turn(&w);
        assert_int_equal(send(w.side[from].user, "hello", 5, 0), 5);
        get_all(&w, !from, 5);
        shutdown(w.side[from].user, SHUT_WR);
        assert_int_equal(get(&w, !from, text, sizeof text), 0);
        assert_false(w.side[0].over || w.side[1].over);
        assert_int_equal(send(w.side[!from].user, "answer", 6, 0), 6); /* still open this way */
        get_all(&w, from, 6);
        shutdown(w.side[!from].user, SHUT_WR);
        assert_int_equal(get(&w, from, text, sizeof text), 0);
        until_over(&w);
        world_fini(&w);
    }
}

static void test_megabytes_to_a_slow_reader(void **state)
{
    struct world w;
    static char block[65536], got[65536];
    size_t sent = 0, read = 0, size = 6000000;
    world_init(&w);
    while (!w.side[1].user)
        turn(&w);
    for (int i = 0; i < 400000 && read < size; i++) {
        size_t n = size - sent < sizeof block ? size - sent : sizeof block;
        for (size_t k = 0; k < n; k++)
            block[k] = (char)((sent + k) * 7 >> 3);
        ssize_t put = n ? send(w.side[0].user, block, n, MSG_DONTWAIT) : 0;
        sent += put > 0 ? (size_t)put : 0;
        memory_step(w.m);
        loop_turn(w.loop, false);
        ssize_t took = i % 3 ? 0 : recv(w.side[1].user, got, sizeof got, MSG_DONTWAIT);
        for (ssize_t k = 0; k < took; k++)
            assert_int_equal(got[k], (char)((read + (size_t)k) * 7 >> 3));
        read += took > 0 ? (size_t)took : 0;
    }
    assert_int_equal(read, size);
    world_fini(&w);
}

static void test_a_reset_comes_behind_what_was_sent(void **state)
{
    const struct linger at_once = {1, 0};
    struct world w;
    char text[100];
    world_init(&w);
    while (!w.side[1].user)
        turn(&w);
    memory_down(w.m, true); /* nothing arrives for a while */
    assert_int_equal(send(w.side[0].user, "last", 4, 0), 4);
    for (int i = 0; i < 50; i++)
        turn(&w);
    setsockopt(w.side[0].user, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(w.side[0].user);
    w.side[0].user = -1;
    for (int i = 0; i < 50; i++)
        turn(&w);
    assert_false(w.side[0].over);
    memory_down(w.m, false);
    get_all(&w, 1, 4);
    assert_int_equal(get(&w, 1, text, sizeof text), -1);
    until_over(&w);
    world_fini(&w);
}

/* Who reads no more ends the connection only when it says nothing more either. */
static void test_writing_into_nothing(void **state)
{
    struct world w;
    world_init(&w);
    while (!w.side[1].user)
        turn(&w);
    close(w.side[1].user);
    w.side[1].user = -1;
    for (int i = 0; i < 20000 && !w.side[0].over; i++) {
        (void)!send(w.side[0].user, "more", 4, MSG_DONTWAIT | MSG_NOSIGNAL);
        turn(&w);
    }
    until_over(&w);
    world_fini(&w);
}

static void test_a_broken_channel_is_no_end(void **state)
{
    struct world w;
    char text[100];
    world_init(&w);
    while (!w.side[1].user)
        turn(&w);
    memory_break(w.m);
    for (int i = 0; i < 2; i++)
        assert_int_equal(get(&w, i, text, sizeof text), -1);
    until_over(&w);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_and_half_close),
        cmocka_unit_test(test_megabytes_to_a_slow_reader),
        cmocka_unit_test(test_a_reset_comes_behind_what_was_sent),
        cmocka_unit_test(test_writing_into_nothing),
        cmocka_unit_test(test_a_broken_channel_is_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
