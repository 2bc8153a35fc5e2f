/* Does an engine that is at one screen get to another by the diff of both? */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "random_program.h"
#include "term/diff.h"
#include "term/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct term *engine(uint16_t cols, uint16_t rows, bool replica)
{
    return term_new(&(struct term_config){
        .cols = cols, .rows = rows, .history_bytes = replica ? 0 : 4096, .replica = replica});
}

static void write_text(struct term *t, const char *text)
{
    term_write(t, text, strlen(text));
}

static void show_bytes(const char *what, const uint8_t *p, size_t len)
{
    fprintf(stderr, "%s: ", what);
    for (size_t i = 0; i < len; i++) {
        if (p[i] >= ' ' && p[i] < 0x7f && p[i] != '\\')
            fputc(p[i], stderr);
        else
            fprintf(stderr, "\\x%02x", p[i]);
    }
    fputc('\n', stderr);
}

static void show_grid(struct row *const *rows, const struct snapshot *s)
{
    for (uint16_t r = 0; rows && r < s->rows; r++) {
        fputc(rows[r]->wrapped ? '>' : '|', stderr);
        fputc(rows[r]->mark ? 'P' : ' ', stderr);
        for (uint16_t c = 0; c < s->cols; c++) {
            uint8_t text[CELL_UTF8_MAX];
            struct pen p = row_pen(rows[r], c);
            size_t n = row_text(rows[r], c, text);
            fprintf(stderr, "%.*s", (int)n, (char *)text);
            if (p.attr | p.fg | p.bg | p.ul)
                fprintf(stderr, "{%x,%x,%x,%x}", p.attr, p.fg, p.bg, p.ul);
        }
        fputs("|\n", stderr);
    }
}

static void show(const char *what, const struct snapshot *s)
{
    fprintf(stderr, "%s: %ux%u alt %d cursor %u,%u pending %d pen %x %x %x %x title %s icon %s\n",
            what, s->cols, s->rows, s->alt, s->cursor.row, s->cursor.col, s->cursor.pending,
            s->pen.attr, s->pen.fg, s->pen.bg, s->pen.ul, s->title ? s->title : "-",
            s->icon ? s->icon : "-");
    fprintf(stderr,
            "clip %s visible %d reverse %d paste %d focus %d mouse %u %u shape %u pad %d as %d\n",
            s->clip ? s->clip : "-", s->modes.cursor_visible, s->modes.reverse,
            s->modes.bracketed_paste, s->modes.focus, s->modes.mouse, s->modes.mouse_coding,
            s->modes.cursor_shape, s->modes.app_keypad, s->modes.alt_scroll);
    show_grid(s->main_row, s);
    fputs("alt:\n", stderr);
    show_grid(s->alt_row, s);
}

/* Bring the replica, which is at `from`, to `to`. */
static bool apply(struct term *replica, const struct snapshot *from, const struct snapshot *to,
                  enum snapshot_kind kind, bool verbose)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    assert_int_equal(diff_screen(&b, from, to, kind), 0);
    if (from->cols != to->cols || from->rows != to->rows)
        term_resize(replica, to->cols, to->rows);
    struct snapshot *was = term_snapshot(replica);
    uint64_t rung = was->bells;
    snapshot_unref(was);
    term_write(replica, buf_data(&b), buf_len(&b));
    assert_int_equal(buf_len(term_replies(replica)), 0);
    struct snapshot *got = term_snapshot(replica);
    /* Towards stock peers any number of bells is told as one. */
    assert_int_equal(got->bells - rung, kind == SNAPSHOT_STOCK && to->bells != from->bells);
    bool same = snapshot_equal(got, to, kind);
    if (!same && verbose) {
        show("from", from);
        show_bytes("diff", buf_data(&b), buf_len(&b));
        show("want", to);
        show("got", got);
    }
    snapshot_unref(got);
    buf_fini(&b);
    return same;
}

/* Same, with a replica that is loaded with `from`. */
static bool reaches(const struct snapshot *from, const struct snapshot *to, enum snapshot_kind kind,
                    bool verbose)
{
    struct term *r = engine(from->cols, from->rows, true);
    term_load(r, from);
    bool ok = apply(r, from, to, kind, verbose);
    term_free(r);
    return ok;
}

/* ---- property ---- */

