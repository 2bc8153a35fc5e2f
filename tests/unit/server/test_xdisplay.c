#include "server/xdisplay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void test_names(void **state)
{
    struct xdisplay d;
    char text[XDISPLAY_TEXT];
    assert_true(xdisplay_parse("localhost:10.0", &d));
    assert_string_equal(d.host, "localhost");
    assert_int_equal(d.number, 10);
    assert_int_equal(d.screen, 0);
    assert_true(xdisplay_parse("far.example.org:59535.3", &d));
    xdisplay_text(&d, text);
    assert_string_equal(text, "far.example.org:59535.3");
    const char *none[] = {"",        ":0",    "host",    "host:",   "host:x",
                          "host:1.", "h:1.x", "h:1.0.0", "h:59536", "h:1.65536",
                          "h:-1",    "h:+1",  "/a:0",    "h:1 ",    "h:99999999999999999999",
                          ":10.0"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(xdisplay_parse(none[i], &d));
    char longest[XDISPLAY_HOST + 8];
    memset(longest, 'h', sizeof longest);
    strcpy(longest + XDISPLAY_HOST - 1, ":1");
    assert_true(xdisplay_parse(longest, &d));
    strcpy(longest + XDISPLAY_HOST, ":1");
    assert_false(xdisplay_parse(longest, &d));
}

static const char table[] =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout\n"
    "   0: 0100007F:177A 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1\n"
    "   1: 0100007F:177B 0100007F:1234 01 00000000:00000000 00:00000000 00000000  1000        0 2\n"
    "   2: 00000000000000000000000001000000:177C 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000     0        0 3\n";

static void test_who_listens(void **state)
{
    assert_true(xdisplay_listened(table, 6010, 1000));
    assert_false(xdisplay_listened(table, 6010, 1001));
    assert_false(xdisplay_listened(table, 6011, 1000)); /* connected */
    assert_true(xdisplay_listened(table, 6012, 1000));  /* root, over IPv6 */
    assert_false(xdisplay_listened(table, 6013, 1000));
    assert_false(xdisplay_listened("", 6010, 0));
}

/* A start file of ssh gets the cookie in place of xauth. */
static void test_rc(void **state)
{
    char home[] = "/tmp/txXXXXXX", path[64], line[200] = "";
    assert_non_null(mkdtemp(home));
    assert_int_equal(setenv("HOME", home, 1), 0);
    snprintf(path, sizeof path, "mkdir %s/.ssh", home);
    assert_int_equal(system(path), 0);
    snprintf(path, sizeof path, "%s/.ssh/rc", home);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("read line; echo \"$DISPLAY $line\" > \"$HOME/said\"\n", f);
    fclose(f);
    struct xdisplay d = {.host = "localhost", .number = 12, .screen = 1};
    unsetenv("DISPLAY");
    xdisplay_tell(
        &d, (const uint8_t *)"\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10",
        NULL);
    assert_null(getenv("DISPLAY"));
    snprintf(path, sizeof path, "%s/said", home);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    assert_string_equal(line,
                        "localhost:12.1 MIT-MAGIC-COOKIE-1 0123456789abcdeffedcba9876543210\n");
    snprintf(path, sizeof path, "rm -r %s", home);
    assert_int_equal(system(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_who_listens),
        cmocka_unit_test(test_rc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
