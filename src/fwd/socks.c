#include "fwd/socks.h"

#include "base/addr.h"
#include "base/wire.h"

#include <string.h>

enum { V4_GRANTED = 0x5a, V4_REJECTED = 0x5b };
enum { V5_OK = 0, V5_PROHIBITED = 2, V5_REFUSED = 5, V5_COMMAND = 7, V5_ADDRESS = 8 };
enum { V5_IPV4 = 1, V5_NAME = 3, V5_IPV6 = 4 };

static void reply(struct socks *s, uint8_t code)
{
    memset(s->reply, 0, sizeof s->reply);
    s->reply[0] = s->version == 5 ? 5 : 0;
    s->reply[1] = code;
    s->reply[3] = s->version == 5 ? V5_IPV4 : 0;
    s->reply_len = s->version == 5 ? 10 : 8;
}

static enum socks_next refuse(struct socks *s, uint8_t code)
{
    reply(s, code);
    return SOCKS_REFUSE;
}

/* A name goes to a resolver and into messages: no blanks, nothing that moves a cursor. */
static bool take_name(struct socks *s, const uint8_t *p, size_t len)
{
    if (!len || len > SOCKS_TEXT_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (p[i] <= ' ' || p[i] == 0x7f)
            return false;
    memcpy(s->host, p, len);
    s->host[len] = 0;
    return true;
}

static void take_ip(struct socks *s, uint8_t family, const uint8_t *ip)
{
    struct addr a = {.family = family};
    char text[ADDR_TEXT];
    memcpy(a.ip, ip, family == ADDR_V4 ? 4 : 16);
    addr_format_ip(&a, text);
    memcpy(s->host, text, strlen(text) + 1);
}

/* ---- 4 and 4a -------------------------------------------------------------------------------- */

/* 4 cmd port ip user NUL, and for 4a host NUL; the user's name is of no use. */
static enum socks_next read_v4(struct socks *s, const uint8_t *p, size_t len)
{
    if (len < 8)
        return SOCKS_MORE;
    const uint8_t *user = p + 8, *end = memchr(user, 0, len - 8);
    if (!end)
        return len - 8 > SOCKS_TEXT_MAX ? SOCKS_CLOSE : SOCKS_MORE;
    if (end - user > SOCKS_TEXT_MAX)
        return SOCKS_CLOSE;
    bool named = !p[4] && !p[5] && !p[6] && p[7];
    s->port = wire_get_u16(p + 2);
    s->used = (size_t)(end + 1 - p);
    if (named) {
        const uint8_t *host = end + 1;
        size_t left = len - s->used;
        end = memchr(host, 0, left);
        if (!end)
            return left > SOCKS_TEXT_MAX ? SOCKS_CLOSE : SOCKS_MORE;
        if (!take_name(s, host, (size_t)(end - host)))
            return refuse(s, V4_REJECTED);
        s->used = (size_t)(end + 1 - p);
    } else {
        take_ip(s, ADDR_V4, p + 4);
    }
    return p[1] == 1 && s->port ? SOCKS_CONNECT : refuse(s, V4_REJECTED);
}

/* ---- 5 --------------------------------------------------------------------------------------- */

static enum socks_next read_greeting(struct socks *s, const uint8_t *p, size_t len)
{
    if (len < 2 || len < 2 + (size_t)p[1])
        return SOCKS_MORE;
    bool open = memchr(p + 2, 0, p[1]) != NULL;
    s->used = 2 + (size_t)p[1];
    s->reply[0] = 5;
    s->reply[1] = open ? 0 : 0xff;
    s->reply_len = 2;
    s->greeted = true;
    return open ? SOCKS_ANSWER : SOCKS_REFUSE;
}

/* 5 cmd 0 type address port */
static enum socks_next read_v5(struct socks *s, const uint8_t *p, size_t len)
{
    if (len < 5)
        return SOCKS_MORE;
    if (p[0] != 5)
        return SOCKS_CLOSE;
    size_t from = p[3] == V5_NAME ? 5 : 4;
    size_t n = p[3] == V5_IPV4 ? 4 : p[3] == V5_IPV6 ? 16 : p[4];
    if (p[3] != V5_IPV4 && p[3] != V5_IPV6 && p[3] != V5_NAME)
        return refuse(s, V5_ADDRESS);
    if (len < from + n + 2)
        return SOCKS_MORE;
    s->used = from + n + 2;
    s->port = wire_get_u16(p + from + n);
    if (p[1] != 1)
        return refuse(s, V5_COMMAND);
    if (p[3] != V5_NAME)
        take_ip(s, p[3] == V5_IPV4 ? ADDR_V4 : ADDR_V6, p + 4);
    else if (!take_name(s, p + from, n))
        return refuse(s, V5_ADDRESS);
    return s->port ? SOCKS_CONNECT : refuse(s, V5_REFUSED);
}

enum socks_next socks_read(struct socks *s, const uint8_t *p, size_t len)
{
    s->used = s->reply_len = 0;
    if (!len)
        return SOCKS_MORE;
    if (s->greeted)
        return read_v5(s, p, len);
    s->version = p[0];
    if (s->version == 4)
        return read_v4(s, p, len);
    return s->version == 5 ? read_greeting(s, p, len) : SOCKS_CLOSE;
}

void socks_done(struct socks *s, bool there, bool prohibited)
{
    if (s->version == 4)
        reply(s, there ? V4_GRANTED : V4_REJECTED);
    else
        reply(s, there ? V5_OK : prohibited ? V5_PROHIBITED : V5_REFUSED);
}
