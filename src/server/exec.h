/* Commands and subsystems: channels whose other end is a process with three pipes, run as sshd runs
 * it without a terminal (openssh-mux.md §3). One object serves all connections of a process. */
#ifndef TERN_SERVER_EXEC_H
#define TERN_SERVER_EXEC_H

#include "chan/chans.h"
#include "io/loop.h"
#include "server/child.h"

struct execs;

struct execs_config {
    const char *forced; /* the only command that may run; or NULL (child.h) */
    const char *sshd_config;
    void (*wake)(void *ctx); /* channels have something to send; may be NULL */
    /* Variables for what that channel runs; may be NULL. */
    void (*dress)(void *ctx, const struct chan *c, struct child *child);
    void *ctx;
    const struct log *log;
};

struct execs *execs_new(struct loop *l, const struct execs_config *c);
/* Lets go of all processes: their pipes are closed. All channels must be gone before. */
void execs_free(struct execs *s);
/* For chans_config and the like, with the struct execs as ctx. */
extern const struct chans_ops execs_ops;
/* Is any process still connected? */
bool execs_alive(const struct execs *s);

#endif
