#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "sync/logs.h"

#include <stdlib.h>
#include <string.h>

#define MS 1000ull

static struct sync_link path(void)
{
    return (struct sync_link){.srtt_us = 40 * MS,
                              .rto_us = 100 * MS,
                              .floor_us = 40 * MS,
                              .mtu_payload = 1224,
                              .bulk_room = SIZE_MAX,
                              .can_send = true};
}

/* ---- reader ---- */

static bool give(struct log_reader *r, uint64_t offset, const char *text)
{
    struct log_data d = {1, offset, (const uint8_t *)text, strlen(text)};
    return log_reader_take(r, &d);
}

static void assert_ready(struct log_reader *r, const char *want)
{
    assert_int_equal(buf_len(&r->ready), strlen(want));
    assert_memory_equal(buf_data(&r->ready), want, strlen(want));
}

static void reader_fills_gaps(void **state)
{
    struct log_reader r;
    struct log_ack a;
    log_reader_init(&r);
    assert_false(give(&r, 6, "ghi"));
    assert_false(give(&r, 12, "m"));
    log_reader_ack(&r, 1, &a);
    assert_int_equal(a.next, 0);
    assert_int_equal(a.limit, SYNC_LOG_RECV_MAX);
    assert_int_equal(a.ranges, 2);
    assert_true(a.range[0].start == 6 && a.range[0].end == 9);
    assert_true(a.range[1].start == 12 && a.range[1].end == 13);
    assert_true(give(&r, 0, "abc"));
    assert_ready(&r, "abc");
    assert_false(give(&r, 1, "bc")); /* known: but acknowledged again */
    assert_true(r.ack);
    assert_false(give(&r, 8, "ijklm")); /* overlaps both neighbours: one stretch */
    assert_int_equal(r.chunks, 1);
    assert_true(give(&r, 2, "cdefg"));
    assert_ready(&r, "abcdefghijklm");
    assert_int_equal(r.next, 13);
    assert_int_equal(r.chunks, 0);
    log_reader_skip(&r, 5);
    assert_ready(&r, "fghijklm");
    log_reader_fini(&r);
}

static void reader_in_any_order(void **state)
{
    struct rng rng = {8};
    for (int round = 0; round < 300; round++) {
        struct log_reader r;
        char text[201];
        for (size_t i = 0; i < 200; i++)
            text[i] = (char)('a' + rng_below(&rng, 26));
        log_reader_init(&r);
        bool there[200] = {0};
        for (int i = 0; i < 60; i++) {
            size_t at = (size_t)rng_below(&rng, 200), len = 1 + (size_t)rng_below(&rng, 30);
            len = at + len > 200 ? 200 - at : len;
            struct log_data d = {1, at, (const uint8_t *)text + at, len};
            log_reader_take(&r, &d);
            memset(there + at, 1, len);
            size_t next = 0;
            while (next < 200 && there[next])
                next++;
            assert_int_equal(r.next, next);
            assert_int_equal(buf_len(&r.ready), next);
            if (next)
                assert_memory_equal(buf_data(&r.ready), text, next);
            for (size_t k = 0; k < r.chunks; k++) {
                struct log_chunk *c = &r.chunk[k];
                assert_memory_equal(c->bytes, text + c->start, c->len);
                assert_false(c->start + c->len < 200 && there[c->start + c->len]);
                assert_false(there[c->start - 1]);
            }
        }
        log_reader_fini(&r);
    }
}

