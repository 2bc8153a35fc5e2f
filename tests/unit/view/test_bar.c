#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "view/bar.h"

#include <string.h>

#define S  1000000ull
#define MS 1000ull

static const char *text(const struct bar_facts *f, uint64_t now)
{
    static struct buf b;
    static char out[256];
    buf_init(&b, 256);
    out[0] = 0;
    if (bar_text(f, now, &b)) {
        memcpy(out, buf_data(&b), buf_len(&b));
        out[buf_len(&b)] = 0;
    } else {
        assert_int_equal(buf_len(&b), 0);
    }
    buf_fini(&b);
    return out;
}

static struct bar_facts stock(void)
{
    return (struct bar_facts){.kind = BAR_STOCK,
                              .prefix = "mosh",
                              .quit = "Ctrl-^ .",
                              .connected = true,
                              .contact_us = 100 * S,
                              .reply_us = 100 * S,
                              .port = 60001};
}

static struct bar_facts native(void)
{
    return (struct bar_facts){.kind = BAR_NATIVE,
                              .prefix = "tern",
                              .quit = "~.",
                              .connected = true,
                              .quiet = true,
                              .contact_us = 100 * S,
                              .reply_us = 100 * S};
}

static void tells_the_contact_clock(void **state)
{
    (void)state;
    struct bar_facts f = stock();
    assert_string_equal(text(&f, 106 * S), "");
    assert_string_equal(text(&f, 106 * S + 500 * MS), "");
    assert_string_equal(text(&f, 106 * S + 501 * MS),
                        "mosh: Last contact 6 seconds ago. [To quit: Ctrl-^ .]");
    assert_string_equal(text(&f, 159 * S + 999 * MS),
                        "mosh: Last contact 59 seconds ago. [To quit: Ctrl-^ .]");
    assert_string_equal(text(&f, 165 * S), "mosh: Last contact 1:05 ago. [To quit: Ctrl-^ .]");
    assert_string_equal(text(&f, (100 + 3600 * 27 + 62) * S),
                        "mosh: Last contact 27:01:02 ago. [To quit: Ctrl-^ .]");
}

static void tells_the_reply_clock(void **state)
{
    (void)state;
    struct bar_facts f = stock();
    f.contact_us = 111 * S;
    assert_string_equal(text(&f, 110 * S), "");
    assert_string_equal(text(&f, 111 * S), "mosh: Last reply 11 seconds ago. [To quit: Ctrl-^ .]");
    f.quit = NULL;
    assert_string_equal(text(&f, 111 * S), "mosh: Last reply 11 seconds ago.");
}

static void tells_messages(void **state)
{
    (void)state;
    struct bar_facts f = stock();
    f.message = "Crypto exception";
    f.message_until_us = 101 * S;
    assert_string_equal(text(&f, 100 * S), "mosh: Crypto exception [To quit: Ctrl-^ .]");
    assert_string_equal(text(&f, 101 * S), "");
    assert_int_equal(bar_deadline(&f, 100 * S), 101 * S);
    f.message_until_us = UINT64_MAX;
    assert_string_equal(text(&f, 112 * S),
                        "mosh: Crypto exception (12 s without contact.) [To quit: Ctrl-^ .]");
    f.message_plain = true;
    f.contact_us = 112 * S;
    assert_string_equal(text(&f, 112 * S), "mosh: Crypto exception (12 s without reply.)");
}

static void tells_that_it_connects(void **state)
{
    (void)state;
    struct bar_facts f = {.kind = BAR_STOCK, .prefix = "mosh", .since_us = 5 * S, .port = 60001};
    assert_string_equal(text(&f, 5 * S + 249 * MS), "");
    assert_int_equal(bar_deadline(&f, 5 * S), 5 * S + 250 * MS);
    assert_string_equal(text(&f, 5 * S + 250 * MS),
                        "mosh: Nothing received from server on UDP port 60001.");
    assert_int_equal(bar_deadline(&f, 6 * S), 11 * S + 500 * MS + 1);
    assert_string_equal(
        text(&f, 12 * S),
        "mosh: Nothing received from server on UDP port 60001. (7 s without contact.)");
    assert_int_equal(bar_deadline(&f, 12 * S), 13 * S);
    assert_string_equal(text(&f, 20 * S),
                        "mosh: Timed out waiting for server... (15 s without contact.)");
    f.message = "Exiting on user request...";
    f.message_until_us = UINT64_MAX;
    assert_string_equal(text(&f, 11 * S), "mosh: Exiting on user request...");
    assert_string_equal(text(&f, 12 * S),
                        "mosh: Exiting on user request... (7 s without contact.)");
}

/* Natively it counts only while the link is quiet. */
static void counts_while_quiet(void **state)
{
    (void)state;
    struct bar_facts f = native();
    assert_string_equal(text(&f, 102 * S), "tern: Last contact 2 seconds ago. [To quit: ~.]");
    assert_int_equal(bar_deadline(&f, 102 * S), 103 * S);
    f.quiet = false;
    assert_string_equal(text(&f, 102 * S), "");
    assert_int_equal(bar_deadline(&f, 102 * S), UINT64_MAX);
    /* Their datagrams come, ours do not get there. */
    f.quiet = true;
    f.contact_us = 109 * S;
    assert_string_equal(text(&f, 109 * S), "tern: Last reply 9 seconds ago. [To quit: ~.]");
}

static void wakes_when_the_text_changes(void **state)
{
    (void)state;
    struct bar_facts f = stock();
    assert_int_equal(bar_deadline(&f, 100 * S), 106 * S + 500 * MS + 1);
    assert_int_equal(bar_deadline(&f, 107 * S), 108 * S);
    assert_int_equal(bar_deadline(&f, 107 * S + 1), 108 * S);
    assert_int_equal(bar_deadline(&f, 160 * S), 163 * S);
    f.contact_us = 109 * S;
    assert_int_equal(bar_deadline(&f, 109 * S), 110 * S + 1);
    /* From one deadline to the next the text stays (until a minute is over). */
    for (uint64_t t = 100 * S; t < 155 * S;) {
        uint64_t next = bar_deadline(&f, t);
        assert_true(next > t);
        char now[256];
        memcpy(now, text(&f, t), sizeof now);
        assert_string_equal(text(&f, next - 1), now);
        t = next;
    }
}

static void wraps_at_spaces(void **state)
{
    static const struct {
        uint16_t cols;
        const char *text, *want;
    } t[] = {
        {10, "", ""},
        {10, "ten bytes.", "ten bytes."},
        {10, "ten bytes. more", "ten bytes.\nmore"},
        {9, "ten bytes. more", "ten\nbytes.\nmore"},
        {4, "a-word-too-long for it", "a-word-too-long\nfor\nit"},
        {1, "a b c", "a\nb\nc"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct buf b;
        buf_init(&b, 100);
        buf_put_text(&b, t[i].text);
        bar_wrap(&b, t[i].cols);
        assert_int_equal(buf_len(&b), strlen(t[i].want));
        assert_memory_equal(buf_data(&b) ? (const char *)buf_data(&b) : "", t[i].want, buf_len(&b));
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps_at_spaces),
        cmocka_unit_test(tells_the_contact_clock),
        cmocka_unit_test(tells_the_reply_clock),
        cmocka_unit_test(tells_messages),
        cmocka_unit_test(tells_that_it_connects),
        cmocka_unit_test(counts_while_quiet),
        cmocka_unit_test(wakes_when_the_text_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
