#include "cmd/options.h"

#include "base/mem.h"
#include "fwd/spec.h"
#include "term/width.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BOTH (PROGRAM_TERN | PROGRAM_SERVER)

/* clang-format off */
const struct option_def option_table[OPTION_COUNT] = {
    {OPTION_LOCAL, 0, "local", NULL, NULL, OPTION_FLAG, PROGRAM_TERN, NULL,
     "Start a session on this machine, with a server process, UDP and encryption as for any other "
     "host. Words that follow are the command to run instead of a login shell."},
    {OPTION_ATTACH, 0, "attach", "NAME", NULL, OPTION_SESSION, BOTH, NULL,
     "Attach to the running session of this name, on this machine or on the host that is named."},
    {OPTION_LEND_AGENT, 'A', "forward-agent", NULL, NULL, OPTION_FLAG, PROGRAM_TERN, NULL,
     "With --local: lend the authentication agent of SSH_AUTH_SOCK to the session or command. On "
     "another host -A and ForwardAgent are ssh's."},
    {OPTION_LS, 0, "ls", NULL, NULL, OPTION_FLAG, BOTH, NULL,
     "List the sessions that are running, here or on the host."},
    {OPTION_KILL, 0, "kill", "NAME", NULL, OPTION_SESSION, BOTH, NULL,
     "End the session of this name, here or on the host."},
    {OPTION_JOIN, 0, "join", "SESSION.ROUTE", NULL, OPTION_TEXT, PROGRAM_SERVER, NULL,
     "Relay stdin and stdout to the server process that holds this session and link."},
    {OPTION_HELP, 'h', "help", NULL, NULL, OPTION_FLAG, BOTH, NULL,
     "Print this help and exit."},
    {OPTION_VERSION, 'V', "version", NULL, NULL, OPTION_FLAG, BOTH, NULL,
     "Print the version and exit."},

    {OPTION_NAME, 0, "name", "NAME", "SessionName", OPTION_SESSION, PROGRAM_TERN, NULL,
     "Name of the new session; the server makes one up otherwise."},
    {OPTION_ESCAPE, 'e', "escape-char", "CHAR", "EscapeChar", OPTION_CHAR, PROGRAM_TERN, NULL,
     "Escape character, recognised at the start of a line: a character, ^ and a letter, or none. "
     "Default ~. Type it and then ? for what it can do."},
    {OPTION_SIGNAL_STATUS, 0, "signal-status", NULL, "SignalStatus", OPTION_FLAG, PROGRAM_TERN, NULL,
     "When a signal killed the command, exit with 128 + its number, as shells do, instead of with "
     "255, as ssh does."},
    {OPTION_TRANSPORT, 0, "transport", "WAY", "Transport", OPTION_CHOICE, PROGRAM_TERN, "auto|udp|pipe",
     "auto (default): start on the pipe and move to UDP when it works; udp: UDP only; pipe: never "
     "UDP."},
    {OPTION_UDP_PORTS, 0, "udp-ports", "LOW:HIGH", "UdpPorts", OPTION_PORTS, BOTH, NULL,
     "UDP ports that the server may take: one port or a range. Default 60001:60999."},
    {OPTION_DETACH_TIMEOUT, 0, "detach-timeout", "TIME", "DetachTimeout", OPTION_TIME, BOTH, NULL,
     "A session that nobody is attached to ends after this: 90 (seconds), 1h30m, 10d (default), or "
     "none."},
    {OPTION_CONNECT_TIMEOUT, 0, "connect-timeout", "TIME", "ConnectTimeout", OPTION_TIME,
     PROGRAM_TERN, NULL,
     "Give up when the server has not answered within this time. Default 60, or none."},
    {OPTION_OUTAGE_TIMEOUT, 0, "outage-timeout", "TIME", "OutageTimeout", OPTION_TIME, PROGRAM_TERN, NULL,
     "Leave when the server is out of reach for so long while this machine is awake: a session stays "
     "there, detached, a command is given up. Status 255. Default none."},
    {OPTION_SERVER, 0, "server", "COMMAND", "ServerCommand", OPTION_TEXT, PROGRAM_TERN, NULL,
     "Command that starts the server, run by sh -c. Default: with --local the tern-server beside "
     "tern; on another host the one in PATH, ~/.local/bin or /usr/local/bin."},
    {OPTION_SSH, 0, "ssh", "COMMAND", "SshCommand", OPTION_TEXT, PROGRAM_TERN, NULL,
     "Command that logs in, in place of ssh: words for sh, to which ssh's options are appended."},
    {OPTION_MOSH, 0, "mosh", NULL, "Mosh", OPTION_FLAG, PROGRAM_TERN, NULL,
     "Use the stock mosh-server of the far host, also where it has a tern-server."},
    {OPTION_FALLBACK, 0, "fallback", NULL, "Fallback", OPTION_FLAG, PROGRAM_TERN, NULL,
     "Where the far host has no tern-server go on with its mosh-server, else as plain ssh (the "
     "default). --no-fallback or --fallback=no: end instead."},
    {OPTION_PREDICT, 0, "predict", "WHEN", "Predict", OPTION_CHOICE, PROGRAM_TERN,
     "adaptive|always|never|experimental",
     "When to show what typed keys will do before the far side does: when the round trip is long or "
     "answers are late (adaptive, the default), always, never, or experimental: always, and without "
     "first seeing that keys are echoed. Never where the far side's terminal does not echo."},
    {OPTION_PREDICT_OVERWRITE, 0, "predict-overwrite", NULL, "PredictOverwrite", OPTION_FLAG,
     PROGRAM_TERN, NULL,
     "Such characters replace those under the cursor, until the program is seen to insert them."},
    {OPTION_SCROLLBACK, 0, "scrollback", NULL, "Scrollback", OPTION_FLAG, PROGRAM_TERN, NULL,
     "Lines that leave the screen go into the terminal's own scrollback (the default). "
     "--no-scrollback or --scrollback=no: everything is shown on the terminal's alternate screen, as "
     "mosh does."},
    {OPTION_HISTORY_LINES, 0, "history-lines", "N", "HistoryLines", OPTION_LINES, PROGRAM_TERN, NULL,
     "How many of the newest lines that left the screen are brought into the terminal's scrollback, "
     "when a program prints faster than the network carries and after attaching: a number, or all "
     "that the server keeps. Default 50000."},
    {OPTION_ASK, 0, "ask-terminal", NULL, "AskTerminal", OPTION_FLAG, PROGRAM_TERN, NULL,
     "Ask the terminal at the start for its colours, widths and abilities (the default), so that "
     "programs there get true answers. --no-ask-terminal: ask nothing."},
    {OPTION_CLIPBOARD, 0, "clipboard", NULL, "Clipboard", OPTION_FLAG, PROGRAM_TERN, NULL,
     "Let programs there write the clipboard (the default), up to 1 MiB."},
    {OPTION_CLIPBOARD_READ, 0, "clipboard-read", NULL, "ClipboardRead", OPTION_FLAG, PROGRAM_TERN,
     NULL, "Let programs there read the clipboard, if the terminal gives it. Default no."},
    {OPTION_NOTIFY, 0, "notify", NULL, "Notify", OPTION_FLAG, PROGRAM_TERN, NULL,
     "Hand on notifications and progress of programs there to the terminal (the default)."},
    {OPTION_CONTROL_MASTER, 0, "control-master", "HOW", "ControlMaster", OPTION_CHOICE, PROGRAM_TERN,
     "no|yes|ask|auto|autoask",
     "Share this connection with other calls of tern, ssh, scp, sftp, rsync and git at the control "
     "path: no (the default), yes, ask (each use is allowed by SSH_ASKPASS), auto (use one that is "
     "there, else share), autoask. -M is yes."},
    {OPTION_CONTROL_PATH, 0, "control-path", "PATH", "ControlPath", OPTION_TEXT, PROGRAM_TERN, NULL,
     "Socket of a shared connection, with ssh's % tokens, or none. Default: that of ssh's own "
     "configuration. -S is the same; -O check, conninfo, forward, exit, ... speaks to who owns it."},
    {OPTION_CONTROL_PERSIST, 0, "control-persist", "TIME", "ControlPersist", OPTION_TEXT, PROGRAM_TERN,
     NULL,
     "How long a shared connection stays without anybody on it: no (the default), yes, or a time such "
     "as 10m."},
    {OPTION_LOG, 0, "log", "FILE", "Log", OPTION_TEXT, BOTH, NULL,
     "Append a log to this file. It holds no keys and nothing typed or printed, and is safe to "
     "post."},
    {OPTION_LOG_LEVEL, 0, "log-level", "LEVEL", "LogLevel", OPTION_CHOICE, BOTH,
     "error|warn|info|debug", "How much to log: error, warn, info or debug (default)."},
    {OPTION_SERVER_LOG, 0, "server-log", "FILE", "ServerLog", OPTION_TEXT, PROGRAM_TERN, NULL,
     "Log of the server, a file on its host."},
    {OPTION_UDP_FORWARD, 0, "udp-forward", "PORT:HOST:HOSTPORT", "UdpForward", OPTION_FORWARD,
     PROGRAM_TERN, NULL,
     "Datagrams that come to this UDP port here go to that host and port from there, and answers "
     "come back; as -L does for TCP, with an address to listen at before the port. May be given more "
     "than once."},
    {OPTION_UDP_REMOTE_FORWARD, 0, "udp-remote-forward", "PORT:HOST:HOSTPORT", "UdpRemoteForward",
     OPTION_FORWARD, PROGRAM_TERN, NULL,
     "The same from a port there to a host and port here, as -R."},
};
/* clang-format on */

