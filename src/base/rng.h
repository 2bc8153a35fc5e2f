/* A small seeded generator (splitmix64) for simulators, jitter and tests; never for keys. */
#ifndef TERN_BASE_RNG_H
#define TERN_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t s; /* the seed; any value */
};

static inline uint64_t rng_u64(struct rng *r)
{
    uint64_t z = (r->s += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
/* Uniform in [0, n), n >= 1. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
    return (uint64_t)(((__uint128_t)rng_u64(r) * n) >> 64);
}
/* Uniform in [0, 1). */
static inline double rng_unit(struct rng *r)
{
    return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

/* A source of bytes handed to pure code: the OS generator at the edge, a seeded one in tests. */
struct entropy {
    void (*fill)(void *ctx, void *out, size_t len);
    void *ctx;
};

#endif
