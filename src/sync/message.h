/* UserMessage and HostMessage: what an instruction's diff holds (mosh-protocol.md §4.3, §4.4). */
#ifndef TERN_SYNC_MESSAGE_H
#define TERN_SYNC_MESSAGE_H

#include "base/buf.h"
#include "base/wire.h"

enum message_kind {
    MESSAGE_KEYS,     /* bytes: user only */
    MESSAGE_RESIZE,   /* width, height as sent: the reader checks their range */
    MESSAGE_HOST,     /* bytes: host only */
    MESSAGE_ECHO_ACK, /* echo_ack: host only */
    MESSAGE_HISTORY,  /* history_end: host only, native (tern.proto) */
};

struct message {
    enum message_kind kind;
    const uint8_t *bytes; /* borrowed */
    size_t len;
    int32_t width, height;
    uint64_t echo_ack;
    uint64_t history_end;
};

/* The next item of a diff: 1 with *m, 0 at the end, ERR_SHORT or ERR_SYNTAX. Instructions with only
 * unknown extensions are passed over; of several known ones in an instruction the first of
 * (2, 3, 7, 100) counts. Host bytes and keys left out are empty, sizes left out 0. */
int MUST_USE message_next(struct reader *r, bool host, struct message *m);

void message_put_keys(struct buf *out, const void *bytes, size_t len);
void message_put_host(struct buf *out, const void *bytes, size_t len);
void message_put_resize(struct buf *out, int32_t width, int32_t height);
void message_put_echo_ack(struct buf *out, uint64_t num);
void message_put_history(struct buf *out, uint64_t end);
/* Host bytes without a copy: begin, append the bytes to out, end. Ends with nothing appended if no
 * bytes came. `mark` has room for what begin remembers. */
struct message_mark {
    size_t instruction, hostbytes, string;
};
void message_host_begin(struct buf *out, struct message_mark *mark);
void message_host_end(struct buf *out, const struct message_mark *mark);

#endif
