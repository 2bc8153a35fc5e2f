#include "base/addr.h"

#include "base/err.h"

#include <stdio.h>
#include <string.h>

bool addr_same_host(const struct addr *a, const struct addr *b)
{
    return a->family == b->family && a->scope == b->scope && !memcmp(a->ip, b->ip, sizeof a->ip);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
    return a->port == b->port && addr_same_host(a, b);
}

bool addr_private(const struct addr *a)
{
    const uint8_t *p = a->ip;
    if (a->family == ADDR_V4)
        return p[0] == 10 || p[0] == 127 || (p[0] == 172 && (p[1] & 0xf0) == 16) ||
               (p[0] == 192 && p[1] == 168) || (p[0] == 169 && p[1] == 254) ||
               (p[0] == 100 && (p[1] & 0xc0) == 64);
    if (a->family == ADDR_V6) {
        static const uint8_t loopback[16] = {[15] = 1};
        return (p[0] & 0xfe) == 0xfc || (p[0] == 0xfe && (p[1] & 0xc0) == 0x80) ||
               !memcmp(p, loopback, 16);
    }
    return false;
}

/* One dotted quad at *t, four bytes to ip; moves *t behind it. */
static int parse_v4(const char **t, uint8_t ip[static 4])
{
    const char *s = *t;
    for (int i = 0; i < 4; i++) {
        unsigned v = 0, digits = 0;
        while (*s >= '0' && *s <= '9' && digits < 4) {
            v = v * 10 + (unsigned)(*s++ - '0');
            digits++;
        }
        /* No leading zeros: some readers take them for octal. */
        if (!digits || digits > 3 || v > 255 || (digits > 1 && s[-(int)digits] == '0'))
            return ERR_SYNTAX;
        ip[i] = (uint8_t)v;
        if (i < 3 && *s++ != '.')
            return ERR_SYNTAX;
    }
    *t = s;
    return ERR_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Groups of a v6 address into ip[0..*n), with the place of "::" in *gap (or -1). RFC 4291 §2.2. */
static int parse_groups(const char **t, uint8_t ip[static 16], int *n, int *gap)
{
    const char *s = *t;
    *n = 0;
    *gap = -1;
    if (s[0] == ':' && s[1] == ':') {
        *gap = 0;
        s += 2;
    }
    while (hex_digit(*s) >= 0) {
        const char *group = s;
        unsigned v = 0;
        int digits = 0;
        while (hex_digit(*s) >= 0 && digits < 5) {
            v = v << 4 | (unsigned)hex_digit(*s++);
            digits++;
        }
        if (*s == '.') {
            if (*n > 12 || parse_v4(&group, ip + *n))
                return ERR_SYNTAX;
            *n += 4;
            s = group;
            break;
        }
        if (digits > 4 || *n > 14)
            return ERR_SYNTAX;
        ip[(*n)++] = (uint8_t)(v >> 8);
        ip[(*n)++] = (uint8_t)v;
        if (s[0] == ':' && s[1] == ':') {
            if (*gap >= 0)
                return ERR_SYNTAX;
            *gap = *n;
            s += 2;
        } else if (s[0] == ':' && hex_digit(s[1]) >= 0) {
            s++;
        } else {
            break;
        }
    }
    *t = s;
    return ERR_OK;
}

static int parse_v6(const char *s, struct addr *out)
{
    uint8_t ip[16] = {0};
    int n, gap;
    if (parse_groups(&s, ip, &n, &gap))
        return ERR_SYNTAX;
    if (gap < 0 ? n != 16 : n > 14)
        return ERR_SYNTAX;
    if (gap >= 0) {
        memmove(ip + 16 - (n - gap), ip + gap, (size_t)(n - gap));
        memset(ip + gap, 0, (size_t)(16 - n));
    }
    if (*s == '%') {
        uint64_t scope = 0;
        if (!s[1])
            return ERR_SYNTAX;
        for (s++; *s >= '0' && *s <= '9' && scope <= UINT32_MAX; s++)
            scope = scope * 10 + (uint64_t)(*s - '0');
        if (scope > UINT32_MAX)
            return ERR_SYNTAX;
        out->scope = (uint32_t)scope;
    }
    if (*s)
        return ERR_SYNTAX;
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!memcmp(ip, mapped, 12)) {
        out->family = ADDR_V4;
        out->scope = 0;
        memcpy(out->ip, ip + 12, 4);
    } else {
        out->family = ADDR_V6;
        memcpy(out->ip, ip, 16);
    }
    return ERR_OK;
}

int addr_parse(const char *text, struct addr *out)
{
    *out = (struct addr){0};
    if (strchr(text, ':'))
        return parse_v6(text, out);
    int err = parse_v4(&text, out->ip);
    if (err || *text)
        return ERR_SYNTAX;
    out->family = ADDR_V4;
    return ERR_OK;
}

static void format_v6(const struct addr *a, char *out, size_t size)
{
    /* RFC 5952: the longest run of two or more zero groups becomes "::". */
    unsigned g[8];
    int best = -1, best_len = 1;
    for (int i = 0; i < 8; i++)
        g[i] = (unsigned)(a->ip[2 * i] << 8 | a->ip[2 * i + 1]);
    for (int i = 0; i < 8; i++) {
        int len = 0;
        while (i + len < 8 && !g[i + len])
            len++;
        if (len > best_len) {
            best = i;
            best_len = len;
        }
    }
    size_t n = 0;
    for (int i = 0; i < 8 && n < size; i++) {
        if (i == best) {
            n += (size_t)snprintf(out + n, size - n, "::");
            i += best_len - 1;
            continue;
        }
        const char *sep = i && i != best + best_len ? ":" : "";
        if (best < 0 && i)
            sep = ":";
        n += (size_t)snprintf(out + n, size - n, "%s%x", sep, g[i]);
    }
    if (a->scope && n < size)
        snprintf(out + n, size - n, "%%%u", a->scope);
}

void addr_format_ip(const struct addr *a, char out[static ADDR_TEXT])
{
    if (a->family == ADDR_V4)
        snprintf(out, ADDR_TEXT, "%u.%u.%u.%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3]);
    else if (a->family == ADDR_V6)
        format_v6(a, out, ADDR_TEXT);
    else
        snprintf(out, ADDR_TEXT, "none");
}

void addr_format(const struct addr *a, char out[static ADDR_TEXT])
{
    char ip[ADDR_TEXT];
    addr_format_ip(a, ip);
    const char *fmt = a->family == ADDR_V6 ? "[%.56s]:%u" : "%.56s:%u";
    snprintf(out, ADDR_TEXT, fmt, ip, a->port);
}
