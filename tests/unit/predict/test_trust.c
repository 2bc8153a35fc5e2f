/* Where guesses are believed in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "predict/trust.h"
#include "term/term.h"

#include <stdio.h>
#include <string.h>

static int found(const struct trust *t, const char *bytes, struct place *at)
{
    struct term *term = term_new(&(struct term_config){.cols = 20, .rows = 4});
    term_write(term, bytes, strlen(bytes));
    struct snapshot *s = term_snapshot(term);
    int entry = trust_find(t, s, 1);
    if (at)
        *at = trust_place(s, 1);
    snapshot_unref(s);
    term_free(term);
    return entry;
}

static void prompts(void **state)
{
    (void)state;
    struct trust t = {0};
    struct place at;
    assert_int_equal(found(&t, "host$ ", &at), -1);
    int entry = trust_right(&t, -1, &at);
    assert_true(trust_believes(&t, entry));
    assert_int_equal(found(&t, "x\r\nhost$ ", NULL), entry);
    assert_int_equal(found(&t, "host$ from the past", NULL), entry);
    assert_int_equal(found(&t, "host$ a line that is soft-wrapped", NULL), entry);
    assert_int_equal(found(&t, "Password: ", NULL), -1);
    assert_int_equal(found(&t, "In [1]: ", &at), -1);
    int counted = trust_right(&t, -1, &at);
    assert_int_equal(found(&t, "In [7]: ", NULL), counted);
    assert_int_equal(found(&t, "host# ", NULL), -1);
    assert_int_equal(found(&t, "hos", NULL), -1);
    assert_int_equal(found(&t, "\033[?1049hhost$ ", NULL), -1); /* another program */
    assert_int_equal(found(&t, "\033[?2004hhost$ ", NULL), -1);
}

static void labels(void **state)
{
    (void)state;
    struct trust t = {0};
    struct place at;
    found(&t, "\033[?1049h\033[4;1H-- INSERT --     1,1\033[2;3H", &at);
    assert_int_equal(at.kind, PLACE_LABEL);
    int entry = trust_right(&t, -1, &at);
    assert_int_equal(found(&t, "\033[?1049habc\033[4;1H-- INSERT --     7,1\033[1;4H", NULL),
                     entry);
    assert_int_equal(found(&t, "\033[?1049habc\033[4;1H-- REPLACE --\033[1;4H", NULL), -1);
    assert_int_equal(found(&t, "\033[?1049habc", NULL), -1);
}

static void blank_lines(void **state)
{
    (void)state;
    struct trust t = {0};
    struct place at;
    found(&t, "\r\n", &at);
    int blank = trust_right(&t, -1, &at);
    assert_int_equal(found(&t, "\r\n\r\n  ", NULL), blank);
    found(&t, "$ ", &at);
    trust_right(&t, -1, &at);
    assert_int_equal(found(&t, "\r\n", NULL), -1); /* the last was another one */
}

static void doubts(void **state)
{
    (void)state;
    struct trust t = {0};
    struct place at;
    found(&t, "$ ", &at);
    int entry = trust_right(&t, -1, &at);
    trust_wrong(&t, entry);
    assert_false(trust_believes(&t, entry));
    for (int i = 0; i < 4; i++) {
        assert_false(trust_believes(&t, entry));
        trust_right(&t, entry, &at);
    }
    assert_true(trust_believes(&t, entry));
    trust_wrong(&t, -1);
    assert_false(trust_believes(&t, -1));
}

static void it_stays_small(void **state)
{
    (void)state;
    struct trust t = {0};
    struct place at;
    char text[20];
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "%c%c$ ", 'A' + i / 40, 'A' + i % 40);
        assert_int_equal(found(&t, text, &at), -1);
        trust_right(&t, -1, &at);
    }
    assert_true(found(&t, "Yg$ ", NULL) >= 0);
    assert_int_equal(found(&t, "AA$ ", NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts), cmocka_unit_test(labels),         cmocka_unit_test(blank_lines),
        cmocka_unit_test(doubts),  cmocka_unit_test(it_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
