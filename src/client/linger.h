/* A client that has told its user the end may still have to acknowledge the far end's goodbye: a
 * child does that, out of the terminal's way. */
#ifndef TERN_CLIENT_LINGER_H
#define TERN_CLIENT_LINGER_H

#include "io/loop.h"
#include "link/link.h"

#include <stdbool.h>

/* How long the goodbye may keep the user when it goes by the pipe. */
#define LINGER_PIPE_US 2000000u

/* Until when the parent itself has to see the goodbye through, before it forks: 0 if it need not.
 * The bootstrap's ssh ends with its parent, with all that it has not sent yet, so a child could
 * repeat nothing by the pipe, and the far session would wait for days for a reader of its status.
 */
uint64_t linger_here(const struct link *l, uint64_t now_us);

/* Forks. True in the child, which has no terminal, its own session and a loop that runs on: it
 * runs that and ends by _exit. False in the parent, also if there is no child. */
bool linger_fork(struct loop *l);

#endif
