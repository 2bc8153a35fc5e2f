#include "fwd/packets.h"

#include "base/wire.h"

#define HEAD 2

int packets_send(struct chan *c, const void *bytes, size_t len)
{
    struct chan_counters k;
    uint8_t head[HEAD] = {(uint8_t)(len >> 8), (uint8_t)len};
    if (!chan_packet(c, bytes, len))
        return ERR_OK;
    chan_counters(c, &k);
    if (len > PACKETS_MAX || k.unsent + len > PACKETS_UNSENT_MAX || chan_room(c) < HEAD + len)
        return ERR_CAP;
    (void)!chan_write(c, CHAN_DATA, head, sizeof head);
    (void)!chan_write(c, CHAN_DATA, bytes, len);
    return ERR_OK;
}

void packets_read(struct chan *c, void (*take)(void *ctx, const uint8_t *bytes, size_t len),
                  void *ctx)
{
    size_t len, used = 0;
    const uint8_t *p = chan_peek(c, CHAN_DATA, &len);
    while (len - used >= HEAD && len - used - HEAD >= wire_get_u16(p + used)) {
        size_t n = wire_get_u16(p + used);
        take(ctx, p + used + HEAD, n);
        used += HEAD + n;
    }
    chan_consume(c, CHAN_DATA, used);
    chan_peek(c, CHAN_STDERR, &len);
    chan_consume(c, CHAN_STDERR, len);
}
