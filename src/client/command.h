/* One command, subsystem or nothing at all (-N) on another host through a link without a screen:
 * stdin, stdout and stderr as they are, status and ends as ssh has them. */
#ifndef TERN_CLIENT_COMMAND_H
#define TERN_CLIENT_COMMAND_H

#include "boot/boot.h"
#include "client/client.h"
#include "client/forwards.h"
#include "client/lend.h"
#include "io/loop.h"
#include "link/connect.h"

struct command;

struct command_config {
    const struct command_request *request;
    struct forwards *forwards;     /* not yet started; borrowed until command_finish */
    const struct lend_made *lent;  /* the same */
    bool exit_on_failure;          /* ExitOnForwardFailure */
    const char *pass;              /* for request->stdio */
    const struct connect *connect; /* used up */
    const struct addr *addrs;      /* where to send, the best first */
    size_t addr_count;
    const struct boot_pipe *pipe; /* of the bootstrap, taken over whatever happens */
    const char *server_command;   /* opens another one; NULL: our own tern-server */
    enum client_transport transport;
    uint64_t outage_us; /* give up when an outage lasts so long (outage.h); 0: never */
    struct entropy entropy;
    const struct log *log;
};

/* Starts it; the loop is stopped when all is over. NULL after a complaint on stderr. Texts in the
 * config are borrowed. */
struct command *command_new(struct loop *l, const struct command_config *o);
/* NULL is allowed. */
void command_free(struct command *c);

/* How it ended: ssh's exit status, after everything was written; text is one line for the user or
 * NULL. signal_status: 128 and the signal's number for a command that a signal killed, else 255. */
int command_finish(struct command *c, bool signal_status, const char **text);
/* After command_finish: a child without descriptors of the user's repeats the last acknowledgement
 * if the server asks for it (linger_see_through). */
void command_linger(struct command *c);

/* -f: called first. The process goes on as a child; the parent waits and returns only there, with
 * *status: 0 when the child calls command_background_done, else that with which it ended. Returns
 * true in the child. */
bool command_background(int *status);
/* The login is done: the parent may go, and the child leaves its terminal. */
void command_background_done(void);

#endif
