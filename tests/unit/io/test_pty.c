#include "rig.h"

#include "io/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct term {
    struct loop *loop;
    struct pty *pty;
    char text[65536]; /* the first bytes */
    size_t len;       /* all of them */
    int exits, writable;
    struct proc_exit e;
    bool free_on_data, free_on_exit, data_after_exit;
};

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct term *t = ctx;
    t->data_after_exit |= t->exits > 0;
    for (size_t i = 0; i < len; i++, t->len++)
        if (t->len < sizeof t->text - 1)
            t->text[t->len] = (char)bytes[i];
    if (t->free_on_data) {
        pty_free(t->pty);
        t->pty = NULL;
    }
}
static void on_writable(void *ctx)
{
    ((struct term *)ctx)->writable++;
}
static void on_exited(void *ctx, const struct proc_exit *e)
{
    struct term *t = ctx;
    t->exits++;
    t->e = *e;
    if (t->free_on_exit) {
        pty_free(t->pty);
        t->pty = NULL;
    }
}

static const char *const env[] = {"PATH=/usr/bin:/bin", "TERM=xterm-256color", "A=b", NULL};

static struct term *start_config(struct pty_config *c)
{
    struct term *t = calloc(1, sizeof *t);
    struct pty_ops ops = {on_data, on_writable, on_exited, t};
    t->loop = loop_new();
    assert_int_equal(pty_new(t->loop, c, &ops, &t->pty), 0);
    return t;
}

static struct term *start(const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct pty_config c = {.file = "/bin/sh",
                           .argv = argv,
                           .env = env,
                           .cwd = "/usr",
                           .size = {.cols = 91, .rows = 33}};
    return start_config(&c);
}

static void finish(struct term *t)
{
    pty_free(t->pty);
    loop_run(t->loop);
    loop_free(t->loop);
    free(t);
}

static bool has(const struct term *t, const char *what)
{
    return strstr(t->text, what) != NULL;
}

static void test_what_the_program_sees(void **state)
{
    struct term *t = start("tty; stty size; stty -a | grep -o '[-]*iutf8'; pwd; echo $A $TERM; "
                           "ps -o sid= -p $$ | tr -d ' '; echo $$; exit 3");
    RIG_UNTIL(t->loop, t->exits == 1);
    char expect[256];
    assert_int_equal(t->e.status, 3);
    assert_int_equal(t->e.signal, 0);
    assert_int_equal(strncmp(t->text, pty_name(t->pty), strlen(pty_name(t->pty))), 0);
    snprintf(expect, sizeof expect, "%s\r\n33 91\r\niutf8\r\n/usr\r\nb xterm-256color\r\n",
             pty_name(t->pty));
    assert_memory_equal(t->text, expect, strlen(expect));
    int sid, pid;
    assert_int_equal(sscanf(t->text + strlen(expect), "%d\r\n%d", &sid, &pid), 2);
    assert_int_equal(sid, pid); /* its own session */
    assert_int_equal(pty_pid(t->pty), 0);
    finish(t);
}

static void test_everything_is_read_before_exit(void **state)
{
    /* 200,000 bytes and out at once: none may be lost. */
    struct term *t = start("head -c 200000 /dev/zero | tr '\\0' x; echo END");
    RIG_UNTIL(t->loop, t->exits == 1);
    assert_int_equal(t->len, 200005);
    assert_false(t->data_after_exit);
    finish(t);
}

static void test_exit_while_others_hold_the_terminal(void **state)
{
    struct term *t = start("sleep 1000 & echo $!; exit 0");
    RIG_UNTIL(t->loop, t->exits == 1);
    pid_t left = atoi(t->text);
    assert_true(left > 0);
    assert_int_equal(t->e.status, 0);
    finish(t);
    kill(left, SIGKILL); /* SIGHUP went only to the foreground */
}

static void test_input_echo_and_modes(void **state)
{
    struct term *t = start("read x; echo got:$x; stty raw -echo; echo RAW; read y; echo got:$y");
    bool echo, canonical;
    assert_true(pty_modes(t->pty, &echo, &canonical));
    assert_true(echo && canonical);
    assert_int_equal(pty_write(t->pty, "hi\n", 3), 3);
    RIG_UNTIL(t->loop, has(t, "RAW"));
    assert_true(has(t, "hi\r\ngot:hi\r\n"));
    assert_true(pty_modes(t->pty, &echo, &canonical));
    assert_false(echo || canonical);
    assert_int_equal(pty_write(t->pty, "you\n", 4), 4);
    RIG_UNTIL(t->loop, t->exits == 1);
    assert_true(has(t, "got:you"));
    finish(t);
}

