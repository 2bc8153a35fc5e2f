#include "toy.h"

static void toy_fill(void *ctx, void *out, size_t len)
{
    uint8_t *p = out;
    struct rng *r = ctx;
    while (len--)
        *p++ = (uint8_t)rng_u64(r);
}

struct addr toy_addr(const char *ip, uint16_t port)
{
    struct addr a;
    if (addr_parse(ip, &a))
        BUG("address");
    a.port = port;
    return a;
}

void toy_init(struct toy *t, bool stock, enum seal_codec codec)
{
    struct keys keys;
    uint8_t secret[KEYS_SECRET] = {9};
    *t = (struct toy){.now = 1000 * S, .rng = {7}, .next_sock = 1, .c_stock = stock};
    struct way way = {true, true, 20 * MS, 0};
    t->v4 = t->v6 = t->pipe = way;
    t->client_ip[0] = t->client_ip[1] = 1;
    t->server[0] = toy_addr("192.0.2.1", 60001);
    t->server[1] = toy_addr("2001:db8::1", 60001);
    if (stock)
        keys_stock(&keys, secret);
    else
        keys_derive(&keys, secret);
    struct link_config cfg = {.role = LINK_CLIENT,
                              .stock = stock,
                              .keys = &keys,
                              .route = 77,
                              .codec = codec,
                              .entropy = {toy_fill, &t->rng},
                              .now_us = t->now};
    t->c.link = link_new(&cfg);
    cfg.role = LINK_SERVER;
    t->s.link = link_new(&cfg);
}

void toy_fini(struct toy *t)
{
    link_free(t->c.link);
    link_free(t->s.link);
    for (size_t i = 0; i < t->count; i++)
        free(t->queue[i]);
    for (size_t i = 0; i < t->kept_count; i++)
        free(t->kept[i]);
    free(t->kept);
}

void toy_pipe(struct toy *t)
{
    link_pipe_open(t->c.link, PIPE_SOCK, t->now);
    link_pipe_open(t->s.link, PIPE_SOCK, t->now);
}

void toy_candidates(struct toy *t)
{
    link_add_candidate(t->c.link, &t->server[0], t->now);
    link_add_candidate(t->c.link, &t->server[1], t->now);
}

/* The address that a client socket has at the server. */
struct addr toy_source(const struct toy *t, uint32_t sock)
{
    bool v6 = t->sock_family[sock] == ADDR_V6;
    struct addr a = toy_addr(v6 ? "2001:db8:1::" : "198.51.100.0", (uint16_t)(10000 + sock));
    a.ip[v6 ? 15 : 3] = t->client_ip[v6];
    return a;
}

static void toy_put(struct toy *t, bool to_server, const struct link_datagram *d)
{
    struct packet p = {.to_server = to_server, .len = d->len};
    struct way *w = &t->pipe;
    t->packets++;
    if (d->to.kind == PATH_PIPE) {
        p.pipe = true;
        p.from = (struct path_ref){.kind = PATH_PIPE, .sock = PIPE_SOCK};
    } else if (to_server) {
        bool v6 = d->to.remote.family == ADDR_V6;
        if (d->to.sock >= TOY_SOCKETS || !t->open[d->to.sock])
            BUG("a datagram over a closed socket");
        if (t->sock_family[d->to.sock] != d->to.remote.family)
            BUG("a datagram over a socket of another family");
        w = v6 ? &t->v6 : &t->v4;
        if (!addr_equal(&d->to.remote, &t->server[v6]))
            return; /* a dead candidate */
        p.from = (struct path_ref){PATH_UDP, SERVER_SOCK, toy_source(t, d->to.sock)};
    } else {
        bool v6 = d->to.remote.family == ADDR_V6;
        w = v6 ? &t->v6 : &t->v4;
        p.sock = (uint32_t)d->to.remote.port - 10000;
        if (p.sock >= TOY_SOCKETS || !t->open[p.sock])
            return; /* nobody is there */
        struct addr a = toy_source(t, p.sock);
        if (!addr_equal(&a, &d->to.remote))
            return; /* the client has left that address */
        p.from = (struct path_ref){PATH_UDP, p.sock, t->server[v6]};
    }
    if (!(to_server ? w->up_up : w->up_down) || rng_unit(&t->rng) < w->loss)
        return;
    if (t->count == TOY_PACKETS)
        BUG("a flood");
    p.at = t->now + w->delay_us;
    memcpy(p.data, d->data, d->len);
    struct packet *heap = mem_new(1, sizeof *heap);
    *heap = p;
    t->queue[t->count++] = heap;
    t->packets_by_kind[d->to.kind]++;
}

