/* Asking for another link, over channels in memory; the far side is the test. */
#include "../chan/memory.h"

#include "client/sibling.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONCE "abcdefgh01234567"

struct world {
    struct memory *m;
    struct chans *near, *far;
    struct stream_transport transport[2];
    struct sibling *sibling;
    struct connect got;
    unsigned answered, refused;
    char why[200];
    /* the far side */
    struct chan *chan;
    struct buf record;
    bool broken;
    int refuse; /* enum refusal, at once */
};

static void on_answered(void *ctx, const struct connect *c)
{
    struct world *w = ctx;
    w->got = *c;
    w->answered++;
    sibling_free(w->sibling); /* is allowed */
    w->sibling = NULL;
}

static void on_refused(void *ctx, const char *why)
{
    struct world *w = ctx;
    snprintf(w->why, sizeof w->why, "%s", why);
    w->refused++;
    sibling_free(w->sibling);
    w->sibling = NULL;
}

static int far_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct world *w = ctx;
    assert_int_equal(o->kind, OPEN_SESSION);
    *why = "no";
    w->chan = w->refuse ? NULL : c;
    return w->refuse;
}

static void far_readable(void *ctx, struct chan *c)
{
    struct world *w = ctx;
    size_t len;
    const uint8_t *p = chan_peek(c, CHAN_DATA, &len);
    buf_clear(&w->record); /* it stays in the channel: no window is opened before OPENED */
    buf_put(&w->record, p, len);
}

static void far_nothing(void *ctx, struct chan *c)
{
}

static void far_stopped(void *ctx, struct chan *c, enum chan_stream s)
{
}

static void far_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct world *w = ctx;
    w->broken = true;
    w->chan = NULL;
}

static const struct chans_ops far_ops = {.opened = far_opened,
                                         .readable = far_readable,
                                         .writable = far_nothing,
                                         .stopped = far_stopped,
                                         .broken = far_broken};

static void open_world(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->m = memory_new(seed);
    w->near = chans_new(&(struct chans_config){.ops = &sibling_chans_ops, .client = true});
    w->far = chans_new(&(struct chans_config){.ops = &far_ops, .ctx = w});
    for (int i = 0; i < 2; i++) {
        w->transport[i] = memory_transport(w->m, i);
        chans_set_transport(i ? w->far : w->near, &w->transport[i]);
        memory_user(w->m, i, &chans_events, i ? w->far : w->near);
    }
    buf_init(&w->record, START_HEAD + START_RECORD_MAX);
}

static void close_world(struct world *w)
{
    sibling_free(w->sibling);
    chans_free(w->near);
    chans_free(w->far);
    memory_free(w->m);
    buf_fini(&w->record);
}

static void run(struct world *w)
{
    for (int i = 0; i < 3000; i++) /* what a step does is chance */
        memory_step(w->m);
}

static void ask(struct world *w, size_t command)
{
    struct start_record r;
    char *text = calloc(1, command + 1);
    memset(text, 'x', command);
    start_init(&r);
    r.version = START_VERSION;
    strcpy(r.nonce, NONCE);
    r.cols = 77;
    if (command)
        start_list_add(&r.argv, text);
    free(text);
    assert_int_equal(
        sibling_new(w->near, &r, &(struct sibling_ops){on_answered, on_refused, w}, &w->sibling),
        0);
    start_fini(&r);
    run(w);
}

static void say(struct world *w, const char *text)
{
    assert_int_equal(chan_write(w->chan, CHAN_DATA, text, strlen(text)), strlen(text));
    run(w);
}

