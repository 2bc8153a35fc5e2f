/* The server's side: who the peer is, challenges before bulk; and links to stock peers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "toy.h"

/* The server sends bulk as long as it may; returns the bytes. */
static uint64_t pour(struct toy *t)
{
    uint64_t before = t->s.bulk_bytes;
    for (int i = 0; i < 2000; i++)
        if (toy_send(t, &t->s, 'x', 1, 1000, LINK_BULK))
            break;
    return t->s.bulk_bytes - before;
}

/* Hand the server the newest datagram of the client as if it came from elsewhere, and lose the
 * original. */
static uint64_t hijack(struct toy *t, const struct path_ref *from)
{
    struct packet *p = NULL;
    struct link_payload out;
    assert_int_equal(toy_send(t, &t->c, 'x', 1, 500, LINK_SCREEN), 0);
    p = t->queue[--t->count];
    assert_int_equal(link_receive(t->s.link, from, false, p->data, p->len, t->now, &out), 1);
    assert_true(out.in_order && out.peer_moved);
    uint64_t len = p->len;
    free(p);
    return len;
}

static void challenge_comes_before_bulk(void **state)
{
    struct toy t;
    toy_start(&t, false);
    assert_int_equal(link_room(t.s.link, LINK_BULK), SIZE_MAX);
    struct path_ref victim = {PATH_UDP, SERVER_SOCK, toy_addr("203.0.113.9", 53)};
    uint64_t came = hijack(&t, &victim);
    assert_string_equal(toy_path(&t.s), "udp 203.0.113.9:53"); /* screens at once */
    assert_int_equal(toy_send(&t, &t.s, 'x', 1, 400, LINK_SCREEN), 0);
    uint64_t poured = pour(&t);
    assert_true(poured + 400 <= 3 * came);
    assert_true(link_room(t.s.link, LINK_BULK) < 1100);
    /* The victim answers nothing: all that ever goes there unasked is a few challenges. */
    uint64_t before = link_counters(t.s.link)->sent_bytes;
    t.v4.up_up = t.v6.up_up = false;
    toy_run(&t, 60 * S);
    pour(&t);
    assert_true(link_counters(t.s.link)->sent_bytes - before < 2000);
    /* The real client speaks: it is the peer at once, and of known address. */
    t.v4.up_up = true;
    app_type(&t, &t.c);
    toy_run(&t, 5 * S);
    assert_string_equal(toy_path(&t.s), "udp 198.51.100.1:10001");
    assert_int_equal(link_room(t.s.link, LINK_BULK), SIZE_MAX);
    toy_fini(&t);
}

static void a_new_address_is_challenged_and_answers(void **state)
{
    struct toy t;
    toy_start(&t, false);
    t.client_ip[0] = 2;
    app_type(&t, &t.c);
    app_tick(&t, &t.c); /* the datagram that moves the peer */
    t.now += 20 * MS;
    struct packet *p = toy_take(&t);
    assert_non_null(p);
    assert_int_equal(toy_deliver(&t, p), 1);
    free(p);
    assert_string_equal(toy_path(&t.s), "udp 198.51.100.2:10001");
    assert_true(link_room(t.s.link, LINK_BULK) < 10000);
    toy_run(&t, 41 * MS); /* one round trip */
    assert_int_equal(link_room(t.s.link, LINK_BULK), SIZE_MAX);
    toy_fini(&t);
}

/* A switch carries the answer along: no round trip is lost after a proper roam. */
static void a_switch_proves_the_address(void **state)
{
    struct toy t;
    toy_init(&t, false, SEAL_OCB);
    toy_pipe(&t);
    toy_candidates(&t);
    toy_run(&t, 10 * MS);
    assert_string_equal(toy_path(&t.s), "pipe");
    toy_run(&t, 51 * MS);
    assert_string_equal(toy_path(&t.s), "udp 198.51.100.1:10001");
    assert_int_equal(link_room(t.s.link, LINK_BULK), SIZE_MAX);
    toy_fini(&t);
}

/* The challenge itself may be lost; bulk waiting asks for another. */
static void lost_challenges_are_repeated(void **state)
{
    struct toy t;
    toy_start(&t, false);
    t.v4.up_down = t.v6.up_down = false;
    t.client_ip[0] = 2;
    assert_int_equal(toy_send(&t, &t.c, 'x', 1, 500, LINK_SCREEN), 0);
    toy_run(&t, 300 * S);
    assert_true(link_room(t.s.link, LINK_BULK) != SIZE_MAX);
    t.v4.up_down = true;
    t.c.want = t.c.done;
    pour(&t);
    toy_run(&t, 1200 * MS);
    assert_int_equal(link_room(t.s.link, LINK_BULK), SIZE_MAX);
    toy_fini(&t);
}

