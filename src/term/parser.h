/* Bytes to control functions: UTF-8 first, then Paul Williams' state machine of the VT500 family
 * (vt100.net/emu/dec_ansi_parser) on code points, as mosh-protocol.md §9.3 has it. Deviations from
 * Williams: code points from U+00A0 on count as letters, C1 are U+0080..U+009F, OSC ends at BEL
 * too, a DCS is collected whole and handed over at ST, and either is thrown away when something
 * else cuts it (xterm), APC, PM and SOS are swallowed, `:` separates sub-parameters. Pulled: each
 * call gives the next thing, so that text is handed out in runs. */
#ifndef TERN_TERM_PARSER_H
#define TERN_TERM_PARSER_H

#include "base/buf.h"
#include "base/utf8.h"

/* Characters of a parameter string that count; the rest is dropped. */
#define PARSER_PARAM_CHARS 100
#define PARSER_PARAMS      (PARSER_PARAM_CHARS + 1)
/* Larger parameters stand for this one. */
#define PARSER_PARAM_MAX 65535
/* Intermediate and private characters kept; a sequence with more is none that we know. */
#define PARSER_INTERS 8
/* Characters of strings that are kept. A DCS with more is none that we know; of APC, PM and SOS
 * strings nothing is kept. */
#define PARSER_OSC_CHARS 16384
/* The same of OSC 52: a clipboard of 1 MiB in base64, its targets, and one more, so that a longer
 * one is known as such. */
#define PARSER_CLIP_CHARS 1398125
#define PARSER_DCS_CHARS  4096
#define PARSER_APC_CHARS  0
/* Code points handed out at once. */
#define PARSER_RUNES 128

enum parse {
    PARSE_END,     /* all bytes are used up */
    PARSE_TEXT,    /* text, text_len: printable ASCII (0x20..0x7E), borrowed from the input */
    PARSE_RUNES,   /* rune, runes: printable code points, others than ASCII among them */
    PARSE_CONTROL, /* final: a C0 control */
    PARSE_ESC,     /* inter, final; C1 controls come as the ESC that they abbreviate */
    PARSE_CSI,     /* inter (private characters first), value, final */
    PARSE_OSC,     /* osc: UTF-8 without controls; bel: how it ended */
    PARSE_DCS      /* osc: the same of a DCS, from its parameters on */
};

enum parser_state {
    PARSER_GROUND,
    PARSER_ESCAPE,
    PARSER_ESCAPE_INTER,
    PARSER_CSI_ENTRY,
    PARSER_CSI_PARAM,
    PARSER_CSI_INTER,
    PARSER_CSI_IGNORE,
    PARSER_OSC,
    PARSER_DCS,
    PARSER_STRING
};

struct parser {
    uint8_t state; /* enum parser_state */
    uint8_t inter_n;
    uint8_t inter[PARSER_INTERS];
    bool colon;      /* a `:` was among the parameters */
    bool bel;        /* the OSC ended by BEL, not by ST */
    uint8_t cut;     /* PARSER_OSC, PARSER_DCS: the ESC being read cut one: with \ it is its end */
    uint8_t chars;   /* of the parameter string so far */
    uint8_t last;    /* index of the last parameter */
    uint32_t final;  /* a code point */
    uint64_t sub[2]; /* bit i: parameter i follows a `:` */
    int32_t value[PARSER_PARAMS]; /* -1 = empty; at most PARSER_PARAM_MAX */
    struct utf8 utf8;
    const uint8_t *text;
    size_t text_len;
    size_t runes;
    uint32_t rune[PARSER_RUNES];
    struct buf osc; /* what is kept of the string being read */
    uint32_t osc_chars, osc_most;
    bool osc_cut; /* not all of it */
};

void parser_init(struct parser *p);
void parser_fini(struct parser *p);
/* Back to the ground state: nothing half-read. */
void parser_reset(struct parser *p);

/* The next thing in [*at, end); *at moves behind it. What p holds of it is valid until the next
 * call. */
enum parse parser_next(struct parser *p, const uint8_t **at, const uint8_t *end);

/* How many parameters there are: 0 when the string was empty. */
static inline unsigned parser_count(const struct parser *p)
{
    return p->chars ? p->last + 1u : 0;
}
/* Parameter i, or fallback where it is missing or empty. */
static inline int32_t parser_raw(const struct parser *p, unsigned i, int32_t fallback)
{
    if (i >= PARSER_PARAMS || i > p->last || p->value[i] < 0)
        return fallback;
    return p->value[i];
}
/* The same, 0 being the default too. */
static inline int32_t parser_arg(const struct parser *p, unsigned i, int32_t fallback)
{
    int32_t v = parser_raw(p, i, 0);
    return v ? v : fallback;
}
static inline bool parser_sub(const struct parser *p, unsigned i)
{
    return p->sub[i / 64] >> i % 64 & 1;
}

#endif
