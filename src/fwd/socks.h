/* What a SOCKS client says at first, and what it is answered: SOCKS 4, 4a and 5 (RFC 1928, without
 * authentication), CONNECT only (openssh-mux.md §5). No I/O. */
#ifndef TERN_FWD_SOCKS_H
#define TERN_FWD_SOCKS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOCKS_TEXT_MAX 255 /* bytes of a host or user name */
/* Bytes that may have come before it is known what is wanted. */
#define SOCKS_MAX   (2 + 255 + 4 + 2 * (SOCKS_TEXT_MAX + 2) + 8)
#define SOCKS_REPLY 10

enum socks_next {
    SOCKS_MORE,    /* nothing to do before more comes */
    SOCKS_ANSWER,  /* send `reply`, skip `used` bytes, and ask again */
    SOCKS_CONNECT, /* to host and port; what comes behind `used` bytes is the connection's */
    SOCKS_REFUSE,  /* send `reply`, and close */
    SOCKS_CLOSE,   /* not SOCKS */
};

struct socks {
    uint8_t version;
    bool greeted; /* version 5: the method was agreed on */
    char host[SOCKS_TEXT_MAX + 1];
    uint16_t port;
    size_t used;
    uint8_t reply[SOCKS_REPLY];
    size_t reply_len;
};

/* Look at all bytes that came and were not skipped. *s is zeroed at first. */
enum socks_next socks_read(struct socks *s, const uint8_t *p, size_t len);

/* The answer to CONNECT (into reply): it is there, or it is not: `prohibited`, or not to be
 * reached. */
void socks_done(struct socks *s, bool there, bool prohibited);

#endif
