#include "term/charset.h"

#include <string.h>

/* What is drawn for a code that a set leaves open. */
#define UNDEFINED 0x2e2e

/* DEC special graphics, 0x5F..0x7E. */
static const uint16_t drawing[32] = {
    0x0020, 0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2424, 0x240b,
    0x2518, 0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c,
    0x2524, 0x2534, 0x252c, 0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7};

/* DEC technical, 0x21..0x7E; 0 is open. */
static const uint16_t technical[94] = {
    0x23b7, 0x250c, 0x2500, 0x2320, 0x2321, 0x2502, 0x23a1, 0x23a3, 0x23a4, 0x23a6, 0x23a7, 0x23a9,
    0x23ab, 0x23ad, 0x23a8, 0x23ac, 0,      0,      0,      0,      0,      0,      0,      0,
    0,      0,      0,      0x2264, 0x2260, 0x2265, 0x222b, 0x2234, 0x221d, 0x221e, 0x00f7, 0x0394,
    0x2207, 0x03a6, 0x0393, 0x223c, 0x2243, 0x0398, 0x00d7, 0x039b, 0x21d4, 0x21d2, 0x2261, 0x03a0,
    0x03a8, 0,      0x03a3, 0,      0,      0x221a, 0x03a9, 0x039e, 0x03a5, 0x2282, 0x2283, 0x2229,
    0x222a, 0x2227, 0x2228, 0x00ac, 0x03b1, 0x03b2, 0x03c7, 0x03b4, 0x03b5, 0x03c6, 0x03b3, 0x03b7,
    0x03b9, 0x03b8, 0x03ba, 0x03bb, 0,      0x03bd, 0x2202, 0x03c0, 0x03c8, 0x03c1, 0x03c3, 0x03c4,
    0,      0x0192, 0x03c9, 0x03be, 0x03c5, 0x03b6, 0x2190, 0x2191, 0x2192, 0x2193};

/* Codes that national sets replace, and by what. */
static const uint8_t replaced[12] = {0x23, 0x40, 0x5b, 0x5c, 0x5d, 0x5e,
                                     0x5f, 0x60, 0x7b, 0x7c, 0x7d, 0x7e};
static const uint16_t national_sets[CHARSETS - CHARSET_NATIONAL][12] = {
    [CHARSET_DUTCH - CHARSET_NATIONAL] = {0xa3, 0xbe, 0x133, 0xbd, 0x7c, 0x5e, 0x5f, 0x60, 0xa8,
                                          0x192, 0xbc, 0xb4},
    [CHARSET_FINNISH - CHARSET_NATIONAL] = {0x23, 0x40, 0xc4, 0xd6, 0xc5, 0xdc, 0x5f, 0xe9, 0xe4,
                                            0xf6, 0xe5, 0xfc},
    [CHARSET_FRENCH - CHARSET_NATIONAL] = {0xa3, 0xe0, 0xb0, 0xe7, 0xa7, 0x5e, 0x5f, 0x60, 0xe9,
                                           0xf9, 0xe8, 0xa8},
    [CHARSET_CANADIAN - CHARSET_NATIONAL] = {0x23, 0xe0, 0xe2, 0xe7, 0xea, 0xee, 0x5f, 0xf4, 0xe9,
                                             0xf9, 0xe8, 0xfb},
    [CHARSET_GERMAN - CHARSET_NATIONAL] = {0x23, 0xa7, 0xc4, 0xd6, 0xdc, 0x5e, 0x5f, 0x60, 0xe4,
                                           0xf6, 0xfc, 0xdf},
    [CHARSET_ITALIAN - CHARSET_NATIONAL] = {0xa3, 0xa7, 0xb0, 0xe7, 0xe9, 0x5e, 0x5f, 0xf9, 0xe0,
                                            0xf2, 0xe8, 0xec},
    [CHARSET_NORWEGIAN - CHARSET_NATIONAL] = {0x23, 0xc4, 0xc6, 0xd8, 0xc5, 0xdc, 0x5f, 0xe4, 0xe6,
                                              0xf8, 0xe5, 0xfc},
    [CHARSET_PORTUGUESE - CHARSET_NATIONAL] = {0x23, 0x40, 0xc3, 0xc7, 0xd5, 0x5e, 0x5f, 0x60, 0xe3,
                                               0xe7, 0xf5, 0x7e},
    [CHARSET_SPANISH - CHARSET_NATIONAL] = {0xa3, 0xa7, 0xa1, 0xd1, 0xbf, 0x5e, 0x5f, 0x60, 0xb0,
                                            0xf1, 0xe7, 0x7e},
    [CHARSET_SWEDISH - CHARSET_NATIONAL] = {0x23, 0xc9, 0xc4, 0xd6, 0xc5, 0xdc, 0x5f, 0xe9, 0xe4,
                                            0xf6, 0xe5, 0xfc},
    [CHARSET_SWISS - CHARSET_NATIONAL] = {0xf9, 0xe0, 0xe9, 0xe7, 0xea, 0xee, 0xe8, 0xf4, 0xe4,
                                          0xf6, 0xfc, 0xfb},
};

