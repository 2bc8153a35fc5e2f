/* The engine, fed with anything. Byte 0 columns, 1 rows, 2 flags (1 replica, 2 history); then
 * program output, in which 0xFE c r resizes, 0xFF takes a snapshot and 0xFD loads the newest one in
 * a replica (they are ill-formed UTF-8 anyway; other ill-formed bytes reach the parser). A second
 * engine gets the same byte by byte and must come out the same. */
#include "base/mem.h"
#include "term/engine.h"

#include <stdlib.h>

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            abort();                                                                               \
    } while (0)
#define HELD          16
#define HISTORY_BYTES 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_cell(const struct row *r, uint16_t col)
{
    uint32_t text = r->cell[col].text & ~(uint32_t)CELL_PROTECTED, cp = text & CELL_TEXT;
    CHECK((r->cell[col].fg & COLOUR_MASK) < 3u << 24 && (r->cell[col].bg & COLOUR_MASK) < 3u << 24);
    if (text & CELL_TAIL) {
        const struct cell *left = &r->cell[col - 1];
        CHECK(r->cell[col].text == CELL_TAIL && col && left->text & CELL_WIDE);
        CHECK(left->fg == r->cell[col].fg && left->bg == r->cell[col].bg);
        return;
    }
    if (text & CELL_WIDE)
        CHECK(col + 1 < r->used && r->cell[col + 1].text == CELL_TAIL);
    if (text & CELL_CLUSTER) {
        CHECK(cp < r->text_len && r->text[cp] && r->text[cp] <= CLUSTER_BYTES + 3);
        CHECK(cp + 1 + r->text[cp] <= r->text_len);
    } else {
        CHECK(!(text & CELL_FALLBACK));
        CHECK(cp == 0 || (cp >= 0x20 && cp < 0x7f) || (cp >= 0xa0 && cp <= 0x10ffff));
    }
}

static void check_row(const struct row *r, uint16_t cols)
{
    CHECK(r->refs >= 1 && r->used <= r->size && r->used <= cols && r->id >= 1);
    CHECK(r->text_len <= r->text_size && r->ext_n <= r->ext_size);
    /* Memory stays in proportion to the row, however often its cells are rewritten. */
    CHECK(r->text_size <= 2 * (r->size + 1u) * (CLUSTER_BYTES + 4u) + r->size + 32u);
    CHECK(r->ext_n <= r->size);
    for (uint16_t i = 1; i < r->ext_n; i++)
        CHECK(r->ext[i - 1].col < r->ext[i].col);
    for (uint16_t col = 0; col < r->used; col++)
        check_cell(r, col);
}

static void check_grid(const struct grid *g)
{
    for (uint16_t i = 0; g->row && i < g->rows; i++) {
        check_row(g->row[i], g->cols);
        for (uint16_t k = 0; k < i; k++)
            CHECK(g->row[i]->id == ROW_ID_ERASED || g->row[i]->id != g->row[k]->id);
    }
}

static void check(const struct term *t)
{
    const struct grid *g = t->grid;
    CHECK(t->main.cols == t->alt.cols && t->main.rows == t->alt.rows);
    CHECK(t->cursor.row < g->rows && t->cursor.col < g->cols);
    CHECK(!t->cursor.pending || t->cursor.col == line_last(t) || !margins(t)); /* any more */
    CHECK(t->w.left < g->cols && t->w.right < g->cols && t->w.left <= t->w.right);
    CHECK(t->w.top <= t->w.bottom && t->w.bottom < g->rows);
    CHECK(buf_len(&t->replies) <= TERM_REPLY_MAX);
    CHECK(buf_len(&t->parser.osc) <= (size_t)PARSER_CLIP_CHARS + UTF8_MAX);
    CHECK(!t->title || strlen(t->title) <= TITLE_MAX);
    CHECK(t->titles_n <= TITLE_STACK_MAX && t->kitty[0].top < KITTY_STACK_MAX &&
          t->kitty[1].top < KITTY_STACK_MAX);
    CHECK(t->modes.sync == (t->held != NULL));
    CHECK(links_memory(t->links) <= LINKS_BYTES + (1u << 20));
    CHECK(!t->clip || strlen(t->clip) <= CLIP_MAX);
    CHECK(!t->config.replica || (!t->history && !buf_len(&t->replies)));
    CHECK(!t->history || history_bytes(t->history) <= HISTORY_BYTES);
    check_grid(&t->main);
    check_grid(&t->alt);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    return (h ^ v) * 0x9e3779b97f4a7c15u;
}

