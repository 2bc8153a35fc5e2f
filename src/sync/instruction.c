#include "sync/instruction.h"

#include "base/pb.h"

enum {
    FIELD_VERSION = 1,
    FIELD_OLD = 2,
    FIELD_NEW = 3,
    FIELD_ACK = 4,
    FIELD_THROWAWAY = 5,
    FIELD_DIFF = 6,
    FIELD_CHAFF = 7,
};
/* Inside facts, log data, log ack and its ranges. */
enum { FACTS_SEQ = 1, FACTS_CONSUMED = 2, FACTS_TTY = 3 };
enum { DATA_ID = 1, DATA_OFFSET = 2, DATA_BYTES = 3 };
enum { ACK_ID = 1, ACK_NEXT = 2, ACK_LIMIT = 3, ACK_RANGE = 4 };
enum { RANGE_START = 1, RANGE_END = 2 };

static int get_facts(struct facts *facts, const struct pb_field *whole)
{
    struct reader r = reader_of(whole->bytes, whole->len);
    struct pb_field f;
    int got;
    while ((got = pb_next(&r, &f)) > 0) {
        if (f.type != PB_VARINT)
            continue;
        if (f.number == FACTS_SEQ)
            facts->seq = f.value;
        else if (f.number == FACTS_CONSUMED)
            facts->consumed = f.value;
        else if (f.number == FACTS_TTY)
            facts->tty = (uint32_t)f.value;
    }
    return got;
}

static int get_log_data(struct instruction *ins, const struct pb_field *whole)
{
    struct reader r = reader_of(whole->bytes, whole->len);
    struct log_data d = {0};
    struct pb_field f;
    int got;
    while ((got = pb_next(&r, &f)) > 0) {
        if (f.number == DATA_ID && f.type == PB_VARINT) {
            d.id = f.value > UINT32_MAX ? UINT32_MAX : (uint32_t)f.value;
        } else if (f.number == DATA_OFFSET && f.type == PB_VARINT) {
            d.offset = f.value;
        } else if (f.number == DATA_BYTES && f.type == PB_BYTES) {
            d.bytes = f.bytes;
            d.len = f.len;
        }
    }
    if (!got && ins->data_n < INSTRUCTION_LOG_DATA)
        ins->data[ins->data_n++] = d;
    return got;
}

static int get_range(struct log_ack *a, const struct pb_field *whole)
{
    struct reader r = reader_of(whole->bytes, whole->len);
    struct log_range range = {0};
    struct pb_field f;
    int got;
    while ((got = pb_next(&r, &f)) > 0) {
        if (f.type != PB_VARINT)
            continue;
        if (f.number == RANGE_START)
            range.start = f.value;
        else if (f.number == RANGE_END)
            range.end = f.value;
    }
    if (!got && range.start < range.end && a->ranges < LOG_ACK_RANGES)
        a->range[a->ranges++] = range;
    return got;
}

static int get_log_ack(struct instruction *ins, const struct pb_field *whole)
{
    struct reader r = reader_of(whole->bytes, whole->len);
    struct log_ack a = {0};
    struct pb_field f;
    int got;
    while ((got = pb_next(&r, &f)) > 0) {
        if (f.number == ACK_RANGE && f.type == PB_BYTES) {
            int err = get_range(&a, &f);
            if (err)
                return err;
        } else if (f.type != PB_VARINT) {
            continue;
        } else if (f.number == ACK_ID) {
            a.id = f.value > UINT32_MAX ? UINT32_MAX : (uint32_t)f.value;
        } else if (f.number == ACK_NEXT) {
            a.next = f.value;
        } else if (f.number == ACK_LIMIT) {
            a.limit = f.value;
        }
    }
    if (!got && ins->ack_n < INSTRUCTION_LOG_ACKS)
        ins->ack[ins->ack_n++] = a;
    return got;
}

static int take_varint(struct instruction *ins, const struct pb_field *f)
{
    switch (f->number) {
    case FIELD_VERSION:
        ins->has_version = true;
        ins->version = (uint32_t)f->value;
        break;
    case FIELD_OLD:
        ins->old_num = f->value;
        break;
    case FIELD_NEW:
        ins->has_state = true;
        ins->new_num = f->value;
        break;
    case FIELD_ACK:
        ins->ack_num = f->value;
        break;
    case FIELD_THROWAWAY:
        ins->throwaway_num = f->value;
        break;
    case FIELD_CAPS:
        ins->has_caps = true;
        ins->caps = f->value;
        break;
    case FIELD_FACTS_ACK:
        ins->has_facts_ack = true;
        ins->facts_ack = f->value;
        break;
    case FIELD_RESYNC:
        ins->has_resync = true;
        ins->resync = f->value;
        break;
    }
    return ERR_OK;
}

