#include "term/link.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Two indexes with a few places under each head, the newest first; a place may be stale. So a flood
 * of colliding links finds less, but costs no more. Numbers in a row fill their index exactly. */
#define NUMBER_HEADS  1024
#define NUMBER_WAYS   (LINKS_MAX / NUMBER_HEADS)
#define CONTENT_HEADS 4096
#define CONTENT_WAYS  8

struct link {
    uint32_t number; /* 0: a free place */
    uint32_t hash;
    uint16_t uri_len, id_len;
    char *text; /* URI, NUL, id */
};

struct links {
    uint32_t refs;
    uint32_t next; /* the next number; 0 when all are used up */
    size_t bytes;
    uint16_t first, count; /* a ring in the order of age */
    uint16_t by_content[CONTENT_HEADS][CONTENT_WAYS], by_number[NUMBER_HEADS][NUMBER_WAYS];
    struct link link[LINKS_MAX];
};

struct links *links_ref(struct links *l)
{
    if (l)
        l->refs++;
    return l;
}

void links_unref(struct links *l)
{
    if (!l || --l->refs)
        return;
    for (uint16_t i = 0; i < LINKS_MAX; i++)
        free(l->link[i].text);
    free(l);
}

static struct links *links_get(struct links **slot)
{
    if (*slot)
        return *slot;
    struct links *l = mem_new(1, sizeof *l);
    l->refs = l->next = 1;
    *slot = l;
    return l;
}

static uint32_t mix(uint32_t h, const uint8_t *s, size_t n)
{
    while (n--)
        h = (h ^ *s++) * 0x01000193u;
    return h;
}

static void index_put(uint16_t *way, size_t ways, uint16_t at)
{
    memmove(way + 1, way, (ways - 1) * sizeof *way);
    way[0] = at;
}

static void forget_oldest(struct links *l)
{
    struct link *k = &l->link[l->first];
    l->bytes -= k->uri_len + (size_t)k->id_len + 2;
    free(k->text);
    *k = (struct link){0};
    l->first = (uint16_t)((l->first + 1) % LINKS_MAX);
    l->count--;
}

static void add(struct links *l, uint32_t number, uint32_t hash, const uint8_t *uri, size_t uri_len,
                const uint8_t *id, size_t id_len)
{
    size_t need = uri_len + id_len + 2;
    while (l->count == LINKS_MAX || (l->count && l->bytes + need > LINKS_BYTES))
        forget_oldest(l);
    uint16_t at = (uint16_t)((l->first + l->count++) % LINKS_MAX);
    struct link *k = &l->link[at];
    *k = (struct link){.number = number,
                       .hash = hash,
                       .uri_len = (uint16_t)uri_len,
                       .id_len = (uint16_t)id_len,
                       .text = mem_new(need, 1)};
    memcpy(k->text, uri, uri_len);
    if (id_len)
        memcpy(k->text + uri_len + 1, id, id_len);
    index_put(l->by_content[hash % CONTENT_HEADS], CONTENT_WAYS, at);
    index_put(l->by_number[number % NUMBER_HEADS], NUMBER_WAYS, at);
    l->bytes += need;
}

uint32_t links_number(struct links **slot, const uint8_t *uri, size_t uri_len, const uint8_t *id,
                      size_t id_len)
{
    if (!uri_len || uri_len > LINK_URI_MAX || id_len > LINK_ID_MAX)
        return 0;
    struct links *l = links_get(slot);
    uint32_t hash = mix(mix(0x811c9dc5u, uri, uri_len), id, id_len);
    for (int i = 0; i < CONTENT_WAYS; i++) {
        const struct link *k = &l->link[l->by_content[hash % CONTENT_HEADS][i]];
        if (k->number && k->hash == hash && k->uri_len == uri_len && k->id_len == id_len &&
            !memcmp(k->text, uri, uri_len) &&
            (!id_len || !memcmp(k->text + uri_len + 1, id, id_len)))
            return k->number;
    }
    if (!l->next)
        return 0;
    uint32_t number = l->next++;
    add(l, number, hash, uri, uri_len, id, id_len);
    return number;
}

static const struct link *find(const struct links *l, uint32_t number)
{
    for (int i = 0; l && number && i < NUMBER_WAYS; i++) {
        const struct link *k = &l->link[l->by_number[number % NUMBER_HEADS][i]];
        if (k->number == number)
            return k;
    }
    return NULL;
}

void links_learn(struct links **slot, uint32_t number, const uint8_t *uri, size_t len)
{
    struct links *l = links_get(slot);
    const struct link *k = find(l, number);
    if (!number || !len || len > LINK_URI_MAX ||
        (k && k->uri_len == len && !memcmp(k->text, uri, len)))
        return;
    add(l, number, mix(number, uri, len), uri, len, NULL, 0);
}

const char *links_uri(const struct links *l, uint32_t number)
{
    const struct link *k = find(l, number);
    return k ? k->text : NULL;
}

size_t links_memory(const struct links *l)
{
    return l ? sizeof *l + l->bytes : 0;
}
