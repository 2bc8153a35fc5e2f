#include "fwd/spec.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int take_port(const char *text, size_t len, uint16_t *out)
{
    unsigned long v = 0;
    if (!len || len > 5)
        return ERR_SYNTAX;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return ERR_SYNTAX;
        v = v * 10 + (unsigned long)(text[i] - '0');
    }
    *out = (uint16_t)v;
    return v && v <= UINT16_MAX ? ERR_OK : ERR_SYNTAX;
}

static int take_path(const char *text, size_t len, struct spec_end *e)
{
    if (!len || len >= SPEC_PATH)
        return ERR_SYNTAX;
    memcpy(e->path, text, len);
    e->path[len] = 0;
    return ERR_OK;
}

/* "port", "[host]:port" or a path. */
static int take_end(const char *text, size_t len, struct spec_end *e)
{
    *e = (struct spec_end){0};
    if (!take_port(text, len, &e->port))
        return ERR_OK;
    const char *close = len && text[0] == '[' ? memrchr(text, ']', len) : NULL;
    if (!close)
        return take_path(text, len, e);
    size_t host = (size_t)(close - text - 1);
    if (host >= SPEC_HOST || host + 3 > len || close[1] != ':')
        return ERR_SYNTAX;
    e->named = true;
    memcpy(e->host, text + 1, host);
    e->host[host] = 0;
    return take_port(close + 2, len - host - 3, &e->port);
}

/* Where the second half begins. A path may hold blanks; a second half is "[...]:port" or a path. */
static const char *second(const char *text)
{
    const char *found = NULL;
    if (text[0] != '/' && text[0] != '.')
        return strchr(text, ' ');
    for (const char *p = text; (p = strchr(p, ' ')); p++)
        if (p[1] == '[' || p[1] == '/')
            found = p;
    return found;
}

int spec_local(const char *text, struct spec *out)
{
    const char *blank = second(text);
    *out = (struct spec){0};
    if (!blank || take_end(text, (size_t)(blank - text), &out->listen) ||
        take_end(blank + 1, strlen(blank + 1), &out->to))
        return ERR_SYNTAX;
    bool host = out->to.named && out->to.host[0];
    return host || out->to.path[0] ? ERR_OK : ERR_SYNTAX;
}

/* The first half of a port 0, which take_port refuses: "0" or "[bind]:0". */
static int take_any_port(const char *text, size_t len, struct spec_end *e)
{
    *e = (struct spec_end){.named = len > 1};
    if (len == 1 && *text == '0')
        return ERR_OK;
    if (len < 4 || len - 4 >= SPEC_HOST || text[0] != '[' || memcmp(text + len - 3, "]:0", 3))
        return ERR_SYNTAX;
    memcpy(e->host, text + 1, len - 4);
    e->host[len - 4] = 0;
    return ERR_OK;
}

int spec_remote(const char *text, struct spec *out)
{
    const char *blank = second(text);
    struct spec_end any;
    if (!blank || take_any_port(text, (size_t)(blank - text), &any))
        return spec_local(text, out);
    *out = (struct spec){.listen = any};
    if (take_end(blank + 1, strlen(blank + 1), &out->to))
        return ERR_SYNTAX;
    return (out->to.named && out->to.host[0]) || out->to.path[0] ? ERR_OK : ERR_SYNTAX;
}

int spec_dynamic(const char *text, struct spec *out)
{
    *out = (struct spec){.dynamic = true};
    if (take_end(text, strlen(text), &out->listen) || out->listen.path[0])
        return ERR_SYNTAX;
    return ERR_OK;
}

/* The end of the field that begins here: a colon outside of brackets, or the text's end. */
static const char *field_end(const char *p)
{
    const char *close = *p == '[' ? strchr(p, ']') : NULL;
    return (close ? close : p) + strcspn(close ? close : p, ":");
}

static int take_host(const char *p, const char *end, struct spec_end *e)
{
    if (end - p >= 2 && *p == '[' && end[-1] == ']') {
        p++;
        end--;
    }
    size_t len = (size_t)(end - p);
    if (len >= SPEC_HOST || memchr(p, '/', len) || memchr(p, '[', len) || memchr(p, ']', len))
        return ERR_SYNTAX;
    e->named = true;
    memcpy(e->host, p, len);
    e->host[len] = 0;
    return ERR_OK;
}

int spec_udp(const char *text, struct spec *out)
{
    const char *at[5] = {text};
    size_t n = 0;
    *out = (struct spec){0};
    while (n < 5) {
        const char *end = field_end(at[n++]);
        if (!*end)
            break;
        if (n < 5)
            at[n] = end + 1;
    }
    if (n != 3 && n != 4)
        return ERR_SYNTAX;
    const char **f = &at[n - 3]; /* the port, the host, its port */
    if (n == 4 && take_host(at[0], at[1] - 1, &out->listen))
        return ERR_SYNTAX;
    if (take_port(f[0], (size_t)(f[1] - 1 - f[0]), &out->listen.port) ||
        take_host(f[1], f[2] - 1, &out->to) || !out->to.host[0])
        return ERR_SYNTAX;
    return take_port(f[2], strlen(f[2]), &out->to.port);
}

static int take_service(const char *text, uint16_t *out)
{
    if (!take_port(text, strlen(text), out))
        return ERR_OK;
    const struct servent *s = getservbyname(text, "tcp");
    if (!s)
        return ERR_SYNTAX;
    *out = ntohs((uint16_t)s->s_port);
    return ERR_OK;
}

int spec_stdio(const char *text, struct spec_end *out)
{
    const char *colon = strrchr(text, ':');
    *out = (struct spec_end){.named = true};
    if (!colon || colon == text)
        return ERR_SYNTAX;
    const char *host = text, *end = colon;
    if (*host == '[') {
        host++;
        if (*--end != ']')
            return ERR_SYNTAX;
    }
    size_t len = end > host ? (size_t)(end - host) : 0;
    if (!len || len >= SPEC_HOST || memchr(host, '/', len))
        return ERR_SYNTAX;
    memcpy(out->host, host, len);
    return take_service(colon + 1, &out->port);
}

bool spec_is_artefact(const char *dynamic, const char *local)
{
    const char *blank = second(local);
    size_t len = blank ? (size_t)(blank - local) : 0;
    return blank && blank[1] != '[' && strlen(dynamic) == len && !memcmp(dynamic, local, len);
}

static bool end_equal(const struct spec_end *a, const struct spec_end *b)
{
    return a->named == b->named && a->port == b->port && !strcmp(a->host, b->host) &&
           !strcmp(a->path, b->path);
}

bool spec_equal(const struct spec *a, const struct spec *b)
{
    return a->dynamic == b->dynamic && end_equal(&a->listen, &b->listen) &&
           end_equal(&a->to, &b->to);
}

void spec_end_text(const struct spec_end *e, char out[static SPEC_TEXT])
{
    if (e->path[0])
        snprintf(out, SPEC_TEXT, "%s", e->path);
    else if (e->named)
        snprintf(out, SPEC_TEXT, "[%s]:%u", e->host, e->port);
    else
        snprintf(out, SPEC_TEXT, "%u", e->port);
}
