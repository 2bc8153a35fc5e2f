#include "session/server_end.h"

#include "base/mem.h"
#include "session/server_impl.h"

#include <stdlib.h>
#include <string.h>

#define ROUTE_MAX 8191u

struct server_end *server_end_new(const struct server_end_config *c)
{
    struct server_end *s = mem_new(1, sizeof *s);
    s->config = *c;
    buf_init(&s->scratch, SYNC_INPUT_MAX + 1);
    codec_init(&s->pack, false);
    return s;
}

void server_end_free(struct server_end *s)
{
    if (!s)
        return;
    s->config.ops = (struct server_ops){0};
    while (s->link_count)
        attachment_close(s->links[0]);
    while (s->session_count)
        session_free(s->sessions[--s->session_count]);
    buf_fini(&s->scratch);
    codec_fini(&s->pack);
    free(s);
}

static struct attachment *find_route(const struct server_end *s, int route, bool native)
{
    for (size_t i = 0; i < s->link_count; i++)
        if (s->links[i]->native == native && (!native || s->links[i]->route == route))
            return s->links[i];
    return NULL;
}

/* a is worth less than b: it never spoke and b did, or it was silent longer. */
static bool is_idler(const struct attachment *a, const struct attachment *b)
{
    if (!a->heard_us || !b->heard_us)
        return !a->heard_us && (b->heard_us || a->opened_us < b->opened_us);
    return a->heard_us < b->heard_us;
}

/* Make a place for one more link: that of the idlest one. */
static void make_room(struct server_end *s)
{
    if (s->link_count < SERVER_LINKS)
        return;
    struct attachment *idlest = s->links[0];
    for (size_t i = 1; i < s->link_count; i++)
        if (is_idler(s->links[i], idlest))
            idlest = s->links[i];
    attachment_close(idlest);
}

bool server_link_room(const struct server_end *s)
{
    return s->link_count < SERVER_LINKS;
}

static void link_up(struct session *q, struct attachment *a, uint64_t now_us)
{
    struct server_end *s = q->server;
    s->links[s->link_count++] = a;
    if (q->exited || q->killed)
        session_end_attachments(q, now_us);
}

int server_link_open(struct server_end *s, uint32_t sid, struct connect *out, uint64_t now_us)
{
    struct session *q = session_of(s, sid);
    if (!q)
        return ERR_STATE;
    make_room(s);
    *out = (struct connect){.caps = SYNC_CAPS_ALL};
    s->config.entropy.fill(s->config.entropy.ctx, out->secret, sizeof out->secret);
    do {
        uint16_t r;
        s->config.entropy.fill(s->config.entropy.ctx, &r, sizeof r);
        out->route = (uint16_t)(1 + r % ROUTE_MAX);
    } while (find_route(s, out->route, true));
    memcpy(out->session, q->name, sizeof out->session);
    struct keys keys;
    keys_derive(&keys, out->secret);
    link_up(q, attachment_new(q, out->route, true, &keys, now_us), now_us);
    keys_wipe(&keys);
    return ERR_OK;
}

int server_link_open_stock(struct server_end *s, uint32_t sid, struct connect_stock *out,
                           uint64_t now_us)
{
    struct session *q = session_of(s, sid);
    if (!q || find_route(s, 0, false))
        return ERR_STATE;
    make_room(s);
    *out = (struct connect_stock){0};
    s->config.entropy.fill(s->config.entropy.ctx, out->key, sizeof out->key);
    struct keys keys;
    keys_stock(&keys, out->key);
    link_up(q, attachment_new(q, 0, false, &keys, now_us), now_us);
    keys_wipe(&keys);
    return ERR_OK;
}

void server_link_history(struct server_end *s, uint16_t route, uint64_t lines)
{
    struct attachment *a = find_route(s, route, true);
    if (!a || !lines || a->history.begun)
        return;
    a->history.want = lines;
    sync_tell_history(a->lane.sync);
}

bool server_client(const struct server_end *s, const struct chans *set, uint64_t now_us,
                   struct client_info *out)
{
    for (size_t i = 0; i < s->link_count; i++) {
        const struct attachment *a = s->links[i];
        if (!set || !a->lane.streams || streams_list(a->lane.streams) != set)
            continue;
        *out = (struct client_info){.sid = a->session->sid,
                                    .present = attachment_present(a, now_us),
                                    .typist = a->session->typist == a->number,
                                    .heard_us = a->heard_us};
        return true;
    }
    return false;
}

bool server_pipe(struct server_end *s, uint16_t route, uint32_t sock, bool open, uint64_t now_us)
{
    struct attachment *a = find_route(s, route, true);
    if (!a)
        return false;
    if (open)
        link_pipe_open(a->lane.link, sock, now_us);
    else
        link_pipe_closed(a->lane.link, sock, now_us);
    if (!open && a->heard_us && now_us - a->heard_us < HEARD_US)
        a->alone_us = now_us;
    return true;
}

void server_udp_closed(struct server_end *s, uint32_t sock, uint64_t now_us)
{
    for (size_t i = 0; i < s->link_count; i++)
        link_socket_closed(s->links[i]->lane.link, sock, now_us);
}

void server_too_big(struct server_end *s, const struct path_ref *to, size_t len)
{
    struct path_ref used;
    for (size_t i = 0; i < s->link_count; i++) {
        struct link *link = s->links[i]->lane.link;
        if (s->links[i]->native || (link_path(link, &used) && path_ref_equal(&used, to)))
            link_too_big(link, to, len);
    }
}

