/* The user's terminal: each test runs a child on a pty of its own and watches what it does to it.
 */
#include "rig.h"

#include "io/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define UNDO "<UNDO>"

struct child {
    int master;
    int slave; /* kept open by us too: the modes can be read after the child's end */
    pid_t pid;
    char text[4096];
    size_t len;
    struct termios before;
};

struct user {
    struct loop *loop;
    struct tty *tty;
};

static void say(struct user *u, const char *text)
{
    tty_write(u->tty, text, strlen(text));
}

static void on_keys(void *ctx, const uint8_t *bytes, size_t len)
{
    struct user *u = ctx;
    if (bytes[0] == 'q')
        loop_stop(u->loop);
    else if (bytes[0] == 'e')
        exit(9);
    else if (bytes[0] == 'z')
        tty_suspend(u->tty);
    else if (bytes[0] == 's')
        __builtin_trap();
    else
        say(u, "<KEY>");
}
static void on_resized(void *ctx, const struct tty_size *s)
{
    char text[32];
    snprintf(text, sizeof text, "<%dx%d>", s->cols, s->rows);
    say(ctx, text);
}
static void on_resumed(void *ctx)
{
    say(ctx, "<RESUMED>");
}
static void on_lost(void *ctx)
{
    loop_stop(((struct user *)ctx)->loop);
}

static _Noreturn void be_user(void)
{
    struct user u = {.loop = loop_new()};
    struct rlimit none = {0, 0};
    struct tty_ops ops = {
        .data = on_keys, .resized = on_resized, .resumed = on_resumed, .lost = on_lost, .ctx = &u};
    signal(SIGILL, SIG_DFL); /* cmocka listens */
    setrlimit(RLIMIT_CORE, &none);
    if (tty_new(u.loop, 0, 1, true, &ops, &u.tty) || tty_raw(u.tty))
        _exit(99);
    tty_guard_set(u.tty, "<old>", 5);
    tty_guard_set(u.tty, UNDO, strlen(UNDO));
    struct tty_size s = tty_size(u.tty);
    char text[32];
    snprintf(text, sizeof text, "<READY %dx%d>", s.cols, s.rows);
    say(&u, text);
    loop_run(u.loop);
    say(&u, "<BYE>");
    tty_free(u.tty);
    loop_free(u.loop);
    _exit(fcntl(0, F_GETFL) & O_NONBLOCK ? 98 : 5);
}

/* Read from the child's terminal until `what` shows up; fails after ten seconds. */
static void expect(struct child *c, const char *what)
{
    uint64_t end = clock_boot_us() + RIG_PATIENCE_US;
    while (!strstr(c->text, what)) {
        struct pollfd f = {.fd = c->master, .events = POLLIN};
        if (clock_boot_us() >= end)
            fail_msg("no %s in: %s", what, c->text);
        if (poll(&f, 1, 100) <= 0)
            continue;
        ssize_t n = read(c->master, c->text + c->len, sizeof c->text - 1 - c->len);
        if (n <= 0)
            fail_msg("terminal ended without %s: %s", what, c->text);
        c->len += (size_t)n;
    }
}

static struct termios modes(const struct child *c)
{
    struct termios t;
    assert_int_equal(tcgetattr(c->master, &t), 0);
    return t;
}

