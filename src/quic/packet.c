#include "quic/packet.h"

#include "base/wire.h"

#define LONG_HEAD 6 /* first byte, version, length of the id */

int quic_packet_get(const uint8_t *dgram, size_t len, struct quic_packet *out)
{
    if (!quic_packet_is(dgram, len))
        return len ? ERR_SYNTAX : ERR_SHORT;
    out->is_long = (dgram[0] & 0x80) != 0;
    if (!out->is_long) {
        if (len < 1 + QUIC_ID)
            return ERR_SHORT;
        out->id = dgram + 1;
        out->id_len = QUIC_ID;
        return ERR_OK;
    }
    if (len < LONG_HEAD)
        return ERR_SHORT;
    if (wire_get_u32(dgram + 1) != QUIC_VERSION)
        return ERR_VERSION;
    out->id_len = dgram[5];
    out->id = dgram + LONG_HEAD;
    if (out->id_len > QUIC_ID_MAX)
        return ERR_SYNTAX;
    return len < LONG_HEAD + out->id_len ? ERR_SHORT : ERR_OK;
}
