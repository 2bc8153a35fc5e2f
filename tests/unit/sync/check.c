#include "check.h"

#include "sync/message.h"
#include "sync/sync.h"

#include <string.h>

void sync_check_init(struct sync_check *c, bool server, bool native, bool null_codec,
                     struct sync_check *other)
{
    memset(c, 0, sizeof *c);
    c->server = server;
    c->native = native;
    c->other = other;
    codec_init(&c->codec, null_codec);
    assembly_init(&c->assembly);
    buf_init(&c->plain, SYNC_INSTRUCTION_MAX);
}

void sync_check_fini(struct sync_check *c)
{
    codec_fini(&c->codec);
    assembly_fini(&c->assembly);
    buf_fini(&c->plain);
}

static uint64_t hash_of(const uint8_t *p, size_t len)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 1099511628211u;
    return h;
}

/* The same (old, new) pair always carries the same diff (§5.3). */
static const char *check_pair(struct sync_check *c, const struct instruction *ins)
{
    uint64_t hash = hash_of(ins->diff, ins->diff_len);
    size_t n = c->pairs < SYNC_CHECK_STATES ? c->pairs : SYNC_CHECK_STATES;
    for (size_t i = 0; i < n; i++)
        if (c->pair[i].old_num == ins->old_num && c->pair[i].new_num == ins->new_num)
            return c->pair[i].hash == hash ? NULL : "same states, another diff";
    size_t at = c->pairs++ % SYNC_CHECK_STATES;
    c->pair[at].old_num = ins->old_num;
    c->pair[at].new_num = ins->new_num;
    c->pair[at].hash = hash;
    return NULL;
}

static uint64_t echo_of(const struct sync_check *c, uint64_t num)
{
    size_t n = c->echoes < SYNC_CHECK_STATES ? c->echoes : SYNC_CHECK_STATES;
    for (size_t i = 0; i < n; i++)
        if (c->echo[i].num == num)
            return c->echo[i].echo;
    return 0;
}

static void note_echo(struct sync_check *c, uint64_t num, uint64_t echo)
{
    size_t at = c->echoes++ % SYNC_CHECK_STATES;
    c->echo[at].num = num;
    c->echo[at].echo = echo;
}

/* Device queries kill a stock client (§9.3, §12). */
static bool has_query(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        if (p[i] != 0x1b || p[i + 1] != '[')
            continue;
        size_t k = i + 2;
        while (k < len && p[k] >= 0x20 && p[k] <= 0x3f)
            k++;
        if (k < len && (p[k] == 'c' || p[k] == 'n'))
            return true;
    }
    return false;
}

static bool size_ok(const struct message *m)
{
    return m->width >= 1 && m->width <= SCREEN_MAX && m->height >= 1 && m->height <= SCREEN_MAX;
}

static const char *check_host(struct sync_check *c, const struct instruction *ins)
{
    struct reader r = reader_of(ins->diff, ins->diff_len);
    struct message m;
    uint64_t echo = echo_of(c, ins->old_num);
    int stage = 0, got;
    bool resized = false;
    while ((got = message_next(&r, true, &m)) > 0) {
        int now = m.kind == MESSAGE_ECHO_ACK ? 1 : m.kind == MESSAGE_RESIZE ? 2 : 3;
        if (now <= stage)
            return "items of a host message out of order";
        stage = now;
        if (m.kind == MESSAGE_RESIZE && !size_ok(&m))
            return "size out of range";
        resized |= m.kind == MESSAGE_RESIZE;
        if (m.kind == MESSAGE_HOST && has_query(m.bytes, m.len))
            return "device query to a client";
        if (m.kind != MESSAGE_ECHO_ACK)
            continue;
        if (m.echo_ack < echo)
            return "echo ack falls";
        if (c->other && m.echo_ack > c->other->newest)
            return "echo ack of a state that nobody sent";
        echo = m.echo_ack;
    }
    if (got < 0)
        return "malformed host message";
    if (!ins->old_num && ins->diff_len && !resized)
        return "diff from state 0 without a size";
    note_echo(c, ins->new_num, echo);
    return NULL;
}

