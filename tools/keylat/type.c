/* Typing: how long until each key shows, and which pictures were never the program's. */
#include "keydrv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX  4096
#define LEGIT_MAX 65536
#define KEY_BYTES 16
#define STANDS    0.010 /* a picture that stands this long was seen by the user */

struct key {
    double gap; /* seconds after the one before */
    size_t len;
    char bytes[KEY_BYTES];
};

struct pair {
    uint64_t all, below;
};

static struct key keys[KEYS_MAX];
static size_t key_count;
static struct picture ref[KEYS_MAX + 1]; /* after key i, on a local pty */
static size_t ref_count;
static struct pair legit[LEGIT_MAX]; /* pictures on the way there */
static size_t legit_count;

static FILE *open_file(const char *path, const char *mode)
{
    FILE *f = path ? fopen(path, mode) : NULL;
    if (!f)
        die(path ? path : "--keys and --ref are needed");
    return f;
}

static void load_keys(const char *path)
{
    FILE *f = open_file(path, "r");
    char line[256], hex[128];
    double ms;
    while (key_count < KEYS_MAX && fgets(line, sizeof line, f)) {
        struct key *k = &keys[key_count];
        if (sscanf(line, "%lf %127s", &ms, hex) != 2)
            continue;
        k->gap = ms / 1000;
        for (const char *h = hex; h[0] && h[1] && k->len < KEY_BYTES; h += 2) {
            char two[3] = {h[0], h[1], 0};
            k->bytes[k->len++] = (char)strtoul(two, NULL, 16);
        }
        key_count++;
    }
    fclose(f);
    if (key_count == 0) {
        errno = 0;
        die("no keys");
    }
}

/* ---- the reference: the same keys on a local pty, one at a time ---- */

static void add_legit(const struct picture *p)
{
    for (size_t i = legit_count; i > 0 && i + 50 > legit_count; i--)
        if (legit[i - 1].all == p->all)
            return;
    if (legit_count < LEGIT_MAX)
        legit[legit_count++] = (struct pair){p->all, p->below};
}

static void write_state(FILE *f, const struct picture *p)
{
    fprintf(f, "S %016llx %016llx %d %d\n", (unsigned long long)p->all,
            (unsigned long long)p->below, p->row, p->col);
}

/* Type one key and wait until the program has answered it. */
static struct picture one_key(struct term *t, const struct key *k)
{
    bool slow = k->bytes[0] == '\r' || k->bytes[0] == 27; /* may be answered in several steps */
    double quiet = slow ? 0.12 : 0.02, start = now(), last = start;
    bool answered = false;
    term_type(t, k->bytes, k->len);
    for (;;) {
        int got = term_pump(t, 0.001);
        if (got < 0)
            die("the reference program ended");
        if (got > 0) {
            struct picture p = term_picture(t);
            add_legit(&p);
            answered = true;
            last = now();
        }
        if ((answered && now() - last > quiet) || now() - start > 0.5)
            break;
    }
    struct picture p = term_picture(t);
    add_legit(&p);
    return p;
}

void mode_ref(struct run *r)
{
    load_keys(r->keys);
    if (term_wait_marker(&r->term, r->timeout) < 0)
        die("the reference program shows no marker");
    term_pump_for(&r->term, 0.5);
    FILE *f = open_file(r->ref, "w");
    struct picture p = term_picture(&r->term);
    write_state(f, &p);
    for (size_t i = 0; i < key_count; i++) {
        p = one_key(&r->term, &keys[i]);
        write_state(f, &p);
    }
    for (size_t i = 0; i < legit_count; i++)
        fprintf(f, "L %016llx %016llx\n", (unsigned long long)legit[i].all,
                (unsigned long long)legit[i].below);
    fclose(f);
    printf("{\"ref_keys\":%zu,\"legit\":%zu}\n", key_count, legit_count);
    run_finish(r);
}

static void load_ref(const char *path)
{
    FILE *f = open_file(path, "r");
    char line[256];
    while (fgets(line, sizeof line, f)) {
        unsigned long long all, below;
        int row, col;
        if (sscanf(line, "S %llx %llx %d %d", &all, &below, &row, &col) == 4) {
            if (ref_count <= KEYS_MAX)
                ref[ref_count++] = (struct picture){all, below, row, col, false};
        } else if (sscanf(line, "L %llx %llx", &all, &below) == 2 && legit_count < LEGIT_MAX) {
            legit[legit_count++] = (struct pair){all, below};
        }
    }
    fclose(f);
    if (ref_count < key_count + 1) {
        errno = 0;
        die("the reference is shorter than the keys");
    }
}

/* ---- the run ---- */

struct typing {
    double begin;
    size_t sent_count, shown; /* keys typed; keys whose picture has come */
    double sent[KEYS_MAX + 1], took[KEYS_MAX + 1];
    size_t at_send[KEYS_MAX + 1]; /* shown, when key k was typed */
    bool excluded[KEYS_MAX + 1];
    bool pending; /* the picture changed and has not stood long enough to be judged */
    double last;  /* when it changed */
    bool in_wrong;
    double wrong_since, wrong_s;
    unsigned wrong, cursor_only, covered;
};

static bool same_text(const struct picture *now_, uint64_t all, uint64_t below)
{
    return now_->covered ? now_->below == below : now_->all == all;
}

static bool same(const struct picture *now_, const struct picture *p)
{
    return same_text(now_, p->all, p->below) && now_->row == p->row && now_->col == p->col;
}

