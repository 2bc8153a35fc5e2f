/* The client's side, natively, on a toy network: paths, roaming, quiet, heartbeats. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "toy.h"

#define V4 "udp 192.0.2.1:60001"
#define V6 "udp [2001:db8::1]:60001"

static void assert_alive(struct toy *t, uint64_t within_us)
{
    app_type(t, &t->c);
    app_type(t, &t->s);
    toy_run(t, within_us);
    assert_int_equal(t->c.done, t->c.want);
    assert_int_equal(t->s.done, t->s.want);
    assert_false(link_quiet(t->c.link, t->now));
    assert_false(link_quiet(t->s.link, t->now));
}

/* UDP is blocked, the client types, and is on the pipe that long after. */
static void toy_init_piped(struct toy *t, uint64_t us)
{
    toy_init(t, false, SEAL_OCB);
    t->v4.up_up = t->v6.up_up = false;
    toy_pipe(t);
    toy_candidates(t);
    app_type(t, &t->c);
    toy_run(t, us);
    assert_string_equal(toy_path(&t->c), "pipe");
}

static void begins_on_the_pipe_and_moves_to_udp(void **state)
{
    struct toy t;
    toy_init(&t, false, SEAL_OCB);
    toy_pipe(&t);
    toy_candidates(&t);
    app_type(&t, &t.c);
    toy_run(&t, 1);
    assert_string_equal(toy_path(&t.c), "pipe");
    assert_string_equal(toy_path(&t.s), "pipe");
    /* One round trip for the probe, half of one for the switch. */
    toy_run(&t, 40 * MS);
    assert_string_equal(toy_path(&t.c), V4);
    toy_run(&t, 20 * MS);
    assert_string_equal(toy_path(&t.s), "udp 198.51.100.1:10001");
    assert_alive(&t, S);
    assert_int_equal(link_counters(t.c.link)->moves, 1);
    assert_int_equal(link_counters(t.s.link)->moves, 1);
    assert_in_range(link_srtt_us(t.c.link), 39 * MS, 45 * MS);
    assert_in_range(link_srtt_us(t.s.link), 39 * MS, 45 * MS);
    toy_fini(&t);
}

static void stays_on_the_pipe_where_udp_is_blocked(void **state)
{
    struct toy t;
    toy_init_piped(&t, 600 * S);
    assert_alive(&t, S);
    /* It goes on looking, and moves when UDP comes through; within the back-off while active. */
    t.v4.up_up = true;
    for (int i = 0; i < 13; i++) {
        app_type(&t, &t.c);
        toy_run(&t, 5 * S);
    }
    assert_string_equal(toy_path(&t.c), V4);
    assert_alive(&t, S);
    toy_fini(&t);
}

static void works_without_a_pipe(void **state)
{
    struct toy t;
    toy_init(&t, false, SEAL_OCB);
    t.v4.up_up = false; /* the first candidate is dead */
    toy_candidates(&t);
    app_type(&t, &t.c);
    toy_run(&t, 300 * MS);
    assert_string_equal(toy_path(&t.c), V6);
    assert_alive(&t, S);
    toy_fini(&t);
}

static void falls_back_to_the_pipe_and_returns(void **state)
{
    struct toy t;
    toy_start(&t, true);
    assert_string_equal(toy_path(&t.c), V4);
    t.v4.up_up = t.v4.up_down = t.v6.up_up = t.v6.up_down = false;
    app_type(&t, &t.c);
    app_type(&t, &t.s);
    toy_run(&t, 1400 * MS);
    assert_string_equal(toy_path(&t.c), V4);
    toy_run(&t, 400 * MS); /* quiet after 1.5 s, then one round trip */
    assert_string_equal(toy_path(&t.c), "pipe");
    assert_string_equal(toy_path(&t.s), "pipe");
    toy_run(&t, S);
    assert_int_equal(t.c.done, t.c.want);
    assert_int_equal(t.s.done, t.s.want);
    t.v4.up_up = t.v4.up_down = true;
    for (int i = 0; i < 10; i++) {
        app_type(&t, &t.c);
        toy_run(&t, 3 * S);
    }
    assert_string_equal(toy_path(&t.c), V4);
    assert_alive(&t, S);
    toy_fini(&t);
}

