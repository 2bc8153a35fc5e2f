#include "term/report.h"

#include "term/charset.h"
#include "term/rect.h"
#include "term/defer.h"

/* The longest answer is that of the tab stops of the widest screen. */
#define ANSWER_MAX (SCREEN_MAX * 5)

void report_begin(struct buf *b)
{
    buf_init(b, ANSWER_MAX);
}

/* ESC and a letter become one C1 byte, as xterm sends it: a bare byte, though all else is UTF-8. */
static void put_8bit(struct buf *out, const uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool c1 = s[i] == 0x1b && i + 1 < len && s[i + 1] >= 0x40 && s[i + 1] < 0x60;
        buf_put_u8(out, c1 ? (uint8_t)(s[++i] + 0x40) : s[i]);
    }
}

void report_end(struct term *t, struct buf *b)
{
    size_t len = buf_len(b);
    struct buf *to = defer_answers(t);
    if (!t->config.replica && !buf_err(b) && len <= buf_room(to)) {
        if (t->c1_8bit)
            put_8bit(to, buf_data(b), len);
        else
            buf_put(to, buf_data(b), len);
    }
    buf_fini(b);
}

void report(struct term *t, const char *text)
{
    struct buf b;
    report_begin(&b);
    buf_put_text(&b, text);
    report_end(t, &b);
}

/* Up to four numbers into a form. */
static void reportf(struct term *t, const char *form, unsigned a, unsigned b, unsigned c,
                    unsigned d)
{
    const unsigned value[] = {a, b, c, d};
    struct buf out;
    unsigned n = 0;
    report_begin(&out);
    for (; *form; form++) {
        if (*form == '#' && n < 4)
            buf_put_decimal(&out, value[n++]);
        else
            buf_put_u8(&out, (uint8_t)*form);
    }
    report_end(t, &out);
}

/* ---- what the terminal is ---- */

void report_attributes(struct term *t)
{
    /* A VT420 with selective erase (6), national sets (9), technical characters (15), horizontal
     * scrolling (21), colour (22), rectangles (28), and (if it is so) a clipboard that can be
     * written to (52): nothing that we do not do. */
    bool clip = t->facts.can & TERM_CAN_CLIP;
    if (!parser_raw(&t->parser, 0, 0))
        report(t, clip ? "\033[?64;6;9;15;21;22;28;52c" : "\033[?64;6;9;15;21;22;28c");
}

/* DECSCL: what is there of a level does not change, only its name, how answers are coded, and what
 * a soft reset resets. */
static void conformance_level(struct term *t)
{
    int32_t level = parser_raw(&t->parser, 0, 0), coding = parser_raw(&t->parser, 1, 0);
    if (level < 61 || level > 64)
        return;
    mode_soft_reset(t);
    t->level = (uint8_t)level;
    t->c1_8bit = level > 61 && (coding == 0 || coding == 2);
}

static bool identify(struct term *t, uint32_t final)
{
    if (parser_raw(&t->parser, 0, 0))
        return true;
    if (final == 'c')
        /* As xterm of that patch level, since programs read off it what they may use. */
        report(t, "\033[>41;379;0c");
    else if (final == 'q')
        report(t, "\033P>|tern(" TERN_VERSION ")\033\\");
    else
        return false;
    return true;
}

/* ---- status ---- */

static void cursor_position(struct term *t, bool private)
{
    unsigned top = t->w.origin ? t->w.top : 0, left = t->w.origin ? t->w.left : 0;
    unsigned row = t->cursor.row - top + 1u, col = t->cursor.col - left + 1u;
    if (private)
        reportf(t, "\033[?#;#;1R", row, col, 0, 0);
    else
        reportf(t, "\033[#;#R", row, col, 0, 0);
}

void report_scheme(struct term *t)
{
    unsigned scheme = t->facts.scheme;
    uint32_t bg = t->facts.bg;
    if (!scheme && bg) {
        unsigned light = 2 * (bg >> 16 & 255) + 5 * (bg >> 8 & 255) + (bg & 255);
        scheme = light < 8 * 128 ? TERM_SCHEME_DARK : TERM_SCHEME_LIGHT;
    }
    if (scheme)
        reportf(t, "\033[?997;#n", scheme, 0, 0, 0);
}

