#include "term/cells.h"
#include "term/engine.h"

/* The box between the margins. */
static struct box region(const struct term *t)
{
    return (struct box){t->w.top, t->w.left, t->w.bottom, t->w.right};
}

/* Lines move as pointers when they move whole, else cell by cell. */
static void scroll_up(struct term *t, uint16_t top, unsigned n, bool keep)
{
    struct box b = region(t);
    b.top = top;
    if (margins(t))
        cells_scroll_up(t->grid, &b, n, erase_bg(t));
    else
        grid_scroll_up(t->grid, top, b.bottom, n, erase_bg(t),
                       keep && top == 0 && t->grid == &t->main ? t->history : NULL);
}

static void scroll_down(struct term *t, uint16_t top, unsigned n)
{
    struct box b = region(t);
    b.top = top;
    if (margins(t))
        cells_scroll_down(t->grid, &b, n, erase_bg(t));
    else
        grid_scroll_down(t->grid, top, b.bottom, n, erase_bg(t));
}

void shift_up(struct term *t, unsigned n)
{
    scroll_up(t, t->w.top, n, true);
}

void shift_down(struct term *t, unsigned n)
{
    scroll_down(t, t->w.top, n);
}

/* IL, DL: from the cursor's line on; no line of it is kept as history. */
static void edit_lines(struct term *t, unsigned n, bool insert)
{
    if (!within_margins(t))
        return;
    if (insert)
        scroll_down(t, t->cursor.row, n);
    else
        scroll_up(t, t->cursor.row, n, false);
    cursor_to(t, t->cursor.row, t->w.left);
}

void shift_insert(struct term *t, unsigned n)
{
    if (within_columns(t))
        cells_insert(t->grid, t->cursor.row, t->cursor.col, t->w.right, n, erase_bg(t));
}

/* ICH, DCH. */
static void edit_cells(struct term *t, unsigned n, bool insert)
{
    if (!within_columns(t))
        return;
    if (insert)
        shift_insert(t, n);
    else
        cells_delete(t->grid, t->cursor.row, t->cursor.col, t->w.right, n, erase_bg(t));
    t->cursor.pending = false;
}

/* n columns come in at col of every line of the region, or go there. */
static void edit_columns(struct term *t, uint16_t col, unsigned n, bool insert)
{
    if (!within_margins(t))
        return;
    for (uint16_t row = t->w.top; row <= t->w.bottom; row++) {
        if (insert)
            cells_insert(t->grid, row, col, t->w.right, n, erase_bg(t));
        else
            cells_delete(t->grid, row, col, t->w.right, n, erase_bg(t));
    }
}

void shift_back_index(struct term *t)
{
    if (t->cursor.col == t->w.left)
        edit_columns(t, t->cursor.col, 1, true);
    else if (t->cursor.col)
        cursor_to(t, t->cursor.row, (uint16_t)(t->cursor.col - 1));
}

void shift_forward_index(struct term *t)
{
    if (t->cursor.col == t->w.right)
        edit_columns(t, t->w.left, 1, false);
    else if (t->cursor.col < last_col(t))
        cursor_to(t, t->cursor.row, (uint16_t)(t->cursor.col + 1));
}

bool shift_columns(struct term *t, uint8_t i, uint32_t final)
{
    unsigned n = (unsigned)parser_arg(&t->parser, 0, 1);
    if (i == '\'' && final == '}')
        edit_columns(t, t->cursor.col, n, true);
    else if (i == '\'' && final == '~')
        edit_columns(t, t->cursor.col, n, false);
    else if (i == ' ' && final == '@')
        edit_columns(t, t->w.left, n, false);
    else if (i == ' ' && final == 'A')
        edit_columns(t, t->w.left, n, true);
    else
        return false;
    return true;
}

bool shift_csi(struct term *t, uint32_t final, int32_t n)
{
    switch (final) {
    case '@':
    case 'P':
        edit_cells(t, (unsigned)n, final == '@');
        return true;
    case 'L':
    case 'M':
        edit_lines(t, (unsigned)n, final == 'L');
        return true;
    case 'S':
        shift_up(t, (unsigned)n);
        return true;
    case 'T':
        /* With more parameters or 0: xterm's mouse tracking and title modes. */
        if (parser_count(&t->parser) > 1 || !parser_raw(&t->parser, 0, 1))
            return true;
        shift_down(t, (unsigned)n);
        return true;
    case '^':
        shift_down(t, (unsigned)n);
        return true;
    }
    return false;
}
