#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/width.h"

static void check(void)
{
    assert_int_equal(width_of(NULL, 'a'), 1);
    assert_int_equal(width_of(NULL, 0xad), 1); /* always, mosh-protocol.md §9.4 */
    assert_int_equal(width_of(NULL, 0x301), 0);
    assert_int_equal(width_of(NULL, 0x6f22), 2);
    assert_int_equal(width_of(NULL, 0x1f600), 2);
    assert_int_equal(width_of(NULL, 0x2500), 1);
}

/* Before width_setup there is no locale: the built-in table answers. */
static void both_ways_agree(void **state)
{
    (void)state;
    check();
    width_setup();
    check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_ways_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
