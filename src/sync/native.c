/* When to send towards a tern (design.md §2.2). The same states as towards stock, but:
 *
 * - the first frame after a pause leaves at once; the pause that follows is as long as the frame
 * was big, so that an echoed key is never held back by the key before it;
 * - on a path that loses packets a frame goes in two copies and again soon, as long as it is small;
 *   one that is too big for a datagram goes as a row of states that each fit one ("steps"), each
 *   from the one before; the receiver keeps the early ones, so only what was lost goes again;
 * - input always goes in steps;
 * - acknowledgements carry no state;
 * - while the link is quiet one datagram goes now and then, and everything at once when it is back.
 */
#include "base/mem.h"
#include "sync/endpoint.h"

#define LOSSY           0.01
#define LOSSY_FOR_US    10000000
#define INTERVAL_BYTES  1000 /* a frame of so many bytes is followed by a whole send interval */
#define PAUSE_MIN_US    2000
#define FREE_STATES     8 /* not acknowledged; more of them come slower */
#define SMALL           400
#define REPEAT_FIRST_US 20000
#define REPEAT_LEAST_US 60000
#define REPEAT_MOST_US  250000
#define ACK_LOSSY_US    10000
#define TOKENS_RATE     12000 /* bytes of early repeats per second ... */
#define TOKENS_MAX      12000 /* ... and at once */
#define STEPS_MAX       16    /* steps in flight */
#define STEPS_MIN       2
#define QUEUE_US        50000 /* delay over the floor that steps may cause before they slow down */
#define QUIET_LEAST_US  500000
#define QUIET_MOST_US   3000000
#define OPEN_US         1000000
#define FACTS_GAP_US    20000
#define LOG_OVERHEAD    96  /* of an instruction around a piece of log, deflated badly */
#define ALONG_MAX       400 /* bytes of log that go with a frame */
#define LOG_STRETCH     3   /* log text usually deflates to a third */

void native_init(struct sync *s, uint64_t now_us)
{
    s->nat = (struct native){.tokens = TOKENS_MAX, .tokens_us = now_us, .ack_us = SYNC_NEVER};
}

bool native_lossy(const struct sync *s, uint64_t now_us, const struct sync_link *facts)
{
    return facts->loss >= LOSSY || now_us < s->nat.lossy_until;
}

void native_owe_ack(struct sync *s, uint64_t now_us, uint64_t delay_us)
{
    uint64_t due = now_us + delay_us;
    s->nat.ack_us = s->ack_pending ? min_u64(s->nat.ack_us, due) : due;
    s->ack_pending = true;
}

void native_proven(struct sync *s, uint64_t now_us)
{
    s->nat.open_until = now_us + OPEN_US;
    s->nat.pause_us = 0;
    s->nat.steps = 0;
    s->nat.quiet_us = 0;
    for (size_t i = 1; i < s->sender.n; i++) {
        s->sender.list[i].tries = 1;
        s->sender.list[i].lost = true;
    }
    log_writers_retry(&s->writers);
}

/* ---- when ---- */

static double tokens(const struct sync *s, uint64_t now)
{
    double t = s->nat.tokens + (double)(now - s->nat.tokens_us) * TOKENS_RATE / 1e6;
    return t < TOKENS_MAX ? t : TOKENS_MAX;
}

static void spend(struct sync *s, size_t bytes, uint64_t now)
{
    double left = tokens(s, now) - (double)bytes;
    s->nat.tokens = left > 0 ? left : 0;
    s->nat.tokens_us = now;
}

/* Steps in flight: fewer when the queue on the way grows. */
static size_t steps_max(const struct sync_link *facts)
{
    if (!facts->floor_us || !facts->srtt_us)
        return STEPS_MAX;
    uint64_t n = STEPS_MAX * (facts->floor_us + QUEUE_US) / facts->srtt_us;
    return (size_t)max_u64(STEPS_MIN, min_u64(n, STEPS_MAX));
}

