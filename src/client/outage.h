/* How long an outage may last before a client leaves by itself (--outage-timeout). Time asleep does
 * not count: a laptop that was shut overnight has had no outage. */
#ifndef TERN_CLIENT_OUTAGE_H
#define TERN_CLIENT_OUTAGE_H

#include "link/link.h"

struct outage {
    uint64_t limit_us; /* 0: for ever */
    uint64_t since_us; /* CLOCK_MONOTONIC; 0: none is seen */
};

/* To be called in each turn. True: it is time to leave. *again is when to look again if nothing
 * happens; UINT64_MAX: never. */
bool outage_over(struct outage *o, const struct link *l, uint64_t now_us, uint64_t *again);

#endif
