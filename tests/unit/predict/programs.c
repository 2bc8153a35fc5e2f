#include "programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLS 40
#define ROWS 10

static void assert_fits(bool fits)
{
    if (!fits)
        abort();
}

static void out(struct world *w, const char *text)
{
    term_write(w->term, text, strlen(text));
}

static void move(struct world *w, unsigned row, unsigned col)
{
    char text[32];
    snprintf(text, sizeof text, "\033[%u;%uH", row + 1, col + 1);
    out(w, text);
}

/* ---- what programs do with a key ---- */

static void prompt(struct world *w)
{
    w->len = w->at = 0;
    out(w, "host$ ");
}

#define PROMPT 6

/* The line from `from` on, and the cursor back to `at`. Only what fits the row moves back right. */
static void redraw(struct world *w, unsigned from, bool shorter)
{
    char text[LINE_MOST + 64];
    unsigned n = (unsigned)snprintf(text, sizeof text, "%.*s%s", (int)(w->len - from),
                                    w->line + from, shorter ? " " : "");
    unsigned back = n - (w->at - from);
    out(w, text);
    while (back--)
        out(w, "\b");
}

static void readline_key(struct world *w, const char *b, size_t n)
{
    bool end = w->at == w->len;
    if (n == 3 && b[2] == 'D' && w->at) {
        w->at--;
        out(w, "\b");
    } else if (n == 3 && b[2] == 'C' && !end) {
        w->at++;
        out(w, "\033[C");
    } else if (n == 1 && *b == '\r') {
        out(w, "\r\nout\r\n");
        prompt(w);
    } else if (n == 1 && *b == 5) {
        for (; w->at < w->len; w->at++)
            out(w, "\033[C");
    } else if (n == 1 && *b == 0x7f && w->at) {
        memmove(w->line + w->at - 1, w->line + w->at, w->len - w->at);
        w->at--;
        w->len--;
        out(w, "\b");
        redraw(w, w->at, true);
    } else if (n == 1 && *b >= ' ' && *b < 0x7f && w->len + 1 < LINE_MOST &&
               (end || w->len + PROMPT + 2 < COLS)) {
        memmove(w->line + w->at + 1, w->line + w->at, w->len - w->at);
        w->line[w->at++] = *b;
        w->len++;
        redraw(w, w->at - 1, false);
        if (end && (w->len + PROMPT) % COLS == 0)
            out(w, " \r"); /* into the next row at once */
    }
}

static void vi_label(struct world *w)
{
    move(w, ROWS - 1, 0);
    out(w, w->insert && w->label ? "\033[K-- INSERT --" : "\033[K");
    move(w, w->row, w->at);
}

static void vi_key(struct world *w, const char *b, size_t n)
{
    if (n != 1)
        return;
    if (!w->insert) {
        if (*b == 'h' && w->at)
            w->at--;
        else if (*b == 'l' && w->at + 1 < w->len)
            w->at++;
        else if (*b == '0')
            w->at = 0;
        else if (*b == 'A')
            w->at = w->len;
        w->insert = *b == 'A' || *b == 'i' || (*b == 'o' && w->row + 2 < ROWS);
        if (*b == 'o' && w->insert) {
            w->row++;
            w->len = w->at = 0;
        }
        vi_label(w);
        return;
    }
    if (*b == 27) {
        w->insert = false;
        w->at -= w->at != 0;
        vi_label(w);
    } else if (*b == '\r' && w->row + 2 < ROWS) {
        w->row++;
        w->len = w->at = 0;
        move(w, w->row, 0);
    } else if (*b == 0x7f && w->at) {
        memmove(w->line + w->at - 1, w->line + w->at, w->len - w->at);
        w->at--;
        w->len--;
        out(w, "\b");
        redraw(w, w->at, true);
    } else if (*b >= ' ' && *b < 0x7f && w->len + 1 < COLS) {
        memmove(w->line + w->at + 1, w->line + w->at, w->len - w->at);
        w->line[w->at++] = *b;
        w->len++;
        redraw(w, w->at - 1, false);
    }
}

static void program_key(struct world *w, const char *b, size_t n)
{
    switch (w->program) {
    case PROGRAM_CAT:
        for (size_t i = 0; i < n; i++)
            if (*b == '\r')
                out(w, "\r\n");
            else if (b[i] >= ' ' && b[i] < 0x7f)
                term_write(w->term, b + i, 1);
        return;
    case PROGRAM_READLINE:
        readline_key(w, b, n);
        return;
    case PROGRAM_VI:
        vi_key(w, b, n);
        return;
    case PROGRAM_SECRET:
        if (*b == '\r')
            out(w, "\r\n");
        return;
    case PROGRAM_COOKED:
        if (*b == '\r')
            out(w, "\r\n");
        else if (*b == 0x7f && w->len)
            w->len--, out(w, "\b \b");
        else if (*b >= ' ' && *b < 0x7f)
            w->len++, term_write(w->term, b, 1);
        return;
    }
}

/* ---- what is seen ---- */

static const struct row *seen_row(const struct snapshot *s, const struct overlay *o, uint16_t row)
{
    for (unsigned i = 0; o && i < o->n; i++)
        if (o->rows[i].at == row)
            return o->rows[i].row;
    return snapshot_row(s, row);
}

static uint64_t picture(const struct snapshot *s, const struct overlay *o)
{
    uint64_t h = 14695981039346656037u;
    uint8_t text[CELL_UTF8_MAX];
    for (uint16_t r = 0; r < ROWS; r++)
        for (uint16_t i = 0; i < COLS; i++) {
            size_t n = row_text(seen_row(s, o, r), i, text);
            for (size_t k = 0; k < n; k++)
                h = (h ^ text[k]) * 1099511628211u;
        }
    return h;
}