/* Where DEC supplemental graphics is not Latin-1's right half. */
static const uint8_t open_codes[] = "\x24\x26\x2c\x2d\x2e\x2f\x34\x38\x3e\x50\x5e\x70\x7e";

static const struct {
    uint8_t set;
    char name[3];
} names[] = {
    {CHARSET_ASCII, "B"},       {CHARSET_ASCII, "1"},     {CHARSET_ASCII, "2"},
    {CHARSET_DRAWING, "0"},     {CHARSET_UK, "A"},        {CHARSET_SUPPLEMENT, "<"},
    {CHARSET_SUPPLEMENT, "%5"}, {CHARSET_TECHNICAL, ">"}, {CHARSET_DUTCH, "4"},
    {CHARSET_FINNISH, "C"},     {CHARSET_FINNISH, "5"},   {CHARSET_FRENCH, "R"},
    {CHARSET_FRENCH, "f"},      {CHARSET_CANADIAN, "Q"},  {CHARSET_CANADIAN, "9"},
    {CHARSET_GERMAN, "K"},      {CHARSET_ITALIAN, "Y"},   {CHARSET_NORWEGIAN, "`"},
    {CHARSET_NORWEGIAN, "E"},   {CHARSET_NORWEGIAN, "6"}, {CHARSET_PORTUGUESE, "%6"},
    {CHARSET_SPANISH, "Z"},     {CHARSET_SWEDISH, "H"},   {CHARSET_SWEDISH, "7"},
    {CHARSET_SWISS, "="},
};

int charset_named(const uint8_t *inter, size_t n, uint32_t final, bool national)
{
    if (n > 1 || final > 0x7e)
        return -1;
    char name[3] = {0};
    memcpy(name, inter, n);
    name[n] = (char) final;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(names[i].name, name))
            return names[i].set < CHARSET_NATIONAL || national ? names[i].set : -1;
    return -1;
}

const char *charset_name(enum charset set)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].set == set)
            return names[i].name;
    return "B";
}

static uint32_t supplement(uint32_t c)
{
    if (memchr(open_codes, (int)c, sizeof open_codes - 1))
        return UNDEFINED;
    return c == 0x28   ? 0xa4
           : c == 0x57 ? 0x152
           : c == 0x5d ? 0x178
           : c == 0x77 ? 0x153
           : c == 0x7d ? 0xff
                       : c + 0x80;
}

uint32_t charset_map(enum charset set, uint32_t c)
{
    if (c <= 0x20 || c > 0x7e)
        return c;
    switch (set) {
    case CHARSET_ASCII:
        return c;
    case CHARSET_DRAWING:
        return c >= 0x5f ? drawing[c - 0x5f] : c;
    case CHARSET_UK:
        return c == '#' ? 0xa3 : c;
    case CHARSET_SUPPLEMENT:
        return supplement(c);
    case CHARSET_TECHNICAL:
        return technical[c - 0x21] ? technical[c - 0x21] : UNDEFINED;
    default:
        break;
    }
    const uint8_t *at = memchr(replaced, (int)c, sizeof replaced);
    return at && set < CHARSETS ? national_sets[set - CHARSET_NATIONAL][at - replaced] : c;
}
