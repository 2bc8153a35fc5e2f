#include "term/parser.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TRACE 32768

/* What the parser said, as text: runs joined, so that it does not depend on how input is cut. */
struct trace {
    char text[TRACE];
    size_t n;
    bool run; /* the last thing was text */
};

static void put(struct trace *t, const char *s, size_t len)
{
    assert_true(t->n + len < TRACE);
    if (!len)
        return;
    memcpy(t->text + t->n, s, len);
    t->n += len;
    t->text[t->n] = 0;
}

static void begin(struct trace *t, const char *what)
{
    if (t->n)
        put(t, " ", 1);
    t->run = false;
    put(t, what, strlen(what));
}

static void put_run(struct trace *t)
{
    if (!t->run)
        begin(t, "'");
    t->run = true;
}

static void put_rune(struct trace *t, uint32_t cp)
{
    uint8_t u[UTF8_MAX];
    put(t, (char *)u, utf8_put(u, cp));
}

static void put_csi(struct trace *t, const struct parser *p)
{
    begin(t, "csi");
    put(t, (const char *)p->inter, p->inter_n);
    char number[32];
    for (unsigned i = 0; i < parser_count(p); i++) {
        snprintf(number, sizeof number, "%s%d",
                 parser_sub(p, i) ? ":"
                 : i              ? ";"
                                  : "",
                 parser_raw(p, i, -1));
        put(t, number, strlen(number));
    }
    put_rune(t, p->final);
}

static void feed(struct parser *p, struct trace *t, const uint8_t *s, size_t n)
{
    const uint8_t *end = s + n;
    char hex[8];
    for (;;) {
        enum parse got = parser_next(p, &s, end);
        switch (got) {
        case PARSE_END:
            return;
        case PARSE_TEXT:
            put_run(t);
            put(t, (const char *)p->text, p->text_len);
            break;
        case PARSE_RUNES:
            put_run(t);
            for (size_t i = 0; i < p->runes; i++)
                put_rune(t, p->rune[i]);
            break;
        case PARSE_CONTROL:
            snprintf(hex, sizeof hex, "%02x", p->final);
            begin(t, hex);
            break;
        case PARSE_ESC:
            begin(t, "esc");
            put(t, (const char *)p->inter, p->inter_n);
            put_rune(t, p->final);
            break;
        case PARSE_CSI:
            put_csi(t, p);
            break;
        case PARSE_OSC:
        case PARSE_DCS:
            begin(t, got == PARSE_OSC ? "osc<" : "dcs<");
            put(t, (const char *)buf_data(&p->osc), buf_len(&p->osc));
            put(t, ">", 1);
            break;
        }
    }
}

/* The same however the bytes are cut: whole, in pieces of every size up to 9. */
static void expect_bytes(const void *bytes, size_t n, const char *want)
{
    for (size_t piece = 0; piece < 10; piece++) {
        struct parser p;
        struct trace *t = mem_new(1, sizeof *t);
        parser_init(&p);
        for (size_t at = 0, len; at < n; at += len) {
            len = piece && n - at > piece ? piece : n - at;
            /* A copy, so that a sanitizer sees reads beyond the piece. */
            uint8_t *copy = mem_new(len, 1);
            memcpy(copy, (const uint8_t *)bytes + at, len);
            feed(&p, t, copy, len);
            free(copy);
        }
        assert_string_equal(t->text, want);
        parser_fini(&p);
        free(t);
    }
}

static void expect(const char *bytes, const char *want)
{
    expect_bytes(bytes, strlen(bytes), want);
}

static void text_and_controls(void **state)
{
    expect("abc\r\nd", "'abc 0d 0a 'd");
    expect("a long run of text, longer than a word\x7f!",
           "'a long run of text, longer than a word!");
}

static void utf8_runs(void **state)
{
    expect("a\xc3\xa9"
           "b\xe4\xb8\xad\xf0\x9f\x98\x80 c",
           "'a\xc3\xa9"
           "b\xe4\xb8\xad\xf0\x9f\x98\x80 c");
    expect("\xc3\xa9 and then a lot of ascii \xc3\xa9",
           "'\xc3\xa9 and then a lot of ascii \xc3\xa9");
}

