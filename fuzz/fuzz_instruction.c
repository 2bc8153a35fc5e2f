/* Instructions from a peer that holds the key: records {flags, length (2 bytes), instruction} go to
 * one of four endpoints (client or server, native or stock) with the null codec. Whatever comes,
 * the endpoint stays within its caps, sends only what mosh-protocol.md §12 and §14 allow, keeps its
 * promises about deadlines, and shows its session only possible things. */
#include "base/mem.h"
#include "sync/sync.h"
#include "term/term.h"

#include "../tests/unit/sync/check.c"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void fill(void *ctx, void *out, size_t len)
{
    memset(out, 7, len);
}

struct end {
    struct sync *sync;
    struct sync_check check;
    bool server, native;
    uint64_t echo, read, now;
    uint64_t id;
};

static void open_end(struct end *e, bool server, bool native)
{
    struct sync_config c = {
        .role = server ? SYNC_SERVER : SYNC_CLIENT,
        .native = native,
        .caps = SYNC_CAPS_ALL,
        .peer_caps = native ? SYNC_CAPS_ALL : 0,
        .null_codec = true,
        .entropy = {fill, NULL},
        .cols = 20,
        .rows = 5,
        .now_us = 1000000,
    };
    *e = (struct end){.server = server, .native = native, .now = 1000000};
    e->sync = sync_new(&c);
    sync_check_init(&e->check, server, native, true, NULL);
}

static struct sync_link facts_of(uint8_t flags)
{
    return (struct sync_link){
        .srtt_us = 20000,
        .rto_us = 60000,
        .floor_us = 19000,
        .loss = flags & 8 ? 0.3 : 0,
        .mtu_payload = flags & 16 ? 200 : 1224,
        .quiet = (flags & 96) == 96,
        .bulk_room = SIZE_MAX,
        .can_send = true,
    };
}

static void round_trip(const uint8_t *p, size_t len)
{
    static struct instruction a, b;
    struct buf one, two;
    if (instruction_get(&a, p, len))
        return;
    buf_init(&one, 1u << 20);
    buf_init(&two, 1u << 20);
    instruction_put(&one, &a);
    BUG_ON(buf_err(&one));
    if (instruction_get(&b, buf_data(&one), buf_len(&one)))
        BUG("does not read what it wrote");
    BUG_ON(a.has_state != b.has_state || a.new_num != b.new_num || a.ack_num != b.ack_num);
    BUG_ON(a.data_n != b.data_n || a.ack_n != b.ack_n || a.facts.seq != b.facts.seq);
    instruction_put(&two, &b);
    BUG_ON(buf_len(&one) != buf_len(&two) || memcmp(buf_data(&one), buf_data(&two), buf_len(&one)));
    buf_fini(&one);
    buf_fini(&two);
}

static void look(struct end *e)
{
    if (e->server) {
        struct sync_input item;
        while (sync_input_next(e->sync, &item)) {
            BUG_ON(item.resize && (item.cols < 1 || item.cols > SCREEN_MAX || item.rows < 1 ||
                                   item.rows > SCREEN_MAX));
            BUG_ON(item.offset != e->read);
            e->read += item.len;
        }
        sync_set_consumed(e->sync, e->read, e->now);
    } else {
        struct sync_remote r = sync_remote(e->sync);
        BUG_ON(r.snapshot->cols < 1 || r.snapshot->rows < 1);
        BUG_ON(r.snapshot->cursor.row >= r.snapshot->rows);
        BUG_ON(r.snapshot->cursor.col >= r.snapshot->cols);
        BUG_ON(sync_input_window(e->sync) > SYNC_INPUT_MAX);
    }
    for (unsigned i = 0; i < SYNC_LOGS; i++) {
        size_t n;
        sync_log_read(e->sync, i, &n);
        sync_log_skip(e->sync, i, n / 2 + n % 2);
    }
    BUG_ON(sync_memory(e->sync) > SYNC_MEMORY_MAX + (400u << 20));
}

static void pump(struct end *e, const struct sync_link *facts)
{
    struct buf out;
    unsigned n = 0;
    buf_init(&out, 4096);
    while (sync_send(e->sync, e->now, facts, &out)) {
        const char *wrong = sync_check_sent(&e->check, buf_data(&out), buf_len(&out));
        if (wrong)
            BUG(wrong);
        if (++n > 5000)
            BUG("sends without end");
    }
    BUG_ON(sync_deadline(e->sync, e->now, facts) <= e->now);
    buf_fini(&out);
}

static void give(struct end *e, uint8_t flags, const uint8_t *p, size_t len)
{
    struct sync_link facts = facts_of(flags);
    struct buf b;
    buf_init(&b, 1u << 20);
    struct fragment f = {++e->id, 0, true, p, len};
    fragment_put(&b, &f);
    (void)sync_receive(e->sync, buf_data(&b), buf_len(&b), e->now, &facts);
    look(e);
    pump(e, &facts);
    if (flags & 128) {
        uint64_t due = sync_deadline(e->sync, e->now, &facts);
        e->now = due == SYNC_NEVER ? e->now + 1000000 : due;
        pump(e, &facts);
    }
    buf_fini(&b);
}

/* Something of our own to send, so that acknowledgements have a meaning. */
static void act(struct end *e, uint8_t flags)
{
    if (e->native && flags & 4) {
        int err = sync_log_append(e->sync, flags & 1, "a line of a log", 15);
        BUG_ON(err && err != ERR_CAP);
    }
    if (!e->server) {
        size_t n = sync_user_bytes(e->sync, "key", 3, e->now);
        BUG_ON(n > 3);
        return;
    }
    struct term_config c = {.cols = (uint16_t)(1 + flags % 30), .rows = 4};
    struct term *t = term_new(&c);
    term_write(t, &flags, 1);
    struct snapshot *s = term_snapshot(t);
    sync_set_screen(e->sync, s, e->now);
    snapshot_unref(s);
    term_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct end end[4];
    for (int i = 0; i < 4; i++)
        open_end(&end[i], i & 1, i & 2);
    unsigned records = 0;
    for (size_t at = 0; at + 3 <= len && records < 200; records++) {
        uint8_t flags = data[at];
        size_t n = (size_t)data[at + 1] << 8 | data[at + 2];
        at += 3;
        n = n > len - at ? len - at : n;
        struct end *e = &end[flags & 3];
        if (flags & 4)
            act(e, flags);
        round_trip(data + at, n);
        give(e, flags, data + at, n);
        at += n;
    }
    for (int i = 0; i < 4; i++) {
        sync_free(end[i].sync);
        sync_check_fini(&end[i].check);
    }
    return 0;
}
