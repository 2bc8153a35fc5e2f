/* Widths against Unicode's own files (Debian package unicode-data). */
#include "base/utf8.h"
#include "term/diff.h"
#include "term/history.h"
#include "term/term.h"
#include "term/width_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "/usr/share/unicode/"
enum { SEQUENCE_MAX = 32 };

static FILE *file(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s%s", FOLDER, name);
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s: not there (Debian package unicode-data)", path);
    return f;
}

/* Hexadecimal code points from *s on; returns how many, *s behind them. */
static size_t hex(const char **s, uint32_t out[static SEQUENCE_MAX])
{
    size_t n = 0;
    for (;;) {
        char *end;
        unsigned long cp = strtoul(*s, &end, 16);
        if (end == *s || n == SEQUENCE_MAX)
            return n;
        out[n++] = (uint32_t)cp;
        *s = end;
    }
}

static struct term *engine(const struct width_profile *p, bool clusters)
{
    struct term *t = term_new(&(struct term_config){.cols = 80, .rows = 2});
    term_set_width_profile(t, p);
    if (clusters)
        term_write(t, "\033[?2027h", 8);
    return t;
}

/* The column of the cursor after the code points at the start of a line. */
static unsigned column(struct term *t, const uint32_t *cp, size_t n)
{
    uint8_t bytes[SEQUENCE_MAX * UTF8_MAX];
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += utf8_put(bytes + len, cp[i]);
    term_write(t, "\r\033[K", 4);
    term_write(t, bytes, len);
    struct snapshot *s = term_snapshot(t);
    unsigned col = s->cursor.col;
    snapshot_unref(s);
    return col;
}

static unsigned sum(const uint32_t *cp, size_t n)
{
    unsigned w = 0;
    for (size_t i = 0; i < n; i++) {
        int one = term_width(NULL, cp[i]);
        w += one < 0 ? 0 : (unsigned)one;
    }
    return w;
}

/* Native state at a peer equals ours whatever tables it has. */
static int narrow_tables(void *ctx, uint32_t cp)
{
    (void)ctx;
    return cp >= 0x1100 && cp < 0xa000 ? term_width(NULL, cp) : 1;
}

static void expect_replica(struct term *t)
{
    struct snapshot *blank = snapshot_blank(80, 2), *s = term_snapshot(t);
    struct term *peer = term_new(
        &(struct term_config){.cols = 80, .rows = 2, .replica = true, .width = narrow_tables});
    struct buf b;
    buf_init(&b, 1 << 16);
    assert_int_equal(diff_screen(&b, blank, s, SNAPSHOT_NATIVE), 0);
    term_load(peer, blank);
    term_write(peer, buf_data(&b), buf_len(&b));
    struct snapshot *got = term_snapshot(peer);
    assert_true(snapshot_equal(got, s, SNAPSHOT_NATIVE));
    snapshot_unref(got);
    snapshot_unref(s);
    snapshot_unref(blank);
    term_free(peer);
    buf_fini(&b);
}

static void emoji_take_two_columns_or_their_sum(void **state)
{
    (void)state;
    char line[512];
    unsigned count = 0;
    FILE *f = file("emoji/emoji-test.txt");
    struct width_profile all = {.graphemes = true, .vs16 = true, .vs15 = true};
    struct width_profile plain = {.graphemes = true};
    struct term *wc = engine(&all, false), *cluster = engine(&all, true),
                *no_vs = engine(&plain, true);
    while (fgets(line, sizeof line, f)) {
        uint32_t cp[SEQUENCE_MAX];
        const char *at = line;
        size_t n = line[0] == '#' ? 0 : hex(&at, cp);
        if (!n)
            continue;
        count++;
        bool full = strstr(line, "; fully-qualified") || strstr(line, "; component");
        assert_int_equal(column(wc, cp, n), sum(cp, n));
        unsigned got = column(cluster, cp, n);
        if (full && term_width(NULL, cp[0]) >= 0 && n + (size_t)term_width(NULL, cp[0]) > 1 &&
            got != 2)
            fail_msg("%u columns: %s", got, line);
        if (got != 1 && got != 2) /* always one cluster */
            fail_msg("%u columns: %s", got, line);
        got = column(no_vs, cp, n);
        if (got != 1 && got != 2)
            fail_msg("%u columns without vs16: %s", got, line);
        if (count % 16 == 0) {
            expect_replica(cluster);
            expect_replica(wc);
        }
    }
    assert_true(count > 4000);
    term_free(wc);
    term_free(cluster);
    term_free(no_vs);
    fclose(f);
}

