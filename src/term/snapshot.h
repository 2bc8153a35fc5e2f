/* The state of a screen at one moment: what state synchronisation sends, compares and keeps. A
 * value: rows are shared, everything else is copied. Immutable once taken. */
#ifndef TERN_TERM_SNAPSHOT_H
#define TERN_TERM_SNAPSHOT_H

#include "term/row.h"

/* A screen is 1..SCREEN_MAX columns and rows. */
#define SCREEN_MAX 4096
/* Bytes kept of a title, without the OSC number (mosh-protocol.md §9.3: 256 with it). */
#define TITLE_MAX 1024
/* Bytes kept of a clipboard write's "selection ; base64" text towards stock peers. */
#define CLIP_MAX 16384

enum mouse_report {
    MOUSE_OFF = 0,
    MOUSE_X10 = 9,
    MOUSE_VT200 = 1000,
    MOUSE_HILITE = 1001,
    MOUSE_DRAG = 1002,
    MOUSE_ANY = 1003
};
enum mouse_coding {
    MOUSE_PLAIN = 0,
    MOUSE_UTF8 = 1005,
    MOUSE_SGR = 1006,
    MOUSE_URXVT = 1015,
    MOUSE_PIXELS = 1016 /* as 1006, in pixels */
};

/* Bits of the kitty keyboard protocol. */
enum {
    KITTY_DISAMBIGUATE = 1,
    KITTY_EVENTS = 2,
    KITTY_ALTERNATES = 4,
    KITTY_ALL_KEYS = 8,
    KITTY_TEXT = 16,
    KITTY_FLAGS = 31
};

struct cursor {
    uint16_t row, col; /* 0-based, col < cols always */
    bool pending;      /* wrap pending: stands past the last column (or the right margin) */
};

/* What a terminal must be told besides cells. STOCK diffs carry what mosh-protocol.md §9.2 lists;
 * "native" fields go in NATIVE diffs only and are told to the user's terminal if it understands
 * them. Those "not sent" are the engine's and the server's own business. */
struct modes {
    bool cursor_visible;   /* ?25, default true */
    uint8_t cursor_shape;  /* DECSCUSR 0..6; native */
    bool cursor_blink;     /* ?12; native. DECSCUSR sets it too (odd shapes blink) */
    bool reverse;          /* ?5 */
    bool app_cursor;       /* ?1; not sent: the server translates (mosh-protocol.md §8) */
    bool app_keypad;       /* ESC = / ESC >, ?66; native */
    bool bracketed_paste;  /* ?2004 */
    bool focus;            /* ?1004 */
    bool alt_scroll;       /* ?1007; native */
    bool urgent_bell;      /* ?1042: a bell asks for attention; native */
    bool graphemes;        /* ?2027: clusters are one character; native, told before any cell */
    bool scheme_reports;   /* ?2031: a change of dark and light is reported. Native, so that the
                              client asks its terminal for it; the engine makes the reports */
    bool resize_reports;   /* ?2048; not sent: the engine makes the reports */
    bool sync;             /* ?2026; not sent: the server sends no frame (term_held) */
    uint8_t other_keys;    /* modifyOtherKeys 0..2; native */
    uint8_t other_format;  /* formatOtherKeys 0, 1; native */
    uint8_t kitty_keys;    /* KITTY_*: in force on the showing screen; native. A replica has just
                              this value, the stacks are the engine's */
    uint16_t mouse;        /* enum mouse_report */
    uint16_t mouse_coding; /* enum mouse_coding; MOUSE_PIXELS is MOUSE_SGR to a stock peer's
                              terminal, which is never told to have it (term_facts) */
};

/* State that only matters to the program's next bytes: part of the engine's value, not of the
 * picture. */
