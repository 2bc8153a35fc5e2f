/* The start record: the first thing on a native server's stdin, before any frame (design.md §1):
 * a 4-byte big-endian length and a protobuf message (control.proto, StartRecord). All that the
 * server must know and that must not stand in argv. */
#ifndef TERN_LINK_START_H
#define TERN_LINK_START_H

#include "base/buf.h"
#include "link/connect.h"

#define START_HEAD       4
#define START_RECORD_MAX (1u << 20) /* bytes behind the head */
#define START_ENV_MAX    1024       /* variables */
#define START_ARGV_MAX   4096       /* words */
#define START_VERSION    1

enum {
    START_FORWARD_TCP = 1,
    START_FORWARD_UNIX = 2,
    START_FORWARD_LISTEN = 4,
    START_FORWARD_AGENT = 8, /* the bootstrap ssh asked sshd for it, too (docs/adr/0027) */
    START_FORWARD_X11 = 16,  /* the same */
};

enum start_action {
    START_NEW = 0,      /* a new session, named `session` if that is not empty */
    START_COMMANDS = 2, /* no session: a link for channels */
    START_ATTACH = 1,   /* join the session named `session` (empty: the newest detached one) */
};

struct start_list {
    char **item; /* owned NUL-terminated strings */
    size_t count;
};

/* Zeroed numbers and NULL texts mean "not said". All pointers are owned; start_fini frees. */
struct start_record {
    uint32_t version; /* START_VERSION */
    char nonce[CONNECT_NONCE_MAX + 1];
    uint32_t action;     /* enum start_action; others are refused by the server */
    uint16_t cols, rows; /* 0 = unknown */
    char *colorterm;
    struct start_list env;  /* "NAME=value"; a name is not empty */
    struct start_list argv; /* empty: the login shell */
    uint64_t caps;          /* the client's capability bits; sync defines them */
    char session[CONNECT_SESSION_MAX + 1];
    uint32_t detach_timeout_s; /* 0 = the server's default */
    bool no_udp;
    uint16_t port_low, port_high; /* UDP ports to try; 0,0 = the default range */
    char *bind;                   /* numeric local address to bind; NULL = any */
    bool signal_status;           /* report 128+n for a command killed by signal n */
    uint32_t width;               /* width profile of the user's terminal; 0 = wcwidth */
    bool verbose;
    uint64_t history_lines; /* newest lines of the history that the client wants; 0 = none,
                               UINT64_MAX = all that the server keeps */
    /* argv is one item: a command as the user wrote it, for `shell -c`, never split or joined. Else
     * its words are joined by spaces first. */
    bool shell;
    uint32_t forwards; /* START_FORWARD_*: passes that the client wants to be able to get */
    uint16_t screen;   /* of the display that it lends (START_FORWARD_X11) */
};

void start_init(struct start_record *s);
void start_fini(struct start_record *s);
/* Append a copy; BUG past the caps of the lists (callers check what users give). */
void start_list_add(struct start_list *l, const char *text);

/* Head and message; ERR_CAP if the record would exceed START_RECORD_MAX (b must have the room). */
int MUST_USE start_put(struct buf *b, const struct start_record *s);
/* Reads a record from the front of p. 1: *out filled (call start_fini), *used = its bytes; 0: more
 * bytes are needed; ERR_CAP, ERR_SYNTAX, ERR_VERSION (another version: out->version and, if it
 * parsed, out->nonce are set, nothing is owned) otherwise. *out need not be initialised. */
int MUST_USE start_get(const uint8_t *p, size_t len, struct start_record *out, size_t *used);

#endif
