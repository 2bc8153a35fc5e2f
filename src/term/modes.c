#include "term/modes.h"

void mode_put(struct buf *out, unsigned mode, bool on)
{
    buf_put_text(out, "\033[?");
    buf_put_decimal(out, mode);
    buf_put_u8(out, on ? 'h' : 'l');
}

/* One value of several: off, or another than before. */
static void put_choice(struct buf *out, uint16_t from, uint16_t to, bool fresh, const char *off)
{
    if (from == to && !fresh)
        return;
    if (!to) {
        buf_put_text(out, off);
        return;
    }
    if (from && from != to)
        mode_put(out, from, false);
    mode_put(out, to, true);
}

void modes_put(struct buf *out, const struct modes *from, const struct modes *to, bool fresh,
               enum snapshot_kind kind)
{
    if (fresh || from->bracketed_paste != to->bracketed_paste)
        mode_put(out, 2004, to->bracketed_paste);
    put_choice(out, from->mouse, to->mouse, fresh, "\033[?1003l\033[?1002l\033[?1001l\033[?1000l");
    if (fresh || from->focus != to->focus)
        mode_put(out, 1004, to->focus);
    put_choice(out, from->mouse_coding, to->mouse_coding, fresh,
               "\033[?1015l\033[?1006l\033[?1005l");
    if (kind == SNAPSHOT_STOCK)
        return;
    if (fresh || from->alt_scroll != to->alt_scroll)
        mode_put(out, 1007, to->alt_scroll);
    if (fresh || from->app_keypad != to->app_keypad)
        buf_put_text(out, to->app_keypad ? "\033=" : "\033>");
    if (fresh || from->cursor_shape != to->cursor_shape) {
        buf_put_text(out, "\033[");
        buf_put_decimal(out, to->cursor_shape);
        buf_put_text(out, " q");
    }
}
