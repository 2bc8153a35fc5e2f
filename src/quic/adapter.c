#include "quic/adapter_impl.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEER_ACK_DELAY 25000u /* what both ends announce: the library's default */
#define SEGMENTS_MAX   64     /* UDP_MAX_SEGMENTS */
#define CLOSE_AGAIN    1000000u
#define ROW_US         500u
/* A path is near when its round trips take no longer, or when nothing is known of it. */
#define NEAR_US       1000u
#define TICK_US       1000u
#define ROUNDS_PARTED 12

/* The time for the library. On a near path it moves in ticks (docs/adr/0019). */
static ngtcp2_tstamp stamp(struct quic *q, uint64_t now_us)
{
    uint64_t t = quic_clock_now(&q->clock, now_us);
    t -= t % q->tick_us;
    if (t > q->stamp_us) /* not when ticks have just become longer */
        q->stamp_us = t;
    return q->stamp_us * NGTCP2_MICROSECONDS;
}

/* The first moment at which the library will be told that this time has come; private. */
static uint64_t tick_of(const struct quic *q, ngtcp2_tstamp at)
{
    if (at == UINT64_MAX)
        return at;
    uint64_t us = at / NGTCP2_MICROSECONDS + (at % NGTCP2_MICROSECONDS != 0);
    return (us + q->tick_us - 1) / q->tick_us * q->tick_us;
}

static void fail(struct quic *q, const char *why)
{
    if (q->over[0])
        return;
    snprintf(q->over, sizeof q->over, "%s", why);
    log_line(q->log, LOG_INFO, "quic", "connection over: %s", why);
}

/* ---- making ------------------------------------------------------------------------------------
 */

static void fill_settings(struct quic *q, ngtcp2_settings *s, uint64_t now_us)
{
    ngtcp2_settings_default(s);
    s->cc_algo = NGTCP2_CC_ALGO_BBR;
    s->initial_ts = stamp(q, now_us);
    if (q->srtt_us)
        s->initial_rtt = q->srtt_us * NGTCP2_MICROSECONDS;
    s->max_tx_udp_payload_size = QUIC_MTU_MAX;
    s->no_tx_udp_payload_size_shaping = 1; /* the link knows what the path takes */
    s->no_pmtud = 1;
    s->rand_ctx.native_handle = q;
    s->max_window = QUIC_WINDOW_MAX;
    s->handshake_timeout = UINT64_MAX;
}

static void fill_params(ngtcp2_transport_params *p)
{
    ngtcp2_transport_params_default(p);
    p->initial_max_stream_data_bidi_local = QUIC_STREAM_WINDOW;
    p->initial_max_stream_data_bidi_remote = QUIC_STREAM_WINDOW;
    p->initial_max_data = QUIC_WINDOW;
    p->initial_max_streams_bidi = STREAMS_MAX;
    p->max_idle_timeout = 0;
    p->disable_active_migration = 1;
    p->active_connection_id_limit = 2;
    p->max_datagram_frame_size = 65535;
}

static ngtcp2_path path_of(struct quic *q)
{
    return (ngtcp2_path){
        .local = {.addr = (ngtcp2_sockaddr *)&q->here, .addrlen = sizeof q->here},
        .remote = {.addr = (ngtcp2_sockaddr *)&q->there, .addrlen = sizeof q->there},
    };
}

/* `first`: on a server, the packet that starts the connection. */
static const char *start_conn(struct quic *q, const ngtcp2_pkt_hd *first, uint64_t now_us)
{
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_path path = path_of(q);
    ngtcp2_cid own, other;
    uint8_t id[QUIC_ID];
    fill_settings(q, &settings, now_us);
    fill_params(&params);
    quic_fresh_id(q, id);
    (void)quic_keep_id(q, id);
    ngtcp2_cid_init(&own, id, sizeof id);
    int err;
    if (q->client) {
        ngtcp2_cid_init(&other, q->first_id, sizeof q->first_id);
        err = ngtcp2_conn_client_new(&q->conn, &other, &own, &path, NGTCP2_PROTO_VER_V1,
                                     &quic_callbacks, &settings, &params, NULL, q);
    } else {
        other = first->scid;
        params.original_dcid = first->dcid;
#if NGTCP2_VERSION_NUM >= 0x010000
        params.original_dcid_present = 1;
#endif
        err = ngtcp2_conn_server_new(&q->conn, &other, &own, &path, first->version, &quic_callbacks,
                                     &settings, &params, NULL, q);
    }
    if (err) {
        q->conn = NULL;
        return ngtcp2_strerror(err);
    }
    const char *why = NULL;
    q->tls = quic_tls_new(q->conn, q->client, q->psk, &why);
    return why;
}

