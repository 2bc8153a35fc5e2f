/* The client's end of the raw log: a program's own bytes for the terminal, in place of frames. */
#ifndef TERN_SESSION_CLIENT_RAW_H
#define TERN_SESSION_CLIENT_RAW_H

#include "session/raw.h"
#include "sync/sync.h"

struct client_raw {
    bool inside; /* a segment is on: nothing else may be written */
    bool news;   /* something came that client_raw_pump has not looked at */
    bool broken; /* the peer's mistake: no more of it */
    uint64_t came_us;
    uint64_t read, until; /* bytes of the log; the server has told that there are so many */
};

enum client_raw_step {
    CLIENT_RAW_NONE, /* nothing more is here, or tty is full enough */
    CLIENT_RAW_BEGINS,
    CLIENT_RAW_ENDS,
};

/* Moves bytes of the segment that is on into tty, until there is `most` in it; stops where one
 * begins or ends. */
enum client_raw_step client_raw_pump(struct client_raw *r, struct sync *s, struct buf *tty,
                                     size_t most);

#endif
