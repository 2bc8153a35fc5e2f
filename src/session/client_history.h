/* The client's end of the history log: records become lines that the view feeds into the
 * terminal's scrollback. Unpacks no more than the view has room for; the rest waits in sync's log,
 * and then on the server. */
#ifndef TERN_SESSION_CLIENT_HISTORY_H
#define TERN_SESSION_CLIENT_HISTORY_H

#include "session/history_log.h"
#include "sync/sync.h"
#include "view/view.h"

struct client_history {
    bool begun;   /* something came */
    bool broken;  /* the log makes no sense: nothing more is read */
    uint64_t end; /* all lines below were handed on, or are not to come */
    struct history_record record;
    struct reader lines; /* of it, still to be handed on */
    uint64_t number;     /* of the next one */
};

void client_history_init(struct client_history *h);
void client_history_fini(struct client_history *h);
/* Hand the view as much as it has room for. True if the log gave something. */
bool client_history_pump(struct client_history *h, struct sync *s, struct view *v);
size_t client_history_memory(const struct client_history *h);

#endif
