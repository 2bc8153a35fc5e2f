/* Guesses against far programs, in virtual time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "programs.h"

#include <stdio.h>
#include <string.h>

static struct world w;

#define RTT 200000u

static void settle(void)
{
    world_wait(&w, RTT + 200000);
    assert_true(world_settled(&w));
}

static void a_new_prompt_waits_once(void **state)
{
    (void)state;
    world_open(&w, PROGRAM_READLINE, RTT, PREDICT_ALWAYS, false);
    world_text(&w, "a", 10000);
    assert_string_equal(world_row(&w, 0), "host$"); /* nothing is known yet */
    settle();
    assert_string_equal(world_row(&w, 0), "host$ a");
    world_text(&w, "bc", 10000);
    assert_string_equal(world_row(&w, 0), "host$ abc");
    assert_int_equal(world_col(&w), 9);
    world_text(&w, "\177", 10000);
    assert_string_equal(world_row(&w, 0), "host$ ab");
    world_text(&w, "\r", 10000);
    assert_string_equal(world_row(&w, 0), "host$ ab"); /* what came before the CR stays */
    world_text(&w, "x", 10000);
    assert_string_equal(world_row(&w, 0), "host$ ab");
    settle();
    /* The same prompt again. */
    world_text(&w, "yz", 10000);
    assert_string_equal(world_row(&w, 2), "host$ xyz");
    settle();
    uint64_t longest;
    assert_int_equal(world_wrong(&w, &longest), 0);
    assert_int_equal(predict_counts(w.predict).wrong, 0);
    world_close(&w);
}

static void in_the_middle_of_a_line(void **state)
{
    (void)state;
    world_open(&w, PROGRAM_READLINE, RTT, PREDICT_ALWAYS, false);
    world_text(&w, "abcdef", 10000);
    settle();
    for (int i = 0; i < 3; i++) {
        world_type(&w, "\033[D", 3);
        world_wait(&w, 5000);
    }
    world_text(&w, "xy", 10000);
    assert_string_equal(world_row(&w, 0), "host$ abcxydef");
    assert_int_equal(world_col(&w), 11);
    world_text(&w, "\177", 10000);
    assert_string_equal(world_row(&w, 0), "host$ abcxdef");
    settle();
    world_text(&w, "\005!", 10000);
    assert_string_equal(world_row(&w, 0), "host$ abcxdef"); /* where ^E leads is not guessed */
    settle();
    assert_string_equal(world_row(&w, 0), "host$ abcxdef!");
    world_text(&w, "?", 10000); /* in a line of a known prompt */
    assert_string_equal(world_row(&w, 0), "host$ abcxdef!?");
    settle();
    uint64_t longest;
    assert_int_equal(world_wrong(&w, &longest), 0);
    world_close(&w);
}

/* Nothing of the line was seen before its end was typed. */
static void a_line_in_one_go(void **state)
{
    (void)state;
    world_open(&w, PROGRAM_READLINE, RTT, PREDICT_ALWAYS, false);
    for (int i = 0; i < 2; i++) {
        for (const char *c = "command\r"; *c; c++)
            world_type(&w, c, 1);
        world_wait(&w, 20000);
        assert_int_equal(world_guesses(&w), i); /* at the second prompt it is known */
        settle();
    }
    world_close(&w);
    world_open(&w, PROGRAM_SECRET, RTT, PREDICT_ALWAYS, false);
    for (const char *c = "secret\r"; *c; c++)
        world_type(&w, c, 1);
    settle();
    world_print(&w, "Password: ");
    settle();
    world_text(&w, "secret", 1000);
    assert_false(w.covered);
    world_close(&w);
}

/* How the right edge works is seen once, then known. */
static void edges_are_learned(void **state)
{
    (void)state;
    static const enum program programs[] = {PROGRAM_CAT, PROGRAM_READLINE};
    for (size_t i = 0; i < 2; i++) {
        world_open(&w, programs[i], RTT, PREDICT_ALWAYS, false);
        world_text(&w, "0123456789012345678901234567890123456789", 30000);
        settle();
        world_text(&w, "0123456789012345678901234567890123456789", 30000);
        settle();
        if (programs[i] == PROGRAM_CAT) {
            world_text(&w, "xy", 10000);
            assert_string_equal(world_row(&w, 2), "xy");
        }
        world_text(&w, "0123456789012345678901234567890123456789ab", 4000);
        assert_string_equal(world_row(&w, 3), programs[i] == PROGRAM_CAT ? "89ab" : "456789ab");
        settle();
        uint64_t longest;
        assert_int_equal(world_wrong(&w, &longest), 0);
        world_close(&w);
    }
}

