#include "predict/predict.h"

#include "base/mem.h"
#include "predict/play.h"
#include "term/row_edit.h"
#include "term/width.h"

#include <stdlib.h>
#include <string.h>

/* Adaptive: shown above the one, no more at or below the other. A round trip that nobody feels is
 * no reason to guess. */
#define SLOW_ON_US  30000u
#define SLOW_OFF_US 20000u
/* Guesses are underlined: the same (mosh-protocol.md §10). */
#define MARK_ON_US  160000u
#define MARK_OFF_US 100000u
/* An answer that is so late makes the link a bad one for a while, or a very bad one; one that is
 * not, at most every so often, makes it better. */
#define LATE_US     250000u
#define VERY_US     5000000u
#define BETTER_US   150000u
#define GLITCH      10u
#define GLITCH_VERY 20u
/* The kernel's own echo is believed in when nothing else has been printed for so long. */
#define QUIET_US 150000u
/* Identities of rows that no engine gives. */
#define FIRST_ID (UINT64_C(1) << 62)
#define NO_FLOOR UINT16_MAX

struct typed {
    struct key key;
    uint64_t frame, end, us;
    bool shown;
};

struct predict {
    struct predict_config config;
    struct keys_in in;
    uint64_t in_us;
    struct typed *typed; /* that the base does not show, as far as is known */
    unsigned n, size;

    struct snapshot *base; /* the newest screen */
    uint64_t consumed;
    unsigned tty;
    bool exact;    /* the base shows none of `typed`; else that is an assumption */
    bool believed; /* there is a reason to show guesses */
    bool doubtful; /* ESC was typed, and nothing has told since that keys are still echoed */
    uint64_t doubt_mode;
    struct place origin; /* where guessing began, and what is known of it */
    int entry;
    bool credited; /* that it was right there has been noted */
    unsigned style;
    bool wrap_known;
    uint16_t floor_row, floor_col;
    bool pending; /* the base's cursor is behind the last column */
    uint64_t odd_us;
    struct trust trust;
    uint64_t next_id;

    uint64_t srtt_us;
    bool slow, mark;
    unsigned glitch;
    uint64_t better_us;

    struct play play; /* what is shown, when has_play */
    bool has_play, stale, shows, marked;
    struct overlay overlay;
    struct predict_counts counts;
};

static int width_of(void *ctx, uint32_t cp)
{
    return term_width(ctx, cp);
}

struct predict *predict_new(const struct predict_config *c)
{
    struct predict *p = mem_new(1, sizeof *p);
    p->config = *c;
    if (!p->config.width)
        p->config.width = width_of;
    p->next_id = FIRST_ID;
    p->entry = -1;
    p->consumed = UINT64_MAX;
    p->floor_row = NO_FLOOR;
    return p;
}

static void hide(struct predict *p)
{
    if (p->has_play)
        play_fini(&p->play);
    p->has_play = false;
    p->stale = true;
}

void predict_free(struct predict *p)
{
    if (!p)
        return;
    hide(p);
    snapshot_unref(p->base);
    if (p->typed)
        mem_wipe(p->typed, p->size * sizeof *p->typed);
    free(p->typed);
    free(p);
}

/* ---- what is believed ---- */

static bool canonical(const struct predict *p)
{
    return p->tty & PREDICT_TTY_CANONICAL;
}

/* A password is read: the kernel edits the line, and does not echo it. */
static bool secret(const struct predict *p)
{
    return canonical(p) && !(p->tty & PREDICT_TTY_ECHO);
}

/* The kernel echoes, and the program is not printing. */
static bool kernel_echoes(const struct predict *p, uint64_t now_us)
{
    return canonical(p) && p->tty & PREDICT_TTY_ECHO && now_us - p->odd_us >= QUIET_US;
}

static void believe(struct predict *p, uint64_t now_us)
{
    p->believed = p->exact && !p->doubtful && !secret(p) &&
                  (trust_believes(&p->trust, p->entry) || kernel_echoes(p, now_us));
}

/* Guessing begins at the base's cursor. */
static void begin(struct predict *p, uint64_t now_us)
{
    const struct snapshot *s = p->base;
    p->origin = trust_place(s, p->tty);
    p->credited = false;
    p->entry = trust_find(&p->trust, s, p->tty);
    p->floor_row = s->cursor.row;
    p->floor_col = s->cursor.col;
    p->style = p->config.overwrite || canonical(p) ? PLAY_OVERWRITE : 0;
    p->wrap_known = canonical(p);
    if (p->entry >= 0) {
        const struct trust_entry *e = &p->trust.entry[p->entry];
        p->style = e->style;
        p->wrap_known = e->wrap_known;
        if (e->place.kind == PLACE_PROMPT && e->place.len < p->floor_col)
            p->floor_col = e->place.len;
    }
    const struct row *r = snapshot_row(s, s->cursor.row);
    bool full = s->cursor.col == s->cols - 1 && row_cell(r, s->cursor.col).text;
    p->pending = s->cursor.pending || (full && !(p->style & PLAY_EAGER));
    believe(p, now_us);
}

