#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "toy.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000ull

/* Program output of all kinds, from the world's dice. */
static void random_print(struct world *w)
{
    char out[4096];
    size_t n = 0;
    unsigned parts = 1 + (unsigned)rng_below(&w->rng, 12);
    while (parts-- && n < 3000) {
        unsigned row = 1 + (unsigned)rng_below(&w->rng, 40),
                 col = 1 + (unsigned)rng_below(&w->rng, 90);
        switch (rng_below(&w->rng, 12)) {
        case 0:
            n += (size_t)sprintf(out + n, "\033[%u;%uH", row, col);
            break;
        case 1:
            n += (size_t)sprintf(out + n, "\033[%u;%um", (unsigned)rng_below(&w->rng, 8),
                                 30 + (unsigned)rng_below(&w->rng, 8));
            break;
        case 2:
            n += (size_t)sprintf(out + n, "\033[38;2;%u;%u;%umcolour", row, col, row);
            break;
        case 3:
            n += (size_t)sprintf(out + n, "\r\nline %u of %u", row, col);
            break;
        case 4:
            n += (size_t)sprintf(out + n, "\033[%cK", "012"[rng_below(&w->rng, 3)]);
            break;
        case 5:
            n += (size_t)sprintf(out + n, "\033]2;title %u\a", row);
            break;
        case 6:
            n += (size_t)sprintf(out + n, "\033[?%u%c", w->native ? 1049 : 2004,
                                 "hl"[rng_below(&w->rng, 2)]);
            break;
        case 7:
            n += (size_t)sprintf(out + n, "\xe6\xbc\xa2\xe5\xad\x97 e\xcc\x81");
            break;
        case 8:
            n += (size_t)sprintf(out + n, "\033[%u%c", 1 + row % 5,
                                 "LMPXST@"[rng_below(&w->rng, 7)]);
            break;
        case 9:
            for (unsigned i = 0; i < 30 && n < 3900; i++)
                n += (size_t)sprintf(out + n, "\r\n%llx", (unsigned long long)rng_u64(&w->rng));
            break;
        case 10:
            out[n++] = '\a';
            break;
        default:
            n += (size_t)sprintf(out + n, "word %u ", col);
        }
    }
    world_print(w, out, n);
}

static void random_type(struct world *w)
{
    char keys[64];
    size_t n = 1 + (rng_below(&w->rng, 8) ? 0 : (size_t)rng_below(&w->rng, 60));
    for (size_t i = 0; i < n; i++)
        keys[i] = (char)(' ' + rng_below(&w->rng, 95));
    world_type(w, keys, n);
}

static void paste(struct world *w, size_t len)
{
    char *text = malloc(len);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + rng_below(&w->rng, 26));
    world_type(w, text, len);
    free(text);
}

static void random_net(struct world *w)
{
    w->net.delay_us = 500 + rng_below(&w->rng, 250000);
    w->net.jitter_us = rng_below(&w->rng, w->net.delay_us + 1);
    w->net.loss[0] = rng_unit(&w->rng) < 0.3 ? 0 : rng_unit(&w->rng) * 0.5;
    w->net.loss[1] = rng_unit(&w->rng) < 0.3 ? 0 : rng_unit(&w->rng) * 0.5;
    w->net.dup = rng_unit(&w->rng) * 0.1;
    w->net.know_loss = rng_below(&w->rng, 3) > 0;
    static const size_t mtus[] = {1224, 1188, 472, 300};
    w->net.mtu = mtus[rng_below(&w->rng, 4)];
}

static void random_step(struct world *w)
{
    switch (rng_below(&w->rng, 16)) {
    case 0:
        world_resize(w, (uint16_t)(1 + rng_below(&w->rng, 120)),
                     (uint16_t)(1 + rng_below(&w->rng, 50)));
        break;
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
        random_type(w);
        break;
    case 6:
        if (!rng_below(&w->rng, 4))
            paste(w, (size_t)rng_below(&w->rng, 50000));
        break;
    case 7:
        random_net(w);
        break;
    case 8:
        world_cut(w, rng_below(&w->rng, 2), rng_below(&w->rng, 2));
        world_run(w, w->now + rng_below(&w->rng, 20 * SECOND), NULL);
        world_cut(w, false, false);
        break;
    case 9:
        if (!w->native)
            break;
        world_log(w, (int)rng_below(&w->rng, 2), (size_t)rng_below(&w->rng, 5000));
        world_event(w, (int)rng_below(&w->rng, 2), "bell ");
        w->tty_odd = rng_below(&w->rng, 2);
        sync_set_tty_modes(w->side[1].sync, w->tty_odd ? SYNC_TTY_ECHO : 0);
        break;
    default:
        random_print(w);
    }
    world_run(w, w->now + rng_below(&w->rng, SECOND / 4), NULL);
}

static void heal(struct world *w)
{
    w->net = (struct world_net){.delay_us = 20000, .mtu = 1224};
    world_run(w, w->now + 120 * SECOND, world_settled);
}

static void one_seed(uint64_t seed, bool native, bool null_codec)
{
    static struct world w;
    world_init(&w, seed, native, null_codec);
    w.slow_program = seed % 3 == 0;
    random_net(&w);
    for (int i = 0; i < 120; i++)
        random_step(&w);
    heal(&w);
    if (!world_settled(&w))
        fail_msg("seed %llu (%s, %s codec): %s", (unsigned long long)seed,
                 native ? "native" : "stock", null_codec ? "null" : "real", world_open(&w));
    world_fini(&w);
}

static void random_worlds(void **state)
{
    const char *only = getenv("SYNC_SEED");
    const char *count = getenv("SYNC_SEEDS");
    uint64_t n = count ? strtoull(count, NULL, 10) : 12;
    for (uint64_t seed = 1; seed <= n; seed++) {
        if (only && strtoull(only, NULL, 10) != seed)
            continue;
        if (getenv("SYNC_TELL"))
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        one_seed(seed, true, seed % 2);
        one_seed(seed, false, seed % 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_worlds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
