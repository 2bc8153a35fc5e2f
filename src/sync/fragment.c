#include "sync/fragment.h"

#include "base/mem.h"
#include "base/wire.h"

#include <stdlib.h>
#include <string.h>

#define FINAL 0x8000u

int fragment_get(const uint8_t *payload, size_t len, struct fragment *f)
{
    struct reader r = reader_of(payload, len);
    f->id = reader_u64(&r);
    uint16_t number = reader_u16(&r);
    f->final = number & FINAL;
    f->number = number & FRAGMENT_NUMBER_MAX;
    f->piece = r.p;
    f->len = r.len;
    return reader_err(&r);
}

void fragment_put(struct buf *out, const struct fragment *f)
{
    buf_put_u64(out, f->id);
    buf_put_u16(out, (uint16_t)(f->number | (f->final ? FINAL : 0)));
    buf_put(out, f->piece, f->len);
}

void cutter_init(struct cutter *c, size_t cap)
{
    *c = (struct cutter){0};
    buf_init(&c->bytes, cap);
}

void cutter_fini(struct cutter *c)
{
    buf_fini(&c->bytes);
    c->next = c->count = 0;
}

int cutter_begin(struct cutter *c, uint64_t id, size_t mtu)
{
    BUG_ON(mtu <= FRAGMENT_HEADER);
    size_t piece = mtu - FRAGMENT_HEADER;
    size_t count = (buf_len(&c->bytes) + piece - 1) / piece;
    c->next = c->count = 0;
    if (!count)
        count = 1;
    if (count > FRAGMENT_NUMBER_MAX + 1)
        return ERR_CAP;
    c->id = id;
    c->piece = piece;
    c->count = (uint32_t)count;
    return ERR_OK;
}

int cutter_next(struct cutter *c, struct buf *out)
{
    if (!cutter_pending(c))
        return 0;
    size_t at = c->next * c->piece;
    size_t left = buf_len(&c->bytes) - at;
    struct fragment f = {
        .id = c->id,
        .number = (uint16_t)c->next,
        .final = c->next + 1 == c->count,
        .piece = left ? buf_data(&c->bytes) + at : NULL,
        .len = left < c->piece ? left : c->piece,
    };
    buf_clear(out);
    fragment_put(out, &f);
    c->next++;
    return 1;
}

void assembly_init(struct assembly *a)
{
    *a = (struct assembly){0};
    buf_init(&a->whole, ASSEMBLY_BYTES_MAX);
}

static void slot_clear(struct assembly *a, struct assembly_slot *s)
{
    for (uint32_t i = 0; i < s->above; i++) {
        if (s->piece[i].bytes)
            a->bytes -= s->piece[i].len;
        free(s->piece[i].bytes);
    }
    free(s->piece);
    *s = (struct assembly_slot){0};
}

void assembly_fini(struct assembly *a)
{
    for (size_t i = 0; i < ASSEMBLY_SLOTS; i++)
        slot_clear(a, &a->slot[i]);
    buf_fini(&a->whole);
}

static struct assembly_slot *slot_oldest(struct assembly *a, const struct assembly_slot *but)
{
    struct assembly_slot *oldest = NULL;
    for (size_t i = 0; i < ASSEMBLY_SLOTS; i++) {
        struct assembly_slot *s = &a->slot[i];
        if (s != but && s->born && (!oldest || s->born < oldest->born))
            oldest = s;
    }
    return oldest;
}

static struct assembly_slot *slot_for(struct assembly *a, uint64_t id)
{
    struct assembly_slot *unused = NULL;
    for (size_t i = 0; i < ASSEMBLY_SLOTS; i++) {
        if (a->slot[i].born && a->slot[i].id == id)
            return &a->slot[i];
        if (!a->slot[i].born)
            unused = &a->slot[i];
    }
    if (!unused) {
        unused = slot_oldest(a, NULL);
        slot_clear(a, unused);
    }
    *unused = (struct assembly_slot){.id = id, .born = ++a->births, .last = -1};
    return unused;
}

