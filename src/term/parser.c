#include "term/parser.h"

#include <string.h>

enum { CAN = 0x18, SUB = 0x1a, ESC = 0x1b, DEL = 0x7f, BEL = 0x07 };

/* An OSC buffer larger than this is given back after use. */
#define OSC_KEEP 512

void parser_init(struct parser *p)
{
    memset(p, 0, sizeof *p);
    buf_init(&p->osc, PARSER_CLIP_CHARS + UTF8_MAX);
}

void parser_fini(struct parser *p)
{
    buf_fini(&p->osc);
}

void parser_reset(struct parser *p)
{
    p->state = PARSER_GROUND;
    p->utf8.left = 0;
    p->cut = PARSER_GROUND;
    buf_release(&p->osc);
}

static void sequence_begin(struct parser *p, enum parser_state state)
{
    p->state = (uint8_t)state;
    p->inter_n = 0;
    p->colon = false;
    p->cut = PARSER_GROUND;
    p->chars = 0;
    p->last = 0;
    p->sub[0] = p->sub[1] = 0;
    p->value[0] = -1;
}

static void string_begin(struct parser *p, enum parser_state state)
{
    p->state = (uint8_t)state;
    p->osc_chars = 0;
    p->osc_most = state == PARSER_DCS ? PARSER_DCS_CHARS : PARSER_OSC_CHARS;
    p->osc_cut = p->bel = false;
    buf_clear(&p->osc);
    if (p->osc.size > OSC_KEEP)
        buf_release(&p->osc);
}

/* A clipboard may be longer than other OSC strings. */
static void osc_begin(struct parser *p, const uint8_t *s, size_t n)
{
    uint8_t begin[3];
    size_t had = buf_len(&p->osc);
    if (had > 3 || had + n < 3)
        return;
    if (had)
        memcpy(begin, buf_data(&p->osc), had);
    memcpy(begin + had, s, 3 - had);
    if (!memcmp(begin, "52;", 3))
        p->osc_most = PARSER_CLIP_CHARS;
}

/* Keep so many characters of n bytes of the string being read, or as many as may be kept. */
static void string_put(struct parser *p, const uint8_t *s, size_t n, size_t chars)
{
    if (p->state == PARSER_OSC && p->osc_chars < 3)
        osc_begin(p, s, n);
    size_t left = p->osc_most - p->osc_chars;
    if (chars > left) {
        p->osc_cut = true;
        if (n == chars)
            n = left; /* ASCII */
        else if (!left)
            n = 0;
        chars = left;
    }
    buf_put(&p->osc, s, n);
    p->osc_chars += (uint32_t)chars;
}

static void collect(struct parser *p, uint32_t cp, enum parser_state state)
{
    p->state = (uint8_t)state;
    if (p->inter_n < PARSER_INTERS)
        p->inter[p->inter_n++] = (uint8_t)cp;
}

static void param_char(struct parser *p, uint32_t c)
{
    if (p->chars == PARSER_PARAM_CHARS)
        return;
    p->chars++;
    int32_t *v = &p->value[p->last];
    if (c <= '9') {
        *v = (*v < 0 ? 0 : *v) * 10 + (int32_t)(c - '0');
        if (*v > PARSER_PARAM_MAX)
            *v = PARSER_PARAM_MAX;
        return;
    }
    p->last++;
    v[1] = -1;
    if (c == ':') {
        p->colon = true;
        p->sub[p->last / 64] |= (uint64_t)1 << p->last % 64;
    }
}

/* ESC final, or the C1 control that stands for it. */
static enum parse escape_final(struct parser *p, uint32_t cp)
{
    uint8_t cut = p->cut;
    p->state = p->cut = PARSER_GROUND;
    if (!p->inter_n) {
        switch (cp) {
        case '\\':
            if (cut == PARSER_OSC)
                return PARSE_OSC;
            if (cut == PARSER_DCS && !p->osc_cut)
                return PARSE_DCS;
            break;
        case '[':
            sequence_begin(p, PARSER_CSI_ENTRY);
            return PARSE_END;
        case ']':
            string_begin(p, PARSER_OSC);
            return PARSE_END;
        case 'P':
            string_begin(p, PARSER_DCS);
            return PARSE_END;
        case 'X':
        case '^':
        case '_':
            string_begin(p, PARSER_STRING);
            return PARSE_END;
        }
    }
    p->final = cp;
    return PARSE_ESC;
}

/* What acts in every state: CAN, SUB, ESC and C1. A string that they cut is thrown away, unless it
 * is ST that follows. */
static enum parse anywhere(struct parser *p, uint32_t cp)
{
    uint8_t cut = p->state == PARSER_OSC || p->state == PARSER_DCS ? p->state : PARSER_GROUND;
    if (cp == ESC && p->state == PARSER_ESCAPE) /* ESC ESC \ is ST still (xterm) */
        cut = p->cut;
    if (cp == CAN || cp == SUB) {
        p->state = PARSER_GROUND;
        return PARSE_END;
    }
    sequence_begin(p, PARSER_ESCAPE);
    p->cut = cut;
    return cp == ESC ? PARSE_END : escape_final(p, cp - 0x40);
}