struct quic *quic_new(const struct quic_config *c, const char **why)
{
    struct quic *q = mem_new(1, sizeof *q);
    q->client = c->client;
    memcpy(q->psk, c->psk, QUIC_PSK);
    q->route = c->route;
    memcpy(q->first_id, c->first_id, QUIC_ID_FIRST);
    q->srtt_us = c->srtt_us;
    q->events = c->events;
    q->ctx = c->ctx;
    q->entropy = c->entropy;
    q->log = c->log;
    q->here = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = 1};
    q->there = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = 2};
    q->tick_us = TICK_US;
    quic_clock_init(&q->clock, c->now_us);
    quic_yield_init(&q->yield);
    quic_table_init(&q->table);
    quic_packets_init(&q->packets);
    q->mtu = QUIC_MTU_MIN;
    q->next_id = q->open_id = q->client ? 0 : 1;
    if (!q->client)
        return q;
    q->entropy.fill(q->entropy.ctx, q->first_id, QUIC_ID_FIRST);
    *why = start_conn(q, NULL, c->now_us);
    if (*why) {
        quic_free(q);
        return NULL;
    }
    return q;
}

void quic_free(struct quic *q)
{
    if (!q)
        return;
    ngtcp2_conn_del(q->conn);
    quic_tls_free(q->tls);
    quic_table_fini(&q->table);
    quic_packets_fini(&q->packets);
    mem_wipe(q->psk, sizeof q->psk);
    free(q);
}

const uint8_t *quic_first_id(const struct quic *q)
{
    return q->first_id;
}

bool quic_owns(const struct quic *q, const struct quic_packet *p)
{
    if (!q->client && p->is_long && p->id_len == QUIC_ID_FIRST)
        return !memcmp(p->id, q->first_id, QUIC_ID_FIRST);
    for (int i = 0; i < QUIC_IDS_MAX && p->id_len == QUIC_ID; i++)
        if (q->id_used[i] && !memcmp(p->id, q->ids[i], QUIC_ID))
            return true;
    return false;
}

/* ---- the turn ----------------------------------------------------------------------------------
 */

static uint64_t rto_of(const struct quic *q)
{
    uint64_t var = 4 * q->stat.rttvar / NGTCP2_MICROSECONDS;
    return q->stat.smoothed_rtt / NGTCP2_MICROSECONDS + (var > 1000 ? var : 1000) + PEER_ACK_DELAY;
}

static struct quic_clock_facts clock_facts(const struct quic *q, const struct quic_facts *f)
{
    return (struct quic_clock_facts){
        .owes = quic_owed(q),
        .proven_us = f->proven_us > q->acked_us ? f->proven_us : q->acked_us,
        .acked = q->acked_us >= f->proven_us,
        .rto_us = rto_of(q),
        .expiry_us = tick_of(q, ngtcp2_conn_get_expiry(q->conn)),
    };
}

static void see_trip(struct quic *q, uint64_t us)
{
    if (!q->least_us || us < q->least_us)
        q->least_us = us ? us : 1;
}

/* Near until a round trip has said otherwise: the first ones count for long. The link's least may
 * be of a busy moment. */
static bool is_near(const struct quic *q, const struct quic_facts *f)
{
    return !q->least_us || q->least_us <= NEAR_US || (f->floor_us && f->floor_us <= NEAR_US);
}

/* Statistics, clock and yield after something happened. */
void quic_turn(struct quic *q, const struct quic_facts *f, uint64_t now_us)
{
    if (!q->conn)
        return;
    q->turn_us = now_us;
    q->mtu = f->mtu;
    quic_packets_stamp(&q->packets, now_us);
    uint64_t before = q->stat.bytes_in_flight;
    conn_stat(q->conn, &q->stat);
    struct quic_clock_facts cf = clock_facts(q, f);
    if (quic_clock_turn(&q->clock, &cf, now_us))
        quic_yield_silence(&q->yield);
    if (f->path != q->path)
        quic_yield_path(&q->yield, f->floor_us, now_us);
    uint64_t rtt = q->stat.latest_rtt;
    if (f->path != q->path)
        q->least_us = 0;
    else if (q->done && rtt != q->rtt_seen && rtt != UINT64_MAX)
        see_trip(q, rtt / NGTCP2_MICROSECONDS);
    q->tick_us = is_near(q, f) ? TICK_US : 1;
    q->path = f->path;
    bool news = rtt != q->rtt_seen || q->stat.bytes_in_flight < before;
    if (q->done && news && rtt != UINT64_MAX && before)
        quic_yield_sample(&q->yield, rtt / NGTCP2_MICROSECONDS, before, now_us);
    q->rtt_seen = rtt;
}

