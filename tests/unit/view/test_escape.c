#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "view/escape.h"

#include <stdio.h>
#include <string.h>

/* Type keys, some bytes at a time; the actions are written into the result as {q} and the like. */
static const char *type_by(struct escape *e, const char *keys, size_t piece)
{
    static const char *const name[] = {"", "{q}", "{d}", "{z}", "{?}", "{#}", "{l}"};
    static char out[512];
    struct buf b;
    size_t len = strlen(keys), at = 0;
    buf_init(&b, 256);
    out[0] = 0;
    while (at < len) {
        enum escape_action action;
        size_t n = len - at < piece ? len - at : piece;
        buf_clear(&b);
        size_t used = escape_feed(e, (const uint8_t *)keys + at, n, &b, &action);
        assert_true(used <= n && (used == n || action != ESCAPE_NONE));
        at += used;
        if (buf_len(&b))
            strncat(out, (const char *)buf_data(&b), buf_len(&b));
        strcat(out, name[action]);
    }
    buf_fini(&b);
    return out;
}

/* The result is the same in one piece and byte by byte. */
static void expect(enum escape_style style, int key, const char *keys, const char *want)
{
    for (size_t piece = 1; piece < 100; piece += 99) {
        struct escape e;
        escape_init(&e, &(struct escape_config){style, key});
        assert_string_equal(type_by(&e, keys, piece), want);
    }
}

static void ssh_style(void **state)
{
    (void)state;
    expect(ESCAPE_SSH, '~', "~.", "{q}");
    expect(ESCAPE_SSH, '~', "ls\r~d", "ls\r{d}");
    expect(ESCAPE_SSH, '~', "ls\n~\032", "ls\n{z}");
    expect(ESCAPE_SSH, '~', "ls ~.\r", "ls ~.\r");
    expect(ESCAPE_SSH, '~', "~~.", "~.");
    expect(ESCAPE_SSH, '~', "~x~.", "~x~.");
    expect(ESCAPE_SSH, '~', "~\r~.", "~\r{q}");
    expect(ESCAPE_SSH, '~', "~?~.", "{?}{q}");
    expect(ESCAPE_SSH, '~', "~#~#x~#", "{#}{#}x~#");
    expect(ESCAPE_SSH, '~', "cd ~/x\r", "cd ~/x\r");
    expect(ESCAPE_SSH, 2, "\002.a\002.\r\002\002", "{q}a\002.\r\002");
    expect(ESCAPE_SSH, ESCAPE_KEY_NONE, "~.\r~.", "~.\r~.");
    expect(ESCAPE_SSH, '~', "a\fb", "a\f{l}b");
}

static void not_in_a_paste(void **state)
{
    (void)state;
    expect(ESCAPE_SSH, '~', "\r\033[200~x\r~.\f\033[200~\r~.\033[201~~.\r~.",
           "\r\033[200~x\r~.\f\033[200~\r~.\033[201~~.\r{q}");
    expect(ESCAPE_SSH, '~', "\033\033[200~\r~.", "\033\033[200~\r~.");
    expect(ESCAPE_SSH, '~', "\033[20\r~.", "\033[20\r{q}");
    expect(ESCAPE_MOSH, 0x1e, "\033[200~\036.\033[201~\036.", "\033[200~\036.\033[201~{q}");
}

/* A terminal gives a key's sequence at once. */
static void expect_whole(const char *keys, const char *want)
{
    struct escape e;
    escape_init(&e, &(struct escape_config){ESCAPE_SSH, '~'});
    assert_string_equal(type_by(&e, keys, 1000), want);
}

static void keys_as_sequences(void **state)
{
    (void)state;
    /* kitty, all flags: Enter and its release, Shift, ~ with its alternate and text, releases. */
    const char *enter = "\033[13u\033[13;1:3u", *tilde = "\033[96:126;2;126u";
    const char *release = "\033[96:126;2:3u\033[57441;1:3u";
    char keys[200], want[200];
    snprintf(keys, sizeof keys, "x%s\033[57441;2u%s%s\033[46;;46u", enter, tilde, release);
    snprintf(want, sizeof want, "x%s\033[57441;2u{q}", enter);
    expect_whole(keys, want);
    /* Not a command: all of it goes on, in order. */
    snprintf(keys, sizeof keys, "%s%s\033[120u\033[120;1:3u", tilde, release);
    expect_whole(keys, keys);
    /* Flags 1 (text as such), 8 (no alternates, no text: the US layout), the key's repeat. */
    expect_whole("~\033[122;5u", "{z}");
    expect_whole("\033[96;2u\033[46u", "{q}");
    expect_whole("\033[96;2u\033[47;2u", "{?}");
    expect_whole("\033[96;66u\033[100;129u", "{d}"); /* Caps and Num Lock are on */
    expect_whole("\033[57414u~\033[57409u", "\033[57414u{q}");
    /* ~~ types one. */
    snprintf(keys, sizeof keys, "%s%s%s.", tilde, release, tilde);
    snprintf(want, sizeof want, "%s%s.", tilde, release);
    expect_whole(keys, want);
    /* modifyOtherKeys, both formats. */
    expect_whole("\r\033[27;2;126~.", "\r{q}");
    expect_whole("\033[27;2;126~\033[27;5;122~", "{z}");
    expect_whole("\033[126;2u\033[122;5u", "{z}");
    /* Other keys are none of ours. */
    expect_whole("\033[97u\033[96;2u.", "\033[97u\033[96;2u.");
    expect_whole("\033[96;4u.", "\033[96;4u."); /* with Alt */
    expect_whole("~\033[A.", "~\033[A.");
    expect_whole("\033[108;5u", "\033[108;5u{l}");
    expect_whole("\r\033[O\033[I~.", "\r\033[O\033[I{q}"); /* the window lost and got focus */
    expect_whole("~\033", "~\033");
    expect_whole("\033[200~\r\033[96;2u.\033[201~\033[96;2u", "\033[200~\r\033[96;2u.\033[201~"
                                                              "\033[96;2u");
    expect(ESCAPE_SSH, '~', "\033[\033]\033", "\033[\033]\033");
    expect(ESCAPE_SSH, '~', "\033[1;5A\033OP\033x", "\033[1;5A\033OP\033x");
}