struct writing {
    struct pen pen;
    bool origin, autowrap, insert, newline;
    bool reverse_wrap;     /* ?45 */
    bool reverse_wrap_ext; /* ?1045 */
    bool lrmm;             /* ?69: left and right margins may be set */
    bool allow_columns;    /* ?40: DECCOLM is obeyed */
    bool columns_132;      /* ?3, which does not change the size */
    bool keep_on_columns;  /* ?95: DECCOLM does not clear */
    bool national;         /* ?42: national replacement character sets may be designated */
    bool rect_exact;       /* DECSACE 2: attributes change in the rectangle, not along the lines */
    bool protect;          /* what is written is protected (DECSCA, SPA) */
    uint8_t protection;    /* enum protection: which erasing spares protected cells */
    uint16_t top, bottom;  /* scroll region, 0-based, inclusive */
    uint16_t left, right;  /* the same of columns; the whole line unless lrmm */
    uint8_t charset[4];    /* enum charset */
    uint8_t gl;            /* which of G0..G3 */
};

enum protection {
    PROTECTION_OFF,
    PROTECTION_ISO, /* SPA was the last word: ED, EL, ECH spare protected cells */
    PROTECTION_DEC  /* DECSCA was: only the selective forms do */
};

struct colours;
struct links;

struct colours;
struct links;

struct snapshot {
    uint32_t refs;
    uint16_t cols, rows;
    bool alt;              /* the alternate screen shows */
    struct row **main_row; /* rows pointers, owned references; never NULL */
    struct row **alt_row;  /* rows pointers; NULL = blank and never used since reset */
    struct cursor cursor;
    struct modes modes;
    struct pen pen; /* current rendition: its background colours what is erased next; no link */
    struct colours *colours; /* what a program changed of them (palette.h): a reference, or NULL */
    struct links *links;     /* what the links in rows are (link.h): a reference, or NULL. The table
                                is the engine's own and may forget links after this was taken */
    char *title, *icon;      /* NULL = never set; NUL-terminated UTF-8 without controls */
    char *clip;              /* the last OSC 52 text "c;base64" for stock peers, or NULL */
    uint64_t bells;          /* bell counter since start, never decreasing */
    uint64_t clips;          /* counts clipboard writes; the same text set twice still counts */
    uint64_t history_end; /* lines numbered so far: the number that the next line to leave the main
                             screen gets */
};

struct snapshot *snapshot_ref(const struct snapshot *s);
void snapshot_unref(struct snapshot *s); /* NULL is fine */

/* A blank screen of that size with all modes at their defaults: state 0. */
struct snapshot *snapshot_blank(uint16_t cols, uint16_t rows);

/* A copy that is the caller's own and may be changed before it is shown to anybody: text is copied,
 * rows are references (put another row in place by row_unref of the old one). One reference. */
struct snapshot *snapshot_copy(const struct snapshot *s);

/* The rows that show: alt_row or main_row; a NULL alt_row is materialised by the caller with
 * row_blank_row. */
static inline const struct row *snapshot_row(const struct snapshot *s, uint16_t row)
{
    if (!s->alt)
        return s->main_row[row];
    return s->alt_row ? s->alt_row[row] : &row_blank_row;
}

/* What two snapshots must agree on. STOCK: what mosh-protocol.md §9.3 lists at its end (the showing
 * rows, cursor, visibility, pen, reverse, titles, clipboard, paste, mouse, focus). NATIVE:
 * that (without clipboard: it travels as an event) plus icon, both grids, `alt`, the
 * native modes and colours; links by their numbers. STOCK compares renditions as §9.2 can write
 * them: any underline style is plain underline, and faint, strike, overline and underline colour do
 * not count; nor does the icon alone. Never compared: bells (a diff tells any number as one), a
 * title that was never set against an empty one, `pending`, the wrap mark of the last row (it leads
 * nowhere), app_cursor, clips, history_end. */
enum snapshot_kind { SNAPSHOT_STOCK, SNAPSHOT_NATIVE };
bool snapshot_equal(const struct snapshot *a, const struct snapshot *b, enum snapshot_kind kind);

#endif