/* The connection is over: what the peer must be told, and all streams closed. */
static void bury(struct quic *q, uint64_t now_us)
{
    quic_close_error e;
    struct quic_stream *s;
    if (!q->over[0] || q->closed_us)
        return;
    q->closed_us = now_us ? now_us : 1;
#if NGTCP2_VERSION_NUM < 0x010000
    ngtcp2_connection_close_error_default(&e);
#else
    ngtcp2_ccerr_default(&e);
#endif
    if (!q->error)
        close_by_app(&e);
    else if (q->error == NGTCP2_ERR_CRYPTO)
        close_by_alert(&e, ngtcp2_conn_get_tls_alert(q->conn));
    else
        close_by_error(&e, q->error);
    if (q->conn && q->error != NGTCP2_ERR_DRAINING && q->error != NGTCP2_ERR_DROP_CONN) {
        ngtcp2_ssize n = ngtcp2_conn_write_connection_close(q->conn, NULL, NULL, q->close,
                                                            sizeof q->close, &e, stamp(q, now_us));
        q->close_len = n > 0 ? (size_t)n : 0;
        q->close_due = n > 0;
    }
    while ((s = quic_table_any(&q->table)))
        quic_drop_stream(q, s);
    q->events->failed(q->ctx, q->over);
}

static void fail_by(struct quic *q, int err)
{
    char text[sizeof q->over];
    if (err == NGTCP2_ERR_CRYPTO)
        snprintf(text, sizeof text, "TLS alert %u", ngtcp2_conn_get_tls_alert(q->conn));
    else if (err == NGTCP2_ERR_DRAINING)
        snprintf(text, sizeof text, "the peer closed it");
    else
        snprintf(text, sizeof text, "%s", ngtcp2_strerror(err));
    q->error = err;
    fail(q, text);
}

/* A server's first packet. */
static int accept_first(struct quic *q, const uint8_t *dgram, size_t len, uint64_t now_us)
{
    ngtcp2_pkt_hd hd;
    if (ngtcp2_accept(&hd, dgram, len) || hd.type != NGTCP2_PKT_INITIAL ||
        hd.version != NGTCP2_PROTO_VER_V1)
        return ERR_SYNTAX;
    const char *why = start_conn(q, &hd, now_us);
    if (why)
        fail(q, why);
    return why ? ERR_STATE : ERR_OK;
}

/* A server's first packet was not what it seemed: wait for another. */
static void forget(struct quic *q)
{
    ngtcp2_conn_del(q->conn);
    quic_tls_free(q->tls);
    q->conn = NULL;
    q->tls = NULL;
    memset(q->id_used, 0, sizeof q->id_used);
    q->counters.dropped++;
}

/* Rounds that begin and end in one tick have no rate, and three of them without a higher one end
 * BBR's start: with the rate of the handshake for a long time. So at the start each takes a tick;
 * that many rounds double what may be in flight beyond all measure. */
static void part_rounds(struct quic *q, uint64_t now_us)
{
    if (q->tick_us == 1 || !q->done || q->parted >= ROUNDS_PARTED || !q->sent_us ||
        !quic_table_next(&q->table, STREAM_BULK))
        return;
    if (stamp(q, now_us) / NGTCP2_MICROSECONDS != q->sent_us)
        return;
    quic_clock_step(&q->clock, TICK_US);
    q->parted++;
}

