#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "term/defer.h"
#include "term/term.h"

#include <string.h>

static void says(struct term *t, const char *text)
{
    term_write(t, text, strlen(text));
}

static void answers(struct term *t, const char *want)
{
    struct buf *b = term_replies(t);
    assert_int_equal(buf_len(b), strlen(want));
    assert_memory_equal(buf_len(b) ? (const void *)buf_data(b) : "", want, strlen(want));
    buf_skip(b, buf_len(b));
}

static struct term *make(void)
{
    struct term *t = term_new(&(struct term_config){.cols = 80, .rows = 24});
    term_defer_answers(t, true);
    return t;
}

static void in_order(void **state)
{
    (void)state;
    struct term *t = make();
    struct term_facts f = {.can = TERM_CAN_KITTY_KEYS, .bg = COLOUR_RGB | 0x102030};
    says(t, "\033[5n");
    answers(t, "\033[0n"); /* needs no fact, and none waits before it */
    says(t, "\033]11;?\a\033[5n\033]10;?\033\\\033[?u\033]4;200;?\033\\\033[6n\033[>1u");
    answers(t, "");
    f.palette[7] = COLOUR_RGB | 0xffffff;
    term_set_facts(t, &f);
    says(t, "\033]4;7;?\033\\");
    answers(t, "");
    term_defer_answers(t, false);
    /* No fact tells the foreground: that question stays unanswered, as always. */
    answers(t, "\033]11;rgb:1010/2020/3030\a\033[0n\033[?1u\033]4;200;rgb:ffff/0000/d7d7\033\\"
               "\033[1;1R\033]4;7;rgb:ffff/ffff/ffff\033\\");
    says(t, "\033]11;?\033\\");
    answers(t, "\033]11;rgb:1010/2020/3030\033\\");
    term_free(t);
}

static void nothing_came(void **state)
{
    (void)state;
    struct term *t = make();
    says(t, "\033]11;?\a\033[14t\033[?996n\033[?4m\033[?2031$p\033[c");
    answers(t, "");
    term_defer_answers(t, false);
    struct buf *b = term_replies(t);
    assert_int_equal(buf_data(b)[0], 033); /* DECRPM, then DA1 */
    assert_memory_equal(buf_data(b), "\033[?2031;0$y\033[?6", 14);
    term_free(t);
    t = make(); /* freed while they wait */
    says(t, "\033]11;?\a\033[c");
    term_free(t);
}

static void many(void **state)
{
    (void)state;
    struct term *t = make();
    for (int i = 0; i < DEFER_MAX; i++)
        says(t, "\033]11;?\a\033[5n");
    answers(t, "");
    says(t, "\033]11;?\a\033[6n"); /* one too many: none waits any more */
    struct buf *b = term_replies(t);
    assert_int_equal(buf_len(b), 4 * DEFER_MAX + 6);
    term_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(nothing_came),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
