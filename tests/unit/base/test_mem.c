#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void test_new_is_zeroed(void **state)
{
    for (int i = 0; i < 100; i++) {
        uint8_t *p = mem_new(10, 100);
        for (size_t k = 0; k < 1000; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xff, 1000);
        free(p);
    }
}

static void test_nothing_is_a_pointer_too(void **state)
{
    void *p = mem_new(0, 8);
    assert_non_null(p);
    p = mem_resize(p, 0, 8);
    assert_non_null(p);
    free(p);
}

static void test_resize_keeps_what_was_there(void **state)
{
    char *p = mem_new(4, 1);
    memcpy(p, "abcd", 4);
    p = mem_resize(p, 1000, 100);
    assert_memory_equal(p, "abcd", 4);
    free(p);
}

static void test_text_is_ended(void **state)
{
    char *t = mem_text("abcdef", 3);
    assert_string_equal(t, "abc");
    free(t);
    t = mem_text(NULL, 0);
    assert_string_equal(t, "");
    free(t);
}

static void test_wipe(void **state)
{
    uint8_t secret[32];
    memset(secret, 0x5a, sizeof secret);
    mem_wipe(secret + 1, sizeof secret - 2);
    assert_int_equal(secret[0], 0x5a);
    assert_int_equal(secret[31], 0x5a);
    for (size_t i = 1; i < 31; i++)
        assert_int_equal(secret[i], 0);
}

static size_t volatile huge = SIZE_MAX / 2;

static void overflow_new(void)
{
    free(mem_new(huge, 3));
}
static void overflow_resize(void)
{
    free(mem_resize(NULL, huge, 3));
}
static void call_bug(void)
{
    BUG("on purpose");
}
static void bug_on_true(void)
{
    BUG_ON(huge > 1);
}

/* Runs f in a process of its own; true if it ended it. (A sanitizer ends it by an exit status.) */
static bool dies(void (*f)(void))
{
    pid_t pid = fork();
    if (!pid) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        close(2);
        f();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return !WIFEXITED(status) || WEXITSTATUS(status);
}

static void test_what_must_not_go_on_does_not(void **state)
{
    assert_true(dies(overflow_new));
    assert_true(dies(overflow_resize));
    assert_true(dies(call_bug));
    assert_true(dies(bug_on_true));
    BUG_ON(huge == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_is_zeroed),
        cmocka_unit_test(test_nothing_is_a_pointer_too),
        cmocka_unit_test(test_resize_keeps_what_was_there),
        cmocka_unit_test(test_text_is_ended),
        cmocka_unit_test(test_wipe),
        cmocka_unit_test(test_what_must_not_go_on_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
