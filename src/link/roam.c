#include "link/roam.h"

#include "link/link_priv.h"

#define CANDIDATE_GAP  (50 * LINK_MS)  /* between first probes of several addresses */
#define UNPROVEN_GAP   LINK_S          /* an address that never answered is probed no more often */
#define HUNT_MIN       (100 * LINK_MS) /* probe interval: outage / 20, between these */
#define HUNT_MAX       (3 * LINK_S)
#define RETURN_FIRST   (250 * LINK_MS) /* back-off of looking for UDP from a pipe */
#define RETURN_MAX     (60 * LINK_S)
#define RETURN_IDLE    (600 * LINK_S) /* and only one address, when nobody types or prints */
#define STALE_SOCKET   (60 * LINK_S)
#define HOP_AGE        (10 * LINK_S) /* §3.6 */
#define HOP_MAX        (60 * LINK_S)
#define BEAT_ACTIVE    (3 * LINK_S)
#define BEAT_IDLE      (25 * LINK_S)
#define BEAT_AGAIN     (250 * LINK_MS)
#define SWITCH_AGAIN   (200 * LINK_MS)
#define SWITCH_TRIES   8
#define PIPE_PATIENCE  (500 * LINK_MS) /* UDP may take so long to answer before a pipe is taken */
#define PIPE_AGAIN     (10 * LINK_S)
#define PIPE_AGAIN_MAX (300 * LINK_S)
#define TENURE_MIN     (30 * LINK_S) /* UDP that lasted less must prove itself more often next time */
#define UDP_NEEDS_MAX  16
#define UDP_NEEDS_GAP  LINK_S
#define SOCKET_RETRY   (30 * LINK_S)
#define NATIVE_SOCKETS 3 /* kept of each family, for answers under way */

void roam_init(struct link *l)
{
    l->roam = (struct roam){.udp_needs = 1, .mode_us = l->start_us, .round_us = UINT64_MAX};
    l->roam.trip_us = l->start_us;
}

/* ---- sockets and candidates
 * ----------------------------------------------------------------------
 */

static struct roam_family *family_of(struct roam *r, uint8_t family)
{
    return family == ADDR_V6 ? &r->v6 : &r->v4;
}

static const struct roam_socket *newest(const struct roam *r, uint8_t family)
{
    for (size_t i = r->socket_count; i > 0; i--)
        if (r->sockets[i - 1].family == family)
            return &r->sockets[i - 1];
    return NULL;
}

static bool has_candidate(const struct link *l, uint8_t family)
{
    const struct roam *r = &l->roam;
    size_t n = l->stock && r->candidate_count ? 1 : r->candidate_count;
    for (size_t i = 0; i < n; i++)
        if (r->candidates[i].family == family)
            return true;
    return false;
}

static void plan(struct link *l, int index, uint64_t at_us)
{
    struct path *p = link_path_at(l, index);
    p->probe_us = earlier(p->probe_us, at_us);
}

/* The path to a candidate over the newest socket of its family; PATH_NONE without one. */
static int candidate_path(struct link *l, size_t i, uint64_t now_us)
{
    struct roam *r = &l->roam;
    const struct roam_socket *s = newest(r, r->candidates[i].family);
    if (!s)
        return PATH_NONE;
    struct path_ref ref = {.kind = PATH_UDP, .sock = s->sock, .remote = r->candidates[i]};
    return path_add(&l->paths, &ref, l->current, now_us);
}

/* Probe `limit` candidates of a family (ADDR_NONE: of both): at once those that answered once, the
 * others 50 ms apart and not more than once a second. */
static void plan_candidates(struct link *l, uint8_t family, size_t limit, uint64_t now_us)
{
    struct roam *r = &l->roam;
    bool alone = limit == 1;
    size_t first = alone ? r->turn : 0;
    uint64_t gap = 0;
    for (size_t k = 0; k < r->candidate_count && limit; k++) {
        size_t i = (first + k) % r->candidate_count;
        uint64_t at = r->works[i] ? now_us : now_us + gap;
        gap += r->works[i] ? 0 : CANDIDATE_GAP; /* of other families, too: they are planned apart */
        if (family != ADDR_NONE && r->candidates[i].family != family)
            continue;
        int index = candidate_path(l, i, now_us);
        if (index == PATH_NONE)
            continue;
        const struct path *p = link_path_at(l, index);
        if (!r->works[i] && p->probed_us && now_us < p->probed_us + UNPROVEN_GAP)
            continue;
        plan(l, index, alone ? now_us : at);
        r->turn = i + 1;
        limit--;
    }
}