static void variation_sequences(void **state)
{
    (void)state;
    char line[512];
    unsigned count = 0;
    FILE *f = file("emoji/emoji-variation-sequences.txt");
    for (unsigned bits = 0; bits < 16; bits++) {
        struct width_profile p = width_profile_unpack(bits);
        assert_int_equal(width_profile_pack(&p), bits);
        struct term *t = engine(&p, true);
        rewind(f);
        while (fgets(line, sizeof line, f)) {
            uint32_t cp[SEQUENCE_MAX];
            const char *at = line;
            if (line[0] == '#' || hex(&at, cp) != 2)
                continue;
            count++;
            unsigned want = (unsigned)term_width(NULL, cp[0] < 0x80 ? 0xa0 : cp[0]);
            if (p.ambiguous && want == 1 && width_ambiguous(cp[0]))
                want = 2;
            if (p.graphemes && p.vs16 && cp[1] == 0xfe0f)
                want = 2;
            if (p.graphemes && p.vs15 && cp[1] == 0xfe0e)
                want = 1;
            if (column(t, cp, 2) != want)
                fail_msg("profile %u, not %u columns: %s", bits, want, line);
        }
        term_free(t);
    }
    assert_true(count > 700 * 16);
    fclose(f);
}

static void clusters_end_where_unicode_says(void **state)
{
    (void)state;
    char line[1024];
    unsigned count = 0;
    FILE *f = file("auxiliary/GraphemeBreakTest.txt");
    while (fgets(line, sizeof line, f)) {
        struct cluster c = {0};
        const char *at = line, *end = strchr(line, '#');
        if (end == line || line[0] == '\n')
            continue;
        count++;
        /* "÷ 0020 × 0308 ÷ 0020 ÷": two bytes of sign before each code point */
        while (at < end) {
            bool breaks = !strncmp(at, "\xc3\xb7", 2);
            if (!breaks && strncmp(at, "\xc3\x97", 2)) {
                at++;
                continue;
            }
            char *next;
            uint32_t cp = (uint32_t)strtoul(at + 2, &next, 16);
            if (next == at + 2)
                break;
            /* Controls never come here. */
            if (c.last >= ' ' && cp >= ' ' && cluster_goes_on(&c, cp) == breaks)
                fail_msg("U+%04X after U+%04X: %s", cp, c.last, line);
            c.last = cp;
            at = next;
        }
    }
    assert_true(count > 500);
    fclose(f);
}

/* UAX 11's file is the source of both tables: our ranges and those of libutf8proc. */
static void east_asian_widths(void **state)
{
    (void)state;
    char line[256];
    unsigned count = 0;
    FILE *f = file("EastAsianWidth.txt");
    while (fgets(line, sizeof line, f)) {
        unsigned first, last;
        char kind[4];
        if (sscanf(line, "%x..%x ; %3[A-Za-z]", &first, &last, kind) != 3 &&
            sscanf(line, "%x..%x;%3[A-Za-z]", &first, &last, kind) != 3) {
            if (sscanf(line, "%x ; %3[A-Za-z]", &first, kind) != 2 &&
                sscanf(line, "%x;%3[A-Za-z]", &first, kind) != 2)
                continue;
            last = first;
        }
        for (unsigned cp = first; cp <= last; cp++) {
            int w = term_width(NULL, cp);
            bool a = !strcmp(kind, "A"), wide = !strcmp(kind, "W") || !strcmp(kind, "F");
            count++;
            if (cp < 0xa0 || w <= 0)
                continue; /* controls, unassigned, or joins */
            if (a != width_ambiguous(cp) && cp != 0xad)
                fail_msg("U+%04X: ambiguous? %s", cp, line);
            if (wide && w != 2)
                fail_msg("U+%04X takes %d: %s", cp, w, line);
            /* What glibc widens though UAX 11 does not. */
            if (!wide && w == 2 && !(cp >= 0x3248 && cp <= 0x324f) &&
                !(cp >= 0x4dc0 && cp <= 0x4dff))
                fail_msg("U+%04X takes %d: %s", cp, w, line);
        }
    }
    assert_true(count > 200000);
    fclose(f);
}

static void ambiguous_in_both_profiles(void **state)
{
    (void)state;
    struct width_profile one = {0}, two = {.ambiguous = true};
    struct term *a = engine(&one, false), *b = engine(&two, false);
    for (uint32_t cp = 0xa1; cp < 0x10fffe; cp++) {
        if (!width_ambiguous(cp))
            continue;
        int w = term_width(NULL, cp);
        if (w < 1)
            continue;
        assert_int_equal(column(a, &cp, 1), (unsigned)w);
        assert_int_equal(column(b, &cp, 1), 2);
        if (cp == 0xf000)
            cp = 0xf8f0; /* private use is all alike */
        else if (cp == 0xf0010 || cp == 0x100010)
            cp += 0xff00;
    }
    expect_replica(b);
    term_free(a);
    term_free(b);
}

static void replicas_have_no_profile(void **state)
{
    (void)state;
    struct term *t = term_new(&(struct term_config){.cols = 80, .rows = 2, .replica = true});
    uint32_t ellipsis = 0x2026;
    term_set_width_profile(t, &(struct width_profile){.ambiguous = true, .graphemes = true});
    assert_int_equal(column(t, &ellipsis, 1), 1);
    term_free(t);
    assert_true(strlen(width_unicode()) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(emoji_take_two_columns_or_their_sum),
        cmocka_unit_test(variation_sequences),
        cmocka_unit_test(clusters_end_where_unicode_says),
        cmocka_unit_test(east_asian_widths),
        cmocka_unit_test(ambiguous_in_both_profiles),
        cmocka_unit_test(replicas_have_no_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
