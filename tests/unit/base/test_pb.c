#include "base/pb.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* Runs protoc --encode or --decode over in; its output goes to out. False if protoc refuses. */
static bool protoc(const char *mode, const void *in, size_t len, struct buf *out)
{
    char path[] = "/tmp/tern-pb-XXXXXX", command[600];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, in, len), len);
    close(fd);
    snprintf(command, sizeof command,
             "protoc --%s=sample.Sample -I '%s/tests/unit/base' sample.proto <%s 2>/dev/null", mode,
             getenv("TERN_SOURCE"), path);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    size_t n;
    uint8_t chunk[4096];
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_put(out, chunk, n);
    assert_int_equal(buf_err(out), 0);
    unlink(path);
    return pclose(f) == 0;
}

static void next(struct reader *r, struct pb_field *f, uint32_t number, enum pb_type type)
{
    assert_int_equal(pb_next(r, f), 1);
    assert_int_equal(f->number, number);
    assert_int_equal(f->type, type);
}

static void test_reads_what_protoc_writes(void **state)
{
    static const char text[] = "big: 18446744073709551615\n"
                               "negative: -5\n"
                               "raw: \"a\\000b\"\n"
                               "inner { big: 300 inner { raw: \"\" } }\n"
                               "f32: 3735928559\n"
                               "f64: 81985529216486895\n"
                               "Pair { a: 1 Deep { b: \"xyz\" } }\n"
                               "many: 0\nmany: 4294967295\n";
    struct buf b;
    struct pb_field f;
    buf_init(&b, 10000);
    assert_true(protoc("encode", text, sizeof text - 1, &b));
    assert_true(pb_valid(buf_data(&b), buf_len(&b)));
    struct reader r = reader_of(buf_data(&b), buf_len(&b));
    next(&r, &f, 1, PB_VARINT);
    assert_true(f.value == UINT64_MAX);
    next(&r, &f, 2, PB_VARINT);
    assert_int_equal(pb_int32(f.value), -5);
    next(&r, &f, 3, PB_BYTES);
    assert_int_equal(f.len, 3);
    assert_memory_equal(f.bytes, "a\0b", 3);
    next(&r, &f, 4, PB_BYTES);
    struct reader in = reader_of(f.bytes, f.len);
    next(&in, &f, 1, PB_VARINT);
    assert_true(f.value == 300);
    next(&in, &f, 4, PB_BYTES);
    struct reader innermost = reader_of(f.bytes, f.len);
    next(&innermost, &f, 3, PB_BYTES);
    assert_int_equal(f.len, 0);
    assert_int_equal(pb_next(&in, &f), 0);
    next(&r, &f, 5, PB_FIXED32);
    assert_true(f.value == 3735928559u);
    next(&r, &f, 6, PB_FIXED64);
    assert_true(f.value == 81985529216486895u);
    next(&r, &f, 7, PB_GROUP);
    next(&r, &f, 536870911, PB_VARINT);
    assert_true(f.value == 0);
    next(&r, &f, 536870911, PB_VARINT);
    assert_true(f.value == UINT32_MAX);
    assert_int_equal(pb_next(&r, &f), 0);
    assert_int_equal(pb_next(&r, &f), 0); /* and stays at the end */
    buf_fini(&b);
}

static void test_protoc_reads_what_we_write(void **state)
{
    struct buf b, text;
    uint8_t raw[300];
    memset(raw, 'r', sizeof raw);
    buf_init(&b, 10000);
    buf_init(&text, 10000);
    pb_put_varint(&b, 1, UINT64_MAX);
    pb_put_varint(&b, 2, (uint64_t)(int64_t)-5);
    size_t outer = pb_begin(&b, 4);
    pb_put_varint(&b, 1, 127);
    size_t inner = pb_begin(&b, 4);
    pb_put_bytes(&b, 3, raw, sizeof raw); /* a length of two bytes, in two levels */
    pb_end(&b, inner);
    pb_put_varint(&b, 1, 128);
    pb_end(&b, outer);
    pb_end(&b, pb_begin(&b, 4)); /* an empty message merges with the one before */
    pb_put_varint(&b, 536870911, 0);
    assert_int_equal(buf_err(&b), 0);
    assert_true(protoc("decode", buf_data(&b), buf_len(&b), &text));
    char want[1000];
    snprintf(want, sizeof want,
             "big: 18446744073709551615\nnegative: -5\ninner {\n  big: 128\n  inner {\n    raw: "
             "\"%.300s\"\n  }\n}\nmany: 0\n",
             (const char *)raw);
    buf_put_u8(&text, 0);
    assert_string_equal(buf_data(&text), want);
    buf_fini(&b);
    buf_fini(&text);
}

/* Cutting a message anywhere must give an error or a clean end at a field's edge, never a read
 * behind the end (each cut is its own allocation, for ASan). */
static void test_cut_anywhere(void **state)
{
    struct buf b;
    buf_init(&b, 1000);
    pb_put_varint(&b, 1, 1u << 30);
    pb_put_bytes(&b, 3, "hello", 5);
    buf_put(&b, "\x3b\x08\x01\x13\xfa\xff\xff\xff\x0f\x02zz\x14\x3c", 14); /* a group in a group */
    buf_put(&b, "\x2d\x01\x02\x03\x04\x31\x01\x02\x03\x04\x05\x06\x07\x08", 14);
    assert_true(pb_valid(buf_data(&b), buf_len(&b)));
    int clean = 0;
    for (size_t cut = 0; cut <= buf_len(&b); cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);
        memcpy(copy, buf_data(&b), cut);
        clean += pb_valid(copy, cut);
        free(copy);
    }
    assert_int_equal(clean, 6); /* before, between and behind five fields */
    buf_fini(&b);
}

