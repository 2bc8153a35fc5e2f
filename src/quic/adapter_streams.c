/* Between the library and the channels: what the library calls, and what channels ask for. */
#include "quic/adapter_impl.h"

#include <string.h>

/* ---- what the library calls --------------------------------------------------------------------
 */

static void on_rand(uint8_t *out, size_t len, const ngtcp2_rand_ctx *ctx)
{
    const struct quic *q = ctx->native_handle;
    q->entropy.fill(q->entropy.ctx, out, len);
}

void quic_fresh_id(struct quic *q, uint8_t id[static QUIC_ID])
{
    q->entropy.fill(q->entropy.ctx, id, QUIC_ID);
    if (q->client)
        return;
    id[0] = (uint8_t)(q->route >> 8);
    id[1] = (uint8_t)q->route;
}

bool quic_keep_id(struct quic *q, const uint8_t id[static QUIC_ID])
{
    for (int i = 0; i < QUIC_IDS_MAX; i++)
        if (!q->id_used[i]) {
            memcpy(q->ids[i], id, QUIC_ID);
            q->id_used[i] = true;
            return true;
        }
    return false;
}

static int on_new_id(ngtcp2_conn *conn, ngtcp2_cid *id, uint8_t *token, size_t len, void *user)
{
    struct quic *q = user;
    uint8_t bytes[QUIC_ID];
    (void)conn;
    quic_fresh_id(q, bytes);
    q->entropy.fill(q->entropy.ctx, token, NGTCP2_STATELESS_RESET_TOKENLEN); /* never used */
    if (len != QUIC_ID || !quic_keep_id(q, bytes))
        return NGTCP2_ERR_CALLBACK_FAILURE;
    ngtcp2_cid_init(id, bytes, QUIC_ID);
    return 0;
}

static int on_id_gone(ngtcp2_conn *conn, const ngtcp2_cid *id, void *user)
{
    struct quic *q = user;
    (void)conn;
    for (int i = 0; i < QUIC_IDS_MAX; i++)
        if (id->datalen == QUIC_ID && !memcmp(q->ids[i], id->data, QUIC_ID))
            q->id_used[i] = false;
    return 0;
}

static int on_challenge_data(ngtcp2_conn *conn, uint8_t *data, void *user)
{
    struct quic *q = user;
    (void)conn;
    q->entropy.fill(q->entropy.ctx, data, NGTCP2_PATH_CHALLENGE_DATALEN);
    return 0;
}

static int on_done(ngtcp2_conn *conn, void *user)
{
    struct quic *q = user;
    (void)conn;
    q->done = true;
    log_line(q->log, LOG_INFO, "quic", "connection open, %s", quic_tls_cipher(q->tls));
    return 0;
}

static int on_opened(ngtcp2_conn *conn, int64_t id, void *user)
{
    struct quic *q = user;
    struct quic_stream *s = quic_table_add(&q->table, (uint64_t)id);
    (void)conn;
    s->known = true;
    s->user = q->events->opened(q->ctx, id);
    if (s->user)
        return 0;
    s->refused = s->deaf = s->ended = s->want_reset = s->want_stop = true;
    s->reset_code = s->stop_code = STREAM_REFUSED;
    quic_table_todo(&q->table, s);
    return 0;
}

