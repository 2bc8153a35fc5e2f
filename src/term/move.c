#include "term/engine.h"

static uint16_t clamp(int32_t v, int32_t lo, int32_t hi)
{
    return (uint16_t)(v < lo ? lo : v > hi ? hi : v);
}

/* ---- lines ---- */

/* CUU, CUD stop at the margin unless they begin beyond it. */
static void up(struct term *t, int32_t n)
{
    int32_t lo = t->cursor.row < t->w.top ? 0 : t->w.top;
    cursor_to(t, clamp(t->cursor.row - n, lo, last_row(t)), t->cursor.col);
}
static void down(struct term *t, int32_t n)
{
    int32_t hi = t->cursor.row > t->w.bottom ? last_row(t) : t->w.bottom;
    cursor_to(t, clamp(t->cursor.row + n, 0, hi), t->cursor.col);
}

void move_index(struct term *t)
{
    if (t->cursor.row == t->w.bottom) {
        if (within_columns(t))
            shift_up(t, 1);
    } else if (t->cursor.row < last_row(t)) {
        t->cursor.row++;
    }
    t->cursor.pending = false;
    t->combine = COMBINE_CURSOR;
}

void move_reverse_index(struct term *t)
{
    if (t->cursor.row == t->w.top) {
        if (within_columns(t))
            shift_down(t, 1);
    } else if (t->cursor.row) {
        t->cursor.row--;
    }
    t->cursor.pending = false;
    t->combine = COMBINE_CURSOR;
}

/* ---- columns ---- */

void move_return(struct term *t)
{
    bool margin = t->w.origin || t->cursor.col >= t->w.left;
    cursor_to(t, t->cursor.row, margin ? t->w.left : 0);
}

/* With reverse wrap the cells of all lines between the left and right margin are one long line
 * whose ends are joined. From the margins' first place it goes to their last one and no further. */
static void back_around(struct term *t, int32_t n)
{
    int32_t left = t->w.left, width = t->w.right - left + 1, rows = t->grid->rows;
    int32_t row = t->cursor.row, col = t->cursor.col;
    if (t->cursor.pending)
        n--;
    if (n && row == t->w.top && col == left) {
        cursor_to(t, t->w.bottom, t->w.right);
        return;
    }
    if (col < left && n > col) { /* from beyond the left margin to the end of the line before */
        n -= col + 1;
        row = row ? row - 1 : last_row(t);
        col = t->w.right;
    }
    if (col < left || n <= col - left) {
        cursor_to(t, (uint16_t)row, (uint16_t)(col - n));
        return;
    }
    int64_t ring = (int64_t)rows * width;
    int64_t at = (int64_t)row * width + (col - left) - n;
    at = (at % ring + ring) % ring;
    cursor_to(t, (uint16_t)(at / width), (uint16_t)(left + at % width));
}

void move_back(struct term *t, int32_t n)
{
    if (t->w.autowrap && (t->w.reverse_wrap || t->w.reverse_wrap_ext)) {
        back_around(t, n);
        return;
    }
    int32_t lo = t->cursor.col < t->w.left ? 0 : t->w.left;
    cursor_to(t, t->cursor.row, clamp(t->cursor.col - n, lo, last_col(t)));
}

static void forward(struct term *t, int32_t n)
{
    cursor_to(t, t->cursor.row, clamp(t->cursor.col + n, 0, line_last(t)));
}

/* ---- addresses ---- */

/* 0-based, from the origin. */
static void to_row(struct term *t, int32_t n)
{
    bool o = t->w.origin;
    cursor_to(t, clamp(n + (o ? t->w.top : 0), 0, o ? t->w.bottom : last_row(t)), t->cursor.col);
}
static void to_col(struct term *t, int32_t n)
{
    bool o = t->w.origin;
    cursor_to(t, t->cursor.row, clamp(n + (o ? t->w.left : 0), 0, o ? t->w.right : last_col(t)));
}
/* HPR, VPR: as addresses, not as motion: only origin mode knows margins. */
static void by_rows(struct term *t, int32_t n)
{
    to_row(t, t->cursor.row + n - (t->w.origin ? t->w.top : 0));
}
static void by_cols(struct term *t, int32_t n)
{
    to_col(t, t->cursor.col + n - (t->w.origin ? t->w.left : 0));
}

