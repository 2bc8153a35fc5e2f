#include "../vt/words.h"
#include "look.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <vterm.h>

void look_tern(const struct play *p, const bool *skip, struct look *out, char *replies,
               size_t replies_max)
{
    struct term_config c = {.cols = p->cols, .rows = p->rows};
    struct term *t = term_new(&c);
    for (size_t i = 0; i < p->n; i++)
        if (!skip || !skip[i])
            term_write(t, p->token[i].bytes, p->token[i].len);
    struct snapshot *s = term_snapshot(t);
    memset(out, 0, sizeof *out);
    out->cols = s->cols;
    out->rows = s->rows;
    out->row = s->cursor.row;
    out->col = s->cursor.col;
    out->pending = s->cursor.pending;
    for (uint16_t r = 0; r < s->rows; r++)
        for (uint16_t col = 0; col < s->cols; col++) {
            const struct row *row = snapshot_row(s, r);
            uint8_t text[CELL_UTF8_MAX];
            size_t n = row_text(row, col, text);
            snprintf(out->cell[r * s->cols + col].text, LOOK_TEXT, "%.*s", (int)n, (char *)text);
            out->cell[r * s->cols + col].pen = row_pen(row, col);
        }
    if (replies) {
        struct buf *b = term_replies(t);
        snprintf(replies, replies_max, "%.*s", (int)buf_len(b), (const char *)buf_data(b));
    }
    snapshot_unref(s);
    term_free(t);
}

static uint32_t colour_of(const VTermColor *c)
{
    if (VTERM_COLOR_IS_DEFAULT_FG(c) || VTERM_COLOR_IS_DEFAULT_BG(c))
        return COLOUR_DEFAULT;
    if (VTERM_COLOR_IS_INDEXED(c))
        return COLOUR_PALETTE | c->indexed.idx;
    return COLOUR_RGB | (uint32_t)c->rgb.red << 16 | (uint32_t)c->rgb.green << 8 | c->rgb.blue;
}

static struct pen pen_of(const VTermScreenCell *c)
{
    unsigned attr = (c->attrs.bold ? ATTR_BOLD : 0) | (c->attrs.italic ? ATTR_ITALIC : 0) |
                    (c->attrs.blink ? ATTR_BLINK : 0) | (c->attrs.reverse ? ATTR_INVERSE : 0) |
                    (c->attrs.strike ? ATTR_STRIKE : 0) |
                    (unsigned)c->attrs.underline << ATTR_UNDERLINE_SHIFT;
    return (struct pen){.fg = colour_of(&c->fg), .bg = colour_of(&c->bg), .attr = (uint16_t)attr};
}

void look_vterm(const struct play *p, const bool *skip, struct look *out)
{
    VTerm *vt = vterm_new(p->rows, p->cols);
    vterm_set_utf8(vt, 1);
    VTermScreen *screen = vterm_obtain_screen(vt);
    vterm_screen_enable_altscreen(screen, 1);
    vterm_screen_reset(screen, 1);
    for (size_t i = 0; i < p->n; i++)
        if (!skip || !skip[i])
            vterm_input_write(vt, (const char *)p->token[i].bytes, p->token[i].len);
    VTermPos at;
    vterm_state_get_cursorpos(vterm_obtain_state(vt), &at);
    memset(out, 0, sizeof *out);
    out->cols = p->cols;
    out->rows = p->rows;
    out->row = (uint16_t)at.row;
    out->col = (uint16_t)at.col;
    for (int r = 0; r < p->rows; r++)
        for (int c = 0; c < p->cols; c++) {
            VTermScreenCell cell;
            vterm_screen_get_cell(screen, (VTermPos){r, c}, &cell);
            char *text = out->cell[r * p->cols + c].text;
            size_t n = 0;
            out->cell[r * p->cols + c].pen = pen_of(&cell);
            if (cell.chars[0] == (uint32_t)-1)
                continue; /* the right half */
            for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++)
                n += utf8_put((uint8_t *)text + n, cell.chars[i]);
            if (!n)
                text[n++] = ' ';
            text[n] = 0;
        }
    vterm_free(vt);
}

/* vterm-blank-pen: an erased cell has only a background here. */
static bool pen_differs(struct pen a, struct pen b, const char *text)
{
    a.attr &= (uint16_t) ~(ATTR_FAINT | ATTR_INVISIBLE | ATTR_OVERLINE); /* vterm-attributes */
    if (!strcmp(text, " "))
        a.fg = b.fg = a.attr = b.attr = 0;
    return a.fg != b.fg || a.bg != b.bg || a.attr != b.attr;
}

/* vterm-graphics: two glyphs of the line-drawing set, and what libvterm takes for them. */
static bool text_differs(const char *a, const char *b)
{
    return strcmp(a, b) && !(!strcmp(a, "≤") && !strcmp(b, "⩽")) &&
           !(!strcmp(a, "≥") && !strcmp(b, "⩾"));
}

bool look_differ(const struct look *tern, const struct look *vterm, char *what, size_t max)
{
    for (int i = 0; i < tern->cols * tern->rows; i++) {
        int r = i / tern->cols, c = i % tern->cols;
        const char *a = tern->cell[i].text, *b = vterm->cell[i].text;
        if (text_differs(a, b)) {
            snprintf(what, max, "cell %d,%d is \"%s\", libvterm has \"%s\"", r, c, a, b);
            return true;
        }
        if (pen_differs(tern->cell[i].pen, vterm->cell[i].pen, a)) {
            char p[256], q[256];
            words_of_pen(&tern->cell[i].pen, p, sizeof p);
            words_of_pen(&vterm->cell[i].pen, q, sizeof q);
            snprintf(what, max, "pen %d,%d is %s, libvterm has %s", r, c, p, q);
            return true;
        }
    }
    if (tern->row != vterm->row || tern->col != vterm->col) {
        snprintf(what, max, "cursor %u,%u, libvterm has %u,%u", tern->row, tern->col, vterm->row,
                 vterm->col);
        return true;
    }
    return false;
}
