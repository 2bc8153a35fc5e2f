/* loginctl and systemd-run are stand-ins: scripts in a folder that is all of PATH but sh's. */
#include "server/survive.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SESSION "0::/user.slice/user-1000.slice/session-42.scope\n"
#define KILLS   "echo KillUserProcesses=yes; echo KillExcludeUsers=root"
#define LINGERS "echo Linger=yes"

struct world {
    char base[64];
    char *path;
    struct start_record record;
};

static void write_file(const struct world *w, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w->base, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fchmod(fileno(f), 0700), 0);
    assert_int_equal(fclose(f), 0);
}

static bool read_file(const struct world *w, const char *name, char *text, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w->base, name);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    text[fread(text, 1, size - 1, f)] = 0;
    fclose(f);
    return true;
}

static void loginctl(const struct world *w, const char *manager, const char *user)
{
    char text[1024];
    snprintf(text, sizeof text,
             "#!/bin/sh\necho \"$*\" >>%s/asked\ncase $1 in\nshow-session) %s;;\n"
             "show-user) %s;;\nesac\n",
             w->base, manager, user);
    write_file(w, "loginctl", text);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->base, sizeof w->base, "/tmp/tern-test-XXXXXX");
    if (!mkdtemp(w->base))
        return -1;
    w->path = strdup(getenv("PATH"));
    char path[4096];
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", w->base);
    setenv("PATH", path, 1);
    start_init(&w->record);
    snprintf(w->record.nonce, sizeof w->record.nonce, "abcdefgh01234567");
    start_list_add(&w->record.env, "A=b");
    write_file(w, "cgroup", SESSION);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"cgroup", "loginctl", "systemd-run", "asked", "ran"};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", w->base, names[i]);
        unlink(path);
    }
    setenv("PATH", w->path, 1);
    start_fini(&w->record);
    int r = rmdir(w->base);
    free(w->path);
    free(w);
    return r;
}

/* The moved process is this test program, called with "moved". */
static enum survive survive(const struct world *w, uint64_t limit_us, int *status)
{
    char cgroup[128], self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = 0;
    snprintf(cgroup, sizeof cgroup, "%s/cgroup", w->base);
    char *argv[] = {(char[]){"x"}, (char[]){"moved"}, (char[]){"word of ours"}, NULL};
    struct survive_config c = {
        .cgroup = cgroup, .user = "ann", .argv = argv, .self = self, .limit_us = limit_us};
    return survive_logout(&c, &w->record, status);
}

/* The same in a process of its own: MOVED takes stdin and stdout away. */
static int survive_status(const struct world *w, uint64_t limit_us)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        enum survive s = survive(w, limit_us, &status);
        _exit(s == SURVIVE_MOVED ? 100 + status : s == SURVIVE_DOOMED ? 20 : 10);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define LONG_US 20000000u

static void nobody_is_asked_outside_a_session(void **state)
{
    struct world *w = *state;
    static const char *const cgroups[] = {
        "0::/\n",
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u7.scope\n",
        "0::/system.slice/ssh.service\n",
        "0::/user.slice/session-42.service\n",
        "0::/user.slice/user-1000.slice/session-42.scope.d/x\n",
        "",
    };
    char text[64];
    int status;
    loginctl(w, KILLS, "true");
    for (size_t i = 0; i < sizeof cgroups / sizeof *cgroups; i++) {
        write_file(w, "cgroup", cgroups[i]);
        assert_int_equal(survive(w, LONG_US, &status), SURVIVE_SAFE);
    }
    assert_false(read_file(w, "asked", text, sizeof text));
    /* In the old hierarchy there is a line for each controller. */
    write_file(w, "cgroup",
               "12:pids:/user.slice\n1:name=systemd:/user.slice/user-1.slice/session-c2.scope\n");
    assert_int_equal(survive(w, LONG_US, &status), SURVIVE_DOOMED);
}

static void what_logind_says(void **state)
{
    assert_true(survive_kills("KillUserProcesses=yes\n", "ann"));
    assert_false(survive_kills("KillUserProcesses=no\n", "ann"));
    assert_false(survive_kills("", "ann"));
    assert_false(survive_kills("NoKillUserProcesses=yes\n", "ann"));
    assert_true(
        survive_kills("KillOnlyUsers=\nKillExcludeUsers=root\nKillUserProcesses=yes\n", "ann"));
    assert_false(survive_kills("KillExcludeUsers=root ann\nKillUserProcesses=yes\n", "ann"));
    assert_true(survive_kills("KillExcludeUsers=root annette\nKillUserProcesses=yes\n", "ann"));
    assert_false(survive_kills("KillOnlyUsers=bob\nKillUserProcesses=yes\n", "ann"));
    assert_true(survive_kills("KillOnlyUsers=bob ann\nKillUserProcesses=yes\n", "ann"));
    assert_false(survive_kills("KillExcludeUsers=\nKillOnlyUsers=ann", "ann"));
}

