/* Stock's timers and the worked exchange (mosh-protocol.md §6, §7, §13), seen from outside. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sync/endpoint.h"
#include "toy.h"
#include "world.h"

#include <string.h>

#define MS     1000ull
#define SECOND 1000000ull

static struct rng rng = {1};
static struct sync_link facts;
static struct instruction last; /* of the newest datagram that poll took */
static uint8_t last_bytes[1 << 16];

static struct sync *open_end(enum sync_role role, uint64_t now)
{
    struct sync_config c = {.role = role,
                            .null_codec = true,
                            .entropy = toy_entropy(&rng),
                            .cols = 80,
                            .rows = 24,
                            .now_us = now};
    facts = (struct sync_link){
        .srtt_us = 2 * MS, .rto_us = 50 * MS, .mtu_payload = 1224, .can_send = true};
    return sync_new(&c);
}

/* The one datagram that is due at now, if any; it is decoded into `last`. */
static bool poll(struct sync *s, uint64_t now, struct buf *out)
{
    struct fragment f;
    struct buf none;
    buf_init(&none, 4096);
    if (!sync_send(s, now, &facts, out)) {
        buf_fini(&none);
        return false;
    }
    assert_int_equal(fragment_get(buf_data(out), buf_len(out), &f), 0);
    assert_true(f.final && !f.number);
    memcpy(last_bytes, f.piece, f.len);
    assert_int_equal(instruction_get(&last, last_bytes, f.len), 0);
    assert_int_equal(sync_send(s, now, &facts, &none), 0);
    buf_fini(&none);
    return true;
}

static void move(struct sync *from, struct sync *to, uint64_t now, struct buf *out)
{
    assert_true(poll(from, now, out));
    assert_true(sync_receive(to, buf_data(out), buf_len(out), now, &facts) > 0);
    sync_deadline(to, now, &facts); /* the clocks start when the timers are asked (§6) */
}

static void assert_nums(uint64_t old, uint64_t num, uint64_t ack, uint64_t throwaway)
{
    assert_true(last.has_state);
    assert_int_equal(last.old_num, old);
    assert_int_equal(last.new_num, num);
    assert_int_equal(last.ack_num, ack);
    assert_int_equal(last.throwaway_num, throwaway);
}

/* §13. */
static void the_worked_exchange(void **state)
{
    uint64_t t = 10 * SECOND;
    struct sync *c = open_end(SYNC_CLIENT, t), *s = open_end(SYNC_SERVER, t);
    struct term_config tc = {.cols = 80, .rows = 24};
    struct term *term = term_new(&tc);
    struct sync_input item;
    struct buf out;
    buf_init(&out, 4096);

    move(c, s, t, &out);
    assert_nums(0, 1, 0, 0);
    assert_int_equal(last.diff_len, 8);
    assert_memory_equal(last.diff, "\x0a\x06\x1a\x04\x28\x50\x30\x18", 8);
    assert_int_equal(sync_input_next(s, &item), 1);
    assert_true(item.resize && item.cols == 80 && item.rows == 24);
    sync_set_consumed(s, 0, t);
    move(s, c, t, &out); /* the screen has not changed: a pure ack */
    assert_nums(0, 1, 1, 0);
    assert_int_equal(last.diff_len, 0);
    /* 50 ms later the echo ack of state 1; a prompt with it. */
    t += 240 * MS;
    const char *prompt = "\r\n$ ";
    term_write(term, prompt, strlen(prompt));
    struct snapshot *snap = term_snapshot(term);
    sync_set_screen(s, snap, t);
    snapshot_unref(snap);
    assert_int_equal(sync_deadline(s, t, &facts), t + 8 * MS);
    assert_false(poll(s, t + 7 * MS, &out)); /* gathered for 8 ms */
    t += 8 * MS;
    move(s, c, t, &out);
    assert_true(last.new_num == 2 && last.ack_num == 1 && last.old_num == 0);
    assert_int_equal(sync_remote(c).echo_ack, 1);
    /* Acknowledged after 100 ms, not before; an ack takes a number. */
    assert_false(poll(c, t + 99 * MS, &out));
    t += 100 * MS;
    move(c, s, t, &out);
    assert_nums(1, 2, 2, 1);
    assert_int_equal(last.diff_len, 0);
    /* A key: after 1 ms; the base is the acknowledged state. */
    t += 500 * MS;
    assert_int_equal(sync_user_bytes(c, "l", 1, t), 1);
    assert_false(poll(c, t, &out));
    t += 1 * MS;
    move(c, s, t, &out);
    assert_true(last.old_num == 1 && last.new_num == 3 && last.ack_num == 2);
    assert_int_equal(sync_input_next(s, &item), 1);
    assert_true(!item.resize && item.len == 1 && item.bytes[0] == 'l' && item.offset == 0);
    sync_set_consumed(s, 1, t);
    term_write(term, "l", 1);
    snap = term_snapshot(term);
    sync_set_screen(s, snap, t);
    snapshot_unref(snap);
    assert_false(poll(s, t, &out));
    t += 8 * MS;
    move(s, c, t, &out);
    assert_nums(2, 3, 3, 2);
    assert_int_equal(sync_remote(c).echo_ack, 1);
    /* 50 ms after the key was handed over: its echo ack. */
    assert_false(poll(s, t + 41 * MS, &out));
    assert_int_equal(sync_deadline(s, t + 41 * MS, &facts), t + 42 * MS);
    assert_int_equal(sync_deadline(s, t + 42 * MS, &facts), t + 50 * MS); /* 8 ms of gathering */
    t += 50 * MS;
    move(s, c, t, &out);
    assert_true(last.new_num == 4);
    assert_int_equal(sync_remote(c).echo_ack, 3);
    buf_fini(&out);
    term_free(term);
    sync_free(c);
    sync_free(s);
}

