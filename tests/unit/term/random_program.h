/* Bytes that a program might print, well and badly behaved, for property tests. */
#ifndef TERN_TEST_RANDOM_PROGRAM_H
#define TERN_TEST_RANDOM_PROGRAM_H

#include "base/buf.h"
#include "base/rng.h"

static inline unsigned program_pick(struct rng *r, unsigned n)
{
    return (unsigned)rng_below(r, n);
}

static inline void program_text(struct rng *r, struct buf *b)
{
    static const char *const word[] = {
        "a",
        "hello",
        "  ",
        "x y",
        "0123456789",
        "~",
        "\u00e9\u00df",
        "\u00a0",
        "\u4e2d\u6587",
        "\uff21",
        "e\u0301",
        "\u0301",
        "\U0001f600",
        "\u200b",
        "\u00ad",
        "\u2500\u2502",
        "yyyyyyyyyyyyyyyyyyyy",
        "\u4e2d",
        "          ",
        "|",
        "\u2764\ufe0f",
        ("a\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307"
         "\u0308\u0309\u030a\u030b\u030c\u030d\u030e\u030f\u0310"),
        "\xff",
        "\xe4\xb8",
    };
    for (unsigned n = program_pick(r, 6); n; n--)
        buf_put_text(b, word[program_pick(r, sizeof word / sizeof word[0])]);
}

static inline void program_sgr(struct rng *r, struct buf *b)
{
    static const char *const sgr[] = {
        "0",
        "",
        "1",
        "3",
        "4",
        "5",
        "7",
        "8",
        "22",
        "23",
        "24",
        "27",
        "31",
        "39",
        "42",
        "49",
        "91",
        "104",
        "2",
        "9",
        "53",
        "21",
        "4:3",
        "4:0",
        "38;5;200",
        "48;5;17",
        "38;2;1;20;255",
        "48;2;9;99;199",
        "58:2::1:2:3",
        "58:5:9",
        "59",
        "38:2::7:8:9",
        "1;31;44",
        "0;7",
        "28",
        "29;55",
    };
    buf_printf(b, "\033[%sm", sgr[program_pick(r, sizeof sgr / sizeof sgr[0])]);
}

static inline void program_mode(struct rng *r, struct buf *b)
{
    static const unsigned mode[] = {1,    5,    6,    7,    7,    7,    25,   47,
                                    1047, 1048, 1049, 1049, 1000, 1002, 1003, 9,
                                    1004, 1005, 1006, 1015, 1007, 2004, 66,   3};
    buf_printf(b, "\033[?%u%c", mode[program_pick(r, sizeof mode / sizeof mode[0])],
               program_pick(r, 2) ? 'h' : 'l');
}

static inline void program_odd(struct rng *r, struct buf *b)
{
    static const char *const odd[] = {
        "\033[4h",
        "\033[4l",
        "\0337",
        "\0338",
        "\033[s",
        "\033[u",
        "\033#8",
        "\033c",
        "\033[!p",
        "\033=",
        "\033>",
        "\033[3 q",
        "\033[0 q",
        "\033(0lqk\033(B",
        "\033)0\016x\017",
        "\033]0;title\a",
        "\033]2;other\a",
        "\033]1;icon\a",
        "\033]52;c;aGFsbG8=\a",
        "\033]52;c;eA==\a",
        "\a",
        "\033H",
        "\033[3g",
        "\033[20h",
        "\033[20l",
        "\033[3J",
        "\033]0;\a",
        "\033[>c",
        "\033[6n",
        "\033]8;;http://x\033\\",
        "\033]8;id=a;http://x\033\\",
        "\033]8;;file:///y\033\\",
        "\033]8;;\033\\",
        "\033]4;1;#123456\a",
        "\033]4;200;red;1;rgb:1/2/3\a",
        "\033]104;1\a",
        "\033]11;#010203\a",
        "\033]110\a\033]111\a",
        "\033[>4;2m",
        "\033[>4m\033[>4;1f",
        "\033[>5u",
        "\033[<u",
        "\033[=31;1u",
        "\033[?12;1042;2027;2031h",
        "\033[?12;1042;2027;2031l",
        "\033[?1016h",
        "\033[?2048h",
        "\033[22t",
        "\033[23t",
        "\033]133;A\a",
        "\033]133;A;k=i\033\\$ ",
        "\r\n\033]133;A\a$ ",
    };
    buf_put_text(b, odd[program_pick(r, sizeof odd / sizeof odd[0])]);
}

