/* tern as a client of an owner: passes its descriptors and waits, as `ssh -S` does
 * (openssh-mux.md §1.4). Blocking: such a process does nothing else. */
#ifndef TERN_CLIENT_MUX_CLIENT_H
#define TERN_CLIENT_MUX_CLIENT_H

#include "client/client.h"

#include <sys/types.h>

struct sshconf;

/* An open connection to an owner. */
struct mux_client {
    int fd;
    bool tern;     /* it is one of ours */
    uint32_t next; /* number of the next request */
};

enum mux_reach {
    MUX_REACHED,
    MUX_NOBODY, /* no such file, or (`dead`) one that a dead owner left */
    MUX_BROKEN, /* somebody else's, or no owner: one line was said on stderr */
};
/* Connect to the owner at path and hear its HELLO. */
enum mux_reach mux_client_reach(const char *path, struct mux_client *out, bool *dead);
/* The same by a connected socket, which is taken over; waits until the other end is there. False:
 * it closed before it said anything. */
bool mux_client_take(int fd, struct mux_client *out);
void mux_client_close(struct mux_client *m);

/* What is wanted of it. Texts are borrowed. */
struct mux_use {
    const struct command_request *command; /* NULL: a session on this terminal */
    const char *text;                      /* of that: its command, or NULL */
    const struct sshconf *conf;            /* forwards, environment */
    const char *const *env;                /* NAME=value, NULL-terminated */
    int escape_key;                        /* or ESCAPE_KEY_NONE */
    bool own; /* the owner was started for us: what it refuses has no other way */
};

/* Runs it to the end. The exit status; *direct: the owner would not, nothing was done, and a
 * connection of our own is the way (never with use->own). */
int mux_client_run(struct mux_client *m, const struct mux_use *use, bool *direct);

/* -O: check, exit, stop, forward, cancel, conninfo, channels. The exit status. */
int mux_client_control(const char *path, const char *what, const struct sshconf *conf);

#endif
