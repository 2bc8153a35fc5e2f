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
    /* ... with text, and only to a peer with SYNC_CAP_TERMINAL (effects.h) */
    EVENT_CLIP = 5,     /* OSC 52: "targets;base64" */
    EVENT_CLIP_ASK = 6, /* OSC 52 asks for the contents: "targets" */
    EVENT_NOTIFY = 7,   /* OSC 9, 99, 777, with the number: "9;text" */
    EVENT_CWD = 8,      /* OSC 7: a URI */
    EVENT_PROGRESS = 9, /* OSC 9;4: "state;percent" */
    EVENT_POINTER = 10, /* OSC 22: a cursor's name */
    EVENT_RAW = 11,     /* before the end: there are `value` bytes of the raw log to wait for */
    /* client to server */
    EVENT_QUIT = 32,        /* ~. : end the session */
    EVENT_DETACH = 33,      /* ~d : let this attachment go */
    EVENT_TERMINAL = 34,    /* text: what the user's terminal is (tty_facts.h) */
    EVENT_CLIP_ANSWER = 35, /* text: the answer to EVENT_CLIP_ASK, "targets;base64" */
};

/* A record takes at most this much; a longer one is malformed. */
#define EVENT_MAX 4096
/* Text of one record; longer texts go in several. */
#define EVENT_TEXT_MAX 4000

enum event_part {
    EVENT_GOES_ON = 1, /* the text began in the record before, of the same kind */
    EVENT_MORE = 2,    /* and is not whole with this one */
};

struct event {
    uint32_t kind;
    uint64_t value;
    uint32_t signal;
    uint32_t part;       /* enum event_part */
    const uint8_t *text; /* event_get: borrowed until the next change of the buffer */
    size_t len;
};

/* Append one record; len is at most EVENT_TEXT_MAX. */
void event_put(struct buf *out, const struct event *e);
/* Take the next whole record from in (skipping its bytes): 1 with *e filled, 0 when more bytes are
 * needed, ERR_SYNTAX when the log is broken (it is then useless: the caller reads no more of it).
 * Unknown kinds are handed out too. */
int MUST_USE event_get(struct buf *in, struct event *e);

/* Texts of several records, put together. Zeroed but for the buffer, whose cap bounds a text. */
struct event_text {
    struct buf text;
    uint32_t kind; /* of the text begun, 0: none */
    bool broken;   /* it did not fit: the rest is skipped */
};
/* Take a record with text: true when a text is whole; it is in t->text until the next call. Cut
 * ones and those past the cap are dropped. */
bool event_text_take(struct event_text *t, const struct event *e);

#endif
