/* What is said on a channel of kind CONTROL: the client asks the server to listen (-R), the server
 * answers. Each message is a length of 2 bytes and a protobuf message (channels.proto). */
#ifndef TERN_CHAN_ASK_H
#define TERN_CHAN_ASK_H

#include "base/buf.h"
#include "chan/message.h"

#define ASK_MAX  1600 /* bytes of one message, without its length */
#define ASK_TEXT 400  /* of an answer, for people */

/* Listen. One object for both, as fields of one space. */
struct ask {
    uint32_t number;  /* the client's for this forward, not 0: in Open.forward and in the answer */
    bool named;       /* ASK: an address was asked for */
    struct text host; /* ASK: that; "" and "*" are all */
    uint16_t port;    /* ASK: 0 = any; answer: the port, 0 = it failed */
    struct text pass; /* ASK */
    bool udp;         /* ASK: for datagrams, not connections */
    struct text text; /* answer: why it failed, not cleaned */
};

/* Appends the whole message. */
void ask_put(struct buf *b, const struct ask *a);
/* From the front of p: 1 with *used bytes taken, *out borrows from p; 0: more are needed; ERR_CAP
 * or ERR_SYNTAX, ERR_SHORT: malformed. */
int MUST_USE ask_get(const uint8_t *p, size_t len, struct ask *out, size_t *used);

#endif
