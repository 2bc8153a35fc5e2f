/* Both endpoints over a pipe that delivers at once, on a clock that jumps from deadline to
 * deadline. */
#ifndef TERN_TESTS_ENDS_H
#define TERN_TESTS_ENDS_H

#include "session/client_end.h"
#include "session/server_end.h"
#include "sync/sync.h"
#include "term/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define SECOND  1000000u
#define CLIENTS 3

struct ends {
    uint64_t now;
    struct rng rng;
    struct server_end *server;
    uint32_t sid;
    struct client_end *client[CLIENTS];
    uint16_t route[CLIENTS];
    bool cut[CLIENTS];      /* nothing passes */
    bool ask;               /* clients that join ask their terminals */
    unsigned sent[CLIENTS]; /* datagrams of the client */
    struct term *tty[CLIENTS];
    struct buf *seen[CLIENTS]; /* what its terminal got, if somebody wants to know */
    unsigned hangups, ended, closed, resizes;
    uint16_t cols, rows;       /* of the pty */
    struct buf typed;          /* what the pty got */
    enum predict_when predict; /* of clients that join from now on */
    uint64_t history;          /* lines that clients want who join from now on */
};

static inline void ends_entropy(void *ctx, void *out, size_t len)
{
    uint8_t *p = out;
    while (len--)
        *p++ = (uint8_t)rng_u64(ctx);
}

static inline void ends_resize(void *ctx, uint32_t sid, uint16_t cols, uint16_t rows)
{
    struct ends *e = ctx;
    assert_int_equal(sid, e->sid);
    e->resizes++;
    e->cols = cols;
    e->rows = rows;
}

static inline void ends_hangup(void *ctx, uint32_t sid)
{
    struct ends *e = ctx;
    assert_int_equal(sid, e->sid);
    e->hangups++;
}

static inline void ends_ended(void *ctx, uint32_t sid)
{
    struct ends *e = ctx;
    assert_int_equal(sid, e->sid);
    e->ended++;
}

static inline void ends_closed(void *ctx, uint16_t route)
{
    (void)route;
    ((struct ends *)ctx)->closed++;
}

static inline void ends_init(struct ends *e)
{
    *e = (struct ends){.now = 1000 * (uint64_t)SECOND,
                       .rng = {7},
                       .cols = 80,
                       .rows = 24,
                       .predict = PREDICT_NEVER};
    buf_init(&e->typed, 4 << 20);
    e->server = server_end_new(&(struct server_end_config){
        .ops = {ends_resize, ends_hangup, ends_ended, ends_closed, e},
        .entropy = {ends_entropy, &e->rng},
        .history_bytes = 1 << 20,
        .detach_timeout_us = 3600 * (uint64_t)SECOND,
        .first_timeout_us = 60 * SECOND,
    });
    e->sid = server_session_open(e->server, "main", 80, 24, e->now);
    assert_int_not_equal(e->sid, 0);
}

static inline void ends_join(struct ends *e, int i, uint16_t cols, uint16_t rows)
{
    struct connect c;
    assert_int_equal(server_link_open(e->server, e->sid, &c, e->now), 0);
    e->route[i] = c.route;
    server_link_history(e->server, c.route, e->history);
    struct view_facts facts;
    view_facts_default(&facts, cols, rows);
    facts.osc = facts.clip = facts.notify = true;
    facts.paint.links = PAINT_LINKS_PLAIN;
    e->client[i] = client_end_new(&(struct client_end_config){
        .connect = &c,
        .entropy = {ends_entropy, &e->rng},
        .tty = &facts,
        .ask = e->ask,
        .escape = {ESCAPE_SSH, '~'},
        .history = e->history != 0,
        .predict = e->predict,
        .name = "tern",
        .now_us = e->now,
    });
    connect_wipe(&c);
    e->tty[i] =
        term_new(&(struct term_config){.cols = cols, .rows = rows, .history_bytes = 64 << 20});
    link_pipe_open(client_end_link(e->client[i]), 50 + (uint32_t)i, e->now);
    assert_true(server_pipe(e->server, e->route[i], 50 + (uint32_t)i, true, e->now));
}