/* A program, snapshots of it after each of `steps` bursts; a replica follows the chain of diffs. */
static bool run_case(uint64_t seed, enum snapshot_kind kind, bool verbose)
{
    struct rng r = {seed};
    uint16_t cols = (uint16_t)(1 + rng_below(&r, seed % 3 ? 24 : 90));
    uint16_t rows = (uint16_t)(1 + rng_below(&r, seed % 5 ? 8 : 30));
    unsigned steps = 1 + program_pick(&r, 12), most = 1u << program_pick(&r, 7);
    struct term *t = engine(cols, rows, false), *replica = engine(cols, rows, true);
    struct snapshot *at = term_snapshot(t), *old = snapshot_ref(at);
    struct buf b;
    buf_init(&b, 1 << 20);
    bool ok = true;
    for (unsigned i = 0; ok && i < steps; i++) {
        if (!rng_below(&r, 6)) {
            cols = (uint16_t)(1 + rng_below(&r, 30));
            rows = (uint16_t)(1 + rng_below(&r, 10));
            term_resize(t, cols, rows);
        }
        buf_clear(&b);
        program_write(&r, &b, most, cols, rows);
        term_write(t, buf_data(&b), buf_len(&b));
        struct snapshot *to = term_snapshot(t);
        ok = apply(replica, at, to, kind, verbose);
        if (ok && kind == SNAPSHOT_NATIVE) /* any two states, also backwards in time */
            ok = reaches(old, to, kind, verbose) && reaches(to, old, kind, verbose);
        if (!rng_below(&r, 3)) {
            snapshot_unref(old);
            old = snapshot_ref(to);
        }
        if (!rng_below(&r, 4))
            term_load(replica, to);
        snapshot_unref(at);
        at = to;
    }
    snapshot_unref(at);
    snapshot_unref(old);
    buf_fini(&b);
    term_free(t);
    term_free(replica);
    return ok;
}

static uint64_t cases(void)
{
    const char *n = getenv("TERN_CASES");
    return n ? strtoull(n, NULL, 10) : 3000;
}

static void run_cases(enum snapshot_kind kind)
{
    const char *one = getenv("TERN_SEED");
    uint64_t first = one ? strtoull(one, NULL, 10) : 1, n = one ? 1 : cases();
    for (uint64_t seed = first; seed < first + n; seed++) {
        if (run_case(seed, kind, false))
            continue;
        run_case(seed, kind, true);
        fail_msg("TERN_SEED=%llu", (unsigned long long)seed);
    }
}

static void random_native(void **state)
{
    (void)state;
    run_cases(SNAPSHOT_NATIVE);
}

static void random_stock(void **state)
{
    (void)state;
    run_cases(SNAPSHOT_STOCK);
}

/* Each part of the way is a state that can be reached, fits the budget about, and gets on. */
static void random_partial(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= cases() / 10; seed++) {
        struct rng r = {seed};
        uint16_t cols = (uint16_t)(1 + rng_below(&r, 40)), rows = (uint16_t)(1 + rng_below(&r, 20));
        struct term *t = engine(cols, rows, false);
        struct buf b;
        buf_init(&b, 1 << 20);
        program_write(&r, &b, 60, cols, rows);
        term_write(t, buf_data(&b), buf_len(&b));
        struct snapshot *at = term_snapshot(t);
        buf_clear(&b);
        program_write(&r, &b, 60, cols, rows);
        term_write(t, buf_data(&b), buf_len(&b));
        struct snapshot *to = term_snapshot(t);
        size_t budget = 20 + rng_below(&r, 300);
        unsigned steps = 0;
        while (at != to) {
            struct snapshot *part = diff_partial(at, to, budget);
            buf_clear(&b);
            assert_int_equal(diff_screen(&b, at, part, SNAPSHOT_NATIVE), 0);
            uint16_t changed = 0;
            for (uint16_t i = 0; i < rows; i++)
                changed += !row_equal(snapshot_row(at, i), snapshot_row(part, i), cols);
            if (part != to && buf_len(&b) > budget)
                assert_int_equal(changed, 1);
            assert_true(part == to || changed > 0);
            if (!reaches(at, part, SNAPSHOT_NATIVE, true))
                fail_msg("seed %llu", (unsigned long long)seed);
            snapshot_unref(at);
            at = part;
            assert_true(++steps <= rows + 2u);
        }
        snapshot_unref(at);
        snapshot_unref(to);
        buf_fini(&b);
        term_free(t);
    }
}

