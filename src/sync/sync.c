/* The endpoint of one lane: what session calls. */
#include "base/mem.h"
#include "sync/endpoint.h"

#include <stdlib.h>
#include <string.h>

#define PLAIN_MAX      (SYNC_INSTRUCTION_MAX - 256) /* what any receiver inflates, and then some */
#define ACK_SOON_US    10000
#define ACK_LOG_US     25000
#define ACK_STATES     8
#define BIG            500 /* an instruction that counts for the sender's pace */
#define FACTS_CONSUMED (SYNC_WINDOW / 4)

static uint16_t clamp_size(uint16_t n)
{
    return n < 1 ? 1 : n > SCREEN_MAX ? SCREEN_MAX : n;
}

static void init_client(struct sync *s, const struct sync_config *c)
{
    s->cols = clamp_size(c->cols);
    s->rows = clamp_size(c->rows);
    input_init(&s->input, SYNC_INPUT_MAX, false);
    struct state_ops out = input_state_ops(&s->input);
    sender_init(&s->sender, &out, input_mark_end(&s->input));
    struct term_config term = {
        .cols = s->cols, .rows = s->rows, .width = c->width, .width_ctx = c->width_ctx};
    screen_replica_init(&s->replica, &term);
    struct replica_ops in = screen_replica_ops(&s->replica);
    struct screen *zero = screen_zero(s->cols, s->rows);
    receiver_init(&s->receiver, &in, zero, s->native, SYNC_SCREENS_MAX);
    if (s->native)
        receiver_set_zero(&s->receiver, zero);
    if (input_append_resize(&s->input, s->cols, s->rows)) /* the first event, §8 */
        BUG("no room in an empty queue");
    sender_set(&s->sender, input_mark_end(&s->input));
}

static void init_server(struct sync *s, const struct sync_config *c)
{
    s->cols = clamp_size(c->cols);
    s->rows = clamp_size(c->rows);
    screen_source_init(&s->source, s->native ? SNAPSHOT_NATIVE : SNAPSHOT_STOCK);
    struct state_ops out = screen_state_ops(&s->source);
    struct screen *zero = screen_zero(s->cols, s->rows);
    s->live = snapshot_ref(zero->snap);
    s->zero = out.ref(zero);
    sender_init(&s->sender, &out, zero);
    input_init(&s->input, SYNC_INPUT_MAX, true);
    struct replica_ops in = input_replica_ops(&s->input);
    receiver_init(&s->receiver, &in, input_mark_end(&s->input), s->native, SYNC_SCREENS_MAX);
}

struct sync *sync_new(const struct sync_config *c)
{
    struct sync *s = mem_new(1, sizeof *s);
    s->role = c->role;
    s->native = c->native && (c->peer_caps & SYNC_CAP_STASH);
    s->caps = c->caps;
    s->peer_caps = c->peer_caps;
    s->entropy = c->entropy;
    s->log = c->log;
    s->start_us = c->now_us;
    assembly_init(&s->assembly);
    codec_init(&s->codec, c->null_codec);
    buf_init(&s->inflated, SYNC_INSTRUCTION_MAX);
    buf_init(&s->plain, PLAIN_MAX);
    cutter_init(&s->cutter, ASSEMBLY_BYTES_MAX);
    log_writers_init(&s->writers);
    for (size_t i = 0; i < SYNC_LOGS; i++)
        log_reader_init(&s->reader[i]);
    if (c->role == SYNC_CLIENT)
        init_client(s, c);
    else
        init_server(s, c);
    stock_init(s, c->now_us);
    native_init(s, c->now_us);
    return s;
}

void sync_free(struct sync *s)
{
    if (!s)
        return;
    if (s->zero)
        s->sender.ops.unref(s->zero);
    sender_fini(&s->sender);
    receiver_fini(&s->receiver);
    if (s->role == SYNC_CLIENT)
        screen_replica_fini(&s->replica);
    else
        screen_source_fini(&s->source);
    snapshot_unref(s->live);
    input_fini(&s->input);
    assembly_fini(&s->assembly);
    codec_fini(&s->codec);
    cutter_fini(&s->cutter);
    buf_fini(&s->inflated);
    buf_fini(&s->plain);
    log_writers_fini(&s->writers);
    for (size_t i = 0; i < SYNC_LOGS; i++)
        log_reader_fini(&s->reader[i]);
    free(s);
}

/* ---- the echo ack (§8) ---- */

