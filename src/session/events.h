/* The records of the event log (sync log 0), both ways: what must arrive once, in order, and is not
 * part of the screen. Each record is a protobuf field (number = kind, bytes = its message), so
 * unknown kinds are skipped. docs/PROTOCOL.md lists them. */
#ifndef TERN_SESSION_EVENTS_H
#define TERN_SESSION_EVENTS_H

#include "base/buf.h"
#include "base/err.h"

enum event_kind {
    /* server to client */
    EVENT_BELL = 1,     /* value: how many */
    EVENT_EXIT = 2,     /* the command ended: value = status, signal */
    EVENT_DETACHED = 3, /* the server let this attachment go */
    EVENT_ENDED = 4,    /* the session was ended by request (~. or --kill) */
    /* client to server */
    EVENT_QUIT = 32,   /* ~. : end the session */
    EVENT_DETACH = 33, /* ~d : let this attachment go */
};

/* A record takes at most this much; a longer one is malformed. */
#define EVENT_MAX 4096

struct event {
    uint32_t kind;
    uint64_t value;
    uint32_t signal;
};

/* Append one record. */
void event_put(struct buf *out, const struct event *e);
/* Take the next whole record from in (skipping its bytes): 1 with *e filled, 0 when more bytes are
 * needed, ERR_SYNTAX when the log is broken (it is then useless: the caller reads no more of it).
 * Unknown kinds are handed out too. */
int MUST_USE event_get(struct buf *in, struct event *e);

#endif
