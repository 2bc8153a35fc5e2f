#include "term/engine.h"

#include "base/mem.h"

#include <stdlib.h>

/* Cut at TITLE_MAX bytes without cutting a character. */
static size_t title_len(const uint8_t *s, size_t len)
{
    if (len <= TITLE_MAX)
        return len;
    len = TITLE_MAX;
    while (len && (s[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static void tell(struct term *t, enum term_event_kind kind, const uint8_t *s, size_t len)
{
    if (t->events.event && !t->config.replica)
        t->events.event(t->events.ctx, kind, s, len);
}

static void set(char **to, const uint8_t *s, size_t len)
{
    free(*to);
    *to = mem_text(s, len);
}

/* OSC 52 ; selection ; base64. A question for the clipboard ("?") is never passed on. */
static void clipboard(struct term *t, const uint8_t *s, size_t len)
{
    const uint8_t *semi = len ? memchr(s, ';', len) : NULL;
    if (!semi || len > CLIP_MAX)
        return;
    /* Empty: a peer's diff tells so that a reset forgot the text; a program's is ignored. */
    if (semi + 1 == s + len ? !t->config.replica : semi[1] == '?')
        return;
    t->clips++;
    if (semi == s + 1 && s[0] == 'c')
        set(&t->clip, s, len);
    tell(t, TERM_CLIP, s, len);
}

void osc_apply(struct term *t)
{
    const uint8_t *s = buf_data(&t->parser.osc);
    size_t len = buf_len(&t->parser.osc), i = 0;
    unsigned number = 0;
    while (i < len && s[i] >= '0' && s[i] <= '9' && i < 4)
        number = number * 10 + (s[i++] - '0');
    if (i == len || s[i] != ';')
        return;
    s += i + 1;
    len -= i + 1;
    if (number == 52)
        clipboard(t, s, len);
    if (number == 66)
        cluster_sized(t, s, len);
    if (number > 2)
        return;
    len = title_len(s, len);
    if (number != 2)
        set(&t->icon, s, len);
    if (number != 1) {
        set(&t->title, s, len);
        tell(t, TERM_TITLE, s, len);
    }
}
