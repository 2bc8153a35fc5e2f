/* Which datagrams are new: the in-order rule for screens (mosh-protocol.md §3.4) and a replay
 * window of 1,024 for link control (design.md §2.1). */
#ifndef TERN_LINK_ORDER_H
#define TERN_LINK_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/* The in-order rule. Zeroed = nothing seen. */
struct order {
    uint64_t expected; /* newest sequence number + 1 */
};

/* True if seq is newer than all before; then it is taken note of. */
bool order_take(struct order *o, uint64_t seq);

#define WINDOW_SIZE 1024u

/* A sliding window over sequence numbers. Zeroed = nothing seen. */
struct window {
    uint64_t next; /* newest sequence number + 1 */
    uint64_t bits[WINDOW_SIZE / 64];
};

enum window_verdict {
    WINDOW_NEW,  /* newer than all before */
    WINDOW_LATE, /* older than the newest, but not seen before */
    WINDOW_SEEN, /* a replay */
    WINDOW_OLD,  /* before the window: cannot tell */
};

/* What seq is, without taking note. */
enum window_verdict window_look(const struct window *w, uint64_t seq);
/* The same, and takes note. */
enum window_verdict window_take(struct window *w, uint64_t seq);

#endif
