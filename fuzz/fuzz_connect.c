/* Everything read before there is a link: the connect lines, the start record, frames on a pipe.
 * The first byte chooses which. */
#include "link/connect.h"

#include "base/mem.h"
#include "base/wire.h"
#include "link/frame.h"
#include "link/start.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define NONCE "noncenonce"

static void line(const uint8_t *p, size_t len)
{
    struct connect c, again;
    size_t used, used_again;
    int got = connect_find(p, len, NONCE, &c, &used);
    BUG_ON(used > len);
    if (got == 0 && used) /* what may be thrown away does not matter */
        BUG_ON(connect_find(p + used, len - used, NONCE, &again, &used_again) != 0 || used_again);
    if (got != 1)
        return;
    BUG_ON(!connect_session_valid(c.session) || !c.route || c.addr_count > CONNECT_ADDRS);
    BUG_ON(p[used - 1] != '\n');
    for (size_t n = 0; n < used; n += 7)
        BUG_ON(connect_find(p, n, NONCE, &again, &used_again) != 0);
    struct buf b;
    buf_init(&b, CONNECT_LINE_MAX);
    connect_put(&b, NONCE, &c);
    BUG_ON(buf_err(&b));
    BUG_ON(connect_find(buf_data(&b), buf_len(&b), NONCE, &again, &used_again) != 1);
    BUG_ON(used_again != buf_len(&b));
    BUG_ON(memcmp(c.secret, again.secret, KEYS_SECRET) || c.route != again.route);
    BUG_ON(c.port != again.port || c.caps != again.caps || strcmp(c.session, again.session));
    BUG_ON(c.addr_count != again.addr_count);
    for (size_t i = 0; i < c.addr_count; i++)
        BUG_ON(!addr_equal(&c.addrs[i], &again.addrs[i]));
    buf_fini(&b);
}

static void stock_line(const uint8_t *p, size_t len)
{
    struct connect_stock c, again;
    size_t used;
    int got = connect_stock_find(p, len, &c, &used);
    BUG_ON(used > len);
    if (got != 1)
        return;
    struct buf b;
    buf_init(&b, 100);
    connect_stock_put(&b, &c);
    size_t n = buf_len(&b);
    /* Exactly: what was found is what we would print, but for leading zeros and a CR. */
    BUG_ON(used < n || memcmp(p + used - (p[used - 2] == '\r') - 23, buf_data(&b) + n - 23, 22));
    BUG_ON(connect_stock_find(buf_data(&b), n, &again, &used) != 1 || used != n);
    BUG_ON(c.port != again.port || memcmp(c.key, again.key, KEYS_STOCK));
    buf_fini(&b);
}

static void same_list(const struct start_list *a, const struct start_list *b)
{
    BUG_ON(a->count != b->count);
    for (size_t i = 0; i < a->count; i++)
        BUG_ON(strcmp(a->item[i], b->item[i]));
}

static void start(const uint8_t *p, size_t len)
{
    struct start_record s, again;
    size_t used;
    uint8_t *framed = mem_new(1, START_HEAD + len + 1);
    wire_put_u32(framed, (uint32_t)len);
    memcpy(framed + START_HEAD, p, len);
    BUG_ON(start_get(framed, START_HEAD + len - (len > 0), &s, &used) != 0 && len);
    int got = start_get(framed, START_HEAD + len, &s, &used);
    free(framed);
    BUG_ON(got == 0 || (got == 1 && used != START_HEAD + len));
    if (got != 1) {
        BUG_ON(s.colorterm || s.bind || s.env.item || s.argv.item);
        return;
    }
    BUG_ON(s.env.count > START_ENV_MAX || s.argv.count > START_ARGV_MAX);
    BUG_ON(!connect_nonce_valid(s.nonce) || s.port_low > s.port_high);
    BUG_ON(s.shell && s.argv.count != 1);
    struct buf b;
    buf_init(&b, START_RECORD_MAX + START_HEAD);
    BUG_ON(start_put(&b, &s));
    BUG_ON(start_get(buf_data(&b), buf_len(&b), &again, &used) != 1 || used != buf_len(&b));
    same_list(&s.env, &again.env);
    same_list(&s.argv, &again.argv);
    BUG_ON(strcmp(s.nonce, again.nonce) || strcmp(s.session, again.session));
    BUG_ON(s.cols != again.cols || s.rows != again.rows || s.caps != again.caps);
    BUG_ON(s.port_low != again.port_low || s.action != again.action || s.width != again.width);
    BUG_ON(s.shell != again.shell);
    start_fini(&s);
    start_fini(&again);
    buf_fini(&b);
}

/* A stream cut in two anywhere gives the same frames as the whole. */
static void frames(const uint8_t *p, size_t len)
{
    struct frame_reader whole = {0}, parts = {0};
    const uint8_t *a = p, *out_a, *out_b;
    size_t left_a = len, len_a, len_b;
    size_t at = 0;
    for (;;) {
        int got_a = frame_read(&whole, &a, &left_a, &out_a, &len_a), got_b = 0;
        while (got_b == 0 && at < len) {
            const uint8_t *b = p + at;
            size_t piece = 1 + p[at] % 5, given;
            piece = given = piece > len - at ? len - at : piece;
            got_b = frame_read(&parts, &b, &piece, &out_b, &len_b);
            at += given - piece;
        }
        BUG_ON(got_a != got_b && !(got_b == 0 && got_a == ERR_SYNTAX));
        if (got_a != 1)
            return;
        BUG_ON(!len_a || len_a > FRAME_MAX || len_a != len_b || memcmp(out_a, out_b, len_a));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (!len)
        return 0;
    switch (data[0] & 3) {
    case 0:
        line(data + 1, len - 1);
        break;
    case 1:
        stock_line(data + 1, len - 1);
        break;
    case 2:
        start(data + 1, len - 1);
        break;
    case 3:
        frames(data + 1, len - 1);
        break;
    }
    return 0;
}
