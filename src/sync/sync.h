/* State synchronisation of one lane (mosh-protocol.md §4-8, design.md §2.2): keystrokes one way,
 * screens the other, and natively append-only logs and a few facts both ways. Sans-I/O: fragments
 * and the time come in, fragments and a deadline go out.
 *
 * How session drives it:
 *   in:  for each fragment that link opened: sync_receive(), then take what its flags announce;
 *   out: after every event: while ((sync_send(...)) == 1) link_send(fragment); then wait until
 *        sync_deadline().
 *
 * "Native" means that the peer is tern and was known as such from the connect line (config.native);
 * everything else is "stock" and follows mosh's timers to the letter. All times are microseconds of
 * the caller's monotonic clock.
 *
 * Caps on what a peer can make us hold are the SYNC_*_MAX below; sync_memory() counts them.
 */
#ifndef TERN_SYNC_SYNC_H
#define TERN_SYNC_SYNC_H

#include "base/buf.h"
#include "base/log.h"
#include "base/rng.h"
#include "term/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

struct sync;

/* The number of the state that means shutdown (§7). */
#define SYNC_NUM_SHUTDOWN UINT64_MAX
#define SYNC_NEVER        UINT64_MAX

/* Fragment header: id(8), final and number(2). Nothing shorter is ever sent or accepted (§2). */
#define SYNC_FRAGMENT_HEADER 10
/* Fragment sizes that sync can cut to; facts outside are clamped. */
#define SYNC_MTU_MIN 128
#define SYNC_MTU_MAX 2024

#define SYNC_INSTRUCTION_MAX (4u << 20)  /* inflated bytes of one instruction, §4.1 */
#define SYNC_RECEIVED_MAX    1024        /* states held of the peer, §5.2 */
#define SYNC_SCREENS_MAX     (64u << 20) /* bytes of rows in them beyond the newest screen */
#define SYNC_INPUT_MAX       (5u << 20)  /* unread input bytes held on a server */
#define SYNC_STASH_MAX       (64u << 10) /* bytes, and 64 items, of instructions before their turn */
#define SYNC_WINDOW          65536       /* native: input bytes appended but not yet consumed */
#define SYNC_LOGS            4           /* logs in each direction, ids 0 .. SYNC_LOGS-1 */
#define SYNC_LOG_EVENTS      0           /* the log of events: bell, exit status, ... */
#define SYNC_LOG_HISTORY     1           /* the lines that left the main screen */
#define SYNC_LOG_RAW         2 /* a program's own bytes, while it speaks tmux's control mode */
#define SYNC_LOG_SEND_MAX    (1u << 20) /* default cap of unacknowledged bytes of a log we write */
#define SYNC_LOG_RECV_MAX    (256u << 10) /* unread and out-of-order bytes of a log we read */

/* Capability bits (tern.proto). Shown in the connect line, the start record or field 100; an extra
 * is only sent to a peer that showed its bit. */
enum sync_caps {
    SYNC_CAP_FACTS = 1 << 0,    /* consumed offset and tty modes */
    SYNC_CAP_LOGS = 1 << 1,     /* append-only logs */
    SYNC_CAP_STASH = 1 << 2,    /* instructions without a state; early instructions are kept */
    SYNC_CAP_RESYNC = 1 << 3,   /* a server of screens starts anew from state 0 when asked to */
    SYNC_CAP_TERMINAL = 1 << 4, /* events with text: side effects, facts of the terminal */
    SYNC_CAP_HISTORY = 1 << 5,  /* a server brings the lines that left the screen, if asked to */
    SYNC_CAP_RAW = 1 << 6,      /* raw segments: a client passes tmux's control mode through */
};
#define SYNC_CAPS_ALL 127u

/* What is known of the path, as link tells it at this moment. */
struct sync_link {
    uint64_t srtt_us;   /* smoothed round trip; 0 = unknown (1 s is assumed, §3.2) */
    uint64_t rto_us;    /* retransmission time-out; 0 = unknown (1 s) */
    uint64_t floor_us;  /* smallest round trip of this path; 0 = unknown */
    double loss;        /* share of datagrams lost, 0..1 */
    size_t mtu_payload; /* most bytes of one fragment, header included: link_mtu_payload() + 10 */
    bool quiet;         /* something is owed and no round trip was proven for a while */
    uint64_t proven_us; /* when the newest round trip was proven; 0 = never */
    size_t bulk_room;   /* bytes of bulk (logs but the event log) that may leave now; SIZE_MAX = no
                           limit, 0 = none: link_room(LINK_BULK) */
    bool can_send;      /* there is an address (and a route) to send to; false: nothing is due */
};

enum sync_role { SYNC_CLIENT, SYNC_SERVER };

