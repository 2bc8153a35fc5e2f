/* Private to server_*.c: the objects behind server_end.h. */
#ifndef TERN_SESSION_SERVER_IMPL_H
#define TERN_SESSION_SERVER_IMPL_H

#include "session/effects.h"
#include "session/lane.h"
#include "sync/codec.h"
#include "session/pty_input.h"
#include "session/raw.h"
#include "session/server_end.h"
#include "session/tty_facts.h"
#include "term/term.h"
#include "term/width.h"

/* Heartbeats come at least every 25 s (design.md §2.1): who was not heard for this long is away. */
#define AWAY_US 60000000u
/* How long an ending waits for a client that was there. */
#define GOODBYE_US 10000000u
/* How long a side that acknowledged a shutdown acknowledges it again. */
#define LINGER_US 3000000u
/* But no longer than this after a stock client's last word: it asks at least every 250 ms (§7). */
#define STOCK_SILENT_US 1000000u
/* After the end a client that fetches history is waited for this long, unless it falls silent. */
#define HISTORY_END_US    40000000u
#define HISTORY_SILENT_US 10000000u
/* A client that is there says something within 25 s (design.md §2.1). */
#define HEARD_US 30000000u
/* A bare session whose channels are all gone waits so long for another, or for its client's leave.
 */
#define BARE_IDLE_US 20000000u
/* Bells are told at most this often. */
#define BELL_US 100000u
/* Longest text of a client: the clipboard. */
#define CLIENT_TEXT_MAX EFFECT_TEXT_MAX
/* How long answers wait for the facts of a client's terminal: a program asks at its start, when
 * they are still on their way. */
#define FACTS_WAIT_US 2000000u

struct session {
    uint32_t sid;
    char name[SESSION_NAME_MAX + 1];
    struct server_end *server;
    struct term *term;
    struct pty_input input;
    uint16_t cols, rows;
    bool dirty;       /* printed since the attachments were given a snapshot */
    bool ever_joined; /* some client spoke on some link of it */
    bool bare;        /* channels only */
    bool exited;      /* its program is gone */
    bool killed;      /* ended by request: nobody needs to see its end */
    bool seen;        /* somebody has confirmed to know how it ended */
    int status, signal;
    unsigned tty_modes; /* enum sync_tty, 0 = not known */
    uint64_t bells, bells_told, bell_us;
    uint64_t printed_us; /* newest output of the program */
    struct effects effects;
    uint64_t tidy_us;        /* when history_tidy is due; 0: nothing to do */
    uint64_t hold, hold_us;  /* term_held, and since when; 0 = not */
    uint64_t cleared;        /* lines below this number were forgotten by CSI 3 J */
    uint64_t facts_until_us; /* answers wait until then for the first client's facts; 0: not */
    uint64_t started_us, input_us;
    uint64_t present_us; /* newest time somebody was known to be there; the start at first */
    uint64_t idle_us;    /* bare: since when there is no channel after some; 0 = not so */
    uint32_t typist;     /* number of the attachment last typed in, 0 = nobody */
    struct raw_scan raw;
    uint32_t raw_holder; /* number of the attachment that gets the raw segment, 0 = nobody */
    bool raw_mid;        /* what was printed there last has not ended its line */
    bool raw_skips;      /* to the next line: it has just become that */
};

enum attachment_state {
    ATTACHMENT_LIVE,
    ATTACHMENT_ENDING, /* our shutdown is on its way */
    ATTACHMENT_LEFT,   /* the stock client shut down: lingering */
    ATTACHMENT_GONE,   /* over; a BYE is on its way, so that the client need not linger */
};

/* How far an attachment has brought the history to its client. */
struct history_feed {
    uint64_t want;    /* newest lines that the client wants at most; 0: none */
    uint64_t next;    /* number of the line that goes into the log next */
    uint64_t gap;     /* lines gap..next-1 are to be told as missing */
    uint64_t cleared; /* CSI 3 J is to be told: lines below are forgotten; 0: no */
    bool begun;
    uint64_t paced_us; /* while the program prints: when the next lines may go */
    uint64_t hold_us,
        hold_since_us; /* lines are lost faster than they go: until when nothing goes */
};

