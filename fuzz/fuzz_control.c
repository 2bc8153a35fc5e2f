/* Link control: what is read can be written and read again, and both ends of a link take any
 * message that parses without harm. */
#include "link/control.h"

#include "base/mem.h"
#include "base/pb.h"
#include "link/link.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void fill(void *ctx, void *out, size_t len)
{
    memset(out, 0x5a, len);
}

static bool same(const struct control *a, const struct control *b)
{
    return a->kind == b->kind && a->token == b->token && a->challenge == b->challenge &&
           a->answer == b->answer && a->hint == b->hint && a->loss == b->loss;
}

static void codec(const uint8_t *data, size_t len)
{
    struct control c, again;
    int err = control_get(data, len, &c);
    BUG_ON(err > 0);
    BUG_ON(err == 0 && !pb_valid(data, len));
    if (err)
        return;
    struct buf b;
    buf_init(&b, CONTROL_MAX);
    control_put(&b, &c);
    BUG_ON(buf_err(&b));
    BUG_ON(control_get(buf_data(&b), buf_len(&b), &again));
    BUG_ON(!same(&c, &again));
    buf_fini(&b);
}

/* As the only message of an end that knows no peer, and of one that does. */
static void end(const uint8_t *data, size_t len, bool client, bool met)
{
    const struct keys keys = {.c2s = {1}, .s2c = {2}};
    struct link *l = link_new(&(struct link_config){.role = client ? LINK_CLIENT : LINK_SERVER,
                                                    .keys = &keys,
                                                    .route = 1,
                                                    .codec = SEAL_NULL,
                                                    .entropy = {fill, NULL},
                                                    .now_us = 1});
    struct seal *s = seal_new(&(struct seal_config){SEAL_NULL, &keys, client, false, 1});
    struct path_ref from = {.kind = PATH_PIPE, .sock = 3};
    struct link_datagram d;
    struct link_payload out;
    uint8_t plain[SEAL_PLAIN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 0x80};
    uint8_t dgram[SEAL_DATAGRAM];
    size_t sealed, sent = 0;
    if (met)
        link_pipe_open(l, from.sock, 1);
    memcpy(plain + 4 + LINK_FRAGMENT, data, len);
    BUG_ON(seal_close(s, plain, 4 + LINK_FRAGMENT + len, dgram, &sealed));
    struct control c;
    int err = control_get(data, len, &c);
    int got = link_receive(l, &from, false, dgram, sealed, 2, &out);
    BUG_ON(got > 0 || (err && got == 0));
    while (link_poll(l, 2, &d)) {
        BUG_ON(++sent > 20 || d.to.kind != PATH_PIPE);
        BUG_ON(d.len > SEAL_OVERHEAD + 4 + LINK_FRAGMENT + CONTROL_MAX);
    }
    BUG_ON(link_deadline(l, 2) <= 2);
    BUG_ON(got == 0 && c.kind == CONTROL_BYE && !link_peer_left(l));
    BUG_ON(got == 0 && c.kind == CONTROL_REPLY && link_proven_us(l) != 2);
    seal_free(s);
    link_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    codec(data, len);
    if (len > 200)
        len = 200;
    for (int i = 0; i < 4; i++)
        end(data, len, i & 1, i & 2);
    return 0;
}
