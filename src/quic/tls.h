/* TLS 1.3 of one QUIC connection: GnuTLS with an external pre-shared key (RFC 8446 §2.2, RFC 9001).
 * Private to the adapter. */
#ifndef TERN_QUIC_TLS_H
#define TERN_QUIC_TLS_H

#include "quic/adapter.h"
#include "quic/library.h"

#include <stdbool.h>
#include <stdint.h>

struct quic_tls;

/* The session of a connection, which is told of it. The key is copied. NULL with *why when GnuTLS
 * refuses; the connection must then not be used. */
struct quic_tls *quic_tls_new(ngtcp2_conn *conn, bool client, const uint8_t psk[static QUIC_PSK],
                              const char **why);
void quic_tls_free(struct quic_tls *t);                /* wipes the key; NULL is fine */
const char *quic_tls_cipher(const struct quic_tls *t); /* after the handshake, for logs */

#endif
