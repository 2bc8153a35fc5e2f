#include "world.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* In front of each UDP datagram under way. */
struct meta {
    struct addr src, dst;
};

#define SERVER_PORT 60001
enum { SERVER_SOCK_V4 = 1, SERVER_SOCK_V6 = 2, FIRST_SOCK = 10 };

static struct addr client_host(const struct world *w, uint8_t family)
{
    struct addr a = {.family = family};
    if (family == ADDR_V4)
        memcpy(a.ip, (uint8_t[]){203, 0, 113, (uint8_t)w->host}, 4);
    else
        memcpy(a.ip, (uint8_t[]){0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)w->host}, 16);
    return a;
}

static struct addr server_addr(uint8_t family)
{
    struct addr a = {.family = family, .port = SERVER_PORT};
    if (family == ADDR_V4)
        memcpy(a.ip, (uint8_t[]){198, 51, 100, 1}, 4);
    else
        memcpy(a.ip, (uint8_t[]){0x20, 0x01, 0x0d, 0xb8, 0xff, [15] = 1}, 16);
    return a;
}

void net_init(struct world *w)
{
    for (int d = 0; d < 2; d++) {
        damage_init(&w->udp[d], rng_u64(&w->rng));
        damage_init(&w->pipe[d], rng_u64(&w->rng));
        w->udp[d].set.delay_us = w->pipe[d].set.delay_us = 1000 + rng_below(&w->rng, 150000);
    }
    w->next_sock = FIRST_SOCK;
    w->next_port = 40000;
    w->host = 1;
    w->nat = (struct damage_nat){0};
}

void net_fini(struct world *w)
{
    for (int d = 0; d < 2; d++) {
        damage_fini(&w->udp[d]);
        damage_fini(&w->pipe[d]);
    }
}

/* ---- sending ---- */

static void put_udp(struct world *w, enum world_dir d, const struct meta *m, const uint8_t *p,
                    size_t len)
{
    uint8_t packet[sizeof *m + 2048];
    if (len > 2048) {
        world_fail(w, "datagram of %zu bytes", len);
        return;
    }
    memcpy(packet, m, sizeof *m);
    memcpy(packet + sizeof *m, p, len);
    damage_put(&w->udp[d], w->now, packet, sizeof *m + len, 0);
}

static void send_client(struct world *w, const struct link_datagram *out)
{
    w->datagrams++;
    if (out->to.kind == PATH_PIPE) {
        if (w->pipe_open && out->to.sock == w->pipe_sock)
            damage_put(&w->pipe[C2S], w->now, out->data, out->len, w->pipe_sock);
        return;
    }
    for (size_t i = 0; i < WORLD_SOCKETS; i++) {
        const struct world_socket *s = &w->socks[i];
        if (!s->open || s->sock != out->to.sock)
            continue;
        struct addr inside = client_host(w, s->family);
        inside.port = s->port;
        struct meta m = {damage_nat_out(&w->nat, &inside), out->to.remote};
        if (s->family != out->to.remote.family)
            world_fail(w, "datagram for a v%u address on a v%u socket", out->to.remote.family,
                       s->family);
        put_udp(w, C2S, &m, out->data, out->len);
        return;
    }
    world_fail(w, "client sent on socket %u, which is not open", out->to.sock);
}

static void send_server(struct world *w, const struct link_datagram *out)
{
    w->datagrams++;
    if (out->to.kind == PATH_PIPE) {
        if (w->pipe_open && out->to.sock == w->pipe_sock)
            damage_put(&w->pipe[S2C], w->now, out->data, out->len, w->pipe_sock);
        return;
    }
    struct meta m = {server_addr(out->to.remote.family), out->to.remote};
    put_udp(w, S2C, &m, out->data, out->len);
}

/* ---- receiving ---- */

static void deliver_client(struct world *w, const struct meta *m, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < WORLD_SOCKETS; i++) {
        const struct world_socket *s = &w->socks[i];
        if (!s->open || s->family != m->dst.family)
            continue;
        struct addr inside = client_host(w, s->family);
        inside.port = s->port;
        if (!damage_nat_in(&w->nat, &inside, &m->dst))
            continue;
        struct path_ref from = {PATH_UDP, s->sock, m->src};
        client_end_datagram(w->client, &from, false, p, len, w->now);
        return;
    }
}

