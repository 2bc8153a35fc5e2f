#include "term/defer.h"

#include "base/mem.h"
#include "term/engine.h"
#include "term/report.h"

#include <stdlib.h>

bool defer_question(struct term *t, enum defer_kind kind, int a, int b)
{
    struct deferred *d = t->deferred;
    if (!d)
        return false;
    if (d->count == DEFER_MAX) {
        term_defer_answers(t, false);
        return false;
    }
    d->question[d->count].kind = kind;
    d->question[d->count].a = a;
    d->question[d->count].b = b;
    d->question[d->count].bel = t->parser.bel;
    d->question[d->count++].at = buf_len(&d->text);
    return true;
}

struct buf *defer_answers(struct term *t)
{
    return t->deferred && t->deferred->count ? &t->deferred->text : &t->replies;
}

static void answer(struct term *t, enum defer_kind kind, int a, int b, bool bel)
{
    bool was = t->parser.bel;
    switch (kind) {
    case DEFER_COLOUR:
        t->parser.bel = bel;
        osc_colour_answer(t, (unsigned)a, b);
        t->parser.bel = was;
        break;
    case DEFER_SCHEME:
        report_scheme(t);
        break;
    case DEFER_KITTY:
        keyboard_answer_kitty(t);
        break;
    case DEFER_OTHER_KEYS:
        keyboard_answer_other(t);
        break;
    case DEFER_PIXELS:
        report_pixels(t, a);
        break;
    case DEFER_MODE:
        report_mode_of(t, a, true);
        break;
    }
}

/* What goes to replies from text up to `to`. */
static void hand_over(struct term *t, struct deferred *d, size_t *at, size_t to)
{
    if (to - *at <= buf_room(&t->replies))
        buf_put(&t->replies, buf_data(&d->text) + *at, to - *at);
    *at = to;
}

void term_defer_answers(struct term *t, bool on)
{
    struct deferred *d = t->deferred;
    if (on == (d != NULL) || t->config.replica)
        return;
    if (on) {
        t->deferred = mem_new(1, sizeof *t->deferred);
        buf_init(&t->deferred->text, TERM_REPLY_MAX);
        return;
    }
    size_t at = 0;
    t->deferred = NULL; /* what follows is answered at once */
    for (size_t i = 0; i < d->count; i++) {
        hand_over(t, d, &at, d->question[i].at);
        answer(t, d->question[i].kind, d->question[i].a, d->question[i].b, d->question[i].bel);
    }
    if (d->count)
        hand_over(t, d, &at, buf_len(&d->text));
    buf_fini(&d->text);
    free(d);
}
