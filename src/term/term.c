#include "term/defer.h"
#include "term/engine.h"

#include "base/mem.h"
#include "term/report.h"

#include <stdlib.h>

static uint16_t screen_size(uint16_t n)
{
    return n < 1 ? 1 : n > SCREEN_MAX ? SCREEN_MAX : n;
}

struct term *term_new(const struct term_config *c)
{
    struct term *t = mem_new(1, sizeof *t);
    t->config = *c;
    t->config.cols = screen_size(c->cols);
    t->config.rows = screen_size(c->rows);
    t->widths.width = c->width;
    t->widths.ctx = c->width_ctx;
    parser_init(&t->parser);
    pool_init(&t->pool);
    grid_init(&t->main, &t->pool, t->config.cols, t->config.rows);
    t->alt = (struct grid){.cols = t->main.cols, .rows = t->main.rows, .pool = &t->pool};
    t->grid = &t->main;
    buf_init(&t->replies, TERM_REPLY_MAX);
    if (!c->replica)
        t->history = history_new(c->history_bytes);
    modes_default(&t->modes);
    writing_default(t);
    t->level = 64;
    t->scan = 2u * t->config.cols * t->config.rows;
    t->dirty = true;
    return t;
}

void term_free(struct term *t)
{
    if (!t)
        return;
    snapshot_unref(t->cached);
    snapshot_unref(t->held);
    grid_fini(&t->main);
    grid_fini(&t->alt);
    pool_fini(&t->pool);
    parser_fini(&t->parser);
    history_free(t->history);
    widths_clear(&t->widths);
    buf_fini(&t->replies);
    if (t->deferred)
        buf_fini(&t->deferred->text);
    free(t->deferred);
    titles_fini(t);
    colours_unref(t->colours);
    links_unref(t->links);
    free(t->title);
    free(t->icon);
    free(t->clip);
    free(t);
}

void term_set_events(struct term *t, struct term_events e)
{
    t->events = e;
}

void term_set_width_profile(struct term *t, const struct width_profile *w)
{
    if (t->config.replica)
        return;
    t->profile = *w;
    t->cluster.last = 0;
    if (!w->graphemes)
        t->modes.graphemes = false;
    if (t->widths.ambiguous != w->ambiguous) {
        widths_clear(&t->widths);
        t->widths.ambiguous = w->ambiguous;
    }
    t->dirty = true;
}

/* Two screens at rest. */
static void scan_earn(struct term *t, size_t bytes)
{
    uint64_t most = 2u * (uint64_t)t->main.cols * t->main.rows;
    uint64_t now = t->scan + (uint64_t)bytes * (t->main.cols + t->main.rows);
    t->scan = (uint32_t)(now < most ? now : most);
}

void term_write(struct term *t, const void *bytes, size_t len)
{
    const uint8_t *p = bytes, *end = p + len;
    scan_earn(t, len);
    for (;;) {
        switch (parser_next(&t->parser, &p, end)) {
        case PARSE_END:
            return;
        case PARSE_TEXT:
            print_ascii(t, t->parser.text, t->parser.text_len);
            break;
        case PARSE_RUNES:
            print_runes(t, t->parser.rune, t->parser.runes);
            break;
        case PARSE_CONTROL:
            t->cluster.last = 0;
            control_c0(t, t->parser.final);
            break;
        case PARSE_ESC:
            t->cluster.last = 0;
            control_esc(t);
            break;
        case PARSE_CSI:
            t->cluster.last = 0;
            control_csi(t);
            break;
        case PARSE_OSC:
            t->cluster.last = 0;
            t->last_rune = 0;
            osc_apply(t);
            break;
        case PARSE_DCS:
            dcs_apply(t);
            break;
        }
        t->dirty = true;
    }
}

void term_set_facts(struct term *t, const struct term_facts *f)
{
    struct term_facts old = t->facts;
    t->facts = *f;
    if (t->modes.scheme_reports && (old.scheme != f->scheme || old.bg != f->bg))
        report_scheme(t);
    if (t->modes.resize_reports &&
        (old.cell_width != f->cell_width || old.cell_height != f->cell_height))
        report_size(t);
}

bool term_may_scan(struct term *t, uint32_t cells)
{
    if (cells > t->scan)
        return false;
    t->scan -= cells;
    return true;
}

