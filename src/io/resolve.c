#include "io/resolve.h"

#include "base/mem.h"
#include "io/loop_impl.h"
#include "io/sockaddr.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

struct resolve {
    uv_getaddrinfo_t req;
    void (*done)(void *ctx, const char *why, const struct addr *a, size_t n); /* NULL: forgotten */
    void *ctx;
    uint16_t port;
};

static size_t take(const struct addrinfo *all, uint16_t port, struct addr out[static RESOLVE_MAX])
{
    size_t n = 0;
    for (const struct addrinfo *i = all; i && n < RESOLVE_MAX; i = i->ai_next) {
        struct sockaddr_storage ss = {0};
        if (i->ai_addrlen > sizeof ss)
            continue;
        memcpy(&ss, i->ai_addr, i->ai_addrlen);
        if (sockaddr_get(&ss, &out[n]))
            continue;
        out[n++].port = port;
    }
    return n;
}

/* libuv's codes are the resolver's, moved away from those of errno. */
static const char *why_text(int code)
{
    static const struct {
        int uv, gai;
    } codes[] = {
        {UV_EAI_NONAME, EAI_NONAME}, {UV_EAI_AGAIN, EAI_AGAIN},       {UV_EAI_FAIL, EAI_FAIL},
        {UV_EAI_NODATA, EAI_NODATA}, {UV_EAI_ADDRFAMILY, EAI_FAMILY}, {UV_EAI_FAMILY, EAI_FAMILY},
        {UV_EAI_MEMORY, EAI_MEMORY}, {UV_EAI_SERVICE, EAI_SERVICE},
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].uv == code)
            return gai_strerror(codes[i].gai);
    return uv_strerror(code);
}

static void on_done(uv_getaddrinfo_t *req, int status, struct addrinfo *all)
{
    struct resolve *r = req->data;
    struct addr list[RESOLVE_MAX];
    size_t n = status ? 0 : take(all, r->port, list);
    const char *why = n ? NULL : why_text(status ? status : UV_EAI_NONAME);
    uv_freeaddrinfo(all);
    if (r->done)
        r->done(r->ctx, why, list, n);
    free(r);
}

int resolve_new(struct loop *l, const char *host, uint16_t port,
                void (*done)(void *ctx, const char *why, const struct addr *a, size_t n), void *ctx,
                struct resolve **out)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct resolve *r = mem_new(1, sizeof *r);
    *r = (struct resolve){.done = done, .ctx = ctx, .port = port};
    r->req.data = r;
    if (uv_getaddrinfo(&l->uv, &r->req, on_done, host, NULL, &hints)) {
        free(r);
        return ERR_SYS;
    }
    *out = r;
    return ERR_OK;
}

void resolve_free(struct resolve *r)
{
    if (!r)
        return;
    r->done = NULL;
    uv_cancel((uv_req_t *)&r->req); /* on_done comes all the same */
}
