#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct parsed {
    struct options o;
    int result, rest;
    char err[OPTION_ERROR];
};

#define PARSE(p, program, ...) parse(p, program, (const char *[]){"tern", __VA_ARGS__, NULL})

static void parse(struct parsed *p, enum program program, const char **argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    memset(p, 0, sizeof *p);
    p->result = options_parse(&p->o, program, argc, (char *const *)argv, &p->rest, p->err);
}

static void table_is_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_def *d = &option_table[i];
        assert_int_equal(d->id, i);
        assert_non_null(d->name);
        assert_non_null(d->help);
        assert_true(d->programs);
        assert_int_equal(d->kind == OPTION_FLAG, d->arg == NULL);
        assert_int_equal(d->kind == OPTION_CHOICE, d->choices != NULL);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(d->name, option_table[k].name);
            assert_true(!d->letter || d->letter != option_table[k].letter);
            assert_true(!d->keyword || !option_table[k].keyword ||
                        strcmp(d->keyword, option_table[k].keyword));
        }
        if (d->keyword)
            assert_ptr_equal(option_by_keyword(d->keyword), d);
    }
    assert_null(option_by_keyword("NoSuchWord"));
    assert_ptr_equal(option_by_keyword("escapechar"), &option_table[OPTION_ESCAPE]);
}

static void reads_all_forms(void **state)
{
    (void)state;
    struct parsed p;
    PARSE(&p, PROGRAM_TERN, "--local", "--name=work", "--log", "/tmp/x", "-e^x", "--signal-status",
          "vim", "--help");
    assert_int_equal(p.result, 0);
    assert_int_equal(p.rest, 7);
    assert_int_equal(options_number(&p.o, OPTION_LOCAL, 0), 1);
    assert_string_equal(options_text(&p.o, OPTION_NAME, ""), "work");
    assert_string_equal(options_text(&p.o, OPTION_LOG, ""), "/tmp/x");
    assert_int_equal(options_number(&p.o, OPTION_ESCAPE, '~'), 24);
    assert_int_equal(options_number(&p.o, OPTION_SIGNAL_STATUS, 0), 1);
    assert_false(p.o.v[OPTION_HELP].set);
    options_fini(&p.o);
}

static void double_dash_ends_options(void **state)
{
    (void)state;
    struct parsed p;
    PARSE(&p, PROGRAM_TERN, "--local", "--", "--ls");
    assert_int_equal(p.result, 0);
    assert_int_equal(p.rest, 3);
    assert_false(p.o.v[OPTION_LS].set);
    options_fini(&p.o);
    PARSE(&p, PROGRAM_TERN, "-", "--ls"); /* a lone dash is a word */
    assert_int_equal(p.result, 0);
    assert_int_equal(p.rest, 1);
    options_fini(&p.o);
    parse(&p, PROGRAM_TERN, (const char *[]){"tern", NULL});
    assert_int_equal(p.result, 0);
    assert_int_equal(p.rest, 1);
    options_fini(&p.o);
}

static void the_last_one_wins(void **state)
{
    (void)state;
    struct parsed p;
    PARSE(&p, PROGRAM_TERN, "--transport=udp", "--transport", "pipe", "--signal-status",
          "--signal-status=no");
    assert_int_equal(p.result, 0);
    assert_int_equal(options_number(&p.o, OPTION_TRANSPORT, 0), 2);
    assert_int_equal(options_number(&p.o, OPTION_SIGNAL_STATUS, 7), 0);
    options_fini(&p.o);
}

static void lists_grow(void **state)
{
    (void)state;
    struct parsed p;
    PARSE(&p, PROGRAM_TERN, "--udp-forward=53:dns:53", "--udp-forward",
          "[::1]:5000:[2001:db8::1]:5001");
    assert_int_equal(p.result, 0);
    const struct setting *s = &p.o.v[OPTION_UDP_FORWARD];
    assert_int_equal(s->count, 2);
    assert_string_equal(s->list[0], "53:dns:53");
    assert_string_equal(s->list[1], "[::1]:5000:[2001:db8::1]:5001");
    char why[OPTION_ERROR];
    for (int i = 2; i < OPTION_LIST_MAX; i++)
        assert_int_equal(option_set(&p.o, OPTION_UDP_FORWARD, "1:h:2", why), 0);
    assert_int_equal(option_set(&p.o, OPTION_UDP_FORWARD, "1:h:2", why), ERR_SYNTAX);
    options_fini(&p.o);
}