static void deliver(struct world *w)
{
    struct damage_pkt pkt;
    struct meta m;
    while (damage_get(&w->udp[C2S], w->now, &pkt)) {
        memcpy(&m, pkt.data, sizeof m);
        struct path_ref from = {PATH_UDP, m.dst.family == ADDR_V4 ? SERVER_SOCK_V4 : SERVER_SOCK_V6,
                                m.src};
        server_end_datagram(w->server, &from, false, pkt.data + sizeof m, pkt.len - sizeof m,
                            w->now);
    }
    while (damage_get(&w->udp[S2C], w->now, &pkt)) {
        memcpy(&m, pkt.data, sizeof m);
        deliver_client(w, &m, pkt.data + sizeof m, pkt.len - sizeof m);
    }
    while (damage_get(&w->pipe[C2S], w->now, &pkt)) {
        struct path_ref from = {.kind = PATH_PIPE, .sock = (uint32_t)pkt.tag};
        if (w->pipe_open && pkt.tag == w->pipe_sock)
            server_end_datagram(w->server, &from, false, pkt.data, pkt.len, w->now);
    }
    while (damage_get(&w->pipe[S2C], w->now, &pkt)) {
        struct path_ref from = {.kind = PATH_PIPE, .sock = (uint32_t)pkt.tag};
        if (w->pipe_open && pkt.tag == w->pipe_sock)
            client_end_datagram(w->client, &from, false, pkt.data, pkt.len, w->now);
    }
}

void net_wants(struct world *w)
{
    struct link *link = client_end_link(w->client);
    struct link_request r;
    for (unsigned guard = 0; link_wants(link, w->now, &r) != LINK_WANT_NONE; guard++) {
        if (guard > 100) {
            world_fail(w, "link_wants never ends");
            return;
        }
        size_t slot = 0;
        if (r.want == LINK_WANT_CLOSE) {
            for (size_t i = 0; i < WORLD_SOCKETS; i++)
                if (w->socks[i].open && w->socks[i].sock == r.sock)
                    w->socks[i].open = false;
            continue;
        }
        while (slot < WORLD_SOCKETS && w->socks[slot].open)
            slot++;
        if (slot == WORLD_SOCKETS) {
            world_fail(w, "client holds %d sockets", WORLD_SOCKETS);
            return;
        }
        w->socks[slot] = (struct world_socket){true, w->next_sock++, r.family, w->next_port++};
        link_socket_open(link, w->socks[slot].sock, r.family, w->now);
    }
}

void net_pump(struct world *w)
{
    struct link_datagram out;
    deliver(w);
    net_wants(w);
    for (unsigned n = 0; client_end_poll(w->client, w->now, &out) == 1; n++) {
        send_client(w, &out);
        if (n > 20000) {
            world_fail(w, "client sends without end");
            return;
        }
    }
    for (unsigned n = 0; server_end_poll(w->server, w->now, &out) == 1; n++) {
        send_server(w, &out);
        if (n > 20000) {
            world_fail(w, "server sends without end");
            return;
        }
    }
    net_wants(w);
}

uint64_t net_deadline(const struct world *w)
{
    uint64_t at = UINT64_MAX;
    for (int d = 0; d < 2; d++) {
        uint64_t u = damage_deadline(&w->udp[d]), p = damage_deadline(&w->pipe[d]);
        at = u < at ? u : at;
        at = p < at ? p : at;
    }
    return at;
}

/* ---- what happens to it ---- */

static void open_pipe(struct world *w)
{
    if (w->pipe_open || w->opt.stock)
        return;
    w->pipe_open = true;
    w->pipe_sock = w->next_sock++;
    link_pipe_open(client_end_link(w->client), w->pipe_sock, w->now);
    server_pipe(w->server, w->route, w->pipe_sock, true, w->now);
}

void net_connect(struct world *w)
{
    struct link *link = client_end_link(w->client);
    struct addr v4 = server_addr(ADDR_V4), v6 = server_addr(ADDR_V6);
    open_pipe(w);
    link_add_candidate(link, &v4, w->now);
    if (!w->opt.stock)
        link_add_candidate(link, &v6, w->now);
}

static void set_outage(struct world *w, bool up, bool down, bool pipe)
{
    damage_down(&w->udp[C2S], up);
    damage_down(&w->udp[S2C], down);
    damage_stall(&w->pipe[C2S], pipe);
    damage_stall(&w->pipe[S2C], pipe);
}

