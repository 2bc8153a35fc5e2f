/* How a session's end is told: the exit status and one line for the user. */
#ifndef TERN_CLIENT_OUTCOME_H
#define TERN_CLIENT_OUTCOME_H

#include "session/client_end.h"

#define OUTCOME_TEXT 400

/* Returns the exit status (design.md §1); text is empty when there is nothing to say. session: its
 * name, "" if unknown. signal_status: a command killed by signal n counts as 128+n, not 255.
 * forced: it was not the user who left, but a signal or a lost terminal. */
int outcome(const struct client_result *r, const char *session, bool signal_status, bool forced,
            char text[static OUTCOME_TEXT]);

#endif
