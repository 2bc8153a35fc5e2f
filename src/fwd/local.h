/* The near end of -L and -D: what connects here becomes a channel that the far side dials for. One
 * object holds all forwards of a client. */
#ifndef TERN_FWD_LOCAL_H
#define TERN_FWD_LOCAL_H

#include "base/log.h"
#include "chan/chans.h"
#include "fwd/listen.h"

#define LOCAL_FORWARDS_MAX 256  /* forwards of one client */
#define LOCAL_CONNS_MAX    1024 /* connections of one client at once; more are closed */
#define LOCAL_PASS         (OPEN_PASS_MAX + 1)

struct local;

struct local_ops {
    void (*wake)(void *ctx); /* channels have something to send */
    /* One line for the user: a connection that came to nothing. */
    void (*say)(void *ctx, const char *text);
    void *ctx;
};

struct local *local_new(struct loop *l, const struct log *log);
/* Closes all; what is connected is reset. NULL is allowed. */
void local_free(struct local *s);

/* Shown with every channel to a host and port (`is_path` false) or to a unix socket. */
void local_pass(struct local *s, bool is_path, const char *pass);
/* Listen for this forward (copied). As listen_new; `at`, accepted and ctx of *rules are not used.
 * ERR_CAP: too many. After local_start connections are taken at once. */
int MUST_USE local_listen(struct local *s, const struct spec *spec,
                          const struct listen_config *rules, char why[static LISTEN_ERROR]);
/* Listen no more for this one (spec_equal); what is connected goes on. ERR_STATE: there is no such
 * forward. */
int MUST_USE local_cancel(struct local *s, const struct spec *spec);
/* Is it listened for? */
bool local_has(const struct local *s, const struct spec *spec);
/* Take connections from now on, into channels of `chans`, whose events for OPEN_DIRECT_TCP,
 * OPEN_DIRECT_UNIX and OPEN_CONTROL go to local_chans_ops with s as ctx. hold: keep one channel
 * open, so that the far side sees that it is still wanted. */
void local_start(struct local *s, struct chans *chans, bool hold, const struct local_ops *ops);
/* Is anything connected? */
bool local_busy(const struct local *s);

extern const struct chans_ops local_chans_ops;

#endif
