#include "view/settle.h"

#include "view/view_impl.h"

#include <string.h>

/* tmux tells of a first change of size at once, of more within 250 ms only the last one. */
#define STORM_US 500000u
/* And of a size that it had in that time only it tells nobody: a fence finds out. */
#define AGAIN_US 300000u
/* So soon it is asked again, when it says a size that nobody told of. */
#define ASK_AGAIN_US 100000u
/* So long a frame soon after a resize waits for the answer to the one before. */
#define STEP_US 400000u
/* So often in a row may a terminal's cursor be where it should not. */
#define ASTRAY_MOST 4
/* An answer from row 1 and a column up to this one is a function key: see questions.c. */
#define KEY_COLS 16

bool settle_recent(const struct view *v)
{
    return v->resized_us && v->proof.now_us - v->resized_us < STORM_US;
}

void settle_note(struct view *v, uint16_t cols, uint16_t rows)
{
    struct settle *s = &v->settle;
    /* The alternate screen shows, or showed until it was asked what became of the main one. */
    bool away = v->on_alt || (v->asked.state == SETTLE_WAITS && (!s->pending || s->away));
    uint16_t row = away ? v->main_row_at : v->row;
    if (!v->started || v->facts.all_on_alt)
        return;
    if (!s->pending) {
        *s = (struct settle){.pending = true, .away = away};
        bool known = away ? v->main_at_known : v->row_known;
        for (uint16_t i = 0; known && i < row; i++) {
            const struct row *r = v->told[SCREEN_MAIN][i];
            s->most++;
            s->least += r && !(v->wraps && r->wrapped);
        }
        s->rows = s->low = v->facts.rows;
        s->row = row;
        s->cols = v->facts.cols;
        s->quiet = v->proof.now_us - v->proof.wrote_us >= PROOF_QUIET_US && !v->proof.flying;
        s->joins = (uint16_t)(v->joins < s->rows ? v->joins : s->rows);
        /* Row 0 itself may be joined to the line above it. */
        s->joined = v->feed.tail && !s->least;
        if (v->feed.tail && s->least)
            s->least--;
        s->parted = v->feed.tail && (v->covered || v->uncovered > v->proof.sure_frames);
    }
    if (rows != v->facts.rows) /* that is what was waited for */
        v->asked.wait_us = 0;
    bool storm = settle_recent(v);
    s->wider |= storm || cols > v->facts.cols;
    s->smaller |= storm || rows < v->facts.rows || cols < v->facts.cols;
    /* xterm forgets what came back while the alternate screen shows. */
    if (rows < s->low)
        s->low = rows;
    if (away && rows - s->low > s->back)
        s->back = (uint16_t)(rows - s->low);
    v->resized_us = v->proof.now_us;
}

void settle_told(struct view *v)
{
    struct asked *a = &v->asked;
    v->proof.old = true;
    a->astray = 0;
    a->old = true;
    a->again_us = v->proof.now_us + AGAIN_US;
    if (a->state == SETTLE_KNOWS)
        a->state = SETTLE_BARE;
}

/* The two answers are of no use any more. */
static void give_up(struct view *v)
{
    struct asked *a = &v->asked;
    for (unsigned i = 0; i < a->n; i++)
        if (a->kind[i] == ASKED_REST || a->kind[i] == ASKED_SIZE)
            a->kind[i] = ASKED_VOID;
    a->state = SETTLE_BARE;
}

void settle_reset(struct view *v)
{
    give_up(v);
    v->settle.pending = false;
}

void settle_asked(struct view *v, enum asked_kind kind)
{
    v->asked.kind[v->asked.n++] = (uint8_t)kind;
    v->asked.ever++;
}

unsigned view_fences(const struct view *v)
{
    return v->asked.ever;
}

/* ---- answers ---- */

/* A frame's report: is it what it should be? */
static void hear_row(struct view *v, bool last, uint16_t col, uint16_t row)
{
    struct proof *p = &v->proof;
    /* One to a fence from before a resize says nothing of what is by now. */
    bool fresh = p->flying && !p->stale && !p->old;
    bool right = col == p->cols && row == (last ? p->row : v->asked.row);
    if (last && right)
        v->asked.astray = 0;
    if (last)
        proof_answer(p, col, row);
    else if (!right && !p->stale)
        p->row = 0; /* so that the fence behind it proves nothing */
    if (!fresh || right || !last)
        return;
    if (++v->asked.astray > ASTRAY_MOST)
        v->facts.reports = false; /* it counts differently */
    settle_note(v, v->facts.cols, v->facts.rows);
    v->settle.wider |= col > v->facts.cols;
    v->settle.smaller = true;
}

