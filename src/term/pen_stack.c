#include "term/engine.h"

/* XTPUSHSGR and XTPOPSGR. What can be pushed alone, by the number of its SGR. */
static const struct {
    uint8_t number;
    uint16_t attr; /* 0: a colour */
} parts[] = {
    {1, ATTR_BOLD},    {2, ATTR_FAINT},     {3, ATTR_ITALIC}, {4, ATTR_UNDERLINE},  {5, ATTR_BLINK},
    {7, ATTR_INVERSE}, {8, ATTR_INVISIBLE}, {9, ATTR_STRIKE}, {21, ATTR_UNDERLINE}, {30, 0},
    {31, 0},
};
enum { PARTS = sizeof parts / sizeof parts[0], ALL = 1 << PARTS };

void pens_push(struct term *t)
{
    const struct parser *p = &t->parser;
    uint32_t what = 0;
    if (t->pens.depth < UINT32_MAX)
        t->pens.depth++;
    if (t->pens.depth > PENS_MAX)
        return;
    for (unsigned i = 0; i < parser_count(p); i++)
        for (unsigned k = 0; k < PARTS; k++)
            if (parts[k].number == parser_raw(p, i, 0))
                what |= 1u << k;
    if (!parser_count(p))
        what = ALL;
    t->pens.entry[t->pens.depth - 1].pen = t->w.pen;
    t->pens.entry[t->pens.depth - 1].what = what;
}

void pens_pop(struct term *t)
{
    if (!t->pens.depth || --t->pens.depth >= PENS_MAX)
        return;
    const struct pen *from = &t->pens.entry[t->pens.depth].pen;
    uint32_t what = t->pens.entry[t->pens.depth].what;
    struct pen *to = &t->w.pen;
    if (what == ALL) {
        uint16_t link = to->link; /* no part of the rendition */
        *to = *from;
        to->link = link;
    }
    for (unsigned k = 0; k < PARTS; k++) {
        if (!(what & 1u << k))
            continue;
        to->attr = (uint16_t)((to->attr & ~parts[k].attr) | (from->attr & parts[k].attr));
        if (parts[k].number == 30)
            to->fg = from->fg;
        else if (parts[k].number == 31)
            to->bg = from->bg;
    }
    pen_changed(t);
}
