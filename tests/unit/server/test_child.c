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
    child_init(&c, &r);
    assert_string_equal(env_of(&c, "TERM"), "xterm-256color");
    assert_string_equal(env_of(&c, "COLORTERM"), "truecolor");
    assert_string_equal(env_of(&c, "MINE"), "1");
    assert_string_equal(env_of(&c, "HOST_VALUE"), "kept");
    assert_null(env_of(&c, "TMUX"));
    if (hostlocale_utf8()) {
        assert_string_equal(env_of(&c, "LC_CTYPE"), hostlocale_utf8());
        assert_null(env_of(&c, "LC_ALL"));
    }
    assert_string_equal(env_of(&c, "PWD"), c.home);
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
    child_init(&c, &r);
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
    child_init(&c, &r);
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
    child_init(&c, &r);
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
    child_init(&c, &r);
    const char *base = strrchr(c.file, '/');
    assert_int_equal(c.argv.count, 3);
    assert_string_equal(c.argv.item[0], base ? base + 1 : c.file);
    assert_string_equal(c.argv.item[1], "-c");
    assert_string_equal(c.argv.item[2], " echo 'a  b' ; exit 3 ");
    child_fini(&c);
    start_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_no_colour_claimed_and_locale_kept),
        cmocka_unit_test(test_login_shell_and_command),
        cmocka_unit_test(test_text_for_the_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
