#include "sync/codec.h"

#include "base/mem.h"

#include <stdlib.h>
#include <zlib.h>

/* What zlib's manual (zconf.h) says that its streams take with default parameters. */
#define PACK_BYTES   (268u << 10)
#define UNPACK_BYTES (40u << 10)

void codec_init(struct codec *c, bool null)
{
    *c = (struct codec){.null = null};
}

void codec_fini(struct codec *c)
{
    if (c->pack)
        deflateEnd(c->pack);
    if (c->unpack)
        inflateEnd(c->unpack);
    free(c->pack);
    free(c->unpack);
    *c = (struct codec){.null = c->null};
}

static int copy(const uint8_t *in, size_t len, struct buf *out)
{
    buf_clear(out);
    buf_put(out, in, len);
    return buf_err(out);
}

int codec_pack(struct codec *c, const uint8_t *in, size_t len, struct buf *out)
{
    if (c->null)
        return copy(in, len, out);
    if (!c->pack) {
        c->pack = mem_new(1, sizeof *c->pack);
        if (deflateInit(c->pack, Z_DEFAULT_COMPRESSION) != Z_OK)
            BUG("deflateInit");
    } else if (deflateReset(c->pack) != Z_OK) {
        BUG("deflateReset");
    }
    size_t bound = deflateBound(c->pack, len);
    buf_clear(out);
    if (bound > buf_room(out))
        bound = buf_room(out);
    uint8_t *to = buf_reserve(out, bound);
    z_stream *z = c->pack;
    z->next_in = (Bytef *)(uintptr_t)in;
    z->avail_in = (uInt)len;
    z->next_out = to;
    z->avail_out = (uInt)bound;
    if (deflate(z, Z_FINISH) != Z_STREAM_END) {
        out->failed = true;
        return ERR_CAP;
    }
    buf_commit(out, bound - z->avail_out);
    return ERR_OK;
}

static void open_unpack(struct codec *c)
{
    if (!c->unpack) {
        c->unpack = mem_new(1, sizeof *c->unpack);
        if (inflateInit(c->unpack) != Z_OK)
            BUG("inflateInit");
    } else if (inflateReset(c->unpack) != Z_OK) {
        BUG("inflateReset");
    }
}

int codec_unpack(struct codec *c, const uint8_t *in, size_t len, struct buf *out)
{
    if (c->null)
        return copy(in, len, out);
    open_unpack(c);
    z_stream *z = c->unpack;
    z->next_in = (Bytef *)(uintptr_t)in;
    z->avail_in = (uInt)len;
    buf_clear(out);
    size_t step = len * 4 > 4096 ? len * 4 : 4096;
    for (;;) {
        if (step > buf_room(out))
            step = buf_room(out);
        if (!step)
            return ERR_CAP;
        z->next_out = buf_reserve(out, step);
        z->avail_out = (uInt)step;
        int got = inflate(z, Z_NO_FLUSH);
        buf_commit(out, step - z->avail_out);
        if (got == Z_STREAM_END)
            return ERR_OK;
        /* Z_BUF_ERROR or no more input: the stream is cut short. */
        if (got != Z_OK || (!z->avail_in && z->avail_out))
            return ERR_SYNTAX;
    }
}

size_t codec_memory(const struct codec *c)
{
    return (c->pack ? PACK_BYTES : 0) + (c->unpack ? UNPACK_BYTES : 0);
}
