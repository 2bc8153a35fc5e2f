/* The streams of one connection: found by number, and in rows by class for those that have
 * something to send. Knows nothing of packets. */
#ifndef TERN_QUIC_TABLE_H
#define TERN_QUIC_TABLE_H

#include "base/list.h"
#include "chan/stream.h"

struct quic_stream {
    uint64_t id;
    void *user;               /* the channels' pointer */
    struct quic_stream *next; /* in its bucket */
    struct list ready;        /* in the row of its class, or alone */
    struct list todo;         /* in the row of those with `wants`, or alone */
    enum stream_class class;
    bool known;      /* the library has it: its number is in use */
    bool ended;      /* our end is on its way, or we gave up our direction */
    bool deaf;       /* nothing more is to be told of the peer's direction */
    bool blocked;    /* by the peer's guard window: waits for more */
    bool refused;    /* the user never took it: nothing of it is told */
    bool want_reset; /* tell the library at the next turn ... */
    bool want_stop;  /* ... */
    uint64_t reset_code, stop_code;
};

#define QUIC_BUCKETS 256

struct quic_table {
    struct quic_stream *buckets[QUIC_BUCKETS];
    struct list rows[STREAM_CLASSES];
    struct list todo;
    size_t count;
};

void quic_table_init(struct quic_table *t);
/* Frees the streams. */
void quic_table_fini(struct quic_table *t);
/* A new stream of class BULK; the number must be free. Owned by the table. */
struct quic_stream *quic_table_add(struct quic_table *t, uint64_t id);
struct quic_stream *quic_table_find(const struct quic_table *t, uint64_t id); /* or NULL */
void quic_table_remove(struct quic_table *t, struct quic_stream *s);          /* frees it */
/* Any stream, or NULL: for taking them all down. */
struct quic_stream *quic_table_any(const struct quic_table *t);

/* Put it at the end of the row of its class, unless it is in it. */
void quic_table_ready(struct quic_table *t, struct quic_stream *s);
void quic_table_unready(struct quic_stream *s);
/* The next to send, or NULL: most urgent class first, up to `last`. */
struct quic_stream *quic_table_next(const struct quic_table *t, enum stream_class last);
/* It had its turn: to the end of its row. */
void quic_table_rotate(struct quic_table *t, struct quic_stream *s);
void quic_table_class(struct quic_table *t, struct quic_stream *s, enum stream_class class);
/* Put it among those with something to be told to the library. */
void quic_table_todo(struct quic_table *t, struct quic_stream *s);

#endif
