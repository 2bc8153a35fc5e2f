#include "mux/master.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define PID 4711

struct edge {
    struct mux_master m;
    struct mux_request asked; /* the newest */
    size_t requests, dropped;
    char command[64];
};

static void on_request(void *ctx, const struct mux_request *r)
{
    struct edge *e = ctx;
    e->asked = *r;
    e->requests++;
    if (r->type == MUX_NEW_SESSION)
        assert_true(mux_text_copy(r->session.command, e->command, sizeof e->command));
}

static void on_dropped(void *ctx)
{
    ((struct edge *)ctx)->dropped++;
}

static bool on_info(void *ctx, struct mux_text what, struct buf *out)
{
    buf_put_text(out, "text");
    return mux_text_is(what, "connection");
}

static const struct mux_master_ops ops = {on_request, on_dropped, on_info};

/* Byte by byte, as slowly as it can come. */
static void feed_bytes(struct edge *e, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    for (size_t i = 0, room; i < len; i++) {
        assert_int_equal(mux_master_wants(&e->m, &room), MUX_WANT_BYTES);
        assert_true(room >= 1);
        mux_master_bytes(&e->m, p + i, 1);
        if (e->m.state == MUX_CLOSED)
            return;
    }
}

static void say(struct edge *e, struct mux_request r)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    mux_request_put(&b, &r);
    feed_bytes(e, buf_data(&b), buf_len(&b));
    buf_fini(&b);
}

static struct mux_reply hear(struct edge *e)
{
    struct mux_reply r;
    struct buf *out = mux_master_out(&e->m);
    static uint8_t copy[1000];
    assert_true(buf_len(out) >= 8);
    size_t len = wire_get_u32(buf_data(out));
    assert_true(len + 4 <= buf_len(out) && len <= sizeof copy);
    memcpy(copy, buf_data(out) + 4, len);
    buf_skip(out, len + 4);
    assert_int_equal(mux_reply_get(copy, len, &r), 0);
    return r;
}

static void silent(struct edge *e)
{
    assert_int_equal(buf_len(mux_master_out(&e->m)), 0);
}

static void start(struct edge *e)
{
    memset(e, 0, sizeof *e);
    mux_master_init(&e->m, PID, &ops, e);
    struct mux_reply r = hear(e); /* before the client said anything */
    assert_true(r.type == MUX_HELLO && r.value == MUX_VERSION && r.info && r.tern);
}

static void hello(struct edge *e)
{
    start(e);
    say(e, (struct mux_request){.type = MUX_HELLO, .version = MUX_VERSION});
    assert_int_equal(e->m.state, MUX_READY);
}

static void expect_close(struct edge *e)
{
    size_t n;
    assert_int_equal(mux_master_wants(&e->m, &n), MUX_WANT_CLOSE);
    mux_master_fini(&e->m);
}

static void open_session(struct edge *e, uint32_t id)
{
    size_t n;
    say(e, (struct mux_request){
               .type = MUX_NEW_SESSION, .id = id, .session = {.command = mux_text("true")}});
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mux_master_wants(&e->m, &n), MUX_WANT_DESCRIPTOR);
        mux_master_descriptor(&e->m, true);
    }
}

static void test_a_session(void **state)
{
    struct edge e;
    struct mux_reply r;
    size_t n;
    hello(&e);
    say(&e, (struct mux_request){.type = MUX_ALIVE_CHECK, .id = 0});
    r = hear(&e);
    assert_true(r.type == MUX_ALIVE && r.id == 0 && r.value == PID);
    open_session(&e, 1);
    assert_string_equal(e.command, "true");
    assert_int_equal(e.m.state, MUX_OPENING);
    assert_int_equal(mux_master_wants(&e.m, &n), MUX_WANT_NOTHING);
    mux_master_opened(&e.m, 77);
    r = hear(&e);
    assert_true(r.type == MUX_OPENED && r.id == 1 && r.session == 77);
    assert_int_equal(e.m.state, MUX_LIVE);
    say(&e, (struct mux_request){.type = MUX_ALIVE_CHECK, .id = 2});
    assert_int_equal(hear(&e).type, MUX_ALIVE);
    /* A second one is refused, and its descriptors are taken all the same. */
    open_session(&e, 3);
    r = hear(&e);
    assert_true(r.type == MUX_FAILURE && r.id == 3);
    assert_int_equal(e.dropped, 1);
    assert_int_equal(e.requests, 1);
    mux_master_tty_failed(&e.m);
    r = hear(&e);
    assert_true(r.type == MUX_TTY_FAILED && r.session == 77);
    mux_master_exit(&e.m, 9);
    mux_master_exit(&e.m, 10); /* once */
    r = hear(&e);
    assert_true(r.type == MUX_EXIT && r.session == 77 && r.value == 9);
    silent(&e);
    assert_int_equal(e.m.state, MUX_DRAIN);
    assert_int_equal(mux_master_wants(&e.m, &n), MUX_WANT_BYTES);
    mux_master_close(&e.m);
    expect_close(&e);
}

static void test_refused_session_may_be_asked_again(void **state)
{
    struct edge e;
    hello(&e);
    open_session(&e, 1);
    mux_master_fail(&e.m, "Session open refused by peer");
    struct mux_reply r = hear(&e);
    assert_true(r.type == MUX_FAILURE && r.id == 1);
    open_session(&e, 2);
    mux_master_deny(&e.m);
    r = hear(&e);
    assert_true(r.type == MUX_DENIED && r.id == 2);
    open_session(&e, 3);
    mux_master_opened(&e.m, 5);
    assert_int_equal(hear(&e).id, 3);
    assert_int_equal(e.requests, 3);
    mux_master_fini(&e.m);
}