static void echo_note(struct sync *s, uint64_t num, uint64_t bytes, uint64_t now_us)
{
    struct echo_note *n;
    bool done = bytes <= s->mine.consumed;
    if (s->notes == ECHO_NOTES) /* nobody reads: the newest two become one */
        s->notes--;
    n = &s->note[s->notes++];
    *n = (struct echo_note){num, bytes, done ? now_us : 0};
}

static void screen_changed(struct sync *s)
{
    sender_set(&s->sender, screen_new(s->live, s->echo_ack));
}

/* Raise the echo ack by what was handed over long enough ago. */
static void echo_tick(struct sync *s, uint64_t now_us)
{
    size_t k = 0;
    while (k < s->notes && s->note[k].time_us && now_us - s->note[k].time_us >= ECHO_DELAY_US)
        k++;
    if (!k)
        return;
    s->echo_ack = s->note[k - 1].num;
    s->notes -= k;
    memmove(s->note, s->note + k, s->notes * sizeof s->note[0]);
    screen_changed(s);
}

static uint64_t echo_due(const struct sync *s)
{
    if (s->notes && s->note[0].time_us && !s->sender.shutdown)
        return s->note[0].time_us + ECHO_DELAY_US;
    return SYNC_NEVER;
}

/* ---- receiving ---- */

static int take_facts(struct sync *s, const struct facts *f)
{
    if (!f->seq)
        return 0;
    s->facts_ack_due = true;
    if (f->seq <= s->theirs.seq)
        return 0;
    uint64_t before = s->theirs.consumed;
    s->theirs = *f;
    if (s->theirs.consumed < before)
        s->theirs.consumed = before;
    return SYNC_NEWS_FACTS;
}

static void take_facts_ack(struct sync *s, const struct instruction *ins)
{
    uint64_t seq = ins->facts_ack;
    if (!ins->has_facts_ack || seq <= s->facts_acked || seq > s->mine.seq)
        return;
    s->facts_acked = seq;
    if (s->mine.seq - seq < FACTS_RING)
        s->consumed_acked = max_u64(s->consumed_acked, s->consumed_sent[seq % FACTS_RING]);
    if (seq >= s->urgent_seq)
        s->facts_urgent = false;
}

static int take_logs(struct sync *s, const struct instruction *ins, uint64_t now_us,
                     const struct sync_link *facts)
{
    int news = 0;
    for (size_t i = 0; i < ins->ack_n; i++)
        if (log_writers_ack(&s->writers, &ins->ack[i], out_room(facts), now_us, facts))
            news |= SYNC_NEWS_LOG_ROOM;
    for (size_t i = 0; i < ins->data_n; i++) {
        if (ins->data[i].id >= SYNC_LOGS)
            continue;
        if (log_reader_take(&s->reader[ins->data[i].id], &ins->data[i]))
            news |= SYNC_NEWS_LOG;
        bool soon = ins->data[i].id == SYNC_LOG_EVENTS || ++s->nat.ack_big >= 2;
        native_owe_ack(s, now_us, soon ? ACK_SOON_US : ACK_LOG_US);
    }
    return news;
}

static int take_extras(struct sync *s, const struct instruction *ins, uint64_t now_us,
                       const struct sync_link *facts)
{
    int news = take_facts(s, &ins->facts);
    take_facts_ack(s, ins);
    if (ins->facts.seq) /* the peer repeats urgent ones until it knows */
        native_owe_ack(s, now_us, native_lossy(s, now_us, facts) ? ACK_SOON_US : ACK_DELAY_US);
    return news | take_logs(s, ins, now_us, facts);
}

/* When to acknowledge what receiver_take said. */
static void owe_ack(struct sync *s, const struct instruction *ins, int took, uint64_t now_us,
                    const struct sync_link *facts)
{
    bool last = ins->new_num == SYNC_NUM_SHUTDOWN;
    if (!s->native) {
        if (took & RECEIVER_CONTENT || (last && took & (RECEIVER_KNOWN | RECEIVER_NEWEST)))
            s->ack_pending = true;
        return;
    }
    uint64_t delay = ACK_DELAY_US;
    if (native_lossy(s, now_us, facts) || took & (RECEIVER_KNOWN | RECEIVER_STASHED))
        delay = ACK_SOON_US;
    if (ins->diff_len > BIG && ++s->nat.ack_big >= 2)
        delay = 0;
    if (++s->nat.ack_states >= ACK_STATES)
        delay = 0;
    native_owe_ack(s, now_us, last ? 0 : delay);
}

