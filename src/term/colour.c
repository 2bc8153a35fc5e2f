#include "term/colour.h"

#include "base/utf8.h"

#include <stddef.h>

/* xterm's defaults for the first sixteen. */
static const uint32_t base16[16] = {
    0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
    0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
};
static const uint8_t cube[6] = {0, 95, 135, 175, 215, 255};

static uint32_t palette_rgb(uint32_t n)
{
    if (n < 16)
        return base16[n];
    if (n >= 232) {
        uint32_t grey = 8 + 10 * (n - 232);
        return grey << 16 | grey << 8 | grey;
    }
    n -= 16;
    return (uint32_t)cube[n / 36] << 16 | (uint32_t)cube[n / 6 % 6] << 8 | cube[n % 6];
}

static uint32_t distance(uint32_t a, uint32_t b)
{
    int r = (int)(a >> 16 & 255) - (int)(b >> 16 & 255);
    int g = (int)(a >> 8 & 255) - (int)(b >> 8 & 255);
    int u = (int)(a & 255) - (int)(b & 255);
    return (uint32_t)(2 * r * r + 4 * g * g + 3 * u * u);
}

static uint32_t cube_step(uint32_t v)
{
    return v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40;
}

static uint32_t rgb_to_256(uint32_t c)
{
    uint32_t r = c >> 16 & 255, g = c >> 8 & 255, b = c & 255;
    uint32_t in_cube = 16 + 36 * cube_step(r) + 6 * cube_step(g) + cube_step(b);
    uint32_t mean = (r + g + b) / 3;
    uint32_t in_grey = 232 + (mean < 8 ? 0 : mean > 238 ? 23 : (mean - 3) / 10);
    return distance(palette_rgb(in_grey), c) < distance(palette_rgb(in_cube), c) ? in_grey
                                                                                 : in_cube;
}

static uint32_t rgb_to_few(uint32_t c, unsigned colours)
{
    uint32_t best = 0;
    for (uint32_t n = 1; n < colours && n < 16; n++)
        if (distance(base16[n], c) < distance(base16[best], c))
            best = n;
    return best;
}

uint32_t colour_fit(uint32_t c, bool rgb, unsigned colours)
{
    if (!c || (COLOUR_KIND(c) == COLOUR_RGB && rgb))
        return c;
    if (colours < 8)
        return COLOUR_DEFAULT;
    if (COLOUR_KIND(c) == COLOUR_RGB) {
        c &= 0xffffff;
        return COLOUR_PALETTE | (colours >= 256 ? rgb_to_256(c) : rgb_to_few(c, colours));
    }
    c &= 255;
    if (c < colours)
        return COLOUR_PALETTE | c;
    if (c < 16)
        return COLOUR_PALETTE | (c & 7);
    return COLOUR_PALETTE | rgb_to_few(palette_rgb(c), colours);
}

/* Sorted. Marks and signs of scripts where renderers differ, symbols that have an emoji form,
 * private use, and everything that came with emoji. */
static const struct {
    uint32_t first, last;
} disputed[] = {
    {0xad, 0xad},       {0x0600, 0x0605},    {0x0900, 0x0dff},   {0x0e00, 0x0fff},
    {0x1000, 0x109f},   {0x1160, 0x11ff},    {0x1700, 0x18af},   {0x1a00, 0x1cff},
    {0x200b, 0x200f},   {0x2028, 0x202e},    {0x203c, 0x203c},   {0x2049, 0x2049},
    {0x2060, 0x206f},   {0x20d0, 0x20ff},    {0x2122, 0x2122},   {0x2139, 0x2139},
    {0x2194, 0x21aa},   {0x231a, 0x23ff},    {0x2460, 0x24ff},   {0x25aa, 0x25fe},
    {0x2600, 0x27ff},   {0x2934, 0x2935},    {0x2b00, 0x2bff},   {0x3030, 0x303f},
    {0x3099, 0x309a},   {0x3248, 0x324f},    {0x3297, 0x3299},   {0x4dc0, 0x4dff},
    {0xa960, 0xa97f},   {0xd7b0, 0xd7ff},    {0xe000, 0xf8ff},   {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff},   {0xfff0, 0xffff},    {0x16fe0, 0x1b2ff}, {0x1d000, 0x1d7ff},
    {0x1f000, 0x1ffff}, {0xe0000, 0x10ffff},
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

bool cell_disputed(const struct row *r, uint16_t col)
{
    uint32_t text = row_cell(r, col).text;
    if (!(text & CELL_CLUSTER))
        return code_disputed(text & CELL_TEXT);
    uint8_t utf8[CELL_UTF8_MAX];
    size_t len = row_text(r, col, utf8), n = 0;
    struct utf8 u = {0};
    uint32_t cp[2];
    for (size_t i = 0; i < len; i++) {
        size_t got = utf8_feed(&u, utf8[i], cp);
        for (size_t k = 0; k < got; k++)
            /* Accents on anything are no question; what else joins (signs, selectors) is. */
            if (code_disputed(cp[k]) || (n++ && (cp[k] < 0x300 || cp[k] > 0x36f)))
                return true;
    }
    return false;
}
