#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "sync/message.h"
#include "sync/screen.h"
#include "sync/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    struct term *term; /* the server's engine */
    struct screen_source source;
    struct screen_replica replica;
    struct state_ops out;
    struct replica_ops in;
};

static void open_pair(struct pair *p, enum snapshot_kind kind)
{
    struct term_config c = {.cols = 40, .rows = 10};
    p->term = term_new(&c);
    screen_source_init(&p->source, kind);
    screen_replica_init(&p->replica, &c);
    p->out = screen_state_ops(&p->source);
    p->in = screen_replica_ops(&p->replica);
}

static void close_pair(struct pair *p)
{
    term_free(p->term);
    screen_source_fini(&p->source);
    screen_replica_fini(&p->replica);
}

static struct screen *now(struct pair *p, uint64_t echo)
{
    struct snapshot *snap = term_snapshot(p->term);
    struct screen *s = screen_new(snap, echo);
    snapshot_unref(snap);
    return s;
}

static void print(struct pair *p, const char *text)
{
    term_write(p->term, text, strlen(text));
}

/* Apply the diff between two states on the replica's `at`; its result equals `to`. */
static struct screen *cross(struct pair *p, struct screen *from, struct screen *to,
                            struct screen *at)
{
    struct buf diff;
    void *got;
    buf_init(&diff, SYNC_INSTRUCTION_MAX);
    assert_int_equal(p->out.diff(p->out.ctx, from, to, &diff), 0);
    assert_int_equal(p->in.apply(p->in.ctx, at, buf_data(&diff), buf_len(&diff), &got), 0);
    struct screen *s = got;
    assert_true(snapshot_equal(s->snap, to->snap, p->source.kind));
    assert_true(s->echo_ack == to->echo_ack);
    buf_fini(&diff);
    return s;
}

static void messages_in_stocks_order(void **state)
{
    struct pair p;
    open_pair(&p, SNAPSHOT_STOCK);
    struct screen *zero = screen_zero(80, 24);
    print(&p, "hello");
    struct screen *a = now(&p, 3);
    struct buf diff;
    buf_init(&diff, 4096);
    assert_int_equal(p.out.diff(p.out.ctx, zero, a, &diff), 0);
    struct reader r = reader_of(buf_data(&diff), buf_len(&diff));
    struct message m;
    assert_int_equal(message_next(&r, true, &m), 1);
    assert_true(m.kind == MESSAGE_ECHO_ACK && m.echo_ack == 3);
    assert_int_equal(message_next(&r, true, &m), 1);
    assert_true(m.kind == MESSAGE_RESIZE && m.width == 40 && m.height == 10);
    assert_int_equal(message_next(&r, true, &m), 1);
    assert_true(m.kind == MESSAGE_HOST && m.len >= 5);
    assert_int_equal(message_next(&r, true, &m), 0);
    /* Each only if needed. */
    struct screen *b = now(&p, 4), *c = now(&p, 4);
    buf_clear(&diff);
    assert_int_equal(p.out.diff(p.out.ctx, a, b, &diff), 0);
    r = reader_of(buf_data(&diff), buf_len(&diff));
    assert_int_equal(message_next(&r, true, &m), 1);
    assert_int_equal(m.kind, MESSAGE_ECHO_ACK);
    assert_int_equal(message_next(&r, true, &m), 0);
    buf_clear(&diff);
    assert_int_equal(p.out.diff(p.out.ctx, b, c, &diff), 0);
    assert_int_equal(buf_len(&diff), 0);
    assert_true(p.out.equal(p.out.ctx, b, c));
    assert_false(p.out.equal(p.out.ctx, a, b));
    buf_fini(&diff);
    struct screen *all[] = {zero, a, b, c};
    for (size_t i = 0; i < 4; i++)
        screen_unref(all[i]);
    close_pair(&p);
}

/* Both ends have their own size of state 0: every diff from it says the size, nothing equals it. */
static void state_0_has_no_size(void **state)
{
    struct pair p;
    open_pair(&p, SNAPSHOT_STOCK);
    struct screen *zero = screen_zero(40, 10), *client = screen_zero(7, 3), *a = now(&p, 0);
    assert_false(p.out.equal(p.out.ctx, zero, a));
    struct screen *got = cross(&p, zero, a, client);
    assert_int_equal(got->snap->cols, 40);
    assert_int_equal(got->snap->rows, 10);
    struct screen *all[] = {zero, client, a, got};
    for (size_t i = 0; i < 4; i++)
        screen_unref(all[i]);
    close_pair(&p);
}

/* Diffs between any two of a row of states, applied in any order. */
static void any_state_to_any_state(void **state)
{
    for (int kind = 0; kind < 2; kind++) {
        struct rng rng = {11};
        struct pair p;
        enum { N = 12 };
        struct screen *server[N], *client[N];
        open_pair(&p, kind ? SNAPSHOT_NATIVE : SNAPSHOT_STOCK);
        server[0] = screen_zero(40, 10);
        client[0] = screen_zero(40, 10);
        for (int i = 1; i < N; i++) {
            char text[200];
            for (int k = 0; k < 5; k++) {
                sprintf(text, "\033[%d;%dH\033[%dmstate %d \033]2;t%d\a", (int)rng_below(&rng, 12),
                        (int)rng_below(&rng, 42), 31 + (int)rng_below(&rng, 7), i, i);
                print(&p, text);
            }
            if (!rng_below(&rng, 4))
                term_resize(p.term, (uint16_t)(20 + rng_below(&rng, 40)),
                            (uint16_t)(5 + rng_below(&rng, 20)));
            server[i] = now(&p, (uint64_t)i);
            int from = (int)rng_below(&rng, (uint64_t)i);
            client[i] = cross(&p, server[from], server[i], client[from]);
        }
        for (int i = 0; i < N; i++) {
            screen_unref(server[i]);
            screen_unref(client[i]);
        }
        close_pair(&p);
    }
}