/* ---- tabs ---- */

/* HT: the right margin stops it, even from beyond (as xterm). It keeps a pending wrap. */
static uint16_t next_tab(const struct term *t, uint16_t col)
{
    uint16_t last = t->w.right;
    for (unsigned i = col + 1u; i < t->grid->cols;) {
        uint64_t w = t->tabs[i / 64] >> i % 64;
        if (w) {
            i += (unsigned)__builtin_ctzll(w);
            return i < last ? (uint16_t)i : last;
        }
        i = (i / 64 + 1) * 64;
    }
    return last;
}

static uint16_t previous_tab(const struct term *t, uint16_t col)
{
    uint16_t first = t->w.origin ? t->w.left : 0;
    do {
        if (col <= first)
            return first;
        col--;
    } while (!(t->tabs[col / 64] >> col % 64 & 1));
    return col;
}

void move_to_tab(struct term *t)
{
    t->cursor.col = next_tab(t, t->cursor.col);
    t->cursor.pending = t->cursor.pending && t->cursor.col == line_last(t);
    t->combine = COMBINE_CURSOR;
}

/* CHT, CBT: at most a line's worth, for a stop that is further is the edge. */
static void tabs(struct term *t, int32_t n, bool back)
{
    for (uint16_t was = t->grid->cols; n-- && was != t->cursor.col;) {
        was = t->cursor.col;
        if (back)
            cursor_to(t, t->cursor.row, previous_tab(t, was));
        else
            move_to_tab(t);
    }
}

void move_set_tab(struct term *t)
{
    t->tabs[t->cursor.col / 64] |= (uint64_t)1 << t->cursor.col % 64;
}

void move_clear_tabs(struct term *t)
{
    int32_t what = parser_raw(&t->parser, 0, 0);
    if (what == 0)
        t->tabs[t->cursor.col / 64] &= ~((uint64_t)1 << t->cursor.col % 64);
    else if (what == 3)
        memset(t->tabs, 0, sizeof t->tabs);
}

void move_default_tabs(struct term *t)
{
    memset(t->tabs, 0, sizeof t->tabs);
    tabs_default(t, 0);
}

/* ---- margins ---- */

void move_full_margins(struct term *t)
{
    t->w.left = 0;
    t->w.right = last_col(t);
}

void move_set_region(struct term *t)
{
    int32_t top = parser_arg(&t->parser, 0, 1);
    int32_t bottom = parser_arg(&t->parser, 1, t->grid->rows);
    if (bottom > t->grid->rows)
        bottom = t->grid->rows;
    if (bottom <= top)
        return;
    t->w.top = (uint16_t)(top - 1);
    t->w.bottom = (uint16_t)(bottom - 1);
    mode_home(t);
}

void move_set_margins(struct term *t)
{
    int32_t left = parser_arg(&t->parser, 0, 1);
    int32_t right = parser_arg(&t->parser, 1, t->grid->cols);
    if (right > t->grid->cols)
        right = t->grid->cols;
    if (right <= left)
        return;
    t->w.left = (uint16_t)(left - 1);
    t->w.right = (uint16_t)(right - 1);
    mode_home(t);
}

bool move_csi(struct term *t, uint32_t final, int32_t n)
{
    switch (final) {
    case 'A':
        up(t, n);
        return true;
    case 'B':
        down(t, n);
        return true;
    case 'e':
        by_rows(t, n);
        return true;
    case 'C':
        forward(t, n);
        return true;
    case 'a':
        by_cols(t, n);
        return true;
    case 'D':
        move_back(t, n);
        return true;
    case 'E':
        down(t, n);
        move_return(t);
        return true;
    case 'F':
        up(t, n);
        move_return(t);
        return true;
    case 'G':
    case '`':
        to_col(t, n - 1);
        return true;
    case 'H':
    case 'f':
        to_row(t, n - 1);
        to_col(t, parser_arg(&t->parser, 1, 1) - 1);
        return true;
    case 'd':
        to_row(t, n - 1);
        return true;
    case 'I':
    case 'Z':
        tabs(t, n, final == 'Z');
        return true;
    }
    return false;
}
