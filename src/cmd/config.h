/* The configuration file, in the grammar of ssh_config(5): "Keyword value" or "Keyword=value",
 * double quotes around values with blanks, '#' comments; `Host` with patterns (* ? and !) and
 * `Match` with host, originalhost, user, localuser, all begin blocks; the first value found wins.
 */
#ifndef TERN_CMD_CONFIG_H
#define TERN_CMD_CONFIG_H

#include "cmd/options.h"

#define CONFIG_SIZE_MAX (1u << 20) /* bytes of one file */

/* What Host and Match lines are compared with. */
struct config_target {
    const char *host;       /* as given on the command line; "local" for --local */
    const char *user;       /* who logs in there */
    const char *local_user; /* who runs tern */
};

/* Reads text (the contents of the file called name) and sets what is not set yet. 0, or ERR_SYNTAX
 * with "name:line: what is wrong; what to do" in err. */
int MUST_USE config_parse(struct options *o, enum program p, const char *text, size_t len,
                          const char *name, const struct config_target *target,
                          char err[static OPTION_ERROR]);

/* Reads the user's file ($XDG_CONFIG_HOME/tern/config, else ~/.config/tern/config) and then
 * /etc/tern/config. A file that is not there is fine; one that cannot be read is an error. */
int MUST_USE config_load(struct options *o, enum program p, const struct config_target *target,
                         char err[static OPTION_ERROR]);

/* Does text match one pattern of * and ?, regardless of case as ssh does for hosts. */
bool config_glob(const char *pattern, const char *text);

#endif
