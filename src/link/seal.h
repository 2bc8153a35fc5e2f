/* Sealing of datagrams (mosh-protocol.md §2, design.md §2.1): AES-128-OCB, one counter per key and
 * direction, and what the bits of the 64-bit number mean:
 *   63 direction (1 = to the client) · 62 always 0 (QUIC has it) · 61 key phase, always 0 ·
 *   48..60 route id · 0..47 sequence number; towards stock 0..62 are the sequence number. */
#ifndef TERN_LINK_SEAL_H
#define TERN_LINK_SEAL_H

#include "base/err.h"
#include "link/keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_HEAD     8
#define SEAL_TAG      16
#define SEAL_OVERHEAD (SEAL_HEAD + SEAL_TAG)
#define SEAL_DATAGRAM 2048 /* longest datagram taken or made */
#define SEAL_PLAIN    (SEAL_DATAGRAM - SEAL_OVERHEAD)
#define SEAL_ROUTES   8192                /* route ids are 0..SEAL_ROUTES-1; 0 is stock's */
#define SEAL_BLOCKS   ((uint64_t)1 << 47) /* 16-byte blocks that one key may encrypt */

enum seal_codec {
    SEAL_OCB,
    /* For the simulator: nothing is encrypted, but framing and lengths are the same and a cheap
     * keyed 16-byte checksum still refuses damaged and misdirected datagrams. */
    SEAL_NULL,
};

struct seal;

struct seal_config {
    enum seal_codec codec;
    const struct keys *keys; /* copied */
    bool server;             /* we are the server */
    bool stock;              /* the number has no route id */
    uint16_t route;          /* natively 0..SEAL_ROUTES-1 */
};

/* Never NULL; seal_free wipes. */
struct seal *seal_new(const struct seal_config *config);
void seal_free(struct seal *s);

/* Seal len <= SEAL_PLAIN bytes under the next number into out (room for len + SEAL_OVERHEAD).
 * ERR_LIMIT once the key may encrypt no more: the session must end. */
int MUST_USE seal_close(struct seal *s, const uint8_t *plain, size_t len, uint8_t *out,
                        size_t *out_len);
/* Open a datagram of the other side into plain (room for SEAL_PLAIN). ERR_SHORT, ERR_CAP
 * (oversize), ERR_VERSION (direction, reserved bit, key phase or route is not ours: no AEAD check
 * was made) or ERR_AUTH. Changes no state. *seq is the sequence number. */
int MUST_USE seal_open(struct seal *s, const uint8_t *dgram, size_t len, uint8_t *plain,
                       size_t *plain_len, uint64_t *seq);

/* For tests: go on with this sequence number, never with a lower one (BUG). */
void seal_skip_to(struct seal *s, uint64_t seq);
/* For tests: as if so many blocks had been encrypted. */
void seal_count_blocks(struct seal *s, uint64_t blocks);

/* The route id in the clear head of a datagram, or ERR_SHORT (below 24 bytes), ERR_VERSION (a bit
 * that sealed datagrams never have: perhaps QUIC). Meaningless for stock ones. */
int seal_route(const uint8_t *dgram, size_t len);

#endif
