#include "term/engine.h"

int print_width(struct term *t, uint32_t cp)
{
    return widths_of(&t->widths, cp);
}

/* To the next line's start, before a character that no longer fits. */
static void wrap(struct term *t, bool mark)
{
    if (margins(t) || t->cursor.col != last_col(t))
        mark = false; /* at a right margin, also one of before: nothing joins these lines again */
    grid_set_wrapped(t->grid, t->cursor.row, mark);
    move_index(t);
    t->cursor.col = t->w.left;
}

/* After the cell at col (w columns) was written. */
void print_advance(struct term *t, uint16_t col, unsigned w)
{
    t->combine = COMBINE_CELL;
    t->combine_row = t->cursor.row;
    t->combine_col = col;
    uint16_t last = col > t->w.right ? last_col(t) : t->w.right;
    t->cursor.pending = col + w > last;
    t->cursor.col = t->cursor.pending ? last : (uint16_t)(col + w);
}

/* An owned row, ready for cells written one after the other from col on. */
static inline struct row *write_begin(struct term *t, uint16_t col)
{
    struct row *r = grid_own(t->grid, t->cursor.row);
    row_split(r, col);
    row_reach(r, col);
    return r;
}

/* They ended before `end`: the right half of a wide character whose left one was overwritten
 * becomes empty. */
static inline void write_end(struct term *t, struct row *r, uint16_t end)
{
    if (end >= r->used)
        r->used = end;
    else if (r->cell[end].text & CELL_TAIL)
        r->cell[end] = (struct cell){0, 0, r->cell[end].bg & COLOUR_MASK};
    if (end >= t->grid->cols)
        r->wrapped = false;
}

static void write_exts(struct term *t, struct row *r, uint16_t from, uint16_t to)
{
    for (uint16_t i = from; i < to; i++)
        row_ext_set(r, i, &t->w.pen);
}

/* n printable ASCII bytes that fit into the rest of the line. */
static void put_ascii(struct term *t, const uint8_t *s, uint16_t n)
{
    uint16_t col = t->cursor.col;
    if (t->w.insert)
        shift_insert(t, n);
    struct row *r = write_begin(t, col);
    struct cell *c = r->cell + col;
    uint32_t bits = t->text_bits, fg = t->fg_word, bg = t->bg_word;
    for (unsigned i = 0; i < n; i++)
        c[i] = (struct cell){s[i] | bits, fg, bg};
    uint16_t end = (uint16_t)(col + n);
    write_end(t, r, end);
    if (t->pen_ext)
        write_exts(t, r, col, end);
    print_advance(t, (uint16_t)(end - 1), 1);
}

void print_ascii(struct term *t, const uint8_t *s, size_t n)
{
    if (t->single_shift || t->w.charset[t->w.gl] != CHARSET_ASCII || t->cluster.last >= 0x600) {
        uint32_t rune[PARSER_RUNES];
        while (n) {
            size_t some = n < PARSER_RUNES ? n : PARSER_RUNES;
            for (size_t i = 0; i < some; i++)
                rune[i] = s[i];
            print_runes(t, rune, some);
            s += some;
            n -= some;
        }
        return;
    }
    t->last_rune = t->cluster.last = s[n - 1];
    while (n) {
        if (t->cursor.pending) {
            if (t->w.autowrap)
                wrap(t, true);
            else if (n > 1 && !t->w.insert) {
                s += n - 1; /* each overwrites the one before in the last column */
                n = 1;
            }
        }
        size_t fit = (size_t)(line_last(t) + 1 - t->cursor.col);
        if (fit > n)
            fit = n;
        /* Cells move within the margins only: what stands left of them is written over first. */
        if (t->w.insert && t->cursor.col < t->w.left && fit > (size_t)(t->w.left - t->cursor.col))
            fit = t->w.left - t->cursor.col;
        put_ascii(t, s, (uint16_t)fit);
        s += fit;
        n -= fit;
    }
}

/* One printable character of one or two columns, wherever the cursor is and whatever the modes. Two
 * columns that do not fit leave the last cell as it is, and go to the next line. */
bool print_rune(struct term *t, uint32_t cp, unsigned w)
{
    if (t->cursor.pending && t->w.autowrap)
        wrap(t, true);
    uint16_t line_end = (uint16_t)(line_last(t) + 1);
    if (t->cursor.col + w > line_end) {
        if (!t->w.autowrap)
            return false; /* as xterm */
        if (t->cursor.col && line_end == t->grid->cols &&
            !row_cell(t->grid->row[t->cursor.row], t->cursor.col).text)
            grid_own(t->grid, t->cursor.row)->padded = t->cursor.col;
        wrap(t, false);
        line_end = (uint16_t)(line_last(t) + 1);
    }
    if (t->cursor.col + w > line_end)
        return false; /* two columns do not fit a screen of one */
    uint16_t col = t->cursor.col, end = (uint16_t)(col + w);
    if (t->w.insert)
        shift_insert(t, w);
    struct row *r = write_begin(t, col);
    r->cell[col] =
        (struct cell){(w == 2 ? cp | CELL_WIDE : cp) | t->text_bits, t->fg_word, t->bg_word};
    if (w == 2)
        r->cell[col + 1] = (struct cell){CELL_TAIL, t->fg_word, t->bg_word};
    write_end(t, r, end);
    if (t->pen_ext)
        write_exts(t, r, col, end);
    print_advance(t, col, w);
    return true;
}

