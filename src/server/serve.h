/* Private to serve*.c: the process that owns sessions. */
#ifndef TERN_SERVER_SERVE_H
#define TERN_SERVER_SERVE_H

#include "base/list.h"
#include "chan/router.h"
#include "fwd/far.h"
#include "fwd/remote_far.h"
#include "io/pty.h"
#include "io/sockdir.h"
#include "io/udp.h"
#include "io/utmp.h"
#include "server/child.h"
#include "server/exec.h"
#include "server/framed.h"
#include "server/lent.h"
#include "server/server.h"
#include "session/server_end.h"

struct serve;

/* A session's pty. */
struct terminal {
    struct list node;
    struct serve *serve;
    uint32_t sid;
    struct pty *pty; /* NULL once it ended */
    bool gone;       /* exited: free the pty at the end of the turn */
    bool ended;      /* the session is over: free all of it */
    bool waits;      /* it is not read */
    bool modes_known, echo, canonical;
    struct utmp_entry utmp;
    struct timer hangup; /* a program that does not mind SIGHUP is left behind */
};

/* A pipe path of one link: our stdin and stdout, or an accepted socket. */
struct way {
    struct list node;
    struct serve *serve;
    struct framed framed;
    uint32_t sock;
    uint16_t route;
    bool dead; /* free at the end of the turn */
};

/* An accepted socket before it is a way. */
struct caller {
    struct list node;
    struct serve *serve;
    struct pipe *pipe;
    int fd; /* dup of the socket, for the way it may become */
    struct buf in;
    bool dead;
};

#define CALLERS_MAX 32
#define WAYS_MAX    192 /* pipes of links */

struct serve {
    const struct server_options *o;
    struct loop *loop;
    struct server_end *end;
    struct execs *execs; /* behind the channels of all links */
    struct far *far;     /* the same for forwards */
    struct remote_far *remote;
    struct assocs *assocs; /* of UDP */
    struct passes *passes;
    struct lent *lent; /* agents and displays of clients */
    struct chans_router router;
    struct udp *udp[2]; /* v4, v6 */
    struct listener *listener;
    struct sockdir dir;
    char socket_name[SOCKDIR_NAME];
    struct list terminals, ways, callers, siblings;
    size_t caller_count, way_count, sibling_count;
    uint32_t next_sock;
    struct sigwatch *quit[2];
    struct timer quit_timer;
    bool quitting;   /* told to leave */
    bool quit_heard; /* somebody is there to be told */
    struct later pump;
    struct timer timer;
    void (*heard)(void *ctx); /* after each datagram; may be NULL */
    void *heard_ctx;
    struct connect connect; /* port and addresses of every connect line */
    const char *warning;    /* shown at login; or NULL */
    int status;
};

/* Numbers of sockets: UDP v4 and v6, then pipes. */
enum { SOCK_UDP = 1, SOCK_PIPE = 3 };

/* Loop and endpoint, without a socket or a session. 0, or the exit status after a complaint.
 * serve_fini undoes it and frees what was made since. */
int serve_init(struct serve *s, const struct server_options *o, uint64_t detach_timeout_us);
void serve_fini(struct serve *s);
/* Listen to SIGTERM and SIGINT. 0, or the exit status after a complaint. */
int serve_signals(struct serve *s);
/* udp_config.recv of every UDP socket. */
void serve_datagram(void *ctx, struct udp *u, const struct udp_datagram *d);
/* and its writable. */
void serve_writable(void *ctx, struct udp *u);
/* /dev/null in place of stdin, stdout and stderr. */
void drop_std_fds(void);
/* A login with a forced command may not have what this record asks for: why, or NULL. */
const char *serve_refusal(const struct server_options *o, const struct start_record *r);
/* A new session of that name (which is free), or one without a program for START_COMMANDS, and a
 * link to it, as the record asks. 0 with *out for the connect line (connect_wipe), or ERR_CAP or
 * ERR_SYS with one line in why. */
#define SERVE_WHY 200
int MUST_USE serve_session(struct serve *s, const struct start_record *r, const char *name,
                           struct connect *out, char why[static SERVE_WHY]);
/* A link to a session that runs. ERR_STATE: there is none of that number. */
int MUST_USE serve_link(struct serve *s, uint32_t sid, const struct start_record *r,
                        struct connect *out);
/* Of START_FORWARD_*, what a client may ask for without sshd: the agent and X11 only if a login of
 * this process was allowed them. */
uint32_t serve_lendable(const struct serve *s, uint32_t forwards);
/* Everything that happened is carried through at the end of the turn. */
void serve_wake(struct serve *s);

/* serve_callers.c */
int callers_listen(struct serve *s, char why[static SOCKDIR_ERROR]);
void callers_sweep(struct serve *s, bool all);
/* ways */
struct way *way_new(struct serve *s, int in, int out, int flags, uint16_t route);
struct way *way_of(struct serve *s, uint32_t sock);
void ways_sweep(struct serve *s, bool all);

/* serve_siblings.c: for OPEN_SESSION, with the struct serve as ctx */
extern const struct chans_ops siblings_ops;

/* serve_terminal.c */
int terminal_new(struct serve *s, uint32_t sid, const struct start_record *r);
int terminal_open(struct serve *s, uint32_t sid, const struct pty_config *c);
struct terminal *terminal_of(struct serve *s, uint32_t sid);
/* Enter the terminal into utmp, if its login came through ssh, as from "ADDRESS via WHAT [PID]". */
void terminal_record(struct terminal *t, const char *what);
/* The same with that text for a host; replaces an earlier entry. */
void terminal_record_as(struct terminal *t, const char *host);
void terminal_write(struct terminal *t);
void terminal_hangup(struct terminal *t);
bool terminals_alive(const struct serve *s); /* is any program still running? */
void terminals_sweep(struct serve *s, bool all);

#endif
