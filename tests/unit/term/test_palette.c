/* Colours that a program changed: reading them (expectations: xterm 379), and telling them. */
#include "term/palette.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static uint32_t parse(const char *s)
{
    uint32_t c = 0;
    return colour_parse((const uint8_t *)s, strlen(s), &c) ? c : 0;
}

static void reading(void **state)
{
    (void)state;
    const uint32_t rgb = COLOUR_RGB;
    assert_int_equal(parse("#123456"), rgb | 0x123456);
    assert_int_equal(parse("#123"), rgb | 0x102030);
    assert_int_equal(parse("#123456789"), rgb | 0x124578);
    assert_int_equal(parse("#12345678abcd"), rgb | 0x1256ab);
    assert_int_equal(parse("rgb:12/34/56"), rgb | 0x123456);
    assert_int_equal(parse("rgb:1234/5678/9abc"), rgb | 0x12569a);
    assert_int_equal(parse("rgb:1/2/3"), rgb | 0x112233);
    assert_int_equal(parse("rgb:f/ff/ffff"), rgb | 0xffffff);
    assert_int_equal(parse("rgb:fff/0/0"), rgb | 0xff0000);
    assert_int_equal(parse("red"), rgb | 0xff0000);
    assert_int_equal(parse("DarkGreen"), rgb | 0x006400);
    static const char *const wrong[] = {
        "",       "#",       "#1",       "#12345",           "#1234567",      "#12345g",
        "rgb:",   "rgb:1/2", "rgb:1//3", "rgb:1/2/3/",       "rgb:12345/1/1", "rgb:g/1/1",
        "nosuch", "re",      "redd",     "#0123456789abcdef"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(parse(wrong[i]), 0);
}

static void sharing(void **state)
{
    (void)state;
    struct colours *a = NULL;
    colours_own(&a)->palette[1] = COLOUR_RGB | 1;
    struct colours *b = colours_ref(a);
    assert_ptr_equal(a, b);
    colours_own(&b)->palette[1] = COLOUR_RGB | 2;
    assert_int_equal(a->palette[1], COLOUR_RGB | 1);
    assert_false(colours_equal(a, b));
    colours_own(&b)->palette[1] = COLOUR_RGB | 1;
    assert_true(colours_equal(a, b));
    assert_false(colours_equal(a, NULL));
    colours_own(&a)->palette[1] = 0;
    assert_true(colours_equal(a, NULL));
    colours_unref(a);
    colours_unref(b);
}

static void telling(void **state)
{
    (void)state;
    struct colours *a = NULL, *b = NULL;
    struct buf out;
    buf_init(&out, 1 << 16);
    colours_own(&a)->palette[7] = COLOUR_RGB | 0x010203;
    a->dynamic[1] = COLOUR_RGB | 0xa0b0c0;
    colours_own(&b)->palette[255] = COLOUR_RGB;
    colours_put(&out, NULL, a);
    static const char set[] = "\033]11;rgb:a0/b0/c0\033\\\033]4;7;rgb:01/02/03\033\\";
    assert_int_equal(buf_len(&out), sizeof set - 1);
    assert_memory_equal(buf_data(&out), set, sizeof set - 1);
    buf_clear(&out);
    colours_put(&out, a, b);
    static const char other[] = "\033]111\033\\\033]104;7\033\\\033]4;255;rgb:00/00/00\033\\";
    assert_int_equal(buf_len(&out), sizeof other - 1);
    assert_memory_equal(buf_data(&out), other, sizeof other - 1);
    buf_clear(&out);
    colours_put(&out, a, a);
    assert_int_equal(buf_len(&out), 0);
    buf_fini(&out);
    colours_unref(a);
    colours_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(sharing),
        cmocka_unit_test(telling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