int quic_receive(struct quic *q, const uint8_t *dgram, size_t len, const struct quic_facts *f,
                 uint64_t now_us)
{
    struct quic_packet p;
    q->now_us = now_us;
    if (quic_packet_get(dgram, len, &p) || !quic_owns(q, &p)) {
        q->counters.dropped++;
        return ERR_OK;
    }
    if (q->over[0]) {
        q->close_due = q->close_len && now_us - q->closed_us > CLOSE_AGAIN;
        q->closed_us = q->close_due ? now_us : q->closed_us;
        return ERR_STATE;
    }
    if (!q->conn && accept_first(q, dgram, len, now_us)) {
        q->counters.dropped++;
        return q->over[0] ? ERR_STATE : ERR_OK;
    }
    if (q->turn_us != now_us) { /* a row of datagrams comes at one time */
        quic_turn(q, f, now_us);
        part_rounds(q, now_us);
    }
    ngtcp2_path path = path_of(q);
    ngtcp2_pkt_info info = {0}; /* ECN stays with the link: QUIC is told of no marks */
    q->news = !q->done;         /* on_acked adds */
    int err = ngtcp2_conn_read_pkt(q->conn, &path, &info, dgram, len, stamp(q, now_us));
    q->counters.received++;
    q->counters.received_bytes += len;
    if (!q->client && !q->done && (err == NGTCP2_ERR_DROP_CONN || err == NGTCP2_ERR_RETRY)) {
        forget(q);
        return ERR_OK;
    }
    if (err)
        fail_by(q, err);
    if (q->news)
        quic_turn(q, f, now_us);
    bury(q, now_us);
    return q->over[0] ? ERR_STATE : ERR_OK;
}

/* ---- sending -----------------------------------------------------------------------------------
 */

static void open_streams(struct quic *q)
{
    int64_t id;
    while (q->open_id != q->next_id && ngtcp2_conn_get_streams_bidi_left(q->conn)) {
        struct quic_stream *s = quic_table_find(&q->table, q->open_id);
        if (ngtcp2_conn_open_bidi_stream(q->conn, &id, NULL))
            return;
        BUG_ON(!s || (uint64_t)id != q->open_id);
        s->known = true;
        q->open_id += 4;
        s->blocked = false;
        if (!s->ended)
            quic_table_ready(&q->table, s);
        if (s->want_reset || s->want_stop)
            quic_table_todo(&q->table, s);
    }
}

/* Resets and stops that were asked for; not from within the library's calls. */
static void do_todo(struct quic *q)
{
    while (!list_empty(&q->table.todo)) {
        struct quic_stream *s = LIST_ITEM(q->table.todo.next, struct quic_stream, todo);
        int64_t id = (int64_t)s->id;
        bool reset = s->want_reset, stop = s->want_stop;
        uint64_t reset_code = s->reset_code, stop_code = s->stop_code;
        list_del(&s->todo);
        s->want_reset = s->want_stop = false;
        if (reset)
            (void)shutdown_write(q->conn, id, reset_code);
        if (stop)
            (void)shutdown_read(q->conn, id, stop_code);
    }
}

/* Our direction was given up by the library: the peer asked for that. */
static void stopped(struct quic *q, struct quic_stream *s)
{
    quic_table_unready(s);
    if (s->ended)
        return;
    s->ended = true;
    q->events->stopped(q->ctx, s->user, STREAM_DONE);
}

/* What is not urgent waits until the queue of the path is shorter. */
static bool is_full(const struct quic *q)
{
    return q->stat.bytes_in_flight + q->batch >= q->yield.window;
}

static struct quic_stream *next_stream(struct quic *q)
{
    bool full = is_full(q);
    for (;;) {
        struct quic_stream *s = quic_table_next(&q->table, full ? STREAM_SHELL : STREAM_BULK);
        if (!s || s->known)
            return s;
        quic_table_unready(s); /* open_streams makes it ready again */
        s->blocked = true;
    }
}

/* Some bytes of the stream into the packet. Returns what the library did; *data is whether the
 * stream's part is settled (else the next one may be asked). */
