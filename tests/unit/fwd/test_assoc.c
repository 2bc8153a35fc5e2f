#include "../chan/memory.h"

#include "base/addr.h"
#include "base/mem.h"
#include "fwd/assoc.h"
#include "fwd/packets.h"
#include "io/dgram.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <cmocka.h>

/* Two processes with a connection between: the first listens, the second dials. */
struct world {
    struct loop *loop;
    struct memory *m;
    struct chans *chans[2];
    struct assocs *set[2];
    struct assoc_listener *listener;
    char host[64]; /* where the second leads to */
    uint16_t port;
    int refuse;
    char said[400];
    unsigned channels;
};

static int lead(void *ctx, const struct open_request *o, char host[static SPEC_HOST],
                uint16_t *port, const char **why)
{
    struct world *w = ctx;
    assert_int_equal(o->kind, OPEN_UDP);
    w->channels++;
    *why = "not here";
    snprintf(host, SPEC_HOST, "%s", w->host);
    *port = w->port;
    return w->refuse;
}

static void on_said(void *ctx, const char *text)
{
    struct world *w = ctx;
    snprintf(w->said, sizeof w->said, "%s", text);
}

static void world_init(struct world *w, const char *at, uint16_t port)
{
    *w = (struct world){.loop = loop_new(), .m = memory_new(5), .port = port};
    snprintf(w->host, sizeof w->host, "localhost");
    for (int i = 0; i < 2; i++) {
        w->set[i] = assocs_new(w->loop, &(struct assocs_config){.lead = i ? lead : NULL, .ctx = w});
        assocs_tell(w->set[i], &(struct assocs_ops){.say = on_said, .ctx = w});
        w->chans[i] = chans_new(&(struct chans_config){.ops = &assocs_chans_ops, .ctx = w->set[i]});
        struct stream_transport t = memory_transport(w->m, i);
        chans_set_transport(w->chans[i], &t);
        memory_user(w->m, i, &chans_events, w->chans[i]);
    }
    struct spec_end end = {.named = true}, to = {.host = "localhost", .port = port};
    char why[LISTEN_ERROR];
    snprintf(end.host, sizeof end.host, "%s", at);
    struct assoc_place p = {.at = &end, .to = &to, .pass = "pass"};
    assert_int_equal(assoc_listen(w->set[0], &p, why, &w->listener), 0);
    assert_int_equal(assoc_listener_start(w->listener, w->chans[0]), 0);
}

static void world_fini(struct world *w)
{
    assoc_listener_free(w->listener);
    for (int i = 0; i < 2; i++)
        chans_free(w->chans[i]);
    for (int i = 0; i < 2; i++)
        assocs_free(w->set[i]);
    memory_free(w->m);
    loop_free(w->loop);
}

/* A socket at a port of 127.0.0.1, or connected to one of the world's. */
static int open_at(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = dgram_socket(AF_INET);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    *port = ntohs(a.sin_port);
    return fd;
}

static int open_to(struct world *w, const char *ip)
{
    struct addr a;
    assert_int_equal(addr_parse(ip, &a), 0);
    a.port = assoc_listener_port(w->listener);
    return dgram_connect(&a);
}

/* The next one at fd, at most that many turns away; -1: none. */
static ssize_t get(struct world *w, int fd, uint8_t *p, struct dgram_ends *from, int turns)
{
    ssize_t n = -1;
    for (int i = 0; i < turns && n < 0; i++) {
        memory_step(w->m);
        loop_turn(w->loop, false);
        usleep(100);
        n = dgram_recv(fd, p, DGRAM_MAX, from);
    }
    return n;
}

static uint8_t in[DGRAM_MAX];

static void question_and_answer(struct world *w, int user, int far, size_t len)
{
    struct dgram_ends from;
    uint8_t out[DGRAM_MAX];
    memset(out, (int)len, len);
    assert_int_equal(dgram_send(user, out, len, NULL), 0);
    assert_int_equal(get(w, far, in, &from, 20000), len);
    assert_memory_equal(in, out, len);
    memset(out, (int)len + 1, len);
    assert_int_equal(dgram_send(far, out, len, &from), 0);
    assert_int_equal(get(w, user, in, NULL, 20000), len);
    assert_memory_equal(in, out, len);
}

