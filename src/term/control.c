#include "term/report.h"

#include "base/mem.h"

/* ---- C0 ---- */

void control_index(struct term *t)
{
    if (t->cursor.row == t->w.bottom)
        grid_scroll_up(t->grid, t->w.top, t->w.bottom, 1, erase_bg(t),
                       t->w.top == 0 && t->grid == &t->main ? t->history : NULL);
    else if (t->cursor.row < last_row(t))
        t->cursor.row++;
    t->cursor.pending = false;
    t->combine = COMBINE_CURSOR;
}

static void reverse_index(struct term *t)
{
    if (t->cursor.row == t->w.top)
        grid_scroll_down(t->grid, t->w.top, t->w.bottom, 1, erase_bg(t));
    else if (t->cursor.row)
        t->cursor.row--;
    t->cursor.pending = false;
    t->combine = COMBINE_CURSOR;
}

static uint16_t next_tab(const struct term *t, uint16_t col)
{
    for (unsigned i = col + 1u; i < t->grid->cols;) {
        uint64_t w = t->tabs[i / 64] >> i % 64;
        if (w) {
            i += (unsigned)__builtin_ctzll(w);
            return i < t->grid->cols ? (uint16_t)i : last_col(t);
        }
        i = (i / 64 + 1) * 64;
    }
    return last_col(t);
}

static uint16_t previous_tab(const struct term *t, uint16_t col)
{
    do {
        if (!col)
            break;
        col--;
    } while (!(t->tabs[col / 64] >> col % 64 & 1));
    return col;
}

void control_c0(struct term *t, uint32_t c)
{
    t->last_rune = 0;
    switch (c) {
    case 0x07:
        t->bells++;
        if (t->events.event && !t->config.replica)
            t->events.event(t->events.ctx, TERM_BELL, NULL, 0);
        break;
    case 0x08:
        cursor_to(t, t->cursor.row, (uint16_t)(t->cursor.col ? t->cursor.col - 1 : 0));
        break;
    case 0x09: /* keeps a pending wrap (mosh-protocol.md §9.3) */
        t->cursor.col = next_tab(t, t->cursor.col);
        t->combine = COMBINE_CURSOR;
        break;
    case 0x0a:
    case 0x0b:
    case 0x0c:
        control_index(t);
        if (t->w.newline)
            t->cursor.col = 0;
        break;
    case 0x0d:
        cursor_to(t, t->cursor.row, 0);
        break;
    case 0x0e:
        t->w.gl = 1;
        break;
    case 0x0f:
        t->w.gl = 0;
        break;
    }
}

/* ---- ESC ---- */

static void tab_set(struct term *t)
{
    t->tabs[t->cursor.col / 64] |= (uint64_t)1 << t->cursor.col % 64;
}

/* DECALN: one row full of E stands in every line. */
static void fill_screen(struct term *t)
{
    struct row *r = row_new(t->grid->cols, ROW_ID_ERASED);
    for (r->used = 0; r->used < t->grid->cols; r->used++)
        r->cell[r->used] = (struct cell){'E', 0, 0};
    grid_fill(t->grid, r);
    row_unref(r);
    t->cursor.pending = false;
}

static void designate(struct term *t, unsigned g, uint32_t set)
{
    if (set == 'B')
        t->w.charset[g] = 0;
    else if (set == '0')
        t->w.charset[g] = 1;
    else if (set == 'A')
        t->w.charset[g] = 2;
}

static void esc_inter(struct term *t)
{
    const struct parser *p = &t->parser;
    uint32_t i = p->inter_n == 1 ? p->inter[0] : 0;
    if (i >= '(' && i <= '+')
        designate(t, i - '(', p->final);
    else if (i == '#' && p->final == '8')
        fill_screen(t);
    else if (i == ' ' && (p->final == 'F' || p->final == 'G'))
        t->c1_8bit = p->final == 'G';
    else if (!(i == ' ' || i == '%' || (i >= '-' && i <= '/') || i == '#'))
        t->cursor.pending = false;
}

void control_esc(struct term *t)
{
    t->last_rune = 0;
    if (t->parser.inter_n) {
        esc_inter(t);
        return;
    }
    switch (t->parser.final) {
    case 'D':
        control_index(t);
        break;
    case 'E':
        control_index(t);
        t->cursor.col = 0;
        break;
    case 'M':
        reverse_index(t);
        break;
    case 'H':
        tab_set(t);
        break;
    case '7':
        mode_save_cursor(t);
        break;
    case '8':
        mode_restore_cursor(t);
        break;
    case 'c':
        mode_hard_reset(t);
        break;
    case '=':
    case '>':
        t->modes.app_keypad = t->parser.final == '=';
        break;
    case 'N':
    case 'O':
        t->single_shift = t->parser.final == 'N' ? 2 : 3;
        break;
    case 'n':
    case 'o':
        t->w.gl = t->parser.final == 'n' ? 2 : 3;
        break;
    case 'Z':
        report_attributes(t);
        break;
    case '\\': /* ST */
    case '|':  /* LS3R, LS2R, LS1R: nothing is in GR, since input is UTF-8 */
    case '}':
    case '~':
        break;
    default:
        t->cursor.pending = false;
    }
}

