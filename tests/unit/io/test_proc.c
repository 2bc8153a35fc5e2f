#include "rig.h"

#include "io/harden.h"
#include "io/pipe.h"
#include "io/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct run {
    struct loop *loop;
    struct proc *proc;
    struct proc_exit e;
    int exits;
    char text[512];
    size_t len;
    bool eof;
};

static void on_exited(void *ctx, const struct proc_exit *e)
{
    struct run *r = ctx;
    r->exits++;
    r->e = *e;
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct run *r = ctx;
    assert_true(r->len + len < sizeof r->text);
    memcpy(r->text + r->len, bytes, len);
    r->len += len;
}

static void on_eof(void *ctx)
{
    ((struct run *)ctx)->eof = true;
}

/* Run a script with `input` on stdin; what it prints and how it ends is in *r. */
static void run_config(struct run *r, struct proc_config *c, const char *input)
{
    int in, out;
    struct pipe *reader;
    struct pipe_ops ops = {.data = on_data, .eof = on_eof, .ctx = r};
    r->loop = loop_new();
    c->exited = on_exited;
    c->ctx = r;
    assert_int_equal(proc_new(r->loop, c, &in, &out, &r->proc), 0);
    assert_true(proc_pid(r->proc) > 0);
    assert_int_equal(write(in, input, strlen(input)), strlen(input));
    close(in);
    assert_int_equal(pipe_new(r->loop, out, -1, PIPE_OWN_IN, 16, &ops, &reader), 0);
    RIG_UNTIL(r->loop, r->exits == 1 && r->eof);
    assert_int_equal(proc_pid(r->proc), 0);
    proc_kill(r->proc, SIGKILL); /* nobody there: nothing happens */
    pipe_free(reader);
    proc_free(r->proc);
    loop_run(r->loop);
    loop_free(r->loop);
    r->text[r->len] = 0;
}

static void run_script(struct run *r, const char *script, const char *input)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct proc_config c = {.file = "sh", .argv = argv};
    run_config(r, &c, input);
}

static void test_output_and_status(void **state)
{
    struct run r = {0};
    run_script(&r, "cat; exit 7", "hello\n");
    assert_string_equal(r.text, "hello\n");
    assert_int_equal(r.e.status, 7);
    assert_int_equal(r.e.signal, 0);
    assert_int_equal(r.e.exec_errno, 0);
}

static void test_killed_by_signal(void **state)
{
    struct run r = {0};
    run_script(&r, "kill -TERM $$", "");
    assert_int_equal(r.e.signal, SIGTERM);
    assert_int_equal(r.e.status, 0);
}

static void test_cannot_be_executed(void **state)
{
    const char *argv[] = {"no-such-program-here", NULL};
    struct proc_config c = {.file = argv[0], .argv = argv};
    struct run r = {0};
    run_config(&r, &c, "");
    assert_int_equal(r.e.status, 127);
    assert_int_equal(r.e.exec_errno, ENOENT);
}

static void test_environment_and_folder(void **state)
{
    const char *argv[] = {"sh", "-c", "echo $A-$B; pwd", NULL};
    const char *env[] = {"A=1", "PATH=/usr/bin:/bin", NULL};
    struct proc_config c = {.file = "sh", .argv = argv, .env = env, .cwd = "/usr"};
    struct run r = {0};
    run_config(&r, &c, "");
    assert_string_equal(r.text, "1-\n/usr\n");
    struct run lost = {0};
    c.cwd = "/no/such/folder";
    run_config(&lost, &c, "");
    assert_string_equal(lost.text, "1-\n/\n");
}

/* The loop's handlers, its SIGPIPE and its descriptors stay behind. */
static void test_child_inherits_nothing(void **state)
{
    int leak = open("/dev/null", O_RDONLY); /* not close-on-exec: somebody was careless */
    struct run r = {0};
    assert_true(leak > 2);
    run_script(&r,
               "for i in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$i ] || echo leak $i; done; "
               "grep SigIgn /proc/$$/status",
               "");
    unsigned long long ignored = 1;
    assert_int_equal(sscanf(r.text, "SigIgn:\t%llx\n", &ignored), 1);
    /* 32 and 33 are the C library's own: nobody can set them, so they may come from our parent. */
    assert_true((ignored & ~(3ull << 31)) == 0);
    close(leak);
}

static void test_core_limit_is_given_back(void **state)
{
    struct rlimit was;
    assert_int_equal(getrlimit(RLIMIT_CORE, &was), 0);
    if (was.rlim_max == 0)
        return; /* nothing could be given back */
    struct rlimit some = {.rlim_cur = 512 * 4, .rlim_max = was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_CORE, &some), 0);
    harden_no_core();
    struct rlimit now;
    assert_int_equal(getrlimit(RLIMIT_CORE, &now), 0);
    assert_int_equal(now.rlim_cur, 0);
    struct run r = {0};
    run_script(&r, "ulimit -c", "");
    assert_string_equal(r.text, "4\n");
}

static void test_limit_of_files_is_given_back(void **state)
{
    struct rlimit was, now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    struct rlimit some = {.rlim_cur = 300, .rlim_max = was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &some), 0);
    harden_many_files();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_int_equal(now.rlim_cur, was.rlim_max < HARDEN_FILES ? was.rlim_max : HARDEN_FILES);
    struct run r = {0};
    run_script(&r, "ulimit -n", "");
    assert_string_equal(r.text, "300\n");
}

static void test_forgotten_child_does_not_hold_the_loop(void **state)
{
    struct run r = {0};
    const char *argv[] = {"sleep", "1000", NULL};
    struct proc_config c = {.file = "sleep", .argv = argv, .exited = on_exited, .ctx = &r};
    struct loop *l = loop_new();
    assert_int_equal(proc_new(l, &c, NULL, NULL, &r.proc), 0);
    pid_t pid = proc_pid(r.proc);
    proc_free(r.proc);
    loop_run(l); /* returns: nothing is waited for */
    assert_int_equal(kill(pid, SIGKILL), 0);
    loop_free(l);
    assert_int_equal(r.exits, 0);
}

struct many {
    struct proc *procs[20];
    int ended;
    struct loop *loop;
};

static void on_one_ended(void *ctx, const struct proc_exit *e)
{
    struct many *m = ctx;
    m->ended++;
    assert_in_range(e->status, 0, 19);
}

static void test_many_at_once(void **state)
{
    struct many m = {.loop = loop_new()};
    for (int i = 0; i < 20; i++) {
        char script[32];
        snprintf(script, sizeof script, "exit %d", i);
        const char *argv[] = {"sh", "-c", script, NULL};
        struct proc_config c = {.file = "sh", .argv = argv, .exited = on_one_ended, .ctx = &m};
        assert_int_equal(proc_new(m.loop, &c, NULL, NULL, &m.procs[i]), 0);
    }
    RIG_UNTIL(m.loop, m.ended == 20);
    for (int i = 0; i < 20; i++)
        proc_free(m.procs[i]);
    loop_free(m.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_and_status),
        cmocka_unit_test(test_killed_by_signal),
        cmocka_unit_test(test_cannot_be_executed),
        cmocka_unit_test(test_environment_and_folder),
        cmocka_unit_test(test_child_inherits_nothing),
        cmocka_unit_test(test_limit_of_files_is_given_back),
        cmocka_unit_test(test_forgotten_child_does_not_hold_the_loop),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_core_limit_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
