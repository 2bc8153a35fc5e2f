/* OSC 4, 10 to 19, 104, 110 to 119: colours, set, reset and asked for. */
#include "term/colour.h"
#include "term/palette.h"
#include "term/defer.h"
#include "term/report.h"

#include <stdlib.h>

/* What stands before the next `;` of [*s, *s + *len); both move behind it. False at the end. */
static bool field(const uint8_t **s, size_t *len, const uint8_t **f, size_t *n)
{
    if (!*s)
        return false;
    const uint8_t *semi = *len ? memchr(*s, ';', *len) : NULL;
    *f = *s;
    *n = semi ? (size_t)(semi - *s) : *len;
    *s = semi ? semi + 1 : NULL;
    *len -= semi ? *n + 1 : *n;
    return true;
}

static int index_of(const uint8_t *f, size_t n)
{
    int v = 0;
    if (!n || n > 3)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (f[i] < '0' || f[i] > '9')
            return -1;
        v = v * 10 + (f[i] - '0');
    }
    return v < PALETTE_COLOURS ? v : -1;
}

/* The colour that shows, or 0 when nobody knows. */
static uint32_t palette_now(const struct term *t, int i)
{
    if (t->colours && t->colours->palette[i])
        return t->colours->palette[i];
    return i < 16 ? t->facts.palette[i] : COLOUR_RGB | colour_palette_rgb((uint32_t)i);
}
static uint32_t dynamic_now(const struct term *t, unsigned i)
{
    if (t->colours && t->colours->dynamic[i])
        return t->colours->dynamic[i];
    return i == 0 ? t->facts.fg : i == 1 ? t->facts.bg : i == 2 ? t->facts.cursor : 0;
}

static void answer(struct term *t, unsigned number, int index, uint32_t c)
{
    struct buf b;
    unsigned red = (c >> 16 & 255) * 257, green = (c >> 8 & 255) * 257, blue = (c & 255) * 257;
    if (!c)
        return;
    report_begin(&b);
    buf_printf(&b, "\033]%u;", number);
    if (index >= 0)
        buf_printf(&b, "%d;", index);
    buf_printf(&b, "rgb:%04x/%04x/%04x", red, green, blue);
    buf_put_text(&b, t->parser.bel ? "\a" : "\033\\");
    report_end(t, &b);
}

void osc_colour_answer(struct term *t, unsigned number, int index)
{
    uint32_t c = index >= 0 ? palette_now(t, index) : dynamic_now(t, number - DYNAMIC_FIRST);
    answer(t, number, index, c);
}

/* Of the terminal's colours it may be too early to know. */
static void ask(struct term *t, unsigned number, int index)
{
    uint32_t c = index >= 0 ? palette_now(t, index) : dynamic_now(t, number - DYNAMIC_FIRST);
    bool told = index >= 0 ? index < 16 : number - DYNAMIC_FIRST < 3;
    if (c || !told || !defer_question(t, DEFER_COLOUR, (int)number, index))
        osc_colour_answer(t, number, index);
}

static bool question(const uint8_t *f, size_t n)
{
    return n == 1 && *f == '?';
}

/* Pairs of index and colour, up to the first that is none (xterm). */
static void palette(struct term *t, const uint8_t *s, size_t len)
{
    const uint8_t *f;
    size_t n;
    uint32_t c;
    while (field(&s, &len, &f, &n)) {
        int i = index_of(f, n);
        if (i < 0 || !field(&s, &len, &f, &n))
            return;
        if (question(f, n))
            ask(t, 4, i);
        else if (colour_parse(f, n, &c))
            colours_own(&t->colours)->palette[i] = c;
        else
            return;
    }
}

/* One colour after the other, from that of the number on. */
static void dynamic(struct term *t, unsigned number, const uint8_t *s, size_t len)
{
    const uint8_t *f;
    size_t n;
    uint32_t c;
    for (unsigned i = number - DYNAMIC_FIRST; i < DYNAMIC_COLOURS && field(&s, &len, &f, &n); i++) {
        if (question(f, n))
            ask(t, i + DYNAMIC_FIRST, -1);
        else if (colour_parse(f, n, &c))
            colours_own(&t->colours)->dynamic[i] = c;
    }
}

static void palette_reset(struct term *t, const uint8_t *s, size_t len)
{
    const uint8_t *f;
    size_t n;
    if (!t->colours)
        return;
    if (!len) {
        memset(colours_own(&t->colours)->palette, 0, sizeof t->colours->palette);
        return;
    }
    while (field(&s, &len, &f, &n)) {
        int i = index_of(f, n);
        if (i >= 0)
            colours_own(&t->colours)->palette[i] = 0;
    }
}

bool osc_colours(struct term *t, unsigned number, const uint8_t *s, size_t len)
{
    if (number == 4)
        palette(t, s, len);
    else if (number >= 10 && number <= 19)
        dynamic(t, number, s, len);
    else if (number == 104)
        palette_reset(t, s, len);
    else if (number >= 110 && number <= 119 && t->colours)
        colours_own(&t->colours)->dynamic[number - 110] = 0;
    else
        return false;
    return true;
}
