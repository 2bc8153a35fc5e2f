#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "world.h"

#include "toy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RTT_MIN 1000

static struct sync_config config(struct world *w, enum sync_role role)
{
    return (struct sync_config){
        .role = role,
        .native = w->native,
        .caps = w->native ? SYNC_CAPS_ALL : 0,
        .peer_caps = w->native ? SYNC_CAPS_ALL : 0,
        .null_codec = w->null_codec,
        .entropy = toy_entropy(&w->rng),
        .cols = role == SYNC_CLIENT ? w->cols : 80,
        .rows = role == SYNC_CLIENT ? w->rows : 24,
        .now_us = w->now,
    };
}

void world_init(struct world *w, uint64_t seed, bool native, bool null_codec)
{
    memset(w, 0, sizeof *w);
    w->rng.s = seed;
    w->now = 1000000;
    w->native = native;
    w->null_codec = null_codec;
    w->cols = 60;
    w->rows = 20;
    w->net = (struct world_net){.delay_us = 20000, .mtu = 1224};
    buf_init(&w->typed, 1u << 26);
    buf_init(&w->held, 1u << 26);
    struct term_config tc = {.cols = 80, .rows = 24};
    w->term = term_new(&tc);
    for (int i = 0; i < 2; i++) {
        struct sync_config c = config(w, i ? SYNC_SERVER : SYNC_CLIENT);
        w->side[i].sync = sync_new(&c);
        sync_check_init(&w->side[i].check, i, native, null_codec, &w->side[!i].check);
        buf_init(&w->side[i].events, 1u << 20);
        buf_init(&w->side[i].events_want, 1u << 20);
    }
}

void world_fini(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        sync_free(w->side[i].sync);
        sync_check_fini(&w->side[i].check);
        buf_fini(&w->side[i].events);
        buf_fini(&w->side[i].events_want);
    }
    for (size_t i = 0; i < w->flying; i++)
        free(w->flight[i].bytes);
    buf_fini(&w->typed);
    buf_fini(&w->held);
    term_free(w->term);
}

/* ---- the toy link ---- */

static struct sync_link facts_of(struct world *w, int side)
{
    struct world_side *s = &w->side[side];
    uint64_t rtt = 2 * w->net.delay_us + w->net.jitter_us + RTT_MIN;
    uint64_t rto = rtt + 4 * w->net.jitter_us + 30000;
    rto = rto < 50000 ? 50000 : rto;
    uint64_t patience = 3 * rto > 1500000 ? 3 * rto : 1500000;
    return (struct sync_link){
        .srtt_us = rtt,
        .rto_us = rto,
        .floor_us = 2 * w->net.delay_us + RTT_MIN,
        .loss = w->net.know_loss ? w->net.loss[side] : 0,
        .mtu_payload = w->net.mtu,
        .quiet = w->native && s->silent_us && w->now - s->silent_us > patience,
        .proven_us = s->proven_us,
        .bulk_room = SIZE_MAX,
        .can_send = side == 0 || w->side[0].check.fragments > 0,
    };
}

static void note_owed(struct world *w, int side)
{
    struct world_side *s = &w->side[side];
    if (!sync_owed(s->sync))
        s->silent_us = 0;
    else if (!s->silent_us)
        s->silent_us = w->now;
}

static void proven(struct world *w, int side)
{
    struct world_side *s = &w->side[side];
    bool was_quiet = facts_of(w, side).quiet;
    s->proven_us = w->now;
    s->silent_us = 0;
    if (was_quiet)
        sync_link_proven(s->sync, w->now);
    note_owed(w, side);
}

/* While it is quiet the client probes each second; a probe that both ways let through proves the
 * link to both (the server by the client's next word, which is near enough). */
static void probe(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        if (!facts_of(w, i).quiet || w->now < w->side[i].probe_us)
            continue;
        w->side[i].probe_us = w->now + 1000000;
        if (w->net.cut[0] || w->net.cut[1] || rng_unit(&w->rng) < w->net.loss[0] ||
            rng_unit(&w->rng) < w->net.loss[1])
            continue;
        proven(w, i);
    }
}

/* ---- the network ---- */

static void launch(struct world *w, int to, const struct buf *b)
{
    bool cut = w->net.cut[to == 0];
    double loss = w->net.loss[to == 0];
    int copies = rng_unit(&w->rng) < w->net.dup ? 2 : 1;
    while (copies--) {
        if (cut || rng_unit(&w->rng) < loss)
            continue;
        assert_true(w->flying < WORLD_FLIGHT);
        uint64_t jitter = w->net.jitter_us ? rng_below(&w->rng, w->net.jitter_us) : 0;
        w->flight[w->flying].at = w->now + w->net.delay_us + jitter;
        w->flight[w->flying].to = to;
        w->flight[w->flying].bytes = malloc(buf_len(b));
        memcpy(w->flight[w->flying].bytes, buf_data(b), buf_len(b));
        w->flight[w->flying].len = buf_len(b);
        w->flying++;
    }
}

