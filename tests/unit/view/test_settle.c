/* After a resize: single cases, with answers that no engine of ours would give. The stories of
 * test_feed.c have the rest. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "term/history.h"
#include "term/row_edit.h"
#include "term/term.h"
#include "view/questions.h"
#include "view/view.h"

#include <string.h>

#define COLS 20

static struct view *view;
static struct term *far;
static struct buf out;

static void begin(uint16_t rows)
{
    struct view_facts f;
    view_facts_default(&f, COLS, rows);
    f.smcup = "\033[?1049h";
    f.rmcup = "\033[?1049l";
    f.reports = true;
    view = view_new(&f);
    far = term_new(&(struct term_config){.cols = COLS, .rows = rows, .history_bytes = 9999});
    buf_init(&out, 1 << 16);
    assert_int_equal(view_start(view, &out), 0);
}

static void end(void)
{
    view_free(view);
    term_free(far);
    buf_fini(&out);
}

/* The bytes of the next frame. */
static const char *frame(void)
{
    struct snapshot *s = term_snapshot(far);
    buf_clear(&out);
    assert_int_equal(view_frame(view, s, NULL, &out), 0);
    buf_put_u8(&out, 0);
    snapshot_unref(s);
    return (const char *)buf_data(&out);
}

static void say(const char *text)
{
    term_write(far, text, strlen(text));
}

/* xterm drops rows at the bottom when it shrinks while the alternate screen shows, and the cursor
 * is higher then: from there the way up is shorter. It may grow before it reads what is made. */
static void the_way_up_ends_at_the_top(void **state)
{
    (void)state;
    begin(10);
    say("1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n10");
    frame();
    say("\033[?1049h");
    frame();
    view_resize(view, COLS, 8);
    say("\033[?1049l");
    assert_non_null(strstr(frame(), "\033[6n"));
    assert_true(view_fence(view, COLS, 8));
    assert_true(view_fence(view, COLS, 8));
    assert_non_null(strstr(frame(), "\r\033[7A\n"));
    end();
}

/* What comes back under the alternate screen is lost in xterm, so it is fed again; tmux keeps it.
 */
static void feeds_again_what_xterm_loses(void **state)
{
    (void)state;
    static const char *const version[] = {"XTerm(379)", "tmux 3.3a"};
    for (unsigned i = 0; i < 2; i++) {
        begin(10);
        struct answers a = {.reports = true};
        strcpy(a.version, version[i]);
        view_know(view, &a);
        view_now(view, 1000000);
        say("h1\r\nh2\r\nh3\r\nh4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n10\r\n11\r\n12\r\n13\r\n14");
        struct history *h = term_history(far);
        for (uint64_t n = 0; n < history_end(h); n++) {
            const struct row *line = history_line(h, n);
            view_history_line(view, n, row_copy(line, line->used));
        }
        assert_non_null(strstr(frame(), "h4"));
        say("\033[?1049h");
        frame();
        view_now(view, 9000000);
        view_resize(view, COLS, 8);
        view_resize(view, COLS, 10);
        say("\033[?1049l");
        frame();
        while (view_fence(view, COLS, 10) && !strstr(frame(), "14"))
            ;
        assert_int_equal(strstr((const char *)buf_data(&out), "h4") != NULL, !i);
        end();
    }
}

/* The terminal says a size that nobody told of: it is asked again, and not at once. */
static void asks_again_after_a_while(void **state)
{
    (void)state;
    begin(10);
    say("1");
    view_now(view, 1000000);
    frame();
    view_resize(view, COLS, 8);
    assert_non_null(strstr(frame(), "\033[6n"));
    assert_true(view_fence(view, COLS, 1));
    assert_false(view_fence(view, COLS, 5));
    view_resize(view, COLS, 8); /* as the client does */
    assert_string_equal(frame(), "");
    assert_true(view_deadline(view) > 1000000 && view_deadline(view) < 1500000);
    view_now(view, view_deadline(view));
    assert_non_null(strstr(frame(), "\033[6n"));
    end();
}

/* Soon after a resize a frame waits for the answer to the one before. */
static void one_frame_at_a_time(void **state)
{
    (void)state;
    begin(10);
    view_now(view, 1000000);
    frame();
    view_resize(view, COLS, 8);
    frame();
    assert_true(view_fence(view, COLS, 1));
    assert_true(view_fence(view, COLS, 8));
    say("a");
    unsigned fences = view_fences(view);
    assert_non_null(strstr(frame(), "a")); /* all rows: it ends in the last one */
    assert_int_equal(view_fences(view), fences + 1);
    say("b");
    assert_string_equal(frame(), "");
    assert_true(view_fence(view, COLS, 8));
    assert_non_null(strstr(frame(), "b"));
    say("c"); /* no answer: it does not wait for ever */
    assert_string_equal(frame(), "");
    for (unsigned i = 0; i < 2; i++) { /* a fence is due before */
        view_now(view, view_deadline(view));
        assert_int_equal(strstr(frame(), "c") != NULL, i);
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_way_up_ends_at_the_top),
        cmocka_unit_test(feeds_again_what_xterm_loses),
        cmocka_unit_test(asks_again_after_a_while),
        cmocka_unit_test(one_frame_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