static void a_forgotten_pipe_costs_nothing(void **state)
{
    struct toy t;
    toy_init(&t, false, SEAL_OCB);
    toy_pipe(&t);
    t.pipe.up_up = t.pipe.up_down = false; /* hangs from the first byte */
    toy_candidates(&t);
    app_type(&t, &t.c);
    toy_run(&t, 120 * S);
    assert_string_equal(toy_path(&t.c), V4);
    uint64_t before = t.packets;
    toy_run(&t, 3600 * S);
    assert_in_range(t.packets - before, 280, 299);
    assert_alive(&t, S);
    toy_fini(&t);
}

/* What lies in a pipe during an outage comes out after it: it must not be a heap. */
static void a_hanging_pipe_is_not_filled(void **state)
{
    struct toy t;
    toy_start(&t, true);
    t.v4.up_up = t.v6.up_up = t.v4.up_down = t.v6.up_down = false;
    t.pipe.up_down = false;
    link_set_owed(t.c.link, true, t.now);
    link_set_owed(t.s.link, true, t.now);
    t.packets_by_kind[PATH_PIPE] = 0; /* counts what gets through: the way up */
    toy_run(&t, 8 * 3600 * S);
    assert_true(t.packets_by_kind[PATH_PIPE] < 250);
    t.pipe.up_down = true;
    link_network_event(t.c.link, t.now);
    toy_run(&t, 2 * S);
    assert_string_equal(toy_path(&t.c), "pipe");
    assert_alive(&t, S);
    toy_fini(&t);
}

/* Flapping UDP must prove itself more and more often. */
static void does_not_flap(void **state)
{
    struct toy t;
    toy_start(&t, true);
    uint64_t before = link_counters(t.c.link)->moves;
    for (int i = 0; i < 120; i++) {
        t.v4.up_up = i % 2;
        t.v6.up_up = false;
        app_type(&t, &t.c);
        toy_run(&t, 5 * S);
    }
    uint64_t moves = link_counters(t.c.link)->moves - before;
    assert_in_range(moves, 2, 90);
    t.v4.up_up = true;
    toy_run(&t, 60 * S);
    assert_alive(&t, S);
    toy_fini(&t);
}

static void roams_with_an_event(void **state)
{
    struct toy t;
    toy_start(&t, false);
    uint64_t opened = t.sockets_opened;
    t.client_ip[0] = 2; /* new address: what the server sends to the old one is lost */
    app_type(&t, &t.s);
    link_network_event(t.c.link, t.now);
    toy_run(&t, 140 * MS); /* 1 RTT + 100 ms */
    assert_true(t.sockets_opened > opened);
    assert_int_equal(strncmp(toy_path(&t.s), "udp 198.51.100.2:", 17), 0);
    assert_false(link_quiet(t.s.link, t.now));
    toy_run(&t, 300 * MS);
    assert_int_equal(t.s.done, t.s.want);
    assert_alive(&t, S);
    toy_fini(&t);
}

static void roams_without_an_event(void **state)
{
    struct toy t;
    toy_start(&t, false);
    t.client_ip[0] = 2;
    app_type(&t, &t.c); /* the first datagram from the new address moves the peer */
    app_type(&t, &t.s);
    toy_run(&t, 400 * MS);
    assert_int_equal(t.c.done, t.c.want);
    assert_int_equal(t.s.done, t.s.want);
    assert_true(link_counters(t.s.link)->moves >= 2);
    toy_fini(&t);
}

/* Only the server has something to say and the client's address changed unnoticed: the next
 * heartbeat tells it. */
static void heartbeat_moves_the_peer(void **state)
{
    struct toy t;
    toy_start(&t, false);
    t.client_ip[0] = 2;
    app_type(&t, &t.s);
    toy_run(&t, 4 * S); /* somebody printed, so that heartbeats come every 3 s */
    assert_int_equal(t.s.done, t.s.want);
    toy_fini(&t);
}

static void roams_from_v4_to_v6_and_back(void **state)
{
    struct toy t;
    toy_start(&t, false);
    assert_string_equal(toy_path(&t.c), V4);
    t.v4.up_up = t.v4.up_down = false;
    app_type(&t, &t.c);
    toy_run(&t, 1800 * MS);
    assert_string_equal(toy_path(&t.c), V6);
    assert_alive(&t, S);
    assert_int_equal(link_mtu_payload(t.c.link), 1178);
    assert_int_equal(link_mtu_payload(t.s.link), 1178);
    t.v4.up_up = t.v4.up_down = true;
    t.v6.up_up = t.v6.up_down = false;
    link_network_event(t.c.link, t.now);
    toy_run(&t, 140 * MS);
    assert_string_equal(toy_path(&t.c), V4);
    assert_alive(&t, S);
    assert_int_equal(link_mtu_payload(t.c.link), 1214);
    toy_fini(&t);
}

