/* The events of streams that nobody listens to, for whoever only drives a connection. */
#ifndef TERN_SIM_DEAF_H
#define TERN_SIM_DEAF_H

#include "chan/stream.h"

/* Every stream of the peer's is taken; its `user` is ctx. */
static inline void *deaf_opened(void *ctx, int64_t id)
{
    (void)id;
    return ctx;
}

static inline void deaf_data(void *ctx, void *user, const uint8_t *bytes, size_t len, bool fin)
{
    (void)ctx, (void)user, (void)bytes, (void)len, (void)fin;
}

static inline void deaf_taken(void *ctx, void *user, size_t len, bool fin)
{
    (void)ctx, (void)user, (void)len, (void)fin;
}

static inline void deaf_acked(void *ctx, void *user, size_t len)
{
    (void)ctx, (void)user, (void)len;
}

static inline void deaf_code(void *ctx, void *user, uint64_t code)
{
    (void)ctx, (void)user, (void)code;
}

static inline void deaf_closed(void *ctx, void *user)
{
    (void)ctx, (void)user;
}

static inline void deaf_more(void *ctx)
{
    (void)ctx;
}

static inline void deaf_failed(void *ctx, const char *why)
{
    (void)ctx, (void)why;
}

#endif
