#include "predict/play.h"

#include "term/row_edit.h"

#include <string.h>

void play_init(struct play *p, const struct snapshot *s, unsigned style, uint64_t *next_id)
{
    *p = (struct play){
        .s = s, .style = style, .row = s->cursor.row, .col = s->cursor.col, .next_id = next_id};
}

void play_fini(struct play *p)
{
    for (unsigned i = 0; i < p->n; i++)
        row_unref(p->rows[i].row);
    p->n = 0;
}

static const struct play_row *find(const struct play *p, uint16_t at)
{
    for (unsigned i = 0; i < p->n; i++)
        if (p->rows[i].at == at)
            return &p->rows[i];
    return NULL;
}

static const struct row *row_at(const struct play *p, uint16_t at)
{
    const struct play_row *r = find(p, at);
    return r ? r->row : snapshot_row(p->s, at);
}

/* The row, to be written in [lo, hi): as wide as the screen. NULL: too many of them. */
static struct row *own(struct play *p, uint16_t at, uint16_t lo, uint16_t hi)
{
    struct play_row *r = (struct play_row *)find(p, at);
    if (!r) {
        if (p->n == PREDICT_ROWS)
            return NULL;
        unsigned i = p->n++;
        for (; i && p->rows[i - 1].at > at; i--)
            p->rows[i] = p->rows[i - 1];
        r = &p->rows[i];
        *r = (struct play_row){.at = at, .lo = lo, .hi = hi};
        r->row = row_copy(snapshot_row(p->s, at), p->s->cols);
        r->row->id = (*p->next_id)++;
        r->row->version = 0;
    }
    if (lo < r->lo)
        r->lo = lo;
    if (hi > r->hi)
        r->hi = hi;
    return r->row;
}

static bool blank_at(const struct row *r, uint16_t col)
{
    struct cell c = row_cell(r, col);
    return c.text == 0 || c.text == ' ';
}

/* Where the text that goes on from col ends: behind it is a gap, or the screen's edge. */
static uint16_t text_end(const struct row *r, uint16_t col, uint16_t cols)
{
    uint16_t end = col;
    for (uint16_t i = col; i < cols && i < r->used && i - end < PLAY_GAP; i++)
        if (!blank_at(r, i))
            end = (uint16_t)(i + 1);
    return end;
}

static bool row_empty(const struct row *r, uint16_t cols)
{
    for (uint16_t i = 0; i < cols && i < r->used; i++)
        if (!blank_at(r, i))
            return false;
    return true;
}

/* What was in the cell that they came from stays there: links, colours of underlines. */
static void forget_ext(struct row *r, uint16_t from, uint16_t to)
{
    for (uint16_t i = from; i < to && r->ext_n; i++)
        r->cell[i].bg &= ~((uint32_t)(ATTR_EXT >> 6) << 26);
}

/* ---- suggestions ----
 * Some shells (fish, zsh with plugins) show behind the cursor, in grey, how the line may go on. A
 * character that they suggest stands there already; by any other key they are gone. */

static bool grey(const struct pen *p)
{
    uint32_t c = p->fg & 0xffffff, r = c >> 16, g = c >> 8 & 0xff, b = c & 0xff;
    if (p->attr & ATTR_FAINT)
        return true;
    if (COLOUR_KIND(p->fg) == COLOUR_PALETTE)
        return c == 8 || (c >= 232 && c < 250);
    return COLOUR_KIND(p->fg) == COLOUR_RGB && r == g && g == b && r < 0xb0;
}

static bool grey_at(const struct row *r, uint16_t col)
{
    struct pen pen = row_pen(r, col);
    return grey(&pen);
}

/* Where a suggestion that begins at the cursor ends; 0: there is none. */
static uint16_t suggestion(const struct play *p)
{
    const struct row *r = row_at(p, p->row);
    uint16_t end = text_end(r, p->col, p->s->cols);
    if (end == p->col || (p->col && grey_at(r, (uint16_t)(p->col - 1))))
        return 0;
    for (uint16_t i = p->col; i < end; i++)
        if (!blank_at(r, i) && !grey_at(r, i))
            return 0;
    return end;
}

static void blank_cells(struct row *r, uint16_t from, uint16_t to)
{
    row_reach(r, to);
    for (uint16_t i = from; i < to; i++)
        r->cell[i] = (struct cell){0, 0, r->cell[i].bg & COLOUR_MASK};
}

static bool on_floor(const struct play *p, uint16_t col)
{
    return p->row == p->floor_row && col < p->floor_col;
}

