/* Forwards that clients of the owner ask for, at any time: ours where sshd restricts nothing, else
 * those of the bootstrap ssh (docs/adr/0022). They stay until they are cancelled or the owner ends,
 * not until the client does. */
#ifndef TERN_CLIENT_MUX_FORWARDS_H
#define TERN_CLIENT_MUX_FORWARDS_H

#include "client/forwards.h"
#include "mux/packet.h"

#define MUX_FORWARDS_MAX 256

struct mux_forwards;

struct mux_forwards_config {
    struct loop *loop;
    struct login *login;           /* NULL: this machine; nothing is forwarded then */
    const struct connect *connect; /* of the login; used now */
    struct chans *chans;           /* OPEN_DIRECT_* go to local_chans_ops, OPEN_CONTROL and
                                      OPEN_FORWARDED_TCP to remote_chans_ops (mux_forwards_local, _remote) */
    void (*wake)(void *ctx);       /* channels have something to send */
    void *ctx;
    const struct log *log;
};

/* Begins to ask sshd what it allows, beside everything else. Bind it before channels come. */
struct mux_forwards *mux_forwards_new(const struct mux_forwards_config *c);
void mux_forwards_free(struct mux_forwards *f); /* NULL is allowed */
struct local *mux_forwards_local(struct mux_forwards *f);
struct remote *mux_forwards_remote(struct mux_forwards *f);

/* What comes of a forward: once for each call, at once or later, unless mux_forwards_forget comes
 * first. port: of a remote one to any port, else 0. */
typedef void mux_forwards_done(void *ctx, bool good, uint16_t port, const char *why);

/* Checked by mux_forward_check. One that stands is good at once. */
void mux_forwards_open(struct mux_forwards *f, const struct mux_forward *m, mux_forwards_done *done,
                       void *ctx);
/* Does it stand already? */
bool mux_forwards_has(const struct mux_forwards *f, const struct mux_forward *m);
/* Cancel it; what is connected goes on. False: it is not known. */
bool mux_forwards_close(struct mux_forwards *f, const struct mux_forward *m);
/* Whoever waits with this ctx has gone. */
void mux_forwards_forget(struct mux_forwards *f, void *ctx);

/* The pass for a connection to a host and port (-W): done is called with good, or not good where
 * sshd restricts forwards; mux_forwards_tcp_pass is valid in and after it. */
void mux_forwards_when_known(struct mux_forwards *f, mux_forwards_done *done, void *ctx);
const char *mux_forwards_tcp_pass(const struct mux_forwards *f);

/* Is anything connected? */
bool mux_forwards_busy(const struct mux_forwards *f);
/* A line for each, for people. */
void mux_forwards_tell(const struct mux_forwards *f, struct buf *out);

#endif
