/* The simulated world: one client, one server, a program, a user and a bad network between them,
 * all in one process on a clock that jumps to the next thing to happen. Everything follows from the
 * seed. */
#ifndef TERN_TESTS_SIM_WORLD_H
#define TERN_TESTS_SIM_WORLD_H

#include "damage/damage.h"
#include "program.h"
#include "session/client_end.h"
#include "session/server_end.h"
#include "term/term.h"

#define WORLD_SOCKETS 64 /* client sockets open at once */

enum world_dir { C2S, S2C };

struct world_options {
    uint64_t seed;
    bool real;  /* sealing and zlib, else the null codecs */
    bool stock; /* both ends as if the other were stock mosh */
    bool verbose;
    unsigned events; /* world events before the network heals; 0 = default */
};

struct world_socket {
    bool open;
    uint32_t sock;
    uint8_t family;
    uint16_t port;
};

struct world {
    struct world_options opt;
    struct rng rng;
    uint64_t now;
    char why[512]; /* the failure, or "" */

    struct damage udp[2], pipe[2];
    bool pipe_open;
    uint32_t pipe_sock, next_sock;
    struct world_socket socks[WORLD_SOCKETS];
    unsigned host; /* the client's address changes with it */
    struct damage_nat nat;
    uint16_t next_port;

    struct client_end *client;
    struct server_end *server;
    uint32_t sid;
    bool ended;       /* server's op */
    struct term *tty; /* the user's terminal */
    bool tty_slow;
    bool still;   /* its size never changes, so that its scrollback can be compared */
    bool history; /* what leaves the screen is brought to it */
    bool sized;   /* the session has its size, since the history ended with line sized_at */
    uint64_t sized_at;
    uint16_t cols, rows; /* of it */

    uint64_t typed, read; /* bytes the user typed, the program read */
    int skip;             /* parser of the engine's answers in the pty stream */
    uint64_t type_at, print_at, read_at, event_at;
    uint64_t outage_end; /* 0 = none */
    bool healed;
    unsigned events_left;
    struct buf out;
    struct snapshot *before; /* of the server's screen at the last step */
    bool same_screen;        /* ... and at the one before that */
    struct term *replica;
    uint64_t steps, datagrams;
    unsigned same; /* turns without the clock moving */
    struct rng entropy;
    struct log log;
    uint16_t route;
};

/* Run one seed to its end. True: everything held; else w->why says what broke. */
bool world_run(struct world *w, const struct world_options *opt);

/* world_net.c */
void net_init(struct world *w);
void net_fini(struct world *w);
void net_connect(struct world *w); /* tell the ends of their paths, once they are made */
void net_pump(struct world *w);    /* deliver what is due, send what is to be sent */
uint64_t net_deadline(const struct world *w);
void net_event(struct world *w); /* one random change of the network */
void net_heal(struct world *w);
void net_log(struct world *w);   /* its counters to stderr */
void net_wants(struct world *w); /* do what the client's link asks for */

/* Random duration: log-uniform between lo and hi microseconds. */
uint64_t world_log_uniform(struct world *w, uint64_t lo, uint64_t hi);
void world_fail(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