static void passwords_do_not_show(void **state)
{
    (void)state;
    /* Of a raw pty nobody knows; of one that reads lines without echo it is known. */
    for (unsigned i = 0; i < 3; i++) {
        world_open(&w, PROGRAM_SECRET, RTT, i == 2 ? PREDICT_EXPERIMENTAL : PREDICT_ALWAYS, i == 1);
        if (i != 1)
            w.tty |= PREDICT_TTY_CANONICAL;
        world_print(&w, "");
        settle();
        world_text(&w, "secret\177\177et", 50000);
        settle();
        world_text(&w, "again\r", 50000);
        settle();
        assert_false(w.covered);
        world_close(&w);
    }
}

/* Echo goes off in a program at whose prompts it was always on. */
static void echo_goes_off(void **state)
{
    (void)state;
    world_open(&w, PROGRAM_READLINE, RTT, PREDICT_ALWAYS, false);
    world_text(&w, "abc\r", 50000);
    settle();
    w.program = PROGRAM_SECRET;
    w.tty |= PREDICT_TTY_CANONICAL;
    world_print(&w, "");
    settle();
    w.covered = false;
    world_text(&w, "secret", 50000);
    settle();
    assert_false(w.covered);
    world_close(&w);
}

static void the_kernels_echo(void **state)
{
    (void)state;
    world_open(&w, PROGRAM_COOKED, RTT, PREDICT_ALWAYS, false);
    world_text(&w, "ab\177c", 10000); /* it is known that it echoes */
    assert_string_equal(world_row(&w, 0), "ac");
    settle();
    uint64_t longest;
    assert_int_equal(world_wrong(&w, &longest), 0);
    world_close(&w);
}

static void modes_of_vi(void **state)
{
    (void)state;
    uint64_t longest;
    for (unsigned label = 0; label < 2; label++) {
        world_open(&w, PROGRAM_VI, RTT, PREDICT_ALWAYS, false);
        w.label = label;
        world_text(&w, "hello\r", 100000);
        settle();
        for (int i = 0; i < 4; i++) {
            world_text(&w, "word", 60000);
            settle();
            world_text(&w, "s", 10000);
            assert_true(world_guesses(&w));
            settle();
            w.covered = false;
            world_text(&w, "\033", 150000);
            world_text(&w, "hl0", 250000);
            settle();
            assert_false(w.covered); /* commands are no text */
            world_text(&w, "A", 400000);
            world_text(&w, " ", 100000);
            world_text(&w, "x", 10000);
            assert_int_equal(world_guesses(&w), label); /* by vi's own word, or not at all */
            settle();
        }
        assert_int_equal(world_wrong(&w, &longest), 0);
        world_close(&w);
    }
}

/* The key that begins insertion is not inserted, wherever the cursor is. */
static void keys_that_switch_modes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        world_open(&w, PROGRAM_VI, RTT, PREDICT_ALWAYS, i & 1);
        world_text(&w, "hello", 100000);
        settle();
        for (int n = 0; n < 3; n++) {
            world_text(&w, "\033", 300000);
            settle();
            world_text(&w, i & 2 ? "0" : "h", 300000);
            settle();
            w.covered = false;
            world_text(&w, i & 4 ? "o" : "i", 300000);
            assert_false(w.covered);
            world_text(&w, "xy", 120000);
            settle();
            assert_true(w.covered);
        }
        uint64_t longest;
        assert_int_equal(world_wrong(&w, &longest), 0);
        world_close(&w);
    }
}

static void only_when_it_helps(void **state)
{
    (void)state;
    world_open(&w, PROGRAM_READLINE, 4000, PREDICT_ADAPTIVE, false);
    world_text(&w, "hello world", 80000);
    world_wait(&w, 200000);
    assert_false(w.covered);
    assert_int_equal(predict_deadline(w.predict, w.now), UINT64_MAX);
    /* The far side does not answer: after a quarter of a second what was typed shows, after five it
     * is underlined. */
    w.rtt = 20000000;
    world_text(&w, "!", 1000);
    assert_false(world_guesses(&w));
    assert_int_equal(predict_deadline(w.predict, w.now), w.now + 249000);
    world_wait(&w, 260000);
    assert_string_equal(world_row(&w, 0), "host$ hello world!");
    const struct row *r = predict_overlay(w.predict, w.shown, w.now)->rows[0].row;
    assert_int_equal(row_pen(r, 17).attr & ATTR_UNDERLINE, 0);
    world_wait(&w, 5000000);
    r = predict_overlay(w.predict, w.shown, w.now)->rows[0].row;
    assert_int_equal(row_pen(r, 17).attr & ATTR_UNDERLINE, 1 << ATTR_UNDERLINE_SHIFT);
    assert_int_equal(row_pen(r, 16).attr & ATTR_UNDERLINE, 0);
    world_wait(&w, 21000000);
    assert_false(world_guesses(&w));
    world_close(&w);
}