struct sync_config {
    enum sync_role role;
    bool native;            /* needs SYNC_CAP_STASH in peer_caps, else the peer counts as stock */
    uint64_t caps;          /* ours, shown in field 100 to a stock peer too; 0 = show nothing */
    uint64_t peer_caps;     /* the peer's, from the connect line or the start record */
    bool null_codec;        /* instructions are not deflated: simulator only, on both ends */
    struct entropy entropy; /* chaff */
    const struct log *log;  /* may be NULL; must outlive the sync */
    uint16_t cols, rows;    /* client: the terminal, becomes the first event, state 1 (§8).
                               Server: size of its screen 0 */
    int (*width)(void *ctx, uint32_t cp); /* client: for the replica engine, as term_config.width */
    void *width_ctx;
    uint64_t now_us;
};

struct sync *sync_new(const struct sync_config *c);
void sync_free(struct sync *s); /* NULL is fine */

/* ---- moving fragments ---- */

/* What a received fragment changed. */
enum sync_news {
    SYNC_NEWS_INSTRUCTION = 1 << 0, /* an instruction was complete and taken */
    SYNC_NEWS_STATE = 1 << 1,       /* newest remote state is another one: screen or input items */
    SYNC_NEWS_ACK = 1 << 2,         /* a newer state of ours is acknowledged: sync_acked_us() */
    SYNC_NEWS_FACTS = 1 << 3,       /* sync_tty_modes(), sync_input_window() */
    SYNC_NEWS_LOG = 1 << 4,         /* sync_log_read() has bytes */
    SYNC_NEWS_LOG_ROOM = 1 << 5,    /* our log data was acknowledged */
    SYNC_NEWS_SHUTDOWN = 1 << 6,    /* the peer shuts down, or repeats that it does */
    SYNC_NEWS_CAPS = 1 << 7,        /* the peer showed capability bits that were not known */
    SYNC_NEWS_VERSION = 1 << 8,     /* "mosh protocol version mismatch": ignored instruction */
};

/* One payload of a datagram, lane bits cleared. Malformed, conflicting and impossible ones are
 * dropped (§12): returns a set of sync_news, or a negative err that says why nothing was taken; the
 * session goes on in any case. */
int sync_receive(struct sync *s, const uint8_t *fragment, size_t len, uint64_t now_us,
                 const struct sync_link *facts);

/* The next fragment that is due now: 1 with out (cleared first) holding it, 0 when none is. One
 * datagram per call; a burst on a good path is at most about 16. Two calls may give equal bytes: a
 * second copy for a lossy path, which goes into a datagram of its own. */
int sync_send(struct sync *s, uint64_t now_us, const struct sync_link *facts, struct buf *out);

/* The fragment that sync_send gave last holds log data only, and not of the event log: link's bulk
 * class. */
bool sync_sent_bulk(const struct sync *s);

/* When sync_send must be called next at the latest; <= now_us if at once, SYNC_NEVER if only a new
 * event can make work. Call again after every other call. */
uint64_t sync_deadline(struct sync *s, uint64_t now_us, const struct sync_link *facts);

/* Something of ours is not received yet that the peer must have: for link_set_owed. */
bool sync_owed(const struct sync *s);

/* The link recovered: the first authentic datagram after a quiet time, a proven round trip while
 * quiet, or a new path or address. Everything owed is due at once. */
void sync_link_proven(struct sync *s, uint64_t now_us);

/* ---- client: input out, screens in ---- */

/* Append typed bytes; returns how many were taken: natively up to sync_input_window(), towards
 * stock all that SYNC_INPUT_MAX unacknowledged ones leave room for. */
size_t MUST_USE sync_user_bytes(struct sync *s, const void *bytes, size_t len, uint64_t now_us);
/* Bytes that may be appended now: natively SYNC_WINDOW less those not consumed by the far program,
 * towards stock what
 * SYNC_INPUT_MAX leaves. */
size_t sync_input_window(const struct sync *s);
/* Natively: bytes of input that the far program has been given, as far as is known; at least that
 * many when the newest screen was made, or fewer. UINT64_MAX: the peer does not tell. */
uint64_t sync_input_consumed(const struct sync *s);
/* The terminal's size changed; 0 and more than SCREEN_MAX are clamped. No event if unchanged. */
void sync_user_resize(struct sync *s, uint16_t cols, uint16_t rows, uint64_t now_us);

struct sync_remote {
    uint64_t num;                    /* of the newest screen received; 0 = none yet */
    const struct snapshot *snapshot; /* borrowed until the next sync_receive; ref it to keep it */
    uint64_t echo_ack;               /* highest input state whose effect it shows (§8) */
};
struct sync_remote sync_remote(const struct sync *s);

/* ---- server: screens out, input in ---- */

/* The live screen changed (takes its own reference). Cheap: the diff is made when it is sent. */
void sync_set_screen(struct sync *s, const struct snapshot *snap, uint64_t now_us);

