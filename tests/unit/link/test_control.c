#include "link/control.h"

#include "base/pb.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "protoc.h"

static void round_trip(void **state)
{
    struct control in = {CONTROL_REPLY, UINT64_MAX, UINT64_MAX - 1, 3, UINT32_MAX, 1001}, out;
    struct buf b;
    buf_init(&b, CONTROL_MAX);
    control_put(&b, &in);
    assert_int_equal(buf_err(&b), 0);
    assert_int_equal(control_get(buf_data(&b), buf_len(&b), &out), 0);
    assert_int_equal(out.kind, in.kind);
    assert_int_equal(out.token, in.token);
    assert_int_equal(out.challenge, in.challenge);
    assert_int_equal(out.answer, in.answer);
    assert_int_equal(out.hint, in.hint);
    assert_int_equal(out.loss, in.loss);
    /* Every truncation is malformed or a shorter message, never read past its end. */
    for (size_t n = 0; n < buf_len(&b); n++)
        assert_true(control_get(buf_data(&b), n, &out) <= 0);
    buf_fini(&b);
}

static void absent_fields_are_zero(void **state)
{
    const uint8_t bye[] = {0x08, 0x07};
    struct control out;
    assert_int_equal(control_get(bye, sizeof bye, &out), 0);
    assert_int_equal(out.kind, CONTROL_BYE);
    assert_int_equal(out.token | out.challenge | out.answer | out.hint | out.loss, 0);
}

static void skips_unknown_fields(void **state)
{
    struct control out;
    struct buf b;
    buf_init(&b, 200);
    pb_put_bytes(&b, 9, "of a later version", 18);
    pb_put_varint(&b, 1, CONTROL_PROBE);
    pb_put_bytes(&b, 1000, "x", 1);
    pb_put_varint(&b, 2, 77);
    assert_int_equal(control_get(buf_data(&b), buf_len(&b), &out), 0);
    assert_int_equal(out.kind, CONTROL_PROBE);
    assert_int_equal(out.token, 77);
    buf_fini(&b);
}

static void refuses_nonsense(void **state)
{
    struct control out;
    const uint8_t unknown_kind[] = {0x08, 0x63}, no_kind[] = {0x10, 1},
                  text_kind[] = {0x0a, 1, 'x'};
    assert_int_equal(control_get(unknown_kind, 2, &out), ERR_VERSION);
    assert_int_equal(control_get(no_kind, 2, &out), ERR_SYNTAX);
    assert_int_equal(control_get(text_kind, 3, &out), ERR_SYNTAX);
    assert_int_equal(control_get(NULL, 0, &out), ERR_SYNTAX);
}

static void is_what_the_proto_file_says(void **state)
{
    static const char want[] = "kind: SWITCH\ntoken: 18446744073709551615\nchallenge: 5\n"
                               "answer: 6\nhint: QUIET\nloss: 291\n";
    struct control in = {CONTROL_SWITCH, UINT64_MAX, 5, 6, CONTROL_QUIET, 291}, out;
    struct buf ours, text, theirs;
    buf_init(&ours, CONTROL_MAX);
    buf_init(&text, 1000);
    buf_init(&theirs, 1000);
    control_put(&ours, &in);
    protoc("decode", "Control", buf_data(&ours), buf_len(&ours), &text);
    assert_int_equal(buf_len(&text), sizeof want - 1);
    assert_memory_equal(buf_data(&text), want, sizeof want - 1);
    protoc("encode", "Control", want, sizeof want - 1, &theirs);
    assert_int_equal(control_get(buf_data(&theirs), buf_len(&theirs), &out), 0);
    assert_int_equal(out.kind, in.kind);
    assert_true(out.token == in.token && out.challenge == in.challenge && out.answer == in.answer);
    assert_true(out.hint == in.hint && out.loss == in.loss);
    buf_fini(&ours);
    buf_fini(&text);
    buf_fini(&theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(absent_fields_are_zero),
        cmocka_unit_test(skips_unknown_fields),
        cmocka_unit_test(refuses_nonsense),
        cmocka_unit_test(is_what_the_proto_file_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
