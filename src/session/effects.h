/* Side effects of what a program printed (bell, clipboard, notifications, working directory, ...):
 * numbered in their session, each told once to every attachment that is there, and to the next one
 * if nobody was there to see it. Not for stock clients, whose screen carries bell and clipboard.
 *
 * What waits is bounded: newer ones take the place of older ones of which only the newest counts
 * (clipboard of the same targets, directory, progress, pointer); bells add up; of notifications the
 * newest stay. */
#ifndef TERN_SESSION_EFFECTS_H
#define TERN_SESSION_EFFECTS_H

#include "session/events.h"
#include "session/lane.h"

/* Most that wait, and of them notifications. */
#define EFFECTS_MAX    64
#define EFFECTS_NOTIFY 32
/* Bytes of text that wait; past it the oldest go. Two clipboards of the largest size fit. */
#define EFFECTS_BYTES (4u << 20)
/* Longest text of one, a clipboard of 1 MiB in base64 with its targets. */
#define EFFECT_TEXT_MAX 1400000
/* Bytes of effects on their way to one client: on an idle path; where they would queue. */
#define EFFECTS_FLIGHT      49152
#define EFFECTS_FLIGHT_SLOW 4096
/* A path whose round trip is that much over its floor queues. */
#define EFFECTS_QUEUE_US 25000u
/* Records on their way. */
#define EFFECTS_RECORDS 32

struct effect {
    uint64_t number; /* from 1, rising */
    uint32_t kind;   /* enum event_kind */
    uint64_t value;  /* EVENT_BELL: how many */
    size_t len;
    uint8_t *text; /* owned */
};

struct effects {
    struct effect item[EFFECTS_MAX]; /* ascending */
    size_t count, bytes;
    uint64_t last;  /* number given last, 0 = none */
    uint64_t shown; /* up to here some client has confirmed */
};

/* How far one attachment is. */
struct effects_reader {
    uint64_t number; /* of the effect begun last, 0 = none */
    size_t at;       /* bytes of its text that are told */
    bool whole;      /* it is told */
    /* Effects that ended in the log at that offset, to be acknowledged. */
    struct {
        uint64_t end, number;
    } flight[EFFECTS_RECORDS];
    size_t flying;
};

void effects_init(struct effects *f);
void effects_fini(struct effects *f);
/* One more. A text longer than EFFECT_TEXT_MAX is dropped. */
void effects_add(struct effects *f, uint32_t kind, uint64_t value, const void *text, size_t len);
/* A new attachment: it is told what nobody was shown, but asked nothing. */
void effects_join(struct effects *f, struct effects_reader *r);
/* Hand on what the lane may take now; notes what has arrived. Nothing while the link is quiet:
 * then newer effects still can take the place of older ones. */
void effects_pump(struct effects *f, struct effects_reader *r, struct lane *l, uint64_t now_us);
/* Hand on all of it, whatever the path: the session ends. */
void effects_finish(struct effects *f, struct effects_reader *r, struct lane *l);
/* Up to which number this attachment needs nothing any more. */
uint64_t effects_passed(const struct effects_reader *r);
/* Forget what was shown, as far as every attachment has passed it. */
void effects_forget(struct effects *f, uint64_t passed);
size_t effects_memory(const struct effects *f);

#endif
