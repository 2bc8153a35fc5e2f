#include "view/feed.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "term/row_edit.h"
#include "view/view_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef const struct row *const *rows_ref;

void feed_init(struct feed *f)
{
    *f = (struct feed){0};
}

static struct feed_item *item_at(const struct feed *f, size_t i)
{
    return &f->item[(f->head + i) & (f->size - 1)];
}

static size_t item_bytes(const struct feed_item *i)
{
    return sizeof *i + (i->row ? row_bytes(i->row) : 0);
}

static void drop_first(struct feed *f)
{
    struct feed_item *i = item_at(f, 0);
    f->bytes -= item_bytes(i);
    row_unref(i->row);
    f->head++;
    f->n--;
}

static void drop_all(struct feed *f)
{
    while (f->n)
        drop_first(f);
    f->done = f->fresh = f->sure = f->from = 0;
}

void feed_fini(struct feed *f)
{
    drop_all(f);
    free(f->item);
    free(f->piece);
    free(f->next);
    free(f->was);
    free(f->virt);
    links_unref(f->links);
    *f = (struct feed){0};
}

static void make_room(struct feed *f)
{
    if (f->n < f->size)
        return;
    size_t size = f->size ? f->size * 2 : 64;
    struct feed_item *to = mem_resize(NULL, size, sizeof *to);
    for (size_t k = 0; k < f->n; k++)
        to[k] = *item_at(f, k);
    free(f->item);
    f->item = to;
    f->size = size;
    f->head = 0;
}

static void push(struct feed *f, const struct feed_item *i)
{
    make_room(f);
    f->n++;
    *item_at(f, f->n - 1) = *i;
    f->bytes += item_bytes(i);
}

/* Columns from..end-1 of r as a row of its own. */
static struct row *cut(const struct row *r, uint16_t from, uint16_t end)
{
    struct row *p = row_new((uint16_t)(end - from), ROW_ID_ERASED);
    row_append(&p, r, from, end);
    p->mark = from ? 0 : r->mark; /* it is where the line begins */
    return p;
}

/* ---- what comes in ---- */

bool view_history_room(const struct view *v)
{
    return v->feed.bytes < FEED_BYTES_MAX && v->feed.n < FEED_LINES_MAX + 2u * v->facts.rows;
}

/* A soft-wrapped line of a narrower or wider screen is laid out anew for the terminal. Its rows are
 * joined while they wait: each item but the last fills rows of the terminal to their ends. */

/* The column of item n where what is not fed begins. */
static uint16_t begin_of(const struct feed *q, size_t n)
{
    return n == q->done ? q->from : 0;
}

/* The last column up to which r, from `from` on, fills rows of the terminal. */
static uint16_t filled(const struct row *r, uint16_t cols, uint16_t from)
{
    unsigned end = from;
    while (end + cols <= r->used &&
           (end + cols == r->used || !(r->cell[end + cols].text & CELL_TAIL)))
        end += cols;
    return (uint16_t)end; /* a row that ends before a wide character is left to be the last */
}

/* Is item n a line that has to be joined with the next one? */
static bool is_open(const struct view *v, size_t n)
{
    const struct feed_item *i = item_at(&v->feed, n);
    return i->kind == FEED_LINE && i->row->wrapped &&
           filled(i->row, v->facts.cols, begin_of(&v->feed, n)) < i->row->used;
}

