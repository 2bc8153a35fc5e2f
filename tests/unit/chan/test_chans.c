#include "memory.h"

#include "base/mem.h"
#include "base/wire.h"
#include "chan/chans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* One end of one channel in the tests: writes bytes of a pattern, checks those that come. */
struct tester {
    struct chan *chan;
    struct side *side;
    uint64_t pattern_out, pattern_in; /* seeds; [stream] is added */
    uint64_t want[CHAN_STREAMS];      /* still to be written */
    uint64_t got[CHAN_STREAMS];
    uint64_t expect[CHAN_STREAMS]; /* to come in all */
    bool eof_written, ended, released, broken, refused, accepted;
    int exit_status;
    unsigned stops, packets;
    char signal[32];
    uint64_t code;
    size_t most;
};

struct side {
    struct chans *chans;
    struct tester *tester[CHANS_MAX + 10];
    size_t count;
    int refuse; /* answer to opened */
    uint64_t pattern;
    unsigned writable;
};

struct pair {
    struct memory *m;
    struct side side[2];
    struct rng rng;
};

static uint8_t pattern(uint64_t seed, uint64_t i)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + i;
    return (uint8_t)(x ^ x >> 9 ^ x >> 21);
}

static struct tester *tester_new(struct side *s)
{
    struct tester *t = mem_new(1, sizeof *t);
    t->side = s;
    t->exit_status = -1;
    assert_true(s->count < sizeof s->tester / sizeof *s->tester);
    s->tester[s->count++] = t;
    return t;
}

/* ---- the ops ---- */

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct side *s = ctx;
    if (s->refuse) {
        *why = "not\there";
        return s->refuse;
    }
    struct tester *t = tester_new(s);
    t->chan = c;
    t->pattern_in = 2 * o->origin_port;
    t->pattern_out = 2 * (uint64_t)o->origin_port + 1;
    chan_set_owner(c, t);
    chan_accept(c);
    return 0;
}

static void on_accepted(void *ctx, struct chan *c)
{
    struct tester *t = chan_owner(c);
    t->accepted = true;
}

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    struct tester *t = chan_owner(c);
    t->refused = true;
    t->code = code;
    snprintf(t->signal, sizeof t->signal, "%s", text);
    t->chan = NULL;
}

static void on_readable(void *ctx, struct chan *c)
{
}

static void on_writable(void *ctx, struct chan *c)
{
    struct side *s = ctx;
    assert_true(chan_room(c) > 0);
    s->writable++;
}

static void on_stopped(void *ctx, struct chan *c, enum chan_stream which)
{
    struct tester *t = chan_owner(c);
    t->stops |= 1u << which;
}

static void on_request(void *ctx, struct chan *c, const struct message *m)
{
    struct tester *t = chan_owner(c);
    if (m->kind == MESSAGE_EXIT_STATUS)
        t->exit_status = (int)m->value;
    else
        snprintf(t->signal, sizeof t->signal, "%d %s %u", m->kind, m->name, m->cols);
}

static void on_packet(void *ctx, struct chan *c, const uint8_t *bytes, size_t len)
{
    struct tester *t = chan_owner(c);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "abc", 3);
    t->packets++;
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct tester *t = chan_owner(c);
    if (!t)
        return;
    t->broken = true;
    t->code = code;
    t->chan = NULL;
}

static const struct chans_ops ops = {
    .opened = on_opened,
    .accepted = on_accepted,
    .refused = on_refused,
    .readable = on_readable,
    .writable = on_writable,
    .stopped = on_stopped,
    .request = on_request,
    .packet = on_packet,
    .broken = on_broken,
};

/* ---- a pair ---- */

static struct pair *pair_of(uint64_t seed, const struct chans_ops *edge)
{
    struct pair *p = mem_new(1, sizeof *p);
    p->m = memory_new(seed);
    p->rng.s = seed ^ 77;
    for (int i = 0; i < 2; i++) {
        struct stream_transport t = memory_transport(p->m, i);
        p->side[i].chans = chans_new(&(struct chans_config){.ops = edge, .ctx = &p->side[i]});
        chans_set_transport(p->side[i].chans, &t);
        memory_user(p->m, i, &chans_events, p->side[i].chans);
    }
    return p;
}

static struct pair *pair_new(uint64_t seed)
{
    return pair_of(seed, &ops);
}

static void pair_free(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        chans_free(p->side[i].chans);
        for (size_t k = 0; k < p->side[i].count; k++)
            free(p->side[i].tester[k]);
    }
    memory_free(p->m);
    free(p);
}

