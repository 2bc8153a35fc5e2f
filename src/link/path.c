#include "link/path.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

bool path_ref_equal(const struct path_ref *a, const struct path_ref *b)
{
    return a->kind == b->kind && a->sock == b->sock &&
           (a->kind == PATH_PIPE || addr_equal(&a->remote, &b->remote));
}

void path_ref_format(const struct path_ref *ref, char out[static PATH_TEXT])
{
    char text[ADDR_TEXT];
    if (ref->kind == PATH_PIPE) {
        snprintf(out, PATH_TEXT, "pipe");
        return;
    }
    addr_format(&ref->remote, text);
    snprintf(out, PATH_TEXT, "udp %s", text);
}

void path_table_init(struct path_table *t)
{
    memset(t, 0, sizeof *t);
}

int path_find(const struct path_table *t, const struct path_ref *ref)
{
    for (int i = 0; i < PATH_CAP; i++)
        if (t->all[i].used && path_ref_equal(&t->all[i].ref, ref))
            return i;
    return PATH_NONE;
}

/* A free entry, or the UDP path idle longest. */
static int slot_for_new(const struct path_table *t, int keep)
{
    int best = PATH_NONE;
    for (int i = 0; i < PATH_CAP; i++) {
        const struct path *p = &t->all[i];
        if (!p->used)
            return i;
        if (i == keep || p->ref.kind == PATH_PIPE)
            continue;
        if (best == PATH_NONE || p->used_us < t->all[best].used_us)
            best = i;
    }
    return best;
}

int path_add(struct path_table *t, const struct path_ref *ref, int keep, uint64_t now_us)
{
    int i = path_find(t, ref);
    if (i != PATH_NONE)
        return i;
    i = slot_for_new(t, keep);
    if (i == PATH_NONE)
        return PATH_NONE;
    struct path *p = &t->all[i];
    *p = (struct path){
        .ref = *ref,
        .used = true,
        .serial = ++t->serial,
        .opened_us = now_us,
        .used_us = now_us,
        .probe_us = UINT64_MAX,
        .window = PATH_PIPE_START,
        .valid = ref->kind == PATH_PIPE, /* it hangs on a login */
        .budget = ref->kind == PATH_UDP && ref->remote.family == ADDR_V6 ? PATH_BUDGET_V6
                                                                         : PATH_BUDGET_V4,
    };
    rtt_init(&p->rtt, false);
    if (keep != PATH_NONE)
        rtt_guess(&p->rtt, &t->all[keep].rtt);
    return i;
}

void path_remove(struct path_table *t, int index)
{
    BUG_ON(index < 0 || index >= PATH_CAP);
    t->all[index] = (struct path){0};
}

size_t path_pipe_room(const struct path *p)
{
    if (p->ref.kind != PATH_PIPE)
        return SIZE_MAX;
    uint64_t flight = p->sent - p->acked;
    return flight < p->window ? p->window - (size_t)flight : 0;
}

/* How long an answer may take before the question is put again: longer each time. */
static uint64_t patience(const struct path *p)
{
    uint64_t rto = 4 * rtt_rto_us(&p->rtt);
    return (rto > 3000000 ? rto : 3000000) << (p->asks < 4 ? p->asks : 4);
}

bool path_pipe_due(const struct path *p, uint64_t now_us)
{
    if (p->ref.kind != PATH_PIPE)
        return false;
    if (p->asking)
        return now_us >= p->asked_us + patience(p);
    return p->sent - p->asked >= p->window / 4;
}

uint64_t path_pipe_deadline(const struct path *p)
{
    if (p->ref.kind != PATH_PIPE)
        return UINT64_MAX;
    if (p->asking)
        return p->asked_us + patience(p);
    return p->sent - p->asked >= p->window / 4 ? 0 : UINT64_MAX;
}

void path_pipe_asked(struct path *p, uint64_t now_us)
{
    p->asking = true;
    p->asked = p->sent;
    p->asked_us = now_us;
    p->flight = (size_t)(p->sent - p->acked);
}

void path_pipe_acked(struct path *p, uint64_t upto, uint64_t rtt_us)
{
    if (upto > p->acked && upto <= p->sent)
        p->acked = upto;
    p->asks = 0;
    if (!p->asking || upto < p->asked)
        return;
    p->asking = false;
    if (upto != p->asked)
        return;
    uint64_t floor = p->rtt.floor_us ? p->rtt.floor_us : rtt_us;
    uint64_t limit = floor + floor / 2 + 10000;
    if (rtt_us > limit) {
        /* `flight` bytes took rtt_us to drain: keep what would drain in `limit`. */
        size_t fair = (size_t)((double)p->flight * (double)limit / (double)rtt_us);
        if (fair < p->window)
            p->window = fair > PATH_PIPE_MIN ? fair : PATH_PIPE_MIN;
    } else if (p->flight >= p->window / 2) {
        size_t wider = p->window + p->window / 4;
        p->window = wider < PATH_PIPE_MAX ? wider : PATH_PIPE_MAX;
    }
}
