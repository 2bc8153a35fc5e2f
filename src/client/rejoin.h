/* Replaces a dead pipe: runs the server command again with --join SESSION.ROUTE, a plain relay to
 * the server's socket (design.md §2.1), with growing pauses. */
#ifndef TERN_CLIENT_REJOIN_H
#define TERN_CLIENT_REJOIN_H

#include "base/log.h"
#include "boot/boot.h"
#include "io/loop.h"
#include "link/connect.h"

#include <stdbool.h>
#include <stdint.h>

/* Pauses before an attempt; doubled after each that failed. */
#define REJOIN_FIRST_US 300000u
#define REJOIN_MOST_US  30000000u

struct rejoin;

struct rejoin_ops {
    /* A relay runs: its pipe, the receiver's to close. Whether it gets through is not known yet. */
    void (*pipe)(void *ctx, const struct boot_pipe *pipe);
    /* A relay ended and said that there is no such session, or nobody who answers for it. */
    void (*unknown)(void *ctx);
    /* A relay ended otherwise: `line` is the last that it said on stderr, made harmless, or how it
     * ended. May be NULL. */
    void (*failed)(void *ctx, const char *line);
    void *ctx;
};

struct rejoin_config {
    const char *server_command; /* as in boot_config; borrowed */
    const char *shared_command; /* for the first attempt instead; NULL: the same; borrowed */
    const char *session;        /* copied */
    uint16_t route;
    const struct log *log;
};

struct rejoin *rejoin_new(struct loop *l, const struct rejoin_config *c,
                          const struct rejoin_ops *ops);
/* NULL is allowed; leaves a running relay alone, unless it was made by shared_command. */
void rejoin_free(struct rejoin *r);

/* The newest attempt was made by shared_command. */
bool rejoin_shared(const struct rejoin *r);

/* The pipe is dead: one attempt after the pause that is due. */
void rejoin_ask(struct rejoin *r);
/* There never was one, and it is needed: at once. */
void rejoin_now(struct rejoin *r);
/* Something came through a pipe: the next pause is the shortest again. */
void rejoin_works(struct rejoin *r);

#endif