static bool in_steps(const struct sync *s, uint64_t now, const struct sync_link *facts)
{
    return s->role == SYNC_CLIENT || facts->quiet || native_lossy(s, now, facts);
}

static uint64_t quiet_due(const struct sync *s, const struct sync_link *facts)
{
    const struct sender *snd = &s->sender;
    uint64_t from = max_u64(s->nat.quiet_us, snd->list[snd->n - 1].time_us);
    uint64_t out = from > facts->proven_us ? (from - facts->proven_us) / 10 : 0;
    return from + max_u64(QUIET_LEAST_US, min_u64(out, QUIET_MOST_US));
}

/* There is something that no sent state holds. */
static bool wants_frame(struct sync *s)
{
    struct sender *snd = &s->sender;
    return !sender_current(snd) || (snd->shutdown && sender_last(snd)->num != SYNC_NUM_SHUTDOWN);
}

static uint64_t frame_due(struct sync *s, uint64_t now, const struct sync_link *facts)
{
    if (!wants_frame(s)) {
        s->nat.steps = 0;
        return SYNC_NEVER;
    }
    if (facts->quiet)
        return quiet_due(s, facts);
    if (s->nat.steps)
        return s->sender.n - 1 < steps_max(facts) ? now : SYNC_NEVER;
    return s->nat.frame_us + s->nat.pause_us;
}

/* How long after its last sending e goes again. */
static uint64_t patience(const struct sync *s, const struct sent *e, uint64_t now,
                         const struct sync_link *facts)
{
    uint64_t rto = facts_rto(facts), srtt = facts_srtt(facts);
    if (!native_lossy(s, now, facts))
        return rto + ACK_DELAY_US;
    bool small = e->size <= SMALL;
    if (tokens(s, now) < (double)e->size + (small ? 0 : TOKENS_MAX / 2.0))
        return rto;
    if (!small && e->tries < 2)
        return min_u64(srtt + 2 * ACK_LOSSY_US, rto);
    uint64_t most = max_u64(REPEAT_LEAST_US, min_u64(srtt / 2, REPEAT_MOST_US));
    uint64_t wait = REPEAT_FIRST_US;
    for (unsigned i = 1; i < e->tries && wait < most; i++)
        wait += wait / 2;
    return min_u64(min_u64(wait, most), rto);
}

/* When a state goes again, and which: of those that the newest one rests on the one first due. */
static uint64_t repeat_due(struct sync *s, uint64_t now, const struct sync_link *facts,
                           size_t *which)
{
    struct sender *snd = &s->sender;
    uint64_t due = SYNC_NEVER, need = sender_last(snd)->num;
    *which = snd->n - 1;
    if (snd->n == 1)
        return SYNC_NEVER;
    for (size_t i = snd->n - 1; i >= 1; i--) {
        const struct sent *e = &snd->list[i];
        if (e->num != need)
            continue;
        need = e->base;
        uint64_t t = e->lost ? now : e->time_us + patience(s, e, now, facts);
        if (t <= due || facts->quiet) { /* quiet: the one that rests on what is sure */
            due = t;
            *which = i;
        }
    }
    return facts->quiet ? quiet_due(s, facts) : due;
}

static uint64_t facts_due(const struct sync *s, uint64_t now, const struct sync_link *facts)
{
    if (!s->facts_urgent || !(s->peer_caps & SYNC_CAP_FACTS))
        return SYNC_NEVER;
    uint64_t wait = facts->quiet                  ? QUIET_MOST_US
                    : native_lossy(s, now, facts) ? min_u64(2 * REPEAT_FIRST_US, facts_rto(facts))
                                                  : facts_rto(facts) + ACK_DELAY_US;
    if (s->facts_dirty && !facts->quiet)
        wait = s->facts_sent_us ? FACTS_GAP_US : 0;
    return s->facts_sent_us + wait;
}

static uint64_t extras_due(const struct sync *s, uint64_t now, const struct sync_link *facts)
{
    uint64_t due = s->ack_pending ? s->nat.ack_us : SYNC_NEVER;
    return min_u64(due, facts_due(s, now, facts));
}

