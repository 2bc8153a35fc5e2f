/* Every option of tern and tern-server in one table: names, argument, help text, the keyword of the
 * configuration file, and which program takes it. Each keyword has a long option (design.md §1).
 * The command line is read first and wins; then ~/.config/tern/config, then /etc/tern/config, where
 * the first value wins, as in ssh_config. */
#ifndef TERN_CMD_OPTIONS_H
#define TERN_CMD_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who takes an option. Values are bits. */
enum program { PROGRAM_TERN = 1, PROGRAM_SERVER = 2 };

enum option_id {
    /* what to do */
    OPTION_LOCAL,
    OPTION_ATTACH,
    OPTION_LEND_AGENT,
    OPTION_LS,
    OPTION_KILL,
    OPTION_JOIN,
    OPTION_HELP,
    OPTION_VERSION,
    /* settings; each has a keyword */
    OPTION_NAME,
    OPTION_ESCAPE,
    OPTION_SIGNAL_STATUS,
    OPTION_TRANSPORT,
    OPTION_UDP_PORTS,
    OPTION_DETACH_TIMEOUT,
    OPTION_CONNECT_TIMEOUT,
    OPTION_OUTAGE_TIMEOUT,
    OPTION_SERVER,
    OPTION_SSH,
    OPTION_MOSH,
    OPTION_FALLBACK,
    OPTION_PREDICT,
    OPTION_PREDICT_OVERWRITE,
    OPTION_SCROLLBACK,
    OPTION_HISTORY_LINES,
    OPTION_ASK,
    OPTION_CLIPBOARD,
    OPTION_CLIPBOARD_READ,
    OPTION_NOTIFY,
    OPTION_CONTROL_MASTER,
    OPTION_CONTROL_PATH,
    OPTION_CONTROL_PERSIST,
    OPTION_LOG,
    OPTION_LOG_LEVEL,
    OPTION_SERVER_LOG,
    OPTION_UDP_FORWARD,
    OPTION_UDP_REMOTE_FORWARD,
    OPTION_COUNT,
};

enum option_kind {
    OPTION_FLAG,    /* number: 0 or 1; "--x", "--x=yes", "--x=no", "--no-x" */
    OPTION_TEXT,    /* text, not empty */
    OPTION_SESSION, /* text: a session's name */
    OPTION_TIME,    /* number: seconds, 0 = none; "90", "1h30m", "10d", "none" (sshd_config, TIME
                       FORMATS) */
    OPTION_PORTS,   /* lo..hi: "60001" or "60001:60999" */
    OPTION_CHAR,    /* number: 1..127, 0 = none; "~", "^x", "none" */
    OPTION_CHOICE,  /* number: index in choices */
    OPTION_LINES,   /* number: 0 and up, UINT64_MAX for "all" */
    OPTION_FORWARD, /* list: "[bind:]port:host:hostport"; given again, it is another one */
};

struct option_def {
    enum option_id id;
    char letter;         /* short form, or 0 */
    const char *name;    /* long form, without the dashes */
    const char *arg;     /* what --help calls the argument; NULL for flags */
    const char *keyword; /* of the configuration file; NULL if it has no place there */
    enum option_kind kind;
    unsigned programs;   /* bits of enum program */
    const char *choices; /* OPTION_CHOICE: names separated by '|' */
    const char *help;    /* one or two sentences */
};

/* The table: OPTION_COUNT entries, entry i has id i. */
extern const struct option_def option_table[OPTION_COUNT];

struct setting {
    bool set;
    char *text; /* as it was written; owned */
    uint64_t number;
    uint16_t lo, hi;
    char **list; /* owned, so are its texts */
    size_t count;
};

/* The values; zeroed = nothing set. */
struct options {
    struct setting v[OPTION_COUNT];
};
void options_fini(struct options *o);

#define OPTION_ERROR       400         /* room for one line of complaint, NUL included */
#define OPTION_TIME_MAX    3153600000u /* a hundred years, in seconds */
#define OPTION_LINES_MAX   1000000000u
#define SESSION_NAME_LIMIT 64 /* bytes */
#define OPTION_LIST_MAX    64

/* Reads options up to the first other word or "--"; *rest is the index of the first word behind
 * them. A repeated option replaces its earlier value, but for lists. 0, or ERR_SYNTAX with a line
 * in err that says what is wrong and what to do (without "tern: " before it). */
int MUST_USE options_parse(struct options *o, enum program p, int argc, char *const *argv,
                           int *rest, char err[static OPTION_ERROR]);

/* Does tern's long option "--name" take the next word as its argument? False for unknown ones. */
bool options_takes_value(const char *word);

/* Sets one value from text; replaces what was there, or adds to a list. 0, or ERR_SYNTAX with what
 * is wrong in why, e.g. "must be a number of seconds ...". */
int MUST_USE option_set(struct options *o, enum option_id id, const char *value,
                        char why[static OPTION_ERROR]);

/* The entry with this keyword (in any case), or NULL. */
const struct option_def *option_by_keyword(const char *keyword);

/* The value, or the default when it is not set. */
const char *options_text(const struct options *o, enum option_id id, const char *otherwise);
uint64_t options_number(const struct options *o, enum option_id id, uint64_t otherwise);

/* The text of --help, at most 80 columns wide. */
void options_help(struct buf *out, enum program p);
/* One line: program and version. */
void options_version(struct buf *out, enum program p);

/* Letters, digits, '.', '_', '-', not first '-' or '.'; 1..SESSION_NAME_LIMIT bytes. */
bool session_name_valid(const char *name);

#endif
