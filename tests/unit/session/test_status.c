#include "session/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SECOND 1000000u

static void fill(void *ctx, void *out, size_t len)
{
    uint8_t *p = out;
    while (len--)
        *p++ = (uint8_t)rng_u64(ctx);
}

static void broken(void *ctx, struct chan *c, uint64_t code)
{
}

static const struct chans_ops ops = {.broken = broken};

/* A client's link over a pipe to nobody. */
struct desk {
    struct rng rng;
    struct lane lane;
    struct status status;
    uint64_t now;
};

static void desk_init(struct desk *d, const char *session)
{
    uint8_t secret[KEYS_SECRET] = {1};
    struct keys keys;
    *d = (struct desk){.rng = {5}, .now = 100 * (uint64_t)SECOND};
    keys_derive(&keys, secret);
    struct entropy entropy = {fill, &d->rng};
    d->lane.link = link_new(&(struct link_config){
        .role = LINK_CLIENT, .keys = &keys, .route = 7, .entropy = entropy, .now_us = d->now});
    link_pipe_open(d->lane.link, 3, d->now);
    if (session)
        lane_add_streams(&d->lane,
                         &(struct streams_config){.client = true, .entropy = entropy, .ops = &ops});
    status_init(&d->status, session, d->now);
}

static void desk_fini(struct desk *d)
{
    streams_free(d->lane.streams);
    link_free(d->lane.link);
    status_fini(&d->status);
}

static struct chan *open_one(struct desk *d)
{
    struct open_request o = {.kind = OPEN_EXEC, .command = {"x", 1}};
    struct chan *c;
    assert_int_equal(chan_open(streams_chans(d->lane.streams, d->now), &o, NULL, &c), 0);
    return c;
}

/* Line n of what is shown; "" past the last. */
static const char *line(const struct desk *d, int n)
{
    static char out[200];
    const char *p = status_text(&d->status, d->now);
    out[0] = 0;
    for (; p && n; n--) {
        p = strchr(p, '\n');
        p = p ? p + 1 : NULL;
    }
    if (p)
        snprintf(out, sizeof out, "%.*s", (int)strcspn(p, "\n"), p);
    return out;
}

static int lines(const struct desk *d)
{
    const char *p = status_text(&d->status, d->now);
    int n = p != NULL;
    while (p && (p = strchr(p, '\n')))
        n++, p++;
    return n;
}

static void session_path_and_wire(void **state)
{
    struct desk d;
    (void)state;
    desk_init(&d, "work");
    assert_null(status_text(&d.status, d.now));
    d.status.screens = 12;
    d.status.frames = 10;
    d.status.typed = 1234567;
    d.now += 3725 * (uint64_t)SECOND;
    status_show(&d.status, &d.lane, 24, d.now);
    assert_string_equal(line(&d, 0),
                        "session work, 1:02:05; 12 screens came, 10 drawn; 1.2 MB typed");
    assert_string_equal(line(&d, 1), "path pipe; loss 0 %");
    assert_string_equal(line(&d, 2), "wire: 0 datagrams sent, 0 B; 0 received, 0 B");
    assert_string_equal(line(&d, 3), "0 channels");
    assert_int_equal(lines(&d), 4);
    assert_false(streams_started(d.lane.streams)); /* a look starts nothing */
    desk_fini(&d);
}

static void sent_datagrams_count(void **state)
{
    struct desk d;
    struct link_datagram out;
    uint8_t payload[LINK_FRAGMENT + 90] = {0};
    char want[80];
    (void)state;
    desk_init(&d, NULL);
    assert_int_equal(link_send(d.lane.link, 0, payload, sizeof payload, LINK_SCREEN, d.now, &out),
                     0);
    snprintf(want, sizeof want, "wire: 1 datagrams sent, %zu B; 0 received, 0 B", out.len);
    status_show(&d.status, &d.lane, 24, d.now + 7 * SECOND);
    assert_string_equal(line(&d, 0),
                        "a stock mosh-server's session, 7 s; 0 screens came, 0 drawn; 0 B typed");
    assert_string_equal(line(&d, 2), want);
    desk_fini(&d);
}

static void channels_in_their_order(void **state)
{
    struct desk d;
    static uint8_t bytes[100000];
    (void)state;
    desk_init(&d, "work");
    open_one(&d);
    struct chan *second = open_one(&d), *third = open_one(&d);
    assert_int_equal(chan_write(third, CHAN_DATA, bytes, sizeof bytes), sizeof bytes);
    chan_eof(third);
    chan_abandon(second, STREAM_DONE);
    status_show(&d.status, &d.lane, 24, d.now);
    /* The one that was given up waits for the transport's word. */
    assert_string_equal(line(&d, 3), "3 channels");
    assert_string_equal(line(&d, 4),
                        "#1 exec, waiting: sent 0 B, received 0 B; window 256 kB, may send 256 kB");
    assert_memory_equal(line(&d, 5), "#2 exec, closing: ", 18);
    assert_memory_equal(line(&d, 6), "#3 exec, waiting: sent 100.0 kB, received 0 B; ", 46);
    assert_non_null(strstr(line(&d, 6), "may send 158 kB"));
    assert_int_equal(lines(&d), 7);
    desk_fini(&d);
}

/* However many there are and however small the terminal: it fits, and says what is missing. */
static void a_thousand_channels(void **state)
{
    struct desk d;
    (void)state;
    desk_init(&d, "work");
    for (int i = 0; i < 1000; i++)
        open_one(&d);
    for (unsigned rows = 1; rows < 1010; rows += rows < 10 ? 1 : 499) {
        char want[80] = "", last[80];
        status_show(&d.status, &d.lane, rows, d.now);
        assert_int_equal(lines(&d), rows < 1004 ? rows : 1004);
        if (rows > 4 && rows < 1004)
            snprintf(want, sizeof want, "... %u more", 1000 - (rows - 5));
        snprintf(last, sizeof last, "%.79s", line(&d, (int)rows - 1));
        if (want[0])
            assert_string_equal(last, want);
    }
    status_show(&d.status, &d.lane, 1004, d.now);
    assert_memory_equal(line(&d, 1003), "#1000 exec, ", 12);
    desk_fini(&d);
}

static void goes_again(void **state)
{
    struct desk d;
    (void)state;
    desk_init(&d, "work");
    status_show(&d.status, &d.lane, 24, d.now);
    status_resize(&d.status, &d.lane, 2, d.now);
    assert_int_equal(lines(&d), 2);
    d.now += STATUS_SHOWN_US;
    assert_null(status_text(&d.status, d.now));
    status_resize(&d.status, &d.lane, 24, d.now); /* it is over, and stays so */
    assert_null(status_text(&d.status, d.now));
    status_show(&d.status, &d.lane, 24, d.now);
    assert_non_null(status_text(&d.status, d.now));
    status_hide(&d.status);
    assert_null(status_text(&d.status, d.now));
    desk_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_path_and_wire),
        cmocka_unit_test(sent_datagrams_count),
        cmocka_unit_test(channels_in_their_order),
        cmocka_unit_test(a_thousand_channels),
        cmocka_unit_test(goes_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
