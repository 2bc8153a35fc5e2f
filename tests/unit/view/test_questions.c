#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "view/questions.h"

#include <string.h>

/* A terminal's answers, as xterm, kitty and tmux give them. */
#define COLOURS                                                                                    \
    "\033]10;rgb:0000/0000/0000\033\\\033]11;rgb:ffff/fafa/0000\a\033]12;#102030\033\\"            \
    "\033]4;0;rgb:1/2/3\033\\\033]4;15;rgba:ffff/8080/0000/ffff\033\\"
#define FENCE "\033[?64;1;4;22c"
#define ALL                                                                                        \
    "\033P>|XTerm(379)\033\\\033[?0u\033[>4;0m\033[?2026;2$y\033[?2027;0$y\033[?2031;1$y"          \
    "\033[?1016;3$y\033[?997;1n\033[6;16;8t\033[4;480;640t" COLOURS                                \
    "\033[3;2R\033[3;3R\033[3;5R" FENCE

struct rig {
    struct questions q;
    struct buf keys, out;
    uint64_t now;
};

static void rig_init(struct rig *r, bool strings)
{
    *r = (struct rig){.now = 1000};
    buf_init(&r->keys, 1 << 20);
    buf_init(&r->out, 1 << 16);
    questions_init(&r->q);
    questions_put(&r->q, strings, r->now, &r->out);
}

static void rig_fini(struct rig *r)
{
    questions_fini(&r->q);
    buf_fini(&r->keys);
    buf_fini(&r->out);
}

static void feed(struct rig *r, const char *text, size_t piece)
{
    size_t len = strlen(text);
    for (size_t at = 0; at < len; at += piece)
        questions_feed(&r->q, text + at, len - at < piece ? len - at : piece, r->now, &r->keys);
}

static void keys_are(struct rig *r, const char *want)
{
    assert_int_equal(buf_len(&r->keys), strlen(want));
    assert_memory_equal(buf_data(&r->keys), want, strlen(want));
    buf_clear(&r->keys);
}

static void check_all(const struct answers *a)
{
    assert_true(a->fence && a->sixel && a->kitty && a->modify_other);
    assert_string_equal(a->version, "XTerm(379)");
    assert_int_equal(a->sync, ANSWER_CAN);
    assert_int_equal(a->graphemes, ANSWER_NO);
    assert_int_equal(a->scheme_reports, ANSWER_CAN);
    assert_int_equal(a->mouse_pixels, ANSWER_FIXED_ON);
    assert_int_equal(a->scheme, 1);
    assert_int_equal(a->cell_w, 8);
    assert_int_equal(a->cell_h, 16);
    assert_int_equal(a->area_w, 640);
    assert_int_equal(a->area_h, 480);
    assert_true(a->fg.known && !a->fg.r && a->bg.known && a->bg.r == 255 && a->bg.g == 0xfa);
    assert_true(a->cursor.known && a->cursor.r == 0x10 && a->cursor.b == 0x30);
    assert_true(a->palette[0].known && a->palette[0].r == 0x11 && a->palette[0].b == 0x33);
    assert_true(a->palette[15].known && a->palette[15].g == 0x80 && !a->palette[1].known);
    assert_int_equal(a->width[WIDTH_AMBIGUOUS], 1);
    assert_int_equal(a->width[WIDTH_VS16], 2);
    assert_int_equal(a->width[WIDTH_ZWJ], 4);
}

static void answers_are_taken_out(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 1000; piece += 111) {
        struct rig r;
        rig_init(&r, true);
        feed(&r, "ls\r", piece);
        feed(&r, ALL, piece);
        feed(&r, "\033[A\033OPq", piece);
        assert_true(questions_due(&r.q, r.now) && questions_changed(&r.q));
        assert_false(questions_changed(&r.q));
        check_all(&r.q.answers);
        keys_are(&r, "ls\r\033[A\033OPq");
        rig_fini(&r);
    }
}

static void keys_between_answers(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 100; piece += 33) {
        struct rig r;
        rig_init(&r, true);
        /* Typed while the answers come: arrows, F3 with a modifier after the reports, kitty's
         * keys, a mouse report, the Linux console's F1, Alt-x, UTF-8. */
        feed(&r, "a\033[?0u\033[1;5A\033[6;16;8t\033[97;5u\033[<0;1;1M\033[[A\033x\xc3\xa9", piece);
        feed(&r, "\033[2;2R\033[2;3R\033[2;3R\033[1;2R" FENCE "\033[1;2R\033[?1;2$y", piece);
        keys_are(&r, "a\033[1;5A\033[97;5u\033[<0;1;1M\033[[A\033x\xc3\xa9\033[1;2R\033[1;2R"
                     "\033[?1;2$y");
        rig_fini(&r);
    }
}

