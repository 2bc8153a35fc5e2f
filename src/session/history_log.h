/* The records of the history log (sync log SYNC_LOG_HISTORY, server to client): lines that left the
 * main screen, in their order, and what happened to others. Each record is a protobuf field (number
 * = kind, bytes = its message), so unknown kinds are skipped; docs/PROTOCOL.md lists them. */
#ifndef TERN_SESSION_HISTORY_LOG_H
#define TERN_SESSION_HISTORY_LOG_H

#include "base/buf.h"
#include "sync/codec.h"
#include "term/line.h"

enum history_kind {
    HISTORY_LINES = 1, /* lines first..first+count-1 */
    HISTORY_GAP = 2,   /* lines first..end-1 are not brought; the user shall see that */
    HISTORY_CLEAR = 3, /* CSI 3 J: lines below end are forgotten; the scrollback is to be cleared */
    HISTORY_SKIP = 4,  /* lines below end are none of ours: begin there (the first record), or were
                          pulled back onto the screen and come again under new numbers */
    HISTORY_LINKS = 5, /* what the hyperlinks in the lines of the next record are */
};

/* A record takes at most this much, and its lines when unpacked too; more is malformed. */
#define HISTORY_RECORD_MAX (64u << 10)
/* Lines are gathered up to about this many bytes. */
#define HISTORY_PACK      16384
#define HISTORY_LINES_MAX 4096

struct history_record {
    enum history_kind kind;
    uint64_t first, end;
    struct buf lines; /* LINES: as line_put wrote them, unpacked; LINKS: as history_link_put did;
                         else empty */
};

void history_record_init(struct history_record *r);
void history_record_fini(struct history_record *r);

/* Append one record; of LINES and LINKS what is in r->lines, deflated by `pack` where that is
 * shorter (NULL: never). buf_err tells if it did not fit. */
void history_record_put(struct buf *out, const struct history_record *r, struct codec *pack);
/* The next whole record of p: 1 with *r filled and *used the bytes it took, 0 when more bytes are
 * needed, ERR_SYNTAX when the log is broken. Unknown kinds are handed out too. */
int MUST_USE history_record_get(const uint8_t *p, size_t len, struct history_record *r,
                                size_t *used);

/* Append a link, by its number in lines, to r->lines of LINKS. False: no room. */
bool history_link_put(struct history_record *r, uint32_t number, const char *uri);
/* The next one of them: 1, with *uri borrowed; 0 at the end; ERR_SYNTAX. */
int MUST_USE history_link_get(struct reader *in, uint32_t *number, const uint8_t **uri,
                              size_t *len);

#endif
