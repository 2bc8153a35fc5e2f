#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sync/endpoint.h"
#include "toy.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000ull
#define MS     1000ull

static struct world w;
static uint16_t want_col;

static bool echoed(struct world *x)
{
    struct sync_remote r = sync_remote(x->side[0].sync);
    return r.snapshot->cursor.col == want_col && r.snapshot->cols == x->cols;
}

static void start(uint64_t seed, uint64_t delay_us, double loss)
{
    world_init(&w, seed, true, false);
    w.net.delay_us = delay_us;
    w.cols = 60;
    world_run(&w, w.now + 5 * SECOND, world_settled);
    assert_true(world_settled(&w));
    w.net.loss[0] = w.net.loss[1] = loss;
    w.net.know_loss = true;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Type n keys, one each gap_us; how long each took to be echoed on the client, sorted. */
static void typist(uint64_t *took, size_t n, uint64_t gap_us)
{
    for (size_t i = 0; i < n; i++) {
        if (i % 40 == 0) {
            world_type(&w, "\r", 1);
            want_col = 0;
            world_run(&w, w.now + 30 * SECOND, world_settled);
        }
        uint64_t at = w.now;
        want_col++;
        world_type(&w, "x", 1);
        world_run(&w, w.now + 30 * SECOND, echoed);
        took[i] = w.now - at;
        uint64_t rest = gap_us + rng_below(&w.rng, gap_us);
        if (took[i] < rest)
            world_run(&w, at + rest, NULL);
    }
    qsort(took, n, sizeof *took, ascending);
}

/* design.md §5: echo of a key within 1 ms of the round trip on a good path, also for a fast typist
 * on a long one. */
static void echo_on_good_paths(void **state)
{
    static const uint64_t delays[] = {200, 10 * MS, 100 * MS, 250 * MS};
    for (size_t i = 0; i < 4; i++) {
        static uint64_t took[400];
        start(i + 1, delays[i], 0);
        typist(took, 400, 60 * MS);
        print_message("rtt %llu ms: median %llu us, p95 %llu us over it\n",
                      (unsigned long long)(delays[i] * 2 / MS),
                      (unsigned long long)(took[200] - 2 * delays[i]),
                      (unsigned long long)(took[380] - 2 * delays[i]));
        assert_true(took[200] <= 2 * delays[i] + 1 * MS);
        assert_true(took[380] <= 2 * delays[i] + 8 * MS);
        world_fini(&w);
    }
}

/* design.md §5: 100 ms round trip, 29 % loss each way: median 110, p99 300 ms. */
static void echo_on_a_lossy_path(void **state)
{
    static uint64_t took[2000];
    start(9, 50 * MS, 0.29);
    uint64_t sent = w.datagrams[0] + w.datagrams[1];
    typist(took, 2000, 150 * MS);
    sent = w.datagrams[0] + w.datagrams[1] - sent;
    print_message("29%% loss: median %llu ms, p99 %llu ms, %.1f datagrams a key\n",
                  (unsigned long long)(took[1000] / MS), (unsigned long long)(took[1980] / MS),
                  (double)sent / 2000);
    assert_true(took[1000] <= 110 * MS);
    assert_true(took[1980] <= 300 * MS);
    world_fini(&w);
}

static void fifty_percent(void **state)
{
    static uint64_t took[500];
    start(10, 50 * MS, 0.5);
    typist(took, 500, 150 * MS);
    print_message("50%% loss: median %llu ms, p99 %llu ms\n", (unsigned long long)(took[250] / MS),
                  (unsigned long long)(took[495] / MS));
    assert_true(took[250] <= 200 * MS);
    assert_true(took[495] <= 1 * SECOND);
    /* A whole screen of colours, many datagrams. */
    char out[200];
    for (int row = 0; row < 20; row++)
        for (int col = 0; col < 60; col += 2) {
            sprintf(out, "\033[%d;%dH\033[38;2;%d;%d;%dm%c%c", row + 1, col + 1,
                    (int)rng_below(&w.rng, 256), (int)rng_below(&w.rng, 256),
                    (int)rng_below(&w.rng, 256), 'a' + (int)rng_below(&w.rng, 26),
                    'a' + (int)rng_below(&w.rng, 26));
            world_print(&w, out, strlen(out));
        }
    uint64_t at = w.now;
    world_run(&w, w.now + 60 * SECOND, world_settled);
    print_message("50%% loss: a screen of colours in %llu ms\n",
                  (unsigned long long)((w.now - at) / MS));
    assert_true(w.now - at < 1500 * MS);
    world_fini(&w);
}

static bool all_typed(struct world *x)
{
    return x->typed_read == buf_len(&x->typed);
}

/* A paste of 1 MB arrives at a decent rate, with and without loss. */
static void paste_of_a_megabyte(void **state)
{
    static const double losses[] = {0, 0.1, 0.3};
    char *text = malloc(1u << 20);
    struct rng rng = {4};
    for (size_t i = 0; i < 1u << 20; i++)
        text[i] = (char)('a' + rng_below(&rng, 26));
    for (size_t i = 0; i < 3; i++) {
        start(20 + i, 10 * MS, losses[i]);
        w.echo_off = true;
        uint64_t at = w.now;
        world_type(&w, text, 1u << 20);
        world_run(&w, w.now + 120 * SECOND, all_typed);
        assert_true(all_typed(&w));
        print_message(
            "paste of 1 MB at 20 ms, loss %.0f%%: %.1f s, %llu datagrams, memory %zu kB\n",
            losses[i] * 100, (double)(w.now - at) / 1e6, (unsigned long long)w.datagrams[0],
            w.memory_max >> 10);
        assert_true(w.now - at < (losses[i] ? 10 : 2) * SECOND);
        world_run(&w, w.now + 60 * SECOND, world_settled);
        assert_true(world_settled(&w));
        world_fini(&w);
    }
    free(text);
}

/* 20 MB of output in 0.4 s: few screens travel. */
static void flood_of_output(void **state)
{
    start(30, 200, 0);
    uint64_t bytes = w.side[1].check.bytes, at = w.now;
    char line[100];
    for (int i = 0; i < 4000; i++) {
        for (int k = 0; k < 20; k++) {
            sprintf(line, "%08d the quick brown fox jumps over the lazy dog\r\n", i * 20 + k);
            term_write(w.term, line, strlen(line));
        }
        world_print(&w, "", 0);
        world_run(&w, w.now + 100, NULL);
    }
    world_run(&w, w.now + SECOND, world_settled);
    assert_true(world_settled(&w));
    bytes = w.side[1].check.bytes - bytes;
    print_message("flood of %.1f s: %llu bytes of screens\n", (double)(w.now - at) / 1e6,
                  (unsigned long long)bytes);
    assert_true(bytes < 70000);
    world_fini(&w);
}

/* Small screens in a row, as `yes` makes them: each acknowledgement finds the state that it means,
 * so that the client can let go of old ones and never lacks room (it did after 1,024). */
static void flood_of_small_frames(void **state)
{
    const uint64_t delay[] = {200, 10 * MS, 25 * MS, 100 * MS, 250 * MS};
    for (size_t d = 0; d < sizeof delay / sizeof delay[0]; d++) {
        start(31, delay[d], 0);
        size_t held = 0, sent = 0;
        uint64_t frames = w.side[1].sync->sender.top, number = 0, late = 0;
        for (int i = 0; i < 6000; i++) {
            char text[32];
            sprintf(text, "\r%d", ++number & 1 ? 1 : 0);
            world_print(&w, text, strlen(text));
            world_run(&w, w.now + MS, NULL);
            const struct sync *c = w.side[0].sync, *s = w.side[1].sync;
            held = c->receiver.n > held ? c->receiver.n : held;
            sent = s->sender.n > sent ? s->sender.n : sent;
            uint64_t acked = w.now - s->sender.acked_us;
            late = acked > late ? acked : late;
        }
        frames = w.side[1].sync->sender.top - frames;
        print_message("round trip %llu ms: %llu frames a second, at most %zu held, %zu not "
                      "acknowledged, the last of them %llu ms\n",
                      (unsigned long long)(2 * delay[d] / MS), (unsigned long long)frames / 6, held,
                      sent - 1, (unsigned long long)(late / MS));
        assert_true(held < 2 * SENDER_LIST);
        assert_true(sent <= SENDER_LIST);
        world_fini(&w);
    }
}

static bool shows_all(struct world *x)
{
    struct snapshot *want = term_snapshot(x->term);
    bool same = snapshot_equal(want, sync_remote(x->side[0].sync).snapshot, SNAPSHOT_NATIVE);
    snapshot_unref(want);
    return same;
}

static int (*plain_diff)(void *ctx, const void *from, const void *to, struct buf *out);
static unsigned diffs;

static int counted_diff(void *ctx, const void *from, const void *to, struct buf *out)
{
    diffs++;
    return plain_diff(ctx, from, to, out);
}

/* A screen of several datagrams on a lossy path: that it does not fit in one is found out once for
 * each state it starts from, not again with each step and each repeat. */
static void big_frame_on_a_lossy_path(void **state)
{
    start(12, 100 * MS, 0.4);
    struct sender *s = &w.side[1].sync->sender;
    plain_diff = s->ops.diff;
    s->ops.diff = counted_diff;
    uint64_t datagrams = w.datagrams[1];
    diffs = 0;
    for (unsigned k = 0; k < 20; k++) {
        char cell[40];
        struct rng r = {k};
        for (unsigned i = 0; i < 60 * 24; i++) {
            uint64_t v = rng_u64(&r);
            sprintf(cell, "\033[38;2;%u;%u;%um%c", (unsigned)(v & 255), (unsigned)(v >> 8 & 255),
                    (unsigned)(v >> 16 & 255), (char)('A' + (v >> 24) % 50));
            world_print(&w, cell, strlen(cell));
        }
        world_run(&w, w.now + 30 * SECOND, world_settled);
        assert_true(world_settled(&w));
    }
    datagrams = w.datagrams[1] - datagrams;
    print_message("20 big frames at 40%% loss: %llu datagrams, %u differences\n",
                  (unsigned long long)datagrams, diffs);
    assert_true(diffs * 10 < datagrams * 18); /* asked again each time: 23 */
    world_fini(&w);
}

/* After an hour without a network: few datagrams meanwhile, the screen one round trip after the
 * link is proven. */
static void back_after_an_outage(void **state)
{
    for (int lossy = 0; lossy < 2; lossy++) {
        start(40, 50 * MS, lossy ? 0.05 : 0);
        world_cut(&w, true, true);
        world_type(&w, "typed into the void", 19);
        for (int i = 0; i < 360; i++) {
            char line[80];
            sprintf(line, "\r\nprinted at minute %d", i);
            world_print(&w, line, strlen(line));
            if (i == 10) {
                w.datagrams[0] = w.datagrams[1] = 0;
            }
            world_run(&w, w.now + 10 * SECOND, NULL);
        }
        print_message("an hour away: %llu + %llu datagrams\n", (unsigned long long)w.datagrams[0],
                      (unsigned long long)w.datagrams[1]);
        assert_true(w.datagrams[0] < 1400 && w.datagrams[1] < 1400);
        world_cut(&w, false, false);
        w.net.loss[0] = w.net.loss[1] = 0;
        uint64_t at = w.now;
        for (int i = 0; i < 2; i++)
            sync_link_proven(w.side[i].sync, w.now);
        world_run(&w, w.now + 10 * SECOND, shows_all);
        print_message("back: screen after %llu ms\n", (unsigned long long)((w.now - at) / MS));
        assert_true(w.now - at <= 200 * MS);
        world_run(&w, w.now + 10 * SECOND, world_settled);
        assert_true(world_settled(&w));
        world_fini(&w);
    }
}

/* The modes of the far pty are told at once, and a closed window opens without another word. */
static void facts_travel_alone(void **state)
{
    for (int lossy = 0; lossy < 2; lossy++) {
        static char text[SYNC_WINDOW];
        start(80, 20 * MS, lossy ? 0.3 : 0);
        world_run(&w, w.now + 3 * SECOND, NULL);
        sync_set_tty_modes(w.side[1].sync, SYNC_TTY_CANONICAL);
        world_run(&w, w.now + (lossy ? 2000 : 25) * MS, NULL);
        assert_int_equal(sync_tty_modes(w.side[0].sync), SYNC_TTY_KNOWN | SYNC_TTY_CANONICAL);
        sync_set_tty_modes(w.side[1].sync, SYNC_TTY_ECHO);
        world_run(&w, w.now + (lossy ? 2000 : 50) * MS, NULL);
        assert_int_equal(sync_tty_modes(w.side[0].sync), SYNC_TTY_KNOWN | SYNC_TTY_ECHO);
        w.echo_off = w.stopped = true; /* the program reads nothing */
        assert_int_equal(sync_user_bytes(w.side[0].sync, text, sizeof text, w.now), sizeof text);
        buf_put(&w.typed, text, sizeof text);
        world_run(&w, w.now + 30 * SECOND, NULL);
        assert_int_equal(sync_input_window(w.side[0].sync), 0);
        sync_set_consumed(w.side[1].sync, SYNC_WINDOW / 4, w.now);
        world_run(&w, w.now + (lossy ? 2000 : 25) * MS, NULL);
        assert_int_equal(sync_input_window(w.side[0].sync), SYNC_WINDOW / 4);
        world_fini(&w);
    }
}

/* Nothing changes: nothing is sent. The heartbeat is link's. */
static void idle_is_silent(void **state)
{
    start(50, 20 * MS, 0);
    world_run(&w, w.now + 5 * SECOND, NULL);
    w.datagrams[0] = w.datagrams[1] = 0;
    world_run(&w, w.now + 3600 * SECOND, NULL);
    assert_int_equal(w.datagrams[0] + w.datagrams[1], 0);
    world_fini(&w);
}

static bool log_done(struct world *x)
{
    return x->side[0].log_got == x->side[1].log_sent;
}

static void history_yields_and_arrives(void **state)
{
    static const double losses[] = {0, 0.3};
    for (size_t i = 0; i < 2; i++) {
        start(60 + i, 20 * MS, losses[i]);
        uint64_t at = w.now;
        while (w.side[1].log_sent < 3u << 20 && w.now - at < 300 * SECOND) {
            world_log(&w, 1, 1u << 20);
            world_run(&w, w.now + 100 * SECOND, log_done);
        }
        assert_true(log_done(&w) && w.side[1].log_sent >= 3u << 20);
        print_message("log of 3 MB at 40 ms, loss %.0f%%: %.1f s, %llu bytes sent\n",
                      losses[i] * 100, (double)(w.now - at) / 1e6,
                      (unsigned long long)w.side[1].check.bytes);
        assert_true(w.now - at < 200 * SECOND);
        /* Keys pass it. */
        static uint64_t took[40];
        w.net.loss[0] = w.net.loss[1] = 0;
        world_log(&w, 1, 1u << 20);
        typist(took, 30, 50 * MS);
        assert_true(took[15] <= 45 * MS);
        world_fini(&w);
    }
}

/* Lines that left the screen with a frame are in its datagram, if all that wait fit there. */
static void lines_go_with_their_screen(void **state)
{
    static const struct {
        size_t len;
        double loss;
        unsigned datagrams;
    } t[] = {{60, 0, 1}, {400, 0, 1}, {401, 0, 2}};
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        start(80 + i, 20 * MS, t[i].loss);
        world_run(&w, w.now + 2 * SECOND, NULL);
        world_log(&w, 1, 50); /* so that the window is open, and limits are known */
        world_run(&w, w.now + 2 * SECOND, NULL);
        w.datagrams[0] = w.datagrams[1] = 0;
        world_print(&w, "\r\nnext", 6);
        world_log(&w, 1, t[i].len);
        world_run(&w, w.now + 10 * MS, NULL);
        assert_int_equal(w.datagrams[1], t[i].datagrams);
        assert_false(log_done(&w));
        world_run(&w, w.now + 2 * SECOND, NULL);
        assert_true(log_done(&w) && shows_all(&w));
        world_fini(&w);
    }
}

