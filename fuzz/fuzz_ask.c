/* Requests to listen and their answers: whatever comes is a message, too short, or refused; and
 * what was read says the same when it is written and read again. */
#include "base/mem.h"
#include "chan/ask.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool ok, const char *what)
{
    if (!ok)
        bug_at(__FILE__, __LINE__, what);
}

static bool same(struct text a, struct text b)
{
    return a.len == b.len && (!a.len || !memcmp(a.p, b.p, a.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ask a, again;
    size_t used, used_again;
    struct buf b;
    while (ask_get(data, len, &a, &used) == 1) {
        check(used >= 2 && used <= len && used <= ASK_MAX + 2, "used what came");
        check(a.number, "a number");
        buf_init(&b, ASK_MAX + 2);
        ask_put(&b, &a);
        check(!buf_err(&b), "it fits");
        check(ask_get(buf_data(&b), buf_len(&b), &again, &used_again) == 1, "readable");
        check(used_again == buf_len(&b) && again.number == a.number && again.port == a.port &&
                  again.named == a.named && same(again.host, a.host) && same(again.pass, a.pass) &&
                  same(again.text, a.text),
              "the same");
        buf_fini(&b);
        data += used;
        len -= used;
    }
    return 0;
}
