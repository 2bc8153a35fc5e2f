#include "server/subsystem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void check(const char *config, const char *name, const char *want)
{
    char path[] = "/tmp/tern-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, config, strlen(config)), strlen(config));
    close(fd);
    char *got = subsystem_command(name, path);
    unlink(path);
    if (want)
        assert_string_equal(got, want);
    else
        assert_null(got);
    free(got);
}

static void test_configuration(void **state)
{
    check("Subsystem sftp /opt/sftp -l INFO\n", "sftp", "/opt/sftp -l INFO");
    check("# Subsystem sftp /no\n\tsubsystem  \"sftp\"\t/opt/x\nSubsystem sftp /late\n", "sftp",
          "/opt/x");
    check("Subsystem other /opt/other\n", "other", "/opt/other");
    check("Match User x\nSubsystem other /opt/other\n", "other", NULL);
    check("Subsystem other\n", "other", NULL);
    check("", "other", NULL);
    assert_null(subsystem_command("other", "/nonexistent"));
}

static void test_include(void **state)
{
    char part[] = "/tmp/tern-test-XXXXXX", line[100];
    int fd = mkstemp(part);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "Subsystem netconf /opt/nc\nInclude %s\n", part) > 0);
    close(fd);
    snprintf(line, sizeof line, "Include /nonexistent/*.conf %s\n", part);
    check(line, "netconf", "/opt/nc");
    check(line, "other", NULL); /* an include of itself ends, too */
    unlink(part);
}

/* sftp-server is where the package put it; only sshd has internal-sftp. */
static void test_internal_sftp(void **state)
{
    char *usual = subsystem_command("sftp", "/nonexistent"), want[300];
    if (!usual)
        skip();
    assert_int_equal(access(usual, X_OK), 0);
    check("Subsystem sftp internal-sftp\n", "sftp", usual);
    snprintf(want, sizeof want, "%s -u 0022", usual);
    check("Subsystem sftp internal-sftp -u 0022\n", "sftp", want);
    free(usual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_include),
        cmocka_unit_test(test_internal_sftp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
