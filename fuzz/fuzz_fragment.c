/* Fragments: records of a length byte and a payload go through the assembly. Held against a plain
 * model: what comes out is exactly the pieces that went in, each number once; the bytes held are
 * those counted. Then the input itself is cut and put together again. */
#include "base/mem.h"
#include "sync/fragment.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_held(const struct assembly *a)
{
    size_t bytes = 0;
    for (size_t i = 0; i < ASSEMBLY_SLOTS; i++) {
        const struct assembly_slot *s = &a->slot[i];
        uint32_t have = 0;
        BUG_ON(s->above > s->size);
        for (uint32_t k = 0; k < s->above; k++) {
            have += s->piece[k].bytes != NULL;
            bytes += s->piece[k].bytes ? s->piece[k].len : 0;
            BUG_ON(s->last >= 0 && (int32_t)k > s->last);
        }
        BUG_ON(have != s->have);
    }
    BUG_ON(bytes != a->bytes || bytes > ASSEMBLY_BYTES_MAX);
}

/* Where piece f may end if it begins at one of the places in `from`. */
static bool fits(const struct fragment *f, const bool *from, bool *to, const uint8_t *out,
                 size_t out_len)
{
    bool whole = false;
    for (size_t at = 0; at + f->len <= out_len; at++) {
        if (!from[at] || (f->len && memcmp(f->piece, out + at, f->len)))
            continue;
        if (f->final)
            whole |= at + f->len == out_len;
        else
            to[at + f->len] = true;
    }
    return whole;
}

/* The complete instruction must be made of pieces among the records so far, numbers in order. Which
 * of several pieces of a number was taken is left open (an instruction may have been given up and
 * begun again), so all places where a piece may begin are followed. */
static void check_whole(const uint8_t *data, size_t upto, uint64_t id, const uint8_t *out,
                        size_t out_len)
{
    bool *from = mem_new(out_len + 1, 1), *to = mem_new(out_len + 1, 1);
    bool whole = false, more = true;
    from[0] = true;
    for (uint32_t number = 0; more && !whole; number++) {
        more = false;
        memset(to, 0, out_len + 1);
        for (const uint8_t *p = data; p < data + upto;) {
            struct fragment f;
            size_t n = *p++;
            if (!fragment_get(p, n, &f) && f.id == id && f.number == number) {
                whole |= fits(&f, from, to, out, out_len);
                more |= !f.final;
            }
            p += n;
        }
        bool *t = from;
        from = to;
        to = t;
    }
    BUG_ON(!whole);
    free(from);
    free(to);
}

static void assemble(const uint8_t *data, size_t len)
{
    struct assembly a;
    assembly_init(&a);
    for (size_t at = 0; at < len;) {
        size_t n = data[at++];
        if (n > len - at)
            n = len - at;
        struct fragment f;
        const uint8_t *out;
        size_t out_len;
        if (n == data[at - 1] && !fragment_get(data + at, n, &f)) {
            int got = assembly_add(&a, &f, &out, &out_len);
            check_held(&a);
            if (got == 1)
                check_whole(data, at + n, f.id, out, out_len);
            if (got == 1 && assembly_add(&a, &f, &out, &out_len) != ERR_REPLAY)
                BUG("complete twice");
        }
        at += n;
    }
    assembly_fini(&a);
    BUG_ON(a.bytes);
}

static void cut(const uint8_t *data, size_t len)
{
    struct cutter c;
    struct assembly a;
    struct buf out;
    const uint8_t *whole = NULL;
    size_t whole_len = 0;
    int got = 0;
    cutter_init(&c, len + 1);
    assembly_init(&a);
    buf_init(&out, 4096);
    buf_put(&c.bytes, data, len);
    if (cutter_begin(&c, 5, FRAGMENT_HEADER + 1 + (len ? data[0] : 0)))
        BUG("cut");
    while (cutter_next(&c, &out)) {
        struct fragment f;
        BUG_ON(got || fragment_get(buf_data(&out), buf_len(&out), &f));
        got = assembly_add(&a, &f, &whole, &whole_len);
    }
    BUG_ON(got != 1 || whole_len != len || (len && memcmp(whole, data, len)));
    buf_fini(&out);
    cutter_fini(&c);
    assembly_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > 30000)
        return 0;
    assemble(data, len);
    cut(data, len);
    return 0;
}
