/* What a client tells its server of the user's terminal: the text of EVENT_TERMINAL, a protobuf
 * message (docs/PROTOCOL.md §6). */
#ifndef TERN_SESSION_TTY_FACTS_H
#define TERN_SESSION_TTY_FACTS_H

#include "base/buf.h"
#include "term/facts.h"

struct tty_facts {
    struct term_facts term;
    uint32_t width; /* width profile, packed; 0 = as wcwidth */
};

/* Append the message, at most 200 bytes. */
void tty_facts_put(struct buf *out, const struct tty_facts *f);
/* Read one; unknown fields are skipped. ERR_SYNTAX leaves *f zeroed. */
int MUST_USE tty_facts_get(const uint8_t *p, size_t len, struct tty_facts *f);

#endif
