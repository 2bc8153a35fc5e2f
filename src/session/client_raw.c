#include "session/client_raw.h"

enum client_raw_step client_raw_pump(struct client_raw *r, struct sync *s, struct buf *tty,
                                     size_t most)
{
    while (!r->broken && buf_len(tty) < most) {
        struct raw_record record;
        size_t len, used;
        const uint8_t *p = sync_log_read(s, SYNC_LOG_RAW, &len);
        int got = len ? raw_record_get(p, len, &record, &used) : 0;
        r->broken = got < 0;
        if (got != 1) {
            r->news = false;
            return CLIENT_RAW_NONE;
        }
        if (record.kind == RAW_DATA && r->inside)
            buf_put(tty, record.bytes, record.len);
        enum client_raw_step step = record.kind == RAW_BEGIN && !r->inside ? CLIENT_RAW_BEGINS
                                    : record.kind == RAW_END && r->inside  ? CLIENT_RAW_ENDS
                                                                           : CLIENT_RAW_NONE;
        sync_log_skip(s, SYNC_LOG_RAW, used);
        r->read += used;
        if (step == CLIENT_RAW_NONE)
            continue;
        r->inside = step == CLIENT_RAW_BEGINS;
        return step;
    }
    return CLIENT_RAW_NONE;
}