static void idle_acks_every_three_seconds(void **state)
{
    static struct world w;
    world_init(&w, 5, false, true);
    world_run(&w, w.now + 10 * SECOND, NULL);
    assert_true(world_settled(&w));
    for (int i = 0; i < 2; i++)
        w.datagrams[i] = 0;
    world_run(&w, w.now + 300 * SECOND, NULL);
    assert_in_range(w.datagrams[0], 99, 101);
    assert_in_range(w.datagrams[1], 99, 101);
    world_fini(&w);
}

/* §6: without an answer every RTO + 100 ms, or each send interval while the state is not assumed to
 * be there, for 10 s; then with the heartbeat. */
static void retries_then_heartbeat(void **state)
{
    uint64_t t = 10 * SECOND, begin = t;
    struct sync *c = open_end(SYNC_CLIENT, t);
    struct buf out;
    buf_init(&out, 4096);
    facts.srtt_us = 0; /* unknown: interval 250 ms, RTO 1 s */
    facts.rto_us = 0;
    unsigned early = 0, late = 0;
    while (t < begin + 60 * SECOND) {
        uint64_t due = sync_deadline(c, t, &facts);
        assert_true(due != SYNC_NEVER);
        t = due > t ? due : t;
        if (poll(c, t, &out)) {
            assert_nums(0, last.new_num, 0, 0);
            assert_true(last.diff_len > 0); /* the heartbeat carries what is pending */
            if (t < begin + 10 * SECOND)
                early++;
            else
                late++;
        }
        assert_true(sync_deadline(c, t, &facts) > t);
    }
    assert_in_range(early, 8, 12);
    assert_in_range(late, 15, 18);
    buf_fini(&out);
    sync_free(c);
}

static void shutdown_sixteen_times(void **state)
{
    uint64_t t = 10 * SECOND, begin;
    struct sync *c = open_end(SYNC_CLIENT, t), *s = open_end(SYNC_SERVER, t);
    struct buf out;
    buf_init(&out, 4096);
    move(c, s, t, &out);
    move(s, c, t, &out);
    begin = t;
    sync_shutdown(s, t);
    assert_int_equal(sync_user_bytes(c, "x", 1, t), 1);
    unsigned n = 0;
    while (!sync_shutdown_given_up(s, t) && t < begin + 20 * SECOND) {
        t = sync_deadline(s, t, &facts);
        assert_true(t != SYNC_NEVER);
        if (poll(s, t, &out)) {
            assert_true(last.new_num == SYNC_NUM_SHUTDOWN);
            n++;
        }
    }
    assert_int_equal(n, 16);
    assert_in_range(t - begin, 250 * MS, 400 * MS); /* observed: 16 in 0.31 s */
    assert_true(sync_deadline(s, t, &facts) == SYNC_NEVER);
    sync_free(c);
    sync_free(s);
    buf_fini(&out);
}

