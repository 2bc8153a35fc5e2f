/* Something that blocks, done by a child process while the loop goes on: a copy of this process
 * that does one thing and tells what came of it in lines. */
#ifndef TERN_IO_ASIDE_H
#define TERN_IO_ASIDE_H

#include "io/loop.h"

#include <sys/types.h>

#define ASIDE_LINE 512 /* bytes of a line, NUL included; longer ones are cut */

struct aside;

struct aside_config {
    /* Runs in the child, which ends when it returns: it must not touch the loop. What it writes to
     * fd is told here. Its stdin and stdout are /dev/null. True: it went well. */
    bool (*work)(void *arg, int fd);
    void *arg;
    void (*line)(void *ctx, const char *line); /* NULL: nobody cares */
    /* It ended; the object is gone after the call. */
    void (*done)(void *ctx, bool good);
    void *ctx;
};

/* ERR_SYS: no process could be had. */
int MUST_USE aside_new(struct loop *l, const struct aside_config *c, struct aside **out);
/* Ends the child, if it is still at work, and what it has started. NULL is allowed; not from within
 * `line`. */
void aside_free(struct aside *a);
/* The child's process id. */
pid_t aside_pid(const struct aside *a);

#endif