static size_t log_piece(const struct sync_link *facts)
{
    size_t room = out_room(facts);
    return room > 2 * LOG_OVERHEAD ? room - LOG_OVERHEAD : room / 2;
}

static uint64_t logs_due(const struct sync *s, bool bulk, uint64_t now,
                         const struct sync_link *facts)
{
    if (!(s->peer_caps & SYNC_CAP_LOGS))
        return SYNC_NEVER;
    return log_writers_due(&s->writers, bulk, log_piece(facts), now, facts);
}

/* ---- what ---- */

static void begin(struct sync *s, size_t base, uint64_t num, void *to, size_t size, unsigned copies,
                  uint64_t now, const struct sync_link *facts)
{
    struct sender *snd = &s->sender;
    struct sent *e = sender_sent(snd, num, to, snd->list[base].num, size, now);
    e->content = true;
    out_begin(s, copies, now, facts);
    s->nat.quiet_us = now;
}

/* A frame of size bytes more went out: how long until the next may begin. */
static void pace(struct sync *s, size_t size, bool first, uint64_t now,
                 const struct sync_link *facts)
{
    struct native *n = &s->nat;
    if (first) {
        n->frame_us = now;
        n->frame_bytes = 0;
    }
    n->frame_bytes += size;
    size_t weight = n->frame_bytes < INTERVAL_BYTES ? n->frame_bytes : INTERVAL_BYTES;
    uint64_t pause = sync_interval_us(facts) * weight / INTERVAL_BYTES;
    /* Those beyond FREE_STATES are spread over the time that an acknowledgement takes, so that it
     * still finds its state in the sender's list, whose middle goes where it is full. */
    if (s->sender.n > FREE_STATES)
        pause = max_u64(pause, (facts_srtt(facts) + ACK_DELAY_US) / SENDER_MIDDLE);
    if (s->sender.n > SENDER_LIST - FREE_STATES)
        pause = max_u64(pause, sync_interval_us(facts));
    n->pause_us = max_u64(PAUSE_MIN_US, pause);
}

/* Try to bring `to` over in one datagram from the acknowledged state, which depends on nothing in
 * flight. Returns the packed size, 0 if it does not fit. `which` names the state in *known, the
 * last one that did not: while it goes in steps this is asked again for each. */
static size_t pack_single(struct sync *s, void *to, uint64_t num, const struct sync_link *facts,
                          struct native_big *known, uint64_t which)
{
    size_t room = out_room(facts);
    uint64_t base = sender_first(&s->sender)->num;
    if (room <= known->room && base == known->base && which == known->state)
        return 0;
    if (!sender_diff_within(&s->sender, 0, to, 8 * room)) {
        size_t size = out_pack_state(s, 0, num, NULL);
        if (size <= room)
            return size;
    }
    *known = (struct native_big){base, which, room};
    return 0;
}

static unsigned copies_for(const struct sync *s, size_t size, uint64_t now,
                           const struct sync_link *facts)
{
    return size <= SMALL && !facts->quiet && native_lossy(s, now, facts) ? 2 : 1;
}

/* What was packed goes in one datagram, and all lines of the history that wait fit in there too:
 * they go along, so that the peer has both at once and shows them by one frame. */
static void pack_along(struct sync *s, size_t base, uint64_t num, uint64_t now,
                       const struct sync_link *facts)
{
    struct log_data d;
    size_t room = out_room(facts);
    if (!(s->peer_caps & SYNC_CAP_LOGS) || buf_len(&s->cutter.bytes) + LOG_OVERHEAD > room ||
        !log_writers_next(&s->writers, true, ALONG_MAX + 1, ALONG_MAX, now, facts, &d) ||
        d.offset != s->writers.log[d.id].next || d.len > ALONG_MAX)
        return;
    size_t size = out_pack_state(s, base, num, &d);
    if (size && size <= room)
        log_writers_sent(&s->writers, &d, now);
    else if (!out_pack_state(s, base, num, NULL))
        BUG("it was packed before");
}