/* Join the line with the open one that waits before it; false: there is none. Takes the row. */
static bool join(struct view *v, uint64_t number, struct row *line)
{
    struct feed *q = &v->feed;
    struct feed_item *last = q->n ? item_at(q, q->n - 1) : NULL;
    if (!last || last->end != number || !is_open(v, q->n - 1) ||
        (size_t)last->row->used + line->used > FEED_JOIN_COLS)
        return false;
    uint16_t begin = begin_of(q, q->n - 1);
    struct row *all = cut(last->row, 0, last->row->used), *tail = NULL;
    row_append(&all, line, 0, line->used);
    all->wrapped = line->wrapped;
    uint16_t full = filled(all, v->facts.cols, begin);
    if (full > begin && full < all->used) {
        tail = cut(all, full, all->used);
        tail->wrapped = all->wrapped;
        row_unref(line);
        line = all;
        all = cut(line, 0, full);
        all->wrapped = true;
    }
    q->bytes -= item_bytes(last);
    row_unref(last->row);
    row_unref(line);
    last->row = all;
    last->end += !tail;
    q->bytes += item_bytes(last);
    if (tail)
        push(q, &(struct feed_item){FEED_LINE, number, number + 1, tail, 0});
    return true;
}

void view_history_line(struct view *v, uint64_t number, struct row *line)
{
    if (!join(v, number, line))
        push(&v->feed, &(struct feed_item){FEED_LINE, number, number + 1, line, 0});
}

void view_history_gap(struct view *v, uint64_t first, uint64_t end)
{
    if (first < end)
        push(&v->feed, &(struct feed_item){FEED_GAP, first, end, NULL, 0});
}

void view_history_clear(struct view *v, uint64_t end)
{
    drop_all(&v->feed);
    v->kept.from = 0;
    push(&v->feed, &(struct feed_item){FEED_CLEAR, end, end, NULL, 0});
}

void view_history_skip(struct view *v, uint64_t end)
{
    struct feed *q = &v->feed;
    if (q->n && is_open(v, q->n - 1)) { /* what comes behind goes on with it */
        struct feed_item *last = item_at(q, q->n - 1);
        last->end = last->end < end ? end : last->end;
        return;
    }
    push(&v->feed, &(struct feed_item){FEED_SKIP, end, end, NULL, 0});
}

void view_history_link(struct view *v, uint32_t number, const uint8_t *uri, size_t len)
{
    struct utf8 u = {0};
    for (size_t i = 0; i < len; i++) {
        uint32_t cp[2];
        size_t n = utf8_feed(&u, uri[i], cp);
        for (size_t k = 0; k < n; k++)
            if (cp[k] < ' ' || (cp[k] >= 0x7f && cp[k] < 0xa0) || cp[k] == UTF8_BAD)
                return;
    }
    links_learn(&v->feed.links, number, uri, len);
}

bool view_history_ready(const struct view *v, const struct snapshot *s)
{
    return !view_held(v) && feed_ready(v, &(struct frame){.s = s});
}

size_t view_history_bytes(const struct view *v)
{
    return v->feed.bytes;
}

/* ---- pieces ---- */

/* May item n be fed with that frame? An open one waits for the rest of its line, if that has left
 * the screen too. */
static bool is_due(const struct view *v, size_t n, const struct frame *f)
{
    const struct feed_item *i = item_at(&v->feed, n);
    if (i->kind >= FEED_CLEAR)
        return true;
    bool waits = n + 1 == v->feed.n && !f->farewell && i->end < f->s->history_end &&
                 is_open(v, n) && view_history_room(v);
    return i->end <= f->s->history_end && !waits;
}

unsigned view_marks(const struct view *v)
{
    unsigned n = v->feed.tail + v->hidden;
    for (uint16_t i = 0; v->wraps && i < v->facts.rows; i++) {
        const struct row *r = v->told[SCREEN_MAIN][i];
        n += r && r->wrapped;
    }
    return n;
}

/* How many rows may be fed: in doubt only some, before the terminal has told how it read those
 * before. */
static size_t allowed(const struct view *v, const struct frame *f)
{
    const struct proof *p = &v->proof;
    if (!v->facts.reports || v->facts.rows < 2 || f->farewell || (p->flying && !proof_waits(p)))
        return SIZE_MAX;
    if (!v->doubt && proof_whole(p) && !view_marks(v))
        return SIZE_MAX;
    uint64_t open = p->fed + v->feed.fresh - p->sure - v->feed.sure;
    return open < v->facts.rows ? v->facts.rows - (size_t)open : 0;
}