static void right(struct predict *p)
{
    if (!p->credited || p->entry < 0)
        p->entry = trust_right(&p->trust, p->entry, &p->origin);
    p->credited = true;
    struct trust_entry *e = &p->trust.entry[p->entry];
    e->style = p->style;
    e->wrap_known = p->wrap_known;
    p->exact = true;
    p->doubtful = false;
    p->believed = !secret(p);
}

/* ---- keys ---- */

static bool guessable(const struct predict *p, const struct key *k)
{
    if (k->kind == KEY_LEFT || k->kind == KEY_RIGHT)
        return !canonical(p);
    return k->kind == KEY_PRINT || k->kind == KEY_ERASE;
}

static void push(struct predict *p, const struct typed *t)
{
    struct typed *last = p->n ? &p->typed[p->n - 1] : NULL;
    bool other = !guessable(p, &t->key);
    if (last && (p->n == PREDICT_KEYS || (other && !guessable(p, &last->key)))) {
        bool shown = last->shown;
        *last = *t;
        last->key.kind = KEY_OTHER;
        last->shown = shown;
        return;
    }
    if (p->n == p->size) {
        p->size = p->size ? 2 * p->size : 16;
        p->typed = mem_resize(p->typed, p->size, sizeof *p->typed);
    }
    p->typed[p->n++] = *t;
}

static void note_escape(struct predict *p)
{
    p->doubtful = true;
    p->doubt_mode = p->base ? trust_place(p->base, p->tty).mode : 0;
}

void predict_keys(struct predict *p, const uint8_t *bytes, size_t len, uint64_t frame, uint64_t end,
                  uint64_t now_us)
{
    struct typed t = {.frame = frame, .us = now_us};
    bool paste = len >= PREDICT_PASTE;
    if (now_us - p->in_us > KEYS_ESC_US)
        keys_later(&p->in);
    p->in_us = now_us;
    if (!p->n && p->base && p->exact && !p->believed)
        believe(p, now_us);
    for (size_t i = 0; i < len; i++) {
        keys_feed(&p->in, bytes[i], p->config.width, p->config.width_ctx, &t.key);
        bool lone = i + 1 == len && keys_lone(&p->in);
        if (lone)
            t.key.kind = KEY_ESCAPE;
        if (t.key.kind == KEY_NONE)
            continue;
        if (t.key.kind == KEY_ESCAPE)
            note_escape(p);
        if (paste)
            t.key.kind = KEY_OTHER;
        t.end = end ? end - (len - 1 - i) : 0;
        push(p, &t);
    }
    p->stale = true;
}

void predict_forget(struct predict *p, uint64_t frame, uint64_t end)
{
    p->n = 0;
    p->exact = p->believed = false;
    push(p, &(struct typed){.key = {.kind = KEY_OTHER}, .frame = frame, .end = end});
    hide(p);
}

/* ---- screens ---- */

static void start(const struct predict *p, struct play *play, unsigned style)
{
    play_init(play, p->base, style, (uint64_t *)&p->next_id);
    play->pending = p->pending;
    play->floor_row = p->floor_row;
    play->floor_col = p->floor_col;
}

static bool play_one(const struct predict *p, struct play *play, unsigned i)
{
    return guessable(p, &p->typed[i].key) && play_key(play, &p->typed[i].key);
}

/* What a screen shows. */
struct found {
    int keys; /* how many of the keys; -1: none of what was played */
    int row;  /* its cursor's, less that of what was played */
    bool visible, wrapped, pending;
    bool all; /* everything up to `least` could be played */
};

/* How many of at least `least` and at most `most` keys does s show? Where several numbers fit with
 * all that was written, it is the least of them: the keys after it lead to the same picture. */
static struct found find(const struct predict *p, const struct snapshot *s, unsigned least,
                         unsigned most, unsigned style)
{
    struct found f = {.keys = -1};
    struct play whole, play;
    unsigned i = 0;
    start(p, &whole, style);
    for (;; i++) {
        if (i >= least && play_shows(&whole, &whole, s))
            f.keys = (int)i;
        if (i == most || !play_one(p, &whole, i))
            break;
    }
    f.all = i >= least;
    play_fini(&whole);
    if (f.keys < 0)
        return f;
    start(p, &whole, style);
    start(p, &play, style);
    for (i = 0; i < (unsigned)f.keys; i++)
        if (!play_one(p, &whole, i))
            BUG("played before");
    for (i = 0; i < (unsigned)f.keys; i++) {
        if (i >= least && play_shows(&play, &whole, s))
            break;
        if (!play_one(p, &play, i))
            BUG("played before");
    }
    f.keys = (int)i;
    f.row = s->cursor.row - play.row;
    f.visible = play_visible(&play);
    f.wrapped = play.wrapped;
    f.pending = play.pending;
    play_fini(&whole);
    play_fini(&play);
    return f;
}

