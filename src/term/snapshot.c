#include "term/snapshot.h"

#include "base/mem.h"
#include "term/link.h"
#include "term/modes.h"
#include "term/palette.h"
#include "term/row_edit.h"

#include <stdlib.h>

struct snapshot *snapshot_ref(const struct snapshot *s)
{
    struct snapshot *mine = (struct snapshot *)(uintptr_t)s;
    mine->refs++;
    return mine;
}

static void rows_free(struct row **row, uint16_t rows)
{
    for (uint16_t i = 0; row && i < rows; i++)
        row_unref(row[i]);
    free(row);
}

void snapshot_unref(struct snapshot *s)
{
    if (!s || --s->refs)
        return;
    rows_free(s->main_row, s->rows);
    rows_free(s->alt_row, s->rows);
    colours_unref(s->colours);
    links_unref(s->links);
    free(s->title);
    free(s->icon);
    free(s->clip);
    free(s);
}

static struct row **rows_copy(struct row *const *row, uint16_t rows)
{
    struct row **to = mem_resize(NULL, rows, sizeof(struct row *));
    for (uint16_t i = 0; i < rows; i++)
        to[i] = row_ref(row ? row[i] : &row_blank_row);
    return to;
}

struct snapshot *snapshot_blank(uint16_t cols, uint16_t rows)
{
    struct snapshot *s = mem_new(1, sizeof *s);
    s->refs = 1;
    s->cols = cols;
    s->rows = rows;
    s->main_row = rows_copy(NULL, rows);
    s->modes.cursor_visible = true;
    return s;
}

struct snapshot *snapshot_copy(const struct snapshot *s)
{
    struct snapshot *c = mem_resize(NULL, 1, sizeof *c);
    *c = *s;
    c->refs = 1;
    c->main_row = rows_copy(s->main_row, s->rows);
    c->alt_row = s->alt_row ? rows_copy(s->alt_row, s->rows) : NULL;
    c->colours = colours_ref(s->colours);
    c->links = links_ref(s->links);
    c->title = s->title ? mem_text(s->title, strlen(s->title)) : NULL;
    c->icon = s->icon ? mem_text(s->icon, strlen(s->icon)) : NULL;
    c->clip = s->clip ? mem_text(s->clip, strlen(s->clip)) : NULL;
    return c;
}

static bool text_equal(const char *a, const char *b)
{
    return a == b || !strcmp(a ? a : "", b ? b : "");
}

static uint16_t stock_attr(uint16_t attr)
{
    uint16_t plain = attr & (ATTR_BOLD | ATTR_ITALIC | ATTR_BLINK | ATTR_INVERSE | ATTR_INVISIBLE);
    return (uint16_t)(plain | (attr & ATTR_UNDERLINE ? 1 << ATTR_UNDERLINE_SHIFT : 0));
}

static bool pen_equal(const struct pen *a, const struct pen *b, enum snapshot_kind kind)
{
    if (a->fg != b->fg || a->bg != b->bg)
        return false;
    if (kind == SNAPSHOT_STOCK)
        return stock_attr(a->attr) == stock_attr(b->attr);
    return a->attr == b->attr && a->ul == b->ul;
}

static bool stock_cell_equal(const struct row *a, const struct row *b, uint16_t col)
{
    if (row_cell_equal(a, b, col))
        return true;
    struct pen p = row_pen(a, col), q = row_pen(b, col);
    const uint32_t shape = CELL_WIDE | CELL_TAIL;
    uint8_t s[CELL_UTF8_MAX], t[CELL_UTF8_MAX];
    size_t n = row_text(a, col, s);
    return pen_equal(&p, &q, SNAPSHOT_STOCK) &&
           (row_cell(a, col).text & shape) == (row_cell(b, col).text & shape) &&
           n == row_text(b, col, t) && !memcmp(s, t, n);
}

static bool stock_row_equal(const struct row *a, const struct row *b, uint16_t cols)
{
    if (row_cells_equal(a, b, cols))
        return true;
    for (uint16_t col = 0; col < cols; col++)
        if (!stock_cell_equal(a, b, col))
            return false;
    return true;
}

/* The last row's wrap mark leads nowhere and no sequence sets it: not compared. */
static bool rows_equal(struct row *const *a, struct row *const *b, const struct snapshot *s,
                       enum snapshot_kind kind)
{
    for (uint16_t i = 0; a != b && i < s->rows; i++) {
        const struct row *x = a ? a[i] : &row_blank_row, *y = b ? b[i] : &row_blank_row;
        if (x == y)
            continue;
        if (i + 1 < s->rows && x->wrapped != y->wrapped)
            return false;
        if (kind == SNAPSHOT_NATIVE && x->mark != y->mark)
            return false;
        if (kind == SNAPSHOT_STOCK ? !stock_row_equal(x, y, s->cols)
                                   : !row_cells_equal(x, y, s->cols))
            return false;
    }
    return true;
}

bool snapshot_equal(const struct snapshot *a, const struct snapshot *b, enum snapshot_kind kind)
{
    if (a == b)
        return true;
    if (a->cols != b->cols || a->rows != b->rows || a->cursor.row != b->cursor.row ||
        a->cursor.col != b->cursor.col || !modes_equal(&a->modes, &b->modes, kind) ||
        !pen_equal(&a->pen, &b->pen, kind) || !text_equal(a->title, b->title))
        return false;
    if (kind == SNAPSHOT_STOCK)
        return text_equal(a->clip ? a->clip : "c;", b->clip ? b->clip : "c;") &&
               rows_equal(a->alt ? a->alt_row : a->main_row, b->alt ? b->alt_row : b->main_row, a,
                          kind);
    return a->alt == b->alt && text_equal(a->icon, b->icon) &&
           colours_equal(a->colours, b->colours) && rows_equal(a->main_row, b->main_row, a, kind) &&
           rows_equal(a->alt_row, b->alt_row, a, kind);
}
