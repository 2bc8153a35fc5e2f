/* No input makes a byte dear: the engine's sources are compiled once more with a counter in every
 * basic block, and what memcpy and its like move is counted by the word. Steps, not seconds, so the
 * figures do not hang on the machine. */
#include "term/engine.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* docs/SEQUENCES.md, Cost, states these: a byte takes at most BYTE_STEPS, and LINE_STEPS for each
 * row and column of the screen (a line may scroll); a control sequence, besides, CELL_STEPS for
 * each cell. */
#define BYTE_STEPS 300
#define LINE_STEPS 16
#define CELL_STEPS 200

static uint64_t steps;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    steps++;
}

#define WRAP(name)                                                                                 \
    void *__real_##name(void *to, const void *from, size_t n);                                     \
    void *__wrap_##name(void *to, const void *from, size_t n);                                     \
    void *__wrap_##name(void *to, const void *from, size_t n)                                      \
    {                                                                                              \
        steps += n / 8;                                                                            \
        return __real_##name(to, from, n);                                                         \
    }
WRAP(memcpy)
WRAP(memmove)
void *__real_memset(void *to, int c, size_t n);
void *__wrap_memset(void *to, int c, size_t n);
void *__wrap_memset(void *to, int c, size_t n)
{
    steps += n / 8;
    return __real_memset(to, c, n);
}

enum { INPUT = 40000 };

struct input {
    const char *before, *again; /* once; then repeated */
};

/* Nothing here may hang on the size of the screen. */
static const struct input cheap[] = {
    {"", "a"},
    {"", "\u4e2d"},
    {"\033[58:5:1m", "a"},
    {"\033[58:5:1m", "\u4e2d"},
    /* strings without an end */
    {"\033]0;", "a"},
    {"\033]0;", "\u4e2d"},
    {"\033]52;c;", "YWFh"},
    {"\033]8;;", "x"},
    {"\033P", "a"},
    {"\033P$q", "a"},
    {"\033P+q", "5465"},
    {"\033_", "a"},
    {"\033^", "\x07"},
    {"\033X", "\u4e2d"},
    /* parameters */
    {"\033[", "9"},
    {"\033[", "1;"},
    {"\033[", ":"},
    {"\033[?", "1;"},
    {"\033[", "!"},
    {"\033", " "},
    {"", "\033["},
    {"", "\033[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1m"},
    {"", "\033[38:2::1:2:3;48:2::1:2:3;4:3;58:2::1:2:3m"},
    {"", "\033[?1;1000;1002;1003;1006;2004;25;7;6h"},
    {"", "\033[?1;1000;1002;1003;1006;2004;25;7;6s\033[?1;6r"},
    /* marks on a cell */
    {"e", "\u0301"},
    {"", "\u0301"},
    {"", "e\u0301"},
    {"", "e\u0301\b"},
    {"", "\u4e2d\u0301\u0302\u0303\b\b"},
    {"\033[99C", "\u0301\033[D"},
    {"", "\u200d"},
    {"\033[?2027h", "\u0301"},
    {"\033[?2027he", "\u200d"},
    {"\033[?2027h", "\u200d\U0001f468"},
    {"\033[?2027h", "\u2764\ufe0f"},
    {"\033[?2027h\033[1;999H", "\u2764\ufe0f\b\b"},
    {"\033[?2027h", "\U0001f1e9"},
    {"\033[?2027h", "\u1112\u1161\u11ab"},
    /* floods */
    {"", "\033]2;a\a"},
    {"", "\033]2;\a"},
    {"\033]2;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\a",
     "\033[22t"},
    {"", "\033[22;0t\033[23;0t"},
    {"", "\033]8;;http://a\a"},
    {"", "\033]8;id=1;http://a\a\033]8;;\a"},
    {"", "\033]4;1;#123456;2;#123456\a"},
    {"", "\033]104\a"},
    {"", "\033]9;a\a"},
    {"", "\033]7;file:///a\a"},
    {"", "\033[>1u"},
    {"", "\033[<1u"},
    {"", "\033[#{"},
    {"", "\033[#}"},
    {"", "\0337"},
    {"", "\0338"},
    {"", "\a"},
    {"", "\033[c"},
    {"", "\033[6n"},
    {"", "\033P$qm\033\\"},
    {"", "\033[?7$p"},
    /* bytes that are no UTF-8 */
    {"", "\x80"},
    {"", "\xff"},
    {"", "\xc3"},
    {"", "\xe4\xb8"},
    {"", "\xf4\x8f\xbf"},
    {"", "\xed\xa0\x80"},
    {"", "\xc0\xaf"},
    {"", "\xf8\x88\x80\x80\x80"},
    {"\033]0;", "\xf0\x9f"},
};

