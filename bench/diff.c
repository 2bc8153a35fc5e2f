/* bench_diff COLS ROWS: microseconds of one frame (snapshot, difference to the last one, dropping
 * that one), median over many: after one character, after one line scrolled in, after a screenful
 * of 20 direct colours a line, and after a screen whose every cell has a direct colour of its own.
 * One line each: NAME KIND MICROSECONDS BYTES. */
#include "base/rng.h"
#include "clock.h"
#include "term/diff.h"
#include "term/term.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 2001, FULL_ROUNDS = 201 };

struct bench {
    struct term *term;
    struct snapshot *last;
    struct buf out, program;
    struct rng rng;
    unsigned cols, rows;
    enum snapshot_kind kind;
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void one_character(struct bench *b)
{
    buf_put_u8(&b->program, (uint8_t)('a' + rng_below(&b->rng, 26)));
    if (rng_below(&b->rng, 40) == 0)
        buf_printf(&b->program, "\x1b[%u;10H", 1 + (unsigned)rng_below(&b->rng, b->rows));
}

static void one_line(struct bench *b)
{
    buf_printf(&b->program, "\x1b[%u;1H\n", b->rows);
    for (unsigned i = 0; i < b->cols * 2 / 3; i++)
        buf_put_u8(&b->program, (uint8_t)(33 + rng_below(&b->rng, 94)));
}

static void colour_run(struct bench *b, unsigned cells, bool background)
{
    uint32_t c = (uint32_t)rng_u64(&b->rng);
    buf_printf(&b->program, "\x1b[38;2;%u;%u;%um", c & 255, c >> 8 & 255, c >> 16 & 255);
    if (background)
        buf_printf(&b->program, "\x1b[48;5;%um", c >> 24);
    while (cells--)
        buf_put_u8(&b->program, (uint8_t)(33 + rng_below(&b->rng, 94)));
}

/* As the truecolor stream: 20 runs of about two cells and a half on each line. */
static void coloured_lines(struct bench *b)
{
    for (unsigned row = 1; row <= b->rows; row++) {
        buf_printf(&b->program, "\x1b[%u;1H", row);
        for (int run = 0; run < 20; run++)
            colour_run(b, 1 + (unsigned)rng_below(&b->rng, 4), true);
    }
    buf_put_text(&b->program, "\x1b[m");
}

static void coloured_cells(struct bench *b)
{
    for (unsigned row = 1; row <= b->rows; row++) {
        buf_printf(&b->program, "\x1b[%u;1H", row);
        for (unsigned col = 0; col < b->cols; col++)
            colour_run(b, 1, false);
    }
    buf_put_text(&b->program, "\x1b[m");
}

/* One frame; its seconds. */
static double frame(struct bench *b)
{
    buf_clear(&b->out);
    double start = clock_seconds();
    struct snapshot *now = term_snapshot(b->term);
    int err = diff_screen(&b->out, b->last, now, b->kind);
    snapshot_unref(b->last);
    double spent = clock_seconds() - start;
    b->last = now;
    if (err) {
        fprintf(stderr, "diff: %s\n", err_text(err));
        exit(1);
    }
    return spent;
}

static void measure(struct bench *b, const char *name, void (*program)(struct bench *), int rounds)
{
    double *seconds = calloc((size_t)rounds, sizeof *seconds);
    size_t bytes = 0;
    if (!seconds)
        abort();
    frame(b);
    for (int i = 0; i < rounds; i++) {
        buf_clear(&b->program);
        program(b);
        term_write(b->term, buf_data(&b->program), buf_len(&b->program));
        seconds[i] = frame(b);
        bytes += buf_len(&b->out);
        if (!buf_len(&b->out)) {
            fprintf(stderr, "%s: a frame without a change\n", name);
            exit(1);
        }
    }
    qsort(seconds, (size_t)rounds, sizeof *seconds, compare);
    printf("%s %s %.3f %zu\n", name, b->kind == SNAPSHOT_NATIVE ? "native" : "stock",
           seconds[rounds / 2] * 1e6, bytes / (size_t)rounds);
    free(seconds);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bench_diff COLS ROWS\n");
        return 2;
    }
    struct bench b = {.cols = (unsigned)strtoul(argv[1], NULL, 10),
                      .rows = (unsigned)strtoul(argv[2], NULL, 10),
                      .rng = {1}};
    struct term_config config = {.cols = (uint16_t)b.cols, .rows = (uint16_t)b.rows};
    buf_init(&b.out, 1u << 24);
    buf_init(&b.program, 1u << 24);
    for (int kind = 0; kind < 2; kind++) {
        b.kind = kind ? SNAPSHOT_STOCK : SNAPSHOT_NATIVE;
        b.term = term_new(&config);
        b.last = term_snapshot(b.term);
        for (unsigned row = 0; row < b.rows; row++) /* a screen full of text */
            one_line(&b);
        term_write(b.term, buf_data(&b.program), buf_len(&b.program));
        measure(&b, "character", one_character, ROUNDS);
        measure(&b, "line", one_line, ROUNDS);
        measure(&b, "colours", coloured_lines, FULL_ROUNDS);
        measure(&b, "cells", coloured_cells, FULL_ROUNDS);
        snapshot_unref(b.last);
        term_free(b.term);
    }
    buf_fini(&b.out);
    buf_fini(&b.program);
    return 0;
}
