/* What tern-server processes of one user say to each other over their unix sockets: one request,
 * one answer, each a 4-byte length and a protobuf message; after an accepted ATTACH or JOIN the
 * stream carries frames (link/frame.h) of that link. */
#ifndef TERN_SERVER_CONTROL_H
#define TERN_SERVER_CONTROL_H

#include "link/connect.h"
#include "session/server_end.h"

#define CONTROL_MAX 65536 /* bytes of one message */

enum control_verb { CONTROL_LS = 1, CONTROL_KILL = 2, CONTROL_ATTACH = 3, CONTROL_JOIN = 4 };

struct control_request {
    uint32_t verb;
    char session[SESSION_NAME_MAX + 1];
    char nonce[CONNECT_NONCE_MAX + 1]; /* ATTACH: for the connect line */
    uint16_t route;                    /* JOIN */
    uint64_t history_lines;            /* ATTACH: as in the start record */
    uint32_t forwards;                 /* ATTACH: the same */
};

/* One session in an answer to LS. Times are seconds ago. */
struct control_session {
    char name[SESSION_NAME_MAX + 1];
    uint16_t cols, rows, attached, links;
    bool exited;
    bool bare; /* commands of one client: not listed, not to be attached to */
    int status, signal;
    uint64_t age_s, idle_s, away_s; /* since start, since input, since somebody was there */
    uint32_t pid;                   /* of its tern-server */
};

struct control_answer {
    bool ok;
    char text[256];                 /* what was wrong, for the user */
    uint8_t line[CONNECT_LINE_MAX]; /* ATTACH: the connect line with its LF */
    size_t line_len;
    struct control_session session[SERVER_SESSIONS]; /* LS */
    size_t sessions;
};

void control_put_request(struct buf *b, const struct control_request *r);
void control_put_answer(struct buf *b, const struct control_answer *a);
/* From the front of p: 1 with *used bytes taken, 0 when more are needed, ERR_CAP or ERR_SYNTAX. */
int MUST_USE control_get_request(const uint8_t *p, size_t len, struct control_request *q,
                                 size_t *used);
int MUST_USE control_get_answer(const uint8_t *p, size_t len, struct control_answer *a,
                                size_t *used);

#endif
