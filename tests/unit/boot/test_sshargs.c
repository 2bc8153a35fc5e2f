#include "boot/sshargs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static bool takes_value(const char *word)
{
    return !strcmp(word, "--server");
}

#define PARSE(...)                                                                                 \
    const char *argv[] = {"tern", __VA_ARGS__, NULL};                                              \
    char err[SSHARGS_ERROR];                                                                       \
    struct sshargs a;                                                                              \
    int got = sshargs_parse(&a, (int)(sizeof argv / sizeof *argv) - 1, (char *const *)argv,        \
                            takes_value, err)

static void assert_words(const char *const *list, size_t n, const char *want)
{
    char all[1000] = "";
    for (size_t i = 0; i < n; i++) {
        strcat(all, list[i]);
        strcat(all, "|");
    }
    assert_string_equal(all, want);
}

static void test_host_and_command(void **state)
{
    PARSE("me@host", "ls", "-l", "--color");
    assert_int_equal(got, 0);
    assert_string_equal(a.host, "me@host");
    assert_words(a.command, a.command_n, "ls|-l|--color|");
    assert_int_equal(a.own_n, 0);
    assert_int_equal(a.plain, 0);
    sshargs_fini(&a);
}

static void test_options_on_both_sides_of_the_host(void **state)
{
    PARSE("-p", "2222", "host", "-i", "key", "--server=x", "-4v", "id");
    assert_int_equal(got, 0);
    assert_string_equal(a.host, "host");
    assert_words(a.pass, a.pass_n, "-p|2222|-i|key|-4|-v|");
    assert_words(a.all, a.all_n, "-p|2222|host|-i|key|-4v|id|");
    assert_words(a.own, a.own_n, "--server=x|");
    assert_words(a.command, a.command_n, "id|");
    assert_int_equal(a.verbose, 1);
    sshargs_fini(&a);
}

static void test_clusters_and_glued_values(void **state)
{
    PARSE("-tt", "-oUser=me", "-Ckp22", "--server", "my server", "h");
    assert_int_equal(got, 0);
    assert_int_equal(a.tty, 2);
    assert_words(a.pass, a.pass_n, "-o|User=me|-C|-k|-p|22|");
    assert_words(a.own, a.own_n, "--server|my server|");
    assert_string_equal(a.host, "h");
    sshargs_fini(&a);
}

/* -M, -S, -O and their like are ours; of each the first counts. */
static void test_sharing(void **state)
{
    PARSE("-M", "-S", "/a", "-o", "ControlPath=/b", "-oControlPersist 10m", "-o",
          "controlmaster=ask", "host");
    assert_int_equal(got, 0);
    assert_int_equal(a.plain, 0);
    assert_string_equal(a.control_master, "yes");
    assert_string_equal(a.control_path, "/a");
    assert_string_equal(a.control_persist, "10m");
    assert_null(a.control);
    sshargs_fini(&a);
}

static void test_sharing_twice(void **state)
{
    PARSE("-MM", "-o", "ControlPath = \"/a b\"", "host");
    assert_int_equal(got, 0);
    assert_string_equal(a.control_master, "ask");
    assert_string_equal(a.control_path, "/a b");
    sshargs_fini(&a);
}

static void test_sharing_first_counts(void **state)
{
    PARSE("-o", "ControlMaster=auto", "-M", "-M", "host");
    assert_int_equal(got, 0);
    assert_string_equal(a.control_master, "auto");
    sshargs_fini(&a);
}

static void test_control(void **state)
{
    PARSE("-O", "check", "-p", "22", "-NS/x", "host");
    assert_int_equal(got, 0);
    assert_string_equal(a.control, "check");
    assert_string_equal(a.control_path, "/x");
    assert_words(a.but_control, a.but_control_n, "-p|22|-N|-S|/x|");
    assert_string_equal(a.host, "host");
    sshargs_fini(&a);
}

static void test_what_only_ssh_can_do(void **state)
{
    static const char letters[] = "wQG";
    for (const char *l = letters; *l; l++) {
        char word[] = {'-', *l, 0};
        PARSE(word, "8080:a:1", "host");
        assert_int_equal(got, 0);
        assert_int_equal(a.plain, *l);
        for (size_t i = 0; i < a.pass_n; i++)
            assert_string_not_equal(a.pass[i], word);
        sshargs_fini(&a);
    }
}