static void want_fresh(struct link *l, uint8_t family)
{
    if (has_candidate(l, family))
        family_of(&l->roam, family)->want = true;
}

static void distrust(struct link *l, uint64_t now_us)
{
    l->roam.suspect = true;
    l->roam.suspect_us = now_us;
}

/* Without a pipe and before any answer, the best candidate must do. */
static void adopt_candidate(struct link *l, uint64_t now_us)
{
    for (size_t i = 0; i < l->roam.candidate_count && l->current == PATH_NONE; i++) {
        l->current = candidate_path(l, i, now_us);
        if (l->current != PATH_NONE)
            distrust(l, now_us);
    }
}

static bool socket_in_use(const struct link *l, uint32_t sock)
{
    if (l->current == PATH_NONE)
        return false;
    const struct path_ref *ref = &l->paths.all[l->current].ref;
    return ref->kind == PATH_UDP && ref->sock == sock;
}

static void close_socket(struct link *l, size_t i)
{
    struct roam *r = &l->roam;
    uint32_t sock = r->sockets[i].sock;
    roam_socket_closed(l, sock);
    for (int k = 0; k < PATH_CAP && !l->stock; k++) {
        const struct path *p = link_path_at(l, k);
        if (p->used && p->ref.kind == PATH_UDP && p->ref.sock == sock)
            path_remove(&l->paths, k);
    }
    if (r->closing_count < ROAM_SOCKETS)
        r->closing[r->closing_count++] = sock;
}

void roam_socket_closed(struct link *l, uint32_t sock)
{
    struct roam *r = &l->roam;
    size_t kept = 0;
    for (size_t i = 0; i < r->socket_count; i++)
        if (r->sockets[i].sock != sock)
            r->sockets[kept++] = r->sockets[i];
    r->socket_count = kept;
}

/* Close the oldest sockets of a family until `keep` are left, but not the one in use. */
static void prune(struct link *l, uint8_t family, size_t keep)
{
    struct roam *r = &l->roam;
    size_t have = 0;
    for (size_t i = 0; i < r->socket_count; i++)
        have += r->sockets[i].family == family;
    for (size_t i = 0; i < r->socket_count && have > keep;) {
        if (r->sockets[i].family != family || socket_in_use(l, r->sockets[i].sock)) {
            i++;
            continue;
        }
        close_socket(l, i);
        have--;
    }
}

static void stock_use(struct link *l, const struct roam_socket *s, uint64_t now_us)
{
    struct path_ref ref = {.kind = PATH_UDP, .sock = s->sock, .remote = l->roam.candidates[0]};
    if (l->current == PATH_NONE) {
        l->current = path_add(&l->paths, &ref, PATH_NONE, now_us);
        struct path *p = link_path_at(l, l->current);
        rtt_init(&p->rtt, true);
        p->valid = true;
        return;
    }
    link_path_at(l, l->current)->ref = ref; /* the new port inherits everything (§3.6) */
    l->counters.moves++;
}

void link_socket_open(struct link *l, uint32_t sock, uint8_t family, uint64_t now_us)
{
    struct roam *r = &l->roam;
    if (!l->client)
        return;
    family_of(r, family)->asked = false;
    if (r->socket_count == ROAM_SOCKETS)
        prune(l, family, 1);
    if (r->socket_count == ROAM_SOCKETS)
        close_socket(l, 0);
    r->sockets[r->socket_count++] = (struct roam_socket){sock, family, now_us};
    if (l->stock) {
        if (has_candidate(l, family))
            stock_use(l, &r->sockets[r->socket_count - 1], now_us);
        prune(l, family, ROAM_SOCKETS - 1);
        return;
    }
    bool sparing = r->mode == ROAM_RETURN && !link_is_active(l, now_us);
    adopt_candidate(l, now_us);
    plan_candidates(l, family, sparing ? 1 : LINK_CANDIDATES, now_us);
    prune(l, family, NATIVE_SOCKETS);
}

void link_socket_failed(struct link *l, uint8_t family, uint64_t now_us)
{
    struct roam_family *f = family_of(&l->roam, family);
    f->asked = false;
    f->want = true;
    f->retry_us = now_us + SOCKET_RETRY;
}

