#include "io/sockaddr.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

socklen_t sockaddr_put(const struct addr *a, uint8_t family, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (family == ADDR_V4 && a->family == ADDR_V4) {
        struct sockaddr_in *in = (void *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof *in;
    }
    if (family != ADDR_V6 || a->family == ADDR_NONE)
        return 0;
    struct sockaddr_in6 *in6 = (void *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a->port);
    in6->sin6_scope_id = a->scope;
    if (a->family == ADDR_V6) {
        memcpy(&in6->sin6_addr, a->ip, 16);
    } else {
        in6->sin6_addr.s6_addr[10] = in6->sin6_addr.s6_addr[11] = 0xff;
        memcpy(in6->sin6_addr.s6_addr + 12, a->ip, 4);
    }
    return sizeof *in6;
}

int sockaddr_get(const struct sockaddr_storage *ss, struct addr *out)
{
    *out = (struct addr){0};
    if (ss->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)ss;
        out->family = ADDR_V4;
        out->port = ntohs(in->sin_port);
        memcpy(out->ip, &in->sin_addr, 4);
        return ERR_OK;
    }
    if (ss->ss_family != AF_INET6)
        return ERR_SYNTAX;
    const struct sockaddr_in6 *in6 = (const void *)ss;
    out->port = ntohs(in6->sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        out->family = ADDR_V4;
        memcpy(out->ip, in6->sin6_addr.s6_addr + 12, 4);
        return ERR_OK;
    }
    out->family = ADDR_V6;
    memcpy(out->ip, &in6->sin6_addr, 16);
    out->scope = in6->sin6_scope_id;
    return ERR_OK;
}

static bool usable(const struct ifaddrs *i, struct addr *out)
{
    struct sockaddr_storage ss = {0};
    if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || (i->ifa_flags & IFF_LOOPBACK))
        return false;
    if (i->ifa_addr->sa_family == AF_INET)
        memcpy(&ss, i->ifa_addr, sizeof(struct sockaddr_in));
    else if (i->ifa_addr->sa_family == AF_INET6)
        memcpy(&ss, i->ifa_addr, sizeof(struct sockaddr_in6));
    if (sockaddr_get(&ss, out))
        return false;
    bool link_local = out->family == ADDR_V6 && out->ip[0] == 0xfe && (out->ip[1] & 0xc0) == 0x80;
    return !link_local;
}

size_t sockaddr_local(struct addr *out, size_t max)
{
    struct ifaddrs *all;
    size_t n = 0;
    if (getifaddrs(&all))
        return 0;
    for (int private = 0; private < 2; private ++)
        for (const struct ifaddrs *i = all; i && n < max; i = i->ifa_next)
            if (usable(i, &out[n]) && addr_private(&out[n]) == private)
                n++;
    freeifaddrs(all);
    return n;
}
