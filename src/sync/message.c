#include "sync/message.h"

#include "base/pb.h"

enum { MESSAGE_INSTRUCTION = 1 };
enum { EXT_BYTES = 2, EXT_RESIZE = 3, EXT_ECHO_ACK = 7, EXT_HISTORY = 100 };
enum { BYTES_STRING = 4, RESIZE_WIDTH = 5, RESIZE_HEIGHT = 6, ECHO_ACK_NUM = 8, HISTORY_END = 1 };

/* What one instruction of the message holds; repeated extensions merge, as protobuf says. */
struct found {
    bool bytes, resize, echo_ack, history;
};

static int get_ext(struct message *m, struct found *found, const struct pb_field *ext)
{
    struct reader r = reader_of(ext->bytes, ext->len);
    struct pb_field f;
    int got;
    found->bytes |= ext->number == EXT_BYTES;
    found->resize |= ext->number == EXT_RESIZE;
    found->echo_ack |= ext->number == EXT_ECHO_ACK;
    found->history |= ext->number == EXT_HISTORY;
    while ((got = pb_next(&r, &f)) > 0) {
        if (ext->number == EXT_BYTES && f.number == BYTES_STRING && f.type == PB_BYTES) {
            m->bytes = f.bytes;
            m->len = f.len;
        } else if (ext->number == EXT_RESIZE && f.type == PB_VARINT) {
            if (f.number == RESIZE_WIDTH)
                m->width = pb_int32(f.value);
            else if (f.number == RESIZE_HEIGHT)
                m->height = pb_int32(f.value);
        } else if (ext->number == EXT_ECHO_ACK && f.number == ECHO_ACK_NUM && f.type == PB_VARINT) {
            m->echo_ack = f.value;
        } else if (ext->number == EXT_HISTORY && f.number == HISTORY_END && f.type == PB_VARINT) {
            m->history_end = f.value;
        }
    }
    return got;
}

static int get_instruction(struct message *m, bool host, const struct pb_field *whole, bool *known)
{
    struct reader r = reader_of(whole->bytes, whole->len);
    struct found found = {0};
    struct pb_field f;
    int got;
    *m = (struct message){.bytes = (const uint8_t *)""};
    while ((got = pb_next(&r, &f)) > 0) {
        if (f.type != PB_BYTES)
            continue;
        bool ours = host && (f.number == EXT_ECHO_ACK || f.number == EXT_HISTORY);
        if (f.number != EXT_BYTES && f.number != EXT_RESIZE && !ours)
            continue;
        int err = get_ext(m, &found, &f);
        if (err)
            return err;
    }
    if (found.bytes)
        m->kind = host ? MESSAGE_HOST : MESSAGE_KEYS;
    else if (found.resize)
        m->kind = MESSAGE_RESIZE;
    else
        m->kind = found.echo_ack ? MESSAGE_ECHO_ACK : MESSAGE_HISTORY;
    *known = found.bytes || found.resize || found.echo_ack || found.history;
    return got;
}

int message_next(struct reader *r, bool host, struct message *m)
{
    struct pb_field f;
    int got;
    while ((got = pb_next(r, &f)) > 0) {
        if (f.number != MESSAGE_INSTRUCTION || f.type != PB_BYTES)
            continue;
        bool known;
        int err = get_instruction(m, host, &f, &known);
        if (err)
            return err;
        if (known)
            return 1;
    }
    return got;
}

static void put_bytes(struct buf *out, const void *bytes, size_t len)
{
    size_t outer = pb_begin(out, MESSAGE_INSTRUCTION);
    size_t inner = pb_begin(out, EXT_BYTES);
    pb_put_bytes(out, BYTES_STRING, bytes, len);
    pb_end(out, inner);
    pb_end(out, outer);
}

void message_put_keys(struct buf *out, const void *bytes, size_t len)
{
    put_bytes(out, bytes, len);
}

void message_put_host(struct buf *out, const void *bytes, size_t len)
{
    put_bytes(out, bytes, len);
}

void message_put_resize(struct buf *out, int32_t width, int32_t height)
{
    size_t outer = pb_begin(out, MESSAGE_INSTRUCTION);
    size_t inner = pb_begin(out, EXT_RESIZE);
    pb_put_varint(out, RESIZE_WIDTH, (uint64_t)(int64_t)width);
    pb_put_varint(out, RESIZE_HEIGHT, (uint64_t)(int64_t)height);
    pb_end(out, inner);
    pb_end(out, outer);
}

void message_put_echo_ack(struct buf *out, uint64_t num)
{
    size_t outer = pb_begin(out, MESSAGE_INSTRUCTION);
    size_t inner = pb_begin(out, EXT_ECHO_ACK);
    pb_put_varint(out, ECHO_ACK_NUM, num);
    pb_end(out, inner);
    pb_end(out, outer);
}

void message_put_history(struct buf *out, uint64_t end)
{
    size_t outer = pb_begin(out, MESSAGE_INSTRUCTION);
    size_t inner = pb_begin(out, EXT_HISTORY);
    pb_put_varint(out, HISTORY_END, end);
    pb_end(out, inner);
    pb_end(out, outer);
}

void message_host_begin(struct buf *out, struct message_mark *mark)
{
    mark->instruction = pb_begin(out, MESSAGE_INSTRUCTION);
    mark->hostbytes = pb_begin(out, EXT_BYTES);
    mark->string = pb_begin(out, BYTES_STRING);
}

void message_host_end(struct buf *out, const struct message_mark *mark)
{
    if (out->failed)
        return;
    if (buf_len(out) == mark->string) {
        /* Nothing to say: take the three tags back (each is one byte long). */
        buf_trim(out, mark->instruction - 1);
        return;
    }
    pb_end(out, mark->string);
    pb_end(out, mark->hostbytes);
    pb_end(out, mark->instruction);
}
