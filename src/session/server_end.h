/* The server's whole endpoint: the sessions and links of one tern-server process, many to many; an
 * attachment joins one session to one lane of one link (design.md §1). Pure: the edge (src/server)
 * owns sockets, ptys and the clock and hands in bytes and the time. Natively every link carries one
 * attachment now (lane 0).
 *
 * The edge's turn: feed what happened; for each session write server_session_input() to its pty and
 * report what was written; `while (server_end_poll(..) > 0) send it;` sleep until
 * server_end_deadline. */
#ifndef TERN_SESSION_SERVER_END_H
#define TERN_SESSION_SERVER_END_H

#include "base/buf.h"
#include "base/log.h"
#include "base/rng.h"
#include "chan/chans.h"
#include "link/connect.h"
#include "link/link.h"

#define SERVER_SESSIONS  64  /* sessions of one process */
#define SERVER_LINKS     192 /* links of one process; past it the idlest one is closed */
#define SESSION_NAME_MAX CONNECT_SESSION_MAX
#define SERVER_INPUT_NATIVE                                                                        \
    4096 /* pty bytes waiting, natively (the rest waits in sync's 64 kB window) */
#define SERVER_INPUT_STOCK                                                                         \
    (1u << 20) /* towards stock clients; past it bytes are dropped with a bell */

struct server_end;

/* What the edge is called with; sid is the session's number. Calls may come from within any
 * function below that takes the time; they must not free the object. */
struct server_ops {
    /* The session's size changed: set the pty's. */
    void (*resize)(void *ctx, uint32_t sid, uint16_t cols, uint16_t rows);
    /* The user wants the session gone (~. or a stock client's shutdown): hang up the pty (SIGHUP).
     * The edge then reports server_session_exited as usual. */
    void (*hangup)(void *ctx, uint32_t sid);
    /* The session is over and everybody who should know does: free the pty, forget the number. */
    void (*ended)(void *ctx, uint32_t sid);
    /* A link is gone: its pipe may be closed. */
    void (*link_closed)(void *ctx, uint16_t route);
    void *ctx;
};

struct server_end_config {
    struct server_ops ops;
    const struct chans_ops *chans; /* NULL: no channels; outlives the object, with its ctx */
    void *chans_ctx;
    struct entropy entropy;
    const struct log *log;
    int (*width)(void *ctx, uint32_t cp);
    void *width_ctx;
    bool null_codec;      /* simulator only */
    size_t history_bytes; /* per session */
    uint64_t
        detach_timeout_us;     /* a session that nobody is attached to ends after this; 0 = never */
    uint64_t gone_timeout_us;  /* a bare session's, see server_session_open_bare */
    uint64_t first_timeout_us; /* a link on which nobody ever spoke is closed after this (60 s) */
};

struct server_end *server_end_new(const struct server_end_config *c);
void server_end_free(struct server_end *s);

/* A new session of that size; returns its number (> 0), 0 when there are too many or the name is
 * taken. */
uint32_t server_session_open(struct server_end *s, const char *name, uint16_t cols, uint16_t rows,
                             uint64_t now_us);
/* A session without a program and a screen, for the channels of one client: it ends with its
 * client, and a while after its last channel. A client that was killed is told from a link that
 * sleeps by its pipe: when that closes although the client was just heard, and nothing more comes
 * for gone_timeout_us, nobody is there any more. */
uint32_t server_session_open_bare(struct server_end *s, const char *name, uint64_t now_us);
bool server_session_bare(const struct server_end *s, uint32_t sid);
/* 0 if there is no such name. */
uint32_t server_session_find(const struct server_end *s, const char *name);
/* The program printed. */
void server_session_output(struct server_end *s, uint32_t sid, const void *bytes, size_t len,
                           uint64_t now_us);
/* May more be read of what it prints? Not while it speaks in a raw segment that nobody takes, or
 * slowly; to be asked at every turn. */
bool server_session_reads(struct server_end *s, uint32_t sid);
/* The pty's modes as the program left them. */
void server_session_tty(struct server_end *s, uint32_t sid, bool echo, bool canonical,
                        uint64_t now_us);
/* The program ended (all its output was handed in before). */
void server_session_exited(struct server_end *s, uint32_t sid, int status, int signal,
                           uint64_t now_us);
