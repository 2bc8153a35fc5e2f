#include "sync/receiver.h"

#include "base/mem.h"
#include "sync/sync.h"

#include <stdlib.h>
#include <string.h>

void receiver_init(struct receiver *r, const struct replica_ops *ops, void *zero, bool stash,
                   size_t cost_max)
{
    *r = (struct receiver){.ops = *ops, .stash_on = stash, .n = 1, .size = 8, .cost_max = cost_max};
    r->held = mem_new(r->size, sizeof *r->held);
    r->held[0].state = zero;
    r->held[0].cost = r->cost = ops->cost(NULL, zero);
}

static void stash_drop(struct receiver *r, size_t i)
{
    r->stash_bytes -= r->stash[i].len;
    free(r->stash[i].diff);
    r->stash_n--;
    memmove(r->stash + i, r->stash + i + 1, (r->stash_n - i) * sizeof *r->stash);
}

void receiver_fini(struct receiver *r)
{
    for (size_t i = 0; i < r->n; i++)
        r->ops.unref(r->held[i].state);
    while (r->stash_n)
        stash_drop(r, r->stash_n - 1);
    if (r->zero)
        r->ops.unref(r->zero);
    free(r->held);
    free(r->stash);
    r->held = NULL;
    r->stash = NULL;
    r->n = 0;
}