void server_socket_full(struct server_end *s, uint32_t sock, bool full)
{
    for (size_t i = 0; i < s->link_count; i++)
        link_socket_full(s->links[i]->lane.link, sock, full);
}

/* Whose packet it is: by the route in our ids, else by the id that a client announced. */
static struct attachment *find_packet(const struct server_end *s, const uint8_t *dgram, size_t len)
{
    struct quic_packet p;
    if (quic_packet_get(dgram, len, &p))
        return NULL;
    struct attachment *a = find_route(s, (int)quic_packet_route(&p), true);
    if (a && streams_owns(a->lane.streams, &p))
        return a;
    for (size_t i = 0; i < s->link_count && p.is_long; i++)
        if (s->links[i]->native && streams_owns(s->links[i]->lane.streams, &p))
            return s->links[i];
    return NULL;
}

void server_end_datagram(struct server_end *s, const struct path_ref *from, bool congested,
                         const uint8_t *dgram, size_t len, uint64_t now_us)
{
    struct attachment *a = quic_packet_is(dgram, len) ? find_packet(s, dgram, len) : NULL;
    if (a) {
        streams_receive(a->lane.streams, from, dgram, len, now_us);
        return;
    }
    int route = link_route(dgram, len);
    if (route > 0)
        a = find_route(s, route, true);
    if (!a) /* towards stock the route bits are part of the number */
        a = find_route(s, 0, false);
    if (a)
        attachment_receive(a, from, congested, dgram, len, now_us);
}

/* Sessions that are over: their program is gone, and everybody who should know how does. */
static void sweep(struct server_end *s, uint64_t now_us)
{
    for (size_t i = 0; i < s->link_count;)
        if (!attachment_tick(s->links[i], now_us))
            i++;
    for (size_t i = 0; i < s->session_count;) {
        struct session *q = s->sessions[i];
        size_t links = 0;
        for (size_t k = 0; k < s->link_count; k++)
            links += s->links[k]->session == q;
        uint64_t timeout = s->config.detach_timeout_us;
        uint64_t first = s->config.first_timeout_us;
        bool abandoned = timeout && now_us - q->present_us >= timeout;
        bool unclaimed = first && !q->ever_joined && !links && now_us - q->started_us >= first;
        bool alone = session_bare_end(q, now_us) <= now_us;
        if ((abandoned || unclaimed || alone) && !q->killed)
            server_session_kill(s, q->sid, now_us);
        if (!q->exited || links || !(q->seen || q->killed)) {
            i++;
            continue;
        }
        s->sessions[i] = s->sessions[--s->session_count];
        uint32_t sid = q->sid;
        session_free(q);
        if (s->config.ops.ended)
            s->config.ops.ended(s->config.ops.ctx, sid);
    }
}

static int poll_links(struct server_end *s, uint64_t now_us, struct link_datagram *out)
{
    for (size_t n = 0; n < s->link_count; n++) {
        struct attachment *a = s->links[s->turn % s->link_count];
        if (lane_poll(&a->lane, now_us, out) == 1)
            return 1;
        s->turn++;
    }
    return 0;
}

int server_end_poll(struct server_end *s, uint64_t now_us, struct link_datagram *out)
{
    for (size_t i = 0; i < s->session_count; i++)
        session_flush(s->sessions[i], now_us);
    for (size_t i = 0; i < s->link_count; i++)
        attachment_history(s->links[i], now_us);
    if (poll_links(s, now_us, out) == 1)
        return 1;
    sweep(s, now_us);
    return poll_links(s, now_us, out); /* a goodbye may be new */
}

uint64_t server_end_deadline(struct server_end *s, uint64_t now_us)
{
    uint64_t at = UINT64_MAX;
    for (size_t i = 0; i < s->link_count; i++) {
        uint64_t d = attachment_deadline(s->links[i], now_us);
        at = d < at ? d : at;
    }
    for (size_t i = 0; i < s->session_count; i++) {
        struct session *q = s->sessions[i];
        uint64_t d = UINT64_MAX;
        if (q->bells != q->bells_told || q->dirty)
            d = q->dirty ? now_us : q->bell_us;
        if (q->facts_until_us && q->facts_until_us < d)
            d = q->facts_until_us;
        if (!q->killed && s->config.detach_timeout_us &&
            q->present_us + s->config.detach_timeout_us < d)
            d = q->present_us + s->config.detach_timeout_us;
        if (!q->killed && !q->ever_joined && s->config.first_timeout_us &&
            q->started_us + s->config.first_timeout_us < d)
            d = q->started_us + s->config.first_timeout_us;
        uint64_t hold = session_deadline(q);
        d = hold < d ? hold : d;
        at = d < at ? d : at;
        d = session_bare_end(q, now_us);
        at = d < at ? d : at;
    }
    return at;
}

bool server_end_idle(const struct server_end *s, uint64_t now_us)
{
    (void)now_us;
    return !s->session_count && !s->link_count;
}

size_t server_end_memory(const struct server_end *s)
{
    size_t n = s->scratch.size + codec_memory(&s->pack);
    for (size_t i = 0; i < s->session_count; i++)
        n += s->sessions[i]->input.bytes.size;
    for (size_t i = 0; i < s->link_count; i++)
        n += lane_memory(&s->links[i]->lane);
    return n;
}
