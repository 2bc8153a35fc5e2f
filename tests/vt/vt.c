/* vt SCRIPT: what the engine must make of control sequences, as text.
 *
 *   # comment                      size 80x24 (first; that is the default)
 *   profile graphemes ambiguous vs16 vs15    the terminal's (width.h); those named are true
 *   push "text\e[1m\x9b\r\n"       C escapes and \e; \u{2500} is that code point in UTF-8
 *   resize 100x30                  replica / history_bytes 4096 (before the first push)
 *   row 3 = "text"                 what is drawn, blanks at the end cut; rows and columns from 0
 *   cell 3,7 = "e"                 one cell's text; "" is the right half of a wide character
 *   cursor 3,7                     pending = yes
 *   pen 3,0 = bold fg=1 bg=#102030 ul=5, or: default
 *   pen = italic                   the rendition that is written next
 *   reply = "\e[0n"                all answers since the last check
 *   mode bracketed_paste = on      numbers for mouse, mouse_coding, cursor_shape
 *   title = "x"  icon = "x"  clip = "c;x"  bells = 2  alt = yes  wrapped 3 = yes
 *   history 0 = "line"             history_end = 5, history_first = 2
 *   events = "bell title:x clip:c;x clear"    since the last check
 *   facts fg=#000000 bg=#ffffff cursor=#000000 palette1=#cd0000 cell=6x13 scheme=dark can=clip,rgb
 *                                  of the user's terminal; others stay as they were; none: unknown
 *   link 3,0 = "http://x"          what the cell leads to; "" nowhere
 *   link_number 3,0 = 7            its number; held = yes: no frame may be shown
 *
 * Each script runs three times: pushed whole, byte by byte, and byte by byte with a snapshot held
 * of every step that must not change afterwards. */
#include "base/utf8.h"
#include "term/history.h"
#include "term/link.h"
#include "term/term.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 32768
#define HELD_MAX       64

enum pass { PASS_WHOLE, PASS_BYTES, PASS_HELD, PASSES };

struct held {
    struct snapshot *s;
    uint64_t sum;
};

struct vt {
    const char *path;
    unsigned line, failed;
    enum pass pass;
    struct term_config config;
    struct term *t;
    struct term_facts facts;
    char events[LINE_MAX_BYTES];
    struct held held[HELD_MAX];
    unsigned held_n;
};

static void fail(struct vt *v, const char *what, const char *got, const char *want)
{
    static const char *const how[PASSES] = {"whole", "bytes", "held"};
    fprintf(stderr, "%s:%u (%s): %s is \"%s\", not \"%s\"\n", v->path, v->line, how[v->pass], what,
            got, want);
    v->failed++;
}

static void malformed(struct vt *v, const char *line)
{
    fprintf(stderr, "%s:%u: malformed: %s\n", v->path, v->line, line);
    exit(2);
}

/* ---- the engine's side ---- */

static void on_event(void *ctx, enum term_event_kind kind, const uint8_t *text, size_t len)
{
    static const char *const name[] = {
        [TERM_BELL] = "bell",      [TERM_TITLE] = "title:",        [TERM_ICON] = "icon:",
        [TERM_CLIP] = "clip:",     [TERM_CLEAR_HISTORY] = "clear", [TERM_CLIP_ASK] = "clip?:",
        [TERM_CWD] = "cwd:",       [TERM_NOTIFY] = "notify:",      [TERM_PROGRESS] = "progress:",
        [TERM_PROMPT] = "prompt:", [TERM_POINTER] = "pointer:",
    };
    struct vt *v = ctx;
    size_t n = strlen(v->events);
    snprintf(v->events + n, sizeof v->events - n, "%s%s%.*s", n ? " " : "", name[kind], (int)len,
             text ? (const char *)text : "");
}

static struct term *engine(struct vt *v)
{
    if (!v->t) {
        v->t = term_new(&v->config);
        term_set_events(v->t, (struct term_events){on_event, v});
    }
    return v->t;
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    for (const uint8_t *b = p; n--; b++)
        h = (h ^ *b) * 0x100000001b3u;
    return h;
}

