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

/* ---- titles ---- */

static void title_tell(struct term *t, enum term_event_kind kind, const char *s)
{
    tell(t, kind, (const uint8_t *)(s ? s : ""), s ? strlen(s) : 0);
}

static void title_set(struct term *t, unsigned number, const uint8_t *s, size_t len)
{
    len = title_len(s, len);
    if (number != 2)
        set(&t->icon, s, len);
    if (number != 1)
        set(&t->title, s, len);
    tell(t, number == 1 ? TERM_ICON : TERM_TITLE, s, len);
}

static void title_free(struct title *e)
{
    free(e->title);
    free(e->icon);
    *e = (struct title){NULL, NULL};
}

/* Both are kept whichever is asked for, as in xterm; the oldest makes room. */
void title_push(struct term *t)
{
    if (t->titles_n == TITLE_STACK_MAX) {
        title_free(&t->titles[0]);
        memmove(t->titles, t->titles + 1, (TITLE_STACK_MAX - 1) * sizeof t->titles[0]);
        t->titles_n--;
    }
    struct title *e = &t->titles[t->titles_n++];
    e->title = t->title ? mem_text(t->title, strlen(t->title)) : NULL;
    e->icon = t->icon ? mem_text(t->icon, strlen(t->icon)) : NULL;
}

void title_pop(struct term *t, bool icon, bool title)
{
    if (!t->titles_n)
        return;
    struct title *e = &t->titles[--t->titles_n], old = {t->title, t->icon};
    if (icon)
        t->icon = e->icon, e->icon = old.icon;
    if (title)
        t->title = e->title, e->title = old.title;
    title_free(e);
    if (title)
        title_tell(t, TERM_TITLE, t->title);
    else
        title_tell(t, TERM_ICON, t->icon);
}

void titles_fini(struct term *t)
{
    while (t->titles_n)
        title_free(&t->titles[--t->titles_n]);
}

/* ---- links ---- */

/* The value of `key=` among parameters parted by colons; NULL: none. */
static const uint8_t *param(const uint8_t *s, size_t len, const char *key, size_t *n)
{
    size_t k = strlen(key);
    while (len) {
        const uint8_t *colon = memchr(s, ':', len);
        size_t part = colon ? (size_t)(colon - s) : len;
        if (part > k && !memcmp(s, key, k)) {
            *n = part - k;
            return s + k;
        }
        len -= colon ? part + 1 : part;
        s += part + 1;
    }
    return NULL;
}

static uint32_t decimal(const uint8_t *s, size_t n)
{
    uint64_t v = 0;
    while (n-- && *s >= '0' && *s <= '9' && v <= UINT32_MAX)
        v = v * 10 + (*s++ - '0');
    return v <= UINT32_MAX ? (uint32_t)v : 0;
}

/* OSC 8 ; params ; URI. An empty URI ends the link, but from a server it may be one whose URI is no
 * longer known. */
static void hyperlink(struct term *t, const uint8_t *s, size_t len)
{
    const uint8_t *semi = len ? memchr(s, ';', len) : NULL, *value;
    size_t n = 0;
    if (!semi)
        return;
    size_t params = (size_t)(semi - s), uri = len - params - 1;
    if (t->config.replica) {
        value = param(s, params, "tern=", &n);
        t->w.pen.link = value ? decimal(value, n) : 0;
        links_learn(&t->links, t->w.pen.link, semi + 1, uri);
    } else {
        value = param(s, params, "id=", &n);
        t->w.pen.link = links_number(&t->links, semi + 1, uri, value, n);
    }
    pen_changed(t);
}

/* ---- what is told ---- */

static bool starts(const uint8_t *s, size_t len, const char *with)
{
    size_t n = strlen(with);
    return len >= n && !memcmp(s, with, n);
}

