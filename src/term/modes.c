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

static uint16_t stock_coding(uint16_t coding)
{
    return coding == MOUSE_PIXELS ? MOUSE_SGR : coding;
}

static void put_keys(struct buf *out, const struct modes *from, const struct modes *to, bool fresh)
{
    if (fresh || from->app_keypad != to->app_keypad)
        buf_put_text(out, to->app_keypad ? "\033=" : "\033>");
    if (fresh || from->other_keys != to->other_keys)
        buf_printf(out, "\033[>4;%um", to->other_keys);
    if (fresh || from->other_format != to->other_format)
        buf_printf(out, "\033[>4;%uf", to->other_format);
    if (fresh || from->kitty_keys != to->kitty_keys)
        buf_printf(out, "\033[=%u;1u", to->kitty_keys);
}

static void put_cursor(struct buf *out, const struct modes *from, const struct modes *to,
                       bool fresh)
{
    bool blink = from->cursor_blink;
    if (fresh || from->cursor_shape != to->cursor_shape) {
        buf_printf(out, "\033[%u q", to->cursor_shape);
        blink = to->cursor_shape & 1;
    }
    if (blink != to->cursor_blink)
        mode_put(out, 12, to->cursor_blink);
}

void modes_put(struct buf *out, const struct modes *from, const struct modes *to, bool fresh,
               enum snapshot_kind kind)
{
    bool native = kind == SNAPSHOT_NATIVE;
    uint16_t was = from->mouse_coding, is = to->mouse_coding;
    if (fresh || from->bracketed_paste != to->bracketed_paste)
        mode_put(out, 2004, to->bracketed_paste);
    put_choice(out, from->mouse, to->mouse, fresh, "\033[?1003l\033[?1002l\033[?1001l\033[?1000l");
    if (fresh || from->focus != to->focus)
        mode_put(out, 1004, to->focus);
    if (native && was == MOUSE_PIXELS && !is)
        mode_put(out, MOUSE_PIXELS, false);
    put_choice(out, native ? was : stock_coding(was), native ? is : stock_coding(is), fresh,
               "\033[?1015l\033[?1006l\033[?1005l");
    if (!native)
        return;
    if (fresh || from->alt_scroll != to->alt_scroll)
        mode_put(out, 1007, to->alt_scroll);
    if (fresh || from->urgent_bell != to->urgent_bell)
        mode_put(out, 1042, to->urgent_bell);
    if (fresh || from->scheme_reports != to->scheme_reports)
        mode_put(out, 2031, to->scheme_reports);
    put_keys(out, from, to, fresh);
    put_cursor(out, from, to, fresh);
}

bool modes_equal(const struct modes *a, const struct modes *b, enum snapshot_kind kind)
{
    bool same = a->cursor_visible == b->cursor_visible && a->reverse == b->reverse &&
                a->bracketed_paste == b->bracketed_paste && a->focus == b->focus &&
                a->mouse == b->mouse &&
                stock_coding(a->mouse_coding) == stock_coding(b->mouse_coding);
    if (kind == SNAPSHOT_STOCK)
        return same;
    return same && a->mouse_coding == b->mouse_coding && a->cursor_shape == b->cursor_shape &&
           a->cursor_blink == b->cursor_blink && a->app_keypad == b->app_keypad &&
           a->alt_scroll == b->alt_scroll && a->urgent_bell == b->urgent_bell &&
           a->graphemes == b->graphemes && a->scheme_reports == b->scheme_reports &&
           a->other_keys == b->other_keys && a->other_format == b->other_format &&
           a->kitty_keys == b->kitty_keys;
}
