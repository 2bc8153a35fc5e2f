/* How a server without privileges learns that sshd listens for a login (docs/adr/0022): the client
 * had the bootstrap ssh listen at some port of the far host and comes here by another forward. It
 * says "LISTEN port word" and a newline; we connect to that port, where the client itself answers
 * through sshd: "TERN-HERE word". */
#ifndef TERN_FWD_PROOF_H
#define TERN_FWD_PROOF_H

#include "base/list.h"
#include "io/loop.h"

#include <stddef.h>

#define PROOFS_MAX 8         /* at once; more are closed */
#define PROOF_US   10000000u /* for all of it */
#define PROOF_WORD 32        /* letters and digits */
#define PROOF_LINE 64        /* longest line, with its newline */
#define PROOF_ASK  "LISTEN "
#define PROOF_HERE "TERN-HERE "

struct proofs {
    struct loop *loop;
    struct list list;
    size_t count;
    /* fd is the receiver's; any: sshd listens at all addresses, not only at loopback. */
    void (*proven)(void *ctx, int fd, bool any);
    void *ctx;
};

void proofs_init(struct proofs *p, struct loop *l, void (*proven)(void *ctx, int fd, bool any),
                 void *ctx);
void proofs_fini(struct proofs *p);
/* A connection came: takes the descriptor. */
void proofs_take(struct proofs *p, int fd);

/* Of /proc/net/tcp: does it say that somebody listens at 0.0.0.0 and this port? */
bool proof_listens_anywhere(const char *table, uint16_t port);

#endif
