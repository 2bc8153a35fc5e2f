/* Datagrams over a channel: what a peer sends on the stream and beside it gives whole datagrams
 * that can be read, and everything of the stream is taken but the beginning of the next one. And
 * the body of a DATAGRAM frame. The input is a row of pieces: a length, whose highest bit says
 * beside the stream, and bytes. */
#include "base/mem.h"
#include "fwd/packets.h"
#include "quic/packets.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct world {
    struct chans *chans;
    unsigned sum;
};

static int op_open(void *t, void *user, int64_t *id)
{
    return ERR_STATE;
}

static void op_nothing(void *t, int64_t id)
{
}

static void op_class(void *t, int64_t id, enum stream_class c)
{
}

static void op_credit(void *t, int64_t id, size_t len)
{
}

static void op_give_up(void *t, int64_t id, uint64_t code)
{
}

static const struct stream_ops transport = {.open = op_open,
                                            .wake = op_nothing,
                                            .class_set = op_class,
                                            .credit = op_credit,
                                            .reset = op_give_up,
                                            .stop = op_give_up};

static void take(void *ctx, const uint8_t *bytes, size_t len)
{
    struct world *w = ctx;
    BUG_ON(len > PACKETS_MAX);
    for (size_t i = 0; i < len; i++)
        w->sum += bytes[i];
}

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    chan_accept(c);
    return 0;
}

static void on_readable(void *ctx, struct chan *c)
{
    size_t len;
    packets_read(c, take, ctx);
    const uint8_t *p = chan_peek(c, CHAN_DATA, &len);
    BUG_ON(len >= 2 && len - 2 >= (size_t)(p[0] << 8 | p[1]));
    if (chan_over(c) || chan_ended(c, CHAN_DATA))
        chan_release(c);
}

static void on_writable(void *ctx, struct chan *c)
{
}

static void on_stopped(void *ctx, struct chan *c, enum chan_stream s)
{
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
}

static void on_packet(void *ctx, struct chan *c, const uint8_t *bytes, size_t len)
{
    take(ctx, bytes, len);
}

static const struct chans_ops ops = {.opened = on_opened,
                                     .readable = on_readable,
                                     .writable = on_writable,
                                     .stopped = on_stopped,
                                     .broken = on_broken,
                                     .packet = on_packet};

static void frame(const uint8_t *p, size_t len)
{
    uint64_t id;
    size_t head;
    if (quic_packets_get(p, len, &id, &head))
        return;
    BUG_ON(head > len || head > 8 || id >> 62);
}

static void piece(struct world *w, void *user, bool beside, const uint8_t *p, size_t len)
{
    uint8_t head[MESSAGE_HEAD];
    frame(p, len);
    if (beside) {
        chans_events.packet(w->chans, user, p, len);
        return;
    }
    message_head(head, MESSAGE_DATA, len);
    chans_events.data(w->chans, user, head, sizeof head, false);
    chans_events.data(w->chans, user, p, len, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct world w = {0};
    struct buf b;
    w.chans = chans_new(&(struct chans_config){.ops = &ops, .ctx = &w});
    chans_set_transport(w.chans, &(struct stream_transport){&transport, &w});
    void *user = chans_events.opened(w.chans, 0);
    buf_init(&b, MESSAGE_OPEN_MAX);
    request_put(&b, &(struct open_request){.kind = OPEN_UDP, .host = {"h", 1}, .port = 53});
    chans_events.data(w.chans, user, buf_data(&b), buf_len(&b), false);
    buf_fini(&b);
    for (size_t at = 0; at < len;) {
        bool beside = data[at] & 0x80;
        size_t n = data[at++] & 0x7f;
        n = n < len - at ? n : len - at;
        piece(&w, user, beside, data + at, n);
        at += n;
    }
    chans_free(w.chans);
    return 0;
}
