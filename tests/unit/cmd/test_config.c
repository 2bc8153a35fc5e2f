#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct config_target local = {"local", "ann", "ann"};

static int parse(struct options *o, const struct config_target *target, const char *text, char *err)
{
    err[0] = 0;
    return config_parse(o, PROGRAM_TERN, text, strlen(text), "file", target, err);
}

/* The escape character that a file leaves; -1: refused, -2: not set. */
static int escape_of(const char *text)
{
    struct options o = {0};
    char err[OPTION_ERROR];
    int r = parse(&o, &local, text, err);
    int key = r ? -1 : o.v[OPTION_ESCAPE].set ? (int)o.v[OPTION_ESCAPE].number : -2;
    options_fini(&o);
    return key;
}

static void lines(void **state)
{
    (void)state;
    assert_int_equal(escape_of(""), -2);
    assert_int_equal(escape_of("# EscapeChar x\n\n \t \n"), -2);
    assert_int_equal(escape_of("EscapeChar x"), 'x');
    assert_int_equal(escape_of("escapechar\tx\r\n"), 'x');
    assert_int_equal(escape_of("  EscapeChar=x\n"), 'x');
    assert_int_equal(escape_of("EscapeChar = x # why\n"), 'x');
    assert_int_equal(escape_of("EscapeChar =x"), 'x');
    assert_int_equal(escape_of("EscapeChar= x"), 'x');
    assert_int_equal(escape_of("EscapeChar \"x\"\n"), 'x');
    assert_int_equal(escape_of("EscapeChar = =\n"), '=');
    assert_int_equal(escape_of("EscapeChar \"#\"\n"), '#');
    assert_int_equal(escape_of("EscapeChar x\nEscapeChar y\n"), 'x'); /* the first one */
}

static void quotes(void **state)
{
    (void)state;
    struct options o = {0};
    char err[OPTION_ERROR];
    assert_int_equal(parse(&o, &local,
                           "ServerCommand \"ip netns exec a tern-server --log \\\"x y\\\" \\\\\"\n"
                           "Log=/tmp/\"a b\"/c\n",
                           err),
                     0);
    assert_string_equal(options_text(&o, OPTION_SERVER, ""),
                        "ip netns exec a tern-server --log \"x y\" \\");
    assert_string_equal(options_text(&o, OPTION_LOG, ""), "/tmp/a b/c");
    options_fini(&o);
}

static void set_by_the_command_line(void **state)
{
    (void)state;
    struct options o = {0};
    char err[OPTION_ERROR];
    assert_int_equal(option_set(&o, OPTION_ESCAPE, "!", err), 0);
    assert_int_equal(parse(&o, &local, "EscapeChar x\nTransport pipe\n", err), 0);
    assert_int_equal(options_number(&o, OPTION_ESCAPE, 0), '!');
    assert_int_equal(options_number(&o, OPTION_TRANSPORT, 0), 2);
    options_fini(&o);
}

static void blocks(void **state)
{
    (void)state;
    assert_int_equal(escape_of("Host other\nEscapeChar x\nHost local\nEscapeChar y\n"), 'y');
    assert_int_equal(escape_of("Host a b l*al c\nEscapeChar x\n"), 'x');
    assert_int_equal(escape_of("Host LOCAL\nEscapeChar x\n"), 'x');
    assert_int_equal(escape_of("Host * !local\nEscapeChar x\n"), -2);
    assert_int_equal(escape_of("Host !other *\nEscapeChar x\n"), 'x');
    assert_int_equal(escape_of("Host !other\nEscapeChar x\n"), -2); /* as ssh: no positive match */
    assert_int_equal(escape_of("Host=local\nEscapeChar x\n"), 'x');
    assert_int_equal(escape_of("Match host local\nEscapeChar x\n"), 'x');
    assert_int_equal(escape_of("Match host a,l?cal user ann\nEscapeChar x\n"), 'x');
    assert_int_equal(escape_of("Match host local user bob\nEscapeChar x\n"), -2);
    assert_int_equal(escape_of("Match host local !user bob\nEscapeChar x\n"), 'x');
    assert_int_equal(escape_of("Match user *,!ann\nEscapeChar x\n"), -2);
    assert_int_equal(escape_of("Match localuser ann\nEscapeChar x\n"), 'x');
    assert_int_equal(escape_of("Host other\nMatch all\nEscapeChar x\n"), 'x');
    assert_int_equal(escape_of("EscapeChar z\nHost local\nEscapeChar x\n"), 'z');
}