static void only_the_fence(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, false);
    assert_null(memchr(buf_data(&r.out), ']', buf_len(&r.out)));
    feed(&r, "x" FENCE "y", 1);
    keys_are(&r, "xy");
    assert_true(r.q.answers.fence && questions_deadline(&r.q) == UINT64_MAX);
    rig_fini(&r);
}

/* It answers nothing: the session goes on after a while, and nothing spins. */
static void silent_terminal(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, true);
    assert_false(questions_due(&r.q, r.now));
    assert_int_equal(questions_deadline(&r.q), r.now + QUESTIONS_WAIT_US);
    r.now += QUESTIONS_WAIT_US;
    questions_tick(&r.q, r.now, &r.keys);
    assert_true(questions_due(&r.q, r.now));
    assert_true(questions_deadline(&r.q) == UINT64_MAX);
    feed(&r, "hello\r", 6);
    keys_are(&r, "hello\r");
    rig_fini(&r);
}

/* It answers seconds later: still nothing gets to the program, and the answers count. */
static void late_terminal(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, true);
    r.now += 9 * QUESTIONS_WAIT_US;
    questions_tick(&r.q, r.now, &r.keys);
    questions_changed(&r.q);
    feed(&r, ALL "k", 7);
    keys_are(&r, "k");
    check_all(&r.q.answers);
    assert_true(questions_changed(&r.q));
    rig_fini(&r);
}

static void escape_key(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, true);
    feed(&r, "\033", 1);
    keys_are(&r, "");
    assert_int_equal(questions_deadline(&r.q), r.now + QUESTIONS_ESC_US);
    r.now += QUESTIONS_ESC_US;
    questions_tick(&r.q, r.now, &r.keys);
    keys_are(&r, "\033");
    feed(&r, "\033\033[c", 9);
    keys_are(&r, "\033\033[c");
    feed(&r, FENCE, 9);
    feed(&r, "\033", 1); /* at once, from now on */
    keys_are(&r, "\033");
    feed(&r, "\033]", 9); /* Alt-] */
    keys_are(&r, "\033]");
    rig_fini(&r);
}

static void garbage(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, true);
    /* A string without an end: cut off by a key, by time, by its length. */
    feed(&r, "\033]11;rgb:zz\rls", 5);
    keys_are(&r, "\rls");
    feed(&r, "\033Pabc", 5);
    r.now += QUESTIONS_STALL_US;
    feed(&r, "x", 1);
    keys_are(&r, "x");
    feed(&r, "\033]", 2);
    for (int i = 0; i < QUESTIONS_STRING_MAX / 8 + 1; i++)
        feed(&r, "aaaaaaaa", 8);
    assert_true(buf_len(&r.keys) < 16);
    buf_clear(&r.keys);
    /* Nonsense of the right form. */
    feed(&r,
         "\033]11;rgb:1/2\033\\\033]4;99;rgb:1/2/3\a\033]4\a\033]\a\033P\033\\\033[?y\033[?;;$y",
         3);
    feed(&r, "\033[?2026;2;2;2;2;2;2;2;2;2;2;2;2;2;2;2;2;2;2;2;2;2;2;2;2$y\033[6;99999999;1t", 3);
    feed(&r, "\033[?9999999999999999999u\033[?12\003\033[99;9999R", 3);
    keys_are(&r, "\003");
    assert_false(r.q.answers.bg.known);
    assert_int_equal(r.q.answers.cell_h, 0);
    assert_int_equal(r.q.answers.width[WIDTH_AMBIGUOUS], 0);
    rig_fini(&r);
}

/* What is pasted is text, whatever it looks like. */
static void paste(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, true);
    feed(&r, "\033[200~\033[?0u\033]11;x\a\033[201~\033[?0u", 4);
    keys_are(&r, "\033[200~\033[?0u\033]11;x\a\033[201~");
    rig_fini(&r);
}

static void scheme_changes(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, true);
    feed(&r, FENCE, 99);
    questions_changed(&r.q);
    for (size_t piece = 4; piece < 100; piece += 90) {
        feed(&r, "a\033[?997;2nb", piece);
        keys_are(&r, "ab");
        assert_true(questions_changed(&r.q) && r.q.answers.scheme == 2);
    }
    buf_clear(&r.out);
    for (int i = 0; i < 9; i++)
        questions_colours_put(&r.q, r.now, &r.out);
    assert_int_equal(r.q.asked, QUESTIONS_ROUNDS);
    feed(&r, COLOURS FENCE FENCE FENCE "\033]11;rgb:12/34/56\a" FENCE "z", 9);
    keys_are(&r, "z");
    assert_int_equal(r.q.answers.bg.g, 0x34);
    assert_int_equal(r.q.asked, 0);
    rig_fini(&r);
}

