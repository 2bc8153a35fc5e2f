#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sync/codec.h"
#include "sync/sync.h"
#include "toy.h"

#include <stdlib.h>
#include <string.h>

static void vectors_deflate_the_same(void **state)
{
    char *text = vectors_load();
    const char *at = text;
    static struct vector v;
    struct codec c;
    struct buf plain, packed;
    codec_init(&c, false);
    buf_init(&plain, 1u << 20);
    buf_init(&packed, 1u << 20);
    size_t n = 0;
    for (; vector_next(&at, &v); n++) { /* one stream for all: resetting leaves no trace */
        assert_int_equal(codec_unpack(&c, v.zlib, v.zlib_len, &plain), 0);
        assert_int_equal(codec_pack(&c, buf_data(&plain), buf_len(&plain), &packed), 0);
        assert_int_equal(buf_len(&packed), v.zlib_len);
        assert_memory_equal(buf_data(&packed), v.zlib, v.zlib_len);
    }
    assert_int_equal(n, 14);
    assert_true(codec_memory(&c) > 0);
    codec_fini(&c);
    buf_fini(&plain);
    buf_fini(&packed);
    free(text);
}

static void round_trip_of_sizes(void **state)
{
    struct rng rng = {3};
    for (int null = 0; null < 2; null++) {
        struct codec c;
        struct buf packed, plain;
        codec_init(&c, null);
        buf_init(&packed, SYNC_INSTRUCTION_MAX + 65536);
        buf_init(&plain, SYNC_INSTRUCTION_MAX);
        for (size_t len = 0; len < 300000; len = len * 3 + 1) {
            uint8_t *in = malloc(len + 1);
            for (size_t i = 0; i < len; i++)
                in[i] = (uint8_t)(rng_u64(&rng) % 20);
            assert_int_equal(codec_pack(&c, in, len, &packed), 0);
            assert_int_equal(codec_unpack(&c, buf_data(&packed), buf_len(&packed), &plain), 0);
            assert_int_equal(buf_len(&plain), len);
            assert_memory_equal(buf_data(&plain), in, len);
            free(in);
        }
        codec_fini(&c);
        buf_fini(&packed);
        buf_fini(&plain);
    }
}

/* 5 MB of zeros deflate to 5 kB: the bomb stops at the cap, and the codec goes on. */
static void inflating_is_bounded(void **state)
{
    struct codec c;
    struct buf packed, plain;
    codec_init(&c, false);
    buf_init(&packed, 1u << 20);
    buf_init(&plain, SYNC_INSTRUCTION_MAX);
    size_t len = 5u << 20;
    uint8_t *in = calloc(len, 1);
    assert_int_equal(codec_pack(&c, in, len, &packed), 0);
    assert_int_equal(codec_unpack(&c, buf_data(&packed), buf_len(&packed), &plain), ERR_CAP);
    assert_true(plain.size <= 2 * SYNC_INSTRUCTION_MAX);
    assert_int_equal(codec_pack(&c, in, SYNC_INSTRUCTION_MAX - 1, &packed), 0);
    assert_int_equal(codec_unpack(&c, buf_data(&packed), buf_len(&packed), &plain), 0);
    assert_int_equal(buf_len(&plain), SYNC_INSTRUCTION_MAX - 1);
    free(in);
    codec_fini(&c);
    buf_fini(&packed);
    buf_fini(&plain);
}

static void garbage_and_tails(void **state)
{
    struct codec c;
    struct buf packed, plain;
    codec_init(&c, false);
    buf_init(&packed, 1u << 20);
    buf_init(&plain, 1u << 20);
    assert_int_equal(codec_unpack(&c, (const uint8_t *)"", 0, &plain), ERR_SYNTAX);
    assert_int_equal(codec_unpack(&c, (const uint8_t *)"garbage", 7, &plain), ERR_SYNTAX);
    const char *text = "some text, some text, some text";
    assert_int_equal(codec_pack(&c, (const uint8_t *)text, strlen(text), &packed), 0);
    for (size_t n = 0; n < buf_len(&packed); n++)
        assert_int_equal(codec_unpack(&c, buf_data(&packed), n, &plain), ERR_SYNTAX);
    buf_put_text(&packed, "what follows the stream is ignored");
    assert_int_equal(codec_unpack(&c, buf_data(&packed), buf_len(&packed), &plain), 0);
    assert_int_equal(buf_len(&plain), strlen(text));
    struct buf tiny;
    buf_init(&tiny, 10);
    assert_int_equal(codec_pack(&c, (const uint8_t *)text, strlen(text), &tiny), ERR_CAP);
    buf_fini(&tiny);
    codec_fini(&c);
    buf_fini(&packed);
    buf_fini(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_deflate_the_same),
        cmocka_unit_test(round_trip_of_sizes),
        cmocka_unit_test(inflating_is_bounded),
        cmocka_unit_test(garbage_and_tails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
