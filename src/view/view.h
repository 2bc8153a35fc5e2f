/* What the user's terminal must show: owns the idea of what it was last told and gives the bytes
 * for the rest. Bytes only: the terminal need not be this process's own. The rules by which the
 * main screen is drawn without making or losing scrollback are design.md §2.3's. */
#ifndef TERN_VIEW_VIEW_H
#define TERN_VIEW_VIEW_H

#include "base/buf.h"
#include "predict/predict.h"
#include "term/paint.h"
#include "term/snapshot.h"

/* The user's terminal, as the client learned it from $TERM, terminfo and the kernel. Strings are
 * copied by view_new. */
struct view_facts {
    uint16_t cols, rows;     /* clamped to 1..SCREEN_MAX */
    struct paint_caps paint; /* firm and wrap are set by the view itself */
    bool il_dl;              /* CSI L, CSI M and CSI r work */
    const char *smcup;       /* to the alternate screen and back; NULL: the terminal has none */
    const char *rmcup;
    bool all_on_alt;  /* draw everything on the alternate screen, as stock mosh does; with "" for
                         both of the above: on the main one, which is painted over */
    bool title;       /* OSC 0, 1, 2 are understood */
    bool title_stack; /* CSI 22;0 t and CSI 23;0 t keep and restore the title */
    const char *title_prefix; /* before each title, e.g. "[mosh] "; NULL: none */
    bool clip;                /* OSC 52 writes may be passed on */
    bool shape;               /* DECSCUSR is understood */
    bool sync;                /* CSI ? 2026 h is understood */
    bool osc;                 /* OSC and CSI that it does not know are skipped */
    bool notify;              /* OSC 9, 99, 777 may be passed on */
    bool clip_read;           /* its clipboard may be read */
    bool kitty_keys;          /* the kitty keyboard protocol */
    bool other_keys;          /* modifyOtherKeys */
    bool pixel_mouse;         /* CSI ? 1016 h */
    bool scheme;              /* CSI ? 2031 h */
    bool graphemes;           /* CSI ? 2027 h */
    bool clear_scrollback;    /* CSI 3 J is understood */
    bool reports;             /* cursor reports (CSI 6 n) are answered: view_know tells */
    bool keeps;               /* what comes back from its scrollback while the alternate screen
                                 shows is not lost: view_know tells */
};

/* The least that can be assumed of an unknown $TERM: a VT100 with ANSI colours. */
void view_facts_default(struct view_facts *f, uint16_t cols, uint16_t rows);

/* Which line numbers (snapshot.history_end counts them) stand in the terminal's own scrollback:
 * first <= n < end, but for those in gaps that the user sees. */
struct view_ledger {
    uint64_t first, end;
};

struct view;

struct view *view_new(const struct view_facts *f);
void view_free(struct view *v); /* NULL is fine; writes nothing: view_end does */

/* All of the following append to `out` and return 0, or ERR_CAP when it did not fit: then the
 * terminal counts as unknown, and the next frame repaints it. */

/* Take the terminal: it is in raw mode and its cursor stands in column 0 of a free line. What it
 * shows is scrolled off, not erased (or left on the main screen, with all_on_alt). */
int MUST_USE view_start(struct view *v, struct buf *out);

/* Bring the terminal to `s`. `bar`: text of the notification bar, whose lines (separated by LF)
 * cover row 0 and those below as far as there are any (NULL: none; UTF-8; see bar.h). Nothing is
 * appended when nothing differs. Sizes of `s` and of the terminal may differ: then the top left
 * corner shows, and the rest is blank. Only between start/resume and suspend/end. */
int MUST_USE view_frame(struct view *v, const struct snapshot *s, const char *bar, struct buf *out);

/* Guesses that the next frame shows over its snapshot, borrowed until then; NULL: none. Frames
 * after it show none unless told again. They never get into the scrollback. */
void view_guess(struct view *v, const struct overlay *o);

/* The time, before what follows; never goes back. A view that is not told counts on nothing having
 * been read by the terminal. */
void view_now(struct view *v, uint64_t now_us);
/* When view_frame may have something new by time alone; UINT64_MAX: never. */
uint64_t view_deadline(const struct view *v);

/* Cursor reports that view_frame has asked for since the start: so many answers to `CSI 6 n` come,
 * in order. */
