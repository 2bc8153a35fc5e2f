/* Append-only logs (design.md §2.2): byte streams that are never re-ordered, acknowledged by
 * ranges, re-sent until they arrive, and that give way to everything else. tern.proto has the
 * fields. Records within a log are session's business. */
#ifndef TERN_SYNC_LOGS_H
#define TERN_SYNC_LOGS_H

#include "base/buf.h"
#include "sync/instruction.h"
#include "sync/sync.h"

/* ---- the writing end ---- */

/* What a reader takes before it told a limit. */
#define LOG_FIRST_LIMIT 65536
/* Pieces in flight at once, over all logs. */
#define LOG_FLIGHT_MAX 256

struct log_piece {
    uint32_t id;
    uint64_t start, end;
    uint64_t time_us; /* last sent */
    unsigned tries;
    bool lost; /* to be sent again */
};

struct log_writer {
    struct buf bytes; /* from `acked` on */
    uint64_t acked;   /* all before it has arrived */
    uint64_t next;    /* first byte never sent */
    uint64_t limit;   /* the reader takes bytes below it */
};

struct log_writers {
    struct log_writer log[SYNC_LOGS];
    struct log_piece flight[LOG_FLIGHT_MAX]; /* in order of start within each log */
    size_t n;
    size_t flying;    /* bytes in pieces of bulk logs that are not lost */
    double window;    /* bytes of bulk in flight allowed */
    uint64_t cut_us;  /* when the window was last cut */
    uint64_t news_us; /* newest send time among acknowledged pieces */
};

void log_writers_init(struct log_writers *w);
void log_writers_fini(struct log_writers *w);
size_t log_writers_memory(const struct log_writers *w);

int MUST_USE log_write(struct log_writers *w, unsigned id, const void *bytes, size_t len);

/* True if the peer lacks bytes of the event log (id 0) or, `any`, of some log. */
bool log_writers_owe(const struct log_writers *w, bool any);

/* When a piece may leave: now, at a time-out, or never. `bulk`: of the bulk logs, else of the event
 * log (which neither window nor bulk room holds back). piece: bytes of log data that surely fit a
 * datagram. */
uint64_t log_writers_due(const struct log_writers *w, bool bulk, size_t piece, uint64_t now_us,
                         const struct sync_link *facts);
/* The piece that is due: 1 with *out borrowing from the log, or 0. A new one is `want` bytes at
 * most, one that was lost is as it was. Call log_writers_sent with it, or with a shorter one. */
int log_writers_next(struct log_writers *w, bool bulk, size_t want, size_t piece, uint64_t now_us,
                     const struct sync_link *facts, struct log_data *out);
void log_writers_sent(struct log_writers *w, const struct log_data *d, uint64_t now_us);
/* The peer's word: true if it was news. Impossible ones are ignored. */
bool log_writers_ack(struct log_writers *w, const struct log_ack *a, size_t mtu, uint64_t now_us,
                     const struct sync_link *facts);
/* Everything in flight is to be sent again at once: the link was away. */
void log_writers_retry(struct log_writers *w);

/* ---- the reading end ---- */

#define LOG_CHUNKS_MAX 32 /* separate stretches held beyond a gap */

struct log_chunk {
    uint64_t start;
    size_t len;
    uint8_t *bytes; /* owned */
};

struct log_reader {
    struct buf ready;                       /* in order, unread */
    uint64_t next;                          /* first byte not received in order */
    struct log_chunk chunk[LOG_CHUNKS_MAX]; /* ascending, neither touching nor overlapping */
    size_t chunks;
    uint64_t told; /* the limit last told to the peer */
    bool ack;      /* an acknowledgement is owed */
};

void log_reader_init(struct log_reader *r);
void log_reader_fini(struct log_reader *r);
size_t log_reader_memory(const struct log_reader *r);
/* Take a piece: true if there is more to read now. What lies beyond the limit is dropped. */
bool log_reader_take(struct log_reader *r, const struct log_data *d);
/* Bytes below this may be sent. */
uint64_t log_reader_limit(const struct log_reader *r);
/* Take n bytes off the ready ones; asks for an acknowledgement when the window opens notably. */
void log_reader_skip(struct log_reader *r, size_t n);
/* Fill the acknowledgement; r->ack is cleared. */
void log_reader_ack(struct log_reader *r, uint32_t id, struct log_ack *out);

#endif