static void test_forwards(void **state)
{
    PARSE("-L", "8080:a:1", "-gD1080", "-R", "0:b:2", "host");
    assert_int_equal(got, 0);
    assert_int_equal(a.plain, 0);
    assert_true(a.forwards);
    assert_int_equal(a.pass_n, 0);
    assert_words(a.all, a.all_n, "-L|8080:a:1|-gD1080|-R|0:b:2|host|");
    sshargs_fini(&a);
}

static void test_agent(void **state)
{
    PARSE("-AXT", "-Yx", "host");
    assert_int_equal(got, 0);
    assert_int_equal(a.plain, 0);
    assert_true(a.forwards && a.lends);
    assert_words(a.pass, a.pass_n, "");
    sshargs_fini(&a);
}

static void test_stdio(void **state)
{
    PARSE("-W", "h:22", "host");
    assert_int_equal(got, 0);
    assert_int_equal(a.plain, 0);
    assert_false(a.forwards);
    assert_string_equal(a.stdio, "h:22");
    assert_int_equal(a.pass_n, 0);
    sshargs_fini(&a);
}

/* What ssh -G tells of (-N, -f, -n, -s) is ours, and the bootstrap must not see it. */
static void test_what_the_bootstrap_must_not_do(void **state)
{
    static const char letters[] = "Nfns";
    for (const char *l = letters; *l; l++) {
        char word[] = {'-', *l, 0};
        PARSE(word, "host", "sftp");
        assert_int_equal(got, 0);
        assert_int_equal(a.plain, 0);
        assert_int_equal(a.pass_n, 0);
        assert_words(a.command, a.command_n, "sftp|");
        sshargs_fini(&a);
    }
}

/* As scp, sftp, rsync and git call it. */
static void test_calls_of_tools(void **state)
{
    PARSE("-x", "-oPermitLocalCommand=no", "-oClearAllForwardings=yes", "-oRemoteCommand=none",
          "-oRequestTTY=no", "-oForwardAgent=no", "-l", "me", "-p", "22", "-s", "--", "host",
          "sftp");
    assert_int_equal(got, 0);
    assert_int_equal(a.plain, 0);
    assert_string_equal(a.host, "host");
    assert_words(a.command, a.command_n, "sftp|");
    sshargs_fini(&a);
}

static void test_call_of_git(void **state)
{
    PARSE("-o", "SendEnv=GIT_PROTOCOL", "me@host", "git-upload-pack 'x y'");
    assert_int_equal(got, 0);
    assert_words(a.pass, a.pass_n, "-o|SendEnv=GIT_PROTOCOL|");
    sshargs_fini(&a);
}

static void test_double_dash_ends_options(void **state)
{
    PARSE("-v", "--", "host", "-x");
    assert_int_equal(got, 0);
    assert_string_equal(a.host, "host");
    assert_words(a.command, a.command_n, "-x|");
    sshargs_fini(&a);
}

static void test_escape_and_log(void **state)
{
    PARSE("-e", "^b", "-E", "log", "-q", "-T", "h");
    assert_int_equal(got, 0);
    assert_string_equal(a.escape, "^b");
    assert_string_equal(a.log, "log");
    assert_true(a.quiet);
    assert_int_equal(a.tty, -1);
    assert_words(a.pass, a.pass_n, "-E|log|-q|");
    sshargs_fini(&a);
}

static void test_bad_options(void **state)
{
    {
        PARSE("-z", "host");
        assert_int_equal(got, ERR_SYNTAX);
        assert_non_null(strstr(err, "-z"));
        sshargs_fini(&a);
    }
    {
        PARSE("host", "-p");
        assert_int_equal(got, ERR_SYNTAX);
        assert_non_null(strstr(err, "-p"));
        sshargs_fini(&a);
    }
}

static void test_no_host(void **state)
{
    PARSE("--local");
    assert_int_equal(got, 0);
    assert_null(a.host);
    assert_words(a.own, a.own_n, "--local|");
    sshargs_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_and_command),
        cmocka_unit_test(test_options_on_both_sides_of_the_host),
        cmocka_unit_test(test_clusters_and_glued_values),
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_sharing_twice),
        cmocka_unit_test(test_sharing_first_counts),
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_what_only_ssh_can_do),
        cmocka_unit_test(test_forwards),
        cmocka_unit_test(test_agent),
        cmocka_unit_test(test_stdio),
        cmocka_unit_test(test_what_the_bootstrap_must_not_do),
        cmocka_unit_test(test_calls_of_tools),
        cmocka_unit_test(test_call_of_git),
        cmocka_unit_test(test_double_dash_ends_options),
        cmocka_unit_test(test_escape_and_log),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_no_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