static ngtcp2_ssize put_stream(struct quic *q, struct quic_stream *s, uint8_t *to, size_t size,
                               ngtcp2_tstamp ts)
{
    bool fin = false;
    uint64_t id = s->id, total = 0;
    size_t n = q->events->pull(q->ctx, s->user, q->pieces, &fin);
    if (!n && !fin) {
        quic_table_unready(s);
        return NGTCP2_ERR_WRITE_MORE;
    }
    for (size_t i = 0; i < n; i++) {
        q->vec[i] = (ngtcp2_vec){(uint8_t *)q->pieces[i].p, q->pieces[i].len};
        total += q->pieces[i].len;
    }
    ngtcp2_ssize took = -1;
    uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_MORE | (fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0);
    ngtcp2_ssize got = ngtcp2_conn_writev_stream(q->conn, NULL, NULL, to, size, &took, flags,
                                                 (int64_t)id, q->vec, n, ts);
    s = quic_table_find(&q->table, id);
    if (!s)
        return got;
    if (took >= 0) {
        bool end = fin && (uint64_t)took == total;
        quic_table_rotate(&q->table, s);
        if (end) {
            s->ended = true;
            quic_table_unready(s);
        }
        q->events->taken(q->ctx, s->user, (size_t)took, end);
    }
    if (got == NGTCP2_ERR_STREAM_DATA_BLOCKED) {
        s->blocked = true;
        quic_table_unready(s);
        return NGTCP2_ERR_WRITE_MORE;
    }
    if (got == NGTCP2_ERR_STREAM_SHUT_WR || got == NGTCP2_ERR_STREAM_NOT_FOUND) {
        stopped(q, s);
        return NGTCP2_ERR_WRITE_MORE;
    }
    return got;
}

/* Packets, one or more if they are short. Like bulk they give way, but share each datagram with it:
 * what they leave free is the streams'. Returns what the library did. */
static ngtcp2_ssize put_packets(struct quic *q, uint8_t *to, size_t size, ngtcp2_tstamp ts)
{
    struct quic_packet_out *o;
    while (!is_full(q) && (o = quic_packets_first(&q->packets, size, q->mtu, q->now_us))) {
        ngtcp2_vec vec = {o->body, o->len};
        int took = 0;
        ngtcp2_ssize got = ngtcp2_conn_writev_datagram(
            q->conn, NULL, NULL, to, size, &took, NGTCP2_WRITE_DATAGRAM_FLAG_MORE, 0, &vec, 1, ts);
        if (took)
            quic_packets_drop(&q->packets, o);
        if (got != NGTCP2_ERR_WRITE_MORE || !took)
            return got;
    }
    return NGTCP2_ERR_WRITE_MORE;
}

/* One datagram: its bytes, 0 when there is nothing to send or it may not leave now, or the
 * library's error. */
static ngtcp2_ssize put_datagram(struct quic *q, uint8_t *to, size_t size, ngtcp2_tstamp ts)
{
    struct quic_stream *s;
    if (q->packets.count && q->done) {
        ngtcp2_ssize got = put_packets(q, to, size, ts);
        if (got != NGTCP2_ERR_WRITE_MORE)
            return got;
    }
    /* Without credit of the whole connection only acknowledgements and the like can go. */
    while (ngtcp2_conn_get_max_data_left(q->conn) && (s = next_stream(q))) {
        ngtcp2_ssize got = put_stream(q, s, to, size, ts);
        if (got != NGTCP2_ERR_WRITE_MORE)
            return got;
    }
    return ngtcp2_conn_writev_stream(q->conn, NULL, NULL, to, size, NULL, 0, -1, NULL, 0, ts);
}

/* Bytes that may leave in one row: what the path carries in half a millisecond, ten packets at
 * least (RFC 9002 §7.7). The library's own word is ten packets at any rate, which costs a wake-up
 * and a timer for each; its pacer waits as long as the row was big. */
static size_t quantum_of(const struct quic *q, const struct quic_facts *f)
{
    uint64_t srtt_us = q->stat.smoothed_rtt / NGTCP2_MICROSECONDS;
    uint64_t bytes = q->stat.cwnd * ROW_US / (srtt_us ? srtt_us : 1);
    return bytes < 10 * f->mtu ? 10 * f->mtu : bytes < QUIC_BATCH ? (size_t)bytes : QUIC_BATCH;
}

/* Datagrams of one size, the last perhaps shorter, as many as fit. */
static int fill_batch(struct quic *q, const struct quic_facts *f, ngtcp2_tstamp ts,
                      struct quic_batch *out)
{
    size_t most = f->room < sizeof q->out ? f->room : sizeof q->out;
    size_t quantum = quantum_of(q, f);
    size_t segment = f->mtu, len = 0;
    q->batch = 0;
    if (q->done && quantum < most)
        most = quantum;
    for (int i = 0; i < SEGMENTS_MAX && len + segment <= most; i++) {
        ngtcp2_ssize n = put_datagram(q, q->out + len, segment, ts);
        if (n < 0) {
            fail_by(q, (int)n);
            return ERR_STATE;
        }
        if (n == 0)
            break;
        bool first = len == 0;
        len += (size_t)n;
        q->batch = len;
        q->counters.sent++;
        if ((size_t)n == segment)
            continue;
        if (first) /* an acknowledgement: the next may be longer */
            segment = (size_t)n;
        break;
    }
    q->counters.sent_bytes += len;
    *out = (struct quic_batch){.data = q->out, .len = len, .segment = segment};
    return ERR_OK;
}