/* Eight hours of nothing: probes every 3 s at most, sockets few, alive again within one interval.
 */
static void survives_a_long_outage(void **state)
{
    struct toy t;
    toy_start(&t, false);
    t.v4.up_up = t.v6.up_up = false;
    app_type(&t, &t.c);
    toy_run(&t, 60 * S);
    assert_true(link_quiet(t.c.link, t.now));
    uint64_t packets = t.packets, sockets = t.sockets_opened;
    toy_run(&t, 8 * 3600 * S);
    assert_true(t.packets - packets < 8 * 1200 * 6);
    assert_true(t.sockets_opened - sockets < 8 * 60 * 2 + 10);
    size_t open = 0;
    for (size_t i = 0; i < TOY_SOCKETS; i++)
        open += t.open[i];
    assert_true(open <= 8);
    t.v4.up_up = true;
    toy_run(&t, 3200 * MS);
    assert_false(link_quiet(t.c.link, t.now));
    assert_alive(&t, S);
    toy_fini(&t);
}

static void probes_less_and_less_and_never_without_a_route(void **state)
{
    struct toy t;
    toy_start(&t, false);
    t.v4.up_up = t.v6.up_up = false;
    t.c.want = t.c.done; /* the link alone, no repetitions by the session */
    link_set_owed(t.c.link, true, t.now);
    toy_run(&t, 10 * S);
    uint64_t before = t.packets;
    toy_run(&t, S); /* an outage of 10 s: every 500 ms, two candidates and perhaps an old path */
    assert_in_range(t.packets - before, 2, 9);
    link_no_route(t.c.link, true, t.now);
    toy_run(&t, S);
    before = t.packets;
    toy_run(&t, 600 * S);
    assert_int_equal(t.packets, before);
    t.v4.up_up = t.v6.up_up = true;
    link_no_route(t.c.link, false, t.now);
    toy_run(&t, 140 * MS);
    assert_false(link_quiet(t.c.link, t.now));
    link_set_owed(t.c.link, false, t.now);
    assert_alive(&t, S);
    toy_fini(&t);
}

static void one_way_outage_is_quiet(void **state)
{
    struct toy t;
    toy_start(&t, false);
    t.v4.up_down = t.v6.up_down = false; /* the server hears, the client does not */
    app_type(&t, &t.c);
    toy_run(&t, 1600 * MS);
    assert_true(link_quiet(t.c.link, t.now));
    assert_int_equal(t.s.newest, t.c.want);
    /* The server, too, once it owes something. */
    app_type(&t, &t.s);
    toy_run(&t, 1600 * MS);
    assert_true(link_quiet(t.s.link, t.now));
    assert_true(t.now - link_heard_us(t.s.link) < S); /* though it hears */
    t.v4.up_down = t.v6.up_down = true;
    toy_run(&t, S);
    assert_alive(&t, S);
    t.v4.up_up = t.v6.up_up = false; /* and the other way */
    app_type(&t, &t.s);
    toy_run(&t, 1600 * MS);
    assert_true(link_quiet(t.s.link, t.now));
    toy_fini(&t);
}

static void nothing_owed_is_not_quiet(void **state)
{
    struct toy t;
    toy_start(&t, false);
    toy_run(&t, 90 * S);
    t.v4.up_up = t.v6.up_up = false;
    toy_run(&t, 10 * S);
    assert_false(link_quiet(t.c.link, t.now));
    assert_int_equal(link_silent_since_us(t.c.link), 0);
    toy_run(&t, 20 * S); /* the next heartbeat is not answered */
    assert_true(link_quiet(t.c.link, t.now));
    assert_true(link_silent_since_us(t.c.link) > 0);
    toy_fini(&t);
}

/* UDP dead from the server only, the client idle: the server says so over the pipe. */
static void server_hints_over_the_pipe(void **state)
{
    struct toy t;
    toy_start(&t, true);
    toy_run(&t, 100 * S); /* idle */
    t.v4.up_down = t.v6.up_down = false;
    app_type(&t, &t.s);
    toy_run(&t, 3 * S);
    assert_string_equal(toy_path(&t.c), "pipe");
    assert_int_equal(t.s.done, t.s.want);
    toy_fini(&t);
}