static const char *check_user(struct sync_check *c, const struct instruction *ins)
{
    struct reader r = reader_of(ins->diff, ins->diff_len);
    struct message m;
    int got, last = -1;
    bool first = true;
    while ((got = message_next(&r, false, &m)) > 0) {
        if (m.kind == MESSAGE_RESIZE && !size_ok(&m))
            return "size out of range";
        if (m.kind == MESSAGE_KEYS && !m.len)
            return "keystroke without keys";
        if (m.kind == MESSAGE_KEYS && last == MESSAGE_KEYS)
            return "adjacent keystrokes not merged";
        if (first && !ins->old_num && m.kind != MESSAGE_RESIZE)
            return "first event is not a resize";
        first = false;
        last = (int)m.kind;
    }
    return got < 0 ? "malformed user message" : NULL;
}

static const char *check_state(struct sync_check *c, const struct instruction *ins)
{
    bool end = ins->new_num == SYNC_NUM_SHUTDOWN;
    if (ins->throwaway_num > ins->old_num)
        return "throwaway above old";
    bool again = ins->new_num == ins->old_num && ins->old_num == ins->throwaway_num &&
                 !ins->diff_len; /* an acknowledgement alone: the peer has the state */
    if (ins->new_num <= ins->old_num && !end && !again)
        return "new not above old";
    if (c->other && ins->old_num == SYNC_NUM_SHUTDOWN && c->other->acked != SYNC_NUM_SHUTDOWN)
        return "the end rests on itself";
    if (c->other && ins->throwaway_num > c->other->acked)
        return "throwaway of a state that nobody acknowledged";
    if (!end && ins->new_num > c->newest + 1)
        return "a number was left out";
    if (!c->any && (ins->old_num || (!end && ins->new_num != 1) || ins->throwaway_num))
        return "first state is not 1";
    if (ins->new_num > c->newest)
        c->newest = ins->new_num;
    c->content += ins->diff_len > 0;
    const char *wrong = check_pair(c, ins);
    if (!wrong)
        wrong = c->server ? check_host(c, ins) : check_user(c, ins);
    return wrong;
}

static const char *check_instruction(struct sync_check *c, const struct instruction *ins)
{
    if (!ins->has_version || ins->version != 2)
        return "protocol version";
    if (ins->chaff_len > INSTRUCTION_CHAFF_MAX)
        return "too much chaff";
    if (!c->native &&
        (!ins->has_state || ins->facts.seq || ins->has_facts_ack || ins->data_n || ins->ack_n))
        return "an extra towards stock";
    if (c->other && ins->ack_num > c->other->newest)
        return "acknowledges a state that nobody sent";
    const char *wrong = ins->has_state ? check_state(c, ins) : NULL;
    if (ins->ack_num > c->acked)
        c->acked = ins->ack_num;
    c->any = c->any || ins->has_state;
    c->instructions++;
    return wrong;
}

const char *sync_check_sent(struct sync_check *c, const uint8_t *fragment, size_t len)
{
    struct fragment f;
    const uint8_t *packed;
    size_t packed_len;
    struct instruction ins;
    c->fragments++;
    c->bytes += len;
    if (fragment_get(fragment, len, &f))
        return "shorter than a fragment header";
    if (f.id >> 48)
        return "lane bits set";
    if (f.id != c->last_id && f.id != c->last_id + 1)
        return "instruction ids do not rise by one";
    c->last_id = f.id;
    int got = assembly_add(&c->assembly, &f, &packed, &packed_len);
    if (got == ERR_REPLAY || got == 0)
        return NULL;
    if (got < 0)
        return "conflicting fragment";
    if (codec_unpack(&c->codec, packed, packed_len, &c->plain))
        return "does not inflate";
    if (instruction_get(&ins, buf_data(&c->plain), buf_len(&c->plain)))
        return "malformed instruction";
    return check_instruction(c, &ins);
}
