#include "boot/ssh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const char *no_pass[] = {NULL};
static const char *no_all[] = {"h", NULL};

static struct sshargs args(const char *host)
{
    return (struct sshargs){.host = host, .pass = no_pass, .all = no_all, .all_n = 1};
}

/* A stand-in for ssh that hands the remote command to a login shell, as sshd does. */
static const char *const fake = "f() { while [ \"$1\" != -- ]; do shift; done; shift 2; exec "
                                "\"$SHELL_UNDER_TEST\" -c \"$*\"; }; f";

/* What the command prints. "exec f" cannot run a function: the exec of the program's place is left
 * out. */
static void output(struct buf *command, const char *shell, char *out, size_t size)
{
    buf_put_u8(command, 0);
    assert_int_equal(buf_err(command), 0);
    char *text = (char *)command->mem + command->start;
    assert_int_equal(memcmp(text, "exec ", 5), 0);
    setenv("SHELL_UNDER_TEST", shell, 1);
    FILE *p = popen(text + 5, "r");
    assert_non_null(p);
    size_t n = fread(out, 1, size - 1, p);
    out[n] = 0;
    pclose(p);
    buf_fini(command);
}

static void run(const char *shell, const char *server, const char *more, char *out, size_t size)
{
    struct sshargs a = args("we'ird host");
    struct ssh s = {.program = fake, .args = &a, .server = server, .mark = "m4rk"};
    struct buf command;
    buf_init(&command, 1u << 20);
    ssh_command(&command, &s, SSH_AGAIN);
    buf_put_text(&command, more);
    output(&command, shell, out, size);
}

static void test_words_reach_the_server_through_every_shell(void **state)
{
    static const char *const shells[] = {"/bin/sh", "/bin/bash", "/bin/csh", "/usr/bin/fish",
                                         "/bin/rbash"};
    struct sshargs a = args("h");
    struct ssh s = {.program = fake, .args = &a, .server = "printf '<%s>'", .mark = "m4rk"};
    char out[4096];
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (access(shells[i], X_OK))
            continue;
        run(shells[i], "printf '<%s>'", " '--join' 'name.17'", out, sizeof out);
        assert_string_equal(out, "<--join><name.17>");
        struct buf command;
        buf_init(&command, 1u << 20);
        ssh_server_command(&command, &s, (const char *const[]){"--kill", "a $b 'c' ;*", NULL});
        output(&command, shells[i], out, sizeof out);
        assert_string_equal(out, "<--kill><a $b 'c' ;*>");
    }
}

static void test_missing_server_is_marked(void **state)
{
    char out[4096], mosh[200];
    struct ssh s = {.mark = "m4rk"};
    setenv("PATH_BEFORE", getenv("PATH"), 1);
    char home[] = "/tmp/tern-test-XXXXXX";
    assert_non_null(mkdtemp(home));
    setenv("HOME", home, 1);
    char dir[300];
    snprintf(dir, sizeof dir, "%s:/usr/bin:/bin", home);
    setenv("PATH", dir, 1);
    run("/bin/sh", NULL, " </dev/null", out, sizeof out);
    setenv("PATH", getenv("PATH_BEFORE"), 1);
    assert_true(ssh_none(&s, out, mosh, sizeof mosh));
    if (!access("/usr/bin/mosh-server", X_OK))
        assert_string_equal(mosh, "/usr/bin/mosh-server");
    else
        assert_string_equal(mosh, "");
    rmdir(home);
}

static void test_mark_needs_its_line(void **state)
{
    struct ssh s = {.mark = "abc"};
    char mosh[20] = "x";
    assert_false(ssh_none(&s, "TERN-NONE abd none\n", mosh, sizeof mosh));
    assert_false(ssh_none(&s, "TERN-NONE abc none", mosh, sizeof mosh));
    assert_true(ssh_none(&s, "motd\nTERN-NONE abc none\n", mosh, sizeof mosh));
    assert_string_equal(mosh, "");
    assert_true(ssh_none(&s, "TERN-NONE abc /a/mosh-server\n", mosh, sizeof mosh));
    assert_string_equal(mosh, "/a/mosh-server");
    assert_true(
        ssh_none(&s, "TERN-NONE abc /a/very/long/path/of/mosh-server\n", mosh, sizeof mosh));
    assert_string_equal(mosh, "");
}

static void test_who_wants_a_terminal(void **state)
{
    struct sshconf none = {0}, yes = {.request_tty = 1}, no = {.request_tty = -1},
                   force = {.request_tty = 2}, remote = {.remote_command = (char[]){"x"}},
                   off = {.session_none = true}, null = {.stdin_null = true};
    struct sshargs shell = args("h"), command = args("h"), t = args("h"), tt = args("h"),
                   T = args("h");
    command.command_n = t.command_n = tt.command_n = 1;
    t.tty = 1;
    tt.tty = 2;
    T.tty = -1;
    assert_true(ssh_wants_tty(&shell, &none, true));
    assert_false(ssh_wants_tty(&shell, &none, false));
    assert_false(ssh_wants_tty(&command, &none, true));
    assert_true(ssh_wants_tty(&t, &none, true));
    assert_false(ssh_wants_tty(&t, &none, false));
    assert_true(ssh_wants_tty(&tt, &none, false));
    assert_false(ssh_wants_tty(&T, &none, true));
    assert_true(ssh_wants_tty(&command, &yes, true));
    assert_true(ssh_wants_tty(&command, &force, false));
    assert_false(ssh_wants_tty(&shell, &no, true));
    assert_false(ssh_wants_tty(&shell, &remote, true));
    assert_false(ssh_wants_tty(&shell, &off, true));
    assert_false(ssh_wants_tty(&t, &null, true));
    assert_true(ssh_wants_tty(&tt, &null, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_reach_the_server_through_every_shell),
        cmocka_unit_test(test_missing_server_is_marked),
        cmocka_unit_test(test_mark_needs_its_line),
        cmocka_unit_test(test_who_wants_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
