#include "link/link.h"

#include "base/mem.h"
#include "base/wire.h"
#include "link/link_priv.h"

#include <stdlib.h>
#include <string.h>

#define STAMPS       4            /* timestamp and echo, before the payload (§2) */
#define SETTLE       (3 * LINK_S) /* gaps before are probes of dead paths, not loss */
#define BULK_FACTOR  3
#define CONTROL_LAST 0x8000u /* fragment 0, the final one */

struct link *link_new(const struct link_config *config)
{
    struct link *l = mem_new(1, sizeof *l);
    l->client = config->role == LINK_CLIENT;
    l->stock = config->stock;
    l->entropy = config->entropy;
    l->log = config->log;
    l->start_us = config->now_us;
    l->current = PATH_NONE;
    path_table_init(&l->paths);
    l->seal = seal_new(&(struct seal_config){
        .codec = config->codec,
        .keys = config->keys,
        .server = !l->client,
        .stock = l->stock,
        .route = l->stock ? 0 : config->route,
    });
    roam_init(l);
    peer_init(l);
    return l;
}

void link_free(struct link *l)
{
    if (!l)
        return;
    seal_free(l->seal);
    mem_wipe(l->in, sizeof l->in);
    mem_wipe(l->plain, sizeof l->plain);
    free(l);
}

/* ---- receiving
 * -----------------------------------------------------------------------------------
 */

struct arrival {
    uint64_t seq;
    uint16_t stamp, echo, lane;
    const uint8_t *payload; /* in l->plain */
    size_t len;
    bool congested;
    bool newest;        /* of all datagrams */
    bool old;           /* before the window: perhaps a replay */
    uint64_t missing;   /* sequence numbers between it and the newest before */
    struct control msg; /* if lane is link control */
};

static int count_drop(struct link *l, int err)
{
    struct link_counters *c = &l->counters;
    uint64_t *which = err == ERR_SHORT     ? &c->short_
                      : err == ERR_CAP     ? &c->oversize
                      : err == ERR_VERSION ? &c->misrouted
                      : err == ERR_AUTH    ? &c->forged
                      : err == ERR_REPLAY  ? &c->replayed
                                           : &c->malformed;
    (*which)++;
    return err;
}

static int control_of(struct arrival *a)
{
    if (wire_get_u16(a->payload + 8) != CONTROL_LAST)
        return ERR_SYNTAX;
    int err = control_get(a->payload + LINK_FRAGMENT, a->len - LINK_FRAGMENT, &a->msg);
    return err == ERR_SHORT ? ERR_SYNTAX : err;
}

/* Authenticate and take apart; changes nothing but counters. */
static int open_datagram(struct link *l, const uint8_t *dgram, size_t len, struct arrival *a)
{
    size_t plain_len;
    int err = seal_open(l->seal, dgram, len, l->plain, &plain_len, &a->seq);
    if (err)
        return count_drop(l, err);
    if (plain_len < STAMPS + LINK_FRAGMENT)
        return count_drop(l, ERR_SYNTAX);
    a->stamp = wire_get_u16(l->plain);
    a->echo = wire_get_u16(l->plain + 2);
    a->payload = l->plain + STAMPS;
    a->len = plain_len - STAMPS;
    a->lane = 0;
    if (l->stock)
        return ERR_OK;
    a->lane = wire_get_u16(a->payload);
    memset(l->plain + STAMPS, 0, 2);
    if (a->lane == LINK_LANE_CONTROL && control_of(a))
        return count_drop(l, ERR_SYNTAX);
    return ERR_OK;
}

