#include "term/reflow.h"

#include "base/mem.h"

#include <stdlib.h>

uint16_t reflow_text_end(const struct row *r)
{
    uint16_t end = r->used;
    while (end && !r->cell[end - 1].text)
        end--;
    return end;
}

/* Does the line of in[i] go on in the next row? */
static bool goes_on(struct row *const *in, size_t i, size_t n)
{
    if (i + 1 == n)
        return false;
    return in[i]->wrapped ||
           (row_padded(in[i]) && in[i + 1]->used && in[i + 1]->cell[0].text & CELL_WIDE);
}

/* The columns of text of a row whose line goes on in the next. */
static uint16_t full_end(const struct row *r)
{
    return r->wrapped ? r->used : r->padded;
}

static void put(struct reflow *r, struct row *row)
{
    if (r->n == r->size) {
        r->size = r->size ? 2 * r->size : 64;
        r->out = mem_resize(r->out, r->size, sizeof(struct row *));
    }
    r->out[r->n++] = row;
}

/* Does the line in[first..last] stand as it must? */
static bool fits(const struct reflow *r, struct row *const *in, size_t first, size_t last)
{
    for (size_t i = first; i < last; i++) {
        if (full_end(in[i]) + (in[i]->wrapped ? 0 : 1) != r->cols)
            return false;
    }
    return reflow_text_end(in[last]) <= r->cols;
}

static void keep(struct reflow *r, struct row *const *in, size_t first, size_t last)
{
    for (size_t k = 0; k < r->marks; k++) {
        struct reflow_mark *m = &r->mark[k];
        if (m->done || m->row < first || m->row > last)
            continue;
        m->past = m->col == r->cols && reflow_text_end(in[m->row]) == r->cols;
        m->row = r->n + (m->row - first);
        m->col = m->col < r->cols ? m->col : (uint16_t)(r->cols - 1);
        m->done = true;
    }
    for (size_t i = first; i <= last; i++)
        put(r, row_ref(in[i]));
}

/* The writing of one line. */
struct line {
    struct row *row;
    uint16_t col;
};

static void next_row(struct reflow *r, struct line *l, bool padded)
{
    if (l->row) {
        l->row->wrapped = !padded;
        l->row->padded = padded ? l->col : 0;
    }
    l->row = row_new(r->cols, r->pool->next_id++);
    l->col = 0;
    put(r, l->row);
}

/* The cell at col of `from` (w columns) behind what is written. */
static void put_cell(struct reflow *r, struct line *l, const struct row *from, uint16_t col,
                     unsigned w)
{
    const struct cell *c = &from->cell[col];
    if (!l->row || l->col + w > r->cols)
        next_row(r, l, l->row && l->col < r->cols);
    struct row *to = l->row;
    row_reach(to, (uint16_t)(l->col + w));
    if (c->text & CELL_CLUSTER) {
        const uint8_t *text = from->text + (c->text & CELL_TEXT);
        row_cluster_put(to, l->col, text + 1, text[0]);
        to->cell[l->col].text |= c->text & ~(uint32_t)(CELL_TEXT | CELL_CLUSTER);
        to->cell[l->col].fg = c->fg;
        to->cell[l->col].bg = c->bg;
    } else {
        to->cell[l->col] = *c;
    }
    if (w == 2)
        to->cell[l->col + 1] = c[1];
    if (cell_attr(c) & ATTR_EXT) {
        struct pen p = row_pen(from, col);
        for (unsigned i = 0; i < w; i++)
            row_ext_set(to, (uint16_t)(l->col + i), &p);
    }
    l->col = (uint16_t)(l->col + w);
}

/* Marks on the w columns of row i from col on go to where these were written. */
static void settle(struct reflow *r, const struct line *l, size_t i, uint16_t col, unsigned w)
{
    for (size_t k = 0; k < r->marks; k++) {
        struct reflow_mark *m = &r->mark[k];
        if (m->done || m->row != i || m->col < col || m->col >= col + w)
            continue;
        m->done = true;
        m->row = r->n - 1;
        m->col = (uint16_t)(l->col - w + (m->col - col));
        m->past = false;
    }
}

/* Those behind the text, which ends in column `end` of the last row. */
static void settle_behind(struct reflow *r, const struct line *l, size_t first, size_t last,
                          uint16_t end)
{
    for (size_t k = 0; k < r->marks; k++) {
        struct reflow_mark *m = &r->mark[k];
        if (m->done || m->row < first || m->row > last)
            continue;
        unsigned more = m->row == last && m->col > end ? (unsigned)(m->col - end) : 0;
        unsigned col = l->col + more;
        m->done = true;
        m->row = r->n - 1;
        m->past = !more && col >= r->cols;
        m->col = (uint16_t)(col < r->cols ? col : r->cols - 1u);
    }
}

static void lay_out(struct reflow *r, struct row *const *in, size_t first, size_t last)
{
    struct line l = {0};
    uint16_t end = 0;
    uint8_t mark = 0; /* of rows whose first piece is yet to come */
    for (size_t i = first; i <= last; i++) {
        const struct row *from = in[i];
        mark |= from->mark;
        end = i < last ? full_end(from) : reflow_text_end(from);
        for (uint16_t col = 0; col < end;) {
            unsigned w = from->cell[col].text & CELL_WIDE && col + 1 < from->used ? 2 : 1;
            if (w > r->cols) {
                col = (uint16_t)(col + w); /* two columns do not fit a screen of one */
                continue;
            }
            put_cell(r, &l, from, col, w);
            l.row->mark |= mark;
            mark = 0;
            settle(r, &l, i, col, w);
            col = (uint16_t)(col + w);
        }
    }
    if (!l.row)
        next_row(r, &l, false);
    l.row->mark |= mark;
    settle_behind(r, &l, first, last, end);
    /* What was erased behind the text keeps its background. */
    if (in[last]->used > end) {
        uint32_t bg = in[last]->cell[in[last]->used - 1].bg & COLOUR_MASK;
        for (uint16_t c = l.col; bg && c < r->cols; c++) {
            row_reach(l.row, (uint16_t)(c + 1));
            l.row->cell[c] = (struct cell){0, 0, bg};
        }
    }
}

void reflow_rows(struct reflow *r, struct row *const *in, size_t n)
{
    for (size_t first = 0; first < n;) {
        size_t last = first;
        while (goes_on(in, last, n))
            last++;
        if (fits(r, in, first, last))
            keep(r, in, first, last);
        else
            lay_out(r, in, first, last);
        first = last + 1;
    }
    for (size_t k = 0; k < r->marks; k++) {
        struct reflow_mark *m = &r->mark[k];
        if (m->done || m->row == SIZE_MAX)
            continue;
        m->row = m->row - n + r->n;
        m->past = false;
        m->col = m->col < r->cols ? m->col : (uint16_t)(r->cols - 1);
    }
}