/* ---- what is said, in single cases ---- */

/* The diff from what `before` leaves on a 10x4 screen to what `after` makes of it. */
static void expect(const char *before, const char *after, enum snapshot_kind kind, const char *want)
{
    struct term *t = engine(10, 4, false);
    struct buf b;
    buf_init(&b, 4096);
    write_text(t, before);
    struct snapshot *from = term_snapshot(t);
    write_text(t, after);
    struct snapshot *to = term_snapshot(t);
    assert_int_equal(diff_screen(&b, from, to, kind), 0);
    buf_put_u8(&b, 0);
    assert_string_equal((const char *)buf_data(&b), want);
    assert_true(reaches(from, to, kind, true));
    snapshot_unref(from);
    snapshot_unref(to);
    buf_fini(&b);
    term_free(t);
}

static void says_little(void **state)
{
    (void)state;
    expect("", "", SNAPSHOT_NATIVE, "");
    expect("$ l", "s", SNAPSHOT_NATIVE, "s");
    expect("$ l", "s", SNAPSHOT_STOCK, "s");
    expect("$ ls", "\b \b", SNAPSHOT_NATIVE, "\b\033[K");
    expect("$ ls", " ", SNAPSHOT_STOCK, " ");
    expect("$ ls", "\r\nfile\r\n$ ", SNAPSHOT_STOCK, "\r\nfile\r\n$ ");
    expect("$ ls", "\033[31mred", SNAPSHOT_STOCK, "\033[0;31mred");
    expect("$ ls", "\033[31mred", SNAPSHOT_NATIVE, "\033[31mred");
    expect("", "\033[1;2;4:3;53mx", SNAPSHOT_STOCK, "\033[0;1;4mx");
    expect("", "\033[1;2;4:3;53mx", SNAPSHOT_NATIVE, "\033[0;1;2;4:3;53mx");
}

static void scrolls(void **state)
{
    (void)state;
    const char *full = "one-------\r\ntwo-------\r\nthree-----\r\nfour", *lines = "\r\nfive\r\nsix";
    expect(full, lines, SNAPSHOT_NATIVE, "\033[2S\033[3Hfive\r\nsix");
    expect(full, lines, SNAPSHOT_STOCK, "\r\n\n\033[3Hfive\r\nsix");
}

static void writes_soft_wraps(void **state)
{
    (void)state;
    expect("01234567", "89ab", SNAPSHOT_STOCK, "89ab");
    /* Whether the cursor is past the last column is not known to be the same there. */
    expect("012345678", "9ab", SNAPSHOT_STOCK, "\033[1;10H9ab");
    /* The mark is made where the last cell had been there before. */
    expect("0123456789", "ab", SNAPSHOT_NATIVE, "\033[10G9ab");
}

static void tells_titles_and_events(void **state)
{
    (void)state;
    expect("", "\a\a\033]0;t\a\033]52;c;eA==\a", SNAPSHOT_STOCK, "\a\033]0;t\a\033]52;c;eA==\a");
    expect("", "\a\a\033]2;t\a\033]52;c;eA==\a", SNAPSHOT_NATIVE, "\033]1;\a\033]2;t\a");
}

static void tells_marks(void **state)
{
    (void)state;
    const char *prompt = "\033]133;A\a$>";
    expect("", prompt, SNAPSHOT_NATIVE, "$>\033]133;tern=1\033\\");
    expect("", prompt, SNAPSHOT_STOCK, "$>");
    expect(prompt, "l", SNAPSHOT_NATIVE, "l");
    expect(prompt, "\r\033[K$>", SNAPSHOT_NATIVE, "\033]133;tern=0\033\\");
    expect(prompt, "\r\033[K", SNAPSHOT_NATIVE, "\r\033[K");
    expect(prompt, "\r\033[K\033]133;A\a", SNAPSHOT_NATIVE, "\r\033[K\033]133;tern=1\033\\");
    expect(prompt, "\033[L", SNAPSHOT_NATIVE, "\r\033[K\n$>\033]133;tern=1\033\\\033[H");
    /* B, C and D belong to no row. */
    expect("", "\033]133;B\a\033]133;C\a\033]133;D;0\a", SNAPSHOT_NATIVE, "");
}