static enum parse csi_step(struct parser *p, uint32_t c, uint32_t cp)
{
    if (c < 0x20) {
        p->final = cp;
        return PARSE_CONTROL;
    }
    if (c < 0x30) {
        if (p->state != PARSER_CSI_IGNORE)
            collect(p, c, PARSER_CSI_INTER);
    } else if (c < 0x3c && p->state <= PARSER_CSI_PARAM) {
        p->state = PARSER_CSI_PARAM;
        param_char(p, c);
    } else if (c < 0x40 && p->state == PARSER_CSI_ENTRY) {
        collect(p, c, PARSER_CSI_ENTRY);
    } else if (c < 0x40) {
        p->state = PARSER_CSI_IGNORE;
    } else if (c < DEL) {
        bool ignore = p->state == PARSER_CSI_IGNORE;
        p->state = PARSER_GROUND;
        p->final = cp;
        return ignore ? PARSE_END : PARSE_CSI;
    }
    return PARSE_END;
}

/* A code point outside the ground state. PARSE_END: nothing to tell yet. */
static enum parse step(struct parser *p, uint32_t cp)
{
    if (cp == ESC || cp == CAN || cp == SUB || (cp >= 0x80 && cp < 0xa0))
        return anywhere(p, cp);
    uint32_t c = cp < 0xa0 ? cp : 'A';
    switch (p->state) {
    case PARSER_STRING:
        return PARSE_END;
    case PARSER_OSC:
        if (cp == BEL) {
            p->state = PARSER_GROUND;
            p->bel = true;
            return PARSE_OSC;
        }
        /* fall through */
    case PARSER_DCS:
        if (c >= 0x20 && c != DEL) {
            uint8_t u[UTF8_MAX];
            string_put(p, u, utf8_put(u, cp), 1);
        }
        return PARSE_END;
    case PARSER_ESCAPE:
    case PARSER_ESCAPE_INTER:
        if (c < 0x20) {
            p->final = cp;
            return PARSE_CONTROL;
        }
        if (c < 0x30)
            collect(p, c, PARSER_ESCAPE_INTER);
        else if (c < DEL)
            return escape_final(p, cp);
        return PARSE_END;
    default:
        return csi_step(p, c, cp);
    }
}

/* Decode the next code point of [*at, end), which is not empty. False: it goes on behind end. */
static bool decode(struct parser *p, const uint8_t **at, const uint8_t *end, uint32_t *cp)
{
    struct utf8 *u = &p->utf8;
    uint32_t out[2];
    while (*at < end) {
        if (u->left && (**at < u->lo || **at > u->hi)) {
            /* Ill-formed; the byte that shows it is read again. */
            u->left = 0;
            *cp = UTF8_BAD;
            return true;
        }
        if (utf8_feed(u, *(*at)++, out)) {
            *cp = out[0];
            return true;
        }
    }
    return false;
}

/* How many of the first bytes of [s, end) are 0x20..0x7E. */
static size_t ascii_run(const uint8_t *s, const uint8_t *end)
{
    const uint8_t *p = s;
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    while (end - p >= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        /* High bit of each byte that is < 0x20, or 0x7F, or >= 0x80. */
        uint64_t bad = (w | (w - ones * 0x20) | (w + ones)) & high;
        if (bad) /* the lowest such bit is exact: nothing below it borrowed or carried */
            return (size_t)(p - s) + (size_t)__builtin_ctzll(bad) / 8;
        p += 8;
    }
    while (p < end && *p >= 0x20 && *p < DEL)
        p++;
    return (size_t)(p - s);
}

