#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "view/questions.h"
#include "view/view.h"

#include <stdio.h>
#include <string.h>

typedef void effect(struct view *v, const char *text, struct buf *out);

static void gives(struct view *v, effect *f, const char *text, const char *want)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    f(v, text, &out);
    assert_int_equal(buf_len(&out), strlen(want));
    assert_memory_equal(buf_len(&out) ? (const void *)buf_data(&out) : "", want, strlen(want));
    buf_fini(&out);
}

static struct view *view_of(bool all)
{
    struct view_facts f;
    view_facts_default(&f, 80, 24);
    f.osc = f.clip = f.notify = all;
    return view_new(&f);
}

/* xterm of Debian 12 takes SGR 4:3 for a colour. */
static void colons_by_version(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        bool colons;
    } all[] = {{"", false},          {"XTerm(379)", false}, {"XTerm(", false},
               {"XTerm(405)", true}, {"VTE(7006)", true},   {"XTerm(99999999999999999999)", true}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct view_facts f;
        struct answers a = {.fence = true};
        view_facts_default(&f, 80, 24);
        f.paint.rich = true;
        f.paint.colon = false;
        struct view *v = view_new(&f);
        snprintf(a.version, sizeof a.version, "%s", all[i].version);
        view_know(v, &a);
        assert_int_equal(view_facts(v)->paint.colon, all[i].colons);
        view_free(v);
    }
}

static void passed_on(void **state)
{
    (void)state;
    struct view *v = view_of(true);
    gives(v, view_clip, "c;QUJD", "\033]52;c;QUJD\a");
    gives(v, view_clip, ";QUJD", "\033]52;;QUJD\a");
    gives(v, view_notify, "9;hello", "\033]9;hello\033\\");
    gives(v, view_notify, "99;i=1;h\xc3\xa4", "\033]99;i=1;h\xc3\xa4\033\\");
    gives(v, view_notify, "777;notify;a;b", "\033]777;notify;a;b\033\\");
    gives(v, view_cwd, "file://h/a%20b", "\033]7;file://h/a%20b\033\\");
    gives(v, view_progress, "1;50", "\033]9;4;1;50\033\\");
    gives(v, view_pointer, "text", "\033]22;text\033\\");
    view_free(v);
}

/* Nothing ends the sequence, and nothing else gets out of it. */
static void refused(void **state)
{
    (void)state;
    struct view *v = view_of(true);
    static const char *const clips[] = {"c;?", "c;", "c", "x;QQ==", "c;QQ\033\\", "c;Q Q", ""};
    for (size_t i = 0; i < sizeof clips / sizeof clips[0]; i++)
        gives(v, view_clip, clips[i], "");
    static const char *const notes[] = {"9",     "9;a\ab",      "9;\033]0;x",     "8;;x",
                                        "10;#0", "99;\xc2\x9c", "777;notify;\x7f"};
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
        gives(v, view_notify, notes[i], "");
    static char huge[VIEW_TEXT_MAX + 10] = "9;";
    memset(huge + 2, 'x', sizeof huge - 3);
    gives(v, view_notify, huge, "");
    gives(v, view_cwd, huge, "");
    gives(v, view_cwd, "a\nb", "");
    gives(v, view_progress, "1;x", "");
    gives(v, view_progress, "", "");
    gives(v, view_pointer, "a b", "");
    view_free(v);
    v = view_of(false); /* a terminal that would print it, or a user who does not want it */
    gives(v, view_clip, "c;QUJD", "");
    gives(v, view_notify, "9;hello", "");
    gives(v, view_cwd, "file:///", "");
    gives(v, view_progress, "1;50", "");
    gives(v, view_pointer, "text", "");
    view_free(v);
}

static bool has(const struct buf *b, const char *text)
{
    return memmem(buf_data(b), buf_len(b), text, strlen(text)) != NULL;
}

/* What stays is taken back, also after a crash. */
static void taken_back(void **state)
{
    (void)state;
    struct view *v = view_of(true);
    struct buf out;
    uint8_t reset[VIEW_RESET_MAX];
    buf_init(&out, 1 << 16);
    assert_int_equal(view_start(v, &out), 0);
    view_progress(v, "1;50", &out);
    view_pointer(v, "text", &out);
    buf_clear(&out);
    buf_put(&out, reset, view_reset_bytes(v, reset, sizeof reset));
    assert_true(has(&out, "\033]9;4;0\033\\") && has(&out, "\033]22;\033\\"));
    buf_clear(&out);
    assert_int_equal(view_suspend(v, &out), 0);
    assert_true(has(&out, "\033]9;4;0\033\\") && has(&out, "\033]22;\033\\"));
    buf_clear(&out);
    assert_int_equal(view_resume(v, &out), 0);
    buf_clear(&out);
    assert_int_equal(view_end(v, &out), 0);
    assert_false(has(&out, "\033]9;4;0\033\\") || has(&out, "\033]22;\033\\"));
    buf_fini(&out);
    view_free(v);
}

static void shows(struct view *v, uint8_t flags, bool alt, struct buf *out)
{
    struct snapshot *s = snapshot_blank(80, 24);
    s->modes.kitty_keys = flags;
    s->alt = alt;
    buf_clear(out);
    assert_int_equal(view_frame(v, s, NULL, out), 0);
    snapshot_unref(s);
}

/* A terminal keeps kitty's flags for each of its screens: ours are one entry on that which shows.
 */
static void kitty_flags_of_each_screen(void **state)
{
    (void)state;
    struct view_facts f;
    struct buf out;
    uint8_t reset[VIEW_RESET_MAX];
    buf_init(&out, 1 << 16);
    view_facts_default(&f, 80, 24);
    f.smcup = "\033[?1049h";
    f.rmcup = "\033[?1049l";
    f.kitty_keys = true;
    struct view *v = view_new(&f);
    assert_int_equal(view_start(v, &out), 0);
    shows(v, 0, false, &out);
    assert_false(has(&out, "\033[>") || has(&out, "\033[="));
    shows(v, 5, false, &out);
    assert_true(has(&out, "\033[>5u"));
    shows(v, 1, false, &out);
    assert_true(has(&out, "\033[=1;1u"));
    shows(v, 1, true, &out);
    const uint8_t *pop = memmem(buf_data(&out), buf_len(&out), "\033[<u", 4);
    const uint8_t *alt = memmem(buf_data(&out), buf_len(&out), f.smcup, 8);
    assert_true(pop && alt && pop < alt && has(&out, "\033[>1u"));
    buf_clear(&out);
    buf_put(&out, reset, view_reset_bytes(v, reset, sizeof reset));
    assert_true(has(&out, "\033[<u"));
    shows(v, 0, true, &out);
    assert_true(has(&out, "\033[<u"));
    shows(v, 0, false, &out);
    assert_false(has(&out, "\033[<u"));
    assert_int_equal(view_end(v, &out), 0);
    assert_false(has(&out, "\033[<u"));
    buf_fini(&out);
    view_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colons_by_version),
        cmocka_unit_test(passed_on),
        cmocka_unit_test(refused),
        cmocka_unit_test(taken_back),
        cmocka_unit_test(kitty_flags_of_each_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
