#include "view/questions.h"

#include <string.h>

enum {
    GROUND,
    ESC,
    CSI,
    STRING,     /* OSC or DCS: kept while it fits */
    STRING_ESC, /* its ESC \, perhaps */
    SS3,
};

/* The strings: an ellipsis; a cloud as emoji; a woman at a computer. */
static const char *const width_string[WIDTH_STRINGS] = {
    [WIDTH_AMBIGUOUS] = "\xe2\x80\xa6",
    [WIDTH_VS16] = "\xe2\x98\x81\xef\xb8\x8f",
    [WIDTH_ZWJ] = "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
};

void questions_init(struct questions *q)
{
    *q = (struct questions){.state = GROUND};
    buf_init(&q->clip, QUESTIONS_CLIP_MAX);
}

void questions_fini(struct questions *q)
{
    buf_fini(&q->clip);
}

void questions_clip_asked(struct questions *q, uint64_t now_us)
{
    q->clip_until_us = now_us + QUESTIONS_CLIP_US;
}

const struct buf *questions_clip(struct questions *q)
{
    bool whole = q->clip_whole;
    q->clip_whole = false;
    return whole ? &q->clip : NULL;
}

void questions_fence_asked(struct questions *q, uint64_t now_us)
{
    q->fences++;
    q->fence_us = now_us;
}

bool questions_fence(struct questions *q, uint16_t *cols, uint16_t *rows)
{
    if (!q->report_n)
        return false;
    *rows = q->report[0][0];
    *cols = q->report[0][1];
    memmove(q->report[0], q->report[1], sizeof q->report - sizeof q->report[0]);
    q->report_n--;
    return true;
}

/* ---- asking ---- */

static void put_colours(struct buf *out)
{
    buf_put_text(out, "\033]10;?\033\\\033]11;?\033\\\033]12;?\033\\");
    for (unsigned i = 0; i < 16; i++)
        buf_printf(out, "\033]4;%u;?\033\\", i);
}

static void begin(struct questions *q, uint64_t now_us)
{
    q->asked++;
    q->waited = false;
    q->asked_us = now_us;
}

void questions_put(struct questions *q, bool strings, uint64_t now_us, struct buf *out)
{
    begin(q, now_us);
    /* What a terminal prints instead of understanding it is erased behind it. */
    buf_put_text(out, "\r");
    if (strings) {
        buf_put_text(out, "\033[>q\033[?u\033[?4m\033[m\033[?2026$p\033[?2027$p\033[?2031$p"
                          "\033[?1016$p\033[?996n\033[16t\033[14t");
        put_colours(out);
        for (unsigned i = 0; i < WIDTH_STRINGS; i++) {
            buf_put_text(out, "\r\033[K");
            buf_put_text(out, width_string[i]);
            buf_put_text(out, "\033[6n");
        }
        q->cpr = WIDTH_STRINGS;
    }
    buf_put_text(out, "\r\033[K\033[c");
}

void questions_colours_put(struct questions *q, uint64_t now_us, struct buf *out)
{
    if (q->asked == QUESTIONS_ROUNDS)
        return;
    begin(q, now_us);
    put_colours(out);
    buf_put_text(out, "\033[c");
}

/* ---- understanding ---- */

#define PARAMS 20

/* Decimal parameters of a CSI without its prefix; an absent one is 0. Returns their number, 0 if
 * something else is among them. */
static unsigned params(const uint8_t *p, size_t len, unsigned out[static PARAMS])
{
    unsigned n = 1;
    memset(out, 0, PARAMS * sizeof out[0]);
    for (size_t i = 0; i < len; i++) {
        if (p[i] == ';' && n < PARAMS)
            n++;
        else if (p[i] >= '0' && p[i] <= '9' && out[n - 1] < 100000)
            out[n - 1] = out[n - 1] * 10 + (p[i] - '0');
        else
            return 0;
    }
    return n;
}

static void note_mode(struct answers *a, unsigned mode, unsigned value)
{
    enum answer_mode m = value == 1 || value == 2 ? ANSWER_CAN
                         : value == 3             ? ANSWER_FIXED_ON
                                                  : ANSWER_NO;
    if (mode == 2026)
        a->sync = m;
    else if (mode == 2027)
        a->graphemes = m;
    else if (mode == 2031)
        a->scheme_reports = m;
    else if (mode == 1016)
        a->mouse_pixels = m;
}

