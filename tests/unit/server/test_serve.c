/* Whole server processes: each is a fork that runs server_run on pipes, as ssh would start it. */
#include "base/pb.h"
#include "io/loop.h"
#include "io/sockdir.h"
#include "link/connect.h"
#include "link/frame.h"
#include "link/start.h"
#include "server/control.h"
#include "server/server.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_US 15000000u
#define NONCE       "abcdefgh01234567"

struct world {
    char base[64];
    struct sockdir dir;
};

enum leader { LEADS_SESSION, LEADS_JOB, LEADS_NOTHING };

struct server {
    pid_t pid;
    int in, out, err;
    char text[8192]; /* of stdout */
    size_t len;
    struct connect connect;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char why[SOCKDIR_ERROR];
    snprintf(w->base, sizeof w->base, "/tmp/tern-test-XXXXXX");
    if (!mkdtemp(w->base))
        return -1;
    setenv("TERN_TMPDIR", w->base, 1);
    signal(SIGPIPE, SIG_IGN);
    *state = w;
    return sockdir_open(&w->dir, why);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    sockdir_remove(&w->dir, "lock");
    if (rmdir(w->dir.path) || rmdir(w->base)) {
        print_error("something is left in %s\n", w->dir.path);
        return -1;
    }
    free(w);
    return 0;
}

static int width_one(void *ctx, uint32_t cp)
{
    return 1;
}

static const char *forced; /* the only command that the next servers run */

static _Noreturn void be_server(int in, int out, int err, enum leader leader, const char *attach)
{
    if (leader == LEADS_SESSION)
        setsid();
    else if (leader == LEADS_JOB)
        setpgid(0, 0);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    struct server_options o = {.width = width_one, .attach = attach, .command = forced};
    int status = server_run(&o);
    fflush(NULL);
    _exit(status);
}

static void start(struct server *s, enum leader leader, const struct buf *record,
                  const char *attach)
{
    int in[2], out[2], err[2];
    memset(s, 0, sizeof *s);
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
    s->pid = fork();
    if (s->pid == 0) {
        /* Our ends are not close-on-exec enough: there is no exec. */
        close(in[1]);
        close(out[0]);
        close(err[0]);
        be_server(in[0], out[1], err[1], leader, attach);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    s->in = in[1];
    s->out = out[0];
    s->err = err[0];
    assert_int_equal(write(s->in, buf_data(record), buf_len(record)), buf_len(record));
}

static void make_record(struct buf *b, const char *name, const char *command, uint32_t action)
{
    struct start_record r;
    start_init(&r);
    r.version = START_VERSION;
    r.action = action;
    strcpy(r.nonce, NONCE);
    strcpy(r.session, name);
    r.cols = 70;
    r.rows = 20;
    if (command)
        start_list_add(&r.argv, command);
    buf_init(b, START_HEAD + START_RECORD_MAX);
    assert_int_equal(start_put(b, &r), 0);
    start_fini(&r);
}

/* Wait for bytes on fd, at most as long as patience lasts; 0 at its end. */
static ssize_t read_some(int fd, char *to, size_t room)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, (int)(PATIENCE_US / 1000)) != 1)
        fail_msg("nothing came");
    return read(fd, to, room);
}

static void read_connect(struct server *s)
{
    size_t used;
    for (;;) {
        int r = connect_find((const uint8_t *)s->text, s->len, NONCE, &s->connect, &used);
        if (r == 1)
            return;
        assert_int_equal(r, 0);
        ssize_t n = read_some(s->out, s->text + s->len, sizeof s->text - s->len);
        if (n <= 0) {
            char why[512] = "";
            if (read_some(s->err, why, sizeof why - 1) < 0)
                why[0] = 0;
            fail_msg("no connect line: %s", why);
        }
        s->len += (size_t)n;
    }
}

static void start_named(struct server *s, const char *name, const char *command)
{
    struct buf record;
    make_record(&record, name, command, START_NEW);
    start(s, LEADS_SESSION, &record, NULL);
    buf_fini(&record);
    read_connect(s);
}

