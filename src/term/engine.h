/* The engine's inside, shared by its files: term.c (life, snapshot, load), print.c (text),
 * control.c (C0, ESC, CSI), setmode.c (set and reset), sgr.c (rendition), osc*.c and dcs.c
 * (strings), keyboard.c, report.c (answers), resize.c.
 */
#ifndef TERN_TERM_ENGINE_H
#define TERN_TERM_ENGINE_H

#include "term/charset.h"
#include "term/grid.h"
#include "term/link.h"
#include "term/palette.h"
#include "term/parser.h"
#include "term/term.h"
#include "term/width_impl.h"

/* Where a combining character goes (mosh-protocol.md §9.4). */
enum combine {
    COMBINE_CURSOR, /* to the cursor's cell: the cursor has been moved since text was written */
    COMBINE_CELL,   /* to the cell last written */
    COMBINE_NONE    /* nowhere: a resize took that cell away */
};

/* What DECSC saves. */
struct saved {
    uint16_t row, col;
    bool pending;
    struct pen pen;
    bool origin, protect;
    uint8_t charset[4], gl;
};

/* Entries of the kitty keyboard protocol's stack, the bottom one included; of the stack of titles.
 * When one is full its oldest entry goes. */
#define KITTY_STACK_MAX 8
#define TITLE_STACK_MAX 16

struct kitty {
    uint8_t flags[KITTY_STACK_MAX]; /* KITTY_* */
    uint8_t top;
};
struct title {
    char *title, *icon;
};

/* XTPUSHSGR: entries kept; more are counted, so that their pops do nothing. */
#define PENS_MAX 10
struct pens {
    struct {
        struct pen pen;
        uint32_t what; /* bits as in pen_stack.c */
    } entry[PENS_MAX];
    uint32_t depth;
};

/* Modes that XTSAVE can keep. */
#define MODES_MAX 64

struct term {
    struct term_config config;
    struct term_events events;
    struct term_facts facts;
    struct parser parser;
    struct pool pool;
    struct grid main, alt; /* alt.row is NULL until the alternate screen is first used */
    struct grid *grid;     /* the one that shows */
    struct cursor cursor;
    struct writing w;
    struct modes modes;
    uint64_t modes_saved;  /* XTSAVE: a bit per row of the table of modes */
    struct saved saved[2]; /* of the main and of the alternate screen */
    /* The words that w.pen makes of a cell. */
    uint32_t fg_word, bg_word;
    bool pen_ext;       /* w.pen needs a struct cell_ext */
    uint32_t text_bits; /* CELL_PROTECTED, or 0: or-ed to the text of what is written */
    struct pens pens;
    enum combine combine;
    uint16_t combine_row, combine_col;
    uint32_t last_rune; /* what REP repeats, or 0 */
    struct width_profile profile;
    struct widths widths;
    struct cluster cluster; /* begun in the cell last written; ends with any control function */
    uint8_t single_shift;   /* 2 or 3: the next character is of G2 or G3 */
    uint64_t tabs[SCREEN_MAX / 64];
    char *title, *icon, *clip;
    struct title titles[TITLE_STACK_MAX];
    uint8_t titles_n;
    struct kitty kitty[2]; /* of the main and of the alternate screen; not a replica's */
    uint8_t level;         /* DECSCL: 61..64 */
    uint32_t scan;         /* term_may_scan: cells that may still be looked at */
    bool c1_8bit;          /* S8C1T: answers begin with C1 bytes */
    struct colours *colours;
    struct links *links;
    uint64_t bells, clips;
    struct history *history;     /* NULL in a replica */
    uint64_t loaded_history_end; /* of a replica: what term_load brought */
    struct buf replies;
    struct deferred *deferred; /* NULL unless answers may wait */
    struct snapshot *held;     /* what shows while modes.sync, or NULL */
    uint64_t holds;            /* how often that was set */
    struct snapshot *cached;   /* of the present state unless dirty; or NULL */
    bool dirty;
};

static inline uint16_t last_col(const struct term *t)
{
    return (uint16_t)(t->grid->cols - 1);
}
static inline uint16_t last_row(const struct term *t)
{
    return (uint16_t)(t->grid->rows - 1);
}
/* Are there left and right margins other than the screen's edges? */
static inline bool margins(const struct term *t)
{
    return t->w.left || t->w.right != last_col(t);
}
/* Is the cursor between them? */
static inline bool within_columns(const struct term *t)
{
    return t->cursor.col >= t->w.left && t->cursor.col <= t->w.right;
}
static inline bool within_margins(const struct term *t)
{
    return within_columns(t) && t->cursor.row >= t->w.top && t->cursor.row <= t->w.bottom;
}
/* The last column of the cursor's line, where text wraps: the right margin unless it is beyond. */
static inline uint16_t line_last(const struct term *t)
{
    return t->cursor.col > t->w.right ? last_col(t) : t->w.right;
}
static inline uint32_t erase_bg(const struct term *t)
{
    return t->w.pen.bg;
}
/* Explicit motion: ends a pending wrap, and combining characters go to where the cursor is. */
static inline void cursor_to(struct term *t, uint16_t row, uint16_t col)
{
    t->cursor = (struct cursor){.row = row, .col = col};
    t->combine = COMBINE_CURSOR;
}

