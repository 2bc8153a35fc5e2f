#include "term/snapshot.h"

#include "term/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* What a fresh engine of 20x4 shows after printing that. */
static struct snapshot *shown(const char *bytes)
{
    struct term_config c = {.cols = 20, .rows = 4};
    struct term *t = term_new(&c);
    term_write(t, bytes, strlen(bytes));
    struct snapshot *s = term_snapshot(t);
    term_free(t);
    return s;
}

static void compare(const char *a, const char *b, bool stock, bool native)
{
    struct snapshot *s = shown(a), *t = shown(b);
    if (snapshot_equal(s, t, SNAPSHOT_STOCK) != stock ||
        snapshot_equal(t, s, SNAPSHOT_STOCK) != stock)
        fail_msg("stock: %s | %s", a, b);
    if (snapshot_equal(s, t, SNAPSHOT_NATIVE) != native ||
        snapshot_equal(t, s, SNAPSHOT_NATIVE) != native)
        fail_msg("native: %s | %s", a, b);
    snapshot_unref(s);
    snapshot_unref(t);
}

static void blank_is_state_zero(void **state)
{
    struct snapshot *a = snapshot_blank(20, 4), *b = shown("");
    assert_true(snapshot_equal(a, b, SNAPSHOT_STOCK));
    assert_true(snapshot_equal(a, b, SNAPSHOT_NATIVE));
    assert_true(a->modes.cursor_visible);
    struct snapshot *c = snapshot_blank(21, 4);
    assert_false(snapshot_equal(a, c, SNAPSHOT_STOCK));
    snapshot_unref(a);
    snapshot_unref(b);
    snapshot_unref(c);
    snapshot_unref(NULL);
}

static void what_both_compare(void **state)
{
    compare("abc", "abc", true, true);
    compare("abc", "abd", false, false);
    compare("abc", "ab\033[31mc\033[m", false, false);
    compare("abc", "abc\b", false, false);
    compare("", "\033[?25l", false, false);
    compare("", "\033[?5h", false, false);
    compare("", "\033[?2004h", false, false);
    compare("", "\033[?1004h", false, false);
    compare("", "\033[?1000h", false, false);
    compare("", "\033[?1006h", false, false);
    compare("", "\033]2;t\a", false, false);
    compare("", "\033[1m", false, false);
    compare("e\xcc\x81", "e\xcc\x80", false, false);
    compare("\033[41m\033[2J\033[m", "", false, false);
}

static void what_neither_compares(void **state)
{
    compare("", "\033[?1h", true, true);
    compare("", "\033[?7l\033[?6h\033[4h", true, true);
    compare("", "\a", true, true);
    compare("", "\033]2;\a", true, true);
    compare("a  \r", "a\r", true, true);
    compare("\033[2;4r\033[H", "", true, true);
}

static void what_only_stock_compares(void **state)
{
    compare("", "\033]52;c;QQ==\a", false, true);
}

static void what_only_native_compares(void **state)
{
    compare("", "\033]1;i\a", true, false);
    compare("", "\033[5 q", true, false);
    compare("", "\033=", true, false);
    compare("", "\033[?1007h", true, false);
    compare("\033[2mfaint\033[m", "faint", true, false);
    compare("\033[9;53mx\033[m", "x", true, false);
    compare("\033[4:3mx\033[m", "\033[4mx\033[m", true, false);
    compare("\033[4;58:5:1mx\033[m", "\033[4mx\033[m", true, false);
    compare("\033[2m", "", true, false);
}

static void screens(void **state)
{
    /* The screen that hides, and which one shows. */
    compare("\033[?47hx\033[?47l\r", "", true, false);
    compare("\033[?47h", "", true, false);
    compare("\033[?47h\033[?47l", "", true, true);
    compare("\033[?47hab", "ab", true, false);
}

static void wrap_marks(void **state)
{
    const char *auto_wrapped = "01234567890123456789x\r", *by_hand = "01234567890123456789\r\nx\r";
    compare(auto_wrapped, by_hand, false, false);
    /* On the last row it leads nowhere. */
    compare("\033[3H01234567890123456789x\033[T\033[H", "\033[4H01234567890123456789\033[H", true,
            true);
}

static void copies_are_apart(void **state)
{
    struct snapshot *s = shown("one\r\ntwo\033]2;title\a\033[?47halt");
    struct snapshot *c = snapshot_copy(s);
    assert_true(snapshot_equal(s, c, SNAPSHOT_NATIVE));
    assert_ptr_equal(c->main_row[0], s->main_row[0]);
    assert_int_equal(c->main_row[0]->refs, 2);
    assert_ptr_not_equal(c->title, s->title);
    row_unref(c->main_row[0]);
    c->main_row[0] = row_ref(c->main_row[1]);
    assert_false(snapshot_equal(s, c, SNAPSHOT_NATIVE));
    assert_true(snapshot_equal(s, c, SNAPSHOT_STOCK));
    snapshot_unref(s);
    assert_int_equal(c->main_row[0]->refs, 2);
    assert_string_equal(c->title, "title");
    snapshot_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blank_is_state_zero),
        cmocka_unit_test(what_both_compare),
        cmocka_unit_test(what_neither_compares),
        cmocka_unit_test(what_only_stock_compares),
        cmocka_unit_test(what_only_native_compares),
        cmocka_unit_test(screens),
        cmocka_unit_test(wrap_marks),
        cmocka_unit_test(copies_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