static void random_settings(struct world *w)
{
    uint64_t rtt = world_log_uniform(w, 500, 800000);
    for (int d = 0; d < 2; d++) {
        struct damage_settings *s = &w->udp[d].set;
        struct rng *r = &w->rng;
        *s = (struct damage_settings){.delay_us = rtt / 2, .memory = DAMAGE_IN_FLIGHT};
        if (rng_below(r, 2))
            s->loss = rng_unit(r) * 0.5;
        if (!rng_below(r, 4)) {
            s->ge_p = rng_unit(r) * 0.02;
            s->ge_r = 0.05 + rng_unit(r) * 0.3;
        }
        if (rng_below(r, 2))
            s->jitter_us = rng_below(r, rtt / 2 + 1);
        if (rng_below(r, 2))
            s->reorder = rng_unit(r) * 0.3;
        if (rng_below(r, 2))
            s->dup = rng_unit(r) * 0.3;
        if (!rng_below(r, 4))
            s->corrupt = rng_unit(r) * 0.05;
        s->corrupt_from = sizeof(struct meta);
        if (!rng_below(r, 3)) {
            s->rate = 1e5 * pow(100, rng_unit(r));
            s->queue_us = world_log_uniform(w, 50000, 3000000);
        }
        w->pipe[d].set.delay_us = rtt / 2;
    }
}

static void close_pipe(struct world *w)
{
    if (!w->pipe_open)
        return;
    w->pipe_open = false;
    link_pipe_closed(client_end_link(w->client), w->pipe_sock, w->now);
    server_pipe(w->server, w->route, w->pipe_sock, false, w->now);
}

void net_event(struct world *w)
{
    struct link *link = client_end_link(w->client);
    uint64_t kind = rng_below(&w->rng, 12);
    bool tell = rng_below(&w->rng, 2);
    switch (kind) {
    case 0:
    case 1:
    case 2:
        random_settings(w);
        break;
    case 3: /* an outage of everything */
    case 4: /* ... or of one direction of UDP */
        if (kind == 3)
            set_outage(w, true, true, true);
        else
            set_outage(w, tell, !tell, rng_below(&w->rng, 2));
        w->outage_end = w->now + world_log_uniform(
                                     w, 100000, rng_below(&w->rng, 6) ? 120000000u : 28800000000u);
        break;
    case 5:
    case 6: /* another address */
        w->host = 1 + (w->host + (unsigned)rng_below(&w->rng, 200)) % 250;
        if (tell)
            link_network_event(link, w->now);
        break;
    case 7:
        w->nat.port_offset = (uint16_t)rng_below(&w->rng, 1000);
        break;
    case 8: /* a firewall: UDP dies, the pipe lives */
        if (!w->opt.stock)
            set_outage(w, true, true, false);
        w->outage_end = w->now + world_log_uniform(w, 1000000, 600000000u);
        break;
    case 9:
        if (w->pipe_open)
            close_pipe(w);
        else
            open_pipe(w);
        break;
    case 10:
        if (tell) {
            link_no_route(link, true, w->now);
            set_outage(w, true, true, true);
            w->outage_end = w->now + world_log_uniform(w, 100000, 60000000u);
        }
        break;
    default:
        break;
    }
    if (w->opt.verbose)
        fprintf(stderr, "%12.6f net event %llu\n", (double)w->now / 1e6, (unsigned long long)kind);
}

void net_heal(struct world *w)
{
    struct link *link = client_end_link(w->client);
    set_outage(w, false, false, false);
    w->outage_end = 0;
    link_no_route(link, false, w->now);
    if (w->healed)
        for (int d = 0; d < 2; d++) {
            w->udp[d].set = (struct damage_settings){.delay_us = 20000, .memory = DAMAGE_IN_FLIGHT};
            w->pipe[d].set =
                (struct damage_settings){.delay_us = 20000, .memory = DAMAGE_IN_FLIGHT};
        }
}

void net_log(struct world *w)
{
    char text[1024];
    static const char *const names[] = {"udp c2s", "udp s2c", "pipe c2s", "pipe s2c"};
    const struct damage *all[] = {&w->udp[C2S], &w->udp[S2C], &w->pipe[C2S], &w->pipe[S2C]};
    for (int i = 0; i < 4; i++) {
        damage_stats_json(all[i], w->now, text, sizeof text);
        fprintf(stderr, "%s: down %d, stalled %d, %s\n", names[i], all[i]->down, all[i]->stalled,
                text);
    }
    fprintf(stderr, "pipe %s, server deadline in %.6f\n", w->pipe_open ? "open" : "closed",
            ((double)server_end_deadline(w->server, w->now) - (double)w->now) / 1e6);
}
