/* One attachment on a user's terminal: from the moment that a server has told how to reach it to
 * the moment that the user has the terminal back. It moves bytes between tty, UDP sockets and the
 * pipe, keeps the time, and restores the terminal on every way out. */
#ifndef TERN_CLIENT_ATTACH_H
#define TERN_CLIENT_ATTACH_H

#include "boot/boot.h"
#include "client/client.h"
#include "client/forwards.h"
#include "client/lend.h"
#include "io/loop.h"
#include "link/connect.h"
#include "session/client_end.h"

struct attach;

/* The terminal is somebody else's, one of several (guest.h); nothing waits for it, and signals are
 * for others. */
struct attach_guest {
    int in, out; /* borrowed until `over` */
    /* Its end, and every byte of it written; attach_result tells. Only then attach_linger's part is
     * still done. */
    void (*over)(void *ctx);
    /* The far side asks nothing more: attach_free is all that is left. */
    void (*gone)(void *ctx);
    /* A line for the terminal behind the last screen, or "". */
    void (*last_words)(void *ctx, const struct client_result *r, char *text, size_t size);
    void *ctx; /* the attachment may be freed from within over and gone */
};

struct attach_config {
    const struct attach_guest *guest; /* NULL: the process's own, stdin and stdout */
    const char *program;              /* begins complaints: "tern", "mosh-client" */
    /* One of the two; used up. */
    const struct connect *connect;     /* native */
    const struct connect_stock *stock; /* a stock mosh-server */
    const struct addr *addrs;          /* where to send, ports filled in; the best first */
    size_t addr_count;
    /* Native only: the pipe of the bootstrap (taken over, whatever happens), and the command that
     * opens another one, NULL: our own tern-server. */
    const struct boot_pipe *pipe; /* NULL: none yet (a guest's); one is made when it is needed */
    bool pipe_now;                /* it is: UDP does not work for others */
    const char *server_command;
    const char *shared_command; /* tried first for another pipe; NULL: nothing */
    bool login;                 /* that command logs in by ssh: the bar tells how it goes */
    enum client_transport transport;
    uint64_t outage_us;             /* leave when an outage lasts so long (outage.h); 0: never */
    struct forwards *forwards;      /* not yet started; borrowed until attach_finish; NULL: none */
    const struct lend_made *lent;   /* the same */
    const struct view_facts *facts; /* size aside, which the terminal tells */
    bool ask;                       /* the terminal, for what it is; natively */
    struct escape_config escape;
    bool history; /* native: the start record asked for it */
    enum predict_when predict;
    bool predict_overwrite;
    const char *name;         /* prefix of the bar */
    const char *suspend_text; /* for the terminal when it is suspended; NULL: nothing */
    struct entropy entropy;
    const struct log *log;
    int (*width)(void *ctx, uint32_t cp);
};

/* Takes the terminal and starts; the loop is stopped when all is over (a guest's: `over` is called
 * instead). NULL after a complaint on stderr (none for a guest's): the terminal cannot be used.
 * Texts in the config are borrowed. */
struct attach *attach_new(struct loop *l, const struct attach_config *c);
/* NULL is allowed; after attach_finish or without it. */
void attach_free(struct attach *a);

struct attach_end {
    struct client_result result; /* its text lives as long as the attachment */
    bool unknown; /* the far side did not know the session any more, and nobody confirmed the end */
    bool forced;  /* it was not the user who left, but a signal or a lost terminal */
};

/* A guest's: look at the terminal's size again; give it back now, and leave (detach). How it ended,
 * from `over` on. */
void attach_resized(struct attach *a);
void attach_leave(struct attach *a);
struct client_result attach_result(const struct attach *a);

/* Not of a guest's: the last bytes to the terminal, and give it back. */
struct attach_end attach_finish(struct attach *a);
/* After attach_finish: the user has the prompt back, while a child without a terminal repeats the
 * last acknowledgement if the far side asks for it (linger_see_through). */
void attach_linger(struct attach *a);

#endif
