#include "session/client_tty.h"

#include "session/effects.h"
#include "term/width.h"

#include <string.h>

void client_tty_init(struct client_tty *t, bool native, struct view *v, struct lane *l,
                     struct buf *out)
{
    *t = (struct client_tty){.native = native, .view = v, .lane = l, .out = out};
    t->cols = view_facts(v)->cols;
    t->rows = view_facts(v)->rows;
    questions_init(&t->questions);
    buf_init(&t->text.text, EFFECT_TEXT_MAX + 1);
}

void client_tty_fini(struct client_tty *t)
{
    questions_fini(&t->questions);
    buf_fini(&t->text.text);
}

void client_tty_start(struct client_tty *t, bool ask, uint64_t now_us)
{
    t->started = true;
    if (ask && t->native)
        questions_put(&t->questions, view_facts(t->view)->osc, now_us, t->out);
    client_tty_follow(t, true, now_us);
}

/* ---- answers to the server ---- */

static uint32_t colour_fact(const struct answer_colour *c)
{
    return c->known ? COLOUR_RGB | (uint32_t)c->r << 16 | (uint32_t)c->g << 8 | c->b : 0;
}

static uint32_t can_fact(const struct view_facts *f)
{
    return (f->paint.rgb ? TERM_CAN_RGB : 0u) | (f->paint.rich ? TERM_CAN_UNDERLINES : 0u) |
           (f->shape ? TERM_CAN_SHAPE : 0u) | (f->clip ? TERM_CAN_CLIP : 0u) |
           (f->pixel_mouse ? TERM_CAN_PIXEL_MOUSE : 0u) |
           (f->other_keys ? TERM_CAN_OTHER_KEYS : 0u) | (f->kitty_keys ? TERM_CAN_KITTY_KEYS : 0u) |
           (f->clip && f->clip_read ? TERM_CAN_CLIP_READ : 0u) | (f->scheme ? TERM_CAN_SCHEME : 0u);
}

static uint32_t width_fact(const struct answers *a)
{
    struct width_profile w = {
        .graphemes = a->graphemes == ANSWER_CAN || a->graphemes == ANSWER_FIXED_ON ||
                     a->width[WIDTH_ZWJ] == 2,
        .ambiguous = a->width[WIDTH_AMBIGUOUS] == 2,
        .vs16 = a->width[WIDTH_VS16] == 2,
    };
    return width_profile_pack(&w);
}

static struct tty_facts make_facts(const struct client_tty *t)
{
    const struct answers *a = &t->questions.answers;
    struct tty_facts f = {.width = width_fact(a)};
    f.term.can = can_fact(view_facts(t->view));
    f.term.fg = colour_fact(&a->fg);
    f.term.bg = colour_fact(&a->bg);
    f.term.cursor = colour_fact(&a->cursor);
    for (size_t i = 0; i < 16; i++)
        f.term.palette[i] = colour_fact(&a->palette[i]);
    f.term.scheme = a->scheme;
    f.term.cell_width = a->cell_w;
    f.term.cell_height = a->cell_h;
    return f;
}

/* The server is told as soon as the answers are in or the time for them is over, and again when
 * they change. */
static void tell_facts(struct client_tty *t, uint64_t now_us)
{
    if (!t->native || !t->started || !questions_due(&t->questions, now_us))
        return;
    t->news |= questions_changed(&t->questions) || !t->told;
    if (!t->news || !(sync_peer_caps(t->lane->sync) & SYNC_CAP_TERMINAL))
        return;
    view_know(t->view, &t->questions.answers);
    struct tty_facts f = make_facts(t);
    struct buf b, was;
    buf_init(&b, EVENT_TEXT_MAX);
    buf_init(&was, EVENT_TEXT_MAX);
    tty_facts_put(&b, &f);
    tty_facts_put(&was, &t->facts);
    struct event event = {.kind = EVENT_TERMINAL, .text = buf_data(&b), .len = buf_len(&b)};
    bool same = t->told && buf_len(&b) == buf_len(&was) &&
                !memcmp(buf_data(&b), buf_data(&was), buf_len(&b));
    if (same || !lane_event_put(t->lane, &event)) {
        t->facts = f;
        t->told = true;
        t->news = false;
    }
    buf_fini(&was);
    buf_fini(&b);
}

