/* A client that can let go of no screen, because none of its acknowledgements comes through for
 * long, and then they do again: sync starts anew instead of refusing for ever. */
#include "sync/sync.h"
#include "term/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void fill(void *ctx, void *out, size_t len)
{
    uint8_t *p = out;
    while (len--)
        *p++ = (uint8_t)rng_u64(ctx);
}

struct pair {
    struct rng rng;
    uint64_t now;
    struct sync *client, *server;
    struct term *term;
    struct sync_link facts;
    struct buf fragment;
    bool deaf; /* what the client says is lost */
};

static struct sync *end(struct pair *p, enum sync_role role)
{
    return sync_new(&(struct sync_config){.role = role,
                                          .native = true,
                                          .caps = SYNC_CAPS_ALL,
                                          .peer_caps = SYNC_CAPS_ALL,
                                          .null_codec = true,
                                          .entropy = {fill, &p->rng},
                                          .cols = 200,
                                          .rows = 100,
                                          .now_us = p->now});
}

static void exchange(struct pair *p)
{
    while (sync_send(p->server, p->now, &p->facts, &p->fragment) == 1)
        (void)!sync_receive(p->client, buf_data(&p->fragment), buf_len(&p->fragment), p->now,
                            &p->facts);
    while (sync_send(p->client, p->now, &p->facts, &p->fragment) == 1)
        if (!p->deaf)
            (void)!sync_receive(p->server, buf_data(&p->fragment), buf_len(&p->fragment), p->now,
                                &p->facts);
}

static void print(struct pair *p)
{
    char line[256];
    for (int row = 1; row <= 100; row++) {
        int n = snprintf(line, sizeof line, "\033[%d;1H", row);
        for (int i = 0; i < 200; i++)
            line[n++] = (char)('a' + rng_below(&p->rng, 26));
        term_write(p->term, line, (size_t)n);
    }
    struct snapshot *s = term_snapshot(p->term);
    sync_set_screen(p->server, s, p->now);
    snapshot_unref(s);
}

static bool agree(struct pair *p)
{
    struct snapshot *s = term_snapshot(p->term);
    struct sync_remote r = sync_remote(p->client);
    bool same = r.snapshot && snapshot_equal(r.snapshot, s, SNAPSHOT_NATIVE);
    snapshot_unref(s);
    return same;
}

static void test_a_full_client_starts_anew(void **state)
{
    struct pair p = {.rng = {5},
                     .now = 1000000,
                     .facts = {.srtt_us = 20000,
                               .rto_us = 60000,
                               .mtu_payload = 1224,
                               .bulk_room = SIZE_MAX,
                               .can_send = true}};
    buf_init(&p.fragment, 4096);
    p.client = end(&p, SYNC_CLIENT);
    p.server = end(&p, SYNC_SERVER);
    p.term = term_new(&(struct term_config){.cols = 200, .rows = 100});
    for (int i = 0; i < 20; i++, p.now += 20000) {
        print(&p);
        exchange(&p);
    }
    p.deaf = true;
    for (int i = 0; i < 1500; i++, p.now += 300000) {
        print(&p);
        exchange(&p);
        assert_true(sync_memory(p.client) < SYNC_MEMORY_MAX);
    }
    assert_true(sync_memory(p.client) > SYNC_SCREENS_MAX / 2); /* it is full indeed */
    assert_false(agree(&p));
    p.deaf = false;
    for (int i = 0; i < 200 && !agree(&p); i++, p.now += 20000)
        exchange(&p);
    assert_true(agree(&p));
    assert_true(sync_memory(p.client) < SYNC_SCREENS_MAX / 2);
    for (int i = 0; i < 50; i++, p.now += 20000) { /* and goes on as before */
        print(&p);
        exchange(&p);
    }
    for (int i = 0; i < 50; i++, p.now += 20000)
        exchange(&p);
    assert_true(agree(&p));
    sync_free(p.client);
    sync_free(p.server);
    term_free(p.term);
    buf_fini(&p.fragment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_full_client_starts_anew)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