static int take_state(struct sync *s, const struct instruction *ins, uint64_t now_us,
                      const struct sync_link *facts)
{
    int took = receiver_take(&s->receiver, ins, now_us);
    if (took < 0)
        return took;
    owe_ack(s, ins, took, now_us, facts);
    int news = 0;
    const struct held *newest = receiver_newest(&s->receiver);
    if (took & RECEIVER_NEWEST) {
        news |= SYNC_NEWS_STATE;
        const struct input_mark *m = newest->state;
        if (s->role == SYNC_SERVER && took & RECEIVER_CONTENT)
            echo_note(s, newest->num, m->bytes, now_us);
    }
    if (newest->num == SYNC_NUM_SHUTDOWN &&
        (took & RECEIVER_NEWEST || ins->new_num == SYNC_NUM_SHUTDOWN)) {
        s->peer_shutdown = true;
        news |= SYNC_NEWS_SHUTDOWN;
    }
    return news;
}

/* The peer's caps are full of states that it cannot let go: nothing that it acknowledged came
 * through for long. */
static void start_anew(struct sync *s, uint64_t newest)
{
    if (sender_restart(&s->sender, newest, s->zero))
        log_line(s->log, LOG_INFO, "sync", "starting anew from state 0, as the peer asks");
    s->nat.steps = 0;
}

static int take_instruction(struct sync *s, const struct instruction *ins, uint64_t now_us,
                            const struct sync_link *facts)
{
    int news = SYNC_NEWS_INSTRUCTION;
    if (sender_ack(&s->sender, ins->ack_num)) {
        news |= SYNC_NEWS_ACK;
        stock_acked(s);
        s->caps_known = true;
    }
    if (ins->has_caps && (ins->caps & ~s->peer_caps)) {
        s->peer_caps |= ins->caps;
        news |= SYNC_NEWS_CAPS;
    }
    if (s->native)
        news |= take_extras(s, ins, now_us, facts);
    if (s->native && ins->has_resync && s->zero)
        start_anew(s, ins->resync);
    if (s->native && !ins->has_state)
        return news;
    int got = take_state(s, ins, now_us, facts);
    s->stuck = receiver_stuck(&s->receiver, now_us);
    if (got == ERR_CAP && s->stuck && s->native)
        native_owe_ack(s, now_us, ACK_DELAY_US); /* carries the wish to start anew */
    if (got >= 0)
        return news | got;
    log_line(s->log, LOG_DEBUG, "sync", "state %llu dropped: %s", (unsigned long long)ins->new_num,
             err_text(got));
    return news == SYNC_NEWS_INSTRUCTION ? got : news;
}

int sync_receive(struct sync *s, const uint8_t *fragment, size_t len, uint64_t now_us,
                 const struct sync_link *facts)
{
    struct fragment f;
    const uint8_t *packed;
    size_t packed_len;
    int got = fragment_get(fragment, len, &f);
    if (got)
        return got;
    got = assembly_add(&s->assembly, &f, &packed, &packed_len);
    if (got <= 0)
        return got;
    struct instruction ins;
    got = codec_unpack(&s->codec, packed, packed_len, &s->inflated);
    if (!got)
        got = instruction_get(&ins, buf_data(&s->inflated), buf_len(&s->inflated));
    if (!got && (!ins.has_version || ins.version != INSTRUCTION_VERSION))
        got = SYNC_NEWS_VERSION;
    else if (!got)
        got = take_instruction(s, &ins, now_us, facts);
    if (got < 0)
        log_line(s->log, LOG_DEBUG, "sync", "instruction dropped: %s", err_text(got));
    if (s->inflated.size > 65536)
        buf_release(&s->inflated);
    return got;
}

/* ---- sending ---- */

int sync_send(struct sync *s, uint64_t now_us, const struct sync_link *facts, struct buf *out)
{
    echo_tick(s, now_us);
    if (!facts->can_send)
        return 0;
    if (out_next(s, out))
        return 1;
    bool begun = s->native ? native_tick(s, now_us, facts) : stock_tick(s, now_us, facts);
    return begun ? out_next(s, out) : 0;
}

bool sync_sent_bulk(const struct sync *s)
{
    return s->sent_bulk;
}