/* Steps lead to the end, each with a diff of about the budget, also over a size or screen change.
 */
static void partial_steps_arrive(void **state)
{
    struct rng rng = {12};
    for (int round = 0; round < 30; round++) {
        struct pair p;
        open_pair(&p, SNAPSHOT_NATIVE);
        struct screen *at = screen_zero(40, 10), *mine = screen_zero(40, 10);
        for (int target = 0; target < 3; target++) {
            char text[200];
            if (target == 1)
                print(&p, "\033[?1049h");
            if (target == 2)
                term_resize(p.term, (uint16_t)(1 + rng_below(&rng, 100)),
                            (uint16_t)(1 + rng_below(&rng, 60)));
            for (int k = 0; k < 60; k++) {
                sprintf(text, "\033[%d;%dH\033[38;2;%d;%d;%dmxyz", (int)rng_below(&rng, 60),
                        (int)rng_below(&rng, 100), k, k * 2, k * 3);
                print(&p, text);
            }
            struct screen *to = now(&p, (uint64_t)target + 1);
            int steps = 0;
            while (!p.out.equal(p.out.ctx, at, to)) {
                struct screen *next = p.out.partial(p.out.ctx, at, to, 300);
                assert_true(next->echo_ack == to->echo_ack || next->echo_ack == at->echo_ack);
                struct screen *got = cross(&p, at, next, mine);
                screen_unref(at);
                screen_unref(mine);
                at = next;
                mine = got;
                assert_true(++steps < 100);
            }
            assert_true(at == to || snapshot_equal(at->snap, to->snap, SNAPSHOT_NATIVE));
            screen_unref(to);
        }
        screen_unref(at);
        screen_unref(mine);
        close_pair(&p);
    }
}

static void bad_diffs_are_refused(void **state)
{
    struct pair p;
    struct buf b;
    void *got = NULL;
    open_pair(&p, SNAPSHOT_STOCK);
    struct screen *zero = screen_zero(40, 10);
    struct screen *ref = screen_new(zero->snap, 5);
    buf_init(&b, 4096);
    static const int32_t bad[][2] = {{0, 1}, {1, 0}, {-1, -1}, {SCREEN_MAX + 1, 1}};
    for (size_t i = 0; i < 4; i++) {
        buf_clear(&b);
        message_put_host(&b, "x", 1);
        message_put_resize(&b, bad[i][0], bad[i][1]);
        assert_int_equal(p.in.apply(p.in.ctx, ref, buf_data(&b), buf_len(&b), &got), ERR_SYNTAX);
    }
    buf_clear(&b);
    message_put_echo_ack(&b, 4); /* falls */
    assert_int_equal(p.in.apply(p.in.ctx, ref, buf_data(&b), buf_len(&b), &got), ERR_STATE);
    buf_clear(&b);
    message_put_host(&b, "ok", 2);
    buf_put(&b, "\x0a\x09", 2);
    assert_int_equal(p.in.apply(p.in.ctx, ref, buf_data(&b), buf_len(&b), &got), ERR_SHORT);
    /* Queries and unfinished sequences do no harm: the replica answers nobody. */
    buf_clear(&b);
    message_put_host(&b, "\033[c\033[6n\033[", 9);
    assert_int_equal(p.in.apply(p.in.ctx, ref, buf_data(&b), buf_len(&b), &got), 0);
    assert_int_equal(buf_len(term_replies(p.replica.term)), 0);
    screen_unref(got);
    buf_clear(&b);
    message_put_resize(&b, SCREEN_MAX, SCREEN_MAX); /* big, but allowed */
    assert_int_equal(p.in.apply(p.in.ctx, ref, buf_data(&b), buf_len(&b), &got), 0);
    assert_int_equal(((struct screen *)got)->snap->cols, SCREEN_MAX);
    screen_unref(got);
    buf_fini(&b);
    screen_unref(zero);
    screen_unref(ref);
    close_pair(&p);
}

/* Rows that neighbours share are counted once. */
static void cost_counts_what_is_new(void **state)
{
    struct pair p;
    open_pair(&p, SNAPSHOT_STOCK);
    for (int i = 0; i < 10; i++)
        print(&p, "\r\na line that fills most of the columns");
    struct screen *a = now(&p, 0);
    print(&p, "\033[5;5Hx");
    struct screen *b = now(&p, 0);
    size_t whole = p.out.cost(NULL, b), part = p.out.cost(a, b);
    assert_true(whole > 10 * 37 * sizeof(struct cell));
    assert_true(part < whole / 3);
    assert_int_equal(p.out.cost(b, b), 0);
    screen_unref(a);
    screen_unref(b);
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_in_stocks_order), cmocka_unit_test(state_0_has_no_size),
        cmocka_unit_test(any_state_to_any_state),   cmocka_unit_test(partial_steps_arrive),
        cmocka_unit_test(bad_diffs_are_refused),    cmocka_unit_test(cost_counts_what_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