/* Of everything that a snapshot shows. */
static uint64_t checksum(const struct snapshot *s)
{
    uint64_t h = 0xcbf29ce484222325u;
    h = mix(h, &s->cursor.row, sizeof s->cursor.row);
    h = mix(h, &s->cursor.col, sizeof s->cursor.col);
    for (uint16_t r = 0; r < s->rows; r++)
        for (uint16_t c = 0; c < s->cols; c++) {
            uint8_t u[CELL_UTF8_MAX];
            struct pen p = row_pen(snapshot_row(s, r), c);
            h = mix(h, u, row_text(snapshot_row(s, r), c, u));
            h = mix(h, &p.fg, sizeof p.fg);
            h = mix(h, &p.bg, sizeof p.bg);
            h = mix(h, &p.ul, sizeof p.ul);
            h = mix(h, &p.attr, sizeof p.attr);
        }
    return h;
}

static void hold(struct vt *v)
{
    if (v->held_n == HELD_MAX)
        return;
    struct snapshot *s = term_snapshot(v->t);
    v->held[v->held_n++] = (struct held){s, checksum(s)};
}

static void let_go(struct vt *v)
{
    for (unsigned i = 0; i < v->held_n; i++) {
        if (checksum(v->held[i].s) != v->held[i].sum)
            fail(v, "a held snapshot", "changed", "immutable");
        snapshot_unref(v->held[i].s);
    }
    v->held_n = 0;
}

