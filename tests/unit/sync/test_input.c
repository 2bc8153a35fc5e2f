#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "sync/input.h"
#include "sync/message.h"
#include "term/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ends {
    struct input_queue from, to;
    struct state_ops out;
    struct replica_ops in;
    void *zero_from, *zero_to;
};

static void open_ends(struct ends *e)
{
    input_init(&e->from, 1u << 20, false);
    input_init(&e->to, 1u << 20, true);
    e->out = input_state_ops(&e->from);
    e->in = input_replica_ops(&e->to);
    e->zero_from = input_mark_end(&e->from);
    e->zero_to = input_mark_end(&e->to);
}

static void close_ends(struct ends *e)
{
    e->out.unref(e->zero_from);
    e->in.unref(e->zero_to);
    input_fini(&e->from);
    input_fini(&e->to);
}

/* Everything to be read, as text: bytes, and [COLSxROWS] for resizes. */
static void read_all(struct input_queue *q, char *out)
{
    const struct input_resize *r;
    const uint8_t *bytes;
    size_t len;
    while (input_peek(q, &r, &bytes, &len)) {
        if (r)
            out += sprintf(out, "[%dx%d]", r->cols, r->rows);
        else
            out += sprintf(out, "%.*s", (int)len, (const char *)bytes);
        input_take(q);
    }
    *out = 0;
}

static void *step(struct ends *e, void *from, void *to, void *at)
{
    struct buf diff;
    void *got;
    buf_init(&diff, 1u << 20);
    assert_int_equal(e->out.diff(e->out.ctx, from, to, &diff), 0);
    assert_int_equal(e->in.apply(e->in.ctx, at, buf_data(&diff), buf_len(&diff), &got), 0);
    buf_fini(&diff);
    return got;
}

static void keys_and_resizes_in_order(void **state)
{
    struct ends e;
    char text[256];
    open_ends(&e);
    assert_int_equal(input_append_resize(&e.from, 80, 24), 0);
    assert_int_equal(input_append(&e.from, "ab", 2), 2);
    assert_int_equal(input_append(&e.from, "c", 1), 1);
    assert_int_equal(input_append_resize(&e.from, 1, 1), 0);
    assert_int_equal(input_append_resize(&e.from, 100, 30), 0);
    assert_int_equal(input_append(&e.from, "d", 1), 1);
    void *end = input_mark_end(&e.from);
    void *got = step(&e, e.zero_from, end, e.zero_to);
    read_all(&e.to, text);
    assert_string_equal(text, "[80x24]abc[100x30]d"); /* a run of resizes: its last */
    assert_int_equal(((struct input_mark *)got)->events, 7);
    assert_int_equal(((struct input_mark *)got)->bytes, 4);
    e.out.unref(end);
    e.in.unref(got);
    close_ends(&e);
}

/* Overlapping diffs (from an older state, again) append each event once. */
static void overlaps_are_appended_once(void **state)
{
    struct ends e;
    char text[256];
    open_ends(&e);
    input_append(&e.from, "one", 3);
    void *a = input_mark_end(&e.from);
    assert_int_equal(input_append_resize(&e.from, 5, 5), 0);
    input_append(&e.from, "two", 3);
    void *b = input_mark_end(&e.from);
    void *ga = step(&e, e.zero_from, a, e.zero_to);
    void *gb = step(&e, e.zero_from, b, e.zero_to); /* from state 0 again */
    void *gc = step(&e, a, b, ga);
    void *gd = step(&e, e.zero_from, a, e.zero_to); /* a late one */
    assert_int_equal(((struct input_mark *)gb)->events, 7);
    assert_int_equal(((struct input_mark *)gc)->events, 7);
    assert_int_equal(((struct input_mark *)gd)->events, 3);
    read_all(&e.to, text);
    assert_string_equal(text, "one[5x5]two");
    void *all[] = {a, b, ga, gb, gc, gd};
    for (size_t i = 0; i < 6; i++)
        e.out.unref(all[i]);
    close_ends(&e);
}