/* As the character before it looks if that was typed too, else as the program writes now. */
static struct pen pen_for(const struct play *p)
{
    struct pen pen = p->s->pen;
    if (p->col && !on_floor(p, (uint16_t)(p->col - 1)))
        pen = row_pen(row_at(p, p->row), (uint16_t)(p->col - 1));
    pen.link = 0;
    pen.ul = 0;
    return pen;
}

/* May text go on in the next row? On the alternate screen rows below would move, and past the last
 * row all would. */
static bool next_row(const struct play *p)
{
    return !p->s->alt && p->row + 1 < p->s->rows &&
           row_empty(row_at(p, (uint16_t)(p->row + 1)), p->s->cols);
}

static bool half_at(const struct row *r, uint16_t col)
{
    return row_cell(r, col).text & CELL_TAIL;
}

/* The row above is full: the cursor may stand behind its end, on what is no part of its line (vim's
 * next line, or the ~ below the last one). */
static bool after_full_row(const struct play *p)
{
    return !p->col && p->row &&
           !blank_at(row_at(p, (uint16_t)(p->row - 1)), (uint16_t)(p->s->cols - 1));
}

/* The cells [col, col + w) become free for a character; false if they cannot. */
static struct row *make_room(struct play *p, uint16_t w, uint32_t cp)
{
    uint16_t cols = p->s->cols, col = p->col;
    const struct row *was = row_at(p, p->row);
    uint16_t end = text_end(was, col, cols), moved = (uint16_t)(end - col);
    uint16_t grey = suggestion(p);
    if (half_at(was, col))
        return NULL;
    if (grey && col + w <= grey) {
        if (row_cell(was, col).text == cp || (cp == ' ' && blank_at(was, col)))
            return own(p, p->row, col, (uint16_t)(col + w));
        struct row *r = own(p, p->row, col, grey);
        if (r)
            blank_cells(r, col, grey);
        return r;
    }
    if (p->style & PLAY_OVERWRITE || !moved) {
        if (moved && half_at(was, (uint16_t)(col + w)))
            return NULL;
        return own(p, p->row, col, (uint16_t)(col + w));
    }
    if (end + w > cols || was->wrapped || after_full_row(p)) /* the rest goes on in rows below */
        return NULL;
    struct row *r = own(p, p->row, col, (uint16_t)(end + w));
    if (!r)
        return NULL;
    row_reach(r, (uint16_t)(end + w));
    memmove(r->cell + col + w, r->cell + col, moved * sizeof r->cell[0]);
    forget_ext(r, (uint16_t)(col + w), (uint16_t)(end + w));
    return r;
}

static bool put(struct play *p, const struct key *k)
{
    uint16_t cols = p->s->cols;
    bool last = p->col + k->column >= cols, eager = last && p->style & PLAY_EAGER;
    if (p->col + k->column > cols || (eager && !next_row(p)) || (last && p->s->alt))
        return false;
    struct pen pen = pen_for(p);
    struct row *r = make_room(p, k->column, k->cp);
    if (!r)
        return false;
    row_reach(r, (uint16_t)(p->col + k->column));
    r->cell[p->col] = cell_make(k->cp | (k->column == 2 ? CELL_WIDE : 0), &pen);
    if (k->column == 2)
        r->cell[p->col + 1] = cell_make(CELL_TAIL, &pen);
    p->wrapped |= last;
    p->col = (uint16_t)(p->col + k->column);
    if (eager) {
        p->row++;
        p->col = 0;
    } else if (last) {
        p->col = (uint16_t)(cols - 1);
        p->pending = true;
    }
    return true;
}

static bool play_print(struct play *p, const struct key *k)
{
    uint16_t row = p->row, col = p->col;
    if (!p->pending)
        return put(p, k);
    if (!next_row(p))
        return false;
    p->row++;
    p->col = 0;
    p->pending = false;
    if (put(p, k))
        return true;
    p->row = row;
    p->col = col;
    p->pending = true;
    return false;
}

/* Columns of the character left of the cursor; 0: there is none to step over. */
static uint16_t before(const struct play *p)
{
    const struct row *r = row_at(p, p->row);
    if (p->pending || !p->col || on_floor(p, (uint16_t)(p->col - 1)))
        return 0;
    if (!half_at(r, (uint16_t)(p->col - 1)))
        return 1;
    return p->col > 1 && !on_floor(p, (uint16_t)(p->col - 2)) ? 2 : 0;
}