static void joined_letters(void **state)
{
    (void)state;
    struct parsed p;
    PARSE(&p, PROGRAM_TERN, "-hVe", "none", "word");
    assert_int_equal(p.result, 0);
    assert_int_equal(p.rest, 3);
    assert_true(p.o.v[OPTION_HELP].set && p.o.v[OPTION_VERSION].set);
    assert_int_equal(options_number(&p.o, OPTION_ESCAPE, 1), 0);
    options_fini(&p.o);
}

/* Each complaint is one line that names the culprit and says where help is. */
static void check_complaint(struct parsed *p, const char *culprit)
{
    assert_int_equal(p->result, ERR_SYNTAX);
    assert_non_null(strstr(p->err, culprit));
    assert_non_null(strstr(p->err, "--help"));
    for (const char *c = p->err; *c; c++)
        assert_false(iscntrl((unsigned char)*c));
    options_fini(&p->o);
}

static void complains(void **state)
{
    (void)state;
    struct parsed p;
    char longest[5000];
    memset(longest, 'x', sizeof longest);
    longest[0] = longest[1] = '-';
    longest[sizeof longest - 1] = 0;
    PARSE(&p, PROGRAM_TERN, "--foo");
    check_complaint(&p, "unknown option --foo; see tern --help");
    PARSE(&p, PROGRAM_TERN, "--foo=\033[2J");
    check_complaint(&p, "unknown option --foo;");
    PARSE(&p, PROGRAM_TERN, "--f\033oo");
    check_complaint(&p, "--f?oo");
    PARSE(&p, PROGRAM_TERN, longest);
    check_complaint(&p, "--xxxx");
    PARSE(&p, PROGRAM_TERN, "-hq");
    check_complaint(&p, "unknown option -q");
    PARSE(&p, PROGRAM_TERN, "--log");
    check_complaint(&p, "--log needs an argument: FILE");
    PARSE(&p, PROGRAM_TERN, "--log=");
    check_complaint(&p, "--log");
    PARSE(&p, PROGRAM_TERN, "--join", "x"); /* the server's */
    check_complaint(&p, "unknown option --join");
    PARSE(&p, PROGRAM_SERVER, "--local");
    check_complaint(&p, "see tern-server --help");
    PARSE(&p, PROGRAM_TERN, "--local=maybe");
    check_complaint(&p, "yes or no");
    PARSE(&p, PROGRAM_TERN, "--transport=tcp");
    check_complaint(&p, "auto|udp|pipe");
}

struct value {
    enum option_id id;
    const char *text;
    int64_t number; /* -1: refused */
};

static void values(void **state)
{
    (void)state;
    static const struct value all[] = {
        {OPTION_DETACH_TIMEOUT, "90", 90},
        {OPTION_DETACH_TIMEOUT, "10d", 864000},
        {OPTION_DETACH_TIMEOUT, "1h30m", 5400},
        {OPTION_DETACH_TIMEOUT, "2W1s", 1209601},
        {OPTION_DETACH_TIMEOUT, "none", 0},
        {OPTION_DETACH_TIMEOUT, "0", 0},
        {OPTION_DETACH_TIMEOUT, "", -1},
        {OPTION_DETACH_TIMEOUT, "d", -1},
        {OPTION_DETACH_TIMEOUT, "1y", -1},
        {OPTION_DETACH_TIMEOUT, "-1", -1},
        {OPTION_DETACH_TIMEOUT, " 1", -1},
        {OPTION_DETACH_TIMEOUT, "3153600000", 3153600000},
        {OPTION_DETACH_TIMEOUT, "3153600001", -1},
        {OPTION_DETACH_TIMEOUT, "3153600000w", -1},
        {OPTION_DETACH_TIMEOUT, "99999999999999999999999", -1},
        {OPTION_ESCAPE, "~", '~'},
        {OPTION_ESCAPE, "^", '^'},
        {OPTION_ESCAPE, "^]", 0x1d},
        {OPTION_ESCAPE, "^a", 1},
        {OPTION_ESCAPE, "^?", 0x7f},
        {OPTION_ESCAPE, "None", 0},
        {OPTION_ESCAPE, "", -1},
        {OPTION_ESCAPE, "^@", -1},
        {OPTION_ESCAPE, "^~", -1},
        {OPTION_ESCAPE, "ab", -1},
        {OPTION_ESCAPE, " ", -1},
        {OPTION_ESCAPE, "\xc3\xa4", -1},
        {OPTION_TRANSPORT, "AUTO", 0},
        {OPTION_TRANSPORT, "udp", 1},
        {OPTION_TRANSPORT, "ud", -1},
        {OPTION_TRANSPORT, "", -1},
        {OPTION_LOG_LEVEL, "debug", 3},
        {OPTION_SIGNAL_STATUS, "Yes", 1},
        {OPTION_SIGNAL_STATUS, "no", 0},
        {OPTION_SIGNAL_STATUS, "2", -1},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct options o = {0};
        char why[OPTION_ERROR];
        int r = option_set(&o, all[i].id, all[i].text, why);
        assert_int_equal(r, all[i].number < 0 ? ERR_SYNTAX : 0);
        if (!r)
            assert_int_equal(options_number(&o, all[i].id, 12345), all[i].number);
        else
            assert_false(o.v[all[i].id].set);
        options_fini(&o);
    }
}