static void reader_is_bounded(void **state)
{
    struct log_reader r;
    static uint8_t big[70000];
    log_reader_init(&r);
    struct log_data d = {1, UINT64_MAX - 10, big, 100};
    assert_false(log_reader_take(&r, &d)); /* wraps */
    d.offset = UINT64_MAX - 1000;
    assert_false(log_reader_take(&r, &d)); /* beyond the limit */
    for (uint64_t at = 1; at < 10000; at += 2) {
        d = (struct log_data){1, at, big, 1};
        log_reader_take(&r, &d);
    }
    assert_int_equal(r.chunks, LOG_CHUNKS_MAX);
    for (uint64_t at = 0; at < 10u << 20; at += sizeof big) {
        d = (struct log_data){1, at, big, sizeof big};
        log_reader_take(&r, &d);
    }
    assert_int_equal(r.next, SYNC_LOG_RECV_MAX); /* nobody reads */
    assert_int_equal(buf_len(&r.ready), SYNC_LOG_RECV_MAX);
    assert_true(log_reader_memory(&r) <= 2 * SYNC_LOG_RECV_MAX);
    r.ack = false;
    struct log_ack a;
    log_reader_ack(&r, 1, &a);
    log_reader_skip(&r, SYNC_LOG_RECV_MAX / 8);
    assert_false(r.ack);
    log_reader_skip(&r, SYNC_LOG_RECV_MAX / 8);
    assert_true(r.ack); /* the window opened by a quarter: tell */
    log_reader_fini(&r);
}

/* ---- writer ---- */

static void writer_sends_in_a_window(void **state)
{
    static struct log_writers w;
    static uint8_t text[1000000];
    struct sync_link facts = path();
    struct log_data d;
    log_writers_init(&w);
    assert_int_equal(log_write(&w, 1, text, sizeof text), 0);
    assert_int_equal(log_writers_due(&w, false, 1100, 5, &facts), SYNC_NEVER);
    assert_true(log_writers_due(&w, true, 1100, 5, &facts) <= 5);
    size_t n = 0, bytes = 0;
    while (log_writers_due(&w, true, 1100, 5, &facts) <= 5) {
        assert_int_equal(log_writers_next(&w, true, 1100, 1100, 5, &facts, &d), 1);
        assert_int_equal(d.offset, bytes);
        log_writers_sent(&w, &d, 5);
        bytes += d.len;
        n++;
    }
    assert_int_equal(n, 2); /* the least window: two datagrams */
    assert_int_equal(log_writers_next(&w, true, 1100, 1100, 5, &facts, &d), 0);
    /* Acknowledgements without delay open it, one datagram a round trip. */
    uint64_t now = 5;
    for (int round = 0; round < 20; round++) {
        now += 40 * MS;
        struct log_ack a = {.id = 1, .next = bytes, .limit = 1u << 20};
        assert_true(log_writers_ack(&w, &a, 1200, now, &facts));
        n = 0;
        while (log_writers_next(&w, true, 1100, 1100, now, &facts, &d)) {
            log_writers_sent(&w, &d, now);
            bytes += d.len;
            n++;
        }
    }
    assert_in_range(n, 15, 25);
    /* A queue of 100 ms closes it again. */
    facts.srtt_us = 140 * MS;
    for (int round = 0; round < 40; round++) {
        now += 140 * MS;
        struct log_ack a = {.id = 1, .next = bytes, .limit = 1u << 20};
        log_writers_ack(&w, &a, 1200, now, &facts);
        n = 0;
        while (bytes < 990000 && log_writers_next(&w, true, 1100, 1100, now, &facts, &d)) {
            log_writers_sent(&w, &d, now);
            bytes += d.len;
            n++;
        }
        if (bytes >= 990000)
            break;
    }
    assert_true(w.window < 8000);
    log_writers_fini(&w);
}

