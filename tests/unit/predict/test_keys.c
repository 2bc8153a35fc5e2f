/* Bytes as keys. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "predict/keys.h"
#include "term/width.h"

#include <string.h>

/* One letter for each key: p print, w a wide one, e erase, < >, o other, E escape. */
static const char *kinds(struct keys_in *in, const char *bytes)
{
    static const char letters[] = "?pe<>oE";
    static char out[64];
    size_t n = 0;
    struct key k;
    for (; *bytes; bytes++) {
        keys_feed(in, (uint8_t)*bytes, term_width, NULL, &k);
        if (k.kind == KEY_NONE)
            continue;
        out[n++] = k.kind == KEY_PRINT && k.column == 2 ? 'w' : letters[k.kind];
    }
    out[n] = '\0';
    return out;
}

static void keys_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *kinds;
    } cases[] = {
        {"ab ~", "pppp"},
        {"\177\010\r\t\003", "eeooo"},
        {"\033[D\033[C\033OD\033OC", "<><>"},
        {"\033[A\033[1;5D\033[3~\033OP", "oooo"},
        {"\033b\033\033[D", "EE<"},
        {"\xc3\xa9\xe4\xbd\xa0\xcc\x81\xff", "pwoo"},
        {"\033[Mabc\033[<0;1;1Mx", "ooooop"},
        {"x\033[200~ab\033[D\033[201~y", "poooooooooooop"},
        {"\033[12\rx", "op"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct keys_in in = {0};
        assert_string_equal(kinds(&in, cases[i].bytes), cases[i].kinds);
        assert_int_equal(in.state, KEYS_GROUND);
    }
}

static void a_lone_escape(void **state)
{
    (void)state;
    struct keys_in in = {0};
    assert_string_equal(kinds(&in, "a\033"), "p");
    assert_true(keys_lone(&in));
    assert_string_equal(kinds(&in, "[D"), "<"); /* at once */
    kinds(&in, "\033");
    keys_later(&in);
    assert_false(keys_lone(&in));
    assert_string_equal(kinds(&in, "Ox"), "pp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_told_apart),
        cmocka_unit_test(a_lone_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