static void drop(struct predict *p, unsigned keys)
{
    if (!keys)
        return;
    p->n -= keys;
    memmove(p->typed, p->typed + keys, p->n * sizeof *p->typed);
}

static void take(struct predict *p, const struct snapshot *s)
{
    struct snapshot *old = p->base;
    p->base = snapshot_ref(s);
    snapshot_unref(old);
    p->stale = true;
}

/* It shows so many of the keys, and as was guessed. */
static void accept(struct predict *p, const struct snapshot *s, const struct found *f,
                   uint64_t now_us)
{
    for (int i = 0; i < f->keys; i++) {
        const struct typed *t = &p->typed[i];
        p->counts.right += t->shown;
        p->counts.hidden += !t->shown;
        if (now_us - t->us < LATE_US && p->glitch && now_us - p->better_us >= BETTER_US) {
            p->glitch--;
            p->better_us = now_us;
        }
    }
    int floor_row = p->floor_row == NO_FLOOR ? -1 : p->floor_row + f->row;
    p->floor_row = floor_row < 0 || floor_row >= s->rows ? NO_FLOOR : (uint16_t)floor_row;
    p->pending = f->pending;
    p->wrap_known |= f->wrapped;
    drop(p, (unsigned)f->keys);
    take(p, s);
    if (f->visible)
        right(p);
}

/* A whole line was typed, and its end, before any of it was seen: where it stands in the screen
 * now, keys were echoed all the same. */
static void learn_late(struct predict *p, const struct snapshot *s)
{
    struct play play;
    unsigned i = 0;
    if (!p->base || !p->exact || p->credited)
        return;
    start(p, &play, p->style);
    while (i < p->n && play_one(p, &play, i))
        i++;
    if (i && i < p->n && play_visible(&play) && play_stands(&play, s)) {
        p->entry = trust_right(&p->trust, p->entry, &p->origin);
        p->trust.entry[p->entry].style = p->style;
        p->credited = true;
    }
    play_fini(&play);
}

/* It shows something else: guessing begins anew, with what is known to be in it. */
static void restart(struct predict *p, const struct snapshot *s, unsigned told, unsigned most,
                    bool played, uint64_t now_us)
{
    bool shown = false;
    learn_late(p, s);
    for (unsigned i = 0; i < told; i++)
        shown |= p->typed[i].shown;
    if (told && played && p->exact) {
        trust_wrong(&p->trust, p->entry);
        p->counts.wrong += shown;
    }
    for (unsigned i = told; i < p->n; i++)
        p->typed[i].shown = false;
    drop(p, told);
    take(p, s);
    p->exact = most == told || !p->n;
    p->odd_us = now_us;
    begin(p, now_us);
}

static bool told_of(const struct typed *t, uint64_t echo_ack, uint64_t consumed)
{
    if (t->frame == PREDICT_FRAME_UNKNOWN)
        return consumed != UINT64_MAX && t->end <= consumed;
    return t->frame <= echo_ack;
}

void predict_screen(struct predict *p, const struct snapshot *s, uint64_t echo_ack,
                    uint64_t consumed, uint64_t now_us)
{
    unsigned told = 0, most = p->n;
    while (told < p->n && told_of(&p->typed[told], echo_ack, consumed))
        told++;
    if (consumed != UINT64_MAX)
        for (most = told; most < p->n && p->typed[most].end <= consumed;)
            most++;
    if (p->doubtful && trust_place(s, p->tty).mode != p->doubt_mode)
        p->doubtful = false;
    struct found f = {.keys = -1};
    if (p->base)
        f = find(p, s, told, most, p->style);
    bool played = f.all;
    static const unsigned other[] = {PLAY_OVERWRITE, PLAY_EAGER};
    for (unsigned i = 0; p->base && p->n && f.keys < 0 && i < 2; i++) {
        struct found g = find(p, s, told, most, p->style ^ other[i]);
        if (g.keys <= 0 || !g.visible)
            continue;
        p->style ^= other[i];
        f = g;
    }
    if (f.keys < 0) {
        restart(p, s, told, most, played, now_us);
        return;
    }
    accept(p, s, &f, now_us);
    /* A key that was read and is not seen to echo may be what changed the screen elsewhere: vi's i.
     */
    if (most == (unsigned)f.keys || !p->n)
        p->exact = true;
    else if (!p->believed)
        p->exact = false;
    if (!p->believed && p->exact)
        begin(p, now_us);
}

