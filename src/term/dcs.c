/* Device control strings: DECRQSS and XTGETTCAP. */
#include "term/report.h"

/* ---- DECRQSS ---- */

static void put_colour(struct buf *b, uint32_t c, unsigned base)
{
    unsigned v = c & 0xff;
    if (COLOUR_KIND(c) == COLOUR_RGB)
        buf_printf(b, ";%u:2::%u:%u:%u", base + 8, c >> 16 & 255, c >> 8 & 255, v);
    else if (c && base != 50 && v < 8)
        buf_printf(b, ";%u", base + v);
    else if (c && base != 50 && v < 16)
        buf_printf(b, ";%u", base + 60 + v - 8);
    else if (c)
        buf_printf(b, ";%u:5:%u", base + 8, v);
}

/* The rendition, in the order in which xterm tells it. */
static void put_pen(struct buf *b, const struct pen *p)
{
    static const struct {
        uint16_t attr;
        const char *sgr;
    } attrs[] = {
        {ATTR_BOLD, ";1"},    {ATTR_UNDERLINE, NULL}, {ATTR_BLINK, ";5"},
        {ATTR_INVERSE, ";7"}, {ATTR_INVISIBLE, ";8"}, {ATTR_FAINT, ";2"},
        {ATTR_ITALIC, ";3"},  {ATTR_STRIKE, ";9"},    {ATTR_OVERLINE, ";53"},
    };
    static const char *const underline[8] = {"", ";4", "", ";4:3", ";4:4", ";4:5", "", ""};
    unsigned style = p->attr >> ATTR_UNDERLINE_SHIFT & 7;
    buf_put_u8(b, '0');
    for (size_t i = 0; i < sizeof attrs / sizeof attrs[0]; i++)
        if (p->attr & attrs[i].attr)
            buf_put_text(b, attrs[i].sgr ? attrs[i].sgr : underline[style]);
    if (style == 2) /* behind all others */
        buf_put_text(b, ";21");
    put_colour(b, p->fg, 30);
    put_colour(b, p->bg, 40);
    put_colour(b, p->ul, 50);
    buf_put_u8(b, 'm');
}

/* The setting that the text names, put as the control that makes it. False: none that is known. */
static bool put_setting(struct term *t, struct buf *b, const char *what)
{
    unsigned rows = t->grid->rows, cols = t->grid->cols;
    if (!strcmp(what, "m"))
        put_pen(b, &t->w.pen);
    else if (!strcmp(what, "r"))
        buf_printf(b, "%u;%ur", t->w.top + 1u, t->w.bottom + 1u);
    else if (!strcmp(what, "s"))
        buf_printf(b, "%u;%us", t->w.left + 1u, t->w.right + 1u);
    else if (!strcmp(what, " q"))
        buf_printf(b, "%u q", t->modes.cursor_shape);
    else if (!strcmp(what, "\"p"))
        buf_printf(b, "%u;%u\"p", t->level, t->c1_8bit ? 0u : 1u);
    else if (!strcmp(what, "\"q"))
        buf_printf(b, "%u\"q", t->w.protect && t->w.protection == PROTECTION_DEC ? 1u : 0u);
    else if (!strcmp(what, "*x"))
        buf_printf(b, "%u*x", t->w.rect_exact ? 2u : 1u);
    else if (!strcmp(what, "t"))
        buf_printf(b, "%ut", rows);
    else if (!strcmp(what, "$|"))
        buf_printf(b, "%u$|", cols);
    else if (!strcmp(what, "*|"))
        buf_printf(b, "%u*|", rows);
    else
        return false;
    return true;
}

static void request_setting(struct term *t, const uint8_t *s, size_t len)
{
    char what[4] = "";
    struct buf b;
    report_begin(&b);
    buf_put_text(&b, "\033P1$r");
    if (len < sizeof what)
        memcpy(what, s, len);
    if (!put_setting(t, &b, what)) {
        buf_clear(&b);
        buf_put_text(&b, "\033P0$r");
    }
    buf_put_text(&b, "\033\\");
    report_end(t, &b);
}

