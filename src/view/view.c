#include "view/view.h"

#include "base/mem.h"
#include "term/palette.h"
#include "view/view_impl.h"

#include <stdlib.h>
#include <string.h>

void view_facts_default(struct view_facts *f, uint16_t cols, uint16_t rows)
{
    *f = (struct view_facts){.cols = cols, .rows = rows, .paint = {.colours = 8}};
}

static char *text_copy(const char *t)
{
    return t ? mem_text(t, strlen(t)) : NULL;
}

void view_guess(struct view *v, const struct overlay *o)
{
    v->guess = o;
}

static uint16_t clamp_size(uint16_t n)
{
    return n < 1 ? 1 : n > SCREEN_MAX ? SCREEN_MAX : n;
}

static void rows_free(struct view *v)
{
    view_forget_rows(v);
    for (int i = 0; i < SCREENS; i++)
        free(v->told[i]);
    free(v->want);
    free(v->own);
}

static void rows_new(struct view *v)
{
    for (int i = 0; i < SCREENS; i++)
        v->told[i] = mem_new(v->facts.rows, sizeof v->told[i][0]);
    v->want = mem_new(v->facts.rows, sizeof v->want[0]);
    v->own = mem_new(v->facts.rows, sizeof v->own[0]);
}

struct view *view_new(const struct view_facts *f)
{
    struct view *v = mem_new(1, sizeof *v);
    v->facts = *f;
    v->facts.cols = clamp_size(f->cols);
    v->facts.rows = clamp_size(f->rows);
    v->facts.paint.firm = false;
    if (f->smcup && f->rmcup && strlen(f->smcup) <= SWITCH_MAX && strlen(f->rmcup) <= SWITCH_MAX) {
        v->smcup = text_copy(f->smcup);
        v->rmcup = text_copy(f->rmcup);
    }
    v->facts.smcup = v->smcup;
    v->facts.rmcup = v->rmcup;
    v->facts.all_on_alt = f->all_on_alt && v->smcup;
    v->facts.title_prefix = v->title_prefix = text_copy(f->title_prefix ? f->title_prefix : "");
    rows_new(v);
    feed_init(&v->feed);
    return v;
}

void view_free(struct view *v)
{
    if (!v)
        return;
    rows_free(v);
    feed_fini(&v->feed);
    proof_fini(&v->proof);
    snapshot_unref(v->last);
    colours_unref(v->colours);
    bar_free(v);
    free(v->title);
    free(v->icon);
    free(v->smcup);
    free(v->rmcup);
    free(v->title_prefix);
    free(v);
}

void view_forget_rows(struct view *v)
{
    v->hidden |= view_marks(v) > 0;
    for (int i = 0; i < SCREENS; i++) {
        for (uint16_t r = 0; r < v->facts.rows; r++) {
            row_unref(v->told[i][r]);
            v->told[i][r] = NULL;
        }
    }
}

void view_repaint(struct view *v)
{
    view_forget_rows(v);
    v->told_all = v->at_known = v->row_known = v->pen_known = false;
}

void view_now(struct view *v, uint64_t now_us)
{
    v->proof.now_us = now_us;
}

void view_resize(struct view *v, uint16_t cols, uint16_t rows)
{
    cols = clamp_size(cols);
    rows = clamp_size(rows);
    settle_note(v, cols, rows);
    settle_told(v);
    rows_free(v);
    v->facts.cols = cols;
    v->facts.rows = rows;
    rows_new(v);
    v->at_known = v->row_known = false;
}

/* ---- taking and giving back ---- */

static int take(struct view *v, struct buf *out)
{
    view_repaint(v);
    v->settle.pending = v->feed.tail = v->kept.tail = v->hidden = v->covered = false;
    proof_reset(&v->proof);
    settle_reset(v);
    v->started = true;
    v->on_alt = false;
    if (v->facts.all_on_alt) {
        buf_put_text(out, v->smcup);
        v->on_alt = true;
    } else {
        /* The lines above the cursor's go into the scrollback, that one becomes row 0: no blank
         * line is added and none is lost. Lines scroll in with the pen's background. */
        buf_put_text(out, "\033[m\r");
        for (uint16_t i = 1; i < v->facts.rows; i++)
            buf_put_u8(out, '\n');
    }
    buf_put_text(out, "\033[?1h");
    return buf_err(out);
}

