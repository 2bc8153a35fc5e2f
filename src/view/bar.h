/* The notification bar: which text, and when it changes next (mosh-protocol.md §11, design.md
 * §2.1). */
#ifndef TERN_VIEW_BAR_H
#define TERN_VIEW_BAR_H

#include "base/buf.h"

enum bar_kind {
    BAR_NATIVE, /* counts only while the link is quiet */
    BAR_STOCK,  /* mosh's two clocks: contact 6.5 s, reply 10 s */
};

/* Times in microseconds of the caller's clock. */
struct bar_facts {
    enum bar_kind kind;
    const char *prefix;  /* "tern" or, under the name mosh-client, "mosh" */
    const char *quit;    /* what quits: "~." or "Ctrl-^ ."; NULL: no escape character, no hint */
    bool quiet;          /* the link's state (native) */
    bool connected;      /* something came from the server */
    uint64_t since_us;   /* connecting since (until connected) */
    uint64_t contact_us; /* newest new server state (stock), newest authentic datagram (native) */
    uint64_t reply_us;   /* send time of the newest acknowledged own state */
    uint16_t port;       /* UDP port; 0: not by UDP */
    const char *message; /* or NULL; may have several lines */
    uint64_t message_until_us; /* UINT64_MAX: stays */
    bool message_plain;        /* the message is shown without the quit hint */
};

/* How long messages stay: of ours; of network errors. */
#define BAR_MESSAGE_US 1000000u
#define BAR_ERROR_US   3100000u
/* A connection that never began is given up (stock; the caller does it). */
#define BAR_CONNECT_US 15000000u

/* Append the text to out, without a NUL. False: no bar now, nothing appended. */
bool bar_text(const struct bar_facts *f, uint64_t now_us, struct buf *out);

/* Make lines of at most cols columns of it, at spaces where there are any; text of one column a
 * byte. */
void bar_wrap(struct buf *text, uint16_t cols);

/* When bar_text may next give something else; UINT64_MAX: not by time alone. */
uint64_t bar_deadline(const struct bar_facts *f, uint64_t now_us);

#endif