static void refuse(const char *text, const char *place, const char *what)
{
    struct options o = {0};
    char err[OPTION_ERROR];
    assert_int_equal(parse(&o, &local, text, err), ERR_SYNTAX);
    if (!strstr(err, place) || !strstr(err, what))
        fail_msg("\"%s\" gave \"%s\"", text, err);
    assert_null(strchr(err, '\n'));
    options_fini(&o);
}

static void complaints(void **state)
{
    (void)state;
    refuse("\n\nFoo bar\n", "file:3: ", "unknown keyword Foo");
    refuse("EscapeChar\n", "file:1: ", "EscapeChar needs a value");
    refuse("EscapeChar =\n", "file:1: ", "needs a value");
    refuse("EscapeChar a b\n", "file:1: ", "takes one value");
    refuse("EscapeChar ab\n", "file:1: ", "must be one printable character");
    refuse("Host other\nDetachTimeout 5y\n", "file:2: ", "must be a time"); /* not for us, but */
    refuse("Log \"/tmp/x\n", "file:1: ", "double quote");
    refuse("Host\n", "file:1: ", "Host needs");
    refuse("Match\n", "file:1: ", "Match needs");
    refuse("Match exec x\n", "file:1: ", "unknown Match criterion exec");
    refuse("Match host\n", "file:1: ", "needs a pattern");
    refuse("Match host a all\n", "file:1: ", "stands alone");
    refuse("Local yes\n", "file:1: ", "unknown keyword"); /* an action is no setting */
    struct options o = {0};
    char err[OPTION_ERROR], many[1000] = "Host";
    assert_int_equal(config_parse(&o, PROGRAM_TERN, "Log a\0b", 7, "file", &local, err),
                     ERR_SYNTAX);
    for (int i = 0; i < 100; i++)
        strcat(many, " a");
    refuse(many, "file:1: ", "words");
}

static void globs(void **state)
{
    (void)state;
    assert_true(config_glob("*", ""));
    assert_true(config_glob("", ""));
    assert_false(config_glob("", "a"));
    assert_false(config_glob("?", ""));
    assert_true(config_glob("a*b*c", "aXXbYYc"));
    assert_false(config_glob("a*b*c", "aXXbYY"));
    assert_true(config_glob("*.example.??", "www.EXAMPLE.de"));
    assert_true(config_glob("**a", "aaa"));
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void files(void **state)
{
    (void)state;
    char dir[] = "/tmp/tern-test-XXXXXX", path[100], err[OPTION_ERROR];
    struct options o = {0};
    assert_non_null(mkdtemp(dir));
    assert_int_equal(setenv("XDG_CONFIG_HOME", dir, 1), 0);
    assert_int_equal(config_load(&o, PROGRAM_TERN, &local, err), 0); /* none is fine */
    snprintf(path, sizeof path, "%s/tern", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/tern/config", dir);
    write_file(path, "EscapeChar x\n");
    assert_int_equal(config_load(&o, PROGRAM_TERN, &local, err), 0);
    assert_int_equal(options_number(&o, OPTION_ESCAPE, 0), 'x');
    write_file(path, "Escape x\n");
    assert_int_equal(config_load(&o, PROGRAM_TERN, &local, err), ERR_SYNTAX);
    assert_non_null(strstr(err, path));
    /* Without XDG_CONFIG_HOME it is ~/.config; a folder in the file's place is an error. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(config_load(&o, PROGRAM_TERN, &local, err), ERR_SYNTAX);
    assert_non_null(strstr(err, "not a regular file"));
    rmdir(path);
    snprintf(path, sizeof path, "%s/tern", dir);
    rmdir(path);
    rmdir(dir);
    options_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(quotes),
        cmocka_unit_test(set_by_the_command_line),
        cmocka_unit_test(blocks),
        cmocka_unit_test(complaints),
        cmocka_unit_test(globs),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