/* Its exit status; the pipes are closed. */
static int finish(struct server *s)
{
    int status;
    close(s->in);
    close(s->out);
    uint64_t end = clock_boot_us() + PATIENCE_US;
    while (waitpid(s->pid, &status, WNOHANG) == 0) {
        if (clock_boot_us() > end)
            fail_msg("the server stays");
        poll(NULL, 0, 5);
    }
    close(s->err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void ask(const struct world *w, const char *socket, const struct control_request *q,
                struct control_answer *a, int *keep)
{
    static uint8_t in[CONTROL_MAX + 4];
    struct buf out;
    size_t len = 0, used;
    int fd, got;
    assert_int_equal(sockdir_connect(&w->dir, socket, &fd), 0);
    buf_init(&out, CONTROL_MAX);
    control_put_request(&out, q);
    assert_int_equal(write(fd, buf_data(&out), buf_len(&out)), buf_len(&out));
    buf_fini(&out);
    while ((got = control_get_answer(in, len, a, &used)) == 0) {
        ssize_t n = read_some(fd, (char *)in + len, sizeof in - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    assert_int_equal(got, 1);
    if (keep)
        *keep = fd;
    else
        close(fd);
}

static void socket_of(const struct server *s, char out[SOCKDIR_NAME])
{
    snprintf(out, SOCKDIR_NAME, "s-%d", (int)s->pid);
}

/* Until the only session of that server has ended, as --ls tells it. */
static void wait_exited(const struct world *w, const struct server *s, struct control_answer *a)
{
    char socket[SOCKDIR_NAME];
    socket_of(s, socket);
    uint64_t end = clock_boot_us() + PATIENCE_US;
    do {
        if (clock_boot_us() > end)
            fail_msg("the command does not end");
        ask(w, socket, &(struct control_request){.verb = CONTROL_LS}, a, NULL);
        assert_int_equal(a->sessions, 1);
    } while (!a->session[0].exited);
}

static void test_connect_line_ls_and_sigterm(void **state)
{
    struct world *w = *state;
    struct server s;
    char socket[SOCKDIR_NAME];
    struct control_answer *a = calloc(1, sizeof *a);
    start_named(&s, "work", "sleep 1000");
    assert_string_equal(s.connect.session, "work");
    assert_int_not_equal(s.connect.route, 0);
    assert_int_not_equal(s.connect.port, 0);
    assert_true(s.connect.addr_count > 0);
    assert_int_equal(s.connect.addrs[0].port, s.connect.port);
    socket_of(&s, socket); /* a session leader does not fork: it is the process sshd started */
    ask(w, socket, &(struct control_request){.verb = CONTROL_LS}, a, NULL);
    assert_true(a->ok);
    assert_int_equal(a->sessions, 1);
    assert_string_equal(a->session[0].name, "work");
    assert_int_equal(a->session[0].cols, 70);
    assert_int_equal(a->session[0].rows, 20);
    assert_false(a->session[0].exited);
    kill(s.pid, SIGTERM);
    assert_int_equal(finish(&s), 0);
    free(a);
}

static void test_status_waits_when_nobody_is_there(void **state)
{
    struct world *w = *state;
    struct server s;
    struct control_answer *a = calloc(1, sizeof *a);
    start_named(&s, "", "exit 3");
    assert_int_not_equal(s.connect.session[0], 0); /* one was chosen */
    wait_exited(w, &s, a);
    assert_int_equal(a->session[0].status, 3);
    assert_int_equal(server_kill(s.connect.session), 0); /* the user does not want it */
    kill(s.pid, SIGTERM);
    assert_int_equal(finish(&s), 0);
    free(a);
}

static void test_attach_gives_another_link(void **state)
{
    struct world *w = *state;
    struct server s;
    char socket[SOCKDIR_NAME];
    struct control_answer *a = calloc(1, sizeof *a);
    struct control_request q = {.verb = CONTROL_ATTACH};
    struct connect c;
    size_t used;
    int fd;
    start_named(&s, "work", "sleep 1000");
    socket_of(&s, socket);
    strcpy(q.session, "work");
    strcpy(q.nonce, "zzzzzzzz01234567");
    ask(w, socket, &q, a, &fd);
    assert_true(a->ok);
    assert_int_equal(connect_find(a->line, a->line_len, q.nonce, &c, &used), 1);
    assert_int_not_equal(c.route, s.connect.route);
    assert_memory_not_equal(c.secret, s.connect.secret, sizeof c.secret);
    assert_int_equal(c.port, s.connect.port);
    /* What follows are frames; nonsense closes that pipe and nothing else. */
    assert_int_equal(write(fd, "\xff\xff", 2), 2);
    char byte;
    while (read_some(fd, &byte, 1) > 0)
        ;
    close(fd);
    strcpy(q.session, "nosuch");
    ask(w, socket, &q, a, NULL);
    assert_false(a->ok);
    assert_non_null(strstr(a->text, "nosuch"));
    kill(s.pid, SIGTERM);
    assert_int_equal(finish(&s), 0);
    free(a);
}

static void expect_complaint(struct server *s, const char *part)
{
    char text[2048] = "";
    size_t len = 0;
    ssize_t n;
    while ((n = read_some(s->err, text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)n;
    if (!strstr(text, part))
        fail_msg("no \"%s\" in: %s", part, text);
    assert_int_equal(strncmp(text, "tern-server: ", 13), 0);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
    assert_int_equal(finish(s), 1);
}

static void test_complaints_are_one_line(void **state)
{
    struct server s, other;
    struct buf record;
    buf_init(&record, 100);
    buf_put_text(&record, "\x7fNONSENSE");
    start(&s, LEADS_SESSION, &record, NULL);
    buf_fini(&record);
    expect_complaint(&s, "not a start record");

    start_named(&other, "work", "sleep 1000");
    make_record(&record, "work", NULL, START_NEW);
    start(&s, LEADS_SESSION, &record, NULL);
    buf_fini(&record);
    expect_complaint(&s, "--attach work");

    make_record(&record, "nosuch", NULL, START_ATTACH);
    start(&s, LEADS_SESSION, &record, NULL);
    buf_fini(&record);
    expect_complaint(&s, "no session named nosuch");
    kill(other.pid, SIGTERM);
    assert_int_equal(finish(&other), 0);
}

static void test_attach_by_another_process(void **state)
{
    struct server owner, relay;
    struct buf record;
    start_named(&owner, "work", "sleep 1000");
    make_record(&record, "", NULL, START_ATTACH); /* the newest detached one */
    start(&relay, LEADS_NOTHING, &record, NULL);
    buf_fini(&record);
    read_connect(&relay);
    assert_string_equal(relay.connect.session, "work");
    assert_int_not_equal(relay.connect.route, owner.connect.route);
    assert_int_equal(finish(&relay), 0); /* its stdin ends: so does the relay, not the session */
    assert_int_equal(kill(owner.pid, 0), 0);
    kill(owner.pid, SIGTERM);
    assert_int_equal(finish(&owner), 0);
}

/* A leader of a job must fork to leave it; who waits for it still sees it as running. */
static void test_leader_of_a_job(void **state)
{
    struct world *w = *state;
    struct server s;
    struct buf record;
    char names[4][SOCKDIR_NAME];
    int status, pid;
    make_record(&record, "job", "sleep 1000", START_NEW);
    start(&s, LEADS_JOB, &record, NULL);
    buf_fini(&record);
    read_connect(&s);
    assert_int_equal(sockdir_list(&w->dir, "s-", names, 4), 1);
    assert_int_equal(sscanf(names[0], "s-%d", &pid), 1);
    assert_int_not_equal(pid, s.pid);
    assert_int_equal(getsid(pid), pid);
    assert_int_equal(waitpid(s.pid, &status, WNOHANG), 0);
    kill(pid, SIGTERM);
    assert_int_equal(finish(&s), 0);
}

static void test_hangup_of_the_login_changes_nothing(void **state)
{
    struct world *w = *state;
    struct server s;
    char socket[SOCKDIR_NAME];
    struct control_answer *a = calloc(1, sizeof *a);
    start_named(&s, "work", "sleep 1000");
    socket_of(&s, socket);
    kill(s.pid, SIGHUP);
    close(s.in);
    close(s.out);
    s.in = open("/dev/null", O_RDONLY);
    s.out = open("/dev/null", O_RDONLY);
    ask(w, socket, &(struct control_request){.verb = CONTROL_LS}, a, NULL);
    assert_int_equal(a->sessions, 1);
    assert_false(a->session[0].exited);
    kill(s.pid, SIGTERM);
    assert_int_equal(finish(&s), 0);
    free(a);
}

/* A program that does not mind SIGHUP is not waited for longer than a moment. */
static void test_stubborn_program(void **state)
{
    struct server s;
    start_named(&s, "work", "trap '' HUP; while :; do sleep 1; done");
    kill(s.pid, SIGTERM);
    assert_int_equal(finish(&s), 0);
}

/* A login with a forced command runs what that names, and nothing that the client says. */
static void test_forced_command(void **state)
{
    struct world *w = *state;
    struct server s, other;
    struct buf record;
    struct control_answer *a = calloc(1, sizeof *a);
    start_named(&other, "other", "sleep 1000");
    setenv("SSH_ORIGINAL_COMMAND", "exec sh -c tern-server", 1);
    make_record(&record, "", "exit 3", START_NEW);
    start(&s, LEADS_SESSION, &record, NULL);
    expect_complaint(&s, "FORCED COMMANDS");
    buf_fini(&record);
    make_record(&record, "other", NULL, START_ATTACH);
    start(&s, LEADS_SESSION, &record, NULL);
    expect_complaint(&s, "may not attach");
    forced = "exit 4";
    start(&s, LEADS_SESSION, &record, NULL);
    expect_complaint(&s, "may not attach");
    start_named(&s, "", "exit 3");
    wait_exited(w, &s, a);
    assert_int_equal(a->session[0].status, 4);
    kill(s.pid, SIGTERM);
    assert_int_equal(finish(&s), 0);
    forced = NULL;
    /* What the command line itself says counts: --attach other. */
    start(&s, LEADS_SESSION, &record, "other");
    buf_fini(&record);
    read_connect(&s);
    assert_int_equal(finish(&s), 0);
    unsetenv("SSH_ORIGINAL_COMMAND");
    kill(other.pid, SIGTERM);
    assert_int_equal(finish(&other), 0);
    free(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_connect_line_ls_and_sigterm),
        TEST(test_status_waits_when_nobody_is_there),
        TEST(test_attach_gives_another_link),
        TEST(test_complaints_are_one_line),
        TEST(test_attach_by_another_process),
        TEST(test_leader_of_a_job),
        TEST(test_hangup_of_the_login_changes_nothing),
        TEST(test_stubborn_program),
        TEST(test_forced_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
