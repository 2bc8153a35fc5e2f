#include "link/keys.h"

#include "base/mem.h"
#include "link/ossl.h"

#include <string.h>

/* Parameters are not const in OpenSSL's interface, though nothing is written. */
static void *unconst(const void *p)
{
    void *q;
    memcpy(&q, &p, sizeof q);
    return q;
}

void keys_hkdf(const uint8_t *secret, size_t secret_len, const char *info, uint8_t *out, size_t len)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, unconst(secret), secret_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, unconst(info), strlen(info)),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    if (!ctx || EVP_KDF_derive(ctx, out, len, params) <= 0)
        BUG("libcrypto has no HKDF-SHA256");
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

void keys_prepare(void)
{
    static const uint8_t none[KEYS_SECRET];
    struct keys k;
    keys_derive(&k, none);
}

void keys_derive(struct keys *k, const uint8_t secret[static KEYS_SECRET])
{
    keys_hkdf(secret, KEYS_SECRET, "tern1 c2s", k->c2s, sizeof k->c2s);
    keys_hkdf(secret, KEYS_SECRET, "tern1 s2c", k->s2c, sizeof k->s2c);
    keys_hkdf(secret, KEYS_SECRET, "tern1 quic", k->quic, sizeof k->quic);
    keys_hkdf(secret, KEYS_SECRET, "tern1 join", k->join, sizeof k->join);
}

void keys_stock(struct keys *k, const uint8_t key[static KEYS_STOCK])
{
    *k = (struct keys){0};
    memcpy(k->c2s, key, KEYS_STOCK);
    memcpy(k->s2c, key, KEYS_STOCK);
}

void keys_wipe(struct keys *k)
{
    mem_wipe(k, sizeof *k);
}
