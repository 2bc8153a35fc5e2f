#include "term/rect.h"
#include "term/report.h"

#include "base/mem.h"

/* ---- C0 ---- */

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
        move_back(t, 1);
        break;
    case 0x09:
        move_to_tab(t);
        break;
    case 0x0a:
    case 0x0b:
    case 0x0c:
        move_index(t);
        if (t->w.newline)
            move_return(t);
        break;
    case 0x0d:
        move_return(t);
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

/* DECALN: one row full of E stands in every line; margins and origin mode go. */
static void fill_screen(struct term *t)
{
    struct row *r = row_new(t->grid->cols, ROW_ID_ERASED);
    for (r->used = 0; r->used < t->grid->cols; r->used++)
        r->cell[r->used] = (struct cell){'E', 0, 0};
    grid_fill(t->grid, r);
    row_unref(r);
    t->w.origin = false;
    t->w.top = 0;
    t->w.bottom = last_row(t);
    move_full_margins(t);
    mode_home(t);
    t->w.pen.attr = 0; /* as xterm; colours stay */
    pen_changed(t);
}

static void esc_inter(struct term *t)
{
    const struct parser *p = &t->parser;
    uint8_t i = p->inter[0];
    if (i >= '(' && i <= '+') {
        int set = charset_named(p->inter + 1, p->inter_n - 1u, p->final, t->w.national);
        if (set >= 0)
            t->w.charset[i - '('] = (uint8_t)set;
    } else if (i == '#' && p->inter_n == 1 && p->final == '8') {
        fill_screen(t);
    } else if (i == ' ' && (p->final == 'F' || p->final == 'G')) {
        t->c1_8bit = p->final == 'G';
    }
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
        move_index(t);
        break;
    case 'E':
        move_index(t);
        move_return(t);
        break;
    case 'M':
        move_reverse_index(t);
        break;
    case 'H':
        move_set_tab(t);
        break;
    case 'V':
        erase_protect(t, true, PROTECTION_ISO);
        break;
    case 'W': /* ends what either began; which erasing spares stays */
        erase_protect(t, false, (enum protection)t->w.protection);
        break;
    case '6':
        shift_back_index(t);
        break;
    case '9':
        shift_forward_index(t);
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
    default: /* ST; LS3R, LS2R, LS1R: nothing is in GR, since input is UTF-8; what is not known */
        break;
    }
}

/* ---- CSI ---- */

/* Erasing. False: another final. */
static bool csi_erase(struct term *t, uint32_t final, int32_t n)
{
    if (final == 'J')
        erase_display(t, false);
    else if (final == 'K')
        erase_line(t, false);
    else if (final == 'X')
        erase_chars(t, (unsigned)n);
    else
        return false;
    return true;
}

static void csi_plain(struct term *t, uint32_t final)
{
    int32_t n = parser_arg(&t->parser, 0, 1);
    if (move_csi(t, final, n) || csi_erase(t, final, n) || shift_csi(t, final, n))
        return;
    switch (final) {
    case 'h':
    case 'l':
        modes_set(t, final == 'h');
        break;
    case 'r':
        move_set_region(t);
        break;
    case 'g':
        move_clear_tabs(t);
        break;
    case 'c':
        report_attributes(t);
        break;
    case 'n':
        report_status(t, false);
        break;
    case 's': /* SCOSC, or with ?69 DECSLRM */
        if (t->w.lrmm)
            move_set_margins(t);
        else
            mode_save_cursor(t);
        break;
    case 'u':
        mode_restore_cursor(t);
        break;
    case 't':
        window_operation(t);
        break;
    }
}

/* DECSCA: 1 protects, 0 and 2 do not; whatever it says, guarded areas (SPA) count no more. */
static void protect(struct term *t, int32_t n)
{
    erase_protect(t, n == 1 || (n > 2 && t->w.protect), PROTECTION_DEC);
}

/* CSI with a private or intermediate character, of geometry. False: another. */
static bool csi_geometry(struct term *t, uint8_t i, uint32_t final)
{
    int32_t n = parser_raw(&t->parser, 0, 0);
    if (i == '?' && final == 'J')
        erase_display(t, true);
    else if (i == '?' && final == 'K')
        erase_line(t, true);
    else if (i == '?' && final == 'W' && n == 5) /* DECST8C */
        move_default_tabs(t);
    else if (i == '"' && final == 'q')
        protect(t, n);
    else if (i == '#' && (final == '{' || final == 'p'))
        pens_push(t);
    else if (i == '#' && (final == '}' || final == 'q'))
        pens_pop(t);
    else
        return rect_csi(t, i, final) || shift_columns(t, i, final);
    return true;
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
    if (csi_geometry(t, i, final))
        return;
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
}
