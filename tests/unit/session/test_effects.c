#include "ends.h"

#include "session/effects.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the queue ---- */

static void add(struct effects *f, uint32_t kind, const char *text)
{
    effects_add(f, kind, 0, text, strlen(text));
}

static void floods_are_bounded(void **state)
{
    (void)state;
    struct effects f;
    char text[64];
    effects_init(&f);
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "9;note %d", i);
        add(&f, EVENT_NOTIFY, text);
    }
    assert_int_equal(f.count, EFFECTS_NOTIFY);
    assert_memory_equal(f.item[f.count - 1].text, "9;note 999", 10);
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "c;%06d", i);
        add(&f, EVENT_CLIP, text);
        add(&f, EVENT_CWD, text);
        effects_add(&f, EVENT_BELL, 1, NULL, 0);
    }
    assert_true(f.count <= EFFECTS_NOTIFY + 3);
    for (int i = 0; i < 1000; i++) {
        effects_add(&f, EVENT_BELL, 1, NULL, 0);
        snprintf(text, sizeof text, "%d;aaaa", i); /* targets of their own each */
        add(&f, EVENT_CLIP, text);
    }
    assert_true(f.count <= EFFECTS_MAX);
    char *big = malloc(EFFECT_TEXT_MAX + 1);
    memset(big, 'a', EFFECT_TEXT_MAX + 1);
    for (char c = '0'; c < '9'; c++) {
        big[0] = c;
        big[1] = ';';
        effects_add(&f, EVENT_CLIP, 0, big, EFFECT_TEXT_MAX);
        effects_add(&f, EVENT_CLIP, 0, big, EFFECT_TEXT_MAX + 1);
    }
    assert_true(effects_memory(&f) <= EFFECTS_BYTES);
    assert_int_equal(f.item[f.count - 1].text[0], '8');
    free(big);
    effects_fini(&f);
}

static void only_the_newest(void **state)
{
    (void)state;
    struct effects f;
    effects_init(&f);
    add(&f, EVENT_CLIP, "c;AAAA");
    add(&f, EVENT_CLIP, "p;BBBB");
    add(&f, EVENT_PROGRESS, "1;5");
    add(&f, EVENT_NOTIFY, "9;n");
    add(&f, EVENT_CLIP, "c;CCCC");
    add(&f, EVENT_PROGRESS, "1;6");
    effects_add(&f, EVENT_BELL, 1, NULL, 0);
    effects_add(&f, EVENT_BELL, 2, NULL, 0);
    static const uint32_t kinds[] = {EVENT_CLIP, EVENT_NOTIFY, EVENT_CLIP, EVENT_PROGRESS,
                                     EVENT_BELL};
    assert_int_equal(f.count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(f.item[i].kind, kinds[i]);
    assert_memory_equal(f.item[2].text, "c;CCCC", 6);
    assert_int_equal(f.item[4].value, 3);
    /* What was shown is forgotten when everybody has passed it. */
    f.shown = f.item[1].number;
    effects_forget(&f, f.item[0].number);
    assert_int_equal(f.count, 4);
    effects_forget(&f, UINT64_MAX);
    assert_int_equal(f.count, 3);
    effects_fini(&f);
}

/* ---- from a program to the user's terminal ---- */

struct rig {
    struct ends e;
    struct buf seen[CLIENTS];
};

static void rig_init(struct rig *r)
{
    ends_init(&r->e);
    for (int i = 0; i < CLIENTS; i++) {
        buf_init(&r->seen[i], 8 << 20);
        r->e.seen[i] = &r->seen[i];
    }
    ends_join(&r->e, 0, 80, 24);
    ends_run(&r->e, SECOND);
}

static void rig_fini(struct rig *r)
{
    ends_fini(&r->e);
    for (int i = 0; i < CLIENTS; i++)
        buf_fini(&r->seen[i]);
}

/* How often client i's terminal got that text. */
static int times(struct rig *r, int i, const char *text, size_t len)
{
    const uint8_t *p = buf_data(&r->seen[i]), *end = p + buf_len(&r->seen[i]);
    int n = 0;
    for (; (size_t)(end - p) >= len; p++)
        n += !memcmp(p, text, len);
    return n;
}

static int bells(struct rig *r, int i)
{
    struct snapshot *s = term_snapshot(r->e.tty[i]);
    int n = (int)s->bells;
    snapshot_unref(s);
    return n;
}

#define TIMES(r, i, text) times(r, i, text, sizeof text - 1)
#define CLIP(text)        "\033]52;" text "\a"

static void told_once(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    ends_join(&r.e, 1, 80, 24);
    ends_run(&r.e, SECOND);
    ends_print(&r.e, "\a" CLIP("c;QUJD") "text");
    ends_run(&r.e, 5 * SECOND);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bells(&r, i), 1);
        assert_int_equal(TIMES(&r, i, CLIP("c;QUJD")), 1);
    }
    assert_true(server_end_memory(r.e.server) < 1 << 20);
    ends_join(&r.e, 2, 80, 24); /* later than all of it */
    ends_run(&r.e, 5 * SECOND);
    assert_int_equal(bells(&r, 2), 0);
    assert_int_equal(TIMES(&r, 2, "\033]52"), 0);
    rig_fini(&r);
}

static void outage(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    r.e.cut[0] = true;
    ends_print(&r.e, "x"); /* owed: so the link knows that it is quiet */
    ends_run(&r.e, 10 * SECOND);
    for (int i = 0; i < 100; i++) {
        ends_print(&r.e, "\a" CLIP("c;QUFB"));
        ends_run(&r.e, SECOND);
    }
    ends_print(&r.e, CLIP("c;QUJD"));
    ends_run(&r.e, SECOND);
    r.e.cut[0] = false;
    ends_run(&r.e, 30 * SECOND);
    assert_int_equal(bells(&r, 0), 1);
    assert_int_equal(TIMES(&r, 0, CLIP("c;QUJD")), 1);
    assert_int_equal(TIMES(&r, 0, "\033]52"), 1);
    rig_fini(&r);
}

