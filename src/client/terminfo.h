/* What the user's terminal can do, from $TERM, the terminfo database, COLORTERM and the names of
 * terminals that are known to do more than their entry says. */
#ifndef TERN_CLIENT_TERMINFO_H
#define TERN_CLIENT_TERMINFO_H

#include "view/view.h"

#define TERMINFO_ERROR 200

/* What the environment says; any may be NULL. */
struct terminfo_env {
    const char *term;      /* TERM */
    const char *colorterm; /* COLORTERM */
    const char *tmux;      /* TMUX: set inside tmux, whatever TERM says */
};

enum terminfo_result {
    TERMINFO_OK,
    TERMINFO_UNKNOWN, /* no entry: *facts is view_facts_default, plain ANSI; note says so */
    TERMINFO_DUMB, /* the entry is of a terminal without cursor addressing: note says what to do */
};

/* Fills *f (its strings live until the next call). fd: the terminal. */
enum terminfo_result terminfo_facts(const struct terminfo_env *env, int fd, uint16_t cols,
                                    uint16_t rows, struct view_facts *f,
                                    char note[static TERMINFO_ERROR]);

/* Direct colour: COLORTERM is truecolor or 24bit. */
bool terminfo_truecolor(const char *colorterm);

#endif