/* The questions of DEC's manuals about what is not there: printer, user keys, keyboard, locator,
 * macros, memory, sessions. */
static const struct {
    uint16_t what;
    const char *answer;
} absent[] = {
    {15, "\033[?13n"},       /* no printer */
    {25, "\033[?20n"},       /* user-defined keys unlocked */
    {26, "\033[?27;1;0;0n"}, /* North American keyboard */
    {53, "\033[?50n"},       /* no locator */
    {55, "\033[?50n"},       /* the same, as DEC has it */
    {56, "\033[?57;0n"},     /* its kind: none */
    {62, "\033[0000*{"},     /* no room for macros */
    {75, "\033[?70n"},       /* no malfunction */
    {85, "\033[?83n"},       /* not configured for several sessions */
};

void report_status(struct term *t, bool private)
{
    int32_t what = parser_raw(&t->parser, 0, 0);
    if (what == 6)
        cursor_position(t, private);
    else if (what == 5)
        report(t, private ? "\033[?0n" : "\033[0n"); /* as xterm */
    else if (private && what == 63)                  /* the checksum of no macros */
        reportf(t, "\033P#!~0000\033\\", (unsigned)parser_raw(&t->parser, 1, 0), 0, 0, 0);
    else if (private && what == 996) {
        if (t->facts.scheme || t->facts.bg || !defer_question(t, DEFER_SCHEME, 0, 0))
            report_scheme(t);
    }
    for (size_t i = 0; private && i < sizeof absent / sizeof absent[0]; i++)
        if (absent[i].what == what)
            report(t, absent[i].answer);
}

void report_mode(struct term *t, bool private)
{
    int32_t mode = parser_raw(&t->parser, 0, 0);
    if (!private || !mode_needs_fact(t, mode) || !defer_question(t, DEFER_MODE, mode, 0))
        report_mode_of(t, mode, private);
}

void report_mode_of(struct term *t, int32_t mode, bool private)
{
    reportf(t, private ? "\033[?#;#$y" : "\033[#;#$y", (unsigned)mode,
            (unsigned)mode_report(t, mode, private), 0, 0);
}

/* ---- presentation: DECRQPSR ---- */

/* A word of flags as DECCIR has it. */
static unsigned flags(unsigned f)
{
    return '@' + f;
}

static void cursor_information(struct term *t)
{
    uint16_t a = t->w.pen.attr;
    unsigned rendition = (a & ATTR_BOLD ? 1u : 0) | (a & ATTR_UNDERLINE ? 2u : 0) |
                         (a & ATTR_BLINK ? 4u : 0) | (a & ATTR_INVERSE ? 8u : 0) |
                         (a & ATTR_INVISIBLE ? 16u : 0);
    unsigned flag = (t->w.origin ? 1u : 0) | (t->single_shift == 2 ? 2u : 0) |
                    (t->single_shift == 3 ? 4u : 0) | (t->cursor.pending ? 8u : 0);
    struct buf b;
    report_begin(&b);
    buf_printf(&b, "\033P1$u%u;%u;1;%c;%c;%c;%u;2;O;", t->cursor.row + 1u, t->cursor.col + 1u,
               flags(rendition), flags(t->w.protect), flags(flag), t->w.gl);
    for (unsigned i = 0; i < 4; i++)
        buf_put_text(&b, charset_name(t->w.charset[i]));
    buf_put_text(&b, "\033\\");
    report_end(t, &b);
}

static void tab_stops(struct term *t)
{
    struct buf b;
    const char *between = "";
    report_begin(&b);
    buf_put_text(&b, "\033P2$u");
    for (uint16_t col = 0; col < t->grid->cols; col++) {
        if (!(t->tabs[col / 64] >> col % 64 & 1))
            continue;
        buf_put_text(&b, between);
        buf_put_decimal(&b, col + 1u);
        between = "/";
    }
    buf_put_text(&b, "\033\\");
    report_end(t, &b);
}

