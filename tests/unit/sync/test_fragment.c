#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "sync/fragment.h"
#include "toy.h"

#include <stdlib.h>
#include <string.h>

static struct fragment piece(uint64_t id, uint16_t number, bool final, const char *text)
{
    return (struct fragment){id, number, final, (const uint8_t *)text, strlen(text)};
}

static int add(struct assembly *a, struct fragment f, const char *want)
{
    const uint8_t *out;
    size_t len;
    int got = assembly_add(a, &f, &out, &len);
    if (got == 1 && want) {
        assert_int_equal(len, strlen(want));
        assert_memory_equal(out, want, len);
    }
    return got;
}

static void header_is_id_final_number(void **state)
{
    struct buf b;
    buf_init(&b, 100);
    struct fragment f = piece(0x0102030405060708, 0x1234, true, "xy");
    fragment_put(&b, &f);
    const uint8_t want[] = {1, 2, 3, 4, 5, 6, 7, 8, 0x92, 0x34, 'x', 'y'};
    assert_int_equal(buf_len(&b), sizeof want);
    assert_memory_equal(buf_data(&b), want, sizeof want);
    struct fragment g;
    assert_int_equal(fragment_get(buf_data(&b), buf_len(&b), &g), 0);
    assert_true(g.id == f.id && g.number == 0x1234 && g.final && g.len == 2);
    for (size_t n = 0; n < FRAGMENT_HEADER; n++)
        assert_int_equal(fragment_get(want, n, &g), ERR_SHORT);
    buf_fini(&b);
}

/* Every size of instruction over every small MTU comes together again, in any order, with copies.
 */
static void cut_and_assembled(void **state)
{
    struct rng rng = {1};
    for (size_t len = 0; len < 70; len++) {
        for (size_t mtu = FRAGMENT_HEADER + 1; mtu < 40; mtu += 3) {
            uint8_t bytes[70];
            for (size_t i = 0; i < len; i++)
                bytes[i] = (uint8_t)rng_u64(&rng);
            struct cutter c;
            struct assembly a;
            cutter_init(&c, 1000);
            assembly_init(&a);
            buf_put(&c.bytes, bytes, len);
            assert_int_equal(cutter_begin(&c, 7, mtu), 0);
            struct buf frag[70];
            size_t n = 0;
            do {
                buf_init(&frag[n], 100);
            } while (cutter_next(&c, &frag[n++]));
            n--; /* the last call gave nothing */
            assert_true(n >= 1);
            for (size_t i = n - 1; i; i--) { /* shuffle */
                size_t j = (size_t)rng_below(&rng, i + 1);
                struct buf t = frag[i];
                frag[i] = frag[j];
                frag[j] = t;
            }
            int got = 0;
            for (size_t i = 0; i < n; i++) {
                assert_true(buf_len(&frag[i]) <= mtu);
                struct fragment f;
                const uint8_t *out;
                size_t out_len;
                assert_int_equal(fragment_get(buf_data(&frag[i]), buf_len(&frag[i]), &f), 0);
                got = assembly_add(&a, &f, &out, &out_len);
                assert_int_equal(got, i + 1 == n);
                if (got) {
                    assert_int_equal(out_len, len);
                    assert_memory_equal(out, bytes, len);
                }
                got = assembly_add(&a, &f, &out, &out_len); /* a copy does nothing */
                assert_int_equal(got, i + 1 == n ? ERR_REPLAY : 0);
            }
            for (size_t i = 0; i <= n; i++)
                buf_fini(&frag[i]);
            cutter_fini(&c);
            assembly_fini(&a);
        }
    }
}

static void two_instructions_interleaved(void **state)
{
    struct assembly a;
    assembly_init(&a);
    assert_int_equal(add(&a, piece(1, 0, false, "a"), NULL), 0);
    assert_int_equal(add(&a, piece(2, 0, false, "c"), NULL), 0);
    assert_int_equal(add(&a, piece(3, 0, true, "single"), "single"), 1);
    assert_int_equal(add(&a, piece(2, 1, true, "d"), "cd"), 1);
    assert_int_equal(add(&a, piece(1, 1, true, "b"), "ab"), 1);
    assembly_fini(&a);
}

