/* What the link does for streams, whose packets it carries unsealed on its own paths (design.md
 * §2.4): it announces their first connection id, beats while they owe something, and finds out
 * which size of datagram a path takes. Private to the link; for others see link.h. */
#ifndef TERN_LINK_CARRY_H
#define TERN_LINK_CARRY_H

#include "link/control.h"
#include "link/link.h"

struct carry {
    uint8_t id[CONTROL_ID];
    bool has_id;           /* client: ours; server: the one announced, for ever */
    bool announcing;       /* client: the server has not answered yet */
    uint64_t announce_us;  /* next */
    uint64_t announced_us; /* last; 0 = never */
    unsigned tries;
    bool owed, stands, hurry;
    uint64_t owed_us; /* since when, without a break */
    uint64_t beat_us;
    bool full; /* the kernel takes no more for this socket */
    uint32_t full_sock;
};

/* Server: the client announced this id. False: not the one that was announced first. */
bool carry_announced(struct link *l, const uint8_t id[static CONTROL_ID]);
/* Client: the server knows the id. */
void carry_answered(struct link *l);
/* A datagram of so many bytes came through on the path. */
void carry_fits(struct path *p, size_t size);
/* Queue what is due. */
void carry_tick(struct link *l, uint64_t now_us);
uint64_t carry_deadline(const struct link *l, uint64_t now_us);

#endif
