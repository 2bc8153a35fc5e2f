#include "quic/table.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void found_by_number(void **state)
{
    struct quic_table t;
    quic_table_init(&t);
    for (uint64_t i = 0; i < 4096; i++)
        quic_table_add(&t, i);
    assert_int_equal(t.count, 4096);
    for (uint64_t i = 0; i < 4096; i++)
        assert_int_equal(quic_table_find(&t, i)->id, i);
    assert_null(quic_table_find(&t, 4096));
    for (uint64_t i = 0; i < 4096; i += 2)
        quic_table_remove(&t, quic_table_find(&t, i));
    for (uint64_t i = 0; i < 4096; i++)
        assert_int_equal(quic_table_find(&t, i) != NULL, i % 2);
    assert_non_null(quic_table_any(&t));
    quic_table_fini(&t);
    assert_null(quic_table_any(&t));
}

static void urgent_first_and_by_turns(void **state)
{
    struct quic_table t;
    quic_table_init(&t);
    struct quic_stream *a = quic_table_add(&t, 0), *b = quic_table_add(&t, 4),
                       *c = quic_table_add(&t, 8);
    assert_null(quic_table_next(&t, STREAM_BULK));
    quic_table_ready(&t, a);
    quic_table_ready(&t, b);
    quic_table_ready(&t, a); /* twice is once */
    assert_ptr_equal(quic_table_next(&t, STREAM_BULK), a);
    quic_table_rotate(&t, a);
    assert_ptr_equal(quic_table_next(&t, STREAM_BULK), b);
    assert_null(quic_table_next(&t, STREAM_SHELL));
    quic_table_ready(&t, c);
    quic_table_class(&t, c, STREAM_CONTROL);
    assert_ptr_equal(quic_table_next(&t, STREAM_BULK), c);
    assert_ptr_equal(quic_table_next(&t, STREAM_CONTROL), c);
    quic_table_unready(c);
    quic_table_class(&t, c, STREAM_SHELL); /* stays unready */
    assert_ptr_equal(quic_table_next(&t, STREAM_BULK), b);
    quic_table_remove(&t, b);
    assert_ptr_equal(quic_table_next(&t, STREAM_BULK), a);
    quic_table_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_number),
        cmocka_unit_test(urgent_first_and_by_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
