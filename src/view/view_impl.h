/* Private to the view. */
#ifndef TERN_VIEW_VIEW_IMPL_H
#define TERN_VIEW_VIEW_IMPL_H

#include "view/feed.h"
#include "view/proof.h"
#include "view/settle.h"
#include "view/view.h"

/* Longest smcup or rmcup that is believed. */
#define SWITCH_MAX 128

enum { SCREEN_MAIN, SCREEN_ALT, SCREENS };

/* What the last frame that fitted left behind. */
struct view_kept {
    struct view_ledger ledger;
    uint16_t from;
    bool tail;
};

struct view {
    struct view_facts facts; /* its strings are owned here */
    char *smcup, *rmcup, *title_prefix;
    bool started;

    /* What the terminal was last told. */
    bool on_alt;
    struct row **told[SCREENS]; /* facts.rows entries, owned references; NULL: unknown */
    bool wraps;                 /* the rows told were soft-wrapped by autowrap */
    bool told_all;              /* else modes, pen and the like are to be told anew */
    bool at_known, row_known;
    uint16_t row, col;
    bool pending;
    bool pen_known;
    struct pen pen;
    bool cursor_visible;
    struct modes modes;
    struct colours *colours; /* a reference, or NULL */
    char *title, *icon;      /* as sent; NULL: never */
    uint64_t bells, clips;
    bool progress, pointer;      /* told, and to be taken back */
    uint8_t kitty_keys[SCREENS]; /* flags pushed on each screen, 0: none are */

    struct snapshot *last;             /* of the last frame */
    struct row **bar;                  /* the topmost rows while the bar shows */
    uint16_t bars, bar_cols, bar_most; /* how many; for which size they were made */
    char *bar_text;                    /* their text, or NULL */
    const struct overlay *guess;       /* of the next frame, or NULL */
    const struct row **want;           /* scratch: rows of the frame being made */
    struct row **own;                  /* and what is to be freed of them */
    struct feed feed;
    struct proof proof;
    uint64_t resized_us;
    bool fence_due; /* the next frame on the main screen ends in one */
    bool doubt;     /* a wider terminal may misunderstand the frame being made: see proof.h */
    bool covered;   /* row 0 of the main screen shows the bar or a guess; and the last frame that
                       took it away: see settle.h, `parted` */
    uint64_t uncovered;
    bool hidden;    /* there may be marks on the main screen that are not in `told` */
    unsigned joins; /* marks made since all was proven, and those that there were */
    struct asked asked;
    struct view_ledger ledger;
    struct view_kept kept;
    struct settle settle;
    uint16_t main_row_at; /* cursor's row on the main screen while the alternate shows */
    bool main_at_known;
    bool main_only; /* the program is gone: its alternate screen does not count */
};

/* A line of the bar (up to LF or NUL) as a row of that many columns. */
struct row *bar_row(const char *text, uint16_t cols, bool colours);
void bar_free(struct view *v);

/* How a frame is to be made. */
struct frame {
    const struct snapshot *s;
    const char *bar;
    const struct overlay *guess; /* NULL: none */
    bool farewell; /* the main screen, without title prefix, cursor below the last line */
};
int MUST_USE frame_put(struct view *v, const struct frame *f, struct buf *out);

/* Wrap marks on the main screen, and one if its first row is joined to the line above. */
unsigned view_marks(const struct view *v);

/* The row without its wrap mark, or with it; takes r over. */
struct row *row_with_mark(struct row *r, bool wrapped);

/* Take back what effects.c did that stays. */
void effects_undo(const struct view *v, struct buf *out);

/* Forget what stands on both screens. */
void view_forget_rows(struct view *v);

#endif