static void open_child(struct child *c)
{
    struct winsize w = {.ws_row = 30, .ws_col = 70};
    memset(c, 0, sizeof *c);
    c->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(c->master >= 0);
    assert_int_equal(grantpt(c->master) | unlockpt(c->master), 0);
    int slave = open(ptsname(c->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    ioctl(slave, TIOCSWINSZ, &w);
    c->before = modes(c);
    c->pid = fork();
    if (c->pid == 0) {
        close(c->master); /* else the child would never see it hang up */
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        for (int i = 0; i < 3; i++)
            dup2(slave, i);
        be_user();
    }
    c->slave = slave;
    expect(c, "<READY 70x30>");
    struct termios raw = modes(c);
    assert_int_equal(raw.c_lflag & (ICANON | ECHO | ISIG), 0);
}

static void close_child(struct child *c)
{
    struct termios now = modes(c);
    assert_int_equal(now.c_lflag, c->before.c_lflag);
    assert_int_equal(now.c_iflag, c->before.c_iflag);
    assert_int_equal(now.c_oflag, c->before.c_oflag);
    close(c->slave);
    close(c->master);
}

static int status_of(struct child *c)
{
    int status;
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    return status;
}

static void key(struct child *c, char k)
{
    assert_int_equal(write(c->master, &k, 1), 1);
}

static void test_orderly_end(void **state)
{
    struct child c;
    open_child(&c);
    key(&c, 'x');
    expect(&c, "<KEY>");
    key(&c, 'q');
    expect(&c, "<BYE>");
    int s = status_of(&c);
    assert_true(WIFEXITED(s));
    assert_int_equal(WEXITSTATUS(s), 5); /* and O_NONBLOCK was not left on fd 0 */
    assert_null(strstr(c.text, UNDO));   /* the guard is for the other ways */
    close_child(&c);
}

static void test_exit_restores(void **state)
{
    struct child c;
    open_child(&c);
    key(&c, 'e');
    expect(&c, UNDO);
    int s = status_of(&c);
    assert_true(WIFEXITED(s) && WEXITSTATUS(s) == 9);
    assert_null(strstr(c.text, "<old>"));
    close_child(&c);
}

static void test_signals_restore_and_kill(void **state)
{
    static const int all[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGALRM, SIGABRT};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct child c;
        open_child(&c);
        kill(c.pid, all[i]);
        expect(&c, UNDO);
        int s = status_of(&c);
        assert_true(WIFSIGNALED(s));
        assert_int_equal(WTERMSIG(s), all[i]);
        close_child(&c);
    }
}

static void test_crash_restores(void **state)
{
    struct child c;
    open_child(&c);
    key(&c, 's');
    expect(&c, UNDO);
    int s = status_of(&c);
    assert_true(WIFSIGNALED(s) && (WTERMSIG(s) == SIGILL || WTERMSIG(s) == SIGTRAP));
    close_child(&c);
}

static void test_resize_is_told(void **state)
{
    struct child c;
    struct winsize w = {.ws_row = 50, .ws_col = 132};
    open_child(&c);
    assert_int_equal(ioctl(c.master, TIOCSWINSZ, &w), 0);
    expect(&c, "<132x50>");
    key(&c, 'q');
    status_of(&c);
    close_child(&c);
}

static void suspend_and_resume(bool by_key)
{
    struct child c;
    int s;
    open_child(&c);
    if (by_key)
        key(&c, 'z');
    else
        kill(c.pid, SIGTSTP);
    assert_int_equal(waitpid(c.pid, &s, WUNTRACED), c.pid);
    assert_true(WIFSTOPPED(s));
    struct termios now = modes(&c);
    assert_int_equal(now.c_lflag, c.before.c_lflag);
    kill(c.pid, SIGCONT);
    expect(&c, "<RESUMED>");
    now = modes(&c);
    assert_int_equal(now.c_lflag & (ICANON | ECHO), 0);
    kill(c.pid, SIGTERM); /* the guard is on again */
    expect(&c, UNDO);
    s = status_of(&c);
    assert_true(WIFSIGNALED(s) && WTERMSIG(s) == SIGTERM);
    close_child(&c);
}

static void test_suspend_by_key(void **state)
{
    suspend_and_resume(true);
}

static void test_suspend_by_signal(void **state)
{
    suspend_and_resume(false);
}

static void test_not_a_terminal(void **state)
{
    struct loop *l = loop_new();
    struct tty_ops ops = {0};
    struct tty *t;
    int fd = open("/dev/null", O_RDWR);
    assert_int_equal(tty_new(l, fd, fd, false, &ops, &t), ERR_STATE);
    close(fd);
    loop_free(l);
}

/* ---- passed ones ---- */

struct passed {
    int master, slave;
};

static struct passed open_passed(void)
{
    struct winsize w = {.ws_row = 30, .ws_col = 70};
    struct passed p = {.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    assert_int_equal(grantpt(p.master) | unlockpt(p.master), 0);
    p.slave = open(ptsname(p.master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(p.slave >= 0);
    ioctl(p.slave, TIOCSWINSZ, &w);
    return p;
}

/* Turns the loop meanwhile, if there is one. */
static bool says(int master, const char *what, struct loop *l)
{
    char text[4096] = "";
    size_t len = 0;
    uint64_t end = clock_boot_us() + RIG_PATIENCE_US;
    while (!strstr(text, what) && clock_boot_us() < end) {
        struct pollfd f = {.fd = master, .events = POLLIN};
        if (l)
            loop_turn(l, false);
        if (poll(&f, 1, 20) <= 0)
            continue;
        ssize_t n = read(master, text + len, sizeof text - 1 - len);
        if (n <= 0)
            break;
        len += (size_t)n;
        text[len] = 0;
    }
    return strstr(text, what) != NULL;
}

static void on_first_key(void *ctx, const uint8_t *bytes, size_t len)
{
    if (bytes[0] == 's')
        __builtin_trap();
    say(ctx, "<FIRST>");
}

static void on_second_key(void *ctx, const uint8_t *bytes, size_t len)
{
    say(ctx, "<SECOND>");
}

static void test_a_crash_restores_all_passed_terminals(void **state)
{
    struct passed p[2] = {open_passed(), open_passed()};
    struct termios before, after;
    tcgetattr(p[0].slave, &before);
    pid_t pid = fork();
    if (pid == 0) {
        struct loop *l = loop_new();
        struct user u[2] = {{.loop = l}, {.loop = l}};
        struct rlimit none = {0, 0};
        setsid();
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a test that failed nothing is left */
        signal(SIGILL, SIG_DFL);
        setrlimit(RLIMIT_CORE, &none);
        for (int i = 0; i < 2; i++) {
            struct tty_ops ops = {.data = i ? on_second_key : on_first_key, .ctx = &u[i]};
            if (tty_new(l, p[i].slave, p[i].slave, false, &ops, &u[i].tty))
                _exit(99);
            tty_guard_set(u[i].tty, i ? "<UNDO2>" : "<UNDO1>", 7);
        }
        /* It has no controlling terminal, and takes none. */
        if (open("/dev/tty", O_RDWR) >= 0)
            _exit(97);
        say(&u[0], "<READY>");
        loop_run(l);
        _exit(96);
    }
    assert_true(says(p[0].master, "<READY>", NULL));
    /* A line at a time: its modes are as they were. */
    assert_int_equal(write(p[1].master, "x\n", 2), 2);
    assert_true(says(p[1].master, "<SECOND>", NULL));
    tcgetattr(p[0].slave, &after);
    assert_int_equal(before.c_iflag, after.c_iflag);
    assert_int_equal(before.c_oflag, after.c_oflag);
    assert_int_equal(before.c_lflag, after.c_lflag);
    assert_int_equal(fcntl(p[0].slave, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(write(p[0].master, "s\n", 2), 2);
    assert_true(says(p[0].master, "<UNDO1>", NULL));
    assert_true(says(p[1].master, "<UNDO2>", NULL));
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    for (int i = 0; i < 2; i++) {
        close(p[i].master);
        close(p[i].slave);
    }
}

/* ^S on one: it takes nothing more, and nobody waits for it. */
static void test_a_stopped_passed_terminal_keeps_nobody(void **state)
{
    struct passed p[2] = {open_passed(), open_passed()};
    struct loop *l = loop_new();
    struct user u[2] = {{.loop = l}, {.loop = l}};
    for (int i = 0; i < 2; i++) {
        struct tty_ops ops = {.data = on_second_key, .ctx = &u[i]};
        assert_int_equal(tty_new(l, p[i].slave, p[i].slave, false, &ops, &u[i].tty), 0);
    }
    assert_int_equal(tcflow(p[0].slave, TCOOFF), 0);
    uint64_t start = clock_boot_us();
    for (int i = 0; i < 100; i++)
        say(&u[0], "it takes nothing of this\r\n");
    assert_true(tty_queued(u[0].tty) > 0);
    assert_int_equal(write(p[1].master, "x\n", 2), 2);
    assert_true(says(p[1].master, "<SECOND>", l));
    tty_free(u[0].tty);
    tty_free(u[1].tty);
    assert_true(clock_boot_us() - start < 900000);
    loop_free(l);
    for (int i = 0; i < 2; i++) {
        close(p[i].master);
        close(p[i].slave);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orderly_end),
        cmocka_unit_test(test_exit_restores),
        cmocka_unit_test(test_signals_restore_and_kill),
        cmocka_unit_test(test_crash_restores),
        cmocka_unit_test(test_resize_is_told),
        cmocka_unit_test(test_suspend_by_key),
        cmocka_unit_test(test_suspend_by_signal),
        cmocka_unit_test(test_not_a_terminal),
        cmocka_unit_test(test_a_crash_restores_all_passed_terminals),
        cmocka_unit_test(test_a_stopped_passed_terminal_keeps_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