int toy_send(struct toy *t, struct app *a, char kind, uint64_t number, size_t len,
             enum link_class class)
{
    uint8_t payload[LINK_PAYLOAD_MAX] = {0};
    struct link_datagram d;
    wire_put_u64(payload, t->c_stock ? number : number & 0xffffffffffff);
    wire_put_u16(payload + 8, 0x8000);
    payload[10] = (uint8_t)kind;
    wire_put_u64(payload + 11, number);
    int err = link_send(a->link, t->c_stock ? 0 : 3, payload, len, class, t->now, &d);
    if (err)
        return err;
    if (class == LINK_BULK)
        a->bulk_bytes += d.len;
    toy_put(t, a == &t->c, &d);
    return 0;
}

/* There is something new to bring over. */
void app_type(struct toy *t, struct app *a)
{
    a->want++;
    a->sent_us = a->again_us = t->now;
    link_set_owed(a->link, true, t->now);
    link_activity(a->link, t->now);
}

void app_tick(struct toy *t, struct app *a)
{
    if (a->done == a->want || t->now < a->again_us)
        return;
    bool fresh = t->now < a->sent_us + 10 * S;
    a->again_us = t->now + (fresh ? 250 * MS : 3 * S);
    (void)!toy_send(t, a, 'd', a->want, 30, LINK_SCREEN);
}

static void app_got(struct toy *t, struct app *a, const struct link_payload *p)
{
    if (p->len < 19 || (p->data[0] | p->data[1]))
        BUG("payload damaged");
    uint64_t number = wire_get_u64(p->data + 11);
    a->got++;
    a->got_bytes += p->len;
    if (p->data[10] == 'd') {
        if (number > a->newest) {
            a->newest = number;
            a->newest_us = t->now;
            link_activity(a->link, t->now);
        }
        (void)!toy_send(t, a, 'a', number, 30, LINK_SCREEN);
    } else if (p->data[10] == 'a' && number > a->done) {
        a->done = number;
        link_acked(a->link, a->sent_us, t->now);
        if (a->done == a->want)
            link_set_owed(a->link, false, t->now);
    }
}

int toy_deliver(struct toy *t, const struct packet *p)
{
    struct app *a = p->to_server ? &t->s : &t->c;
    struct link_payload out;
    if (!p->to_server && !p->pipe && !t->open[p->sock])
        return 0;
    int got = link_receive(a->link, &p->from, false, p->data, p->len, t->now, &out);
    if (got == 1)
        app_got(t, a, &out);
    return got;
}

static void toy_wants(struct toy *t)
{
    struct link_request r;
    for (int guard = 0; link_wants(t->c.link, t->now, &r); guard++) {
        if (guard > 100)
            BUG("wants without end");
        if (r.want == LINK_WANT_CLOSE) {
            if (!t->open[r.sock])
                BUG("closed twice");
            t->open[r.sock] = false;
            continue;
        }
        if (t->sockets_fail) {
            link_socket_failed(t->c.link, r.family, t->now);
            continue;
        }
        uint32_t sock = t->next_sock++;
        if (sock == TOY_SOCKETS)
            BUG("too many sockets");
        t->open[sock] = true;
        t->sock_family[sock] = r.family;
        t->sockets_opened++;
        link_socket_open(t->c.link, sock, r.family, t->now);
    }
}

