/* Fragments: an instruction cut to the size of datagrams, and put together again
 * (mosh-protocol.md §4.1). The lane bits of the id belong to link and are 0 here. */
#ifndef TERN_SYNC_FRAGMENT_H
#define TERN_SYNC_FRAGMENT_H

#include "base/buf.h"

#define FRAGMENT_HEADER     10
#define FRAGMENT_NUMBER_MAX 32767

struct fragment {
    uint64_t id;
    uint16_t number; /* 0..FRAGMENT_NUMBER_MAX */
    bool final;
    const uint8_t *piece; /* borrowed */
    size_t len;
};

/* Parse a datagram's payload: 0 or ERR_SHORT. */
int MUST_USE fragment_get(const uint8_t *payload, size_t len, struct fragment *f);
/* Append header and piece. */
void fragment_put(struct buf *out, const struct fragment *f);

/* The instruction being sent: `bytes` (deflated) is cut into pieces of equal size, one per call. */
struct cutter {
    struct buf bytes;
    uint64_t id;
    size_t piece;   /* bytes per fragment, without the header */
    uint32_t next;  /* number of the next fragment */
    uint32_t count; /* fragments in all; next == count: nothing to send */
};

void cutter_init(struct cutter *c, size_t cap);
void cutter_fini(struct cutter *c);
/* c->bytes was filled: begin to send it as instruction `id` in fragments of at most `mtu` bytes,
 * header included (mtu > FRAGMENT_HEADER). 0, or ERR_CAP if that takes too many fragments. */
int MUST_USE cutter_begin(struct cutter *c, uint64_t id, size_t mtu);
static inline bool cutter_pending(const struct cutter *c)
{
    return c->next < c->count;
}
/* The next fragment into out (cleared first): 1, or 0 when all were given. */
int cutter_next(struct cutter *c, struct buf *out);
/* Give the same fragments once more. */
static inline void cutter_again(struct cutter *c)
{
    c->next = 0;
}

/* Assembly. Several instructions may be in flight over a path that reorders, so a few are collected
 * side by side (stock: one); the oldest gives way. A fragment that conflicts with what is there, or
 * lies beyond the final one, is dropped alone (§12). */
#define ASSEMBLY_SLOTS     4
#define ASSEMBLY_BYTES_MAX ((4u << 20) + 65536) /* of pieces, over all slots */
#define ASSEMBLY_DONE      16                   /* ids remembered as complete */

struct assembly_piece {
    uint8_t *bytes; /* NULL = not there */
    uint32_t len;
};
struct assembly_slot {
    uint64_t id;
    uint64_t born;  /* order of creation; 0 = free */
    int32_t last;   /* number of the final fragment, -1 = unknown */
    uint32_t have;  /* pieces there */
    uint32_t above; /* highest number there + 1 */
    uint32_t size;  /* of piece[] */
    struct assembly_piece *piece;
};
struct assembly {
    struct assembly_slot slot[ASSEMBLY_SLOTS];
    uint64_t done[ASSEMBLY_DONE]; /* ring of completed ids */
    uint32_t done_n;
    uint64_t births;
    size_t bytes;     /* in all slots */
    struct buf whole; /* the last complete instruction */
};

void assembly_init(struct assembly *a);
void assembly_fini(struct assembly *a);
/* Take a fragment: 1 with *out, *len the complete (still deflated) instruction, borrowed until the
 * next call; 0 when more are needed or it was there already; ERR_REPLAY for a fragment of an
 * instruction that was complete; ERR_STATE when it conflicts; ERR_CAP when it would hold too much.
 */
int MUST_USE assembly_add(struct assembly *a, const struct fragment *f, const uint8_t **out,
                          size_t *len);
size_t assembly_memory(const struct assembly *a);

#endif