static void steps(struct pair *p, int n)
{
    while (n--)
        memory_step(p->m);
}

static struct tester *open_one(struct pair *p, int end, uint16_t number)
{
    struct tester *t = tester_new(&p->side[end]);
    struct open_request o = {.kind = OPEN_EXEC, .command = {"true", 4}, .origin_port = number};
    t->pattern_out = 2 * (uint64_t)number;
    t->pattern_in = 2 * (uint64_t)number + 1;
    assert_int_equal(chan_open(p->side[end].chans, &o, t, &t->chan), 0);
    return t;
}

/* The other end of it, which may have heard of its channels in another order. */
static struct tester *far_of(struct pair *p, const struct tester *t)
{
    for (size_t i = 0; i < p->side[1].count; i++)
        if (p->side[1].tester[i]->pattern_in == t->pattern_out)
            return p->side[1].tester[i];
    fail_msg("the other end knows nothing of it");
    return NULL;
}

/* As chan_write, without its copy. */
static size_t write_in_place(struct chan *c, enum chan_stream s, const uint8_t *bytes, size_t n)
{
    size_t room = chan_room(c), most;
    uint8_t *to = chan_space(c, &most);
    assert_int_equal(to != NULL, room != 0);
    if (!to)
        return 0;
    assert_true(most && most <= room && most <= CHAN_SPACE);
    if (n > most)
        n = most;
    memcpy(to, bytes, n);
    chan_commit(c, s, n);
    assert_in_range(chan_room(c) + n, room < MESSAGE_HEAD ? 0 : room - MESSAGE_HEAD, room);
    return n;
}

static void write_some(struct pair *p, struct tester *t)
{
    static uint8_t bytes[100000];
    static uint64_t sent[CHAN_STREAMS];
    enum chan_stream s = rng_below(&p->rng, 2) ? CHAN_DATA : CHAN_STDERR;
    size_t n = rng_below(&p->rng, rng_below(&p->rng, 2) ? 200 : sizeof bytes);
    struct chan_counters k;
    if (n > t->want[s])
        n = t->want[s];
    chan_counters(t->chan, &k);
    sent[s] = k.sent[s];
    for (size_t i = 0; i < n; i++)
        bytes[i] = pattern(t->pattern_out + 1000 * s, sent[s] + i);
    size_t taken = n % 2 ? chan_write(t->chan, s, bytes, n) : write_in_place(t->chan, s, bytes, n);
    assert_true(taken <= n);
    t->want[s] -= taken;
    if (!t->want[0] && !t->want[1] && !t->eof_written) {
        chan_eof(t->chan);
        chan_eof(t->chan);
        assert_int_equal(chan_write(t->chan, s, "x", 1), 0);
        t->eof_written = true;
    }
}

static void read_some(struct pair *p, struct tester *t, bool all)
{
    size_t held = 0;
    for (int s = 0; s < CHAN_STREAMS; s++) {
        size_t len;
        const uint8_t *b = chan_peek(t->chan, (enum chan_stream)s, &len);
        held += len;
        size_t n = all ? len : rng_below(&p->rng, len + 1);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(b[i], pattern(t->pattern_in + 1000 * (uint64_t)s, t->got[s] + i));
        t->got[s] += n;
        chan_consume(t->chan, (enum chan_stream)s, n);
    }
    t->most = held > t->most ? held : t->most;
    assert_true(held <= CHAN_WINDOW_MAX);
    t->ended = chan_ended(t->chan, CHAN_DATA) && chan_ended(t->chan, CHAN_STDERR);
}

/* The server end: EOF, exit status, close; the client end closes when that is over. */
static bool finish_some(struct tester *t, bool server, int status)
{
    if (server && t->eof_written && t->ended) {
        struct message m = {.kind = MESSAGE_EXIT_STATUS, .value = (uint32_t)status};
        assert_int_equal(chan_request(t->chan, &m), 0);
        chan_release(t->chan);
        t->released = true;
    } else if (!server && chan_over(t->chan)) {
        assert_true(t->ended);
        chan_release(t->chan);
        t->released = true;
    }
    if (t->released)
        t->chan = NULL;
    return t->released;
}

