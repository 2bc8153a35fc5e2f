#include "rig.h"

#include "io/sockdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct world {
    char base[64];
    struct sockdir dir;
    struct loop *loop;
    int accepted; /* newest descriptor, or -1 */
    int count;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->base, sizeof w->base, "/tmp/tern-test-XXXXXX");
    if (!mkdtemp(w->base))
        return -1;
    setenv("TERN_TMPDIR", w->base, 1);
    w->loop = loop_new();
    w->accepted = -1;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->accepted >= 0)
        close(w->accepted);
    loop_free(w->loop);
    rmdir(w->dir.path);
    int r = rmdir(w->base); /* fails the test if anything was left behind */
    free(w);
    return r;
}

static void on_accepted(void *ctx, int fd)
{
    struct world *w = ctx;
    if (w->accepted >= 0)
        close(w->accepted);
    w->accepted = fd;
    w->count++;
}

static void test_folder_is_private(void **state)
{
    struct world *w = *state;
    char why[SOCKDIR_ERROR];
    struct stat st;
    mode_t mask = umask(0);
    assert_int_equal(sockdir_open(&w->dir, why), 0);
    umask(mask);
    assert_int_equal(stat(w->dir.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(sockdir_open(&w->dir, why), 0); /* again */
    assert_int_equal(chmod(w->dir.path, 0750), 0);
    assert_int_equal(sockdir_open(&w->dir, why), ERR_STATE);
    assert_non_null(strstr(why, "chmod 700"));
}

static void test_symlink_file_and_stranger_are_refused(void **state)
{
    struct world *w = *state;
    char why[SOCKDIR_ERROR], path[128];
    snprintf(path, sizeof path, "%s/tern-%u", w->base, (unsigned)geteuid());
    assert_int_equal(symlink("/tmp", path), 0);
    assert_int_equal(sockdir_open(&w->dir, why), ERR_STATE);
    assert_non_null(strstr(why, "not a directory"));
    unlink(path);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_int_equal(sockdir_open(&w->dir, why), ERR_STATE);
    unlink(path);
    if (geteuid() == 0) {
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(chown(path, 12345, 12345), 0);
        assert_int_equal(sockdir_open(&w->dir, why), ERR_STATE);
        assert_non_null(strstr(why, "12345"));
        rmdir(path);
    }
    setenv("TERN_TMPDIR", "/no/such/place", 1);
    assert_int_equal(sockdir_open(&w->dir, why), ERR_SYS);
    assert_non_null(strstr(why, "TERN_TMPDIR"));
}

static void test_connect_list_and_clean_up(void **state)
{
    struct world *w = *state;
    char why[SOCKDIR_ERROR], names[4][SOCKDIR_NAME];
    struct listener *a, *b, *c;
    int fd;
    assert_int_equal(sockdir_open(&w->dir, why), 0);
    assert_int_equal(sockdir_connect(&w->dir, "s-1", &fd), ERR_STATE); /* nobody */
    assert_int_equal(listener_new(w->loop, &w->dir, "s-2", on_accepted, w, &b), 0);
    assert_int_equal(listener_new(w->loop, &w->dir, "s-1", on_accepted, w, &a), 0);
    assert_int_equal(listener_new(w->loop, &w->dir, "s-1", on_accepted, w, &c), ERR_STATE);
    assert_int_equal(listener_new(w->loop, &w->dir, "../x", on_accepted, w, &c), ERR_CAP);
    assert_int_equal(sockdir_list(&w->dir, "s-", names, 4), 2);
    assert_string_equal(names[0], "s-1");
    assert_string_equal(names[1], "s-2");
    assert_int_equal(sockdir_list(&w->dir, "s-", names, 1), 1);
    assert_int_equal(sockdir_list(&w->dir, "x", names, 4), 0);
    assert_int_equal(sockdir_connect(&w->dir, "s-1", &fd), 0);
    int before = w->count; /* the third listener_new looked whether somebody lives there */
    RIG_UNTIL(w->loop, w->count > before || w->accepted >= 0);
    assert_int_equal(peer_check(fd), 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    listener_free(a);
    listener_free(b);
    assert_int_equal(sockdir_list(&w->dir, "", names, 4), 0);
}

static void test_dead_socket_is_replaced(void **state)
{
    struct world *w = *state;
    char why[SOCKDIR_ERROR], names[4][SOCKDIR_NAME], path[128], other[128];
    struct listener *a;
    int fd;
    assert_int_equal(sockdir_open(&w->dir, why), 0);
    /* As after kill -9: the file is there, nobody listens. */
    assert_int_equal(listener_new(w->loop, &w->dir, "s", on_accepted, w, &a), 0);
    snprintf(path, sizeof path, "%s/s", w->dir.path);
    snprintf(other, sizeof other, "%s/t", w->dir.path);
    assert_int_equal(rename(path, other), 0);
    listener_free(a);
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(listener_new(w->loop, &w->dir, "s", on_accepted, w, &a), 0);
    assert_int_equal(sockdir_connect(&w->dir, "s", &fd), 0);
    close(fd);
    assert_int_equal(rename(path, other), 0);
    listener_free(a);
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(sockdir_connect(&w->dir, "s", &fd), ERR_STATE);
    assert_int_equal(sockdir_list(&w->dir, "", names, 4), 0); /* cleaned on the way */
}

static void test_descriptors_travel(void **state)
{
    int s[2], p[2], fds[FDS_MAX], none[FDS_MAX];
    size_t len, nfds;
    char text[8];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    len = sizeof text;
    assert_int_equal(fds_recv(s[1], text, &len, fds, &nfds), ERR_STATE); /* nothing yet */
    assert_int_equal(fds_send(s[0], "abc", 3, p, 2), 0);
    len = sizeof text;
    assert_int_equal(fds_recv(s[1], text, &len, fds, &nfds), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(text, "abc", 3);
    assert_int_equal(nfds, 2);
    assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(fds[1], "z", 1), 1);
    assert_int_equal(read(p[0], text, 1), 1);
    assert_int_equal(text[0], 'z');
    close(s[0]);
    len = sizeof text;
    assert_int_equal(fds_recv(s[1], text, &len, none, &nfds), 0);
    assert_int_equal(nfds, 0);
    assert_int_equal(len, 0); /* end of file */
    int all[] = {s[1], p[0], p[1], fds[0], fds[1]};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(close(all[i]), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_folder_is_private),         TEST(test_symlink_file_and_stranger_are_refused),
        TEST(test_connect_list_and_clean_up), TEST(test_dead_socket_is_replaced),
        TEST(test_descriptors_travel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