/* Of all lengths, beside the stream and on it, from several users at once. */
static void there_and_back(void **state)
{
    static const size_t lengths[] = {0, 1, 500, 1000, 1001, 9000, 65507};
    struct world w;
    uint16_t port;
    int far = open_at(&port), user[3];
    world_init(&w, "127.0.0.1", port);
    for (int i = 0; i < 3; i++)
        user[i] = open_to(&w, "127.0.0.1");
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
        for (int i = 0; i < 3; i++)
            question_and_answer(&w, user[i], far, lengths[k]);
    assert_int_equal(w.channels, 3);
    for (int i = 0; i < 3; i++)
        close(user[i]);
    close(far);
    world_fini(&w);
}

/* On all addresses: the answer comes from the one that was asked, else the user would not take it.
 */
static void answers_come_from_where_they_were_asked(void **state)
{
    struct world w;
    uint16_t port;
    int far = open_at(&port);
    world_init(&w, "", port);
    int one = open_to(&w, "127.0.0.1"), other = open_to(&w, "127.3.2.1");
    question_and_answer(&w, one, far, 10);
    question_and_answer(&w, other, far, 11);
    close(one);
    close(other);
    close(far);
    world_fini(&w);
}

static void what_is_refused_is_told(void **state)
{
    struct world w;
    int user;
    world_init(&w, "127.0.0.1", 9);
    w.refuse = REFUSAL_PROHIBITED;
    user = open_to(&w, "127.0.0.1");
    assert_int_equal(dgram_send(user, "x", 1, NULL), 0);
    get(&w, user, in, NULL, 200);
    assert_non_null(strstr(w.said, "administratively prohibited: not here"));
    w.refuse = 0;
    snprintf(w.host, sizeof w.host, "no-such-host.invalid");
    assert_int_equal(dgram_send(user, "x", 1, NULL), 0);
    for (int i = 0; i < 20000 && !strstr(w.said, "open failed"); i++)
        get(&w, user, in, NULL, 1);
    assert_non_null(strstr(w.said, "open failed"));
    close(user);
    world_fini(&w);
}

/* More users than there may be: the newest work, the others begin again. */
static void too_many_users(void **state)
{
    struct world w;
    uint16_t port;
    int far = open_at(&port), first, user = -1;
    world_init(&w, "127.0.0.1", port);
    first = open_to(&w, "127.0.0.1");
    question_and_answer(&w, first, far, 10);
    for (int i = 0; i < 5 * ASSOCS_MAX && w.channels < ASSOCS_MAX + 20; i++) {
        if (user >= 0)
            close(user);
        user = open_to(&w, "127.0.0.1");
        assert_int_equal(dgram_send(user, "x", 1, NULL), 0);
        memory_step(w.m);
        loop_turn(w.loop, false);
    }
    while (get(&w, far, in, NULL, 2000) == 1)
        ;
    question_and_answer(&w, user, far, 10);
    unsigned before = w.channels;
    question_and_answer(&w, first, far, 10);
    assert_int_equal(w.channels, before + 1);
    close(first);
    close(user);
    close(far);
    world_fini(&w);
}

static void the_connection_breaks(void **state)
{
    struct world w;
    uint16_t port;
    int far = open_at(&port);
    world_init(&w, "127.0.0.1", port);
    int user = open_to(&w, "127.0.0.1");
    question_and_answer(&w, user, far, 10);
    memory_break(w.m);
    assert_int_equal(dgram_send(user, "x", 1, NULL), 0);
    assert_int_equal(get(&w, far, in, NULL, 200), -1);
    close(user);
    close(far);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(answers_come_from_where_they_were_asked),
        cmocka_unit_test(what_is_refused_is_told),
        cmocka_unit_test(too_many_users),
        cmocka_unit_test(the_connection_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
