#include "linklab.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

/* RFC 1624: the checksum after one 16-bit word went from `from` to `to`. */
static void adjust_checksum(uint8_t *sum, uint16_t from, uint16_t to)
{
    uint32_t s = (uint16_t) ~(sum[0] << 8 | sum[1]);
    s += (uint16_t)~from;
    s += to;
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    s = (uint16_t)~s;
    sum[0] = (uint8_t)(s >> 8);
    sum[1] = (uint8_t)s;
}

void packet_shift_port(uint8_t *packet, size_t len, bool destination, uint16_t by)
{
    size_t header;
    uint8_t proto;
    if (len >= 20 && packet[0] >> 4 == 4) {
        header = (size_t)(packet[0] & 15) * 4;
        proto = packet[9];
        if ((packet[6] & 0x1f) || packet[7])
            return; /* a later fragment has no ports */
    } else if (len >= 40 && packet[0] >> 4 == 6) {
        header = 40; /* behind extension headers ports stay as they are */
        proto = packet[6];
    } else {
        return;
    }
    size_t sum = proto == PROTO_UDP ? 6 : proto == PROTO_TCP ? 16 : 0;
    if (sum == 0 || header + sum + 2 > len)
        return;
    uint8_t *l4 = packet + header;
    uint8_t *port = l4 + (destination ? 2 : 0);
    uint16_t old = (uint16_t)(port[0] << 8 | port[1]), new = (uint16_t)(old + by);
    port[0] = (uint8_t)(new >> 8);
    port[1] = (uint8_t) new;
    if (proto == PROTO_UDP && !l4[sum] && !l4[sum + 1])
        return; /* UDP over IPv4 without a checksum */
    adjust_checksum(l4 + sum, old, new);
}

size_t packet_path(const uint8_t *packet, size_t len)
{
    if (len >= 20 && packet[0] >> 4 == 4)
        return packet[16] == 10 && packet[17] == 78;
    if (len >= 40 && packet[0] >> 4 == 6)
        return packet[24] == 0xfd && packet[25] == 0x78;
    return 0;
}