unsigned view_fences(const struct view *v);
/* The next of these answers: column and row, from 1. False: that is the terminal's size, and not
 * the one that the view has been told. */
bool view_fence(struct view *v, uint16_t cols, uint16_t row);

/* The terminal has a new size: what it shows is unknown from now on. Appends nothing. The same size
 * again: it had another one in between. Bytes written before may be read by the terminal after it:
 * lines that may have suffered by that are fed again, at most a screenful. */
void view_resize(struct view *v, uint16_t cols, uint16_t rows);

/* The next frame tells the terminal everything again (Ctrl-L, SIGCONT). */
void view_repaint(struct view *v);

/* Give the terminal back for a while: the last frame without bar and title prefix, every mode
 * undone, the cursor in column 0 below the last line. view_resume is view_start again. */
int MUST_USE view_suspend(struct view *v, struct buf *out);
int MUST_USE view_resume(struct view *v, struct buf *out);

/* view_suspend for good: undoes the start too (title). Without effect unless started. */
int MUST_USE view_end(struct view *v, struct buf *out);

/* Bytes that make the terminal usable after a crash, whatever it was told last: writes at most size
 * (VIEW_RESET_MAX is always enough), allocates nothing, changes nothing, may be called in a signal
 * handler. Returns the length. Nothing unless started. */
#define VIEW_RESET_MAX 512
size_t view_reset_bytes(const struct view *v, uint8_t *out, size_t size);

/* ---- history ----
 * Lines that left the far main screen, in their order; view_frame writes them into the terminal's
 * scrollback once the screen shown is one that they have left, while the main screen shows. A
 * frame writes FEED_FRAME_BYTES of them or a little more; view_frame again for the rest. */

/* False: enough waits; hand over no more until frames have been made. */
bool view_history_room(const struct view *v);
/* The line of that number (above all before); takes the row over. */
void view_history_line(struct view *v, uint64_t number, struct row *line);
/* Lines first..end-1 are missing: one visible line says so. */
void view_history_gap(struct view *v, uint64_t first, uint64_t end);
/* CSI 3 J: lines below `end` are forgotten, here too if the terminal can. */
void view_history_clear(struct view *v, uint64_t end);
/* Nothing below `end` is to come any more. */
void view_history_skip(struct view *v, uint64_t end);
/* What that number in the pens of lines to come is: a URI of the peer's, dropped if it has controls
 * or is no UTF-8. As many are known at a time as link.h says, beside those of the screen. */
void view_history_link(struct view *v, uint32_t number, const uint8_t *uri, size_t len);
/* Would a frame of `s` feed something? */
bool view_history_ready(const struct view *v, const struct snapshot *s);
size_t view_history_bytes(const struct view *v); /* held in lines that wait */
/* The program is gone: from now on frames show the main screen. */
void view_main_only(struct view *v);

/* What the terminal answered: from now on it is told more. */
struct answers;
void view_know(struct view *v, const struct answers *a);
const struct view_facts *view_facts(const struct view *v);

/* Side effects. Natively these come as events; towards stock peers view_frame does the first two
 * from the snapshot. Text is the peer's: what the facts do not allow, what is malformed or longer
 * than VIEW_TEXT_MAX is dropped, and controls in it are. */
#define VIEW_TEXT_MAX 4096
void view_bell(struct view *v, struct buf *out);
/* A clipboard write, "selection;base64", of any length: no query. */
void view_clip(struct view *v, const char *clip, struct buf *out);
/* Ask for the clipboard's contents: "selection". True if it was asked. */
bool view_clip_ask(struct view *v, const char *selection, struct buf *out);
/* "9;text", "99;meta;text", "777;notify;title;text". */
void view_notify(struct view *v, const char *text, struct buf *out);
/* OSC 7: a URI. */
void view_cwd(struct view *v, const char *uri, struct buf *out);
/* OSC 9;4: "state" or "state;percent". Taken back when the terminal is given back. */
void view_progress(struct view *v, const char *text, struct buf *out);
/* OSC 22: name of a mouse pointer. Taken back likewise. */
void view_pointer(struct view *v, const char *name, struct buf *out);

const struct view_ledger *view_ledger(const struct view *v);

#endif
