#include "term/report.h"

#include <stddef.h>
#include <stdlib.h>

void modes_default(struct modes *m)
{
    *m = (struct modes){.cursor_visible = true};
}

void saved_default(struct saved *s)
{
    *s = (struct saved){.row = 0};
}

void tabs_default(struct term *t, uint16_t from)
{
    for (unsigned i = (from + 7u) / 8 * 8; i < SCREEN_MAX; i += 8)
        t->tabs[i / 64] |= (uint64_t)1 << i % 64;
}

void writing_default(struct term *t)
{
    t->w = (struct writing){.pen = t->w.pen, .autowrap = true, .bottom = last_row(t)};
    move_full_margins(t);
    t->text_bits = 0;
    t->single_shift = 0;
    t->last_rune = 0;
    move_default_tabs(t);
    saved_default(&t->saved[0]);
    saved_default(&t->saved[1]);
    pen_changed(t);
}

void mode_home(struct term *t)
{
    cursor_to(t, t->w.origin ? t->w.top : 0, t->w.origin ? t->w.left : 0);
}

static struct saved *saved_here(struct term *t)
{
    return &t->saved[t->grid == &t->alt];
}

void mode_save_cursor(struct term *t)
{
    struct saved *s = saved_here(t);
    *s = (struct saved){.row = t->cursor.row,
                        .col = t->cursor.col,
                        .pending = t->cursor.pending,
                        .pen = t->w.pen,
                        .protect = t->w.protect,
                        .origin = t->w.origin,
                        .gl = t->w.gl};
    memcpy(s->charset, t->w.charset, sizeof s->charset);
}

void mode_restore_cursor(struct term *t)
{
    const struct saved *s = saved_here(t);
    uint32_t link = t->w.pen.link; /* no rendition: neither saved nor restored */
    t->w.pen = s->pen;
    t->w.pen.link = link;
    t->w.origin = s->origin;
    erase_protect(t, s->protect, (enum protection)t->w.protection);
    t->w.gl = s->gl;
    memcpy(t->w.charset, s->charset, sizeof s->charset);
    pen_changed(t);
    uint16_t row = s->row, col = s->col;
    if (s->origin) { /* to a place that the margins of today allow */
        row = row < t->w.top ? t->w.top : row > t->w.bottom ? t->w.bottom : row;
        col = col < t->w.left ? t->w.left : col > t->w.right ? t->w.right : col;
    }
    cursor_to(t, row, col);
    t->cursor.pending = s->pending && col == line_last(t);
}

void screen_switch(struct term *t, bool alt)
{
    if (alt && !t->alt.row)
        grid_init(&t->alt, &t->pool, t->main.cols, t->main.rows);
    t->grid = alt ? &t->alt : &t->main;
    t->combine = COMBINE_CURSOR;
    keyboard_show(t);
}

void mode_hard_reset(struct term *t)
{
    grid_fini(&t->alt);
    t->grid = &t->main;
    grid_erase_rows(&t->main, 0, t->main.rows, 0);
    t->w.pen = (struct pen){0};
    writing_default(t);
    t->pens.depth = 0;
    term_release(t);
    modes_default(&t->modes);
    keyboard_default(t);
    t->level = 64;
    t->c1_8bit = false;
    colours_unref(t->colours);
    t->colours = NULL;
    cursor_to(t, 0, 0);
    free(t->clip);
    t->clip = NULL;
}

void mode_soft_reset(struct term *t)
{
    t->w.pen = (struct pen){0};
    t->w.insert = t->w.origin = t->w.lrmm = false;
    t->w.autowrap = true;
    t->w.reverse_wrap = t->w.reverse_wrap_ext = false;
    t->w.top = 0;
    t->w.bottom = last_row(t);
    move_full_margins(t);
    erase_protect(t, false, PROTECTION_OFF);
    memset(t->w.charset, 0, sizeof t->w.charset);
    t->w.gl = 0;
    t->modes.cursor_visible = true;
    t->modes.app_cursor = t->modes.app_keypad = t->modes.cursor_blink = false;
    term_release(t);
    t->modes.cursor_shape = 0;
    t->modes.other_keys = t->modes.other_format = 0;
    saved_default(saved_here(t));
    pen_changed(t);
}