uint64_t sync_deadline(struct sync *s, uint64_t now_us, const struct sync_link *facts)
{
    echo_tick(s, now_us);
    if (!facts->can_send)
        return SYNC_NEVER;
    if (cutter_pending(&s->cutter) || s->copies)
        return now_us;
    uint64_t due = s->native ? native_due(s, now_us, facts) : stock_due(s, now_us, facts);
    return min_u64(due, echo_due(s));
}

bool sync_owed(const struct sync *s)
{
    /* Comparing states fills a cache in the sender; the answer changes nothing. */
    struct sender *snd = (struct sender *)(uintptr_t)&s->sender;
    return sender_owes(snd) || log_writers_owe(&s->writers, false) || s->writers.n;
}

void sync_link_proven(struct sync *s, uint64_t now_us)
{
    if (s->native)
        native_proven(s, now_us);
}

/* ---- client ---- */

size_t sync_input_window(const struct sync *s)
{
    size_t room = buf_room(&s->input.bytes);
    if (s->sender.shutdown)
        return 0;
    if (!s->native || !(s->peer_caps & SYNC_CAP_FACTS))
        return room;
    uint64_t ahead = s->input.end.bytes - min_u64(s->theirs.consumed, s->input.end.bytes);
    size_t window = ahead < SYNC_WINDOW ? (size_t)(SYNC_WINDOW - ahead) : 0;
    return window < room ? window : room;
}

uint64_t sync_input_consumed(const struct sync *s)
{
    return s->native && s->peer_caps & SYNC_CAP_FACTS ? s->theirs.consumed : UINT64_MAX;
}

size_t sync_user_bytes(struct sync *s, const void *bytes, size_t len, uint64_t now_us)
{
    BUG_ON(s->role != SYNC_CLIENT);
    size_t window = sync_input_window(s);
    size_t n = input_append(&s->input, bytes, len < window ? len : window);
    if (n)
        sender_set(&s->sender, input_mark_end(&s->input));
    return n;
}

void sync_user_resize(struct sync *s, uint16_t cols, uint16_t rows, uint64_t now_us)
{
    BUG_ON(s->role != SYNC_CLIENT);
    cols = clamp_size(cols);
    rows = clamp_size(rows);
    if ((cols == s->cols && rows == s->rows) || s->sender.shutdown)
        return;
    s->cols = cols;
    s->rows = rows;
    if (input_append_resize(&s->input, cols, rows))
        log_line(s->log, LOG_WARN, "sync", "too many resizes wait");
    sender_set(&s->sender, input_mark_end(&s->input));
}

struct sync_remote sync_remote(const struct sync *s)
{
    BUG_ON(s->role != SYNC_CLIENT);
    const struct held *h = receiver_newest(&s->receiver);
    const struct screen *screen = h->state;
    return (struct sync_remote){h->num, screen->snap, screen->echo_ack};
}

/* ---- server ---- */

void sync_set_screen(struct sync *s, const struct snapshot *snap, uint64_t now_us)
{
    BUG_ON(s->role != SYNC_SERVER);
    if (snap == s->live || s->sender.shutdown)
        return;
    struct snapshot *old = s->live;
    s->live = snapshot_ref(snap);
    snapshot_unref(old);
    screen_changed(s);
}

void sync_tell_history(struct sync *s)
{
    BUG_ON(s->role != SYNC_SERVER);
    s->source.history = s->native;
}

int sync_input_next(struct sync *s, struct sync_input *item)
{
    BUG_ON(s->role != SYNC_SERVER);
    const struct input_resize *resize;
    *item = (struct sync_input){.offset = s->input.base.bytes};
    if (!input_peek(&s->input, &resize, &item->bytes, &item->len))
        return 0;
    if (resize) {
        item->resize = true;
        item->cols = resize->cols;
        item->rows = resize->rows;
    }
    input_take(&s->input); /* the bytes stay in place until more are appended */
    return 1;
}

/* The next instruction carries the facts; an urgent change does not wait for one. */
static void facts_changed(struct sync *s, bool urgent)
{
    s->facts_dirty = true;
    if (!urgent)
        return;
    s->facts_urgent = true;
    s->urgent_seq = s->mine.seq + 1;
}

void sync_set_consumed(struct sync *s, uint64_t offset, uint64_t now_us)
{
    BUG_ON(s->role != SYNC_SERVER);
    for (size_t i = 0; i < s->notes; i++)
        if (!s->note[i].time_us && s->note[i].bytes <= offset)
            s->note[i].time_us = now_us;
    if (offset <= s->mine.consumed)
        return;
    s->mine.consumed = offset;
    facts_changed(s, offset - s->consumed_acked >= FACTS_CONSUMED);
}

