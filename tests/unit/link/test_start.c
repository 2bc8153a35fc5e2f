#include "link/start.h"

#include "base/pb.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "protoc.h"

static void fill(struct start_record *s)
{
    start_init(s);
    strcpy(s->nonce, "nonce123");
    s->action = START_ATTACH;
    s->cols = 65535;
    s->rows = 24;
    s->colorterm = strdup("truecolor");
    start_list_add(&s->env, "LANG=C.UTF-8");
    start_list_add(&s->env, "EMPTY=");
    start_list_add(&s->argv, "sh");
    start_list_add(&s->argv, "");
    start_list_add(&s->argv, "a b\nc");
    s->caps = UINT64_MAX;
    strcpy(s->session, "main");
    s->detach_timeout_s = 864000;
    s->no_udp = true;
    s->port_low = 60001;
    s->port_high = 60999;
    s->bind = strdup("127.0.0.1");
    s->signal_status = true;
    s->width = 2;
    s->verbose = true;
    s->history_lines = UINT64_MAX;
    s->forwards = START_FORWARD_TCP | START_FORWARD_LISTEN;
}

static void round_trip(void **state)
{
    struct start_record in, out;
    struct buf b;
    size_t used;
    fill(&in);
    buf_init(&b, START_RECORD_MAX + START_HEAD);
    assert_int_equal(start_put(&b, &in), 0);
    size_t len = buf_len(&b);
    buf_put_text(&b, "next");
    for (size_t n = 0; n < len; n++)
        assert_int_equal(start_get(buf_data(&b), n, &out, &used), 0);
    assert_int_equal(start_get(buf_data(&b), buf_len(&b), &out, &used), 1);
    assert_int_equal(used, len);
    assert_int_equal(out.version, START_VERSION);
    assert_string_equal(out.nonce, "nonce123");
    assert_int_equal(out.action, START_ATTACH);
    assert_int_equal(out.cols, 65535);
    assert_int_equal(out.rows, 24);
    assert_string_equal(out.colorterm, "truecolor");
    assert_int_equal(out.env.count, 2);
    assert_string_equal(out.env.item[1], "EMPTY=");
    assert_int_equal(out.argv.count, 3);
    assert_string_equal(out.argv.item[1], "");
    assert_string_equal(out.argv.item[2], "a b\nc");
    assert_int_equal(out.caps, UINT64_MAX);
    assert_string_equal(out.session, "main");
    assert_int_equal(out.detach_timeout_s, 864000);
    assert_true(out.no_udp && out.signal_status && out.verbose);
    assert_int_equal(out.port_low, 60001);
    assert_int_equal(out.port_high, 60999);
    assert_string_equal(out.bind, "127.0.0.1");
    assert_int_equal(out.width, 2);
    assert_true(out.history_lines == UINT64_MAX);
    assert_int_equal(out.forwards, 5);
    start_fini(&in);
    start_fini(&out);
    buf_fini(&b);
}

static void is_what_the_proto_file_says(void **state)
{
    static const char want[] =
        "version: 1\nnonce: \"nonce123\"\ncols: 65535\nrows: 24\ncolorterm: \"truecolor\"\n"
        "env: \"LANG=C.UTF-8\"\nenv: \"EMPTY=\"\nargv: \"sh\"\nargv: \"\"\nargv: \"a b\\nc\"\n"
        "caps: 18446744073709551615\naction: ATTACH\nsession: \"main\"\n"
        "detach_timeout: 864000\nno_udp: true\nport_low: 60001\nport_high: 60999\n"
        "bind: \"127.0.0.1\"\nsignal_status: true\nwidth: 2\nverbose: true\n"
        "history_lines: 18446744073709551615\nforwards: 5\n";
    struct start_record in, out;
    struct buf ours, text, theirs;
    size_t used;
    fill(&in);
    buf_init(&ours, 10000);
    buf_init(&text, 10000);
    buf_init(&theirs, 10000);
    assert_int_equal(start_put(&ours, &in), 0);
    protoc("decode", "StartRecord", buf_data(&ours) + START_HEAD, buf_len(&ours) - START_HEAD,
           &text);
    assert_int_equal(buf_len(&text), sizeof want - 1);
    assert_memory_equal(buf_data(&text), want, sizeof want - 1);
    buf_put_u32(&theirs, (uint32_t)buf_len(&ours) - START_HEAD);
    protoc("encode", "StartRecord", want, sizeof want - 1, &theirs);
    assert_int_equal(start_get(buf_data(&theirs), buf_len(&theirs), &out, &used), 1);
    assert_string_equal(out.argv.item[2], "a b\nc");
    start_fini(&in);
    start_fini(&out);
    buf_fini(&ours);
    buf_fini(&text);
    buf_fini(&theirs);
}

/* A record of raw fields behind a head. */
static int get_raw(const struct buf *fields, struct start_record *out)
{
    struct buf b;
    size_t used;
    buf_init(&b, START_RECORD_MAX + START_HEAD);
    buf_put_u32(&b, (uint32_t)buf_len(fields));
    buf_put(&b, buf_data(fields), buf_len(fields));
    int err = start_get(buf_data(&b), buf_len(&b), out, &used);
    buf_fini(&b);
    return err;
}

static void begin(struct buf *b, uint64_t version)
{
    buf_clear(b);
    pb_put_varint(b, 1, version);
    pb_put_bytes(b, 2, "nonce123", 8);
}