/* The library's pacer learns of a batch only when another could follow it, or later: of itself a
 * deadline would wake us for nothing after each that was all there was, and after each
 * acknowledgement. True if it was told: what has expired of it is to be handled. */
static bool pace(struct quic *q, ngtcp2_tstamp ts)
{
    bool more = quic_table_next(&q->table, STREAM_BULK) || q->packets.count;
    bool waits = ngtcp2_conn_get_cwnd_left(q->conn) && more;
    if (!q->paced || (q->paced == ts && !waits))
        return false;
    ngtcp2_conn_update_pkt_tx_time(q->conn, paced_time(q->paced, ts));
    q->paced = 0;
    return true;
}

static int poll_close(struct quic *q, struct quic_batch *out)
{
    if (!q->close_due)
        return 0;
    q->close_due = false;
    *out = (struct quic_batch){q->close, q->close_len, q->close_len};
    return 1;
}

int quic_poll(struct quic *q, const struct quic_facts *f, uint64_t now_us, struct quic_batch *out)
{
    q->now_us = now_us;
    if (!q->conn || q->over[0])
        return poll_close(q, out);
    quic_turn(q, f, now_us);
    if (q->clock.stands || f->room < f->mtu)
        return 0;
    ngtcp2_tstamp ts = stamp(q, now_us);
    if (pace(q, ts) || ngtcp2_conn_get_expiry(q->conn) <= ts) {
        int err = ngtcp2_conn_handle_expiry(q->conn, ts);
        if (err)
            fail_by(q, err);
    }
    out->len = 0;
    if (!q->over[0]) {
        open_streams(q);
        do_todo(q);
        if (!fill_batch(q, f, ts, out) && out->len && q->done)
            q->paced = ts;
        if (out->len)
            q->sent_us = ts / NGTCP2_MICROSECONDS;
    }
    quic_turn(q, f, now_us);
    bury(q, now_us);
    return q->over[0] ? poll_close(q, out) : out->len != 0;
}

uint64_t quic_deadline(const struct quic *q, const struct quic_facts *f, uint64_t now_us)
{
    if (!q->conn || q->over[0])
        return q->close_due ? now_us : UINT64_MAX;
    struct quic_clock_facts cf = clock_facts(q, f);
    if (f->room < f->mtu) /* nothing could leave: only the clock matters */
        cf.expiry_us = UINT64_MAX;
    return quic_clock_deadline(&q->clock, &cf);
}

/* ---- facts -------------------------------------------------------------------------------------
 */

bool quic_owed(const struct quic *q)
{
    return q->conn && !q->over[0] && (q->stat.bytes_in_flight || !q->done);
}

bool quic_silent(const struct quic *q, const struct quic_facts *f, uint64_t now_us)
{
    if (!quic_owed(q))
        return false;
    struct quic_clock_facts cf = clock_facts(q, f);
    return quic_clock_silent(&q->clock, &cf, now_us);
}

bool quic_stands(const struct quic *q)
{
    return q->clock.stands && !q->over[0];
}

uint64_t quic_acked_us(const struct quic *q)
{
    return q->acked_us;
}

void quic_close(struct quic *q, uint64_t now_us)
{
    fail(q, "closed");
    bury(q, now_us);
}

const char *quic_over(const struct quic *q)
{
    return q->over[0] ? q->over : NULL;
}

bool quic_is_open(const struct quic *q)
{
    return q->done && !q->over[0];
}

struct quic_counters quic_counters(const struct quic *q)
{
    struct quic_counters c = q->counters;
    c.stops = q->clock.stops;
    c.jumps = q->clock.jumps;
    c.srtt_us = q->stat.smoothed_rtt / NGTCP2_MICROSECONDS;
    c.cwnd = q->stat.cwnd;
    c.in_flight = q->stat.bytes_in_flight;
    c.yield = q->yield.window;
    c.streams = q->table.count;
    return c;
}
