/* tern-server's main file. Options, and then what they ask for. */
#include "base/mem.h"
#include "cmd/mosh_server.h"
#include "cmd/program.h"
#include "cmd/width.h"
#include "io/harden.h"
#include "io/logfile.h"
#include "server/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int complain(const char *text)
{
    return program_complain(PROGRAM_SERVER, text);
}

/* The words behind "--", as one text for the shell; NULL: none. The caller frees. */
static char *join(int argc, char **argv, int rest)
{
    struct buf text;
    if (rest >= argc)
        return NULL;
    buf_init(&text, 1u << 21); /* more than the kernel hands over */
    for (int i = rest; i < argc; i++) {
        if (i > rest)
            buf_put_u8(&text, ' ');
        buf_put_text(&text, argv[i]);
    }
    char *joined = mem_text(buf_data(&text), buf_len(&text));
    buf_fini(&text);
    return joined;
}

static int serve(const struct options *o, const struct log *log, char **argv, const char *command)
{
    const struct setting *ports = &o->v[OPTION_UDP_PORTS], *detach = &o->v[OPTION_DETACH_TIMEOUT];
    return server_run(&(struct server_options){
        .log = log,
        .width = width_of_native,
        .port_low = ports->lo,
        .port_high = ports->hi,
        .detach_set = detach->set,
        .detach_timeout_s = detach->number,
        .attach = options_text(o, OPTION_ATTACH, NULL),
        .command = command,
        .argv = argv,
    });
}

static int run(const struct options *o, char **argv, const char *command)
{
    struct logfile *log = NULL;
    const char *name = options_text(o, OPTION_LOG, NULL);
    if (program_flag(o, OPTION_HELP))
        return program_print(PROGRAM_SERVER, options_help);
    if (program_flag(o, OPTION_VERSION))
        return program_print(PROGRAM_SERVER, options_version);
    if (program_flag(o, OPTION_LS))
        return server_ls();
    if (o->v[OPTION_KILL].set)
        return server_kill(o->v[OPTION_KILL].text);
    if (name &&
        logfile_open(name, (enum log_level)options_number(o, OPTION_LOG_LEVEL, LOG_DEBUG), &log)) {
        fprintf(stderr, "tern-server: cannot write the log %s: %s\n", name, strerror(errno));
        return STATUS_USAGE;
    }
    int status = o->v[OPTION_JOIN].set ? server_join(o->v[OPTION_JOIN].text, logfile_log(log))
                                       : serve(o, logfile_log(log), argv, command);
    logfile_close(log);
    return status;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    char err[OPTION_ERROR];
    int rest;
    program_open_std_fds();
    harden_no_core();
    width_setup();
    if (mosh_server_called(argc, argv))
        return mosh_server_main(argc, argv);
    if (options_parse(&o, PROGRAM_SERVER, argc, argv, &rest, err))
        return complain(err);
    if (rest < argc && strcmp(argv[rest - 1], "--")) {
        fprintf(stderr, "tern-server: unexpected word %.100s; see tern-server --help\n",
                argv[rest]);
        return STATUS_USAGE;
    }
    char *command = join(argc, argv, rest);
    int status = run(&o, argv, command);
    free(command);
    options_fini(&o);
    return status;
}
