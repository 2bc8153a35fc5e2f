/* A client that has told its user the end may still have to acknowledge the far end's goodbye: a
 * child does that, out of the terminal's way. */
#ifndef TERN_CLIENT_LINGER_H
#define TERN_CLIENT_LINGER_H

#include "io/loop.h"
#include "link/link.h"

#include <stdbool.h>

/* How long the goodbye may keep the user when it goes by the pipe. */
#define LINGER_PIPE_US 2000000u

/* One end of a client: what it has to do until the goodbye is through. */
struct linger {
    struct loop *loop;
    struct timer *timer; /* the end's own two: what comes for it calls them */
    struct later *later;
    const struct link *link;
    bool (*lingers)(const void *end, uint64_t now_us); /* the goodbye is not through yet */
    uint64_t (*send)(void *end, uint64_t now_us);      /* what is due; then: when to call again */
    void *end;
};

/* Sees the goodbye through: at once if there is none. By the pipe it keeps the caller for at most
 * LINGER_PIPE_US: the bootstrap's ssh ends with its parent, with all that it has not sent yet, so a
 * child could repeat nothing, and the far session would wait for days for a reader of its status.
 * Else, and for the rest, a child does it that has no terminal and its own session, and the caller
 * goes on. Timer and later must not be used for anything else afterwards, but may be cleared. */
void linger_see_through(const struct linger *g);

#endif