static void ports(void **state)
{
    (void)state;
    struct options o = {0};
    char why[OPTION_ERROR];
    assert_int_equal(option_set(&o, OPTION_UDP_PORTS, "60001:60999", why), 0);
    assert_int_equal(o.v[OPTION_UDP_PORTS].lo, 60001);
    assert_int_equal(o.v[OPTION_UDP_PORTS].hi, 60999);
    assert_int_equal(option_set(&o, OPTION_UDP_PORTS, "5-6", why), 0);
    assert_int_equal(o.v[OPTION_UDP_PORTS].hi, 6);
    assert_int_equal(option_set(&o, OPTION_UDP_PORTS, "443", why), 0);
    assert_int_equal(o.v[OPTION_UDP_PORTS].lo, 443);
    assert_int_equal(o.v[OPTION_UDP_PORTS].hi, 443);
    static const char *const bad[] = {
        "", "0", "0:5", "9:8", "1:", "65536", "1:2:3", "1 :2", "http", "1:65536"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(option_set(&o, OPTION_UDP_PORTS, bad[i], why), ERR_SYNTAX);
    assert_int_equal(o.v[OPTION_UDP_PORTS].lo, 443); /* what was there stays */
    options_fini(&o);
}

static void names(void **state)
{
    (void)state;
    char longest[SESSION_NAME_LIMIT + 2];
    memset(longest, 'a', sizeof longest);
    longest[SESSION_NAME_LIMIT + 1] = 0;
    assert_false(session_name_valid(longest));
    longest[SESSION_NAME_LIMIT] = 0;
    assert_true(session_name_valid(longest));
    assert_true(session_name_valid("a.b-C_9"));
    assert_true(session_name_valid("7"));
    static const char *const bad[] = {"", "-a", ".a", "a/b", "a b", "a\n", "\xc3\xa4", "a;b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(session_name_valid(bad[i]));
}

static void help_names_everything(void **state)
{
    (void)state;
    static const enum program programs[] = {PROGRAM_TERN, PROGRAM_SERVER};
    for (size_t k = 0; k < 2; k++) {
        struct buf out;
        buf_init(&out, 65536);
        options_help(&out, programs[k]);
        options_version(&out, programs[k]);
        buf_put_u8(&out, 0);
        assert_int_equal(buf_err(&out), 0);
        const char *text = (const char *)buf_data(&out);
        assert_non_null(strstr(text, TERN_VERSION));
        for (size_t i = 0; i < OPTION_COUNT; i++) {
            char name[64] = "--";
            strcat(name, option_table[i].name);
            if (option_table[i].programs & programs[k])
                assert_non_null(strstr(text, name));
            if (option_table[i].keyword && (option_table[i].programs & programs[k]))
                assert_non_null(strstr(text, option_table[i].keyword));
        }
        for (const char *line = text; *line;) {
            size_t n = strcspn(line, "\n");
            assert_true(n <= 80);
            line += n + (line[n] == '\n');
        }
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_in_order),
        cmocka_unit_test(reads_all_forms),
        cmocka_unit_test(double_dash_ends_options),
        cmocka_unit_test(the_last_one_wins),
        cmocka_unit_test(lists_grow),
        cmocka_unit_test(joined_letters),
        cmocka_unit_test(complains),
        cmocka_unit_test(values),
        cmocka_unit_test(ports),
        cmocka_unit_test(names),
        cmocka_unit_test(help_names_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
