#include "term/engine.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

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

static size_t span(const uint8_t *s, size_t len, const char *of)
{
    size_t n = 0;
    while (n < len && s[n] && strchr(of, s[n]))
        n++;
    return n;
}

/* Base64 with its padding or without. */
static bool is_base64(const uint8_t *s, size_t len)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = span(s, len, alphabet), pad = len - n;
    return n && n % 4 != 1 && pad <= 2 && span(s + n, pad, "=") == pad && (!pad || len % 4 == 0);
}

/* OSC 52 ; targets ; base64. A question for the clipboard ("?") is told only when the user allowed
 * it. */
static void clipboard(struct term *t, const uint8_t *s, size_t len)
{
    size_t targets = span(s, len, "cpqs01234567");
    if (len > TERM_CLIP_MAX || targets == len || targets > TERM_CLIP_TARGETS || s[targets] != ';')
        return;
    const uint8_t *data = s + targets + 1;
    size_t n = len - targets - 1;
    if (n == 1 && data[0] == '?' && t->facts.can & TERM_CAN_CLIP_READ)
        tell(t, TERM_CLIP_ASK, s, targets);
    /* Empty: a peer's diff tells so that a reset forgot the text; a program's is ignored. */
    if (n ? n > TERM_CLIP_DATA || !is_base64(data, n) : !t->config.replica)
        return;
    t->clips++;
    if (targets == 1 && s[0] == 'c' && len <= CLIP_MAX)
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
