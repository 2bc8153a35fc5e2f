#include "cmd/mosh_client.h"

#include "base/mem.h"
#include "client/mosh.h"
#include "client/terminfo.h"
#include "cmd/program.h"
#include "cmd/width.h"
#include "io/sockaddr.h"
#include "view/escape.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char version_text[] =
    "mosh-client (mosh 1.4.0) [build tern " TERN_VERSION "]\n"
    "This is tern, which speaks the protocol of mosh 1.4.0.\n"
    "License: MIT. There is NO WARRANTY, to the extent permitted by law.\n";

static const char usage_text[] = "Usage: mosh-client [-# 'ARGS'] IP PORT\n"
                                 "       mosh-client -c\n";

bool mosh_client_called(int argc, char *const *argv)
{
    const char *name = argc > 0 ? argv[0] : "";
    const char *base = strrchr(name, '/');
    return !strcmp(base ? base + 1 : name, "mosh-client");
}

static int usage(void)
{
    fprintf(stderr, "%s\n%s", version_text, usage_text);
    return 1;
}

static int print_colours(void)
{
    int colours;
    const char *term = getenv("TERM");
    if (terminfo_colours(term, &colours)) {
        fprintf(stderr, "'%s': unknown terminal type.\n", term ? term : "");
        return 1;
    }
    printf("%d\n", colours);
    return fflush(stdout) ? 1 : 0;
}

/* Out of the environment, and out of what ps shows of it. */
static int take_key(uint8_t key[static KEYS_STOCK])
{
    char *text = getenv("MOSH_KEY");
    if (!text) {
        fputs("MOSH_KEY environment variable not found.\n", stderr);
        return 1;
    }
    int err = connect_stock_key(text, key);
    mem_wipe(text, strlen(text));
    unsetenv("MOSH_KEY");
    if (err)
        fputs("mosh-client: MOSH_KEY is not a key: 22 base64 characters\n", stderr);
    return err ? 1 : 0;
}

static bool parse_port(const char *text, uint16_t *port)
{
    size_t n = strlen(text);
    if (!n || n != strspn(text, "0123456789") || n > 9)
        return false;
    unsigned long v = strtoul(text, NULL, 10);
    *port = (uint16_t)v;
    return v >= 1 && v <= 65535;
}

/* A number, or a name, which the stock client does not take. */
static int find_address(const char *host, uint16_t port, struct addr *out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG}, *found;
    struct sockaddr_storage ss = {0};
    if (addr_parse(host, out)) {
        int err = getaddrinfo(host, NULL, &hints, &found);
        if (err) {
            fprintf(stderr, "mosh-client: Bad IP address (%s): %s\n", host, gai_strerror(err));
            return 1;
        }
        memcpy(&ss, found->ai_addr, found->ai_addrlen);
        freeaddrinfo(found);
        if (sockaddr_get(&ss, out))
            return 1;
    }
    out->port = port;
    return 0;
}

static void log_to_stderr(void *ctx, enum log_level level, const char *area, const char *text)
{
    (void)ctx;
    (void)level;
    fprintf(stderr, "[mosh-client %s] %s\n", area, text);
}

static int start(const char *host, const char *port_text, bool verbose)
{
    static const struct log log = {log_to_stderr, NULL, LOG_DEBUG};
    struct mosh_client_options o = {
        .escape_key = escape_parse_mosh(getenv("MOSH_ESCAPE_KEY")),
        .title_noprefix = getenv("MOSH_TITLE_NOPREFIX") != NULL,
        .no_term_init = getenv("MOSH_NO_TERM_INIT") != NULL,
        /* On the terminal itself it would spoil the picture. */
        .log = verbose && !isatty(STDERR_FILENO) ? &log : NULL,
        .width = width_of,
        .predict = PREDICT_ADAPTIVE,
    };
    if (!parse_port(port_text, &o.connect.port)) {
        fprintf(stderr, "mosh-client: Bad UDP port (%s)\n\n", port_text);
        return usage();
    }
    if (take_key(o.connect.key))
        return 1;
    int status = program_mosh_prediction(&o.predict, &o.predict_overwrite) ||
                         find_address(host, o.connect.port, &o.addr)
                     ? 1
                     : mosh_client_run(&o);
    mem_wipe(&o.connect, sizeof o.connect);
    return status;
}

int mosh_client_main(int argc, char **argv)
{
    bool verbose = false;
    int letter;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "--version")) {
            fputs(argv[i][2] == 'h' ? usage_text : version_text, stdout);
            return fflush(stdout) ? 1 : 0;
        }
    }
    while ((letter = getopt(argc, argv, "#:cv")) != -1) {
        switch (letter) {
        case '#': /* the wrapper's own command line, for ps */
            break;
        case 'c':
            return print_colours();
        case 'v':
            verbose = true;
            break;
        default:
            return usage();
        }
    }
    if (argc - optind != 2)
        return usage();
    return start(argv[optind], argv[optind + 1], verbose);
}