/* The whole frame, however many fragments it takes, from where the peer is likely to be. */
static bool send_whole(struct sync *s, uint64_t now, const struct sync_link *facts)
{
    struct sender *snd = &s->sender;
    size_t base, assumed = 0;
    if (!sender_last(snd)->lost)
        assumed = sender_assumed(snd, now, facts_rto(facts) + ACK_DELAY_US);
    int err = sender_diff_best(snd, assumed, &base);
    void *to;
    if (out_cap_diff(s, &base, err, OUT_PART, &to)) {
        log_line(s->log, LOG_ERROR, "sync", "screen too big for an instruction");
        pace(s, INTERVAL_BYTES, true, now, facts);
        return false;
    }
    uint64_t num = sender_number(snd, to, to != snd->cur && to != sender_last(snd)->state);
    size_t size = out_pack_state(s, base, num, NULL);
    pace(s, size, true, now, facts);
    if (size) {
        pack_along(s, base, num, now, facts);
        begin(s, base, num, to, size, 1, now, facts);
    }
    snd->ops.unref(to);
    return size > 0;
}

/* The next step towards cur, from entry `base`, packed to fit a datagram if that can be. */
static bool send_step(struct sync *s, size_t base, uint64_t now, const struct sync_link *facts)
{
    struct sender *snd = &s->sender;
    size_t room = out_room(facts);
    const size_t budget[] = {3 * room, 3 * room / 2, room * 3 / 4};
    for (size_t i = 0; i < sizeof budget / sizeof budget[0]; i++) {
        void *to = snd->ops.partial(snd->ops.ctx, snd->list[base].state, snd->cur, budget[i]);
        uint64_t num = sender_number(snd, to, to != snd->cur);
        size_t size = sender_diff(snd, base, to) ? 0 : out_pack_state(s, base, num, NULL);
        bool last = i + 1 == sizeof budget / sizeof budget[0];
        if (size && (size <= room || last)) {
            bool end = to == snd->cur;
            begin(s, base, num, to, size, 1, now, facts);
            snd->ops.unref(to);
            pace(s, size, false, now, facts);
            s->nat.steps = end || !s->nat.steps ? 0 : s->nat.steps - 1;
            return true;
        }
        snd->ops.unref(to);
    }
    s->nat.steps = 0;
    pace(s, INTERVAL_BYTES, true, now, facts);
    return false;
}

static bool send_frame(struct sync *s, uint64_t now, const struct sync_link *facts)
{
    struct sender *snd = &s->sender;
    if (!in_steps(s, now, facts))
        return send_whole(s, now, facts);
    uint64_t num = sender_number(snd, snd->cur, false);
    size_t size = pack_single(s, snd->cur, num, facts, &s->nat.big_live, snd->lives);
    if (size) {
        pace(s, size, !s->nat.steps, now, facts);
        s->nat.steps = 0;
        begin(s, 0, num, snd->cur, size, copies_for(s, size, now, facts), now, facts);
        return true;
    }
    if (facts->quiet && snd->n > 1)
        return false; /* what is in flight goes again first */
    if (snd->n - 1 >= steps_max(facts)) {
        pace(s, INTERVAL_BYTES, true, now, facts); /* wait for acknowledgements */
        s->nat.steps = 0;
        return false;
    }
    if (!s->nat.steps) {
        size_t room = out_room(facts), most = STEPS_MAX * room;
        bool more = sender_diff_within(snd, snd->n - 1, snd->cur, most) != 0;
        size_t todo = (more ? most : buf_len(&snd->diff)) / room + 1;
        s->nat.steps = (unsigned)(todo < STEPS_MAX ? todo : STEPS_MAX);
        pace(s, 0, true, now, facts);
    }
    return send_step(s, snd->n - 1, now, facts);
}

