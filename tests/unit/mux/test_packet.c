#include "mux/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void same(struct mux_text got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.p, want, got.len);
}

static struct mux_request read_request(const struct buf *b)
{
    struct mux_request r;
    assert_int_equal(wire_get_u32(buf_data(b)), buf_len(b) - 4);
    assert_int_equal(mux_request_get(buf_data(b) + 4, buf_len(b) - 4, &r), 0);
    /* Every shorter one is cut off, or has fewer strings at its end. */
    for (size_t n = 0; n < buf_len(b) - 4; n++) {
        struct mux_request cut;
        if (!mux_request_get(buf_data(b) + 4, n, &cut))
            assert_true(cut.type == MUX_HELLO || cut.type == MUX_NEW_SESSION);
    }
    return r;
}

static void test_session(void **state)
{
    struct buf b, env;
    struct mux_text pair;
    size_t count = 0;
    buf_init(&b, 10000);
    buf_init(&env, 1000);
    mux_env_put(&env, "LANG=C");
    mux_env_put(&env, "nothing");
    mux_env_put(&env, "=empty");
    mux_env_put(&env, "A=");
    mux_request_put(
        &b, &(struct mux_request){.type = MUX_NEW_SESSION,
                                  .id = 7,
                                  .session = {.tty = true,
                                              .agent = true,
                                              .escape = '~',
                                              .term = mux_text("xterm"),
                                              .command = mux_text("echo x"),
                                              .env = reader_of(buf_data(&env), buf_len(&env))}});
    struct mux_request r = read_request(&b);
    assert_int_equal(r.type, MUX_NEW_SESSION);
    assert_int_equal(r.id, 7);
    assert_true(r.session.tty && r.session.agent && !r.session.x11 && !r.session.subsystem);
    assert_int_equal(r.session.escape, '~');
    same(r.session.term, "xterm");
    same(r.session.command, "echo x");
    assert_true(mux_env_next(&r.session.env, &count, &pair));
    same(pair, "LANG=C");
    assert_true(mux_env_next(&r.session.env, &count, &pair));
    same(pair, "A=");
    assert_false(mux_env_next(&r.session.env, &count, &pair));
    buf_fini(&env);
    buf_fini(&b);
}

static void test_environment_is_capped(void **state)
{
    struct buf env;
    struct mux_text pair;
    size_t count = 0, n = 0;
    buf_init(&env, 1u << 20);
    for (size_t i = 0; i < MUX_ENV_MAX + 10; i++)
        mux_env_put(&env, "A=1");
    struct reader r = reader_of(buf_data(&env), buf_len(&env));
    while (mux_env_next(&r, &count, &pair))
        n++;
    assert_int_equal(n, MUX_ENV_MAX);
    buf_fini(&env);
}

/* As a stock client sends it (openssh-mux.md §1.2), byte by byte. */
static void test_stock_bytes(void **state)
{
    static const uint8_t stock[] = "\x10\0\0\2\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                   "\0\0\0\x7e\0\0\0\5xterm\0\0\0\2id\0\0\0\6LANG=C";
    static const uint8_t hello[] = "\0\0\0\1\0\0\0\4\0\0\0\4info\0\0\0\1"
                                   "0\0\0\0\3new\0\0\0\0";
    struct mux_request r;
    assert_int_equal(mux_request_get(stock, sizeof stock - 1, &r), 0);
    assert_int_equal(r.id, 1);
    assert_int_equal(r.session.escape, 0x7e);
    same(r.session.command, "id");
    assert_int_equal(mux_request_get(hello, sizeof hello - 1, &r), 0);
    assert_int_equal(r.version, 4);
    assert_true(r.info && !r.tern);
    assert_int_equal(mux_request_get(hello, sizeof hello - 2, &r), ERR_SHORT);
    assert_int_equal(mux_request_get(hello, 3, &r), ERR_SHORT);
    assert_int_equal(mux_request_get(hello, MUX_PACKET_MAX + 1, &r), ERR_CAP);
    assert_int_equal(mux_request_get((const uint8_t *)"\1\2\3\4\0\0\0\x9", 8, &r), 0);
    assert_int_equal(r.type, 0x01020304);
    assert_int_equal(r.id, 9);
}

static void test_forward_and_others(void **state)
{
    struct buf b;
    buf_init(&b, 10000);
    mux_request_put(&b, &(struct mux_request){.type = MUX_OPEN_FORWARD,
                                              .id = 3,
                                              .forward = {.kind = MUX_LOCAL,
                                                          .listen = {mux_text("::1"), 8080},
                                                          .connect = {mux_text("/p"), MUX_UNIX}}});
    struct mux_request r = read_request(&b);
    assert_int_equal(r.forward.kind, MUX_LOCAL);
    same(r.forward.listen.host, "::1");
    assert_int_equal(r.forward.listen.port, 8080);
    same(r.forward.connect.host, "/p");
    assert_int_equal(r.forward.connect.port, MUX_UNIX);
    buf_clear(&b);
    mux_request_put(
        &b, &(struct mux_request){.type = MUX_NEW_STDIO, .id = 4, .to = {mux_text("h"), 22}});
    r = read_request(&b);
    same(r.to.host, "h");
    assert_int_equal(r.to.port, 22);
    buf_clear(&b);
    mux_request_put(&b,
                    &(struct mux_request){.type = MUX_INFO, .id = 5, .what = mux_text("channels")});
    r = read_request(&b);
    assert_true(mux_text_is(r.what, "channels"));
    assert_int_equal(mux_descriptors(MUX_NEW_SESSION), 3);
    assert_int_equal(mux_descriptors(MUX_NEW_STDIO), 2);
    assert_int_equal(mux_descriptors(MUX_PROXY), 0);
    buf_fini(&b);
}