static void writer_repeats_what_was_lost(void **state)
{
    static struct log_writers w;
    struct sync_link facts = path();
    struct log_data d;
    static uint8_t text[5000];
    log_writers_init(&w);
    w.window = 1e6;
    assert_int_equal(log_write(&w, 2, text, sizeof text), 0);
    for (uint64_t t = 0; t < 5; t++) {
        assert_int_equal(log_writers_next(&w, true, 1000, 1000, 1 + t, &facts, &d), 1);
        log_writers_sent(&w, &d, 1 + t);
    }
    assert_int_equal(log_writers_next(&w, true, 1000, 1000, 6, &facts, &d), 0);
    /* The second was lost; the third came 20 ms later than it could have: repeated at once. */
    w.flight[2].time_us += 30 * MS;
    struct log_ack a = {.id = 2, .next = 1000, .limit = 65536, .ranges = 1};
    a.range[0] = (struct log_range){2000, 5000};
    assert_true(log_writers_ack(&w, &a, 1200, 50 * MS, &facts));
    assert_int_equal(w.n, 1);
    assert_int_equal(log_writers_due(&w, true, 1000, 50 * MS, &facts), 50 * MS);
    assert_int_equal(log_writers_next(&w, true, 1000, 1000, 50 * MS, &facts, &d), 1);
    assert_int_equal(d.offset, 1000);
    assert_int_equal(d.len, 1000);
    log_writers_sent(&w, &d, 50 * MS);
    /* And again after the time-out: RTO + 100 ms. */
    assert_int_equal(log_writers_due(&w, true, 1000, 60 * MS, &facts), 250 * MS);
    assert_int_equal(log_writers_next(&w, true, 1000, 1000, 250 * MS, &facts, &d), 1);
    assert_int_equal(d.offset, 1000);
    log_writers_sent(&w, &d, 250 * MS);
    a = (struct log_ack){.id = 2, .next = 5000, .limit = 65536};
    assert_true(log_writers_ack(&w, &a, 1200, 300 * MS, &facts));
    assert_false(log_writers_owe(&w, true));
    assert_int_equal(w.flying, 0);
    assert_int_equal(log_writers_due(&w, true, 1000, 300 * MS, &facts), SYNC_NEVER);
    log_writers_fini(&w);
}

static void writer_goes_on_behind_half_a_piece(void **state)
{
    static struct log_writers w;
    struct sync_link facts = path();
    struct log_data d;
    log_writers_init(&w);
    assert_int_equal(log_write(&w, 1, "0123456789", 10), 0);
    assert_int_equal(log_writers_next(&w, true, 100, 100, 1, &facts, &d), 1);
    log_writers_sent(&w, &d, 1);
    struct log_ack a = {.id = 1, .next = 6, .limit = 65536};
    log_writers_ack(&w, &a, 1200, 2, &facts);
    assert_int_equal(w.flying, 4);
    log_writers_retry(&w);
    assert_int_equal(w.flying, 0);
    assert_int_equal(log_writers_next(&w, true, 100, 100, 3, &facts, &d), 1);
    assert_int_equal(d.offset, 6);
    assert_int_equal(d.len, 4);
    assert_memory_equal(d.bytes, "6789", 4);
    log_writers_fini(&w);
}

static void writer_heeds_limit_room_and_quiet(void **state)
{
    static struct log_writers w;
    static uint8_t text[100000];
    struct sync_link facts = path();
    struct log_data d;
    log_writers_init(&w);
    w.window = 1e6;
    assert_int_equal(log_write(&w, 1, text, sizeof text), 0);
    size_t bytes = 0;
    while (log_writers_next(&w, true, 1000, 1000, 1, &facts, &d)) {
        log_writers_sent(&w, &d, 1);
        bytes += d.len;
    }
    assert_int_equal(bytes, LOG_FIRST_LIMIT);
    struct log_ack a = {.id = 1, .next = 65536, .limit = 65536 + 500};
    assert_true(log_writers_ack(&w, &a, 1200, 2, &facts));
    assert_int_equal(log_writers_next(&w, true, 1000, 1000, 3, &facts, &d), 1);
    assert_int_equal(d.len, 500);
    facts.bulk_room = 100;
    assert_int_equal(log_writers_due(&w, true, 1000, 3, &facts), SYNC_NEVER);
    assert_int_equal(log_writers_next(&w, true, 1000, 1000, 3, &facts, &d), 0);
    facts.bulk_room = SIZE_MAX;
    facts.quiet = true;
    assert_int_equal(log_writers_due(&w, true, 1000, 3, &facts), SYNC_NEVER);
    assert_int_equal(log_writers_next(&w, true, 1000, 1000, 3, &facts, &d), 0);
    facts.quiet = false;
    /* Impossible acknowledgements. */
    a = (struct log_ack){.id = 1, .next = 1u << 30, .limit = 1u << 30};
    assert_false(log_writers_ack(&w, &a, 1200, 4, &facts));
    a = (struct log_ack){.id = 77, .next = 0, .limit = 0};
    assert_false(log_writers_ack(&w, &a, 1200, 4, &facts));
    /* The cap. */
    static uint8_t big[SYNC_LOG_SEND_MAX];
    assert_int_equal(log_write(&w, 1, big, sizeof big), ERR_CAP);
    log_writers_fini(&w);
}

