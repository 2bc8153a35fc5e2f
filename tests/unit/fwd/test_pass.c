#include "fwd/pass.h"
#include "io/osrandom.h"
#include "io/sockaddr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/tpXXXXXX";

/* What the listener says, to its end. */
static void listen_to(struct loop *l, int fd, char text[static 256])
{
    size_t len = 0;
    for (int i = 0; i < 2000; i++) {
        loop_turn(l, false);
        ssize_t n = recv(fd, text + len, 255 - len, MSG_DONTWAIT);
        if (n == 0)
            break;
        if (n > 0)
            len += (size_t)n;
        else
            usleep(500);
    }
    text[len] = 0;
    close(fd);
}

static int connect_to(const struct addr *a, const char *path)
{
    struct sockaddr_storage ss;
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    int fd = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    if (path) {
        snprintf(u.sun_path, sizeof u.sun_path, "%s", path);
        assert_int_equal(connect(fd, (struct sockaddr *)&u, sizeof u), 0);
    } else {
        socklen_t len = sockaddr_put(a, ADDR_V4, &ss);
        assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
    }
    return fd;
}

static void test_told_and_shown(void **state)
{
    struct loop *l = loop_new();
    struct entropy e = osrandom();
    struct passes *p = passes_new(l, &e, NULL);
    struct passes_told told, again;
    char text[256], pass[PASS_KINDS][PASS_TEXT];
    assert_false(passes_hold(p, PASS_TCP, "", 0));
    passes_open(p, 1u << PASS_TCP, &told);
    assert_string_equal(told.path, "");
    assert_int_equal(told.listen.family, ADDR_NONE);
    assert_int_equal(told.tcp.ip[0], 127);
    assert_int_not_equal(told.tcp.ip[1], 0);
    assert_int_not_equal(told.tcp.port, 0);
    listen_to(l, connect_to(&told.tcp, NULL), text);
    assert_true(pass_read(text, pass[PASS_TCP], NULL));
    assert_true(passes_hold(p, PASS_TCP, pass[PASS_TCP], PASS_TEXT - 1));
    /* One kind is no pass for the other, which nobody asked for. */
    assert_false(passes_hold(p, PASS_UNIX, pass[PASS_TCP], PASS_TEXT - 1));
    assert_false(passes_hold(p, PASS_UNIX, "", 0));
    passes_open(p, 1u << PASS_TCP | 1u << PASS_UNIX, &again);
    assert_true(addr_equal(&told.tcp, &again.tcp));
    assert_int_equal(again.path[0], '/');
    listen_to(l, connect_to(NULL, again.path), text);
    assert_true(pass_read(text, pass[PASS_UNIX], NULL));
    assert_string_not_equal(pass[PASS_UNIX], pass[PASS_TCP]);
    assert_true(passes_hold(p, PASS_UNIX, pass[PASS_UNIX], PASS_TEXT - 1));
    /* Every byte counts, and the length. */
    for (size_t i = 0; i < PASS_TEXT - 1; i++) {
        char wrong[PASS_TEXT];
        memcpy(wrong, pass[PASS_TCP], sizeof wrong);
        wrong[i] ^= 1;
        assert_false(passes_hold(p, PASS_TCP, wrong, PASS_TEXT - 1));
        assert_false(passes_hold(p, PASS_TCP, pass[PASS_TCP], i));
    }
    passes_free(p);
    assert_int_equal(access(again.path, F_OK), -1);
    loop_free(l);
}

static void test_what_is_no_pass(void **state)
{
    char pass[PASS_TEXT];
    assert_true(pass_read("noise TERN-PASS 00112233445566778899aabbccddeeff\n", pass, NULL));
    assert_string_equal(pass, "00112233445566778899aabbccddeeff");
    assert_false(pass_read("", pass, NULL));
    assert_false(pass_read("TERN-PASS 0011\n", pass, NULL));
    assert_false(pass_read("TERN-PASS 00112233445566778899aabbccddeeff00\n", pass, NULL));
    assert_false(pass_read("TERN-PASS 00112233445566778899AABBCCDDEEFF\n", pass, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told_and_shown),
        cmocka_unit_test(test_what_is_no_pass),
    };
    if (!mkdtemp(folder))
        return 1;
    setenv("TERN_TMPDIR", folder, 1);
    int bad = cmocka_run_group_tests(tests, NULL, NULL);
    char own[64];
    snprintf(own, sizeof own, "%s/tern-%d", folder, (int)getuid());
    rmdir(own);
    rmdir(folder);
    return bad;
}
