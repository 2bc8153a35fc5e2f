/* Channels: exec, subsystem and their like, each on a stream of its own (design.md §2.4; RFC 4254
 * §5-6 for what they mean). Pure: the edge gives bytes and takes bytes, the transport (stream.h)
 * carries them, nothing knows the time.
 *
 * A channel has two directions. What the edge writes is kept until the peer has it; what comes is
 * kept until the edge consumes it. Windows bound both: a writer gets no room (chan_room) when the
 * far reader does not read or the link is away, and so the program behind it waits. */
#ifndef TERN_CHAN_CHANS_H
#define TERN_CHAN_CHANS_H

#include "base/log.h"
#include "chan/message.h"
#include "chan/stream.h"

/* Channels of one connection, both sides together; the peer that opens more is refused. */
#define CHANS_MAX 2048
/* DATA and STDERR together that a side may send at first, without being told so. */
#define CHAN_WINDOW_FIRST (256u << 10)
/* To this it grows while the reader keeps up; nobody may send more ahead of its reader. */
#define CHAN_WINDOW_MAX (16u << 20)
/* What all windows of a connection may have grown beyond their first size. */
#define CHANS_GROWTH_MAX (64u << 20)
/* Windows that were not needed for so long fall back. */
#define CHANS_AGE 10000000u
/* Bytes taken from a writer that the transport has not yet sent: more only delays what is urgent.
 */
#define CHAN_UNSENT_MAX (256u << 10)

/* With less room than this after a write, the writer is told when there is more again. */
#define CHAN_ROOM_LOW (32u << 10)

enum chan_stream { CHAN_DATA, CHAN_STDERR, CHAN_STREAMS };

struct chans;
struct chan;

/* What the edge is called with, only from within the events of the transport (stream.h); it may
 * call any function below but chans_free. No call comes for a channel after `refused`, `broken`,
 * chan_release, chan_abandon, chan_refuse, or a nonzero answer to `opened`. */
/* All but opened, readable and broken may be NULL: that does not come, or nobody cares. */
struct chans_ops {
    /* The peer opened a channel. 0: the edge calls chan_accept or chan_refuse, now or later. Else
     * an enum refusal, with *why for people. *o is valid during the call. */
    int (*opened)(void *ctx, struct chan *c, const struct open_request *o, const char **why);
    /* Our channel was accepted. Data may have been written before. */
    void (*accepted)(void *ctx, struct chan *c);
    /* Our channel was refused, and is gone after the call. text is for people, made harmless. */
    void (*refused)(void *ctx, struct chan *c, uint32_t code, const char *text);
    /* chan_peek, chan_ended or chan_over has something new. */
    void (*readable)(void *ctx, struct chan *c);
    /* chan_room was below CHAN_ROOM_LOW after a chan_write, and is not any more. */
    void (*writable)(void *ctx, struct chan *c);
    /* The peer reads no more of this stream of ours (a broken pipe there). */
    void (*stopped)(void *ctx, struct chan *c, enum chan_stream s);
    /* EXIT_STATUS, EXIT_SIGNAL, SIGNAL, SIZE or BREAK came; *m is valid during the call. */
    void (*request)(void *ctx, struct chan *c, const struct message *m);
    /* It did not end as it should: the peer gave up (enum stream_code), sent nonsense, or the whole
     * connection is over. The channel is gone after the call, with what was not consumed. */
    void (*broken)(void *ctx, struct chan *c, uint64_t code);
    /* A packet that the peer sent by chan_packet: whole, in no order, perhaps never; it may come
     * before `accepted`. Valid during the call. */
    void (*packet)(void *ctx, struct chan *c, const uint8_t *bytes, size_t len);
};

struct chans_config {
    const struct chans_ops *ops; /* outlives the object */
    void *ctx;
    const struct log *log; /* may be NULL */
    bool client;           /* for the log only: both sides may open */
};

struct chans *chans_new(const struct chans_config *c);
/* The edge hears `broken` of every channel that it knows; the peer hears nothing. NULL is fine. */
void chans_free(struct chans *s);

/* For the transport: its events (ctx is the struct chans), and the transport itself, which must be
 * told before the first stream and outlive the object or be replaced by {NULL, NULL}. */
extern const struct stream_events chans_events;
void chans_set_transport(struct chans *s, const struct stream_transport *t);

/* Channels that exist, those that only wait for the transport's last word included. */
size_t chans_count(const struct chans *s);
/* Channels that there ever were. */
uint32_t chans_opened(const struct chans *s);
/* The i-th of them (any order), NULL past the last; for lists and counters. */
struct chan *chans_at(struct chans *s, size_t i);

/* Let windows fall back: what of the peer's we have not used since the last call is given back;
 * ours is halved where its reader took less than a quarter. To be called with the time while the
 * peer is there, as often as you like: it looks every CHANS_AGE. */