static bool closed(struct world *x)
{
    return sync_shutdown_done(x->side[1].sync);
}

static void shutdown_over_loss(void **state)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        start(70 + seed, 30 * MS, 0.4);
        world_print(&w, "last words", 10);
        sync_shutdown(w.side[1].sync, w.now);
        world_run(&w, w.now + 20 * SECOND, closed);
        assert_true(closed(&w));
        assert_true(sync_peer_shutdown(w.side[0].sync));
        assert_true(sync_peer_shutdown_acked(w.side[0].sync));
        assert_true(shows_all(&w));
        assert_true(sync_remote(w.side[0].sync).num == SYNC_NUM_SHUTDOWN);
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_on_good_paths),
        cmocka_unit_test(echo_on_a_lossy_path),
        cmocka_unit_test(fifty_percent),
        cmocka_unit_test(paste_of_a_megabyte),
        cmocka_unit_test(flood_of_output),
        cmocka_unit_test(flood_of_small_frames),
        cmocka_unit_test(big_frame_on_a_lossy_path),
        cmocka_unit_test(back_after_an_outage),
        cmocka_unit_test(facts_travel_alone),
        cmocka_unit_test(idle_is_silent),
        cmocka_unit_test(history_yields_and_arrives),
        cmocka_unit_test(lines_go_with_their_screen),
        cmocka_unit_test(shutdown_over_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