static void test_missing_descriptor(void **state)
{
    struct edge e;
    size_t n;
    hello(&e);
    say(&e, (struct mux_request){.type = MUX_NEW_STDIO, .id = 1, .to = {mux_text("h"), 1}});
    assert_int_equal(mux_master_wants(&e.m, &n), MUX_WANT_DESCRIPTOR);
    mux_master_descriptor(&e.m, false);
    mux_master_descriptor(&e.m, true);
    assert_int_equal(e.requests, 0);
    assert_int_equal(e.dropped, 1);
    assert_int_equal(mux_master_wants(&e.m, &n), MUX_WANT_NOTHING); /* the answer first */
    assert_int_equal(hear(&e).type, MUX_FAILURE);
    expect_close(&e);
}

static void test_forwards(void **state)
{
    struct edge e;
    struct mux_request f = {.type = MUX_OPEN_FORWARD,
                            .id = 1,
                            .forward = {MUX_REMOTE, {mux_text(""), 0}, {mux_text("h"), 80}}};
    struct mux_reply r;
    size_t n;
    hello(&e);
    say(&e, f);
    assert_int_equal(mux_master_wants(&e.m, &n), MUX_WANT_NOTHING);
    mux_master_port(&e.m, 40000);
    r = hear(&e);
    assert_true(r.type == MUX_REMOTE_PORT && r.value == 40000 && r.id == 1);
    f.type = MUX_CLOSE_FORWARD;
    f.id = 2;
    say(&e, f);
    mux_master_ok(&e.m);
    assert_int_equal(hear(&e).type, MUX_OK);
    f.type = MUX_OPEN_FORWARD;
    f.forward.kind = 9;
    say(&e, f);
    assert_int_equal(hear(&e).type, MUX_FAILURE);
    assert_int_equal(e.requests, 2);
    f.forward.kind = MUX_REMOTE;
    f.forward.listen.port = 70000;
    say(&e, f);
    silent(&e);
    expect_close(&e);
}

/* What a stock owner does with what is wrong (openssh-mux.md §1.1). */
static void test_what_is_not_known(void **state)
{
    struct edge e;
    struct mux_reply r;
    hello(&e);
    say(&e, (struct mux_request){.type = 0x10000099, .id = 1});
    r = hear(&e);
    assert_true(r.type == MUX_FAILURE && r.id == 1 && mux_text_is(r.text, "unsupported request"));
    say(&e, (struct mux_request){.type = MUX_PROXY, .id = 2});
    r = hear(&e);
    assert_true(r.type == MUX_FAILURE && r.id == 2);
    say(&e, (struct mux_request){.type = MUX_INFO, .id = 3, .what = mux_text("connection")});
    r = hear(&e);
    assert_true(r.type == MUX_INFO_TEXT && r.value == 1 && mux_text_is(r.text, "text"));
    say(&e, (struct mux_request){.type = MUX_INFO, .id = 4, .what = mux_text("other")});
    assert_int_equal(hear(&e).value, 0);
    say(&e, (struct mux_request){.type = MUX_STOP_LISTENING, .id = 5});
    assert_int_equal(e.asked.type, MUX_STOP_LISTENING);
    mux_master_ok(&e.m);
    assert_int_equal(hear(&e).id, 5);
    mux_master_fini(&e.m);
}

static void test_what_ends_it(void **state)
{
    struct edge e;
    start(&e); /* before HELLO */
    say(&e, (struct mux_request){.type = MUX_ALIVE_CHECK});
    silent(&e);
    expect_close(&e);
    start(&e);
    say(&e, (struct mux_request){.type = MUX_HELLO, .version = 3});
    expect_close(&e);
    hello(&e); /* twice */
    say(&e, (struct mux_request){.type = MUX_HELLO, .version = MUX_VERSION});
    silent(&e);
    expect_close(&e);
    hello(&e); /* cut off */
    feed_bytes(&e, "\0\0\0\x0c\x10\0\0\2\0\0\0\1\0\0\0\x9", 16);
    silent(&e);
    expect_close(&e);
    hello(&e); /* too long */
    feed_bytes(&e, "\0\4\0\1", 4);
    expect_close(&e);
    hello(&e);
    feed_bytes(&e, "\0\0\0\0", 4);
    expect_close(&e);
}

static void test_gone_before_the_decision(void **state)
{
    struct edge e;
    hello(&e);
    open_session(&e, 1);
    mux_master_close(&e.m);
    mux_master_opened(&e.m, 1);
    silent(&e);
    assert_int_equal(e.m.state, MUX_CLOSED);
    expect_close(&e);
}

/* Who asks without listening to the answers is not read any more. */
static void test_answers_are_bounded(void **state)
{
    struct edge e;
    size_t n, asked = 0;
    hello(&e);
    while (mux_master_wants(&e.m, &n) == MUX_WANT_BYTES && asked++ < 1000000)
        say(&e, (struct mux_request){.type = MUX_INFO, .id = 1, .what = mux_text("connection")});
    assert_true(asked > 100 && asked < 100000);
    assert_int_equal(mux_master_wants(&e.m, &n), MUX_WANT_NOTHING);
    assert_true(buf_len(mux_master_out(&e.m)) <= MUX_OUT_MAX);
    buf_skip(mux_master_out(&e.m), buf_len(mux_master_out(&e.m)));
    assert_int_equal(mux_master_wants(&e.m, &n), MUX_WANT_BYTES);
    mux_master_fini(&e.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session),
        cmocka_unit_test(test_refused_session_may_be_asked_again),
        cmocka_unit_test(test_missing_descriptor),
        cmocka_unit_test(test_forwards),
        cmocka_unit_test(test_what_is_not_known),
        cmocka_unit_test(test_what_ends_it),
        cmocka_unit_test(test_gone_before_the_decision),
        cmocka_unit_test(test_answers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
