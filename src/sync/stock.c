/* When to send towards a stock peer: mosh-protocol.md §6 to the letter. */
#include "sync/endpoint.h"

#define COLLECT_SERVER_US 8000
#define COLLECT_CLIENT_US 1000
#define ACK_INTERVAL_US   3000000
#define ACTIVE_RETRY_US   10000000
/* Stock puts a whole paste into one instruction of perhaps a thousand datagrams, which never
 * arrives on a path that loses some. Ours goes in parts, one per acknowledgement, larger ones as
 * long as they arrive at the first try. */
#define PART_MIN        4096
#define PART_MAX        65536
#define INTERVAL_MIN_US 20000
#define INTERVAL_MAX_US 250000

uint64_t sync_interval_us(const struct sync_link *facts)
{
    uint64_t half = (facts_srtt(facts) + 1) / 2;
    half = (half + 999) / 1000 * 1000; /* stock counts whole milliseconds, rounded up */
    return max_u64(INTERVAL_MIN_US, min_u64(half, INTERVAL_MAX_US));
}

void stock_init(struct sync *s, uint64_t now_us)
{
    s->stock = (struct stock){.next_ack = now_us, .next_send = now_us, .part = PART_MIN};
}

void stock_acked(struct sync *s)
{
    struct stock *t = &s->stock;
    if (!t->hold)
        return;
    t->hold = 0;
    size_t part = s->sender.list[0].tries == 1 ? t->part * 2 : t->part / 2;
    t->part = part < PART_MIN ? PART_MIN : part > PART_MAX ? PART_MAX : part;
}

/* The end has come: nothing is sent of our own accord. */
static bool is_over(const struct sync *s, uint64_t now_us)
{
    return s->sender.shutdown && (sync_shutdown_done(s) || sync_shutdown_given_up(s, now_us));
}

static void calculate(struct sync *s, uint64_t now, const struct sync_link *facts)
{
    struct stock *t = &s->stock;
    struct sender *snd = &s->sender;
    const struct sent *last = sender_last(snd);
    uint64_t interval = sync_interval_us(facts);
    uint64_t collect = s->role == SYNC_SERVER ? COLLECT_SERVER_US : COLLECT_CLIENT_US;
    uint64_t patience = facts_rto(facts) + ACK_DELAY_US;
    uint64_t heard = max_u64(s->receiver.heard_us, s->start_us);
    bool active = heard + ACTIVE_RETRY_US > now;

    if (s->ack_pending)
        t->next_ack = min_u64(t->next_ack, now + ACK_DELAY_US);
    if (!sender_current(snd)) {
        if (!t->collecting)
            t->collect = now;
        t->collecting = true;
        t->next_send = max_u64(t->collect + collect, last->time_us + interval);
    } else if (active && !sender_equals(snd, &snd->list[sender_assumed(snd, now, patience)])) {
        t->next_send = last->time_us + interval;
        if (t->collecting)
            t->next_send = max_u64(t->next_send, t->collect + collect);
    } else if (active && !sender_equals(snd, &snd->list[0])) {
        t->next_send = last->time_us + patience;
    } else {
        t->next_send = SYNC_NEVER;
    }
    t->next_send = max_u64(t->next_send, t->hold);
    if (is_over(s, now)) {
        t->next_send = SYNC_NEVER;
        t->next_ack = s->ack_pending ? last->time_us + interval : SYNC_NEVER;
    } else if (snd->shutdown) {
        t->next_ack = last->time_us + interval;
    } else if (s->peer_shutdown && (s->ack_pending || !s->peer_shutdown_acked)) {
        /* Stock leaves after its first acknowledgement; we linger and give one for each repeat. */
        t->next_ack = last->time_us + interval;
    }
}

/* diff in sender.diff, from entry base to state `to`. */
static bool transmit(struct sync *s, size_t base, void *to, bool fresh, uint64_t now,
                     const struct sync_link *facts)
{
    struct sender *snd = &s->sender;
    uint64_t num = sender_number(snd, to, fresh);
    bool content = buf_len(&snd->diff) > 0;
    uint64_t old = snd->list[base].num;
    size_t size = out_pack_state(s, base, num, NULL);
    s->stock.next_ack = now + ACK_INTERVAL_US;
    s->stock.next_send = SYNC_NEVER;
    s->stock.collecting = false;
    if (!size)
        return false;
    struct sent *e = sender_sent(snd, num, to, old, size, now);
    e->content = e->content || content;
    out_begin(s, 1, now, facts);
    return true;
}

/* Only acknowledge, while a part is on its way: the state that the peer is known to have, again.
 * The peer takes the acknowledgement and ignores the rest (§5.2). */
static bool acknowledge(struct sync *s, uint64_t now, const struct sync_link *facts)
{
    buf_clear(&s->sender.diff);
    s->stock.next_ack = now + ACK_INTERVAL_US;
    if (!out_pack_state(s, 0, s->sender.list[0].num, NULL))
        return false;
    out_begin(s, 1, now, facts);
    return true;
}

bool stock_tick(struct sync *s, uint64_t now, const struct sync_link *facts)
{
    struct stock *t = &s->stock;
    struct sender *snd = &s->sender;
    if (!facts->can_send)
        return false;
    calculate(s, now, facts);
    if (now < t->next_ack && now < t->next_send)
        return false;
    size_t base;
    size_t assumed = sender_assumed(snd, now, facts_rto(facts) + ACK_DELAY_US);
    /* The end is repeated from what is sure: each repeat would else renew the belief that the
     * first one arrived, and there are only sixteen. */
    if (sender_last(snd)->num == SYNC_NUM_SHUTDOWN)
        assumed = 0;
    int err = sender_diff_best(snd, assumed, &base);
    if (!err && !buf_len(&snd->diff)) {
        bool ack = now >= t->next_ack;
        if (ack)
            return transmit(s, base, snd->cur, true, now, facts);
        t->next_send = SYNC_NEVER;
        t->collecting = false;
        snd->same = true; /* no diff: as good as equal; not to be asked again */
        snd->differs = false;
        return false;
    }
    void *to;
    size_t part = OUT_PART;
    if (!err && s->role == SYNC_CLIENT && buf_len(&snd->diff) > t->part + t->part / 2) {
        err = ERR_CAP;
        part = t->part;
    }
    if (err && now < t->hold)
        return acknowledge(s, now, facts);
    if (err) { /* too big for an instruction: one part per round trip */
        t->hold = now + facts_rto(facts) + ACK_DELAY_US;
        t->next_ack = now + ACK_INTERVAL_US;
    }
    if (out_cap_diff(s, &base, err, part, &to)) {
        log_line(s->log, LOG_ERROR, "sync", "screen too big for an instruction");
        return false;
    }
    bool sent = transmit(s, base, to, false, now, facts);
    snd->ops.unref(to);
    return sent;
}

uint64_t stock_due(struct sync *s, uint64_t now, const struct sync_link *facts)
{
    if (!facts->can_send)
        return SYNC_NEVER;
    calculate(s, now, facts);
    return min_u64(s->stock.next_ack, s->stock.next_send);
}
