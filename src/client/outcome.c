#include "client/outcome.h"

#include "client/client.h"
#include "io/signals.h"

#include <stdio.h>

static const char *or_default(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

int outcome(const struct client_result *r, const char *session, bool signal_status, bool forced,
            char text[static OUTCOME_TEXT])
{
    text[0] = 0;
    switch (r->kind) {
    case CLIENT_EXITED:
        if (!r->signal)
            return r->status;
        snprintf(text, OUTCOME_TEXT, "the command was killed by signal %d (%s)", r->signal,
                 signal_name(r->signal));
        return signal_status ? 128 + r->signal : CLIENT_STATUS_LOST;
    case CLIENT_QUIT:
        if (r->reached)
            snprintf(text, OUTCOME_TEXT, "%s", or_default(r->text, "the session was ended"));
        else
            snprintf(text, OUTCOME_TEXT, "%s; tern --attach %s",
                     or_default(r->text, "left without an answer"), session);
        return CLIENT_STATUS_LOST;
    case CLIENT_DETACHED:
        snprintf(text, OUTCOME_TEXT, "detached; tern --attach %s comes back", session);
        return forced ? CLIENT_STATUS_LOST : 0;
    case CLIENT_FAILED:
        break;
    }
    snprintf(text, OUTCOME_TEXT, "%s", or_default(r->text, "the session was lost"));
    return CLIENT_STATUS_LOST;
}
