/* Toys for the tests of sync: a state that is a short text, seeded entropy, and the reader of the
 * captured vectors. */
#ifndef TERN_TESTS_SYNC_TOY_H
#define TERN_TESTS_SYNC_TOY_H

#include "base/rng.h"
#include "sync/state.h"

struct toy {
    uint32_t refs;
    char text[256];
};

struct toy *toy_new(const char *text);
/* Sending: a diff is '=' and the whole text, nothing if equal. partial gives `budget` characters of
 * the difference. */
struct state_ops toy_state_ops(void);
/* Receiving: apply accepts only such diffs; ERR_SYNTAX else. */
struct replica_ops toy_replica_ops(void);
/* Toys alive. */
extern int toy_count;

/* Entropy from a struct rng. */
struct entropy toy_entropy(struct rng *r);

/* ---- tests/vectors/mosh-vectors.json ---- */

struct vector_packet {
    uint64_t id;
    uint16_t number;
    bool final;
    uint8_t payload[2048]; /* the plaintext behind the timestamps */
    size_t len;
};
struct vector {
    char name[64];
    bool to_server;
    struct vector_packet packet[4];
    size_t packets;
    uint8_t zlib[4096];
    size_t zlib_len;
    uint64_t old_num, new_num, ack_num, throwaway_num;
    uint8_t chaff[64];
    size_t chaff_len;
    uint8_t diff[16384];
    size_t diff_len;
};
/* Read the next vector: *at is a position in the text that vectors_load gave. False at the end. */
char *vectors_load(void);
bool vector_next(const char **at, struct vector *v);

#endif