/* All else may be acknowledged, and the peer owe nothing: only this ends the quiet then. */
static void bulk_asks_on_a_quiet_link(void **state)
{
    (void)state;
    static struct log_writers w;
    static uint8_t text[5000];
    struct sync_link facts = path();
    struct log_data d;
    log_writers_init(&w);
    w.window = 1e6;
    assert_int_equal(log_write(&w, 1, text, sizeof text), 0);
    while (log_writers_next(&w, true, 1000, 1000, MS, &facts, &d))
        log_writers_sent(&w, &d, MS);
    facts.quiet = true;
    uint64_t now = MS;
    for (unsigned i = 0; i < 8; i++) { /* one piece, ever more seldom */
        uint64_t wait = (uint64_t)1000 * MS << (i < 4 ? i : 5);
        assert_int_equal(log_writers_due(&w, true, 1000, now, &facts), now + wait);
        assert_int_equal(log_writers_next(&w, true, 1000, 1000, now + wait - 1, &facts, &d), 0);
        now += wait;
        assert_int_equal(log_writers_next(&w, true, 1000, 1000, now, &facts, &d), 1);
        assert_int_equal(d.offset, 0);
        log_writers_sent(&w, &d, now);
    }
    struct log_ack a = {.id = 1, .next = 1000, .limit = LOG_FIRST_LIMIT};
    assert_true(log_writers_ack(&w, &a, 1200, now, &facts));
    facts.quiet = false;
    now += 1000 * MS;
    assert_int_equal(log_writers_next(&w, true, 1000, 1000, now, &facts, &d), 1);
    assert_int_equal(d.offset, 1000);
    log_writers_fini(&w);
}

static void events_are_quick_on_a_lossy_path(void **state)
{
    static struct log_writers w;
    struct sync_link facts = path();
    struct log_data d;
    log_writers_init(&w);
    facts.bulk_room = 0; /* does not matter to events */
    facts.loss = 0.2;
    assert_int_equal(log_write(&w, 0, "bell", 4), 0);
    assert_int_equal(log_writers_next(&w, false, 1000, 1000, MS, &facts, &d), 1);
    log_writers_sent(&w, &d, MS);
    assert_int_equal(log_writers_due(&w, false, 1000, 2 * MS, &facts), 21 * MS);
    assert_int_equal(log_writers_next(&w, false, 1000, 1000, 21 * MS, &facts, &d), 1);
    log_writers_sent(&w, &d, 21 * MS);
    assert_int_equal(log_writers_due(&w, false, 1000, 22 * MS, &facts), 51 * MS);
    facts.quiet = true;
    assert_true(log_writers_due(&w, false, 1000, 22 * MS, &facts) > 1000 * MS);
    log_writers_retry(&w);
    facts.quiet = false;
    assert_int_equal(log_writers_due(&w, false, 1000, 23 * MS, &facts), 23 * MS);
    log_writers_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_fills_gaps),
        cmocka_unit_test(reader_in_any_order),
        cmocka_unit_test(reader_is_bounded),
        cmocka_unit_test(writer_sends_in_a_window),
        cmocka_unit_test(writer_repeats_what_was_lost),
        cmocka_unit_test(writer_goes_on_behind_half_a_piece),
        cmocka_unit_test(writer_heeds_limit_room_and_quiet),
        cmocka_unit_test(bulk_asks_on_a_quiet_link),
        cmocka_unit_test(events_are_quick_on_a_lossy_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