void options_fini(struct options *o)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        for (size_t k = 0; k < o->v[i].count; k++)
            free(o->v[i].list[k]);
        free(o->v[i].list);
        free(o->v[i].text);
    }
    memset(o, 0, sizeof *o);
}

bool session_name_valid(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > SESSION_NAME_LIMIT || name[0] == '-' || name[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c >= 0x80 || !(isalnum(c) || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

/* ---- values ---------------------------------------------------------------------------------- */

static int value_flag(const char *v, uint64_t *out)
{
    if (!strcasecmp(v, "yes") || !strcasecmp(v, "true") || !strcmp(v, "1"))
        *out = 1;
    else if (!strcasecmp(v, "no") || !strcasecmp(v, "false") || !strcmp(v, "0"))
        *out = 0;
    else
        return ERR_SYNTAX;
    return 0;
}

/* sshd_config(5), TIME FORMATS: numbers each with a unit, plain seconds without one, added up. */
static int value_time(const char *v, uint64_t *out)
{
    if (!strcasecmp(v, "none")) {
        *out = 0;
        return 0;
    }
    static const char units[] = "smhdw";
    static const uint32_t seconds[] = {1, 60, 3600, 86400, 604800};
    uint64_t sum = 0;
    if (!*v)
        return ERR_SYNTAX;
    while (*v) {
        uint64_t n = 0;
        if (*v < '0' || *v > '9')
            return ERR_SYNTAX;
        for (; *v >= '0' && *v <= '9'; v++)
            if ((n = n * 10 + (uint64_t)(*v - '0')) > OPTION_TIME_MAX)
                return ERR_CAP;
        if (*v) {
            const char *u = strchr(units, tolower((unsigned char)*v));
            if (!u)
                return ERR_SYNTAX;
            n *= seconds[u - units];
            v++;
        }
        if ((sum += n) > OPTION_TIME_MAX)
            return ERR_CAP;
    }
    *out = sum;
    return 0;
}

static int value_port(const char **v, uint16_t *out)
{
    unsigned n = 0;
    const char *p = *v;
    for (; *p >= '0' && *p <= '9'; p++)
        if ((n = n * 10 + (unsigned)(*p - '0')) > 65535)
            return ERR_CAP;
    if (p == *v || n == 0)
        return ERR_SYNTAX;
    *v = p;
    *out = (uint16_t)n;
    return 0;
}

static int value_ports(const char *v, uint16_t *lo, uint16_t *hi)
{
    int r = value_port(&v, lo);
    if (r)
        return r;
    *hi = *lo;
    if (*v == ':' || *v == '-') {
        v++;
        if ((r = value_port(&v, hi)))
            return r;
    }
    return *v || *lo > *hi ? ERR_SYNTAX : 0;
}

static int value_char(const char *v, uint64_t *out)
{
    if (!strcasecmp(v, "none")) {
        *out = 0;
        return 0;
    }
    unsigned char c = (unsigned char)v[0];
    if (c == '^' && v[1] && !v[2]) {
        unsigned char ctrl = (unsigned char)toupper((unsigned char)v[1]);
        if (ctrl != '?' && (ctrl < 'A' || ctrl > '_'))
            return ERR_SYNTAX; /* ^@ too: NUL stands for "none" */
        *out = ctrl == '?' ? 0x7f : ctrl & 0x1fu;
        return 0;
    }
    if (c < 0x21 || c > 0x7e || v[1])
        return ERR_SYNTAX;
    *out = c;
    return 0;
}

static int value_lines(const char *v, uint64_t *out)
{
    uint64_t n = 0;
    if (!strcasecmp(v, "all")) {
        *out = UINT64_MAX;
        return 0;
    }
    if (!*v)
        return ERR_SYNTAX;
    for (; *v; v++)
        if (*v < '0' || *v > '9' || (n = n * 10 + (uint64_t)(*v - '0')) > OPTION_LINES_MAX)
            return ERR_SYNTAX;
    *out = n;
    return 0;
}

static int value_choice(const char *choices, const char *v, uint64_t *out)
{
    size_t len = strlen(v);
    uint64_t i = 0;
    for (const char *p = choices;; i++) {
        size_t n = strcspn(p, "|");
        if (n == len && !strncasecmp(p, v, n)) {
            *out = i;
            return 0;
        }
        if (!p[n])
            return ERR_SYNTAX;
        p += n + 1;
    }
}

static int value_read(const struct option_def *d, const char *v, struct setting *s)
{
    switch (d->kind) {
    case OPTION_FLAG:
        return value_flag(v, &s->number);
    case OPTION_TEXT:
        return *v ? 0 : ERR_SYNTAX;
    case OPTION_SESSION:
        return session_name_valid(v) ? 0 : ERR_SYNTAX;
    case OPTION_TIME:
        return value_time(v, &s->number);
    case OPTION_PORTS:
        return value_ports(v, &s->lo, &s->hi);
    case OPTION_CHAR:
        return value_char(v, &s->number);
    case OPTION_CHOICE:
        return value_choice(d->choices, v, &s->number);
    case OPTION_LINES:
        return value_lines(v, &s->number);
    case OPTION_FORWARD: {
        struct spec spec;
        return spec_udp(v, &spec);
    }
    }
    return ERR_SYNTAX;
}

static void say_wanted(const struct option_def *d, char why[static OPTION_ERROR])
{
    const char *what = "";
    switch (d->kind) {
    case OPTION_FLAG:
        what = "yes or no";
        break;
    case OPTION_TEXT:
        what = "a text that is not empty";
        break;
    case OPTION_SESSION:
        what = "a session's name: up to 64 letters, digits, dots, dashes and underscores, "
               "beginning with a letter, a digit or an underscore";
        break;
    case OPTION_TIME:
        what = "a time such as 90, 1h30m, 10d or none, up to 100 years";
        break;
    case OPTION_PORTS:
        what = "a port or a range such as 60001:60999";
        break;
    case OPTION_CHAR:
        what = "one printable character, ^ and a letter, or none";
        break;
    case OPTION_LINES:
        what = "a number of lines up to 1000000000, or all";
        break;
    case OPTION_FORWARD:
        what = "[bind:]port:host:hostport, with addresses of IPv6 in brackets";
        break;
    case OPTION_CHOICE:
        snprintf(why, OPTION_ERROR, "must be one of %s", d->choices);
        return;
    }
    snprintf(why, OPTION_ERROR, "must be %s", what);
}

int option_set(struct options *o, enum option_id id, const char *value,
               char why[static OPTION_ERROR])
{
    const struct option_def *d = &option_table[id];
    struct setting s = {.set = true};
    if (value_read(d, value, &s)) {
        say_wanted(d, why);
        return ERR_SYNTAX;
    }
    if (d->kind == OPTION_FORWARD && o->v[id].count == OPTION_LIST_MAX) {
        snprintf(why, OPTION_ERROR, "is one of more than %d", OPTION_LIST_MAX);
        return ERR_SYNTAX;
    }
    s.text = mem_text(value, strlen(value));
    free(o->v[id].text);
    if (d->kind == OPTION_FORWARD) {
        s.list = mem_resize(o->v[id].list, o->v[id].count + 1, sizeof *s.list);
        s.count = o->v[id].count;
        s.list[s.count++] = mem_text(value, strlen(value));
    }
    o->v[id] = s;
    return 0;
}

const char *options_text(const struct options *o, enum option_id id, const char *otherwise)
{
    return o->v[id].set ? o->v[id].text : otherwise;
}

uint64_t options_number(const struct options *o, enum option_id id, uint64_t otherwise)
{
    return o->v[id].set ? o->v[id].number : otherwise;
}

const struct option_def *option_by_keyword(const char *keyword)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (option_table[i].keyword && !strcasecmp(option_table[i].keyword, keyword))
            return &option_table[i];
    return NULL;
}

/* ---- the command line ------------------------------------------------------------------------ */

static const char *program_name(enum program p)
{
    return p == PROGRAM_TERN ? "tern" : "tern-server";
}

/* What a user typed, fit for a message: cut, and without control characters. */
static const char *quoted(const char *text, char out[static 80])
{
    size_t n = 0;
    for (; text[n] && n < 76; n++)
        out[n] = (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '?' : text[n];
    memcpy(out + n, text[n] ? "..." : "", text[n] ? 4 : 1);
    return out;
}

struct words {
    enum program p;
    int argc, at;
    char *const *argv;
    char *err;
};

static const struct option_def *find_long(enum program p, const char *name, size_t len)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_def *d = &option_table[i];
        if ((d->programs & p) && strlen(d->name) == len && !memcmp(d->name, name, len))
            return d;
    }
    return NULL;
}

static const struct option_def *find_short(enum program p, char letter)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if ((option_table[i].programs & p) && option_table[i].letter == letter)
            return &option_table[i];
    return NULL;
}

