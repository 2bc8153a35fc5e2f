/* The client's whole endpoint: keys and datagrams and the time go in, terminal bytes, datagrams and
 * a deadline come out. It owns link, sync, view, the escape machine and the bar; the edge
 * (src/client) owns sockets, the pipe, the tty and the clock. One object is one attachment of one
 * session over one link (design.md §1).
 *
 * The edge's turn: feed what happened; then `while (client_end_poll(..) > 0) send it;` then write
 * client_end_tty() as far as the tty takes it; then do what client_end_action says; then sleep
 * until client_end_deadline. Every call is given the time in microseconds, never going back. */
#ifndef TERN_SESSION_CLIENT_END_H
#define TERN_SESSION_CLIENT_END_H

#include "base/buf.h"
#include "base/log.h"
#include "base/rng.h"
#include "link/connect.h"
#include "link/link.h"
#include "predict/predict.h"
#include "session/streams.h"
#include "view/escape.h"
#include "view/view.h"

struct client_end;

/* Input that the far side has no window for yet is held up to here; past it bytes are searched for
 * escapes and refused with a bell (design.md §2.2). */
#define CLIENT_INPUT_HELD (1u << 20)
/* When the command has ended, the lines that are still on their way are waited for: as long as some
 * come at least this often, and this long at most. Ctrl-C or an escape ends it. */
#define CLIENT_FETCH_SILENT_US 3000000u
#define CLIENT_FETCH_MOST_US   30000000u
/* No frame is drawn while more than this waits for the tty: a slow terminal skips frames. */
#define CLIENT_TTY_BUSY 16384

struct client_end_config {
    /* One of the two: what the server told. Copied. Candidates, pipes and sockets are told to
     * client_end_link by the edge. */
    const struct connect *connect;     /* native */
    const struct connect_stock *stock; /* a stock mosh-server is at the other end */
    bool null_codec;                   /* simulator: no encryption, no zlib */
    const struct chans_ops *chans;     /* NULL: no channels; outlives the object, with its ctx */
    void *chans_ctx;
    struct entropy entropy;
    const struct log *log;        /* may be NULL; outlives the object */
    const struct view_facts *tty; /* size and what the terminal can do; copied */
    bool ask;                     /* ask the terminal what it can do (natively) */
    struct escape_config escape;  /* which escape keys there are */
    bool history;                 /* lines that leave the screen were asked for in the start
                                     record, and go into the terminal's scrollback */
    enum predict_when predict;    /* guesses of what keys will do */
    bool predict_overwrite;
    const char *name; /* prefix of the bar: "tern" or "mosh"; outlives the object */
    int (*width)(void *ctx, uint32_t cp);
    void *width_ctx;
    uint64_t now_us;
};

struct client_end *client_end_new(const struct client_end_config *c);
void client_end_free(struct client_end *e); /* wipes the keys */

/* What the edge tells. */
void client_end_keys(struct client_end *e, const void *bytes, size_t len, uint64_t now_us);
void client_end_keys_closed(struct client_end *e,
                            uint64_t now_us); /* end of file on the tty: detach */
void client_end_resize(struct client_end *e, uint16_t cols, uint16_t rows, uint64_t now_us);
/* `congested`: it bore the CE mark. */
void client_end_datagram(struct client_end *e, const struct path_ref *from, bool congested,
                         const uint8_t *dgram, size_t len, uint64_t now_us);
/* The link inside: the edge reports sockets, pipes, candidates and network events to it directly,
 * and asks it link_wants(). */
struct link *client_end_link(struct client_end *e);
/* The streams beside the screen, on the same link; NULL towards stock. Nothing is started before
 * streams_chans is called. */
struct streams *client_end_streams(struct client_end *e);
/* Repaint everything (after SIGCONT, or when the tty was written to by somebody else). */
void client_end_repaint(struct client_end *e, uint64_t now_us);
/* Give the tty back for a while (bytes that undo all modes are appended to client_end_tty) and take
 * it again. */
void client_end_suspend(struct client_end *e, uint64_t now_us);
void client_end_resume(struct client_end *e, uint64_t now_us);
/* Leave: detach natively, shut down towards stock. By SIGHUP, SIGTERM and the like. */
void client_end_leave(struct client_end *e, uint64_t now_us);
/* A line for the bar, shown for a second, or until the next one when permanent. */
void client_end_message(struct client_end *e, const char *text, bool permanent, uint64_t now_us);

/* What the edge does. */
/* The next datagram to send now: 1 with *out filled (valid until the next call), 0 when there is
 * none. */
int client_end_poll(struct client_end *e, uint64_t now_us, struct link_datagram *out);
/* Bytes for the tty; the edge skips what it wrote. */
struct buf *client_end_tty(struct client_end *e, uint64_t now_us);
/* Bytes that make the terminal usable after a crash, whatever of client_end_tty it got so far: at
 * most VIEW_RESET_MAX; for the edge's guard. Returns their number. */
size_t client_end_reset_bytes(const struct client_end *e, uint8_t *out, size_t size);
uint64_t client_end_deadline(struct client_end *e, uint64_t now_us); /* UINT64_MAX: none */

enum client_action {
    CLIENT_NONE,
    CLIENT_SUSPEND, /* ~^Z: client_end_suspend, flush the tty, stop, client_end_resume */
    CLIENT_DONE,    /* over: client_end_result tells how; the tty bytes already undo everything */
};
/* What the edge must do now; CLIENT_SUSPEND is told once. */
enum client_action client_end_action(struct client_end *e, uint64_t now_us);

enum client_result_kind {
    CLIENT_EXITED,   /* the command ended with `status`, or by signal `signal` when that is not 0 */
    CLIENT_QUIT,     /* ~. : the session was ended, or, when !reached, stays and was only left */
    CLIENT_DETACHED, /* ~d, a hangup or --kill elsewhere: see text */
    CLIENT_FAILED,   /* never connected, or the peer ended uncleanly */
};
struct client_result {
    enum client_result_kind kind;
    int status;       /* 0..255 */
    int signal;       /* > 0 when a signal killed the command */
    bool connected;   /* a screen came from the far side */
    bool reached;     /* the far side confirmed the end */
    const char *text; /* one line for the user, or NULL; lives as long as the object */
};
struct client_result client_end_result(const struct client_end *e);

/* After CLIENT_DONE the object may be kept running without a tty for a while, so that a lost
 * acknowledgement of the far side's shutdown is repeated: until this is false. */
bool client_end_lingers(const struct client_end *e, uint64_t now_us);

/* The terminal still owes answers to our questions: whoever gives it back waits for them, at most
 * until then, and hands on what it reads, lest they be typed into a shell. 0: it owes none. */
uint64_t client_end_owed_answers(const struct client_end *e, uint64_t now_us);

/* For tests and -v. */
struct snapshot;
const struct snapshot *
client_end_screen(const struct client_end *e); /* newest far screen; borrowed; may be NULL */
const struct view_ledger *client_end_ledger(const struct client_end *e);
size_t
client_end_memory(const struct client_end *e); /* bytes held on behalf of the peer and the keys */

#endif