static void test_write_never_waits(void **state)
{
    struct term *t = start("stty raw -echo; echo READY; read go; cat | wc -c");
    static char many[1 << 20];
    size_t sent = 0;
    memset(many, 'x', sizeof many);
    RIG_UNTIL(t->loop, has(t, "READY"));
    sent = pty_write(t->pty, many, sizeof many);
    assert_true(sent < sizeof many); /* nobody reads there: the kernel's buffer is full */
    assert_int_equal(t->writable, 0);
    finish(t);
    t = start("stty raw -echo; echo READY; head -c 1048576 | wc -c");
    RIG_UNTIL(t->loop, has(t, "READY"));
    for (sent = 0; sent < sizeof many;) {
        size_t n = pty_write(t->pty, many + sent, sizeof many - sent);
        sent += n;
        int before = t->writable;
        if (sent < sizeof many)
            RIG_UNTIL(t->loop, t->writable > before);
    }
    RIG_UNTIL(t->loop, t->exits == 1);
    assert_true(has(t, "1048576"));
    assert_int_equal(pty_write(t->pty, "x", 1), 1); /* gone: taken and forgotten */
    finish(t);
}

static void test_resize(void **state)
{
    struct term *t =
        start("trap 'stty size; exit' WINCH; echo READY; while :; do sleep 0.05; done");
    RIG_UNTIL(t->loop, has(t, "READY"));
    pty_resize(t->pty, &(struct tty_size){.cols = 120, .rows = 40});
    RIG_UNTIL(t->loop, t->exits == 1);
    assert_true(has(t, "40 120"));
    finish(t);
}

static void test_hangup_and_killed(void **state)
{
    struct term *t = start("echo READY; exec sleep 1000");
    RIG_UNTIL(t->loop, has(t, "READY"));
    pty_hangup(t->pty);
    RIG_UNTIL(t->loop, t->exits == 1);
    assert_int_equal(t->e.signal, SIGHUP);
    finish(t);
}

static void test_not_executable(void **state)
{
    const char *argv[] = {"no-such-command", NULL};
    struct pty_config c = {.file = argv[0], .argv = argv, .env = env};
    struct term *t = start_config(&c);
    RIG_UNTIL(t->loop, t->exits == 1);
    assert_int_equal(t->e.status, 127);
    assert_int_equal(t->e.exec_errno, ENOENT);
    assert_true(has(t, "tern: cannot run no-such-command: No such file or directory"));
    finish(t);
}

static void test_login_shell_name_and_default_size(void **state)
{
    const char *argv[] = {"-sh", "-c", "echo $0; stty size", NULL};
    struct pty_config c = {.file = "/bin/sh", .argv = argv, .env = env, .cwd = "/no/such"};
    struct term *t = start_config(&c);
    RIG_UNTIL(t->loop, t->exits == 1);
    assert_true(has(t, "-sh\r\n24 80\r\n"));
    finish(t);
}

static void test_free_within_callbacks(void **state)
{
    struct term *t = start("echo a; sleep 1000");
    t->free_on_data = true;
    RIG_UNTIL(t->loop, !t->pty);
    loop_run(t->loop); /* the child got SIGHUP; nothing more is told */
    assert_int_equal(t->exits, 0);
    finish(t);
    t = start("exit 0");
    t->free_on_exit = true;
    RIG_UNTIL(t->loop, !t->pty);
    assert_int_equal(t->exits, 1);
    finish(t);
}

static void test_paused_reading_holds_the_exit_back(void **state)
{
    struct term *t = start("echo last words");
    pty_read(t->pty, false);
    RIG_UNTIL(t->loop, pty_pid(t->pty) == 0);
    for (int i = 0; i < 3; i++)
        loop_turn(t->loop, false);
    assert_int_equal(t->exits, 0);
    assert_int_equal(t->len, 0);
    pty_read(t->pty, true);
    RIG_UNTIL(t->loop, t->exits == 1);
    assert_true(has(t, "last words"));
    finish(t);
}

static void test_terminal_closed_and_opened_again(void **state)
{
    /* No descriptor of the terminal is open for a while, but the program lives. */
    struct term *t =
        start("t=$(tty); exec 0<&- 1>&- 2>&-; sleep 0.3; exec >$t; echo AGAIN; exit 5");
    RIG_UNTIL(t->loop, t->exits == 1);
    assert_int_equal(t->e.status, 5);
    assert_true(has(t, "AGAIN"));
    finish(t);
}

static void test_name_in_the_environment(void **state)
{
    struct pty_config c = {.file = "/bin/sh",
                           .argv = (const char *const[]){"sh", "-c",
                                                         "test \"$SSH_TTY\" = \"$(tty)\" && "
                                                         "echo same $A",
                                                         NULL},
                           .env = env,
                           .name_var = "SSH_TTY"};
    struct term *t = start_config(&c);
    RIG_UNTIL(t->loop, t->exits);
    assert_int_equal(t->e.status, 0);
    assert_true(has(t, "same b"));
    finish(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_program_sees),
        cmocka_unit_test(test_everything_is_read_before_exit),
        cmocka_unit_test(test_exit_while_others_hold_the_terminal),
        cmocka_unit_test(test_input_echo_and_modes),
        cmocka_unit_test(test_write_never_waits),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_hangup_and_killed),
        cmocka_unit_test(test_not_executable),
        cmocka_unit_test(test_login_shell_name_and_default_size),
        cmocka_unit_test(test_free_within_callbacks),
        cmocka_unit_test(test_paused_reading_holds_the_exit_back),
        cmocka_unit_test(test_terminal_closed_and_opened_again),
        cmocka_unit_test(test_name_in_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
