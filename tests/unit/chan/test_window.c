#include "memory.h"

#include "base/mem.h"
#include "base/wire.h"
#include "chan/chans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define S ((uint64_t)1000000)

/* Two ends; the second reads only what `reading` allows. */
struct pair {
    struct memory *m;
    struct chans *chans[2];
    struct chan *far[CHANS_MAX]; /* the second end's, in the order of opening */
    size_t far_count;
    bool reading, broken;
    uint64_t code;
};

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct pair *p = ctx;
    p->far[p->far_count++] = c;
    chan_accept(c);
    return 0;
}

static void on_chan(void *ctx, struct chan *c)
{
}

static void on_readable(void *ctx, struct chan *c)
{
    struct pair *p = ctx;
    size_t len;
    (void)chan_peek(c, CHAN_DATA, &len);
    if (p->reading)
        chan_consume(c, CHAN_DATA, len);
}

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    fail();
}

static void on_stopped(void *ctx, struct chan *c, enum chan_stream s)
{
    fail();
}

static void on_request(void *ctx, struct chan *c, const struct message *m)
{
    fail();
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct pair *p = ctx;
    p->broken = true;
    p->code = code;
}

static const struct chans_ops ops = {on_opened, on_chan,    on_refused, on_readable,
                                     on_chan,   on_stopped, on_request, on_broken};

static void pair_init(struct pair *p)
{
    memset(p, 0, sizeof *p);
    p->m = memory_new(3);
    p->reading = true;
    for (int i = 0; i < 2; i++) {
        struct stream_transport t = memory_transport(p->m, i);
        p->chans[i] = chans_new(&(struct chans_config){.ops = &ops, .ctx = p});
        chans_set_transport(p->chans[i], &t);
        memory_user(p->m, i, &chans_events, p->chans[i]);
    }
}

static void pair_fini(struct pair *p)
{
    chans_free(p->chans[0]);
    chans_free(p->chans[1]);
    memory_free(p->m);
}

/* The windows together are never beyond the cap, and what is counted is what there is. */
static void check(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        size_t sum = 0, least = 0;
        struct chan *c;
        for (size_t k = 0; (c = chans_at(p->chans[i], k)); k++) {
            struct chan_counters n;
            size_t in = 0, len;
            chan_counters(c, &n);
            for (int s = 0; s < CHAN_STREAMS; s++) {
                (void)chan_peek(c, s, &len);
                in += len;
            }
            size_t used = in + n.window_left;
            assert_true(used <= CHAN_WINDOW_MAX && n.window <= CHAN_WINDOW_MAX);
            sum += used > n.window ? used : n.window;
            least += CHAN_WINDOW_FIRST;
        }
        assert_int_equal(chans_promised(p->chans[i]), sum);
        assert_true(sum <= least + CHANS_GROWTH_MAX);
    }
}

static void settle(struct pair *p)
{
    for (int i = 0; i < 40; i++)
        (void)memory_step(p->m);
    check(p);
}

static struct chan *open_one(struct pair *p)
{
    struct chan *c = NULL;
    struct open_request o = {.kind = OPEN_EXEC, .command = {"true", 4}};
    assert_int_equal(chan_open(p->chans[0], &o, NULL, &c), 0);
    settle(p);
    return c;
}

static void send_some(struct pair *p, struct chan *c, size_t bytes)
{
    static uint8_t zeros[65536];
    for (int idle = 0; bytes && idle < 60;) { /* ... or until the window is closed */
        size_t took = chan_write(c, CHAN_DATA, zeros, bytes < sizeof zeros ? bytes : sizeof zeros);
        bytes -= took;
        idle = took ? 0 : idle + 1;
        (void)memory_step(p->m);
    }
    settle(p);
}

static struct chan_counters counters(const struct chan *c)
{
    struct chan_counters n;
    chan_counters(c, &n);
    return n;
}

static void age(struct pair *p, uint64_t now_us)
{
    chans_age(p->chans[0], now_us);
    chans_age(p->chans[1], now_us);
    settle(p);
}

