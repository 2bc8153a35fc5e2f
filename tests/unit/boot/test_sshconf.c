#include "boot/sshconf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void parse(struct sshconf *c, const char *text)
{
    sshconf_parse(c, text, strlen(text));
}

static void test_what_ssh_prints(void **state)
{
    struct sshconf c;
    parse(&c,
          "user me\nhostname 192.0.2.7\nport 2222\nrequesttty true\nremotecommand tmux new -A\n"
          "localcommand none\npermitlocalcommand no\nproxycommand none\nescapechar none\n"
          "setenv A=b c\nsetenv B=\nsendenv LANG\nsendenv LC_*\nforwardagent no\ntunnel false\n");
    assert_string_equal(c.user, "me");
    assert_string_equal(c.hostname, "192.0.2.7");
    assert_int_equal(c.port, 2222);
    assert_int_equal(c.request_tty, 1);
    assert_string_equal(c.remote_command, "tmux new -A");
    assert_null(c.local_command);
    assert_string_equal(c.escape_char, "none");
    assert_false(c.proxy);
    assert_false(c.forwards);
    assert_false(c.agent);
    assert_int_equal(c.set_env.count, 2);
    assert_string_equal(c.set_env.item[0], "A=b c");
    sshconf_fini(&c);
    c = (struct sshconf){0};
    parse(&c, "escapechar \\^B\n");
    assert_string_equal(c.escape_char, "^B");
    sshconf_fini(&c);
}

static void test_case_and_noise(void **state)
{
    struct sshconf c;
    parse(
        &c,
        "Pseudo-terminal will not be allocated\n\nHOSTNAME h\nRequestTTY force\nx\nport 99999999\n"
        "ProxyJump gw\nForwardAgent /run/agent");
    assert_string_equal(c.hostname, "h");
    assert_int_equal(c.request_tty, 2);
    assert_true(c.proxy);
    assert_true(c.agent);
    sshconf_fini(&c);
}

static void test_forwards(void **state)
{
    struct sshconf c;
    parse(&c, "localforward /a /b\ndynamicforward /a\n");
    assert_true(c.forwards);
    sshconf_fini(&c);
    parse(&c,
          "dynamicforward /a\n"); /* printed for each unix-socket forward: no forward of its own */
    assert_false(c.forwards);
    sshconf_fini(&c);
    parse(&c, "dynamicforward 1080\n");
    assert_true(c.forwards);
    sshconf_fini(&c);
    parse(&c, "localforward 80 [h]:81\nlocalforward 82 /x\ndynamicforward [::1]:1080\n"
              "dynamicforward 82\ngatewayports yes\nexitonforwardfailure yes\n"
              "streamlocalbindunlink yes\nstreamlocalbindmask 0117\n");
    assert_true(c.forwards && !c.remote);
    assert_int_equal(c.local.count, 2);
    assert_string_equal(c.local.item[1], "82 /x");
    assert_int_equal(c.dynamic.count, 2);
    assert_true(c.gateway_ports && c.exit_on_forward_failure && c.bind_unlink);
    assert_int_equal(c.bind_mask, 0117);
    sshconf_fini(&c);
    parse(&c, "remoteforward 80 [h]:81\n");
    assert_true(c.forwards && !c.remote);
    assert_string_equal(c.back.item[0], "80 [h]:81");
    sshconf_fini(&c);
    parse(&c, "remoteforward 1080 [socks]:0\n");
    assert_true(c.forwards && c.remote);
    sshconf_fini(&c);
    parse(&c, "tunnel point-to-point\n");
    assert_true(c.forwards && c.remote);
    sshconf_fini(&c);
}

static void test_sessions_that_are_none(void **state)
{
    static const char *const texts[] = {"sessiontype none\n", "stdinnull yes\n",
                                        "forkafterauthentication yes\n", "sessiontype subsystem\n"};
    for (size_t i = 0; i < 4; i++) {
        struct sshconf c;
        parse(&c, texts[i]);
        assert_int_equal(c.session_none, i == 0);
        assert_int_equal(c.stdin_null, i == 1);
        assert_int_equal(c.background, i == 2);
        assert_int_equal(c.subsystem, i == 3);
        sshconf_fini(&c);
    }
}

static void test_environment(void **state)
{
    struct sshconf c;
    struct sshconf_list out = {0};
    const char *env[] = {"LANG=de_DE.UTF-8", "LC_TIME=C", "LC_ALL=x", "SECRET=1", "=bad",
                         "A=mine",           NULL};
    parse(&c, "setenv A=theirs\nsendenv LANG\nsendenv LC_*\nsendenv -LC_ALL\nsendenv A\n");
    sshconf_env(&c, (char *const *)env, &out);
    assert_int_equal(out.count, 3);
    assert_string_equal(out.item[0], "A=theirs");
    assert_string_equal(out.item[1], "LANG=de_DE.UTF-8");
    assert_string_equal(out.item[2], "LC_TIME=C");
    sshconf_list_fini(&out);
    sshconf_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_ssh_prints), cmocka_unit_test(test_case_and_noise),
        cmocka_unit_test(test_forwards),        cmocka_unit_test(test_sessions_that_are_none),
        cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
