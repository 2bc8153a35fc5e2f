/* An engine stands for the user's terminal and judges what the view makes of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../term/random_program.h"
#include "term/history.h"
#include "term/palette.h"
#include "term/term.h"
#include "view/bar.h"
#include "view/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "[x] "

/* A program's screen, the view, and the user's terminal. */
struct desk {
    struct term *far, *tty;
    struct view *view;
    struct buf out;
    uint64_t lines; /* of the terminal's scrollback, as far as they are accounted for */
    uint64_t seed;
    bool marks;   /* wrap marks can be relied on */
    bool resized; /* the next frame may scroll rows out */
};

static struct view_facts full_facts(uint16_t cols, uint16_t rows)
{
    return (struct view_facts){
        .cols = cols,
        .rows = rows,
        .paint = {.rich = true,
                  .colon = true,
                  .rgb = true,
                  .colours = 256,
                  .bce = true,
                  .ech = true,
                  .links = PAINT_LINKS_PLAIN},
        .il_dl = true,
        .smcup = "\033[?1049h",
        .rmcup = "\033[?1049l",
        .title = true,
        .title_prefix = PREFIX,
        .clip = true,
        .shape = true,
        .osc = true,
        .pixel_mouse = true,
    };
}

static void desk_init(struct desk *d, const struct view_facts *f, uint16_t cols, uint16_t rows)
{
    *d = (struct desk){.view = view_new(f), .marks = !f->paint.readdress};
    d->far = term_new(&(struct term_config){.cols = cols, .rows = rows, .history_bytes = 0});
    d->tty =
        term_new(&(struct term_config){.cols = f->cols, .rows = f->rows, .history_bytes = 1 << 20});
    buf_init(&d->out, 1 << 24);
}

static void desk_fini(struct desk *d)
{
    view_free(d->view);
    term_free(d->far);
    term_free(d->tty);
    buf_fini(&d->out);
}

static void dump(const char *what, const struct snapshot *s)
{
    fprintf(stderr, "%s: %ux%u alt %d cursor %u,%u visible %d\n", what, s->cols, s->rows, s->alt,
            s->cursor.row, s->cursor.col, s->modes.cursor_visible);
    for (uint16_t r = 0; r < s->rows; r++) {
        const struct row *row = snapshot_row(s, r);
        fputc(row->wrapped ? '>' : '|', stderr);
        for (uint16_t c = 0; c < s->cols; c++) {
            uint8_t t[CELL_UTF8_MAX];
            struct pen p = row_pen(row, c);
            fprintf(stderr, "%.*s", (int)row_text(row, c, t), (char *)t);
            if (p.attr | p.fg | p.bg)
                fprintf(stderr, "{%x,%x,%x}", p.attr, p.fg, p.bg);
        }
        fputs("|\n", stderr);
    }
}

static void dump_bytes(const struct buf *b)
{
    const uint8_t *p = buf_data(b);
    for (size_t i = 0; i < buf_len(b); i++)
        fprintf(stderr, p[i] >= ' ' && p[i] < 0x7f ? "%c" : "\\x%02x", p[i]);
    fputc('\n', stderr);
}

/* What terminals would keep as scrollback, or what a view has no business to send. */
static void assert_clean(const struct desk *d)
{
    const uint8_t *p = buf_data(&d->out);
    size_t n = buf_len(&d->out);
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0x1b || i + 1 == n)
            continue;
        assert_null(strchr("cDEM", p[i + 1]));
        if (p[i + 1] != '[')
            continue;
        for (i += 2; i < n && (p[i] < 0x40 || p[i] > 0x7e);)
            i++;
        assert_true(i < n);
        assert_null(strchr("JST", p[i]));
    }
}

static uint64_t tty_lines(const struct desk *d)
{
    return history_end(term_history(d->tty));
}

/* Let the terminal have what the view said. */
static void flush(struct desk *d)
{
    assert_clean(d);
    term_write(d->tty, buf_data(&d->out), buf_len(&d->out));
    assert_int_equal(buf_len(term_replies(d->tty)), 0);
    buf_clear(&d->out);
}

static void say(struct term *t, const char *text)
{
    term_write(t, text, strlen(text));
}

static void start(struct desk *d)
{
    assert_int_equal(view_start(d->view, &d->out), 0);
    flush(d);
    d->lines = tty_lines(d);
}

