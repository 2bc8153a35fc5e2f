#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "session/events.h"
#include "session/tty_facts.h"

#include <string.h>

static void round_trip(void **state)
{
    (void)state;
    struct tty_facts f = {.width = 5}, got;
    f.term = (struct term_facts){.can = TERM_CAN_KITTY_KEYS | TERM_CAN_RGB,
                                 .fg = COLOUR_RGB,
                                 .bg = COLOUR_RGB | 0xffffff,
                                 .cursor = COLOUR_RGB | 0x123456,
                                 .scheme = TERM_SCHEME_LIGHT,
                                 .cell_width = 10,
                                 .cell_height = 20};
    for (uint32_t i = 0; i < 15; i++)
        f.term.palette[i] = COLOUR_RGB | i << 12;
    struct buf b;
    buf_init(&b, EVENT_TEXT_MAX);
    tty_facts_put(&b, &f);
    assert_int_equal(buf_err(&b), 0);
    assert_true(buf_len(&b) <= 200);
    assert_int_equal(tty_facts_get(buf_data(&b), buf_len(&b), &got), 0);
    assert_memory_equal(&f, &got, sizeof f);
    /* Cut anywhere: never more than was said. */
    for (size_t n = 0; n < buf_len(&b); n++)
        if (tty_facts_get(buf_data(&b), n, &got))
            assert_int_equal(got.term.can, 0);
    buf_clear(&b);
    f = (struct tty_facts){.width = 0};
    tty_facts_put(&b, &f);
    assert_int_equal(buf_len(&b), 0);
    assert_int_equal(tty_facts_get(NULL, 0, &got), 0);
    assert_memory_equal(&f, &got, sizeof f);
    buf_fini(&b);
}

static void odd_values(void **state)
{
    (void)state;
    static const uint8_t odd[] = {0x10, 0x80, 0x80, 0x04,    /* fg without its mark */
                                  0x30, 9,                   /* a scheme that is none */
                                  0x38, 0x80, 0x80, 0x08,    /* a cell of 131,072 pixels */
                                  0x2a, 3,    1,    2,    3, /* a palette cut off */
                                  0xfa, 0x07, 1,    'x'};    /* a later field */
    struct tty_facts f, none = {.width = 0};
    assert_int_equal(tty_facts_get(odd, sizeof odd, &f), 0);
    assert_memory_equal(&f, &none, sizeof f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(odd_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