static void refuses_nonsense(void **state)
{
    static const struct {
        uint32_t field;
        const char *bytes; /* NULL: the number */
        size_t len;
        uint64_t number;
        int err;
    } cases[] = {
        {3, NULL, 0, 65536, ERR_SYNTAX}, {11, NULL, 0, (uint64_t)1 << 32, ERR_SYNTAX},
        {2, "short", 5, 0, ERR_SYNTAX},  {2, "with-dash", 9, 0, ERR_SYNTAX},
        {5, "a\0b", 3, 0, ERR_SYNTAX},   {6, "NOVALUE", 7, 0, ERR_SYNTAX},
        {6, "=x", 2, 0, ERR_SYNTAX},     {7, "a\0b", 3, 0, ERR_SYNTAX},
        {10, "../x", 4, 0, ERR_SYNTAX},  {3, "text", 4, 0, ERR_SYNTAX},
        {7, NULL, 0, 5, ERR_SYNTAX},     {13, NULL, 0, 7, ERR_SYNTAX}, /* low above high */
        {1000, "future", 6, 0, 1},       {1001, NULL, 0, 9, 1},
        {19, NULL, 0, 1, ERR_SYNTAX}, /* shell without a text */
        {19, "yes", 3, 0, ERR_SYNTAX},
    };
    struct start_record out;
    struct buf b;
    buf_init(&b, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(&b, START_VERSION);
        if (cases[i].bytes)
            pb_put_bytes(&b, cases[i].field, cases[i].bytes, cases[i].len);
        else
            pb_put_varint(&b, cases[i].field, cases[i].number);
        assert_int_equal(get_raw(&b, &out), cases[i].err);
        if (cases[i].err == 1)
            start_fini(&out);
        assert_null(out.colorterm);
    }
    buf_clear(&b);
    pb_put_varint(&b, 1, START_VERSION);
    assert_int_equal(get_raw(&b, &out), ERR_SYNTAX); /* no nonce */
    buf_fini(&b);
}

static void another_version_is_told(void **state)
{
    struct start_record out;
    struct buf b;
    buf_init(&b, 1000);
    begin(&b, 9);
    pb_put_bytes(&b, 3, "cols have become text", 21);
    pb_put_bytes(&b, 5, "truecolor", 9);
    assert_int_equal(get_raw(&b, &out), ERR_VERSION);
    assert_int_equal(out.version, 9);
    assert_string_equal(out.nonce, "nonce123");
    assert_null(out.colorterm);
    buf_fini(&b);
}

static void one_text_for_the_shell(void **state)
{
    struct start_record out;
    struct buf b;
    buf_init(&b, 1000);
    begin(&b, START_VERSION);
    pb_put_bytes(&b, 7, "echo 'a  b'", 11);
    pb_put_varint(&b, 19, 1);
    assert_int_equal(get_raw(&b, &out), 1);
    assert_true(out.shell);
    assert_string_equal(out.argv.item[0], "echo 'a  b'");
    start_fini(&out);
    pb_put_bytes(&b, 7, "more", 4);
    assert_int_equal(get_raw(&b, &out), ERR_SYNTAX);
    buf_clear(&b);
    static const char want[] = "version: 1\nnonce: \"nonce123\"\nargv: \"a;b\"\nshell: true\n";
    struct start_record in;
    struct buf text;
    buf_init(&text, 1000);
    start_init(&in);
    strcpy(in.nonce, "nonce123");
    start_list_add(&in.argv, "a;b");
    in.shell = true;
    assert_int_equal(start_put(&b, &in), 0);
    protoc("decode", "StartRecord", buf_data(&b) + START_HEAD, buf_len(&b) - START_HEAD, &text);
    assert_int_equal(buf_len(&text), sizeof want - 1);
    assert_memory_equal(buf_data(&text), want, sizeof want - 1);
    start_fini(&in);
    buf_fini(&text);
    buf_fini(&b);
}

/* Found by the fuzzer: what was wrong while the version seemed another one must still be wrong. */
static void version_is_judged_at_the_end(void **state)
{
    struct start_record out;
    struct buf b;
    buf_init(&b, 1000);
    pb_put_varint(&b, 1, 9);
    pb_put_bytes(&b, 2, "no nonce", 8);
    pb_put_varint(&b, 1, START_VERSION);
    assert_int_equal(get_raw(&b, &out), ERR_SYNTAX);
    buf_fini(&b);
}

static void caps(void **state)
{
    struct start_record out;
    size_t used;
    const uint8_t large[] = {0x00, 0x10, 0x00, 0x01};
    assert_int_equal(start_get(large, sizeof large, &out, &used), ERR_CAP);
    struct buf b;
    buf_init(&b, START_RECORD_MAX);
    begin(&b, START_VERSION);
    for (int i = 0; i <= START_ENV_MAX; i++)
        pb_put_bytes(&b, 6, "A=b", 3);
    assert_int_equal(get_raw(&b, &out), ERR_CAP);
    begin(&b, START_VERSION);
    for (int i = 0; i <= START_ARGV_MAX; i++)
        pb_put_bytes(&b, 7, "w", 1);
    assert_int_equal(get_raw(&b, &out), ERR_CAP);
    buf_fini(&b);
    /* A record that is too large is not made. */
    struct start_record in;
    start_init(&in);
    strcpy(in.nonce, "nonce123");
    char *word = calloc(1, START_RECORD_MAX + 1);
    memset(word, 'x', START_RECORD_MAX);
    start_list_add(&in.argv, word);
    buf_init(&b, 2 * START_RECORD_MAX);
    buf_put_u8(&b, 1);
    assert_int_equal(start_put(&b, &in), ERR_CAP);
    assert_int_equal(buf_len(&b), 1);
    start_fini(&in);
    free(word);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(is_what_the_proto_file_says),
        cmocka_unit_test(refuses_nonsense),
        cmocka_unit_test(another_version_is_told),
        cmocka_unit_test(one_text_for_the_shell),
        cmocka_unit_test(version_is_judged_at_the_end),
        cmocka_unit_test(caps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
