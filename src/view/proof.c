#include "view/proof.h"

#include "base/mem.h"
#include "view/feed.h"

#include <stdlib.h>

static void drop_kept(struct proof *p)
{
    for (; p->n; p->n--, p->at++)
        row_unref(p->kept[p->at % p->size].row);
}

void proof_fini(struct proof *p)
{
    drop_kept(p);
    free(p->kept);
    *p = (struct proof){0};
}

void proof_reset(struct proof *p)
{
    p->sure = p->fed;
    p->sure_frames = p->frames;
    p->stale += p->flying;
    p->flying = false;
}

void proof_forget(struct proof *p)
{
    drop_kept(p);
}

/* Room for `size` lines, of which the newest stay. */
static void keep_size(struct proof *p, size_t size)
{
    size = size < PROOF_LINES_LEAST  ? PROOF_LINES_LEAST
           : size > PROOF_LINES_MOST ? PROOF_LINES_MOST
                                     : size;
    if (p->size == size)
        return;
    for (; p->n > size; p->n--, p->at++)
        row_unref(p->kept[p->at % p->size].row);
    struct feed_item *to = mem_resize(NULL, size, sizeof *to);
    for (size_t i = 0; i < p->n; i++)
        to[i] = p->kept[(p->at + i) % p->size];
    free(p->kept);
    p->kept = to;
    p->size = size;
    p->at = 0;
}

void proof_keep(struct proof *p, const struct feed_item *i, uint16_t screen)
{
    keep_size(p, (size_t)screen * PROOF_SCREENS);
    if (p->n == p->size) {
        row_unref(p->kept[p->at++ % p->size].row);
        p->n--;
    }
    p->kept[(p->at + p->n++) % p->size] = *i;
}

bool proof_take(struct proof *p, uint16_t cols, size_t *more, struct feed_item *out)
{
    if (!p->n)
        return false;
    const struct feed_item *i = &p->kept[(p->at + p->n - 1) % p->size];
    if (i->fed <= p->sure && !*more && !(i->row && i->row->wrapped && p->rest))
        return false;
    /* A wider terminal may have joined the rows of a line, so that one holds several items. */
    size_t used = i->row && i->row->used ? i->row->used : 1;
    size_t before = i->row && i->row->wrapped ? p->line : 0;
    size_t rows = (before + used + cols - 1) / cols - (before + cols - 1) / cols;
    p->line = before + used;
    if (i->fed > p->sure || *more)
        p->rest = PROOF_REST;
    else
        p->rest--;
    if (i->fed <= p->sure)
        *more -= rows < *more ? rows : *more;
    *out = *i;
    p->n--;
    return true;
}

void proof_wrote(struct proof *p, bool doubt)
{
    p->frames++;
    p->wrote_us = p->now_us;
    if (!doubt)
        p->sure_frames = p->frames;
}

bool proof_whole(const struct proof *p)
{
    return p->fed == p->sure && p->frames == p->sure_frames;
}

void proof_tick(struct proof *p)
{
    if (p->now_us - p->wrote_us < PROOF_QUIET_US || p->flying)
        return;
    p->sure = p->fed;
    p->sure_frames = p->frames;
}

bool proof_waits(const struct proof *p)
{
    return p->flying && p->now_us - p->sent_us < PROOF_WAIT_US;
}

void proof_fence_put(struct proof *p, uint16_t cols, uint16_t row, struct buf *out)
{
    buf_put_text(out, "\033[9999C\033[6n");
    p->flying = true;
    p->old = false;
    p->cols = cols;
    p->row = row + 1u;
    p->fed_at = p->fed;
    p->frames_at = p->frames;
    p->sent_us = p->now_us;
}

void proof_answer(struct proof *p, uint16_t col, uint16_t row)
{
    if (p->stale) {
        p->stale--;
        return;
    }
    if (p->flying && col == p->cols && row == p->row) {
        if (p->fed_at > p->sure)
            p->sure = p->fed_at;
        if (p->frames_at > p->sure_frames)
            p->sure_frames = p->frames_at;
    }
    p->flying = false;
}