/* mosh-protocol.md §12: both of these abort a stock peer; here the fragment alone is dropped. */
static void conflicts_are_dropped_alone(void **state)
{
    struct assembly a;
    assembly_init(&a);
    assert_int_equal(add(&a, piece(1, 1, false, "b"), NULL), 0);
    assert_int_equal(add(&a, piece(1, 1, false, "X"), NULL), ERR_STATE);
    assert_int_equal(add(&a, piece(1, 1, true, "b"), NULL), ERR_STATE);
    assert_int_equal(add(&a, piece(1, 0, true, "a"), NULL), ERR_STATE);
    assert_int_equal(add(&a, piece(1, 2, true, "c"), NULL), 0);
    assert_int_equal(add(&a, piece(1, 3, false, "d"), NULL), ERR_STATE);
    assert_int_equal(add(&a, piece(1, 4, true, "d"), NULL), ERR_STATE);
    assert_int_equal(add(&a, piece(1, 0, false, "a"), "abc"), 1);
    assert_int_equal(add(&a, piece(1, 0, false, "a"), NULL), ERR_REPLAY);
    assembly_fini(&a);
}

static void memory_is_bounded(void **state)
{
    struct assembly a;
    assembly_init(&a);
    char *big = malloc(2001);
    memset(big, 'x', 2000);
    big[2000] = 0;
    /* A peer that begins and never ends. */
    for (uint64_t id = 1; id < 200; id++)
        for (uint16_t n = 0; n < 100; n++)
            add(&a, piece(id, n, false, big), NULL);
    assert_true(a.bytes <= ASSEMBLY_SLOTS * 100 * 2000);
    /* One endless instruction. */
    int got = 0;
    for (uint16_t n = 0; n < FRAGMENT_NUMBER_MAX && !got; n++)
        got = add(&a, piece(1000, n, false, big), NULL);
    assert_int_equal(got, ERR_CAP);
    assert_true(a.bytes <= ASSEMBLY_BYTES_MAX);
    /* The highest number there is. */
    assert_int_equal(add(&a, piece(1001, FRAGMENT_NUMBER_MAX, true, "z"), NULL), 0);
    assert_true(assembly_memory(&a) < ASSEMBLY_BYTES_MAX + (2u << 20));
    /* And goes on working. */
    assert_int_equal(add(&a, piece(1002, 0, false, "a"), NULL), 0);
    assert_int_equal(add(&a, piece(1002, 1, true, "b"), "ab"), 1);
    free(big);
    assembly_fini(&a);
    assert_int_equal(a.bytes, 0);
}

static void too_many_fragments_are_refused(void **state)
{
    struct cutter c;
    cutter_init(&c, 1u << 20);
    uint8_t *p = buf_reserve(&c.bytes, 40000);
    memset(p, 0, 40000);
    buf_commit(&c.bytes, 40000);
    assert_int_equal(cutter_begin(&c, 1, FRAGMENT_HEADER + 1), ERR_CAP);
    assert_false(cutter_pending(&c));
    assert_int_equal(cutter_begin(&c, 1, FRAGMENT_HEADER + 2), 0);
    assert_int_equal(c.count, 20000);
    cutter_fini(&c);
}

static void vectors_cut_the_same(void **state)
{
    char *text = vectors_load();
    const char *at = text;
    static struct vector v;
    size_t n = 0;
    for (; vector_next(&at, &v); n++) {
        struct cutter c;
        struct assembly a;
        struct buf out;
        const uint8_t *whole = NULL;
        size_t whole_len = 0;
        cutter_init(&c, 1u << 16);
        assembly_init(&a);
        buf_init(&out, 4096);
        buf_put(&c.bytes, v.zlib, v.zlib_len);
        size_t mtu = v.packets > 1 ? v.packet[0].len : 1224;
        assert_int_equal(cutter_begin(&c, v.packet[0].id, mtu), 0);
        for (size_t i = 0; i < v.packets; i++) {
            assert_int_equal(cutter_next(&c, &out), 1);
            assert_int_equal(buf_len(&out), v.packet[i].len);
            assert_memory_equal(buf_data(&out), v.packet[i].payload, v.packet[i].len);
            struct fragment f;
            assert_int_equal(fragment_get(v.packet[i].payload, v.packet[i].len, &f), 0);
            assert_true(f.id == v.packet[i].id && f.number == v.packet[i].number);
            assert_int_equal(f.final, v.packet[i].final);
            assert_int_equal(assembly_add(&a, &f, &whole, &whole_len), i + 1 == v.packets);
        }
        assert_int_equal(cutter_next(&c, &out), 0);
        assert_int_equal(whole_len, v.zlib_len);
        assert_memory_equal(whole, v.zlib, v.zlib_len);
        buf_fini(&out);
        cutter_fini(&c);
        assembly_fini(&a);
    }
    assert_int_equal(n, 14);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_id_final_number),
        cmocka_unit_test(cut_and_assembled),
        cmocka_unit_test(two_instructions_interleaved),
        cmocka_unit_test(conflicts_are_dropped_alone),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(too_many_fragments_are_refused),
        cmocka_unit_test(vectors_cut_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