/* Margins, rectangles, columns, protection, character sets. */
static inline void program_geometry(struct rng *r, struct buf *b, unsigned cols, unsigned rows)
{
    static const char *const fixed[] = {
        "\033[?69h",   "\033[?69h", "\033[?69l",     "\033[?45h",     "\033[?45l",   "\0336",
        "\0339",       "\033[2*x",  "\033[*x",       "\033[1\"q",     "\033[0\"q",   "\033[1\"q",
        "\033V",       "\033W",     "\033[?J",       "\033[?1J",      "\033[?2J",    "\033[?K",
        "\033[?1K",    "\033[?2K",  "\033[#{",       "\033[#}",       "\033[1;31#{", "\033[?5W",
        "\033[?42h",   "\033(K[{",  "\033(>a\033(B", "\033(<a\033(B", "\033[?40h",   "\033[?95h",
        "\033[?1045h", "\033[^",
    };
    unsigned top = program_pick(r, rows + 2), left = program_pick(r, cols + 2);
    unsigned bottom = program_pick(r, rows + 2), right = program_pick(r, cols + 2);
    unsigned to_row = program_pick(r, rows + 2), to_col = program_pick(r, cols + 2);
    switch (program_pick(r, 10)) {
    case 0:
    case 1:
        buf_printf(b, "\033[?69h\033[%u;%us", left, right);
        break;
    case 2:
        buf_printf(b, "\033[%u;%u;%u;%u;1;%u;%u;1$v", top, left, bottom, right, to_row, to_col);
        break;
    case 3:
        buf_printf(b, "\033[%u;%u;%u;%u;%u$x", "X ~0"[program_pick(r, 4)], top, left, bottom,
                   right);
        break;
    case 4:
        buf_printf(b, "\033[%u;%u;%u;%u$%c", top, left, bottom, right, "z{"[program_pick(r, 2)]);
        break;
    case 5:
        buf_printf(b, "\033[%u;%u;%u;%u;%u$%c", top, left, bottom, right, program_pick(r, 30),
                   "rt"[program_pick(r, 2)]);
        break;
    case 6:
        buf_printf(b, "\033[%u%s", program_pick(r, 6),
                   program_pick(r, 2)   ? "'}"
                   : program_pick(r, 2) ? "'~"
                                        : " @");
        break;
    case 7:
        buf_printf(b, "\033[%u A", program_pick(r, 6));
        break;
    default:
        buf_put_text(b, fixed[program_pick(r, sizeof fixed / sizeof fixed[0])]);
    }
}

/* One thing; screens of about cols x rows. */
static inline void program_step(struct rng *r, struct buf *b, unsigned cols, unsigned rows)
{
    static const char finals[] = "ABCDEFGHILMPSTXZ@b`adefJKJKHHHHH";
    unsigned a = program_pick(r, rows + 2), c = program_pick(r, cols + 2);
    switch (program_pick(r, 18)) {
    case 0:
    case 1:
    case 2:
    case 3:
        program_text(r, b);
        break;
    case 4:
    case 5:
        buf_put_text(b, "\r\n");
        break;
    case 6:
        buf_put_u8(b, "\n\r\b\t\v\n\n"[program_pick(r, 7)]);
        break;
    case 7:
        buf_printf(b, "\033[%u;%uH", a, c);
        break;
    case 8:
        buf_printf(b, "\033[%u;%u%c", program_pick(r, 4), c,
                   finals[program_pick(r, sizeof finals - 1)]);
        break;
    case 9:
    case 10:
        program_sgr(r, b);
        break;
    case 11:
        program_mode(r, b);
        break;
    case 12:
        if (program_pick(r, 3) == 0)
            program_odd(r, b);
        break;
    case 13:
        buf_printf(b, "\033[%u;%ur", a, program_pick(r, rows + 2));
        break;
    case 14:
        buf_put_text(b, program_pick(r, 2) ? "\033M" : "\033D");
        break;
    case 15:
    case 16:
        program_geometry(r, b, cols, rows);
        break;
    default:
        /* A long line that wraps. */
        for (unsigned n = program_pick(r, 2 * cols + 2); n; n--)
            buf_put_u8(b, (uint8_t)('a' + n % 26));
    }
}

/* Up to `most` things. */
static inline void program_write(struct rng *r, struct buf *b, unsigned most, unsigned cols,
                                 unsigned rows)
{
    for (unsigned n = program_pick(r, most + 1); n; n--)
        program_step(r, b, cols, rows);
}

#endif