static void alternate(struct term *t, int32_t mode, bool on)
{
    bool was = t->grid == &t->alt;
    if (on && mode == 1049)
        mode_save_cursor(t);
    if (!on && was && mode == 1047) {
        grid_erase_rows(&t->alt, 0, t->alt.rows, erase_bg(t));
        t->cursor.pending = false; /* as by any erasing */
    }
    if (on != was)
        screen_switch(t, on);
    if (on && mode == 1049) {
        grid_erase_rows(&t->alt, 0, t->alt.rows, erase_bg(t));
        t->cursor.pending = false;
    }
    if (!on && was && mode == 1049)
        mode_restore_cursor(t);
}

/* ---- the table ---- */

typedef void mode_set(struct term *t, int32_t mode, bool on);
typedef bool mode_get(const struct term *t, int32_t mode);

/* DECCOLM. The size is the user's; what is left of it is what a change does besides. */
static void set_columns(struct term *t, int32_t mode, bool on)
{
    (void)mode;
    if (!t->w.allow_columns)
        return;
    t->w.columns_132 = on;
    t->w.origin = false;
    t->w.lrmm = false;
    t->w.top = 0;
    t->w.bottom = last_row(t);
    move_full_margins(t);
    if (!t->w.keep_on_columns)
        grid_erase_rows(t->grid, 0, t->grid->rows, erase_bg(t));
    mode_home(t);
}
static bool get_columns(const struct term *t, int32_t mode)
{
    (void)mode;
    return t->w.columns_132;
}
static void set_margins(struct term *t, int32_t mode, bool on)
{
    (void)mode;
    t->w.lrmm = on;
    if (!on)
        move_full_margins(t);
}
static bool get_margins(const struct term *t, int32_t mode)
{
    (void)mode;
    return t->w.lrmm;
}
static bool get_off(const struct term *t, int32_t mode)
{
    (void)t;
    (void)mode;
    return false;
}
static void set_origin(struct term *t, int32_t mode, bool on)
{
    (void)mode;
    t->w.origin = on;
    mode_home(t);
}
static bool get_origin(const struct term *t, int32_t mode)
{
    (void)mode;
    return t->w.origin;
}
static void set_blink(struct term *t, int32_t mode, bool on)
{
    struct modes *m = &t->modes;
    (void)mode;
    m->cursor_blink = on;
    if (m->cursor_shape) /* 1, 3, 5 blink, 2, 4, 6 are their steady likes */
        m->cursor_shape = (uint8_t)(m->cursor_shape + (m->cursor_shape & 1) - on);
}
static bool get_blink(const struct term *t, int32_t mode)
{
    (void)mode;
    return t->modes.cursor_blink;
}
static bool get_alternate(const struct term *t, int32_t mode)
{
    (void)mode;
    return t->grid == &t->alt;
}
static void set_mouse(struct term *t, int32_t mode, bool on)
{
    t->modes.mouse = (uint16_t)(on ? mode : MOUSE_OFF);
}
static bool get_mouse(const struct term *t, int32_t mode)
{
    return t->modes.mouse == mode;
}
static void set_mouse_coding(struct term *t, int32_t mode, bool on)
{
    if (on || t->modes.mouse_coding == mode || t->config.replica)
        t->modes.mouse_coding = (uint16_t)(on ? mode : MOUSE_PLAIN);
}
static bool get_mouse_coding(const struct term *t, int32_t mode)
{
    return t->modes.mouse_coding == mode;
}
/* Only where the terminal's widths are known to follow; a replica is told what is so. */
static void set_graphemes(struct term *t, int32_t mode, bool on)
{
    (void)mode;
    t->modes.graphemes = on && (t->profile.graphemes || t->config.replica);
}
static bool get_graphemes(const struct term *t, int32_t mode)
{
    (void)mode;
    return t->modes.graphemes;
}
static void set_sync(struct term *t, int32_t mode, bool on)
{
    (void)mode;
    if (!t->config.replica)
        term_hold(t, on);
}
static bool get_sync(const struct term *t, int32_t mode)
{
    (void)mode;
    return t->modes.sync;
}
static void set_resize_reports(struct term *t, int32_t mode, bool on)
{
    (void)mode;
    t->modes.resize_reports = on;
    if (on)
        report_size(t);
}
static bool get_resize_reports(const struct term *t, int32_t mode)
{
    (void)mode;
    return t->modes.resize_reports;
}
static void set_cursor_saved(struct term *t, int32_t mode, bool on)
{
    (void)mode;
    if (on)
        mode_save_cursor(t);
    else
        mode_restore_cursor(t);
}

