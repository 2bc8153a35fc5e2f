/* One instruction on its way out: fields, deflating, fragments. */
#include "base/mem.h"
#include "sync/endpoint.h"

#include <string.h>

#define PARTIAL_LEAST (1u << 11)

size_t out_room(const struct sync_link *facts)
{
    size_t mtu = facts->mtu_payload;
    if (mtu < SYNC_MTU_MIN)
        mtu = SYNC_MTU_MIN;
    if (mtu > SYNC_MTU_MAX)
        mtu = SYNC_MTU_MAX;
    return mtu - FRAGMENT_HEADER;
}

/* Ours, towards a native peer that showed that it knows them. */
static void add_extras(struct sync *s, struct instruction *ins)
{
    if (s->peer_caps & SYNC_CAP_RESYNC && s->stuck) {
        ins->has_resync = true;
        ins->resync = receiver_newest(&s->receiver)->num;
    }
    if (s->peer_caps & SYNC_CAP_FACTS) {
        if (s->facts_dirty) {
            s->mine.seq++;
            s->facts_dirty = false;
        }
        if (s->mine.seq > s->facts_acked)
            ins->facts = s->mine;
        ins->has_facts_ack = s->facts_ack_due;
        ins->facts_ack = s->theirs.seq;
    }
    if (s->peer_caps & SYNC_CAP_LOGS)
        for (uint32_t i = 0; i < SYNC_LOGS; i++)
            if (s->reader[i].ack)
                log_reader_ack(&s->reader[i], i, &ins->ack[ins->ack_n++]);
}

static size_t pack(struct sync *s, struct instruction *ins, uint8_t chaff[static 18])
{
    s->entropy.fill(s->entropy.ctx, chaff, 18);
    ins->chaff = chaff + 2;
    ins->chaff_len = (size_t)(chaff[0] << 8 | chaff[1]) % (INSTRUCTION_CHAFF_MAX + 1);
    ins->ack_num = receiver_newest(&s->receiver)->num;
    if (s->caps && !s->caps_known) {
        ins->has_caps = true;
        ins->caps = s->caps;
    }
    if (s->native)
        add_extras(s, ins);
    buf_clear(&s->plain);
    instruction_put(&s->plain, ins);
    /* The acknowledgements in a packing that is thrown away are owed still. */
    for (size_t i = 0; i < ins->ack_n; i++)
        s->reader[ins->ack[i].id].ack = true;
    if (buf_err(&s->plain))
        return 0;
    if (codec_pack(&s->codec, buf_data(&s->plain), buf_len(&s->plain), &s->cutter.bytes))
        return 0;
    return buf_len(&s->cutter.bytes);
}

size_t out_pack_state(struct sync *s, size_t base, uint64_t num, const struct log_data *along)
{
    const struct sender *snd = &s->sender;
    uint8_t chaff[18];
    struct instruction ins = {
        .has_state = true,
        .old_num = snd->list[base].num,
        .new_num = num,
        .throwaway_num = snd->list[0].num,
        .diff = buf_len(&snd->diff) ? buf_data(&snd->diff) : NULL,
        .diff_len = buf_len(&snd->diff),
    };
    if (along)
        ins.data[ins.data_n++] = *along;
    s->out_bulk = false;
    return pack(s, &ins, chaff);
}

size_t out_pack_extras(struct sync *s, const struct log_data *data)
{
    uint8_t chaff[18];
    struct instruction ins = {0};
    if (data)
        ins.data[ins.data_n++] = *data;
    s->out_bulk = data && data->id != SYNC_LOG_EVENTS;
    return pack(s, &ins, chaff);
}

void out_begin(struct sync *s, unsigned copies, uint64_t now_us, const struct sync_link *facts)
{
    int err = cutter_begin(&s->cutter, ++s->next_id, out_room(facts) + FRAGMENT_HEADER);
    if (err) /* a tiny datagram and a huge screen: it is lost like one on the wire */
        log_line(s->log, LOG_WARN, "sync", "instruction of %zu bytes: too many fragments",
                 buf_len(&s->cutter.bytes));
    s->copies = err ? 0 : copies - 1;
    if (receiver_newest(&s->receiver)->num == SYNC_NUM_SHUTDOWN)
        s->peer_shutdown_acked = true;
    s->ack_pending = false;
    s->nat.ack_big = s->nat.ack_states = 0;
    if (!s->native)
        return;
    if (s->mine.seq > s->facts_acked) {
        s->facts_sent_us = now_us;
        s->consumed_sent[s->mine.seq % FACTS_RING] = s->mine.consumed;
    }
    s->facts_ack_due = false;
    for (size_t i = 0; i < SYNC_LOGS; i++)
        s->reader[i].ack = false;
}

int out_next(struct sync *s, struct buf *out)
{
    if (!cutter_pending(&s->cutter) && s->copies && s->cutter.count) {
        s->copies--;
        cutter_again(&s->cutter);
    }
    int got = cutter_next(&s->cutter, out);
    if (got)
        s->sent_bulk = s->out_bulk;
    else if (s->cutter.bytes.size > 65536)
        buf_release(&s->cutter.bytes);
    return got;
}

int out_cap_diff(struct sync *s, size_t *base, int err, size_t budget, void **to)
{
    struct sender *snd = &s->sender;
    if (!err) {
        *to = snd->ops.ref(snd->cur);
        return ERR_OK;
    }
    *base = 0;
    if (snd->n > 1) {
        *to = snd->ops.ref(sender_last(snd)->state);
        err = sender_diff(snd, 0, *to);
        if (err)
            snd->ops.unref(*to);
        return err;
    }
    for (; budget >= PARTIAL_LEAST; budget /= 4) {
        void *part = snd->ops.partial(snd->ops.ctx, snd->list[0].state, snd->cur, budget);
        if (part != snd->cur && !sender_diff(snd, 0, part)) {
            *to = part;
            return ERR_OK;
        }
        snd->ops.unref(part);
    }
    return ERR_CAP;
}
