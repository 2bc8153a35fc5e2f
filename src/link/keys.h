/* Keys of a link (design.md §2.1): natively all are derived by HKDF-SHA256 (RFC 5869, no salt) from
 * the 32-byte secret of the connect line, which itself keys nothing; towards stock one 16-byte key
 * serves both directions. Holders call keys_wipe. */
#ifndef TERN_LINK_KEYS_H
#define TERN_LINK_KEYS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define KEYS_SECRET 32
#define KEYS_STOCK  16

struct keys {
    uint8_t c2s[16];  /* info "tern1 c2s" */
    uint8_t s2c[16];  /* info "tern1 s2c" */
    uint8_t quic[32]; /* info "tern1 quic": the PSK of the QUIC connections; zero towards stock */
    uint8_t join[32]; /* info "tern1 join": proves a --join; zero towards stock */
};

/* Load what the first keys_derive else loads of the library, about a millisecond: for a moment in
 * which something is waited for. */
void keys_prepare(void);
void keys_derive(struct keys *k, const uint8_t secret[static KEYS_SECRET]);
void keys_stock(struct keys *k, const uint8_t key[static KEYS_STOCK]);
void keys_wipe(struct keys *k);

/* RFC 5869 with SHA-256 and no salt; len up to 255 * 32 (else BUG). */
void keys_hkdf(const uint8_t *secret, size_t secret_len, const char *info, uint8_t *out,
               size_t len);

#endif
