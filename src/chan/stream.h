/* Where channels and their transport meet: the contract between src/chan and src/quic (design.md
 * §2.4). One ordered, lossless, two-way byte stream per channel; chan/ knows nothing of packets,
 * the transport nothing of what the bytes mean. The same contract is kept by an in-memory transport
 * in the tests. Nothing here makes a system call or knows the time.
 *
 * Rules of both sides:
 *  - a call into `struct stream_user` may come from within any entry of the transport that takes
 *    datagrams or the time, but never from within a call of `struct stream_transport`: so neither
 *    side is re-entered, and user code may call the transport from within its callbacks;
 *  - bytes given by `pull` are borrowed: they stay where they are, unchanged, until `acked` has
 *    covered them or `closed` came;
 *  - a stream's number means nothing between `closed` and the next `opened` or open() with it. */
#ifndef TERN_CHAN_STREAM_H
#define TERN_CHAN_STREAM_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the transport must offer the peer at the start: streams open at once (more are granted as
 * old ones close), and bytes of each stream beyond what `credit` gave back. The channels' own
 * windows are below that, so a stream that fills it belongs to a peer that breaks its window. */
#define STREAMS_MAX   4096
#define STREAM_CREDIT (20u << 20)

/* Who goes first when not everything can be sent. Streams of one class take turns. */
enum stream_class {
    STREAM_CONTROL,     /* little and urgent */
    STREAM_INTERACTIVE, /* somebody waits for it: a shell, X11, an agent */
    STREAM_BULK,        /* pipes, files, forwards */
    STREAM_CLASSES,
};

/* Codes of reset() and stop(); QUIC application error codes on the wire. */
enum stream_code {
    STREAM_CODE_DONE = 0,     /* nothing is wrong; the rest is of no use any more */
    STREAM_CODE_SYNTAX = 1,   /* a malformed or impossible message */
    STREAM_CODE_WINDOW = 2,   /* more data than the window allowed, or another count of bytes */
    STREAM_CODE_LIMIT = 3,    /* too many channels */
    STREAM_CODE_INTERNAL = 4, /* our own end can not go on (a descriptor, a process) */
};

/* A piece of borrowed bytes. */
struct stream_bytes {
    const uint8_t *data;
    size_t len;
};
#define STREAM_PIECES 16 /* at most so many in one pull */

/* What channels ask of the transport. None of these calls back at once. */
struct stream_transport {
    /* A new stream of ours, usable at once, also before the handshake is complete. 0 with its
     * number, or ERR_LIMIT: the peer allows no more now; try again after `may_open`. */
    int (*open)(void *ctx, enum stream_class class, uint64_t *id);
    /* The stream has bytes (or its end) to send: pull when there is room. Idempotent, cheap. */
    void (*wake)(void *ctx, uint64_t id);
    void (*set_class)(void *ctx, uint64_t id, enum stream_class class);
    /* The peer may send that many more bytes on this stream: they were taken from `received`. */
    void (*credit)(void *ctx, uint64_t id, size_t len);
    /* Give up our direction (RESET_STREAM): nothing more is pulled, what was not acknowledged may
     * be lost. `closed` still comes. */
    void (*reset)(void *ctx, uint64_t id, uint64_t code);
    /* Ask the peer to give up its direction (STOP_SENDING); what still comes is thrown away. */
    void (*stop)(void *ctx, uint64_t id, uint64_t code);
    void *ctx;
};

/* What the transport tells channels. */
struct stream_user {
    /* The peer opened a stream. 0, or an error: the transport refuses it with STREAM_CODE_LIMIT
     * both ways and never mentions the number again. */
    int (*opened)(void *ctx, uint64_t id);
    /* Fill pieces with what is to be sent next and was not yet sent, oldest first; at most max of
     * them, max <= STREAM_PIECES. Returns how many; *fin: our direction ends behind them (with 0
     * pieces: at once). 0 and no fin: nothing; do not ask again before wake(). Must have no effect
     * of its own: the same pull again gives the same bytes, perhaps more. */
    size_t (*pull)(void *ctx, uint64_t id, struct stream_bytes *pieces, size_t max, bool *fin);
    /* The first len bytes of the last pull are on their way (the transport sends them again by
     * itself when lost); with fin the end, too. */
    void (*sent)(void *ctx, uint64_t id, size_t len, bool fin);
    /* The peer has the oldest len bytes not yet acknowledged: they may be freed. */
    void (*acked)(void *ctx, uint64_t id, size_t len);
    /* The next bytes of the peer, in order, each once; with fin its direction ends behind them. len
     * may be 0 with fin. Not called after fin, `was_reset` or our stop(). */
    void (*received)(void *ctx, uint64_t id, const uint8_t *bytes, size_t len, bool fin);
    /* The peer gave up its direction. */
    void (*was_reset)(void *ctx, uint64_t id, uint64_t code);
    /* The peer wants nothing more of ours; the transport has given up our direction. */
    void (*was_stopped)(void *ctx, uint64_t id, uint64_t code);
    /* Both directions are over and acknowledged: the last call for this number. Also comes for
     * every open stream when the connection is over, cleanly or not. */
    void (*closed)(void *ctx, uint64_t id);
    /* open() may succeed again. */
    void (*may_open)(void *ctx);
    void *ctx;
};

#endif
