#include "link/order.h"

#include <string.h>

bool order_take(struct order *o, uint64_t seq)
{
    if (seq < o->expected)
        return false;
    o->expected = seq + 1;
    return true;
}

static uint64_t bit_of(uint64_t seq)
{
    return (uint64_t)1 << (seq % 64);
}

static uint64_t *word_of(struct window *w, uint64_t seq)
{
    return &w->bits[seq % WINDOW_SIZE / 64];
}

enum window_verdict window_look(const struct window *w, uint64_t seq)
{
    if (seq >= w->next)
        return WINDOW_NEW;
    if (w->next - seq > WINDOW_SIZE)
        return WINDOW_OLD;
    return w->bits[seq % WINDOW_SIZE / 64] & bit_of(seq) ? WINDOW_SEEN : WINDOW_LATE;
}

enum window_verdict window_take(struct window *w, uint64_t seq)
{
    enum window_verdict v = window_look(w, seq);
    if (v == WINDOW_NEW) {
        if (seq - w->next >= WINDOW_SIZE)
            memset(w->bits, 0, sizeof w->bits);
        else
            for (uint64_t s = w->next; s < seq; s++)
                *word_of(w, s) &= ~bit_of(s);
        w->next = seq + 1;
    }
    if (v == WINDOW_NEW || v == WINDOW_LATE)
        *word_of(w, seq) |= bit_of(seq);
    return v;
}