static bool valid(const char *bytes, size_t len)
{
    return pb_valid(bytes, len);
}
#define VALID(s) valid(s, sizeof s - 1)

static void test_malformed(void **state)
{
    assert_false(VALID("\x00\x01")); /* field number 0 */
    assert_false(VALID("\x0e\x01")); /* wire type 6 */
    assert_false(VALID("\x0f\x01")); /* wire type 7 */
    assert_false(VALID("\x0c"));     /* a group's end alone */
    assert_false(VALID("\x0b\x14")); /* another group's end */
    assert_false(VALID("\x0b"));     /* no end */
    assert_false(VALID("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")); /* 11 bytes */
    assert_true(VALID("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));      /* 10 bytes */
    assert_true(VALID("\x08\x81\x80\x80\x00"));                              /* padded */
    assert_false(VALID("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));     /* length 2^64-1 */
    assert_false(VALID("\x80\x80\x80\x80\x80\x01\x00"));                     /* tag over 32 bits */
}

static void test_group_depth_is_bounded(void **state)
{
    uint8_t deep[2 * PB_GROUP_DEPTH + 2];
    for (int levels = 1; levels <= PB_GROUP_DEPTH + 1; levels++) {
        memset(deep, 0x0b, (size_t)levels);
        memset(deep + levels, 0x0c, (size_t)levels);
        assert_int_equal(pb_valid(deep, 2 * (size_t)levels), levels <= PB_GROUP_DEPTH);
    }
}

static void test_varints_of_every_length(void **state)
{
    for (int bits = 0; bits <= 64; bits++) {
        uint64_t v = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;
        for (int more = 0; more < 2; more++, v++) {
            struct buf b;
            struct pb_field f;
            buf_init(&b, 20);
            pb_put_varint(&b, 1, v);
            assert_int_equal(buf_len(&b), 1 + pb_varint_len(v));
            struct reader r = reader_of(buf_data(&b), buf_len(&b));
            next(&r, &f, 1, PB_VARINT);
            assert_true(f.value == v);
            buf_fini(&b);
        }
    }
    assert_int_equal(pb_varint_len(0), 1);
    assert_int_equal(pb_varint_len(127), 1);
    assert_int_equal(pb_varint_len(128), 2);
    assert_int_equal(pb_varint_len(UINT64_MAX), 10);
}

static void test_int32_is_cut(void **state)
{
    assert_int_equal(pb_int32(UINT64_MAX), -1);
    assert_int_equal(pb_int32(0x180000000u), INT32_MIN);
    assert_int_equal(pb_int32(0x100000007u), 7);
}

static void test_a_full_buffer_is_an_error_and_no_more(void **state)
{
    for (size_t cap = 0; cap < 24; cap++) {
        struct buf b;
        buf_init(&b, cap);
        size_t mark = pb_begin(&b, 4);
        pb_put_bytes(&b, 3, "0123456789012345", 16);
        pb_end(&b, mark);
        assert_int_equal(buf_err(&b), cap < 20 ? ERR_CAP : 0);
        assert_true(buf_len(&b) <= cap);
        buf_fini(&b);
    }
}

/* What python's protobuf says of random bytes; it is stricter about nothing that we accept but
 * UTF-8, which bytes fields do not check. */
static void test_random_bytes_beside_protoc(void **state)
{
    static const uint8_t common[] = {0x08, 0x0a, 0x22, 0x2d, 0x31, 0x3b, 0x3c, 0x13,
                                     0x14, 0x00, 0x01, 0x80, 0x98, 0x01, 0x02, 0x05};
    struct rng r = {11};
    struct buf all;
    buf_init(&all, 1 << 20);
    enum { COUNT = 3000 };
    bool ours[COUNT];
    for (int i = 0; i < COUNT; i++) {
        uint8_t m[24];
        size_t len = rng_below(&r, sizeof m);
        for (size_t k = 0; k < len; k++)
            m[k] = rng_below(&r, 8) ? common[rng_below(&r, sizeof common)] : (uint8_t)rng_u64(&r);
        ours[i] = pb_valid(m, len);
        buf_put_u8(&all, (uint8_t)len);
        buf_put(&all, m, len);
    }
    char path[] = "/tmp/tern-pb-XXXXXX", command[1200];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, buf_data(&all), buf_len(&all)), buf_len(&all));
    close(fd);
    snprintf(command, sizeof command, "'%s' '%s/tests/unit/base/pb_judge.py' <%s",
             getenv("TERN_PYTHON"), getenv("TERN_SOURCE"), path);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    int good = 0;
    for (int i = 0; i < COUNT; i++) {
        int c = fgetc(f);
        assert_true(c == '0' || c == '1');
        if (ours[i] != (c == '1'))
            fail_msg("message %d: we say %d", i, ours[i]);
        good += ours[i];
    }
    assert_int_equal(pclose(f), 0);
    unlink(path);
    assert_in_range(good, COUNT / 50, COUNT - COUNT / 50); /* both answers came up */
    buf_fini(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_protoc_writes),
        cmocka_unit_test(test_protoc_reads_what_we_write),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_group_depth_is_bounded),
        cmocka_unit_test(test_varints_of_every_length),
        cmocka_unit_test(test_int32_is_cut),
        cmocka_unit_test(test_a_full_buffer_is_an_error_and_no_more),
        cmocka_unit_test(test_random_bytes_beside_protoc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