static void pump(struct world *w, int side)
{
    struct world_side *s = &w->side[side];
    struct buf out;
    buf_init(&out, 4096);
    unsigned n = 0;
    for (;;) {
        struct sync_link facts = facts_of(w, side);
        if (!sync_send(s->sync, w->now, &facts, &out))
            break;
        if (++n > 4000)
            fail_msg("side %d sends without end", side);
        const char *wrong = sync_check_sent(&s->check, buf_data(&out), buf_len(&out));
        if (wrong)
            fail_msg("side %d sent: %s", side, wrong);
        assert_true(buf_len(&out) <= w->net.mtu);
        w->datagrams[side]++;
        launch(w, !side, &out);
    }
    struct sync_link facts = facts_of(w, side);
    if (sync_deadline(s->sync, w->now, &facts) <= w->now)
        fail_msg("side %d: due, but nothing to send", side);
    note_owed(w, side);
    buf_fini(&out);
}

/* ---- user and program ---- */

static void feed_input(struct world *w)
{
    size_t n = sync_user_bytes(w->side[0].sync, buf_data(&w->held), buf_len(&w->held), w->now);
    buf_skip(&w->held, n);
}

void world_type(struct world *w, const void *bytes, size_t len)
{
    buf_put(&w->typed, bytes, len);
    buf_put(&w->held, bytes, len);
    assert_int_equal(buf_err(&w->held), 0);
    feed_input(w);
}

void world_resize(struct world *w, uint16_t cols, uint16_t rows)
{
    w->cols = cols;
    w->rows = rows;
    sync_user_resize(w->side[0].sync, cols, rows, w->now);
}

static void show(struct world *w)
{
    struct snapshot *snap = term_snapshot(w->term);
    sync_set_screen(w->side[1].sync, snap, w->now);
    snapshot_unref(snap);
}

void world_print(struct world *w, const void *bytes, size_t len)
{
    term_write(w->term, bytes, len);
    show(w);
}

static uint8_t log_byte(uint64_t offset)
{
    return (uint8_t)("lines of a history, again and again\n"[offset % 36] ^ (offset / 36 % 3));
}

void world_log(struct world *w, int side, size_t len)
{
    struct world_side *s = &w->side[side];
    while (len--) {
        uint8_t b = log_byte(s->log_sent);
        if (sync_log_append(s->sync, 1, &b, 1))
            return;
        s->log_sent++;
    }
}

void world_event(struct world *w, int side, const char *text)
{
    assert_int_equal(sync_log_append(w->side[side].sync, SYNC_LOG_EVENTS, text, strlen(text)), 0);
    buf_put_text(&w->side[!side].events_want, text);
}

static void read_logs(struct world *w, int side)
{
    struct world_side *s = &w->side[side];
    size_t len;
    const uint8_t *p = sync_log_read(s->sync, SYNC_LOG_EVENTS, &len);
    buf_put(&s->events, p, len);
    sync_log_skip(s->sync, SYNC_LOG_EVENTS, len);
    assert_true(buf_len(&s->events) <= buf_len(&s->events_want));
    if (buf_len(&s->events))
        assert_memory_equal(buf_data(&s->events), buf_data(&s->events_want), buf_len(&s->events));
    p = sync_log_read(s->sync, 1, &len);
    if (len > 1) /* a slow reader */
        len -= (size_t)rng_below(&w->rng, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(p[i], log_byte(s->log_got + i));
    s->log_got += len;
    sync_log_skip(s->sync, 1, len);
}

static void read_input(struct world *w)
{
    struct sync_input item;
    bool any = false;
    while (sync_input_next(w->side[1].sync, &item)) {
        any = true;
        if (item.resize) {
            w->got_cols = item.cols;
            w->got_rows = item.rows;
            term_resize(w->term, item.cols, item.rows);
            continue;
        }
        assert_true(item.offset == w->typed_read);
        assert_true(w->typed_read + item.len <= buf_len(&w->typed));
        assert_memory_equal(item.bytes, buf_data(&w->typed) + w->typed_read, item.len);
        w->typed_read += item.len;
        if (!w->echo_off)
            term_write(w->term, item.bytes, item.len);
    }
    if (!any)
        return;
    show(w);
    if (w->stopped)
        return;
    if (!w->slow_program) {
        sync_set_consumed(w->side[1].sync, w->typed_read, w->now);
        w->consumed = w->typed_read;
    } else if (!w->consume_at) {
        w->consume_at = w->now + rng_below(&w->rng, 300000);
    }
}

static void consume(struct world *w)
{
    if (!w->consume_at || w->now < w->consume_at)
        return;
    w->consume_at = 0;
    w->consumed += 1 + rng_below(&w->rng, w->typed_read - w->consumed + 1);
    if (w->consumed > w->typed_read)
        w->consumed = w->typed_read;
    sync_set_consumed(w->side[1].sync, w->consumed, w->now);
    if (w->consumed < w->typed_read)
        w->consume_at = w->now + rng_below(&w->rng, 300000);
}

static void deliver(struct world *w)
{
    for (size_t i = 0; i < w->flying;) {
        if (w->flight[i].at > w->now) {
            i++;
            continue;
        }
        int to = w->flight[i].to;
        uint8_t *bytes = w->flight[i].bytes;
        size_t len = w->flight[i].len;
        w->flight[i] = w->flight[--w->flying];
        struct sync_link facts = facts_of(w, to);
        int news = sync_receive(w->side[to].sync, bytes, len, w->now, &facts);
        free(bytes);
        if (news < 0)
            continue;
        if (news & SYNC_NEWS_ACK)
            proven(w, to);
        else if (facts_of(w, to).quiet)
            sync_link_proven(w->side[to].sync, w->now);
        if (news & SYNC_NEWS_FACTS && to == 0)
            feed_input(w);
    }
}

static void measure(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        size_t n = sync_memory(w->side[i].sync);
        if (n > w->memory_max)
            w->memory_max = n;
        assert_true(n < SYNC_MEMORY_MAX);
    }
}