void chans_age(struct chans *s, uint64_t now_us);
/* When it is to be called next; UINT64_MAX: no window is above its first size. */
uint64_t chans_age_due(const struct chans *s);
/* Bytes that the peer may make us hold, of all channels together:
 * at most chans_count * CHAN_WINDOW_FIRST + CHANS_GROWTH_MAX. */
size_t chans_promised(const struct chans *s);

/* Open a channel; it can be written at once. ERR_CAP: too many (here or for the peer); ERR_STATE:
 * no transport, or the connection is over; ERR_SYNTAX: the request does not fit its caps. */
int MUST_USE chan_open(struct chans *s, const struct open_request *o, void *owner,
                       struct chan **out);
void chan_accept(struct chan *c);
void chan_refuse(struct chan *c, enum refusal code, const char *text);

/* The edge's own pointer. */
void *chan_owner(const struct chan *c);
void chan_set_owner(struct chan *c, void *owner);
/* Unique in its struct chans. */
uint32_t chan_number(const struct chan *c);
enum open_kind chan_kind(const struct chan *c);
/* Those that it is one of: to open another one to the same peer. */
struct chans *chan_set(const struct chan *c);

/* Bytes that chan_write takes now, of both streams together. */
size_t chan_room(const struct chan *c);
/* Send; at most chan_room bytes are taken, how many is returned. */
size_t chan_write(struct chan *c, enum chan_stream s, const void *bytes, size_t len);
/* The same without a copy: where the next bytes can be put, *len of them at most (as chan_room, and
 * no more than CHAN_SPACE), and then how many were. NULL: no room. Nothing else is called for the
 * channel in between. So much fits into one row of datagrams (UDP_ROW): a little more would make a
 * second row, with a system call and a wake-up at each end. */
#define CHAN_SPACE 61440u
uint8_t *chan_space(struct chan *c, size_t *len);
void chan_commit(struct chan *c, enum chan_stream s, size_t len);
/* No more of any stream will be written (idempotent). */
void chan_eof(struct chan *c);
/* Send one of EXIT_STATUS, EXIT_SIGNAL, SIGNAL, SIZE, BREAK; passes by windows. At most
 * CHAN_REQUESTS_MAX bytes of them wait; more are dropped (ERR_CAP). */
#define CHAN_REQUESTS_MAX 65536
int MUST_USE chan_request(struct chan *c, const struct message *m);

/* Send bytes beside the stream, whole or not at all, without a window and never twice (UDP).
 * ERR_CAP: too long for a datagram on this path; ERR_STATE: not accepted yet, or it cannot be. */
int MUST_USE chan_packet(struct chan *c, const void *bytes, size_t len);

/* What came and was not consumed, oldest first; *len = 0: nothing now. Valid until the next call
 * that may change the channel. */
const uint8_t *chan_peek(const struct chan *c, enum chan_stream s, size_t *len);
/* The edge is done with that many bytes of it: the window opens. */
void chan_consume(struct chan *c, enum chan_stream s, size_t len);
/* The peer's EOF came: no more follows what chan_peek gives. */
bool chan_complete(const struct chan *c);
/* The peer's EOF came and everything of this stream was consumed. */
bool chan_ended(const struct chan *c, enum chan_stream s);
/* The peer has closed the channel and everything was consumed: release it. */
bool chan_over(const struct chan *c);
/* Nobody reads this stream any more: tell the peer, throw away what comes. */
void chan_stop(struct chan *c, enum chan_stream s);

/* Nothing more from us: EOF and the channel's end follow what was written, which the transport goes
 * on sending; what still comes is thrown away. The edge is done with it. */
void chan_release(struct chan *c);
/* Give up both directions at once; what was not sent is lost. The edge is done with it. */
void chan_abandon(struct chan *c, enum stream_code code);

/* Both ends count every byte: sums of DATA and STDERR bodies. */
struct chan_counters {
    uint64_t sent[CHAN_STREAMS];     /* taken from the edge */
    uint64_t received[CHAN_STREAMS]; /* from the transport, those of a stopped stream included */
    uint64_t consumed[CHAN_STREAMS];
    uint64_t acked;               /* stream bytes that the peer has, heads included */
    uint64_t unsent;              /* stream bytes not yet taken by the transport */
    uint64_t unacked;             /* those that the peer may not have yet, unsent ones included */
    size_t held;                  /* bytes of memory for data, both directions */
    uint32_t window, window_most; /* ours: its size now, and the largest that it had */
    uint32_t window_left;         /* of it: what the peer may send now */
    uint32_t may_send;            /* of the peer's window */
};
void chan_counters(const struct chan *c, struct chan_counters *out);
/* For people: "waiting" until it is answered, "open", "eof sent", "eof received", "eof both ways",
 * "closing". */
const char *chan_state_text(const struct chan *c);
/* "exec", "subsystem", ... */
const char *chan_kind_text(enum open_kind kind);

#endif
