/* The endpoint itself: what it takes and refuses, what it sends, for native links and stock ones.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "toy.h"

/* What an unauthentic datagram must leave alone. */
struct facts {
    uint64_t srtt, rto, heard, proven, deadline;
    bool peer, quiet, left;
    char path[PATH_TEXT];
    uint64_t received, sent;
    size_t bulk;
};

static struct facts facts_of(const struct toy *t, const struct app *a)
{
    struct facts f = {0};
    f.srtt = link_srtt_us(a->link);
    f.rto = link_rto_us(a->link);
    f.heard = link_heard_us(a->link);
    f.proven = link_proven_us(a->link);
    f.deadline = link_deadline(a->link, t->now);
    f.peer = link_has_peer(a->link);
    f.quiet = link_quiet(a->link, t->now);
    f.left = link_peer_left(a->link);
    f.received = link_counters(a->link)->received;
    f.sent = link_counters(a->link)->sent;
    f.bulk = link_room(a->link, LINK_BULK);
    link_path_text(a->link, f.path);
    return f;
}

static void assert_same(struct facts a, struct facts b)
{
    assert_int_equal(a.srtt, b.srtt);
    assert_int_equal(a.rto, b.rto);
    assert_int_equal(a.heard, b.heard);
    assert_int_equal(a.proven, b.proven);
    assert_int_equal(a.deadline, b.deadline);
    assert_int_equal(a.peer, b.peer);
    assert_int_equal(a.quiet, b.quiet);
    assert_int_equal(a.left, b.left);
    assert_int_equal(a.received, b.received);
    assert_int_equal(a.sent, b.sent);
    assert_int_equal(a.bulk, b.bulk);
    assert_string_equal(a.path, b.path);
}

static struct path_ref stranger(void)
{
    return (struct path_ref){PATH_UDP, SERVER_SOCK, toy_addr("203.0.113.66", 6666)};
}

static int give(struct toy *t, struct app *a, const uint8_t *p, size_t len)
{
    struct path_ref from = stranger();
    struct link_payload out;
    return link_receive(a->link, &from, false, p, len, t->now, &out);
}

static void unauthentic_datagrams_change_nothing(void **state)
{
    struct toy t;
    toy_init(&t, false, SEAL_OCB);
    t.keep = true;
    toy_candidates(&t);
    app_type(&t, &t.c);
    app_type(&t, &t.s);
    toy_run(&t, 5 * S);
    struct facts c = facts_of(&t, &t.c), s = facts_of(&t, &t.s);
    assert_true(t.kept_count > 10);
    uint8_t big[SEAL_DATAGRAM + 100] = {0, 77};
    for (size_t i = 0; i < t.kept_count; i++) {
        struct packet *p = t.kept[i];
        struct app *to = p->to_server ? &t.s : &t.c, *back = p->to_server ? &t.c : &t.s;
        p->data[p->len - 1] ^= 1;
        assert_int_equal(give(&t, to, p->data, p->len), ERR_AUTH);
        p->data[p->len - 1] ^= 1;
        assert_int_equal(give(&t, to, p->data, p->len - 1), ERR_AUTH);
        assert_int_equal(give(&t, to, p->data, 23), ERR_SHORT);
        assert_int_equal(give(&t, to, p->data, 0), ERR_SHORT);
        assert_int_equal(give(&t, back, p->data, p->len), ERR_VERSION); /* reflected */
        memcpy(big, p->data, p->len);
        assert_int_equal(give(&t, to, big, sizeof big), ERR_CAP);
        p->data[1] ^= 1; /* another route */
        assert_int_equal(give(&t, to, p->data, p->len), ERR_VERSION);
        p->data[1] ^= 1;
        p->data[0] ^= 0x20; /* the other key phase */
        assert_int_equal(give(&t, to, p->data, p->len), ERR_VERSION);
        p->data[0] ^= 0x20;
    }
    assert_same(c, facts_of(&t, &t.c));
    assert_same(s, facts_of(&t, &t.s));
    assert_true(link_counters(t.s.link)->forged > 5 && link_counters(t.s.link)->misrouted > 5);
    toy_fini(&t);
}

