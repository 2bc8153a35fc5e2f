/* How keys are to be sent: the kitty keyboard protocol's stacks and xterm's modifyOtherKeys. The
 * keys themselves never come here: the user's terminal is told, and sends them so. */
#include "term/defer.h"
#include "term/report.h"

static struct kitty *kitty_here(struct term *t)
{
    return &t->kitty[t->grid == &t->alt];
}

void keyboard_show(struct term *t)
{
    const struct kitty *k = kitty_here(t);
    if (!t->config.replica)
        t->modes.kitty_keys = k->flags[k->top];
}

static void kitty_push(struct kitty *k, uint8_t flags)
{
    if (k->top == KITTY_STACK_MAX - 1) /* the oldest goes */
        memmove(k->flags, k->flags + 1, sizeof k->flags - 1);
    else
        k->top++;
    k->flags[k->top] = flags;
}

/* More pops than entries leave nothing set. */
static void kitty_pop(struct kitty *k, int32_t n)
{
    for (; n > 0; n--) {
        k->flags[k->top] = 0;
        if (!k->top)
            return;
        k->top--;
    }
}

static uint8_t kitty_merge(uint8_t now, uint8_t flags, int32_t how)
{
    return how == 2 ? now | flags : how == 3 ? now & (uint8_t)~flags : flags;
}

void keyboard_answer_kitty(struct term *t)
{
    struct buf b;
    if (!(t->facts.can & TERM_CAN_KITTY_KEYS))
        return;
    report_begin(&b);
    buf_printf(&b, "\033[?%uu", t->modes.kitty_keys);
    report_end(t, &b);
}

void keyboard_kitty(struct term *t, uint8_t inter)
{
    struct kitty *k = kitty_here(t);
    uint8_t flags = (uint8_t)(parser_raw(&t->parser, 0, 0) & KITTY_FLAGS);
    int32_t how = parser_arg(&t->parser, 1, 1);
    switch (inter) {
    case '>':
        kitty_push(k, flags);
        break;
    case '<':
        kitty_pop(k, parser_arg(&t->parser, 0, 1));
        break;
    case '=':
        if (t->config.replica)
            t->modes.kitty_keys = kitty_merge(t->modes.kitty_keys, flags, how);
        else if (how <= 3)
            k->flags[k->top] = kitty_merge(k->flags[k->top], flags, how);
        break;
    case '?':
        if (t->facts.can & TERM_CAN_KITTY_KEYS || !defer_question(t, DEFER_KITTY, 0, 0))
            keyboard_answer_kitty(t);
        break;
    }
    keyboard_show(t);
}

/* Of xterm's resources only modifyOtherKeys (4): the others change what cursor and function keys
 * send, which is what the user's terminfo entry is about. */
void keyboard_other(struct term *t, uint32_t final)
{
    int32_t which = parser_raw(&t->parser, 0, -1), v = parser_raw(&t->parser, 1, 0);
    if (final == 'n' ? which == 4 : which == 4 && v <= 2) {
        if (final == 'f')
            t->modes.other_format = v == 1;
        else
            t->modes.other_keys = (uint8_t)(final == 'm' ? v : 0);
    }
}

void keyboard_report_other(struct term *t)
{
    if (parser_raw(&t->parser, 0, 0) == 4 &&
        (t->facts.can & TERM_CAN_OTHER_KEYS || !defer_question(t, DEFER_OTHER_KEYS, 0, 0)))
        keyboard_answer_other(t);
}

void keyboard_answer_other(struct term *t)
{
    struct buf b;
    if (!(t->facts.can & TERM_CAN_OTHER_KEYS))
        return;
    report_begin(&b);
    buf_printf(&b, "\033[>4;%um", t->modes.other_keys);
    report_end(t, &b);
}

void keyboard_default(struct term *t)
{
    memset(t->kitty, 0, sizeof t->kitty);
    t->modes.kitty_keys = t->modes.other_keys = t->modes.other_format = 0;
}
