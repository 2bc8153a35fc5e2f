#include "link/frame.h"

#include "base/rng.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* Frames of random sizes, fed in random pieces, come out as they went in. */
static void survives_any_cut(void **state)
{
    enum { FRAMES = 200 };
    static uint8_t stream[FRAMES * (FRAME_HEAD + FRAME_MAX)];
    static size_t sizes[FRAMES];
    size_t total = 0;
    struct rng rng = {3};
    for (size_t i = 0; i < FRAMES; i++) {
        sizes[i] = i == 0 ? FRAME_MAX : 1 + rng_below(&rng, FRAME_MAX);
        frame_head(stream + total, sizes[i]);
        memset(stream + total + FRAME_HEAD, (int)(i & 255), sizes[i]);
        total += FRAME_HEAD + sizes[i];
    }
    struct frame_reader r = {0};
    size_t got = 0, at = 0;
    while (at < total) {
        size_t n = 1 + rng_below(&rng, rng_below(&rng, 2) ? 3 : 5000);
        n = n > total - at ? total - at : n;
        const uint8_t *p = stream + at, *out;
        size_t left = n, len;
        int err;
        while ((err = frame_read(&r, &p, &left, &out, &len)) == 1) {
            assert_int_equal(len, sizes[got]);
            for (size_t i = 0; i < len; i++)
                assert_int_equal(out[i], got & 255);
            got++;
        }
        assert_int_equal(err, 0);
        assert_int_equal(left, 0);
        at += n;
    }
    assert_int_equal(got, FRAMES);
}

static void refuses_bad_lengths(void **state)
{
    const uint8_t zero[] = {0, 0, 1}, large[] = {0x08, 0x01, 1};
    const uint8_t *p = zero, *out;
    size_t len = sizeof zero, out_len;
    struct frame_reader r = {0};
    assert_int_equal(frame_read(&r, &p, &len, &out, &out_len), ERR_SYNTAX);
    assert_int_equal(frame_read(&r, &p, &len, &out, &out_len), ERR_SYNTAX); /* for good */
    r = (struct frame_reader){0};
    p = large;
    len = sizeof large;
    assert_int_equal(frame_read(&r, &p, &len, &out, &out_len), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_any_cut),
        cmocka_unit_test(refuses_bad_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