static void late_datagrams_do_not_move_the_peer(void **state)
{
    struct toy t;
    struct link_payload out;
    toy_start(&t, false);
    assert_int_equal(toy_send(&t, &t.c, 'x', 1, 30, LINK_SCREEN), 0);
    struct packet *late = t.queue[--t.count];
    t.client_ip[0] = 2;
    app_type(&t, &t.c);
    toy_run(&t, S);
    assert_string_equal(toy_path(&t.s), "udp 198.51.100.2:10001");
    assert_int_equal(link_receive(t.s.link, &late->from, false, late->data, late->len, t.now, &out),
                     1);
    assert_false(out.in_order || out.peer_moved);
    assert_string_equal(toy_path(&t.s), "udp 198.51.100.2:10001");
    free(late);
    toy_fini(&t);
}

static void never_forgets_natively(void **state)
{
    struct toy t;
    toy_start(&t, false);
    t.v4.up_up = t.v6.up_up = false;
    app_type(&t, &t.s);
    toy_run(&t, 3600 * S);
    assert_true(link_has_peer(t.s.link));
    toy_fini(&t);
}

static void the_peer_of_a_dead_pipe_is_where_it_was_heard(void **state)
{
    struct toy t;
    toy_start(&t, true);
    assert_string_equal(toy_path(&t.s), "udp 198.51.100.1:10001");
    link_socket_closed(t.s.link, SERVER_SOCK, t.now);
    assert_string_equal(toy_path(&t.s), "pipe");
    link_pipe_closed(t.s.link, PIPE_SOCK, t.now);
    assert_string_equal(toy_path(&t.s), "none");
    toy_fini(&t);
}

/* Authentic datagrams from a thousand addresses: the table stays as it is, the real one is kept. */
static void a_thousand_addresses(void **state)
{
    struct toy t;
    toy_start(&t, true);
    for (int i = 0; i < 1000; i++) {
        struct path_ref from = {PATH_UDP, SERVER_SOCK, toy_addr("203.0.113.1", (uint16_t)(i + 1))};
        hijack(&t, &from);
        toy_run(&t, MS);
    }
    app_type(&t, &t.c);
    toy_run(&t, 5 * S);
    assert_int_equal(t.c.done, t.c.want);
    assert_int_equal(strncmp(toy_path(&t.s), "udp 198.51.100.1", 16), 0);
    toy_fini(&t);
}

/* ---- stock ---- */

static void stock_start(struct toy *t)
{
    toy_init(t, true, SEAL_OCB);
    toy_candidates(t);
    app_type(t, &t->c);
    toy_run(t, S);
    app_type(t, &t->s);
    toy_run(t, S);
    assert_int_equal(t->c.done, t->c.want);
    assert_int_equal(t->s.done, t->s.want);
}

static void stock_says_nothing_of_its_own(void **state)
{
    struct toy t;
    stock_start(&t);
    link_pipe_open(t.c.link, PIPE_SOCK, t.now); /* means nothing */
    link_bye(t.c.link, t.now);
    uint64_t before = t.packets;
    link_activity(t.c.link, t.now);
    toy_run(&t, 3600 * S);
    assert_int_equal(t.packets, before);
    assert_int_equal(link_counters(t.c.link)->control_sent, 0);
    assert_int_equal(link_counters(t.s.link)->control_sent, 0);
    assert_int_equal(t.sockets_opened, 1);
    assert_int_equal(link_room(t.s.link, LINK_BULK), SIZE_MAX);
    toy_fini(&t);
}

static void stock_ids_are_whole(void **state)
{
    struct toy t;
    struct link_datagram d;
    struct link_payload out;
    stock_start(&t);
    uint8_t payload[LINK_FRAGMENT + 1] = {0xff, 0xff, 1, 2, 3, 4, 5, 6, 0x80, 0, 'x'};
    assert_int_equal(link_send(t.c.link, 0, payload, sizeof payload, LINK_SCREEN, t.now, &d), 0);
    assert_int_equal(d.data[0], 0);
    assert_int_equal(d.data[1], 0); /* no route id */
    struct path_ref from = {PATH_UDP, SERVER_SOCK, toy_source(&t, d.to.sock)};
    assert_int_equal(link_receive(t.s.link, &from, false, d.data, d.len, t.now, &out), 1);
    assert_int_equal(out.lane, 0);
    assert_memory_equal(out.data, payload, sizeof payload);
    toy_fini(&t);
}

