#include "term/rect.h"

#include "term/cells.h"

/* Where rectangles are counted from, and what they are cut to. */
static struct box page(const struct term *t)
{
    if (t->w.origin)
        return (struct box){t->w.top, t->w.left, t->w.bottom, t->w.right};
    return (struct box){0, 0, last_row(t), last_col(t)};
}

bool rect_read(const struct term *t, unsigned first, struct box *out)
{
    struct box p = page(t);
    int32_t height = p.bottom - p.top + 1, width = p.right - p.left + 1;
    int32_t top = parser_arg(&t->parser, first, 1);
    int32_t left = parser_arg(&t->parser, first + 1, 1);
    int32_t bottom = parser_arg(&t->parser, first + 2, height);
    int32_t right = parser_arg(&t->parser, first + 3, width);
    if (bottom > height)
        bottom = height;
    if (right > width)
        right = width;
    if (top > bottom || left > right)
        return false;
    *out = (struct box){(uint16_t)(p.top + top - 1), (uint16_t)(p.left + left - 1),
                        (uint16_t)(p.top + bottom - 1), (uint16_t)(p.left + right - 1)};
    return true;
}

/* DECCRA. There is one page. */
static void copy(struct term *t)
{
    struct box from, p = page(t);
    if (!rect_read(t, 0, &from))
        return;
    int32_t top = p.top + parser_arg(&t->parser, 5, 1) - 1;
    int32_t left = p.left + parser_arg(&t->parser, 6, 1) - 1;
    int32_t height = from.bottom - from.top + 1, width = from.right - from.left + 1;
    if (top > p.bottom || left > p.right)
        return;
    if (height > p.bottom - top + 1)
        height = p.bottom - top + 1;
    if (width > p.right - left + 1)
        width = p.right - left + 1;
    if (top == from.top && left == from.left)
        return;
    for (int32_t i = 0; i < height; i++) {
        int32_t row = top > from.top ? height - 1 - i : i; /* read before it is overwritten */
        cells_copy(t->grid, (uint16_t)(top + row), (uint16_t)left, (uint16_t)(from.top + row),
                   from.left, (uint16_t)width);
    }
}

static void fill(struct term *t, const struct box *b, uint32_t text)
{
    for (uint16_t row = b->top; row <= b->bottom; row++)
        cells_fill(t->grid, row, b->left, (uint16_t)(b->right + 1),
                   (struct cell){text, t->fg_word, t->bg_word}, &t->w.pen);
}

/* DECFRA: the characters of GL and GR, and what takes one column. */
static void fill_with(struct term *t)
{
    struct box b;
    uint32_t cp = (uint32_t)parser_raw(&t->parser, 0, 0);
    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0xd800 && cp < 0xe000) ||
        (cp >= 0x80 && print_width(t, cp) != 1) || !rect_read(t, 1, &b))
        return;
    fill(t, &b, cp | t->text_bits);
}

/* DECSERA: characters go, renditions stay. */
static void erase_selectively(struct term *t, const struct box *b)
{
    for (uint16_t row = b->top; row <= b->bottom; row++) {
        if (b->left >= t->grid->row[row]->used)
            continue;
        struct row *r = grid_own(t->grid, row);
        row_split(r, b->left);
        row_split(r, (uint16_t)(b->right + 1));
        bool spare = t->w.protection == PROTECTION_DEC, kept = false;
        for (uint16_t col = b->left; col <= b->right && col < r->used; col++) {
            struct cell *c = &r->cell[col];
            if (!(c->text & CELL_TAIL))
                kept = spare && c->text & CELL_PROTECTED;
            if (!kept)
                c->text = c->text || c->fg ? ' ' : 0;
        }
        if (b->right == last_col(t) && !kept)
            r->wrapped = false;
    }
}

/* ---- attributes ---- */

/* What DECCARA and DECRARA change: bits to clear, to set, to turn over. */
struct change {
    uint16_t clear, set, flip;
};