/* Entry i goes again. */
static bool send_again(struct sync *s, size_t i, uint64_t now, const struct sync_link *facts)
{
    struct sender *snd = &s->sender;
    bool lossy = native_lossy(s, now, facts);
    if (!lossy && !facts->quiet && !snd->list[i].lost && facts->srtt_us)
        s->nat.lossy_until = now + LOSSY_FOR_US;
    struct sent *last = sender_last(snd);
    struct native_big *big = &s->nat.big_sent;
    size_t base = 0, size = pack_single(s, last->state, last->num, facts, big, last->num);
    if (size) {
        i = snd->n - 1;
    } else if (!in_steps(s, now, facts) && !sender_diff(snd, 0, last->state)) {
        i = snd->n - 1;
        size = out_pack_state(s, 0, last->num, NULL);
    } else {
        const struct sent *b = sender_find(snd, snd->list[i].base);
        base = b ? (size_t)(b - snd->list) : 0;
        if (!sender_diff(snd, base, snd->list[i].state))
            size = out_pack_state(s, base, snd->list[i].num, NULL);
    }
    if (!size) {
        snd->list[i].time_us = now; /* cannot be: not to be tried without end */
        snd->list[i].lost = false;
        s->nat.quiet_us = now;
        return false;
    }
    if (lossy)
        spend(s, size, now);
    begin(s, base, snd->list[i].num, snd->list[i].state, size, 1, now, facts);
    return true;
}

static bool send_extras(struct sync *s, uint64_t now, const struct sync_link *facts)
{
    if (!out_pack_extras(s, NULL))
        BUG("extras are small");
    out_begin(s, 1, now, facts);
    return true;
}

static bool send_log(struct sync *s, bool bulk, uint64_t now, const struct sync_link *facts)
{
    size_t room = out_room(facts), piece = log_piece(facts);
    if (bulk && facts->bulk_room < room)
        piece = facts->bulk_room / 2;
    struct log_data d;
    if (!log_writers_next(&s->writers, bulk, LOG_STRETCH * piece, piece, now, facts, &d))
        return false;
    bool first = d.offset == s->writers.log[d.id].next;
    if (!out_pack_extras(s, &d))
        BUG("log pieces are small");
    if (first && buf_len(&s->cutter.bytes) > (bulk ? min_u64(room, facts->bulk_room) : room) &&
        d.len > piece) {
        d.len = piece;
        if (!out_pack_extras(s, &d))
            BUG("log pieces are small");
    }
    log_writers_sent(&s->writers, &d, now);
    size_t size = buf_len(&s->cutter.bytes);
    out_begin(s, bulk ? 1 : copies_for(s, size, now, facts), now, facts);
    return true;
}

/* ---- the two entries: both see the link as it is for us ---- */

static struct sync_link view(struct sync *s, uint64_t now, const struct sync_link *facts)
{
    struct sync_link f = *facts;
    f.quiet = f.quiet && now >= s->nat.open_until;
    if (!f.quiet)
        s->nat.quiet_us = 0;
    return f;
}

bool native_tick(struct sync *s, uint64_t now, const struct sync_link *facts)
{
    if (!facts->can_send)
        return false;
    struct sync_link f = view(s, now, facts);
    size_t which;
    if (frame_due(s, now, &f) <= now && send_frame(s, now, &f))
        return true;
    if (repeat_due(s, now, &f, &which) <= now && send_again(s, which, now, &f))
        return true;
    if (logs_due(s, false, now, &f) <= now && send_log(s, false, now, &f))
        return true;
    if (extras_due(s, now, &f) <= now && send_extras(s, now, &f))
        return true;
    return logs_due(s, true, now, &f) <= now && send_log(s, true, now, &f);
}

uint64_t native_due(struct sync *s, uint64_t now, const struct sync_link *facts)
{
    if (!facts->can_send)
        return SYNC_NEVER;
    struct sync_link f = view(s, now, facts);
    size_t which;
    uint64_t due = frame_due(s, now, &f);
    due = min_u64(due, repeat_due(s, now, &f, &which));
    due = min_u64(due, extras_due(s, now, &f));
    due = min_u64(due, logs_due(s, false, now, &f));
    return min_u64(due, logs_due(s, true, now, &f));
}