static int on_data(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t offset,
                   const uint8_t *data, size_t len, void *user, void *stream_user)
{
    struct quic *q = user;
    struct quic_stream *s = quic_table_find(&q->table, (uint64_t)id);
    bool fin = (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0;
    (void)offset, (void)stream_user;
    ngtcp2_conn_extend_max_offset(conn, len);
    if (!s || s->deaf)
        return 0;
    s->deaf = fin;
    q->events->data(q->ctx, s->user, data, len, fin);
    return 0;
}

static int on_acked(ngtcp2_conn *conn, int64_t id, uint64_t offset, uint64_t len, void *user,
                    void *stream_user)
{
    struct quic *q = user;
    struct quic_stream *s = quic_table_find(&q->table, (uint64_t)id);
    (void)conn, (void)offset, (void)stream_user;
    q->acked_us = q->now_us;
    q->news = true;
    if (s && !s->refused && len)
        q->events->acked(q->ctx, s->user, (size_t)len);
    return 0;
}

static int on_reset(ngtcp2_conn *conn, int64_t id, uint64_t size, uint64_t code, void *user,
                    void *stream_user)
{
    struct quic *q = user;
    struct quic_stream *s = quic_table_find(&q->table, (uint64_t)id);
    (void)conn, (void)size, (void)stream_user;
    if (!s || s->deaf)
        return 0;
    s->deaf = true;
    q->events->reset(q->ctx, s->user, code);
    return 0;
}

void quic_drop_stream(struct quic *q, struct quic_stream *s)
{
    void *user = s->user;
    bool told = !s->refused;
    quic_table_remove(&q->table, s);
    if (told)
        q->events->closed(q->ctx, user);
}

static bool is_ours(const struct quic *q, uint64_t id)
{
    return (id & 1) == (q->client ? 0 : 1);
}

static int on_closed(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t code, void *user,
                     void *stream_user)
{
    struct quic *q = user;
    struct quic_stream *s = quic_table_find(&q->table, (uint64_t)id);
    (void)flags, (void)code, (void)stream_user;
    if (!is_ours(q, (uint64_t)id))
        ngtcp2_conn_extend_max_streams_bidi(conn, 1);
    if (s)
        quic_drop_stream(q, s);
    return 0;
}

static int on_may_open(ngtcp2_conn *conn, uint64_t max, void *user)
{
    struct quic *q = user;
    (void)conn, (void)max;
    q->events->more(q->ctx);
    return 0;
}

static int on_more_room(ngtcp2_conn *conn, int64_t id, uint64_t max, void *user, void *stream_user)
{
    struct quic *q = user;
    struct quic_stream *s = quic_table_find(&q->table, (uint64_t)id);
    (void)conn, (void)max, (void)stream_user;
    if (s && s->blocked && !s->ended) {
        s->blocked = false;
        quic_table_ready(&q->table, s);
    }
    return 0;
}

static int on_packet(ngtcp2_conn *conn, uint32_t flags, const uint8_t *data, size_t len, void *user)
{
    struct quic *q = user;
    uint64_t id;
    size_t head;
    (void)conn, (void)flags;
    if (!q->events->packet || quic_packets_get(data, len, &id, &head))
        return 0;
    const struct quic_stream *s = quic_table_find(&q->table, id);
    if (s && !s->refused && !s->deaf)
        q->events->packet(q->ctx, s->user, data + head, len - head);
    return 0;
}

const ngtcp2_callbacks quic_callbacks = {
    .client_initial = ngtcp2_crypto_client_initial_cb,
    .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
    .recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
    .handshake_completed = on_done,
    .encrypt = ngtcp2_crypto_encrypt_cb,
    .decrypt = ngtcp2_crypto_decrypt_cb,
    .hp_mask = ngtcp2_crypto_hp_mask_cb,
    .recv_stream_data = on_data,
    .acked_stream_data_offset = on_acked,
    .stream_open = on_opened,
    .stream_close = on_closed,
    .recv_retry = ngtcp2_crypto_recv_retry_cb,
    .extend_max_local_streams_bidi = on_may_open,
    .rand = on_rand,
    .get_new_connection_id = on_new_id,
    .remove_connection_id = on_id_gone,
    .update_key = ngtcp2_crypto_update_key_cb,
    .stream_reset = on_reset,
    .extend_max_stream_data = on_more_room,
    .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
    .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
    .get_path_challenge_data = on_challenge_data,
    .recv_datagram = on_packet,
    .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
};

/* ---- what channels ask for ---------------------------------------------------------------------
 */

static int ops_open(void *t, void *user, int64_t *id)
{
    struct quic *q = t;
    uint64_t waiting = (q->next_id - q->open_id) / 4;
    uint64_t left = q->done ? ngtcp2_conn_get_streams_bidi_left(q->conn) : STREAMS_MAX;
    if (q->over[0])
        return ERR_STATE;
    if (waiting >= left)
        return ERR_CAP;
    struct quic_stream *s = quic_table_add(&q->table, q->next_id);
    q->next_id += 4;
    s->user = user;
    *id = (int64_t)s->id;
    quic_table_ready(&q->table, s);
    return ERR_OK;
}

static struct quic_stream *stream_of(void *t, int64_t id)
{
    return quic_table_find(&((struct quic *)t)->table, (uint64_t)id);
}

static void ops_wake(void *t, int64_t id)
{
    struct quic *q = t;
    struct quic_stream *s = stream_of(t, id);
    if (s && !s->ended && !s->blocked)
        quic_table_ready(&q->table, s);
}

static void ops_class(void *t, int64_t id, enum stream_class class)
{
    struct quic *q = t;
    struct quic_stream *s = stream_of(t, id);
    if (s)
        quic_table_class(&q->table, s, class);
}

static void ops_credit(void *t, int64_t id, size_t len)
{
    struct quic *q = t;
    struct quic_stream *s = stream_of(t, id);
    if (!s || !s->known || s->deaf || !len)
        return;
    /* Refused only for a stream that is gone, which then needs none. */
    (void)ngtcp2_conn_extend_max_stream_offset(q->conn, id, len);
}

static void ops_reset(void *t, int64_t id, uint64_t code)
{
    struct quic *q = t;
    struct quic_stream *s = stream_of(t, id);
    if (!s || s->want_reset)
        return;
    s->ended = s->want_reset = true;
    s->reset_code = code;
    quic_table_unready(s);
    if (s->known)
        quic_table_todo(&q->table, s);
}

static void ops_stop(void *t, int64_t id, uint64_t code)
{
    struct quic *q = t;
    struct quic_stream *s = stream_of(t, id);
    if (!s || s->deaf)
        return;
    s->deaf = s->want_stop = true;
    s->stop_code = code;
    if (s->known)
        quic_table_todo(&q->table, s);
}

/* The peer says in the handshake how long a DATAGRAM frame it takes. */
static int ops_packet(void *t, int64_t id, const void *bytes, size_t len)
{
    struct quic *q = t;
    const struct quic_stream *s = stream_of(t, id);
    if (!s || !q->done || q->over[0])
        return ERR_STATE;
    const ngtcp2_transport_params *p = ngtcp2_conn_get_remote_transport_params(q->conn);
    if (!p || !p->max_datagram_frame_size)
        return ERR_STATE;
    size_t most = p->max_datagram_frame_size < q->mtu ? (size_t)p->max_datagram_frame_size : q->mtu;
    if (len > quic_packets_room(s->id, most))
        return ERR_CAP;
    quic_packets_put(&q->packets, s->id, bytes, len);
    return ERR_OK;
}

static const struct stream_ops stream_ops = {
    .open = ops_open,
    .wake = ops_wake,
    .class_set = ops_class,
    .credit = ops_credit,
    .reset = ops_reset,
    .stop = ops_stop,
    .packet = ops_packet,
};

struct stream_transport quic_transport(struct quic *q)
{
    return (struct stream_transport){.ops = &stream_ops, .t = q};
}
