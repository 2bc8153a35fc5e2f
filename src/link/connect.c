#include "link/connect.h"

#include "base/mem.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Characters that n bytes take in base64 without padding. */
#define BASE64_LEN(n) (((n)*8 + 5) / 6)

static void base64_put(const uint8_t *p, size_t len, char *out)
{
    uint32_t acc = 0;
    unsigned bits = 0;
    while (len--) {
        acc = acc << 8 | *p++;
        for (bits += 8; bits >= 6; bits -= 6)
            *out++ = alphabet[acc >> (bits - 6) & 63];
    }
    if (bits)
        *out++ = alphabet[acc << (6 - bits) & 63];
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Exactly BASE64_LEN(len) characters; the spare bits of the last must be zero (§2). */
static int base64_get(const char *text, uint8_t *out, size_t len)
{
    uint32_t acc = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < BASE64_LEN(len); i++) {
        int v = base64_digit(text[i]);
        if (v < 0)
            return ERR_SYNTAX;
        acc = acc << 6 | (uint32_t)v;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *out++ = (uint8_t)(acc >> bits);
        }
    }
    return acc & ((1u << bits) - 1) ? ERR_SYNTAX : ERR_OK;
}

static bool alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool connect_nonce_valid(const char *nonce)
{
    size_t n = 0;
    for (; nonce[n]; n++)
        if (!alnum(nonce[n]) || n >= CONNECT_NONCE_MAX)
            return false;
    return n >= CONNECT_NONCE_MIN;
}

bool connect_session_valid(const char *name)
{
    size_t n = 0;
    for (; name[n]; n++) {
        bool mark = name[n] == '.' || name[n] == '-';
        if (n >= CONNECT_SESSION_MAX || !(alnum(name[n]) || name[n] == '_' || (mark && n)))
            return false;
    }
    return n > 0;
}

void connect_wipe(struct connect *c)
{
    mem_wipe(c, sizeof *c);
}

/* Absolute, and one word of the line. */
static bool path_valid(const char *path)
{
    if (*path != '/')
        return false;
    for (; *path; path++)
        if (*path <= ' ' || *path == 0x7f)
            return false;
    return true;
}

static void put_addr(struct buf *b, const struct connect *c, const struct addr *a)
{
    char text[ADDR_TEXT];
    if (a->port == c->port)
        addr_format_ip(a, text);
    else
        addr_format(a, text);
    buf_put_text(b, " addr=");
    buf_put_text(b, text);
}

static void put_pass(struct buf *b, const char *key, const struct addr *a)
{
    char text[ADDR_TEXT];
    if (a->family == ADDR_NONE)
        return;
    addr_format(a, text);
    buf_printf(b, " %s=%s", key, text);
}

static bool word_valid(const char *word)
{
    size_t n = 0;
    while (alnum(word[n]) && n < CONNECT_PASS)
        n++;
    return n && !word[n];
}

static void put_word(struct buf *b, const char *key, const char *word)
{
    if (!word_valid(word))
        return;
    buf_printf(b, " %s=", key);
    buf_put_text(b, word); /* printf would leave a copy */
}

void connect_put(struct buf *b, const char *nonce, const struct connect *c)
{
    char secret[BASE64_LEN(KEYS_SECRET) + 1] = {0};
    BUG_ON(!connect_nonce_valid(nonce) || !connect_session_valid(c->session));
    BUG_ON(!c->route || c->route >= 8192 || c->addr_count > CONNECT_ADDRS);
    base64_put(c->secret, KEYS_SECRET, secret);
    buf_printf(b, "TERN %s secret=", nonce);
    buf_put_text(b, secret);
    buf_printf(b, " route=%u port=%u", c->route, c->port);
    for (size_t i = 0; i < c->addr_count; i++)
        put_addr(b, c, &c->addrs[i]);
    buf_printf(b, " caps=%llx session=%s", (unsigned long long)c->caps, c->session);
    put_pass(b, "pass-tcp", &c->pass_tcp);
    put_pass(b, "pass-listen", &c->pass_listen);
    if (path_valid(c->pass_unix))
        buf_printf(b, " pass-unix=%s", c->pass_unix);
    put_word(b, "pass-agent", c->pass_agent);
    put_word(b, "pass-x11", c->pass_x11);
    buf_put_u8(b, '\n');
    mem_wipe(secret, sizeof secret);
}

/* One word of a line, not NUL-terminated. */
struct word {
    const char *p;
    size_t len;
};

static bool word_is(struct word w, const char *text)
{
    return w.len == strlen(text) && !memcmp(w.p, text, w.len);
}