/* shown: the option as the user wrote it, for the message. */
static int take(struct options *o, struct words *w, const struct option_def *d, const char *value,
                const char *shown)
{
    char q[80], why[OPTION_ERROR];
    if (!value && !d->arg)
        value = "yes";
    if (!value && w->at < w->argc)
        value = w->argv[w->at++];
    if (!value) {
        snprintf(w->err, OPTION_ERROR, "option %s needs an argument: %s; see %s --help", shown,
                 d->arg, program_name(w->p));
        return ERR_SYNTAX;
    }
    if (option_set(o, d->id, value, why)) {
        snprintf(w->err, OPTION_ERROR, "%s %.20s: %.250s; see %s --help", shown, quoted(value, q),
                 why, program_name(w->p));
        return ERR_SYNTAX;
    }
    return 0;
}

static int unknown(const struct words *w, const char *option)
{
    char q[80];
    snprintf(w->err, OPTION_ERROR, "unknown option %s; see %s --help", quoted(option, q),
             program_name(w->p));
    return ERR_SYNTAX;
}

static int parse_long(struct options *o, struct words *w, const char *word)
{
    const char *name = word + 2;
    size_t len = strcspn(name, "=");
    const struct option_def *d = find_long(w->p, name, len);
    if (!d && !strncmp(name, "no-", 3) && !name[len]) { /* --no-x is --x=no */
        d = find_long(w->p, name + 3, len - 3);
        if (d && d->kind == OPTION_FLAG)
            return take(o, w, d, "no", word);
        d = NULL;
    }
    if (!d) {
        char cut[80];
        snprintf(cut, sizeof cut, "--%.*s", (int)(len > 70 ? 70 : len), name);
        return unknown(w, cut);
    }
    char shown[40];
    snprintf(shown, sizeof shown, "--%s", d->name);
    return take(o, w, d, name[len] ? name + len + 1 : NULL, shown);
}

