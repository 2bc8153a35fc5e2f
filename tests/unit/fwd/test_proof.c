#include "fwd/proof.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define WORD "00112233445566778899aabbccddeeff"

struct world {
    struct loop *loop;
    struct proofs proofs;
    int listener; /* in the place of sshd's */
    unsigned port;
    int asker; /* in the place of the client */
    bool proven, any;
};

static void on_proven(void *ctx, int fd, bool any)
{
    struct world *w = ctx;
    w->proven = true;
    w->any = any;
    close(fd);
}

static void world_init(struct world *w, uint32_t at)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(at)};
    socklen_t len = sizeof a;
    int fd[2];
    *w = (struct world){.loop = loop_new()};
    proofs_init(&w->proofs, w->loop, on_proven, w);
    w->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(w->listener, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(w->listener, 4), 0);
    getsockname(w->listener, (struct sockaddr *)&a, &len);
    w->port = ntohs(a.sin_port);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    w->asker = fd[0];
    proofs_take(&w->proofs, fd[1]);
}

static void world_fini(struct world *w)
{
    proofs_fini(&w->proofs);
    close(w->listener);
    close(w->asker);
    loop_free(w->loop);
}

static void turns(struct world *w)
{
    for (int i = 0; i < 60; i++) {
        loop_turn(w->loop, false);
        usleep(500);
    }
}

/* Ask with this line; `here` is what is answered at the port. */
static void check(uint32_t at, const char *ask, const char *here, bool proven, bool any)
{
    struct world w;
    char line[200];
    world_init(&w, at);
    int n = snprintf(line, sizeof line, ask, w.port);
    assert_int_equal(send(w.asker, line, (size_t)n, 0), n);
    turns(&w);
    int back = accept4(w.listener, NULL, NULL, SOCK_NONBLOCK);
    if (back >= 0) {
        send(back, here, strlen(here), MSG_NOSIGNAL);
        turns(&w);
        close(back);
    }
    turns(&w);
    assert_int_equal(w.proven, proven);
    assert_int_equal(w.any, any);
    assert_int_equal(w.proofs.count, 0);
    world_fini(&w);
}

static void test_proven(void **state)
{
    check(INADDR_LOOPBACK, "LISTEN %u " WORD "\n", "TERN-HERE " WORD "\n", true, false);
    check(INADDR_ANY, "LISTEN %u " WORD "\n", "TERN-HERE " WORD "\n", true, true);
}

static void test_not_proven(void **state)
{
    check(INADDR_LOOPBACK, "LISTEN %u " WORD "\n", "TERN-HERE 00112233445566778899aabbccddeef0\n",
          false, false);
    check(INADDR_LOOPBACK, "LISTEN %u " WORD "\n", "SSH-2.0-OpenSSH\r\n", false, false);
    check(INADDR_LOOPBACK, "LISTEN %u " WORD "\n", "", false, false);
    check(INADDR_LOOPBACK, "LISTEN %u short\n", "TERN-HERE short\n", false, false);
    check(INADDR_LOOPBACK, "LISTEN %u" WORD "\n", "", false, false);
    check(INADDR_LOOPBACK, "LISTEN 70000 " WORD "%u\n", "", false, false);
    check(INADDR_LOOPBACK, "nonsense %u\n", "", false, false);
    check(
        INADDR_LOOPBACK,
        "LISTEN %u aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "", false, false);
}

static void test_table(void **state)
{
    static const char table[] = "  sl  local_address rem_address   st tx_queue rx_queue\n"
                                "   0: 00000000:07E8 00000000:0000 0A 00000000:00000000\n"
                                "   1: 0100007F:46CB 00000000:0000 0A 00000000:00000000\n"
                                "   2: 00000000:1F90 0100007F:0050 01 00000000:00000000\n";
    assert_true(proof_listens_anywhere(table, 0x7e8));
    assert_false(proof_listens_anywhere(table, 0x46cb)); /* at loopback */
    assert_false(proof_listens_anywhere(table, 0x1f90)); /* a connection */
    assert_false(proof_listens_anywhere("", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proven),
        cmocka_unit_test(test_not_proven),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
