#include "term/engine.h"

#include <stdlib.h>

void modes_default(struct modes *m)
{
    *m = (struct modes){.cursor_visible = true};
}

void saved_default(struct saved *s)
{
    *s = (struct saved){.autowrap = true};
}

void tabs_default(struct term *t, uint16_t from)
{
    for (unsigned i = (from + 7u) / 8 * 8; i < SCREEN_MAX; i += 8)
        t->tabs[i / 64] |= (uint64_t)1 << i % 64;
}

void writing_default(struct term *t)
{
    t->w = (struct writing){.pen = t->w.pen, .autowrap = true, .bottom = last_row(t)};
    t->single_shift = 0;
    t->last_rune = 0;
    memset(t->tabs, 0, sizeof t->tabs);
    tabs_default(t, 0);
    saved_default(&t->saved[0]);
    saved_default(&t->saved[1]);
    pen_changed(t);
}

void mode_home(struct term *t)
{
    cursor_to(t, t->w.origin ? t->w.top : 0, 0);
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
                        .pen = t->w.pen,
                        .autowrap = t->w.autowrap,
                        .origin = t->w.origin,
                        .gl = t->w.gl};
    memcpy(s->charset, t->w.charset, sizeof s->charset);
}

void mode_restore_cursor(struct term *t)
{
    const struct saved *s = saved_here(t);
    t->w.pen = s->pen;
    t->w.autowrap = s->autowrap;
    t->w.origin = s->origin;
    t->w.gl = s->gl;
    memcpy(t->w.charset, s->charset, sizeof s->charset);
    pen_changed(t);
    cursor_to(t, s->row, s->col);
}

void screen_switch(struct term *t, bool alt)
{
    if (alt && !t->alt.row)
        grid_init(&t->alt, &t->pool, t->main.cols, t->main.rows);
    t->grid = alt ? &t->alt : &t->main;
    t->combine = COMBINE_CURSOR;
}

void mode_hard_reset(struct term *t)
{
    grid_fini(&t->alt);
    t->grid = &t->main;
    grid_erase_rows(&t->main, 0, t->main.rows, 0);
    t->w.pen = (struct pen){0};
    writing_default(t);
    modes_default(&t->modes);
    cursor_to(t, 0, 0);
    free(t->title);
    free(t->clip);
    t->title = t->clip = NULL;
}

void mode_soft_reset(struct term *t)
{
    t->w.pen = (struct pen){0};
    t->w.insert = t->w.origin = false;
    t->w.top = 0;
    t->w.bottom = last_row(t);
    memset(t->w.charset, 0, sizeof t->w.charset);
    t->w.gl = 0;
    t->modes.cursor_visible = true;
    t->modes.app_cursor = t->modes.app_keypad = false;
    saved_default(saved_here(t));
    pen_changed(t);
    t->cursor.pending = false;
}

static void alternate(struct term *t, int32_t mode, bool on)
{
    bool was = t->grid == &t->alt;
    if (on && mode == 1049)
        mode_save_cursor(t);
    if (!on && was && mode == 1047)
        grid_erase_rows(&t->alt, 0, t->alt.rows, erase_bg(t));
    if (on != was)
        screen_switch(t, on);
    if (on && mode == 1049) {
        grid_erase_rows(&t->alt, 0, t->alt.rows, erase_bg(t));
        t->cursor.pending = false;
    }
    if (!on && was && mode == 1049)
        mode_restore_cursor(t);
}

static void set_private(struct term *t, int32_t mode, bool on)
{
    struct modes *m = &t->modes;
    switch (mode) {
    case 1:
        m->app_cursor = on;
        break;
    case 3: /* 80/132 columns: the size is the user's; what is left of it clears and homes */
        grid_erase_rows(t->grid, 0, t->grid->rows, erase_bg(t));
        mode_home(t);
        break;
    case 5:
        m->reverse = on;
        break;
    case 6:
        t->w.origin = on;
        mode_home(t);
        break;
    case 7:
        t->w.autowrap = on;
        break;
    case 25:
        m->cursor_visible = on;
        break;
    case 47:
    case 1047:
    case 1049:
        alternate(t, mode, on);
        break;
    case 66:
        m->app_keypad = on;
        break;
    case 9:
    case 1000:
    case 1001:
    case 1002:
    case 1003:
        m->mouse = (uint16_t)(on ? mode : MOUSE_OFF);
        break;
    case 1004:
        m->focus = on;
        break;
    case 1005:
    case 1006:
    case 1015:
        m->mouse_coding = (uint16_t)(on ? mode : MOUSE_PLAIN);
        break;
    case 1007:
        m->alt_scroll = on;
        break;
    case 1048:
        if (on)
            mode_save_cursor(t);
        else
            mode_restore_cursor(t);
        break;
    case 2004:
        m->bracketed_paste = on;
        break;
    }
}

void modes_set(struct term *t, bool on)
{
    const struct parser *p = &t->parser;
    bool private = p->inter_n;
    for (unsigned i = 0; i < parser_count(p); i++) {
        int32_t mode = parser_raw(p, i, 0);
        if (private)
            set_private(t, mode, on);
        else if (mode == 4)
            t->w.insert = on;
        else if (mode == 20)
            t->w.newline = on;
    }
}
