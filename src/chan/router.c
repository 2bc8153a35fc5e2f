#include "chan/router.h"

#include "base/mem.h"

void chans_route(struct chans_router *r, enum open_kind kind, const struct chans_ops *ops,
                 void *ctx)
{
    BUG_ON((size_t)kind >= ROUTER_KINDS);
    r->kind[kind].ops = ops;
    r->kind[kind].ctx = ctx;
}

/* Whose is it? NULL: nobody's. */
static const struct chans_ops *ops_of(void *router, const struct chan *c, void **ctx)
{
    struct chans_router *r = router;
    size_t kind = (size_t)chan_kind(c);
    if (kind >= ROUTER_KINDS || !r->kind[kind].ops)
        return NULL;
    *ctx = r->kind[kind].ctx;
    return r->kind[kind].ops;
}

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    const struct chans_ops *ops = ops_of(ctx, c, &ctx);
    if (ops)
        return ops->opened(ctx, c, o, why);
    *why = "this end does not serve such channels";
    return REFUSAL_UNKNOWN;
}

static void on_accepted(void *ctx, struct chan *c)
{
    const struct chans_ops *ops = ops_of(ctx, c, &ctx);
    if (ops && ops->accepted)
        ops->accepted(ctx, c);
}

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    const struct chans_ops *ops = ops_of(ctx, c, &ctx);
    if (ops && ops->refused)
        ops->refused(ctx, c, code, text);
}

static void on_readable(void *ctx, struct chan *c)
{
    const struct chans_ops *ops = ops_of(ctx, c, &ctx);
    if (ops)
        ops->readable(ctx, c);
}

static void on_writable(void *ctx, struct chan *c)
{
    const struct chans_ops *ops = ops_of(ctx, c, &ctx);
    if (ops && ops->writable)
        ops->writable(ctx, c);
}

static void on_stopped(void *ctx, struct chan *c, enum chan_stream s)
{
    const struct chans_ops *ops = ops_of(ctx, c, &ctx);
    if (ops && ops->stopped)
        ops->stopped(ctx, c, s);
}

static void on_request(void *ctx, struct chan *c, const struct message *m)
{
    const struct chans_ops *ops = ops_of(ctx, c, &ctx);
    if (ops && ops->request)
        ops->request(ctx, c, m);
}

static void on_packet(void *ctx, struct chan *c, const uint8_t *bytes, size_t len)
{
    const struct chans_ops *ops = ops_of(ctx, c, &ctx);
    if (ops && ops->packet)
        ops->packet(ctx, c, bytes, len);
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    const struct chans_ops *ops = ops_of(ctx, c, &ctx);
    if (ops)
        ops->broken(ctx, c, code);
}

const struct chans_ops chans_router_ops = {
    .opened = on_opened,
    .accepted = on_accepted,
    .refused = on_refused,
    .readable = on_readable,
    .writable = on_writable,
    .stopped = on_stopped,
    .request = on_request,
    .packet = on_packet,
    .broken = on_broken,
};
