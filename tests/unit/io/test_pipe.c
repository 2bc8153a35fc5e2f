#include "rig.h"

#include "io/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct sink {
    struct pipe *pipe;
    char text[256];
    size_t len; /* all bytes, those past the text too */
    int eof, writable, drained, failed, err;
    bool free_on_data;
};

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct sink *s = ctx;
    for (size_t i = 0; i < len; i++, s->len++)
        if (s->len < sizeof s->text)
            s->text[s->len] = (char)bytes[i];
    if (s->free_on_data) {
        pipe_free(s->pipe);
        s->pipe = NULL;
    }
}
static void on_eof(void *ctx)
{
    ((struct sink *)ctx)->eof++;
}
static void on_writable(void *ctx)
{
    ((struct sink *)ctx)->writable++;
}
static void on_drained(void *ctx)
{
    ((struct sink *)ctx)->drained++;
}
static void on_failed(void *ctx, int e)
{
    struct sink *s = ctx;
    s->failed++;
    s->err = e;
}

static void open_pipe(struct loop *l, struct sink *s, int in, int out, int flags, size_t cap)
{
    struct pipe_ops ops = {.data = on_data,
                           .eof = on_eof,
                           .writable = on_writable,
                           .drained = on_drained,
                           .failed = on_failed,
                           .ctx = s};
    assert_int_equal(pipe_new(l, in, out, flags, cap, &ops, &s->pipe), 0);
}

static void test_bytes_and_eof_through_a_pipe(void **state)
{
    struct loop *l = loop_new();
    int fds[2];
    struct sink in = {0}, out = {0};
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    open_pipe(l, &in, fds[0], -1, PIPE_OWN_IN, 16);
    open_pipe(l, &out, -1, fds[1], PIPE_OWN_OUT, 16);
    assert_int_equal(pipe_write(out.pipe, "hello", 5), 5);
    RIG_UNTIL(l, in.len == 5);
    assert_memory_equal(in.text, "hello", 5);
    pipe_end(out.pipe);
    RIG_UNTIL(l, in.eof == 1);
    assert_int_equal(pipe_write(out.pipe, "x", 1), 0);
    pipe_free(in.pipe);
    pipe_free(out.pipe);
    loop_free(l);
}

static void test_queue_is_bounded_and_tells_writable(void **state)
{
    struct loop *l = loop_new();
    int fds[2];
    struct sink in = {0}, out = {0};
    static uint8_t many[1 << 20];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    open_pipe(l, &in, fds[0], -1, PIPE_OWN_IN | PIPE_PAUSED, 16);
    open_pipe(l, &out, -1, fds[1], PIPE_OWN_OUT, 1000);
    size_t taken = pipe_write(out.pipe, many, sizeof many);
    assert_true(taken < sizeof many);
    assert_int_equal(pipe_queued(out.pipe), 1000);
    assert_int_equal(pipe_room(out.pipe), 0);
    assert_int_equal(pipe_write(out.pipe, many, 1), 0);
    assert_false(pipe_write_all(out.pipe, many, 5));
    pipe_read(in.pipe, true);
    RIG_UNTIL(l, out.writable == 1 && out.drained == 1);
    RIG_UNTIL(l, in.len == taken);
    assert_int_equal(pipe_queued(out.pipe), 0);
    pipe_free(in.pipe);
    pipe_free(out.pipe);
    loop_free(l);
}

static void test_end_waits_for_the_queue(void **state)
{
    struct loop *l = loop_new();
    int s[2];
    struct sink a = {0}, b = {0};
    static uint8_t many[1 << 20];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    open_pipe(l, &a, s[0], s[0], PIPE_OWN, sizeof many);
    open_pipe(l, &b, s[1], s[1], PIPE_OWN, 16);
    assert_int_equal(pipe_write(a.pipe, many, sizeof many), sizeof many);
    pipe_end(a.pipe);
    RIG_UNTIL(l, b.eof == 1);
    assert_int_equal(b.len, sizeof many);
    /* Half-closed: the other direction still works. */
    assert_int_equal(pipe_write(b.pipe, "back", 4), 4);
    RIG_UNTIL(l, a.len == 4);
    pipe_free(a.pipe);
    pipe_free(b.pipe);
    loop_free(l);
}