void link_add_candidate(struct link *l, const struct addr *a, uint64_t now_us)
{
    struct roam *r = &l->roam;
    if (!l->client || r->candidate_count == LINK_CANDIDATES ||
        (a->family != ADDR_V4 && a->family != ADDR_V6) || !a->port)
        return;
    for (size_t i = 0; i < r->candidate_count; i++)
        if (addr_equal(&r->candidates[i], a))
            return;
    r->candidates[r->candidate_count++] = *a;
    if (l->stock) {
        const struct roam_socket *s = newest(r, a->family);
        if (s && r->candidate_count == 1)
            stock_use(l, s, now_us);
        return;
    }
    int index = candidate_path(l, r->candidate_count - 1, now_us);
    if (index != PATH_NONE)
        plan(l, index, now_us);
    adopt_candidate(l, now_us);
}

static bool ask_socket(struct link *l, uint8_t family, uint64_t now_us)
{
    struct roam_family *f = family_of(&l->roam, family);
    if (f->asked || now_us < f->retry_us || l->roam.no_route || !has_candidate(l, family))
        return false;
    if (!f->want && newest(&l->roam, family))
        return false;
    f->asked = true;
    f->want = false;
    l->counters.sockets++;
    return true;
}

enum link_want link_wants(struct link *l, uint64_t now_us, struct link_request *out)
{
    struct roam *r = &l->roam;
    *out = (struct link_request){.want = LINK_WANT_NONE};
    if (!l->client)
        return out->want;
    if (r->closing_count) {
        out->want = LINK_WANT_CLOSE;
        out->sock = r->closing[--r->closing_count];
    } else if (ask_socket(l, ADDR_V4, now_us)) {
        out->want = LINK_WANT_SOCKET;
        out->family = ADDR_V4;
    } else if (ask_socket(l, ADDR_V6, now_us)) {
        out->want = LINK_WANT_SOCKET;
        out->family = ADDR_V6;
    }
    return out->want;
}

/* ---- the path in use
 * -----------------------------------------------------------------------------
 */

static void use(struct link *l, int index, uint64_t now_us)
{
    struct roam *r = &l->roam;
    char text[PATH_TEXT];
    bool from_udp = l->current != PATH_NONE && link_path_at(l, l->current)->ref.kind == PATH_UDP;
    bool to_udp = link_path_at(l, index)->ref.kind == PATH_UDP;
    if (from_udp && !to_udp) {
        bool brief = now_us - r->udp_since < TENURE_MIN;
        r->udp_needs = !brief                             ? 1
                       : r->udp_needs * 2 > UDP_NEEDS_MAX ? UDP_NEEDS_MAX
                                                          : r->udp_needs * 2;
    }
    if (to_udp && !from_udp)
        r->udp_since = now_us;
    for (int i = 0; i < PATH_CAP; i++)
        link_path_at(l, i)->answered = 0;
    r->suspect = false;
    r->switching = true;
    r->switch_since = r->switch_us = now_us;
    r->switch_tries = 0;
    l->current = index;
    l->counters.moves++;
    path_ref_format(&link_path_at(l, index)->ref, text);
    log_line(l->log, LOG_INFO, "link", "using %s", text);
}

static void mark_working(struct link *l, const struct path *p)
{
    for (size_t i = 0; i < l->roam.candidate_count; i++)
        if (p->ref.kind == PATH_UDP && addr_equal(&p->ref.remote, &l->roam.candidates[i]))
            l->roam.works[i] = true;
}

void roam_proven(struct link *l, int index, uint64_t sent_us, bool reply, uint64_t now_us)
{
    struct roam *r = &l->roam;
    struct path *p = link_path_at(l, index);
    if (l->stock)
        return;
    p->valid = true;
    mark_working(l, p);
    if (index == l->current) {
        if (r->suspect && sent_us >= r->suspect_us)
            r->suspect = false;
        return;
    }
    if (!reply) /* perhaps of long ago: no reason to move */
        return;
    bool bad = l->current == PATH_NONE || r->suspect || l->was_quiet;
    if (p->ref.kind == PATH_UDP) {
        bool on_pipe =
            l->current != PATH_NONE && link_path_at(l, l->current)->ref.kind == PATH_PIPE;
        if (bad || (on_pipe && ++p->answered >= r->udp_needs))
            use(l, index, now_us);
        else if (on_pipe)
            plan(l, index, now_us + UDP_NEEDS_GAP);
    } else if (bad) {
        /* An answer over UDP may be a moment behind: prefer that. */
        uint64_t patience = later(2 * rtt_srtt_us(&p->rtt), PIPE_PATIENCE);
        if (l->current == PATH_NONE || l->was_quiet || now_us >= r->suspect_us + patience)
            use(l, index, now_us);
    }
}

