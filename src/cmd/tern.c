/* tern: the client's main file. Options, configuration, and then client_run. */
#include "base/mem.h"
#include "chan/message.h"
#include "client/client.h"
#include "client/command.h"
#include "client/login.h"
#include "cmd/config.h"
#include "cmd/mosh_client.h"
#include "cmd/program.h"
#include "cmd/share.h"
#include "cmd/width.h"
#include "io/harden.h"
#include "io/logfile.h"
#include "io/osrandom.h"
#include "view/escape.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int complain(const char *text)
{
    return program_complain(PROGRAM_TERN, text);
}

static const char *user_name(void)
{
    const struct passwd *pw = getpwuid(getuid());
    return pw ? pw->pw_name : "";
}

/* At most one of the things to do. */
static const char *check_actions(const struct options *o, int words)
{
    int n = program_flag(o, OPTION_LS) + o->v[OPTION_ATTACH].set + o->v[OPTION_KILL].set;
    if (n > 1)
        return "--ls, --attach and --kill exclude each other; use one; see tern --help";
    if (n == 1 && words)
        return "--ls, --attach and --kill take no command; see tern --help";
    if (o->v[OPTION_ATTACH].set && o->v[OPTION_NAME].set)
        return "--name is for new sessions; leave it out with --attach; see tern --help";
    return NULL;
}

static int run_session(const struct options *o, const char *const *words, struct login *login,
                       const struct command_request *command, bool forwards,
                       const struct owner_request *owner, const struct log *log)
{
    static const enum client_transport ways[] = {CLIENT_AUTO, CLIENT_UDP, CLIENT_PIPE};
    const struct setting *ports = &o->v[OPTION_UDP_PORTS], *detach = &o->v[OPTION_DETACH_TIMEOUT];
    const struct setting *udp = &o->v[OPTION_UDP_FORWARD], *back = &o->v[OPTION_UDP_REMOTE_FORWARD];
    uint64_t key = options_number(o, OPTION_ESCAPE, '~');
    bool attach = o->v[OPTION_ATTACH].set;
    enum predict_when predict = PREDICT_ADAPTIVE;
    bool overwrite = false;
    if (program_flag(o, OPTION_MOSH) && program_mosh_prediction(&predict, &overwrite))
        return STATUS_USAGE;
    struct lend lend = {0};
    char yes[] = "yes";
    if (login && !owner && !(command && (command->nothing || command->stdio)))
        login_lend(login, &lend, !command);
    else if (!login && program_flag(o, OPTION_LEND_AGENT))
        lend_find(&lend, &(struct sshconf){.agent = true, .agent_socket = yes}, true);
    struct client_options c = {
        .login = login,
        .lend = &lend,
        .mosh = program_flag(o, OPTION_MOSH),
        .fallback = options_number(o, OPTION_FALLBACK, 1) != 0,
        .server_command = login ? login_command(login) : options_text(o, OPTION_SERVER, NULL),
        .server_log = options_text(o, OPTION_SERVER_LOG, NULL),
        .log_level = options_text(o, OPTION_LOG_LEVEL, NULL),
        .session = options_text(o, attach ? OPTION_ATTACH : OPTION_NAME, NULL),
        .attach = attach,
        .argv = words,
        .command = command,
        .owner = owner,
        .forwards = forwards,
        .udp = (const char *const *)udp->list,
        .udp_count = udp->count,
        .udp_remote = (const char *const *)back->list,
        .udp_remote_count = back->count,
        .shell = login != NULL,
        .transport = ways[options_number(o, OPTION_TRANSPORT, 0)],
        .port_low = ports->lo,
        .port_high = ports->hi,
        /* In the record 0 means the default, so "none" is the longest time there is. */
        .detach_timeout_s = !detach->set     ? 0
                            : detach->number ? (uint32_t)detach->number
                                             : OPTION_TIME_MAX,
        .connect_timeout_us = options_number(o, OPTION_CONNECT_TIMEOUT, login ? 0 : 60) * 1000000,
        .escape_key = key ? (int)key : ESCAPE_KEY_NONE,
        .outage_us = options_number(o, OPTION_OUTAGE_TIMEOUT, 0) * 1000000,
        .signal_status = program_flag(o, OPTION_SIGNAL_STATUS),
        .scrollback = options_number(o, OPTION_SCROLLBACK, 1) != 0,
        .history_lines = options_number(o, OPTION_HISTORY_LINES, 50000),
        .ask = options_number(o, OPTION_ASK, 1) != 0,
        .clipboard = options_number(o, OPTION_CLIPBOARD, 1) != 0,
        .clipboard_read = program_flag(o, OPTION_CLIPBOARD_READ),
        .notify = options_number(o, OPTION_NOTIFY, 1) != 0,
        .predict = (enum predict_when)options_number(o, OPTION_PREDICT, predict),
        .predict_overwrite = options_number(o, OPTION_PREDICT_OVERWRITE, overwrite) != 0,
        .log = log,
        .width = width_of_native,
    };
    int status = client_run(&c);
    mem_wipe(&lend, sizeof lend); /* it may hold a cookie */
    return status;
}

