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

/* When nothing is owed, or at the newest proof: since then it is silent. */
static uint64_t silent_since(const struct quic_clock *c)
{
    return later(c->proven_us, c->debt_us);
}

/* When it begins to stand if nothing is proven before. */
static uint64_t silent_at(const struct quic_clock *c, const struct quic_clock_facts *f)
{
    return silent_since(c) + later(3 * f->rto_us, QUIC_CLOCK_SILENCE);
}

/* To the pending timer. It has doubled as often as the silence was long: no further away than that
 * and once more. A timer that looks further away is not of the silence's making. */
static void jump(struct quic_clock *c, const struct quic_clock_facts *f, uint64_t silence)
{
    uint64_t most = silence + f->rto_us;
    if (f->expiry_us == UINT64_MAX || f->expiry_us <= c->last)
        return;
    uint64_t far = f->expiry_us - c->last;
    c->last += far < most ? far : most;
    c->jumps++;
}

static void run_on(struct quic_clock *c, uint64_t now_us)
{
    c->shift = (int64_t)c->last - (int64_t)now_us;
    c->stands = false;
    c->debt_us = now_us;
}

/* Perhaps long ago, when the host slept: it stands since the silence was long enough. */
static void stand(struct quic_clock *c, const struct quic_clock_facts *f)
{
    c->stood_us = silent_at(c, f);
    c->last = later(c->last, private_of(c, c->stood_us));
    c->stands = true;
    c->stops++;
}

static uint64_t pause_at(const struct quic_clock *c, const struct quic_clock_facts *f)
{
    return silent_since(c) + later(2 * f->rto_us, QUIC_CLOCK_PAUSE);
}

/* The link has proven a round trip after a silence that was too short to stand. */
static bool is_pause(const struct quic_clock *c, const struct quic_clock_facts *f)
{
    return !f->acked && f->proven_us >= pause_at(c, f);
}

bool quic_clock_turn(struct quic_clock *c, const struct quic_clock_facts *f, uint64_t now_us)
{
    bool news = f->proven_us > c->proven_us, over = false;
    if (f->owes && !c->owes)
        c->debt_us = now_us;
    c->owes = f->owes;
    if (!c->stands && f->owes && (news ? f->proven_us : now_us) >= silent_at(c, f))
        stand(c, f);
    if (c->stands) {
        over = news && f->proven_us > c->stood_us;
        if (over)
            jump(c, f, c->stood_us - silent_since(c));
    } else if (f->owes && news && is_pause(c, f)) {
        over = true;
        c->last = later(c->last, private_of(c, now_us));
        jump(c, f, f->proven_us - silent_since(c));
    }
    if (over || (c->stands && !f->owes))
        run_on(c, now_us);
    c->proven_us = later(c->proven_us, f->proven_us);
    return over;
}

bool quic_clock_silent(const struct quic_clock *c, const struct quic_clock_facts *f,
                       uint64_t now_us)
{
    return f->owes && (c->stands || now_us >= pause_at(c, f));
}

void quic_clock_step(struct quic_clock *c, uint64_t us)
{
    if (!c->stands)
        c->shift += (int64_t)us;
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
