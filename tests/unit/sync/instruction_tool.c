/* For test_proto.py: `instruction_tool encode` writes one instruction with every field to stdout,
 * `instruction_tool decode` reads one from stdin and tells what it found in protoc's text form. */
#include "full_instruction.h"

#include <stdio.h>
#include <string.h>

static int encode(void)
{
    struct instruction ins = full_instruction();
    struct buf out;
    buf_init(&out, 4096);
    instruction_put(&out, &ins);
    fwrite(buf_data(&out), 1, buf_len(&out), stdout);
    buf_fini(&out);
    return 0;
}

static void tell_logs(const struct instruction *ins)
{
    for (size_t i = 0; i < ins->data_n; i++)
        printf("log_data { id: %u offset: %llu bytes: \"%.*s\" }\n", ins->data[i].id,
               (unsigned long long)ins->data[i].offset, (int)ins->data[i].len,
               (const char *)ins->data[i].bytes);
    for (size_t i = 0; i < ins->ack_n; i++) {
        const struct log_ack *a = &ins->ack[i];
        printf("log_ack { id: %u next: %llu limit: %llu", a->id, (unsigned long long)a->next,
               (unsigned long long)a->limit);
        for (size_t k = 0; k < a->ranges; k++)
            printf(" range { start: %llu end: %llu }", (unsigned long long)a->range[k].start,
                   (unsigned long long)a->range[k].end);
        printf(" }\n");
    }
}

static int decode(void)
{
    static uint8_t in[65536];
    struct instruction ins;
    size_t n = fread(in, 1, sizeof in, stdin);
    int err = instruction_get(&ins, in, n);
    if (err) {
        printf("%s\n", err_text(err));
        return 1;
    }
    printf("protocol_version: %u\n", ins.version);
    if (ins.has_state)
        printf("old_num: %llu\nnew_num: %llu\n", (unsigned long long)ins.old_num,
               (unsigned long long)ins.new_num);
    printf("ack_num: %llu\n", (unsigned long long)ins.ack_num);
    if (ins.has_state)
        printf("throwaway_num: %llu\ndiff: \"%.*s\"\n", (unsigned long long)ins.throwaway_num,
               (int)ins.diff_len, (const char *)ins.diff);
    printf("chaff: \"%.*s\"\n", (int)ins.chaff_len, (const char *)ins.chaff);
    if (ins.has_caps)
        printf("caps: %llu\n", (unsigned long long)ins.caps);
    if (ins.facts.seq)
        printf("facts { seq: %llu consumed: %llu tty: %u }\n", (unsigned long long)ins.facts.seq,
               (unsigned long long)ins.facts.consumed, ins.facts.tty);
    if (ins.has_facts_ack)
        printf("facts_ack: %llu\n", (unsigned long long)ins.facts_ack);
    tell_logs(&ins);
    return 0;
}

int main(int argc, char **argv)
{
    return argc == 2 && !strcmp(argv[1], "encode") ? encode() : decode();
}
