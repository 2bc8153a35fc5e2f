/* The first words of an X client: in pieces or at once the same comes of them, what is passed on
 * has the display's cookie and nothing else is changed; and what xauth prints. The input's first
 * byte says how the rest is cut. */
#include "base/mem.h"
#include "fwd/x11.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t fake[X11_FAKE] = "0123456789abcdef";

static void check(bool ok, const char *what)
{
    if (!ok)
        bug_at(__FILE__, __LINE__, what);
}

static enum x11_next run(const uint8_t *p, size_t len, size_t step, struct buf *out, size_t *used)
{
    const struct x11_auth real = {.name = X11_COOKIE, .data = "fedcba9876543210", .len = 16};
    *used = 0;
    for (size_t end = step < len ? step : len;;) {
        enum x11_next next = x11_setup(p, end, fake, &real, out, used);
        if (next != X11_MORE || end == len)
            return next;
        check(end < X11_SETUP_MAX, "no more is waited for than may be right");
        check(!buf_len(out), "nothing before all is there");
        end = end + step < len ? end + step : len;
    }
}

static void check_auth(const uint8_t *p, size_t len)
{
    struct x11_auth a;
    char *text = mem_text(p, len);
    if (x11_auth_read(text, &a))
        check(a.name[0] && strlen(a.name) <= X11_NAME_MAX && a.len && a.len <= X11_DATA_MAX,
              "a cookie that fits");
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf whole, cut;
    size_t used, used_cut;
    if (!len)
        return 0;
    buf_init(&whole, X11_SETUP_MAX);
    buf_init(&cut, X11_SETUP_MAX);
    enum x11_next a = run(data + 1, len - 1, len, &whole, &used);
    enum x11_next b = run(data + 1, len - 1, data[0] % 16 + 1u, &cut, &used_cut);
    check(a == b, "the same in pieces");
    if (a == X11_RIGHT) {
        check(used == used_cut && used < len, "used what came");
        check(buf_len(&whole) == used && buf_len(&cut) == used, "as long as before");
        check(!memcmp(buf_data(&whole), buf_data(&cut), used), "the same in pieces");
        check(!memcmp(buf_data(&whole), data + 1, X11_HEAD), "the head stays");
        check(!memmem(buf_data(&whole), used, fake, X11_FAKE), "the far side's cookie is gone");
    } else {
        check(!buf_len(&whole) && !buf_len(&cut), "nothing of it");
    }
    buf_fini(&whole);
    buf_fini(&cut);
    check_auth(data + 1, len - 1);
    return 0;
}
