#include "quic/clock.h"

#define BEGIN 1000000u

void quic_clock_init(struct quic_clock *c, uint64_t now_us)
{
    *c = (struct quic_clock){.shift = (int64_t)BEGIN - (int64_t)now_us, .last = BEGIN};
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t private_of(const struct quic_clock *c, uint64_t real_us)
{
    return (uint64_t)((int64_t)real_us + c->shift);
}

/* When it begins to stand if nothing is proven before. */
static uint64_t silent_at(const struct quic_clock *c, const struct quic_clock_facts *f)
{
    uint64_t silence = later(3 * f->rto_us, QUIC_CLOCK_SILENCE);
    return later(c->proven_us, c->debt_us) + silence;
}

static void run_on(struct quic_clock *c, const struct quic_clock_facts *f, bool jump,
                   uint64_t now_us)
{
    uint64_t most = QUIC_CLOCK_JUMP * f->rto_us;
    if (jump && f->expiry_us != UINT64_MAX && f->expiry_us > c->last) {
        uint64_t far = f->expiry_us - c->last;
        c->last += far < most ? far : most;
    }
    c->shift = (int64_t)c->last - (int64_t)now_us;
    c->stands = false;
    c->debt_us = now_us;
}

void quic_clock_turn(struct quic_clock *c, const struct quic_clock_facts *f, uint64_t now_us)
{
    if (f->owes && !c->owes)
        c->debt_us = now_us;
    c->owes = f->owes;
    c->proven_us = later(c->proven_us, f->proven_us);
    if (c->stands) {
        if (c->proven_us > c->stood_us)
            run_on(c, f, true, now_us);
        else if (!f->owes)
            run_on(c, f, false, now_us);
        return;
    }
    if (!f->owes || now_us < silent_at(c, f))
        return;
    /* Perhaps long ago, when the host slept: it stands since the silence was long enough. */
    c->stood_us = silent_at(c, f);
    c->last = later(c->last, private_of(c, c->stood_us));
    c->stands = true;
    c->stops++;
}

uint64_t quic_clock_now(struct quic_clock *c, uint64_t now_us)
{
    if (!c->stands)
        c->last = later(c->last, private_of(c, now_us));
    return c->last;
}

uint64_t quic_clock_deadline(const struct quic_clock *c, const struct quic_clock_facts *f)
{
    uint64_t at = UINT64_MAX;
    if (c->stands)
        return at;
    if (f->expiry_us != UINT64_MAX) {
        int64_t real = (int64_t)f->expiry_us - c->shift;
        at = real > 0 ? (uint64_t)real : 0;
    }
    if (f->owes) {
        uint64_t silent = silent_at(c, f);
        at = silent < at ? silent : at;
    }
    return at;
}
