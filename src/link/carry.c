#include "link/carry.h"

#include "link/link_priv.h"

#include <string.h>

#define BEAT         (1 * LINK_S)
#define BEAT_LONG    (250 * LINK_MS)
#define ANNOUNCE_MIN (100 * LINK_MS)
#define SIZE_AGAIN   (500 * LINK_MS)
#define SIZE_TRIES   3 /* of each size */

/* Sizes worth asking for: an Ethernet with IPv6 and a little, tunnels in it. */
static const uint16_t sizes[] = {LINK_STREAM_MTU_MAX, 1380};
#define SIZES (sizeof sizes / sizeof *sizes)

static struct path *in_use(struct link *l)
{
    return l->current == PATH_NONE ? NULL : link_path_at(l, l->current);
}

/* ---- the announcement ---- */

void link_streams_announce(struct link *l, const uint8_t *id, uint64_t now_us)
{
    struct carry *c = &l->carry;
    memcpy(c->id, id, sizeof c->id);
    c->has_id = c->announcing = true;
    c->announce_us = now_us;
}

const uint8_t *link_streams_id(const struct link *l)
{
    return l->carry.has_id ? l->carry.id : NULL;
}

bool link_streams_known(const struct link *l)
{
    return l->carry.has_id && !l->carry.announcing;
}

bool link_streams_repeat(struct link *l, uint64_t now_us)
{
    struct carry *c = &l->carry;
    if (!c->announcing || c->announced_us == now_us || l->current == PATH_NONE)
        return false;
    c->announce_us = now_us;
    return true;
}

bool carry_announced(struct link *l, const uint8_t id[static CONTROL_ID])
{
    struct carry *c = &l->carry;
    if (l->client || (c->has_id && memcmp(c->id, id, sizeof c->id)))
        return false;
    memcpy(c->id, id, sizeof c->id);
    c->has_id = true;
    return true;
}

void carry_answered(struct link *l)
{
    l->carry.announcing = false;
}

static uint64_t announce_due(const struct link *l)
{
    const struct carry *c = &l->carry;
    return l->client && c->announcing && l->current != PATH_NONE ? c->announce_us : UINT64_MAX;
}

static void announce(struct link *l, uint64_t now_us)
{
    struct carry *c = &l->carry;
    if (now_us < announce_due(l))
        return;
    unsigned shift = c->tries < 4 ? c->tries : 4;
    c->tries++;
    c->announced_us = now_us;
    c->announce_us = now_us + (later(link_rto_us(l), ANNOUNCE_MIN) << shift);
    talk_ask(l, l->current, CONTROL_STREAMS, 0);
}

/* ---- beats ---- */

void link_streams_wait(struct link *l, enum link_wait wait, uint64_t now_us)
{
    struct carry *c = &l->carry;
    bool owed = wait != LINK_WAIT_NONE, stands = wait == LINK_WAIT_STANDS;
    if (owed && !c->owed)
        c->owed_us = now_us;
    if (stands && !c->stands && l->current != PATH_NONE) {
        struct path *p = in_use(l); /* perhaps the path takes less than it did */
        p->stream_mtu = 0;
        p->size_tries = 0;
    }
    c->owed = owed;
    c->stands = stands;
    c->hurry = wait >= LINK_WAIT_LONG;
}

static uint64_t beat_due(const struct link *l)
{
    const struct carry *c = &l->carry;
    if (!c->owed || l->current == PATH_NONE || (l->client && l->roam.no_route))
        return UINT64_MAX;
    if (c->hurry)
        return c->beat_us + BEAT_LONG;
    return later(later(c->beat_us, l->proven_us), c->owed_us) + BEAT;
}

static void beat(struct link *l, uint64_t now_us)
{
    if (now_us < beat_due(l))
        return;
    l->carry.beat_us = now_us;
    talk_ask(l, l->current, l->client ? CONTROL_HEARTBEAT : CONTROL_PROBE, CONTROL_USED);
}

/* ---- sizes ---- */

size_t link_streams_mtu(const struct link *l)
{
    if (l->current == PATH_NONE)
        return LINK_STREAM_MTU_MIN;
    const struct path *p = &l->paths.all[l->current];
    if (p->ref.kind == PATH_PIPE)
        return LINK_STREAM_MTU_MAX;
    return later(p->stream_mtu, LINK_STREAM_MTU_MIN);
}

void carry_fits(struct path *p, size_t size)
{
    if (size > p->stream_mtu && size <= LINK_STREAM_MTU_MAX)
        p->stream_mtu = (uint16_t)size;
}

/* Only a path that works is asked: silence must mean that the size is at fault. */
static uint64_t size_due(const struct link *l)
{
    if (!l->carry.owed || l->carry.stands || l->current == PATH_NONE)
        return UINT64_MAX;
    const struct path *p = &l->paths.all[l->current];
    if (p->ref.kind != PATH_UDP || p->stream_mtu || !p->proven_us || !p->valid ||
        p->size_tries >= SIZES * SIZE_TRIES)
        return UINT64_MAX;
    return p->size_us;
}

static void ask_size(struct link *l, uint64_t now_us)
{
    if (now_us < size_due(l))
        return;
    struct path *p = in_use(l);
    talk_say(l, l->current,
             &(struct control){.kind = CONTROL_PROBE,
                               .hint = CONTROL_USED,
                               .size = sizes[p->size_tries / SIZE_TRIES]});
    p->size_tries++;
    p->size_us = now_us + later(2 * link_rto_us(l), SIZE_AGAIN);
}

/* ---- packets ---- */

void link_streams_sent(struct link *l, size_t len, uint64_t now_us)
{
    struct path *p = in_use(l);
    if (!p)
        return;
    p->sent += len;
    p->used_us = now_us;
}

void link_streams_received(struct link *l, const struct path_ref *from, size_t len)
{
    struct path *p = in_use(l); /* most likely, and there are tens of thousands in a second */
    if (p && path_ref_equal(&p->ref, from)) {
        p->received += len;
        return;
    }
    int index = path_find(&l->paths, from);
    if (index != PATH_NONE)
        link_path_at(l, index)->received += len;
}

void link_socket_full(struct link *l, uint32_t sock, bool full)
{
    struct carry *c = &l->carry;
    if (full)
        c->full_sock = sock;
    else if (c->full_sock != sock)
        return;
    c->full = full;
}

/* ---- time ---- */

void carry_tick(struct link *l, uint64_t now_us)
{
    announce(l, now_us);
    beat(l, now_us);
    ask_size(l, now_us);
}

uint64_t carry_deadline(const struct link *l, uint64_t now_us)
{
    (void)now_us;
    return earlier(announce_due(l), earlier(beat_due(l), size_due(l)));
}