/* What the user sees now. */
static void look(struct world *w)
{
    if (!w->shown)
        return;
    const struct overlay *o = predict_overlay(w->predict, w->shown, w->now);
    uint64_t h = picture(w->shown, o);
    w->covered |= o != NULL;
    if (!w->saws || w->saw[w->saws - 1].hash != h) {
        assert_fits(w->saws < STATES);
        w->saw[w->saws].hash = h;
        w->saw[w->saws++].since = w->now;
    }
    w->saw[w->saws - 1].until = w->now;
}

unsigned world_wrong(const struct world *w, uint64_t *longest)
{
    unsigned n = 0;
    *longest = 0;
    for (unsigned i = 0; i < w->saws; i++) {
        bool right = false;
        for (unsigned k = 0; k < w->states && !right; k++)
            right = w->was[k] == w->saw[i].hash;
        uint64_t us = w->saw[i].until - w->saw[i].since;
        n += !right;
        if (!right && us > *longest)
            *longest = us;
    }
    return n;
}

bool world_settled(struct world *w)
{
    const struct overlay *o = predict_overlay(w->predict, w->shown, w->now);
    return w->seen == w->screens && w->acked == w->keys && !o &&
           picture(w->shown, NULL) == w->was[w->states - 1];
}

/* ---- the way ---- */

static void send_screen(struct world *w)
{
    struct snapshot *s = term_snapshot(w->term);
    assert_fits(w->screens < IN_FLIGHT && w->states < STATES);
    w->screen[w->screens].at = w->now + w->rtt / 2;
    w->screen[w->screens].ack = w->acked ? w->key[w->acked - 1].frame : 0;
    w->screen[w->screens].read = w->read;
    w->screen[w->screens].tty = w->tty;
    w->screen[w->screens++].s = s;
    w->was[w->states++] = picture(s, NULL);
}

void world_open(struct world *w, enum program program, uint64_t rtt, enum predict_when when,
                bool stock)
{
    *w = (struct world){.program = program, .rtt = rtt, .stock = stock, .now = 1000000};
    w->term = term_new(&(struct term_config){.cols = COLS, .rows = ROWS});
    w->predict = predict_new(&(struct predict_config){.when = when});
    w->tty = PREDICT_TTY_KNOWN;
    if (program == PROGRAM_COOKED)
        w->tty |= PREDICT_TTY_CANONICAL | PREDICT_TTY_ECHO;
    if (program == PROGRAM_READLINE)
        prompt(w);
    if (program == PROGRAM_SECRET)
        out(w, "Password: ");
    if (program == PROGRAM_VI) {
        out(w, "\033[?1049h\033[2J");
        w->insert = w->label = true;
        vi_label(w);
    }
    predict_rtt(w->predict, rtt);
    send_screen(w);
    world_wait(w, rtt + 200000);
}

void world_close(struct world *w)
{
    for (unsigned i = 0; i < w->screens; i++)
        snapshot_unref(w->screen[i].s);
    predict_free(w->predict);
    term_free(w->term);
}

static void deliver(struct world *w)
{
    while (w->arrived < w->keys && w->key[w->arrived].at + w->rtt / 2 <= w->now) {
        unsigned i = w->arrived++;
        w->read += w->key[i].n;
        program_key(w, w->key[i].bytes, w->key[i].n);
        send_screen(w);
    }
    while (w->acked < w->arrived && w->key[w->acked].at + w->rtt / 2 + ECHO_AFTER <= w->now) {
        w->acked++;
        send_screen(w);
    }
    while (w->seen < w->screens && w->screen[w->seen].at <= w->now) {
        unsigned i = w->seen++;
        w->shown = w->screen[i].s;
        if (!w->stock)
            predict_tty(w->predict, w->screen[i].tty, w->now);
        predict_screen(w->predict, w->shown, w->screen[i].ack,
                       w->stock ? UINT64_MAX : w->screen[i].read, w->now);
    }
}

void world_wait(struct world *w, uint64_t us)
{
    for (uint64_t end = w->now + us; w->now < end; w->now += 1000) {
        deliver(w);
        look(w);
    }
}

void world_type(struct world *w, const char *bytes, size_t n)
{
    unsigned i = w->keys++;
    assert_fits(i < IN_FLIGHT && n <= sizeof w->key[i].bytes);
    w->key[i].at = w->now;
    w->key[i].frame = w->keys;
    w->key[i].n = n;
    memcpy(w->key[i].bytes, bytes, n);
    w->sent += n;
    predict_keys(w->predict, (const uint8_t *)bytes, n, w->keys, w->sent, w->now);
}

void world_text(struct world *w, const char *text, uint64_t gap)
{
    for (; *text; text++) {
        world_type(w, text, 1);
        world_wait(w, gap);
    }
}

const char *world_row(struct world *w, unsigned row)
{
    static char text[4 * COLS + 1];
    const struct row *r =
        seen_row(w->shown, predict_overlay(w->predict, w->shown, w->now), (uint16_t)row);
    size_t n = 0, end = 0;
    for (uint16_t i = 0; i < COLS; i++) {
        uint8_t c[CELL_UTF8_MAX];
        size_t k = row_text(r, i, c);
        memcpy(text + n, c, k);
        n += k;
        if (k && *c != ' ')
            end = n;
    }
    text[end] = '\0';
    return text;
}

uint16_t world_col(struct world *w)
{
    const struct overlay *o = predict_overlay(w->predict, w->shown, w->now);
    return o ? o->col : w->shown->cursor.col;
}

bool world_guesses(struct world *w)
{
    return predict_overlay(w->predict, w->shown, w->now) != NULL;
}

void world_print(struct world *w, const char *text)
{
    out(w, text);
    send_screen(w);
}