static int open_log(const struct options *o, struct logfile **log)
{
    const char *name = options_text(o, OPTION_LOG, NULL);
    if (!name)
        return 0;
    if (!logfile_open(name, (enum log_level)options_number(o, OPTION_LOG_LEVEL, LOG_DEBUG), log))
        return 0;
    fprintf(stderr, "tern: cannot write the log %s: %s\n", name, strerror(errno));
    return STATUS_USAGE;
}

static void no_udp(const struct options *o, const char *why)
{
    if (o->v[OPTION_UDP_FORWARD].set || o->v[OPTION_UDP_REMOTE_FORWARD].set)
        fprintf(stderr, "tern: UDP is not forwarded: %s\n", why);
}

/* A command whose output goes elsewhere than to a terminal gets none there either. */
static int run_local_session(const struct options *o, const char *const *words,
                             const struct log *log)
{
    no_udp(o, "this machine is both ends");
    if (!words[0] || o->v[OPTION_ATTACH].set || (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
        return run_session(o, words, NULL, NULL, false, NULL, log);
    const char *none[] = {NULL};
    struct buf text;
    buf_init(&text, OPEN_COMMAND_MAX + 1);
    for (const char *const *w = words; *w; w++)
        buf_printf(&text, "%s%s", w == words ? "" : " ", *w);
    buf_put_u8(&text, 0);
    int status = STATUS_USAGE;
    if (buf_err(&text))
        complain("the command is too long");
    else
        status = run_session(o, none, NULL,
                             &(struct command_request){.text = (const char *)buf_data(&text)},
                             false, NULL, log);
    buf_fini(&text);
    return status;
}

static int run_local(const struct options *o, char **words)
{
    unsetenv(
        "SSH_ORIGINAL_COMMAND"); /* of a login that ran us: it forces nothing on our own session */
    const char *server = options_text(o, OPTION_SERVER, NULL);
    if (program_flag(o, OPTION_LS))
        return client_exec_server(server, (const char *const[]){"--ls", NULL});
    if (o->v[OPTION_KILL].set)
        return client_exec_server(server,
                                  (const char *const[]){"--kill", o->v[OPTION_KILL].text, NULL});
    struct logfile *log = NULL;
    int status = open_log(o, &log);
    if (!status)
        status = run_local_session(o, (const char *const *)words, logfile_log(log));
    logfile_close(log);
    return status;
}

/* Sessions of this machine, and what needs no host: everything behind options_parse. `ssh`: there
 * are words that might be options of ssh's. */
static int start_local(struct options *o, bool ssh, int argc, char **argv)
{
    char err[OPTION_ERROR], with_hint[OPTION_ERROR + 40];
    int rest;
    if (options_parse(o, PROGRAM_TERN, argc, argv, &rest, err)) {
        snprintf(with_hint, sizeof with_hint, "%s%s", err,
                 ssh ? "; options of ssh need a host" : "");
        return complain(with_hint);
    }
    if (program_flag(o, OPTION_HELP) || program_flag(o, OPTION_VERSION))
        return program_print(PROGRAM_TERN,
                             program_flag(o, OPTION_HELP) ? options_help : options_version);
    const char *wrong = check_actions(o, argc - rest);
    if (wrong)
        return complain(wrong);
    const char *user = user_name();
    struct config_target target = {.host = "local", .user = user, .local_user = user};
    if (config_load(o, PROGRAM_TERN, &target, err))
        return complain(err);
    return run_local(o, argv + rest);
}

/* ---- another host ---- */

/* "me@host", "ssh://me@host:22/" and "host" as Host patterns see them. */
static void target_of(const char *word, char host[static 256], char user[static 256])
{
    if (!strncmp(word, "ssh://", 6))
        word += 6;
    const char *at = strrchr(word, '@');
    snprintf(user, 256, "%.*s", at ? (int)(at - word) : 0, word);
    snprintf(host, 256, "%s", at ? at + 1 : word);
    if (at && host[0] == '[')
        return;
    host[strcspn(host, "/")] = 0;
}

/* ssh's own EscapeChar counts where ours is not set. */
static void adopt_escape(struct options *o, const struct sshargs *a, const struct sshconf *c)
{
    char why[OPTION_ERROR];
    const char *text = a->escape ? a->escape : c->escape_char;
    if (text && !o->v[OPTION_ESCAPE].set && option_set(o, OPTION_ESCAPE, text, why))
        fprintf(stderr, "tern: escape character %.40s: %s; ~ is used\n", text, why);
}

/* What one call does on another host. */
struct call {
    struct options *o;
    const struct sshargs *a;
    struct login *l;
    const struct command_request *command; /* NULL: a session */
    const char *words[2];                  /* of that */
    const struct log *log;
};

static int run_call(const struct call *c, const struct owner_request *owner)
{
    return run_session(c->o, c->words, c->l, c->command, c->a->forwards, owner, c->log);
}

static int on_own(void *ctx, const struct owner_request *r)
{
    return run_call(ctx, r);
}

static void on_forked(void *ctx)
{
    login_leave(((struct call *)ctx)->l);
}

/* By a shared connection, if there is one, or shall be. */
static bool run_shared(struct call *c, int *status)
{
    const struct options *o = c->o;
    uint64_t key = options_number(o, OPTION_ESCAPE, '~');
    char err[OPTION_ERROR];
    struct share share;
    if (share_settings(o, login_conf(c->l), &share, err)) {
        *status = complain(err);
        return true;
    }
    /* What the protocol has no words for, and what is lent to one session only. */
    const struct sshconf *conf = login_conf(c->l);
    bool runs = !c->command || !(c->command->nothing || c->command->stdio);
    if (o->v[OPTION_UDP_FORWARD].set || o->v[OPTION_UDP_REMOTE_FORWARD].set ||
        program_flag(o, OPTION_MOSH) || (runs && (conf->agent || conf->x11)))
        return false;
    struct mux_use use = {.command = c->command,
                          .text = c->words[0],
                          .conf = login_conf(c->l),
                          .env = login_env(c->l),
                          .escape_key = key ? (int)key : ESCAPE_KEY_NONE};
    return share_connection(&(struct share_run){.share = &share,
                                                .use = &use,
                                                .keep_stderr = c->a->verbose,
                                                .own = on_own,
                                                .forked = on_forked,
                                                .ctx = c},
                            status);
}

/* A command without a terminal, a subsystem, or nothing at all. */
static int run_command(struct options *o, const struct sshargs *a, struct login *l,
                       const struct log *log)
{
    const struct sshconf *conf = login_conf(l);
    int status;
    struct command_request r = {.text = login_remote(l),
                                .env = login_env(l),
                                .subsystem = conf->subsystem,
                                .nothing = conf->session_none && !a->stdio,
                                .stdio = a->stdio,
                                .null_stdin = conf->stdin_null || conf->background,
                                .background = conf->background,
                                .quiet = a->quiet,
                                .verbose = a->verbose};
    if (r.background && !r.text && !r.nothing)
        return complain("-f needs a command to run in the background, as in ssh(1)");
    struct call c = {.o = o, .a = a, .l = l, .command = &r, .log = log};
    if (run_shared(&c, &status))
        return status;
    if (r.background && !command_background(&status)) {
        login_leave(l);
        return status;
    }
    return run_call(&c, NULL);
}

enum how {
    HOW_SESSION, /* a terminal there, and a view of it here */
    HOW_COMMAND, /* channels */
    HOW_PLAIN, /* what ssh alone can serve: forwards of other kinds, a terminal there but none here
                */
};

/* The lists of an sshconf leave out what is too much. */
static bool too_many(const struct sshconf *c)
{
    return c->local.count + c->dynamic.count + c->back.count >= SSHCONF_LIST_MAX;
}

static enum how choose(const struct options *o, const struct sshargs *a, const struct login *l)
{
    const struct sshconf *conf = login_conf(l);
    if (o->v[OPTION_ATTACH].set)
        return HOW_SESSION;
    if (a->stdio) /* -f has no use there */
        return conf->background ? HOW_PLAIN : HOW_COMMAND;
    if (!conf->subsystem && login_wants_tty(l, isatty(STDIN_FILENO)))
        return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? HOW_SESSION : HOW_PLAIN;
    bool plain = conf->remote || too_many(conf);
    return plain || program_flag(o, OPTION_MOSH) ? HOW_PLAIN : HOW_COMMAND;
}

/* -O: a word with the owner of a shared connection. */
static int control(const struct options *o, const struct sshargs *a, const struct login *l)
{
    struct share share;
    char err[OPTION_ERROR];
    if (share_settings(o, login_conf(l), &share, err))
        return complain(err);
    if (!share.path) { /* ssh's words and status */
        fprintf(stderr, "No ControlPath specified for \"-O\" command\n");
        return CLIENT_STATUS_LOST;
    }
    return mux_client_control(share.path, a->control, login_conf(l));
}

static int run_host(struct options *o, const struct sshargs *a)
{
    struct logfile *log = NULL;
    bool attach = o->v[OPTION_ATTACH].set;
    struct login_config c = {.args = a,
                             .program = options_text(o, OPTION_SSH, NULL),
                             .server = options_text(o, OPTION_SERVER, NULL),
                             .port_low = o->v[OPTION_UDP_PORTS].lo,
                             .port_high = o->v[OPTION_UDP_PORTS].hi,
                             .control_path = options_text(o, OPTION_CONTROL_PATH, NULL),
                             .mosh = program_flag(o, OPTION_MOSH),
                             .entropy = osrandom()};
    if (program_flag(o, OPTION_LS))
        return login_exec_server(&c, (const char *const[]){"--ls", NULL});
    if (o->v[OPTION_KILL].set)
        return login_exec_server(&c, (const char *const[]){"--kill", o->v[OPTION_KILL].text, NULL});
    /* A stock mosh-server carries no forwards. */
    bool no_use = program_flag(o, OPTION_MOSH) && (a->forwards || a->stdio);
    bool proxy = a->control && !strcmp(a->control, "proxy"); /* whoever it is towards */
    if (!attach && (a->plain || no_use || proxy)) {
        no_udp(o, "another option makes this plain ssh");
        return login_exec_plain(c.program, a);
    }
    int status = open_log(o, &log);
    if (status)
        return status;
    c.log = logfile_log(log);
    struct login *l = login_new(&c, &status);
    if (l && a->control) {
        status = control(o, a, l);
        login_free(l);
        logfile_close(log);
        return status;
    }
    enum how how = l ? choose(o, a, l) : HOW_PLAIN;
    if (l && how == HOW_PLAIN) {
        no_udp(o, "this is plain ssh");
        status = login_exec_plain(c.program, a);
    } else if (l && how == HOW_COMMAND) {
        status = run_command(o, a, l, c.log);
    } else if (l) {
        adopt_escape(o, a, login_conf(l));
        struct call call = {
            .o = o, .a = a, .l = l, .words = {attach ? NULL : login_remote(l)}, .log = c.log};
        bool alone = attach || o->v[OPTION_NAME].set;
        if (alone || !run_shared(&call, &status))
            status = run_call(&call, NULL);
    }
    login_free(l);
    logfile_close(log);
    return status;
}

static int start_host(struct options *o, const struct sshargs *a)
{
    char err[OPTION_ERROR], host[256], user[256];
    int rest;
    const char **words = mem_new(a->own_n + 2, sizeof *words);
    words[0] = "tern";
    for (size_t i = 0; i < a->own_n; i++)
        words[1 + i] = a->own[i];
    int bad = options_parse(o, PROGRAM_TERN, (int)a->own_n + 1, (char *const *)words, &rest, err);
    free(words);
    if (bad || share_adopt(o, a, err))
        return complain(err);
    const char *wrong = check_actions(o, (int)a->command_n);
    if (wrong)
        return complain(wrong);
    if (!a->host && a->plain) /* -Q needs none */
        return login_exec_plain(options_text(o, OPTION_SSH, NULL), a);
    if (!a->host)
        return complain(
            "no destination; tern [user@]host logs in there, tern --local starts a session "
            "on this machine; see tern --help");
    target_of(a->host, host, user);
    const char *own = user_name();
    struct config_target target = {.host = host, .user = *user ? user : own, .local_user = own};
    if (config_load(o, PROGRAM_TERN, &target, err))
        return complain(err);
    if (program_flag(o, OPTION_LEND_AGENT))
        return complain("--forward-agent goes with --local; on another host it is -A");
    return run_host(o, a);
}

/* What needs no host is told by a long option, or by -h as the first word; the last three may have
 * one. */
static bool is_local(const struct sshargs *a, char **argv)
{
    static const char *const words[] = {"--local",  "--help", "--version",
                                        "--attach", "--ls",   "--kill"};
    if (argv[1] && !strcmp(argv[1], "-h"))
        return true;
    for (size_t i = 0; i < a->own_n; i++) {
        size_t len = strcspn(a->own[i], "=");
        for (size_t k = 0; k < (a->host ? 3 : sizeof words / sizeof *words); k++)
            if (len == strlen(words[k]) && !strncmp(a->own[i], words[k], len))
                return true;
    }
    return false;
}

/* Everything behind the command line; the caller frees the options. */
static int start(struct options *o, int argc, char **argv)
{
    struct sshargs a;
    char err[SSHARGS_ERROR];
    int bad = sshargs_parse(&a, argc, argv, options_takes_value, err);
    int status;
    if (!bad && a.version)
        status = program_print(PROGRAM_TERN, options_version);
    else if (is_local(&a, argv))
        status = start_local(o, !a.host && a.all_n, argc, argv);
    else if (bad)
        status = complain(err);
    else
        status = start_host(o, &a);
    sshargs_fini(&a);
    return status;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    program_open_std_fds();
    harden_no_core();
    width_setup();
    if (mosh_client_called(argc, argv))
        return mosh_client_main(argc, argv);
    int status = start(&o, argc, argv);
    options_fini(&o);
    return status;
}
