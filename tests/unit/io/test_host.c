/* The small ones: signals, random bytes, log file, locale, routes. */
#include "rig.h"

#include "io/hostlocale.h"
#include "io/logfile.h"
#include "io/osrandom.h"
#include "io/routes.h"
#include "io/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void count(void *ctx, int signum)
{
    assert_int_equal(signum, SIGUSR1);
    ++*(int *)ctx;
}

static void test_signals(void **state)
{
    struct loop *l = loop_new();
    struct sigwatch *s;
    int n = 0;
    assert_int_equal(sigwatch_new(l, SIGUSR1, count, &n, &s), 0);
    loop_run(l); /* does not keep the loop going */
    raise(SIGUSR1);
    RIG_UNTIL(l, n == 1);
    sigwatch_free(s);
    loop_free(l);
    assert_string_equal(signal_name(SIGTERM), "TERM");
    assert_string_equal(signal_name(9999), "?");
    assert_int_equal(signal_number("HUP"), SIGHUP);
    assert_int_equal(signal_number("NOSUCH"), 0);
}

static void test_random(void **state)
{
    struct entropy e = osrandom();
    uint8_t a[32] = {0}, b[32] = {0}, zero[32] = {0};
    e.fill(e.ctx, a, sizeof a);
    e.fill(e.ctx, b, sizeof b);
    assert_memory_not_equal(a, zero, sizeof a);
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_logfile(void **state)
{
    char dir[] = "/tmp/tern-test-XXXXXX", path[64], link[64], text[512] = "";
    struct logfile *f;
    struct stat st;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/log", dir);
    snprintf(link, sizeof link, "%s/link", dir);
    assert_null(logfile_log(NULL));
    for (int i = 0; i < 2; i++) { /* appended to */
        assert_int_equal(logfile_open(path, LOG_INFO, &f), 0);
        log_line(logfile_log(f), LOG_INFO, "test", "number %d", i);
        log_line(logfile_log(f), LOG_DEBUG, "test", "not shown");
        logfile_close(f);
    }
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int fd = open(path, O_RDONLY);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    assert_non_null(strstr(text, " info  test: number 0\n"));
    assert_non_null(strstr(text, " info  test: number 1\n"));
    assert_null(strstr(text, "not shown"));
    assert_int_equal(text[10], 'T');
    assert_int_equal(text[23], 'Z');
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(logfile_open(link, LOG_INFO, &f), ERR_SYS);
    assert_int_equal(errno, ELOOP);
    unlink(link);
    unlink(path);
    rmdir(dir);
}

static void test_locale(void **state)
{
    assert_false(hostlocale_is_utf8("C"));
    assert_false(hostlocale_is_utf8("xx_XX.no-such"));
    const char *name = hostlocale_utf8();
    if (name)
        assert_true(hostlocale_is_utf8(name));
    assert_int_equal(hostlocale_adopt(), name != NULL);
}

static void on_event(void *ctx, enum route_event e)
{
    assert_int_equal(e, ROUTE_CHANGED);
    ++*(int *)ctx;
}

static void test_route_to(void **state)
{
    struct addr to, local;
    assert_int_equal(addr_parse("127.0.0.1", &to), 0);
    assert_int_equal(route_to(&to, &local), 0);
    to.port = local.port;
    assert_true(addr_same_host(&to, &local));
    assert_int_equal(route_to(&(struct addr){0}, NULL), ERR_SYS);
    assert_int_equal(errno, EAFNOSUPPORT);
}

static void loopback_up(bool up)
{
    struct ifreq r = {.ifr_flags = up ? IFF_UP : 0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    strcpy(r.ifr_name, "lo");
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
    close(fd);
}

/* In a network of our own, where the system lets us have one; last, for we stay in it. */
static void test_network_changes_are_told_once_per_burst(void **state)
{
    struct loop *l = loop_new();
    struct routes *r;
    struct addr to;
    int events = 0;
    bool own = unshare(CLONE_NEWNET) == 0;
    assert_int_equal(routes_new(l, on_event, &events, &r), 0);
    if (own) {
        assert_int_equal(addr_parse("192.0.2.1", &to), 0);
        assert_int_equal(route_to(&to, NULL), ERR_SYS);
        assert_int_equal(errno, ENETUNREACH);
        loopback_up(true); /* a link, an address and routes */
        RIG_UNTIL(l, events > 0);
        assert_int_equal(events, 1);
        loopback_up(false);
        RIG_UNTIL(l, events > 1);
        assert_int_equal(events, 2);
    }
    routes_free(r);
    loop_turn(l, false);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_logfile),
        cmocka_unit_test(test_locale),
        cmocka_unit_test(test_route_to),
        cmocka_unit_test(test_network_changes_are_told_once_per_burst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