static bool is_done(const struct assembly *a, uint64_t id)
{
    uint32_t n = a->done_n < ASSEMBLY_DONE ? a->done_n : ASSEMBLY_DONE;
    for (uint32_t i = 0; i < n; i++)
        if (a->done[i] == id)
            return true;
    return false;
}

static void note_done(struct assembly *a, uint64_t id)
{
    a->done[a->done_n % ASSEMBLY_DONE] = id;
    a->done_n++;
    if (a->done_n == 2 * ASSEMBLY_DONE)
        a->done_n = ASSEMBLY_DONE;
}

/* 1 if f may be added, 0 if it is there already, or why not. */
static int slot_admits(const struct assembly_slot *s, const struct fragment *f)
{
    if (f->number < s->above && s->piece[f->number].bytes) {
        const struct assembly_piece *p = &s->piece[f->number];
        bool same = p->len == f->len && (!f->len || !memcmp(p->bytes, f->piece, f->len)) &&
                    f->final == (s->last == f->number);
        return same ? 0 : ERR_STATE;
    }
    if (s->last >= 0 && (f->final || f->number > s->last))
        return ERR_STATE;
    if (f->final && s->above > f->number)
        return ERR_STATE;
    return 1;
}

static int slot_add(struct assembly *a, struct assembly_slot *s, const struct fragment *f)
{
    while (a->bytes + f->len > ASSEMBLY_BYTES_MAX) {
        struct assembly_slot *old = slot_oldest(a, s);
        if (!old)
            return ERR_CAP;
        slot_clear(a, old);
    }
    if (f->number >= s->size) {
        uint32_t size = s->size ? s->size * 2 : 8;
        while (size <= f->number)
            size *= 2;
        s->piece = mem_resize(s->piece, size, sizeof *s->piece);
        s->size = size;
    }
    if (f->number >= s->above) {
        memset(s->piece + s->above, 0, (f->number + 1u - s->above) * sizeof *s->piece);
        s->above = f->number + 1u;
    }
    struct assembly_piece *p = &s->piece[f->number];
    p->bytes = mem_new(f->len ? f->len : 1, 1);
    p->len = (uint32_t)f->len;
    if (f->len)
        memcpy(p->bytes, f->piece, f->len);
    a->bytes += f->len;
    s->have++;
    if (f->final)
        s->last = f->number;
    return ERR_OK;
}

int assembly_add(struct assembly *a, const struct fragment *f, const uint8_t **out, size_t *len)
{
    if (buf_len(&a->whole) > 65536)
        buf_release(&a->whole); /* rare big ones do not stay */
    if (is_done(a, f->id))
        return ERR_REPLAY;
    if (f->final && !f->number) { /* nearly all: one fragment, nothing to keep */
        for (size_t i = 0; i < ASSEMBLY_SLOTS; i++)
            if (a->slot[i].born && a->slot[i].id == f->id)
                return ERR_STATE;
        note_done(a, f->id);
        *out = f->piece;
        *len = f->len;
        return 1;
    }
    struct assembly_slot *s = slot_for(a, f->id);
    int err = slot_admits(s, f);
    if (err > 0)
        err = slot_add(a, s, f);
    else
        return err;
    if (err) {
        slot_clear(a, s);
        return err;
    }
    if (s->last < 0 || s->have != (uint32_t)s->last + 1)
        return 0;
    buf_clear(&a->whole);
    for (uint32_t i = 0; i < s->have; i++)
        buf_put(&a->whole, s->piece[i].bytes, s->piece[i].len);
    slot_clear(a, s);
    note_done(a, f->id);
    *out = buf_len(&a->whole) ? buf_data(&a->whole) : (const uint8_t *)"";
    *len = buf_len(&a->whole);
    return buf_err(&a->whole) ? ERR_CAP : 1;
}

size_t assembly_memory(const struct assembly *a)
{
    size_t n = a->bytes + a->whole.size;
    for (size_t i = 0; i < ASSEMBLY_SLOTS; i++)
        n += a->slot[i].size * sizeof *a->slot[i].piece + a->slot[i].have * 16;
    return n;
}
