#include "quic/tls.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define ALPN "tern1"

/* The library is set up with the first connection, not when the program starts: few sessions need
 * it at once, and it would cost each login half a millisecond at both ends. */
GNUTLS_SKIP_GLOBAL_INIT

/* SHA-256 suites only: an external key is bound to one hash. */
#define PRIORITY(first, second)                                                                    \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:-CIPHER-ALL:" first ":" second               \
    ":-GROUP-ALL:+GROUP-X25519:%DISABLE_TLS13_COMPAT_MODE"

struct quic_tls {
    bool client;
    uint8_t psk[QUIC_PSK];
    ngtcp2_conn *conn; /* not ours */
    gnutls_session_t session;
    gnutls_psk_client_credentials_t client_credentials;
    gnutls_psk_server_credentials_t server_credentials;
};

/* Our parameters without the grease bit: 0.12 announces it whatever the application wants, and the
 * peer would then clear 0x40 at random, by which we tell QUIC from sealed datagrams. */
static ngtcp2_ssize put_params(ngtcp2_conn *conn, bool client, uint8_t *out, size_t size)
{
    ngtcp2_transport_params p = *ngtcp2_conn_get_local_transport_params(conn);
    p.grease_quic_bit = 0;
#if NGTCP2_VERSION_NUM < 0x010000
    return ngtcp2_encode_transport_params(out, size,
                                          client
                                              ? NGTCP2_TRANSPORT_PARAMS_TYPE_CLIENT_HELLO
                                              : NGTCP2_TRANSPORT_PARAMS_TYPE_ENCRYPTED_EXTENSIONS,
                                          &p);
#else
    (void)client;
    return ngtcp2_transport_params_encode(out, size, &p);
#endif
}

static struct quic_tls *of_session(gnutls_session_t tls)
{
    return gnutls_session_get_ptr(tls);
}

static int on_secret(gnutls_session_t tls, gnutls_record_encryption_level_t level, const void *rx,
                     const void *tx, size_t len)
{
    struct quic_tls *t = of_session(tls);
    quic_level l = ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level(level);
    if (rx && ngtcp2_crypto_derive_and_install_rx_key(t->conn, NULL, NULL, NULL, l, rx, len))
        return -1;
    if (tx && ngtcp2_crypto_derive_and_install_tx_key(t->conn, NULL, NULL, NULL, l, tx, len))
        return -1;
    return 0;
}

static int on_handshake_bytes(gnutls_session_t tls, gnutls_record_encryption_level_t level,
                              gnutls_handshake_description_t type, const void *data, size_t len)
{
    struct quic_tls *t = of_session(tls);
    quic_level l = ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level(level);
    if (type == GNUTLS_HANDSHAKE_CHANGE_CIPHER_SPEC) /* QUIC has none (RFC 9001 §8.4) */
        return 0;
    return ngtcp2_conn_submit_crypto_data(t->conn, l, data, len) ? -1 : 0;
}

static int on_alert(gnutls_session_t tls, gnutls_record_encryption_level_t level,
                    gnutls_alert_level_t alert_level, gnutls_alert_description_t what)
{
    (void)level, (void)alert_level;
    ngtcp2_conn_set_tls_alert(of_session(tls)->conn, (uint8_t)what);
    return 0;
}

static int on_params_in(gnutls_session_t tls, const uint8_t *data, size_t len)
{
    struct quic_tls *t = of_session(tls);
    int err = take_params(t->conn, data, len);
    if (!err)
        return 0;
    ngtcp2_conn_set_tls_error(t->conn, err);
    return -1;
}

static int on_params_out(gnutls_session_t tls, gnutls_buffer_t out)
{
    struct quic_tls *t = of_session(tls);
    uint8_t bytes[256];
    ngtcp2_ssize n = put_params(t->conn, t->client, bytes, sizeof bytes);
    if (n < 0 || gnutls_buffer_append_data(out, bytes, (size_t)n))
        return -1;
    return (int)n;
}