/* ---- CSI ---- */

static uint16_t clamp(int32_t v, int32_t lo, int32_t hi)
{
    return (uint16_t)(v < lo ? lo : v > hi ? hi : v);
}

/* Relative moves: rows stay on the screen, in origin mode in the region. */
static void move_rows(struct term *t, int32_t by, bool to_first)
{
    int32_t lo = t->w.origin ? t->w.top : 0;
    int32_t hi = t->w.origin ? t->w.bottom : last_row(t);
    cursor_to(t, clamp(t->cursor.row + by, lo, hi), to_first ? 0 : t->cursor.col);
}
static void move_cols(struct term *t, int32_t by)
{
    cursor_to(t, t->cursor.row, clamp(t->cursor.col + by, 0, last_col(t)));
}
/* A 1-based row as origin mode counts it. */
static uint16_t address_row(const struct term *t, int32_t n)
{
    if (t->w.origin)
        return clamp(t->w.top + n - 1, t->w.top, t->w.bottom);
    return clamp(n - 1, 0, last_row(t));
}

static void erase_display(struct term *t)
{
    struct grid *g = t->grid;
    uint16_t row = t->cursor.row;
    switch (parser_raw(&t->parser, 0, 0)) {
    case 0:
        grid_erase(g, row, t->cursor.col, g->cols, erase_bg(t));
        grid_erase_rows(g, (uint16_t)(row + 1), g->rows, erase_bg(t));
        break;
    case 1:
        grid_erase_rows(g, 0, row, erase_bg(t));
        grid_erase(g, row, 0, (uint16_t)(t->cursor.col + 1), erase_bg(t));
        break;
    case 2:
        grid_erase_rows(g, 0, g->rows, erase_bg(t));
        break;
    case 3: /* only the lines that left the screen */
        if (t->history)
            history_clear(t->history);
        if (t->events.event && !t->config.replica)
            t->events.event(t->events.ctx, TERM_CLEAR_HISTORY, NULL, 0);
        return;
    }
    t->cursor.pending = false;
}

static void erase_line(struct term *t)
{
    uint16_t row = t->cursor.row, col = t->cursor.col, cols = t->grid->cols;
    int32_t what = parser_raw(&t->parser, 0, 0);
    if (what <= 2)
        grid_erase(t->grid, row, what == 0 ? col : 0, what == 1 ? (uint16_t)(col + 1) : cols,
                   erase_bg(t));
    t->cursor.pending = false;
}

/* IL, DL: within the region from the cursor's line on; no line of it is kept as history. */
static void edit_lines(struct term *t, unsigned n, bool insert)
{
    uint16_t row = t->cursor.row;
    if (row < t->w.top || row > t->w.bottom)
        return;
    if (insert)
        grid_scroll_down(t->grid, row, t->w.bottom, n, erase_bg(t));
    else
        grid_scroll_up(t->grid, row, t->w.bottom, n, erase_bg(t), NULL);
    cursor_to(t, row, 0);
}

static void set_region(struct term *t)
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

/* At most a line's worth: a stop that is further than the screen's edge is the edge. */
static void move_tabs(struct term *t, int32_t n, bool back)
{
    uint16_t col = t->cursor.col, edge = back ? 0 : last_col(t);
    while (n-- && col != edge)
        col = back ? previous_tab(t, col) : next_tab(t, col);
    cursor_to(t, t->cursor.row, col);
}

static void clear_tabs(struct term *t)
{
    int32_t what = parser_raw(&t->parser, 0, 0);
    if (what == 0)
        t->tabs[t->cursor.col / 64] &= ~((uint64_t)1 << t->cursor.col % 64);
    else if (what == 3)
        memset(t->tabs, 0, sizeof t->tabs);
}

static void scroll_up(struct term *t, unsigned n)
{
    grid_scroll_up(t->grid, t->w.top, t->w.bottom, n, erase_bg(t),
                   t->w.top == 0 && t->grid == &t->main ? t->history : NULL);
}

/* Cursor motion. False: another final. */
static bool csi_move(struct term *t, uint32_t final, int32_t n)
{
    switch (final) {
    case 'A':
        move_rows(t, -n, false);
        return true;
    case 'B':
    case 'e':
        move_rows(t, n, false);
        return true;
    case 'C':
    case 'a':
        move_cols(t, n);
        return true;
    case 'D':
        move_cols(t, -n);
        return true;
    case 'E':
        move_rows(t, n, true);
        return true;
    case 'F':
        move_rows(t, -n, true);
        return true;
    case 'G':
    case '`':
        cursor_to(t, t->cursor.row, clamp(n - 1, 0, last_col(t)));
        return true;
    case 'H':
    case 'f':
        cursor_to(t, address_row(t, n), clamp(parser_arg(&t->parser, 1, 1) - 1, 0, last_col(t)));
        return true;
    case 'd':
        cursor_to(t, address_row(t, n), t->cursor.col);
        return true;
    case 'I':
    case 'Z':
        move_tabs(t, n, final == 'Z');
        return true;
    }
    return false;
}

