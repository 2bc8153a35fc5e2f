#include "quic/table.h"

#include "base/mem.h"

#include <stdlib.h>

void quic_table_init(struct quic_table *t)
{
    *t = (struct quic_table){0};
    for (int i = 0; i < STREAM_CLASSES; i++)
        list_init(&t->rows[i]);
    list_init(&t->todo);
}

void quic_table_fini(struct quic_table *t)
{
    struct quic_stream *s;
    while ((s = quic_table_any(t)))
        quic_table_remove(t, s);
}

/* Numbers of one kind rise by 4 (RFC 9000 §2.1). */
static struct quic_stream **bucket_of(struct quic_table *t, uint64_t id)
{
    return &t->buckets[(id >> 2 ^ id << 7) % QUIC_BUCKETS];
}

struct quic_stream *quic_table_add(struct quic_table *t, uint64_t id)
{
    BUG_ON(quic_table_find(t, id));
    struct quic_stream **bucket = bucket_of(t, id), *s = mem_new(1, sizeof *s);
    s->id = id;
    s->class = STREAM_BULK;
    s->next = *bucket;
    *bucket = s;
    list_init(&s->ready);
    list_init(&s->todo);
    t->count++;
    return s;
}

struct quic_stream *quic_table_find(const struct quic_table *t, uint64_t id)
{
    struct quic_stream *s = *bucket_of((struct quic_table *)t, id);
    while (s && s->id != id)
        s = s->next;
    return s;
}

void quic_table_remove(struct quic_table *t, struct quic_stream *s)
{
    struct quic_stream **at = bucket_of(t, s->id);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    list_del(&s->ready);
    list_del(&s->todo);
    t->count--;
    free(s);
}

struct quic_stream *quic_table_any(const struct quic_table *t)
{
    for (size_t i = 0; i < QUIC_BUCKETS && t->count; i++)
        if (t->buckets[i])
            return t->buckets[i];
    return NULL;
}

void quic_table_ready(struct quic_table *t, struct quic_stream *s)
{
    if (list_empty(&s->ready))
        list_add_tail(&t->rows[s->class], &s->ready);
}

void quic_table_unready(struct quic_stream *s)
{
    list_del(&s->ready);
}

struct quic_stream *quic_table_next(const struct quic_table *t, enum stream_class last)
{
    for (int i = 0; i <= (int)last; i++)
        if (!list_empty(&t->rows[i]))
            return LIST_ITEM(t->rows[i].next, struct quic_stream, ready);
    return NULL;
}

void quic_table_rotate(struct quic_table *t, struct quic_stream *s)
{
    list_del(&s->ready);
    list_add_tail(&t->rows[s->class], &s->ready);
}

void quic_table_class(struct quic_table *t, struct quic_stream *s, enum stream_class class)
{
    bool ready = !list_empty(&s->ready);
    BUG_ON(class >= STREAM_CLASSES);
    if (class == s->class)
        return;
    list_del(&s->ready);
    s->class = class;
    if (ready)
        quic_table_ready(t, s);
}

void quic_table_todo(struct quic_table *t, struct quic_stream *s)
{
    if (list_empty(&s->todo))
        list_add_tail(&t->todo, &s->todo);
}
