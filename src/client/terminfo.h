/* What the user's terminal can do, from $TERM, the terminfo database, COLORTERM and the names of
 * terminals that are known to do more than their entry says. */
#ifndef TERN_CLIENT_TERMINFO_H
#define TERN_CLIENT_TERMINFO_H

#include "view/view.h"

#define TERMINFO_ERROR 240

/* What the environment says; any may be NULL. */
struct terminfo_env {
    const char *term;      /* TERM */
    const char *colorterm; /* COLORTERM */
    const char *tmux;      /* TMUX: set inside tmux, whatever TERM says */
};

/* Fills *f (its strings live until the next call); fd: the terminal. 0, or ERR_STATE for a terminal
 * that is not known here or cannot show a screen: note then says so and what to do, in one line. */
int MUST_USE terminfo_facts(const struct terminfo_env *env, int fd, uint16_t cols, uint16_t rows,
                            struct view_facts *f, char note[static TERMINFO_ERROR]);

/* terminfo's number of colours for a terminal, -1 if it has none. ERR_STATE: not known here. */
int MUST_USE terminfo_colours(const char *term, int *out);

/* Direct colour: COLORTERM is truecolor or 24bit. */
bool terminfo_truecolor(const char *colorterm);

#endif
