/* What the peer may send of DATA and STDERR: one window for each channel, opened as its reader
 * takes bytes, grown while it keeps up, fallen back when it is not needed (docs/PROTOCOL.md,
 * Channels). Credit is never withdrawn: a window that has become smaller gives none until what was
 * given is below it, and who was given more than it needs gives it back. */
#include "chan/chan_impl.h"

size_t window_held(const struct chan *c)
{
    return buf_len(&c->in[CHAN_DATA]) + buf_len(&c->in[CHAN_STDERR]);
}

/* The window, or what was given before it became smaller; behind EOF only what waits. */
void window_account(struct chan *c)
{
    size_t used = (c->eof_got ? 0 : c->window_left) + window_held(c);
    size_t most = used > c->window || c->eof_got ? used : c->window;
    c->set->grown -= c->promised;
    c->promised = most > CHAN_WINDOW_FIRST ? (uint32_t)(most - CHAN_WINDOW_FIRST) : 0;
    c->set->grown += c->promised;
    c->set->stale |= c->promised && !c->eof_got;
}

/* The reader keeps up: it has taken a whole window since the last growth, and little waits. */
static void grow(struct chan *c)
{
    uint32_t more = c->window;
    if (c->window >= CHAN_WINDOW_MAX || c->since_growth < c->window ||
        window_held(c) > c->window / 8 || c->set->grown + more > CHANS_GROWTH_MAX)
        return;
    if (more > CHAN_WINDOW_MAX - c->window)
        more = CHAN_WINDOW_MAX - c->window;
    c->window += more;
    c->window_most = c->window > c->window_most ? c->window : c->window_most;
    c->since_growth = 0;
}

/* Not for every byte: a quarter of the window at once. */
void window_open(struct chan *c, size_t len)
{
    c->since_growth += len;
    size_t used = c->window_left + window_held(c);
    if (!c->eof_got && c->state != CHAN_SILENT && used <= c->window - c->window / 4) {
        grow(c);
        uint32_t more = c->window - (uint32_t)used;
        c->window_left += more;
        chan_put(c, &(struct message){.kind = MESSAGE_WINDOW, .value = more});
    }
    window_account(c);
}

int window_back(struct chan *c, uint32_t len)
{
    if (len > c->window_left)
        return ERR_CAP;
    c->window_left -= len;
    size_t used = c->window_left + window_held(c);
    if (c->window > used)
        c->window = used > CHAN_WINDOW_FIRST ? (uint32_t)used : CHAN_WINDOW_FIRST;
    c->since_growth = 0;
    window_account(c);
    return ERR_OK;
}

static uint64_t both(const uint64_t n[static CHAN_STREAMS])
{
    return n[CHAN_DATA] + n[CHAN_STDERR];
}

/* The peer's window: we have sent nothing for so long that it will take growing again anyway. */
static void give_back(struct chan *c)
{
    uint64_t out = both(c->sent);
    if (out == c->aged_out && c->may_send > CHAN_WINDOW_FIRST && !c->eof_put && !c->broken &&
        c->state == CHAN_OPEN) {
        uint32_t more = c->may_send - CHAN_WINDOW_FIRST;
        c->may_send -= more;
        chan_put(c, &(struct message){.kind = MESSAGE_BACK, .value = more});
    }
    c->aged_out = out;
}

/* Ours: a reader that took less than a quarter of it meanwhile fills less, however long the trip.
 */
static void halve(struct chan *c)
{
    uint64_t in = both(c->consumed);
    if (c->window > CHAN_WINDOW_FIRST && in - c->aged_in < c->window / 4) {
        c->window = c->window / 2 > CHAN_WINDOW_FIRST ? c->window / 2 : CHAN_WINDOW_FIRST;
        c->since_growth = 0;
    }
    c->aged_in = in;
    window_account(c);
}

void chans_age(struct chans *s, uint64_t now_us)
{
    if (now_us < chans_age_due(s))
        return;
    s->age_us = now_us + CHANS_AGE;
    s->stale = false;
    for (size_t i = 0; i < s->count; i++) {
        struct chan *c = s->list[i];
        give_back(c);
        halve(c);
        s->stale |= c->may_send > CHAN_WINDOW_FIRST && !c->eof_put;
    }
}

uint64_t chans_age_due(const struct chans *s)
{
    return s->stale ? s->age_us : UINT64_MAX;
}

size_t chans_promised(const struct chans *s)
{
    return s->count * CHAN_WINDOW_FIRST + s->grown;
}
