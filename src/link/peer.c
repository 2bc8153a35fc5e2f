#include "link/peer.h"

#include "link/link_priv.h"

#define CHALLENGE_TRIES 8
#define CHALLENGE_MIN   (200 * LINK_MS)
#define HINT_MAX        (300 * LINK_S) /* what waits in a pipe must not become a heap */

void peer_init(struct link *l)
{
    l->peer = (struct peer){.challenge_us = UINT64_MAX};
}

static void move_to(struct link *l, int index, uint64_t now_us)
{
    char text[PATH_TEXT];
    struct path *p = link_path_at(l, index);
    l->current = index;
    l->counters.moves++;
    l->peer.tries = 0;
    l->peer.challenge_us = p->valid ? UINT64_MAX : now_us;
    path_ref_format(&p->ref, text);
    log_line(l->log, LOG_INFO, "link", "the client is at %s", text);
}

bool peer_heard(struct link *l, int index, uint64_t now_us)
{
    if (index == l->current)
        return false;
    move_to(l, index, now_us);
    return true;
}

bool peer_stock_heard(struct link *l, const struct path_ref *from, uint64_t now_us)
{
    struct path *p = link_path_at(l, 0);
    if (l->current == 0 && path_ref_equal(&p->ref, from))
        return false;
    /* One path whose ends move: RTT and timestamps are the peer's, not the address's (§3). */
    bool small = p->used && p->budget == PATH_BUDGET_SMALL;
    p->ref = *from;
    if (!small)
        p->budget = from->kind == PATH_UDP && from->remote.family == ADDR_V6 ? PATH_BUDGET_V6
                                                                             : PATH_BUDGET_V4;
    p->valid = true;
    move_to(l, 0, now_us);
    return true;
}

void peer_stock_sent(struct link *l, uint64_t now_us)
{
    if (now_us - l->heard_us > LINK_STOCK_FORGET)
        l->current = PATH_NONE;
}

void peer_answered(struct link *l, int index, uint64_t answer, uint64_t now_us)
{
    struct path *p = link_path_at(l, index);
    if (p->valid || !answer || answer != p->challenge)
        return;
    p->valid = true;
    p->proven_us = l->proven_us = now_us;
    if (index == l->current)
        l->peer.challenge_us = UINT64_MAX;
}

void peer_held(struct link *l, uint64_t now_us)
{
    struct peer *peer = &l->peer;
    if (peer->challenge_us != UINT64_MAX)
        return;
    /* All tries of the first row were lost: one a second as long as there is need. */
    peer->tries = CHALLENGE_TRIES;
    peer->challenge_us = now_us + LINK_S;
}

void peer_lost(struct link *l, uint64_t now_us)
{
    int best = PATH_NONE;
    l->current = PATH_NONE;
    for (int i = 0; i < PATH_CAP; i++) {
        const struct path *p = link_path_at(l, i);
        if (!p->used || !p->heard_us)
            continue;
        if (best == PATH_NONE || p->heard_us > link_path_at(l, best)->heard_us)
            best = i;
    }
    if (best != PATH_NONE)
        move_to(l, best, now_us);
}

static void challenge(struct link *l, uint64_t now_us)
{
    struct peer *peer = &l->peer;
    if (now_us < peer->challenge_us)
        return;
    peer->challenge_us = UINT64_MAX;
    if (l->current == PATH_NONE || link_path_at(l, l->current)->valid)
        return;
    talk_say(l, l->current, &(struct control){.kind = CONTROL_CHALLENGE});
    if (peer->tries < CHALLENGE_TRIES)
        peer->challenge_us = now_us + (later(link_rto_us(l), CHALLENGE_MIN) << peer->tries++);
}

/* While the client's path is silent, tell it so over a pipe. */
static int other_pipe(const struct link *l)
{
    for (int i = 0; i < PATH_CAP; i++)
        if (i != l->current && l->paths.all[i].used && l->paths.all[i].ref.kind == PATH_PIPE)
            return i;
    return PATH_NONE;
}

static uint64_t next_hint(const struct link *l)
{
    uint64_t since;
    if (l->current == PATH_NONE || !link_silent(l, &since))
        return UINT64_MAX;
    uint64_t first = since + link_quiet_after(l);
    if (l->peer.hint_us < first)
        return first;
    return l->peer.hint_us + clamp_us((l->peer.hint_us - since) / 5, LINK_S, HINT_MAX);
}

static void hint(struct link *l, uint64_t now_us)
{
    if (now_us < next_hint(l))
        return;
    int pipe = other_pipe(l);
    if (pipe != PATH_NONE)
        talk_ask(l, pipe, CONTROL_PROBE, CONTROL_QUIET);
    l->peer.hint_us = now_us;
}

void peer_tick(struct link *l, uint64_t now_us)
{
    if (l->stock)
        return;
    challenge(l, now_us);
    hint(l, now_us);
}

uint64_t peer_deadline(const struct link *l, uint64_t now_us)
{
    if (l->stock)
        return UINT64_MAX;
    uint64_t at = l->peer.challenge_us;
    return other_pipe(l) == PATH_NONE ? at : earlier(at, next_hint(l));
}