void predict_tty(struct predict *p, unsigned modes, uint64_t now_us)
{
    if (p->tty == modes)
        return;
    p->tty = modes;
    p->believed = false;
    p->stale = true;
    if (p->base)
        begin(p, now_us);
}

void predict_rtt(struct predict *p, uint64_t srtt_us)
{
    p->srtt_us = srtt_us;
}

/* ---- showing ---- */

static bool waits(const struct predict *p)
{
    return p->n && p->believed && guessable(p, &p->typed[0].key);
}

/* Is it time to show guesses, and to mark them as such? */
static void decide(struct predict *p, uint64_t now_us)
{
    uint64_t age = waits(p) && now_us > p->typed[0].us ? now_us - p->typed[0].us : 0;
    if (age >= VERY_US)
        p->glitch = GLITCH_VERY;
    else if (age >= LATE_US && p->glitch < GLITCH)
        p->glitch = GLITCH;
    if (p->srtt_us > SLOW_ON_US)
        p->slow = true;
    else if (p->srtt_us <= SLOW_OFF_US && !waits(p))
        p->slow = false;
    if (p->srtt_us > MARK_ON_US)
        p->mark = true;
    else if (p->srtt_us <= MARK_OFF_US)
        p->mark = false;
    bool shows = p->config.when != PREDICT_ADAPTIVE || p->slow || p->glitch;
    bool marked = p->mark || p->glitch > GLITCH;
    if (shows != p->shows || marked != p->marked)
        p->stale = true;
    p->shows = shows;
    p->marked = marked;
}

static void underline(struct play_row *r, const struct row *was)
{
    for (uint16_t i = r->lo; i < r->hi && i < r->row->used; i++) {
        struct cell *c = &r->row->cell[i];
        if (play_same_text(r->row, was, i))
            continue;
        c->bg &= ~((uint32_t)(ATTR_UNDERLINE >> 6) << 26);
        c->bg |= (uint32_t)(1u << ATTR_UNDERLINE_SHIFT >> 6) << 26;
    }
}

/* How many keys may be shown: up to the first whose effect nobody knows. */
static unsigned showable(const struct predict *p)
{
    bool always = p->config.when == PREDICT_EXPERIMENTAL;
    struct play play;
    unsigned i = 0;
    if (!p->base || !p->n || !p->shows || secret(p) || (!p->believed && !always))
        return 0;
    if (!p->base->modes.cursor_visible) /* the program marks its place itself, wherever */
        return 0;
    start(p, &play, p->style);
    while (i < p->n && play_one(p, &play, i) && (!play.wrapped || p->wrap_known || always))
        i++;
    play_fini(&play);
    return i;
}

static void build(struct predict *p)
{
    unsigned n = showable(p);
    p->stale = false;
    if (p->has_play)
        play_fini(&p->play);
    p->has_play = n != 0;
    if (!n)
        return;
    start(p, &p->play, p->style);
    for (unsigned i = 0; i < n; i++) {
        if (!play_one(p, &p->play, i))
            BUG("played before");
        p->counts.keys += !p->typed[i].shown;
        p->typed[i].shown = true;
    }
    p->overlay = (struct overlay){.n = p->play.n, .row = p->play.row, .col = p->play.col};
    for (unsigned i = 0; i < p->play.n; i++) {
        struct play_row *r = &p->play.rows[i];
        if (p->marked)
            underline(r, snapshot_row(p->base, r->at));
        p->overlay.rows[i] = (struct overlay_row){.at = r->at, .row = r->row};
    }
}

const struct overlay *predict_overlay(struct predict *p, const struct snapshot *s, uint64_t now_us)
{
    decide(p, now_us);
    if (p->stale)
        build(p);
    return p->has_play && s == p->base ? &p->overlay : NULL;
}

uint64_t predict_deadline(const struct predict *p, uint64_t now_us)
{
    if (!waits(p))
        return UINT64_MAX;
    uint64_t late = p->typed[0].us + LATE_US, very = p->typed[0].us + VERY_US;
    return now_us < late ? late : now_us < very ? very : UINT64_MAX;
}

struct predict_counts predict_counts(const struct predict *p)
{
    return p->counts;
}

size_t predict_memory(const struct predict *p)
{
    size_t n = sizeof *p + p->size * sizeof *p->typed;
    for (unsigned i = 0; p->has_play && i < p->play.n; i++)
        n += row_bytes(p->play.rows[i].row);
    return n;
}