static int take_bytes(struct instruction *ins, const struct pb_field *f)
{
    switch (f->number) {
    case FIELD_DIFF:
        ins->diff = f->bytes;
        ins->diff_len = f->len;
        break;
    case FIELD_CHAFF:
        ins->chaff = f->bytes;
        ins->chaff_len = f->len;
        break;
    case FIELD_FACTS:
        return get_facts(&ins->facts, f);
    case FIELD_LOG_DATA:
        return get_log_data(ins, f);
    case FIELD_LOG_ACK:
        return get_log_ack(ins, f);
    }
    return ERR_OK;
}

int instruction_get(struct instruction *ins, const uint8_t *bytes, size_t len)
{
    *ins = (struct instruction){0};
    struct reader r = reader_of(bytes, len);
    struct pb_field f;
    int got;
    while ((got = pb_next(&r, &f)) > 0) {
        int err = ERR_OK;
        if (f.type == PB_VARINT)
            err = take_varint(ins, &f);
        else if (f.type == PB_BYTES)
            err = take_bytes(ins, &f);
        if (err)
            return err;
    }
    return got;
}

static void put_facts(struct buf *out, const struct facts *facts)
{
    size_t mark = pb_begin(out, FIELD_FACTS);
    pb_put_varint(out, FACTS_SEQ, facts->seq);
    pb_put_varint(out, FACTS_CONSUMED, facts->consumed);
    if (facts->tty)
        pb_put_varint(out, FACTS_TTY, facts->tty);
    pb_end(out, mark);
}

static void put_log_data(struct buf *out, const struct log_data *d)
{
    size_t mark = pb_begin(out, FIELD_LOG_DATA);
    pb_put_varint(out, DATA_ID, d->id);
    pb_put_varint(out, DATA_OFFSET, d->offset);
    pb_put_bytes(out, DATA_BYTES, d->bytes, d->len);
    pb_end(out, mark);
}

static void put_log_ack(struct buf *out, const struct log_ack *a)
{
    size_t mark = pb_begin(out, FIELD_LOG_ACK);
    pb_put_varint(out, ACK_ID, a->id);
    pb_put_varint(out, ACK_NEXT, a->next);
    pb_put_varint(out, ACK_LIMIT, a->limit);
    for (size_t i = 0; i < a->ranges; i++) {
        size_t inner = pb_begin(out, ACK_RANGE);
        pb_put_varint(out, RANGE_START, a->range[i].start);
        pb_put_varint(out, RANGE_END, a->range[i].end);
        pb_end(out, inner);
    }
    pb_end(out, mark);
}

void instruction_put(struct buf *out, const struct instruction *ins)
{
    pb_put_varint(out, FIELD_VERSION, INSTRUCTION_VERSION);
    if (ins->has_state) {
        pb_put_varint(out, FIELD_OLD, ins->old_num);
        pb_put_varint(out, FIELD_NEW, ins->new_num);
    }
    pb_put_varint(out, FIELD_ACK, ins->ack_num);
    if (ins->has_state) {
        pb_put_varint(out, FIELD_THROWAWAY, ins->throwaway_num);
        pb_put_bytes(out, FIELD_DIFF, ins->diff, ins->diff_len);
    }
    pb_put_bytes(out, FIELD_CHAFF, ins->chaff, ins->chaff_len);
    if (ins->has_caps)
        pb_put_varint(out, FIELD_CAPS, ins->caps);
    if (ins->facts.seq)
        put_facts(out, &ins->facts);
    if (ins->has_facts_ack)
        pb_put_varint(out, FIELD_FACTS_ACK, ins->facts_ack);
    if (ins->has_resync)
        pb_put_varint(out, FIELD_RESYNC, ins->resync);
    for (size_t i = 0; i < ins->data_n; i++)
        put_log_data(out, &ins->data[i]);
    for (size_t i = 0; i < ins->ack_n; i++)
        put_log_ack(out, &ins->ack[i]);
}