/* 1..20 digits within max, no sign; base 10 or 16. */
static int number_get(struct word w, unsigned base, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (!w.len || w.len > 20)
        return ERR_SYNTAX;
    for (size_t i = 0; i < w.len; i++) {
        char c = w.p[i];
        unsigned d = 99;
        if (c >= '0' && c <= '9')
            d = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            d = (unsigned)(c - 'a') + 10;
        if (d >= base || v > (UINT64_MAX - d) / base)
            return ERR_SYNTAX;
        v = v * base + d;
    }
    if (v > max)
        return ERR_SYNTAX;
    *out = v;
    return ERR_OK;
}

/* "ip", "v4:port" or "[v6]:port"; without a port it is 0. */
static int addr_get(struct word w, struct addr *out)
{
    char text[ADDR_TEXT];
    struct word port = {0};
    if (!w.len || w.len >= sizeof text)
        return ERR_SYNTAX;
    const char *ip = w.p, *last = NULL;
    size_t ip_len = w.len, colons = 0;
    for (size_t i = 0; i < w.len; i++)
        if (w.p[i] == ':') {
            colons++;
            last = w.p + i;
        }
    if (w.p[0] == '[') {
        const char *close = memchr(w.p, ']', w.len);
        if (!close || close + 1 != last)
            return ERR_SYNTAX;
        ip = w.p + 1;
        ip_len = (size_t)(close - ip);
        port = (struct word){last + 1, (size_t)(w.p + w.len - last - 1)};
    } else if (colons == 1) {
        ip_len = (size_t)(last - w.p);
        port = (struct word){last + 1, (size_t)(w.p + w.len - last - 1)};
    }
    memcpy(text, ip, ip_len);
    text[ip_len] = 0;
    uint64_t number = 0;
    if (port.p && (number_get(port, 10, UINT16_MAX, &number) || !number))
        return ERR_SYNTAX;
    int err = strlen(text) == ip_len ? addr_parse(text, out) : ERR_SYNTAX;
    if (!err)
        out->port = (uint16_t)number;
    return err;
}

enum seen { SEEN_SECRET = 1, SEEN_ROUTE = 2, SEEN_SESSION = 4, SEEN_ALL = 7 };

static int take_session(struct connect *c, struct word v)
{
    if (v.len > CONNECT_SESSION_MAX)
        return ERR_SYNTAX;
    memcpy(c->session, v.p, v.len);
    c->session[v.len] = 0;
    return connect_session_valid(c->session) ? ERR_OK : ERR_SYNTAX;
}

static void take_pass(char out[static CONNECT_PASS + 1], struct word v)
{
    if (v.len > CONNECT_PASS)
        return;
    memcpy(out, v.p, v.len);
    out[v.len] = 0;
    if (!word_valid(out))
        out[0] = 0;
}

static int take_pair(struct connect *c, struct word key, struct word v, unsigned *seen)
{
    uint64_t n = 0;
    int err = ERR_OK;
    if (word_is(key, "secret")) {
        *seen |= SEEN_SECRET;
        return v.len == BASE64_LEN(KEYS_SECRET) ? base64_get(v.p, c->secret, KEYS_SECRET)
                                                : ERR_SYNTAX;
    }
    if (word_is(key, "route")) {
        *seen |= SEEN_ROUTE;
        err = number_get(v, 10, 8191, &n);
        c->route = (uint16_t)n;
        return err ? err : n ? ERR_OK : ERR_SYNTAX;
    }
    if (word_is(key, "port")) {
        err = number_get(v, 10, UINT16_MAX, &n);
        c->port = (uint16_t)n;
        return err;
    }
    if (word_is(key, "caps"))
        return number_get(v, 16, UINT64_MAX, &c->caps);
    if (word_is(key, "session")) {
        *seen |= SEEN_SESSION;
        return take_session(c, v);
    }
    if (word_is(key, "pass-unix") && v.len < CONNECT_PATH) {
        memcpy(c->pass_unix, v.p, v.len);
        c->pass_unix[v.len] = 0;
        if (strlen(c->pass_unix) != v.len || !path_valid(c->pass_unix))
            c->pass_unix[0] = 0;
    }
    if (word_is(key, "pass-agent"))
        take_pass(c->pass_agent, v);
    if (word_is(key, "pass-x11"))
        take_pass(c->pass_x11, v);
    struct addr a;
    if (word_is(key, "pass-tcp") && !addr_get(v, &a) && a.port)
        c->pass_tcp = a;
    if (word_is(key, "pass-listen") && !addr_get(v, &a) && a.port)
        c->pass_listen = a;
    if (word_is(key, "addr") && c->addr_count < CONNECT_ADDRS && !addr_get(v, &a))
        c->addrs[c->addr_count++] = a;
    return ERR_OK;
}