/* From now on screens say where the history of what they show ends (snapshot.history_end): to a
 * native peer that asked for the history. Else it is 0 at the client. */
void sync_tell_history(struct sync *s);

struct sync_input {
    bool resize;
    uint16_t cols, rows;  /* resize: the last of a run (§8), within 1..SCREEN_MAX */
    const uint8_t *bytes; /* else: borrowed until the next call into sync */
    size_t len;
    uint64_t offset; /* bytes before this item since the start of the lane */
};
/* The next item in order, each exactly once: 1, or 0 when there is none. */
int sync_input_next(struct sync *s, struct sync_input *item);

/* All input bytes below offset (as in sync_input) have been handed to the program at now_us: starts
 * the 50 ms of the echo ack (§8) and natively opens the peer's window. A resize counts with the
 * bytes before it. Towards stock too. */
void sync_set_consumed(struct sync *s, uint64_t offset, uint64_t now_us);

/* Modes of the far pty, a native fact (server sets, client reads). */
enum sync_tty { SYNC_TTY_KNOWN = 1, SYNC_TTY_ECHO = 2, SYNC_TTY_CANONICAL = 4 };
void sync_set_tty_modes(struct sync *s, unsigned modes);
unsigned sync_tty_modes(const struct sync *s); /* 0 until the peer told */

/* ---- numbers and clocks for prediction and the bar (§10, §11) ---- */

uint64_t sync_sent_num(const struct sync *s);  /* newest state sent; a key typed now goes in +1 */
uint64_t sync_acked_num(const struct sync *s); /* newest state of ours acknowledged */
uint64_t sync_acked_us(const struct sync *s);  /* when that state was (last) sent; 0 = none yet */
uint64_t sync_heard_us(const struct sync *s);  /* when the newest remote state came; 0 = none yet */
uint64_t sync_peer_caps(const struct sync *s);
/* Stock send interval (§6): clamp(srtt/2, 20, 250 ms), which triggers prediction. */
uint64_t sync_interval_us(const struct sync_link *facts);

/* ---- append-only logs (native; both directions) ---- */

/* Append to our log; all or nothing: 0, ERR_CAP when it would hold more than its cap of
 * unacknowledged bytes, ERR_STATE when the peer has no SYNC_CAP_LOGS. Records are session's. */
int MUST_USE sync_log_append(struct sync *s, unsigned log, const void *bytes, size_t len);
size_t sync_log_room(const struct sync *s, unsigned log);
/* Bytes appended to our log that never left yet: who can make bytes when they are needed appends
 * only when this is small, so that little is committed while the link is slow. */
size_t sync_log_unsent(const struct sync *s, unsigned log);
/* Another cap for the unacknowledged bytes of our log (default SYNC_LOG_SEND_MAX). */
void sync_log_set_cap(struct sync *s, unsigned log, size_t cap);
/* Unread bytes of the peer's log, in order, borrowed until the next call into sync; *len 0 = none.
 * sync_log_skip takes them off and lets the peer send more. */
const uint8_t *sync_log_read(struct sync *s, unsigned log, size_t *len);
void sync_log_skip(struct sync *s, unsigned log, size_t len);
/* Byte offset up to which the peer has received our log. */
uint64_t sync_log_acked(const struct sync *s, unsigned log);

/* ---- the end (§7) ---- */

/* From now on every state is MAX64; later changes of the live object are not taken. */
void sync_shutdown(struct sync *s, uint64_t now_us);
bool sync_shutting_down(const struct sync *s);
bool sync_shutdown_done(const struct sync *s); /* the peer acknowledged it */
/* Towards stock: 16 transmissions or 10 s without the acknowledgement. Natively never: session
 * decides. */
bool sync_shutdown_given_up(const struct sync *s, uint64_t now_us);
bool sync_peer_shutdown(const struct sync *s); /* the peer's MAX64 arrived */
/* ... and at least one acknowledgement of it was sent. The session then lingers: it goes on calling
 * sync for a while, because each repeated MAX64 is acknowledged again. */
bool sync_peer_shutdown_acked(const struct sync *s);

/* Bytes held: states, queues, logs, buffers (rows shared with a neighbouring state count once).
 * Never above SYNC_MEMORY_MAX plus twice the cost of a full screen, nor above what the own side
 * appended. */
size_t sync_memory(const struct sync *s);
#define SYNC_MEMORY_MAX                                                                            \
    (2 * (size_t)SYNC_SCREENS_MAX + 3 * (size_t)SYNC_INSTRUCTION_MAX + SYNC_INPUT_MAX +            \
     SYNC_STASH_MAX + SYNC_LOGS * ((size_t)SYNC_LOG_SEND_MAX + SYNC_LOG_RECV_MAX) + (2u << 20))

#endif
