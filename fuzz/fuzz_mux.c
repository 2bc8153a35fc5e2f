/* The multiplexing protocol: the first byte says who reads. 0: answers, as a client reads them,
 * which say the same when written and read again. Else: a whole connection of the owner, where a
 * request is answered by what the next byte says. */
#include "base/mem.h"
#include "mux/master.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool ok, const char *what)
{
    if (!ok)
        bug_at(__FILE__, __LINE__, what);
}

struct edge {
    struct mux_master m;
    bool asked;
    uint32_t type;
    size_t sum;
};

static void on_request(void *ctx, const struct mux_request *r)
{
    struct edge *e = ctx;
    struct reader env = r->session.env;
    struct mux_text pair;
    size_t count = 0;
    check(!e->asked, "one at a time");
    while (mux_env_next(&env, &count, &pair))
        e->sum += (uint8_t)pair.p[0];
    check(!env.failed, "the environment was checked");
    e->asked = true;
    e->type = r->type;
}

static void on_dropped(void *ctx)
{
    ((struct edge *)ctx)->sum++;
}

static bool on_info(void *ctx, struct mux_text what, struct buf *out)
{
    (void)ctx;
    buf_put(out, what.p, what.len);
    return what.len & 1;
}

static void decide(struct edge *e, uint8_t how)
{
    bool session = mux_descriptors(e->type) != 0;
    e->asked = false;
    if (how % 4 == 0)
        mux_master_fail(&e->m, "no");
    else if (how % 4 == 1)
        mux_master_deny(&e->m);
    else if (session)
        mux_master_opened(&e->m, how);
    else if (how % 4 == 2)
        mux_master_ok(&e->m);
    else
        mux_master_port(&e->m, how);
}

static void run_owner(const uint8_t *p, size_t len)
{
    static const struct mux_master_ops ops = {on_request, on_dropped, on_info};
    struct edge e = {0};
    mux_master_init(&e.m, 1, &ops, &e);
    while (len) {
        size_t n;
        enum mux_want want = mux_master_wants(&e.m, &n);
        struct buf *out = mux_master_out(&e.m);
        if (want == MUX_WANT_CLOSE)
            break;
        if (want == MUX_WANT_BYTES) {
            check(n && n <= MUX_PACKET_MAX + 4, "so much is wanted");
            n = n < len ? n : len;
            mux_master_bytes(&e.m, p, n);
            p += n;
            len -= n;
            continue;
        }
        uint8_t how = *p++;
        len--;
        if (want == MUX_WANT_DESCRIPTOR)
            mux_master_descriptor(&e.m, how & 1);
        else if (e.asked)
            decide(&e, how);
        else
            check(buf_len(out) != 0, "something to wait for");
        if (how & 0x80)
            buf_skip(out, buf_len(out));
        if (how == 0x40)
            mux_master_exit(&e.m, how);
        if (how == 0x41)
            mux_master_tty_failed(&e.m);
    }
    check(buf_len(mux_master_out(&e.m)) <= MUX_OUT_MAX, "bounded");
    mux_master_fini(&e.m);
}

static void run_client(const uint8_t *p, size_t len)
{
    struct mux_reply r, again;
    struct buf b;
    if (mux_reply_get(p, len, &r))
        return;
    buf_init(&b, MUX_REPLY_MAX + 64);
    mux_reply_put(&b, &r);
    check(!buf_err(&b) && !mux_reply_get(buf_data(&b) + 4, buf_len(&b) - 4, &again), "readable");
    check(r.type == again.type && r.id == again.id && r.session == again.session &&
              r.value == again.value && r.info == again.info && r.tern == again.tern,
          "the same");
    buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (!len)
        return 0;
    if (*data == 0)
        run_client(data + 1, len - 1);
    else
        run_owner(data + 1, len - 1);
    return 0;
}