void sync_set_tty_modes(struct sync *s, unsigned modes)
{
    modes |= SYNC_TTY_KNOWN;
    if (s->mine.tty == modes)
        return;
    s->mine.tty = modes;
    facts_changed(s, true);
}

unsigned sync_tty_modes(const struct sync *s)
{
    return s->theirs.tty;
}

/* ---- numbers ---- */

uint64_t sync_sent_num(const struct sync *s)
{
    return s->sender.list[s->sender.n - 1].num;
}

uint64_t sync_acked_num(const struct sync *s)
{
    return s->sender.list[0].num;
}

uint64_t sync_acked_us(const struct sync *s)
{
    return s->sender.acked_us;
}

uint64_t sync_heard_us(const struct sync *s)
{
    return s->receiver.heard_us;
}

uint64_t sync_peer_caps(const struct sync *s)
{
    return s->peer_caps;
}

/* ---- logs ---- */

int sync_log_append(struct sync *s, unsigned log, const void *bytes, size_t len)
{
    if (!s->native || !(s->peer_caps & SYNC_CAP_LOGS))
        return ERR_STATE;
    return log_write(&s->writers, log, bytes, len);
}

size_t sync_log_room(const struct sync *s, unsigned log)
{
    BUG_ON(log >= SYNC_LOGS);
    return buf_room(&s->writers.log[log].bytes);
}

size_t sync_log_unsent(const struct sync *s, unsigned log)
{
    BUG_ON(log >= SYNC_LOGS);
    const struct log_writer *l = &s->writers.log[log];
    return buf_len(&l->bytes) - (size_t)(l->next - l->acked);
}

void sync_log_set_cap(struct sync *s, unsigned log, size_t cap)
{
    BUG_ON(log >= SYNC_LOGS);
    struct buf *b = &s->writers.log[log].bytes;
    b->cap = cap > buf_len(b) ? cap : buf_len(b);
}

const uint8_t *sync_log_read(struct sync *s, unsigned log, size_t *len)
{
    BUG_ON(log >= SYNC_LOGS);
    const struct buf *b = &s->reader[log].ready;
    *len = buf_len(b);
    return *len ? buf_data(b) : (const uint8_t *)"";
}

void sync_log_skip(struct sync *s, unsigned log, size_t len)
{
    BUG_ON(log >= SYNC_LOGS);
    log_reader_skip(&s->reader[log], len);
    if (s->reader[log].ack && !s->ack_pending)
        s->nat.ack_us = 0; /* the window opened: at once */
    s->ack_pending = s->ack_pending || s->reader[log].ack;
}

uint64_t sync_log_acked(const struct sync *s, unsigned log)
{
    BUG_ON(log >= SYNC_LOGS);
    return s->writers.log[log].acked;
}

/* ---- the end ---- */

void sync_shutdown(struct sync *s, uint64_t now_us)
{
    echo_tick(s, now_us);
    sender_shutdown(&s->sender, now_us);
}

bool sync_shutting_down(const struct sync *s)
{
    return s->sender.shutdown;
}

bool sync_shutdown_done(const struct sync *s)
{
    return s->sender.list[0].num == SYNC_NUM_SHUTDOWN;
}

bool sync_shutdown_given_up(const struct sync *s, uint64_t now_us)
{
    return !s->native && s->sender.shutdown && !sync_shutdown_done(s) &&
           (s->sender.shutdown_tries >= 16 || now_us - s->sender.shutdown_us >= 10000000);
}

bool sync_peer_shutdown(const struct sync *s)
{
    return s->peer_shutdown;
}

bool sync_peer_shutdown_acked(const struct sync *s)
{
    return s->peer_shutdown_acked;
}

size_t sync_memory(const struct sync *s)
{
    size_t n = sizeof *s + s->inflated.size + s->plain.size + s->cutter.bytes.size;
    n += assembly_memory(&s->assembly) + codec_memory(&s->codec) + input_memory(&s->input);
    n += sender_memory(&s->sender) + receiver_memory(&s->receiver);
    n += log_writers_memory(&s->writers) + s->source.host.size;
    for (size_t i = 0; i < SYNC_LOGS; i++)
        n += log_reader_memory(&s->reader[i]);
    return n;
}
