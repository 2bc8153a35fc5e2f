/* The messages of a channel (docs/PROTOCOL.md, Channels): a head of 4 bytes (kind, length in 24
 * bits) and a body, one after the other on the channel's stream. Terms and meanings are those of
 * RFC 4254 §5-6. Writers append a whole message; readers get a whole body, but for DATA and STDERR,
 * which are passed on as they come. */
#ifndef TERN_CHAN_MESSAGE_H
#define TERN_CHAN_MESSAGE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_HEAD 4
/* Longest body of DATA and STDERR; a longer one is malformed. */
#define MESSAGE_DATA_MAX (256u << 10)
/* Longest body of OPEN, and of every other message that is read as a whole. */
#define MESSAGE_OPEN_MAX  (256u << 10)
#define MESSAGE_SMALL_MAX 1024
/* Kinds from here on may be skipped by who does not know them; an unknown one below is an error. */
#define MESSAGE_OPTIONAL 128

enum message_kind {
    MESSAGE_OPEN = 1,         /* first, from who opened the stream */
    MESSAGE_OPENED = 2,       /* it was accepted */
    MESSAGE_REFUSED = 3,      /* it was not: code, text */
    MESSAGE_DATA = 4,         /* bytes; towards a command its stdin, from it its stdout */
    MESSAGE_STDERR = 5,       /* bytes of a command's stderr */
    MESSAGE_EOF = 6,          /* no more DATA and STDERR; how many bytes of each there were */
    MESSAGE_WINDOW = 7,       /* so many more bytes of DATA and STDERR together may come */
    MESSAGE_STOP = 8,         /* the sender takes no more DATA (0) or STDERR (1) */
    MESSAGE_EXIT_STATUS = 9,  /* of the command */
    MESSAGE_EXIT_SIGNAL = 10, /* it was killed: core flag, name without SIG, text */
    MESSAGE_SIGNAL = 11,      /* deliver it: name without SIG */
    MESSAGE_SIZE = 12,        /* window change: columns, rows, pixels */
    MESSAGE_BREAK = 13,       /* milliseconds */
    MESSAGE_BACK = 14,        /* so many bytes that the window allowed will not come */
};

/* ---- OPEN ---- */

#define OPEN_COMMAND_MAX 131071 /* what execve takes as one word on Linux */
#define OPEN_ENV_MAX     128
#define OPEN_TEXT_MAX    1024
#define OPEN_PASS_MAX    64

enum open_kind {
    OPEN_EXEC = 1,
    OPEN_SUBSYSTEM = 2,
    OPEN_DIRECT_TCP = 3,
    OPEN_FORWARDED_TCP = 4,
    OPEN_DIRECT_UNIX = 5,
    OPEN_FORWARDED_UNIX = 6,
    OPEN_AGENT = 7,
    OPEN_X11 = 8,
    OPEN_UDP = 9,
    OPEN_CONTROL = 10,
    OPEN_SESSION = 11,
};

/* Borrowed bytes; no NUL is among them and none behind them. */
struct text {
    const char *p; /* NULL: not said */
    size_t len;
};

struct open_request {
    enum open_kind kind; /* or a number not known yet */
    struct text command; /* EXEC: for the shell; SUBSYSTEM: its name */
    struct text env[OPEN_ENV_MAX];
    size_t env_count;
    struct text host, origin, path;
    uint16_t port, origin_port;
    uint32_t class;   /* enum stream_class + 1, 0 = by kind */
    uint32_t forward; /* FORWARDED_*: number of the forward (ask.h) */
    struct text pass; /* DIRECT_*: what shows that sshd allows it (docs/adr/0022) */
};

/* A copy of text with a NUL behind it; free() it. "" for NULL. */
char *text_copy(struct text t);

/* Appends the whole message; buf_err tells if it did not fit. */
void request_put(struct buf *b, const struct open_request *o);
/* Reads the body; *out borrows from it. ERR_SYNTAX, ERR_SHORT: malformed; ERR_CAP: a text or list
 * beyond its cap. A kind that is not known is no error here. */
int MUST_USE request_get(const uint8_t *body, size_t len, struct open_request *out);

/* ---- the others ---- */

#define SIGNAL_NAME_MAX 16 /* RFC 4254 §6.10: letters and digits */

enum refusal {
    REFUSAL_PROHIBITED = 1,     /* not allowed (RFC 4254 §5.1) */
    REFUSAL_CONNECT_FAILED = 2, /* what it should lead to could not be reached or started */
    REFUSAL_UNKNOWN = 3,        /* a kind that is not served */
    REFUSAL_RESOURCES = 4,      /* a cap or the system's limit */
};

struct message {
    enum message_kind kind;
    uint32_t value;    /* REFUSED: enum refusal; WINDOW, BACK: bytes; STOP: stream; EXIT_STATUS;
                          EXIT_SIGNAL: 1 = core dumped; BREAK: milliseconds */
    uint64_t bytes[2]; /* EOF: of DATA and of STDERR */
    char name[SIGNAL_NAME_MAX + 1]; /* EXIT_SIGNAL, SIGNAL */
    struct text text;               /* REFUSED, EXIT_SIGNAL: for people, not cleaned; borrowed */
    uint16_t cols, rows, width, height; /* SIZE; width and height in pixels, 0 = not known */
};

/* The head alone, for DATA and STDERR. */
void message_head(uint8_t out[static MESSAGE_HEAD], enum message_kind kind, size_t len);
/* A whole message other than OPEN, DATA, STDERR; texts are cut to fit MESSAGE_SMALL_MAX. */
void message_put(struct buf *b, const struct message *m);
/* The body of one of those. ERR_SHORT or ERR_SYNTAX when malformed; ERR_VERSION: an unknown kind.
 */
int MUST_USE message_get(uint8_t kind, const uint8_t *body, size_t len, struct message *out);

#endif