/* The acknowledgement of MAX64, again for each repeat, and silence between. */
static void shutdown_is_acknowledged_again(void **state)
{
    uint64_t t = 10 * SECOND;
    struct sync *c = open_end(SYNC_CLIENT, t), *s = open_end(SYNC_SERVER, t);
    struct buf out;
    buf_init(&out, 4096);
    move(c, s, t, &out);
    move(s, c, t, &out);
    sync_shutdown(s, t);
    for (int i = 0; i < 5; i++) {
        t += 20 * MS;
        assert_true(poll(s, t, &out));
        int news = sync_receive(c, buf_data(&out), buf_len(&out), t, &facts);
        assert_true(news & SYNC_NEWS_SHUTDOWN);
        assert_true(sync_peer_shutdown(c));
        t += 20 * MS;
        assert_true(poll(c, t, &out)); /* lost */
        assert_true(last.ack_num == SYNC_NUM_SHUTDOWN);
        assert_true(sync_peer_shutdown_acked(c));
        assert_false(poll(c, t + 60 * MS, &out));
    }
    t += 20 * MS;
    assert_true(poll(s, t, &out));
    assert_true(sync_receive(c, buf_data(&out), buf_len(&out), t, &facts) > 0);
    t += 20 * MS;
    move(c, s, t, &out);
    assert_true(sync_shutdown_done(s));
    assert_false(sync_owed(s));
    assert_true(sync_deadline(s, t, &facts) == SYNC_NEVER);
    buf_fini(&out);
    sync_free(c);
    sync_free(s);
}

/* Lost at first, the end still comes over: each repeat starts from what is acknowledged. */
static void shutdown_with_a_screen_over_loss(void **state)
{
    for (uint64_t seed = 100; seed < 140; seed++) {
        static struct world w;
        char line[100];
        world_init(&w, seed, false, false);
        world_run(&w, w.now + 5 * SECOND, world_settled);
        w.net.loss[0] = w.net.loss[1] = 0.25;
        for (int i = 0; i < 19; i++) { /* a diff of more than a thousand bytes */
            for (size_t k = 0; k < 55; k++)
                line[k] = (char)('a' + rng_below(&w.rng, 26));
            world_print(&w, line, 55);
            world_print(&w, "\r\n", 2);
        }
        sync_shutdown(w.side[1].sync, w.now);
        world_run(&w, w.now + 2 * SECOND, NULL);
        assert_true(sync_peer_shutdown(w.side[0].sync));
        assert_true(sync_shutdown_done(w.side[1].sync));
        world_fini(&w);
    }
}

static bool both_done(struct world *w)
{
    return sync_shutdown_done(w->side[0].sync) && sync_shutdown_done(w->side[1].sync);
}

static void both_shut_down_at_once(void **state)
{
    static struct world w;
    world_init(&w, 6, false, true);
    world_run(&w, w.now + 5 * SECOND, NULL);
    sync_shutdown(w.side[0].sync, w.now);
    sync_shutdown(w.side[1].sync, w.now);
    world_run(&w, w.now + SECOND, both_done);
    assert_true(both_done(&w));
    world_fini(&w);
}

static void nothing_without_an_address(void **state)
{
    struct sync *s = open_end(SYNC_SERVER, SECOND);
    struct buf out;
    buf_init(&out, 4096);
    facts.can_send = false;
    assert_false(poll(s, 2 * SECOND, &out));
    assert_true(sync_deadline(s, 2 * SECOND, &facts) == SYNC_NEVER);
    facts.can_send = true;
    assert_true(poll(s, 2 * SECOND, &out));
    buf_fini(&out);
    sync_free(s);
}

/* Capability bits in an unknown field: shown until acknowledged, learnt, and nothing else changes.
 */