/* The picture changed: which keys does it show? */
static void judge_shown(struct typing *y, const struct picture *p, double at)
{
    if (same(p, &ref[y->shown]))
        return;
    size_t j = y->shown + 1;
    while (j <= y->sent_count && !same(p, &ref[j]))
        j++;
    if (j > y->sent_count)
        return;
    for (size_t k = y->shown + 1; k <= j; k++) {
        y->took[k] = at - y->sent[k];
        /* passed over, and not to be told from the picture before it */
        if (k < j && (same(&ref[k], &ref[y->at_send[k]]) || same(&ref[k], &ref[k - 1])))
            y->excluded[k] = true;
    }
    y->shown = j;
}

/* The picture has stood: is it one that the program really showed? */
static void judge_right(struct run *r, struct typing *y, const struct picture *p)
{
    bool right = false, cursor = false;
    for (size_t j = 0; j <= y->sent_count; j++) {
        right |= same_text(p, ref[j].all, ref[j].below);
        cursor |= same(p, &ref[j]);
    }
    for (size_t j = 0; j < legit_count && !right; j++)
        right = same_text(p, legit[j].all, legit[j].below);
    if (right)
        y->cursor_only += !cursor;
    if (right == !y->in_wrong)
        return;
    y->in_wrong = !right;
    if (right) {
        y->wrong_s += y->last - y->wrong_since;
        return;
    }
    y->wrong++;
    y->wrong_since = y->last;
    if (getenv("KEYDRV_DEBUG")) {
        fprintf(stderr, "wrong at %.3f: %zu of %zu keys shown\n", now() - y->begin, y->shown,
                y->sent_count);
        term_dump(&r->term);
    }
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void report(const struct run *r, struct typing *y, double start, bool start_right)
{
    static double ms[KEYS_MAX], in_order[KEYS_MAX];
    size_t n = 0, fast = 0, excluded = 0;
    double sum = 0, squares = 0, lasted = now() - y->begin;
    for (size_t k = 1; k <= y->shown; k++) {
        if (y->excluded[k] || same(&ref[k], &ref[k - 1])) { /* nothing to see */
            excluded++;
            continue;
        }
        double v = y->took[k] * 1000;
        in_order[n] = ms[n] = v;
        n++;
        sum += v;
        squares += v * v;
        fast += v < 5;
    }
    printf("{\"start_s\":%.4f,\"start_ok\":%d,\"keys\":%zu,\"shown\":%zu,\"excluded\":%zu,"
           "\"never\":%zu,\"dur_s\":%.2f,",
           start, start_right, key_count, y->shown, excluded, key_count - y->shown, lasted);
    if (n > 0) {
        double mean = sum / (double)n;
        qsort(ms, n, sizeof *ms, by_value);
        printf("\"n\":%zu,\"median\":%.3f,\"mean\":%.3f,\"sd2\":%.6f,\"p90\":%.3f,\"p99\":%.3f,"
               "\"max\":%.3f,\"min\":%.3f,\"under5\":%.4f,",
               n, ms[n / 2], mean, squares / (double)n - mean * mean, ms[n * 9 / 10],
               ms[n * 99 / 100], ms[n - 1], ms[0], (double)fast / (double)n);
    }
    printf("\"wrong\":%u,\"wrong_ms\":%.1f,\"cursor_only\":%u,\"overlay_reads\":%u,"
           "\"client_out_bytes\":%llu,\"lat\":[",
           y->wrong, y->wrong_s * 1000, y->cursor_only, y->covered,
           (unsigned long long)r->term.out_bytes);
    for (size_t i = 0; i < n; i++)
        printf("%s%.2f", i ? "," : "", in_order[i]);
    puts("]}");
}

static void type_loop(struct run *r, struct typing *y)
{
    double next = y->begin + keys[0].gap, end = 0;
    struct picture p = term_picture(&r->term);
    for (;;) {
        if (y->sent_count < key_count && now() >= next) {
            const struct key *k = &keys[y->sent_count++];
            y->at_send[y->sent_count] = y->shown;
            y->sent[y->sent_count] = now();
            term_type(&r->term, k->bytes, k->len);
            if (y->sent_count < key_count)
                next += keys[y->sent_count].gap;
            else
                end = now() + r->tail;
        }
        if (y->sent_count == key_count && (y->shown == key_count || now() > end) && !y->pending)
            return;
        double wait = y->sent_count < key_count ? next - now() : 0.2;
        int got = term_pump(&r->term, y->pending && wait > STANDS ? STANDS : wait);
        double at = now();
        if (got < 0)
            return;
        if (got > 0) {
            y->last = at;
            y->pending = true;
            p = term_picture(&r->term);
            y->covered += p.covered;
            judge_shown(y, &p, at);
        } else if (y->pending && at - y->last >= STANDS) {
            y->pending = false;
            judge_right(r, y, &p);
        }
    }
}

void mode_type(struct run *r)
{
    static struct typing y;
    load_keys(r->keys);
    load_ref(r->ref);
    double start = term_wait_marker(&r->term, r->timeout);
    if (start < 0) {
        term_dump(&r->term);
        die("no prompt");
    }
    run_ready(r);
    term_pump_for(&r->term, r->settle);
    struct picture first = term_picture(&r->term);
    run_lab(r, "reset");
    y.begin = now();
    type_loop(r, &y);
    if (y.in_wrong)
        y.wrong_s += now() - y.wrong_since;
    report(r, &y, start, same(&first, &ref[0]));
    if (getenv("KEYDRV_DEBUG"))
        term_dump(&r->term);
    run_finish(r);
}