static uint64_t checksum_row(const struct row *r, uint64_t h)
{
    uint8_t u[CELL_UTF8_MAX];
    h = mix(h, r->used + (r->wrapped ? 70000u : 0) + r->mark * 140000u);
    for (uint16_t c = 0; c < r->used; c++) {
        struct pen p = row_pen(r, c);
        size_t n = row_text(r, c, u);
        for (size_t i = 0; i < n; i++)
            h = mix(h, u[i]);
        h = mix(mix(mix(mix(mix(h, p.fg), p.bg), p.ul), p.attr), p.link);
    }
    return h;
}

static uint64_t checksum(const struct snapshot *s)
{
    uint64_t h = mix(s->cols, s->rows);
    for (uint16_t i = 0; i < s->rows; i++) {
        h = checksum_row(s->main_row[i], h);
        if (s->alt_row)
            h = checksum_row(s->alt_row[i], h);
    }
    return mix(mix(h, s->cursor.row), s->cursor.col);
}

struct held {
    struct snapshot *s;
    uint64_t sum;
};

static void hold(struct held *h, struct term *t)
{
    if (h->s) {
        CHECK(checksum(h->s) == h->sum);
        snapshot_unref(h->s);
    }
    h->s = term_snapshot(t);
    h->sum = checksum(h->s);
}

static void both_resize(struct term *a, struct term *b, uint8_t cols, uint8_t rows)
{
    term_resize(a, cols % 90, rows % 40);
    term_resize(b, cols % 90, rows % 40);
    check(a);
}

/* The next operation of the input; returns the bytes it took. */
static size_t operate(struct term *a, struct term *b, const uint8_t *p, size_t len,
                      struct held *held, size_t *n)
{
    if (p[0] == 0xfe && len >= 3) {
        both_resize(a, b, p[1], p[2]);
        return 3;
    }
    if (p[0] == 0xff) {
        hold(&held[(*n)++ % HELD], a);
        check(a);
        return 1;
    }
    if (p[0] == 0xfd && *n && a->config.replica) {
        const struct snapshot *s = held[(*n - 1) % HELD].s;
        term_load(a, s);
        term_load(b, s);
        return 1;
    }
    size_t end = 1;
    while (end < len && p[end] < 0xfd)
        end++;
    term_write(a, p, end);
    for (size_t i = 0; i < end; i++)
        term_write(b, p + i, 1);
    return end;
}

static void compare(struct term *a, struct term *b)
{
    struct snapshot *s = term_snapshot(a), *t = term_snapshot(b);
    CHECK(snapshot_equal(s, t, SNAPSHOT_NATIVE) && snapshot_equal(s, t, SNAPSHOT_STOCK));
    CHECK(s->cursor.pending == t->cursor.pending && s->bells == t->bells);
    CHECK(s->clips == t->clips && s->history_end == t->history_end);
    CHECK(!memcmp(&s->modes, &t->modes, sizeof s->modes));
    snapshot_unref(s);
    snapshot_unref(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 3)
        return 0;
    struct term_config c = {.cols = data[0] % 90,
                            .rows = data[1] % 40,
                            .replica = data[2] & 1,
                            .history_bytes = data[2] & 2 ? HISTORY_BYTES : 0};
    struct term *a = term_new(&c), *b = term_new(&c);
    struct held held[HELD] = {{NULL, 0}};
    size_t n = 0;
    for (size_t at = 3; at < len;)
        at += operate(a, b, data + at, len - at, held, &n);
    check(a);
    check(b);
    compare(a, b);
    for (int i = 0; i < HELD; i++)
        if (held[i].s) {
            CHECK(checksum(held[i].s) == held[i].sum);
            snapshot_unref(held[i].s);
        }
    term_free(a);
    term_free(b);
    return 0;
}