/* The client dies in an outage; what it never saw is shown to the next one, once. */
static void attached_again(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    ends_print(&r.e, CLIP("c;c2Vlbg=="));
    ends_run(&r.e, SECOND);
    assert_int_equal(TIMES(&r, 0, CLIP("c;c2Vlbg==")), 1);
    r.e.cut[0] = true;
    ends_print(&r.e, "\a" CLIP("c;QUJD"));
    ends_run(&r.e, 5 * SECOND);
    ends_drop(&r.e, 0);
    ends_run(&r.e, 300 * (uint64_t)SECOND);
    for (int i = 1; i <= 2; i++) {
        ends_join(&r.e, i, 80, 24);
        ends_run(&r.e, 5 * SECOND);
        assert_int_equal(bells(&r, i), i == 1);
        assert_int_equal(TIMES(&r, i, CLIP("c;QUJD")), i == 1);
        assert_int_equal(TIMES(&r, i, CLIP("c;c2Vlbg==")), 0);
    }
    rig_fini(&r);
}

/* The largest clipboard, base64 of 1 MiB; then one that is larger. */
static void large_clipboard(void **state)
{
    (void)state;
    struct rig r;
    size_t n = 1398104;
    char *text = malloc(n + 20);
    memcpy(text, "\033]52;c;", 7);
    for (size_t i = 0; i < n; i++)
        text[7 + i] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[i * 7 / 3 % 64];
    memcpy(text + 7 + n, "\a", 2);
    rig_init(&r);
    ends_print(&r.e, text);
    ends_run(&r.e, 30 * SECOND);
    assert_int_equal(times(&r, 0, text, n + 8), 1);
    /* And the command ends right behind it. */
    buf_clear(&r.seen[0]);
    ends_print(&r.e, text);
    server_session_exited(r.e.server, r.e.sid, 0, 0, r.e.now);
    ends_run(&r.e, 30 * SECOND);
    assert_true(ends_done(&r.e, 0));
    assert_int_equal(times(&r, 0, text, n + 8), 1);
    rig_fini(&r);

    rig_init(&r);
    memcpy(text + 7 + n, "AAAA\a", 6);
    ends_print(&r.e, text);
    ends_run(&r.e, 30 * SECOND);
    assert_int_equal(TIMES(&r, 0, "\033]52"), 0);
    rig_fini(&r);
    free(text);
}

/* A terminal's answers to client i's questions. */
static void terminal_answers(struct rig *r, int i, const char *background)
{
    char text[100];
    snprintf(text, sizeof text, "\033]11;%s\033\\\033[?0u\033[?62c", background);
    client_end_keys(r->e.client[i], text, strlen(text), r->e.now);
}

static void asks(struct rig *r, const char *question, const char *want)
{
    buf_clear(&r->e.typed);
    ends_print(&r->e, question);
    ends_run(&r->e, SECOND);
    ends_assert_typed(&r->e, want);
}

/* What programs are told is of the terminal last typed in. */
static void facts_of_the_last_typist(void **state)
{
    (void)state;
    struct rig r;
    ends_init(&r.e);
    for (int i = 0; i < CLIENTS; i++)
        buf_init(&r.seen[i], 8 << 20);
    r.e.ask = true;
    ends_join(&r.e, 0, 80, 24);
    ends_print(&r.e, "\033]11;?\a\033[5n"); /* before anything is known */
    ends_exchange(&r.e);
    ends_assert_typed(&r.e, "");
    terminal_answers(&r, 0, "#102030");
    ends_run(&r.e, SECOND);
    ends_assert_typed(&r.e, "\033]11;rgb:1010/2020/3030\a\033[0n");
    ends_join(&r.e, 1, 80, 24);
    ends_run(&r.e, SECOND / 10);
    terminal_answers(&r, 1, "#ffffff");
    ends_run(&r.e, SECOND);
    asks(&r, "\033]11;?\a", "\033]11;rgb:ffff/ffff/ffff\a"); /* attaching counts as typing */
    ends_type(&r.e, 0, "a");
    ends_run(&r.e, SECOND);
    asks(&r, "\033]11;?\a\033[?u", "\033]11;rgb:1010/2020/3030\a\033[?0u");
    ends_drop(&r.e, 0);
    ends_type(&r.e, 1, "b");
    ends_run(&r.e, SECOND);
    asks(&r, "\033]11;?\a", "\033]11;rgb:ffff/ffff/ffff\a");
    rig_fini(&r);
}

/* Nothing comes: questions are answered without it, a little late. */
static void facts_that_never_come(void **state)
{
    (void)state;
    struct rig r;
    ends_init(&r.e);
    for (int i = 0; i < CLIENTS; i++)
        buf_init(&r.seen[i], 8 << 20);
    r.e.ask = true;
    ends_join(&r.e, 0, 80, 24);
    r.e.cut[0] = true;
    ends_print(&r.e, "\033]11;?\a\033[5n");
    ends_run(&r.e, SECOND);
    ends_assert_typed(&r.e, "");
    ends_run(&r.e, 2 * SECOND);
    ends_assert_typed(&r.e, "\033[0n");
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floods_are_bounded),
        cmocka_unit_test(only_the_newest),
        cmocka_unit_test(told_once),
        cmocka_unit_test(outage),
        cmocka_unit_test(attached_again),
        cmocka_unit_test(facts_of_the_last_typist),
        cmocka_unit_test(facts_that_never_come),
        cmocka_unit_test(large_clipboard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