/* Index of the first state with a number of at least num. */
static size_t lower(const struct receiver *r, uint64_t num)
{
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (r->held[mid].num < num)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static const struct held *find(const struct receiver *r, uint64_t num)
{
    size_t i = lower(r, num);
    return i < r->n && r->held[i].num == num ? &r->held[i] : NULL;
}

/* Forget the states below num; at least one stays, as the caller has checked. */
static void throw_away(struct receiver *r, uint64_t num)
{
    size_t k = lower(r, num);
    if (!k)
        return;
    BUG_ON(k >= r->n);
    for (size_t i = 0; i < k; i++) {
        r->cost -= r->held[i].cost;
        r->ops.unref(r->held[i].state);
    }
    r->n -= k;
    memmove(r->held, r->held + k, r->n * sizeof *r->held);
    r->cost -= r->held[0].cost;
    r->held[0].cost = r->ops.cost(NULL, r->held[0].state);
    r->cost += r->held[0].cost;
    for (size_t i = r->stash_n; i--;)
        if (r->stash[i].old_num < num)
            stash_drop(r, i);
}

static void insert(struct receiver *r, uint64_t num, void *state)
{
    if (r->n == r->size) {
        r->size *= 2;
        r->held = mem_resize(r->held, r->size, sizeof *r->held);
    }
    size_t i = lower(r, num);
    memmove(r->held + i + 1, r->held + i, (r->n - i) * sizeof *r->held);
    r->n++;
    r->held[i] = (struct held){.num = num, .state = state};
    r->held[i].cost = r->ops.cost(i ? r->held[i - 1].state : NULL, state);
    r->cost += r->held[i].cost;
}

static int stash_put(struct receiver *r, const struct instruction *ins)
{
    if (!r->stash_on || ins->old_num < r->held[0].num)
        return ERR_STATE;
    for (size_t i = 0; i < r->stash_n; i++)
        if (r->stash[i].new_num == ins->new_num && r->stash[i].old_num == ins->old_num)
            return RECEIVER_STASHED;
    if (r->stash_n == RECEIVER_STASH_ITEMS || r->stash_bytes + ins->diff_len > SYNC_STASH_MAX)
        return ERR_CAP;
    if (!r->stash)
        r->stash = mem_new(RECEIVER_STASH_ITEMS, sizeof *r->stash);
    struct stashed *s = &r->stash[r->stash_n++];
    *s = (struct stashed){ins->old_num, ins->new_num, ins->throwaway_num,
                          mem_new(ins->diff_len ? ins->diff_len : 1, 1), ins->diff_len};
    if (ins->diff_len)
        memcpy(s->diff, ins->diff, ins->diff_len);
    r->stash_bytes += ins->diff_len;
    return RECEIVER_STASHED;
}

/* True if the caps refuse one more state now (§5.2, 5). */
static bool quenched(struct receiver *r, uint64_t now_us)
{
    size_t beyond = r->cost - r->held[0].cost;
    if (r->n > 1 && beyond > r->cost_max)
        return true;
    if (r->n <= SYNC_RECEIVED_MAX)
        return false;
    if (now_us < r->quench_us || r->n > 2 * SYNC_RECEIVED_MAX)
        return true;
    r->quench_us = now_us + RECEIVER_QUENCH_US;
    return false;
}

void receiver_set_zero(struct receiver *r, void *zero)
{
    r->zero = r->ops.ref(zero);
}

bool receiver_stuck(const struct receiver *r, uint64_t now_us)
{
    return r->full_us && now_us - r->full_us >= RECEIVER_STUCK_US;
}

/* The sender starts anew: nothing that is held will be referred to any more. */
static void start_anew(struct receiver *r)
{
    for (size_t i = 0; i < r->n; i++)
        r->ops.unref(r->held[i].state);
    while (r->stash_n)
        stash_drop(r, r->stash_n - 1);
    r->n = 1;
    r->held[0] = (struct held){.state = r->ops.ref(r->zero)};
    r->held[0].cost = r->cost = r->ops.cost(NULL, r->zero);
}

static int take(struct receiver *r, const struct instruction *ins, uint64_t now_us)
{
    if (find(r, ins->new_num))
        return RECEIVER_KNOWN;
    if (ins->throwaway_num > ins->old_num || ins->new_num <= ins->old_num)
        return ERR_STATE;
    if (r->zero && !ins->old_num && r->held[0].num && ins->new_num > receiver_newest(r)->num)
        start_anew(r);
    if (!find(r, ins->old_num))
        return stash_put(r, ins);
    throw_away(r, ins->throwaway_num);
    if (quenched(r, now_us)) {
        r->full_us = r->full_us ? r->full_us : now_us;
        return ERR_CAP;
    }
    r->full_us = 0;
    const struct held *ref = find(r, ins->old_num);
    void *state;
    if (ins->diff_len) {
        int err = r->ops.apply(r->ops.ctx, ref->state, ins->diff, ins->diff_len, &state);
        if (err)
            return err;
    } else {
        state = r->ops.ref(ref->state);
    }
    bool newest = ins->new_num > receiver_newest(r)->num;
    insert(r, ins->new_num, state);
    if (!newest)
        return RECEIVER_LATE;
    r->heard_us = now_us;
    return RECEIVER_NEWEST | (ins->diff_len ? RECEIVER_CONTENT : 0);
}

/* Items whose turn has come, one after the other: each round takes one away, so this ends. */
static int take_stashed(struct receiver *r, uint64_t now_us)
{
    int took = 0;
    for (size_t i = 0; i < r->stash_n;) {
        if (!find(r, r->stash[i].old_num)) {
            i++;
            continue;
        }
        struct stashed s = r->stash[i];
        struct instruction ins = {
            .has_state = true,
            .old_num = s.old_num,
            .new_num = s.new_num,
            .throwaway_num = s.throwaway_num,
            .diff = s.diff,
            .diff_len = s.len,
        };
        r->stash[i].diff = NULL;
        stash_drop(r, i);
        int got = take(r, &ins, now_us);
        free(s.diff);
        if (got > 0)
            took |= got & (RECEIVER_NEWEST | RECEIVER_CONTENT | RECEIVER_LATE);
        i = 0;
    }
    return took;
}

int receiver_take(struct receiver *r, const struct instruction *ins, uint64_t now_us)
{
    int took = take(r, ins, now_us);
    if (took > 0 && took & (RECEIVER_NEWEST | RECEIVER_LATE) && r->stash_n)
        took |= take_stashed(r, now_us);
    return took;
}

size_t receiver_memory(const struct receiver *r)
{
    return r->cost + r->size * sizeof *r->held + r->stash_bytes +
           (r->stash ? RECEIVER_STASH_ITEMS * sizeof *r->stash : 0);
}