/* Replays. Screens from before the window pass: applying a state twice is harmless (§5.2). */
static int check_window(struct link *l, struct arrival *a)
{
    uint64_t before = l->window.next;
    if (l->stock) {
        a->newest = a->seq >= before;
        a->missing = a->newest ? a->seq - before : 0;
        if (a->newest)
            l->window.next = a->seq + 1;
        return ERR_OK;
    }
    enum window_verdict v = window_take(&l->window, a->seq);
    if (v == WINDOW_SEEN || (v == WINDOW_OLD && a->lane == LINK_LANE_CONTROL))
        return count_drop(l, ERR_REPLAY);
    a->newest = v == WINDOW_NEW;
    a->old = v == WINDOW_OLD;
    a->missing = a->newest ? a->seq - before : 0;
    return ERR_OK;
}

static bool tells_where(const struct arrival *a)
{
    return a->lane != LINK_LANE_CONTROL || a->msg.kind == CONTROL_HEARTBEAT ||
           a->msg.kind == CONTROL_SWITCH || a->msg.kind == CONTROL_BYE;
}

static int path_of(struct link *l, const struct path_ref *from, uint64_t now_us)
{
    if (l->client)
        return roam_path_of(l, from);
    if (from->kind == PATH_PIPE) /* one that was closed does not come back */
        return path_find(&l->paths, from);
    if (!l->stock)
        return path_add(&l->paths, from, l->current, now_us);
    if (!l->paths.all[0].used) {
        int index = path_add(&l->paths, from, PATH_NONE, now_us);
        rtt_init(&link_path_at(l, index)->rtt, true);
    }
    return 0;
}

static void account(struct link *l, int index, const struct arrival *a, size_t len, bool in_order,
                    uint64_t now_us)
{
    struct path *p = link_path_at(l, index);
    p->received += len;
    p->used_us = now_us;
    if (a->newest)
        rtt_arrived(&p->rtt, now_us - l->start_us < SETTLE ? 0 : a->missing);
    else
        rtt_late(&p->rtt);
    if (l->stock ? !in_order : !order_take(&p->order, a->seq))
        return;
    p->heard_us = now_us;
    if (rtt_receive(&p->rtt, a->stamp, a->echo, a->congested, now_us)) {
        uint64_t took = (uint64_t)(uint16_t)(rtt_stamp(now_us) - a->echo) * 1000;
        link_prove(l, index, took < now_us ? now_us - took : 0, false, now_us);
    }
}

/* What a datagram of those that tell where the peer is does besides. True if the peer moved. */
static bool settle_peer(struct link *l, const struct path_ref *from, int index,
                        const struct arrival *a, uint64_t now_us)
{
    bool bye = a->lane == LINK_LANE_CONTROL && a->msg.kind == CONTROL_BYE;
    l->left = bye && !l->stock;
    if (l->client) {
        if (index != PATH_NONE)
            roam_heard(l, index);
        return false;
    }
    if (l->stock)
        return peer_stock_heard(l, from, now_us);
    if (bye) {
        l->current = PATH_NONE;
        return false;
    }
    return index != PATH_NONE && peer_heard(l, index, now_us);
}

int link_receive(struct link *l, const struct path_ref *from, bool congested, const uint8_t *dgram,
                 size_t len, uint64_t now_us, struct link_payload *out)
{
    struct arrival a = {.congested = congested};
    int err = open_datagram(l, dgram, len, &a);
    if (!err)
        err = check_window(l, &a);
    if (err)
        return err;
    l->counters.received++;
    l->counters.received_bytes += len;
    l->counters.congested += congested;
    l->was_quiet = link_quiet(l, now_us);
    bool in_order = tells_where(&a) && order_take(&l->order, a.seq);
    /* Where a replay comes from and what its timestamps say means nothing. */
    int index = a.old ? PATH_NONE : path_of(l, from, now_us);
    if (index != PATH_NONE)
        account(l, index, &a, len, in_order, now_us);
    if (a.newest)
        l->heard_us = now_us;
    bool moved = in_order && settle_peer(l, from, index, &a, now_us);
    if (l->client && l->stock)
        roam_stock_heard(l, now_us);
    if (a.lane == LINK_LANE_CONTROL && !l->stock) {
        l->counters.control_received++;
        return index == PATH_NONE ? ERR_STATE : talk_receive(l, index, &a.msg, now_us);
    }
    l->counters.late += !in_order;
    *out = (struct link_payload){
        .lane = a.lane,
        .data = a.payload,
        .len = a.len,
        .in_order = in_order,
        .peer_moved = moved,
    };
    return 1;
}

