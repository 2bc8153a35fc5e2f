/* The near end of -R: the far side is asked to listen, and for each connection that comes in there
 * one is made from here. One object holds all such forwards of a client. */
#ifndef TERN_FWD_REMOTE_H
#define TERN_FWD_REMOTE_H

#include "base/log.h"
#include "chan/chans.h"
#include "fwd/spec.h"
#include "io/loop.h"

#define REMOTE_FORWARDS_MAX 256

struct remote;

struct remote_ops {
    void (*wake)(void *ctx);                  /* channels have something to send */
    void (*say)(void *ctx, const char *text); /* one line for the user */
    /* All have been answered; `failed`: some with no. Told once. */
    void (*answered)(void *ctx, bool failed);
    void *ctx;
    bool strict; /* a failure is an error, not a warning */
};

struct remote *remote_new(struct loop *l, const struct log *log, const char *pass);
/* Closes all; what is connected is reset. NULL is allowed. */
void remote_free(struct remote *s);

/* A forward from a port there to a host and port or a unix socket here; udp: of datagrams. ERR_CAP:
 * too many. */
int MUST_USE remote_add(struct remote *s, const struct spec *spec, bool udp);
/* Where a channel of kind UDP leads that comes of the forward of this number; NULL: of none. */
const struct spec_end *remote_udp(const struct remote *s, uint32_t number);
/* Ask, on a channel of `chans`, whose events for OPEN_CONTROL and OPEN_FORWARDED_TCP go to
 * remote_chans_ops with s as ctx. */
void remote_start(struct remote *s, struct chans *chans, const struct remote_ops *ops);

/* One forward by itself, at any time, by a CONTROL channel of its own. answer is called once,
 * unless remote_close comes before it: the port there, or 0 and why not; then the forward is gone.
 * ERR_CAP: too many; ERR_STATE: no channels any more. *number names it. s->ops need no more than
 * `wake` and `say` (remote_serve). */
int MUST_USE remote_open(struct remote *s, struct chans *chans, const struct spec *spec,
                         void (*answer)(void *ctx, uint16_t port, const char *why), void *ctx,
                         uint32_t *number);
/* Listen no more; what is connected goes on. A number that is not known is no mistake. */
void remote_close(struct remote *s, uint32_t number);
/* In the place of remote_start, for who opens them one by one. */
void remote_serve(struct remote *s, const struct remote_ops *ops);
/* What is shown with forwards that are asked for from now on. */
void remote_pass(struct remote *s, const char *pass);

/* Is anything connected? */
bool remote_busy(const struct remote *s);

extern const struct chans_ops remote_chans_ops;

#endif