static void idle_ones_are_given_back(void **state)
{
    struct pair p;
    pair_init(&p);
    struct chan *c = open_one(&p);
    assert_int_equal(chans_age_due(p.chans[0]), UINT64_MAX);
    send_some(&p, c, 40u << 20);
    assert_true(counters(p.far[0]).window > 4u << 20);
    assert_true(counters(c).may_send > 3u << 20);
    assert_int_not_equal(chans_age_due(p.chans[0]), UINT64_MAX);
    age(&p, 100 * S); /* it was used until now */
    assert_true(counters(c).may_send > 3u << 20);
    age(&p, 105 * S);
    assert_true(counters(c).may_send > 3u << 20);
    age(&p, 110 * S);
    assert_int_equal(counters(c).may_send, CHAN_WINDOW_FIRST);
    assert_int_equal(counters(p.far[0]).window, CHAN_WINDOW_FIRST);
    assert_int_equal(chans_promised(p.chans[1]), CHAN_WINDOW_FIRST);
    age(&p, 120 * S);
    age(&p, 130 * S);
    assert_int_equal(chans_age_due(p.chans[0]), UINT64_MAX); /* no reason to wake up */
    assert_int_equal(chans_age_due(p.chans[1]), UINT64_MAX);
    send_some(&p, c, 40u << 20); /* and it grows again */
    assert_true(counters(p.far[0]).window > 4u << 20);
    assert_int_equal(counters(p.far[0]).received[CHAN_DATA], 80u << 20);
    pair_fini(&p);
}

/* Once fast, and then its reader takes little: half, and half of that, and no credit before what
 * was given is used. */
static void slow_readers_lose_their_window(void **state)
{
    struct pair p;
    pair_init(&p);
    struct chan *c = open_one(&p);
    send_some(&p, c, 60u << 20);
    age(&p, 100 * S);
    uint32_t window = counters(p.far[0]).window;
    assert_true(window > 4u << 20);
    p.reading = false;
    send_some(&p, c, 60u << 20); /* until it is closed */
    assert_int_equal(counters(c).may_send, 0);
    for (int i = 1; i <= 8; i++) {
        size_t len;
        uint64_t before = counters(c).may_send;
        (void)chan_peek(p.far[0], CHAN_DATA, &len);
        chan_consume(p.far[0], CHAN_DATA, len < 1000 ? len : 1000);
        age(&p, (100 + 10 * (uint64_t)i) * S);
        assert_true(counters(c).may_send <= before);
    }
    assert_int_equal(counters(p.far[0]).window, CHAN_WINDOW_FIRST);
    assert_true(chans_promised(p.chans[1]) > window / 2); /* it was allowed and has come */
    p.reading = true;
    on_readable(&p, p.far[0]);
    settle(&p);
    assert_true(chans_promised(p.chans[1]) <= 4 * CHAN_WINDOW_FIRST);
    send_some(&p, c, 1u << 20);
    assert_int_equal(counters(p.far[0]).consumed[CHAN_DATA], counters(c).sent[CHAN_DATA]);
    pair_fini(&p);
}

/* Many channels, some of them fast for a while: together never beyond the cap, the last one as fast
 * as the first, and at the end no more is promised than at the start. */
static void many_once_fast(void **state)
{
    struct pair p;
    uint64_t now = 100 * S;
    pair_init(&p);
    for (int i = 0; i < 60; i++) {
        struct chan *c = open_one(&p);
        if (i % 2 == 0 || i == 59) {
            send_some(&p, c, 20u << 20);
            assert_true(counters(p.far[i]).window >= 4u << 20);
        } else {
            send_some(&p, c, 1000);
        }
        age(&p, now += 4 * S);
    }
    for (int i = 0; i < 3; i++)
        age(&p, now += 10 * S);
    assert_int_equal(chans_promised(p.chans[1]), (size_t)60 * CHAN_WINDOW_FIRST);
    pair_fini(&p);
}

static void back_beyond_what_was_allowed(void **state)
{
    struct pair p;
    uint8_t bytes[2 * (MESSAGE_HEAD + 4)];
    pair_init(&p);
    (void)open_one(&p);
    message_head(bytes, MESSAGE_BACK, 4);
    wire_put_u32(bytes + MESSAGE_HEAD, 1000);
    memory_inject(p.m, 1, 0, bytes, MESSAGE_HEAD + 4, false);
    assert_false(p.broken);
    assert_int_equal(counters(p.far[0]).window_left, CHAN_WINDOW_FIRST - 1000);
    wire_put_u32(bytes + MESSAGE_HEAD, CHAN_WINDOW_FIRST - 999);
    memory_inject(p.m, 1, 0, bytes, MESSAGE_HEAD + 4, false);
    assert_true(p.broken);
    assert_int_equal(p.code, STREAM_WINDOW);
    pair_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_ones_are_given_back),
        cmocka_unit_test(slow_readers_lose_their_window),
        cmocka_unit_test(many_once_fast),
        cmocka_unit_test(back_beyond_what_was_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
