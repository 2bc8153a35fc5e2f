/* The engine: bytes that a program printed become a screen. Pure: it is handed a width function and
 * gives back replies, events and snapshots. Every sequence it knows is in docs/SEQUENCES.md. */
#ifndef TERN_TERM_TERM_H
#define TERN_TERM_TERM_H

#include "base/buf.h"
#include "term/facts.h"
#include "term/snapshot.h"
#include "term/width.h"

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

/* Things that happened while bytes were written, in order, for the edge and for logs. Text is UTF-8
 * without C0, DEL and C1, cut between characters where the cap is said to cut and else not told at
 * all. What is a state is none of them: modes, colours and links are in the snapshot, and so are
 * titles, which are told here for logs. */
enum term_event_kind {
    TERM_BELL,
    TERM_TITLE,         /* text: the new title, cut at TITLE_MAX; a pop from the stack too */
    TERM_ICON,          /* text: the new icon name, cut at TITLE_MAX */
    TERM_CLIP,          /* text: "targets;base64", at most TERM_CLIP_MAX. Targets are of
                           cpqs01234567 or none, base64 is not empty and all of its alphabet; a
                           question for the contents is never told */
    TERM_CLEAR_HISTORY, /* CSI 3 J */
    TERM_CWD,           /* OSC 7. text: the URI, "file://host/path"; at most TERM_CWD_MAX */
    TERM_NOTIFY,        /* OSC 9, 99, 777. text: the OSC with its number, "9;text",
                           "99;i=1:d=0;text", "777;notify;title;body"; at most TERM_NOTIFY_MAX */
    TERM_PROGRESS,      /* OSC 9;4. text: "state" or "state;percent", decimal, 0..4 and 0..100 */
    TERM_PROMPT,        /* OSC 133. text: "A", "D;0", "C;cmdline=..."; at most TERM_PROMPT_MAX. "A"
                           is in the cursor's row by now (row.mark); others have no other trace */
    TERM_POINTER,       /* OSC 22. text: a CSS or X cursor name of [a-z0-9_-], or ""; at most
                           TERM_POINTER_MAX */
    TERM_CLIP_ASK,      /* OSC 52 asks for the contents, and the facts allow it. text: targets */
};
#define TERM_CLIP_TARGETS 16
#define TERM_CLIP_DATA    1398104u /* 1 MiB, in base64 */
#define TERM_CLIP_MAX     (TERM_CLIP_DATA + TERM_CLIP_TARGETS + 1)
#define TERM_CWD_MAX      4096
#define TERM_NOTIFY_MAX   4096
#define TERM_PROMPT_MAX   256
#define TERM_POINTER_MAX  64
struct term_events {
    void (*event)(void *ctx, enum term_event_kind kind, const uint8_t *text, size_t len);
    void *ctx;
};

struct term *term_new(const struct term_config *c);
void term_free(struct term *t);
void term_set_events(struct term *t, struct term_events e);
/* Other facts than before; may append to term_replies (a program asked to be told of dark and
 * light, or of pixel sizes). */
void term_set_facts(struct term *t, const struct term_facts *f);
/* The facts are on their way: while this is on, a question that needs one waits, and so do all
 * answers after it. Off: they are given, with the facts that there are by then. */
void term_defer_answers(struct term *t, bool on);
/* A program asked that nothing be shown until it is done (?2026): 0 when none did, else a number
 * that no other such time has. For how long it is obeyed is the caller's: TERM_HOLD_US at most,
 * then it calls term_release, which ends the mode; so do a resize and a reset. */
#define TERM_HOLD_US 1000000u
uint64_t term_held(const struct term *t);
void term_release(struct term *t);

/* Feed program output. Never fails, never blocks; time is linear in len times a constant. */
void term_write(struct term *t, const void *bytes, size_t len);

/* Answers to queries (DA, DSR, ...) gathered since last taken, to be written to the pty: the caller
 * skips what it took. Capped at TERM_REPLY_MAX; answers that do not fit are dropped whole. */
#define TERM_REPLY_MAX 65536
struct buf *term_replies(struct term *t);

/* New size (clamped to 1..SCREEN_MAX). The main screen is laid out anew for its width: soft-wrapped
 * lines are joined and wrapped again, places stay on their characters, rows that are too many
 * become history and room is filled from there (numbers: history.h). Alternate screen, and both
 * screens of a replica: top-left kept, cut or padded, wrap marks cleared, pending wrap ended
 * (mosh-protocol.md §9.1). Both: scroll region reset, cursor clamped. Costs the cells of the
 * screen, and of at most two screenfuls of history. */
void term_resize(struct term *t, uint16_t cols, uint16_t rows);

/* The present state; costs O(rows) pointer copies, and nothing when nothing changed since the last
 * one (the same snapshot, another reference). */
struct snapshot *term_snapshot(struct term *t);
/* What may be shown: while term_held, what stood before, else the same. */
struct snapshot *term_snapshot_shown(struct term *t);
/* Make the engine (a replica) stand exactly at s, parser at ground, writing state at its defaults
 * but for the pen. */
void term_load(struct term *t, const struct snapshot *s);

/* A replica is told where the history of what it shows ends. */
void term_set_history_end(struct term *t, uint64_t end);

const struct modes *term_modes(const struct term *t);
/* Not const: reading it fills a cache. NULL in a replica. */
struct history *term_history(struct term *t);
/* What the links in its rows are, or NULL: there were none. Borrowed until the next write. */
const struct links *term_links(const struct term *t);

/* The user's terminal measures so (width.h). At any time; what stands on the screen stays as it was
 * laid out. No effect on a replica, whose peer tells widths. */
void term_set_width_profile(struct term *t, const struct width_profile *w);

#endif