static const struct {
    uint8_t number;
    uint16_t on, off; /* attributes that it sets, that it clears */
} attributes[] = {
    {0, 0, ATTR_BOLD | ATTR_UNDERLINE | ATTR_BLINK | ATTR_INVERSE | ATTR_INVISIBLE},
    {1, ATTR_BOLD, 0},
    {4, 1 << ATTR_UNDERLINE_SHIFT, ATTR_UNDERLINE},
    {5, ATTR_BLINK, 0},
    {7, ATTR_INVERSE, 0},
    {8, ATTR_INVISIBLE, 0},
    {22, 0, ATTR_BOLD},
    {24, 0, ATTR_UNDERLINE},
    {25, 0, ATTR_BLINK},
    {27, 0, ATTR_INVERSE},
    {28, 0, ATTR_INVISIBLE},
};

static struct change change_read(const struct term *t, bool reverse)
{
    struct change ch = {0, 0, 0};
    for (unsigned i = 4; i < parser_count(&t->parser); i++)
        for (size_t k = 0; k < sizeof attributes / sizeof attributes[0]; k++) {
            if (attributes[k].number != parser_raw(&t->parser, i, 0))
                continue;
            if (reverse) {
                ch.flip ^= attributes[k].on;
                continue;
            }
            ch.clear |= attributes[k].on | attributes[k].off;
            ch.set = (uint16_t)((ch.set & ~attributes[k].off) | attributes[k].on);
        }
    return ch;
}

static uint16_t changed(uint16_t attr, const struct change *ch)
{
    const uint16_t line = 1 << ATTR_UNDERLINE_SHIFT;
    attr = (uint16_t)((attr & ~ch->clear) | ch->set);
    attr ^= ch->flip & (uint16_t)~line;
    if (ch->flip & line) /* any kind of line counts as one */
        attr = (uint16_t)(attr & ATTR_UNDERLINE ? attr & ~ATTR_UNDERLINE : attr | line);
    return attr;
}

static void change_cells(struct term *t, uint16_t row, uint16_t from, uint16_t to,
                         const struct change *ch)
{
    struct row *r = grid_own(t->grid, row);
    row_reach(r, to);
    if (from && r->cell[from].text & CELL_TAIL)
        from--;
    if (r->cell[to - 1].text & CELL_WIDE)
        to++;
    for (uint16_t i = from; i < to; i++) {
        struct cell *c = &r->cell[i];
        uint16_t attr = changed(cell_attr(c), ch);
        if (!c->text && attr)
            c->text = ' ';
        c->fg = (c->fg & COLOUR_MASK) | (uint32_t)(attr & 0x3f) << 26;
        c->bg = (c->bg & COLOUR_MASK) | (uint32_t)(attr >> 6 & 0x3f) << 26;
    }
}

/* DECCARA, DECRARA: along the lines from the first corner to the second, or, by DECSACE, in the
 * rectangle only. */
static void change_area(struct term *t, bool reverse)
{
    struct box b, p = page(t);
    struct change ch = change_read(t, reverse);
    if (!(ch.clear | ch.set | ch.flip) || !rect_read(t, 0, &b))
        return;
    for (uint16_t row = b.top; row <= b.bottom; row++) {
        bool whole = !t->w.rect_exact;
        uint16_t from = whole && row != b.top ? p.left : b.left;
        uint16_t to = whole && row != b.bottom ? p.right : b.right;
        change_cells(t, row, from, (uint16_t)(to + 1), &ch);
    }
}

bool rect_csi(struct term *t, uint8_t i, uint32_t final)
{
    struct box b;
    if (i == '*' && final == 'x') { /* DECSACE */
        t->w.rect_exact = parser_raw(&t->parser, 0, 0) == 2;
        return true;
    }
    if (i != '$')
        return false;
    switch (final) {
    case 'v':
        copy(t);
        return true;
    case 'x':
        fill_with(t);
        return true;
    case 'z': /* DECERA: spaces of the present rendition, as xterm */
        if (rect_read(t, 0, &b))
            fill(t, &b, ' ');
        return true;
    case '{':
        if (rect_read(t, 0, &b))
            erase_selectively(t, &b);
        return true;
    case 'r':
    case 't':
        change_area(t, final == 't');
        return true;
    }
    return false;
}
