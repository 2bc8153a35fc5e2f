#include "term/scroll.h"

/* A scroll costs about a dozen bytes; less gain than that is not worth it. */
#define WORTH 20
/* How many rows of `to` are looked for, and how many of those in succession. */
#define TRIES      24
#define SUCCESSION 12

static const struct row *row_at(const struct row *const *rows, uint16_t i)
{
    return rows ? rows[i] : &row_blank_row;
}

/* The same line, perhaps changed. (Erased lines are one row in many places: no evidence.) */
static bool same_line(const struct row *f, const struct row *t)
{
    return f == t || (f && f->id == t->id && f->id != row_blank_row.id);
}

static bool blank(const struct row *r)
{
    return r && !r->used;
}

/* About how many bytes it takes to bring f to t. */
static int cost(const struct row *f, const struct row *t)
{
    if (f == t || (blank(f) && blank(t)))
        return 0;
    if (f && f->id == t->id && t->id != row_blank_row.id)
        return 8;
    return 4 + t->used;
}

/* What scrolling saves. */
static int gain(const struct row *const *from, const struct row *const *to, const struct scroll *s)
{
    int sum = 0;
    for (uint16_t i = s->top; i <= s->bottom; i++) {
        const struct row *t = row_at(to, i);
        sum += cost(row_at(from, i), t) - cost(scroll_source(s, 1, from, i), t);
    }
    return sum;
}

/* The scroll that brings row j of `from` to row i of `to`, as large as the match goes within
 * first..last. */
static struct scroll extend(const struct row *const *from, const struct row *const *to,
                            uint16_t first, uint16_t last, uint16_t i, uint16_t j)
{
    int d = j - i, lo = i, hi = i;
    int low = first + (d < 0 ? -d : 0), high = last - (d > 0 ? d : 0);
#define MATCH(x)                                                                                   \
    (same_line(row_at(from, (uint16_t)((x) + d)), row_at(to, (uint16_t)(x))) ||                    \
     (blank(row_at(from, (uint16_t)((x) + d))) && blank(row_at(to, (uint16_t)(x)))))
    while (lo > low && MATCH(lo - 1))
        lo--;
    while (hi < high && MATCH(hi + 1))
        hi++;
#undef MATCH
    if (d > 0)
        return (struct scroll){(uint16_t)lo, (uint16_t)(hi + d), d};
    return (struct scroll){(uint16_t)(lo + d), (uint16_t)hi, d};
}

/* The first worthwhile scroll within first..last. */
static bool find_one(const struct row *const *from, const struct row *const *to, uint16_t first,
                     uint16_t last, struct scroll *out)
{
    unsigned tries = 0;
    int step = 1;
    for (int i = first; i <= last && tries < TRIES; i += step) {
        const struct row *t = row_at(to, (uint16_t)i);
        if (t->id == row_blank_row.id || same_line(row_at(from, (uint16_t)i), t))
            continue;
        if (++tries == SUCCESSION)
            step = 1 + (last - i) / (TRIES - SUCCESSION);
        for (int j = first; j <= last; j++) {
            if (j == i || !same_line(row_at(from, (uint16_t)j), t))
                continue;
            struct scroll s = extend(from, to, first, last, (uint16_t)i, (uint16_t)j);
            if (gain(from, to, &s) > WORTH) {
                *out = s;
                return true;
            }
            break;
        }
    }
    return false;
}

size_t scroll_find(const struct row *const *from, const struct row *const *to, uint16_t rows,
                   struct scroll out[static SCROLL_MOST])
{
    int first = 0, last = rows - 1;
    size_t n = 0;
    if (from == to)
        return 0;
    while (last >= 0 && row_at(from, (uint16_t)last) == row_at(to, (uint16_t)last))
        last--;
    while (n < SCROLL_MOST) {
        while (first < last && row_at(from, (uint16_t)first) == row_at(to, (uint16_t)first))
            first++;
        if (first >= last || !find_one(from, to, (uint16_t)first, (uint16_t)last, &out[n]))
            return n;
        first = out[n++].bottom + 1;
    }
    return n;
}

const struct row *scroll_source(const struct scroll *s, size_t n, const struct row *const *from,
                                uint16_t at)
{
    for (size_t i = 0; i < n; i++) {
        if (at < s[i].top || at > s[i].bottom)
            continue;
        int source = at + s[i].by;
        if (source < s[i].top || source > s[i].bottom)
            return &row_blank_row;
        return row_at(from, (uint16_t)source);
    }
    return row_at(from, at);
}
