#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/paths.h"
#include "link/frame.h"

#include <string.h>
#include <unistd.h>

struct seen {
    struct loop *loop;
    struct link *link;
    struct paths *paths;
    int to_us, from_us; /* the far ends of the pipe */
    int datagrams, lost, want;
    uint8_t last[FRAME_MAX];
    size_t last_len;
    struct path_ref from;
};

static void ones(void *ctx, void *out, size_t len)
{
    (void)ctx;
    memset(out, 1, len);
}

static void on_datagram(void *ctx, const struct path_ref *from, bool congested,
                        const uint8_t *bytes, size_t len)
{
    struct seen *s = ctx;
    assert_false(congested);
    s->from = *from;
    memcpy(s->last, bytes, len);
    s->last_len = len;
    if (++s->datagrams == s->want)
        loop_stop(s->loop);
}

static void on_lost(void *ctx)
{
    struct seen *s = ctx;
    s->lost++;
    loop_stop(s->loop);
}

static void on_event(void *ctx)
{
    (void)ctx;
}

static void open_paths(struct seen *s, const struct addr *candidate)
{
    uint8_t secret[KEYS_SECRET] = {7};
    struct keys keys;
    memset(s, 0, sizeof *s);
    s->to_us = s->from_us = -1;
    s->loop = loop_new();
    assert_non_null(s->loop);
    keys_derive(&keys, secret);
    s->link = link_new(&(struct link_config){.role = LINK_CLIENT,
                                             .keys = &keys,
                                             .route = 5,
                                             .entropy = {ones, NULL},
                                             .now_us = loop_now_us(s->loop)});
    struct paths_config c = {.link = s->link,
                             .udp = candidate != NULL,
                             .candidates = candidate,
                             .candidate_count = candidate != NULL};
    struct paths_ops ops = {on_datagram, on_lost, on_event, s};
    s->paths = paths_new(s->loop, &c, &ops);
}

static void open_marked_pipe(struct seen *s, const void *rest, size_t rest_len, const char *mark)
{
    int in[2], out[2];
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    s->from_us = in[0];
    s->to_us = out[1];
    struct boot_pipe p = {in[1], out[0], rest, rest_len, mark};
    assert_int_equal(paths_pipe_open(s->paths, &p, loop_now_us(s->loop)), 0);
}

static void open_pipe(struct seen *s, const void *rest, size_t rest_len)
{
    open_marked_pipe(s, rest, rest_len, NULL);
}

static void close_all(struct seen *s)
{
    if (s->to_us >= 0)
        close(s->to_us);
    if (s->from_us >= 0)
        close(s->from_us);
    paths_free(s->paths);
    link_free(s->link);
    loop_free(s->loop);
}

static void noise_before_the_mark_is_nobodys(void **state)
{
    (void)state;
    struct seen s;
    open_paths(&s, NULL);
    static const char early[] = "\0\3xyz TERN-JOIN a.1 \nTERN-JOIN a.12\nmotd TERN-JOIN a";
    open_marked_pipe(&s, early, sizeof early - 1, "TERN-JOIN a.1");
    assert_int_equal(s.datagrams, 0);
    assert_true(paths_pipe_since(s.paths) == 0); /* no path yet: nothing is sent into a login */
    s.want = 1;
    assert_int_equal(write(s.to_us, ".1\n\0\3one", 8), 8);
    while (s.datagrams < 1)
        loop_turn(s.loop, true);
    assert_memory_equal(s.last, "one", 3);
    assert_true(paths_pipe_since(s.paths) != 0);
    close_all(&s);
}

static void frames_both_ways(void **state)
{
    (void)state;
    struct seen s;
    open_paths(&s, NULL);
    open_pipe(&s, "\0\3one\0\3t", 8); /* a frame and a half came with the connect line */
    assert_int_equal(s.datagrams, 1);
    assert_memory_equal(s.last, "one", 3);
    assert_int_equal(s.from.kind, PATH_PIPE);
    assert_true(paths_pipe_since(s.paths) != 0);
    s.want = 3;
    assert_int_equal(write(s.to_us, "wo\0\5three", 9), 9);
    loop_run(s.loop);
    assert_int_equal(s.last_len, 5);
    assert_memory_equal(s.last, "three", 5);

    struct link_datagram d = {.to = s.from, .data = (const uint8_t *)"four", .len = 4};
    uint8_t got[10];
    paths_send(s.paths, &d, 0);
    d.to.sock += 1000; /* of a pipe that was */
    paths_send(s.paths, &d, 0);
    assert_int_equal(read(s.from_us, got, sizeof got), 6);
    assert_memory_equal(got, "\0\4four", 6);
    close_all(&s);
}

static void pipe_that_ends(void **state)
{
    (void)state;
    struct seen s;
    open_paths(&s, NULL);
    open_pipe(&s, NULL, 0);
    close(s.to_us);
    s.to_us = -1;
    loop_run(s.loop);
    assert_int_equal(s.lost, 1);
    assert_int_equal(paths_pipe_since(s.paths), 0);
    /* Another takes its place, under another number. */
    uint32_t before = s.from.sock;
    close(s.from_us);
    open_pipe(&s, "\0\1x", 3);
    assert_int_equal(s.datagrams, 1);
    assert_int_not_equal(s.from.sock, before);
    close_all(&s);
}

static void pipe_out_of_step(void **state)
{
    (void)state;
    struct seen s;
    open_paths(&s, NULL);
    open_pipe(&s, NULL, 0);
    assert_int_equal(write(s.to_us, "Connection closed.\n", 19), 19);
    loop_run(s.loop);
    assert_int_equal(s.lost, 1);
    assert_int_equal(s.datagrams, 0);
    close_all(&s);
}

/* With a candidate the link asks for sockets and probes over them. */
static void sockets_as_the_link_asks(void **state)
{
    (void)state;
    struct seen s;
    struct addr a;
    struct link_datagram d;
    int sent = 0;
    assert_int_equal(addr_parse("127.0.0.1", &a), 0);
    a.port = 9; /* discard: nobody answers */
    open_paths(&s, &a);
    paths_serve(s.paths, loop_now_us(s.loop));
    while (sent < 100 && link_poll(s.link, loop_now_us(s.loop), &d) == 1) {
        assert_int_equal(d.to.kind, PATH_UDP);
        paths_send(s.paths, &d, loop_now_us(s.loop));
        sent++;
    }
    assert_in_range(sent, 1, 99);
    close_all(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_before_the_mark_is_nobodys),
        cmocka_unit_test(frames_both_ways),
        cmocka_unit_test(pipe_that_ends),
        cmocka_unit_test(pipe_out_of_step),
        cmocka_unit_test(sockets_as_the_link_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