/* "-Ve^x": letters of flags may be joined; the argument follows its letter or is the next word. */
static int parse_short(struct options *o, struct words *w, const char *word)
{
    for (const char *p = word + 1; *p;) {
        char shown[3] = {'-', *p, 0};
        const struct option_def *d = find_short(w->p, *p++);
        if (!d)
            return unknown(w, shown);
        const char *value = d->arg && *p ? p : NULL;
        int r = take(o, w, d, value, shown);
        if (r || d->arg)
            return r;
    }
    return 0;
}

bool options_takes_value(const char *word)
{
    const struct option_def *d = find_long(PROGRAM_TERN, word + 2, strlen(word + 2));
    return d && d->arg;
}

int options_parse(struct options *o, enum program p, int argc, char *const *argv, int *rest,
                  char err[static OPTION_ERROR])
{
    struct words w = {.p = p, .argc = argc, .at = 1, .argv = argv, .err = err};
    while (w.at < argc) {
        const char *word = argv[w.at];
        if (word[0] != '-' || !word[1])
            break;
        w.at++;
        if (!strcmp(word, "--"))
            break;
        int r = word[1] == '-' ? parse_long(o, &w, word) : parse_short(o, &w, word);
        if (r)
            return r;
    }
    *rest = w.at;
    return 0;
}