static void push(struct vt *v, const uint8_t *s, size_t n)
{
    struct term *t = engine(v);
    if (v->pass == PASS_WHOLE) {
        term_write(t, s, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        term_write(t, s + i, 1);
        if (v->pass == PASS_HELD)
            hold(v);
    }
}

/* ---- the script's side ---- */

/* "..." at *s into out (NUL behind); *s moves behind. Returns the length. */
static size_t quoted(struct vt *v, const char **s, uint8_t *out)
{
    const char *p = strchr(*s, '"');
    size_t n = 0;
    if (!p)
        malformed(v, *s);
    for (p++; *p != '"'; p++) {
        if (!*p)
            malformed(v, *s);
        if (*p != '\\') {
            out[n++] = (uint8_t)*p;
            continue;
        }
        static const char from[] = "ernt0abfv\\\"", to[] = "\033\r\n\t\0\a\b\f\v\\\"";
        char *end;
        const char *f;
        if (*++p == 'x') {
            char hex[3] = {p[1], p[2], 0};
            out[n++] = (uint8_t)strtoul(hex, &end, 16);
            if (end != hex + 2)
                malformed(v, *s);
            p += 2;
        } else if (*p == 'u' && p[1] == '{') {
            n += utf8_put(out + n, (uint32_t)strtoul(p + 2, &end, 16));
            p = end;
        } else if (*p && (f = strchr(from, *p))) {
            out[n++] = (uint8_t)to[f - from];
        } else {
            malformed(v, *s);
        }
    }
    out[n] = 0;
    *s = p + 1;
    return n;
}

static void expect_text(struct vt *v, const char *what, const char *got, const char *rest)
{
    uint8_t want[LINE_MAX_BYTES];
    quoted(v, &rest, want);
    if (strcmp(got, (char *)want))
        fail(v, what, got, (char *)want);
}

static void expect_number(struct vt *v, const char *what, unsigned long got, const char *rest)
{
    static const char *const words[][2] = {{"no", "yes"}, {"off", "on"}};
    char text[32], want[32];
    if (sscanf(rest, " = %31s", want) != 1)
        malformed(v, rest);
    snprintf(text, sizeof text, "%lu", got);
    for (int i = 0; i < 2; i++)
        for (unsigned b = 0; b < 2; b++)
            if (!strcmp(want, words[i][b]))
                snprintf(want, sizeof want, "%u", b);
    if (strcmp(text, want))
        fail(v, what, text, want);
}

static void row_draw(const struct row *r, uint16_t cols, char out[LINE_MAX_BYTES])
{
    size_t n = 0, kept = 0;
    for (uint16_t c = 0; c < cols && n < LINE_MAX_BYTES - CELL_UTF8_MAX - 1; c++) {
        size_t len = row_text(r, c, (uint8_t *)out + n);
        if (len != 1 || out[n] != ' ')
            kept = n + len;
        n += len;
    }
    out[kept] = 0;
}

static void expect_pen(struct vt *v, const char *what, const struct pen *p, const char *rest)
{
    char got[256];
    words_of_pen(p, got, sizeof got);
    rest = strchr(rest, '=');
    if (!rest)
        malformed(v, what);
    rest += rest[1] == ' ' ? 2 : 1;
    if (strcmp(got, rest))
        fail(v, what, got, rest);
}

static void expect_mode(struct vt *v, const char *rest)
{
    const struct modes *m = term_modes(engine(v));
    char name[32];
    int n = 0;
    if (sscanf(rest, "%31[a-z_]%n", name, &n) != 1)
        malformed(v, rest);
    const struct {
        const char *name;
        unsigned value;
    } all[] = {
        {"cursor_visible", m->cursor_visible},
        {"cursor_shape", m->cursor_shape},
        {"reverse", m->reverse},
        {"app_cursor", m->app_cursor},
        {"app_keypad", m->app_keypad},
        {"bracketed_paste", m->bracketed_paste},
        {"focus", m->focus},
        {"alt_scroll", m->alt_scroll},
        {"cursor_blink", m->cursor_blink},
        {"urgent_bell", m->urgent_bell},
        {"graphemes", m->graphemes},
        {"scheme_reports", m->scheme_reports},
        {"resize_reports", m->resize_reports},
        {"sync", m->sync},
        {"other_keys", m->other_keys},
        {"other_format", m->other_format},
        {"kitty_keys", m->kitty_keys},
        {"mouse", m->mouse},
        {"mouse_coding", m->mouse_coding},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!strcmp(all[i].name, name)) {
            expect_number(v, name, all[i].value, rest + n);
            return;
        }
    malformed(v, rest);
}

/* "#rrggbb" at *p: what facts have for it; 0: no colour. */
static uint32_t fact_colour(const char *p)
{
    return *p == '#' ? COLOUR_RGB | (uint32_t)strtoul(p + 1, NULL, 16) : 0;
}

static void fact_can(struct vt *v, const char *list)
{
    static const char *const name[] = {"rgb",        "underlines", "shape",  "clip", "pixel_mouse",
                                       "other_keys", "kitty_keys", "scheme", "links"};
    static const uint32_t bit[] = {TERM_CAN_RGB,        TERM_CAN_UNDERLINES,  TERM_CAN_SHAPE,
                                   TERM_CAN_CLIP,       TERM_CAN_PIXEL_MOUSE, TERM_CAN_OTHER_KEYS,
                                   TERM_CAN_KITTY_KEYS, TERM_CAN_SCHEME,      TERM_CAN_LINKS};
    v->facts.can = 0;
    while (*list) {
        size_t n = strcspn(list, ","), i = 0;
        while (i < 9 && (strlen(name[i]) != n || memcmp(list, name[i], n)))
            i++;
        if (i == 9)
            malformed(v, list);
        v->facts.can |= bit[i];
        list += n + (list[n] == ',');
    }
}

static void set_facts(struct vt *v, const char *rest)
{
    struct term_facts *f = &v->facts;
    char word[256];
    int n, index;
    unsigned w, h;
    if (!*rest)
        *f = (struct term_facts){0};
    for (; sscanf(rest, " %255s%n", word, &n) == 1; rest += n) {
        if (!strncmp(word, "fg=", 3))
            f->fg = fact_colour(word + 3);
        else if (!strncmp(word, "bg=", 3))
            f->bg = fact_colour(word + 3);
        else if (!strncmp(word, "cursor=", 7))
            f->cursor = fact_colour(word + 7);
        else if (sscanf(word, "palette%d=", &index) == 1 && index >= 0 && index < 16)
            f->palette[index] = fact_colour(strchr(word, '=') + 1);
        else if (sscanf(word, "cell=%ux%u", &w, &h) == 2)
            f->cell_width = (uint16_t)w, f->cell_height = (uint16_t)h;
        else if (!strncmp(word, "scheme=", 7))
            f->scheme = word[7] == 'd' ? TERM_SCHEME_DARK : word[7] == 'l' ? TERM_SCHEME_LIGHT : 0;
        else if (!strncmp(word, "can=", 4))
            fact_can(v, word + 4);
        else
            malformed(v, word);
    }
    term_set_facts(engine(v), f);
}

/* Commands that look at a place: row, cell, pen, wrapped, history. */
static bool look_at(struct vt *v, const struct snapshot *s, const char *word, const char *rest)
{
    char text[LINE_MAX_BYTES];
    unsigned r = 0, c = 0;
    int n = 0, got = sscanf(rest, "%u%n,%u%n", &r, &n, &c, &n);
    if (!strcmp(word, "history")) {
        struct history *h = term_history(engine(v));
        const struct row *line = h ? history_line(h, r) : NULL;
        snprintf(text, sizeof text, "(not kept)");
        if (line)
            row_draw(line, line->used, text);
        expect_text(v, "history line", text, rest + n);
        return true;
    }
    if (!strcmp(word, "pen") && got < 1) {
        expect_pen(v, "pen", &s->pen, rest);
        return true;
    }
    if (got < 1 || r >= s->rows || c >= s->cols)
        return false;
    const struct row *row = snapshot_row(s, (uint16_t)r);
    if (!strcmp(word, "row")) {
        row_draw(row, s->cols, text);
        expect_text(v, "row", text, rest + n);
    } else if (!strcmp(word, "wrapped")) {
        expect_number(v, "wrapped", row->wrapped, rest + n);
    } else if (!strcmp(word, "mark")) {
        expect_number(v, "mark", row->mark, rest + n);
    } else if (!strcmp(word, "cell")) {
        text[row_text(row, (uint16_t)c, (uint8_t *)text)] = 0;
        expect_text(v, "cell", text, rest + n);
    } else if (!strcmp(word, "link")) {
        const char *uri = links_uri(s->links, row_pen(row, (uint16_t)c).link);
        expect_text(v, "link", uri ? uri : "", rest + n);
    } else if (!strcmp(word, "link_number")) {
        expect_number(v, "link_number", row_pen(row, (uint16_t)c).link, rest + n);
    } else if (!strcmp(word, "pen")) {
        struct pen p = row_pen(row, (uint16_t)c);
        expect_pen(v, "pen", &p, rest + n);
    } else {
        return false;
    }
    return true;
}

/* Commands about the whole. */
static bool look(struct vt *v, const struct snapshot *s, const char *word, const char *rest)
{
    struct buf *replies = term_replies(engine(v));
    struct history *h = term_history(engine(v));
    unsigned r, c;
    if (!strcmp(word, "cursor")) {
        if (sscanf(rest, "%u,%u", &r, &c) != 2)
            return false;
        char got[32], want[32];
        snprintf(got, sizeof got, "%u,%u", s->cursor.row, s->cursor.col);
        snprintf(want, sizeof want, "%u,%u", r, c);
        if (strcmp(got, want))
            fail(v, "cursor", got, want);
    } else if (!strcmp(word, "reply")) {
        buf_put_u8(replies, 0);
        expect_text(v, "reply", (const char *)buf_data(replies), rest);
        buf_clear(replies);
    } else if (!strcmp(word, "events")) {
        expect_text(v, "events", v->events, rest);
        v->events[0] = 0;
    } else if (!strcmp(word, "title")) {
        expect_text(v, "title", s->title ? s->title : "(none)", rest);
    } else if (!strcmp(word, "icon")) {
        expect_text(v, "icon", s->icon ? s->icon : "(none)", rest);
    } else if (!strcmp(word, "clip")) {
        expect_text(v, "clip", s->clip ? s->clip : "(none)", rest);
    } else if (!strcmp(word, "bells")) {
        expect_number(v, "bells", s->bells, rest);
    } else if (!strcmp(word, "held")) {
        expect_number(v, "held", term_held(v->t) != 0, rest);
    } else if (!strcmp(word, "alt")) {
        expect_number(v, "alt", s->alt, rest);
    } else if (!strcmp(word, "pending")) {
        expect_number(v, "pending", s->cursor.pending, rest);
    } else if (!strcmp(word, "history_end")) {
        expect_number(v, "history_end", s->history_end, rest);
    } else if (!strcmp(word, "history_first") && h) {
        expect_number(v, "history_first", history_first(h), rest);
    } else if (!strcmp(word, "mode")) {
        expect_mode(v, rest);
    } else {
        return look_at(v, s, word, rest);
    }
    return true;
}

/* Commands that do something. */
static bool act(struct vt *v, const char *word, const char *rest)
{
    unsigned c, r;
    if (!strcmp(word, "push")) {
        uint8_t bytes[LINE_MAX_BYTES];
        size_t n = quoted(v, &rest, bytes);
        push(v, bytes, n);
    } else if (!strcmp(word, "size") && !v->t && sscanf(rest, "%ux%u", &c, &r) == 2) {
        v->config.cols = (uint16_t)c;
        v->config.rows = (uint16_t)r;
    } else if (!strcmp(word, "profile")) {
        struct width_profile p = {.graphemes = strstr(rest, "graphemes"),
                                  .ambiguous = strstr(rest, "ambiguous"),
                                  .vs16 = strstr(rest, "vs16"),
                                  .vs15 = strstr(rest, "vs15")};
        term_set_width_profile(engine(v), &p);
    } else if (!strcmp(word, "replica") && !v->t) {
        v->config.replica = true;
    } else if (!strcmp(word, "history_bytes") && !v->t && sscanf(rest, "%u", &c) == 1) {
        v->config.history_bytes = c;
    } else if (!strcmp(word, "facts")) {
        set_facts(v, rest);
    } else if (!strcmp(word, "resize") && sscanf(rest, "%ux%u", &c, &r) == 2) {
        term_resize(engine(v), (uint16_t)c, (uint16_t)r);
    } else {
        return false;
    }
    return true;
}

static unsigned run(struct vt *v, FILE *f)
{
    static char line[LINE_MAX_BYTES];
    unsigned checks = 0;
    while (fgets(line, sizeof line, f)) {
        char word[32];
        int n = 0;
        v->line++;
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, " %31[a-z_] %n", word, &n) != 1) {
            if (line[0] && line[0] != '#')
                malformed(v, line);
            continue;
        }
        if (act(v, word, line + n))
            continue;
        engine(v);
        struct snapshot *s = term_snapshot(v->t);
        if (!look(v, s, word, line + n))
            malformed(v, line);
        snapshot_unref(s);
        checks++;
    }
    return checks;
}

int main(int argc, char **argv)
{
    unsigned failed = 0;
    for (int i = 1; i < argc; i++)
        for (enum pass pass = 0; pass < PASSES; pass++) {
            struct vt v = {.path = argv[i],
                           .pass = pass,
                           .config = {.cols = 80, .rows = 24, .history_bytes = 1 << 20}};
            FILE *f = fopen(argv[i], "r");
            if (!f) {
                perror(argv[i]);
                return 2;
            }
            if (!run(&v, f)) {
                fprintf(stderr, "%s: checks nothing\n", argv[i]);
                failed++;
            }
            let_go(&v);
            term_free(v.t);
            fclose(f);
            failed += v.failed;
        }
    return failed ? 1 : argc < 2 ? 2 : 0;
}
