#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/pb.h"
#include "full_instruction.h"
#include "sync/codec.h"
#include "sync/instruction.h"
#include "toy.h"

#include <stdlib.h>
#include <string.h>

static void vectors_decode_and_encode_the_same(void **state)
{
    char *text = vectors_load();
    const char *at = text;
    static struct vector v;
    struct codec c;
    struct buf plain, again;
    codec_init(&c, false);
    buf_init(&plain, 1u << 20);
    buf_init(&again, 1u << 20);
    size_t n = 0;
    for (; vector_next(&at, &v); n++) {
        struct instruction ins;
        assert_int_equal(codec_unpack(&c, v.zlib, v.zlib_len, &plain), 0);
        assert_int_equal(instruction_get(&ins, buf_data(&plain), buf_len(&plain)), 0);
        assert_true(ins.has_version && ins.has_state);
        assert_int_equal(ins.version, 2);
        assert_true(ins.old_num == v.old_num && ins.new_num == v.new_num);
        assert_true(ins.ack_num == v.ack_num && ins.throwaway_num == v.throwaway_num);
        assert_int_equal(ins.chaff_len, v.chaff_len);
        assert_memory_equal(ins.chaff, v.chaff, v.chaff_len);
        assert_int_equal(ins.diff_len, v.diff_len);
        assert_memory_equal(ins.diff, v.diff, v.diff_len);
        assert_true(!ins.has_caps && !ins.facts.seq && !ins.data_n && !ins.ack_n);
        buf_clear(&again);
        instruction_put(&again, &ins);
        assert_int_equal(buf_len(&again), buf_len(&plain));
        assert_memory_equal(buf_data(&again), buf_data(&plain), buf_len(&plain));
    }
    assert_int_equal(n, 14);
    codec_fini(&c);
    buf_fini(&plain);
    buf_fini(&again);
    free(text);
}

static void extras_round_trip(void **state)
{
    struct instruction a = full_instruction(), b;
    struct buf out;
    buf_init(&out, 4096);
    instruction_put(&out, &a);
    assert_int_equal(buf_err(&out), 0);
    assert_int_equal(instruction_get(&b, buf_data(&out), buf_len(&out)), 0);
    assert_true(b.has_state && b.old_num == 5 && b.new_num == UINT64_MAX);
    assert_true(b.has_caps && b.caps == 7 && b.has_facts_ack && b.facts_ack == 3);
    assert_true(b.facts.seq == 9 && b.facts.consumed == 123456789 && b.facts.tty == 7);
    assert_int_equal(b.data_n, 2);
    assert_true(b.data[1].id == 1 && b.data[1].offset == 1ull << 40);
    assert_memory_equal(b.data[1].bytes, "line", 4);
    assert_int_equal(b.ack_n, 2);
    assert_true(b.ack[1].next == 60 && b.ack[1].limit == 2000 && b.ack[1].ranges == 2);
    assert_true(b.ack[1].range[1].start == 90 && b.ack[1].range[1].end == 95);
    /* Without a state: neither old, new, throwaway nor diff. */
    a.has_state = false;
    buf_clear(&out);
    instruction_put(&out, &a);
    assert_int_equal(instruction_get(&b, buf_data(&out), buf_len(&out)), 0);
    assert_true(!b.has_state && !b.old_num && !b.new_num && !b.diff && b.ack_num == 7);
    buf_fini(&out);
}

static void unknown_and_mistyped_fields_are_skipped(void **state)
{
    struct buf out;
    struct instruction ins;
    buf_init(&out, 8192);
    static const uint8_t group[] = {0x83, 0x08, 0x08, 0x01, 0x84, 0x08}; /* group 128 */
    static uint8_t big[900];
    pb_put_varint(&out, 50, 1);
    buf_put(&out, group, sizeof group);
    pb_put_bytes(&out, 200, big, sizeof big);
    pb_put_bytes(&out, 3, "text", 4); /* new_num as bytes */
    pb_put_varint(&out, 6, 3);        /* diff as a number */
    pb_put_varint(&out, 1, 2);
    pb_put_varint(&out, 101, 5); /* facts as a number */
    assert_int_equal(instruction_get(&ins, buf_data(&out), buf_len(&out)), 0);
    assert_true(ins.has_version && !ins.has_state && !ins.diff && !ins.facts.seq);
    buf_fini(&out);
}

static void malformed_is_an_error(void **state)
{
    struct instruction a = full_instruction(), b;
    struct buf out;
    buf_init(&out, 4096);
    instruction_put(&out, &a);
    /* Cut anywhere: an error, or a shorter but whole message; never more than was there. */
    for (size_t n = 0; n < buf_len(&out); n++) {
        int got = instruction_get(&b, buf_data(&out), n);
        assert_true(got <= 0);
        assert_true(b.data_n <= 2 && b.ack_n <= 2);
    }
    buf_clear(&out);
    pb_put_bytes(&out, FIELD_FACTS, "\x08", 1); /* a varint that ends */
    assert_int_equal(instruction_get(&b, buf_data(&out), buf_len(&out)), ERR_SHORT);
    buf_clear(&out);
    pb_put_bytes(&out, FIELD_LOG_ACK, "\x22\x01\x08", 3);
    assert_int_equal(instruction_get(&b, buf_data(&out), buf_len(&out)), ERR_SHORT);
    buf_fini(&out);
}

static void repeated_fields_are_bounded(void **state)
{
    struct buf out;
    struct instruction ins;
    buf_init(&out, 1u << 20);
    for (int i = 0; i < 1000; i++) {
        pb_put_bytes(&out, FIELD_LOG_DATA, "", 0);
        size_t mark = pb_begin(&out, FIELD_LOG_ACK);
        for (int k = 0; k < 100; k++)
            pb_put_bytes(&out, 4, "\x08\x01\x10\x02", 4);
        pb_end(&out, mark);
    }
    assert_int_equal(instruction_get(&ins, buf_data(&out), buf_len(&out)), 0);
    assert_int_equal(ins.data_n, INSTRUCTION_LOG_DATA);
    assert_int_equal(ins.ack_n, INSTRUCTION_LOG_ACKS);
    assert_int_equal(ins.ack[0].ranges, LOG_ACK_RANGES);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_decode_and_encode_the_same),
        cmocka_unit_test(extras_round_trip),
        cmocka_unit_test(unknown_and_mistyped_fields_are_skipped),
        cmocka_unit_test(malformed_is_an_error),
        cmocka_unit_test(repeated_fields_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
