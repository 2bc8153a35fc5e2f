/* The engine: bytes that a program printed become a screen. Pure: it is handed a width function and
 * gives back replies, events and snapshots. Every sequence it knows is in docs/SEQUENCES.md. */
#ifndef TERN_TERM_TERM_H
#define TERN_TERM_TERM_H

#include "base/buf.h"
#include "term/snapshot.h"

struct term;
struct history;

struct term_config {
    uint16_t cols, rows; /* 1..SCREEN_MAX; clamped */
    /* Columns of a code point >= 0x80: -1 not printable (dropped), 0 combining, 1 or 2. NULL:
     * term_width. */
    int (*width)(void *ctx, uint32_t cp);
    void *width_ctx;
    size_t history_bytes; /* most memory for lines that left the main screen; 0 = number them, keep
                             none */
    /* Replica: fed by a peer's diffs, never answers queries, rings no events, keeps no history. */
    bool replica;
};

/* Things that happened while bytes were written, in order, for the edge and for logs. */
enum term_event_kind {
    TERM_BELL,
    TERM_TITLE,         /* text: title */
    TERM_CLIP,          /* text: "selection;base64" as the program sent it */
    TERM_CLEAR_HISTORY, /* CSI 3 J */
};
struct term_events {
    void (*event)(void *ctx, enum term_event_kind kind, const uint8_t *text, size_t len);
    void *ctx;
};

struct term *term_new(const struct term_config *c);
void term_free(struct term *t);
void term_set_events(struct term *t, struct term_events e);

/* Feed program output. Never fails, never blocks; time is linear in len times a constant. */
void term_write(struct term *t, const void *bytes, size_t len);

/* Answers to queries (DA, DSR, ...) gathered since last taken, to be written to the pty: the caller
 * skips what it took. Capped at TERM_REPLY_MAX; answers that do not fit are dropped whole. */
#define TERM_REPLY_MAX 65536
struct buf *term_replies(struct term *t);

/* New size (clamped to 1..SCREEN_MAX). Engine rule: main screen: shrinking pushes lines above the
 * cursor into the history, growing pulls them back (as tmux does); alternate screen, and both
 * screens of a replica: top-left kept, cut or padded (mosh-protocol.md §9.1: scroll region reset,
 * wrap marks cleared, cursor clamped). */
void term_resize(struct term *t, uint16_t cols, uint16_t rows);

/* The present state; costs O(rows) pointer copies, and nothing when nothing changed since the last
 * one (the same snapshot, another reference). */
struct snapshot *term_snapshot(struct term *t);
/* Make the engine (a replica) stand exactly at s, parser at ground, writing state at its defaults
 * but for the pen. */
void term_load(struct term *t, const struct snapshot *s);

const struct modes *term_modes(const struct term *t);
const struct history *term_history(const struct term *t);

/* Width without a locale: libutf8proc-free table is not ours to keep, so this is: 1 for 0xA0..0xFF,
 * else by the built-in East Asian and combining ranges. cmd replaces it by wcwidth where a UTF-8
 * locale exists. */
int term_width(void *ctx, uint32_t cp);

#endif
