/* TransportInstruction on the wire: mosh's seven fields (mosh-protocol.md §4.2) and tern's own from
 * number 100 on (tern.proto). */
#ifndef TERN_SYNC_INSTRUCTION_H
#define TERN_SYNC_INSTRUCTION_H

#include "base/buf.h"

#define INSTRUCTION_VERSION   2
#define INSTRUCTION_CHAFF_MAX 16
/* Pieces of logs and acknowledgements taken from one instruction; more are ignored. */
#define INSTRUCTION_LOG_DATA 8
#define INSTRUCTION_LOG_ACKS 8
#define LOG_ACK_RANGES       16

/* Field numbers of tern.proto. */
enum {
    FIELD_CAPS = 100,
    FIELD_FACTS = 101,
    FIELD_FACTS_ACK = 102,
    FIELD_LOG_DATA = 103,
    FIELD_LOG_ACK = 104,
    FIELD_RESYNC = 105,
};

struct facts {
    uint64_t seq;      /* >= 1; a higher one replaces a lower one; 0 = no facts */
    uint64_t consumed; /* input bytes that the program has been given */
    uint32_t tty;      /* enum sync_tty */
};

struct log_data {
    uint32_t id;
    uint64_t offset;
    const uint8_t *bytes; /* borrowed */
    size_t len;
};

struct log_range {
    uint64_t start, end; /* bytes [start, end) */
};

struct log_ack {
    uint32_t id;
    uint64_t next;  /* all bytes below are received */
    uint64_t limit; /* bytes below may be sent */
    size_t ranges;
    struct log_range range[LOG_ACK_RANGES]; /* received beyond next, ascending */
};

struct instruction {
    bool has_version, has_state; /* has_state: new_num is there */
    uint32_t version;
    uint64_t old_num, new_num, ack_num, throwaway_num;
    const uint8_t *diff; /* borrowed, as all bytes here */
    size_t diff_len;
    const uint8_t *chaff;
    size_t chaff_len;
    bool has_caps, has_facts_ack, has_resync;
    uint64_t caps, facts_ack;
    uint64_t resync; /* start anew: the newest state that the asking side has */
    struct facts facts;
    size_t data_n, ack_n;
    struct log_data data[INSTRUCTION_LOG_DATA];
    struct log_ack ack[INSTRUCTION_LOG_ACKS];
};

/* Parse; absent fields are 0. 0, ERR_SHORT or ERR_SYNTAX. Unknown fields, and known numbers with
 * another wire type, are skipped (§12). */
int MUST_USE instruction_get(struct instruction *ins, const uint8_t *bytes, size_t len);
/* Append in stock's order; all seven fields of stock when has_state, else version, ack and chaff;
 * ours behind, where set. */
void instruction_put(struct buf *out, const struct instruction *ins);

#endif