static void a_dead_pipe_is_left(void **state)
{
    struct toy t;
    toy_init_piped(&t, 30 * S);
    t.v4.up_up = true;
    t.pipe.up_up = t.pipe.up_down = false;
    link_pipe_closed(t.c.link, PIPE_SOCK, t.now);
    link_pipe_closed(t.s.link, PIPE_SOCK, t.now);
    toy_run(&t, 1200 * MS);
    assert_string_equal(toy_path(&t.c), V4);
    assert_alive(&t, S);
    /* A new pipe (--join) is another path. */
    toy_pipe(&t);
    t.pipe.up_up = t.pipe.up_down = true;
    t.v4.up_up = t.v4.up_down = false;
    app_type(&t, &t.c);
    toy_run(&t, 3 * S);
    assert_string_equal(toy_path(&t.c), "pipe");
    assert_alive(&t, S);
    toy_fini(&t);
}

static void idle_costs_little(bool udp, bool pipe)
{
    struct toy t;
    toy_init(&t, false, SEAL_OCB);
    t.v4.up_up = t.v6.up_up = udp;
    if (pipe)
        toy_pipe(&t);
    toy_candidates(&t);
    app_type(&t, &t.c);
    toy_run(&t, 120 * S);
    for (int hour = 0; hour < 3; hour++) {
        uint64_t before = t.packets;
        toy_run(&t, 3600 * S);
        assert_in_range(t.packets - before, 280, 299);
        assert_false(link_quiet(t.c.link, t.now));
    }
    assert_alive(&t, S);
    toy_fini(&t);
}

static void idle_costs_under_300_packets_an_hour(void **state)
{
    idle_costs_little(true, true);
    idle_costs_little(true, false);
    idle_costs_little(false, true);
}

static void beats_often_for_a_minute(void **state)
{
    struct toy t;
    toy_start(&t, false);
    uint64_t before = t.packets;
    toy_run(&t, 50 * S);
    assert_in_range(t.packets - before, 30, 36); /* every 3 s, and the answers */
    toy_run(&t, 20 * S);
    before = t.packets;
    toy_run(&t, 250 * S);
    assert_in_range(t.packets - before, 18, 22);
    toy_fini(&t);
}

/* One lost heartbeat in idle must not look like an outage. */
static void lost_heartbeats_are_repeated(void **state)
{
    struct toy t;
    toy_start(&t, false);
    t.v4.loss = t.v6.loss = 0.1;
    for (int i = 0; i < 3600; i++) {
        toy_run(&t, S);
        assert_false(link_quiet(t.c.link, t.now));
    }
    toy_fini(&t);
}

static void loss_is_seen(void **state)
{
    struct toy t;
    toy_start(&t, false);
    assert_true(link_loss(t.c.link, t.now) < 0.01);
    t.v4.loss = 0.29;
    for (int i = 0; i < 200; i++) {
        app_type(&t, &t.c);
        app_type(&t, &t.s);
        toy_run(&t, 200 * MS);
    }
    assert_true(link_loss(t.c.link, t.now) > 0.1 && link_loss(t.c.link, t.now) < 0.5);
    assert_true(link_loss(t.s.link, t.now) > 0.1 && link_loss(t.s.link, t.now) < 0.5);
    assert_string_equal(toy_path(&t.c), V4);
    toy_fini(&t);
}

static void says_good_bye(void **state)
{
    struct toy t;
    toy_start(&t, true);
    assert_false(link_peer_left(t.s.link));
    link_bye(t.c.link, t.now);
    toy_run(&t, 100 * MS);
    assert_true(link_peer_left(t.s.link));
    assert_false(link_has_peer(t.s.link));
    toy_fini(&t);
}

static void no_socket_can_be_opened(void **state)
{
    struct toy t;
    toy_init(&t, false, SEAL_OCB);
    t.sockets_fail = true;
    toy_pipe(&t);
    toy_candidates(&t);
    app_type(&t, &t.c);
    toy_run(&t, 300 * S);
    assert_string_equal(toy_path(&t.c), "pipe");
    assert_in_range(link_counters(t.c.link)->sockets, 10, 24); /* both families, half a minute */
    t.sockets_fail = false;
    app_type(&t, &t.c);
    toy_run(&t, 62 * S);
    assert_string_equal(toy_path(&t.c), V4);
    toy_fini(&t);
}

