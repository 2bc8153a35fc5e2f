/* Deflating and inflating instructions: one zlib stream per direction, reset for each instruction,
 * so that nothing is learnt from one about another and a lost one hurts no other (design.md §2.2).
 * RFC 1950 streams at the default level, as stock sends (mosh-protocol.md §4.1). */
#ifndef TERN_SYNC_CODEC_H
#define TERN_SYNC_CODEC_H

#include "base/buf.h"

struct codec {
    bool null;                        /* bytes go as they are: simulator only */
    struct z_stream_s *pack, *unpack; /* made when first needed */
};

void codec_init(struct codec *c, bool null);
void codec_fini(struct codec *c);
/* Replace out by the deflated bytes: 0, or ERR_CAP when they exceed out's cap. */
int MUST_USE codec_pack(struct codec *c, const uint8_t *in, size_t len, struct buf *out);
/* Replace out by the inflated bytes; what follows the stream is ignored. 0, ERR_SYNTAX when it is
 * no whole stream, ERR_CAP when it inflates to more than out's cap. */
int MUST_USE codec_unpack(struct codec *c, const uint8_t *in, size_t len, struct buf *out);
size_t codec_memory(const struct codec *c);

#endif
