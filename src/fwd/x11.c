#include "fwd/x11.h"

#include "base/wire.h"

#include <string.h>

/* Of the set-up: names and data are followed by as many bytes as make them a multiple of four. */
static size_t padded(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

static size_t get_u16(const uint8_t *p, bool big)
{
    return big ? (size_t)p[0] << 8 | p[1] : (size_t)p[1] << 8 | p[0];
}

static void put_u16(struct buf *b, size_t v, bool big)
{
    buf_put_u8(b, (uint8_t)(big ? v >> 8 : v));
    buf_put_u8(b, (uint8_t)(big ? v : v >> 8));
}

static void put_padded(struct buf *b, const void *p, size_t len)
{
    static const uint8_t zero[4];
    buf_put(b, p, len);
    buf_put(b, zero, padded(len) - len);
}

static bool is_fake(const uint8_t *name, size_t name_len, const uint8_t *data, size_t len,
                    const uint8_t fake[static X11_FAKE])
{
    unsigned differ = 0;
    if (name_len != strlen(X11_COOKIE) || memcmp(name, X11_COOKIE, name_len) || len != X11_FAKE)
        return false;
    for (size_t i = 0; i < X11_FAKE; i++)
        differ |= (unsigned)(data[i] ^ fake[i]);
    return !differ;
}

enum x11_next x11_setup(const uint8_t *p, size_t len, const uint8_t fake[static X11_FAKE],
                        const struct x11_auth *real, struct buf *out, size_t *used)
{
    if (len && *p != 'B' && *p != 'l')
        return X11_WRONG;
    if (len < X11_HEAD)
        return X11_MORE;
    bool big = *p == 'B';
    size_t name_len = get_u16(p + 6, big), data_len = get_u16(p + 8, big);
    if (name_len > X11_NAME_MAX || data_len > X11_DATA_MAX)
        return X11_WRONG;
    size_t all = X11_HEAD + padded(name_len) + padded(data_len);
    if (len < all)
        return X11_MORE;
    const uint8_t *name = p + X11_HEAD, *data = name + padded(name_len);
    if (!is_fake(name, name_len, data, data_len, fake))
        return X11_WRONG;
    name_len = strlen(real->name);
    data_len = name_len ? real->len : 0;
    buf_put(out, p, 6);
    put_u16(out, name_len, big);
    put_u16(out, data_len, big);
    buf_put(out, p + 10, 2);
    put_padded(out, real->name, name_len);
    put_padded(out, real->data, data_len);
    *used = all;
    return X11_RIGHT;
}

/* ---- what xauth prints ----------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

/* "display  name  data" and a newline, or the end. */
static bool read_line(const char *p, struct x11_auth *out)
{
    p = skip_blanks(p + strcspn(p, " \t\n"));
    size_t n = strcspn(p, " \t\n");
    if (!n || n > X11_NAME_MAX)
        return false;
    memcpy(out->name, p, n);
    out->name[n] = 0;
    p = skip_blanks(p + n);
    for (out->len = 0; *p && *p != '\n' && *p != '\r'; p += 2) {
        int high = hex_digit(p[0]), low = high < 0 ? -1 : hex_digit(p[1]);
        if (low < 0 || out->len == X11_DATA_MAX)
            return false;
        out->data[out->len++] = (uint8_t)(high << 4 | low);
    }
    return out->len > 0;
}

bool x11_auth_read(const char *list, struct x11_auth *out)
{
    for (const char *p = list; *p; p++) {
        if (read_line(p, out))
            return true;
        p += strcspn(p, "\n");
        if (!*p)
            break;
    }
    *out = (struct x11_auth){0};
    return false;
}