/* Every datagram of a session again, from elsewhere: nobody moves, nobody answers. */
static void replays_are_harmless(void **state)
{
    struct toy t;
    toy_init(&t, false, SEAL_OCB);
    t.keep = true;
    toy_pipe(&t);
    toy_candidates(&t);
    for (int i = 0; i < 20; i++) {
        app_type(&t, &t.c);
        app_type(&t, &t.s);
        toy_run(&t, 200 * MS);
    }
    toy_run(&t, S);
    t.keep = false;
    struct facts c = facts_of(&t, &t.c), s = facts_of(&t, &t.s);
    for (size_t i = 0; i < t.kept_count; i++) {
        struct packet *p = t.kept[i];
        assert_int_equal(give(&t, p->to_server ? &t.s : &t.c, p->data, p->len), ERR_REPLAY);
    }
    assert_same(c, facts_of(&t, &t.c));
    assert_same(s, facts_of(&t, &t.s));
    /* The same after the window has gone on: control is refused, screens are not new. */
    for (int i = 0; i < 1200; i++) {
        assert_int_equal(toy_send(&t, &t.c, 'x', 0, 20, LINK_SCREEN), 0);
        assert_int_equal(toy_send(&t, &t.s, 'x', 0, 20, LINK_SCREEN), 0);
    }
    toy_run(&t, S);
    c = facts_of(&t, &t.c);
    s = facts_of(&t, &t.s);
    for (size_t i = 0; i < t.kept_count; i++) {
        struct packet *p = t.kept[i];
        struct path_ref from = stranger();
        struct link_payload out = {0};
        struct app *a = p->to_server ? &t.s : &t.c;
        int got = link_receive(a->link, &from, false, p->data, p->len, t.now, &out);
        assert_true(got == ERR_REPLAY || got == 1);
        assert_false(out.in_order || out.peer_moved);
    }
    assert_string_equal(c.path, facts_of(&t, &t.c).path);
    assert_string_equal(s.path, facts_of(&t, &t.s).path);
    assert_int_equal(s.heard, facts_of(&t, &t.s).heard);
    assert_int_equal(s.proven, facts_of(&t, &t.s).proven);
    assert_int_equal(link_counters(t.s.link)->sent, s.sent);
    toy_fini(&t);
}

static int give_sealed(struct toy *t, struct seal *from, struct app *to, const uint8_t *payload,
                       size_t len)
{
    struct path_ref where = stranger();
    return toy_forge(t, from, to, &where, payload, len);
}

static void malformed_inside(void **state)
{
    struct toy t;
    toy_start(&t, false);
    struct seal *evil = toy_forger(false);
    uint8_t payload[200] = {0};
    size_t sealed;
    uint8_t dgram[64];
    struct facts s = facts_of(&t, &t.s);
    for (size_t n = 0; n < LINK_FRAGMENT; n++) /* such would kill a stock peer (§2) */
        assert_int_equal(give_sealed(&t, evil, &t.s, payload, n), ERR_SYNTAX);
    assert_int_equal(seal_close(evil, payload, 3, dgram, &sealed), 0);
    assert_int_equal(give(&t, &t.s, dgram, sealed), ERR_SYNTAX);
    /* Link control that is none. */
    payload[0] = payload[1] = 0xff;
    payload[8] = 0x80;
    assert_int_equal(give_sealed(&t, evil, &t.s, payload, LINK_FRAGMENT), ERR_SYNTAX);
    memset(payload + LINK_FRAGMENT, 0xff, 20);
    assert_int_equal(give_sealed(&t, evil, &t.s, payload, LINK_FRAGMENT + 20), ERR_SYNTAX);
    payload[10] = 0x08;
    payload[11] = 99; /* a kind of a later version */
    assert_int_equal(give_sealed(&t, evil, &t.s, payload, LINK_FRAGMENT + 2), ERR_SYNTAX);
    payload[11] = 1;
    payload[9] = 1; /* not the only fragment */
    assert_int_equal(give_sealed(&t, evil, &t.s, payload, LINK_FRAGMENT + 2), ERR_SYNTAX);
    assert_int_equal(link_counters(t.s.link)->malformed, LINK_FRAGMENT + 5);
    assert_same(s, facts_of(&t, &t.s));
    seal_free(evil);
    app_type(&t, &t.c);
    toy_run(&t, S);
    assert_int_equal(t.c.done, t.c.want);
    toy_fini(&t);
}

static void lanes_are_inside_the_seal(void **state)
{
    struct toy t;
    struct link_datagram d;
    struct link_payload out;
    uint8_t payload[LINK_FRAGMENT + 5] = {0, 0, 1, 2, 3, 4, 5, 6, 0x80, 0, 'h', 'e', 'l', 'l', 'o'};
    toy_start(&t, false);
    const uint16_t lanes[] = {0, 1, 0x1234, 0xfffe};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(
            link_send(t.c.link, lanes[i], payload, sizeof payload, LINK_SCREEN, t.now, &d), 0);
        assert_int_equal(d.len, sizeof payload + 4 + SEAL_OVERHEAD);
        assert_int_equal(link_route(d.data, d.len), 77);
        struct path_ref from = {PATH_UDP, SERVER_SOCK, toy_source(&t, d.to.sock)};
        assert_int_equal(link_receive(t.s.link, &from, false, d.data, d.len, t.now, &out), 1);
        assert_int_equal(out.lane, lanes[i]);
        assert_int_equal(out.len, sizeof payload);
        assert_memory_equal(out.data, payload, sizeof payload);
        assert_true(out.in_order);
        assert_false(out.peer_moved);
    }
    toy_fini(&t);
}