/* ---- XTGETTCAP ---- */

/* What may be asked, and what of the user's terminal it takes. TERM is xterm-256color. A value of
 * NULL: it has none, it is merely true. */
static const struct {
    const char *name, *value;
    uint32_t needs;
} terminfo[] = {
    {"TN", "xterm-256color", 0},
    {"name", "xterm-256color", 0},
    {"Co", "256", 0},
    {"colors", "256", 0},
    {"RGB", "8", TERM_CAN_RGB},
    {"Tc", NULL, TERM_CAN_RGB},
    {"Su", NULL, TERM_CAN_UNDERLINES},
    {"Smulx", "\033[4:%p1%dm", TERM_CAN_UNDERLINES},
    {"Setulc", "\033[58:2::%p1%{65536}%/%d:%p1%{256}%/%{255}%&%d:%p1%{255}%&%d%;m",
     TERM_CAN_UNDERLINES},
    {"Ss", "\033[%p1%d q", TERM_CAN_SHAPE},
    {"Se", "\033[0 q", TERM_CAN_SHAPE},
    {"Ms", "\033]52;%p1%s;%p2%s\007", TERM_CAN_CLIP},
    {"Sync", "\033[?2026%?%p1%{1}%-%tl%eh%;", 0},
    {"BE", "\033[?2004h", 0},
    {"BD", "\033[?2004l", 0},
};
#define NAME_MAX_BYTES 16

static int hex(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Two digits a byte. False: not that, or longer than any name. */
static bool unhex(const uint8_t *s, size_t len, char name[static NAME_MAX_BYTES + 1])
{
    if (!len || len % 2 || len > 2 * NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < len; i += 2) {
        int high = hex(s[i]), low = hex(s[i + 1]);
        if (high < 0 || low < 0 || !(high | low))
            return false;
        name[i / 2] = (char)(high << 4 | low);
    }
    name[len / 2] = 0;
    return true;
}

static bool put_capability(const struct term *t, struct buf *b, const uint8_t *s, size_t len)
{
    char name[NAME_MAX_BYTES + 1];
    if (!unhex(s, len, name))
        return false;
    for (size_t i = 0; i < sizeof terminfo / sizeof terminfo[0]; i++) {
        if (strcmp(terminfo[i].name, name) ||
            (terminfo[i].needs && !(terminfo[i].needs & t->facts.can)))
            continue;
        buf_put(b, s, len);
        if (terminfo[i].value)
            buf_put_u8(b, '=');
        for (const char *v = terminfo[i].value; v && *v; v++)
            buf_printf(b, "%02X", (unsigned)(uint8_t)*v);
        return true;
    }
    return false;
}

/* One answer with all names up to the first unknown one, as xterm. */
static void request_capabilities(struct term *t, const uint8_t *s, size_t len)
{
    struct buf b;
    bool any = false;
    report_begin(&b);
    buf_put_text(&b, "\033P1+r");
    for (;;) {
        const uint8_t *semi = len ? memchr(s, ';', len) : NULL;
        size_t n = semi ? (size_t)(semi - s) : len;
        if (!put_capability(t, &b, s, n))
            break;
        any = true;
        if (!semi)
            break;
        buf_put_u8(&b, ';');
        s = semi + 1;
        len -= n + 1;
    }
    if (!any) {
        buf_clear(&b);
        buf_put_text(&b, "\033P0+r");
    }
    buf_put_text(&b, "\033\\");
    report_end(t, &b);
}

void dcs_apply(struct term *t)
{
    const uint8_t *s = buf_data(&t->parser.osc);
    size_t len = buf_len(&t->parser.osc);
    if (t->config.replica || len < 2 || s[1] != 'q')
        return;
    if (s[0] == '$')
        request_setting(t, s + 2, len - 2);
    else if (s[0] == '+')
        request_capabilities(t, s + 2, len - 2);
}