void link_prove(struct link *l, int index, uint64_t sent_us, bool reply, uint64_t now_us)
{
    struct path *p = link_path_at(l, index);
    p->proven_us = l->proven_us = now_us;
    p->unanswered = 0;
    if (l->client)
        roam_proven(l, index, sent_us, reply, now_us);
    else if (reply)
        p->valid = true;
}

/* ---- sending
 * -------------------------------------------------------------------------------------
 */

int link_seal(struct link *l, int index, uint16_t lane, const uint8_t *payload, size_t len,
              uint64_t now_us, struct link_datagram *out)
{
    struct path *p = link_path_at(l, index);
    size_t sealed;
    memcpy(l->in + STAMPS, payload, len);
    if (!l->stock)
        wire_put_u16(l->in + STAMPS, lane);
    wire_put_u16(l->in, rtt_stamp(now_us));
    wire_put_u16(l->in + 2, rtt_take_echo(&p->rtt, now_us));
    int err = seal_close(l->seal, l->in, STAMPS + len, l->out, &sealed);
    if (err)
        return err;
    p->sent += sealed;
    p->used_us = now_us;
    l->counters.sent++;
    l->counters.sent_bytes += sealed;
    *out = (struct link_datagram){.to = p->ref, .data = l->out, .len = sealed};
    return ERR_OK;
}

int link_send(struct link *l, uint16_t lane, const uint8_t *payload, size_t len,
              enum link_class class, uint64_t now_us, struct link_datagram *out)
{
    BUG_ON(len < LINK_FRAGMENT || len > LINK_PAYLOAD_MAX || lane == LINK_LANE_CONTROL);
    BUG_ON(!l->stock && wire_get_u16(payload));
    if (l->current == PATH_NONE)
        return ERR_STATE;
    if (class == LINK_BULK && link_room(l, LINK_BULK) < len + STAMPS + SEAL_OVERHEAD) {
        l->counters.held++;
        if (!l->client && !link_path_at(l, l->current)->valid)
            peer_held(l, now_us);
        return ERR_CAP;
    }
    int err = link_seal(l, l->current, lane, payload, len, now_us, out);
    if (err)
        return err;
    if (l->stock && l->client)
        roam_stock_sent(l, now_us);
    else if (l->stock)
        peer_stock_sent(l, now_us);
    return ERR_OK;
}

size_t link_room(const struct link *l, enum link_class class)
{
    if (l->current == PATH_NONE)
        return 0;
    const struct path *p = &l->paths.all[l->current];
    if (class == LINK_BULK && l->carry.full && p->ref.sock == l->carry.full_sock)
        return 0;
    if (class == LINK_BULK && !p->valid && !l->stock) {
        uint64_t may = BULK_FACTOR * p->received;
        return may > p->sent ? (size_t)(may - p->sent) : 0;
    }
    size_t room = path_pipe_room(p);
    if (class == LINK_SCREEN || room == SIZE_MAX)
        return room;
    return room > p->window / 4 ? room - p->window / 4 : 0;
}

/* Only a pipe in use matters: a forgotten one may hang for days. */
static void ask_pipe(struct link *l, uint64_t now_us)
{
    if (l->current == PATH_NONE)
        return;
    struct path *p = link_path_at(l, l->current);
    if (!path_pipe_due(p, now_us))
        return;
    p->asks += p->asking;
    path_pipe_asked(p, now_us); /* again when it leaves; but not twice in the queue */
    talk_ask(l, l->current, CONTROL_PROBE, CONTROL_BYTES);
}

