#include "term/cells.h"
#include "term/engine.h"

#include "base/mem.h"

/* Does erasing spare protected cells? ISO 6429's guarded areas withstand all of it, DEC's only the
 * selective kind. */
static bool spares(const struct term *t, bool selective)
{
    return t->w.protection == PROTECTION_ISO || (t->w.protection == PROTECTION_DEC && selective);
}

void erase_cells(struct term *t, uint16_t row, uint16_t from, uint16_t to, bool spare)
{
    struct grid *g = t->grid;
    if (!spare || !cells_protected(g->row[row], from, to)) {
        grid_erase(g, row, from, to, erase_bg(t));
        return;
    }
    /* Runs without protection; the right half of a wide character goes with the left one. */
    uint16_t begin = from, used = g->row[row]->used;
    for (uint16_t i = from; i < to && i < used; i++) {
        const struct cell *c = &g->row[row]->cell[i];
        bool tail = i && c->text & CELL_TAIL;
        if (!((tail ? c - 1 : c)->text & CELL_PROTECTED))
            continue;
        if (begin < i)
            grid_erase(g, row, begin, i, erase_bg(t));
        begin = (uint16_t)(i + 1);
    }
    if (begin < to)
        grid_erase(g, row, begin, to, erase_bg(t));
}

static void rows(struct term *t, uint16_t from, uint16_t to, bool spare)
{
    if (!spare) {
        grid_erase_rows(t->grid, from, to, erase_bg(t));
        return;
    }
    for (uint16_t row = from; row < to; row++)
        erase_cells(t, row, 0, t->grid->cols, true);
}

/* CSI 3 J: only the lines that left the screen. */
static void forget(struct term *t)
{
    if (t->history)
        history_clear(t->history);
    if (t->events.event && !t->config.replica)
        t->events.event(t->events.ctx, TERM_CLEAR_HISTORY, NULL, 0);
}

void erase_display(struct term *t, bool selective)
{
    uint16_t row = t->cursor.row, col = t->cursor.col, cols = t->grid->cols;
    bool spare = spares(t, selective);
    switch (parser_raw(&t->parser, 0, 0)) {
    case 0:
        erase_cells(t, row, col, cols, spare);
        rows(t, (uint16_t)(row + 1), t->grid->rows, spare);
        break;
    case 1:
        rows(t, 0, row, spare);
        erase_cells(t, row, 0, (uint16_t)(col + 1), spare);
        break;
    case 2:
        rows(t, 0, t->grid->rows, spare);
        break;
    case 3:
        if (!selective)
            forget(t);
        return;
    default:
        return;
    }
    t->cursor.pending = false;
}

void erase_line(struct term *t, bool selective)
{
    uint16_t col = t->cursor.col, cols = t->grid->cols;
    int32_t what = parser_raw(&t->parser, 0, 0);
    if (what > 2)
        return;
    erase_cells(t, t->cursor.row, what == 0 ? col : 0, what == 1 ? (uint16_t)(col + 1) : cols,
                spares(t, selective));
    t->cursor.pending = false;
}

void erase_chars(struct term *t, unsigned n)
{
    unsigned end = t->cursor.col + n;
    erase_cells(t, t->cursor.row, t->cursor.col,
                end < t->grid->cols ? (uint16_t)end : t->grid->cols, spares(t, false));
    t->cursor.pending = false;
}

void erase_protect(struct term *t, bool on, enum protection by)
{
    t->w.protect = on;
    t->w.protection = (uint8_t)by;
    t->text_bits = on ? CELL_PROTECTED : 0;
}
