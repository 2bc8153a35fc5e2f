#include "term/colour.h"

#include "term/cell.h"

/* xterm's defaults for the first sixteen. */
static const uint32_t base16[16] = {
    0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
    0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
};
static const uint8_t cube[6] = {0, 95, 135, 175, 215, 255};

uint32_t colour_palette_rgb(uint32_t n)
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
    return distance(colour_palette_rgb(in_grey), c) < distance(colour_palette_rgb(in_cube), c)
               ? in_grey
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
    return COLOUR_PALETTE | rgb_to_few(colour_palette_rgb(c), colours);
}
