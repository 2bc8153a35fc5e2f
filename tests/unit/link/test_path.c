#include "link/path.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define MS 1000u

static struct path_ref udp(uint32_t sock, uint8_t last, uint8_t family)
{
    struct path_ref r = {.kind = PATH_UDP, .sock = sock};
    r.remote = (struct addr){.family = family, .ip = {192, 0, 2, last}, .port = 60001};
    return r;
}

static void finds_by_all_of_the_reference(void **state)
{
    struct path_table t;
    path_table_init(&t);
    struct path_ref a = udp(1, 1, ADDR_V4), b = udp(2, 1, ADDR_V4), pipe = {.kind = PATH_PIPE};
    int ia = path_add(&t, &a, PATH_NONE, 0);
    assert_int_equal(path_find(&t, &b), PATH_NONE);
    int ib = path_add(&t, &b, PATH_NONE, 0), ip = path_add(&t, &pipe, PATH_NONE, 0);
    assert_true(ia != ib && ib != ip && ia != ip);
    assert_int_equal(path_add(&t, &a, PATH_NONE, 9), ia);
    b.remote.port = 7;
    assert_int_equal(path_find(&t, &b), PATH_NONE);
    pipe.remote = a.remote; /* means nothing for a pipe */
    assert_int_equal(path_find(&t, &pipe), ip);
    assert_true(t.all[ip].valid);
    assert_false(t.all[ia].valid);
    path_remove(&t, ia);
    assert_int_equal(path_find(&t, &a), PATH_NONE);
    char text[PATH_TEXT];
    path_ref_format(&a, text);
    assert_string_equal(text, "udp 192.0.2.1:60001");
    path_ref_format(&pipe, text);
    assert_string_equal(text, "pipe");
}

static void gives_up_the_idle_but_no_pipe(void **state)
{
    struct path_table t;
    path_table_init(&t);
    struct path_ref pipe = {.kind = PATH_PIPE, .sock = 9};
    int ip = path_add(&t, &pipe, PATH_NONE, 0), keep = PATH_NONE, idle = PATH_NONE;
    for (int i = 1; i < PATH_CAP; i++) {
        struct path_ref r = udp(1, (uint8_t)i, ADDR_V4);
        int at = path_add(&t, &r, PATH_NONE, (uint64_t)i);
        keep = i == 1 ? at : keep;
        idle = i == 2 ? at : idle;
    }
    struct path_ref more = udp(1, 200, ADDR_V6);
    uint32_t serial = t.all[idle].serial;
    assert_int_equal(path_add(&t, &more, keep, 100), idle);
    assert_true(t.all[idle].serial != serial);
    assert_int_equal(t.all[idle].budget, PATH_BUDGET_V6);
    assert_true(t.all[ip].used && t.all[keep].used);
    for (uint32_t i = 10; i < 10 + PATH_CAP; i++) {
        struct path_ref r = {.kind = PATH_PIPE, .sock = i};
        int at = path_add(&t, &r, keep, i);
        assert_true(at == PATH_NONE || at != keep);
        assert_true(at != PATH_NONE || i >= 8 + PATH_CAP);
    }
    assert_true(t.all[keep].used);
}

/* A pipe that drains `rate` bytes a millisecond behind `rtt` ms of delay, kept full; returns what
 * the window settles at. */
static size_t settle(uint64_t rate, uint64_t rtt)
{
    struct path_table t;
    path_table_init(&t);
    struct path_ref ref = {.kind = PATH_PIPE};
    struct path *p = &t.all[path_add(&t, &ref, PATH_NONE, 0)];
    uint64_t answer_at = 0, asked = 0, asked_at = 0;
    double queue = 0;                      /* bytes not drained yet */
    rtt_sample(&p->rtt, rtt * MS, 1 * MS); /* the link asks once while the pipe is empty */
    for (uint64_t ms = 1; ms < 20000; ms++) {
        size_t room = path_pipe_room(p);
        p->sent += room;
        queue += (double)room;
        if (path_pipe_due(p, ms * MS)) {
            path_pipe_asked(p, ms * MS);
            asked = p->sent;
            asked_at = ms;
            answer_at = ms + rtt + (uint64_t)(queue / (double)rate);
        }
        if (p->asking && ms >= answer_at) {
            uint64_t took = (ms - asked_at) * MS;
            rtt_sample(&p->rtt, took, ms * MS);
            path_pipe_acked(p, asked, took);
        }
        queue = queue > (double)rate ? queue - (double)rate : 0;
        assert_true(p->sent - p->acked <= PATH_PIPE_MAX);
    }
    return p->window;
}

static void window_is_about_one_round_trip(void **state)
{
    /* 1 MB/s at 100 ms: 100 kB. */
    size_t w = settle(1000, 100);
    assert_true(w >= 60000 && w <= 260000);
    /* A slow pipe: the least. 10 kB/s at 50 ms is 500 bytes. */
    assert_true(settle(10, 50) <= 2 * PATH_PIPE_MIN);
    /* A fast one at the cap. */
    assert_true(settle(100000, 50) > PATH_PIPE_MAX / 2);
}

static void asks_again(void **state)
{
    struct path_table t;
    path_table_init(&t);
    struct path_ref ref = {.kind = PATH_PIPE};
    struct path *p = &t.all[path_add(&t, &ref, PATH_NONE, 0)];
    assert_false(path_pipe_due(p, 0));
    assert_int_equal(path_pipe_deadline(p), UINT64_MAX);
    p->sent = PATH_PIPE_START / 4;
    assert_true(path_pipe_due(p, 0));
    path_pipe_asked(p, 0);
    assert_false(path_pipe_due(p, 0));
    uint64_t again = path_pipe_deadline(p);
    assert_true(again >= 3000 * MS && again < 20000 * MS);
    assert_true(path_pipe_due(p, again));
    p->sent = 2 * PATH_PIPE_START;
    assert_int_equal(path_pipe_room(p), 0);
    path_pipe_acked(p, p->sent + 1, 1); /* nothing that was not sent */
    assert_int_equal(path_pipe_room(p), 0);
    path_pipe_acked(p, p->sent, 1);
    assert_true(path_pipe_room(p) >= PATH_PIPE_START);
    struct path_ref other = udp(1, 1, ADDR_V4);
    assert_int_equal(path_pipe_room(&t.all[path_add(&t, &other, PATH_NONE, 0)]), SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_all_of_the_reference),
        cmocka_unit_test(gives_up_the_idle_but_no_pipe),
        cmocka_unit_test(window_is_about_one_round_trip),
        cmocka_unit_test(asks_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
