/* difftern: seeded cases for differential fuzzing.
 *
 *   difftern generate xterm|vterm FIRST COUNT   one case a line: SEED COLS ROWS TOKEN,TOKEN...
 * (hex) difftern show                               such lines on stdin; what the engine shows, as
 * JSON difftern vterm FIRST COUNT                  compares with libvterm; prints minimised
 * differences
 *
 * Exit status of vterm: 1 when something differs. */
#include "base/rng.h"
#include "../vt/words.h"
#include "look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE_BYTES_MAX 160
#define SHOWN_MAX      20

/* Short cases and long ones. */
static void make(enum side side, uint64_t seed, struct play *p)
{
    struct rng r = {seed * 1000003 + (uint64_t)side};
    uint8_t bytes[CASE_BYTES_MAX];
    size_t len = 4 + rng_below(&r, seed % 4 ? 60 : CASE_BYTES_MAX - 4);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)rng_below(&r, 256);
    grammar_read(side, bytes, len, p);
}

static void print_case(uint64_t seed, const struct play *p)
{
    printf("%llu %u %u ", (unsigned long long)seed, p->cols, p->rows);
    for (size_t i = 0; i < p->n; i++) {
        printf("%s", i ? "," : "");
        for (size_t k = 0; k < p->token[i].len; k++)
            printf("%02x", p->token[i].bytes[k]);
    }
    printf("\n");
}

/* Bytes as in a vt script. */
static void print_escaped(const struct play *p, const bool *skip)
{
    printf("size %ux%u\npush \"", p->cols, p->rows);
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->token[i].len && !skip[i]; k++) {
            uint8_t b = p->token[i].bytes[k];
            if (b == 27)
                printf("\\e");
            else if (b < 0x20 || b == 0x7f)
                printf("\\x%02x", b);
            else
                printf("%s%c", b == '"' || b == '\\' ? "\\" : "", b);
        }
    printf("\"\n");
}

static bool differs(const struct play *p, const bool *skip, char *what, size_t max)
{
    static struct look a, b;
    look_tern(p, skip, &a, NULL, 0);
    look_vterm(p, skip, &b);
    return look_differ(&a, &b, what, max);
}

/* Leaves tokens out while the case still differs. */
static void minimise(const struct play *p, bool *skip)
{
    char what[512];
    for (size_t size = p->n / 2; size; size /= 2)
        for (size_t at = 0; at < p->n; at += size) {
            bool before[GRAMMAR_TOKENS_MAX];
            memcpy(before, skip, sizeof before);
            for (size_t i = at; i < at + size && i < p->n; i++)
                skip[i] = i > 0; /* the first sets the stage */
            if (!differs(p, skip, what, sizeof what))
                memcpy(skip, before, sizeof before);
        }
}

static int compare(uint64_t first, uint64_t count)
{
    static struct play p;
    unsigned found = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        bool skip[GRAMMAR_TOKENS_MAX] = {false};
        char what[512];
        make(SIDE_VTERM, seed, &p);
        if (!differs(&p, skip, what, sizeof what))
            continue;
        if (++found > SHOWN_MAX)
            continue;
        minimise(&p, skip);
        differs(&p, skip, what, sizeof what);
        printf("seed %llu: %s\n", (unsigned long long)seed, what);
        print_escaped(&p, skip);
    }
    printf("%llu cases, %u differ\n", (unsigned long long)count, found);
    return found ? 1 : 0;
}

static void json_string(const char *s)
{
    putchar('"');
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == '"' || *s == '\\')
            printf("\\u%04x", (unsigned char)*s);
        else
            putchar(*s);
    putchar('"');
}

static void show(const struct play *p)
{
    static struct look l;
    static char replies[65536];
    look_tern(p, NULL, &l, replies, sizeof replies);
    printf("{\"cursor\":[%u,%u],\"pending\":%d,\"reply\":", l.row, l.col, l.pending);
    json_string(replies);
    for (int what = 0; what < 2; what++) {
        printf(what ? "],\"pens\":[" : ",\"cells\":[");
        for (int i = 0; i < l.cols * l.rows; i++) {
            char pen[256];
            words_of_pen(&l.cell[i].pen, pen, sizeof pen);
            if (i)
                putchar(',');
            json_string(what ? pen : l.cell[i].text);
        }
    }
    printf("]}\n");
    fflush(stdout);
}

/* One line of `generate`, or of another writer. */
static bool parse(const char *line, struct play *p)
{
    int n = 0;
    if (sscanf(line, "%*s %hu %hu %n", &p->cols, &p->rows, &n) != 2 || !n)
        return false;
    if (!p->cols || !p->rows || p->cols * p->rows > LOOK_CELLS)
        return false;
    p->n = 0;
    for (line += n; *line && *line != '\n' && p->n < GRAMMAR_TOKENS_MAX; line++) {
        struct token *t = &p->token[p->n++];
        t->len = 0;
        for (unsigned b; t->len < GRAMMAR_TOKEN_MAX && sscanf(line, "%2x", &b) == 1; line += 2)
            t->bytes[t->len++] = (uint8_t)b;
        if (*line != ',')
            break;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct play p;
    static char line[1 << 16];
    if (argc == 2 && !strcmp(argv[1], "show")) {
        while (fgets(line, sizeof line, stdin)) {
            if (!parse(line, &p))
                return 2;
            show(&p);
        }
        return 0;
    }
    uint64_t first = argc > 2 ? strtoull(argv[argc - 2], NULL, 10) : 0;
    uint64_t count = argc > 2 ? strtoull(argv[argc - 1], NULL, 10) : 0;
    if (argc == 4 && !strcmp(argv[1], "vterm"))
        return compare(first, count);
    if (argc == 5 && !strcmp(argv[1], "generate")) {
        for (uint64_t i = first; i < first + count; i++) {
            make(strcmp(argv[2], "xterm") ? SIDE_VTERM : SIDE_XTERM, i, &p);
            print_case(i, &p);
        }
        return 0;
    }
    fprintf(stderr,
            "usage: difftern generate xterm|vterm FIRST COUNT | show | vterm FIRST COUNT\n");
    return 2;
}