static void caps_are_shown_to_strangers(void **state)
{
    uint64_t t = SECOND;
    struct sync_config cfg = {.role = SYNC_CLIENT,
                              .null_codec = true,
                              .entropy = toy_entropy(&rng),
                              .caps = 5,
                              .cols = 80,
                              .rows = 24,
                              .now_us = t};
    struct sync *s = open_end(SYNC_SERVER, t), *c = sync_new(&cfg);
    struct buf out;
    buf_init(&out, 4096);
    assert_true(poll(c, t, &out));
    assert_true(last.has_caps && last.caps == 5);
    int news = sync_receive(s, buf_data(&out), buf_len(&out), t, &facts);
    assert_true(news & SYNC_NEWS_CAPS);
    assert_int_equal(sync_peer_caps(s), 5);
    move(s, c, t, &out);
    assert_false(last.has_caps);
    t += 3000 * MS;
    assert_true(poll(c, t, &out));
    assert_false(last.has_caps); /* it is known */
    assert_int_equal(sync_log_append(s, 0, "x", 1), ERR_STATE);
    buf_fini(&out);
    sync_free(s);
    sync_free(c);
}

static void a_foreign_version_is_told(void **state)
{
    struct sync *s = open_end(SYNC_SERVER, SECOND);
    static const uint8_t v3[] = {0, 0, 0, 0, 0, 0, 0, 1, 0x80, 0, 0x08, 0x03};
    static const uint8_t none[] = {0, 0, 0, 0, 0, 0, 0, 2, 0x80, 0, 0x18, 0x01};
    assert_int_equal(sync_receive(s, v3, sizeof v3, SECOND, &facts), SYNC_NEWS_VERSION);
    assert_int_equal(sync_receive(s, none, sizeof none, SECOND, &facts), SYNC_NEWS_VERSION);
    assert_int_equal(sync_receive(s, v3, 9, SECOND, &facts), ERR_SHORT);
    assert_int_equal(sync_receive(s, v3, sizeof v3, SECOND, &facts), ERR_REPLAY);
    sync_free(s);
}

static bool all_typed(struct world *w)
{
    return w->typed_read == buf_len(&w->typed);
}

/* A big paste goes in parts: it arrives on a path that loses many datagrams, and quickly on others.
 */
static void paste_towards_stock(void **state)
{
    static const double losses[] = {0, 0.05, 0.4};
    static char text[1u << 20];
    struct rng dice = {4};
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + rng_below(&dice, 26));
    for (size_t i = 0; i < 3; i++) {
        static struct world w;
        size_t len = losses[i] > 0.1 ? 100000 : sizeof text;
        world_init(&w, i + 1, false, false);
        world_run(&w, w.now + 5 * SECOND, world_settled);
        w.net.loss[0] = w.net.loss[1] = losses[i];
        w.net.know_loss = true;
        w.echo_off = true;
        uint64_t at = w.now;
        world_type(&w, text, len);
        world_run(&w, w.now + 300 * SECOND, all_typed);
        print_message("paste of %zu kB, loss %.0f%%: %.1f s, %llu datagrams\n", len >> 10,
                      losses[i] * 100, (double)(w.now - at) / 1e6,
                      (unsigned long long)w.datagrams[0]);
        assert_true(all_typed(&w));
        assert_true(w.now - at < (losses[i] > 0 ? 150 : 8) * SECOND);
        world_fini(&w);
    }
}

static void the_send_interval(void **state)
{
    static const uint64_t want[][2] = {{0, 250},  {1, 20},    {30, 20},   {100, 50},
                                       {101, 51}, {499, 250}, {2000, 250}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct sync_link f = {.srtt_us = want[i][0] * MS};
        assert_int_equal(sync_interval_us(&f), want[i][1] * MS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_exchange),
        cmocka_unit_test(idle_acks_every_three_seconds),
        cmocka_unit_test(retries_then_heartbeat),
        cmocka_unit_test(shutdown_sixteen_times),
        cmocka_unit_test(shutdown_is_acknowledged_again),
        cmocka_unit_test(shutdown_with_a_screen_over_loss),
        cmocka_unit_test(both_shut_down_at_once),
        cmocka_unit_test(nothing_without_an_address),
        cmocka_unit_test(caps_are_shown_to_strangers),
        cmocka_unit_test(a_foreign_version_is_told),
        cmocka_unit_test(paste_towards_stock),
        cmocka_unit_test(the_send_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
