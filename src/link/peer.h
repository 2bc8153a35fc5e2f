/* The server's side of paths: where the client is, and whether that address has proven to be its
 * own (design.md §2.1). Private to the link. */
#ifndef TERN_LINK_PEER_H
#define TERN_LINK_PEER_H

#include "link/link.h"

struct peer {
    uint64_t challenge_us; /* next CHALLENGE; UINT64_MAX = none */
    unsigned tries;
    uint64_t hint_us; /* last QUIET hint; 0 = none in this silence */
};

void peer_init(struct link *l);
/* A datagram that tells where the client is came in order over the path. True if that is new. */
bool peer_heard(struct link *l, int index, uint64_t now_us);
/* Towards stock: the same, for the one path that moves. */
bool peer_stock_heard(struct link *l, const struct path_ref *from, uint64_t now_us);
/* Towards stock: one was sent; a peer silent for 40 s is forgotten. */
void peer_stock_sent(struct link *l, uint64_t now_us);
/* The far end of the path repeated a challenge. */
void peer_answered(struct link *l, int index, uint64_t answer, uint64_t now_us);
/* Bulk was held back: ask for proof of the address again. */
void peer_held(struct link *l, uint64_t now_us);
/* The path in use is gone: the one heard last takes its place. */
void peer_lost(struct link *l, uint64_t now_us);
void peer_tick(struct link *l, uint64_t now_us);
uint64_t peer_deadline(const struct link *l, uint64_t now_us);

#endif
