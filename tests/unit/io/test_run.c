#include "io/run.h"

#include "io/loop.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_US 20000000u

static int ask(const char *script, uint64_t limit_us, char *text, size_t size)
{
    struct run r = {.argv = (const char *const[]){"sh", "-c", script, NULL}, .fds = {-1, -1, -1}};
    return run_ask(&r, limit_us, text, size);
}

static void status_and_text(void **state)
{
    char text[64];
    assert_int_equal(ask("echo one; echo two; exit 5", LONG_US, text, sizeof text), 5);
    assert_string_equal(text, "one\ntwo\n");
    assert_int_equal(ask("cat", LONG_US, text, sizeof text), 0); /* stdin is empty */
    assert_string_equal(text, "");
    assert_int_equal(ask("exit 3", LONG_US, NULL, 0), 3);
    assert_true(ask("kill -KILL $$", LONG_US, NULL, 0) < 0);
    assert_int_equal(ask("no-such-program-here", LONG_US, NULL, 0), 127);
    struct run r = {.argv = (const char *const[]){"no-such-program-here", NULL},
                    .fds = {-1, -1, -1}};
    assert_int_equal(run_ask(&r, LONG_US, text, sizeof text), 127);
}

static void long_text_is_cut_and_read_to_its_end(void **state)
{
    char text[10];
    assert_int_equal(ask("yes | head -c 300000", LONG_US, text, sizeof text), 0);
    assert_string_equal(text, "y\ny\ny\ny\ny");
}

static void limit(void **state)
{
    char text[64];
    uint64_t start = clock_boot_us();
    assert_true(ask("echo begun; exec sleep 100", 100000, text, sizeof text) < 0);
    assert_string_equal(text, "begun\n");
    assert_true(ask("exec sleep 100 >&-", 100000, text, sizeof text) < 0);
    assert_true(ask("exec sleep 100", 100000, NULL, 0) < 0);
    assert_true(clock_boot_us() - start < LONG_US);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* none is left */
    assert_int_equal(errno, ECHILD);
}

/* Descriptors reach the program as they were meant to, and no others do. */
static void descriptors(void **state)
{
    char text[256];
    int in[2], kept[2], status;
    assert_int_equal(pipe(in) | pipe2(kept, O_CLOEXEC), 0);
    assert_int_equal(write(in[1], "hello", 5), 5);
    close(in[1]);
    char script[128];
    snprintf(script, sizeof script, "cat; test -e /proc/self/fd/%d || echo none >&%d", in[0],
             kept[1]);
    struct run r = {.argv = (const char *const[]){"sh", "-c", script, NULL},
                    .fds = {in[0], kept[1], -1},
                    .give_fd = kept[1]};
    pid_t pid = run_start(&r);
    assert_true(pid > 0);
    assert_true(run_wait(pid, LONG_US, &status));
    assert_int_equal(status, 0);
    ssize_t n = read(kept[0], text, sizeof text);
    assert_int_equal(n, 10);
    assert_memory_equal(text, "hellonone\n", 10);
    close(in[0]);
    close(kept[0]);
    close(kept[1]);
}

static void waiting_ends_in_time(void **state)
{
    struct run r = {.argv = (const char *const[]){"sleep", "100", NULL}, .fds = {-1, -1, -1}};
    int status;
    pid_t pid = run_start(&r);
    assert_true(pid > 0);
    assert_false(run_wait(pid, 0, &status));
    assert_false(run_wait(pid, 20000, &status));
    kill(pid, SIGTERM);
    assert_true(run_wait(pid, LONG_US, &status));
    assert_true(WIFSIGNALED(status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_and_text),
        cmocka_unit_test(long_text_is_cut_and_read_to_its_end),
        cmocka_unit_test(limit),
        cmocka_unit_test(descriptors),
        cmocka_unit_test(waiting_ends_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