enum mode_how {
    MODE_MODES,   /* a bool of struct modes at `at` */
    MODE_WRITING, /* a bool of struct writing at `at` */
    MODE_CALL,    /* set() and get() */
    MODE_NEVER,   /* known, and reset for good */
    MODE_ALWAYS,  /* known, and set for good */
};

/* Every mode that is known: how it is set, how DECRQM reports it, and what of the user's terminal
 * it takes (0: nothing): without that it is set all the same, for the next terminal may have it,
 * but reported as unknown. Which modes a peer is told is struct modes' business. */
static const struct mode {
    uint16_t number;
    bool private;
    uint8_t how; /* enum mode_how */
    uint16_t at;
    uint32_t needs; /* enum term_can, any of */
    mode_set *set;
    mode_get *get;
} modes[] = {
#define IN_MODES(n, field)                                                                         \
    {                                                                                              \
        n, true, MODE_MODES, offsetof(struct modes, field), 0, NULL, NULL                          \
    }
#define IN_WRITING(n, field)                                                                       \
    {                                                                                              \
        n, true, MODE_WRITING, offsetof(struct writing, field), 0, NULL, NULL                      \
    }
#define NEVER(n)                                                                                   \
    {                                                                                              \
        n, true, MODE_NEVER, 0, 0, NULL, NULL                                                      \
    }
#define CALL(n, set, get)                                                                          \
    {                                                                                              \
        n, true, MODE_CALL, 0, 0, set, get                                                         \
    }
    {4, false, MODE_WRITING, offsetof(struct writing, insert), 0, NULL, NULL},
    {20, false, MODE_WRITING, offsetof(struct writing, newline), 0, NULL, NULL},
    IN_MODES(1, app_cursor),
    CALL(3, set_columns, get_columns),
    IN_MODES(5, reverse),
    CALL(6, set_origin, get_origin),
    IN_WRITING(7, autowrap),
    CALL(9, set_mouse, get_mouse),
    CALL(12, set_blink, get_blink),
    IN_MODES(25, cursor_visible),
    IN_WRITING(40, allow_columns),
    IN_WRITING(42, national),
    IN_WRITING(45, reverse_wrap),
    CALL(47, alternate, get_alternate),
    IN_MODES(66, app_keypad),
    CALL(69, set_margins, get_margins),
    IN_WRITING(95, keep_on_columns),
    CALL(1000, set_mouse, get_mouse),
    CALL(1001, set_mouse, get_mouse),
    CALL(1002, set_mouse, get_mouse),
    CALL(1003, set_mouse, get_mouse),
    IN_MODES(1004, focus),
    CALL(1005, set_mouse_coding, get_mouse_coding),
    CALL(1006, set_mouse_coding, get_mouse_coding),
    IN_MODES(1007, alt_scroll),
    CALL(1015, set_mouse_coding, get_mouse_coding),
    {1016, true, MODE_CALL, 0, TERM_CAN_PIXEL_MOUSE, set_mouse_coding, get_mouse_coding},
    IN_MODES(1042, urgent_bell),
    IN_WRITING(1045, reverse_wrap_ext),
    CALL(1047, alternate, get_alternate),
    CALL(1048, set_cursor_saved, get_off),
    CALL(1049, alternate, get_alternate),
    IN_MODES(2004, bracketed_paste),
    CALL(2026, set_sync, get_sync),
    CALL(2027, set_graphemes, get_graphemes),
    {2031, true, MODE_MODES, offsetof(struct modes, scheme_reports), TERM_CAN_SCHEME, NULL, NULL},
    CALL(2048, set_resize_reports, get_resize_reports),
    /* Known, and never set: jump or smooth scroll, auto-repeat, printing, keyboard lock and the
     * like. */
    NEVER(4),
    NEVER(8),
    NEVER(18),
    NEVER(19),
    {1, false, MODE_NEVER, 0, 0, NULL, NULL},
    {2, false, MODE_NEVER, 0, 0, NULL, NULL},
    {3, false, MODE_NEVER, 0, 0, NULL, NULL},
    {5, false, MODE_NEVER, 0, 0, NULL, NULL},
    {7, false, MODE_NEVER, 0, 0, NULL, NULL},
    {10, false, MODE_NEVER, 0, 0, NULL, NULL},
    {11, false, MODE_NEVER, 0, 0, NULL, NULL},
    {13, false, MODE_NEVER, 0, 0, NULL, NULL},
    {14, false, MODE_NEVER, 0, 0, NULL, NULL},
    {15, false, MODE_NEVER, 0, 0, NULL, NULL},
    {16, false, MODE_NEVER, 0, 0, NULL, NULL},
    {17, false, MODE_NEVER, 0, 0, NULL, NULL},
    {18, false, MODE_NEVER, 0, 0, NULL, NULL},
    {19, false, MODE_NEVER, 0, 0, NULL, NULL},
    {2, true, MODE_ALWAYS, 0, 0, NULL, NULL},   /* ANSI, not VT52 */
    {12, false, MODE_ALWAYS, 0, 0, NULL, NULL}, /* no local echo */
#undef NEVER
#undef IN_MODES
#undef IN_WRITING
#undef CALL
};
enum { MODES_KNOWN = sizeof modes / sizeof modes[0] };
_Static_assert(MODES_KNOWN <= MODES_MAX, "XTSAVE has a place for each mode");