int link_poll(struct link *l, uint64_t now_us, struct link_datagram *out)
{
    if (l->stock)
        return 0;
    if (l->client)
        roam_tick(l, now_us);
    else
        peer_tick(l, now_us);
    ask_pipe(l, now_us);
    carry_tick(l, now_us);
    return talk_poll(l, now_us, out);
}

uint64_t link_deadline(const struct link *l, uint64_t now_us)
{
    uint64_t at = UINT64_MAX, since;
    if (l->talk.count)
        return 0;
    if (!l->stock && l->current != PATH_NONE)
        at = path_pipe_deadline(&l->paths.all[l->current]);
    if (link_silent(l, &since) && !link_quiet(l, now_us))
        at = earlier(at, since + link_quiet_after(l));
    if (!l->stock)
        at = earlier(at, carry_deadline(l, now_us));
    return earlier(at, l->client ? roam_deadline(l, now_us) : peer_deadline(l, now_us));
}

void link_too_big(struct link *l, const struct path_ref *to, size_t len)
{
    int index = l->stock ? l->current : path_find(&l->paths, to);
    if (index == PATH_NONE)
        return;
    struct path *p = link_path_at(l, index);
    if (len > PATH_BUDGET_V4)
        p->stream_mtu = 0; /* as before it was tried */
    else
        p->budget = PATH_BUDGET_SMALL;
}

/* ---- what the edge and the session tell
 * ----------------------------------------------------------
 */

static void path_lost(struct link *l, uint64_t now_us)
{
    if (l->client)
        roam_lost(l, now_us);
    else
        peer_lost(l, now_us);
}

static void forget_paths(struct link *l, enum path_kind kind, uint32_t sock, uint64_t now_us)
{
    bool lost = false;
    for (int i = 0; i < PATH_CAP; i++) {
        const struct path *p = link_path_at(l, i);
        if (!p->used || p->ref.kind != kind || p->ref.sock != sock)
            continue;
        lost = lost || i == l->current;
        path_remove(&l->paths, i);
    }
    if (lost)
        path_lost(l, now_us);
}

void link_socket_closed(struct link *l, uint32_t sock, uint64_t now_us)
{
    if (l->client)
        roam_socket_closed(l, sock);
    if (!l->stock)
        forget_paths(l, PATH_UDP, sock, now_us);
}

void link_pipe_open(struct link *l, uint32_t sock, uint64_t now_us)
{
    struct path_ref ref = {.kind = PATH_PIPE, .sock = sock};
    if (l->stock)
        return;
    int index = path_add(&l->paths, &ref, l->current, now_us);
    if (index == PATH_NONE)
        return;
    talk_ask(l, index, CONTROL_PROBE, CONTROL_BYTES); /* its RTT while it is empty */
    if (l->client)
        roam_pipe_open(l, index, now_us);
    else if (l->current == PATH_NONE)
        l->current = index;
}

void link_pipe_closed(struct link *l, uint32_t sock, uint64_t now_us)
{
    if (!l->stock)
        forget_paths(l, PATH_PIPE, sock, now_us);
}

bool link_is_active(const struct link *l, uint64_t now_us)
{
    return l->active && now_us - l->active_us < LINK_ACTIVE;
}

void link_activity(struct link *l, uint64_t now_us)
{
    bool woke = !link_is_active(l, now_us);
    l->active = true;
    l->active_us = now_us;
    if (woke && l->client && !l->stock)
        roam_wake(l, now_us);
}

void link_set_owed(struct link *l, bool owed, uint64_t now_us)
{
    if (owed && !l->owed)
        l->owed_us = now_us;
    l->owed = owed;
}

void link_acked(struct link *l, uint64_t sent_us, uint64_t now_us)
{
    if (sent_us <= l->acked_us)
        return;
    l->acked_us = sent_us;
    l->roam.trip_us = later(l->roam.trip_us, sent_us);
    if (now_us - sent_us < RTT_SAMPLE_MAX)
        l->proven_us = now_us;
}

