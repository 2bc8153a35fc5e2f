/* What the user's terminal is asked, and its answers among the user's keys. The questions end with
 * one that every terminal answers (DA1): its answer is the fence. Until it has come, also long
 * after the caller stopped waiting for it, whatever looks like an answer is taken out of the input;
 * all else is the user's and goes on. Pure; memory is bounded by QUESTIONS_HELD. */
#ifndef TERN_VIEW_QUESTIONS_H
#define TERN_VIEW_QUESTIONS_H

#include "base/buf.h"

/* How long a session waits for the fence before it goes on with what is known. */
#define QUESTIONS_WAIT_US 500000u
/* How long a lone ESC is kept that may begin an answer: then it was the key. Only while answers are
 * awaited. */
#define QUESTIONS_ESC_US 50000u
/* A longer unfinished answer that does not go on within this is garbage, and dropped. */
#define QUESTIONS_STALL_US 1000000u
/* Most bytes of one answer that are understood; longer ones are taken out without a look. */
#define QUESTIONS_HELD 512
/* Most bytes of a string that are taken out without its end: then it was none. */
#define QUESTIONS_STRING_MAX 65536

struct answer_colour {
    bool known;
    uint8_t r, g, b;
};

/* DECRQM's answers. */
enum answer_mode { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_CAN, ANSWER_FIXED_ON };

/* A string whose width terminals dispute. */
enum { WIDTH_AMBIGUOUS, WIDTH_VS16, WIDTH_ZWJ, WIDTH_STRINGS };

struct answers {
    bool fence;       /* the last question was answered */
    bool sixel;       /* DA1 has 4 */
    char version[64]; /* XTVERSION, printable ASCII; "" = not told */
    struct answer_colour fg, bg, cursor, palette[16];
    bool reports;      /* cursor reports are answered */
    bool kitty;        /* the kitty keyboard protocol is spoken */
    bool modify_other; /* modifyOtherKeys is */
    enum answer_mode sync, graphemes, scheme_reports, mouse_pixels; /* 2026, 2027, 2031, 1016 */
    uint8_t scheme;               /* 0 not told, 1 dark, 2 light */
    uint16_t cell_w, cell_h;      /* pixels of a cell; 0 = not told */
    uint16_t area_w, area_h;      /* pixels of the text area; 0 = not told */
    uint8_t width[WIDTH_STRINGS]; /* columns of each string; 0 = not told */
};

/* Most answers to fences that are kept until they are asked for. */
#define QUESTIONS_REPORTS 8

struct questions {
    struct answers answers;
    uint8_t asked;     /* fences awaited */
    bool waited;       /* long enough */
    bool changed;      /* answers changed since questions_changed() */
    uint8_t cpr;       /* cursor reports to come */
    unsigned fences;   /* and behind these, of fences */
    uint64_t fence_us; /* when the last one was asked */
    uint8_t report_n;
    uint16_t report[QUESTIONS_REPORTS][2]; /* answers to them: rows, columns */
    uint8_t state;
    bool paste;             /* inside a bracketed paste: nothing in it is an answer */
    size_t string;          /* bytes of the string so far */
    uint64_t clip_until_us; /* the clipboard was asked for: its answer may come; 0: not */
    bool clip_whole;        /* it has come, and is in clip */
    struct buf clip;        /* "selection;base64" */
    uint64_t since_us, asked_us;
    size_t held_n;
    uint8_t held[QUESTIONS_HELD];
};

void questions_init(struct questions *q);
void questions_fini(struct questions *q);
/* Append the questions; the cursor stands in column 0 of a free line, and does so behind them.
 * `strings`: the terminal surely skips OSC and CSI that it does not know, so it may be asked for
 * more than who it is. The answers come through questions_feed. */
void questions_put(struct questions *q, bool strings, uint64_t now_us, struct buf *out);
/* Append questions for the colours again: the terminal told that its scheme changed. Nothing while
 * QUESTIONS_ROUNDS of them are unanswered. */
#define QUESTIONS_ROUNDS 4
void questions_colours_put(struct questions *q, uint64_t now_us, struct buf *out);

/* The terminal was asked for its clipboard (OSC 52). Its answer is taken out of the input if it
 * comes within QUESTIONS_CLIP_US and is no longer than QUESTIONS_CLIP_MAX. */
#define QUESTIONS_CLIP_US  10000000u /* somebody may have to confirm it */
#define QUESTIONS_CLIP_MAX 1000000u
void questions_clip_asked(struct questions *q, uint64_t now_us);
/* "selection;base64", once: until the next call; NULL: nothing has come. */
const struct buf *questions_clip(struct questions *q);

/* The terminal was asked for the place of its cursor, which stands in the last cell (the view's
 * fence). Its answer is taken out of the input however late it comes. In row 1 it is not told from
 * a function key (`CSI 1;2 R`): screens of one row must not be asked. */
void questions_fence_asked(struct questions *q, uint64_t now_us);
/* The next answer to one; false: none. */
bool questions_fence(struct questions *q, uint16_t *cols, uint16_t *rows);

/* Input of the terminal: answers are taken out, the user's keys are appended to keys, in order. */
void questions_feed(struct questions *q, const void *bytes, size_t len, uint64_t now_us,
                    struct buf *keys);
/* Time went on: what was held too long is given up. */
void questions_tick(struct questions *q, uint64_t now_us, struct buf *keys);
/* When questions_tick or questions_due may have something new; UINT64_MAX: never by time. */
uint64_t questions_deadline(const struct questions *q);
/* The answers are as complete as one waits for: the fence came, or the time is over. */
bool questions_due(const struct questions *q, uint64_t now_us);
/* Something changed since the last call. */
bool questions_changed(struct questions *q);

#endif
