/* What is measured besides typing. */
#include "keydrv.h"

#include <stdio.h>
#include <string.h>

void mode_ctrlc(struct run *r)
{
    struct term *t = &r->term;
    run_start(r);
    t->raw = r->raw;
    fputs("{\"ctrlc_ms\":[", stdout);
    for (long i = 0; i < r->reps; i++) {
        term_type(t, "yes\r", 4);
        term_pump_for(t, r->secs);
        uint64_t before = t->out_bytes;
        double start = now();
        term_type(t, "\003", 1);
        double prompt = term_wait_prompt(t, r->timeout, 0.5); /* the flood has passed */
        printf("%s%.1f", i ? "," : "", prompt < 0 ? -1 : (prompt - start) * 1000);
        fprintf(stderr, "ctrlc %ld: %.3f s, %llu bytes after\n", i, prompt - start,
                (unsigned long long)(t->out_bytes - before));
        if (prompt < 0)
            break;
        term_pump_for(t, 0.5);
    }
    printf("],\"client_out_bytes\":%llu}\n", (unsigned long long)t->out_bytes);
    run_finish(r);
}

/* The end mark near the cursor, or at the end of an unparsed flood. */
static bool bulk_done(const struct term *t)
{
    char text[ROW_TEXT];
    if (t->raw)
        return strstr(t->tail, "BULKDONE");
    int at = term_cursor_row(t);
    for (int row = at > 2 ? at - 2 : 0; row <= at; row++) {
        term_row(t, row, text);
        if (!strcmp(text, "BULKDONE"))
            return true;
    }
    return false;
}

void mode_bulk(struct run *r)
{
    struct term *t = &r->term;
    char command[600];
    run_start(r);
    /* the quotes keep the typed line from holding the end mark itself */
    int len = snprintf(command, sizeof command, "%s; echo 'BULK''DONE'\r", r->bulk);
    if (len < 0 || (size_t)len >= sizeof command)
        die("--bulk is too long");
    run_lab(r, "reset");
    t->out_bytes = 0;
    t->tail_len = 0;
    t->tail[0] = '\0';
    t->raw = r->raw;
    term_type(t, command, (size_t)len);
    double start = now(), took = -1;
    while (now() - start < r->timeout) {
        int got = term_pump(t, 0.5);
        if (got < 0)
            break;
        if (got > 0 && bulk_done(t)) {
            took = now() - start;
            break;
        }
    }
    printf("{\"bulk_s\":%.3f,\"client_out_bytes\":%llu}\n", took, (unsigned long long)t->out_bytes);
    run_finish(r);
}

void mode_idle(struct run *r)
{
    run_start(r);
    run_lab(r, "reset");
    term_pump_for(&r->term, r->secs);
    printf("{\"idle_s\":%.1f}\n", r->secs);
    run_finish(r);
}

void mode_startup(struct run *r)
{
    double took = term_wait_marker(&r->term, r->timeout);
    run_ready(r);
    printf("{\"startup_s\":%.4f}\n", took);
    run_finish(r);
}

/* The far program is labticker: how old is the picture, and how many keys had come? */
static double age_ms(const struct term *t, long *keys)
{
    char text[ROW_TEXT];
    double drawn;
    term_row(t, 0, text);
    if (sscanf(text, "T %lf", &drawn) != 1)
        return 1e12;
    term_row(t, 1, text);
    if (sscanf(text, "K %ld", keys) != 1)
        return 1e12;
    return now() * 1000 - drawn;
}

static void go_dark(struct run *r, long *typed)
{
    double start = now(), next = start + 0.5;
    run_lab(r, "down");
    while (now() < start + r->outage) {
        term_pump(&r->term, 0.02);
        if (r->type_during && now() >= next) {
            term_type(&r->term, "x", 1);
            *typed += 1;
            next += 1;
        }
    }
}

/* Seconds from `up` until a picture drawn after it shows every key, or -1. */
static double recovered(struct run *r, double up, long *typed, long *seen)
{
    bool poke = r->type_during && r->roam; /* one key after the change of address */
    while (now() - up < r->timeout) {
        if (term_pump(&r->term, 0.01) < 0)
            break;
        if (poke && now() >= up + 0.2) {
            term_type(&r->term, "y", 1);
            *typed += 1;
            poke = false;
        }
        double age = age_ms(&r->term, seen);
        if (age < r->fresh_ms && now() * 1000 - age > up * 1000 && !poke && *seen >= *typed)
            return now() - up;
    }
    return -1;
}

void mode_recover(struct run *r)
{
    long typed = 0, seen = 0;
    char command[200];
    run_start(r);
    fputs("{\"recover_ms\":[", stdout);
    for (long i = 0; i < r->reps; i++) {
        if (r->outage > 0)
            go_dark(r, &typed);
        if (r->roam) {
            snprintf(command, sizeof command, "%s%ld", r->roam, 100 + i);
            run_lab(r, command);
        }
        if (r->outage > 0)
            run_lab(r, "up");
        double took = recovered(r, now(), &typed, &seen);
        printf("%s%.1f", i ? "," : "", took < 0 ? -1 : took * 1000);
        fflush(stdout);
        if (took < 0)
            break;
        term_pump_for(&r->term, r->settle);
    }
    printf("],\"typed\":%ld,\"seen\":%ld}\n", typed, seen);
    run_finish(r);
}
