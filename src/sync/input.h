/* UserStream (mosh-protocol.md §8): keys and resizes in order. Both ends keep the events in a queue
 * of bytes with resizes between them; a state is a position in it. */
#ifndef TERN_SYNC_INPUT_H
#define TERN_SYNC_INPUT_H

#include "sync/state.h"

/* A position in the stream: `events` counts bytes and resizes, `bytes` only bytes. */
struct input_mark {
    uint32_t refs;
    uint64_t events, bytes;
};

/* A resize, or a run of adjacent ones as far as the reader is concerned. */
struct input_resize {
    uint64_t at;    /* number of its event; events at .. at+count-1 are resizes */
    uint64_t bytes; /* bytes before it */
    uint32_t count;
    uint16_t cols, rows; /* of the last of the run */
};

/* Most runs of resizes held at once; an honest peer's are consumed at once. */
#define INPUT_RESIZES_MAX 4096

struct input_queue {
    struct buf bytes;          /* from `base` on */
    struct input_mark base;    /* everything before it is forgotten */
    struct input_mark end;     /* behind the last event */
    struct input_resize *runs; /* ascending; with at >= base.events */
    size_t n, size;
    bool merge; /* adjacent resizes become one run (receiving side) */
};

void input_init(struct input_queue *q, size_t cap, bool merge);
void input_fini(struct input_queue *q);
size_t input_memory(const struct input_queue *q);

/* Append: bytes: how many were taken (the cap may cut); resize: 0 or ERR_CAP. */
size_t input_append(struct input_queue *q, const void *bytes, size_t len);
int MUST_USE input_append_resize(struct input_queue *q, uint16_t cols, uint16_t rows);
/* Forget what lies before m. */
void input_forget(struct input_queue *q, const struct input_mark *m);
/* A new state at the queue's end: a reference. */
struct input_mark *input_mark_end(const struct input_queue *q);

/* States of the sending side, a queue without merge. ctx of the ops = the queue. */
struct state_ops input_state_ops(struct input_queue *q);
/* States of the receiving side: apply appends what the queue does not have yet. */
struct replica_ops input_replica_ops(struct input_queue *q);

/* The next item behind the queue's base: 1 with *resize, or *bytes and *len; 0 when none. Not taken
 * off: that is input_take. */
int input_peek(const struct input_queue *q, const struct input_resize **resize,
               const uint8_t **bytes, size_t *len);
/* Take the peeked item off. */
void input_take(struct input_queue *q);

#endif
