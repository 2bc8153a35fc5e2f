#include "boot/sshpeer.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in at;
static int listener;

static int connected(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && !connect(fd, (struct sockaddr *)&at, sizeof at) ? fd : -1;
}

/* A process with so many connections, each under two numbers, and other sockets. */
static pid_t start_ssh(int connections)
{
    int ready[2], pair[2];
    char c;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool good =
            !socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && socket(AF_INET, SOCK_DGRAM, 0) >= 0;
        close(listener);
        for (int i = 0; i < connections; i++)
            good = dup(connected()) >= 0 && good;
        good = write(ready[1], &"-+"[good], 1) == 1;
        pause();
        _exit(!good);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(c, '+');
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end_ssh(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int set_up(void **state)
{
    socklen_t len = sizeof at;
    at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(listener, (struct sockaddr *)&at, len) || listen(listener, 8) ||
           getsockname(listener, (struct sockaddr *)&at, &len);
}

static int tear_down(void **state)
{
    return close(listener);
}

static bool finds_it(pid_t pid)
{
    struct addr a;
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    return !sshpeer_of(pid, &a) && a.family == ADDR_V4 && a.port == ntohs(at.sin_port) &&
           !memcmp(a.ip, loopback, 4);
}

static void the_one_connection_is_found(void **state)
{
    struct addr a;
    pid_t one = start_ssh(0), two;
    assert_int_equal(sshpeer_of(one, &a), ERR_STATE);
    end_ssh(one);
    one = start_ssh(1);
    two = start_ssh(2);
    assert_true(finds_it(one));
    assert_int_equal(sshpeer_of(two, &a), ERR_STATE);
    end_ssh(one);
    end_ssh(two);
    assert_int_equal(sshpeer_of(one, &a), ERR_STATE);
}

/* From here on, in this process, another's descriptors are not lent. */
static bool refuse_lending(void)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_getfd, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog p = {.len = sizeof f / sizeof *f, .filter = f};
    return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
           !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) &&
           syscall(SYS_pidfd_getfd, -1, 0, 0) < 0 && errno == EPERM;
}

static void or_in_the_tables_of_proc(void **state)
{
    struct addr a;
    int status;
    pid_t none = start_ssh(0), one = start_ssh(1), two = start_ssh(2), asker = fork();
    if (asker == 0)
        _exit(!refuse_lending() || !finds_it(one) || sshpeer_of(none, &a) != ERR_STATE ||
              sshpeer_of(two, &a) != ERR_STATE);
    assert_int_equal(waitpid(asker, &status, 0), asker);
    assert_int_equal(status, 0);
    end_ssh(none);
    end_ssh(one);
    end_ssh(two);
}

static void lines_of_the_tables(void **state)
{
    unsigned long inode;
    struct addr a;
    assert_true(sshpeer_line("   2: 0100007F:C350 08080808:0016 01 00000000:00000000 00:00000000 "
                             "00000000     0        0 4711 1 0 20 4 30 10 -1",
                             &inode, &a));
    assert_int_equal(inode, 4711);
    assert_int_equal(a.port, 22);
    assert_memory_equal(a.ip, ((const uint8_t[]){8, 8, 8, 8}), 4);
    assert_true(sshpeer_line("   0: 0000000000000000FFFF00000100007F:C350 "
                             "0000000000000000FFFF00000100007F:0016 01 00000000:00000000 "
                             "00:00000000 00000000     0        0 12 1 0 20 4 30 10 -1",
                             &inode, &a));
    assert_int_equal(a.family, ADDR_V4);
    /* listening; the head of the table */
    assert_false(sshpeer_line("   2: 0100007F:C350 08080808:0016 0A 00000000:00000000 00:00000000 "
                              "00000000     0        0 4711 1 0 20 4 30 10 -1",
                              &inode, &a));
    assert_false(sshpeer_line("  sl  local_address rem_address   st tx_queue", &inode, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_connection_is_found),
        cmocka_unit_test(or_in_the_tables_of_proc),
        cmocka_unit_test(lines_of_the_tables),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
