#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot/boot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NONCE "abcdefgh01234567"

struct outcome {
    struct loop *loop;
    bool connected, failed;
    struct connect c;
    char text[1000], noise[1000], rest[1000];
    size_t rest_len;
    int status, in, out;
};

static void on_connected(void *ctx, const struct connect *c, const struct boot_pipe *p)
{
    struct outcome *o = ctx;
    o->connected = true;
    o->c = *c;
    o->in = p->in;
    o->out = p->out;
    assert_true(p->rest_len < sizeof o->rest);
    memcpy(o->rest, p->rest, p->rest_len);
    o->rest_len = p->rest_len;
    loop_stop(o->loop);
}

static void on_failed(void *ctx, const char *text, int status)
{
    struct outcome *o = ctx;
    assert_false(o->failed || o->connected);
    o->failed = true;
    o->status = status;
    snprintf(o->text, sizeof o->text, "%s", text);
    loop_stop(o->loop);
}

static void on_noise(void *ctx, const uint8_t *text, size_t len)
{
    struct outcome *o = ctx;
    size_t have = strlen(o->noise);
    if (have + len < sizeof o->noise)
        memcpy(o->noise + have, text, len);
}

static void run_words(struct outcome *o, const char *command, const char *const *args,
                      uint64_t timeout_us)
{
    struct start_record record;
    struct boot_ops ops = {on_connected, on_failed, on_noise, o};
    struct boot *b = NULL;
    memset(o, 0, sizeof *o);
    o->in = o->out = -1;
    o->loop = loop_new();
    assert_non_null(o->loop);
    start_init(&record);
    record.version = START_VERSION;
    strcpy(record.nonce, NONCE);
    start_list_add(&record.argv, "hello");
    struct boot_config c = {
        .command = command, .args = args, .record = &record, .timeout_us = timeout_us};
    assert_int_equal(boot_new(o->loop, &c, &ops, &b), 0);
    loop_run(o->loop);
    boot_free(b);
    start_fini(&record);
    assert_true(o->connected || o->failed);
    assert_null(strchr(o->text, '\n'));
}

static void done(struct outcome *o)
{
    if (o->connected) {
        close(o->in);
        close(o->out);
    }
    loop_free(o->loop);
}

static void run(struct outcome *o, const char *command)
{
    run_words(o, command, NULL, 20000000);
}

/* A command that prints the connect line and then does `more`. */
static char *answering(const char *before, const char *more)
{
    static char text[4000];
    struct connect c = {.route = 77, .port = 60001, .session = "work"};
    struct buf line;
    buf_init(&line, 4096);
    connect_put(&line, NONCE, &c);
    buf_put_u8(&line, 0);
    snprintf(text, sizeof text, "printf '%%s' '%s%s'; %s", before, (const char *)buf_data(&line),
             more);
    buf_fini(&line);
    return text;
}

static void connects_through_noise(void **state)
{
    (void)state;
    struct outcome o;
    run(&o, answering("Welcome to host\n", "exec cat"));
    assert_true(o.connected);
    assert_int_equal(o.c.route, 77);
    assert_string_equal(o.noise, "Welcome to host\n");
    /* The pipe is ours now: the record and what we write come back through cat. */
    struct start_record got;
    uint8_t all[4096];
    size_t have = o.rest_len, used = 0;
    memcpy(all, o.rest, have); /* the record may already have been echoed */
    int r = 0;
    while ((r = start_get(all, have, &got, &used)) == 0) {
        struct outcome *p = &o;
        ssize_t n = read(p->out, all + have, sizeof all - have);
        if (n < 0)
            continue; /* O_NONBLOCK is left on: it is the pipe's own */
        assert_true(n > 0);
        have += (size_t)n;
    }
    assert_int_equal(r, 1);
    assert_string_equal(got.nonce, NONCE);
    assert_string_equal(got.argv.item[0], "hello");
    start_fini(&got);
    done(&o);
}

static void passes_words_on(void **state)
{
    (void)state;
    struct outcome o;
    static const char *const args[] = {"--join", "it's \"a\" $HOME", NULL};
    run_words(&o, "printf '%s|'", args, 20000000);
    assert_true(o.failed);
    assert_non_null(strstr(o.text, "before it answered"));
    assert_string_equal(o.noise, "--join|it's \"a\" $HOME|");
    done(&o);
    run_words(&o, "printf '%s\\n'", args, 20000000);
    assert_string_equal(o.noise, "--join\nit's \"a\" $HOME\n");
    done(&o);
}

static void check_failure(const char *command, const char *said)
{
    struct outcome o;
    run(&o, command);
    assert_true(o.failed);
    assert_int_equal(o.status, 255);
    if (!strstr(o.text, said) && !strstr(o.noise, said))
        fail_msg("\"%s\": \"%s\" lacks \"%s\"", command, o.text, said);
    done(&o);
}

static void tells_why_it_failed(void **state)
{
    (void)state;
    check_failure("true", "ended with status 0");
    check_failure("echo no such option; exit 3", "ended with status 3");
    check_failure("echo no such option; exit 3", "no such option");
    check_failure("kill -9 $$", "signal 9");
    check_failure("exec /nowhere/tern-server 2>/dev/null", "not found");
    check_failure("exec >&-; sleep 0.05; exit 4", "status 4");
    check_failure("echo 'TERN " NONCE " secret=zzz'; exec cat", "does not understand");
    check_failure("exec yes", "printed more than");
    /* It never reads its stdin, and closes it at once: the record is lost, the reason not. */
    check_failure("exec <&-; echo late; exit 5", "late");
}

static void times_out(void **state)
{
    (void)state;
    struct outcome o;
    run_words(&o, "echo starting; cat >/dev/null; exit", NULL, 1000000);
    assert_true(o.failed);
    assert_non_null(strstr(o.text, "no answer"));
    assert_string_equal(o.noise, "starting\n");
    assert_non_null(strstr(o.text, "--connect-timeout"));
    done(&o);
}

static void command_words(void **state)
{
    (void)state;
    struct boot_command cmd;
    boot_command_init(&cmd, NULL, (const char *const[]){"--ls", NULL});
    assert_int_equal(cmd.argc, 2);
    assert_non_null(strstr(cmd.argv[0], "tern-server"));
    assert_string_equal(cmd.argv[1], "--ls");
    assert_null(cmd.argv[2]);
    boot_command_fini(&cmd);
    boot_command_init(&cmd, "a b", NULL);
    assert_int_equal(cmd.argc, 3);
    assert_string_equal(cmd.argv[2], "a b");
    boot_command_fini(&cmd);
}

static void zeros(void *ctx, void *out, size_t len)
{
    uint8_t *p = out;
    for (uint8_t *next = ctx; len--; p++)
        *p = (*next)++;
}

static void nonces_are_valid(void **state)
{
    (void)state;
    uint8_t next = 0;
    struct entropy e = {zeros, &next};
    char a[CONNECT_NONCE_MAX + 1], b[CONNECT_NONCE_MAX + 1];
    for (int i = 0; i < 50; i++) {
        boot_nonce(&e, a);
        assert_true(connect_nonce_valid(a));
    }
    boot_nonce(&e, b);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects_through_noise), cmocka_unit_test(passes_words_on),
        cmocka_unit_test(tells_why_it_failed),    cmocka_unit_test(times_out),
        cmocka_unit_test(command_words),          cmocka_unit_test(nonces_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
