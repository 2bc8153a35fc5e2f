#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/outcome.h"

#include <string.h>

static int tell(struct client_result r, bool signal_status, char *text)
{
    return outcome(&r, "work", signal_status, false, text);
}

static void the_commands_own_end(void **state)
{
    (void)state;
    char text[OUTCOME_TEXT];
    struct client_result r = {.kind = CLIENT_EXITED, .status = 42, .reached = true};
    assert_int_equal(tell(r, false, text), 42);
    assert_string_equal(text, "");
    r.status = 0;
    r.signal = 9;
    assert_int_equal(tell(r, false, text), 255);
    assert_non_null(strstr(text, "signal 9 (KILL)"));
    assert_int_equal(tell(r, true, text), 137);
}

static void leaving(void **state)
{
    (void)state;
    char text[OUTCOME_TEXT];
    struct client_result r = {.kind = CLIENT_QUIT, .reached = true};
    assert_int_equal(tell(r, false, text), 255);
    assert_null(strstr(text, "--attach"));
    r.reached = false;
    r.text = "it stays";
    assert_int_equal(tell(r, false, text), 255);
    assert_non_null(strstr(text, "it stays; tern --attach work"));
    r.kind = CLIENT_DETACHED;
    assert_int_equal(tell(r, false, text), 0);
    assert_non_null(strstr(text, "tern --attach work"));
    assert_int_equal(outcome(&r, "work", false, true, text), 255);
    r.kind = CLIENT_FAILED;
    r.text = NULL;
    assert_int_equal(tell(r, false, text), 255);
    assert_non_null(strstr(text, "lost"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_commands_own_end),
        cmocka_unit_test(leaving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