/* Bytes for the pty: the edge skips what it wrote (buf_skip) and then calls server_session_written.
 */
struct buf *server_session_input(struct server_end *s, uint32_t sid);
void server_session_written(struct server_end *s, uint32_t sid, uint64_t now_us);
/* End it from outside (--kill, detach timeout): ops.hangup, and attachments are told. */
void server_session_kill(struct server_end *s, uint32_t sid, uint64_t now_us);

struct session_info {
    uint32_t sid;
    char name[SESSION_NAME_MAX + 1];
    uint16_t cols, rows;
    uint16_t attached; /* attachments whose link is not quiet */
    uint16_t links;    /* all attachments */
    bool bare;         /* server_session_open_bare */
    bool exited;       /* its program has ended; its last screen waits */
    int status, signal;
    uint64_t started_us, input_us,
        detached_us;   /* detached_us: since when nobody is attached, 0 if somebody is */
    uint64_t heard_us; /* newest datagram of any of its clients; 0 = never any */
    struct addr peer;  /* of the client heard last, if it came by UDP; else ADDR_NONE */
};
/* Facts about session i = 0,1,...; false past the last. */
bool server_session_info(const struct server_end *s, size_t i, uint64_t now_us,
                         struct session_info *out);

/* About a client, by the channels of its link. */
struct client_info {
    uint32_t sid;      /* of its session */
    bool present;      /* it was heard within a minute and has not left */
    bool typist;       /* of all clients of that session it typed last */
    uint64_t heard_us; /* its newest datagram; 0: none yet */
};
/* False: no such client (any more). */
bool server_client(const struct server_end *s, const struct chans *set, uint64_t now_us,
                   struct client_info *out);

/* A new link with one attachment to session sid. Fills secret, route, caps and session of *out; the
 * caller adds port and addresses, prints it and wipes it. 0, or ERR_STATE (no such
 * session). */
int MUST_USE server_link_open(struct server_end *s, uint32_t sid, struct connect *out,
                              uint64_t now_us);
/* Does another link fit? Past SERVER_LINKS server_link_open closes the idlest one for it. */
bool server_link_room(const struct server_end *s);
/* The same for a stock client: fills the key. Route 0: one such link in a process. */
int MUST_USE server_link_open_stock(struct server_end *s, uint32_t sid, struct connect_stock *out,
                                    uint64_t now_us);
/* The client of that native link wants the newest `lines` lines of the history, those of before
 * included, and all that come (SERVER_HISTORY_ALL: as many as are kept, config.history_bytes). */
#define SERVER_HISTORY_ALL UINT64_MAX
void server_link_history(struct server_end *s, uint16_t route, uint64_t lines);
/* A pipe of that link opened or closed; sock is the edge's number for it. False: no such link. */
bool server_pipe(struct server_end *s, uint16_t route, uint32_t sock, bool open, uint64_t now_us);
/* A UDP socket of the edge's is gone. */
void server_udp_closed(struct server_end *s, uint32_t sock, uint64_t now_us);
/* Sending a datagram of len bytes to that path failed with EMSGSIZE. */
void server_too_big(struct server_end *s, const struct path_ref *to, size_t len);
/* The kernel takes no more for this socket now, or does again. */
void server_socket_full(struct server_end *s, uint32_t sock, bool full);
/* A datagram came; an unknown route or a forgery costs one look-up or one AEAD check. */
void server_end_datagram(struct server_end *s, const struct path_ref *from, bool congested,
                         const uint8_t *dgram, size_t len, uint64_t now_us);

/* Next datagram to send now: 1, or 0 when none; *out is valid until the next call. */
int server_end_poll(struct server_end *s, uint64_t now_us, struct link_datagram *out);
uint64_t server_end_deadline(struct server_end *s, uint64_t now_us);
/* True when there are no sessions and nothing lingers: the process may leave. */
bool server_end_idle(const struct server_end *s, uint64_t now_us);

/* For tests: the present screen (a reference), and the bytes held for sessions, links and peers. */
struct snapshot;
struct snapshot *server_session_screen(struct server_end *s, uint32_t sid);
struct history;
struct history *server_session_history(struct server_end *s, uint32_t sid); /* its own */
size_t server_end_memory(const struct server_end *s);

#endif
