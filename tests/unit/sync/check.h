/* A watcher of what one endpoint of sync sends: everything in mosh-protocol.md §12 and §14 that can
 * be seen from outside. For the two-endpoint test, the simulator and the fuzzers. */
#ifndef TERN_TESTS_SYNC_CHECK_H
#define TERN_TESTS_SYNC_CHECK_H

#include "sync/codec.h"
#include "sync/fragment.h"
#include "sync/instruction.h"

#define SYNC_CHECK_STATES 512

struct sync_check {
    bool server; /* the sender whom this watches */
    bool native;
    struct sync_check *other; /* the watcher of the other direction */
    struct codec codec;
    struct assembly assembly;
    struct buf plain;
    uint64_t last_id;
    bool any;
    uint64_t acked;  /* highest ack_num sent */
    uint64_t newest; /* highest new_num sent */
    struct {
        uint64_t old_num, new_num, hash;
    } pair[SYNC_CHECK_STATES]; /* ring of diffs sent */
    size_t pairs;
    struct {
        uint64_t num, echo;
    } echo[SYNC_CHECK_STATES]; /* ring: echo acks of states */
    size_t echoes;
    uint64_t fragments, bytes, instructions, content;
};

void sync_check_init(struct sync_check *c, bool server, bool native, bool null_codec,
                     struct sync_check *other);
void sync_check_fini(struct sync_check *c);
/* A fragment that sync_send gave: NULL if it is right, else what is wrong with it. */
const char *sync_check_sent(struct sync_check *c, const uint8_t *fragment, size_t len);

#endif
