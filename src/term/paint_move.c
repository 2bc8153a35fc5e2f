/* Where the cursor goes, and where lines do. */
#include "term/paint_impl.h"

static void put_feed(struct paint *p, char c, unsigned n)
{
    while (n--) {
        *room(p, 1) = (uint8_t)c;
        p->at++;
    }
}

/* May LF leave the rows from the cursor's to before `row`? tmux takes their wrap marks off. */
static bool marks_free(const struct paint *p, uint16_t row)
{
    if (!p->caps.wrap)
        return true;
    for (uint16_t i = p->row; i < row; i++)
        if (!p->shown || !p->shown[i] || p->shown[i]->wrapped)
            return false;
    return true;
}

/* The row is known. */
static void step(struct paint *p, uint16_t row, uint16_t col)
{
    int down = row - p->row;
    bool sure = p->at_known && !p->pending;
    if (sure ? col == 0 && p->col : down || !col || !p->caps.rich) {
        put_feed(p, '\r', 1);
        p->col = 0;
        sure = true;
    }
    if (down > 0 && marks_free(p, row)) {
        if (p->scrolls)
            paint_erase_pen(p, 0);
        put_feed(p, '\n', (unsigned)down);
    } else if (down) {
        unsigned n = (unsigned)(down > 0 ? down : -down);
        p->at = put_csi(room(p, 16), down > 0 ? 'B' : 'A', n > 1 ? n : 0, 0);
    }
    int right = col - p->col;
    if (sure && right >= -4 && right < 0) {
        put_feed(p, '\b', (unsigned)-right);
    } else if (!sure || (right < 0 && p->caps.rich)) {
        p->at = put_csi(room(p, 16), 'G', col + 1u, 0);
    } else if (right) {
        if (right < 0)
            put_feed(p, '\r', 1);
        unsigned n = right < 0 ? col : (unsigned)right;
        p->at = put_csi(room(p, 16), 'C', n > 1 ? n : 0, 0);
    }
}

static void jump(struct paint *p, uint16_t row, uint16_t col)
{
    uint8_t *d = room(p, 32);
    bool rich = p->caps.rich, sure = p->at_known && !p->pending;
    int down = row - p->row, right = col - p->col;
    if (p->at_known && col == 0 && (down == 0 || (p->caps.firm && down > 0 && down <= 4))) {
        if (p->col || p->pending)
            *d++ = '\r';
        while (down-- > 0)
            *d++ = '\n';
    } else if (sure && down == 0 && right < 0 && right >= -4) {
        while (right++ < 0)
            *d++ = '\b';
    } else if (sure && rich && down == 0 && right > 0) {
        d = put_csi(d, 'C', right > 1 ? (unsigned)right : 0, 0);
    } else if (rich && p->at_known && down == 0) {
        d = put_csi(d, 'G', col + 1u, 0);
    } else if (sure && rich && right == 0) {
        d = put_csi(d, 'd', row ? row + 1u : 0, 0);
    } else if (col) {
        d = put_csi(d, 'H', row + 1u, col + 1u);
    } else {
        d = put_csi(d, 'H', row ? row + 1u : 0, 0);
    }
    p->at = d;
}

void paint_go(struct paint *p, uint16_t row, uint16_t col)
{
    if (p->at_known && !p->pending && p->row == row && p->col == col)
        return;
    if (p->relative && !p->row_known) {
        p->at = put_text(room(p, 16), "\r\033[9999B");
        p->row = (uint16_t)(p->rows - 1);
        p->col = 0;
        p->at_known = true;
        p->pending = false;
    }
    if (p->relative)
        step(p, row, col);
    else
        jump(p, row, col);
    p->row = row;
    p->col = col;
    p->at_known = p->row_known = true;
    p->pending = false;
}

void paint_move(struct paint *p, uint16_t row, uint16_t col)
{
    paint_window_open(p);
    paint_go(p, row, col);
    paint_window_close(p);
}

void paint_scroll(struct paint *p, const struct scroll *s)
{
    bool region = s->bottom + 1 < p->rows;
    unsigned n = (unsigned)(s->by > 0 ? s->by : -s->by);
    uint16_t end = (uint16_t)(s->bottom + 1 - n);
    paint_pen(p, &(struct pen){0});
    paint_window_open(p);
    if (region && !p->relative) {
        p->at = put_csi(room(p, 16), 'r', s->top + 1u, s->bottom + 1u);
        p->at_known = p->row_known = false;
    }
    if (region && p->relative && s->by < 0) {
        paint_go(p, end, 0);
        p->at = put_csi(room(p, 16), 'M', n > 1 ? n : 0, 0);
    }
    paint_go(p, s->top, 0);
    p->at = put_csi(room(p, 16), s->by > 0 ? 'M' : 'L', n > 1 ? n : 0, 0);
    if (region && p->relative && s->by > 0) {
        paint_go(p, end, 0);
        p->at = put_csi(room(p, 16), 'L', n > 1 ? n : 0, 0);
    }
    if (region && !p->relative) {
        p->at = put_text(room(p, 8), "\033[r");
        p->at_known = p->row_known = false;
    }
    paint_window_close(p);
}

/* What tmux 3.3a forgets at IL and DL in a region, besides what is said at `firm`: does the row
 * that the scroll brought to `at` lose its mark? */
static bool mark_lost_within(const struct scroll *s, uint16_t at)
{
    int source = at + s->by;
    if (at + 1 == s->top)
        return true;
    if (at < s->top || at > s->bottom)
        return false;
    return s->by > 0 ? source == s->bottom
                     : source == s->top - s->by - 1 || source == s->bottom + 2 * s->by;
}

/* The same where each of them reaches to the last row: so the rows below move, and come back. */
static bool mark_lost_below(const struct paint *p, const struct scroll *s, uint16_t at)
{
    int last = p->rows - 1, n = s->by > 0 ? s->by : -s->by;
    int source = at >= s->top && at <= s->bottom ? at + s->by : at;
    if (at + 1 == s->top)
        return true;
    if (s->by > 0)
        return source == s->bottom || (s->bottom < last && (at == s->bottom + n || at == last - n));
    return source == s->top + n - 1 || at == last - n ||
           (s->bottom < last && (source == s->bottom - n || at == s->top + 2 * n - 1));
}

bool paint_mark_lost(const struct paint *p, const struct row *const *from,
                     const struct scroll *scrolls, size_t n, uint16_t at)
{
    const struct row *f = scroll_source(scrolls, n, from, at);
    if (!f || !f->wrapped)
        return false;
    /* The last row's mark was not made, so it is missing once the row is elsewhere. */
    if (f == from[p->rows - 1] && at + 1 < p->rows)
        return true;
    for (size_t i = 0; !p->caps.firm && i < n; i++)
        if (p->relative ? mark_lost_below(p, &scrolls[i], at) : mark_lost_within(&scrolls[i], at))
            return true;
    return false;
}
