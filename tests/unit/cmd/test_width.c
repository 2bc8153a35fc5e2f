#include "cmd/width.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

/* What the environment says must not matter: a wrong width shifts the user's whole line. */
static int setup(void **state)
{
    setenv("LC_ALL", "C", 1);
    setenv("LANG", "no_SUCH.locale", 1);
    width_setup();
    return 0;
}

static void test_latin_is_one(void **state)
{
    for (uint32_t cp = 0x20; cp <= 0x7e; cp++)
        assert_int_equal(width_of(NULL, cp), 1);
    for (uint32_t cp = 0xa0; cp <= 0xff; cp++)
        assert_int_equal(width_of(NULL, cp), 1);
}

static void test_wide_combining_and_controls(void **state)
{
    assert_int_equal(width_of(NULL, 0x4e2d), 2);  /* CJK */
    assert_int_equal(width_of(NULL, 0x1f600), 2); /* emoji */
    assert_int_equal(width_of(NULL, 0xac00), 2);  /* Hangul */
    assert_int_equal(width_of(NULL, 0x0301), 0);  /* combining acute */
    assert_int_equal(width_of(NULL, 0x200b), 0);  /* zero width space */
    assert_int_equal(width_of(NULL, 0x0430), 1);  /* Cyrillic */
    assert_int_equal(width_of(NULL, 0x80), -1);
    assert_int_equal(width_of(NULL, 0x07), -1);
}

static void test_numbers_that_are_no_characters(void **state)
{
    assert_true(width_of(NULL, 0x110000) <= 0);
    assert_true(width_of(NULL, 0xffffffff) <= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latin_is_one),
        cmocka_unit_test(test_wide_combining_and_controls),
        cmocka_unit_test(test_numbers_that_are_no_characters),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