static void partial_makes_progress_and_ends(void **state)
{
    struct rng rng = {5};
    for (int round = 0; round < 200; round++) {
        struct ends e;
        open_ends(&e);
        for (int i = 0; i < 30; i++) {
            if (rng_below(&rng, 3))
                input_append(&e.from, "0123456789012345678901234567890123456789",
                             (size_t)rng_below(&rng, 41));
            else
                assert_int_equal(input_append_resize(&e.from, 9, (uint16_t)(1 + i)), 0);
        }
        void *end = input_mark_end(&e.from);
        void *at = e.out.ref(e.zero_from), *got = e.in.ref(e.zero_to);
        size_t budget = (size_t)rng_below(&rng, 200);
        while (!e.out.equal(e.out.ctx, at, end)) {
            void *next = e.out.partial(e.out.ctx, at, end, budget);
            assert_true(((struct input_mark *)next)->events > ((struct input_mark *)at)->events);
            struct buf diff;
            buf_init(&diff, 1u << 20);
            assert_int_equal(e.out.diff(e.out.ctx, at, next, &diff), 0);
            assert_true(buf_len(&diff) <= (budget > 40 ? budget : 40));
            buf_fini(&diff);
            void *taken = step(&e, at, next, got);
            e.out.unref(at);
            e.in.unref(got);
            at = next;
            got = taken;
        }
        char want[4096], have[4096];
        struct ends whole;
        open_ends(&whole);
        void *all = step(&e, e.zero_from, end, e.zero_to); /* nothing new */
        read_all(&e.to, have);
        struct buf diff;
        buf_init(&diff, 1u << 20);
        assert_int_equal(e.out.diff(e.out.ctx, e.zero_from, end, &diff), 0);
        void *once;
        assert_int_equal(
            whole.in.apply(whole.in.ctx, whole.zero_to, buf_data(&diff), buf_len(&diff), &once), 0);
        read_all(&whole.to, want);
        assert_string_equal(have, want);
        buf_fini(&diff);
        whole.in.unref(once);
        close_ends(&whole);
        e.in.unref(all);
        e.out.unref(at);
        e.in.unref(got);
        e.out.unref(end);
        close_ends(&e);
    }
}

static void acknowledged_events_are_forgotten(void **state)
{
    struct ends e;
    open_ends(&e);
    for (int i = 0; i < 1000; i++) {
        static char kilo[1000];
        assert_int_equal(input_append(&e.from, kilo, sizeof kilo), sizeof kilo);
        assert_int_equal(input_append_resize(&e.from, 7, (uint16_t)(i % 9 + 1)), 0);
        void *mark = input_mark_end(&e.from);
        e.out.acked(e.out.ctx, mark);
        e.out.unref(mark);
    }
    assert_int_equal(buf_len(&e.from.bytes), 0);
    assert_int_equal(e.from.n, 0);
    assert_true(input_memory(&e.from) < 8192);
    close_ends(&e);
}

static void bad_input_changes_nothing(void **state)
{
    struct ends e;
    struct buf b;
    void *got = NULL;
    open_ends(&e);
    buf_init(&b, 1u << 20);
    static const int32_t bad[][2] = {{0, 24}, {80, 0}, {-5, 24}, {SCREEN_MAX + 1, 1}, {1, 5000}};
    for (size_t i = 0; i < 5; i++) {
        buf_clear(&b);
        message_put_keys(&b, "lost", 4);
        message_put_resize(&b, bad[i][0], bad[i][1]);
        assert_int_equal(e.in.apply(e.in.ctx, e.zero_to, buf_data(&b), buf_len(&b), &got),
                         ERR_SYNTAX);
        assert_int_equal(e.to.end.events, 0);
    }
    assert_int_equal(e.in.apply(e.in.ctx, e.zero_to, (const uint8_t *)"\x0a\x05", 2, &got),
                     ERR_SHORT);
    /* More than the queue takes: dropped as a whole. */
    struct input_queue small;
    input_init(&small, 10, true);
    struct replica_ops ops = input_replica_ops(&small);
    buf_clear(&b);
    message_put_keys(&b, "0123456789X", 11);
    assert_int_equal(ops.apply(ops.ctx, e.zero_to, buf_data(&b), buf_len(&b), &got), ERR_CAP);
    assert_int_equal(small.end.events, 0);
    buf_clear(&b);
    for (int i = 0; i <= INPUT_RESIZES_MAX; i++) {
        message_put_resize(&b, 5, 5);
        message_put_keys(&b, "", 0);
    }
    assert_int_equal(ops.apply(ops.ctx, e.zero_to, buf_data(&b), buf_len(&b), &got), 0);
    assert_int_equal(small.n, 1); /* all one run */
    ops.unref(got);
    input_fini(&small);
    buf_clear(&b);
    for (int i = 0; i <= INPUT_RESIZES_MAX; i++) {
        message_put_resize(&b, 5, 5);
        message_put_keys(&b, "x", 1);
    }
    assert_int_equal(e.in.apply(e.in.ctx, e.zero_to, buf_data(&b), buf_len(&b), &got), ERR_CAP);
    assert_int_equal(e.to.end.events, 0);
    buf_fini(&b);
    close_ends(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_resizes_in_order),
        cmocka_unit_test(overlaps_are_appended_once),
        cmocka_unit_test(partial_makes_progress_and_ends),
        cmocka_unit_test(acknowledged_events_are_forgotten),
        cmocka_unit_test(bad_input_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
