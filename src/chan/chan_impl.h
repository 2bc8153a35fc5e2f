/* Private to chans.c and chan.c: the objects behind chans.h. */
#ifndef TERN_CHAN_CHAN_IMPL_H
#define TERN_CHAN_CHAN_IMPL_H

#include "chan/chans.h"
#include "chan/outq.h"

struct chans {
    struct chans_config config;
    struct stream_transport transport;
    struct chan **list; /* owned pointers */
    size_t count, size;
    size_t grown;    /* sum of `promised` of all, <= CHANS_GROWTH_MAX */
    bool stale;      /* some window may have to fall back: chans_age is due at ... */
    uint64_t age_us; /* ... */
    uint32_t next_number;
};

enum chan_state {
    CHAN_FRESH,   /* opened by the peer; its OPEN has not come whole */
    CHAN_ASKED,   /* opened by the peer; the edge has not decided */
    CHAN_WAITING, /* opened by us; no answer yet */
    CHAN_OPEN,
    CHAN_SILENT, /* over for the edge; waits for the transport's last word */
};

struct chan {
    struct chans *set;
    void *owner;
    int64_t stream;
    uint32_t number;
    size_t index; /* in the set's list */
    enum open_kind kind;
    enum chan_state state;

    /* out */
    struct outq out;
    uint32_t may_send; /* of the peer's window */
    bool eof_put;      /* our EOF message is queued */
    bool fin_put;      /* our side ends behind the queue */
    bool fin_taken;
    bool broken;  /* our side was given up: nothing is pulled */
    bool starved; /* the edge was told that there is no room */
    uint64_t sent[CHAN_STREAMS];

    /* in: the message being read */
    uint8_t head[MESSAGE_HEAD];
    size_t head_len;  /* MESSAGE_HEAD: inside a body */
    size_t body_left; /* bytes of the body still to come */
    struct buf body;  /* of a message that is read as a whole */

    struct buf in[CHAN_STREAMS]; /* not yet consumed */
    bool stopped[CHAN_STREAMS];  /* what comes of it is thrown away */
    uint32_t window;             /* its size now */
    uint32_t window_left;        /* the peer may send so much more */
    uint32_t window_most;
    uint32_t promised;          /* memory that it may take beyond the first size of a window */
    uint64_t since_growth;      /* consumed */
    uint64_t aged_in, aged_out; /* consumed and sent when chans_age looked last */
    uint64_t received[CHAN_STREAMS], consumed[CHAN_STREAMS];
    bool eof_got, fin_got;
};

/* A new channel on a stream; NULL past CHANS_MAX. */
struct chan *chan_new(struct chans *s, enum chan_state state);
void chan_free(struct chan *c);
/* Break it off: what is left of both directions ends with the code, the edge hears `broken`. */
void chan_break(struct chan *c, enum stream_code code);
/* Bytes of the peer. */
void chan_feed(struct chan *c, const uint8_t *bytes, size_t len);
/* The peer's side has ended. */
void chan_feed_end(struct chan *c);
/* Queue a message for the peer. */
void chan_put(struct chan *c, const struct message *m);

/* window.c */
/* Bytes that came and were not consumed. */
size_t window_held(const struct chan *c);
/* Count anew what it may make us hold, in its set. */
void window_account(struct chan *c);
/* len bytes have left our memory: perhaps the peer may send more. */
void window_open(struct chan *c, size_t len);
/* The peer will not send len bytes that it might have sent. ERR_CAP: it might not. */
int MUST_USE window_back(struct chan *c, uint32_t len);

/* After the transport took bytes or the window grew: is there room again? */
void chan_check_room(struct chan *c);

#endif