/* ---- help ------------------------------------------------------------------------------------ */

#define HELP_INDENT 26
#define HELP_WIDTH  79

static void put_wrapped(struct buf *out, const char *text, size_t column)
{
    while (*text) {
        while (*text == ' ')
            text++;
        size_t word = strcspn(text, " ");
        bool fresh = column == HELP_INDENT;
        if (!fresh && column + 1 + word > HELP_WIDTH) {
            buf_printf(out, "\n%*s", HELP_INDENT, "");
            column = HELP_INDENT;
            fresh = true;
        }
        if (!fresh) {
            buf_put_u8(out, ' ');
            column++;
        }
        buf_put(out, text, word);
        column += word;
        text += word;
    }
    buf_put_u8(out, '\n');
}

static void put_entry(struct buf *out, const struct option_def *d)
{
    char left[80];
    int n = d->letter ? snprintf(left, sizeof left, "  -%c, --%s", d->letter, d->name)
                      : snprintf(left, sizeof left, "      --%s", d->name);
    if (d->arg)
        n += snprintf(left + n, sizeof left - (size_t)n, "=%s", d->arg);
    if (n < HELP_INDENT - 1)
        buf_printf(out, "%-*s", HELP_INDENT, left);
    else
        buf_printf(out, "%s\n%*s", left, HELP_INDENT, "");
    struct buf text;
    buf_init(&text, 1000);
    buf_put_text(&text, d->help);
    if (d->keyword)
        buf_printf(&text, " [%s]", d->keyword);
    buf_put_u8(&text, 0);
    put_wrapped(out, (const char *)buf_data(&text), HELP_INDENT);
    buf_fini(&text);
}

