/* A client that has told its user the end may still have to acknowledge the far end's goodbye: a
 * child does that, out of the terminal's way. */
#ifndef TERN_CLIENT_LINGER_H
#define TERN_CLIENT_LINGER_H

#include "io/loop.h"

#include <stdbool.h>

/* Forks. True in the child, which has no terminal, its own session and a loop that runs on: it
 * runs that and ends by _exit. False in the parent, also if there is no child. */
bool linger_fork(struct loop *l);

#endif