/* Many channels, random bytes both ways, outages: every byte once, in order, every end. */
static void run_random(uint64_t seed, size_t channels, uint64_t most)
{
    struct pair *p = pair_new(seed);
    size_t left = 2 * channels;
    bool down = false;
    for (size_t i = 0; i < channels; i++) {
        struct tester *t = open_one(p, 0, (uint16_t)(i + 1));
        t->want[0] = rng_below(&p->rng, most);
        t->want[1] = rng_below(&p->rng, most / 8);
    }
    for (int round = 0; left && round < 200000; round++) {
        if (!rng_below(&p->rng, 50))
            memory_down(p->m, down = !down);
        memory_step(p->m);
        for (int end = 0; end < 2; end++)
            for (size_t i = 0; i < p->side[end].count; i++) {
                struct tester *t = p->side[end].tester[i];
                assert_false(t->broken || t->refused);
                if (end && !t->want[0] && !t->eof_written && !t->expect[0])
                    t->expect[0] = t->want[0] = 1 + rng_below(&p->rng, most);
                if (!t->chan || rng_below(&p->rng, 3))
                    continue;
                write_some(p, t);
                read_some(p, t, rng_below(&p->rng, 2));
                left -= finish_some(t, end, (int)(t->pattern_in % 256));
            }
    }
    assert_int_equal(left, 0);
    memory_down(p->m, false);
    steps(p, 200);
    assert_int_equal(memory_streams(p->m), 0);
    for (int end = 0; end < 2; end++)
        assert_int_equal(chans_count(p->side[end].chans), 0);
    for (size_t i = 0; i < channels; i++)
        assert_int_equal(p->side[0].tester[i]->exit_status,
                         p->side[0].tester[i]->pattern_out % 256);
    assert_true(memory_uncredited(p->m) <= 2 * CHAN_WINDOW_MAX);
    pair_free(p);
}

static void test_random(void **state)
{
    const char *soak = getenv("TERN_SOAK");
    for (uint64_t seed = 1; seed <= (soak ? 200 : 12); seed++)
        run_random(seed, 1 + seed % 7, seed % 3 ? 300000 : 3000000);
}

static void test_thousand_at_once(void **state)
{
    run_random(99, 1000, 3000);
}

static void test_packets_between_open_ends(void **state)
{
    uint8_t big[2000] = {0};
    struct pair *p = pair_new(8);
    struct tester *t = open_one(p, 0, 1);
    assert_int_equal(chan_packet(t->chan, "abc", 3), ERR_STATE);
    steps(p, 20);
    assert_true(t->accepted);
    struct tester *far = far_of(p, t);
    assert_int_equal(chan_packet(t->chan, "abc", 3), 0);
    assert_int_equal(chan_packet(far->chan, "abc", 3), 0);
    assert_int_equal(chan_packet(t->chan, big, sizeof big), ERR_CAP);
    assert_int_equal(t->packets, 1);
    assert_int_equal(far->packets, 1);
    chan_release(far->chan);
    assert_int_equal(chan_packet(t->chan, "abc", 3),
                     0); /* the other end does not listen any more */
    assert_int_equal(far->packets, 1);
    pair_free(p);
}

/* ---- windows ---- */

static void test_writer_waits_while_nobody_reads(void **state)
{
    struct pair *p = pair_new(3);
    struct tester *t = open_one(p, 0, 1);
    static uint8_t bytes[1u << 20];
    size_t sent = 0;
    memory_down(p->m, true);
    for (int i = 0; i < 100; i++) {
        sent += chan_write(t->chan, CHAN_DATA, bytes, sizeof bytes);
        steps(p, 3);
    }
    assert_int_equal(sent, CHAN_WINDOW_FIRST); /* nothing is taken beyond the window */
    assert_int_equal(chan_room(t->chan), 0);
    memory_down(p->m, false);
    for (int i = 0; i < 100; i++)
        steps(p, 5);
    assert_int_equal(chan_write(t->chan, CHAN_DATA, bytes, sizeof bytes), 0);
    /* A signal passes all the same. */
    assert_int_equal(
        chan_request(t->chan, &(struct message){.kind = MESSAGE_SIGNAL, .name = "INT"}), 0);
    steps(p, 50);
    struct tester *far = p->side[1].tester[0];
    assert_string_equal(far->signal, "11 INT 0");
    struct chan_counters k;
    chan_counters(far->chan, &k);
    assert_int_equal(k.received[CHAN_DATA], CHAN_WINDOW_FIRST);
    assert_int_equal(k.consumed[CHAN_DATA], 0);
    unsigned told = p->side[0].writable;
    chan_consume(far->chan, CHAN_DATA, CHAN_WINDOW_FIRST / 2);
    steps(p, 50);
    assert_int_equal(p->side[0].writable, told + 1);
    assert_int_equal(chan_room(t->chan), CHAN_WINDOW_FIRST / 2);
    pair_free(p);
}