static void clipboard(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 100; piece += 49) {
        struct rig r;
        rig_init(&r, true);
        feed(&r, FENCE, 99);
        assert_null(questions_clip(&r.q));
        questions_clip_asked(&r.q, r.now);
        feed(&r, "a", 1);
        feed(&r, "\033]52;c;QUJD\033\\", 50);
        feed(&r, "b", 1);
        keys_are(&r, "ab");
        const struct buf *clip = questions_clip(&r.q);
        assert_non_null(clip);
        assert_int_equal(buf_len(clip), 6);
        assert_memory_equal(buf_data(clip), "c;QUJD", 6);
        assert_null(questions_clip(&r.q));
        /* Not asked for any more: it is what somebody typed. */
        feed(&r, "\033]52;c;QUJD\a", 50);
        keys_are(&r, "\033]52;c;QUJD\a");
        /* Too long; too late. */
        questions_clip_asked(&r.q, r.now);
        feed(&r, "\033]52;c;", 50);
        for (unsigned i = 0; i < QUESTIONS_CLIP_MAX; i += 8)
            feed(&r, "QUJDQUJD", 8);
        feed(&r, "\033\\k", 50);
        keys_are(&r, "k");
        assert_null(questions_clip(&r.q));
        questions_clip_asked(&r.q, r.now);
        r.now += QUESTIONS_CLIP_US;
        feed(&r, "\033]", 50);
        keys_are(&r, "\033]");
        rig_fini(&r);
    }
}

static void report_is(struct rig *r, uint16_t cols, uint16_t rows)
{
    uint16_t c = 0, w = 0;
    assert_true(questions_fence(&r->q, &c, &w));
    assert_int_equal(c, cols);
    assert_int_equal(w, rows);
}

/* Cursor reports that the view asked for, among keys, cut anywhere, however late. */
static void fences(void **state)
{
    (void)state;
    uint16_t c, w;
    for (size_t piece = 1; piece < 40; piece++) {
        struct rig r;
        rig_init(&r, true);
        feed(&r, "\033[3;2R\033[3;3R\033[3;5R" FENCE, 99);
        assert_true(r.q.answers.reports);
        questions_fence_asked(&r.q, r.now);
        questions_fence_asked(&r.q, r.now);
        assert_false(questions_fence(&r.q, &c, &w));
        /* Shift-F3 of xterm is no answer: nobody asks a screen of one row. */
        feed(&r, "ab\033[1;2Rc\033[24;80R\033OPd\033[A", piece);
        keys_are(&r, "ab\033[1;2Rc\033OPd\033[A");
        report_is(&r, 80, 24);
        assert_false(questions_fence(&r.q, &c, &w));
        r.now += 3600000000u;
        questions_tick(&r.q, r.now, &r.keys);
        feed(&r, "x\033[1;300Ry", piece);
        keys_are(&r, "xy");
        report_is(&r, 300, 1);
        /* None is to come any more, and no key waits for its rest: one that is said twice, in one
         * piece. */
        feed(&r, "\033[24;80Rz\033[1;300R", 99);
        r.now += QUESTIONS_STALL_US;
        questions_tick(&r.q, r.now, &r.keys);
        keys_are(&r, "z\033[1;300R");
        assert_false(questions_fence(&r.q, &c, &w));
        rig_fini(&r);
    }
    /* The Escape key and pasted text. */
    struct rig r;
    rig_init(&r, true);
    feed(&r, FENCE, 99);
    questions_fence_asked(&r.q, r.now);
    feed(&r, "\033", 1);
    r.now += QUESTIONS_ESC_US;
    questions_tick(&r.q, r.now, &r.keys);
    keys_are(&r, "\033");
    feed(&r, "\033[200~\033[24;80R\033[201~\033[24;80R", 99);
    keys_are(&r, "\033[200~\033[24;80R\033[201~");
    report_is(&r, 80, 24);
    /* More than anybody waits for. */
    for (unsigned i = 0; i < 9; i++)
        questions_fence_asked(&r.q, r.now);
    for (unsigned i = 0; i < 9; i++)
        feed(&r, "\033[24;80R", 99);
    keys_are(&r, "");
    for (unsigned i = 0; i < QUESTIONS_REPORTS; i++)
        report_is(&r, 80, 24);
    assert_false(questions_fence(&r.q, &c, &w));
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_taken_out),
        cmocka_unit_test(keys_between_answers),
        cmocka_unit_test(only_the_fence),
        cmocka_unit_test(silent_terminal),
        cmocka_unit_test(late_terminal),
        cmocka_unit_test(escape_key),
        cmocka_unit_test(garbage),
        cmocka_unit_test(paste),
        cmocka_unit_test(scheme_changes),
        cmocka_unit_test(clipboard),
        cmocka_unit_test(fences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
