#include "toy.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int toy_count;

struct toy *toy_new(const char *text)
{
    struct toy *t = mem_new(1, sizeof *t);
    t->refs = 1;
    snprintf(t->text, sizeof t->text, "%s", text);
    toy_count++;
    return t;
}

static void *toy_ref(void *state)
{
    ((struct toy *)state)->refs++;
    return state;
}

static void toy_unref(void *state)
{
    struct toy *t = state;
    if (--t->refs)
        return;
    toy_count--;
    free(t);
}

static int toy_diff(void *ctx, const void *from, const void *to, struct buf *out)
{
    const struct toy *a = from, *b = to;
    if (!strcmp(a->text, b->text))
        return ERR_OK;
    buf_put_u8(out, '=');
    buf_put_text(out, b->text);
    return buf_err(out);
}

static bool toy_equal(void *ctx, const void *a, const void *b)
{
    return !strcmp(((const struct toy *)a)->text, ((const struct toy *)b)->text);
}

static void *toy_partial(void *ctx, const void *from, const void *to, size_t budget)
{
    const struct toy *a = from, *b = to;
    char text[256];
    size_t n = 0;
    while (a->text[n] && a->text[n] == b->text[n])
        n++;
    n += budget ? budget : 1;
    if (n >= strlen(b->text))
        return toy_ref((void *)(uintptr_t)to);
    snprintf(text, sizeof text, "%.*s", (int)n, b->text);
    return toy_new(text);
}

static size_t toy_cost(const void *prev, const void *state)
{
    return prev == state ? 0 : sizeof(struct toy);
}

static void toy_acked(void *ctx, const void *state)
{
}

struct state_ops toy_state_ops(void)
{
    return (struct state_ops){toy_diff,    toy_equal, toy_ref,   toy_unref,
                              toy_partial, toy_cost,  toy_acked, NULL};
}

static int toy_apply(void *ctx, const void *ref, const uint8_t *diff, size_t len, void **out)
{
    if (len < 1 || len > 256 || diff[0] != '=')
        return ERR_SYNTAX;
    char text[256];
    memcpy(text, diff + 1, len - 1);
    text[len - 1] = 0;
    *out = toy_new(text);
    return ERR_OK;
}

struct replica_ops toy_replica_ops(void)
{
    return (struct replica_ops){toy_apply, toy_ref, toy_unref, toy_cost, NULL};
}

static void toy_fill(void *ctx, void *out, size_t len)
{
    uint8_t *p = out;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)rng_u64(ctx);
}

struct entropy toy_entropy(struct rng *r)
{
    return (struct entropy){toy_fill, r};
}

char *vectors_load(void)
{
    char path[4096];
    const char *source = getenv("TERN_SOURCE");
    snprintf(path, sizeof path, "%s/tests/vectors/mosh-vectors.json", source ? source : ".");
    FILE *f = fopen(path, "r");
    BUG_ON(!f);
    char *text = mem_new(1u << 20, 1);
    size_t n = fread(text, 1, (1u << 20) - 1, f);
    fclose(f);
    BUG_ON(!n || n == (1u << 20) - 1);
    return text;
}

/* The value of the next "key" behind at, before `end`; NULL if there is none. */
static const char *value(const char *at, const char *end, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *p = strstr(at, quoted);
    if (!p || p >= end)
        return NULL;
    p += strlen(quoted);
    while (*p == ' ' || *p == '"')
        p++;
    return p;
}

static uint64_t number(const char *at, const char *end, const char *key)
{
    const char *p = value(at, end, key);
    BUG_ON(!p);
    return strtoull(p, NULL, 10);
}

static size_t hex(const char *p, uint8_t *out, size_t max)
{
    size_t n = 0;
    unsigned byte;
    while (p && *p != '"' && sscanf(p, "%2x", &byte) == 1) {
        BUG_ON(n == max);
        out[n++] = (uint8_t)byte;
        p += 2;
    }
    return n;
}

static const char *packet_next(const char *at, const char *end, struct vector *v)
{
    const char *p = value(at, end, "plaintext_hex");
    if (!p)
        return NULL;
    struct vector_packet *k = &v->packet[v->packets++];
    uint8_t plain[2048];
    size_t n = hex(p, plain, sizeof plain);
    memcpy(k->payload, plain + 4, n - 4);
    k->len = n - 4;
    k->id = number(p, end, "fragment_id");
    k->number = (uint16_t)number(p, end, "fragment_num");
    k->final = *value(p, end, "final") == 't';
    p = value(p, end, "zlib_hex");
    v->zlib_len += hex(p, v->zlib + v->zlib_len, sizeof v->zlib - v->zlib_len);
    return p;
}

bool vector_next(const char **at, struct vector *v)
{
    const char *all = *at + strlen(*at);
    const char *name = value(*at, all, "name");
    if (!name)
        return false;
    memset(v, 0, sizeof *v);
    sscanf(name, "%63[^\"]", v->name);
    const char *end = value(name, all, "name");
    end = end ? end : all;
    const char *ins = value(name, end, "instruction");
    BUG_ON(!ins);
    v->to_server = !strncmp(value(name, ins, "dir"), "to_server", 9);
    for (const char *p = name; p;)
        p = packet_next(p, ins, v);
    v->old_num = number(ins, end, "old_num");
    v->new_num = number(ins, end, "new_num");
    v->ack_num = number(ins, end, "ack_num");
    v->throwaway_num = number(ins, end, "throwaway_num");
    v->chaff_len = hex(value(ins, end, "chaff_hex"), v->chaff, sizeof v->chaff);
    v->diff_len = hex(value(ins, end, "diff_hex"), v->diff, sizeof v->diff);
    *at = end == all ? all : end - 1;
    /* Back to before the key, so that the next call finds it. */
    while (end != all && strncmp(*at, "\"name\"", 6))
        --*at;
    return true;
}