void roam_heard(struct link *l, int index)
{
    if (index == l->current)
        l->roam.switching = false; /* the server sends here: it knows */
}

void roam_hint(struct link *l, uint64_t now_us)
{
    if (!l->roam.suspect)
        distrust(l, now_us);
}

void roam_lost(struct link *l, uint64_t now_us)
{
    int best = PATH_NONE;
    l->current = PATH_NONE;
    for (int i = 0; i < PATH_CAP; i++) {
        const struct path *p = link_path_at(l, i);
        if (p->used && (best == PATH_NONE || p->proven_us > link_path_at(l, best)->proven_us))
            best = i;
    }
    if (best != PATH_NONE)
        use(l, best, now_us);
    else
        adopt_candidate(l, now_us);
    distrust(l, now_us);
}

void roam_pipe_open(struct link *l, int index, uint64_t now_us)
{
    if (l->current == PATH_NONE)
        l->current = index;
    else if (!link_path_at(l, l->current)->proven_us)
        use(l, index, now_us);
    else
        plan(l, index, now_us); /* a question of its use */
}

int roam_path_of(struct link *l, const struct path_ref *from)
{
    if (l->stock)
        return l->current;
    int index = path_find(&l->paths, from);
    if (index != PATH_NONE || from->kind == PATH_PIPE)
        return index;
    /* The server answered from another of its addresses: whatever was sent from this socket. */
    for (int i = 0; i < PATH_CAP; i++) {
        const struct path *p = link_path_at(l, i);
        if (!p->used || p->ref.kind != PATH_UDP || p->ref.sock != from->sock)
            continue;
        if (i == l->current)
            return i;
        if (index == PATH_NONE || p->used_us > link_path_at(l, index)->used_us)
            index = i;
    }
    return index;
}

/* ---- stock
 * ---------------------------------------------------------------------------------------
 */

void roam_stock_sent(struct link *l, uint64_t now_us)
{
    struct roam *r = &l->roam;
    uint8_t family = r->candidates[0].family;
    const struct roam_socket *s = newest(r, family);
    if (s && now_us - s->opened_us > HOP_AGE && now_us - r->trip_us > HOP_AGE)
        want_fresh(l, family);
}

void roam_stock_heard(struct link *l, uint64_t now_us)
{
    uint8_t family = l->roam.candidates[0].family;
    const struct roam_socket *s = newest(&l->roam, family);
    if (s && l->roam.socket_count > 1 && now_us - s->opened_us > STALE_SOCKET)
        prune(l, family, 1);
}

/* ---- events
 * --------------------------------------------------------------------------------------
 */

void link_network_event(struct link *l, uint64_t now_us)
{
    struct roam *r = &l->roam;
    if (!l->client)
        return;
    want_fresh(l, ADDR_V4);
    want_fresh(l, ADDR_V6);
    r->v4.retry_us = r->v6.retry_us = 0;
    r->no_route = false;
    if (l->stock)
        return;
    distrust(l, now_us);
    r->step = 0;
    r->mode = ROAM_CALM; /* so that the hunt begins anew, with a round at once */
}

void link_no_route(struct link *l, bool none, uint64_t now_us)
{
    if (!l->client || l->roam.no_route == none)
        return;
    if (none)
        l->roam.no_route = true;
    else
        link_network_event(l, now_us);
}

void roam_wake(struct link *l, uint64_t now_us)
{
    struct roam *r = &l->roam;
    if (r->mode != ROAM_RETURN)
        return;
    r->step = 3;
    r->round_us = earlier(r->round_us, now_us + (RETURN_FIRST << r->step));
}

/* ---- probes
 * --------------------------------------------------------------------------------------
 */

static enum roam_mode mode_now(const struct link *l, uint64_t now_us)
{
    const struct roam *r = &l->roam;
    if (r->suspect || link_quiet(l, now_us))
        return ROAM_HUNT;
    if (l->current != PATH_NONE && l->paths.all[l->current].ref.kind == PATH_PIPE &&
        r->candidate_count)
        return ROAM_RETURN;
    return ROAM_CALM;
}