static void printing_beside_it(void **state)
{
    (void)state;
    world_open(&w, PROGRAM_READLINE, RTT, PREDICT_ALWAYS, false);
    world_text(&w, "abc", 60000);
    settle();
    world_text(&w, "de", 20000);
    assert_true(world_guesses(&w));
    world_print(&w, "\0337\033[10;30H12:34\0338"); /* a clock: does not matter */
    world_wait(&w, RTT / 2 + 10000);
    assert_string_equal(world_row(&w, 0), "host$ abcde");
    settle();
    world_text(&w, "fg", 20000);
    world_print(&w, "\r\nbackground\r\nhost$ abcde"); /* the line goes elsewhere */
    world_wait(&w, RTT / 2 + 10000);
    settle();
    world_text(&w, "h", 20000);
    assert_true(world_guesses(&w));
    settle();
    world_close(&w);
}

static void pastes_and_floods_of_keys(void **state)
{
    (void)state;
    world_open(&w, PROGRAM_READLINE, RTT, PREDICT_ALWAYS, false);
    world_text(&w, "a", 60000);
    settle();
    uint8_t paste[200];
    memset(paste, 'x', sizeof paste);
    predict_keys(w.predict, paste, sizeof paste, 2, 201, w.now);
    assert_false(world_guesses(&w));
    predict_forget(w.predict, 2, 201);
    for (uint64_t i = 0; i < 100000; i++)
        predict_keys(w.predict, (const uint8_t *)(i % 5 ? "x" : "\t"), 1, 3 + i, 202 + i, w.now);
    assert_true(predict_memory(w.predict) < 100000);
    world_close(&w);
}

/* Whatever is typed, at whatever speed: in the end the screen is the far side's, and what was wrong
 * did not stay. */
static void at_random(void **state)
{
    (void)state;
    static const char *const keys[] = {"\r",   "\177",   "\033[D",   "\033[C", "\005",
                                       "\033", "\033[A", "\xc3\xa9", "A",      "h",
                                       "i",    " ",      "0"};
    struct rng r;
    for (unsigned seed = 0; seed < 60; seed++) {
        r = (struct rng){seed};
        world_open(&w, (enum program)(seed % 5), 20000 + rng_below(&r, 500000), PREDICT_ALWAYS,
                   seed % 2);
        w.label = seed % 3;
        for (int i = 0; i < 150; i++) {
            char c[2] = {(char)('a' + rng_below(&r, 26)), 0};
            const char *k = rng_below(&r, 4) ? c : keys[rng_below(&r, sizeof keys / sizeof *keys)];
            world_type(&w, k, strlen(k));
            world_wait(&w, 1000 + rng_below(&r, 200000));
            if (!rng_below(&r, 40))
                world_print(&w, rng_below(&r, 2) ? "\r\nnews\r\nhost$ " : "\033[2;2H?");
        }
        world_wait(&w, w.rtt + 300000);
        assert_true(world_settled(&w));
        uint64_t longest;
        world_wrong(&w, &longest);
        assert_in_range(longest, 0, w.rtt + 60000);
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_prompt_waits_once),
        cmocka_unit_test(in_the_middle_of_a_line),
        cmocka_unit_test(a_line_in_one_go),
        cmocka_unit_test(edges_are_learned),
        cmocka_unit_test(passwords_do_not_show),
        cmocka_unit_test(echo_goes_off),
        cmocka_unit_test(the_kernels_echo),
        cmocka_unit_test(modes_of_vi),
        cmocka_unit_test(keys_that_switch_modes),
        cmocka_unit_test(only_when_it_helps),
        cmocka_unit_test(printing_beside_it),
        cmocka_unit_test(pastes_and_floods_of_keys),
        cmocka_unit_test(at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