/* The clipboard's contents, for the program that asked. */
static void tell_clip(struct client_tty *t)
{
    const struct buf *clip = questions_clip(&t->questions);
    if (!clip || buf_len(clip) + EVENT_TEXT_MAX > sync_log_room(t->lane->sync, SYNC_LOG_EVENTS))
        return;
    const uint8_t *p = buf_data(clip);
    size_t len = buf_len(clip), n;
    for (size_t at = 0; at < len; at += n) {
        n = len - at < EVENT_TEXT_MAX ? len - at : EVENT_TEXT_MAX;
        struct event event = {.kind = EVENT_CLIP_ANSWER, .text = p + at, .len = n};
        event.part = (at ? EVENT_GOES_ON : 0u) | (at + n < len ? EVENT_MORE : 0u);
        if (lane_event_put(t->lane, &event))
            return;
    }
}

/* The terminal knows its new size some time before the kernel does; one whose word is never
 * confirmed counts differently, and is no more asked. */
#define ODD_US 1000000u

static void read_fences(struct client_tty *t, uint64_t now_us)
{
    uint16_t col, row;
    while (questions_fence(&t->questions, &col, &row)) {
        if (view_fence(t->view, col, row) || !t->questions.answers.reports)
            continue;
        t->odd_us = now_us;
        view_resize(t->view, col, view_facts(t->view)->rows);
    }
    if (!t->odd_us || now_us - t->odd_us < ODD_US)
        return;
    t->odd_us = 0;
    t->questions.answers.reports = false;
    view_know(t->view, &t->questions.answers);
    view_resize(t->view, t->cols, t->rows);
}

void client_tty_framed(struct client_tty *t, uint64_t now_us)
{
    for (unsigned n = view_fences(t->view); t->fences != n; t->fences++)
        questions_fence_asked(&t->questions, now_us);
}

void client_tty_resize(struct client_tty *t, uint16_t cols, uint16_t rows)
{
    const struct view_facts *f = view_facts(t->view);
    bool known = t->odd_us && f->cols == cols && f->rows == rows;
    t->cols = cols;
    t->rows = rows;
    t->odd_us = 0;
    if (!known)
        view_resize(t->view, cols, rows);
}

uint64_t client_tty_deadline(const struct client_tty *t)
{
    uint64_t odd = t->odd_us ? t->odd_us + ODD_US : UINT64_MAX;
    uint64_t at = questions_deadline(&t->questions);
    return odd < at ? odd : at;
}

void client_tty_follow(struct client_tty *t, bool quiet, uint64_t now_us)
{
    uint8_t scheme = t->questions.answers.scheme;
    if (scheme != t->scheme && !quiet) {
        if (t->scheme) /* light became dark: so did the colours */
            questions_colours_put(&t->questions, now_us, t->out);
        t->scheme = scheme;
    }
    tell_clip(t);
    read_fences(t, now_us);
    tell_facts(t, now_us);
}

/* ---- effects to the terminal ---- */

/* A side effect with its whole text. */
static void show_effect(struct client_tty *t, uint32_t kind, uint64_t now_us)
{
    buf_put_u8(&t->text.text, 0);
    const char *text = (const char *)buf_data(&t->text.text);
    if (buf_err(&t->text.text) || strlen(text) != buf_len(&t->text.text) - 1)
        return;
    switch (kind) {
    case EVENT_CLIP:
        view_clip(t->view, text, t->out);
        break;
    case EVENT_NOTIFY:
        view_notify(t->view, text, t->out);
        break;
    case EVENT_CWD:
        view_cwd(t->view, text, t->out);
        break;
    case EVENT_PROGRESS:
        view_progress(t->view, text, t->out);
        break;
    case EVENT_POINTER:
        view_pointer(t->view, text, t->out);
        break;
    case EVENT_CLIP_ASK:
        if (view_clip_ask(t->view, text, t->out))
            questions_clip_asked(&t->questions, now_us);
        break;
    default: /* a later version's */
        break;
    }
}

void client_tty_event(struct client_tty *t, const struct event *e, uint64_t now_us)
{
    if (!event_text_take(&t->text, e))
        return;
    show_effect(t, e->kind, now_us);
    buf_release(&t->text.text);
}