/* OSC 9;4: state 0..4 and a percentage. */
static void progress(struct term *t, const uint8_t *s, size_t len)
{
    if (!len || s[0] < '0' || s[0] > '4' || (len > 1 && s[1] != ';') || len > 5)
        return;
    for (size_t i = 2; i < len; i++)
        if (s[i] < '0' || s[i] > '9')
            return;
    if (len > 2 && decimal(s + 2, len - 2) > 100)
        return;
    tell(t, TERM_PROGRESS, s, len == 2 ? 1 : len);
}

/* `whole` is the OSC with its number, s what follows that. */
static void notification(struct term *t, unsigned number, const uint8_t *s, size_t len,
                         const uint8_t *whole, size_t whole_len)
{
    if (number == 9 && starts(s, len, "4;")) {
        progress(t, s + 2, len - 2);
        return;
    }
    bool other = number == 9 && len > 1 && s[0] >= '1' && s[0] <= '9' &&
                 (s[1] == ';' || (len > 2 && s[0] == '1' && s[2] == ';')); /* ConEmu's own */
    bool asks = number == 99 && (starts(s, len, "p=?") || starts(s, len, "p=alive"));
    if (number == 99 && !asks) {
        const uint8_t *semi = len ? memchr(s, ';', len) : NULL;
        size_t n = 0;
        const uint8_t *p = semi ? param(s, (size_t)(semi - s), "p=", &n) : NULL;
        asks = !semi || (p && (*p == '?' || starts(p, n, "alive")));
    }
    if (other || asks || !len || whole_len > TERM_NOTIFY_MAX ||
        (number == 777 && !starts(s, len, "notify;")))
        return;
    tell(t, TERM_NOTIFY, whole, whole_len);
}

static void pointer_shape(struct term *t, const uint8_t *s, size_t len)
{
    if (len > TERM_POINTER_MAX)
        return;
    for (size_t i = 0; i < len; i++)
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_' ||
              s[i] == '-'))
            return;
    tell(t, TERM_POINTER, s, len);
}

/* OSC 133 ; A: a prompt begins in the cursor's row. From a server: tern=N, the row's marks as they
 * are now. What else shells say there (B, C, D) is told, but no row keeps it. */
static void prompt(struct term *t, const uint8_t *s, size_t len)
{
    if (t->config.replica) {
        if (starts(s, len, "tern="))
            grid_set_mark(t->grid, t->cursor.row, decimal(s + 5, len - 5) & ROW_MARKS);
        return;
    }
    if (!len || len > TERM_PROMPT_MAX || s[0] < 'A' || s[0] > 'P' || (len > 1 && s[1] != ';'))
        return;
    if (s[0] == 'A')
        grid_set_mark(t->grid, t->cursor.row, ROW_PROMPT);
    tell(t, TERM_PROMPT, s, len);
}

/* None that we know is as large. */
#define OSC_NUMBER_MAX 10000

void osc_apply(struct term *t)
{
    const uint8_t *whole = buf_data(&t->parser.osc), *s = whole;
    size_t len = buf_len(&t->parser.osc), whole_len = len, i = 0;
    unsigned number = 0;
    for (; i < len && s[i] >= '0' && s[i] <= '9'; i++)
        number = number < OSC_NUMBER_MAX ? number * 10 + (s[i] - '0') : number;
    bool bare = i && i == len;
    if (!bare && (i == len || s[i] != ';'))
        return;
    s += bare ? i : i + 1;
    len -= bare ? i : i + 1;
    if (osc_colours(t, number, s, len) || bare)
        return;
    switch (number) {
    case 0:
    case 1:
    case 2:
        title_set(t, number, s, len);
        break;
    case 7:
        if (len <= TERM_CWD_MAX && starts(s, len, "file://"))
            tell(t, TERM_CWD, s, len);
        break;
    case 8:
        hyperlink(t, s, len);
        break;
    case 9:
    case 99:
    case 777:
        notification(t, number, s, len, whole, whole_len);
        break;
    case 22:
        pointer_shape(t, s, len);
        break;
    case 52:
        clipboard(t, s, len);
        break;
    case 66:
        cluster_sized(t, s, len);
        break;
    case 133:
        prompt(t, s, len);
        break;
    }
}