static void test_window_grows_to_its_cap(void **state)
{
    struct pair *p = pair_new(4);
    struct tester *t = open_one(p, 0, 1);
    static uint8_t bytes[1u << 20];
    struct chan_counters k = {0};
    for (int i = 0; i < 20000 && k.window < CHAN_WINDOW_MAX; i++) {
        chan_write(t->chan, CHAN_DATA, bytes, sizeof bytes);
        memory_step(p->m);
        if (!p->side[1].count)
            continue;
        size_t len;
        chan_peek(p->side[1].tester[0]->chan, CHAN_DATA, &len);
        chan_consume(p->side[1].tester[0]->chan, CHAN_DATA, len);
        chan_counters(p->side[1].tester[0]->chan, &k);
        assert_true(k.window <= CHAN_WINDOW_MAX);
    }
    assert_int_equal(k.window, CHAN_WINDOW_MAX);
    /* And then nobody reads: it holds no more than that. */
    for (int i = 0; i < 3000; i++) {
        chan_write(t->chan, CHAN_DATA, bytes, sizeof bytes);
        memory_step(p->m);
    }
    size_t len;
    chan_peek(p->side[1].tester[0]->chan, CHAN_DATA, &len);
    assert_in_range(len, CHAN_WINDOW_MAX - CHAN_WINDOW_MAX / 4, CHAN_WINDOW_MAX);
    assert_int_equal(chan_room(t->chan), 0);
    pair_free(p);
}

/* ---- ends ---- */

static void test_refusal(void **state)
{
    struct pair *p = pair_new(5);
    p->side[1].refuse = REFUSAL_PROHIBITED;
    struct tester *t = open_one(p, 0, 1);
    chan_write(t->chan, CHAN_DATA, "lost", 4);
    steps(p, 60);
    assert_true(t->refused);
    assert_int_equal(t->code, REFUSAL_PROHIBITED);
    assert_string_equal(t->signal, "not?here");
    assert_int_equal(memory_streams(p->m), 0);
    assert_int_equal(chans_count(p->side[0].chans) + chans_count(p->side[1].chans), 0);
    pair_free(p);
}

static void test_stop(void **state)
{
    struct pair *p = pair_new(6);
    struct tester *t = open_one(p, 0, 1);
    static uint8_t bytes[1000];
    steps(p, 20);
    struct tester *far = p->side[1].tester[0];
    chan_write(far->chan, CHAN_DATA, bytes, sizeof bytes);
    chan_write(far->chan, CHAN_STDERR, "e", 1);
    chan_stop(t->chan, CHAN_DATA);
    chan_stop(t->chan, CHAN_DATA);
    steps(p, 60);
    assert_int_equal(far->stops, 1u << CHAN_DATA);
    size_t len;
    chan_peek(t->chan, CHAN_DATA, &len);
    assert_int_equal(len, 0);
    chan_peek(t->chan, CHAN_STDERR, &len);
    assert_int_equal(len, 1);
    struct chan_counters k;
    chan_counters(t->chan, &k);
    assert_int_equal(k.received[CHAN_DATA], sizeof bytes);
    assert_int_equal(k.consumed[CHAN_DATA], sizeof bytes);
    pair_free(p);
}

/* An edge that cares for nothing that it need not. */
static void test_few_ops(void **state)
{
    static const struct chans_ops few = {
        .opened = on_opened, .readable = on_readable, .broken = on_broken};
    struct pair *p = pair_of(8, &few);
    struct tester *t = open_one(p, 0, 1);
    static uint8_t bytes[CHAN_WINDOW_FIRST];
    size_t len;
    steps(p, 20);
    struct tester *far = p->side[1].tester[0];
    assert_int_equal(chan_write(far->chan, CHAN_DATA, bytes, sizeof bytes), sizeof bytes);
    steps(p, 400);
    chan_peek(t->chan, CHAN_DATA, &len);
    assert_int_equal(len, sizeof bytes);
    chan_consume(t->chan, CHAN_DATA, len); /* now there is room, which nobody is told */
    assert_int_equal(
        chan_request(t->chan, &(struct message){.kind = MESSAGE_EXIT_STATUS, .value = 1}), 0);
    chan_stop(t->chan, CHAN_DATA);
    steps(p, 60);
    assert_true(chan_room(far->chan) >= CHAN_ROOM_LOW);
    assert_int_equal(far->stops, 0);
    pair_free(p);
}

