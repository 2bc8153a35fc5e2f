/* tern: the client's main file. Options, configuration, and then client_run. */
#include "client/client.h"
#include "cmd/config.h"
#include "cmd/options.h"
#include "cmd/width.h"
#include "io/harden.h"
#include "io/logfile.h"
#include "view/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STATUS_USAGE 2

static int complain(const char *text)
{
    fprintf(stderr, "tern: %s\n", text);
    return STATUS_USAGE;
}

static int print(void (*make)(struct buf *out, enum program p))
{
    struct buf out;
    buf_init(&out, 1u << 16);
    make(&out, PROGRAM_TERN);
    fwrite(buf_data(&out), 1, buf_len(&out), stdout);
    buf_fini(&out);
    if (fflush(stdout)) {
        perror("tern: stdout");
        return 1;
    }
    return 0;
}

static const char *user_name(void)
{
    const struct passwd *pw = getpwuid(getuid());
    return pw ? pw->pw_name : "";
}

/* Descriptors 0..2 must be taken, or the first file opened would become one of them. */
static void open_std_fds(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
}

static bool flag(const struct options *o, enum option_id id)
{
    return options_number(o, id, 0) != 0;
}

/* At most one of the things to do. */
static const char *check_actions(const struct options *o, int words, const char *first)
{
    static char text[300];
    int n = flag(o, OPTION_LS) + o->v[OPTION_ATTACH].set + o->v[OPTION_KILL].set;
    if (n > 1)
        return "--ls, --attach and --kill exclude each other; use one; see tern --help";
    if (n == 1 && words)
        return "--ls, --attach and --kill take no command; see tern --help";
    if (o->v[OPTION_ATTACH].set && o->v[OPTION_NAME].set)
        return "--name is for new sessions; leave it out with --attach; see tern --help";
    if (n == 1 || flag(o, OPTION_LOCAL))
        return NULL;
    if (!words)
        return "no destination; tern --local starts a session on this machine; see tern --help";
    snprintf(text, sizeof text,
             "cannot log in to %.100s: this version of tern makes sessions on this machine only; "
             "use tern --local, or ssh",
             first);
    return text;
}

static int run_session(const struct options *o, char **words, const struct log *log)
{
    static const enum client_transport ways[] = {CLIENT_AUTO, CLIENT_UDP, CLIENT_PIPE};
    const struct setting *ports = &o->v[OPTION_UDP_PORTS], *detach = &o->v[OPTION_DETACH_TIMEOUT];
    uint64_t key = options_number(o, OPTION_ESCAPE, '~');
    bool attach = o->v[OPTION_ATTACH].set;
    struct client_options c = {
        .server_command = options_text(o, OPTION_SERVER, NULL),
        .server_log = options_text(o, OPTION_SERVER_LOG, NULL),
        .log_level = options_text(o, OPTION_LOG_LEVEL, NULL),
        .session = options_text(o, attach ? OPTION_ATTACH : OPTION_NAME, NULL),
        .attach = attach,
        .argv = (const char *const *)words,
        .transport = ways[options_number(o, OPTION_TRANSPORT, 0)],
        .port_low = ports->lo,
        .port_high = ports->hi,
        /* In the record 0 means the default, so "none" is the longest time there is. */
        .detach_timeout_s = !detach->set     ? 0
                            : detach->number ? (uint32_t)detach->number
                                             : OPTION_TIME_MAX,
        .connect_timeout_us = options_number(o, OPTION_CONNECT_TIMEOUT, 60) * 1000000,
        .escape_key = key ? (int)key : ESCAPE_KEY_NONE,
        .signal_status = flag(o, OPTION_SIGNAL_STATUS),
        .log = log,
        .width = width_of,
    };
    return client_run(&c);
}

static int run(const struct options *o, char **words)
{
    const char *server = options_text(o, OPTION_SERVER, NULL);
    if (flag(o, OPTION_LS))
        return client_exec_server(server, (const char *const[]){"--ls", NULL});
    if (o->v[OPTION_KILL].set)
        return client_exec_server(server,
                                  (const char *const[]){"--kill", o->v[OPTION_KILL].text, NULL});
    struct logfile *log = NULL;
    const char *name = options_text(o, OPTION_LOG, NULL);
    if (name &&
        logfile_open(name, (enum log_level)options_number(o, OPTION_LOG_LEVEL, LOG_DEBUG), &log)) {
        fprintf(stderr, "tern: cannot write the log %s: %s\n", name, strerror(errno));
        return STATUS_USAGE;
    }
    int status = run_session(o, words, logfile_log(log));
    logfile_close(log);
    return status;
}

/* Everything behind the command line; the caller frees the options. */
static int start(struct options *o, int argc, char **argv)
{
    char err[OPTION_ERROR];
    int rest;
    if (options_parse(o, PROGRAM_TERN, argc, argv, &rest, err))
        return complain(err);
    if (flag(o, OPTION_HELP) || flag(o, OPTION_VERSION))
        return print(flag(o, OPTION_HELP) ? options_help : options_version);
    const char *wrong = check_actions(o, argc - rest, argv[rest]);
    if (wrong)
        return complain(wrong);
    const char *user = user_name();
    struct config_target target = {.host = "local", .user = user, .local_user = user};
    if (config_load(o, PROGRAM_TERN, &target, err))
        return complain(err);
    return run(o, argv + rest);
}

int main(int argc, char **argv)
{
    struct options o = {0};
    open_std_fds();
    harden_no_core();
    width_setup();
    int status = start(&o, argc, argv);
    options_fini(&o);
    return status;
}