/* ---- the judgement ---- */

static bool uri_equal(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

/* The same but for the numbers of links, which each engine gives itself. */
static bool cell_shown(const struct snapshot *tty, const struct row *got, const struct snapshot *s,
                       const struct row *want, uint16_t c)
{
    if (row_cell_equal(got, want, c))
        return true;
    struct pen p = row_pen(got, c), q = row_pen(want, c);
    uint8_t a[CELL_UTF8_MAX], b[CELL_UTF8_MAX];
    size_t n = row_text(got, c, a);
    return n == row_text(want, c, b) && !memcmp(a, b, n) && p.fg == q.fg && p.bg == q.bg &&
           p.ul == q.ul && p.attr == q.attr &&
           uri_equal(links_uri(tty->links, p.link), links_uri(s->links, q.link));
}

static bool row_shown(const struct snapshot *tty, const struct snapshot *s, uint16_t r, bool marks)
{
    const struct row *got = snapshot_row(tty, r);
    const struct row *want = r < s->rows ? snapshot_row(s, r) : &row_blank_row;
    uint16_t both = tty->cols < s->cols ? tty->cols : s->cols;
    bool goes_on = r && r <= s->rows && snapshot_row(s, (uint16_t)(r - 1))->wrapped;
    if (want->mark && !got->mark && !goes_on) /* one too many may stay */
        return false;
    for (uint16_t c = 0; c < tty->cols; c++) {
        if (c + 1 == both && row_cell(want, c).text & CELL_WIDE)
            continue; /* cut in half */
        if (!cell_shown(tty, got, s, want, c))
            return false;
    }
    bool same_size = tty->cols == s->cols && tty->rows == s->rows;
    return !marks || !same_size || r + 1 == s->rows || got->wrapped == want->wrapped;
}

/* Rows that the bar covers. */
static uint16_t bar_rows(const struct snapshot *tty, const char *bar)
{
    uint16_t n = bar ? 1 : 0;
    for (; bar && (bar = strchr(bar, '\n')) && n < tty->rows; bar++)
        n++;
    return n;
}

static bool bar_line_shown(const struct snapshot *tty, uint16_t at, const char *line)
{
    const struct row *r = snapshot_row(tty, at);
    size_t len = strcspn(line, "\n");
    for (uint16_t c = 0; c < tty->cols; c++) {
        struct pen p = row_pen(r, c);
        uint32_t want = c < len ? (uint8_t)line[c] : ' ';
        uint32_t got = row_cell(r, c).text;
        if ((got ? got : ' ') != want || p.fg != (COLOUR_PALETTE | 7) ||
            p.bg != (COLOUR_PALETTE | 4) || p.attr != ATTR_BOLD)
            return false;
    }
    return !r->wrapped;
}

static bool bar_shown(const struct snapshot *tty, const char *bar)
{
    for (uint16_t i = 0, n = bar_rows(tty, bar); i < n; i++, bar = strchr(bar, '\n') + 1) {
        if (!bar_line_shown(tty, i, bar))
            return false;
        if (i + 1 == n)
            break;
    }
    return true;
}

static const char *check_modes(const struct snapshot *tty, const struct snapshot *s)
{
    const struct modes *a = &tty->modes, *b = &s->modes;
    if (a->bracketed_paste != b->bracketed_paste || a->focus != b->focus || a->mouse != b->mouse ||
        a->mouse_coding != b->mouse_coding || a->reverse != b->reverse ||
        a->app_keypad != b->app_keypad || a->alt_scroll != b->alt_scroll)
        return "modes";
    if (a->cursor_shape != b->cursor_shape)
        return "shape";
    return a->app_cursor ? NULL : "app cursor keys";
}

/* What is wrong with the terminal, which should show s and the bar; or NULL. */
static const char *wrong(const struct snapshot *tty, const struct snapshot *s, const char *bar,
                         bool marks)
{
    if (tty->alt != s->alt)
        return "wrong screen";
    for (uint16_t r = bar_rows(tty, bar); r < tty->rows; r++)
        if (!row_shown(tty, s, r, marks))
            return "a row";
    if (bar && !bar_shown(tty, bar))
        return "the bar";
    bool inside = s->cursor.row < tty->rows && s->cursor.col < tty->cols;
    if (inside && (tty->cursor.row != s->cursor.row || tty->cursor.col != s->cursor.col))
        return "the cursor";
    bool visible = s->modes.cursor_visible && inside && s->cursor.row >= bar_rows(tty, bar);
    if (visible != tty->modes.cursor_visible)
        return "the cursor's visibility";
    if (s->title) {
        const char *prefix = tty->title ? tty->title : "";
        if (strncmp(prefix, PREFIX, strlen(PREFIX)) || strcmp(prefix + strlen(PREFIX), s->title))
            return "the title";
    }
    if (!colours_equal(tty->colours, s->colours))
        return "colours";
    return check_modes(tty, s);
}

static void frame(struct desk *d, const char *bar)
{
    struct snapshot *s = term_snapshot(d->far);
    assert_int_equal(view_frame(d->view, s, bar, &d->out), 0);
    struct buf said;
    buf_init(&said, 1 << 24);
    buf_put(&said, buf_data(&d->out), buf_len(&d->out));
    flush(d);
    struct snapshot *tty = term_snapshot(d->tty);
    const char *what = wrong(tty, s, bar, d->marks);
    uint64_t lines = tty_lines(d);
    if (!what && lines != d->lines && !(d->resized && lines <= d->lines + tty->rows))
        what = "the scrollback";
    d->lines = lines;
    d->resized = d->resized && tty->alt; /* the main screen is still to come */
    if (what) {
        dump("want", s);
        dump("terminal", tty);
        dump_bytes(&said);
        fail_msg("%s is wrong; seed %llu", what, (unsigned long long)d->seed);
    }
    /* The same again is nothing. */
    assert_int_equal(view_frame(d->view, s, bar, &d->out), 0);
    assert_int_equal(buf_len(&d->out), 0);
    snapshot_unref(tty);
    snapshot_unref(s);
    buf_fini(&said);
}

/* The terminal is as a shell expects it: nothing set, a free line below all lines. */
static void assert_given_back(struct desk *d)
{
    struct snapshot *s = term_snapshot(d->tty);
    const struct modes *m = &s->modes;
    assert_false(s->alt);
    assert_true(m->cursor_visible);
    assert_false(m->reverse || m->app_cursor || m->app_keypad || m->bracketed_paste || m->focus ||
                 m->alt_scroll);
    assert_int_equal(m->mouse | m->mouse_coding | m->cursor_shape, 0);
    assert_int_equal(s->pen.attr | s->pen.fg | s->pen.bg | s->pen.ul, 0);
    assert_int_equal(s->cursor.col, 0);
    for (uint16_t r = s->cursor.row; r < s->rows; r++)
        for (uint16_t c = 0; c < s->cols; c++)
            if (!row_cell_equal(s->main_row[r], &row_blank_row, c)) {
                dump("given back", s);
                fail_msg("no free line; seed %llu", (unsigned long long)d->seed);
            }
    snapshot_unref(s);
}

/* Suspend or end: at most one line goes into the scrollback. */
static void leave(struct desk *d, bool end)
{
    assert_int_equal(end ? view_end(d->view, &d->out) : view_suspend(d->view, &d->out), 0);
    flush(d);
    /* After a resize rows may have been scrolled out. */
    assert_true(tty_lines(d) <= d->lines + 1 + (d->resized ? SCREEN_MAX : 0));
    d->resized = false;
    assert_given_back(d);
}

/* ---- property ---- */

/* Somebody else writes to the terminal: nothing that a repaint could not undo. */
static void graffiti(struct desk *d, struct rng *r)
{
    static const char *const mess[] = {"\033[4h",     "\033[?7l", "\033(0",     "\033[2;3r",
                                       "\033[31;44m", "\033[?6h", "\033[?25h",  "\033[?1002h",
                                       "\033[?2004h", "\033[?5h", "kill -STOP", "\r\n$ fg\r\n",
                                       "\033[2K",     "\016"};
    for (unsigned n = program_pick(r, 5); n; n--)
        say(d->tty, mess[program_pick(r, sizeof mess / sizeof mess[0])]);
    d->lines = tty_lines(d);
}

static void random_event(struct desk *d, struct rng *r, uint16_t *cols, uint16_t *rows)
{
    switch (program_pick(r, 16)) {
    case 0: /* the terminal is resized, the far side follows later */
        *cols = (uint16_t)(1 + rng_below(r, 30));
        *rows = (uint16_t)(1 + rng_below(r, 10));
        term_resize(d->tty, *cols, *rows);
        view_resize(d->view, *cols, *rows);
        d->lines = tty_lines(d);
        d->resized = true;
        break;
    case 1:
    case 2:
        term_resize(d->far, *cols, *rows);
        break;
    case 3:
        graffiti(d, r);
        view_repaint(d->view);
        break;
    case 4:
        leave(d, false);
        say(d->tty, "[suspended]\r\n$ echo\r\n\r\n$ fg\r\n");
        assert_int_equal(view_resume(d->view, &d->out), 0);
        flush(d);
        d->lines = tty_lines(d);
        break;
    default:
        break;
    }
}

static void random_case(uint64_t seed)
{
    struct rng r = {seed};
    uint16_t cols = (uint16_t)(1 + rng_below(&r, seed % 3 ? 24 : 90));
    uint16_t rows = (uint16_t)(1 + rng_below(&r, seed % 5 ? 8 : 30));
    struct view_facts f = full_facts(cols, rows);
    struct desk d;
    struct buf b;
    f.il_dl = rng_below(&r, 4) != 0;
    f.paint.ech = rng_below(&r, 2);
    f.paint.bce = rng_below(&r, 2);
    f.paint.readdress = rng_below(&r, 2);
    f.sync = rng_below(&r, 2);
    desk_init(&d, &f, cols, rows);
    d.seed = seed;
    buf_init(&b, 1 << 20);
    say(d.tty, "$ date\r\n$ tern host\r\n");
    start(&d);
    unsigned most = 1u << program_pick(&r, 7);
    for (unsigned i = 0; i < 20; i++) {
        random_event(&d, &r, &cols, &rows);
        buf_clear(&b);
        program_write(&r, &b, most, cols, rows);
        term_write(d.far, buf_data(&b), buf_len(&b));
        buf_clear(term_replies(d.far));
        frame(&d, rng_below(&r, 3)   ? NULL
                  : seed & i & 1     ? "tern: Last contact 7 seconds ago."
                  : rng_below(&r, 2) ? "x"
                                     : "tern: session work\n\n#1 exec\n#2 exec, open");
    }
    leave(&d, true);
    buf_fini(&b);
    desk_fini(&d);
}

static void random_frames(void **state)
{
    (void)state;
    const char *n = getenv("TERN_CASES"), *one = getenv("TERN_SEED");
    uint64_t first = one ? strtoull(one, NULL, 10) : 1;
    uint64_t count = one ? 1 : n ? strtoull(n, NULL, 10) : 1500;
    for (uint64_t seed = first; seed < first + count; seed++)
        random_case(seed);
}

/* ---- single cases ---- */

static void expect_frame(struct desk *d, const char *bar, const char *want)
{
    struct snapshot *s = term_snapshot(d->far);
    assert_int_equal(view_frame(d->view, s, bar, &d->out), 0);
    buf_put_u8(&d->out, 0);
    assert_string_equal((const char *)buf_data(&d->out), want);
    buf_trim(&d->out, buf_len(&d->out) - 1);
    flush(d);
    snapshot_unref(s);
}

static void scrolls_the_old_screen_off(void **state)
{
    (void)state;
    struct view_facts f = full_facts(20, 5);
    struct desk d;
    desk_init(&d, &f, 20, 5);
    say(d.tty, "$ one\r\n$ two\r\n$ tern\r\n");
    start(&d);
    assert_int_equal(tty_lines(&d), 3);
    uint8_t t[CELL_UTF8_MAX];
    assert_int_equal(row_text(history_line(term_history(d.tty), 1), 2, t), 1);
    assert_int_equal(t[0], 't');
    say(d.far, "hello");
    frame(&d, NULL);
    leave(&d, true);
    struct snapshot *s = term_snapshot(d.tty);
    assert_int_equal(s->cursor.row, 1);
    snapshot_unref(s);
    assert_int_equal(tty_lines(&d), 3);
    desk_fini(&d);
}

static void says_little(void **state)
{
    (void)state;
    struct view_facts f = full_facts(20, 4);
    struct desk d;
    desk_init(&d, &f, 20, 4);
    start(&d);
    say(d.far, "$ ");
    frame(&d, NULL);
    say(d.far, "l");
    expect_frame(&d, NULL, "l");
    say(d.far, "s ");
    expect_frame(&d, NULL, "s ");
    say(d.far, "\b");
    expect_frame(&d, NULL, "\b");
    desk_fini(&d);
}

/* In front of the row, once. */
static void marks_prompts(void **state)
{
    (void)state;
    struct view_facts f = full_facts(20, 4);
    struct desk d;
    desk_init(&d, &f, 20, 4);
    start(&d);
    frame(&d, NULL);
    say(d.far, "x\r\n\033]133;A\a$ ");
    expect_frame(&d, NULL, "\033[?25lx\r\n\033]133;A\033\\$ \033[?25h");
    expect_frame(&d, NULL, "");
    say(d.far, "l");
    expect_frame(&d, NULL, "l");
    say(d.far, "\r\033[K");
    expect_frame(&d, NULL, "\r\033[K");
    say(d.far, "\033]133;A;cl=m\033\\% ");
    expect_frame(&d, NULL, "\033]133;A\033\\% ");
    /* Where the row is then has the mark. */
    say(d.far, "\033[H\033[L");
    struct snapshot *tty;
    frame(&d, NULL);
    tty = term_snapshot(d.tty);
    assert_int_equal(tty->main_row[2]->mark, ROW_PROMPT);
    snapshot_unref(tty);
    desk_fini(&d);
    /* A terminal that may print it. */
    f.osc = false;
    desk_init(&d, &f, 20, 4);
    start(&d);
    frame(&d, NULL);
    say(d.far, "\033]133;A\a$ ");
    expect_frame(&d, NULL, "$ ");
    desk_fini(&d);
}

static void scrolls_by_deleting_lines(void **state)
{
    (void)state;
    struct view_facts f = full_facts(20, 4);
    struct desk d;
    desk_init(&d, &f, 20, 4);
    start(&d);
    say(d.far, "one one one\r\ntwo two two\r\nthree three\r\nfour four");
    frame(&d, NULL);
    say(d.far, "\r\nfive");
    /* Not from row 0, which xterm would keep. */
    expect_frame(&d, NULL, "\033[?25l\r\033[2A\033[M\033[Atwo two two\r\n\n\nfive\033[?25h");
    frame(&d, NULL);
    /* In the middle: with a region. */
    say(d.far, "\033[2;3r\033[3;1H\nnew\033[r\033[H");
    frame(&d, "tern: away");
    frame(&d, NULL);
    desk_fini(&d);
}

static void joins_soft_wraps(void **state)
{
    (void)state;
    struct view_facts f = full_facts(10, 4);
    struct desk d;
    desk_init(&d, &f, 10, 4);
    start(&d);
    say(d.far, "012345678");
    frame(&d, NULL);
    say(d.far, "9");
    frame(&d, NULL);
    say(d.far, "abc");
    frame(&d, NULL); /* checks the marks */
    frame(&d, "bar");
    frame(&d, NULL);
    view_repaint(d.view);
    frame(&d, NULL);
    desk_fini(&d);
}

/* It covers as much as there is, follows the size, and goes without a trace. */
static void a_bar_of_several_lines(void **state)
{
    (void)state;
    struct view_facts f = full_facts(20, 4);
    struct desk d;
    desk_init(&d, &f, 20, 4);
    start(&d);
    say(d.far, "one\r\ntwo\r\nthree\r\nfour");
    frame(&d, "a\nb");
    frame(&d, "a\nb\nc");
    frame(&d, "a\n\nlonger than the terminal is wide\nd\ne\nf");
    view_resize(d.view, 20, 6);
    term_resize(d.tty, 20, 6);
    d.resized = true;
    frame(&d, "a\n\nlonger than the terminal is wide\nd\ne\nf");
    view_resize(d.view, 20, 3);
    term_resize(d.tty, 20, 3);
    d.resized = true;
    frame(&d, "a\n\nlonger than the terminal is wide\nd\ne\nf");
    frame(&d, NULL);
    leave(&d, true);
    desk_fini(&d);
}

/* Wide, combining and control characters would move what stands behind them. */
static void a_bar_has_one_column_for_each_character(void **state)
{
    (void)state;
    struct view_facts f = full_facts(12, 3);
    struct desk d;
    desk_init(&d, &f, 12, 3);
    start(&d);
    struct snapshot *s = term_snapshot(d.far);
    assert_int_equal(view_frame(d.view, s, "a\u4e2db\ne\u0301\033x\n\u00e9", &d.out), 0);
    flush(&d);
    snapshot_unref(s);
    s = term_snapshot(d.tty);
    static const uint32_t want[3][4] = {{'a', '?', 'b', ' '}, {'e', '?', '?', 'x'}, {0xe9, ' '}};
    for (uint16_t r = 0; r < 3; r++)
        for (uint16_t c = 0; c < 4 && want[r][c]; c++)
            assert_int_equal(row_cell(snapshot_row(s, r), c).text, want[r][c]);
    snapshot_unref(s);
    leave(&d, true);
    desk_fini(&d);
}

static void draws_the_alternate_screen_there(void **state)
{
    (void)state;
    struct view_facts f = full_facts(20, 4);
    struct desk d;
    desk_init(&d, &f, 20, 4);
    start(&d);
    say(d.far, "shell$ vi\r\n");
    frame(&d, NULL);
    say(d.far, "\033[?1049h\033[H~\r\n~\r\n");
    frame(&d, NULL);
    say(d.far, "\033[?1049lshell$ ");
    frame(&d, NULL);
    say(d.far, "\033[?1049hgone");
    frame(&d, NULL);
    leave(&d, true); /* the main screen shows again */
    struct snapshot *s = term_snapshot(d.tty);
    assert_int_equal(s->main_row[0]->cell[0].text, 's');
    assert_int_equal(s->cursor.row, 2);
    snapshot_unref(s);
    desk_fini(&d);
}

/* Stock style: all on the alternate screen, the old screen comes back untouched. */
static void draws_all_on_the_alternate_screen(void **state)
{
    (void)state;
    struct view_facts f = full_facts(20, 4);
    struct desk d;
    f.all_on_alt = true;
    desk_init(&d, &f, 20, 4);
    say(d.tty, "$ one\r\n$ mosh\r\n");
    start(&d);
    say(d.far, "far\r\nfar\r\nfar\r\nfar\r\nfar");
    struct snapshot *s = term_snapshot(d.far);
    assert_int_equal(view_frame(d.view, s, NULL, &d.out), 0);
    flush(&d);
    snapshot_unref(s);
    s = term_snapshot(d.tty);
    assert_true(s->alt);
    assert_int_equal(s->alt_row[3]->cell[0].text, 'f');
    snapshot_unref(s);
    leave(&d, true);
    assert_int_equal(tty_lines(&d), 0);
    s = term_snapshot(d.tty);
    assert_int_equal(s->cursor.row, 2);
    assert_int_equal(s->main_row[1]->cell[2].text, 'm');
    snapshot_unref(s);
    desk_fini(&d);
}

static void passes_no_question_on(void **state)
{
    (void)state;
    struct view_facts f = full_facts(20, 4);
    struct view *v = view_new(&f);
    struct buf b;
    buf_init(&b, 256);
    static const char *const bad[] = {"c;?", "c", "", "c;eA\a", "c;", "x;eA==", "c;eA==;\033"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        view_clip(v, bad[i], &b);
        assert_int_equal(buf_len(&b), 0);
    }
    view_clip(v, "c;eA==", &b);
    assert_int_equal(buf_len(&b), strlen("\033]52;c;eA==\a"));
    buf_fini(&b);
    view_free(v);
}

static void cleans_titles(void **state)
{
    (void)state;
    struct view_facts f = full_facts(20, 4);
    struct desk d;
    desk_init(&d, &f, 20, 4);
    start(&d);
    struct snapshot *s = snapshot_blank(20, 4);
    s->title = strdup("a\033[31m\a\xc2\x9b"
                      "b");
    s->icon = strdup("a\033[31m\a\xc2\x9b"
                     "b");
    assert_int_equal(view_frame(d.view, s, NULL, &d.out), 0);
    flush(&d);
    snapshot_unref(s);
    s = term_snapshot(d.tty);
    assert_string_equal(s->title, PREFIX "a[31mb");
    snapshot_unref(s);
    desk_fini(&d);
}

static void recovers_from_a_full_buffer(void **state)
{
    (void)state;
    struct view_facts f = full_facts(20, 4);
    struct desk d;
    desk_init(&d, &f, 20, 4);
    start(&d);
    say(d.far, "\033[?1049hsome text that is longer than thirty bytes");
    struct snapshot *s = term_snapshot(d.far);
    struct buf small;
    buf_init(&small, 30);
    buf_put_text(&small, "kept");
    assert_int_equal(view_frame(d.view, s, NULL, &small), ERR_CAP);
    assert_int_equal(buf_len(&small), 4);
    snapshot_unref(s);
    frame(&d, NULL);
    buf_fini(&small);
    desk_fini(&d);
}

/* Whatever was told, these bytes undo it. */
static void resets_after_a_crash(void **state)
{
    (void)state;
    struct view_facts f = full_facts(20, 4);
    struct desk d;
    uint8_t bytes[VIEW_RESET_MAX];
    desk_init(&d, &f, 20, 4);
    assert_int_equal(view_reset_bytes(d.view, bytes, sizeof bytes), 0);
    start(&d);
    say(d.far, "\033[?1049h\033[?1003;1006;1004;2004h\033[31;44m\033[?25l\033[?5h\033=\033[5 qx");
    frame(&d, NULL);
    size_t n = view_reset_bytes(d.view, bytes, sizeof bytes);
    assert_in_range(n, 1, sizeof bytes);
    term_write(d.tty, bytes, n);
    assert_given_back(&d);
    leave(&d, true);
    assert_int_equal(view_reset_bytes(d.view, bytes, sizeof bytes), 0);
    desk_fini(&d);
}

static void draws_large_screens(void **state)
{
    (void)state;
    struct view_facts f = full_facts(2000, 1000);
    struct desk d;
    desk_init(&d, &f, 2000, 1000);
    start(&d);
    for (int i = 0; i < 1000; i++)
        say(d.far, i % 3 ? "\r\nline\033[44m \033[K\033[1990Gend\033[m" : "\r\n\033#8\u4e2d");
    frame(&d, "bar");
    say(d.far, "\033[20;900r\033[900H\n\n\033[r");
    frame(&d, NULL);
    leave(&d, true);
    desk_fini(&d);
}

/* An unknown terminal gets nothing that a VT100 with colours would not do. */
static void is_careful_with_unknown_terminals(void **state)
{
    (void)state;
    struct view_facts f;
    struct desk d;
    view_facts_default(&f, 20, 4);
    desk_init(&d, &f, 20, 4);
    start(&d);
    say(d.far,
        "\033]0;t\a\033[38;2;255;0;0mred\033[0m\033[Ka\033[4:3mb\033[15Cc\r\n\r\n\n\nx\033[5 q");
    struct snapshot *s = term_snapshot(d.far);
    assert_int_equal(view_frame(d.view, s, NULL, &d.out), 0);
    buf_put_u8(&d.out, 0);
    const char *out = (const char *)buf_data(&d.out);
    assert_null(strstr(out, "38;"));
    assert_null(strstr(out, "4:3"));
    assert_null(strstr(out, "\033]"));
    assert_null(strstr(out, " q"));
    assert_null(strchr(out, 'X'));
    assert_null(strchr(out, 'M'));
    snapshot_unref(s);
    desk_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scrolls_the_old_screen_off),
        cmocka_unit_test(says_little),
        cmocka_unit_test(marks_prompts),
        cmocka_unit_test(scrolls_by_deleting_lines),
        cmocka_unit_test(joins_soft_wraps),
        cmocka_unit_test(a_bar_of_several_lines),
        cmocka_unit_test(a_bar_has_one_column_for_each_character),
        cmocka_unit_test(draws_the_alternate_screen_there),
        cmocka_unit_test(draws_all_on_the_alternate_screen),
        cmocka_unit_test(passes_no_question_on),
        cmocka_unit_test(cleans_titles),
        cmocka_unit_test(recovers_from_a_full_buffer),
        cmocka_unit_test(resets_after_a_crash),
        cmocka_unit_test(draws_large_screens),
        cmocka_unit_test(is_careful_with_unknown_terminals),
        cmocka_unit_test(random_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
