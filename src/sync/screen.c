#include "sync/screen.h"

#include "base/mem.h"
#include "sync/message.h"
#include "sync/sync.h"
#include "term/diff.h"

#include <stdlib.h>
#include <string.h>

struct screen *screen_new(const struct snapshot *snap, uint64_t echo_ack)
{
    struct screen *s = mem_new(1, sizeof *s);
    *s = (struct screen){.refs = 1, .snap = snapshot_ref(snap), .echo_ack = echo_ack};
    return s;
}

struct screen *screen_zero(uint16_t cols, uint16_t rows)
{
    struct screen *s = mem_new(1, sizeof *s);
    *s = (struct screen){.refs = 1, .snap = snapshot_blank(cols, rows), .zero = true};
    return s;
}

void screen_unref(struct screen *s)
{
    if (--s->refs)
        return;
    snapshot_unref(s->snap);
    free(s);
}

static void *state_ref(void *state)
{
    ((struct screen *)state)->refs++;
    return state;
}

static void state_unref(void *state)
{
    screen_unref(state);
}

static size_t row_cost(const struct row *r)
{
    if (r == &row_blank_row)
        return 0;
    return sizeof *r + r->size * sizeof r->cell[0] + r->ext_size * sizeof *r->ext + r->text_size;
}

static size_t rows_cost(struct row *const *rows, uint16_t n, struct row *const *prev,
                        uint16_t prev_n)
{
    size_t cost = 0;
    for (uint16_t i = 0; rows && i < n; i++) {
        if (prev && i < prev_n && prev[i] == rows[i])
            continue;
        cost += row_cost(rows[i]);
    }
    return cost + (rows ? n * sizeof *rows : 0);
}

static size_t state_cost(const void *prev, const void *state)
{
    const struct screen *a = prev, *b = state;
    size_t cost = sizeof *b;
    if (a && (a == b || a->snap == b->snap))
        return a == b ? 0 : cost;
    const struct snapshot *s = b->snap, *p = a ? a->snap : NULL;
    cost += sizeof *s;
    cost += rows_cost(s->main_row, s->rows, p ? p->main_row : NULL, p ? p->rows : 0);
    cost += rows_cost(s->alt_row, s->rows, p ? p->alt_row : NULL, p ? p->rows : 0);
    if (s->clip)
        cost += strlen(s->clip);
    return cost;
}

void screen_source_init(struct screen_source *src, enum snapshot_kind kind)
{
    *src = (struct screen_source){.kind = kind};
    buf_init(&src->host, SYNC_INSTRUCTION_MAX);
}

void screen_source_fini(struct screen_source *src)
{
    buf_fini(&src->host);
}

static bool state_equal(void *ctx, const void *a, const void *b)
{
    const struct screen_source *src = ctx;
    const struct screen *x = a, *y = b;
    if (x == y)
        return true;
    if (x->zero || y->zero || x->echo_ack != y->echo_ack)
        return false;
    if (src->kind == SNAPSHOT_STOCK && x->snap->bells != y->snap->bells)
        return false; /* the peer has not heard it yet */
    if (src->history && x->snap->history_end != y->snap->history_end)
        return false; /* blank lines scrolled: the same picture, further down */
    return x->snap == y->snap || snapshot_equal(x->snap, y->snap, src->kind);
}

/* Stock's order: echo ack, resize, host bytes; each only if needed (§4.4). */
static int state_diff(void *ctx, const void *from, const void *to, struct buf *out)
{
    struct screen_source *src = ctx;
    const struct screen *a = from, *b = to;
    if (b->echo_ack != a->echo_ack)
        message_put_echo_ack(out, b->echo_ack);
    if (a->zero || a->snap->cols != b->snap->cols || a->snap->rows != b->snap->rows)
        message_put_resize(out, b->snap->cols, b->snap->rows);
    if (src->history && a->snap->history_end != b->snap->history_end)
        message_put_history(out, b->snap->history_end);
    if (a->snap == b->snap)
        return buf_err(out);
    buf_clear(&src->host);
    src->host.cap = buf_room(out); /* what does not fit there need not be made */
    int err = diff_screen(&src->host, a->snap, b->snap, src->kind);
    if (!err && buf_len(&src->host))
        message_put_host(out, buf_data(&src->host), buf_len(&src->host));
    if (src->host.size > 65536)
        buf_release(&src->host);
    return err ? err : buf_err(out);
}