static int on_psk(gnutls_session_t tls, const char *name, gnutls_datum_t *key)
{
    struct quic_tls *t = of_session(tls);
    (void)name;
    key->data = gnutls_malloc(QUIC_PSK);
    if (!key->data)
        return -1;
    memcpy(key->data, t->psk, QUIC_PSK);
    key->size = QUIC_PSK;
    return 0;
}

/* Without instructions for AES the other cipher is several times faster. */
static const char *priority(void)
{
#if defined __x86_64__ || defined __i386__
    if (!__builtin_cpu_supports("aes"))
        return PRIORITY("+CHACHA20-POLY1305", "+AES-128-GCM");
#endif
    return PRIORITY("+AES-128-GCM", "+CHACHA20-POLY1305");
}

static int set_credentials(struct quic_tls *t)
{
    gnutls_datum_t key = {t->psk, QUIC_PSK};
    if (!t->client) {
        if (gnutls_psk_allocate_server_credentials(&t->server_credentials))
            return ERR_STATE;
        gnutls_psk_set_server_credentials_function(t->server_credentials, on_psk);
        return gnutls_credentials_set(t->session, GNUTLS_CRD_PSK, t->server_credentials) ? ERR_STATE
                                                                                         : ERR_OK;
    }
    if (gnutls_psk_allocate_client_credentials(&t->client_credentials) ||
        gnutls_psk_set_client_credentials(t->client_credentials, "tern", &key, GNUTLS_PSK_KEY_RAW))
        return ERR_STATE;
    return gnutls_credentials_set(t->session, GNUTLS_CRD_PSK, t->client_credentials) ? ERR_STATE
                                                                                     : ERR_OK;
}

static const char *start_tls(struct quic_tls *t)
{
    const gnutls_datum_t alpn = {(unsigned char *)ALPN, sizeof ALPN - 1};
    if (gnutls_init(&t->session, t->client ? GNUTLS_CLIENT : GNUTLS_SERVER))
        return "GnuTLS does not start";
    gnutls_session_set_ptr(t->session, t);
    if (gnutls_priority_set_direct(t->session, priority(), NULL))
        return "GnuTLS refuses TLS 1.3 with ECDHE-PSK";
    if (set_credentials(t))
        return "GnuTLS refuses the key";
    if (gnutls_alpn_set_protocols(t->session, &alpn, 1, GNUTLS_ALPN_MANDATORY))
        return "GnuTLS refuses ALPN";
    gnutls_handshake_set_secret_function(t->session, on_secret);
    gnutls_handshake_set_read_function(t->session, on_handshake_bytes);
    gnutls_alert_set_read_function(t->session, on_alert);
    if (gnutls_session_ext_register(
            t->session, "QUIC Transport Parameters", NGTCP2_TLSEXT_QUIC_TRANSPORT_PARAMETERS_V1,
            GNUTLS_EXT_TLS, on_params_in, on_params_out, NULL, NULL, NULL,
            GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO | GNUTLS_EXT_FLAG_EE))
        return "GnuTLS refuses the QUIC extension";
    return NULL;
}

struct quic_tls *quic_tls_new(ngtcp2_conn *conn, bool client, const uint8_t psk[static QUIC_PSK],
                              const char **why)
{
    struct quic_tls *t = mem_new(1, sizeof *t);
    t->client = client;
    t->conn = conn;
    memcpy(t->psk, psk, QUIC_PSK);
    *why = gnutls_global_init() ? "GnuTLS cannot be used here" : start_tls(t);
    if (*why) {
        quic_tls_free(t);
        return NULL;
    }
    ngtcp2_conn_set_tls_native_handle(conn, t->session);
    return t;
}

void quic_tls_free(struct quic_tls *t)
{
    if (!t)
        return;
    if (t->session)
        gnutls_deinit(t->session);
    if (t->client_credentials)
        gnutls_psk_free_client_credentials(t->client_credentials);
    if (t->server_credentials)
        gnutls_psk_free_server_credentials(t->server_credentials);
    mem_wipe(t->psk, sizeof t->psk);
    free(t);
}

const char *quic_tls_cipher(const struct quic_tls *t)
{
    return gnutls_cipher_get_name(gnutls_cipher_get(t->session));
}