/* Do lines wait that need nothing but leave? */
static bool lines_wait(const struct view *v, const struct frame *f)
{
    const struct feed *q = &v->feed;
    return q->done < q->n && !v->facts.all_on_alt && (f->farewell || v->main_only || !f->s->alt) &&
           is_due(v, q->done, f);
}

bool feed_ready(const struct view *v, const struct frame *f)
{
    /* Where nothing more may be fed and nothing is asked, a frame is made for its fence. */
    return lines_wait(v, f) && (allowed(v, f) || !v->proof.flying);
}

bool feed_bulk_waits(const struct view *v, const struct frame *f)
{
    return v->feed.n > v->feed.done + v->facts.rows && lines_wait(v, f);
}

/* "12,345" */
static void put_grouped(char *out, size_t size, uint64_t n)
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), at = 0;
    for (size_t i = 0; i < len && at + 2 < size; i++) {
        if (i && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

static struct row *gap_row(const struct feed_item *i)
{
    char text[80], number[32];
    put_grouped(number, sizeof number, i->end - i->first);
    snprintf(text, sizeof text, "[... %s %s not brought ...]", number,
             i->end - i->first == 1 ? "line" : "lines");
    uint16_t n = (uint16_t)strlen(text);
    struct row *r = row_new(n, ROW_ID_ERASED);
    for (; r->used < n; r->used++)
        r->cell[r->used] = cell_make((uint8_t)text[r->used], &(struct pen){0});
    return r;
}

struct row *row_with_mark(struct row *r, bool wrapped)
{
    if (r->wrapped == wrapped)
        return r;
    struct row *mine = row_copy(r, 0);
    mine->wrapped = wrapped;
    row_unref(r);
    return mine;
}

/* The next piece of a line that is at most cols wide, from column *from on, which moves; *from is
 * then 0 when the line is used up. A terminal joins a row with the next one only where it wrapped
 * it itself, in its last column: a mark elsewhere cannot be made. */
static struct row *piece_of(const struct row *r, uint16_t cols, uint16_t *from)
{
    uint16_t end = r->used;
    if (!*from && end <= cols)
        return row_with_mark(row_ref(r), r->wrapped && end == cols);
    struct row *p;
    if (end - *from <= cols) {
        p = cut(r, *from, end);
        p->wrapped = r->wrapped && end - *from == cols;
        *from = 0;
        return p;
    }
    end = (uint16_t)(*from + cols);
    if (cols > 1 && r->cell[end].text & CELL_TAIL)
        end--;
    p = cut(r, *from, end);
    p->wrapped = true;
    *from = end;
    return p;
}

/* About how many bytes it takes to write the row. */
static size_t row_cost(const struct row *r)
{
    size_t n = 2u + r->used;
    for (uint16_t c = 0; c < r->used; c++) {
        const struct cell *a = &r->cell[c];
        bool same = c && a->fg == a[-1].fg && a->bg == a[-1].bg;
        n += (same || !(a->fg | a->bg) ? 0 : 8u) + (a->text < 0x80 ? 0 : 2u);
    }
    return n;
}

/* Pieces from the queue's place on that may be fed, at most `most`, of about so many bytes if they
 * are more than a screenful; next[i] is the place behind piece i. */
static size_t gather(struct view *v, const struct frame *f, size_t most, size_t bytes)
{
    struct feed *q = &v->feed;
    struct feed_at at = {q->done, q->from};
    size_t n = 0, cost = 0;
    while (n < most && (n < v->facts.rows || cost < bytes) && at.item < q->n &&
           is_due(v, at.item, f)) {
        const struct feed_item *i = item_at(q, at.item);
        if (i->kind >= FEED_CLEAR)
            break;
        struct row *whole = i->kind == FEED_GAP ? gap_row(i) : row_ref(i->row);
        q->piece[n] = piece_of(whole, v->facts.cols, &at.from);
        row_unref(whole);
        cost += row_cost(q->piece[n]);
        at.item += at.from == 0;
        q->next[n++] = at;
    }
    return n;
}

static void size_scratch(struct view *v)
{
    struct feed *q = &v->feed;
    if (q->rows == v->facts.rows)
        return;
    q->rows = v->facts.rows;
    size_t n = FEED_ROWS_MOST + 2u * q->rows;
    q->piece = mem_resize(q->piece, n, sizeof *q->piece);
    q->next = mem_resize(q->next, n, sizeof *q->next);
    q->was = mem_resize(q->was, n, sizeof *q->was);
    q->virt = mem_resize(q->virt, n, sizeof *q->virt);
}

/* ---- feeding ---- */

size_t feed_scrolls(const struct view *v, rows_ref from, rows_ref to,
                    struct scroll out[static SCROLL_MOST])
{
    uint16_t rows = v->facts.rows;
    if (!v->facts.il_dl)
        return 0;
    if (v->on_alt)
        return scroll_find(from, to, rows, out);
    /* Not row 0: xterm keeps what DL takes from there in its scrollback, and tmux takes the mark
     * off the line above a region that lines move in. */
    size_t n = rows < 3 ? 0 : scroll_find(from + 1, to + 1, (uint16_t)(rows - 1), out);
    for (size_t i = 0; i < n; i++) {
        out[i].top++;
        out[i].bottom++;
    }
    return n;
}

void feed_put_scrolls(const struct view *v, struct paint *p, const struct scroll *scrolls, size_t n)
{
    p->shown = view_marks(v) ? NULL : (rows_ref)v->told[v->on_alt];
    for (size_t i = 0; i < n; i++)
        paint_scroll(p, &scrolls[i]);
}

static void told_set(struct row **told, const struct row *r)
{
    struct row *old = *told;
    *told = row_ref(r);
    row_unref(old);
}

/* On a terminal of one row nothing can follow a soft-wrapped row but what scrolls it out: the first
 * cell of the row that comes next, written by autowrap. False: it still stands there. */
static bool wrap_out(struct view *v, struct paint *p)
{
    struct feed *q = &v->feed;
    const struct row *from[] = {NULL, q->virt[1]};
    paint_move(p, 0, 0);
    p->above = q->tail;
    p->rows = 2;
    paint_grid(p, from, q->virt, NULL, 0);
    bool out = p->row == 1;
    p->rows = 1;
    p->row = 0;
    row_unref(v->told[SCREEN_MAIN][0]);
    v->told[SCREEN_MAIN][0] = NULL;
    q->tail = out;
    return out;
}

/* Bring the terminal to v->feed.virt, whose first `out` rows then leave by LF. */
static void scroll_out(struct view *v, struct paint *p, uint16_t out)
{
    uint16_t rows = v->facts.rows;
    struct row **told = v->told[SCREEN_MAIN];
    struct feed *q = &v->feed;
    struct scroll scrolls[SCROLL_MOST];
    if (rows == 1 && q->virt[0]->wrapped && wrap_out(v, p))
        return;
    size_t n = feed_scrolls(v, (rows_ref)told, q->virt, scrolls);
    feed_put_scrolls(v, p, scrolls, n);
    p->above = q->tail;
    paint_grid(p, (rows_ref)told, q->virt, scrolls, n);
    paint_pen(p, &(struct pen){0}); /* lines come in with its background */
    paint_move(p, (uint16_t)(rows - 1), 0);
    for (uint16_t i = 0; i < out; i++)
        buf_put_u8(p->out, '\n');
    q->tail = q->virt[out - 1]->wrapped;
    for (uint16_t i = 0; i < rows; i++) {
        v->joins += q->virt[i]->wrapped;
        if (i + out >= rows) {
            told_set(&told[i], &row_blank_row);
        } else if (i + out == rows - 1 && q->virt[i + out]->wrapped) {
            /* The last row's mark was not made. */
            row_unref(told[i]);
            told[i] = row_with_mark(row_ref(q->virt[i + out]), false);
        } else {
            told_set(&told[i], q->virt[i + out]);
        }
    }
}

/* Some pieces of n: written over the rows that they left, if they stand there no more. Returns how
 * many were. */
static size_t feed_some(struct view *v, const struct frame *f, struct paint *p, size_t n,
                        size_t most)
{
    struct feed *q = &v->feed;
    uint16_t rows = v->facts.rows;
    uint16_t out = (uint16_t)(n < most ? n : most);
    /* The last row cannot be joined to one that is not there: it goes with the next lot. */
    if (out == rows && out > 1 && q->piece[out - 1]->wrapped)
        out--;
    for (uint16_t i = 0; i <= rows; i++) { /* and the one that comes behind them */
        size_t r = i - n;
        q->virt[i] = i < n                        ? q->piece[i]
                     : v->wraps && r < f->s->rows ? f->s->main_row[r]
                                                  : &row_blank_row;
    }
    bool wrap = p->caps.wrap;
    v->doubt = true;
    if (!v->wraps) { /* the marks of what is told are not made */
        for (uint16_t i = 0; i < rows; i++) {
            row_unref(v->told[SCREEN_MAIN][i]);
            v->told[SCREEN_MAIN][i] = NULL;
        }
        p->caps.wrap = true;
    }
    scroll_out(v, p, out);
    p->caps.wrap = wrap;
    return out;
}

/* n pieces in bulk: they and all rows of the screen behind them go from row 0 on as plain text with
 * CR LF and scroll out as they come. So the cursor is as far below row 0 afterwards as it is
 * believed to be, whatever the width and height of the terminal; and the screen has no marks. */
static void feed_bulk(struct view *v, struct paint *p, size_t n)
{
    struct feed *q = &v->feed;
    struct row **told = v->told[SCREEN_MAIN];
    uint16_t rows = v->facts.rows, all = (uint16_t)(n + rows);
    bool wrap = p->caps.wrap;
    for (uint16_t i = 0; i < rows; i++)
        q->piece[n + i] = row_with_mark(row_ref(v->want[i]), false);
    for (uint16_t i = 0; i < all; i++) {
        q->virt[i] = q->piece[i];
        /* A row that autowrap scrolls in has the pen's background. */
        q->was[i] = i < rows || q->virt[i - 1]->wrapped ? NULL : &row_blank_row;
    }
    paint_move(p, 0, 0);
    p->above = q->tail;
    p->rows = all;
    p->caps.wrap = p->scrolls = true;
    paint_grid(p, q->was, q->virt, NULL, 0);
    paint_pen(p, &(struct pen){0});
    p->shown = q->virt;
    paint_move(p, (uint16_t)(all - 1), 0);
    p->caps.wrap = wrap;
    p->scrolls = false;
    p->rows = rows;
    p->row = (uint16_t)(p->row - n);
    q->tail = false;
    for (uint16_t i = 0; i < rows; i++) {
        told_set(&told[i], v->wraps ? q->piece[n + i] : v->want[i]);
        row_unref(q->piece[n + i]);
    }
}

/* Lines, of about that many bytes; false if there is none. */
static bool feed_lines(struct view *v, const struct frame *f, struct paint *p, size_t bytes)
{
    struct feed *q = &v->feed;
    uint16_t rows = v->facts.rows;
    size_t most = allowed(v, f);
    if (!most)
        return false;
    /* One more than may go, for a row that is joined to the next one. */
    size_t n = gather(v, f, most < FEED_ROWS_MOST ? most + 1 : FEED_ROWS_MOST, bytes);
    if (!n)
        return false;
    size_t out = n < most ? n : most;
    while (out && q->piece[out - 1]->wrapped) /* what it goes on with may be row 0 */
        out--;
    if (out + 1 >= rows && out) {
        while (n > out)
            row_unref(q->piece[--n]);
        feed_bulk(v, p, n);
    } else
        out = feed_some(v, f, p, n < rows ? n : rows, most);
    while (n)
        row_unref(q->piece[--n]);
    if (v->ledger.end == v->ledger.first)
        v->ledger.first = item_at(q, q->done)->first;
    for (size_t i = 0; i < out; i++) {
        q->fresh++;
        for (; q->done < q->next[i].item; q->done++)
            item_at(q, q->done)->fed = v->proof.fed + q->fresh;
    }
    if (!v->doubt)
        q->sure += out;
    q->from = q->next[out - 1].from;
    if (q->done && item_at(q, q->done - 1)->end > v->ledger.end) /* none that is fed again */
        v->ledger.end = item_at(q, q->done - 1)->end;
    return true;
}

/* What is no line. */
static bool feed_mark(struct view *v, struct buf *out)
{
    struct feed *q = &v->feed;
    if (q->done == q->n || item_at(q, q->done)->kind < FEED_CLEAR)
        return false;
    const struct feed_item *i = item_at(q, q->done++);
    if (i->kind == FEED_CLEAR && v->facts.clear_scrollback) {
        buf_put_text(out, "\033[3J");
        v->ledger.first = v->ledger.end = i->end;
        q->tail = false;
    }
    if (i->end > v->ledger.end) {
        bool empty = v->ledger.first == v->ledger.end;
        v->ledger.end = i->end;
        if (empty)
            v->ledger.first = i->end;
    }
    return true;
}

void feed_put(struct view *v, const struct frame *f, struct paint *p)
{
    size_t begin = buf_len(p->out);
    if (v->on_alt || !feed_ready(v, f))
        return;
    size_scratch(v);
    while (!p->out->failed) {
        size_t done = buf_len(p->out) - begin;
        if (!f->farewell && done > FEED_FRAME_BYTES / 2)
            return;
        if (!feed_lines(v, f, p, FEED_FRAME_BYTES) && !feed_mark(v, p->out))
            return;
    }
}

/* The first item was fed: it may have to be again. */
static void keep_first(struct view *v)
{
    struct feed *q = &v->feed;
    struct feed_item *i = item_at(q, 0);
    if (i->kind == FEED_CLEAR)
        proof_forget(&v->proof);
    if (i->kind < FEED_CLEAR) {
        q->bytes -= item_bytes(i);
        proof_keep(&v->proof, i, v->facts.rows);
        i->row = NULL;
        q->bytes += item_bytes(i);
    }
    drop_first(q);
}

void feed_again(struct view *v, size_t rows, bool open)
{
    struct feed *q = &v->feed;
    struct proof *p = &v->proof;
    struct feed_item i;
    /* Where nothing bounds what is not proven, a screenful is all that may stand there twice. */
    if (p->fed - p->sure > v->settle.rows)
        p->sure = p->fed - v->settle.rows;
    p->line = 0;
    p->rest = open ? PROOF_REST : 0;
    /* Rows that came back may have been laid out anew, or not. */
    uint16_t cols = v->settle.cols > v->facts.cols ? v->settle.cols : v->facts.cols;
    while (proof_take(p, cols, &rows, &i)) {
        make_room(q);
        q->head--;
        q->n++;
        *item_at(q, 0) = i;
        q->bytes += item_bytes(&i);
    }
}

void feed_commit(struct view *v)
{
    struct feed *q = &v->feed;
    v->proof.fed += q->fresh;
    v->proof.sure += q->sure;
    q->fresh = q->sure = 0;
    for (; q->done; q->done--)
        keep_first(v);
    v->kept = (struct view_kept){v->ledger, q->from, q->tail};
}

void feed_rollback(struct view *v)
{
    v->feed.done = v->feed.fresh = v->feed.sure = 0;
    v->feed.from = v->kept.from;
    v->feed.tail = v->kept.tail;
    v->ledger = v->kept.ledger;
}