/* The words behind the nonce. */
static int line_get(const char *p, size_t len, struct connect *out)
{
    unsigned seen = 0;
    int err = ERR_OK;
    *out = (struct connect){0};
    while (len && !err) {
        const char *space = memchr(p, ' ', len);
        size_t n = space ? (size_t)(space - p) : len;
        const char *eq = memchr(p, '=', n);
        if (eq)
            err = take_pair(out, (struct word){p, (size_t)(eq - p)},
                            (struct word){eq + 1, (size_t)(p + n - eq - 1)}, &seen);
        n += space ? 1 : 0;
        p += n;
        len -= n;
    }
    if (!err && seen != SEEN_ALL)
        err = ERR_SYNTAX;
    for (size_t i = 0; i < out->addr_count; i++)
        if (!out->addrs[i].port)
            out->addrs[i].port = out->port;
    if (err)
        connect_wipe(out);
    return err;
}

/* Without a CR that a tty put before the LF. */
static size_t line_len(const char *line, const char *lf)
{
    size_t n = (size_t)(lf - line);
    return n && line[n - 1] == '\r' ? n - 1 : n;
}

/* Where `mark` begins in text; NULL if nowhere, with *cut the bytes that cannot be its beginning.
 */
static const char *find_mark(const char *text, size_t len, const char *mark, size_t mark_len,
                             size_t *cut)
{
    const char *p = memmem(text, len, mark, mark_len);
    if (p)
        return p;
    size_t keep = len < mark_len - 1 ? len : mark_len - 1;
    while (keep && memcmp(text + len - keep, mark, keep))
        keep--;
    *cut = len - keep;
    return NULL;
}

int connect_find(const uint8_t *text, size_t len, const char *nonce, struct connect *out,
                 size_t *used)
{
    char mark[CONNECT_NONCE_MAX + 8];
    BUG_ON(!connect_nonce_valid(nonce));
    size_t nonce_len = strlen(nonce);
    memcpy(mark, "TERN ", 5);
    memcpy(mark + 5, nonce, nonce_len);
    size_t mark_len = nonce_len + 6;
    mark[mark_len - 1] = ' ';
    *used = 0;
    const char *base = (const char *)text;
    const char *line = len ? find_mark(base, len, mark, mark_len, used) : NULL;
    if (!line)
        return 0;
    size_t left = len - (size_t)(line - base);
    const char *lf = memchr(line, '\n', left);
    if ((lf ? (size_t)(lf - line) : left) > CONNECT_LINE_MAX)
        return ERR_CAP;
    if (!lf) {
        *used = (size_t)(line - base);
        return 0;
    }
    int err = line_get(line + mark_len, line_len(line + mark_len, lf), out);
    *used = (size_t)(lf + 1 - base);
    return err ? err : 1;
}

int connect_stock_key(const char *text, uint8_t key[static KEYS_STOCK])
{
    if (strlen(text) != BASE64_LEN(KEYS_STOCK))
        return ERR_SYNTAX;
    return base64_get(text, key, KEYS_STOCK);
}

void connect_stock_key_format(const uint8_t key[static KEYS_STOCK], char out[static 23])
{
    base64_put(key, KEYS_STOCK, out);
    out[BASE64_LEN(KEYS_STOCK)] = 0;
}

static const char stock_mark[] = "MOSH CONNECT ";

void connect_stock_put(struct buf *b, const struct connect_stock *c)
{
    char key[23];
    connect_stock_key_format(c->key, key);
    buf_put_text(b, stock_mark);
    buf_put_decimal(b, c->port);
    buf_put_u8(b, ' ');
    buf_put_text(b, key);
    buf_put_u8(b, '\n');
    mem_wipe(key, sizeof key);
}

/* One whole line without its end: 0 if it is the connect line, exactly. */
static int stock_line_get(const char *line, size_t len, struct connect_stock *out)
{
    char key[23];
    size_t mark = sizeof stock_mark - 1;
    const char *space = memchr(line + mark, ' ', len - mark);
    if (!space)
        return ERR_SYNTAX;
    uint64_t port;
    struct word digits = {line + mark, (size_t)(space - line - (ptrdiff_t)mark)};
    size_t key_len = len - (size_t)(space + 1 - line);
    if (number_get(digits, 10, UINT16_MAX, &port) || !port || key_len != sizeof key - 1)
        return ERR_SYNTAX;
    memcpy(key, space + 1, key_len);
    key[key_len] = 0;
    int err = connect_stock_key(key, out->key);
    out->port = (uint16_t)port;
    mem_wipe(key, sizeof key);
    return err;
}

int connect_stock_find(const uint8_t *text, size_t len, struct connect_stock *out, size_t *used)
{
    const char *p = (const char *)text;
    size_t mark = sizeof stock_mark - 1;
    *used = 0;
    while (*used < len) {
        const char *line = p + *used;
        const char *lf = memchr(line, '\n', len - *used);
        if (!lf)
            return len - *used > CONNECT_LINE_MAX ? ERR_CAP : 0;
        size_t n = line_len(line, lf);
        *used = (size_t)(lf + 1 - p);
        if (n < mark || memcmp(line, stock_mark, mark))
            continue;
        int err = stock_line_get(line, n, out);
        return err ? err : 1;
    }
    return 0;
}