void print_combining(struct term *t, uint32_t cp)
{
    uint16_t row = t->combine_row, col = t->combine_col;
    if (t->combine == COMBINE_NONE)
        return;
    if (t->combine == COMBINE_CURSOR) {
        row = t->cursor.row;
        col = t->cursor.col;
    }
    struct row *r = grid_own(t->grid, row);
    row_reach(r, (uint16_t)(col + 1));
    if (r->cell[col].text & CELL_TAIL)
        col--;
    bool empty = !r->cell[col].text;
    row_combine(r, col, cp);
    if (empty) {
        /* mosh moves on as if something had been printed there. */
        t->combine = COMBINE_CELL;
        t->combine_row = row;
        t->combine_col = col;
        if (t->cursor.col == line_last(t))
            t->cursor.pending = true;
        else
            t->cursor.col++;
    }
}

/* The plain case in a tight loop: characters that fit into the rest of the line. Returns how many
 * were written; stops before the first that needs print_rune or print_combining. */
static size_t put_runes(struct term *t, const uint32_t *rune, size_t n)
{
    uint16_t col = t->cursor.col, cols = (uint16_t)(line_last(t) + 1), last = col;
    uint32_t bits = t->text_bits, fg = t->fg_word, bg = t->bg_word;
    int w = print_width(t, rune[0]);
    if (t->cursor.pending || t->w.insert || t->pen_ext || w < 1 || col + w > cols)
        return 0;
    struct row *r = write_begin(t, col);
    size_t i = 0;
    for (; i < n && col < cols; i++) {
        if (i)
            w = print_width(t, rune[i]);
        if (w == 1) {
            last = col;
            r->cell[col++] = (struct cell){rune[i] | bits, fg, bg};
        } else if (w == 2 && col + 2 <= cols) {
            last = col;
            r->cell[col] = (struct cell){rune[i] | CELL_WIDE | bits, fg, bg};
            /* Overwriting only the left half of what stood at col + 1: its tail, at col + 2, must
             * not outlive it; write_end sees to that, since used > end then. */
            r->cell[col + 1] = (struct cell){CELL_TAIL, fg, bg};
            col += 2;
        } else {
            break;
        }
    }
    t->last_rune = rune[i - 1];
    write_end(t, r, col);
    print_advance(t, last, (unsigned)(col - last));
    return i;
}

static void print_slow(struct term *t, uint32_t cp)
{
    int w = print_width(t, cp);
    if (w == 0) {
        print_combining(t, cp);
    } else if (w > 0) {
        t->last_rune = cp;
        print_rune(t, cp, (unsigned)w);
    }
}

void print_runes(struct term *t, const uint32_t *rune, size_t n)
{
    while (n) {
        uint8_t set = t->w.charset[t->single_shift ? t->single_shift : t->w.gl];
        size_t did = 0;
        bool clusters = clustering(t);
        if (set == CHARSET_ASCII && !t->single_shift && !clusters)
            did = put_runes(t, rune, n);
        if (!did) {
            uint32_t cp = rune[0] < 0x80 ? charset_map(set, rune[0]) : rune[0];
            if (clusters)
                cluster_print(t, cp);
            else
                print_slow(t, cp);
            t->single_shift = 0;
            did = 1;
        }
        rune += did;
        n -= did;
    }
}

void print_repeat(struct term *t, int32_t n)
{
    uint32_t cp = t->last_rune;
    if (!cp)
        return;
    int32_t most = t->grid->cols * t->grid->rows;
    if (n > most)
        n = most;
    bool plain = t->w.charset[t->w.gl] == CHARSET_ASCII && !t->single_shift && !clustering(t);
    uint32_t rune[PARSER_RUNES];
    for (size_t i = 0; i < PARSER_RUNES; i++)
        rune[i] = cp;
    while (n > 0) {
        int32_t some = plain ? (n < PARSER_RUNES ? n : PARSER_RUNES) : 1;
        if (plain)
            print_runes(t, rune, (size_t)some);
        else
            print_slow(t, cp);
        n -= some;
    }
    t->last_rune = 0; /* what was repeated is not repeated again */
}