static void put_group(struct buf *out, enum program p, bool settings, const char *title)
{
    buf_printf(out, "\n%s\n", title);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if ((option_table[i].programs & p) && (i >= OPTION_NAME) == settings)
            put_entry(out, &option_table[i]);
}

void options_help(struct buf *out, enum program p)
{
    if (p == PROGRAM_TERN)
        buf_put_text(out, "tern: a remote shell that never drops.\n\n"
                          "Usage: tern [ssh's options] [options] [user@]host [command [argument "
                          "...]]\n"
                          "       tern --local [options] [--] [command [argument ...]]\n"
                          "       tern --attach NAME [host] | --ls [host] | --kill NAME [host]\n");
    else
        buf_put_text(out, "tern-server: the far end of tern; started by tern, seldom by hand.\n\n"
                          "Usage: tern-server [options]      (start record on stdin)\n"
                          "       tern-server --ls | --kill NAME | --attach NAME | --join ID\n");
    put_group(out, p, false, "What to do:");
    put_group(out, p, true,
              p == PROGRAM_TERN ? "Settings [keyword in ~/.config/tern/config, /etc/tern/config]:"
                                : "Settings:");
    if (p == PROGRAM_TERN)
        buf_put_text(out, "\nIn a session, at the start of a line:\n"
                          "  ~.  end the session      ~d  detach, leave it running\n"
                          "  ~^Z suspend tern         ~#  what is open, and its counters\n"
                          "  ~?  all of them          ~~  a tilde\n"
                          "\nExit status: the command's; 255 when a signal killed it, on ~. and "
                          "when the\nsession could not start or was lost; 2 for a mistake in "
                          "options or in the\nconfiguration.\n");
}

void options_version(struct buf *out, enum program p)
{
    buf_printf(out, "%s %s\nUnicode %s\n", program_name(p), TERN_VERSION, width_unicode());
}