static void stock_server_adopts_and_forgets(void **state)
{
    struct toy t;
    stock_start(&t);
    t.client_ip[0] = 2;
    app_type(&t, &t.c);
    toy_run(&t, S);
    assert_string_equal(toy_path(&t.s), "udp 198.51.100.2:10001");
    assert_in_range(link_srtt_us(t.s.link), 35 * MS, 60 * MS); /* one estimate for all addresses */
    t.v4.up_up = false;
    app_type(&t, &t.s);
    toy_run(&t, 39 * S);
    assert_true(link_has_peer(t.s.link));
    toy_run(&t, 5 * S); /* it sends every 3 s; the first one after 40 s is the last */
    assert_false(link_has_peer(t.s.link));
    assert_int_equal(toy_send(&t, &t.s, 'x', 1, 20, LINK_SCREEN), ERR_STATE);
    assert_in_range(link_srtt_us(t.s.link), 35 * MS, 60 * MS);
    t.v4.up_up = true;
    app_type(&t, &t.c);
    toy_run(&t, 13 * S);
    assert_true(link_has_peer(t.s.link));
    assert_int_equal(t.c.done, t.c.want);
    assert_int_equal(t.s.done, t.s.want);
    toy_fini(&t);
}

static void stock_client_hops(void **state)
{
    struct toy t;
    stock_start(&t);
    toy_run(&t, 20 * S);
    t.v4.up_down = false;
    app_type(&t, &t.c);
    uint64_t opened = t.sockets_opened;
    toy_run(&t, 9 * S);
    assert_int_equal(t.sockets_opened,
                     opened + 1); /* the old port was older than 10 s, the trip too */
    toy_run(&t, 60 * S);
    assert_in_range(t.sockets_opened - opened, 5, 7);
    size_t open = 0;
    for (size_t i = 0; i < TOY_SOCKETS; i++)
        open += t.open[i];
    assert_int_equal(open, t.sockets_opened); /* old ones are listened to */
    toy_run(&t, 300 * S);
    open = 0;
    for (size_t i = 0; i < TOY_SOCKETS; i++)
        open += t.open[i];
    assert_true(open <= 10);
    t.v4.up_down = true;
    toy_run(&t, 4 * S);
    assert_int_equal(t.c.done, t.c.want);
    for (int i = 0; i < 70; i++) {
        app_type(&t, &t.c);
        toy_run(&t, S);
    }
    open = 0;
    for (size_t i = 0; i < TOY_SOCKETS; i++)
        open += t.open[i];
    assert_int_equal(open, 1); /* the newest is older than a minute */
    toy_fini(&t);
}

static void stock_out_of_order_is_delivered(void **state)
{
    struct toy t;
    struct link_payload out;
    stock_start(&t);
    assert_int_equal(toy_send(&t, &t.c, 'x', 1, 30, LINK_SCREEN), 0);
    struct packet *late = t.queue[--t.count];
    t.client_ip[0] = 2;
    app_type(&t, &t.c);
    toy_run(&t, S);
    uint64_t heard = link_heard_us(t.s.link);
    t.now += S;
    for (int i = 0; i < 2; i++) { /* and once more: no window towards stock (§3.4) */
        assert_int_equal(
            link_receive(t.s.link, &late->from, false, late->data, late->len, t.now, &out), 1);
        assert_false(out.in_order || out.peer_moved);
    }
    assert_int_equal(link_heard_us(t.s.link), heard);
    assert_string_equal(toy_path(&t.s), "udp 198.51.100.2:10001");
    free(late);
    toy_fini(&t);
}

static void stock_v6_budget(void **state)
{
    struct toy t;
    toy_init(&t, true, SEAL_OCB);
    link_add_candidate(t.c.link, &t.server[1], t.now);
    app_type(&t, &t.c);
    toy_run(&t, S);
    assert_int_equal(t.c.done, t.c.want);
    assert_int_equal(link_mtu_payload(t.c.link), 1178);
    assert_int_equal(link_mtu_payload(t.s.link), 1178);
    struct path_ref to;
    assert_true(link_path(t.s.link, &to));
    link_too_big(t.s.link, &to, 1252);
    assert_int_equal(link_mtu_payload(t.s.link), 462);
    toy_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(challenge_comes_before_bulk),
        cmocka_unit_test(a_new_address_is_challenged_and_answers),
        cmocka_unit_test(a_switch_proves_the_address),
        cmocka_unit_test(lost_challenges_are_repeated),
        cmocka_unit_test(late_datagrams_do_not_move_the_peer),
        cmocka_unit_test(never_forgets_natively),
        cmocka_unit_test(the_peer_of_a_dead_pipe_is_where_it_was_heard),
        cmocka_unit_test(a_thousand_addresses),
        cmocka_unit_test(stock_says_nothing_of_its_own),
        cmocka_unit_test(stock_ids_are_whole),
        cmocka_unit_test(stock_server_adopts_and_forgets),
        cmocka_unit_test(stock_client_hops),
        cmocka_unit_test(stock_out_of_order_is_delivered),
        cmocka_unit_test(stock_v6_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
