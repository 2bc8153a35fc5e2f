#include "term/dispute.h"

#include "base/utf8.h"
#include "term/width_impl.h"

/* Sorted. Marks and signs of scripts where renderers differ, symbols that have an emoji form,
 * private use, everything that came with emoji, and blocks that were assigned late. */
static const struct {
    uint32_t first, last;
} disputed[] = {
    {0xad, 0xad},       {0x0600, 0x0605},   {0x06dd, 0x06dd},   {0x070f, 0x070f},
    {0x0890, 0x0891},   {0x08e2, 0x08e2},   {0x0900, 0x0dff},   {0x0e00, 0x0fff},
    {0x1000, 0x109f},   {0x1160, 0x11ff},   {0x1700, 0x18af},   {0x1a00, 0x1cff},
    {0x200b, 0x200f},   {0x2028, 0x202e},   {0x203c, 0x203c},   {0x2049, 0x2049},
    {0x2060, 0x206f},   {0x20d0, 0x20ff},   {0x2122, 0x2122},   {0x2139, 0x2139},
    {0x2194, 0x21aa},   {0x231a, 0x23ff},   {0x2460, 0x24ff},   {0x25aa, 0x25fe},
    {0x2600, 0x27ff},   {0x2934, 0x2935},   {0x2b00, 0x2bff},   {0x3030, 0x303f},
    {0x3099, 0x309a},   {0x3248, 0x324f},   {0x3297, 0x3299},   {0x4dc0, 0x4dff},
    {0xa800, 0xa8ff},   {0xa930, 0xaaff},   {0xabe0, 0xabff},   {0xd7b0, 0xd7ff},
    {0xe000, 0xf8ff},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xfff0, 0xffff},
    {0x10a00, 0x13fff}, {0x16800, 0x1b2ff}, {0x1bca0, 0x1bcaf}, {0x1cf00, 0x1d7ff},
    {0x1da00, 0x1dfff}, {0x1e000, 0x1eeff}, {0x1f000, 0x1ffff}, {0x2fa20, 0x10ffff},
};

static bool code_disputed(uint32_t cp)
{
    if (cp < disputed[0].first)
        return false;
    size_t lo = 0, hi = sizeof disputed / sizeof disputed[0];
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (disputed[mid].last < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < sizeof disputed / sizeof disputed[0] && disputed[lo].first <= cp;
}

static bool accent(uint32_t cp)
{
    return cp >= 0x300 && cp <= 0x36f;
}

bool cell_disputed(const struct row *r, uint16_t col, bool ambiguous)
{
    uint32_t text = row_cell(r, col).text;
    if (!(text & CELL_CLUSTER)) {
        uint32_t cp = text & CELL_TEXT;
        return code_disputed(cp) || (ambiguous && width_ambiguous(cp));
    }
    uint8_t utf8[CELL_UTF8_MAX];
    size_t len = row_text(r, col, utf8), n = 0;
    struct utf8 u = {0};
    uint32_t cp[2];
    for (size_t i = 0; i < len; i++) {
        size_t got = utf8_feed(&u, utf8[i], cp);
        for (size_t k = 0; k < got; k++) {
            /* Accents on anything are no question; what else joins (signs, selectors, Hangul) is.
             */
            if (code_disputed(cp[k]) || (n && !accent(cp[k])))
                return true;
            if (ambiguous && !n && width_ambiguous(cp[k]))
                return true;
            n++;
        }
    }
    return false;
}

bool cell_told(const struct row *r, uint16_t col)
{
    uint32_t text = row_cell(r, col).text, cp = text & CELL_TEXT;
    bool wide = text & CELL_WIDE;
    if (!(text & CELL_CLUSTER))
        return wide ? cp < 0x1100 || term_width(NULL, cp) != 2 || code_disputed(cp)
                    : code_disputed(cp);
    uint8_t utf8[CELL_UTF8_MAX];
    uint32_t first[2] = {0, 0};
    struct utf8 u = {0};
    size_t len = row_text(r, col, utf8);
    for (size_t i = 0; i < len && !first[0]; i++)
        (void)utf8_feed(&u, utf8[i], first);
    return cell_disputed(r, col, false) || wide != (term_width(NULL, first[0]) == 2);
}