static void toy_poll(struct toy *t, struct app *a)
{
    struct link_datagram d;
    app_tick(t, a);
    for (int guard = 0; link_poll(a->link, t->now, &d); guard++) {
        if (guard > 200)
            BUG("polls without end");
        toy_put(t, a == &t->c, &d);
    }
}

static void toy_turn(struct toy *t)
{
    for (int i = 0; i < 3; i++) {
        toy_wants(t);
        toy_poll(t, &t->c);
        toy_poll(t, &t->s);
    }
    toy_wants(t);
    /* Nothing may be left to do now: otherwise an edge would spin. */
    if (link_deadline(t->c.link, t->now) <= t->now || link_deadline(t->s.link, t->now) <= t->now)
        BUG("a deadline that does not pass");
}

struct packet *toy_take(struct toy *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->queue[i]->at <= t->now) {
            struct packet *p = t->queue[i];
            memmove(t->queue + i, t->queue + i + 1, (t->count - i - 1) * sizeof *t->queue);
            t->count--;
            return p;
        }
    return NULL;
}

static void toy_keep(struct toy *t, struct packet *p)
{
    if (!t->keep) {
        free(p);
        return;
    }
    if (t->kept_count == t->kept_room)
        t->kept = mem_resize(t->kept, t->kept_room = t->kept_room * 2 + 64, sizeof *t->kept);
    t->kept[t->kept_count++] = p;
}

static uint64_t app_deadline(const struct app *a)
{
    return a->done == a->want ? UINT64_MAX : a->again_us;
}

void toy_run(struct toy *t, uint64_t us)
{
    uint64_t end = t->now + us;
    for (;;) {
        struct packet *p;
        toy_turn(t);
        while ((p = toy_take(t))) {
            (void)!toy_deliver(t, p);
            toy_keep(t, p);
            toy_turn(t);
        }
        uint64_t at = end;
        const uint64_t due[] = {link_deadline(t->c.link, t->now), link_deadline(t->s.link, t->now),
                                app_deadline(&t->c), app_deadline(&t->s)};
        for (size_t i = 0; i < 4; i++)
            at = due[i] < at ? due[i] : at;
        for (size_t i = 0; i < t->count; i++)
            at = t->queue[i]->at < at ? t->queue[i]->at : at;
        if (at >= end)
            break;
        t->now = at > t->now ? at : t->now;
    }
    t->now = end;
    toy_turn(t);
}

/* One who has the keys and uses them badly: seals any plaintext as the client (or server) of a toy.
 * Begins far ahead of the counters of the real ones. */
struct seal *toy_forger(bool server)
{
    struct keys keys;
    uint8_t secret[KEYS_SECRET] = {9};
    keys_derive(&keys, secret);
    struct seal *s = seal_new(&(struct seal_config){SEAL_OCB, &keys, server, false, 77});
    seal_skip_to(s, 100000);
    return s;
}

/* Seals `len` bytes of payload behind two empty timestamps, and gives them to a side. */
int toy_forge(struct toy *t, struct seal *forger, struct app *to, const struct path_ref *from,
              const uint8_t *payload, size_t len)
{
    uint8_t plain[SEAL_PLAIN] = {0xff, 0xff, 0xff, 0xff}, dgram[SEAL_DATAGRAM];
    struct link_payload out;
    size_t sealed;
    memcpy(plain + 4, payload, len);
    if (seal_close(forger, plain, len + 4, dgram, &sealed))
        BUG("forger");
    return link_receive(to->link, from, false, dgram, sealed, t->now, &out);
}

const char *toy_path(const struct app *a)
{
    static char text[2][PATH_TEXT];
    static int turn;
    turn = !turn;
    link_path_text(a->link, text[turn]);
    return text[turn];
}

/* A native session in its usual state: begun on the pipe, now on UDP. */
void toy_start(struct toy *t, bool pipe)
{
    toy_init(t, false, SEAL_OCB);
    if (pipe)
        toy_pipe(t);
    toy_candidates(t);
    app_type(t, &t->c);
    app_type(t, &t->s);
    toy_run(t, 5 * S);
}
