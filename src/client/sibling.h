/* Asks the server of a link for another session, or an attachment, on a link of its own: a channel
 * of kind SESSION (docs/PROTOCOL.md §9.1). No login is needed for it, and the new link outlives the
 * one that it was asked by. */
#ifndef TERN_CLIENT_SIBLING_H
#define TERN_CLIENT_SIBLING_H

#include "chan/chans.h"
#include "link/connect.h"
#include "link/start.h"

struct sibling;

struct sibling_ops {
    /* *c is valid during the call and wiped afterwards. */
    void (*answered)(void *ctx, const struct connect *c);
    /* One line for people. */
    void (*refused)(void *ctx, const char *why);
    void *ctx; /* the sibling may be freed from within each */
};

/* For OPEN_SESSION of a link's router; the ctx is not looked at. */
extern const struct chans_ops sibling_chans_ops;

/* Of a record with its head: the server opens no window before it has all of it. */
#define SIBLING_RECORD_MAX (CHAN_WINDOW_FIRST - 1)
/* The record is copied: its action is START_NEW or START_ATTACH, and its nonce is valid. ERR_CAP:
 * it is too long, or there are too many channels; ERR_STATE: the connection is over. Waits as long
 * as the link is down. The owner of the link has to give it a turn then. */
int MUST_USE sibling_new(struct chans *chans, const struct start_record *r,
                         const struct sibling_ops *ops, struct sibling **out);
/* Whoever was about to answer finds nobody: the session, if there is one by then, ends by itself.
 * NULL is allowed. */
void sibling_free(struct sibling *b);

#endif
