#include "cmd/mosh_server.h"

#include "cmd/width.h"
#include "server/mosh_server.h"
#include "server/server.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GO_ON (-1) /* in place of an exit status */

static const char usage_text[] =
    "Usage: mosh-server new [-s] [-v] [-i LOCALADDR] [-p PORT[:PORT2]] [-c COLORS] "
    "[-l NAME=VALUE] [-- COMMAND...]\n";

bool mosh_server_called(int argc, char *const *argv)
{
    const char *name = argc > 0 ? argv[0] : "";
    const char *base = strrchr(name, '/');
    if (!strcmp(base ? base + 1 : name, "mosh-server"))
        return true;
    return argc > 1 && !strcmp(argv[1], "new");
}

static int bad(const char *what, const char *text)
{
    fprintf(stderr, "mosh-server: %s (%s)\n%s", what, text, usage_text);
    return 1;
}

/* A port number up to a ':' or the end; false after a word on why not. */
static bool port_of(const char *text, const char *which, const char **end, uint16_t *out)
{
    char *e;
    bool number = isdigit((unsigned char)*text);
    unsigned long n = number ? strtoul(text, &e, 10) : 65536;
    if (!number || (*e && *e != ':')) {
        fprintf(stderr, "Invalid (%s) port number (%s)\n", which, text);
        return false;
    }
    if (n > 65535) {
        fprintf(stderr, "(%s) port number %s outside valid range [0..65535]\n", which, text);
        return false;
    }
    *end = e;
    *out = (uint16_t)n;
    return true;
}

static int set_ports(struct mosh_server_options *o, const char *text)
{
    const char *end;
    if (!port_of(text, "low", &end, &o->port_low))
        return bad("Bad UDP port range", text);
    o->port_high = o->port_low;
    if (!*end)
        return GO_ON;
    if (!port_of(end + 1, "high", &end, &o->port_high) || *end)
        return bad("Bad UDP port range", text);
    if (!o->port_low)
        fputs("Low port 0 incompatible with port ranges\n", stderr);
    else if (o->port_low > o->port_high)
        fprintf(stderr, "Low port %u greater than high port %u\n", o->port_low, o->port_high);
    else
        return GO_ON;
    return bad("Bad UDP port range", text);
}

static int set_colours(struct mosh_server_options *o, const char *text)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (!*text || *end || errno || n > 1000000000 || n < -1000000000)
        return bad("Bad number of colors", text);
    o->colours = (int)n;
    return GO_ON;
}

static int set_option(struct mosh_server_options *o, int letter, const char *value)
{
    switch (letter) {
    case 's':
        o->bind_ssh = true;
        o->bind = NULL;
        break;
    case 'i':
        o->bind = value;
        o->bind_ssh = false;
        break;
    case 'p':
        return set_ports(o, value);
    case 'c':
        return set_colours(o, value);
    case 'v':
        o->verbose++;
        break;
    case 'l':
        if (o->locale_count < MOSH_LOCALES_MAX)
            o->locales[o->locale_count++] = value;
        break;
    case '@': /* text for ps */
        break;
    default: /* an option of a later version: said, but no reason to refuse the login */
        fputs(usage_text, stderr);
        break;
    }
    return GO_ON;
}

/* `new` and its options; argv[0] is the word "new". */
static int parse_new(struct mosh_server_options *o, int argc, char **argv)
{
    int letter;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--"))
            continue;
        if (i + 1 < argc)
            o->command = argv + i + 1;
        argv[i] = NULL;
        argc = i;
    }
    while ((letter = getopt(argc, argv, "@:i:p:c:svl:")) != -1) {
        int status = set_option(o, letter, optarg);
        if (status != GO_ON)
            return status;
    }
    return GO_ON;
}

/* Versions before 1.1 took "[IP [PORT]]". */
static int parse_legacy(struct mosh_server_options *o, int argc, char **argv)
{
    if (argc > 3) {
        fputs(usage_text, stderr);
        return 1;
    }
    if (argc > 1)
        o->bind = argv[1];
    return argc > 2 ? set_ports(o, argv[2]) : GO_ON;
}

static int print_asked(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        bool help = !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h");
        if (!help && strcmp(argv[i], "--version"))
            continue;
        fputs(help ? usage_text : mosh_version_text, stdout);
        return fflush(stdout) ? 1 : 0;
    }
    return GO_ON;
}

int mosh_server_main(int argc, char **argv)
{
    struct mosh_server_options o = {
        .width = width_of, .port_low = SERVER_PORT_LOW, .port_high = SERVER_PORT_HIGH};
    int status = print_asked(argc, argv);
    if (status == GO_ON && argc > 1 && !strcmp(argv[1], "new"))
        status = parse_new(&o, argc - 1, argv + 1);
    else if (status == GO_ON)
        status = parse_legacy(&o, argc, argv);
    return status == GO_ON ? mosh_server_run(&o) : status;
}
