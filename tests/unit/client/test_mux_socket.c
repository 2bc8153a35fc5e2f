#include "client/mux_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64], path[MUX_PATH];
static struct loop *loop;
static int came;

static void on_accepted(void *ctx, int fd)
{
    (void)ctx;
    came++;
    close(fd);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tu-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/ctl", folder);
    loop = loop_new();
    came = 0;
    return loop ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loop);
    unlink(path);
    return rmdir(folder); /* fails if a temporary name is left */
}

static struct mux_socket *open_one(int want, const char *says)
{
    struct mux_socket *s = NULL;
    char why[MUX_ERROR] = "";
    assert_int_equal(mux_socket_new(loop, path, on_accepted, NULL, why, &s), want);
    if (says)
        assert_non_null(strstr(why, says));
    return s;
}

static void test_listens_and_goes(void **state)
{
    struct stat st;
    int fd;
    assert_int_equal(mux_socket_connect(path, &fd), ERR_STATE);
    struct mux_socket *s = open_one(0, NULL);
    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(mux_socket_connect(path, &fd), 0);
    while (!came)
        loop_turn(loop, true);
    close(fd);
    assert_null(open_one(ERR_STATE, "already exists"));
    mux_socket_free(s);
    assert_int_equal(lstat(path, &st), -1);
}

static void leave_dead_socket(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(a.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    close(fd);
}

static void test_dead_one_is_replaced(void **state)
{
    int fd;
    leave_dead_socket();
    assert_int_equal(mux_socket_connect(path, &fd), ERR_SYS);
    assert_int_equal(errno, ECONNREFUSED);
    struct mux_socket *s = open_one(0, NULL);
    assert_int_equal(mux_socket_connect(path, &fd), 0);
    close(fd);
    mux_socket_free(s);
}

/* Who put another file there meant it. */
static void test_only_ours_is_removed(void **state)
{
    struct stat st;
    struct mux_socket *s = open_one(0, NULL);
    unlink(path);
    leave_dead_socket();
    mux_socket_free(s);
    assert_int_equal(lstat(path, &st), 0);
}

static void test_what_is_no_socket_stays(void **state)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_null(open_one(ERR_STATE, "already exists"));
    assert_int_equal(access(path, F_OK), 0);
}

static void test_folders(void **state)
{
    assert_int_equal(chmod(folder, 0777), 0);
    assert_null(open_one(ERR_STATE, "other users may write there"));
    assert_int_equal(chmod(folder, 01777), 0);
    mux_socket_free(open_one(0, NULL));
    assert_int_equal(chmod(folder, 0700), 0);
    char keep[MUX_PATH];
    memcpy(keep, path, sizeof keep);
    snprintf(path, sizeof path, "%s/none/ctl", folder);
    assert_null(open_one(ERR_SYS, "No such file"));
    /* As long as sun_path takes, which is more than a stock owner can have. */
    snprintf(path, sizeof path, "%s/", folder);
    size_t len = strlen(path);
    memset(path + len, 'x', sizeof path - 1 - len);
    path[sizeof path - 1] = 0;
    mux_socket_free(open_one(0, NULL));
    memcpy(path, keep, sizeof keep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_listens_and_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dead_one_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_ours_is_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_socket_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folders, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