static inline void ends_drop(struct ends *e, int i)
{
    client_end_free(e->client[i]);
    term_free(e->tty[i]);
    e->client[i] = NULL;
    e->tty[i] = NULL;
}

static inline void ends_fini(struct ends *e)
{
    for (int i = 0; i < CLIENTS; i++)
        if (e->client[i])
            ends_drop(e, i);
    server_end_free(e->server);
    buf_fini(&e->typed);
}

/* There is no UDP here. */
static inline void ends_wants(struct ends *e, int i)
{
    struct link *link = client_end_link(e->client[i]);
    struct link_request r;
    while (link_wants(link, e->now, &r) != LINK_WANT_NONE)
        if (r.want == LINK_WANT_SOCKET)
            link_socket_failed(link, r.family, e->now);
}

static inline void ends_exchange(struct ends *e)
{
    struct link_datagram d;
    bool more = true;
    for (int guard = 0; more; guard++) {
        assert_true(guard < 100000);
        more = false;
        for (int i = 0; i < CLIENTS; i++) {
            if (!e->client[i] || client_end_poll(e->client[i], e->now, &d) != 1)
                continue;
            more = true;
            e->sent[i]++;
            if (!e->cut[i])
                server_end_datagram(e->server, &d.to, false, d.data, d.len, e->now);
        }
        if (server_end_poll(e->server, e->now, &d) == 1) {
            more = true;
            uint32_t i = d.to.sock - 50;
            assert_true(i < CLIENTS);
            if (e->client[i] && !e->cut[i])
                client_end_datagram(e->client[i], &d.to, false, d.data, d.len, e->now);
        }
    }
    struct buf *in = server_session_input(e->server, e->sid);
    if (in && buf_len(in)) {
        buf_put(&e->typed, buf_data(in), buf_len(in));
        buf_skip(in, buf_len(in));
        server_session_written(e->server, e->sid, e->now);
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (!e->client[i])
            continue;
        ends_wants(e, i);
        struct buf *out = client_end_tty(e->client[i], e->now);
        term_write(e->tty[i], buf_data(out), buf_len(out));
        if (e->seen[i])
            buf_put(e->seen[i], buf_data(out), buf_len(out));
        buf_skip(out, buf_len(out));
    }
}

/* Let `us` pass. */
static inline void ends_run(struct ends *e, uint64_t us)
{
    uint64_t until = e->now + us;
    for (int guard = 0;; guard++) {
        assert_true(guard < 1000000);
        ends_exchange(e);
        uint64_t next = server_end_deadline(e->server, e->now);
        for (int i = 0; i < CLIENTS; i++) {
            uint64_t d = e->client[i] ? client_end_deadline(e->client[i], e->now) : UINT64_MAX;
            next = d < next ? d : next;
        }
        if (next > until) {
            e->now = until;
            break;
        }
        e->now = next > e->now ? next : e->now + 1;
    }
    ends_exchange(e);
}

static inline void ends_print(struct ends *e, const char *text)
{
    server_session_output(e->server, e->sid, text, strlen(text), e->now);
}

static inline void ends_type(struct ends *e, int i, const char *text)
{
    client_end_keys(e->client[i], text, strlen(text), e->now);
}

static inline void ends_assert_typed(struct ends *e, const char *want)
{
    assert_int_equal(buf_len(&e->typed), strlen(want));
    assert_memory_equal(buf_data(&e->typed), want, strlen(want));
}

/* Row of client i's terminal, right-trimmed. */
static inline void ends_assert_row(struct ends *e, int i, uint16_t row, const char *want)
{
    struct snapshot *s = term_snapshot(e->tty[i]);
    char got[4096];
    size_t n = 0;
    for (uint16_t c = 0; c < s->cols && n < sizeof got - CELL_UTF8_MAX; c++)
        n += row_text(snapshot_row(s, row), c, (uint8_t *)got + n);
    while (n && got[n - 1] == ' ')
        n--;
    got[n] = 0;
    snapshot_unref(s);
    assert_string_equal(got, want);
}

static inline bool ends_done(struct ends *e, int i)
{
    return client_end_action(e->client[i], e->now) == CLIENT_DONE;
}

#endif