static void test_broken_pipe_is_told_later(void **state)
{
    struct loop *l = loop_new();
    int fds[2];
    struct sink out = {0};
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    open_pipe(l, &out, -1, fds[1], PIPE_OWN_OUT, 16);
    close(fds[0]);
    assert_int_equal(pipe_write(out.pipe, "x", 1), 0);
    assert_int_equal(out.failed, 0); /* not within our own call */
    RIG_UNTIL(l, out.failed == 1);
    assert_int_equal(out.err, EPIPE);
    pipe_free(out.pipe);
    loop_free(l);
}

static void test_reader_gone_while_bytes_wait(void **state)
{
    struct loop *l = loop_new();
    int fds[2];
    struct sink out = {0};
    static uint8_t many[1 << 20];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    open_pipe(l, &out, -1, fds[1], PIPE_OWN_OUT, sizeof many);
    pipe_write(out.pipe, many, sizeof many);
    assert_true(pipe_queued(out.pipe) > 0);
    close(fds[0]);
    RIG_UNTIL(l, out.failed == 1);
    assert_int_equal(out.err, EPIPE);
    pipe_free(out.pipe);
    loop_run(l);
    loop_free(l);
}

static void test_free_within_data(void **state)
{
    struct loop *l = loop_new();
    int s[2];
    struct sink a = {.free_on_data = true};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    open_pipe(l, &a, s[0], s[0], PIPE_OWN, 16);
    assert_int_equal(write(s[1], "x", 1), 1);
    RIG_UNTIL(l, !a.pipe);
    char c;
    assert_int_equal(read(s[1], &c, 1), 0); /* closed */
    close(s[1]);
    loop_free(l);
}

/* The open file is shared with whoever inherited it: it must not become non-blocking. */
static void test_shared_file_is_left_blocking(void **state)
{
    struct loop *l = loop_new();
    int fds[2], s[2];
    struct sink in = {0}, sock = {0};
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    open_pipe(l, &in, fds[0], -1, 0, 16);
    assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    RIG_UNTIL(l, in.len == 1);
    pipe_free(in.pipe);
    /* A socket cannot be opened anew: its flags are put back. */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    open_pipe(l, &sock, s[0], s[0], 0, 16);
    pipe_free(sock.pipe);
    assert_int_equal(fcntl(s[0], F_GETFL) & O_NONBLOCK, 0);
    int all[] = {fds[0], fds[1], s[0], s[1]};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(close(all[i]), 0);
    loop_free(l);
}

static void test_files_and_dev_null(void **state)
{
    struct loop *l = loop_new();
    char name[] = "/tmp/tern-test-XXXXXX";
    int fd = mkstemp(name);
    struct sink out = {0}, in = {0}, null = {0};
    static uint8_t many[40000];
    memset(many, 'z', sizeof many);
    open_pipe(l, &out, -1, fd, 0, 16);
    assert_int_equal(pipe_write(out.pipe, many, sizeof many), sizeof many);
    pipe_free(out.pipe);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    open_pipe(l, &in, fd, -1, PIPE_OWN_IN, 16);
    RIG_UNTIL(l, in.eof == 1);
    assert_int_equal(in.len, sizeof many);
    assert_int_equal(in.text[0], 'z');
    pipe_free(in.pipe);
    unlink(name);
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    open_pipe(l, &null, fd, fd, PIPE_OWN_IN, 16);
    assert_int_equal(pipe_write(null.pipe, many, sizeof many), sizeof many);
    RIG_UNTIL(l, null.eof == 1);
    pipe_free(null.pipe);
    loop_free(l);
}

