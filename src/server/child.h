/* What a session's program is started with: words, environment, folder, and what is shown before
 * it; as sshd would give it (openssh-mux.md §3.1), but for TERM, which is always xterm-256color,
 * and for a UTF-8 locale, if the host has one. */
#ifndef TERN_SERVER_CHILD_H
#define TERN_SERVER_CHILD_H

#include "link/start.h"
#include "server/motd.h"

struct child {
    char *file;
    struct start_list argv; /* NULL-terminated on top of count */
    struct start_list env;
    char *home;
    char *user;
    bool login; /* a login shell: there was no command */
    bool ssh;   /* started by a login through ssh, not from within one */
};

/* From the record, the passwd entry and our own environment. forced: the only command that this
 * login may run, a text for the shell, whatever the record says (openssh-mux.md §3.4). Or NULL. */
void child_init(struct child *c, const struct start_record *r, const char *forced);
/* The same for what runs without a terminal: no TERM, and the locale stays the login's. */
void child_init_command(struct child *c, const struct start_record *r, const char *forced);
/* One more variable, of our own. */
void child_set(struct child *c, const char *name, const char *value);
void child_fini(struct child *c);

/* May a client set this variable ("NAME=value")? Never what the login decides, the loader's, or
 * ours. */
bool child_accepts(const char *var);

/* Appends what the terminal shows before the program prints: for a login shell through ssh the
 * messages of the day, the last login and `warning` (or NULL), unless the user wants none of it;
 * and a word when HOME cannot be entered. */
void child_greet(const struct child *c, const struct lastlogin_files *f, const char *warning,
                 struct buf *out);

#endif
