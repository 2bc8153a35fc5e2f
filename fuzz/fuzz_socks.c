/* SOCKS: whatever a client says, in pieces or at once, leads to one answer that fits, and to a name
 * that is fit for a resolver. The input's first byte says how the rest is cut. */
#include "base/mem.h"
#include "fwd/socks.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool ok, const char *what)
{
    if (!ok)
        bug_at(__FILE__, __LINE__, what);
}

static void check_target(const struct socks *s)
{
    size_t n = strlen(s->host);
    check(s->port && n && n <= SOCKS_TEXT_MAX, "a target");
    for (size_t i = 0; i < n; i++)
        check((unsigned char)s->host[i] > ' ' && s->host[i] != 0x7f, "a name without blanks");
}

/* How it ends, with *at the bytes used. */
static enum socks_next run(const uint8_t *p, size_t len, size_t step, size_t *at, struct socks *s)
{
    *s = (struct socks){0};
    *at = 0;
    for (size_t end = step < len ? step : len;;) {
        enum socks_next next = socks_read(s, p + *at, end - *at);
        check(s->reply_len <= SOCKS_REPLY, "a reply that fits");
        check(s->used <= end - *at || next == SOCKS_MORE || next == SOCKS_CLOSE, "used what came");
        if (next == SOCKS_ANSWER) {
            check(s->used && s->reply_len, "an answer");
            *at += s->used;
            continue;
        }
        if (next != SOCKS_MORE) {
            *at += next == SOCKS_CONNECT ? s->used : 0;
            return next;
        }
        check(end - *at < SOCKS_MAX, "no more is waited for than is kept");
        if (end == len)
            return next;
        end = end + step < len ? end + step : len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct socks whole, cut;
    size_t used, used_cut;
    if (!len)
        return 0;
    enum socks_next a = run(data + 1, len - 1, len, &used, &whole);
    enum socks_next b = run(data + 1, len - 1, data[0] % 16 + 1u, &used_cut, &cut);
    if (a == SOCKS_CONNECT) {
        check_target(&whole);
        check(b == a && used == used_cut, "the same in pieces");
        check(!strcmp(whole.host, cut.host) && whole.port == cut.port, "the same target");
    }
    return 0;
}
