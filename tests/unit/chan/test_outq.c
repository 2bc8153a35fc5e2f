#include "chan/outq.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static uint8_t byte_at(uint64_t i)
{
    return (uint8_t)(i * 131 + (i >> 8));
}

/* By copy, or in the queue's own space: as much of it as there is, in steps. */
static void put_some(struct rng *rng, struct outq *q, const uint8_t *bytes, size_t n)
{
    if (rng_below(rng, 2)) {
        outq_put(q, bytes, n);
        return;
    }
    while (n) {
        size_t room, min = rng_below(rng, OUTQ_SPACE) + 1;
        uint8_t *to = outq_space(q, min, &room);
        assert_true(room >= min);
        if (!rng_below(rng, 4)) /* nothing came after all */
            continue;
        size_t some = n < room ? n : room;
        memcpy(to, bytes, some);
        assert_ptr_equal(outq_space(q, min, &room), to);
        outq_commit(q, some);
        bytes += some;
        n -= some;
    }
}

/* Everything comes out once and in order, and stays where it is until acknowledged. */
static void test_random(void **state)
{
    struct rng rng = {7};
    struct outq q = {0};
    uint64_t put = 0, taken = 0, acked = 0;
    static uint8_t bytes[70000];
    const uint8_t *first = NULL; /* where the oldest unacknowledged byte lies, and its number */
    uint64_t first_at = 0;
    for (int i = 0; i < 4000; i++) {
        struct stream_vec v[STREAM_VECS];
        bool all;
        size_t n = rng_below(&rng, rng_below(&rng, 3) ? 50 : sizeof bytes), total = 0;
        if (put - acked < 2000000) {
            for (size_t k = 0; k < n; k++)
                bytes[k] = byte_at(put + k);
            put_some(&rng, &q, bytes, n);
            put += n;
        }
        size_t pieces = outq_pull(&q, v, &all);
        for (size_t p = 0; p < pieces; p++)
            for (size_t k = 0; k < v[p].len; k++)
                assert_int_equal(v[p].p[k], byte_at(taken + total++));
        assert_true(total == put - taken || !all);
        /* the last piece is what makes it enough */
        assert_true(!pieces || total - v[pieces - 1].len < OUTQ_PULL);
        assert_true(all || total >= OUTQ_PULL || pieces == STREAM_VECS);
        if (pieces && taken == acked) {
            first = v[0].p;
            first_at = taken;
        }
        n = rng_below(&rng, total + 1);
        outq_taken(&q, n);
        taken += n;
        if (first && first_at == acked && taken > acked)
            assert_int_equal(*first, byte_at(first_at));
        n = rng_below(&rng, taken - acked + 1);
        outq_acked(&q, n);
        acked += n;
        assert_int_equal(q.unsent, put - taken);
        assert_int_equal(q.unacked, put - acked);
        assert_int_equal(q.acked, acked);
    }
    outq_taken(&q, q.unsent);
    outq_acked(&q, q.unacked);
    assert_int_equal(outq_memory(&q), 0); /* an idle channel holds nothing */
    outq_put(&q, "x", 1);
    outq_fini(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
