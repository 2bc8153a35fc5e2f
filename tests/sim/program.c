#include "program.h"

#include "base/utf8.h"

uint8_t user_byte(uint64_t n)
{
    struct rng r = {n * 0x2545f4914f6cdd1du};
    uint64_t v = rng_u64(&r);
    return v % 40 == 0 ? '\r' : (uint8_t)(' ' + v / 40 % 95);
}

static void put_code(struct buf *out, uint32_t cp)
{
    uint8_t b[UTF8_MAX];
    buf_put(out, b, utf8_put(b, cp));
}

static void print_text(struct rng *r, struct buf *out, size_t n)
{
    while (n--) {
        switch (rng_below(r, 24)) {
        case 0:
            put_code(out, 0x4e00 + (uint32_t)rng_below(r, 500)); /* wide */
            break;
        case 1:
            put_code(out, 0x300 + (uint32_t)rng_below(r, 0x40)); /* combining */
            break;
        case 2:
            put_code(out, 0xe0 + (uint32_t)rng_below(r, 30));
            break;
        case 3:
            put_code(out, 0x1f600 + (uint32_t)rng_below(r, 40));
            break;
        case 4:
            buf_put_u8(out, ' ');
            break;
        default:
            buf_put_u8(out, (uint8_t)('!' + rng_below(r, 94)));
        }
    }
}

static void print_lines(struct rng *r, struct buf *out, uint16_t cols)
{
    size_t lines = 1 + rng_below(r, rng_below(r, 8) ? 5 : 120);
    while (lines--) {
        size_t n = rng_below(r, 4) ? rng_below(r, 60) : rng_below(r, 3 * (uint64_t)cols);
        while (n--)
            buf_put_u8(out, (uint8_t)('a' + rng_below(r, 26)));
        buf_put_text(out, "\r\n");
    }
}

static void print_sgr(struct rng *r, struct buf *out)
{
    static const uint8_t plain[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,  21, 22, 23, 24, 25,
                                    27, 28, 29, 31, 34, 39, 42, 45, 49, 53, 55, 91, 103};
    buf_put_text(out, "\033[");
    for (size_t n = rng_below(r, 4); n; n--)
        buf_printf(out, "%u;", plain[rng_below(r, sizeof plain)]);
    switch (rng_below(r, 6)) {
    case 0:
        buf_printf(out, "38;5;%um", (unsigned)rng_below(r, 256));
        break;
    case 1:
        buf_printf(out, "48;2;%u;%u;%um", (unsigned)rng_below(r, 256), (unsigned)rng_below(r, 256),
                   (unsigned)rng_below(r, 256));
        break;
    case 2:
        buf_printf(out, "4:%um", (unsigned)rng_below(r, 6));
        break;
    case 3:
        buf_printf(out, "4:3;58:5:%um", (unsigned)rng_below(r, 256));
        break;
    default:
        buf_printf(out, "%um", plain[rng_below(r, sizeof plain)]);
    }
}

static void print_move(struct rng *r, struct buf *out, uint16_t cols, uint16_t rows)
{
    static const char finals[] = "ABCDEFGIZLMPX@STdJK`b";
    if (rng_below(r, 2))
        buf_printf(out, "\033[%u;%uH", 1 + (unsigned)rng_below(r, rows),
                   1 + (unsigned)rng_below(r, cols));
    else
        buf_printf(out, "\033[%u%c", (unsigned)rng_below(r, 12),
                   finals[rng_below(r, sizeof finals - 1)]);
}

static void print_mode(struct rng *r, struct buf *out, uint16_t rows)
{
    static const char *const modes[] = {
        "\033[?1049h", "\033[?1049l", "\033[?47h",   "\033[?47l",   "\033[?25l",   "\033[?25h",
        "\033[?5h",    "\033[?5l",    "\033[?6h",    "\033[?6l",    "\033[?7l",    "\033[?7h",
        "\033[4h",     "\033[4l",     "\033[?2004h", "\033[?2004l", "\033[?1000h", "\033[?1003h",
        "\033[?1000l", "\033[?1006h", "\033[?1006l", "\033[?1004h", "\033[?1004l", "\033[3 q",
        "\033[0 q",    "\033=",       "\033>",       "\033(0",      "\033(B",      "\0337",
        "\0338",       "\033D",       "\033M",       "\033E",       "\033H",       "\033[3g",
        "\033[r",      "\033#8",      "\033[!p",     "\007",        "\033c",       "\033[3J",
        "\033[2J",     "\033[6n",     "\033[c",      "\t",          "\b",          "\016",
        "\017",        "\033[?1l",    "\033[?1h",
    };
    size_t i = rng_below(r, sizeof modes / sizeof *modes + 3);
    if (i < sizeof modes / sizeof *modes) {
        buf_put_text(out, modes[i]);
    } else if (i == sizeof modes / sizeof *modes) {
        unsigned top = 1 + (unsigned)rng_below(r, rows);
        buf_printf(out, "\033[%u;%ur", top, top + (unsigned)rng_below(r, rows));
    } else {
        buf_printf(out, "\033]%u;title %u\007", (unsigned)rng_below(r, 3),
                   (unsigned)rng_below(r, 50));
    }
}

static void print_nonsense(struct rng *r, struct buf *out)
{
    for (size_t n = rng_below(r, 60); n; n--)
        buf_put_u8(out, rng_below(r, 6) ? (uint8_t)rng_below(r, 256) : 0x1b);
    buf_put_text(out, "\033\\");
}

void program_print(struct rng *r, struct buf *out, uint16_t cols, uint16_t rows)
{
    for (size_t n = 1 + rng_below(r, 30); n; n--) {
        switch (rng_below(r, 12)) {
        case 0:
        case 1:
        case 2:
            print_text(r, out, 1 + rng_below(r, 40));
            break;
        case 3:
        case 4:
            print_sgr(r, out);
            break;
        case 5:
        case 6:
            print_move(r, out, cols, rows);
            break;
        case 7:
            if (!rng_below(r, 3))
                print_lines(r, out, cols);
            break;
        case 8:
            print_mode(r, out, rows);
            break;
        case 9:
            buf_put_text(out, "\r\n");
            break;
        case 10:
            if (!rng_below(r, 20))
                print_nonsense(r, out);
            break;
        default:
            print_text(r, out, 1 + rng_below(r, 5));
        }
    }
}
