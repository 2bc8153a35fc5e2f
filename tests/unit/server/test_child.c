#include "server/child.h"

#include "io/hostlocale.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *env_of(const struct child *c, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < c->env.count; i++)
        if (!strncmp(c->env.item[i], name, n) && c->env.item[i][n] == '=')
            return c->env.item[i] + n + 1;
    return NULL;
}

static void test_environment(void **state)
{
    struct start_record r;
    struct child c;
    start_init(&r);
    setenv("TERM", "vt100", 1);
    setenv("TMUX", "/tmp/x", 1);
    setenv("HOST_VALUE", "kept", 1);
    setenv("LC_ALL", "C", 1);
    start_list_add(&r.env, "MINE=1");
    start_list_add(&r.env, "TERM=dumb"); /* not the client's to say */
    start_list_add(&r.env, "LANG=xx_XX.no-such");
    r.colorterm = strdup("24bit");
    child_init(&c, &r, NULL);
    assert_string_equal(env_of(&c, "TERM"), "xterm-256color");
    assert_string_equal(env_of(&c, "COLORTERM"), "truecolor");
    assert_string_equal(env_of(&c, "MINE"), "1");
    assert_string_equal(env_of(&c, "HOST_VALUE"), "kept");
    assert_null(env_of(&c, "TMUX"));
    if (hostlocale_utf8()) {
        assert_string_equal(env_of(&c, "LC_CTYPE"), hostlocale_utf8());
        assert_null(env_of(&c, "LC_ALL"));
    }
    assert_null(env_of(&c, "PWD")); /* as sshd: the shell's to say */
    assert_non_null(env_of(&c, "PATH"));
    assert_null(c.env.item[c.env.count]); /* as exec wants it */
    for (size_t i = 0; i < c.env.count; i++)
        for (size_t k = 0; k < i; k++)
            assert_false(strcspn(c.env.item[i], "=") == strcspn(c.env.item[k], "=") &&
                         !strncmp(c.env.item[i], c.env.item[k], strcspn(c.env.item[i], "=") + 1));
    child_fini(&c);
    start_fini(&r);
}

static void test_no_colour_claimed_and_locale_kept(void **state)
{
    struct start_record r;
    struct child c;
    start_init(&r);
    setenv("COLORTERM", "truecolor", 1); /* of the terminal we were started from */
    unsetenv("LC_ALL");
    unsetenv("LC_CTYPE");
    if (hostlocale_utf8())
        setenv("LANG", hostlocale_utf8(), 1);
    child_init(&c, &r, NULL);
    assert_null(env_of(&c, "COLORTERM"));
    if (hostlocale_utf8()) {
        assert_string_equal(env_of(&c, "LANG"), hostlocale_utf8());
        assert_null(env_of(&c, "LC_CTYPE"));
    }
    child_fini(&c);
    start_fini(&r);
}

static void test_login_shell_and_command(void **state)
{
    struct start_record r;
    struct child c;
    const struct passwd *pw = getpwuid(getuid());
    start_init(&r);
    child_init(&c, &r, NULL);
    assert_int_equal(c.argv.count, 1);
    assert_int_equal(c.argv.item[0][0], '-'); /* a login shell */
    assert_null(c.argv.item[1]);
    if (pw && *pw->pw_shell) {
        assert_string_equal(c.file, pw->pw_shell);
        assert_string_equal(env_of(&c, "USER"), pw->pw_name);
    }
    child_fini(&c);
    start_list_add(&r.argv, "echo");
    start_list_add(&r.argv, "x");
    child_init(&c, &r, NULL);
    assert_true(c.argv.count >= 2);
    assert_int_not_equal(c.argv.item[0][0], '-'); /* no login shell, as ssh */
    assert_null(c.argv.item[c.argv.count]);
    assert_string_equal(c.argv.item[1], "-c");
    assert_string_equal(c.argv.item[2], "echo x");
    child_fini(&c);
    start_fini(&r);
}