static bool play_erase(struct play *p)
{
    uint16_t cols = p->s->cols, w = before(p), col = p->col;
    const struct row *was = row_at(p, p->row);
    if (!w || row_cell(was, (uint16_t)(col - w)).text & CELL_CLUSTER)
        return false;
    uint16_t end = text_end(was, col, cols), from = (uint16_t)(col - w);
    if (suggestion(p)) {
        struct row *r = own(p, p->row, from, end);
        if (r)
            blank_cells(r, from, end);
        p->col = r ? from : col;
        return r;
    }
    if (p->style & PLAY_OVERWRITE)
        end = col;
    else if (was->wrapped) /* the rest comes up from the row below */
        return false;
    struct row *r = own(p, p->row, from, end);
    if (!r)
        return false;
    row_reach(r, end);
    struct cell empty = {0, 0, r->cell[end - 1].bg & COLOUR_MASK};
    memmove(r->cell + from, r->cell + col, (size_t)(end - col) * sizeof r->cell[0]);
    for (uint16_t i = (uint16_t)(end - w); i < end; i++)
        r->cell[i] = empty;
    forget_ext(r, from, end);
    p->col = from;
    return true;
}

static bool play_left(struct play *p)
{
    uint16_t w = before(p);
    p->col = (uint16_t)(p->col - w);
    return w;
}

static bool play_right(struct play *p)
{
    const struct row *r = row_at(p, p->row);
    if (p->pending || text_end(r, p->col, p->s->cols) == p->col || suggestion(p))
        return false;
    uint16_t w = row_cell(r, p->col).text & CELL_WIDE ? 2 : 1;
    if (p->col + w >= p->s->cols)
        return false;
    p->col = (uint16_t)(p->col + w);
    return true;
}

bool play_key(struct play *p, const struct key *k)
{
    switch (k->kind) {
    case KEY_PRINT:
        return play_print(p, k);
    case KEY_ERASE:
        return play_erase(p);
    case KEY_LEFT:
        return play_left(p);
    case KEY_RIGHT:
        return play_right(p);
    default:
        return false;
    }
}

/* ---- comparing ---- */

bool play_same_text(const struct row *a, const struct row *b, uint16_t col)
{
    struct cell x = row_cell(a, col), y = row_cell(b, col);
    if (!((x.text | y.text) & CELL_CLUSTER))
        return (x.text ? x.text : ' ') == (y.text ? y.text : ' ');
    uint8_t s[CELL_UTF8_MAX], t[CELL_UTF8_MAX];
    size_t n = row_text(a, col, s);
    return n == row_text(b, col, t) && !memcmp(s, t, n);
}

static bool same_cells(const struct row *a, const struct row *b, uint16_t lo, uint16_t hi)
{
    for (uint16_t i = lo; i < hi; i++)
        if (!play_same_text(a, b, i))
            return false;
    return true;
}

static bool wrote_shows(const struct play *p, const struct play *wrote, const struct snapshot *s,
                        int by)
{
    for (unsigned i = 0; i < wrote->n; i++) {
        const struct play_row *w = &wrote->rows[i];
        int at = w->at + by;
        if (at < 0 || at >= s->rows ||
            !same_cells(row_at(p, w->at), snapshot_row(s, (uint16_t)at), w->lo, w->hi))
            return false;
    }
    return true;
}

static bool same_size(const struct snapshot *a, const struct snapshot *b)
{
    return a->cols == b->cols && a->rows == b->rows && a->alt == b->alt;
}

bool play_shows(const struct play *p, const struct play *wrote, const struct snapshot *s)
{
    int by = s->cursor.row - p->row;
    if (s->cursor.col != p->col || !same_size(s, p->s))
        return false;
    const struct row *r = row_at(p, p->row);
    if (by && (row_empty(r, p->col) || !same_cells(r, snapshot_row(s, s->cursor.row), 0, p->col)))
        return false;
    return wrote_shows(p, wrote, s, by);
}

bool play_stands(const struct play *p, const struct snapshot *s)
{
    const struct row *r = row_at(p, p->row);
    if (!same_size(s, p->s))
        return false;
    for (int by = 0; p->row + by >= 0; by--)
        if (same_cells(r, snapshot_row(s, (uint16_t)(p->row + by)), 0, p->col) &&
            wrote_shows(p, p, s, by))
            return true;
    return false;
}

bool play_visible(const struct play *p)
{
    for (unsigned i = 0; i < p->n; i++) {
        const struct play_row *r = &p->rows[i];
        if (!same_cells(r->row, snapshot_row(p->s, r->at), r->lo, r->hi))
            return true;
    }
    return false;
}
