/* What the link does for streams. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "link/control.h"
#include "toy.h"

static const uint8_t id[LINK_STREAM_ID] = "0123456789abcdef";
static const uint8_t other[LINK_STREAM_ID] = "another id of us";

static void announced_once(void **state)
{
    struct toy t;
    toy_start(&t, true);
    assert_null(link_streams_id(t.s.link));
    link_streams_announce(t.c.link, id, t.now);
    assert_false(link_streams_known(t.c.link));
    toy_run(&t, 1 * S);
    assert_memory_equal(link_streams_id(t.s.link), id, sizeof id);
    assert_true(link_streams_known(t.c.link));
    uint64_t sent = link_counters(t.c.link)->control_sent;
    toy_run(&t, 2 * S); /* and not again */
    assert_true(link_counters(t.c.link)->control_sent - sent < 4);
    /* The first one counts; another gets no answer. */
    link_streams_announce(t.c.link, other, t.now);
    toy_run(&t, 5 * S);
    assert_memory_equal(link_streams_id(t.s.link), id, sizeof id);
    assert_false(link_streams_known(t.c.link));
    toy_fini(&t);
}

static void announced_through_loss_and_outage(void **state)
{
    struct toy t;
    toy_start(&t, false);
    t.v4.loss = t.v6.loss = 0.5;
    link_streams_announce(t.c.link, id, t.now);
    toy_run(&t, 60 * S);
    assert_true(link_streams_known(t.c.link));
    toy_fini(&t);
}

static uint64_t beats(struct toy *t, struct app *a, uint64_t us)
{
    uint64_t before = link_counters(a->link)->control_sent;
    toy_run(t, us);
    return link_counters(a->link)->control_sent - before;
}

static void beats_while_owed(void **state)
{
    struct toy t;
    toy_start(&t, false);
    toy_run(&t, 120 * S); /* nobody types: a heartbeat every 25 s */
    assert_in_range(beats(&t, &t.s, 100 * S), 3, 10);
    link_streams_wait(t.s.link, LINK_WAIT, t.now);
    assert_in_range(beats(&t, &t.s, 100 * S), 80, 120);
    link_streams_wait(t.s.link, LINK_WAIT_STANDS, t.now);
    assert_in_range(beats(&t, &t.s, 100 * S), 380, 430);
    link_streams_wait(t.s.link, LINK_WAIT_NONE, t.now);
    assert_in_range(beats(&t, &t.s, 100 * S), 3, 10);
    /* The client's are heartbeats: they tell the server where it is. */
    link_streams_wait(t.c.link, LINK_WAIT_STANDS, t.now);
    assert_in_range(beats(&t, &t.c, 100 * S), 380, 430);
    toy_fini(&t);
}

static void owing_makes_the_link_quiet(void **state)
{
    struct toy t;
    toy_start(&t, false);
    toy_run(&t, 5 * S);
    assert_false(link_quiet(t.s.link, t.now));
    link_streams_wait(t.s.link, LINK_WAIT, t.now);
    toy_run(&t, 5 * S);
    assert_false(link_quiet(t.s.link, t.now));
    t.v4.up_down = t.v6.up_down = false;
    toy_run(&t, 5 * S);
    assert_true(link_quiet(t.s.link, t.now));
    toy_fini(&t);
}

static void sizes(void **state)
{
    struct toy t;
    toy_start(&t, false);
    assert_int_equal(link_streams_mtu(t.c.link), LINK_STREAM_MTU_MIN);
    toy_run(&t, 5 * S); /* nobody asks while there are no streams */
    assert_int_equal(link_streams_mtu(t.c.link), LINK_STREAM_MTU_MIN);
    link_streams_wait(t.c.link, LINK_WAIT, t.now);
    toy_run(&t, 2 * S);
    assert_int_equal(link_streams_mtu(t.c.link), LINK_STREAM_MTU_MAX);
    assert_int_equal(link_streams_mtu(t.s.link), LINK_STREAM_MTU_MIN); /* its own direction */
    /* A silence: it begins anew. */
    link_streams_wait(t.c.link, LINK_WAIT_STANDS, t.now);
    assert_int_equal(link_streams_mtu(t.c.link), LINK_STREAM_MTU_MIN);
    link_streams_wait(t.c.link, LINK_WAIT, t.now);
    toy_run(&t, 2 * S);
    assert_int_equal(link_streams_mtu(t.c.link), LINK_STREAM_MTU_MAX);
    /* The kernel says that it is too much: sealed datagrams keep theirs. */
    struct path_ref now;
    size_t sealed = link_mtu_payload(t.c.link);
    assert_true(link_path(t.c.link, &now));
    link_too_big(t.c.link, &now, LINK_STREAM_MTU_MAX);
    assert_int_equal(link_streams_mtu(t.c.link), LINK_STREAM_MTU_MIN);
    assert_int_equal(link_mtu_payload(t.c.link), sealed);
    toy_fini(&t);
}

static void full_socket_and_counting(void **state)
{
    struct toy t;
    struct path_ref now;
    toy_start(&t, false);
    assert_true(link_path(t.c.link, &now));
    assert_true(link_room(t.c.link, LINK_BULK) == SIZE_MAX);
    link_socket_full(t.c.link, now.sock, true);
    assert_int_equal(link_room(t.c.link, LINK_BULK), 0);
    assert_true(link_room(t.c.link, LINK_SCREEN) == SIZE_MAX);
    link_socket_full(t.c.link, now.sock + 1, false); /* another one */
    assert_int_equal(link_room(t.c.link, LINK_BULK), 0);
    link_socket_full(t.c.link, now.sock, false);
    assert_true(link_room(t.c.link, LINK_BULK) == SIZE_MAX);
    toy_fini(&t);
    /* In a pipe packets use the same window as all else. */
    toy_init(&t, false, SEAL_OCB);
    toy_pipe(&t);
    toy_run(&t, 1 * S);
    size_t room = link_room(t.c.link, LINK_BULK);
    assert_in_range(room, 6000, 30000);
    link_streams_sent(t.c.link, 5000, t.now);
    assert_int_equal(link_room(t.c.link, LINK_BULK), room - 5000);
    toy_run(&t, 10 * S); /* the far end is asked how much has come out */
    toy_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announced_once),
        cmocka_unit_test(announced_through_loss_and_outage),
        cmocka_unit_test(beats_while_owed),
        cmocka_unit_test(owing_makes_the_link_quiet),
        cmocka_unit_test(sizes),
        cmocka_unit_test(full_socket_and_counting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
