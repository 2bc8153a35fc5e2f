/* OpenSSH's multiplexing protocol, version 4, on the wire (openssh-mux.md §1.1-1.3): what clients
 * ask of the owner of a connection, and what it answers. A packet is its length (4 bytes), a type
 * (4) and a body; integers are big-endian. Readers get what stands behind the length. */
#ifndef TERN_MUX_PACKET_H
#define TERN_MUX_PACKET_H

#include "base/buf.h"
#include "base/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUX_VERSION 4
/* Longest packet of a client, without its length: a longer one ends the connection. */
#define MUX_PACKET_MAX 262144u
/* Longest answer that we make or take. */
#define MUX_REPLY_MAX 65536u
#define MUX_ENV_MAX   4096 /* strings looked at; more are ignored */
#define MUX_TEXT_MAX  1024 /* of a reason */
/* A port that says that the text beside it is the path of a unix socket. */
#define MUX_UNIX      0xfffffffeu
#define MUX_NO_ESCAPE 0xffffffffu

/* Types; no enumeration, since those of answers are no int. */
#define MUX_HELLO          0x00000001u /* both sides, first; without a number */
#define MUX_NEW_SESSION    0x10000002u
#define MUX_ALIVE_CHECK    0x10000004u
#define MUX_TERMINATE      0x10000005u
#define MUX_OPEN_FORWARD   0x10000006u
#define MUX_CLOSE_FORWARD  0x10000007u
#define MUX_NEW_STDIO      0x10000008u
#define MUX_STOP_LISTENING 0x10000009u
#define MUX_PROXY          0x1000000fu
#define MUX_INFO           0x20000001u
#define MUX_OK             0x80000001u
#define MUX_DENIED         0x80000002u
#define MUX_FAILURE        0x80000003u
#define MUX_EXIT           0x80000004u
#define MUX_ALIVE          0x80000005u
#define MUX_OPENED         0x80000006u
#define MUX_REMOTE_PORT    0x80000007u
#define MUX_TTY_FAILED     0x80000008u
#define MUX_INFO_TEXT      0x90000001u

enum mux_forward_kind { MUX_LOCAL = 1, MUX_REMOTE = 2, MUX_DYNAMIC = 3 };

/* Borrowed bytes, with no NUL behind them; any byte may be among them. */
struct mux_text {
    const char *p;
    size_t len;
};
struct mux_text mux_text(const char *s); /* NULL: "" */
/* Is it this word? */
bool mux_text_is(struct mux_text t, const char *word);
/* Copy with a NUL behind it; false (and "" in out): it does not fit, or has a NUL in it. */
bool mux_text_copy(struct mux_text t, char *out, size_t size);

struct mux_end {
    struct mux_text host; /* or the path */
    uint32_t port;        /* or MUX_UNIX */
};

struct mux_forward {
    uint32_t kind;
    struct mux_end listen, connect;
};

struct mux_session {
    bool tty, x11, agent, subsystem;
    uint32_t escape; /* the character, or MUX_NO_ESCAPE */
    struct mux_text term, command;
    struct reader env; /* strings, for mux_env_next; known to be well-formed */
};

/* What a client sends. Which members count depends on the type. */
struct mux_request {
    uint32_t type;              /* one of the above, or one that is not known */
    uint32_t id;                /* not of HELLO; comes back in the answer */
    uint32_t version;           /* HELLO */
    bool info, tern;            /* HELLO: extensions: EXT_INFO is answered; the owner is a tern */
    struct mux_session session; /* NEW_SESSION */
    struct mux_forward forward; /* OPEN_FORWARD, CLOSE_FORWARD */
    struct mux_end to;          /* NEW_STDIO */
    struct mux_text what;       /* INFO */
};

/* ERR_SHORT, ERR_SYNTAX: malformed, end the connection. ERR_CAP: longer than MUX_PACKET_MAX. A type
 * that is not known is no error. *out borrows from p. */
int MUST_USE mux_request_get(const uint8_t *p, size_t len, struct mux_request *out);
/* Appends the whole packet, with its length; session.env is written as it is. */
void mux_request_put(struct buf *b, const struct mux_request *r);

/* The next "NAME=value", up to MUX_ENV_MAX of them; those without a name are left out. */
bool mux_env_next(struct reader *env, size_t *count, struct mux_text *out);
/* Appends one string as NEW_SESSION has them. */
void mux_env_put(struct buf *b, const char *pair);

/* Descriptors that follow a request, one for each byte behind it. */
size_t mux_descriptors(uint32_t type);

/* What the owner answers. */
struct mux_reply {
    uint32_t type;
    uint32_t id;      /* of the request; EXIT, TTY_FAILED: 0 */
    uint32_t session; /* OPENED, EXIT, TTY_FAILED */
    uint32_t value;   /* HELLO: version; EXIT: status; ALIVE: process id; REMOTE_PORT; INFO_TEXT: 1
                         = there is such */
    bool info, tern;  /* HELLO */
    struct mux_text text; /* DENIED, FAILURE, INFO_TEXT */
};

/* ERR_SHORT, ERR_SYNTAX: malformed; ERR_CAP: too long; ERR_VERSION: a type that is not known. */
int MUST_USE mux_reply_get(const uint8_t *p, size_t len, struct mux_reply *out);
/* Appends the whole packet; a text is cut to MUX_REPLY_MAX - 64. */
void mux_reply_put(struct buf *b, const struct mux_reply *r);

/* What a forward that is asked for is. */
enum mux_forward_check {
    MUX_FORWARD_GOOD,
    MUX_FORWARD_INVALID, /* FAILURE "Invalid forwarding request" */
    MUX_FORWARD_BROKEN,  /* ports that are none: end the connection */
};
enum mux_forward_check mux_forward_check(const struct mux_forward *f);

#endif
