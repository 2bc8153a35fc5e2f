#include "term/engine.h"

void pen_changed(struct term *t)
{
    struct pen *p = &t->w.pen;
    t->pen_ext = p->ul || p->link;
    struct pen stored = *p;
    if (t->pen_ext)
        stored.attr |= ATTR_EXT;
    struct cell c = cell_make(0, &stored);
    t->fg_word = c.fg;
    t->bg_word = c.bg;
}

static void underline(struct pen *p, unsigned style)
{
    p->attr = (uint16_t)((p->attr & ~ATTR_UNDERLINE) | style << ATTR_UNDERLINE_SHIFT);
}

/* Red, green, blue from parameter i on, those behind the end being 0; false when one is empty or
 * too large. */
static bool rgb(const struct parser *p, unsigned i, uint32_t *out)
{
    uint32_t c = 0;
    for (unsigned k = i; k < i + 3; k++) {
        int32_t v = parser_raw(p, k, 0);
        if (v > 255 || (k < parser_count(p) && p->value[k] < 0))
            return false;
        c = c << 8 | (uint32_t)v;
    }
    *out = COLOUR_RGB | c;
    return true;
}

static bool palette(const struct parser *p, unsigned i, uint32_t *out)
{
    int32_t v = parser_raw(p, i, 0);
    if (v > 255 || (i < parser_count(p) && p->value[i] < 0))
        return false;
    *out = COLOUR_PALETTE | (uint32_t)v;
    return true;
}

/* 38, 48 and 58 at parameter i: ECMA-48's colon forms (ISO 8613-6: 38:2:space:r:g:b, xterm's
 * 38:2:r:g:b, 38:5:n) and xterm's semicolons. Returns the index behind. A colour that is malformed
 * changes nothing. */
static unsigned colour(const struct parser *p, unsigned i, uint32_t *out)
{
    unsigned end = i + 1;
    while (end < parser_count(p) && parser_sub(p, end))
        end++;
    if (end > i + 1) {
        int32_t kind = parser_raw(p, i + 1, 0);
        if (kind == 2 && end >= i + 6)
            rgb(p, i + 3, out);
        else if (kind == 2 && end == i + 5)
            rgb(p, i + 2, out);
        else if (kind == 5 && end >= i + 3)
            palette(p, i + 2, out);
        return end;
    }
    int32_t kind = parser_raw(p, i + 1, 0);
    if (kind == 2) {
        rgb(p, i + 2, out);
        return i + 5;
    }
    if (kind == 5) {
        palette(p, i + 2, out);
        return i + 3;
    }
    return i + 2;
}

/* Parameters that set or clear attributes and nothing else. */
static const struct {
    uint16_t clear, set;
} attrs[] = {
    [1] = {0, ATTR_BOLD},
    [2] = {0, ATTR_FAINT},
    [3] = {0, ATTR_ITALIC},
    [4] = {ATTR_UNDERLINE, 1 << ATTR_UNDERLINE_SHIFT},
    [5] = {0, ATTR_BLINK},
    [6] = {0, ATTR_BLINK},
    [7] = {0, ATTR_INVERSE},
    [8] = {0, ATTR_INVISIBLE},
    [9] = {0, ATTR_STRIKE},
    [21] = {ATTR_UNDERLINE, 2 << ATTR_UNDERLINE_SHIFT},
    [22] = {ATTR_BOLD | ATTR_FAINT, 0},
    [23] = {ATTR_ITALIC, 0},
    [24] = {ATTR_UNDERLINE, 0},
    [25] = {ATTR_BLINK, 0},
    [27] = {ATTR_INVERSE, 0},
    [28] = {ATTR_INVISIBLE, 0},
    [29] = {ATTR_STRIKE, 0},
    [53] = {0, ATTR_OVERLINE},
    [55] = {ATTR_OVERLINE, 0},
};

static void single(struct pen *p, int32_t v)
{
    if (v == 0)
        *p = (struct pen){.link = p->link};
    else if (v >= 30 && v <= 37)
        p->fg = COLOUR_PALETTE | (uint32_t)(v - 30);
    else if (v == 39)
        p->fg = COLOUR_DEFAULT;
    else if (v >= 40 && v <= 47)
        p->bg = COLOUR_PALETTE | (uint32_t)(v - 40);
    else if (v == 49)
        p->bg = COLOUR_DEFAULT;
    else if (v == 59)
        p->ul = COLOUR_DEFAULT;
    else if (v >= 90 && v <= 97)
        p->fg = COLOUR_PALETTE | (uint32_t)(v - 90 + 8);
    else if (v >= 100 && v <= 107)
        p->bg = COLOUR_PALETTE | (uint32_t)(v - 100 + 8);
    else if (v < (int32_t)(sizeof attrs / sizeof attrs[0]))
        p->attr = (uint16_t)((p->attr & ~attrs[v].clear) | attrs[v].set);
}

void sgr_apply(struct term *t)
{
    const struct parser *p = &t->parser;
    struct pen *pen = &t->w.pen;
    unsigned n = parser_count(p), i = 0;
    if (!n)
        single(pen, 0);
    while (i < n) {
        int32_t v = parser_raw(p, i, 0);
        if (v == 38 || v == 48 || v == 58) {
            i = colour(p, i, v == 38 ? &pen->fg : v == 48 ? &pen->bg : &pen->ul);
        } else if (i + 1 < n && parser_sub(p, i + 1)) {
            int32_t style = parser_raw(p, i + 1, 0);
            if (v == 4 && style <= 5)
                underline(pen, (unsigned)style);
            for (i++; i < n && parser_sub(p, i);)
                i++; /* other sub-parameters: the parameter is one that we do not know */
        } else {
            single(pen, v);
            i++;
        }
    }
    pen_changed(t);
}