void term_hold(struct term *t, bool on)
{
    if (on && !t->modes.sync) {
        t->held = term_snapshot(t);
        t->holds++;
    } else if (!on) {
        snapshot_unref(t->held);
        t->held = NULL;
    }
    t->modes.sync = on;
}

uint64_t term_held(const struct term *t)
{
    return t->modes.sync ? t->holds : 0;
}

void term_release(struct term *t)
{
    term_hold(t, false);
}

struct snapshot *term_snapshot_shown(struct term *t)
{
    return t->held ? snapshot_ref(t->held) : term_snapshot(t);
}

struct buf *term_replies(struct term *t)
{
    return &t->replies;
}

static struct row **rows_share(const struct grid *g)
{
    if (!g->row)
        return NULL;
    struct row **to = mem_resize(NULL, g->rows, sizeof *to);
    for (uint16_t i = 0; i < g->rows; i++)
        to[i] = row_ref(g->row[i]);
    return to;
}

static char *text_copy(const char *s)
{
    return s ? mem_text(s, strlen(s)) : NULL;
}

struct snapshot *term_snapshot(struct term *t)
{
    if (t->cached && !t->dirty)
        return snapshot_ref(t->cached);
    snapshot_unref(t->cached);
    struct snapshot *s = mem_new(1, sizeof *s);
    *s = (struct snapshot){
        .refs = 1,
        .cols = t->main.cols,
        .rows = t->main.rows,
        .alt = t->grid == &t->alt,
        .main_row = rows_share(&t->main),
        .alt_row = rows_share(&t->alt),
        .cursor = t->cursor,
        .modes = t->modes,
        .pen = t->w.pen,
        .colours = colours_ref(t->colours),
        .links = links_ref(t->links),
        .title = text_copy(t->title),
        .icon = text_copy(t->icon),
        .clip = text_copy(t->clip),
        .bells = t->bells,
        .clips = t->clips,
        .history_end = t->history ? history_end(t->history) : t->loaded_history_end,
    };
    s->pen.link = 0;
    t->cached = s;
    t->dirty = false;
    return snapshot_ref(s);
}

static void grid_load(struct grid *g, struct row *const *row, uint16_t cols, uint16_t rows)
{
    struct pool *p = g->pool;
    grid_fini(g);
    *g = (struct grid){.cols = cols, .rows = rows, .pool = p};
    if (!row)
        return;
    g->row = mem_resize(NULL, rows, sizeof *g->row);
    for (uint16_t i = 0; i < rows; i++) {
        g->row[i] = row_ref(row[i]);
        /* New lines get numbers above all that came. */
        if (row[i]->id >= p->next_id)
            p->next_id = row[i]->id + 1;
    }
}

static void text_load(char **to, const char *from)
{
    free(*to);
    *to = text_copy(from);
}

void term_load(struct term *t, const struct snapshot *s)
{
    grid_load(&t->main, s->main_row, s->cols, s->rows);
    grid_load(&t->alt, s->alt_row, s->cols, s->rows);
    t->grid = &t->main;
    if (s->alt)
        screen_switch(t, true);
    parser_reset(&t->parser);
    t->cursor = s->cursor;
    if (s->cursor.col != s->cols - 1)
        t->cursor.pending = false; /* at a right margin, which a replica does not have */
    t->combine = COMBINE_CURSOR;
    t->modes = s->modes;
    t->w.pen = s->pen;
    writing_default(t);
    text_load(&t->title, s->title);
    text_load(&t->icon, s->icon);
    text_load(&t->clip, s->clip);
    struct colours *colours = colours_ref(s->colours);
    colours_unref(t->colours);
    t->colours = colours;
    struct links *links = links_ref(s->links);
    links_unref(t->links);
    t->links = links;
    t->bells = s->bells;
    t->clips = s->clips;
    t->loaded_history_end = s->history_end;
    struct snapshot *mine = snapshot_ref(s);
    snapshot_unref(t->cached);
    t->cached = mine;
    t->dirty = false;
}

void term_set_history_end(struct term *t, uint64_t end)
{
    if (t->loaded_history_end == end)
        return;
    t->loaded_history_end = end;
    t->dirty = true;
}

const struct modes *term_modes(const struct term *t)
{
    return &t->modes;
}

const struct links *term_links(const struct term *t)
{
    return t->links;
}

struct history *term_history(struct term *t)
{
    return t->history;
}
