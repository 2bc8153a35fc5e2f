#include "io/utmp.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
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
    char text[512] = "", want[1024], name[64];
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0);
    snprintf(name, sizeof name, "/proc/self/fd/%d", master);
    char link[128] = "";
    assert_true(readlink(name, link, sizeof link - 1) > 0);
    write_helper("exit 0");
    assert_true(utmp_add(helper, master, "192.0.2.1 via tern"));
    assert_true(utmp_remove(helper, master));
    FILE *f = fopen(seen, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    snprintf(want, sizeof want, "2 add 192.0.2.1 via tern %s %s\n1 del %s %s\n", link, link, link,
             link);
    assert_string_equal(text, want);
    write_helper("exit 1");
    assert_false(utmp_add(helper, master, "h"));
    assert_false(utmp_add("/no/such/helper", master, "h"));
    close(master);
}

static void a_helper_that_hangs_is_not_waited_for(void **state)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    write_helper("exec sleep 1000");
    assert_false(utmp_add(helper, master, "h"));
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
        cmocka_unit_test_setup_teardown(a_helper_that_hangs_is_not_waited_for, set_up, tear_down),
        cmocka_unit_test(finds_what_is_installed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