static void test_abandon_and_break(void **state)
{
    struct pair *p = pair_new(7);
    struct tester *a = open_one(p, 0, 1), *b = open_one(p, 0, 2), *c = open_one(p, 0, 3);
    steps(p, 30);
    chan_abandon(a->chan, STREAM_INTERNAL);
    steps(p, 60);
    assert_true(far_of(p, a)->broken);
    assert_int_equal(far_of(p, a)->code, STREAM_INTERNAL);
    assert_int_equal(chans_count(p->side[0].chans), 2);
    /* What came whole is not lost with the connection. */
    chan_write(far_of(p, b)->chan, CHAN_DATA, "last", 4);
    chan_release(far_of(p, b)->chan);
    steps(p, 60);
    memory_break(p->m);
    assert_true(c->broken && far_of(p, c)->broken);
    assert_int_equal(c->code, STREAM_LOST);
    size_t len;
    if (!b->broken) {
        assert_memory_equal(chan_peek(b->chan, CHAN_DATA, &len), "last", 4);
        chan_consume(b->chan, CHAN_DATA, 4);
        assert_true(chan_over(b->chan));
        chan_release(b->chan);
    }
    assert_false(b->broken);
    assert_int_equal(chans_count(p->side[0].chans), 0);
    struct open_request o = {.kind = OPEN_EXEC};
    struct chan *none;
    assert_int_equal(chan_open(p->side[0].chans, &o, NULL, &none), ERR_STATE);
    pair_free(p);
}

static void test_too_many(void **state)
{
    struct pair *p = pair_new(8);
    for (int i = 0; i < CHANS_MAX; i++)
        open_one(p, 0, (uint16_t)(i + 1));
    struct open_request o = {.kind = OPEN_EXEC};
    struct chan *none;
    assert_int_equal(chan_open(p->side[0].chans, &o, NULL, &none), ERR_CAP);
    steps(p, 10);
    assert_int_equal(chans_count(p->side[1].chans), CHANS_MAX);
    /* A peer that does not care is refused. */
    memory_user(p->m, 0, NULL, NULL);
    int64_t id = memory_raw_open(p->m, 0);
    memory_inject(p->m, 1, id, "\x01", 1, false);
    assert_int_equal(memory_reset_code(p->m, 1, id), STREAM_REFUSED);
    assert_int_equal(chans_count(p->side[1].chans), CHANS_MAX);
    pair_free(p);
}

/* ---- a peer that breaks the rules ---- */

struct bad {
    const char *what;
    const char *bytes;
    size_t len;
    bool fin;
    int code;
};

#define OPEN_EXEC_BYTES "\x01\0\0\x02\x08\x01"
#define BAD(what, bytes, fin, code)                                                                \
    {                                                                                              \
        what, bytes, sizeof(bytes) - 1, fin, code                                                  \
    }

static const struct bad bads[] = {
    BAD("data first", "\x04\0\0\x01x", false, STREAM_SYNTAX),
    BAD("a second open", OPEN_EXEC_BYTES OPEN_EXEC_BYTES, false, STREAM_SYNTAX),
    BAD("an open without a kind", "\x01\0\0\0", false, STREAM_SYNTAX),
    BAD("an open that is too long", "\x01\x04\0\x01", false, STREAM_SYNTAX),
    BAD("an unknown message", OPEN_EXEC_BYTES "\x70\0\0\0", false, STREAM_SYNTAX),
    BAD("an answer where none was asked", OPEN_EXEC_BYTES "\x02\0\0\0", false, STREAM_SYNTAX),
    BAD("a long small message", OPEN_EXEC_BYTES "\x0b\0\x04\x01", false, STREAM_SYNTAX),
    BAD("more data than the window", OPEN_EXEC_BYTES "\x04\x04\0\x01", false, STREAM_SYNTAX),
    BAD("a wrong sum", OPEN_EXEC_BYTES "\x06\0\0\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0", false,
        STREAM_WINDOW),
    BAD("data after the end",
        OPEN_EXEC_BYTES "\x06\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x04\0\0\x01", false,
        STREAM_SYNTAX),
    BAD("a window beyond all caps", OPEN_EXEC_BYTES "\x07\0\0\x04\x7f\xff\xff\xff", false,
        STREAM_WINDOW),
    BAD("closed inside a message", OPEN_EXEC_BYTES "\x04\0\0\x02x", true, STREAM_SYNTAX),
    BAD("closed without a sum", OPEN_EXEC_BYTES "\x04\0\0\x01x", true, STREAM_SYNTAX),
    BAD("closed inside the open", "\x01\0\0\x02", true, STREAM_SYNTAX),
    BAD("a signal in small letters", OPEN_EXEC_BYTES "\x0b\0\0\x02\x01i", false, STREAM_SYNTAX),
};

