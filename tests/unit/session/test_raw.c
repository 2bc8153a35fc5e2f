#include "session/raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct parts {
    char screen[400], raw[400];
    unsigned begins, ends;
};

static void add(char *to, const void *p, size_t n)
{
    size_t len = strlen(to);
    memcpy(to + len, p, n);
    to[len + n] = 0;
}

static void feed(struct raw_scan *s, const char *text, size_t len, struct parts *out)
{
    const uint8_t *p = (const uint8_t *)text;
    while (len) {
        struct raw_piece piece;
        size_t used = raw_scan(s, p, len, &piece);
        assert_true(used || piece.held);
        assert_true(piece.take <= used && used <= len);
        char *to = piece.raw ? out->raw : out->screen;
        add(to, RAW_INTRO, piece.held);
        add(to, p, piece.take);
        out->begins += piece.begins;
        out->ends += piece.ends;
        p += used;
        len -= used;
    }
}

/* The same wherever reads cut it. */
static void check(const char *text, const char *screen, const char *raw, unsigned begins,
                  unsigned ends)
{
    size_t len = strlen(text);
    for (size_t a = 0; a <= len; a++)
        for (size_t b = a; b <= len; b++) {
            struct raw_scan s = {0};
            struct parts got = {0};
            feed(&s, text, a, &got);
            feed(&s, text + a, b - a, &got);
            feed(&s, text + b, len - b, &got);
            assert_string_equal(got.screen, screen);
            assert_string_equal(got.raw, raw);
            assert_int_equal(got.begins, begins);
            assert_int_equal(got.ends, ends);
        }
}

static void begins_and_ends(void **state)
{
    check("plain \033[1mtext", "plain \033[1mtext", "", 0, 0);
    check("a\033P1000p%begin\n%exit\n\033\\b", "ab", "\033P1000p%begin\n%exit\n\033\\", 1, 1);
    check("\033P1000px\033\\\033P1000py\033\\", "", "\033P1000px\033\\\033P1000py\033\\", 2, 2);
    check("\033P1000p\033\033\\z", "z", "\033P1000p\033\033\\", 1, 1);
    check("\033P1000pno end \033", "", "\033P1000pno end \033", 1, 0);
}

static void what_only_looks_like_it(void **state)
{
    check("\033P1$qm\033\\x", "\033P1$qm\033\\x", "", 0, 0);
    check("\033\033P100\033P1000q\033\\", "\033\033P100\033P1000q\033\\", "", 0, 0);
    check("\033P100\033P1000pin\033\\", "\033P100", "\033P1000pin\033\\", 1, 1);
    check("\033\033P1000pin\033\\", "\033", "\033P1000pin\033\\", 1, 1);
}

static void records(void **state)
{
    struct buf b;
    struct raw_record r;
    uint8_t bytes[RAW_DATA_MAX] = {0};
    size_t used, at = 0;
    bytes[RAW_DATA_MAX - 1] = 7;
    buf_init(&b, 100000);
    raw_record_put(&b, RAW_BEGIN, "", 0);
    raw_record_put(&b, RAW_DATA, bytes, sizeof bytes);
    raw_record_put(&b, (enum raw_kind)77, "later", 5);
    raw_record_put(&b, RAW_END, "", 0);
    static const unsigned kinds[] = {RAW_BEGIN, RAW_DATA, 77, RAW_END};
    for (int i = 0; i < 4; i++) {
        const uint8_t *p = buf_data(&b) + at;
        assert_int_equal(raw_record_get(p, buf_len(&b) - at, &r, &used), 1);
        assert_int_equal(r.kind, kinds[i]);
        size_t whole = used;
        for (size_t n = 0; n<whole; n += whole> 100 ? 97 : 1)
            assert_int_equal(raw_record_get(p, n, &r, &used), 0);
        at += whole;
    }
    assert_int_equal(at, buf_len(&b));
    buf_fini(&b);
}

static void nonsense(void **state)
{
    struct raw_record r;
    size_t used;
    uint8_t much[RAW_DATA_MAX + 100] = {0x12, 0xff, 0xff, 0x7f};
    assert_int_equal(raw_record_get(much, sizeof much, &r, &used), ERR_SYNTAX);
    assert_int_equal(raw_record_get((const uint8_t *)"\x10\x01", 2, &r, &used), ERR_SYNTAX);
    memset(much, 0xff, sizeof much);
    assert_int_equal(raw_record_get(much, sizeof much, &r, &used), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_and_ends),
        cmocka_unit_test(what_only_looks_like_it),
        cmocka_unit_test(records),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
