/* A session on a terminal that is not this process's own: what an owner of a connection draws for
 * somebody who passed it his descriptors (openssh-mux.md §1.5). The session is another one on the
 * owner's server, or an attachment to one that runs there, by a link of its own (sibling.h),
 * without another login. Many may live in one process; none of them ever waits for its terminal.
 *
 * The order of things: guest_new; `opened`, once the server has the session (the client's process
 * goes raw then), or `refused`; `over`, when the session is over or was left, and every byte is on
 * the terminal; `gone`, when the far side needs no answer of ours any more. */
#ifndef TERN_CLIENT_GUEST_H
#define TERN_CLIENT_GUEST_H

#include "base/rng.h"
#include "chan/router.h"
#include "client/client.h"
#include "io/loop.h"
#include "link/link.h"

struct guest;

/* Who holds the connection. Borrowed, with all that it points to, for the life of the guest. */
struct guest_owner {
    struct loop *loop;
    struct chans *chans;     /* of its link; OPEN_SESSION is routed by guest_route */
    void (*wake)(void *ctx); /* channels have something to send */
    void *wake_ctx;
    const struct link *link;  /* whose path in use is tried first; NULL: none */
    uint64_t since_us;        /* when that link was made: UDP needs a moment; 0: long ago */
    const struct addr *addrs; /* where to send, ports filled in, best first */
    size_t addr_count;
    const char *server_command; /* opens a pipe again (login_rejoin_command); NULL: tern-server */
    const char *shared_command; /* the same through the bootstrap's master (login_share_command),
                                   tried first; NULL: none */
    bool login;                 /* those log in by ssh: the bar tells how it goes */
    const struct client_options *o; /* transport, prediction, scrollback, history, log, ... */
    struct entropy entropy;
};

struct guest_ops {
    void (*opened)(void *ctx);
    /* No session, and nothing was drawn. One line, without a program's name in front. Only
     * guest_free may be called then. */
    void (*refused)(void *ctx, const char *why);
    /* What there is to say was written to the terminal. status: 0..255, as tern's own; signal: that
     * killed the command, else 0 (status is then 255, or 128 + signal with client_options'
     * signal_status). */
    void (*over)(void *ctx, int status, int signal);
    /* Only guest_free may be called then. */
    void (*gone)(void *ctx);
    void *ctx; /* the guest may be freed from within each */
};

struct guest_config {
    const struct guest_owner *owner;
    /* Passed descriptors: taken over, whatever happens; stdin and stdout must name a terminal. It
     * is opened anew, its modes are never set. */
    int in, out, err;
    /* What the client's environment says of it; NULL: not known. Texts are copied. */
    const char *term, *colorterm, *tmux;
    const char *const *env; /* NAME=value, NULL-terminated; what the server allows is set there */
    const char *command;    /* for the user's shell there; NULL: a login shell */
    const char *session;    /* name of the new one, or of that to attach to; NULL: the server's */
    bool attach;            /* to the running session of that name */
    int escape_key;         /* 1..127 or ESCAPE_KEY_NONE */
};

/* To be called once for the router of the owner's link, before the first guest. */
void guest_route(struct chans_router *r);

/* Never NULL; what is wrong is told by `refused`, never from within this call. */
struct guest *guest_new(const struct guest_config *c, const struct guest_ops *ops);
/* In any state; a session that was opened stays, detached. Nothing waits. NULL is allowed. */
void guest_free(struct guest *g);

/* SIGWINCH came to our process: look at the terminal's size again. */
void guest_resized(struct guest *g);
/* Whoever passed the terminal went away: detach, and draw no more. `over` and `gone` come as else
 * (before `opened`: `refused`). */
void guest_leave(struct guest *g);
/* `over` was told: only the far side's last questions are answered. */
bool guest_is_over(const struct guest *g);

#endif