/* CSI ? ... : everything of this form is an answer. */
static void private_answer(struct questions *q, const uint8_t *p, size_t len, uint8_t final)
{
    struct answers *a = &q->answers;
    unsigned v[PARAMS];
    bool dollar = len && p[len - 1] == '$';
    unsigned n = params(p, len - dollar, v);
    q->changed = true;
    if (final == 'c') {
        a->fence = true;
        q->asked -= q->asked > 0;
        q->cpr = q->asked ? q->cpr : 0;
        for (unsigned i = 1; i < n; i++)
            a->sixel |= v[i] == 4;
    } else if (final == 'u' && n) {
        a->kitty = true;
    } else if (final == 'y' && dollar && n >= 2) {
        note_mode(a, v[0], v[1]);
    } else if (final == 'n' && n >= 2 && v[0] == 997 && (v[1] == 1 || v[1] == 2)) {
        a->scheme = (uint8_t)v[1];
    }
}

static uint16_t pixels(unsigned n)
{
    return (uint16_t)(n > 0 && n < 65535 ? n : 0);
}

/* A CSI without prefix: true if it is an answer to us. */
static bool plain_answer(struct questions *q, const uint8_t *p, size_t len, uint8_t final)
{
    struct answers *a = &q->answers;
    unsigned v[PARAMS], n = params(p, len, v);
    if (final == 'R' && n == 2 && q->cpr && v[0] && v[1]) {
        unsigned which = WIDTH_STRINGS - q->cpr--;
        a->reports = true;
        a->width[which] = (uint8_t)(v[1] >= 2 && v[1] <= 17 ? v[1] - 1 : 0);
    } else if (final == 't' && n == 3 && v[0] == 6) {
        a->cell_h = pixels(v[1]);
        a->cell_w = pixels(v[2]);
    } else if (final == 't' && n == 3 && v[0] == 4) {
        a->area_h = pixels(v[1]);
        a->area_w = pixels(v[2]);
    } else {
        return final == 't'; /* no key */
    }
    q->changed = true;
    return true;
}

/* The answer to a fence? Its row is the terminal's last: row 1 with a small number is F3 with
 * modifiers. No other row is a key: a second answer to the same fence is dropped, if it
 * comes in one piece. */
static bool fence_answer(struct questions *q, const uint8_t *p, size_t len, uint8_t final)
{
    unsigned v[PARAMS], n = params(p, len, v);
    if (q->cpr || final != 'R' || n != 2 || !v[0] || !v[1] ||
        (v[0] == 1 && (v[1] <= 16 || !q->fences)))
        return false;
    if (!q->fences)
        return true;
    q->fences--;
    if (q->report_n < QUESTIONS_REPORTS) {
        q->report[q->report_n][0] = (uint16_t)(v[0] < 65535 ? v[0] : 65535);
        q->report[q->report_n++][1] = (uint16_t)(v[1] < 65535 ? v[1] : 65535);
    }
    return true;
}

