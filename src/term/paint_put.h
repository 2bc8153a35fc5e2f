/* Numbers and short texts into memory with room enough: private to paint. In a header so that they
 * are inlined. */
#ifndef TERN_TERM_PAINT_PUT_H
#define TERN_TERM_PAINT_PUT_H

#include <stdint.h>
#include <string.h>

/* "N;" of every byte: one four-byte store each, of which the number's digits count. */
#define TENS(t) t "0;", t "1;", t "2;", t "3;", t "4;", t "5;", t "6;", t "7;", t "8;", t "9;"
static const char dec[260][4] = {
    TENS(""),   TENS("1"),  TENS("2"),  TENS("3"),  TENS("4"),  TENS("5"),  TENS("6"),
    TENS("7"),  TENS("8"),  TENS("9"),  TENS("10"), TENS("11"), TENS("12"), TENS("13"),
    TENS("14"), TENS("15"), TENS("16"), TENS("17"), TENS("18"), TENS("19"), TENS("20"),
    TENS("21"), TENS("22"), TENS("23"), TENS("24"), TENS("25")};

/* May touch, but does not count, up to three bytes more. */
static inline uint8_t *put_byte(uint8_t *d, unsigned v)
{
    memcpy(d, dec[v], 4);
    return d + 1 + (v >= 10) + (v >= 100);
}

static inline uint8_t *put_dec(uint8_t *d, unsigned v)
{
    if (v < 256)
        return put_byte(d, v);
    if (v >= 1000)
        *d++ = (uint8_t)('0' + v / 1000 % 10);
    *d++ = (uint8_t)('0' + v / 100 % 10);
    *d++ = (uint8_t)('0' + v / 10 % 10);
    *d++ = (uint8_t)('0' + v % 10);
    return d;
}

static inline uint8_t *put_csi(uint8_t *d, char final, unsigned a, unsigned b)
{
    *d++ = 0x1b;
    *d++ = '[';
    if (a)
        d = put_dec(d, a);
    if (b) {
        *d++ = ';';
        d = put_dec(d, b);
    }
    *d++ = (uint8_t) final;
    return d;
}

static inline uint8_t *put_text(uint8_t *d, const char *t)
{
    while (*t)
        *d++ = (uint8_t)*t++;
    return d;
}

#endif