static void test_text_for_the_shell(void **state)
{
    struct start_record r;
    struct child c;
    start_init(&r);
    start_list_add(&r.argv, " echo 'a  b' ; exit 3 ");
    r.shell = true;
    child_init(&c, &r, NULL);
    const char *base = strrchr(c.file, '/');
    assert_int_equal(c.argv.count, 3);
    assert_string_equal(c.argv.item[0], base ? base + 1 : c.file);
    assert_string_equal(c.argv.item[1], "-c");
    assert_string_equal(c.argv.item[2], " echo 'a  b' ; exit 3 ");
    child_fini(&c);
    start_fini(&r);
}

static const char *const never[] = {
    "USER=eve",
    "LOGNAME=eve",
    "HOME=/eve",
    "PATH=/eve",
    "MAIL=/eve",
    "SHELL=/eve",
    "LD_PRELOAD=/eve",
    "LD_LIBRARY_PATH=/eve",
    "TERM=eve",
    "SSH_TTY=/dev/eve",
    "SSH_X=eve",
    "TERN_X=eve",
    "MOSH_KEY=eve",
    "SHLVL=eve",
    "BAD NAME=eve",
    "1X=eve",
    "PWD=/eve",
    "BASH_FUNC_x%%=eve",
    "=eve",
    "eve",
};

/* What sshd decides is not the client's, and nothing of ours or of the bootstrap is left. */
static void test_variables_of_the_login(void **state)
{
    struct start_record r;
    struct child c;
    start_init(&r);
    setenv("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22", 1);
    setenv("SSH_CLIENT", "192.0.2.1 1 22", 1);
    setenv("SSH_TTY", "/dev/old", 1); /* tern --local within a login */
    setenv("SSH_ORIGINAL_COMMAND", "tern-server", 1);
    setenv("TZ", "UTC", 1);
    setenv("HOME", "/home/of/login", 1);
    setenv("PATH", "/path/of/login", 1);
    setenv("MAIL", "/mail/of/login", 1);
    setenv("SHLVL", "7", 1);
    setenv("INVOCATION_ID", "1234", 1);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        start_list_add(&r.env, never[i]);
    start_list_add(&r.env, "TZ=Eve/Eve");
    start_list_add(&r.env, "LC_TIME=C");
    start_list_add(&r.env, "GIT_PROTOCOL=version=2");
    child_init(&c, &r, NULL);
    for (size_t i = 0; i < c.env.count; i++)
        if (strstr(c.env.item[i], "eve"))
            fail_msg("%s", c.env.item[i]);
    assert_false(c.ssh);
    assert_string_equal(env_of(&c, "SSH_CONNECTION"), "192.0.2.1 1 192.0.2.2 22");
    assert_string_equal(env_of(&c, "SSH_CLIENT"), "192.0.2.1 1 22");
    assert_string_equal(env_of(&c, "TZ"), "UTC");
    assert_string_equal(env_of(&c, "HOME"), "/home/of/login");
    assert_string_equal(c.home, "/home/of/login");
    assert_string_equal(env_of(&c, "PATH"), "/path/of/login");
    assert_string_equal(env_of(&c, "MAIL"), "/mail/of/login");
    assert_string_equal(env_of(&c, "LC_TIME"), "C");
    assert_string_equal(env_of(&c, "GIT_PROTOCOL"), "version=2");
    assert_null(env_of(&c, "SSH_TTY"));
    assert_null(env_of(&c, "SSH_ORIGINAL_COMMAND"));
    assert_null(env_of(&c, "SHLVL"));
    assert_null(env_of(&c, "INVOCATION_ID"));
    child_fini(&c);
    /* A zone of the client's counts where the host says nothing. */
    unsetenv("TZ");
    unsetenv("SSH_TTY");
    unsetenv("SSH_CONNECTION");
    child_init(&c, &r, NULL);
    assert_string_equal(env_of(&c, "TZ"), "Eve/Eve");
    assert_false(c.ssh);
    child_fini(&c);
    start_fini(&r);
}