static const struct mode *mode_find(int32_t number, bool private)
{
    for (size_t i = 0; i < MODES_KNOWN; i++)
        if (modes[i].number == number && modes[i].private == private)
            return &modes[i];
    return NULL;
}

static bool *mode_bool(struct term *t, const struct mode *m)
{
    void *base = m->how == MODE_MODES ? (void *)&t->modes : (void *)&t->w;
    return (bool *)((char *)base + m->at);
}

static void mode_put_on(struct term *t, const struct mode *m, bool on)
{
    if (m->how == MODE_CALL)
        m->set(t, m->number, on);
    else if (m->how < MODE_CALL)
        *mode_bool(t, m) = on;
}

static bool mode_is_on(struct term *t, const struct mode *m)
{
    if (m->how == MODE_CALL)
        return m->get(t, m->number);
    return m->how < MODE_CALL && *mode_bool(t, m);
}

void modes_set(struct term *t, bool on)
{
    const struct parser *p = &t->parser;
    bool private = p->inter_n;
    for (unsigned i = 0; i < parser_count(p); i++) {
        const struct mode *m = mode_find(parser_raw(p, i, 0), private);
        if (m)
            mode_put_on(t, m, on);
    }
}

bool mode_needs_fact(const struct term *t, int32_t number)
{
    const struct mode *m = mode_find(number, true);
    return m && ((m->needs && !(m->needs & t->facts.can)) ||
                 (m->number == 2027 && !t->profile.graphemes));
}

int mode_report(struct term *t, int32_t number, bool private)
{
    const struct mode *m = mode_find(number, private);
    if (!m || (private && mode_needs_fact(t, number)))
        return 0;
    if (m->how > MODE_CALL)
        return m->how == MODE_NEVER ? 4 : 3;
    return mode_is_on(t, m) ? 1 : 2;
}

void modes_save(struct term *t, bool restore)
{
    const struct parser *p = &t->parser;
    for (unsigned i = 0; i < parser_count(p); i++) {
        const struct mode *m = mode_find(parser_raw(p, i, 0), true);
        if (!m)
            continue;
        uint64_t bit = (uint64_t)1 << (m - modes);
        if (restore)
            mode_put_on(t, m, t->modes_saved & bit);
        else if (mode_is_on(t, m))
            t->modes_saved |= bit;
        else
            t->modes_saved &= ~bit;
    }
}