/* The cursor is in that row, from 1: the way up is no longer. */
static void cap_way(struct settle *s, uint16_t row)
{
    uint16_t most = row ? (uint16_t)(row - 1) : 0;
    s->most = s->most < most ? s->most : most;
    s->least = s->least < most ? s->least : most;
}

/* False: the terminal has another size than is believed. */
static bool hear_size(struct view *v, uint16_t col, uint16_t row)
{
    struct asked *a = &v->asked;
    struct settle *s = &v->settle;
    bool same = !a->old && col == v->facts.cols && row == v->facts.rows;
    if (!s->pending && same && a->rest == v->main_row_at + 1u) { /* nothing became of it */
        v->row = v->main_row_at;
        v->row_known = true;
        a->state = SETTLE_BARE;
        return true;
    }
    if (!s->pending)
        settle_note(v, v->facts.cols, v->facts.rows);
    if (s->away && row > s->low + s->back)
        s->back = (uint16_t)(row - s->low);
    /* An xterm that shrank while the alternate screen showed dropped rows at the bottom, and the
     * cursor is higher than it was; growing again it takes the cursor with it. */
    if (s->away && !v->facts.keeps)
        cap_way(s, a->rest);
    a->state = a->old ? SETTLE_BARE : SETTLE_KNOWS; /* which is newer? */
    if (!a->old && !same)
        a->wait_us = v->proof.now_us + ASK_AGAIN_US;
    return a->old || same;
}

bool view_fence(struct view *v, uint16_t col, uint16_t row)
{
    struct asked *a = &v->asked;
    if (!a->n)
        return true;
    uint8_t kind = a->kind[0];
    memmove(a->kind, a->kind + 1, --a->n);
    if (kind <= ASKED_FENCE)
        hear_row(v, kind == ASKED_FENCE, col, row);
    else if (kind == ASKED_REST)
        a->rest = row;
    return kind != ASKED_SIZE || hear_size(v, col, row);
}

/* ---- time ---- */

void settle_tick(struct view *v)
{
    if (v->asked.again_us && v->proof.now_us >= v->asked.again_us && !v->settle.pending) {
        v->asked.again_us = 0;
        v->fence_due = true;
    }
    if (v->asked.state != SETTLE_WAITS || v->proof.now_us < v->asked.sent_us + ASKED_WAIT_US)
        return;
    if (!v->settle.pending)
        settle_note(v, v->facts.cols, v->facts.rows);
    give_up(v);
    v->settle.most = v->settle.least = 0; /* the cursor may be in the last row */
    v->asked.state = SETTLE_KNOWS;
}

/* The frame before was made soon after a resize, perhaps for a size that is over: the next one
 * waits for its answer. */
static bool steps(const struct view *v)
{
    const struct proof *p = &v->proof;
    return p->flying && v->resized_us && p->sent_us < v->resized_us + STORM_US &&
           p->now_us < p->sent_us + STEP_US;
}

uint64_t view_deadline(const struct view *v)
{
    const struct proof *p = &v->proof;
    uint64_t at = proof_waits(p) ? p->sent_us + PROOF_WAIT_US : UINT64_MAX;
    uint64_t until = v->asked.sent_us + ASKED_WAIT_US;
    at = v->asked.state == SETTLE_WAITS && until < at ? until : at;
    at = steps(v) && p->sent_us + STEP_US < at ? p->sent_us + STEP_US : at;
    at = v->proof.now_us < v->asked.wait_us && v->asked.wait_us < at ? v->asked.wait_us : at;
    return v->asked.again_us && v->asked.again_us < at ? v->asked.again_us : at;
}

/* ---- what is written ---- */

static bool can_ask(const struct view *v)
{
    return v->facts.reports && v->facts.rows > 1 && v->facts.cols > KEY_COLS &&
           v->asked.n + 2 <= ASKED_MOST;
}

/* After a resize: may lines be missing? */
static bool doubts(const struct view *v)
{
    const struct settle *s = &v->settle;
    return (s->smaller || (s->wider && s->joins)) && !s->quiet && !proof_whole(&v->proof);
}

bool view_held(const struct view *v)
{
    const struct settle *s = &v->settle;
    if (v->on_alt || v->asked.state == SETTLE_WAITS)
        return !v->on_alt;
    if (steps(v) || (s->pending && v->proof.now_us < v->asked.wait_us))
        return true;
    return s->pending && !can_ask(v) && doubts(v) && proof_waits(&v->proof);
}

