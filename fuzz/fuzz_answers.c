/* The terminal's answers among the user's keys: what goes on is a part of what came, in order; it
 * does not depend on how the bytes were cut; nothing is kept for ever. The first byte says what was
 * asked. */
#include "view/questions.h"

#include "base/mem.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void run(const uint8_t *p, size_t len, size_t piece, unsigned strings, struct questions *q,
                struct buf *keys)
{
    struct buf out;
    buf_init(&out, 4096);
    questions_init(q);
    questions_put(q, strings & 1, 0, &out);
    if (strings & 2)
        questions_clip_asked(q, 0);
    BUG_ON(buf_err(&out));
    for (size_t at = 0; at < len; at += piece)
        questions_feed(q, p + at, len - at < piece ? len - at : piece, 0, keys);
    BUG_ON(buf_err(keys) || q->held_n > QUESTIONS_HELD);
    buf_fini(&out);
}

static bool is_part(const struct buf *keys, const uint8_t *p, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < buf_len(keys); i++)
        n += buf_data(keys)[n] == p[i];
    return n == buf_len(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct questions a, b;
    struct buf x, y;
    if (!len)
        return 0;
    unsigned strings = data[0];
    data++, len--;
    buf_init(&x, len + 1);
    buf_init(&y, len + 1);
    run(data, len, 1, strings, &a, &x);
    run(data, len, len ? len : 1, strings, &b, &y);
    BUG_ON(!is_part(&x, data, len) || !is_part(&y, data, len));
    if (!a.answers.fence && !(strings & 2)) { /* afterwards a lone ESC is a key at once */
        BUG_ON(buf_len(&x) != buf_len(&y));
        BUG_ON(buf_len(&x) && memcmp(buf_data(&x), buf_data(&y), buf_len(&x)));
    }
    questions_tick(&a, QUESTIONS_WAIT_US + QUESTIONS_STALL_US, &x);
    BUG_ON(a.held_n || questions_deadline(&a) != UINT64_MAX);
    questions_fini(&a);
    questions_fini(&b);
    BUG_ON(memchr(a.answers.version, 0, sizeof a.answers.version) == NULL);
    buf_fini(&x);
    buf_fini(&y);
    return 0;
}
