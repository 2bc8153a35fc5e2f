#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/terminfo.h"

#include <string.h>

static struct view_facts facts;
static char note[TERMINFO_ERROR];

static int ask(const char *term, const char *colorterm, const char *tmux)
{
    struct terminfo_env env = {term, colorterm, tmux};
    memset(&facts, 0, sizeof facts);
    return terminfo_facts(&env, 1, 100, 30, &facts, note);
}

/* Entries of Debian's ncurses-base. */
static void known_entries(void **state)
{
    (void)state;
    assert_int_equal(ask("xterm-256color", NULL, NULL), 0);
    assert_string_equal(note, "");
    assert_int_equal(facts.cols, 100);
    assert_int_equal(facts.rows, 30);
    assert_int_equal(facts.paint.colours, 256);
    assert_false(facts.paint.rgb);
    assert_true(facts.paint.rich && facts.paint.bce && facts.paint.ech && facts.il_dl);
    assert_true(facts.title && facts.shape && facts.clip);
    assert_false(facts.paint.colon); /* until it says which xterm it is */
    assert_non_null(facts.smcup);
    assert_non_null(facts.rmcup);

    assert_int_equal(ask("xterm-256color", "truecolor", NULL), 0);
    assert_true(facts.paint.rgb);

    assert_int_equal(ask("tmux-256color", NULL, NULL), 0);
    assert_true(facts.paint.colon);
    assert_int_equal(ask("linux", NULL, NULL), 0);
    assert_int_equal(facts.paint.colours, 8);
    assert_null(facts.smcup);
    assert_false(facts.paint.rich || facts.title || facts.shape);

    assert_int_equal(ask("vt100", NULL, NULL), 0);
    assert_int_equal(facts.paint.colours, 0);
    assert_false(facts.il_dl);
    assert_false(facts.paint.bce);

    assert_int_equal(ask("screen-256color", NULL, NULL), 0);
    assert_false(facts.paint.rich);
    assert_false(facts.paint.bce);
    assert_int_equal(ask("screen-256color", NULL, "/tmp/tmux-0/default,1,0"), 0);
    assert_true(facts.paint.rich);
}

static void unknown_entries(void **state)
{
    (void)state;
    assert_int_equal(ask("no-such-terminal", NULL, NULL), ERR_STATE);
    assert_non_null(strstr(note, "no-such-terminal"));
    assert_non_null(strstr(note, "set TERM"));
    assert_int_equal(ask(NULL, NULL, NULL), ERR_STATE);
    assert_non_null(strstr(note, "TERM is not set"));
    assert_int_equal(ask("", NULL, NULL), ERR_STATE);
    assert_int_equal(ask("../../etc/passwd", NULL, NULL), ERR_STATE);
    /* Newer than the database, but known by name. */
    assert_int_equal(ask("wezterm-that-will-be", "truecolor", NULL), 0);
    assert_true(facts.paint.rgb && facts.paint.rich && facts.sync);
}

static void useless_entries(void **state)
{
    (void)state;
    assert_int_equal(ask("dumb", NULL, NULL), ERR_STATE);
    assert_non_null(strstr(note, "set TERM"));
    assert_int_equal(ask("vt52", NULL, NULL), ERR_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_entries),
        cmocka_unit_test(unknown_entries),
        cmocka_unit_test(useless_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
