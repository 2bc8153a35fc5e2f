/* Where channels and their transport meet: the contract between src/chan and src/quic (design.md
 * §2.4). One ordered, lossless, two-way byte stream per channel; channels know nothing of packets,
 * the transport nothing of what the bytes mean. The tests have a transport in memory that keeps the
 * same contract. Nothing here knows the time.
 *
 * Rules of both sides:
 *  - events may come from within any entry of the transport that takes datagrams or the time, never
 *    from within a stream_ops call: so neither side is re-entered, and channels may call stream_ops
 *    from within events;
 *  - bytes given by `pull` are borrowed: they stay where they are, unchanged, until `acked` has
 *    covered them or `closed` came;
 *  - no event comes for a stream after its `closed`. */
#ifndef TERN_CHAN_STREAM_H
#define TERN_CHAN_STREAM_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Streams that the transport lets the peer have open at once; each closed one makes room for
 * another. Channels refuse earlier (CHANS_MAX). */
#define STREAMS_MAX 4096
/* Pieces in one pull. */
#define STREAM_VECS 8

struct stream_vec {
    const uint8_t *p;
    size_t len;
};

/* Who goes first when not everything can be sent: strict priority, taking turns inside a class. */
enum stream_class {
    STREAM_CONTROL, /* little and urgent */
    STREAM_SHELL,   /* somebody waits for it: X11, an agent */
    STREAM_BULK,    /* pipes, files, forwards */
    STREAM_CLASSES,
};

/* Codes of reset and stop; QUIC application error codes on the wire. */
enum stream_code {
    STREAM_DONE = 0,     /* nothing is wrong; the rest is of no use any more */
    STREAM_REFUSED = 1,  /* too many streams or channels */
    STREAM_SYNTAX = 2,   /* a malformed or impossible message */
    STREAM_WINDOW = 3,   /* more data than the window allowed, or another count of bytes */
    STREAM_INTERNAL = 4, /* the sender cannot go on (a descriptor, a process) */
    STREAM_LOST = 5,     /* never sent: the whole connection is over */
};

/* What channels provide. `user` is their pointer for the stream. All must be there. */
struct stream_events {
    /* The peer opened a stream; the channels' pointer for it, or NULL: the transport refuses it
     * with STREAM_REFUSED both ways and never mentions it again. */
    void *(*opened)(void *ctx, int64_t id);
    /* The next bytes of the peer, in order, each once; valid during the call. With fin its side
     * ends behind them; len may be 0 then. None come after fin, `reset` or our stop. */
    void (*data)(void *ctx, void *user, const uint8_t *bytes, size_t len, bool fin);
    /* Fill v with what is not yet taken, oldest first. Returns how many pieces; *fin: our side ends
     * behind them. 0 and no fin: nothing before the next wake. Without effect of its own: the same
     * pull again gives the same bytes, perhaps more. */
    size_t (*pull)(void *ctx, void *user, struct stream_vec v[static STREAM_VECS], bool *fin);
    /* The first len bytes of the last pull are on their way (what is lost is sent again by the
     * transport itself); with fin the end, too. */
    void (*taken)(void *ctx, void *user, size_t len, bool fin);
    /* The oldest len bytes not yet acknowledged have arrived: their memory may go. */
    void (*acked)(void *ctx, void *user, size_t len);
    /* The peer will send no more; what it sent last may be missing. */
    void (*reset)(void *ctx, void *user, uint64_t code);
    /* The peer reads no more; the transport has given up our side. */
    void (*stopped)(void *ctx, void *user, uint64_t code);
    /* Both sides are over and acknowledged, or reset: the last call for `user`. Also for every
     * stream when the connection fails. */
    void (*closed)(void *ctx, void *user);
    /* open may succeed again. */
    void (*more)(void *ctx);
    /* The connection is over, after `closed` of all streams; `why` is one line for the log. */
    void (*failed)(void *ctx, const char *why);
    /* A packet of the peer's beside the stream: whole, in no order, perhaps never. May be NULL. */
    void (*packet)(void *ctx, void *user, const uint8_t *bytes, size_t len);
};

/* What the transport provides. */
struct stream_ops {
    /* A new stream of ours, usable at once, also before the handshake is complete. 0 with its
     * number, ERR_CAP: the peer allows no more now, wait for `more`; ERR_STATE: the connection is
     * over. */
    int (*open)(void *t, void *user, int64_t *id);
    /* pull has something (bytes or the end). Cheap, may be repeated. */
    void (*wake)(void *t, int64_t id);
    /* STREAM_BULK at first. */
    void (*class_set)(void *t, int64_t id, enum stream_class c);
    /* len bytes that came were taken: the peer may send as many more on this stream. The
     * connection's own credit is the transport's affair. */
    void (*credit)(void *t, int64_t id, size_t len);
    /* We send no more; what is unsent is dropped. `closed` still comes. */
    void (*reset)(void *t, int64_t id, uint64_t code);
    /* We read no more. */
    void (*stop)(void *t, int64_t id, uint64_t code);
    /* Send a packet beside the stream, once and perhaps never (copied). ERR_CAP: longer than what
     * the path takes; ERR_STATE: the peer takes none, or not yet. May be NULL. */
    int (*packet)(void *t, int64_t id, const void *bytes, size_t len);
};

struct stream_transport {
    const struct stream_ops *ops;
    void *t;
};

#endif