/* Does text join as grapheme clusters? Else each code point takes its own width. */
static inline bool clustering(const struct term *t)
{
    return t->modes.graphemes && t->profile.graphemes && !t->config.replica;
}

/* print.c */
void print_ascii(struct term *t, const uint8_t *s, size_t n);
void print_runes(struct term *t, const uint32_t *rune, size_t n);
int print_width(struct term *t, uint32_t cp);
/* One printable character of one or two columns, wherever the cursor is and whatever the modes.
 * False: there is no room for it. */
bool print_rune(struct term *t, uint32_t cp, unsigned w);
void print_combining(struct term *t, uint32_t cp);
/* The cursor moves on: the cell at col of its row (w columns) was written. */
void print_advance(struct term *t, uint16_t col, unsigned w);
/* REP: the last character again, at most a line of it. */
void print_repeat(struct term *t, int32_t n);

/* cluster.c */
/* A code point while `clustering`. */
void cluster_print(struct term *t, uint32_t cp);
/* OSC 66 ; w=1|2 ; text of a native diff: one cell of that many columns. Only a replica obeys. */
void cluster_sized(struct term *t, const uint8_t *s, size_t len);

/* control.c */
void control_c0(struct term *t, uint32_t c);
void control_esc(struct term *t);
void control_csi(struct term *t);

/* move.c */
/* Down or up one line, scrolling at the region's edge; the column stays. */
void move_index(struct term *t);
void move_reverse_index(struct term *t);
void move_return(struct term *t);
void move_back(struct term *t, int32_t n); /* CUB, BS */
void move_to_tab(struct term *t);
void move_set_tab(struct term *t);
void move_clear_tabs(struct term *t);
void move_default_tabs(struct term *t); /* DECST8C */
void move_set_region(struct term *t);   /* DECSTBM */
void move_set_margins(struct term *t);  /* DECSLRM */
void move_full_margins(struct term *t);
bool move_csi(struct term *t, uint32_t final, int32_t n); /* false: another final */

/* shift.c */
void shift_up(struct term *t, unsigned n); /* SU; what leaves at the top of the screen is history */
void shift_down(struct term *t, unsigned n);
void shift_insert(struct term *t, unsigned n);             /* room for n columns at the cursor */
void shift_back_index(struct term *t);                     /* DECBI */
void shift_forward_index(struct term *t);                  /* DECFI */
bool shift_csi(struct term *t, uint32_t final, int32_t n); /* false: another final */
bool shift_columns(struct term *t, uint8_t i, uint32_t final); /* DECIC, DECDC, SL, SR */

/* erase.c */
void erase_display(struct term *t, bool selective);
void erase_line(struct term *t, bool selective);
void erase_chars(struct term *t, unsigned n);
/* Columns [from, to) of a row; protected cells stay if told. */
void erase_cells(struct term *t, uint16_t row, uint16_t from, uint16_t to, bool spare);
void erase_protect(struct term *t, bool on, enum protection by);

/* pen_stack.c */
void pens_push(struct term *t);
void pens_pop(struct term *t);

/* term.c. May a control look at that many cells? A byte earns a row's and a column's worth, so that
 * whole screens may be looked at often, but not with every few bytes of a flood. */
bool term_may_scan(struct term *t, uint32_t cells);
/* ?2026 */
void term_hold(struct term *t, bool on);

/* setmode.c */
void modes_default(struct modes *m);
void modes_set(struct term *t, bool on); /* CSI .. h / l, private or not */
/* What DECRQM answers: 0 not known, 1 set, 2 reset, 3 always set, 4 always reset. */
int mode_report(struct term *t, int32_t number, bool private);
/* The answer depends on a fact that is not there. */
bool mode_needs_fact(const struct term *t, int32_t number);
void modes_save(struct term *t, bool restore); /* XTSAVE, XTRESTORE */
void mode_save_cursor(struct term *t);
void mode_restore_cursor(struct term *t);
void mode_home(struct term *t); /* to the origin */
void mode_hard_reset(struct term *t);
void mode_soft_reset(struct term *t);
/* All of `writing` and what goes with it at its defaults, but for the pen. */
void writing_default(struct term *t);
void tabs_default(struct term *t, uint16_t from);
void saved_default(struct saved *s);
/* Show the main or the alternate screen; nothing is cleared. */
void screen_switch(struct term *t, bool alt);

/* sgr.c */
void pen_changed(struct term *t); /* recompute what is derived from w.pen */
void sgr_apply(struct term *t);   /* CSI .. m */

/* keyboard.c */
void keyboard_kitty(struct term *t, uint8_t inter);  /* CSI inter .. u */
void keyboard_other(struct term *t, uint32_t final); /* CSI > .. m f n */
void keyboard_report_other(struct term *t);          /* CSI ? .. m */
void keyboard_answer_kitty(struct term *t);
void keyboard_answer_other(struct term *t);
void keyboard_show(struct term *t); /* another screen shows */
void keyboard_default(struct term *t);

/* osc.c, osc_colour.c, dcs.c */
void osc_apply(struct term *t);
/* False: not a number that is about colours. */
void osc_colour_answer(struct term *t, unsigned number, int index);
bool osc_colours(struct term *t, unsigned number, const uint8_t *s, size_t len);
void dcs_apply(struct term *t);
void title_push(struct term *t);
void title_pop(struct term *t, bool icon, bool title);
void titles_fini(struct term *t);

#endif