void link_bye(struct link *l, uint64_t now_us)
{
    for (int i = 0; i < PATH_CAP && !l->stock; i++) {
        const struct path *p = link_path_at(l, i);
        if (p->used && (i == l->current || p->ref.kind == PATH_PIPE))
            talk_say(l, i, &(struct control){.kind = CONTROL_BYE});
    }
}

/* ---- facts
 * ---------------------------------------------------------------------------------------
 */

static const struct path *in_use(const struct link *l)
{
    return l->current == PATH_NONE ? NULL : &l->paths.all[l->current];
}

bool link_has_peer(const struct link *l)
{
    return l->current != PATH_NONE;
}

size_t link_mtu_payload(const struct link *l)
{
    const struct path *p = in_use(l);
    return (p ? p->budget : PATH_BUDGET_V4) - SEAL_OVERHEAD - STAMPS - LINK_FRAGMENT;
}

/* Stock: the one path keeps its estimates while the peer is forgotten. */
static const struct path *measured(const struct link *l)
{
    const struct path *p = in_use(l);
    return !p && l->stock && l->paths.all[0].used ? &l->paths.all[0] : p;
}

uint64_t link_srtt_us(const struct link *l)
{
    const struct path *p = measured(l);
    return p ? rtt_srtt_us(&p->rtt) : LINK_S;
}

uint64_t link_rto_us(const struct link *l)
{
    const struct path *p = measured(l);
    return p ? rtt_rto_us(&p->rtt) : RTT_RTO_MAX_STOCK;
}

uint64_t link_rtt_floor_us(const struct link *l)
{
    const struct path *p = measured(l);
    return p ? p->rtt.floor_us : 0;
}

double link_loss(const struct link *l, uint64_t now_us)
{
    const struct path *p = measured(l);
    return p ? rtt_loss(&p->rtt, now_us) : 0;
}

uint64_t link_heard_us(const struct link *l)
{
    return l->heard_us;
}

uint64_t link_proven_us(const struct link *l)
{
    return l->proven_us;
}

uint64_t link_path_proven_us(const struct link *l)
{
    const struct path *p = in_use(l);
    return p ? p->proven_us : 0;
}

bool link_silent(const struct link *l, uint64_t *since)
{
    uint64_t own;
    bool silent = false;
    *since = UINT64_MAX;
    if (l->owed) {
        *since = l->owed_us;
        silent = true;
    }
    if (l->carry.owed) {
        *since = earlier(*since, l->carry.owed_us);
        silent = true;
    }
    if (l->client && !l->stock && roam_owes(l, &own)) {
        *since = earlier(*since, own);
        silent = true;
    }
    *since = silent ? later(*since, l->proven_us) : 0;
    return silent;
}

uint64_t link_quiet_after(const struct link *l)
{
    return later(3 * link_rto_us(l), LINK_QUIET_MIN);
}

bool link_quiet(const struct link *l, uint64_t now_us)
{
    uint64_t since;
    return link_silent(l, &since) && now_us >= since + link_quiet_after(l);
}

uint64_t link_silent_since_us(const struct link *l)
{
    uint64_t since;
    return link_silent(l, &since) ? later(since, 1) : 0;
}

bool link_peer_left(const struct link *l)
{
    return l->left;
}

bool link_path(const struct link *l, struct path_ref *out)
{
    const struct path *p = in_use(l);
    if (p)
        *out = p->ref;
    return p != NULL;
}

void link_path_text(const struct link *l, char out[static PATH_TEXT])
{
    const struct path *p = in_use(l);
    if (p)
        path_ref_format(&p->ref, out);
    else
        memcpy(out, "none", sizeof "none");
}

const struct link_counters *link_counters(const struct link *l)
{
    return &l->counters;
}