/* The first step when the size differs (a blank screen) or when the other screen shows (the same
 * two, switched): from there rows can come one by one. */
static struct snapshot *first_step(const struct snapshot *from, const struct snapshot *to)
{
    struct snapshot *s;
    if (from->cols != to->cols || from->rows != to->rows)
        s = snapshot_blank(to->cols, to->rows);
    else
        s = snapshot_copy(from);
    s->alt = to->alt;
    s->history_end = from->history_end;
    return s;
}

static void *state_partial(void *ctx, const void *from, const void *to, size_t budget)
{
    const struct screen *a = from, *b = to;
    (void)ctx;
    struct snapshot *part;
    if (a->snap->cols != b->snap->cols || a->snap->rows != b->snap->rows ||
        a->snap->alt != b->snap->alt)
        part = first_step(a->snap, b->snap);
    else
        part = diff_partial(a->snap, b->snap, budget);
    struct screen *s;
    /* A part has the old end of the history: what has left the screen is known when all of it is.
     */
    if (part == b->snap || snapshot_equal(part, b->snap, SNAPSHOT_NATIVE))
        s = state_ref((void *)(uintptr_t)to);
    else
        s = screen_new(part, a->echo_ack);
    snapshot_unref(part);
    return s;
}

static void state_acked(void *ctx, const void *state)
{
    (void)ctx;
    (void)state;
}

struct state_ops screen_state_ops(struct screen_source *src)
{
    return (struct state_ops){state_diff,    state_equal, state_ref,   state_unref,
                              state_partial, state_cost,  state_acked, src};
}

void screen_replica_init(struct screen_replica *r, const struct term_config *config)
{
    struct term_config c = *config;
    c.replica = true;
    c.history_bytes = 0;
    *r = (struct screen_replica){.term = term_new(&c)};
}

void screen_replica_fini(struct screen_replica *r)
{
    snapshot_unref(r->hold);
    term_free(r->term);
    *r = (struct screen_replica){0};
}

static bool size_ok(const struct message *m)
{
    return m->width >= 1 && m->width <= SCREEN_MAX && m->height >= 1 && m->height <= SCREEN_MAX;
}

/* All of the diff must be well-formed and possible before the engine is touched. */
static int check(const uint8_t *diff, size_t len, uint64_t echo_ack)
{
    struct reader r = reader_of(diff, len);
    struct message m;
    int got;
    while ((got = message_next(&r, true, &m)) > 0) {
        if (m.kind == MESSAGE_RESIZE && !size_ok(&m))
            return ERR_SYNTAX;
        if (m.kind != MESSAGE_ECHO_ACK)
            continue;
        if (m.echo_ack < echo_ack)
            return ERR_STATE;
        echo_ack = m.echo_ack;
    }
    return got;
}

static int replica_apply(void *ctx, const void *ref, const uint8_t *diff, size_t len, void **out)
{
    struct screen_replica *rep = ctx;
    const struct screen *from = ref;
    int err = check(diff, len, from->echo_ack);
    if (err)
        return err;
    uint64_t echo_ack = from->echo_ack;
    bool loaded = rep->at == from->snap, touched = false;
    struct reader r = reader_of(diff, len);
    struct message m;
    while (message_next(&r, true, &m) > 0) {
        if (m.kind == MESSAGE_ECHO_ACK) {
            echo_ack = m.echo_ack;
            continue;
        }
        if (!loaded)
            term_load(rep->term, from->snap);
        loaded = touched = true;
        if (m.kind == MESSAGE_RESIZE)
            term_resize(rep->term, (uint16_t)m.width, (uint16_t)m.height);
        else if (m.kind == MESSAGE_HISTORY)
            term_set_history_end(rep->term, m.history_end);
        else
            term_write(rep->term, m.bytes, m.len);
    }
    if (!touched) {
        *out = screen_new(from->snap, echo_ack);
        return ERR_OK;
    }
    struct snapshot *snap = term_snapshot(rep->term);
    *out = screen_new(snap, echo_ack);
    snapshot_unref(rep->hold);
    rep->hold = snap;
    rep->at = snap;
    return ERR_OK;
}

struct replica_ops screen_replica_ops(struct screen_replica *r)
{
    return (struct replica_ops){replica_apply, state_ref, state_unref, state_cost, r};
}