static void test_bad_peers(void **state)
{
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        struct pair *p = pair_new(9);
        struct tester *good = open_one(p, 0, 5);
        steps(p, 20);
        int64_t id = memory_raw_open(p->m, 0);
        /* Byte for byte as well as at once. */
        for (size_t k = 0; i % 2 && k + 1 < bads[i].len; k++)
            memory_inject(p->m, 1, id, bads[i].bytes + k, 1, false);
        size_t from = i % 2 ? bads[i].len - 1 : 0;
        memory_inject(p->m, 1, id, bads[i].bytes + from, bads[i].len - from, bads[i].fin);
        if (memory_reset_code(p->m, 1, id) != bads[i].code)
            fail_msg("%s: code %d", bads[i].what, (int)memory_reset_code(p->m, 1, id));
        /* Everything else goes on. */
        chan_write(good->chan, CHAN_DATA, "x", 1);
        assert_false(good->broken);
        assert_false(p->side[1].tester[0]->broken);
        pair_free(p);
    }
}

static void test_data_beyond_the_window(void **state)
{
    struct pair *p = pair_new(10);
    int64_t id = memory_raw_open(p->m, 0);
    static uint8_t bytes[MESSAGE_DATA_MAX];
    memory_inject(p->m, 1, id, OPEN_EXEC_BYTES "\x04\x04\0\0", 10, false);
    memory_inject(p->m, 1, id, bytes, sizeof bytes, false);
    assert_int_equal(memory_reset_code(p->m, 1, id), -1);
    memory_inject(p->m, 1, id, "\x05\0\0\x01", 4, false);
    assert_int_equal(memory_reset_code(p->m, 1, id), STREAM_WINDOW);
    pair_free(p);
}

static void test_optional_messages_are_skipped(void **state)
{
    struct pair *p = pair_new(11);
    int64_t id = memory_raw_open(p->m, 0);
    static uint8_t bytes[5000];
    memory_inject(p->m, 1, id, OPEN_EXEC_BYTES "\x80\0\x13\x88", 10, false);
    memory_inject(p->m, 1, id, bytes, sizeof bytes, false);
    memory_inject(p->m, 1, id, "\x0c\0\0\x08\0\x50\0\x18\0\0\0\0", 12, false);
    assert_int_equal(memory_reset_code(p->m, 1, id), -1);
    assert_string_equal(p->side[1].tester[0]->signal, "12  80");
    pair_free(p);
}

static void test_bad_requests_of_our_own(void **state)
{
    struct pair *p = pair_new(12);
    struct chan *none;
    char *big = mem_new(OPEN_COMMAND_MAX + 2, 1);
    memset(big, 'x', OPEN_COMMAND_MAX + 1);
    struct open_request o = {.kind = OPEN_EXEC, .command = {big, OPEN_COMMAND_MAX + 1}};
    assert_int_equal(chan_open(p->side[0].chans, &o, NULL, &none), ERR_SYNTAX);
    memory_limit(p->m, 0, 1);
    o.command.len = 10;
    assert_int_equal(chan_open(p->side[0].chans, &o, NULL, &none), 0);
    assert_int_equal(chan_open(p->side[0].chans, &o, NULL, &none), ERR_CAP);
    assert_int_equal(chans_count(p->side[0].chans), 1);
    chan_abandon(none, STREAM_DONE);
    free(big);
    pair_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_thousand_at_once),
        cmocka_unit_test(test_packets_between_open_ends),
        cmocka_unit_test(test_writer_waits_while_nobody_reads),
        cmocka_unit_test(test_window_grows_to_its_cap),
        cmocka_unit_test(test_refusal),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_few_ops),
        cmocka_unit_test(test_abandon_and_break),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_bad_peers),
        cmocka_unit_test(test_data_beyond_the_window),
        cmocka_unit_test(test_optional_messages_are_skipped),
        cmocka_unit_test(test_bad_requests_of_our_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
