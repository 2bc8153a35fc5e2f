/* Link control messages (control.proto): one protobuf message in one datagram of lane 0xFFFF,
 * neither compressed nor fragmented, behind a fragment header like that of every payload. */
#ifndef TERN_LINK_CONTROL_H
#define TERN_LINK_CONTROL_H

#include "base/buf.h"

enum control_kind {
    CONTROL_PROBE = 1, /* answer me on the path this came by; never moves the peer */
    CONTROL_REPLY = 2, /* the answer to PROBE, HEARTBEAT, SWITCH and STREAMS: repeats the token */
    CONTROL_CHALLENGE = 3, /* repeat this, so that I know that you receive here */
    CONTROL_ANSWER = 4,    /* repeats a challenge */
    CONTROL_HEARTBEAT = 5, /* client only; moves the peer like a screen datagram */
    CONTROL_SWITCH = 6,    /* client only: I use this path from now on; moves the peer */
    CONTROL_BYE = 7,       /* the sender leaves this link: send nothing more */
    CONTROL_STREAMS = 8,   /* client only: streams will begin with this connection id */
};

enum control_hint {
    CONTROL_CANDIDATE = 1, /* a path that might be used */
    CONTROL_USED = 2,      /* the path in use */
    CONTROL_BYTES = 3,     /* asked to learn how much has left a pipe */
    CONTROL_QUIET = 4,     /* server only: the path in use is silent for me */
};

/* Bytes of a connection id in STREAMS; another length is malformed. */
#define CONTROL_ID 16

/* Fields are 0 when absent. */
struct control {
    enum control_kind kind;
    uint64_t token;
    uint64_t challenge; /* to be repeated by whoever receives it on this path */
    uint64_t answer;    /* a challenge repeated */
    uint32_t hint;      /* enum control_hint, or a value not known yet */
    uint32_t loss;      /* 1 + the loss that the sender sees on this path in 1/1000; 0 = no word */
    bool has_id;        /* STREAMS: */
    uint8_t id[CONTROL_ID];
    size_t size; /* not in the message: to be padded until its datagram has so many bytes */
};

/* Bytes that any message of ours may take. */
#define CONTROL_MAX 64

void control_put(struct buf *b, const struct control *c);
/* Padding until b has len bytes in all; none if that would be fewer than 131 or more than 1,503. */
void control_pad(struct buf *b, size_t len);
/* ERR_SHORT or ERR_SYNTAX when malformed, ERR_VERSION for a kind that we do not know (to be
 * skipped). Unknown fields are skipped. */
int MUST_USE control_get(const uint8_t *p, size_t len, struct control *out);

#endif
