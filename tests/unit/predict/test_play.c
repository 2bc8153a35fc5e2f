/* Keys on a screen: what is played is what the engine shows when a line editor has done it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "predict/play.h"
#include "term/term.h"

#include <string.h>

static struct snapshot *screen(const char *bytes)
{
    struct term *t = term_new(&(struct term_config){.cols = 20, .rows = 4});
    term_write(t, bytes, strlen(bytes));
    struct snapshot *s = term_snapshot(t);
    term_free(t);
    return s;
}

static bool type(struct play *p, const char *bytes)
{
    struct keys_in in = {0};
    struct key k;
    for (; *bytes; bytes++) {
        keys_feed(&in, (uint8_t)*bytes, term_width, NULL, &k);
        if (k.kind != KEY_NONE && !play_key(p, &k))
            return false;
    }
    return true;
}

/* From one screen by keys to another; not at all when it is NULL. */
static void leads(const char *from, unsigned style, const char *keys, const char *to)
{
    uint64_t id = 1u << 20;
    struct snapshot *a = screen(from), *b = to ? screen(to) : NULL;
    struct play p;
    play_init(&p, a, style, &id);
    p.floor_col = 2;
    p.floor_row = 0;
    assert_int_equal(type(&p, keys), to != NULL);
    if (to) {
        assert_true(play_shows(&p, &p, b));
        assert_int_equal(p.row, b->cursor.row);
    }
    play_fini(&p);
    snapshot_unref(a);
    snapshot_unref(b);
}

static void characters(void **state)
{
    (void)state;
    leads("$ ", 0, "ab c", "$ ab c");
    leads("$ ", 0, "\xe4\xbd\xa0\xc3\xa9", "$ \xe4\xbd\xa0\xc3\xa9");
    leads("$ abc\b\b", 0, "xy", "$ axybc\b\b");
    leads("$ abc\b\b", PLAY_OVERWRITE, "xy", "$ axy");
    leads("$ \xe4\xbd\xa0z\b\b\b", 0, "x", "$ x\xe4\xbd\xa0z\b\b\b");
    /* What stands apart at the right stays. */
    leads("$ abc          |\033[6G", 0, "x", "$ abcx         |\033[7G");
    leads("$ abc          |\033[3G", 0, "x", "$ xabc         |\033[4G");
    /* What would go into the next row is not guessed. */
    leads("$ 345678901234567890\033[3G", 0, "x", NULL);
    /* vim's cursor behind a full row. */
    leads("01234567890123456789~\b", 0, "x", NULL);
    leads("0123456789012345678\r\n~\b", 0, "x", "0123456789012345678\r\nx~\b");
}

static void erasing(void **state)
{
    (void)state;
    leads("$ ab", 0, "\177", "$ a");
    leads("$ ab", 0, "\177\177", "$ ");
    leads("$ ab", 0, "\177\177\177", NULL); /* the prompt */
    leads("$ abc\b", 0, "\177", "$ ac\b");
    leads("$ a\xe4\xbd\xa0", 0, "\177", "$ a");
    leads("$ ae\xcc\x81", 0, "\177", NULL);
    leads("$ abc   |\b\b\b\b\b", 0, "\177", "$ ac    |\b\b\b\b\b\b");
}

static void moving(void **state)
{
    (void)state;
    leads("$ abc", 0, "\033[D\033[Dx", "$ axbc\b\b");
    leads("$ abc", 0, "\033[D\033[C", "$ abc");
    leads("$ abc", 0, "\033[C", NULL);
    leads("$ a", 0, "\033[D\033[D", NULL);
    leads("$ \xe4\xbd\xa0", 0, "\033[D", "$ \r\033[2C\xe4\xbd\xa0\b\b");
}

static void edges(void **state)
{
    (void)state;
    leads("$ 34567890123456789", 0, "x", "$ 34567890123456789x");
    leads("$ 34567890123456789", 0, "xy", "$ 34567890123456789xy");
    leads("$ 34567890123456789", PLAY_EAGER, "x", "$ 34567890123456789x\r\n");
    leads("$ 34567890123456789", PLAY_EAGER, "xy", "$ 34567890123456789xy");
    leads("$ 34567890123456789", 0, "\xe4\xbd\xa0", NULL);
    /* Rows below that hold text, and the last row. */
    leads("\n  next\033[H$ 34567890123456789", 0, "xy", NULL);
    leads("\n\n\n$ 34567890123456789", 0, "xy", NULL);
    leads("\033[?47h$ 34567890123456789", 0, "x", NULL);
}

/* What a shell suggests, in grey. */
static void suggestions(void **state)
{
    (void)state;
    leads("$ a\033[90mbcd\033[m\b\b\b", 0, "bc", "$ abc\033[90md\033[m\b");
    leads("$ a\033[90m bcd\033[m\b\b\b\b", 0, " b", "$ a b\033[90mcd\033[m\b\b");
    leads("$ a\033[38;5;240mbcd\033[m\b\b\b", 0, "x", "$ ax");
    leads("$ a\033[2mbcd\033[m\b\b\b", 0, "\177", "$ ");
    leads("$ a\033[90mbcd\033[m\b\b\b", 0, "\033[C", NULL); /* that may take it */
    leads("$ a\033[32mbcd\033[m\b\b\b", 0, "x", "$ axbcd\b\b\b");
}

static void a_screen_that_scrolled(void **state)
{
    (void)state;
    uint64_t id = 1u << 20;
    struct snapshot *a = screen("1\r\n2\r\n3\r\n$ a"), *b = screen("2\r\n3\r\n$ ab"),
                    *c = screen("2\r\n3\r\n! ab");
    struct play p;
    play_init(&p, a, 0, &id);
    assert_true(type(&p, "b"));
    assert_true(play_visible(&p));
    assert_true(play_shows(&p, &p, b));
    assert_false(play_shows(&p, &p, c));
    assert_false(play_shows(&p, &p, a));
    play_fini(&p);
    snapshot_unref(a);
    snapshot_unref(b);
    snapshot_unref(c);
    /* A blank line that the cursor goes to is no scroll. */
    a = screen("text\r");
    b = screen("text\r\n");
    play_init(&p, a, 0, &id);
    assert_false(play_shows(&p, &p, b));
    play_fini(&p);
    snapshot_unref(a);
    snapshot_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters),  cmocka_unit_test(erasing),
        cmocka_unit_test(moving),      cmocka_unit_test(edges),
        cmocka_unit_test(suggestions), cmocka_unit_test(a_screen_that_scrolled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