static void random_way(struct rng *rng, struct way *w, bool pipe)
{
    w->up_up = rng_below(rng, 3) > 0;
    w->up_down = rng_below(rng, 3) > 0;
    w->loss = pipe || rng_below(rng, 2) ? 0 : rng_unit(rng) * 0.5;
    w->delay_us = rng_below(rng, 2) ? 20 * MS : rng_below(rng, 400) * MS;
}

static void random_event(struct toy *t, struct rng *rng, bool *pipe)
{
    switch (rng_below(rng, 9)) {
    case 0:
        random_way(rng, &t->v4, false);
        break;
    case 1:
        random_way(rng, &t->v6, false);
        break;
    case 2:
        random_way(rng, &t->pipe, true);
        break;
    case 3:
        t->client_ip[0]++;
        break;
    case 4:
        t->client_ip[rng_below(rng, 2)]++;
        link_network_event(t->c.link, t->now);
        break;
    case 5:
        link_no_route(t->c.link, rng_below(rng, 2), t->now);
        break;
    case 6:
        if (*pipe) {
            link_pipe_closed(t->c.link, PIPE_SOCK, t->now);
            link_pipe_closed(t->s.link, PIPE_SOCK, t->now);
        } else {
            toy_pipe(t);
        }
        *pipe = !*pipe;
        break;
    default:
        app_type(t, rng_below(rng, 2) ? &t->c : &t->s);
    }
}

/* Whatever happened: when the network is well again, so is the link, soon. */
static void heals_after_anything(void **state)
{
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct toy t;
        struct rng rng = {seed};
        bool pipe = seed % 2;
        toy_start(&t, pipe);
        for (int i = 0; i < 40; i++) {
            random_event(&t, &rng, &pipe);
            toy_run(&t, rng_below(&rng, rng_below(&rng, 5) ? 4 * S : 100 * S));
        }
        const struct way well = {true, true, 20 * MS, 0};
        t.v4 = t.v6 = t.pipe = well;
        link_no_route(t.c.link, false, t.now);
        app_type(&t, &t.c);
        app_type(&t, &t.s);
        toy_run(&t, 4 * S); /* a probe interval and two round trips */
        if (t.c.done != t.c.want || t.s.done != t.s.want || link_quiet(t.c.link, t.now) ||
            link_quiet(t.s.link, t.now))
            fail_msg("seed %d: client %s, server %s", (int)seed, toy_path(&t.c), toy_path(&t.s));
        /* And it is at rest on UDP after at most one back-off. */
        for (int i = 0; i < 25; i++) {
            app_type(&t, &t.c);
            toy_run(&t, 4 * S);
        }
        uint64_t before = t.packets;
        assert_int_equal(strncmp(toy_path(&t.c), "udp", 3), 0);
        assert_int_equal(strncmp(toy_path(&t.s), "udp", 3), 0);
        toy_run(&t, 30 * S);
        if (t.packets - before > 24)
            fail_msg("seed %d: %d packets at rest", (int)seed, (int)(t.packets - before));
        toy_fini(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_on_the_pipe_and_moves_to_udp),
        cmocka_unit_test(stays_on_the_pipe_where_udp_is_blocked),
        cmocka_unit_test(works_without_a_pipe),
        cmocka_unit_test(falls_back_to_the_pipe_and_returns),
        cmocka_unit_test(a_forgotten_pipe_costs_nothing),
        cmocka_unit_test(a_hanging_pipe_is_not_filled),
        cmocka_unit_test(does_not_flap),
        cmocka_unit_test(roams_with_an_event),
        cmocka_unit_test(roams_without_an_event),
        cmocka_unit_test(heartbeat_moves_the_peer),
        cmocka_unit_test(roams_from_v4_to_v6_and_back),
        cmocka_unit_test(survives_a_long_outage),
        cmocka_unit_test(probes_less_and_less_and_never_without_a_route),
        cmocka_unit_test(one_way_outage_is_quiet),
        cmocka_unit_test(nothing_owed_is_not_quiet),
        cmocka_unit_test(server_hints_over_the_pipe),
        cmocka_unit_test(a_dead_pipe_is_left),
        cmocka_unit_test(idle_costs_under_300_packets_an_hour),
        cmocka_unit_test(beats_often_for_a_minute),
        cmocka_unit_test(lost_heartbeats_are_repeated),
        cmocka_unit_test(loss_is_seen),
        cmocka_unit_test(says_good_bye),
        cmocka_unit_test(no_socket_can_be_opened),
        cmocka_unit_test(heals_after_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