static void test_flush_waits_for_a_reader(void **state)
{
    struct loop *l = loop_new();
    int fds[2];
    struct sink out = {0};
    static uint8_t many[1 << 18];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    open_pipe(l, &out, -1, fds[1], PIPE_OWN_OUT, sizeof many);
    pipe_write(out.pipe, many, sizeof many);
    assert_false(pipe_flush(out.pipe, 1000)); /* nobody reads */
    size_t got = 0;
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    while (got < sizeof many) {
        static uint8_t piece[65536];
        ssize_t n = read(fds[0], piece, sizeof piece);
        if (n > 0)
            got += (size_t)n;
        else
            pipe_flush(out.pipe, 0);
    }
    assert_true(pipe_flush(out.pipe, 0));
    pipe_free(out.pipe);
    close(fds[0]);
    loop_free(l);
}

/* A place for much. */
struct place {
    uint8_t bytes[100000];
    size_t most, asked, got;
    bool direct; /* the last bytes were in it */
    size_t last;
};

static void on_placed(void *ctx, const uint8_t *bytes, size_t len)
{
    struct place *p = ctx;
    p->direct = bytes == p->bytes;
    p->last = len;
    p->got += len;
}

static uint8_t *on_space(void *ctx, size_t *len)
{
    struct place *p = ctx;
    p->asked++;
    *len = p->most;
    return p->most ? p->bytes : NULL;
}

/* Little comes as ever; behind a full read the owner is asked for space. */
static void test_much_is_read_into_the_owners_space(void **state)
{
    struct loop *l = loop_new();
    static struct place place;
    struct pipe_ops ops = {.data = on_placed, .space = on_space, .ctx = &place};
    static uint8_t much[100000];
    struct pipe *p;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pipe_grow(fds[1]);
    assert_int_equal(fcntl(fds[1], F_GETPIPE_SZ), PIPE_SIZE);
    place.most = 50000;
    assert_int_equal(pipe_new(l, fds[0], -1, PIPE_OWN_IN, 0, &ops, &p), 0);
    assert_int_equal(write(fds[1], much, 100), 100);
    RIG_UNTIL(l, place.got == 100);
    assert_int_equal(place.asked, 0);
    assert_int_equal(write(fds[1], much, PIPE_READ + 60000), PIPE_READ + 60000);
    RIG_UNTIL(l, place.got == 100 + PIPE_READ + 50000);
    assert_true(place.direct);
    assert_int_equal(place.last, 50000);
    place.most = 0; /* none now: as little */
    RIG_UNTIL(l, place.got == 100 + PIPE_READ + 60000);
    assert_false(place.direct);
    pipe_free(p);
    close(fds[1]);
    loop_free(l);
}

/* Without a queue what the kernel does not take stays the owner's, who hears when it takes more. */
static void test_without_a_queue(void **state)
{
    struct loop *l = loop_new();
    struct sink s = {0};
    int fds[2];
    static uint8_t bytes[300000];
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    open_pipe(l, &s, -1, fds[1], PIPE_OWN_OUT, 0);
    size_t n = pipe_write(s.pipe, bytes, sizeof bytes);
    assert_true(n > 0 && n < sizeof bytes);
    assert_int_equal(pipe_queued(s.pipe), 0);
    loop_turn(l, false);
    assert_int_equal(s.writable, 0);
    assert_int_equal(read(fds[0], bytes, n), n);
    RIG_UNTIL(l, s.writable == 1);
    assert_int_equal(pipe_write(s.pipe, bytes, 10), 10);
    loop_turn(l, false);
    assert_int_equal(s.writable, 1); /* told once, and no busy turn */
    pipe_end(s.pipe);
    assert_int_equal(read(fds[0], bytes, 20), 10);
    assert_int_equal(read(fds[0], bytes, 20), 0);
    pipe_free(s.pipe);
    close(fds[0]);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_and_eof_through_a_pipe),
        cmocka_unit_test(test_queue_is_bounded_and_tells_writable),
        cmocka_unit_test(test_end_waits_for_the_queue),
        cmocka_unit_test(test_broken_pipe_is_told_later),
        cmocka_unit_test(test_reader_gone_while_bytes_wait),
        cmocka_unit_test(test_free_within_data),
        cmocka_unit_test(test_shared_file_is_left_blocking),
        cmocka_unit_test(test_files_and_dev_null),
        cmocka_unit_test(test_flush_waits_for_a_reader),
        cmocka_unit_test(test_much_is_read_into_the_owners_space),
        cmocka_unit_test(test_without_a_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