/* Well-formed UTF-8 of two to four bytes, whole in [s, end): its length and *cp; else 0. */
static inline unsigned decode_fast(const uint8_t *s, const uint8_t *end, uint32_t *cp)
{
    if (s[0] >= 0xe1 && s[0] <= 0xec && end - s >= 3) {
        *cp = (uint32_t)(s[0] & 0x0f) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (s[2] & 0x3f);
        return (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80 ? 3 : 0;
    }
    if (s[0] >= 0xc2 && s[0] <= 0xdf && end - s >= 2) {
        *cp = (uint32_t)(s[0] & 0x1f) << 6 | (s[1] & 0x3f);
        return (s[1] & 0xc0) == 0x80 && *cp >= 0xa0 ? 2 : 0;
    }
    if (s[0] >= 0xf0 && s[0] <= 0xf3 && end - s >= 4) {
        *cp = (uint32_t)(s[0] & 0x07) << 18 | (uint32_t)(s[1] & 0x3f) << 12 |
              (uint32_t)(s[2] & 0x3f) << 6 | (s[3] & 0x3f);
        return (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80 && (s[3] & 0xc0) == 0x80 &&
                       *cp >= 0x10000
                   ? 4
                   : 0;
    }
    return 0;
}

/* Printable code points, as many as fit; ASCII among them too, but a longer run of it ends the row,
 * since PARSE_TEXT is faster. Stops before what is not printable. */
static size_t rune_run(struct parser *p, const uint8_t **at, const uint8_t *end)
{
    size_t n = 0;
    const uint8_t *s = *at;
    while (s < end && n < PARSER_RUNES) {
        uint32_t cp;
        if (*s < 0x80) {
            if (*s < 0x20 || *s >= DEL || !n)
                break;
            size_t run = ascii_run(s, end - s > 9 ? s + 9 : end);
            if (run > 8)
                break;
            while (run-- && n < PARSER_RUNES)
                p->rune[n++] = *s++;
            continue;
        }
        unsigned len = decode_fast(s, end, &cp);
        if (!len)
            break;
        p->rune[n++] = cp;
        s += len;
    }
    *at = s;
    return n;
}

/* Plain ASCII of a string, all that there is of it at once. */
static bool string_fast(struct parser *p, const uint8_t **at, const uint8_t *end)
{
    if (p->state < PARSER_OSC || p->utf8.left)
        return false;
    size_t n = ascii_run(*at, end);
    if (n && p->state != PARSER_STRING)
        string_put(p, *at, n, n);
    *at += n;
    return n;
}

/* What csi_fast takes. */
static inline bool csi_plain(uint8_t c)
{
    return (c >= '0' && c <= '9') || c == ';' || (c >= 0x40 && c < DEL);
}

/* The common CSI in one go: digits, semicolons, final. */
static inline enum parse csi_fast(struct parser *p, const uint8_t **at, const uint8_t *end)
{
    const uint8_t *s = *at;
    unsigned last = p->last, chars = p->chars;
    int32_t v = p->value[last];
    enum parse got = PARSE_END;
    for (; s < end; s++) {
        unsigned c = *s, digit = c - '0';
        if (digit <= 9) {
            if (chars == PARSER_PARAM_CHARS)
                continue; /* beyond what counts */
            chars++;
            v = (v < 0 ? 0 : v) * 10 + (int32_t)digit;
            if (v > PARSER_PARAM_MAX)
                v = PARSER_PARAM_MAX;
        } else if (c == ';') {
            if (chars == PARSER_PARAM_CHARS)
                continue;
            chars++;
            p->value[last++] = v;
            v = -1;
        } else {
            if (c >= 0x40 && c < DEL) {
                p->final = c;
                s++;
                got = PARSE_CSI;
            }
            break;
        }
    }
    if (got == PARSE_CSI)
        p->state = PARSER_GROUND;
    else if (chars != p->chars)
        p->state = PARSER_CSI_PARAM;
    p->value[last] = v;
    p->last = (uint8_t)last;
    p->chars = (uint8_t)chars;
    *at = s;
    return got;
}

static enum parse ground(struct parser *p, const uint8_t **at, const uint8_t *end)
{
    if (!p->utf8.left) {
        uint8_t c = **at;
        if (c < 0x20) {
            ++*at;
            p->final = c;
            if (c != ESC)
                return PARSE_CONTROL;
            if (*at == end || **at != '[') {
                sequence_begin(p, PARSER_ESCAPE);
                return PARSE_END;
            }
            ++*at;
            sequence_begin(p, PARSER_CSI_ENTRY);
            return csi_fast(p, at, end);
        }
        if (c < DEL) {
            p->text = *at;
            p->text_len = ascii_run(*at, end);
            *at += p->text_len;
            return PARSE_TEXT;
        }
        if (c == DEL) {
            ++*at;
            return PARSE_END;
        }
        p->runes = rune_run(p, at, end);
        if (p->runes)
            return PARSE_RUNES;
    }
    uint32_t cp;
    if (!decode(p, at, end, &cp))
        return PARSE_END;
    if (cp >= 0x80 && cp < 0xa0)
        return anywhere(p, cp);
    p->rune[0] = cp;
    p->runes = 1;
    return PARSE_RUNES;
}

enum parse parser_next(struct parser *p, const uint8_t **at, const uint8_t *end)
{
    enum parse got;
    uint32_t cp;
    while (*at < end) {
        if (p->state == PARSER_GROUND) {
            got = ground(p, at, end);
        } else if (p->state == PARSER_ESCAPE && **at == '[' && !p->utf8.left) {
            ++*at;
            p->state = PARSER_CSI_ENTRY;
            got = PARSE_END;
        } else if ((p->state == PARSER_CSI_ENTRY || p->state == PARSER_CSI_PARAM) &&
                   !p->utf8.left && csi_plain(**at)) {
            got = csi_fast(p, at, end);
        } else if (string_fast(p, at, end)) {
            got = PARSE_END;
        } else {
            if (!decode(p, at, end, &cp))
                return PARSE_END;
            got = step(p, cp);
        }
        if (got != PARSE_END)
            return got;
    }
    return PARSE_END;
}