static void enter(struct link *l, enum roam_mode mode, uint64_t now_us)
{
    struct roam *r = &l->roam;
    enum roam_mode before = r->mode;
    r->mode = mode;
    r->mode_us = now_us;
    if (mode == ROAM_HUNT) {
        r->round_us = now_us;
    } else if (mode == ROAM_RETURN) {
        r->step = before == ROAM_HUNT ? 2 : 0;
        r->round_us = now_us + (RETURN_FIRST << r->step);
    } else {
        r->round_us = UINT64_MAX;
        for (int i = 0; i < PATH_CAP; i++)
            link_path_at(l, i)->probe_us = UINT64_MAX;
        /* Probes do not tell the server where we are: found again on the same path, say so. */
        if (before == ROAM_HUNT && l->current != PATH_NONE && !r->switching)
            talk_ask(l, l->current, CONTROL_HEARTBEAT, CONTROL_USED);
    }
}

/* A pipe loses nothing: a probe in it will come out if anything does, and a heap of them would only
 * stand in the way then. */
static uint64_t pipe_again(const struct path *p)
{
    return p->unanswered ? p->probed_us + earlier(p->unanswered * PIPE_AGAIN, PIPE_AGAIN_MAX) : 0;
}

static void hunt_round(struct link *l, uint64_t now_us)
{
    struct roam *r = &l->roam;
    uint64_t since = r->mode_us, silent;
    bool first = r->mode_us == now_us;
    if (r->suspect)
        since = earlier(since, r->suspect_us);
    if (link_silent(l, &silent))
        since = earlier(since, silent);
    uint64_t outage = now_us - since;
    for (int i = 0; i < PATH_CAP; i++) {
        const struct path *p = link_path_at(l, i);
        bool pipe = p->ref.kind == PATH_PIPE;
        if (p->used && (pipe ? first || now_us >= pipe_again(p) : i == l->current))
            plan(l, i, now_us);
    }
    plan_candidates(l, ADDR_NONE, LINK_CANDIDATES, now_us);
    /* A port may have been blocked or forgotten on the way (§3.6). */
    uint64_t age = clamp_us(outage / 6, HOP_AGE, HOP_MAX);
    const uint8_t families[] = {ADDR_V4, ADDR_V6};
    for (size_t i = 0; i < 2; i++) {
        const struct roam_socket *s = newest(r, families[i]);
        if (s && outage > HOP_AGE && now_us - s->opened_us > age)
            want_fresh(l, families[i]);
    }
    r->round_us = now_us + clamp_us(outage / 20, HUNT_MIN, HUNT_MAX);
}

/* True if the newest socket of a family has had its chance; then another is asked for. */
static bool refresh(struct link *l, uint8_t family, uint64_t now_us)
{
    const struct roam_socket *s = newest(&l->roam, family);
    if (!s || now_us - s->opened_us <= STALE_SOCKET || !has_candidate(l, family))
        return false;
    want_fresh(l, family);
    return true;
}

static void return_round(struct link *l, uint64_t now_us)
{
    struct roam *r = &l->roam;
    bool active = link_is_active(l, now_us);
    size_t limit = active ? LINK_CANDIDATES : 1;
    uint8_t turn = active ? ADDR_NONE : r->candidates[r->turn % r->candidate_count].family;
    bool fresh_v4 = turn != ADDR_V6 && refresh(l, ADDR_V4, now_us);
    bool fresh_v6 = turn != ADDR_V4 && refresh(l, ADDR_V6, now_us);
    /* Over a fresh socket probes go when it is open. */
    if (!fresh_v4 && turn != ADDR_V6)
        plan_candidates(l, ADDR_V4, limit, now_us);
    if (!fresh_v6 && turn != ADDR_V4)
        plan_candidates(l, ADDR_V6, limit, now_us);
    uint64_t gap = r->step < 8 ? RETURN_FIRST << r->step++ : RETURN_MAX;
    r->round_us = now_us + (active ? earlier(gap, RETURN_MAX) : RETURN_IDLE);
}

