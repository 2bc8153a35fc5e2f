#include "sync/sender.h"

#include "base/mem.h"
#include "sync/sync.h"

#include <string.h>

/* A diff and the instruction's own fields stay below what a receiver inflates. */
#define DIFF_MAX (SYNC_INSTRUCTION_MAX - 4096)
/* Prospective resend, §5.4. */
#define PROSPECT_ALWAYS 1000
#define PROSPECT_MORE   100

void sender_init(struct sender *s, const struct state_ops *ops, void *zero)
{
    *s = (struct sender){.ops = *ops, .n = 1, .same = true};
    s->cur = ops->ref(zero);
    s->list[0].state = zero;
    s->list[0].cost = s->cost = ops->cost(NULL, zero);
    buf_init(&s->diff, DIFF_MAX);
    buf_init(&s->other, DIFF_MAX);
}

void sender_fini(struct sender *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->ops.unref(s->list[i].state);
    s->ops.unref(s->cur);
    s->n = 0;
    buf_fini(&s->diff);
    buf_fini(&s->other);
}

void sender_set(struct sender *s, void *state)
{
    if (s->shutdown) {
        s->ops.unref(state);
        return;
    }
    s->ops.unref(s->cur);
    s->lives++;
    s->cur = state;
    s->same = state == sender_last(s)->state;
    s->differs = false;
}

struct sent *sender_find(struct sender *s, uint64_t num)
{
    for (size_t i = s->n; i--;)
        if (s->list[i].num == num)
            return &s->list[i];
    return NULL;
}

bool sender_current(struct sender *s)
{
    if (!s->same && !s->differs) {
        s->same = sender_equals(s, sender_last(s));
        s->differs = !s->same;
    }
    return s->same;
}

bool sender_equals(struct sender *s, const struct sent *e)
{
    return e->state == s->cur || s->ops.equal(s->ops.ctx, e->state, s->cur);
}

bool sender_owes(struct sender *s)
{
    if (s->shutdown)
        return s->list[0].num != SENDER_MAX64;
    if (!sender_current(s) || !sender_equals(s, &s->list[0]))
        return true;
    /* There and back again: cur is what is acknowledged, but the peer may stand in between. */
    for (size_t i = 1; i < s->n; i++)
        if (s->list[i].content)
            return true;
    return false;
}

static void drop_first(struct sender *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->cost -= s->list[i].cost;
        s->ops.unref(s->list[i].state);
    }
    s->n -= n;
    memmove(s->list, s->list + n, s->n * sizeof s->list[0]);
    s->cost -= s->list[0].cost; /* what it shared with its forerunner is its own now */
    s->list[0].cost = s->ops.cost(NULL, s->list[0].state);
    s->cost += s->list[0].cost;
}

bool sender_ack(struct sender *s, uint64_t num)
{
    size_t i = 0;
    while (i < s->n && s->list[i].num != num)
        i++;
    if (i == s->n || i == 0)
        return false;
    drop_first(s, i);
    s->acked_us = s->list[0].time_us;
    s->list[0].content = false;
    s->ops.acked(s->ops.ctx, s->list[0].state);
    return true;
}

size_t sender_assumed(const struct sender *s, uint64_t now_us, uint64_t patience_us)
{
    size_t at = 0;
    while (at + 1 < s->n && now_us - s->list[at + 1].time_us < patience_us)
        at++;
    return at;
}

static int make(struct sender *s, struct buf *out, size_t i, const void *to, size_t most)
{
    buf_clear(out);
    if (s->list[i].state == to)
        return ERR_OK;
    out->cap = most < DIFF_MAX ? most : DIFF_MAX;
    int err = s->ops.diff(s->ops.ctx, s->list[i].state, to, out);
    out->cap = DIFF_MAX;
    return err ? err : buf_err(out);
}

int sender_diff(struct sender *s, size_t i, const void *to)
{
    return make(s, &s->diff, i, to, DIFF_MAX);
}

int sender_diff_within(struct sender *s, size_t i, const void *to, size_t most)
{
    return make(s, &s->diff, i, to, most);
}

int sender_diff_best(struct sender *s, size_t assumed, size_t *base)
{
    *base = assumed;
    int err = make(s, &s->diff, assumed, s->cur, DIFF_MAX);
    if (!assumed)
        return err;
    int rival = make(s, &s->other, 0, s->cur, DIFF_MAX);
    size_t len = buf_len(&s->other), best = buf_len(&s->diff);
    if (rival || (!err && len > best && !(len < PROSPECT_ALWAYS && len - best < PROSPECT_MORE)))
        return err;
    struct buf t = s->diff;
    s->diff = s->other;
    s->other = t;
    *base = 0;
    return ERR_OK;
}

uint64_t sender_number(struct sender *s, const void *to, bool fresh)
{
    const struct sent *last = sender_last(s);
    if (s->shutdown && to == s->cur)
        return SENDER_MAX64;
    if (!fresh && (to == last->state || (to == s->cur && sender_current(s))))
        return last->num;
    return s->top + 1;
}

static void drop_middle(struct sender *s, size_t i)
{
    s->cost -= s->list[i].cost + s->list[i + 1].cost;
    s->ops.unref(s->list[i].state);
    s->n--;
    memmove(s->list + i, s->list + i + 1, (s->n - i) * sizeof s->list[0]);
    s->list[i].cost = s->ops.cost(s->list[i - 1].state, s->list[i].state);
    s->cost += s->list[i].cost;
}

static struct sent *append(struct sender *s, uint64_t num, void *to, uint64_t now_us)
{
    struct sent *e = &s->list[s->n];
    *e = (struct sent){.num = num, .first_us = now_us, .state = s->ops.ref(to)};
    e->cost = s->ops.cost(s->list[s->n - 1].state, to);
    s->cost += e->cost;
    s->n++;
    if (s->n > SENDER_LIST)
        drop_middle(s, s->n - SENDER_MIDDLE);
    while (s->cost > SENDER_COST_MAX && s->n > 2)
        drop_middle(s, s->n / 2);
    s->same = to == s->cur;
    s->differs = false;
    return sender_last(s);
}

struct sent *sender_sent(struct sender *s, uint64_t num, void *to, uint64_t base, size_t size,
                         uint64_t now_us)
{
    struct sent *e = sender_find(s, num);
    if (!e) {
        BUG_ON(num <= sender_last(s)->num);
        e = append(s, num, to, now_us);
    }
    if (num != SENDER_MAX64 && num > s->top)
        s->top = num;
    e->time_us = now_us;
    e->base = base;
    e->size = size;
    e->tries++;
    e->lost = false;
    if (num == SENDER_MAX64)
        s->shutdown_tries++;
    return e;
}

bool sender_restart(struct sender *s, uint64_t newest, void *zero)
{
    if (!s->list[0].num || s->list[0].num > newest || newest > s->top)
        return false;
    for (size_t i = 0; i < s->n; i++)
        s->ops.unref(s->list[i].state);
    s->n = 1;
    s->list[0] = (struct sent){.state = s->ops.ref(zero)};
    s->list[0].cost = s->cost = s->ops.cost(NULL, zero);
    s->same = s->differs = false;
    return true;
}

void sender_shutdown(struct sender *s, uint64_t now_us)
{
    if (s->shutdown)
        return;
    s->shutdown = true;
    s->shutdown_us = now_us;
}

size_t sender_memory(const struct sender *s)
{
    return s->cost + s->diff.size + s->other.size;
}