/* Each of these may touch every cell of the screen, but only a few times. */
static const char *const whole[] = {
    "\033[2J",
    "\033[1;1H\033[J",
    "\033[3J",
    "\033#8",
    "\033c",
    "\033[!p",
    "\n",
    "a\r\n",
    "\033[65535b",
    "\u4e2d\033[65535b",
    "\033[65535L",
    "\033[65535M",
    "\033[1;1H\033[65535@",
    "\033[1;1H\033[65535P",
    "\033[1;1H\033[65535X",
    "\033[65535S",
    "\033[65535T",
    "\033[65535 @",
    "\033[65535 A",
    "\033[65535'}",
    "\033[65535'~",
    "\033[1;1H\0336",
    "\033[1;999H\0339",
    "\033[65535I",
    "\033[65535Z",
    "\t",
    "\033[1;1H\033M",
    "\033[999H\n",
    "\033[4ha\b\u4e2d\b\b",
    "\033[?47h\033[?47l",
    "\033[?1049h\033[?1049l",
    "\033[?3h",
    "\033[1;1;999;999;1;1;1;1$v",
    "\033[88;1;1;999;999$x",
    "\033[1;1;999;999$z",
    "\033[1;1;999;999${",
    "\033[1;1;999;999;1$r",
    "\033[1;1;999;999;1$t",
    "\033[1;1;1;1;999;999*y",
    "\033[?69h\033[2;3s\033[65535S\033[65535L\033[s",
    "\033[?69h\033[2;999s\033[999;2H\n",
    "\033[?69h\033[1;70s\033[999;70Hab",
    "\033[?69h\033[1;2s\033[1;2H\033M\033[L\033[@",
    "\033[1;1;999;999;1;2;2;1$v",
    "\033[1;2;999;999;1;1;1;1$v",
    "\033[58:5:1m\033[88;1;1;999;50$x",
    "\033[58:5:1m\033[1;2;999;50$z",
    "\033[1;2H\033['}\033['~",
    "\033Va\033W\033[2J",
    "\033[?45h\033[65535D",
    "\033[?2J\033[?1K",
    "\033[1\"qa\033[0\"q\033[?2J",
};

static struct term *engine(uint16_t cols, uint16_t rows)
{
    struct term *t =
        term_new(&(struct term_config){.cols = cols, .rows = rows, .history_bytes = 1 << 20});
    term_set_width_profile(t,
                           &(struct width_profile){.graphemes = true, .vs16 = true, .vs15 = true});
    /* A screen of text with marks, colours and a background. */
    for (uint16_t i = 0; i < rows; i++)
        for (uint16_t c = 0; c < cols; c += 8)
            term_write(t, "\033[44;58:5:2ma\u0301b\u4e2d\033[31mcdef", 29);
    return t;
}

/* Steps for a repetition, on average. */
static uint64_t count(struct term *t, const char *before, const char *again, size_t times)
{
    size_t len = strlen(again);
    uint8_t *all = mem_new(times, len);
    for (size_t i = 0; i < times; i++)
        memcpy(all + i * len, again, len);
    term_write(t, before, strlen(before));
    term_write(t, again, len); /* what is done once (tables, caches) is not a byte's cost */
    steps = 0;
    /* In pieces, as a pty gives them. */
    for (size_t at = 0; at < times * len; at += 1000)
        term_write(t, all + at, times * len - at < 1000 ? times * len - at : 1000);
    free(all);
    struct buf *replies = term_replies(t);
    buf_skip(replies, buf_len(replies));
    return steps / times;
}

static const uint16_t sizes[][2] = {{80, 24}, {300, 100}, {1, 1}, {4096, 2}, {2, 4096}};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static uint64_t price(const uint16_t size[2])
{
    return BYTE_STEPS + (uint64_t)LINE_STEPS * (size[0] + size[1]);
}

static void a_byte_has_a_price(void **state)
{
    (void)state;
    uint64_t most = 0;
    for (size_t s = 0; s < SIZES; s++)
        for (size_t i = 0; i < sizeof cheap / sizeof cheap[0]; i++) {
            struct term *t = engine(sizes[s][0], sizes[s][1]);
            size_t len = strlen(cheap[i].again);
            uint64_t got = count(t, cheap[i].before, cheap[i].again, INPUT / len) / len;
            most = got > most ? got : most;
            if (got > price(sizes[s]))
                fail_msg("%dx%d, %s (case %d): %d steps a byte", sizes[s][0], sizes[s][1],
                         cheap[i].again + (cheap[i].again[0] == 033), (int)i, (int)got);
            term_free(t);
        }
    print_message("dearest byte: %d steps\n", (int)most);
    assert_true(most > 10); /* the counter counts */
}

static void a_sequence_has_a_price(void **state)
{
    (void)state;
    uint64_t most = 0;
    for (size_t s = 0; s < SIZES; s++)
        for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
            uint64_t cells = (uint64_t)sizes[s][0] * sizes[s][1];
            struct term *t = engine(sizes[s][0], sizes[s][1]);
            uint64_t got = count(t, "", whole[i], 6), bytes = strlen(whole[i]) * price(sizes[s]);
            term_free(t);
            uint64_t each = got > bytes ? (got - bytes) / cells : 0;
            most = each > most ? each : most;
            if (each > CELL_STEPS)
                fail_msg("%dx%d, ESC %s (case %d): %d steps, %d a cell", sizes[s][0], sizes[s][1],
                         whole[i] + 1, (int)i, (int)got, (int)each);
        }
    print_message("dearest sequence: %d steps a cell\n", (int)most);
}

/* Ten thousand marks on one cell are 32 bytes, and cost like text. */
static void marks_on_a_cell(void **state)
{
    (void)state;
    for (int clusters = 0; clusters < 2; clusters++) {
        struct term *t = engine(80, 24);
        uint64_t one =
            count(t, clusters ? "\033[?2027h\033[2J\033[He" : "\033[2J\033[He", "\u0301", 10000);
        assert_true(one <= 2 * BYTE_STEPS);
        struct snapshot *s = term_snapshot(t);
        uint8_t text[CELL_UTF8_MAX];
        size_t n = row_text(s->main_row[0], 0, text);
        assert_true(n >= CLUSTER_BYTES && n <= CLUSTER_BYTES + 3);
        assert_int_equal(s->cursor.col, 1);
        assert_true(row_bytes(s->main_row[0]) < 80 * sizeof(struct cell) * 4);
        snapshot_unref(s);
        term_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_byte_has_a_price),
        cmocka_unit_test(a_sequence_has_a_price),
        cmocka_unit_test(marks_on_a_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
