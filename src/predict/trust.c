#include "predict/trust.h"

#define HASH_START 0xcbf29ce484222325u
#define NEED_MOST  64u

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x100000001b3u;
    return h ^ h >> 29;
}

static uint64_t mix_cells(uint64_t h, const struct row *r, uint16_t from, uint16_t to)
{
    uint8_t text[CELL_UTF8_MAX];
    for (uint16_t i = from; i < to; i++) {
        size_t n = row_text(r, i, text);
        if (n == 1 && text[0] >= '0' && text[0] <= '9')
            text[0] = '0'; /* times, counters */
        for (size_t k = 0; k < n; k++)
            h = mix(h, text[k]);
        h = mix(h, 0x100);
    }
    return h;
}

static uint32_t plain(const struct row *r, uint16_t col)
{
    uint32_t text = row_cell(r, col).text;
    return text ? text : ' ';
}

/* Columns of the mode line's first words: up to two blanks; 0: it is none. */
static uint16_t label(const struct snapshot *s)
{
    const struct row *r = snapshot_row(s, (uint16_t)(s->rows - 1));
    uint16_t n = 3;
    if (s->cols < 8 || s->cursor.row == s->rows - 1)
        return 0;
    if (plain(r, 0) != '-' || plain(r, 1) != '-' || plain(r, 2) != ' ')
        return 0;
    while (n + 1 < s->cols && (plain(r, n) != ' ' || plain(r, (uint16_t)(n + 1)) != ' '))
        n++;
    return n;
}

/* The first row of the cursor's line. */
static uint16_t line_start(const struct snapshot *s)
{
    uint16_t row = s->cursor.row;
    for (int i = 0; i < TRUST_WRAPS && row && snapshot_row(s, (uint16_t)(row - 1))->wrapped; i++)
        row--;
    return row;
}

/* How many columns of the line's first row stand before the cursor. */
static uint16_t line_len(const struct snapshot *s, uint16_t start)
{
    return start == s->cursor.row ? s->cursor.col : s->cols;
}

struct place trust_place(const struct snapshot *s, unsigned tty)
{
    struct place p = {.kind = PLACE_PROMPT};
    uint16_t start = line_start(s), len = line_len(s, start), marked = label(s);
    const struct row *r = snapshot_row(s, start);
    uint64_t h = mix(HASH_START, s->alt);
    h = mix(h, s->modes.cursor_shape);
    h = mix(h, s->modes.bracketed_paste);
    h = mix(h, tty);
    p.mode = mix_cells(h, snapshot_row(s, (uint16_t)(s->rows - 1)), 0, marked);
    if (marked) {
        p.kind = PLACE_LABEL;
        return p;
    }
    bool blank = true;
    for (uint16_t i = 0; i < len && blank; i++)
        blank = plain(r, i) == ' ';
    if (blank) {
        p.kind = PLACE_BLANK;
        return p;
    }
    p.len = len;
    p.text = mix_cells(HASH_START, r, 0, len);
    return p;
}

int trust_find(const struct trust *t, const struct snapshot *s, unsigned tty)
{
    struct place at = trust_place(s, tty);
    const struct row *r = snapshot_row(s, line_start(s));
    int best = -1;
    for (int i = 0; i < TRUST_PLACES; i++) {
        const struct trust_entry *e = &t->entry[i];
        if (!e->used || e->place.mode != at.mode || e->place.kind != at.kind)
            continue;
        if (at.kind == PLACE_LABEL)
            return i;
        if (at.kind == PLACE_BLANK) /* says little: only where it went on like that */
            return t->last == i + 1 ? i : -1;
        if (e->place.len <= at.len && (best < 0 || t->entry[best].place.len < e->place.len) &&
            mix_cells(HASH_START, r, 0, e->place.len) == e->place.text)
            best = i;
    }
    return best;
}

bool trust_believes(const struct trust *t, int entry)
{
    return entry >= 0 && t->entry[entry].good >= t->entry[entry].need;
}

static int place_new(struct trust *t, const struct place *at)
{
    int oldest = 0;
    for (int i = 0; i < TRUST_PLACES; i++) {
        const struct trust_entry *e = &t->entry[i];
        if (e->used && e->place.kind == at->kind && e->place.mode == at->mode &&
            e->place.text == at->text && e->place.len == at->len)
            return i;
        if (e->used < t->entry[oldest].used)
            oldest = i;
    }
    t->entry[oldest] = (struct trust_entry){.place = *at, .need = 1};
    return oldest;
}

int trust_right(struct trust *t, int entry, const struct place *at)
{
    if (entry < 0)
        entry = place_new(t, at);
    struct trust_entry *e = &t->entry[entry];
    e->used = ++t->clock;
    e->good += e->good < NEED_MOST;
    t->last = entry + 1;
    return entry;
}

void trust_wrong(struct trust *t, int entry)
{
    if (entry < 0)
        return;
    struct trust_entry *e = &t->entry[entry];
    e->good = 0;
    e->need = e->need * 4 < NEED_MOST ? e->need * 4 : NEED_MOST;
}