static uint64_t next_event(struct world *w, uint64_t until)
{
    uint64_t next = until;
    for (size_t i = 0; i < w->flying; i++)
        if (w->flight[i].at < next)
            next = w->flight[i].at;
    for (int i = 0; i < 2; i++) {
        struct sync_link facts = facts_of(w, i);
        uint64_t due = sync_deadline(w->side[i].sync, w->now, &facts);
        if (due < next)
            next = due;
        if (facts.quiet && w->side[i].probe_us < next)
            next = w->side[i].probe_us;
        if (w->side[i].silent_us && !facts.quiet && w->now + 100000 < next)
            next = w->now + 100000; /* the link notices that it is quiet */
    }
    for (int i = 0; i < 2; i++) { /* the slow reader comes back */
        size_t len;
        sync_log_read(w->side[i].sync, 1, &len);
        if (len && w->now + 10000 < next)
            next = w->now + 10000;
    }
    if (w->consume_at && w->consume_at < next)
        next = w->consume_at;
    return next > w->now ? next : w->now + 1;
}

void world_run(struct world *w, uint64_t until, bool (*done)(struct world *w))
{
    while (w->now < until) {
        deliver(w);
        read_input(w);
        consume(w);
        if (w->native) {
            read_logs(w, 0);
            read_logs(w, 1);
        }
        probe(w);
        pump(w, 0);
        pump(w, 1);
        if (w->steps++ % 64 == 0)
            measure(w);
        if (done && done(w))
            return;
        w->now = next_event(w, until);
    }
}

void world_cut(struct world *w, bool to_server, bool to_client)
{
    w->net.cut[0] = to_server;
    w->net.cut[1] = to_client;
}

const char *world_open(struct world *w)
{
    struct sync_remote r = sync_remote(w->side[0].sync);
    if (buf_len(&w->held))
        return "typed bytes that sync does not take";
    if (w->typed_read != buf_len(&w->typed))
        return "typed bytes that did not arrive";
    if (w->consumed != w->typed_read)
        return "the program is slow";
    if (sync_owed(w->side[0].sync))
        return "the client owes";
    if (w->got_cols != w->cols || w->got_rows != w->rows)
        return "size of the program";
    for (int i = 0; i < 2; i++) {
        if (w->side[i].log_got != w->side[!i].log_sent)
            return i ? "log to the server" : "log to the client";
        if (buf_len(&w->side[i].events) != buf_len(&w->side[i].events_want))
            return "events";
    }
    if (w->native && (sync_tty_modes(w->side[0].sync) & SYNC_TTY_ECHO ? 1 : 0) != w->tty_odd)
        return "tty modes";
    struct snapshot *want = term_snapshot(w->term);
    bool same = snapshot_equal(want, r.snapshot, w->native ? SNAPSHOT_NATIVE : SNAPSHOT_STOCK);
    snapshot_unref(want);
    if (!same)
        return "screens differ";
    return sync_owed(w->side[1].sync) ? "the server owes" : NULL;
}

bool world_settled(struct world *w)
{
    return !world_open(w);
}
