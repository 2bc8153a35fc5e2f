#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void test_every_error_has_its_own_text(void **state)
{
    for (int a = ERR_SYS; a <= ERR_OK; a++) {
        assert_string_not_equal(err_text(a), "unknown error");
        for (int b = ERR_SYS; b < a; b++)
            assert_string_not_equal(err_text(a), err_text(b));
    }
}

static void test_strangers_have_a_text_too(void **state)
{
    assert_string_equal(err_text(ERR_SYS - 1), "unknown error");
    assert_string_equal(err_text(1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_has_its_own_text),
        cmocka_unit_test(test_strangers_have_a_text_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