/* One link with its one attachment. */
struct attachment {
    uint32_t number; /* > 0, unique in the process */
    uint16_t route;
    bool native;
    struct session *session;
    struct lane lane;
    uint16_t cols, rows; /* the client's terminal; 0 = not told yet */
    struct cursor_keys cursor_keys;
    struct history_feed history;
    enum attachment_state state;
    bool leaving; /* the client asked to go: its absence keeps nothing alive */
    uint64_t opened_us;
    struct effects_reader effects;
    bool facts_known; /* its terminal has been told */
    struct tty_facts facts;
    struct event_text text; /* the client's events with text */
    uint64_t heard_us;      /* newest authentic datagram, 0 = never */
    uint64_t alone_us;      /* its pipe closed then, and nothing came since; 0 = not so */
    uint64_t ending_us;     /* since when it is not LIVE */
};

struct server_end {
    struct server_end_config config;
    struct session *sessions[SERVER_SESSIONS];
    size_t session_count;
    struct attachment *links[SERVER_LINKS];
    size_t link_count;
    size_t turn; /* whose turn it is in server_end_poll */
    uint32_t next_sid, next_number;
    struct buf scratch;
    struct codec pack; /* of history records; made when first needed */
};

struct session *session_of(const struct server_end *s, uint32_t sid);
struct session *session_new(struct server_end *s, const char *name, uint16_t cols, uint16_t rows,
                            uint64_t now_us);
uint64_t session_bare_end(struct session *q, uint64_t now_us);
void session_free(struct session *q);
/* Apply a size to engine and pty. */
void session_set_size(struct session *q, uint16_t cols, uint16_t rows);
/* Give every attachment the present screen and the bells since. */
void session_flush(struct session *q, uint64_t now_us);
/* When session_flush must come again though nothing happens. */
uint64_t session_deadline(const struct session *q);
/* Start the end of all its attachments (the program ended or the session was killed). */
void session_end_attachments(struct session *q, uint64_t now_us);

struct attachment *attachment_new(struct session *q, uint16_t route, bool native,
                                  const struct keys *keys, uint64_t now_us);
/* Removes it from the server too and tells the edge. */
void attachment_close(struct attachment *a);
void attachment_receive(struct attachment *a, const struct path_ref *from, bool congested,
                        const uint8_t *dgram, size_t len, uint64_t now_us);
/* No answer waits any more. */
void session_facts_known(struct session *q);

/* server_raw.c */
/* What the program printed, to the engine or as it is. */
void session_print(struct session *q, const uint8_t *p, size_t len, uint64_t now_us);
/* It is gone: a raw segment ends, too. */
void session_raw_exited(struct session *q);
/* The client has all of the raw log. */
bool attachment_raw_done(const struct attachment *a);
/* Bytes that there are in the raw log; 0: none that the client lacks. */
uint64_t attachment_raw_end(const struct attachment *a);
/* Move the engine's answers towards the pty. */
void session_answers(struct session *q);
/* Move input from all attachments of a session towards its pty, as far as there is room. */
void session_pull_input(struct session *q, uint64_t now_us);
/* Start our shutdown after telling why (kind of event, natively). */
void attachment_end(struct attachment *a, const struct event *why, uint64_t now_us);
/* server_history.c: move lines into the history log as far as it drains. */
void attachment_history(struct attachment *a, uint64_t now_us);
/* The client has all that it wants. */
bool attachment_history_done(const struct attachment *a);
/* When attachment_history must be called again without another event. */
uint64_t attachment_history_deadline(const struct attachment *a);
/* CSI 3 J. */
void session_history_cleared(struct session *q);

/* Somebody is there now. */
bool attachment_present(const struct attachment *a, uint64_t now_us);
/* Time-driven changes: the end of endings. True if it closed itself. */
bool attachment_tick(struct attachment *a, uint64_t now_us);
uint64_t attachment_deadline(struct attachment *a, uint64_t now_us);

#endif
