#include "term/palette.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const struct colours unchanged;

struct colours *colours_ref(struct colours *c)
{
    if (c)
        c->refs++;
    return c;
}

void colours_unref(struct colours *c)
{
    if (c && !--c->refs)
        free(c);
}

struct colours *colours_own(struct colours **slot)
{
    struct colours *old = *slot;
    if (old && old->refs == 1)
        return old;
    struct colours *c = mem_resize(NULL, 1, sizeof *c);
    *c = old ? *old : unchanged;
    c->refs = 1;
    colours_unref(old);
    *slot = c;
    return c;
}

bool colours_equal(const struct colours *a, const struct colours *b)
{
    if (a == b)
        return true;
    a = a ? a : &unchanged;
    b = b ? b : &unchanged;
    return !memcmp(a->dynamic, b->dynamic, sizeof a->dynamic) &&
           !memcmp(a->palette, b->palette, sizeof a->palette);
}

static void put_spec(struct buf *out, uint32_t c)
{
    buf_printf(out, "rgb:%02x/%02x/%02x", c >> 16 & 255, c >> 8 & 255, c & 255);
}

void colours_put(struct buf *out, const struct colours *from, const struct colours *to)
{
    if (from == to)
        return;
    from = from ? from : &unchanged;
    to = to ? to : &unchanged;
    for (unsigned i = 0; i < DYNAMIC_COLOURS; i++) {
        uint32_t c = to->dynamic[i];
        if (c == from->dynamic[i])
            continue;
        buf_printf(out, c ? "\033]%u;" : "\033]%u", DYNAMIC_FIRST + i + (c ? 0 : 100));
        if (c)
            put_spec(out, c);
        buf_put_text(out, "\033\\");
    }
    for (unsigned i = 0; i < PALETTE_COLOURS; i++) {
        uint32_t c = to->palette[i];
        if (c == from->palette[i])
            continue;
        buf_printf(out, c ? "\033]4;%u;" : "\033]104;%u", i);
        if (c)
            put_spec(out, c);
        buf_put_text(out, "\033\\");
    }
}

/* ---- reading ---- */

static int hex(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One to four digits; the top 8 bits of what they say. `scaled`: of the full range (rgb:), else the
 * digits are the high ones (#). */
static bool part(const uint8_t *s, size_t n, bool scaled, uint32_t *out)
{
    uint32_t v = 0, most = 0;
    if (!n || n > 4)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (hex(s[i]) < 0)
            return false;
        v = v << 4 | (uint32_t)hex(s[i]);
        most = most << 4 | 15;
    }
    *out = *out << 8 | (scaled ? v * 0xffff / most >> 8 : v << (16 - 4 * n) >> 8);
    return true;
}

static bool three_parts(const uint8_t *s, size_t len, uint32_t *out)
{
    for (int i = 0; i < 3; i++) {
        const uint8_t *slash = len ? memchr(s, '/', len) : NULL;
        size_t n = slash ? (size_t)(slash - s) : len;
        if ((i < 2) != (slash != NULL) || !part(s, n, true, out))
            return false;
        if (slash)
            s += n + 1, len -= n + 1;
    }
    return true;
}

static const struct {
    const char *name;
    uint32_t rgb;
} names[] = {
    {"black", 0x000000},   {"red", 0xff0000},     {"green", 0x00ff00},    {"yellow", 0xffff00},
    {"blue", 0x0000ff},    {"magenta", 0xff00ff}, {"cyan", 0x00ffff},     {"white", 0xffffff},
    {"gray", 0xbebebe},    {"grey", 0xbebebe},    {"orange", 0xffa500},   {"brown", 0xa52a2a},
    {"pink", 0xffc0cb},    {"purple", 0xa020f0},  {"gold", 0xffd700},     {"navy", 0x000080},
    {"darkred", 0x8b0000}, {"darkgreen", 0x6400}, {"darkblue", 0x00008b}, {"violet", 0xee82ee},
};

static bool named(const uint8_t *s, size_t len, uint32_t *out)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = 0;
        while (n < len && names[i].name[n] && (s[n] | 0x20) == names[i].name[n])
            n++;
        if (n == len && !names[i].name[n]) {
            *out = names[i].rgb;
            return true;
        }
    }
    return false;
}

bool colour_parse(const uint8_t *s, size_t len, uint32_t *colour)
{
    uint32_t c = 0;
    bool ok;
    if (len >= 4 && s[0] == '#' && len % 3 == 1 && len <= 13) {
        size_t n = (len - 1) / 3;
        ok = part(s + 1, n, false, &c) && part(s + 1 + n, n, false, &c) &&
             part(s + 1 + 2 * n, n, false, &c);
    } else if (len > 4 && !memcmp(s, "rgb:", 4)) {
        ok = three_parts(s + 4, len - 4, &c);
    } else {
        ok = named(s, len, &c);
    }
    if (ok)
        *colour = COLOUR_RGB | c;
    return ok;
}