int view_start(struct view *v, struct buf *out)
{
    BUG_ON(v->started);
    if (v->facts.title_stack)
        buf_put_text(out, "\033[22;0t");
    return take(v, out);
}

int view_resume(struct view *v, struct buf *out)
{
    BUG_ON(v->started);
    return take(v, out);
}

/* Every mode that the view may have set, undone (mosh-protocol.md §11, and our own). */
static const char undo[] =
    "\0337\033[r\0338\033[4l\033[?5l\033[?2004l\033[?1004l\033>\033[?1l\033[0m\033[?25h"
    "\033[?1003l\033[?1002l\033[?1001l\033[?1000l"
    "\033[?1016l\033[?1015l\033[?1006l\033[?1005l";

/* Of the rarer modes, those that are on. */
static void put_undo(const struct view *v, struct buf *out)
{
    const struct modes *m = &v->modes;
    if (m->alt_scroll)
        buf_put_text(out, "\033[?1007l");
    if (m->urgent_bell)
        buf_put_text(out, "\033[?1042l");
    if (m->mouse_coding == MOUSE_PIXELS)
        buf_put_text(out, "\033[?1016l");
    if (m->graphemes)
        buf_put_text(out, "\033[?2027l");
    if (m->scheme_reports)
        buf_put_text(out, "\033[?2031l");
    if (m->other_keys)
        buf_put_text(out, "\033[>4m");
    if (m->other_format)
        buf_put_text(out, "\033[>4;0f");
    if (v->kitty_keys[v->on_alt])
        buf_put_text(out, "\033[<u");
    effects_undo(v, out);
    buf_put_text(out, undo);
}

int view_suspend(struct view *v, struct buf *out)
{
    if (!v->started)
        return buf_err(out);
    if (v->last) {
        int err = frame_put(v, &(struct frame){.s = v->last, .farewell = true}, out);
        if (err)
            return err;
    }
    if (v->facts.shape && v->modes.cursor_shape)
        buf_put_text(out, "\033[0 q");
    put_undo(v, out);
    v->progress = v->pointer = false;
    memset(v->kitty_keys, 0, sizeof v->kitty_keys);
    if (v->on_alt)
        buf_put_text(out, v->rmcup);
    v->started = v->on_alt = false;
    v->modes = (struct modes){.cursor_shape = 0};
    view_repaint(v);
    return buf_err(out);
}

int view_end(struct view *v, struct buf *out)
{
    if (!v->started)
        return buf_err(out);
    int err = view_suspend(v, out);
    if (!err && v->facts.title_stack)
        buf_put_text(out, "\033[23;0t");
    return err ? err : buf_err(out);
}

size_t view_reset_bytes(const struct view *v, uint8_t *out, size_t size)
{
    static const char shape[] = "\033[0 q";
    static const char colours[] = "\033]104\033\\\033]110\033\\\033]111\033\\\033]112\033\\"
                                  "\033]113\033\\\033]114\033\\\033]117\033\\\033]119\033\\";
    uint8_t t[VIEW_RESET_MAX];
    struct buf b = {.mem = t, .size = sizeof t, .cap = sizeof t}; /* never grows: see below */
    if (!v->started)
        return 0;
    if (v->facts.sync)
        buf_put_text(&b, "\033[?2026l");
    if (v->facts.shape)
        buf_put_text(&b, shape);
    put_undo(v, &b);
    if (v->colours)
        buf_put_text(&b, colours);
    if (v->on_alt)
        buf_put_text(&b, v->rmcup);
    if (!v->facts.all_on_alt)
        paint_csi(&b, 'H', v->facts.rows, 0);
    buf_put_text(&b, "\r\n");
    if (v->facts.title_stack)
        buf_put_text(&b, "\033[23;0t");
    size_t n = buf_len(&b) < size ? buf_len(&b) : size;
    memcpy(out, t, n);
    return n;
}

void view_main_only(struct view *v)
{
    v->main_only = true;
}

const struct view_ledger *view_ledger(const struct view *v)
{
    return &v->ledger;
}