static void test_replies(void **state)
{
    const struct mux_reply all[] = {
        {.type = MUX_HELLO, .value = MUX_VERSION, .info = true, .tern = true},
        {.type = MUX_OK, .id = 1},
        {.type = MUX_DENIED, .id = 2, .text = mux_text("no")},
        {.type = MUX_FAILURE, .id = 3, .text = mux_text("why")},
        {.type = MUX_EXIT, .session = 4, .value = 255},
        {.type = MUX_ALIVE, .id = 5, .value = 4711},
        {.type = MUX_OPENED, .id = 6, .session = 1},
        {.type = MUX_REMOTE_PORT, .id = 7, .value = 40000},
        {.type = MUX_TTY_FAILED, .session = 9},
        {.type = MUX_INFO_TEXT, .id = 8, .value = 1, .text = mux_text("a\nb\n")},
    };
    struct buf b;
    buf_init(&b, 10000);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct mux_reply r;
        buf_clear(&b);
        mux_reply_put(&b, &all[i]);
        assert_int_equal(wire_get_u32(buf_data(&b)), buf_len(&b) - 4);
        assert_int_equal(mux_reply_get(buf_data(&b) + 4, buf_len(&b) - 4, &r), 0);
        assert_int_equal(r.type, all[i].type);
        assert_int_equal(r.id, all[i].id);
        assert_int_equal(r.session, all[i].session);
        assert_int_equal(r.value, all[i].value);
        assert_int_equal(r.info, all[i].info);
        assert_int_equal(r.tern, all[i].tern);
        assert_int_equal(r.text.len, all[i].text.len);
        if (r.text.len)
            assert_memory_equal(r.text.p, all[i].text.p, r.text.len);
        if (r.type != MUX_HELLO)
            assert_int_equal(mux_reply_get(buf_data(&b) + 4, buf_len(&b) - 5, &r), ERR_SHORT);
    }
    struct mux_reply r;
    assert_int_equal(mux_reply_get((const uint8_t *)"\x80\0\0\x0f\0\0\0\0", 8, &r), ERR_VERSION);
    buf_fini(&b);
}

static void test_forward_check(void **state)
{
    const struct {
        struct mux_forward f;
        enum mux_forward_check want;
    } all[] = {
        {{MUX_LOCAL, {mux_text(""), 8080}, {mux_text("h"), 80}}, MUX_FORWARD_GOOD},
        {{MUX_LOCAL, {mux_text("/a"), MUX_UNIX}, {mux_text("/b"), MUX_UNIX}}, MUX_FORWARD_GOOD},
        {{MUX_REMOTE, {mux_text(""), 0}, {mux_text("h"), 80}}, MUX_FORWARD_GOOD},
        {{MUX_REMOTE, {mux_text(""), 1080}, {mux_text("socks"), 0}}, MUX_FORWARD_GOOD},
        {{MUX_DYNAMIC, {mux_text(""), 1080}, {mux_text("socks"), 0}}, MUX_FORWARD_GOOD},
        {{MUX_DYNAMIC, {mux_text("/a"), MUX_UNIX}, {mux_text(""), 0}}, MUX_FORWARD_INVALID},
        {{MUX_LOCAL, {mux_text(""), 8080}, {mux_text("h"), 0}}, MUX_FORWARD_INVALID},
        {{MUX_LOCAL, {mux_text(""), 0}, {mux_text("h"), 80}}, MUX_FORWARD_INVALID},
        {{MUX_LOCAL, {mux_text(""), 8080}, {mux_text(""), 80}}, MUX_FORWARD_INVALID},
        {{0, {mux_text(""), 8080}, {mux_text("h"), 80}}, MUX_FORWARD_INVALID},
        {{4, {mux_text(""), 8080}, {mux_text("h"), 80}}, MUX_FORWARD_INVALID},
        {{MUX_LOCAL, {mux_text(""), 65536}, {mux_text("h"), 80}}, MUX_FORWARD_BROKEN},
        {{MUX_LOCAL, {mux_text(""), 80}, {mux_text("h"), 0xffffffff}}, MUX_FORWARD_BROKEN},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_int_equal(mux_forward_check(&all[i].f), all[i].want);
}

static void test_texts(void **state)
{
    char out[4];
    assert_true(mux_text_copy(mux_text("abc"), out, sizeof out));
    assert_string_equal(out, "abc");
    assert_false(mux_text_copy(mux_text("abcd"), out, sizeof out));
    assert_string_equal(out, "");
    assert_false(mux_text_copy((struct mux_text){"a\0b", 3}, out, sizeof out));
    assert_true(mux_text_copy(mux_text(NULL), out, sizeof out));
    assert_true(mux_text_is(mux_text(NULL), ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session),     cmocka_unit_test(test_environment_is_capped),
        cmocka_unit_test(test_stock_bytes), cmocka_unit_test(test_forward_and_others),
        cmocka_unit_test(test_replies),     cmocka_unit_test(test_forward_check),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
