/* An instruction with every field, for test_instruction.c and instruction_tool.c; test_proto.py
 * knows it as text. */
#ifndef TERN_TESTS_SYNC_FULL_INSTRUCTION_H
#define TERN_TESTS_SYNC_FULL_INSTRUCTION_H

#include "sync/instruction.h"

static inline struct instruction full_instruction(void)
{
    struct instruction ins = {
        .has_state = true,
        .old_num = 5,
        .new_num = UINT64_MAX,
        .ack_num = 7,
        .throwaway_num = 4,
        .diff = (const uint8_t *)"diff",
        .diff_len = 4,
        .chaff = (const uint8_t *)"chaff",
        .chaff_len = 5,
        .has_caps = true,
        .caps = 7,
        .facts = {.seq = 9, .consumed = 123456789, .tty = 7},
        .has_facts_ack = true,
        .facts_ack = 3,
        .data_n = 2,
        .ack_n = 2,
    };
    ins.data[0] = (struct log_data){0, 100, (const uint8_t *)"bell", 4};
    ins.data[1] = (struct log_data){1, 1ull << 40, (const uint8_t *)"line", 4};
    ins.ack[0] = (struct log_ack){.id = 0, .next = 50, .limit = 1000};
    ins.ack[1] = (struct log_ack){.id = 1, .next = 60, .limit = 2000, .ranges = 2};
    ins.ack[1].range[0] = (struct log_range){70, 80};
    ins.ack[1].range[1] = (struct log_range){90, 95};
    return ins;
}

#endif