static int hex(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One to four hexadecimal digits, scaled to 0..255; returns how many there were. */
static size_t channel(const uint8_t *p, size_t len, uint8_t *out)
{
    static const unsigned top[] = {1, 15, 255, 4095, 65535};
    unsigned v = 0;
    size_t n = 0;
    for (; n < 4 && n < len && hex(p[n]) >= 0; n++)
        v = v * 16 + (unsigned)hex(p[n]);
    *out = (uint8_t)((v * 255 + top[n] / 2) / top[n]);
    return n;
}

/* rgb:R/G/B, rgba:R/G/B/A, #RRGGBB. */
static struct answer_colour colour(const uint8_t *p, size_t len)
{
    struct answer_colour c = {0};
    uint8_t v[3] = {0};
    size_t at = 0, digits = 0;
    if (len >= 4 && !memcmp(p, "rgb:", 4))
        at = 4;
    else if (len >= 5 && !memcmp(p, "rgba:", 5))
        at = 5;
    else if (len == 7 && p[0] == '#')
        at = 1, digits = 2;
    else
        return c;
    for (unsigned i = 0; i < 3; i++) {
        size_t n = channel(p + at, digits ? digits : len - at, &v[i]);
        at += n;
        if (!n || (!digits && i < 2 && (at >= len || p[at++] != '/')))
            return c;
    }
    return (struct answer_colour){true, v[0], v[1], v[2]};
}

static void osc_answer(struct questions *q, const uint8_t *p, size_t len)
{
    struct answers *a = &q->answers;
    struct answer_colour *to = NULL;
    unsigned v[PARAMS];
    const uint8_t *semi = memchr(p, ';', len);
    if (!semi || !params(p, (size_t)(semi - p), v))
        return;
    unsigned number = v[0];
    len -= (size_t)(semi + 1 - p);
    p = semi + 1;
    if (number == 4) {
        semi = memchr(p, ';', len);
        if (!semi || !params(p, (size_t)(semi - p), v) || v[0] > 15)
            return;
        to = &a->palette[v[0]];
        len -= (size_t)(semi + 1 - p);
        p = semi + 1;
    } else {
        to = number == 10 ? &a->fg : number == 11 ? &a->bg : number == 12 ? &a->cursor : NULL;
    }
    struct answer_colour c = colour(p, len);
    if (!to || !c.known)
        return;
    *to = c;
    q->changed = true;
}

/* DCS > | text: XTVERSION. */
static void dcs_answer(struct questions *q, const uint8_t *p, size_t len)
{
    struct answers *a = &q->answers;
    size_t n = 0;
    if (len < 2 || p[0] != '>' || p[1] != '|')
        return;
    for (size_t i = 2; i < len && n < sizeof a->version - 1; i++)
        if (p[i] >= ' ' && p[i] < 0x7f)
            a->version[n++] = (char)p[i];
    a->version[n] = 0;
    q->changed = true;
}

/* ---- the machine ---- */

/* What is held is the user's after all. */
static void give_back(struct questions *q, struct buf *keys)
{
    buf_put(keys, q->held, q->held_n);
    q->held_n = 0;
    q->state = GROUND;
}

static void drop(struct questions *q)
{
    q->held_n = 0;
    q->state = GROUND;
}

static void hold(struct questions *q, uint8_t byte)
{
    if (q->held_n < QUESTIONS_HELD)
        q->held[q->held_n++] = byte;
}

/* A whole CSI is held. */
static void csi_done(struct questions *q, struct buf *keys)
{
    const uint8_t *p = q->held + 2;
    size_t len = q->held_n - 3;
    uint8_t final = q->held[q->held_n - 1];
    bool prefix = len && p[0] >= '<' && p[0] <= '?';
    if (final == '~' && len == 3 && !memcmp(p, "200", 3))
        q->paste = true;
    else if (final == '~' && len == 3 && !memcmp(p, "201", 3))
        q->paste = false;
    if (q->paste || (prefix && p[0] == '<')) { /* a mouse report */
        give_back(q, keys);
    } else if (prefix && p[0] == '?' &&
               (q->asked || (final == 'n' && len >= 4 && !memcmp(p, "?997", 4)))) {
        private_answer(q, p + 1, len - 1, final);
        drop(q);
    } else if (q->asked && prefix) {
        if (p[0] == '>' && final == 'm' && len >= 4 && p[1] == '4' && p[2] == ';')
            q->answers.modify_other = q->changed = true;
        drop(q);
    } else if (fence_answer(q, p, len, final) || (q->asked && plain_answer(q, p, len, final))) {
        drop(q);
    } else {
        give_back(q, keys);
    }
}

/* The string is the answer with the clipboard, which needs more room than is held. */
static bool is_clip(const struct questions *q)
{
    return q->clip_until_us && q->held_n >= 5 && !memcmp(q->held, "\033]52;", 5);
}

static void string_done(struct questions *q, size_t tail)
{
    if (is_clip(q)) {
        if (!buf_err(&q->clip) && buf_len(&q->clip) >= tail) {
            buf_trim(&q->clip, buf_len(&q->clip) - tail);
            q->clip_whole = true;
        }
        q->clip_until_us = 0;
        drop(q);
        return;
    }
    /* A string that did not fit means nothing to us. */
    if (q->string + 2 == q->held_n && q->held_n >= 2 + tail) {
        const uint8_t *p = q->held + 2;
        size_t len = q->held_n - 2 - tail;
        if (q->held[1] == ']')
            osc_answer(q, p, len);
        else
            dcs_answer(q, p, len);
    }
    drop(q);
}

/* Strings begin keys too (Alt-], Alt-P), so they are answers only while these are awaited. */
static void after_esc(struct questions *q, uint8_t byte, struct buf *keys)
{
    hold(q, byte);
    if (byte == '[') {
        q->state = CSI;
    } else if (byte == 'O') {
        q->state = SS3;
    } else if (((q->asked && byte == 'P') || ((q->asked || q->clip_until_us) && byte == ']')) &&
               !q->paste) {
        q->state = STRING;
        q->string = 0;
        buf_release(&q->clip);
    } else if (byte == 0x1b) {
        q->held_n--;
        give_back(q, keys);
        hold(q, byte);
        q->state = ESC;
    } else {
        give_back(q, keys);
    }
}

static void in_csi(struct questions *q, uint8_t byte, struct buf *keys)
{
    if (byte < 0x20 || byte > 0x7e || q->held_n == QUESTIONS_HELD) {
        /* Cut off in the middle of an answer, or no key in any case. */
        if (q->asked && !q->paste &&
            (q->held_n == QUESTIONS_HELD || (q->held_n > 2 && q->held[2] == '?')))
            drop(q);
        else
            give_back(q, keys);
        if (byte == 0x1b) {
            hold(q, byte);
            q->state = ESC;
        } else {
            buf_put_u8(keys, byte);
        }
        return;
    }
    hold(q, byte);
    /* The Linux console's F1 to F5 are CSI [ A and so on. */
    if (byte >= 0x40 && !(byte == '[' && q->held_n == 3))
        csi_done(q, keys);
}

static void keep_string(struct questions *q, uint8_t byte)
{
    if (is_clip(q))
        buf_put_u8(&q->clip, byte);
    else
        hold(q, byte);
    q->string++;
}

static void in_string(struct questions *q, uint8_t byte, struct buf *keys)
{
    if (q->state == STRING_ESC && byte == '\\') {
        keep_string(q, byte);
        string_done(q, 2);
        return;
    }
    if (q->state == STRING_ESC) { /* cut off by another sequence */
        drop(q);
        hold(q, 0x1b);
        after_esc(q, byte, keys);
        return;
    }
    if (byte < 0x20 && byte != '\a' && byte != 0x1b) { /* a key of the user's: no answer has one */
        drop(q);
        buf_put_u8(keys, byte);
        return;
    }
    keep_string(q, byte);
    if (byte == '\a')
        string_done(q, 1);
    else if (byte == 0x1b)
        q->state = STRING_ESC;
    else if (q->string > QUESTIONS_STRING_MAX && !is_clip(q))
        drop(q);
}

static void feed_byte(struct questions *q, uint8_t byte, uint64_t now_us, struct buf *keys)
{
    switch (q->state) {
    case ESC:
        after_esc(q, byte, keys);
        break;
    case CSI:
        in_csi(q, byte, keys);
        break;
    case STRING:
    case STRING_ESC:
        in_string(q, byte, keys);
        break;
    case SS3:
        hold(q, byte);
        give_back(q, keys);
        break;
    default:
        if (byte != 0x1b) {
            buf_put_u8(keys, byte);
            return;
        }
        hold(q, byte);
        q->state = ESC;
    }
    q->since_us = now_us;
}

void questions_feed(struct questions *q, const void *bytes, size_t len, uint64_t now_us,
                    struct buf *keys)
{
    const uint8_t *p = bytes;
    questions_tick(q, now_us, keys);
    for (size_t i = 0; i < len; i++) {
        const uint8_t *esc = q->state == GROUND ? memchr(p + i, 0x1b, len - i) : p + i;
        size_t keys_n = esc ? (size_t)(esc - p) - i : len - i;
        buf_put(keys, p + i, keys_n);
        i += keys_n;
        if (i < len)
            feed_byte(q, p[i], now_us, keys);
    }
    /* No key waits for its rest once all answers are there: the Escape key least of all. */
    bool maybe = (q->held_n > 2 && q->held[2] == '?' && !q->paste) ||
                 (q->clip_until_us && (q->state == STRING || q->state == STRING_ESC));
    if (!q->asked && !q->fences && q->state != GROUND && !maybe)
        give_back(q, keys);
}

static uint64_t held_until(const struct questions *q)
{
    if (q->state == GROUND)
        return UINT64_MAX;
    return q->since_us + (q->held_n <= 2 ? QUESTIONS_ESC_US : QUESTIONS_STALL_US);
}

void questions_tick(struct questions *q, uint64_t now_us, struct buf *keys)
{
    if (q->asked && now_us - q->asked_us >= QUESTIONS_WAIT_US)
        q->waited = true;
    if (now_us >= q->clip_until_us)
        q->clip_until_us = 0;
    if (now_us < held_until(q))
        return;
    if (q->held_n <= 2 || !q->asked)
        give_back(q, keys);
    else
        drop(q);
}

uint64_t questions_deadline(const struct questions *q)
{
    uint64_t held = held_until(q);
    uint64_t wait = q->asked && !q->waited ? q->asked_us + QUESTIONS_WAIT_US : UINT64_MAX;
    return held < wait ? held : wait;
}

bool questions_due(const struct questions *q, uint64_t now_us)
{
    return !q->asked || q->waited || now_us - q->asked_us >= QUESTIONS_WAIT_US;
}

bool questions_changed(struct questions *q)
{
    bool changed = q->changed;
    q->changed = false;
    return changed;
}
