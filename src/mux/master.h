/* The owner's side of one connection of the multiplexing protocol (openssh-mux.md §1.5): bytes and
 * the arrival of descriptors in, packets and decisions to make out. No I/O: the edge reads exactly
 * what mux_master_wants says, since a read past a packet would lose the descriptors behind it. */
#ifndef TERN_MUX_MASTER_H
#define TERN_MUX_MASTER_H

#include "mux/packet.h"

/* Answers that wait to be written; with more than half of it nothing more is read. */
#define MUX_OUT_MAX (4 * MUX_REPLY_MAX)

enum mux_state {
    MUX_PRE,     /* only HELLO is allowed */
    MUX_READY,   /* no session yet */
    MUX_OPENING, /* a session or stdio forward was asked for; nothing is read */
    MUX_LIVE,    /* it is open; requests are still answered */
    MUX_DRAIN,   /* its exit status is told; its output is still being written */
    MUX_CLOSED,  /* nothing more but what is still to be written */
};

enum mux_want {
    MUX_WANT_NOTHING,    /* until a decision was told, or answers were written */
    MUX_WANT_BYTES,      /* at most *bytes of them, by read */
    MUX_WANT_DESCRIPTOR, /* one byte with one descriptor, by recvmsg */
    MUX_WANT_CLOSE,      /* everything is done */
};

/* May call mux_master functions, but not mux_master_fini. */
struct mux_master_ops {
    /* To be decided: NEW_SESSION and NEW_STDIO (their descriptors have come), OPEN_FORWARD (checked
     * by mux_forward_check), CLOSE_FORWARD, TERMINATE, STOP_LISTENING. Exactly one of the functions
     * for answers below is to be called for it, now or later. *r and what it borrows stay valid
     * until then; no other request comes before. */
    void (*request)(void *ctx, const struct mux_request *r);
    /* The descriptors that have come belong to a request that was refused: close them. */
    void (*dropped)(void *ctx);
    /* INFO: append the text. False: there is no such. */
    bool (*info)(void *ctx, struct mux_text what, struct buf *out);
};

struct mux_master {
    const struct mux_master_ops *ops;
    void *ctx;
    uint32_t pid;
    enum mux_state state;
    struct buf in, out;
    bool waiting;        /* a decision is due */
    size_t descriptors;  /* still to come for `request` */
    bool descriptor_bad; /* one of them was missing */
    bool second;         /* the session asked for is a second one */
    struct mux_request request;
    uint32_t session;
};

/* HELLO is in mux_master_out at once. pid: the process that clients send SIGWINCH to. */
void mux_master_init(struct mux_master *m, uint32_t pid, const struct mux_master_ops *ops,
                     void *ctx);
void mux_master_fini(struct mux_master *m);

enum mux_want mux_master_wants(const struct mux_master *m, size_t *bytes);
/* What was read, at most what was wanted. */
void mux_master_bytes(struct mux_master *m, const uint8_t *p, size_t len);
/* A byte came; good: with exactly one descriptor. */
void mux_master_descriptor(struct mux_master *m, bool good);
/* To be written; the edge skips what was. */
struct buf *mux_master_out(struct mux_master *m);

/* ---- answers to ops->request ---- */

/* Of forwards, TERMINATE and STOP_LISTENING. */
void mux_master_ok(struct mux_master *m);
/* Of a remote forward to any port. */
void mux_master_port(struct mux_master *m, uint16_t port);
/* FAILURE; the client of a session then goes on by a direct connection. */
void mux_master_fail(struct mux_master *m, const char *why);
/* The user was asked, and said no. */
void mux_master_deny(struct mux_master *m);
/* The session or stdio forward is open. session: its number, unique in the process. */
void mux_master_opened(struct mux_master *m, uint32_t session);

/* ---- of an open session ---- */

/* It got no terminal; it goes on without. */
void mux_master_tty_failed(struct mux_master *m);
/* Its exit status; told once. */
void mux_master_exit(struct mux_master *m, uint32_t status);
/* All output is written, or nobody wants it: the connection ends. In any state. */
void mux_master_close(struct mux_master *m);

#endif