static void largest_payloads_pass(void **state)
{
    struct toy t;
    toy_start(&t, false);
    uint64_t got = t.s.got;
    assert_int_equal(toy_send(&t, &t.c, 'x', 1, LINK_PAYLOAD_MAX, LINK_SCREEN), 0);
    assert_int_equal(
        toy_send(&t, &t.c, 'x', 1, LINK_FRAGMENT + link_mtu_payload(t.c.link), LINK_SCREEN), 0);
    toy_run(&t, S);
    assert_int_equal(t.s.got, got + 2);
    toy_fini(&t);
}

static void mtu_of_each_kind(void **state)
{
    struct toy t;
    toy_init(&t, false, SEAL_OCB);
    assert_int_equal(link_mtu_payload(t.c.link), 1214);
    toy_pipe(&t);
    assert_int_equal(link_mtu_payload(t.c.link), 1214);
    toy_candidates(&t);
    toy_run(&t, S);
    assert_int_equal(link_mtu_payload(t.c.link), 1214);
    struct path_ref now;
    assert_true(link_path(t.c.link, &now));
    assert_int_equal(now.kind, PATH_UDP);
    link_too_big(t.c.link, &now, 1252);
    assert_int_equal(link_mtu_payload(t.c.link), 462);
    toy_fini(&t);
}

static void says_so_without_a_peer(void **state)
{
    struct toy t;
    toy_init(&t, false, SEAL_OCB);
    assert_false(link_has_peer(t.s.link));
    assert_int_equal(toy_send(&t, &t.s, 'x', 1, 20, LINK_SCREEN), ERR_STATE);
    assert_int_equal(link_room(t.s.link, LINK_SCREEN), 0);
    assert_string_equal(toy_path(&t.s), "none");
    assert_int_equal(link_srtt_us(t.s.link), S);
    struct path_ref none;
    assert_false(link_path(t.s.link, &none));
    toy_fini(&t);
}

static void screens_have_room_before_bulk_on_a_pipe(void **state)
{
    struct toy t;
    toy_init(&t, false, SEAL_OCB);
    toy_pipe(&t);
    toy_run(&t, S);
    t.pipe.up_down = false; /* nothing comes out */
    size_t sent = 0;
    while (toy_send(&t, &t.s, 'x', 1, 1000, LINK_BULK) == 0)
        sent += 1000;
    assert_true(sent > 10000 && sent < PATH_PIPE_MAX);
    assert_true(link_room(t.s.link, LINK_BULK) < 1100);
    assert_true(link_room(t.s.link, LINK_SCREEN) >= PATH_PIPE_START / 4);
    assert_int_equal(toy_send(&t, &t.s, 'x', 1, 1000, LINK_SCREEN), 0);
    assert_int_equal(link_counters(t.s.link)->held, 1);
    toy_fini(&t);
}

/* Bulk over a pipe of 100 ms RTT: all of it arrives, and never more than the window is under way.
 */
static void bulk_flows_through_a_pipe(void **state)
{
    struct toy t;
    toy_init(&t, false, SEAL_OCB);
    t.pipe.delay_us = 50 * MS;
    toy_pipe(&t);
    toy_run(&t, S);
    uint64_t sent = 0, before = t.c.got;
    for (int i = 0; i < 10000; i++) {
        while (toy_send(&t, &t.s, 'x', 1, 1000, LINK_BULK) == 0)
            sent++;
        assert_true(t.count < 1200);
        toy_run(&t, MS);
    }
    toy_run(&t, S);
    assert_int_equal(t.c.got - before, sent);
    assert_true(sent > 50000); /* 10 s of up to 1 MiB a round trip */
    toy_fini(&t);
}

static void null_codec_works_alike(void **state)
{
    struct toy t;
    toy_init(&t, false, SEAL_NULL);
    toy_pipe(&t);
    toy_candidates(&t);
    app_type(&t, &t.c);
    app_type(&t, &t.s);
    toy_run(&t, 5 * S);
    assert_int_equal(t.c.done, t.c.want);
    assert_int_equal(t.s.done, t.s.want);
    assert_string_equal(toy_path(&t.c), "udp 192.0.2.1:60001");
    toy_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unauthentic_datagrams_change_nothing),
        cmocka_unit_test(replays_are_harmless),
        cmocka_unit_test(malformed_inside),
        cmocka_unit_test(lanes_are_inside_the_seal),
        cmocka_unit_test(largest_payloads_pass),
        cmocka_unit_test(mtu_of_each_kind),
        cmocka_unit_test(says_so_without_a_peer),
        cmocka_unit_test(screens_have_room_before_bulk_on_a_pipe),
        cmocka_unit_test(bulk_flows_through_a_pipe),
        cmocka_unit_test(null_codec_works_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
