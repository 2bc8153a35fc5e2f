#include "io/osrandom.h"

#include "base/mem.h"

#include <errno.h>
#include <sys/random.h>

static void fill(void *ctx, void *out, size_t len)
{
    uint8_t *p = out;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            BUG("the system gives no random bytes");
        p += n;
        len -= (size_t)n;
    }
}

struct entropy osrandom(void)
{
    return (struct entropy){.fill = fill};
}
