/* Local echo: what the keys that were typed will have done, shown before the far side has shown it
 * (docs/adr/0021). Keys go in as they are typed, screens as they come; out comes an overlay for the
 * newest screen. Pure: bytes, snapshots and the time are arguments, and nothing here knows a link
 * or a terminal.
 *
 * The keys that the newest screen does not show yet are played on it as a line editor would do
 * them. When the next screen comes, it is compared with what was played after each key: so it is
 * known which keys it shows, and whether the far program does what was guessed. Guesses are shown
 * only while there is a reason to believe in them (trust.h). Nothing is ever shown for a pty that
 * is known not to echo. */
#ifndef TERN_PREDICT_PREDICT_H
#define TERN_PREDICT_PREDICT_H

#include "predict/keys.h"
#include "predict/trust.h"
#include "term/snapshot.h"

/* Keys kept that no screen has shown yet; more count as one that cannot be guessed. */
#define PREDICT_KEYS 512
/* As many bytes at once are a paste, of which nothing is guessed. */
#define PREDICT_PASTE 100
/* Rows that a guess may touch. */
#define PREDICT_ROWS 4

/* Frame of keys that are not on their way yet: only their offset tells when they were read. */
#define PREDICT_FRAME_UNKNOWN UINT64_MAX

enum predict_when {
    PREDICT_ADAPTIVE,    /* when the round trip is long, or answers are late */
    PREDICT_ALWAYS,      /* whatever the round trip */
    PREDICT_NEVER,       /* nothing is kept or done */
    PREDICT_EXPERIMENTAL /* always, and without waiting for a reason to believe */
};

/* What is known of the far pty; 0 = nothing (a stock peer). */
enum predict_tty { PREDICT_TTY_KNOWN = 1, PREDICT_TTY_ECHO = 2, PREDICT_TTY_CANONICAL = 4 };

/* What to show in place of parts of the newest screen. */
struct overlay {
    unsigned n;
    struct overlay_row {
        uint16_t at; /* ascending */
        const struct row *row;
    } rows[PREDICT_ROWS];
    uint16_t row, col; /* the cursor's place */
};

/* Counters, for tests and for ~#. */
struct predict_counts {
    uint64_t keys;   /* that were guessed and shown before a screen told */
    uint64_t right;  /* of those: confirmed */
    uint64_t wrong;  /* times that something shown was withdrawn */
    uint64_t hidden; /* guessed but not shown, for want of trust */
};

struct predict_config {
    enum predict_when when;
    bool overwrite; /* typed characters replace those under the cursor, until a program is seen to
                       insert them */
    int (*width)(void *ctx, uint32_t cp); /* as term_config.width; NULL: term_width */
    void *width_ctx;
};

struct predict;

struct predict *predict_new(const struct predict_config *c);
void predict_free(struct predict *p); /* NULL is fine */

/* Keys were typed: they travel in the input state `frame` (mosh-protocol.md §10: that sent last,
 * plus one), and end at byte `end` of the input (0 where offsets are not known). `frame` and `end`
 * never go back. */
void predict_keys(struct predict *p, const uint8_t *bytes, size_t len, uint64_t frame, uint64_t end,
                  uint64_t now_us);
/* Something was typed whose frame is not known, or the size changed: nothing of what is kept or
 * shown holds any more. `frame` as above: that in which what happened will be known. */
void predict_forget(struct predict *p, uint64_t frame, uint64_t end);
/* The newest screen (a reference is kept), the input state whose effect it shows for sure (§8), and
 * the offset of the input that the far program can have read when it was made: UINT64_MAX, not
 * known. */
void predict_screen(struct predict *p, const struct snapshot *s, uint64_t echo_ack,
                    uint64_t consumed, uint64_t now_us);
/* enum predict_tty. */
void predict_tty(struct predict *p, unsigned modes, uint64_t now_us);
/* The smoothed round trip; 0 = not known. */
void predict_rtt(struct predict *p, uint64_t srtt_us);

/* What to show over `s`: NULL when nothing, or when s is not the newest screen told. Borrowed until
 * the next call of anything here. */
const struct overlay *predict_overlay(struct predict *p, const struct snapshot *s, uint64_t now_us);
/* When predict_overlay may say something new by time alone; UINT64_MAX: never. */
uint64_t predict_deadline(const struct predict *p, uint64_t now_us);

struct predict_counts predict_counts(const struct predict *p);
size_t predict_memory(const struct predict *p); /* bytes held beside the newest screen */

#endif
