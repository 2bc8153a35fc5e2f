#include "term/width.h"

#include "base/mem.h"
#include "term/width_impl.h"
#include "term/width_table.h"

#include <stdlib.h>
#include <utf8proc.h>

static bool in_ranges(const struct width_range *r, size_t n, uint32_t cp)
{
    size_t lo = 0;
    while (lo < n) {
        size_t mid = lo + (n - lo) / 2;
        if (r[mid].last < cp)
            lo = mid + 1;
        else if (r[mid].first > cp)
            n = mid;
        else
            return true;
    }
    return false;
}
#define IN_RANGES(table, cp) in_ranges(table, sizeof(table) / sizeof((table)[0]), cp)

bool width_ambiguous(uint32_t cp)
{
    return IN_RANGES(ambiguous, cp);
}

bool width_variation(uint32_t cp)
{
    return IN_RANGES(variations, cp);
}

/* Arabic and Kaithi number signs: format characters that are drawn. */
static bool prepended(uint32_t cp)
{
    return (cp >= 0x600 && cp <= 0x605) || cp == 0x6dd || cp == 0x70f || cp == 0x890 ||
           cp == 0x891 || cp == 0x8e2 || cp == 0x110bd || cp == 0x110cd;
}

/* libutf8proc's widths, made glibc's, since programs compute with those: spacing marks and Arabic
 * number signs take a column; Hangul vowels and final consonants join the syllable's first;
 * circled numbers on black squares and hexagrams are wide. */
int term_width(void *ctx, uint32_t cp)
{
    (void)ctx;
    if (cp >= 0xa0 && cp <= 0xff)
        return 1;
    if (cp > 0x10ffff)
        return -1;
    if (!cp)
        return 0;
    if ((cp >= 0x1160 && cp <= 0x11ff) || (cp >= 0xd7b0 && cp <= 0xd7c6) ||
        (cp >= 0xd7cb && cp <= 0xd7fb))
        return 0;
    if ((cp >= 0x3248 && cp <= 0x324f) || (cp >= 0x4dc0 && cp <= 0x4dff))
        return 2;
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return -1;
    case UTF8PROC_CATEGORY_MC: /* Hangul tone marks, Vietnamese reading marks: wide */
        return cp == 0x302e || cp == 0x302f || cp == 0x16ff0 || cp == 0x16ff1 ? 2 : 1;
    case UTF8PROC_CATEGORY_CF:
        return prepended(cp) ? 1 : 0;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
        return 0;
    default:
        return utf8proc_charwidth((utf8proc_int32_t)cp);
    }
}

const char *width_unicode(void)
{
    return utf8proc_unicode_version();
}

uint32_t width_profile_pack(const struct width_profile *w)
{
    return w->graphemes | (uint32_t)w->ambiguous << 1 | (uint32_t)w->vs16 << 2 |
           (uint32_t)w->vs15 << 3;
}

struct width_profile width_profile_unpack(uint32_t bits)
{
    return (struct width_profile){
        .graphemes = bits & 1, .ambiguous = bits & 2, .vs16 = bits & 4, .vs15 = bits & 8};
}

/* ---- the cache ---- */

void widths_clear(struct widths *w)
{
    for (size_t i = 0; i < WIDTH_PLANES; i++) {
        for (size_t k = 0; w->plane[i] && k < WIDTH_BLOCKS; k++)
            free(w->plane[i]->block[k]);
        free(w->plane[i]);
        w->plane[i] = NULL;
    }
}

int widths_fill(struct widths *w, uint32_t cp)
{
    struct width_plane **p = &w->plane[cp >> 16];
    if (!*p)
        *p = mem_new(1, sizeof **p);
    int8_t *block = mem_resize(NULL, WIDTH_BLOCK, 1);
    for (uint32_t i = 0; i < WIDTH_BLOCK; i++) {
        uint32_t c = (cp & ~(uint32_t)(WIDTH_BLOCK - 1)) + i;
        int one = c <= 0xff ? 1 : w->width ? w->width(w->ctx, c) : term_width(NULL, c);
        if (one == 1 && w->ambiguous && width_ambiguous(c))
            one = 2;
        block[i] = (int8_t)(one > 2 ? 2 : one < 0 ? -1 : one);
    }
    (*p)->block[cp >> 8 & 255] = block;
    return block[cp & 255];
}

/* ---- clusters ---- */

static bool regional(uint32_t cp)
{
    return cp >= 0x1f1e6 && cp <= 0x1f1ff;
}

bool cluster_goes_on(struct cluster *c, uint32_t cp)
{
    /* Below U+0300 nothing joins what stands before, but for what follows a prepended sign. */
    if (!c->last || (cp < 0x300 && c->last < 0x600)) {
        c->state = 0;
        return false;
    }
    utf8proc_int32_t state = c->state;
    bool breaks =
        utf8proc_grapheme_break_stateful((utf8proc_int32_t)c->last, (utf8proc_int32_t)cp, &state);
    c->state = breaks ? 0 : state;
    return !breaks;
}

unsigned cluster_width(const struct width_profile *p, unsigned now, uint32_t last, uint32_t cp,
                       unsigned own)
{
    if (cp == 0xfe0f)
        return p->vs16 && width_variation(last) ? 2 : now;
    if (cp == 0xfe0e)
        return p->vs15 && width_variation(last) ? 1 : now;
    if (regional(cp) && regional(last))
        return 2;
    return own > now ? own : now;
}