bool report_csi(struct term *t, uint8_t inter, uint32_t final)
{
    int32_t n = parser_raw(&t->parser, 0, 0);
    if (inter == '>' && (final == 'c' || final == 'q'))
        return identify(t, final);
    if (inter == '=' && final == 'c') {
        if (!n)
            report(t, "\033P!|00000000\033\\");
        return true;
    }
    if (inter == '"' && final == 'p') {
        conformance_level(t);
        return true;
    }
    if (inter == '$' && final == 'w') {
        if (n == 1)
            cursor_information(t);
        else if (n == 2)
            tab_stops(t);
        return true;
    }
    return false;
}

/* ---- checksum ---- */

/* What a cell adds, as xterm with its defaults counts: the low byte of the character, and bits for
 * five attributes. An erased cell adds nothing, but as the first of all it counts as a space. */
static unsigned cell_sum(const struct row *r, uint16_t col, bool first)
{
    struct cell c = row_cell(r, col);
    uint16_t attr = cell_attr(&c);
    uint8_t u[CELL_UTF8_MAX];
    uint32_t cp[2] = {' ', 0};
    struct utf8 d = {0};
    if (c.text & CELL_TAIL)
        return 0xff;
    if (!c.text)
        return first ? ' ' : 0;
    if (attr & ATTR_INVISIBLE)
        return ' ';
    size_t n = row_text(r, col, u);
    for (size_t i = 0, got = 0; i < n && !got; i++)
        got = utf8_feed(&d, u[i], cp);
    return (cp[0] & 0xff) + (attr & ATTR_UNDERLINE ? 0x10u : 0) +
           (attr & ATTR_INVERSE ? 0x20u : 0) + (attr & ATTR_BLINK ? 0x40u : 0) +
           (attr & ATTR_BOLD ? 0x80u : 0);
}

void report_checksum(struct term *t)
{
    struct box box;
    struct buf b;
    unsigned sum = 0;
    if (rect_read(t, 2, &box)) {
        if (!term_may_scan(t, (box.bottom - box.top + 1u) * (box.right - box.left + 1u)))
            return;
        for (uint16_t r = box.top; r <= box.bottom; r++)
            for (uint16_t c = box.left; c <= box.right; c++)
                sum += cell_sum(t->grid->row[r], c, r == box.top && c == box.left);
    }
    report_begin(&b);
    buf_printf(&b, "\033P%u!~%04X\033\\", (unsigned)parser_raw(&t->parser, 0, 0),
               (0u - sum) & 0xffff);
    report_end(t, &b);
}

/* ---- window ---- */

void report_size(struct term *t)
{
    unsigned rows = t->grid->rows, cols = t->grid->cols;
    reportf(t, "\033[48;#;#;#;#t", rows, cols, rows * t->facts.cell_height,
            cols * t->facts.cell_width);
}

void report_pixels(struct term *t, int32_t what)
{
    unsigned h = t->facts.cell_height, w = t->facts.cell_width;
    if (!h || !w)
        return;
    if (what == 14)
        reportf(t, "\033[4;#;#t", t->grid->rows * h, t->grid->cols * w, 0, 0);
    else
        reportf(t, "\033[6;#;#t", h, w, 0, 0);
}

void window_operation(struct term *t)
{
    unsigned rows = t->grid->rows, cols = t->grid->cols;
    int32_t what = parser_raw(&t->parser, 0, 0);
    int32_t which = parser_raw(&t->parser, 1, 0);
    switch (what) {
    case 14:
    case 16:
        if (t->facts.cell_height || !defer_question(t, DEFER_PIXELS, what, 0))
            report_pixels(t, what);
        break;
    case 18:
        reportf(t, "\033[8;#;#t", rows, cols, 0, 0);
        break;
    case 19:
        reportf(t, "\033[9;#;#t", rows, cols, 0, 0);
        break;
    case 22:
        title_push(t); /* whatever is asked for */
        break;
    case 23:
        if (which <= 2)
            title_pop(t, which != 2, which != 1);
        break;
    }
}
