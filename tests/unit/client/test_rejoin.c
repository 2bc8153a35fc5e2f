#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/rejoin.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct seen {
    struct loop *loop;
    struct rejoin *r;
    int pipes, unknown, stop_after;
    uint64_t at_us[8];
    struct boot_pipe last;
    char line[200];
};

static void on_pipe(void *ctx, const struct boot_pipe *p)
{
    struct seen *s = ctx;
    if (s->pipes) {
        close(s->last.in);
        close(s->last.out);
    }
    s->last = *p;
    s->at_us[s->pipes++] = clock_boot_us();
    if (s->stop_after && s->pipes == s->stop_after)
        loop_stop(s->loop);
}

static void on_unknown(void *ctx)
{
    struct seen *s = ctx;
    s->unknown++;
    if (!s->stop_after)
        loop_stop(s->loop);
    else
        rejoin_ask(s->r);
}

static void on_failed(void *ctx, const char *line)
{
    struct seen *s = ctx;
    snprintf(s->line, sizeof s->line, "%s", line);
    loop_stop(s->loop);
}

static void open_both(struct seen *s, const char *command, const char *shared)
{
    memset(s, 0, sizeof *s);
    s->loop = loop_new();
    assert_non_null(s->loop);
    struct rejoin_config c = {
        .server_command = command, .shared_command = shared, .session = "work", .route = 77};
    struct rejoin_ops ops = {on_pipe, on_unknown, on_failed, s};
    s->r = rejoin_new(s->loop, &c, &ops);
}

static void open_rejoin(struct seen *s, const char *command)
{
    open_both(s, command, NULL);
}

static void close_rejoin(struct seen *s)
{
    close(s->last.in);
    close(s->last.out);
    rejoin_free(s->r);
    loop_free(s->loop);
}

static void runs_the_command_with_join(void **state)
{
    (void)state;
    struct seen s;
    char text[100];
    open_rejoin(&s, "printf '%s %s\\n'");
    s.stop_after = 1;
    rejoin_ask(s.r);
    loop_run(s.loop);
    assert_int_equal(s.pipes, 1);
    ssize_t n = read(s.last.out, text, sizeof text);
    assert_int_equal(n, 15);
    assert_memory_equal(text, "--join work.77\n", 15);
    close_rejoin(&s);
}

static void tells_a_refusal(void **state)
{
    (void)state;
    struct seen s;
    open_rejoin(&s, "sh -c 'echo who; exit 1' --");
    rejoin_ask(s.r);
    loop_run(s.loop);
    assert_int_equal(s.unknown, 1);
    assert_int_equal(s.pipes, 1);
    close_rejoin(&s);
}

static void pauses_grow(void **state)
{
    (void)state;
    struct seen s;
    open_rejoin(&s, "sh -c 'exit 1' --");
    s.stop_after = 3;
    uint64_t start = clock_boot_us();
    rejoin_ask(s.r);
    loop_run(s.loop);
    assert_int_equal(s.unknown, 2);
    assert_true(s.at_us[0] - start >= REJOIN_FIRST_US);
    assert_true(s.at_us[1] - s.at_us[0] >= 2 * REJOIN_FIRST_US);
    assert_true(s.at_us[2] - s.at_us[1] >= 4 * REJOIN_FIRST_US);
    close_rejoin(&s);
}

static void tells_what_the_relay_said_last(void **state)
{
    (void)state;
    struct seen s;
    open_rejoin(&s, "sh -c 'echo first >&2; printf \"sec\\033[2Jond\\r\\n\" >&2; exit 255' --");
    rejoin_ask(s.r);
    loop_run(s.loop);
    assert_string_equal(s.line, "sec?[2Jond");
    close_rejoin(&s);
    open_rejoin(&s, "sh -c 'exit 3' --");
    rejoin_ask(s.r);
    loop_run(s.loop);
    assert_string_equal(s.line, "ended with status 3");
    assert_int_equal(s.unknown, 0);
    close_rejoin(&s);
}

/* By the bootstrap's master, once; who hangs with that is ended. */
static void shared_comes_first_and_is_not_left_behind(void **state)
{
    (void)state;
    struct seen s;
    char text[100];
    open_both(&s, "printf 'other %s %s\\n'", "exec sh -c 'echo $$; exec sleep 1000' --");
    s.stop_after = 1;
    rejoin_now(s.r);
    loop_run(s.loop);
    assert_true(rejoin_shared(s.r));
    ssize_t n = read(s.last.out, text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = 0;
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    assert_int_equal(kill(pid, 0), 0);
    s.stop_after = 2;
    rejoin_ask(s.r);
    loop_run(s.loop);
    assert_false(rejoin_shared(s.r));
    assert_int_equal(read(s.last.out, text, sizeof text), 21);
    assert_memory_equal(text, "other --join work.77\n", 21);
    for (int i = 0; i < 500 && !kill(pid, 0); i++) { /* it is reaped by the loop */
        loop_turn(s.loop, false);
        usleep(10000);
    }
    assert_int_equal(kill(pid, 0), -1);
    close_rejoin(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_the_command_with_join),
        cmocka_unit_test(tells_a_refusal),
        cmocka_unit_test(tells_what_the_relay_said_last),
        cmocka_unit_test(pauses_grow),
        cmocka_unit_test(shared_comes_first_and_is_not_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