static void test_a_record_brings_a_connect_line(void **state)
{
    for (uint64_t seed = 1; seed < 30; seed++) {
        struct world w;
        struct start_record r;
        struct connect c = {.route = 17, .port = 60001, .session = "s"};
        struct buf line;
        size_t used;
        open_world(&w, seed);
        ask(&w, seed * 9000); /* most of a window, too */
        assert_int_equal(start_get(buf_data(&w.record), buf_len(&w.record), &r, &used), 1);
        assert_int_equal(r.cols, 77);
        assert_int_equal(strlen(r.argv.item[0]), seed * 9000);
        start_fini(&r);
        assert_int_equal(w.answered + w.refused, 0);
        memset(c.secret, 9, sizeof c.secret);
        buf_init(&line, CONNECT_LINE_MAX);
        connect_put(&line, NONCE, &c);
        chan_accept(w.chan);
        chan_write(w.chan, CHAN_DATA, buf_data(&line), buf_len(&line));
        chan_release(w.chan);
        buf_fini(&line);
        run(&w);
        assert_int_equal(w.answered, 1);
        assert_int_equal(w.refused, 0);
        assert_int_equal(w.got.route, 17);
        assert_memory_equal(w.got.secret, c.secret, sizeof c.secret);
        close_world(&w);
    }
}

static void test_a_record_that_is_too_long(void **state)
{
    struct world w;
    struct start_record r;
    char *text = calloc(1, CHAN_WINDOW_FIRST + 1);
    open_world(&w, 1);
    memset(text, 'x', CHAN_WINDOW_FIRST);
    start_init(&r);
    r.version = START_VERSION;
    strcpy(r.nonce, NONCE);
    start_list_add(&r.argv, text);
    free(text);
    assert_int_equal(
        sibling_new(w.near, &r, &(struct sibling_ops){on_answered, on_refused, &w}, &w.sibling),
        ERR_CAP);
    start_fini(&r);
    close_world(&w);
}

static void test_refusals(void **state)
{
    struct world w;
    open_world(&w, 1);
    w.refuse = REFUSAL_UNKNOWN;
    ask(&w, 0);
    assert_int_equal(w.refused, 1);
    assert_non_null(strstr(w.why, "older"));
    close_world(&w);

    open_world(&w, 2);
    ask(&w, 200000);
    chan_refuse(w.chan, REFUSAL_PROHIBITED, "this login may\nnot");
    run(&w);
    assert_int_equal(w.refused, 1);
    assert_string_equal(w.why, "this login may?not");
    close_world(&w);
}

/* Another nonce, half a line, too much of it: each ends in one refusal. */
static void test_answers_that_are_none(void **state)
{
    static const char *const answers[] = {"", "TERN zzzzzzzz01234567 route=1 port=1\n",
                                          "TERN " NONCE " secret=AAAA route=1 port=1 caps=0\n",
                                          "TERN " NONCE " secret="};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct world w;
        open_world(&w, i);
        ask(&w, 10);
        chan_accept(w.chan);
        say(&w, answers[i]);
        chan_release(w.chan);
        run(&w);
        assert_int_equal(w.answered, 0);
        assert_int_equal(w.refused, 1);
        close_world(&w);
    }
    struct world w;
    open_world(&w, 7);
    ask(&w, 10);
    chan_accept(w.chan);
    for (int i = 0; i < CONNECT_LINE_MAX && !w.refused; i++)
        say(&w, "xx");
    assert_int_equal(w.refused, 1);
    run(&w);
    close_world(&w);
}

static void test_the_connection_breaks(void **state)
{
    struct world w;
    open_world(&w, 3);
    ask(&w, 10);
    memory_break(w.m);
    assert_int_equal(w.refused, 1);
    assert_string_equal(w.why, "the connection to the server is over");
    close_world(&w);
}

static void test_nobody_waits_any_more(void **state)
{
    struct world w;
    open_world(&w, 4);
    ask(&w, 200000);
    sibling_free(w.sibling);
    w.sibling = NULL;
    run(&w);
    assert_true(w.broken);
    assert_int_equal(w.answered + w.refused, 0);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_brings_a_connect_line),
        cmocka_unit_test(test_a_record_that_is_too_long),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_the_connection_breaks),
        cmocka_unit_test(test_nobody_waits_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
