#include "client/sibling.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sibling {
    struct chan *chan; /* NULL: it is over */
    struct sibling_ops ops;
    char nonce[CONNECT_NONCE_MAX + 1];
    struct buf in;
};

static void refuse(struct sibling *b, const char *why)
{
    b->chan = NULL;
    b->ops.refused(b->ops.ctx, why);
}

/* The answer is complete, or will never be. */
static void finish(struct sibling *b)
{
    struct connect c;
    size_t used;
    int got = buf_err(&b->in)
                  ? ERR_CAP
                  : connect_find(buf_data(&b->in), buf_len(&b->in), b->nonce, &c, &used);
    if (got == 0 && !chan_over(b->chan))
        return;
    chan_release(b->chan);
    if (b->in.mem)
        mem_wipe(b->in.mem, b->in.size);
    if (got != 1) {
        refuse(b, "the server's answer is not understood");
        return;
    }
    b->chan = NULL;
    b->ops.answered(b->ops.ctx, &c);
    connect_wipe(&c);
}

/* ---- what the channel tells ------------------------------------------------------------------ */

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    (void)ctx;
    (void)c;
    (void)o;
    *why = "there are no sessions here";
    return REFUSAL_PROHIBITED;
}

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    (void)ctx;
    /* Of a server that knows no such channels: its own text says nothing to a user. */
    refuse(chan_owner(c), code == REFUSAL_UNKNOWN
                              ? "the tern-server there has one session for a login: it is older"
                              : text);
}

static void on_readable(void *ctx, struct chan *c)
{
    struct sibling *b = chan_owner(c);
    size_t len;
    (void)ctx;
    const uint8_t *p = chan_peek(c, CHAN_DATA, &len);
    buf_put(&b->in, p, len);
    chan_consume(c, CHAN_DATA, len);
    chan_peek(c, CHAN_STDERR, &len);
    chan_consume(c, CHAN_STDERR, len);
    finish(b);
}

static void on_writable(void *ctx, struct chan *c)
{
    (void)ctx;
    (void)c;
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    (void)ctx;
    refuse(chan_owner(c), code == STREAM_LOST ? "the connection to the server is over"
                                              : "the server gave the request up");
}

const struct chans_ops sibling_chans_ops = {
    .opened = on_opened,
    .refused = on_refused,
    .readable = on_readable,
    .writable = on_writable,
    .broken = on_broken,
};

/* ---- life ------------------------------------------------------------------------------------ */

int sibling_new(struct chans *chans, const struct start_record *r, const struct sibling_ops *ops,
                struct sibling **out)
{
    struct sibling *b = mem_new(1, sizeof *b);
    struct buf record;
    *b = (struct sibling){.ops = *ops};
    memcpy(b->nonce, r->nonce, sizeof b->nonce);
    buf_init(&b->in, CONNECT_LINE_MAX);
    buf_init(&record, SIBLING_RECORD_MAX);
    int err = start_put(&record, r);
    if (!err)
        err = chan_open(chans, &(struct open_request){.kind = OPEN_SESSION}, b, &b->chan);
    if (err) {
        b->chan = NULL;
        sibling_free(b);
    } else { /* it fits the first window, see SIBLING_RECORD_MAX */
        (void)!chan_write(b->chan, CHAN_DATA, buf_data(&record), buf_len(&record));
        chan_eof(b->chan);
        *out = b;
    }
    buf_fini(&record);
    return err;
}

void sibling_free(struct sibling *b)
{
    if (!b)
        return;
    if (b->chan)
        chan_abandon(b->chan, STREAM_DONE);
    buf_fini(&b->in);
    free(b);
}
