/* The table of hyperlinks: one number for one link, and its caps. */
#include "term/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static uint32_t number(struct links **l, const char *uri, const char *id)
{
    return links_number(l, (const uint8_t *)uri, strlen(uri), (const uint8_t *)id, strlen(id));
}

static void one_link_one_number(void **state)
{
    (void)state;
    struct links *l = NULL;
    uint32_t a = number(&l, "http://a", ""), b = number(&l, "http://b", "");
    assert_int_not_equal(a, 0);
    assert_int_not_equal(a, b);
    assert_int_equal(number(&l, "http://a", ""), a);
    uint32_t id = number(&l, "http://a", "x");
    assert_int_not_equal(id, a);
    assert_int_equal(number(&l, "http://a", "x"), id);
    assert_string_equal(links_uri(l, a), "http://a");
    assert_string_equal(links_uri(l, b), "http://b");
    assert_string_equal(links_uri(l, id), "http://a");
    assert_null(links_uri(l, 0));
    assert_null(links_uri(l, 99));
    assert_null(links_uri(NULL, 1));
    links_unref(l);
}

static void lengths(void **state)
{
    (void)state;
    struct links *l = NULL;
    static uint8_t text[LINK_URI_MAX + 1];
    memset(text, 'u', sizeof text);
    assert_int_equal(links_number(&l, text, 0, NULL, 0), 0);
    assert_int_not_equal(links_number(&l, text, LINK_URI_MAX - 1, NULL, 0), 0);
    assert_int_not_equal(links_number(&l, text, LINK_URI_MAX, NULL, 0), 0);
    assert_int_equal(links_number(&l, text, LINK_URI_MAX + 1, NULL, 0), 0);
    assert_int_not_equal(links_number(&l, text, 1, text, LINK_ID_MAX - 1), 0);
    assert_int_not_equal(links_number(&l, text, 1, text, LINK_ID_MAX), 0);
    assert_int_equal(links_number(&l, text, 1, text, LINK_ID_MAX + 1), 0);
    links_unref(l);
}

static uint32_t nth(struct links **l, unsigned i)
{
    char uri[32];
    snprintf(uri, sizeof uri, "http://host/%u", i);
    return number(l, uri, "");
}

/* Below, at and above the cap of links: only above is the oldest forgotten, and its number is not
 * given again. */
static void oldest_is_forgotten(void **state)
{
    (void)state;
    struct links *l = NULL;
    uint32_t first = nth(&l, 0);
    for (unsigned i = 1; i < LINKS_MAX; i++)
        nth(&l, i);
    assert_string_equal(links_uri(l, first), "http://host/0");
    for (unsigned i = 0; i < LINKS_MAX; i++)
        assert_int_equal(nth(&l, i), first + i); /* all are known still */
    uint32_t last = nth(&l, LINKS_MAX);
    assert_int_equal(last, first + LINKS_MAX);
    assert_null(links_uri(l, first));
    assert_string_equal(links_uri(l, first + 1), "http://host/1");
    assert_int_equal(nth(&l, 0), last + 1); /* as if it were new */
    links_unref(l);
}

static void bytes_are_capped(void **state)
{
    (void)state;
    struct links *l = NULL;
    static char uri[LINK_URI_MAX + 1];
    memset(uri, 'u', LINK_URI_MAX);
    unsigned fit = LINKS_BYTES / (LINK_URI_MAX + 2);
    for (unsigned i = 0; i < fit; i++) {
        snprintf(uri, 9, "%08u", i);
        uri[8] = 'u';
        assert_int_equal(number(&l, uri, ""), i + 1);
    }
    assert_non_null(links_uri(l, 1));
    memcpy(uri, "more....", 8);
    number(&l, uri, "");
    assert_null(links_uri(l, 1));
    assert_non_null(links_uri(l, 2));
    assert_true(links_memory(l) < LINKS_BYTES + 300000);
    links_unref(l);
}

static void replica_learns_numbers(void **state)
{
    (void)state;
    struct links *l = NULL;
    links_learn(&l, 70000, (const uint8_t *)"http://a", 8);
    assert_string_equal(links_uri(l, 70000), "http://a");
    links_learn(&l, 70000, (const uint8_t *)"http://b", 8); /* the newest word counts */
    assert_string_equal(links_uri(l, 70000), "http://b");
    links_learn(&l, 70000, (const uint8_t *)"", 0); /* no word */
    assert_string_equal(links_uri(l, 70000), "http://b");
    links_learn(&l, 0, (const uint8_t *)"http://a", 8);
    assert_null(links_uri(l, 0));
    /* All under one head of the index: bounded, the newest are found. */
    for (uint32_t i = 0; i < 3 * LINKS_MAX; i++)
        links_learn(&l, i * 1024 + 5, (const uint8_t *)"http://c", 8);
    assert_string_equal(links_uri(l, (3 * LINKS_MAX - 1) * 1024 + 5), "http://c");
    links_unref(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_link_one_number),    cmocka_unit_test(lengths),
        cmocka_unit_test(oldest_is_forgotten),    cmocka_unit_test(bytes_are_capped),
        cmocka_unit_test(replica_learns_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
