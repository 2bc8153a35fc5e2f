/* ngtcp2 as Debian 12 has it (0.12) and as later releases do (1.x), under one set of names.
 * Included by adapter.c and tls.c only: nothing else in tern names ngtcp2 or GnuTLS. */
#ifndef TERN_QUIC_LIBRARY_H
#define TERN_QUIC_LIBRARY_H

#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#if NGTCP2_VERSION_NUM < 0x010000
typedef ngtcp2_crypto_level quic_level;
typedef ngtcp2_conn_stat quic_stat;
typedef ngtcp2_connection_close_error quic_close_error;
#define conn_stat(conn, out)    ngtcp2_conn_get_conn_stat(conn, out)
#define take_params(conn, p, n) ngtcp2_conn_decode_remote_transport_params(conn, p, n)
#define close_by_app(e)         ngtcp2_connection_close_error_set_application_error(e, 0, NULL, 0)
#define close_by_alert(e, a)                                                                       \
    ngtcp2_connection_close_error_set_transport_error_tls_alert(e, a, NULL, 0)
#define close_by_error(e, err)                                                                     \
    ngtcp2_connection_close_error_set_transport_error_liberr(e, err, NULL, 0)
/* The pacer may be told of what left a little earlier. */
#define paced_time(then, now)          (then)
#define shutdown_write(conn, id, code) ngtcp2_conn_shutdown_stream_write(conn, id, code)
#define shutdown_read(conn, id, code)  ngtcp2_conn_shutdown_stream_read(conn, id, code)
#else
typedef ngtcp2_encryption_level quic_level;
typedef ngtcp2_conn_info quic_stat;
typedef ngtcp2_ccerr quic_close_error;
#define conn_stat(conn, out)           ngtcp2_conn_get_conn_info(conn, out)
#define take_params(conn, p, n)        ngtcp2_conn_decode_and_set_remote_transport_params(conn, p, n)
#define close_by_app(e)                ngtcp2_ccerr_set_application_error(e, 0, NULL, 0)
#define close_by_alert(e, a)           ngtcp2_ccerr_set_tls_alert(e, a, NULL, 0)
#define close_by_error(e, err)         ngtcp2_ccerr_set_liberr(e, err, NULL, 0)
/* It asserts that no call is given an older time than the one before. */
#define paced_time(then, now)          (now)
#define shutdown_write(conn, id, code) ngtcp2_conn_shutdown_stream_write(conn, 0, id, code)
#define shutdown_read(conn, id, code)  ngtcp2_conn_shutdown_stream_read(conn, 0, id, code)
#endif

#endif