static void utf8_ill_formed(void **state)
{
    expect("\xff"
           "a",
           "'\xef\xbf\xbd"
           "a");
    expect("\xe2\x82"
           "a",
           "'\xef\xbf\xbd"
           "a");
    expect("\xe2\x82\n", "'\xef\xbf\xbd 0a");
    expect("\xe2\x82\033[m", "'\xef\xbf\xbd csim");
    expect("\xf0\x9f\xe2\x82\xac", "'\xef\xbf\xbd\xe2\x82\xac");
    expect("\xed\xa0\x80", "'\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    expect("\xf4\x90\x80\x80", "'\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    expect("\xc0\x80\xe0\x80\x80", "'\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void escapes(void **state)
{
    expect("\033c\033(0\033#8\033\\", "escc esc(0 esc#8 esc\\");
    expect("\033\033\033[A", "csiA");
    expect("\033(\n0", "0a esc(0");
    expect("\033\x7f"
           "c",
           "escc");
}

static void csi(void **state)
{
    expect("\033[m\033[1;22;333m\033[?25h\033[!p\033[5 q",
           "csim csi1;22;333m csi?25h csi!p csi 5q");
    expect("\033[;m\033[1;;3H", "csi-1;-1m csi1;-1;3H");
    expect("\033[4:3;38:2::1:2:3m", "csi4:3;38:2:-1:1:2:3m");
    expect("\033[1\n2A", "0a csi12A");
    expect("\033[1\x7f"
           "2A",
           "csi12A");
    expect("\033[65535A\033[65536A\033[99999999999999999999999A", "csi65535A csi65535A csi65535A");
}

static void csi_ignored(void **state)
{
    /* A private character behind a digit, a digit behind an intermediate. */
    expect("\033[1?2hx", "'x");
    expect("\033[ 1qx", "'x");
    expect("\033[1\030x\033[2\032y", "'xy");
    expect("\033[1\033[2A", "csi2A");
}

static void c1(void **state)
{
    expect("\xc2\x84\xc2\x8d", "escD escM");
    expect("\xc2\x9b"
           "2A",
           "csi2A");
    expect("\xc2\x9d"
           "2;t\xc2\x9cx",
           "osc<2;t> 'x");
    expect("\033[1\xc2\x9b"
           "3A",
           "csi3A");
    expect("\xc2\x90"
           "dcs\xc2\x9cx",
           "dcs<dcs> 'x");
}

static void letters_from_a0_on(void **state)
{
    expect("\033[3\xc3\xa9x", "csi3\xc3\xa9 'x");
    expect("\033\xe4\xb8\xadx", "esc\xe4\xb8\xad 'x");
    expect("\033[3\xffx", "csi3\xef\xbf\xbd 'x");
}

static void osc(void **state)
{
    (void)state;
    expect("\033]0;t\007x", "osc<0;t> 'x");
    expect("\033]0;t\033\\x", "osc<0;t> 'x");
    expect("\033]0;t\xc2\x9cx", "osc<0;t> 'x");
    /* Cut short: thrown away; what cut it is obeyed. */
    expect("\033]0;t\033[A", "csiA");
    expect("\033]0;t\030x", "'x");
    expect("\033]0;t\xc2\x85x", "escE 'x");
    expect("\033]0;t\xc2\x9b"
           "2A",
           "csi2A");
    expect("\033]0;t\xc2\x9dnext\007", "osc<next>");
    expect("\033]0;t\033\033\\", "osc<0;t>");
    expect("\033]a\r\n\tb\x7f\xc3\xa9\xff\007", "osc<ab\xc3\xa9\xef\xbf\xbd>");
    expect("\033]\007", "osc<>");
}

static void strings_are_swallowed(void **state)
{
    expect("\033Pq\007#\n\033\\a", "dcs<q#> 'a");
    expect("\033Xa\030b\033^c\033\\d\033_e\032f", "'b esc\\ 'df");
}

static void dcs(void **state)
{
    (void)state;
    expect("\033P$qm\033\\x", "dcs<$qm> 'x");
    expect("\033P$qm\xc2\x9cx", "dcs<$qm> 'x");
    expect("\xc2\x90+q544e\033\\", "dcs<+q544e>");
    /* Only ST ends it; what else cuts it throws it away. */
    expect("\033P$qm\ax\033\\", "dcs<$qmx>");
    expect("\033P$qm\030x", "'x");
    expect("\033P$qm\033[Ax\033\\", "csiA 'x esc\\");
    expect("\033P$qm\033c\033\\", "escc esc\\");
    expect("\033P$qm\033(\\", "esc(\\");
    expect("\033P$qm\xc2\x9b"
           "A",
           "csiA");
    expect("\033P$qm\033]2;t\a", "osc<2;t>");
    expect("\033\\", "esc\\");
    expect("\033_apc\033\\\033^pm\033\\\033Xsos\033\\", "esc\\ esc\\ esc\\");
}

/* A DCS of n characters is handed over whole, or not at all. */
static void dcs_cap(void **state)
{
    (void)state;
    for (size_t n = PARSER_DCS_CHARS - 1; n <= PARSER_DCS_CHARS + 1; n++) {
        char *in = mem_new(n + 5, 1), *want = mem_new(n + 6, 1);
        memcpy(in, "\033P", 2);
        memset(in + 2, 'x', n);
        memcpy(in + 2 + n, "\033\\", 3);
        memcpy(want, "dcs<", 4);
        memset(want + 4, 'x', n);
        want[4 + n] = '>';
        expect(in, n <= PARSER_DCS_CHARS ? want : "esc\\");
        free(in);
        free(want);
    }
}

static void osc_cap(void **state)
{
    const size_t n = 40000;
    char *in = mem_new(n + 3, 1), *want = mem_new(PARSER_OSC_CHARS + 7, 1);
    in[0] = '\033';
    in[1] = ']';
    memset(in + 2, 'x', n);
    in[n + 2] = 7;
    memcpy(want, "osc<", 4);
    memset(want + 4, 'x', PARSER_OSC_CHARS);
    want[PARSER_OSC_CHARS + 4] = '>';
    expect_bytes(in, n + 3, want);
    free(in);
    free(want);
}

static void parameter_caps(void **state)
{
    char in[400] = "\033[";
    for (int i = 0; i < 300; i++)
        strcat(in, i == 150 ? "5" : ";");
    strcat(in, "A");
    struct parser p;
    parser_init(&p);
    const uint8_t *s = (uint8_t *)in, *end = s + strlen(in);
    assert_int_equal(parser_next(&p, &s, end), PARSE_CSI);
    assert_int_equal(parser_count(&p), PARSER_PARAMS);
    assert_int_equal(parser_raw(&p, PARSER_PARAMS - 1, 9), 9);
    assert_int_equal(parser_raw(&p, PARSER_PARAMS, 9), 9);
    memset(in + 2, '!', 20);
    strcpy(in + 22, "A");
    s = (uint8_t *)in;
    assert_int_equal(parser_next(&p, &s, s + 23), PARSE_CSI);
    assert_int_equal(p.inter_n, PARSER_INTERS);
    parser_fini(&p);
}

static void osc_memory_is_given_back(void **state)
{
    struct parser p;
    struct trace *t = mem_new(1, sizeof *t);
    parser_init(&p);
    feed(&p, t, (const uint8_t *)"\033]", 2);
    for (int i = 0; i < 1000; i++)
        feed(&p, t, (const uint8_t *)"xxxxxxxxxx", 10);
    feed(&p, t, (const uint8_t *)"\007\033]a\007", 5);
    assert_true(p.osc.size <= 1024);
    parser_fini(&p);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_controls),
        cmocka_unit_test(utf8_runs),
        cmocka_unit_test(utf8_ill_formed),
        cmocka_unit_test(escapes),
        cmocka_unit_test(csi),
        cmocka_unit_test(csi_ignored),
        cmocka_unit_test(c1),
        cmocka_unit_test(letters_from_a0_on),
        cmocka_unit_test(osc),
        cmocka_unit_test(strings_are_swallowed),
        cmocka_unit_test(dcs),
        cmocka_unit_test(dcs_cap),
        cmocka_unit_test(osc_cap),
        cmocka_unit_test(parameter_caps),
        cmocka_unit_test(osc_memory_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