/* Erasing, inserting, deleting, scrolling. False: another final. */
static bool csi_edit(struct term *t, uint32_t final, int32_t n)
{
    struct grid *g = t->grid;
    uint16_t row = t->cursor.row, col = t->cursor.col;
    switch (final) {
    case 'J':
        erase_display(t);
        return true;
    case 'K':
        erase_line(t);
        return true;
    case 'X':
        grid_erase(g, row, col, clamp(col + n, 0, g->cols), erase_bg(t));
        break;
    case '@':
        grid_insert_cells(g, row, col, (unsigned)n, erase_bg(t));
        break;
    case 'P':
        grid_delete_cells(g, row, col, (unsigned)n, erase_bg(t));
        break;
    case 'L':
    case 'M':
        edit_lines(t, (unsigned)n, final == 'L');
        break;
    case 'S':
        scroll_up(t, (unsigned)n);
        break;
    case 'T':
        if (parser_count(&t->parser) <= 1) /* with more: xterm's mouse tracking */
            grid_scroll_down(g, t->w.top, t->w.bottom, (unsigned)n, erase_bg(t));
        break;
    default:
        return false;
    }
    t->cursor.pending = false;
    return true;
}

static void csi_plain(struct term *t, uint32_t final)
{
    int32_t n = parser_arg(&t->parser, 0, 1);
    if (csi_move(t, final, n) || csi_edit(t, final, n))
        return;
    switch (final) {
    case 'h':
    case 'l':
        modes_set(t, final == 'h');
        break;
    case 'r':
        set_region(t);
        break;
    case 'g':
        clear_tabs(t);
        break;
    case 'c':
        report_attributes(t);
        break;
    case 'n':
        report_status(t, false);
        break;
    case 's':
        mode_save_cursor(t);
        break;
    case 'u':
        mode_restore_cursor(t);
        break;
    case 't':
        window_operation(t);
        break;
    case 'i': /* media copy, terminal parameters: known, nothing to do */
    case 'x':
        break;
    default:
        t->cursor.pending = false;
    }
}

/* DECSCUSR: 0 is the user's own, which need not blink. */
static void cursor_shape(struct term *t, int32_t n)
{
    t->modes.cursor_shape = (uint8_t)n;
    t->modes.cursor_blink = n & 1;
}

/* CSI with one private or intermediate character i. */
static void csi_private(struct term *t, uint8_t i, uint32_t final)
{
    int32_t n = parser_raw(&t->parser, 0, 0);
    if (i == '?' && (final == 'h' || final == 'l'))
        modes_set(t, final == 'h');
    else if (i == '?' && final == 'n')
        report_status(t, true);
    else if (final == 'u' && strchr("?><=", i))
        keyboard_kitty(t, i);
    else if (i == '>' && (final == 'm' || final == 'f' || final == 'n'))
        keyboard_other(t, final);
    else if (i == '?' && final == 'm')
        keyboard_report_other(t);
    else if (i == '$' && final == 'p')
        report_mode(t, false);
    else if (i == '*' && final == 'y')
        report_checksum(t);
    else if (report_csi(t, i, final))
        return;
    else if (i == '!' && final == 'p')
        mode_soft_reset(t);
    else if (i == '?' && (final == 's' || final == 'r'))
        modes_save(t, final == 'r');
    else if (i == ' ' && final == 'q' && n <= 6)
        cursor_shape(t, n);
    else if (!((i == '?' && strchr("imrsu", (int) final)) ||
               (i == '>' && strchr("cmnqtu", (int) final)) || (i == '<' && final == 'u') ||
               (i == '=' && strchr("cu", (int) final)) ||
               (i == ' ' && strchr("qtu", (int) final)) ||
               (i == '"' && strchr("pq", (int) final)) || (i == '$' && final == 'p')))
        t->cursor.pending = false; /* the others are known, but not done (yet) */
}

void control_csi(struct term *t)
{
    const struct parser *p = &t->parser;
    uint32_t final = p->final;
    if (final == 'm' && !p->inter_n) {
        t->last_rune = 0;
        sgr_apply(t);
        return;
    }
    if (p->colon)
        return;
    if (final == 'b' && !p->inter_n) {
        print_repeat(t, parser_arg(p, 0, 1));
        return;
    }
    t->last_rune = 0;
    if (!p->inter_n)
        csi_plain(t, final);
    else if (p->inter_n == 1 && final < 0x80)
        csi_private(t, p->inter[0], final);
    else if (p->inter_n == 2 && p->inter[0] == '?' && p->inter[1] == '$' && final == 'p')
        report_mode(t, true);
    else
        t->cursor.pending = false;
}