static void send_probes(struct link *l, uint64_t now_us)
{
    for (int i = 0; i < PATH_CAP; i++) {
        struct path *p = link_path_at(l, i);
        if (!p->used || now_us < p->probe_us)
            continue;
        p->probe_us = UINT64_MAX;
        p->probed_us = later(now_us, 1);
        if (p->unanswered++)
            p->answered = 0;
        /* On the path in use a heartbeat serves as well, and tells the server where we are. */
        if (i == l->current)
            talk_ask(l, i, CONTROL_HEARTBEAT, CONTROL_USED);
        else
            talk_ask(l, i, CONTROL_PROBE, CONTROL_CANDIDATE);
    }
}

static uint64_t probes_due(const struct link *l)
{
    uint64_t at = UINT64_MAX;
    for (int i = 0; i < PATH_CAP; i++)
        if (l->paths.all[i].used)
            at = earlier(at, l->paths.all[i].probe_us);
    return at;
}

/* ---- heartbeats and switches
 * ---------------------------------------------------------------------
 */

static bool beat_pending(const struct link *l)
{
    return l->roam.beating && l->proven_us < l->roam.beat_since;
}

static uint64_t beat_due(const struct link *l, uint64_t now_us)
{
    const struct roam *r = &l->roam;
    if (l->current == PATH_NONE || r->mode == ROAM_HUNT)
        return UINT64_MAX; /* probes do it */
    if (beat_pending(l))
        return r->beat_us + later(link_rto_us(l), BEAT_AGAIN);
    uint64_t last = later(later(r->beat_us, l->proven_us), l->start_us);
    return last + (link_is_active(l, now_us) ? BEAT_ACTIVE : BEAT_IDLE);
}

static void beat(struct link *l, uint64_t now_us)
{
    struct roam *r = &l->roam;
    if (now_us < beat_due(l, now_us))
        return;
    if (!beat_pending(l))
        r->beat_since = now_us;
    r->beating = true;
    r->beat_us = now_us;
    talk_ask(l, l->current, CONTROL_HEARTBEAT, CONTROL_USED);
}

static uint64_t switch_due(const struct link *l)
{
    return l->roam.switching && l->current != PATH_NONE ? l->roam.switch_us : UINT64_MAX;
}

static void switch_again(struct link *l, uint64_t now_us)
{
    struct roam *r = &l->roam;
    if (now_us < switch_due(l))
        return;
    if (r->switch_tries >= SWITCH_TRIES) {
        r->switching = false; /* what we send tells it too; and silence is noticed elsewhere */
        return;
    }
    unsigned shift = r->switch_tries < 4 ? r->switch_tries : 4;
    r->switch_us = now_us + (later(link_rto_us(l), SWITCH_AGAIN) << shift);
    r->switch_tries++;
    talk_ask(l, l->current, CONTROL_SWITCH, CONTROL_USED);
}

bool roam_owes(const struct link *l, uint64_t *since_us)
{
    const struct roam *r = &l->roam;
    *since_us = UINT64_MAX;
    if (beat_pending(l))
        *since_us = r->beat_since;
    if (r->switching && l->proven_us <= r->switch_since)
        *since_us = earlier(*since_us, r->switch_since);
    return *since_us != UINT64_MAX;
}

void roam_tick(struct link *l, uint64_t now_us)
{
    struct roam *r = &l->roam;
    if (l->stock || r->no_route)
        return;
    enum roam_mode mode = mode_now(l, now_us);
    if (mode != r->mode)
        enter(l, mode, now_us);
    if (now_us >= r->round_us) {
        if (mode == ROAM_HUNT)
            hunt_round(l, now_us);
        else
            return_round(l, now_us);
    }
    send_probes(l, now_us);
    beat(l, now_us);
    switch_again(l, now_us);
}

uint64_t roam_deadline(const struct link *l, uint64_t now_us)
{
    const struct roam *r = &l->roam;
    uint64_t at = UINT64_MAX;
    if (r->closing_count)
        return 0;
    if (r->no_route)
        return at;
    if (has_candidate(l, ADDR_V4) && !r->v4.asked && (r->v4.want || !newest(r, ADDR_V4)))
        at = earlier(at, r->v4.retry_us);
    if (has_candidate(l, ADDR_V6) && !r->v6.asked && (r->v6.want || !newest(r, ADDR_V6)))
        at = earlier(at, r->v6.retry_us);
    if (l->stock)
        return at;
    if (mode_now(l, now_us) != r->mode)
        return 0;
    at = earlier(at, r->round_us);
    at = earlier(at, probes_due(l));
    at = earlier(at, beat_due(l, now_us));
    return earlier(at, switch_due(l));
}