/* sshd has taken what it accepts; the record adds nothing but a locale, where there is none. */
static void test_variables_through_ssh(void **state)
{
    struct start_record r;
    struct child c;
    start_init(&r);
    setenv("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22", 1);
    setenv("ACCEPTED", "1", 1);
    setenv("LC_ALL", "C", 1);
    start_list_add(&r.env, "ACCEPTED=2");
    start_list_add(&r.env, "OTHER=x");
    start_list_add(&r.env, "LC_TIME=client");
    child_init(&c, &r, NULL);
    assert_true(c.ssh);
    assert_string_equal(env_of(&c, "ACCEPTED"), "1");
    assert_null(env_of(&c, "OTHER"));
    assert_string_equal(env_of(&c, "LC_TIME"), "client");
    child_fini(&c);
    if (hostlocale_utf8()) {
        setenv("LC_ALL", hostlocale_utf8(), 1);
        child_init(&c, &r, NULL);
        assert_null(env_of(&c, "LC_TIME"));
        assert_string_equal(env_of(&c, "LC_ALL"), hostlocale_utf8());
        child_fini(&c);
    }
    unsetenv("LC_ALL");
    unsetenv("SSH_CONNECTION");
    start_fini(&r);
}

static void test_forced_command(void **state)
{
    struct start_record r;
    struct child c;
    start_init(&r);
    setenv("LC_ALL", "C", 1);
    setenv("SSH_ORIGINAL_COMMAND", "the bootstrap", 1);
    start_list_add(&r.env, "BASH_ENV=/eve");
    start_list_add(&r.env, "GIT_PROTOCOL=eve");
    start_list_add(&r.env, "LC_TIME=C");
    child_init(&c, &r, "menu --all");
    assert_false(c.login);
    assert_int_equal(c.argv.count, 3);
    assert_string_equal(c.argv.item[2], "menu --all");
    assert_null(env_of(&c, "SSH_ORIGINAL_COMMAND")); /* nothing was asked for */
    assert_null(env_of(&c, "BASH_ENV"));
    assert_null(env_of(&c, "GIT_PROTOCOL"));
    assert_string_equal(env_of(&c, "LC_TIME"), "C");
    child_fini(&c);
    start_list_add(&r.argv, "rm");
    start_list_add(&r.argv, "-r x");
    child_init(&c, &r, "menu --all");
    assert_string_equal(c.argv.item[2], "menu --all");
    assert_string_equal(env_of(&c, "SSH_ORIGINAL_COMMAND"), "rm -r x");
    child_fini(&c);
    start_fini(&r);
    unsetenv("SSH_ORIGINAL_COMMAND");
}

static const struct lastlogin_files no_files = {"/no/such/file", "/no/such/file"};

static bool greeted(const struct child *c, const char *what)
{
    struct buf out;
    buf_init(&out, 2 * MOTD_MAX);
    child_greet(c, &no_files, "warning!", &out);
    bool found = buf_len(&out) && memmem(buf_data(&out), buf_len(&out), what, strlen(what));
    buf_fini(&out);
    return found;
}

static void test_greeting(void **state)
{
    char home[] = "/tmp/tern-test-XXXXXX", hush[64];
    assert_non_null(mkdtemp(home));
    char user[] = "", file[] = "/etc/passwd";
    struct child c = {.home = home, .user = user, .login = true, .ssh = true};
    assert_true(greeted(&c, "warning!\r\n"));
    assert_false(greeted(&c, "chdir"));
    c.ssh = false;
    assert_false(greeted(&c, "warning!"));
    c.ssh = true;
    c.login = false;
    assert_false(greeted(&c, "warning!"));
    c.login = true;
    snprintf(hush, sizeof hush, "%s/.hushlogin", home);
    FILE *f = fopen(hush, "w");
    assert_non_null(f);
    fclose(f);
    assert_false(greeted(&c, "warning!"));
    unlink(hush);
    rmdir(home);
    c.login = false;
    assert_true(greeted(&c, "Could not chdir to home directory /tmp/tern-test-"));
    assert_true(greeted(&c, ": No such file or directory\r\n"));
    c.home = file;
    assert_true(greeted(&c, "/etc/passwd: Not a directory\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_no_colour_claimed_and_locale_kept),
        cmocka_unit_test(test_login_shell_and_command),
        cmocka_unit_test(test_text_for_the_shell),
        cmocka_unit_test(test_variables_of_the_login),
        cmocka_unit_test(test_variables_through_ssh),
        cmocka_unit_test(test_forced_command),
        cmocka_unit_test(test_greeting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
