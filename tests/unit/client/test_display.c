#include "client/display.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void at(const char *text, const char *host, unsigned port, const char *path,
               const char *known_as, unsigned screen)
{
    struct display d;
    char name[DISPLAY_TEXT];
    assert_int_equal(display_parse(text, &d, name), 0);
    assert_string_equal(d.at.host, host);
    assert_string_equal(d.at.path, path);
    assert_int_equal(d.at.port, port);
    assert_int_equal(d.screen, screen);
    assert_string_equal(name, known_as);
}

static void test_names(void **state)
{
    at(":0", "", 0, "/tmp/.X11-unix/X0", ":0", 0);
    at(":12.3", "", 0, "/tmp/.X11-unix/X12", ":12.3", 3);
    at("unix:1", "", 0, "/tmp/.X11-unix/X1", "unix:1", 0);
    at("localhost:10.0", "localhost", 6010, "", "unix:10.0", 0);
    at("near.example.org:2", "near.example.org", 6002, "", "near.example.org:2", 0);
    at("[::1]:2", "::1", 6002, "", "[::1]:2", 0);
    at("192.0.2.1:59535", "192.0.2.1", 65535, "", "192.0.2.1:59535", 0);
}

/* As XQuartz has them: the number may be part of the name. */
static void test_paths(void **state)
{
    char folder[] = "/tmp/tdXXXXXX", text[64];
    assert_non_null(mkdtemp(folder));
    snprintf(text, sizeof text, "%s:0", folder);
    at(text, "", 0, folder, text, 0);
    assert_int_equal(mkdir(text, 0700), 0);
    at(text, "", 0, text, text, 0);
    rmdir(text);
    rmdir(folder);
}

static void test_nonsense(void **state)
{
    const char *none[] = {"",     "0",      "x",     ":",       ":x",     ":1.",
                          ":1.x", ":59536", ":1 ",   "$(ls):0", "a;b:0",  "a b:0",
                          ":-1",  "h:1\n",  "'h':1", "`ls`:1",  ":1.0.0", ":1.99999"};
    struct display d;
    char name[DISPLAY_TEXT], longest[DISPLAY_TEXT + 8];
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(display_parse(none[i], &d, name), ERR_SYNTAX);
    memset(longest, 'h', sizeof longest);
    strcpy(longest + DISPLAY_TEXT - 2, ":0");
    assert_int_equal(display_parse(longest, &d, name), ERR_SYNTAX);
    longest[0] = '/';
    strcpy(longest + 120, ":0");
    assert_int_equal(display_parse(longest, &d, name), ERR_SYNTAX);
}

static void test_what_is_missing(void **state)
{
    struct display d;
    char why[DISPLAY_WHY];
    struct display_config c = {.xauth = "/bin/true", .trusted = true};
    assert_int_equal(display_find(&c, &d, why), ERR_STATE);
    assert_string_equal(why, "DISPLAY is not set");
    c.display = ":7";
    assert_int_equal(display_find(&c, &d, why), 0); /* xauth knows of no cookie */
    assert_string_equal(d.auth.name, "");
    c.xauth = "/nowhere";
    assert_int_equal(display_find(&c, &d, why), ERR_STATE);
    c.xauth = NULL;
    assert_int_equal(display_find(&c, &d, why), ERR_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