static void tells_modes(void **state)
{
    (void)state;
    expect("", "\033[?25l\033[?2004h\033[?1002;1004;1006h", SNAPSHOT_STOCK,
           "\033[?25l\033[?2004h\033[?1002h\033[?1004h\033[?1006h");
    expect("\033[?1002;1006h", "\033[?1003h\033[?1006l", SNAPSHOT_STOCK,
           "\033[?1002l\033[?1003h\033[?1015l\033[?1006l\033[?1005l");
    expect("", "\033[?1003h\033=\033[3 q", SNAPSHOT_NATIVE, "\033[?1003h\033=\033[3 q");
}

static void tells_what_only_a_tern_understands(void **state)
{
    (void)state;
    expect("", "\033]8;id=a;http://x\033\\L\033]8;;\033\\", SNAPSHOT_NATIVE,
           "\033]8;tern=1;http://x\033\\L\033]8;;\033\\");
    expect("", "\033]11;#102030\a", SNAPSHOT_NATIVE, "\033]11;rgb:10/20/30\033\\");
    expect("\033]11;#102030\a\033]4;3;red\a", "\033]111\a\033]104\a", SNAPSHOT_NATIVE,
           "\033]111\033\\\033]104;3\033\\");
    expect("", "\033[>5u", SNAPSHOT_NATIVE, "\033[=5;1u");
    expect("", "\033[>4;2m", SNAPSHOT_NATIVE, "\033[>4;2m");
    expect("", "\033[>4;1f", SNAPSHOT_NATIVE, "\033[>4;1f");
    expect("", "\033[?1042;2031h", SNAPSHOT_NATIVE, "\033[?1042h\033[?2031h");
    expect("", "\033[?12h", SNAPSHOT_NATIVE, "\033[?12h");
    expect("", "\033[3 q", SNAPSHOT_NATIVE, "\033[3 q");
    expect("", "\033[3 q\033[?12l", SNAPSHOT_NATIVE, "\033[4 q");
    expect("", "\033[?1016h", SNAPSHOT_NATIVE, "\033[?1016h");
    /* What the server keeps to itself. */
    expect("", "\033[?2048;2026h", SNAPSHOT_NATIVE, "");
}

static void stock_is_told_nothing_new(void **state)
{
    (void)state;
    expect("", "\033]8;;http://x\033\\L\033]8;;\033\\", SNAPSHOT_STOCK, "L");
    expect("",
           "\033]11;#102030\a\033]4;3;red\a\033[>5u\033[>4;2m\033[>4;1f\033[?1042;2031;2048h"
           "\033[?12h\033[3 q\033[22t",
           SNAPSHOT_STOCK, "");
    /* Pixels are what its terminal would not understand: cells. */
    expect("", "\033[?1016h", SNAPSHOT_STOCK, "\033[?1006h");
    expect("\033[?1006h", "\033[?1016h", SNAPSHOT_STOCK, "");
}

static void keeps_both_screens(void **state)
{
    (void)state;
    expect("main", "\033[?1049h\033[Halt", SNAPSHOT_NATIVE, "\033[?47h\ralt");
    expect("main\033[?1049h\033[Halt", "\033[?1049l", SNAPSHOT_NATIVE, "\033[?47ln");
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct term *t = engine(80, 24, false);
    struct snapshot *from = term_snapshot(t);
    write_text(t, "more than ten bytes");
    struct snapshot *to = term_snapshot(t);
    struct buf b;
    buf_init(&b, 10);
    assert_int_equal(diff_screen(&b, from, to, SNAPSHOT_NATIVE), ERR_CAP);
    assert_true(buf_len(&b) <= 10);
    buf_fini(&b);
    snapshot_unref(from);
    snapshot_unref(to);
    term_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_little),
        cmocka_unit_test(scrolls),
        cmocka_unit_test(writes_soft_wraps),
        cmocka_unit_test(tells_titles_and_events),
        cmocka_unit_test(tells_marks),
        cmocka_unit_test(tells_modes),
        cmocka_unit_test(tells_what_only_a_tern_understands),
        cmocka_unit_test(stock_is_told_nothing_new),
        cmocka_unit_test(keeps_both_screens),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(random_native),
        cmocka_unit_test(random_stock),
        cmocka_unit_test(random_partial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