static void nothing_happens_where_nothing_is_killed(void **state)
{
    struct world *w = *state;
    char text[512];
    int status;
    loginctl(w, "echo KillUserProcesses=no", LINGERS);
    assert_int_equal(survive(w, LONG_US, &status), SURVIVE_SAFE);
    assert_true(read_file(w, "asked", text, sizeof text));
    assert_string_equal(text,
                        "show-session -p KillUserProcesses -p KillOnlyUsers -p KillExcludeUsers\n");
    loginctl(w, "exit 1", LINGERS);
    assert_int_equal(survive(w, LONG_US, &status), SURVIVE_SAFE);
}

static void without_linger_only_a_warning(void **state)
{
    struct world *w = *state;
    char text[512];
    int status;
    loginctl(w, KILLS, "echo Linger=no");
    write_file(w, "systemd-run", "#!/bin/sh\nexit 3\n");
    assert_int_equal(survive(w, LONG_US, &status), SURVIVE_DOOMED);
    assert_true(read_file(w, "asked", text, sizeof text));
    assert_non_null(strstr(text, "show-user ann -p Linger\n"));
}

static void moves(void **state)
{
    struct world *w = *state;
    char text[1024], script[512];
    loginctl(w, KILLS, LINGERS);
    snprintf(script, sizeof script,
             "#!/bin/sh\nwhile test \"$1\" != --; do echo \"$1\" >>%s/ran; shift; done\nshift\n"
             "echo \"$2 $3\" >>%s/ran\nexec \"$@\"\n",
             w->base, w->base);
    write_file(w, "systemd-run", script);
    assert_int_equal(survive_status(w, LONG_US), 107); /* what be_moved says */
    assert_true(read_file(w, "ran", text, sizeof text));
    assert_string_equal(text, "--user\n--scope\n--quiet\n--no-ask-password\nmoved word of ours\n");
}

static void a_systemd_run_that_fails_is_done_without(void **state)
{
    struct world *w = *state;
    loginctl(w, KILLS, LINGERS);
    write_file(w, "systemd-run", "#!/bin/sh\nexit 1\n");
    assert_int_equal(survive_status(w, LONG_US), 20);
    write_file(w, "systemd-run", "#!/bin/sh\nkill -KILL $$\n");
    assert_int_equal(survive_status(w, LONG_US), 20);
}

static void nothing_is_waited_for_long(void **state)
{
    struct world *w = *state;
    loginctl(w, KILLS, LINGERS);
    write_file(w, "systemd-run", "#!/bin/sh\nexec sleep 1000\n");
    assert_int_equal(survive_status(w, 300000), 20);
    loginctl(w, "exec sleep 1000", LINGERS);
    assert_int_equal(survive_status(w, 300000), 10);
    loginctl(w, KILLS, "exec sleep 1000");
    assert_int_equal(survive_status(w, 300000), 20);
}

static void no_descriptor_no_adoption(void **state)
{
    static const char *const values[] = {"", "x", "0", "2", "-1", "999", "5x"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        setenv("TERN_SCOPE", values[i], 1);
        assert_int_equal(survive_adopt(), -1);
        assert_null(getenv("TERN_SCOPE"));
    }
    assert_int_equal(survive_adopt(), -1);
}

/* 7 if all is as it should be. */
static int be_moved(void)
{
    uint8_t bytes[4096];
    size_t len = 0, used;
    struct start_record r;
    int fd = survive_adopt();
    if (fd < 0 || getenv("TERN_SCOPE"))
        return 1;
    for (ssize_t n; (n = read(fd, bytes + len, sizeof bytes - len)) > 0;)
        len += (size_t)n;
    if (start_get(bytes, len, &r, &used) != 1)
        return 2;
    int status = used == len && r.env.count == 1 && !strcmp(r.env.item[0], "A=b") ? 7 : 3;
    start_fini(&r);
    return status;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "moved"))
        return be_moved();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_is_asked_outside_a_session, set_up, tear_down),
        cmocka_unit_test(what_logind_says),
        cmocka_unit_test_setup_teardown(nothing_happens_where_nothing_is_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_linger_only_a_warning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_systemd_run_that_fails_is_done_without, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_waited_for_long, set_up, tear_down),
        cmocka_unit_test(no_descriptor_no_adoption),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
