#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool surrogate(uint32_t cp)
{
    return cp >= 0xd800 && cp < 0xe000;
}

static void test_every_code_point_goes_round(void **state)
{
    struct utf8 u = {0};
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        uint8_t bytes[UTF8_MAX];
        size_t n = utf8_put(bytes, cp);
        uint32_t out[2] = {0};
        if (surrogate(cp)) {
            assert_int_equal(n, 3);
            assert_memory_equal(bytes, "\xef\xbf\xbd", 3);
            continue;
        }
        for (size_t i = 0; i < n; i++)
            assert_int_equal(utf8_feed(&u, bytes[i], out), i + 1 == n);
        assert_int_equal(out[0], cp);
    }
}

static void test_numbers_that_are_no_code_points(void **state)
{
    static const uint32_t bad[] = {0x110000, 0xffffffff, 0x80000041, 0xd800, 0xdfff};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t bytes[UTF8_MAX];
        assert_int_equal(utf8_put(bytes, bad[i]), 3);
        assert_memory_equal(bytes, "\xef\xbf\xbd", 3);
    }
}

static size_t decode(struct utf8 *u, const uint8_t *in, size_t len, uint32_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += utf8_feed(u, in[i], out + n);
    return n;
}

static void test_four_byte_sequences_cut_anywhere(void **state)
{
    static const struct {
        const char *in;
        uint32_t want[5];
    } rows[] = {
        {"\xf0\x90\x80\x80|", {0x10000, '|'}},
        {"\xf4\x8f\xbf\xbf|", {0x10ffff, '|'}},
        {"\xf4\x90\x80\x80|", {UTF8_BAD, UTF8_BAD, UTF8_BAD, UTF8_BAD, '|'}},
        {"\xf0\x8f\xbf\xbf|", {UTF8_BAD, UTF8_BAD, UTF8_BAD, UTF8_BAD, '|'}},
        {"\xf0\x90\x80|", {UTF8_BAD, '|'}},
        {"\xf0\x90\x80\xc3\xa4", {UTF8_BAD, 0xe4}},
        {"\xf5\x80|", {UTF8_BAD, UTF8_BAD, '|'}},
        {"\xff\xfe|", {UTF8_BAD, UTF8_BAD, '|'}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct utf8 u = {0};
        uint32_t out[16] = {0};
        size_t n = decode(&u, (const uint8_t *)rows[i].in, strlen(rows[i].in), out);
        for (size_t k = 0; k < 5; k++)
            assert_int_equal(out[k], rows[i].want[k]);
        assert_int_equal(n, rows[i].want[4] ? 5 : rows[i].want[2] ? 3 : 2);
    }
}

/* Python's decoder writes for each first byte f the code points of all (f, a, b, '|') in order; it
 * replaces maximal subparts as we do. First bytes below 0x80 are all alike: one stands for them. */
static const char judge[] =
    "import sys\n"
    "for f in [0x41, *range(0x80, 0x100)]:\n"
    "    s = b''.join(bytes((f, a, b, 0x7c)) for a in range(256) for b in range(256))\n"
    "    sys.stdout.buffer.write(s.decode('utf-8', 'replace').encode('utf-32-le', "
    "'surrogatepass'))\n";

static void compare_with_judge(FILE *from, uint8_t f)
{
    struct utf8 u = {0};
    for (int a = 0; a < 256; a++) {
        uint32_t got[256 * 8], want[256 * 8];
        size_t n = 0;
        for (int b = 0; b < 256; b++) {
            const uint8_t in[4] = {f, (uint8_t)a, (uint8_t)b, '|'};
            n += decode(&u, in, 4, got + n);
        }
        assert_int_equal(fread(want, sizeof *want, n, from), n);
        if (memcmp(got, want, n * sizeof *want))
            fail_msg("sequences that begin with %02x %02x", f, a);
    }
}

static void test_all_sequences_of_three_bytes_beside_python(void **state)
{
    char command[1000];
    snprintf(command, sizeof command, "%s -c \"%s\"", getenv("TERN_PYTHON"), judge);
    FILE *from = popen(command, "r");
    assert_non_null(from);
    compare_with_judge(from, 0x41);
    for (int f = 0x80; f < 0x100; f++)
        compare_with_judge(from, (uint8_t)f);
    assert_int_equal(fgetc(from), EOF);
    assert_int_equal(pclose(from), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point_goes_round),
        cmocka_unit_test(test_numbers_that_are_no_code_points),
        cmocka_unit_test(test_four_byte_sequences_cut_anywhere),
        cmocka_unit_test(test_all_sequences_of_three_bytes_beside_python),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
