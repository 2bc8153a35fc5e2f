#include "rig.h"

#include "io/proc.h"
#include "io/utmp.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], helper[96], seen[96];

/* A helper that notes what it was asked. */
static void write_helper(const char *rest)
{
    FILE *f = fopen(helper, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\necho \"$# $*\" $(readlink /proc/$$/fd/0 /proc/$$/fd/1) >>%s\n%s\n", seen,
            rest);
    assert_int_equal(fchmod(fileno(f), 0700), 0);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/tern-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(helper, sizeof helper, "%s/helper", folder);
    snprintf(seen, sizeof seen, "%s/seen", folder);
    return 0;
}

static int tear_down(void **state)
{
    unlink(helper);
    unlink(seen);
    return rmdir(folder);
}

static void adds_and_removes(void **state)
{
    char text[1024] = "", want[2048], name[64];
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0);
    snprintf(name, sizeof name, "/proc/self/fd/%d", master);
    char link[128] = "";
    assert_true(readlink(name, link, sizeof link - 1) > 0);
    write_helper("exit 0");
    struct loop *l = loop_new();
    struct utmp_entry e = {0};
    assert_false(utmp_remove(&e, helper, master)); /* there is nothing */
    utmp_add(&e, l, helper, master, "192.0.2.1 via tern");
    assert_false(e.in); /* not waited for */
    RIG_UNTIL(l, e.in);
    assert_true(utmp_remove(&e, helper, master));
    assert_false(utmp_remove(&e, helper, master));
    /* Gone before the helper was done; another address at once after the first. */
    utmp_add(&e, l, helper, master, "192.0.2.2");
    utmp_add(&e, l, helper, master, "192.0.2.3");
    assert_true(utmp_remove(&e, helper, master));
    FILE *f = fopen(seen, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    snprintf(want, sizeof want,
             "2 add 192.0.2.1 via tern %s %s\n1 del %s %s\n"
             "2 add 192.0.2.2 %s %s\n2 add 192.0.2.3 %s %s\n1 del %s %s\n",
             link, link, link, link, link, link, link, link, link, link);
    assert_string_equal(text, want);
    write_helper("exit 1");
    utmp_add(&e, l, helper, master, "h");
    assert_false(utmp_remove(&e, helper, master));
    utmp_add(&e, l, "/no/such/helper", master, "h");
    RIG_UNTIL(l, !e.adding);
    assert_false(e.in);
    loop_free(l);
    close(master);
}

static void a_helper_that_hangs_is_killed(void **state)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct loop *l = loop_new();
    struct utmp_entry e = {0};
    write_helper("exec sleep 1000");
    utmp_add(&e, l, helper, master, "h");
    pid_t pid = proc_pid(e.adding);
    assert_false(utmp_remove(&e, helper, master));
    assert_null(e.adding);
    RIG_UNTIL(l, kill(pid, 0)); /* and reaped */
    loop_free(l);
    close(master);
}

static void finds_what_is_installed(void **state)
{
    char path[128], small[4];
    if (utmp_helper(path, sizeof path))
        assert_int_equal(access(path, X_OK), 0);
    assert_false(utmp_helper(small, sizeof small));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(adds_and_removes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_helper_that_hangs_is_killed, set_up, tear_down),
        cmocka_unit_test(finds_what_is_installed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
