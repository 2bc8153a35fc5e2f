/* keydrv: runs one terminal client under a pty, types at it, watches its screen, prints JSON.
 * Driven by the script keylat; see ../README.md. */
#ifndef TERN_TOOLS_KEYDRV_H
#define TERN_TOOLS_KEYDRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vterm.h>

#define ROW_TEXT 2048
#define RAW_TAIL 8192

/* ---- term.c: the pty and what its screen shows ---- */

/* A picture, as hashes; below: without row 0, which a client may cover with its notice. */
struct picture {
    uint64_t all, below;
    int row, col;
    bool covered;
};

struct term {
    int fd;
    int child;
    int cols, rows;
    VTerm *vt;
    VTermScreen *screen;
    const char *overlay; /* how a notice in row 0 begins */
    const char *marker;  /* the prompt */
    uint64_t out_bytes;  /* of the client */
    bool raw;            /* output is only counted, and its tail kept */
    char tail[RAW_TAIL];
    size_t tail_len;
    /* Synchronised output (mode 2026), as the terminals of today have it: what comes within is seen
     * at its end, or after a while. */
    char *held;
    size_t held_len, held_size;
    bool sync;
    double sync_since;
};

_Noreturn void die(const char *what);
double now(void); /* seconds */

void term_open(struct term *t, char **argv);
void term_close(struct term *t);
/* Read what comes within `wait` seconds: bytes read, -1 at the end of file. */
int term_pump(struct term *t, double wait);
void term_pump_for(struct term *t, double seconds);
void term_type(struct term *t, const char *bytes, size_t len);
void term_row(const struct term *t, int row, char out[static ROW_TEXT]);
int term_cursor_row(const struct term *t);
struct picture term_picture(const struct term *t);
/* Seconds until the marker showed, or -1. */
double term_wait_marker(struct term *t, double timeout);
/* The cursor's row is the marker and nothing else. */
bool term_at_prompt(struct term *t);
/* When the prompt came that then stood for `quiet` seconds, or -1. */
double term_wait_prompt(struct term *t, double limit, double quiet);
void term_dump(const struct term *t);

/* ---- one run ---- */

struct run {
    struct term term;
    const char *keys, *ref;  /* files */
    const char *after_ready; /* linklab commands, ; between, once the prompt stands */
    const char *hook;        /* command started then, by sh */
    const char *lab;         /* name of the linklab */
    const char *roam;        /* linklab command stem; a number is appended */
    const char *bulk;        /* command typed in mode bulk */
    double settle, timeout, secs, outage, tail, fresh_ms;
    long reps;
    bool hold; /* wait for a line on stdin when ready and when done */
    bool raw, type_during;
};

void run_lab(const struct run *r, const char *commands);
/* The prompt stands: tell keylat, damage the link, start the load. */
void run_ready(struct run *r);
void run_finish(struct run *r);
void run_start(struct run *r); /* wait for the marker (or die), ready, settle */

void mode_ref(struct run *r);  /* type.c */
void mode_type(struct run *r); /* type.c */
void mode_ctrlc(struct run *r);
void mode_bulk(struct run *r);
void mode_idle(struct run *r);
void mode_startup(struct run *r);
void mode_recover(struct run *r);

#endif
