/* Forwards of UDP: each pair of a local port and an address that sends to it is an association, a
 * channel of kind UDP, and at its other end a socket of its own. One object serves both roles for a
 * process: it opens channels for what comes to its listeners, and dials for channels that the peer
 * opens. Associations end when they are idle; the peer's with their channel. */
#ifndef TERN_FWD_ASSOC_H
#define TERN_FWD_ASSOC_H

#include "base/log.h"
#include "chan/chans.h"
#include "fwd/listen.h"
#include "fwd/spec.h"
#include "io/loop.h"

/* Associations of a process; one more, and the one that was idle for the longest ends. */
#define ASSOCS_MAX 1024
/* Idle for so long they end: as long as it is a question and an answer, and later (RFC 4787 §4.3
 * asks for two minutes at least). */
#define ASSOC_IDLE_SHORT_US 30000000u
#define ASSOC_IDLE_LONG_US  180000000u

struct assocs;

struct assocs_config {
    /* Where a channel of the peer's leads: a NUL-terminated name and a port. 0, or an enum refusal
     * with *why. NULL: the peer's are refused. */
    int (*lead)(void *ctx, const struct open_request *o, char host[static SPEC_HOST],
                uint16_t *port, const char **why);
    void *ctx;
    const struct log *log; /* may be NULL */
};

struct assocs_ops {
    void (*wake)(void *ctx);                  /* channels have something to send */
    void (*say)(void *ctx, const char *text); /* one line for the user; may be NULL */
    void *ctx;
};

struct assocs *assocs_new(struct loop *l, const struct assocs_config *c);
void assocs_tell(struct assocs *s, const struct assocs_ops *ops);
/* Its listeners and all channels must be gone before. NULL is allowed. */
void assocs_free(struct assocs *s);
/* For OPEN_UDP, with the struct assocs as ctx. */
extern const struct chans_ops assocs_chans_ops;

struct assoc_listener;

struct assoc_place {
    const struct spec_end *at;
    bool gateway;   /* as in struct listen_config */
    uint8_t family; /* likewise */
    /* What its channels ask for: a destination with a pass, or the number of a forward. Copied. */
    const struct spec_end *to; /* NULL: forward */
    const char *pass;          /* NULL: none */
    uint32_t forward;
};

/* Bind; why and errors are listen_new's. */
int MUST_USE assoc_listen(struct assocs *s, const struct assoc_place *p,
                          char why[static LISTEN_ERROR], struct assoc_listener **out);
/* From now on what comes goes into channels of `chans`. ERR_SYS. */
int MUST_USE assoc_listener_start(struct assoc_listener *l, struct chans *chans);
/* Its associations end, too. NULL is allowed. */
void assoc_listener_free(struct assoc_listener *l);
uint16_t assoc_listener_port(const struct assoc_listener *l);

#endif