/* In the last row, and where the cursor is before that. The way down is not by LF, which would
 * scroll a terminal that is smaller, and the cursor comes back: so it never counts as lower than it
 * is. */
void settle_fence(struct view *v, struct paint *p)
{
    uint16_t last = (uint16_t)(v->facts.rows - 1);
    bool lower = p->row_known && p->row != last;
    if (lower && v->facts.cols > KEY_COLS) {
        buf_put_text(p->out, "\033[9999C\033[6n");
        settle_asked(v, ASKED_ROW);
        v->asked.row = p->row + 1u;
    }
    if (!p->row_known)
        paint_move(p, last, 0);
    if (lower) {
        buf_put_text(p->out, "\0337");
        paint_csi(p->out, 'B', (unsigned)(last - p->row), 0);
    }
    proof_fence_put(&v->proof, v->facts.cols, last, p->out);
    settle_asked(v, ASKED_FENCE);
    if (lower)
        buf_put_text(p->out, "\0338");
    p->at_known = p->pending = false;
}

/* Where the cursor rests, and how large the terminal is, so that nothing is made for a size that it
 * has no more. The cursor comes back: in a terminal that shrinks while it is in the last row all
 * above goes into the scrollback, and else what is below it is dropped first. */
static void ask(struct view *v, struct paint *p)
{
    buf_put_text(p->out, "\033[9999C\033[6n\0337\033[9999;9999H\033[6n\0338");
    settle_asked(v, ASKED_REST);
    settle_asked(v, ASKED_SIZE);
    v->asked.state = SETTLE_WAITS;
    v->asked.old = false;
    v->asked.sent_us = v->proof.now_us;
    p->at_known = p->row_known = p->pending = false;
}

bool settle_back(struct view *v, const struct frame *f, struct paint *p)
{
    if (v->settle.pending)
        return settle_put(v, f, p);
    if (v->on_alt || !p->row_known || !can_ask(v) || f->farewell)
        return true;
    ask(v, p);
    return false;
}

/* A terminal that grew may have taken lines back from its scrollback, which must not be painted
 * over: they are scrolled out again. Where they end is told by the cursor, which moved with them;
 * so row 0 of what we had shown becomes row 0 again. Where it cannot be found for sure (a wider
 * terminal joins rows), some of our own rows go with them, rather than that lines are lost. A
 * terminal that shrank has scrolled rows out by itself. */
bool settle_put(struct view *v, const struct frame *f, struct paint *p)
{
    struct settle *s = &v->settle;
    if (!s->pending || v->on_alt)
        return true;
    if (v->asked.state == SETTLE_BARE && can_ask(v) && !f->farewell) {
        ask(v, p);
        return false;
    }
    if (v->asked.state == SETTLE_WAITS) { /* a farewell does not wait */
        s->most = s->least = 0;
        give_up(v);
    }
    if (v->asked.state == SETTLE_KNOWS) /* it may grow before it reads this */
        cap_way(s, v->asked.rest);
    unsigned up = s->wider ? s->least : s->most;
    unsigned down = v->facts.rows - 1u + (s->wider && s->joined);
    size_t back = v->facts.keeps ? 0 : s->back;
    bool parted = s->parted && (s->wider || s->smaller);
    if (back || parted || doubts(v))
        feed_again(v, back + (s->wider ? s->joins : 0u), parted);
    paint_pen(p, &(struct pen){0});
    buf_put_u8(p->out, '\r');
    if (up)
        paint_csi(p->out, 'A', up, 0);
    while (down--)
        buf_put_u8(p->out, '\n');
    p->row = (uint16_t)(v->facts.rows - 1);
    p->col = 0;
    p->at_known = p->row_known = true;
    p->pending = s->pending = v->feed.tail = false;
    v->feed.from = v->kept.from = 0; /* what may stand between would part the line */
    v->fence_due = true;
    v->doubt = s->joins; /* it may have become still wider */
    v->proof.sure = v->proof.fed;
    v->proof.sure_frames = v->proof.frames;
    v->asked.state = SETTLE_BARE;
    for (uint16_t i = 0; i < v->facts.rows; i++) { /* where it was the same size */
        row_unref(v->told[SCREEN_MAIN][i]);
        v->told[SCREEN_MAIN][i] = NULL;
    }
    return true;
}
