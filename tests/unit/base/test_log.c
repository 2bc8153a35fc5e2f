#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct sink {
    int lines;
    enum log_level level;
    char area[20];
    char text[1000];
};

static void take(void *ctx, enum log_level level, const char *area, const char *text)
{
    struct sink *s = ctx;
    s->lines++;
    s->level = level;
    snprintf(s->area, sizeof s->area, "%s", area);
    snprintf(s->text, sizeof s->text, "%s", text);
}

static void test_lines_reach_the_sink(void **state)
{
    struct sink s = {0};
    struct log log = {take, &s, LOG_INFO};
    log_line(&log, LOG_WARN, "link", "path %d: %s", 3, "gone");
    assert_int_equal(s.lines, 1);
    assert_int_equal(s.level, LOG_WARN);
    assert_string_equal(s.area, "link");
    assert_string_equal(s.text, "path 3: gone");
}

static void test_levels_above_are_left_out(void **state)
{
    struct sink s = {0};
    struct log log = {take, &s, LOG_WARN};
    log_line(&log, LOG_DEBUG, "link", "x");
    log_line(&log, LOG_INFO, "link", "x");
    assert_int_equal(s.lines, 0);
    log_line(&log, LOG_WARN, "link", "x");
    log_line(&log, LOG_ERROR, "link", "x");
    assert_int_equal(s.lines, 2);
}

static void test_long_lines_are_cut(void **state)
{
    struct sink s = {0};
    struct log log = {take, &s, LOG_INFO};
    log_line(&log, LOG_INFO, "link", "%*s", 900, "");
    assert_int_equal(s.lines, 1);
    assert_int_equal(strlen(s.text), 499);
}

static void test_without_a_sink_nothing_happens(void **state)
{
    struct log log = {NULL, NULL, LOG_DEBUG};
    log_line(NULL, LOG_ERROR, "link", "x");
    log_line(&log, LOG_ERROR, "link", "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_reach_the_sink),
        cmocka_unit_test(test_levels_above_are_left_out),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_without_a_sink_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