/* Ctrl-C is seen in each form that a terminal may give it; the bytes go on. */
static void ctrl_c_is_seen(void **state)
{
    (void)state;
    static const struct {
        const char *keys;
        bool is;
    } t[] = {
        {"x\003y", true},
        {"\033[99;5u", true},
        {"\033[99;5:1u", true},
        {"\033[99;5:2u", true},     /* held down */
        {"\033[99:67;5;99u", true}, /* with alternates and text */
        {"\033[1089::99;5u", true}, /* Cyrillic Es, which stands there */
        {"\033[99;69u", true},      /* Caps Lock is on */
        {"\033[27;5;99~", true},
        {"~\003", true},
        {"\033[99;5:3u", false}, /* let go */
        {"\033[99;7u", false},   /* with Alt */
        {"\033[99u", false},
        {"\033[27;6;53~", false},
        {"\033[200~\003\033[99;5u\033[201~", false},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct escape e;
        escape_init(&e, &(struct escape_config){ESCAPE_SSH, '~'});
        assert_string_equal(type_by(&e, t[i].keys, 100), t[i].keys);
        if (e.interrupted != t[i].is)
            fail_msg("%zu: %d", i, e.interrupted);
    }
}

static void mosh_style(void **state)
{
    (void)state;
    expect(ESCAPE_MOSH, 0x1e, "ab\036.", "ab{q}");
    expect(ESCAPE_MOSH, 0x1e, "ab\036\032", "ab{z}");
    expect(ESCAPE_MOSH, 0x1e, "ab\036^c", "ab\036c");
    expect(ESCAPE_MOSH, 0x1e, "ab\036\036", "ab\036\036");
    expect(ESCAPE_MOSH, 0x1e, "ab\036d", "ab\036d");
    expect(ESCAPE_MOSH, 2, "\002b\002B\002x", "\002\002\002x");
    /* A printable one only at the start of a line. */
    expect(ESCAPE_MOSH, '~', "a~.\r~.", "a~.\r{q}");
    expect(ESCAPE_MOSH, '~', "~~~.", "~~.");
}

static void keys_are_parsed(void **state)
{
    (void)state;
    int key = 0;
    assert_int_equal(escape_parse_ssh("~", &key), 0);
    assert_int_equal(key, '~');
    assert_int_equal(escape_parse_ssh("^B", &key), 0);
    assert_int_equal(key, 2);
    assert_int_equal(escape_parse_ssh("^b", &key), 0);
    assert_int_equal(key, 2);
    assert_int_equal(escape_parse_ssh("^", &key), 0);
    assert_int_equal(key, '^');
    assert_int_equal(escape_parse_ssh("none", &key), 0);
    assert_int_equal(key, ESCAPE_KEY_NONE);
    static const char *const bad[] = {"", "ab", "^1", "^@", "^bb", "\xc3\xa9", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(escape_parse_ssh(bad[i], &key), ERR_SYNTAX);

    assert_int_equal(escape_parse_mosh(NULL), 0x1e);
    assert_int_equal(escape_parse_mosh(""), ESCAPE_KEY_NONE);
    assert_int_equal(escape_parse_mosh("~"), '~');
    assert_int_equal(escape_parse_mosh("\002"), 2);
    static const char *const refused[] = {"\003", "\004", "\n", "\f", "\r", "ab", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(escape_parse_mosh(refused[i]), 0x1e);
}

static void texts(void **state)
{
    (void)state;
    static const struct {
        struct escape_config c;
        const char *quit, *help;
    } t[] = {
        {{ESCAPE_SSH, '~'},
         "~.",
         "~. quits, ~d detaches, ~^Z suspends, ~# lists, ~~ types ~, ~? shows this"},
        {{ESCAPE_SSH, 2},
         "Ctrl-B .",
         "Ctrl-B . quits, Ctrl-B d detaches, Ctrl-B ^Z suspends, Ctrl-B # lists, Ctrl-B Ctrl-B "
         "types Ctrl-B, Ctrl-B ? shows this"},
        {{ESCAPE_MOSH, 0x1e},
         "Ctrl-^ .",
         "Commands: Ctrl-Z suspends, \".\" quits, \"^\" gives literal Ctrl-^"},
        {{ESCAPE_SSH, ESCAPE_KEY_NONE}, "", "There is no escape character."},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct escape e;
        char quit[ESCAPE_QUIT_MAX];
        struct buf b;
        escape_init(&e, &t[i].c);
        escape_quit_text(&e, quit);
        assert_string_equal(quit, t[i].quit);
        buf_init(&b, 256);
        escape_help(&e, &b);
        buf_put_u8(&b, 0);
        assert_string_equal((const char *)buf_data(&b), t[i].help);
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ssh_style),
        cmocka_unit_test(not_in_a_paste),
        cmocka_unit_test(keys_as_sequences),
        cmocka_unit_test(ctrl_c_is_seen),
        cmocka_unit_test(mosh_style),
        cmocka_unit_test(keys_are_parsed),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
