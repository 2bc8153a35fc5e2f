/* What is known of the lines that were fed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "view/feed.h"
#include "view/proof.h"

static void fed(struct proof *p, uint64_t first, uint64_t end)
{
    p->fed += end - first;
    for (; first < end; first++)
        proof_keep(p, &(struct feed_item){FEED_LINE, first, first + 1, row_new(4, 1), p->fed}, 24);
    proof_wrote(p, true);
}

static uint64_t taken(struct proof *p, size_t more, uint64_t *last)
{
    struct feed_item i;
    uint64_t n = 0;
    for (; proof_take(p, 80, &more, &i); n++) {
        *last = i.first;
        row_unref(i.row);
    }
    return n;
}

static void answers_prove(void **state)
{
    (void)state;
    struct proof p = {0};
    struct buf out;
    uint64_t last = 0;
    buf_init(&out, 1000);
    p.now_us = 5000000;
    fed(&p, 0, 10);
    assert_false(proof_whole(&p));
    proof_fence_put(&p, 80, 24, &out);
    assert_string_equal((buf_put_u8(&out, 0), (const char *)buf_data(&out)), "\033[9999C\033[6n");
    fed(&p, 10, 14);
    proof_answer(&p, 80, 25);
    assert_int_equal(p.sure, 10);
    assert_false(proof_whole(&p));
    /* Those not proven, and two rows of those that are. */
    assert_int_equal(taken(&p, 2, &last), 6);
    assert_int_equal(last, 8);
    assert_int_equal(taken(&p, 0, &last), 0);
    /* One from another size proves nothing. */
    fed(&p, 14, 15);
    proof_fence_put(&p, 80, 24, &out);
    proof_answer(&p, 80, 26);
    assert_int_equal(p.sure, 10);
    assert_false(p.flying);
    /* After the terminal was given back an older answer says nothing. */
    proof_fence_put(&p, 80, 24, &out);
    proof_reset(&p);
    assert_true(proof_whole(&p));
    fed(&p, 15, 16);
    proof_fence_put(&p, 80, 24, &out);
    proof_answer(&p, 80, 25);
    assert_false(proof_whole(&p));
    proof_answer(&p, 80, 25);
    assert_true(proof_whole(&p));
    proof_forget(&p);
    assert_int_equal(taken(&p, 99, &last), 0);
    proof_fini(&p);
    buf_fini(&out);
}

static void time_proves(void **state)
{
    (void)state;
    struct proof p = {0};
    struct buf out;
    buf_init(&out, 1000);
    p.now_us = 5000000;
    fed(&p, 0, 10);
    proof_tick(&p);
    assert_false(proof_whole(&p));
    p.now_us += PROOF_QUIET_US;
    proof_tick(&p);
    assert_true(proof_whole(&p));
    /* Not while an answer is worth waiting for. */
    fed(&p, 10, 12);
    proof_fence_put(&p, 80, 24, &out);
    p.now_us += PROOF_QUIET_US;
    proof_tick(&p);
    assert_true(proof_waits(&p) && !proof_whole(&p));
    p.now_us += PROOF_WAIT_US;
    proof_tick(&p);
    assert_true(!proof_waits(&p) && !proof_whole(&p)); /* it may be slow only */
    proof_answer(&p, 80, 25);
    assert_true(proof_whole(&p));
    proof_fini(&p);
    buf_fini(&out);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct proof p = {0};
    uint64_t last = 0;
    fed(&p, 0, 100000);
    assert_int_equal(taken(&p, SIZE_MAX, &last), PROOF_LINES_LEAST);
    assert_int_equal(last, 100000 - PROOF_LINES_LEAST);
    proof_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_prove),
        cmocka_unit_test(time_proves),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
